//! `widgets keys rotate`: a new key in the place of another, with time to change over.

use std::time::Duration;

use anyhow::{Result, anyhow, bail};
use aws_sdk_dynamodb::{
    error::BuildError,
    operation::transact_write_items::TransactWriteItemsError,
    types::{
        AttributeValue, CancellationReason, Put, ReturnValuesOnConditionCheckFailure,
        TransactWriteItem, Update,
    },
};
use clap::Args;
use shared::{
    auth::{CACHE_LIFETIME, attribute},
    model::{KeyId, Timestamp},
};

use super::{
    failure,
    issued::{IssuedKey, State},
    new_key::{self, KeySpec},
    table::KeyTable,
    terminal::{id, moment, tell},
};

/// The longest overlap. A key that is to work for longer is not being replaced.
const MAX_OVERLAP: Duration = Duration::from_secs(366 * 24 * 60 * 60);

/// What `widgets keys rotate` is told.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  widgets keys rotate d1c5f16b112750dd
  widgets keys rotate d1c5f16b112750dd --overlap 7d --table widgets-ApiKeys-1EXAMPLE")]
pub struct Rotate {
    // Not parsed by clap, whose message would quote it: it may be a key, given by mistake.
    /// The id of the key to replace, as `widgets keys list` shows it
    id: String,
    /// How long the old key goes on working, such as 0s, 30m, 24h or 7d; at most a year
    #[arg(long, value_name = "DURATION", default_value = "24h", value_parser = overlap)]
    overlap: Duration,
    /// From when on the new key is refused, such as 2027-01-31T00:00:00Z [default: as was set for
    /// the old one]
    #[arg(long, value_name = "TIME", value_parser = moment)]
    expires: Option<Timestamp>,
    /// Print a JSON object: the new key, its id and what it has from the old one, and what became
    /// of that
    #[arg(long)]
    json: bool,
}

fn overlap(text: &str) -> Result<Duration, String> {
    let overlap = humantime::parse_duration(text).map_err(|error| error.to_string())?;
    if overlap <= MAX_OVERLAP { Ok(overlap) } else { Err("more than a year".to_owned()) }
}

/// Replaces a key in `table` and prints the new one.
pub async fn run(rotate: Rotate, table: &KeyTable) -> Result<()> {
    let id = id(&rotate.id)?;
    let old = table.find(&id).await?;
    check(&old)?;
    let (account, role, own_end) = old.grant().map_err(|unreadable| {
        anyhow!(
            "{unreadable}: `widgets keys revoke {id}` ends it, `widgets keys issue` makes a new one"
        )
    })?;
    let key = new_key::generate()?;
    let new = KeySpec {
        key: &key,
        account,
        role,
        expires_at: rotate.expires.or(own_end),
        name: old.text(attribute::NAME),
    };
    let new = new.issued();
    let end = Timestamp::now().after(rotate.overlap);
    let end = own_end.map_or(end, |own| own.min(end));
    replace(table, &old, end, &new).await?;
    let old =
        old.with(attribute::EXPIRES_AT, Some(end)).with(attribute::ROTATED_TO, Some(new.id()));
    new_key::show(&key, &new, Some(&old), rotate.json)?;
    let late = if rotate.overlap < CACHE_LIFETIME {
        format!(", or where it was used lately for up to {} seconds more", CACHE_LIFETIME.as_secs())
    } else {
        String::new()
    };
    let new = new.id();
    tell(format_args!(
        "This key, shown this once, replaces {id}, which works until {end}{late}. Its id is {new}."
    ));
    Ok(())
}

/// Refuses a key that is not to be rotated: what does not work any more, and what was rotated. The
/// expiry that it had been given is not known then, and the next key must not take the end of the
/// overlap for it.
fn check(key: &IssuedKey) -> Result<()> {
    let is = match key.state() {
        State::Revoked => "is revoked",
        State::Expired => "has expired",
        State::Active if key.rotated_to().is_some() => "was rotated already",
        State::Active | State::Unreadable => return Ok(()),
    };
    let id = key.id();
    let Some(next) = key.rotated_to() else {
        bail!("the key {id} {is}: `widgets keys issue` makes a new one");
    };
    let end = match key.state() {
        State::Active => format!(", `widgets keys revoke {id}` ends this one at once"),
        _ => String::new(),
    };
    bail!(
        "the key {id} {is}: {next} replaces it. `widgets keys rotate {next}` replaces that one{end}"
    )
}

