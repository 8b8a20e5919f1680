//! Members of an answer that are empty where DynamoDB leaves them out.
//!
//! DynamoDB has no member for an item, a key or attributes that do not exist. Stores that are
//! compatible with it may send `{}`. [`DropEmpty`] makes such an answer like one of DynamoDB's, so
//! no caller has to tell the two apart.

use std::collections::HashMap;

use aws_sdk_dynamodb::operation::delete_item::{DeleteItemError, DeleteItemOutput};
use aws_sdk_dynamodb::operation::get_item::{GetItemError, GetItemOutput};
use aws_sdk_dynamodb::operation::put_item::{PutItemError, PutItemOutput};
use aws_sdk_dynamodb::operation::query::{QueryError, QueryOutput};
use aws_sdk_dynamodb::operation::transact_write_items::{
    TransactWriteItemsError, TransactWriteItemsOutput,
};
use aws_sdk_dynamodb::operation::update_item::{UpdateItemError, UpdateItemOutput};
use aws_sdk_dynamodb::types::AttributeValue;

/// An answer or a refusal of DynamoDB.
pub trait DropEmpty: Sized {
    /// Makes every empty item, key and set of attributes absent.
    fn drop_empty(self) -> Self {
        self
    }
}

impl DropEmpty for GetItemOutput {
    fn drop_empty(mut self) -> Self {
        drop_if_empty(&mut self.item);
        self
    }
}

impl DropEmpty for QueryOutput {
    fn drop_empty(mut self) -> Self {
        drop_if_empty(&mut self.last_evaluated_key);
        self
    }
}

impl DropEmpty for UpdateItemOutput {
    fn drop_empty(mut self) -> Self {
        drop_if_empty(&mut self.attributes);
        self
    }
}

impl DropEmpty for PutItemError {
    fn drop_empty(mut self) -> Self {
        if let Self::ConditionalCheckFailedException(refusal) = &mut self {
            drop_if_empty(&mut refusal.item);
        }
        self
    }
}

impl DropEmpty for UpdateItemError {
    fn drop_empty(mut self) -> Self {
        if let Self::ConditionalCheckFailedException(refusal) = &mut self {
            drop_if_empty(&mut refusal.item);
        }
        self
    }
}

impl DropEmpty for TransactWriteItemsError {
    fn drop_empty(mut self) -> Self {
        if let Self::TransactionCanceledException(refusal) = &mut self {
            for reason in refusal.cancellation_reasons.iter_mut().flatten() {
                drop_if_empty(&mut reason.item);
            }
        }
        self
    }
}

// No member of these that may be empty is read.
impl DropEmpty for DeleteItemOutput {}
impl DropEmpty for DeleteItemError {}
impl DropEmpty for GetItemError {}
impl DropEmpty for PutItemOutput {}
impl DropEmpty for QueryError {}
impl DropEmpty for TransactWriteItemsOutput {}

fn drop_if_empty(attributes: &mut Option<HashMap<String, AttributeValue>>) {
    attributes.take_if(|attributes| attributes.is_empty());
}

#[cfg(test)]
mod tests {
    use aws_sdk_dynamodb::types::CancellationReason;
    use aws_sdk_dynamodb::types::error::{
        ConditionalCheckFailedException, TransactionCanceledException,
    };

    use super::*;

    type Attributes = HashMap<String, AttributeValue>;

    /// Checks that of the member in `answer` what is empty is dropped, and all else is kept.
    fn check<T: DropEmpty>(
        answer: impl Fn(Option<Attributes>) -> T,
        member: impl Fn(&T) -> Option<&Attributes>,
    ) {
        let full = Attributes::from([("pk".to_owned(), AttributeValue::S("x".to_owned()))]);
        assert_eq!(member(&answer(None).drop_empty()), None);
        assert_eq!(member(&answer(Some(Attributes::new())).drop_empty()), None);
        assert_eq!(member(&answer(Some(full.clone())).drop_empty()), Some(&full));
    }

    fn refusal(item: Option<Attributes>) -> ConditionalCheckFailedException {
        ConditionalCheckFailedException::builder().set_item(item).build()
    }

    #[test]
    fn an_empty_item_key_or_set_of_attributes_is_absent() {
        check(|item| GetItemOutput::builder().set_item(item).build(), |it| it.item());
        check(
            |key| QueryOutput::builder().set_last_evaluated_key(key).build(),
            |it| it.last_evaluated_key(),
        );
        check(|it| UpdateItemOutput::builder().set_attributes(it).build(), |it| it.attributes());
    }

    #[test]
    fn an_empty_item_of_a_refusal_is_absent() {
        check(
            |item| PutItemError::ConditionalCheckFailedException(refusal(item)),
            |error| match error {
                PutItemError::ConditionalCheckFailedException(refusal) => refusal.item(),
                other => panic!("{other:?}"),
            },
        );
        check(
            |item| UpdateItemError::ConditionalCheckFailedException(refusal(item)),
            |error| match error {
                UpdateItemError::ConditionalCheckFailedException(refusal) => refusal.item(),
                other => panic!("{other:?}"),
            },
        );
        check(
            |item| {
                let reason = CancellationReason::builder().set_item(item).build();
                let refusal =
                    TransactionCanceledException::builder().cancellation_reasons(reason).build();
                TransactWriteItemsError::TransactionCanceledException(refusal)
            },
            |error| match error {
                TransactWriteItemsError::TransactionCanceledException(refusal) => {
                    refusal.cancellation_reasons()[0].item()
                }
                other => panic!("{other:?}"),
            },
        );
    }
}
