//! Creating a widget, once however often a request for it comes.

use aws_sdk_dynamodb::{
    operation::{
        put_item::{PutItemError, builders::PutItemInputBuilder},
        transact_write_items::builders::TransactWriteItemsInputBuilder,
    },
    types::{Put, ReturnValuesOnConditionCheckFailure, TransactWriteItem, builders::PutBuilder},
};

use super::{
    Change, Item, Store, Stored,
    idempotency_record::{self as record, Record},
    items,
    items::{CREATED_AT, TTL, number, text},
};
use crate::{
    dynamodb::retry,
    error::Error,
    idempotency::Idempotency,
    model::{AccountId, Widget},
    observed::note_change,
};

/// What became of a request to create a widget.
#[derive(Debug)]
pub struct Created<S> {
    /// The widget as it was created.
    pub widget: Widget<S>,
    /// Whether an earlier request with the same idempotency key created it.
    pub is_replay: bool,
}

impl Store {
    /// Puts a new widget, the whole of it or nothing, unless the same request did so already. With [`Error::Unavailable`] it
    /// is not known whether it was put: an answer may have been lost on its way.
    pub async fn create<S: Stored>(
        &self,
        account: AccountId,
        widget: Widget<S>,
        idempotency: Option<Idempotency>,
    ) -> Result<Created<S>, Error> {
        let created = match idempotency {
            None => self.put(account, widget).await,
            Some(idempotency) => self.put_with_record(account, widget, &idempotency).await,
        }?;
        if !created.is_replay {
            note_change(Change::Created);
        }
        Ok(created)
    }

    async fn put<S: Stored>(
        &self,
        account: AccountId,
        widget: Widget<S>,
    ) -> Result<Created<S>, Error> {
        let put = PutItemInputBuilder::default()
            .table_name(&self.table)
            .set_item(Some(items::of(account, &widget)))
            .condition_expression(IS_ABSENT)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        let Err(error) = self.client.call(put).await else {
            return Ok(Created { widget, is_replay: false });
        };
        // The SDK retries where an answer got lost: then the widget in the way is the one just sent, or what it left when
        // somebody deleted it.
        let is_own = |there: &Item| there.get(CREATED_AT) == Some(&text(widget.created_at));
        match error.as_service_error() {
            Some(PutItemError::ConditionalCheckFailedException(refusal))
                if refusal.item().is_some_and(is_own) =>
            {
                Ok(Created { widget, is_replay: false })
            }
            _ => Err(Error::from_store("PutItem Widgets", &error)),
        }
    }

    /// Puts a widget and the record of its request in one transaction. A record that is there already keeps both from being
    /// put and is brought along.
    async fn put_with_record<S: Stored>(
        &self,
        account: AccountId,
        widget: Widget<S>,
        idempotency: &Idempotency,
    ) -> Result<Created<S>, Error> {
        const OPERATION: &str = "TransactWriteItems Widgets";
        let record = self
            .putting(record::of(account, idempotency, &widget))
            // The attribute's name is a word of DynamoDB's own.
            .condition_expression(format!("{IS_ABSENT} OR #{TTL} <= :now"))
            .expression_attribute_names(format!("#{TTL}"), TTL)
            .expression_attribute_values(":now", number(widget.created_at.epoch_seconds()));
        let own = self.putting(items::of(account, &widget)).condition_expression(IS_ABSENT);
        // By which DynamoDB knows a retry that meets its own first success. The SDK would make one up, from a seed that is the
        // time since boot: environments that start alike would make up the same.
        let token = widget.id.to_string();
        let mut transaction = TransactWriteItemsInputBuilder::default().client_request_token(token);
        for put in [record, own] {
            let put =
                put.build().map_err(|error| Error::Internal(format!("{OPERATION}: {error}")))?;
            transaction = transaction.transact_items(TransactWriteItem::builder().put(put).build());
        }
        let Err(error) = self.client.call(transaction).await else {
            return Ok(Created { widget, is_replay: false });
        };
        let refusal = error.as_service_error();
        let is_kept_off = refusal.is_some_and(retry::is_kept_off);
        let met = match refusal
            .and_then(|refusal| retry::cancellation_reasons(refusal).first()?.item())
        {
            Some(item) => Some(Record::read(item.clone())?),
            // Others with the same key were at it all the time: one of them will be done by now.
            None if is_kept_off => self.record::<S>(account, idempotency).await?,
            None => None,
        };
        match met.filter(|record| record.is_valid(widget.created_at)) {
            Some(record) => record.created(widget, idempotency),
            None if is_kept_off => Err(Error::unavailable(OPERATION, &error)),
            None => Err(Error::from_store(OPERATION, &error)),
        }
    }

    fn putting(&self, item: Item) -> PutBuilder {
        Put::builder()
            .table_name(&self.table)
            .set_item(Some(item))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
    }

    async fn record<S: Stored>(
        &self,
        account: AccountId,
        idempotency: &Idempotency,
    ) -> Result<Option<Record>, Error> {
        let found = self.get(record::key::<S>(account, idempotency), true).await?;
        found.map(Record::read).transpose()
    }
}

const IS_ABSENT: &str = "attribute_not_exists(pk)";
