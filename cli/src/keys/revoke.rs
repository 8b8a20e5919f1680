//! `widgets keys revoke`: a key that must not work any more.

use std::io::{self, Write};

use anyhow::{Context, Result};
use aws_sdk_dynamodb::{
    operation::update_item::UpdateItemError,
    types::{AttributeValue, ReturnValuesOnConditionCheckFailure},
};
use clap::Args;
use serde_json::json;
use shared::{
    keys::{CACHED_FOR, attribute},
    model::Timestamp,
};

use super::{
    failure,
    issued::{self, KeyId},
    table::KeyTable,
};

/// What `widgets keys revoke` is told.
#[derive(Debug, Args)]
pub struct Revoke {
    // Not parsed by clap, whose message would quote it: it may be a key, given by mistake.
    /// The key's id, as `widgets keys list` shows it
    id: String,
    /// Print a JSON object: the id, and when the key was revoked
    #[arg(long)]
    json: bool,
}

/// Revokes a key in `table`. One that was revoked before stays as it is.
pub async fn run(revoke: &Revoke, table: &KeyTable) -> Result<()> {
    let id = KeyId::parse(&revoke.id)?;
    let item = table.find(&id).await?;
    let now = Timestamp::now().to_string();
    let update = table
        .client
        .update_item()
        .table_name(&table.name)
        .set_key(Some(issued::primary_key(&item)))
        .update_expression("SET #revoked = :now")
        // An update of what is not there would make it.
        .condition_expression("attribute_exists(#hash) AND attribute_not_exists(#revoked)")
        .expression_attribute_names("#hash", attribute::KEY_HASH)
        .expression_attribute_names("#revoked", attribute::REVOKED_AT)
        .expression_attribute_values(":now", AttributeValue::S(now.clone()))
        .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
    let (revoked_at, was_before) = match update.send().await {
        Ok(_) => (now, false),
        Err(error) => match error.as_service_error() {
            Some(UpdateItemError::ConditionalCheckFailedException(refusal))
                if let Some(revoked_at) = refusal.item().and_then(|item| item.get(attribute::REVOKED_AT)) =>
            {
                (revoked_at.as_s().cloned().unwrap_or_default(), true)
            }
            _ => {
                let what = format!("the key {id} cannot be revoked");
                return Err(failure::in_words(&what, &table.client, &table.name, &error));
            }
        },
    };
    let told = if revoke.json {
        json!({"id": id.to_string(), "revoked_at": revoked_at}).to_string()
    } else if was_before {
        format!("The key {id} has been revoked since {revoked_at}.")
    } else {
        let seconds = CACHED_FOR.as_secs();
        format!("The key {id} is revoked. Where it was used lately it may work for up to {seconds} seconds more.")
    };
    writeln!(io::stdout(), "{told}").with_context(|| format!("the key {id} is revoked, but this cannot be printed"))
}