/// Has `old` end then and puts `new` beside it, or does neither.
async fn replace(table: &KeyTable, old: &IssuedKey, end: Timestamp, new: &IssuedKey) -> Result<()> {
    let put = Put::builder()
        .table_name(&table.name)
        .set_item(Some(new.item().clone()))
        .condition_expression("attribute_not_exists(#hash)")
        .expression_attribute_names("#hash", attribute::KEY_HASH)
        .build()?;
    let transaction = table
        .client
        .transact_write_items()
        // By which DynamoDB knows a retry that meets its own first success.
        .client_request_token(new.id().to_string())
        .transact_items(TransactWriteItem::builder().put(put).build())
        .transact_items(
            TransactWriteItem::builder().update(ending(table, old, end, &new.id())?).build(),
        );
    let Err(error) = transaction.send().await else { return Ok(()) };
    if let Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) =
        error.as_service_error()
    {
        return Err(cancellation_error(&old.id(), cancelled.cancellation_reasons()));
    }
    let advice = failure::if_unseen(&new.id());
    let what = "the key cannot be rotated";
    Err(failure::of_write(what, &table.config, &table.name, &error, &advice))
}

/// Returns why a cancelled transaction changed nothing.
fn cancellation_error(id: &KeyId, reasons: &[CancellationReason]) -> anyhow::Error {
    let has = |code| reasons.iter().any(|reason| reason.code() == Some(code));
    if has("ConditionalCheckFailed") {
        let Some(item) = reasons.iter().find_map(|reason| reason.item()) else {
            return anyhow!("the key {id} is not there any more");
        };
        let now = IssuedKey::read(item.clone()).and_then(|key| check(&key));
        return now.err().unwrap_or_else(|| {
            anyhow!("the key {id} was changed meanwhile: nothing was done, try again")
        });
    }
    let why = if has("TransactionConflict") {
        "something else is being done to it: nothing was changed, try again".to_owned()
    } else if has("ThrottlingError") || has("ProvisionedThroughputExceeded") {
        "DynamoDB is throttled: nothing was changed, try again in a minute".to_owned()
    } else {
        let whys = reasons
            .iter()
            .filter_map(|reason| Some(format!("{}: {}", reason.code()?, reason.message()?)));
        format!("nothing was changed: {}", whys.collect::<Vec<_>>().join(", "))
    };
    anyhow!("the key {id} cannot be rotated: {why}")
}

/// Has `old` end then, unless it is not any more as it was read.
fn ending(
    table: &KeyTable,
    old: &IssuedKey,
    end: Timestamp,
    next: &KeyId,
) -> Result<Update, BuildError> {
    let mut conditions = vec!["attribute_exists(#hash)".to_owned()];
    let mut update = Update::builder();
    for (name, value, attribute) in [
        ("#revoked", ":revoked", attribute::REVOKED_AT),
        ("#rotated", ":rotated", attribute::ROTATED_TO),
        ("#expires", ":expires", attribute::EXPIRES_AT),
    ] {
        update = update.expression_attribute_names(name, attribute);
        match old.item().get(attribute) {
            Some(read) => {
                conditions.push(format!("{name} = {value}"));
                update = update.expression_attribute_values(value, read.clone());
            }
            None => conditions.push(format!("attribute_not_exists({name})")),
        }
    }
    update
        .table_name(&table.name)
        .set_key(Some(old.primary_key()))
        .update_expression("SET #expires = :end, #rotated = :next")
        .condition_expression(conditions.join(" AND "))
        .expression_attribute_names("#hash", attribute::KEY_HASH)
        .expression_attribute_values(":end", AttributeValue::S(end.to_string()))
        .expression_attribute_values(":next", AttributeValue::S(next.to_string()))
        .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
        .build()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn overlap_needs_a_unit_and_has_a_maximum() {
        let seconds = |text| overlap(text).map(|overlap| overlap.as_secs());
        assert_eq!(seconds("0s"), Ok(0));
        assert_eq!(seconds("30m"), Ok(30 * 60));
        assert_eq!(seconds("24h"), Ok(24 * 60 * 60));
        assert_eq!(seconds("7d"), Ok(7 * 24 * 60 * 60));
        assert_eq!(seconds("365d"), Ok(365 * 24 * 60 * 60));
        for refused in [
            "",
            "24",
            "-1h",
            "1 fortnight",
            "367d",
            "18446744073709551615s",
            "99999999999999999999d",
        ] {
            assert!(overlap(refused).is_err(), "{refused}");
        }
    }

    #[test]
    fn cancelled_transaction_error_says_what_to_do() {
        let reason = |code| CancellationReason::builder().code(code).message("as told").build();
        let id = KeyId::of("0123456789abcdef");
        let says = |code| {
            cancellation_error(
                &id,
                &[CancellationReason::builder().code("None").build(), reason(code)],
            )
            .to_string()
        };
        let cannot = "the key 0123456789abcdef cannot be rotated: ";
        let throttled =
            format!("{cannot}DynamoDB is throttled: nothing was changed, try again in a minute");
        assert_eq!(says("ThrottlingError"), throttled);
        assert_eq!(says("ProvisionedThroughputExceeded"), throttled);
        assert_eq!(
            says("ValidationError"),
            format!("{cannot}nothing was changed: ValidationError: as told")
        );
        assert_eq!(
            says("ConditionalCheckFailed"),
            "the key 0123456789abcdef is not there any more"
        );
    }
}
