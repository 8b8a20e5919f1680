//! What only items of the assistant dialect have.

use aws_sdk_dynamodb::types::AttributeValue;
use uuid::Uuid;

use super::attribute::{Attribute, Attributes, DecodeError, ItemReader, string_attributes};
use super::item::{TableItem, field_attributes};
use crate::model::assistant::{Changes, Settings};
use crate::model::{AccountId, WidgetType};
use crate::store::table::{BY_ACCOUNT_KEY, BY_ASSISTANT, List, Partition, Widgets, text};

/// `<account>#<assistant_id>`, if the widget has an assistant: the key of [`BY_ASSISTANT`].
const BY_ASSISTANT_KEY: &str = "by_assistant";

impl TableItem for Settings {
    crate::assistant_fields!(field_attributes);

    const INDEX_KEYS: &'static [&'static str] = &[BY_ACCOUNT_KEY, BY_ASSISTANT_KEY];

    fn index_keys(&self, account: AccountId) -> Attributes {
        let by_assistant = by_assistant(account, self.assistant_id);
        vec![(BY_ACCOUNT_KEY, account.0.write()), (BY_ASSISTANT_KEY, by_assistant)]
    }

    fn changed_index_keys(changes: &Changes, account: AccountId) -> Attributes {
        let change = changes.assistant_id.map(|it| (BY_ASSISTANT_KEY, by_assistant(account, it)));
        change.into_iter().collect()
    }
}

fn by_assistant(account: AccountId, assistant_id: Option<Uuid>) -> Option<AttributeValue> {
    assistant_id.map(|assistant_id| text(format_args!("{account}#{assistant_id}")))
}

impl Widgets<'_, Settings> {
    /// Lists the widgets of one assistant. The index lags a moment behind the table.
    pub fn of_assistant(&self, assistant_id: Uuid) -> List {
        let value = format!("{}#{assistant_id}", self.account());
        let partition = Partition { index: Some(BY_ASSISTANT), key: BY_ASSISTANT_KEY, value };
        List { widgets: partition.clone(), count: partition }
    }
}

string_attributes! {
    WidgetType: |widget_type: &WidgetType| widget_type.name(), |text: String| WidgetType::named(&text);
}
