//! A write that changes a widget: an update expression and its condition.

use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemInputBuilder;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValuesOnConditionCheckFailure};

use super::table::{
    ACCOUNT, CHANGE, DIALECT, IS_WIDGET, UPDATED_AT, VERSION, Widgets, number, text,
};
use crate::model::{Change, Timestamp, VersionCondition, WidgetId, WidgetSettings};

/// A write that changes a widget.
pub(super) struct WidgetWrite {
    input: UpdateItemInputBuilder,
    condition: String,
    set: String,
    remove: String,
}

impl WidgetWrite {
    /// Starts a write that makes the next version of a widget, which must exist in a version that
    /// matches. It sets what the table's stream tells of a write.
    pub fn new<S: WidgetSettings>(
        widgets: &Widgets<'_, S>,
        id: WidgetId,
        versions: &VersionCondition,
        change: Change,
        now: Timestamp,
    ) -> Self {
        let input = UpdateItemInputBuilder::default()
            .table_name(&widgets.store.table)
            .set_key(Some(widgets.key(id)))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        let set = format!("SET {VERSION} = {VERSION} + :one");
        let write = Self { input, condition: IS_WIDGET.to_owned(), set, remove: String::new() }
            .with_value(":one", number(1))
            .set(UPDATED_AT, Some(text(now)))
            .set(ACCOUNT, Some(text(widgets.account)))
            .set(DIALECT, Some(text(S::DIALECT)))
            .set(CHANGE, Some(text(change.name())));
        let (not, versions) = match versions {
            VersionCondition::Any => return write,
            VersionCondition::OneOf(versions) => ("", versions.as_slice()),
            VersionCondition::NoneOf(versions) => ("NOT ", versions.as_slice()),
        };
        // `IN` needs an operand. No widget has the version 0.
        let versions = if versions.is_empty() { &[0] } else { versions };
        let names: Vec<String> = (0..versions.len()).map(|i| format!(":version{i}")).collect();
        let write = write.only_if(&format!("{not}{VERSION} IN ({})", names.join(", ")));
        let values = names.into_iter().zip(versions);
        values.fold(write, |write, (name, version)| write.with_value(name, number(version)))
    }

    /// Adds a condition.
    pub fn only_if(mut self, condition: &str) -> Self {
        self.condition = format!("{} AND {condition}", self.condition);
        self
    }

    /// Gives a placeholder of a condition its value.
    pub fn with_value(mut self, placeholder: impl Into<String>, value: AttributeValue) -> Self {
        self.input = self.input.expression_attribute_values(placeholder, value);
        self
    }

    /// Sets an attribute, or removes it if there is no value. The name gets a placeholder, because
    /// some fields are reserved words of DynamoDB.
    pub fn set(mut self, name: &str, value: Option<AttributeValue>) -> Self {
        self.input = self.input.expression_attribute_names(format!("#{name}"), name);
        match value {
            Some(value) => {
                self.set += &format!(", #{name} = :{name}");
                self.with_value(format!(":{name}"), value)
            }
            None => {
                let separator = if self.remove.is_empty() { " REMOVE " } else { ", " };
                self.remove += &format!("{separator}#{name}");
                self
            }
        }
    }

    /// Makes the input of `UpdateItem`.
    pub fn build(self) -> UpdateItemInputBuilder {
        self.input.update_expression(self.set + &self.remove).condition_expression(self.condition)
    }
}
