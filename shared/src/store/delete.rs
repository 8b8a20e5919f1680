//! Deleting a widget: a call whose condition says what the widget has to be.

use aws_sdk_dynamodb::{
    operation::delete_item::DeleteItemError,
    types::{ReturnValue, ReturnValuesOnConditionCheckFailure},
};

use super::{Store, Stored, condition::Condition, item, key, retry};
use crate::{
    error::Error,
    model::{AccountId, Versions, Widget, WidgetId},
};

/// What the log calls it.
const DELETE: &str = "DeleteItem Widgets";

impl Store {
    /// Deletes a widget, if it is one of the `versions`, and tells what it was. With [`Error::Unavailable`] it is not known
    /// whether it was deleted: where the answer that brought it along got lost, nothing is left of it to tell.
    pub async fn delete<S: Stored>(
        &self,
        account: AccountId,
        id: WidgetId,
        versions: &Versions,
    ) -> Result<Widget<S>, Error> {
        let condition = Condition::of(versions);
        let delete = self
            .client
            .delete_item()
            .table_name(&self.table)
            .set_key(Some(key::<S>(account, id)))
            .condition_expression(condition.expression)
            .set_expression_attribute_values((!condition.values.is_empty()).then_some(condition.values))
            .return_values(ReturnValue::AllOld)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .send();
        let (result, is_unclear) = retry::watched(delete).await;
        let error = match result {
            Ok(deleted) => return item::widget(deleted.attributes.unwrap_or_default()),
            Err(error) => error,
        };
        match error.as_service_error() {
            Some(DeleteItemError::ConditionalCheckFailedException(_)) if is_unclear => Err(Error::unclear(DELETE)),
            Some(DeleteItemError::ConditionalCheckFailedException(refusal)) => Err(match refusal.item() {
                Some(_) => Error::PreconditionFailed,
                None => Error::NoSuchWidget(id),
            }),
            _ => Err(Error::from_store(DELETE, &error)),
        }
    }
}
