//! Creating a widget: once however often the call is retried, and once for an idempotency key
//! however often the request comes.

use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::put_item::builders::PutItemInputBuilder;
use aws_sdk_dynamodb::operation::transact_write_items::builders::TransactWriteItemsInputBuilder;
use aws_sdk_dynamodb::types::builders::PutBuilder;
use aws_sdk_dynamodb::types::{
    AttributeValue, Put, ReturnValuesOnConditionCheckFailure, TransactWriteItem,
};
use tokio::time::sleep;

use super::idempotency_record::IdempotencyRecord;
use super::items::TableItem;
use super::table::{CREATED_AT, Item, RETRIED, TTL, Widgets, number, text};
use super::{idempotency_record, items};
use crate::dynamodb::retry::{
    RetryPolicy, backoff, cancellation_reasons, is_transient_cancellation,
};
use crate::error::{Error, Result};
use crate::http::IdempotencyKey;
use crate::model::{Change, Widget};
use crate::telemetry::request_stats;

const IS_ABSENT: &str = "attribute_not_exists(pk)";

/// The outcome of a create.
#[derive(Debug)]
pub struct Created<S> {
    /// The widget as it was created.
    pub widget: Widget<S>,
    /// Whether an earlier request with the same idempotency key created it.
    pub is_replay: bool,
}

impl<S: TableItem> Widgets<'_, S> {
    /// Puts a new widget, unless a request with the same idempotency key has done so. After
    /// [`Error::Unavailable`] it is unknown whether the widget was put.
    pub async fn create(
        &self,
        widget: Widget<S>,
        key: Option<IdempotencyKey>,
    ) -> Result<Created<S>> {
        let created = match key {
            None => self.put(widget).await,
            Some(key) => self.put_with_record(widget, &key).await,
        }?;
        if !created.is_replay {
            request_stats::record_change(Change::Created, created.widget.id);
        }
        Ok(created)
    }

    /// Puts a widget. After an attempt with an unknown outcome the next one marks the widget as
    /// retried: the lost attempt may arrive at any time, and the widget's tombstone, if it is
    /// deleted by then, is all that refuses it.
    async fn put(&self, widget: Widget<S>) -> Result<Created<S>> {
        let RetryPolicy { max_attempts, .. } = RetryPolicy::DEFAULT;
        let mut item = items::encode(self.account, &widget);
        let policy = RetryPolicy { max_attempts, after_unknown_outcome: false };
        let mut outcome = self.store.client.call_with(policy, self.put_new(item.clone())).await;
        if let Err(error) = &outcome
            && error.attempts.is_outcome_unknown
            && error.attempts.count < max_attempts
        {
            let max_attempts = max_attempts - error.attempts.count;
            sleep(backoff(max_attempts, widget.id.0.as_bytes()[15])).await;
            item.insert(RETRIED.to_owned(), AttributeValue::Bool(true));
            let policy = RetryPolicy { max_attempts, after_unknown_outcome: true };
            outcome = self.store.client.call_with(policy, self.put_new(item)).await;
        }
        let Err(error) = outcome else {
            return Ok(Created { widget, is_replay: false });
        };
        // A retry after a lost answer meets the widget of the attempt before it, or its tombstone.
        let is_own = |item: &Item| item.get(CREATED_AT) == Some(&text(widget.created_at));
        match error.refusal() {
            Some(PutItemError::ConditionalCheckFailedException(refusal))
                if refusal.item().is_some_and(is_own) =>
            {
                Ok(Created { widget, is_replay: false })
            }
            _ => Err(error.into_error("PutItem Widgets")),
        }
    }

    fn put_new(&self, item: Item) -> PutItemInputBuilder {
        PutItemInputBuilder::default()
            .table_name(&self.store.table)
            .set_item(Some(item))
            .condition_expression(IS_ABSENT)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
    }

    /// Puts a widget and the record of its idempotency key in one transaction. A record that exists
    /// cancels the transaction and comes back with the refusal.
    async fn put_with_record(&self, widget: Widget<S>, key: &IdempotencyKey) -> Result<Created<S>> {
        const OPERATION: &str = "TransactWriteItems Widgets";
        let record = self
            .put_in_transaction(idempotency_record::encode(self.account, key, &widget))
            // `ttl` is a reserved word of DynamoDB.
            .condition_expression(format!("{IS_ABSENT} OR #{TTL} <= :now"))
            .expression_attribute_names(format!("#{TTL}"), TTL)
            .expression_attribute_values(":now", number(widget.created_at.epoch_seconds()));
        let own = self
            .put_in_transaction(items::encode(self.account, &widget))
            .condition_expression(IS_ABSENT);
        // By the token DynamoDB recognizes a retry. The SDK would make one up from the time since
        // boot: environments that start alike would make up the same one.
        let mut transaction =
            TransactWriteItemsInputBuilder::default().client_request_token(widget.id.to_string());
        for put in [record, own] {
            let put =
                put.build().map_err(|error| Error::Internal(format!("{OPERATION}: {error}")))?;
            transaction = transaction.transact_items(TransactWriteItem::builder().put(put).build());
        }
        let Err(error) = self.store.client.call(transaction).await else {
            return Ok(Created { widget, is_replay: false });
        };
        let refusal = error.refusal();
        let is_conflict = refusal.is_some_and(is_transient_cancellation);
        let record_key = idempotency_record::key::<S>(self.account, key);
        let found = match refusal.and_then(|it| cancellation_reasons(it).first()?.item()) {
            Some(item) => Some(item.clone()),
            // A request that was in its way has the same key, and may have written the record by
            // now. A store other than DynamoDB may give no reasons.
            None if refusal.is_some_and(|it| it.is_transaction_canceled_exception()) => {
                self.store.get(record_key, true).await?
            }
            None => None,
        };
        let record = found.map(IdempotencyRecord::decode).transpose()?;
        match record.filter(|record| record.is_valid(widget.created_at)) {
            Some(record) => replay(&record, widget, key),
            None if is_conflict => Err(error.into_unavailable(OPERATION)),
            None => Err(error.into_error(OPERATION)),
        }
    }

    fn put_in_transaction(&self, item: Item) -> PutBuilder {
        Put::builder()
            .table_name(&self.store.table)
            .set_item(Some(item))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
    }
}

