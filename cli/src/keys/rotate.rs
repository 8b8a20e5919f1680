//! `widgets keys rotate`: a new key in the place of another, with time to change over.

use std::time::Duration;

use anyhow::{Result, bail};
use aws_sdk_dynamodb::{
    error::BuildError,
    operation::transact_write_items::TransactWriteItemsError,
    types::{AttributeValue, Put, TransactWriteItem, Update},
};
use clap::Args;
use shared::{
    keys::{CACHED_FOR, attribute},
    model::Timestamp,
};

use super::{
    failure,
    issued::{self, IssuedKey, Item, KeyId, State},
    moment,
    new_key::{self, KeyItem},
    table::KeyTable,
};

/// The longest overlap. A key that is to work for longer is not being replaced.
const MAX_OVERLAP: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// What `widgets keys rotate` is told.
#[derive(Debug, Args)]
pub struct Rotate {
    // Not parsed by clap, whose message would quote it: it may be a key, given by mistake.
    /// The id of the key to replace, as `widgets keys list` shows it
    id: String,
    /// How long the old key goes on working, such as 0s, 30m, 24h or 7d; at most a year
    #[arg(long, value_name = "TIME", default_value = "24h", value_parser = overlap)]
    overlap: Duration,
    /// From when on the new key is refused, such as 2027-01-31T00:00:00Z [default: as was set for the old one]
    #[arg(long, value_name = "TIME", value_parser = moment)]
    expires: Option<Timestamp>,
    /// Print a JSON object: the new key, its id and what it has from the old one, and what became of that
    #[arg(long)]
    json: bool,
}

fn overlap(text: &str) -> Result<Duration, String> {
    let overlap = humantime::parse_duration(text).map_err(|error| error.to_string())?;
    if overlap <= MAX_OVERLAP { Ok(overlap) } else { Err("more than a year".to_owned()) }
}

/// Replaces a key in `table` and prints the new one.
pub async fn run(rotate: &Rotate, table: &KeyTable) -> Result<()> {
    let id = KeyId::parse(&rotate.id)?;
    let item = table.find(&id).await?;
    let old = IssuedKey::read(&item)?;
    match (old.state(), &old.rotated_to) {
        (State::Revoked, _) => bail!("the key {id} is revoked: `widgets keys issue` makes a new one"),
        (State::Expired, _) => bail!("the key {id} has expired: `widgets keys issue` makes a new one"),
        // Its own expiry is not known any more, and the new one must not take the end of the overlap for it.
        (State::Active, Some(next)) => bail!("the key {id} was rotated already: {next} replaces it, rotate that one"),
        (State::Active, None) => {}
    }
    let key = new_key::generate()?;
    let expires_at = rotate.expires.or(old.expires_at);
    let new = KeyItem { key: &key, account: old.account, role: old.role, expires_at, name: old.name.as_deref() };
    let new = new.issued()?;
    let end = Timestamp::now().after(rotate.overlap);
    let end = old.expires_at.map_or(end, |own| own.min(end));
    replace(table, &item, end, &new).await?;
    let late = if rotate.overlap < CACHED_FOR {
        format!(", or where it was used lately for up to {} seconds more", CACHED_FOR.as_secs())
    } else {
        String::new()
    };
    eprintln!("The key {id} works until {end}{late}. In its place this one, shown this once (its id is {}):", new.id());
    let old = IssuedKey { expires_at: Some(end), rotated_to: Some(new.id()), ..old };
    new_key::show(&key, &new, Some(&old), rotate.json)
}

/// Has the key that `item` is end then and puts `new` beside it, or does neither.
async fn replace(table: &KeyTable, item: &Item, end: Timestamp, new: &IssuedKey) -> Result<()> {
    let put = Put::builder()
        .table_name(&table.name)
        .set_item(Some(new.item()))
        .condition_expression("attribute_not_exists(#hash)")
        .expression_attribute_names("#hash", attribute::KEY_HASH)
        .build()?;
    let transaction = table
        .client
        .transact_write_items()
        // By which DynamoDB knows a retry that meets its own first success.
        .client_request_token(new.id().to_string())
        .transact_items(TransactWriteItem::builder().put(put).build())
        .transact_items(TransactWriteItem::builder().update(ending(table, item, end, &new.id())?).build());
    let Err(error) = transaction.send().await else { return Ok(()) };
    if let Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) = error.as_service_error() {
        let codes = cancelled.cancellation_reasons().iter().filter_map(|reason| reason.code());
        let codes: Vec<&str> = codes.filter(|code| *code != "None").collect();
        bail!("something else was done to the key meanwhile ({}): nothing was changed, try again", codes.join(", "));
    }
    let words = failure::in_words("the key cannot be rotated", &table.client, &table.name, &error);
    Err(if failure::is_unclear(&error) { failure::perhaps_unseen(&words, &new.id()) } else { words })
}

/// Has the key that `item` is end then, unless it is not any more as it was read.
fn ending(table: &KeyTable, item: &Item, end: Timestamp, next: &KeyId) -> Result<Update, BuildError> {
    let update = Update::builder()
        .table_name(&table.name)
        .set_key(Some(issued::primary_key(item)))
        .update_expression("SET #expires = :end, #rotated = :next")
        .expression_attribute_names("#hash", attribute::KEY_HASH)
        .expression_attribute_names("#revoked", attribute::REVOKED_AT)
        .expression_attribute_names("#rotated", attribute::ROTATED_TO)
        .expression_attribute_names("#expires", attribute::EXPIRES_AT)
        .expression_attribute_values(":end", AttributeValue::S(end.to_string()))
        .expression_attribute_values(":next", AttributeValue::S(next.to_string()));
    let is_same = "attribute_exists(#hash) AND attribute_not_exists(#revoked) AND attribute_not_exists(#rotated)";
    match item.get(attribute::EXPIRES_AT) {
        Some(own) => update
            .condition_expression(format!("{is_same} AND #expires = :own"))
            .expression_attribute_values(":own", own.clone()),
        None => update.condition_expression(format!("{is_same} AND attribute_not_exists(#expires)")),
    }
    .build()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_overlap_has_a_unit_and_an_end() {
        let seconds = |text| overlap(text).map(|overlap| overlap.as_secs());
        assert_eq!(seconds("0s"), Ok(0));
        assert_eq!(seconds("30m"), Ok(30 * 60));
        assert_eq!(seconds("24h"), Ok(24 * 60 * 60));
        assert_eq!(seconds("7d"), Ok(7 * 24 * 60 * 60));
        assert_eq!(seconds("365d"), Ok(365 * 24 * 60 * 60));
        for refused in ["", "24", "-1h", "1 fortnight", "366d", "18446744073709551615s", "99999999999999999999d"] {
            assert!(overlap(refused).is_err(), "{refused}");
        }
    }
}
