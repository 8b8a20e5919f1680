//! `widgets keys revoke`: a key that must not work any more.

use std::io::{self, Write};

use anyhow::{Context, Result};
use aws_sdk_dynamodb::{
    error::SdkError,
    operation::update_item::UpdateItemError,
    types::{AttributeValue, ReturnValuesOnConditionCheckFailure},
};
use clap::Args;
use serde_json::json;
use shared::{
    auth::{CACHE_LIFETIME, attribute},
    model::Timestamp,
};

use super::{
    failure,
    issued::{IssuedKey, State},
    table::KeyTable,
    terminal::id,
};

/// What `widgets keys revoke` is told.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  widgets keys revoke d1c5f16b112750dd
  widgets keys revoke d1c5f16b112750dd --table widgets-ApiKeys-1EXAMPLE")]
pub struct Revoke {
    // Not parsed by clap, whose message would quote it: it may be a key, given by mistake.
    /// The key's id, as `widgets keys list` shows it
    id: String,
    /// Print a JSON object: the id, and when the key was revoked
    #[arg(long)]
    json: bool,
}

/// Revokes a key in `table`. One that was revoked before stays as it is.
pub async fn run(revoke: Revoke, table: &KeyTable) -> Result<()> {
    let id = id(&revoke.id)?;
    let key = table.find(&id).await?;
    let now = Timestamp::now();
    let update = table
        .client
        .update_item()
        .table_name(&table.name)
        .set_key(Some(key.primary_key()))
        .update_expression("SET #revoked = :now")
        // An update of what is not there would make it.
        .condition_expression("attribute_exists(#hash) AND attribute_not_exists(#revoked)")
        .expression_attribute_names("#hash", attribute::KEY_HASH)
        .expression_attribute_names("#revoked", attribute::REVOKED_AT)
        .expression_attribute_values(":now", AttributeValue::S(now.to_string()))
        .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
    let revoked_at = match update.send().await {
        Ok(_) => Some(now),
        Err(error) => match revoked_before(&error)? {
            Some(key) => key.moment(attribute::REVOKED_AT),
            None => {
                let what = format!("the key {id} cannot be revoked");
                let advice = ": `widgets keys list` shows whether, and it can be done again";
                return Err(failure::of_write(&what, &table.config, &table.name, &error, advice));
            }
        },
    };
    let told = match revoked_at {
        _ if revoke.json => {
            json!({"id": id.to_string(), "revoked_at": revoked_at.map(|moment| moment.to_string())})
                .to_string()
        }
        // It may be a retry that met this: its first attempt was made, and its answer lost.
        Some(moment) if moment == now => {
            let seconds = CACHE_LIFETIME.as_secs();
            format!(
                "The key {id} is revoked. Where it was used lately it may work for up to {seconds} seconds more."
            )
        }
        Some(moment) => format!("The key {id} has been revoked since {moment}."),
        None => format!("The key {id} was revoked before."),
    };
    writeln!(io::stdout(), "{told}")
        .with_context(|| format!("the key {id} is revoked, but this cannot be printed"))
}

/// The key as it is, if it is not revoked now because it was before.
fn revoked_before<R>(error: &SdkError<UpdateItemError, R>) -> Result<Option<IssuedKey>> {
    let Some(UpdateItemError::ConditionalCheckFailedException(refusal)) = error.as_service_error()
    else {
        return Ok(None);
    };
    let key = refusal.item().cloned().map(IssuedKey::read).transpose()?;
    Ok(key.filter(|key| key.state() == State::Revoked))
}