/// Answers a create of `widget` that found a record: with the widget itself if the record is that
/// of this very request, retried, and else with what the first request created.
///
/// # Errors
///
/// [`Error::IdempotencyKeyReused`] if the first request had another body.
fn replay<S>(
    record: &IdempotencyRecord,
    widget: Widget<S>,
    key: &IdempotencyKey,
) -> Result<Created<S>> {
    if record.widget_id == widget.id {
        return Ok(Created { widget, is_replay: false });
    }
    if record.body_hash != key.body_hash.to_string() {
        return Err(Error::IdempotencyKeyReused);
    }
    let created_at = record.created_at;
    let widget = Widget { id: record.widget_id, created_at, updated_at: created_at, ..widget };
    Ok(Created { widget, is_replay: true })
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::model::{AccountId, Hash, WidgetSettings, pathway};
    use crate::validation::json;

    const ACCOUNT: AccountId = AccountId(Uuid::from_u128(7));

    fn widget() -> Widget<pathway::Settings> {
        let body =
            br#"{"agent_prompt":"x","allowed_domains":[],"messages_per_minute":1,"config":1}"#;
        let settings = pathway::Settings::parse(json::document(body).unwrap(), ACCOUNT);
        Widget::new(settings.unwrap())
    }

    fn key(body: &[u8]) -> IdempotencyKey {
        IdempotencyKey { key_hash: Hash::of(b"key"), body_hash: Hash::of(body) }
    }

    fn record(key: &IdempotencyKey, widget: &Widget<pathway::Settings>) -> IdempotencyRecord {
        let item = idempotency_record::encode(ACCOUNT, key, widget);
        IdempotencyRecord::decode(item).unwrap()
    }

    #[test]
    fn a_request_that_finds_its_own_record_created_its_widget() {
        // DynamoDB recognizes it by its token; another store may not.
        let (key, widget) = (key(b"1"), widget());
        let created = replay(&record(&key, &widget), widget.clone(), &key).unwrap();
        assert_eq!((created.widget, created.is_replay), (widget, false));
    }

    #[test]
    fn the_same_request_gets_what_the_first_one_created_and_another_is_refused() {
        let (first, second) = (widget(), widget());
        let record = record(&key(b"1"), &first);
        let created = replay(&record, second.clone(), &key(b"1")).unwrap();
        assert_eq!((created.widget, created.is_replay), (first, true));
        let error = replay(&record, second, &key(b"2")).unwrap_err();
        assert_eq!(error, Error::IdempotencyKeyReused);
    }

    #[test]
    fn a_record_that_cannot_be_read_is_an_internal_error_that_names_the_attribute() {
        let mut item = idempotency_record::encode(ACCOUNT, &key(b"1"), &widget());
        item.remove("widget_id");
        let error = IdempotencyRecord::decode(item).unwrap_err();
        let expected = "an idempotency record has no readable widget_id";
        assert_eq!(error, Error::Internal(expected.to_owned()));
    }
}
