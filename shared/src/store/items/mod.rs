//! A widget as an item of the table, and back.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use uuid::Uuid;

use super::Item;
use crate::{
    error::Error,
    json::JsonText,
    model::{
        AccountId, AllowedDomain, Timestamp, Widget, WidgetId, assistant,
        pathway::{self, AgentPrompt, Config, MessagesPerMinute, Script, WebhookUrl},
    },
    validation::Violation,
};

/// Partition key.
pub(super) const PK: &str = "pk";
/// Sort key.
pub(super) const SK: &str = "sk";
/// The widget's id once more, which only widgets have: what the index by id is made of.
pub(super) const ID: &str = "id";
/// The account, where the dialect counts an account's widgets: what the index by account is made of.
pub(super) const BY_ACCOUNT: &str = "by_account";
/// `<account>#<assistant_id>`, where the widget has an assistant: what the index by assistant is made of.
pub(super) const BY_ASSISTANT: &str = "by_assistant";
pub(super) const VERSION: &str = "version";
pub(super) const CREATED_AT: &str = "created_at";
pub(super) const UPDATED_AT: &str = "updated_at";
/// What the update that made the item what it is calls itself.
pub(super) const LAST_WRITE: &str = "last_write";
/// The account and the dialect once more, each by itself, and what the last write did ([`Change`]): what an event of it tells.
pub(super) const ACCOUNT: &str = "account";
pub(super) const DIALECT: &str = "dialect";
pub(super) const CHANGE: &str = "change";
/// When an item has no meaning any more, in seconds since 1970; some time after that DynamoDB deletes it.
pub(super) const TTL: &str = "ttl";

/// What a write does to a widget.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// Makes it.
    Created,
    /// Makes it another one.
    Updated,
    /// Takes it away.
    Deleted,
}

impl Change {
    /// What the attribute [`CHANGE`] says.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Updated => "updated",
            Self::Deleted => "deleted",
        }
    }
}

/// Settings that the table can keep: all that the store has to know of a dialect.
pub trait Stored: Sized {
    /// What an update sets anew.
    type Changes;

    /// The dialect's name in a partition key.
    const DIALECT: &'static str;

    /// The names of all attributes that settings can have.
    const ATTRIBUTES: &'static [&'static str];

    /// The attributes of all settings.
    fn attributes(&self, account: AccountId) -> Attributes;

    /// The attributes of those that change.
    fn changed(changes: &Self::Changes, account: AccountId) -> Attributes;

    /// The attribute that a widget must have for the changes to leave it valid, and what is wrong where it has not.
    fn relies_on(_: &Self::Changes) -> Option<(&'static str, Violation)> {
        None
    }

    /// The settings that an item holds.
    fn read(item: &mut Reader) -> Result<Self, Unreadable>;
}

/// The partition of an account's widgets.
pub(super) fn partition<S: Stored>(account: AccountId) -> String {
    format!("{account}#{}", S::DIALECT)
}

/// An attribute that is text.
pub(super) fn text(value: impl ToString) -> AttributeValue {
    AttributeValue::S(value.to_string())
}

/// An attribute that is a number.
pub(super) fn number(value: impl ToString) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

/// What an account's widgets of one assistant have in common.
pub(super) fn by_assistant(account: AccountId, assistant_id: Uuid) -> AttributeValue {
    text(format_args!("{account}#{assistant_id}"))
}

/// The item that `widget` is kept as.
pub(super) fn of<S: Stored>(account: AccountId, widget: &Widget<S>) -> Item {
    let mut item: Item = HashMap::with_capacity(32);
    let mut put = |name: &str, value| drop(item.insert(name.to_owned(), value));
    put(PK, text(partition::<S>(account)));
    put(SK, text(widget.id));
    put(ID, text(widget.id));
    put(VERSION, number(widget.version));
    put(CREATED_AT, text(widget.created_at));
    put(UPDATED_AT, text(widget.updated_at));
    put(ACCOUNT, text(account));
    put(DIALECT, text(S::DIALECT));
    put(CHANGE, text(Change::Created.name()));
    for (name, value) in widget.settings.attributes(account).0 {
        if let Some(value) = value {
            put(name, value);
        }
    }
    item
}

/// The widget that an item is; what cannot be read is a fault of ours and is named in the error.
pub(super) fn widget<S: Stored>(item: Item) -> Result<Widget<S>, Error> {
    let id = item.get(SK).and_then(|id| id.as_s().ok()).cloned().unwrap_or_default();
    let mut reader = Reader::of(item);
    let mut read = || {
        Ok(Widget {
            id: WidgetId(reader.take(SK)?),
            version: reader.take(VERSION)?,
            created_at: reader.take(CREATED_AT)?,
            updated_at: reader.take(UPDATED_AT)?,
            settings: S::read(&mut reader)?,
        })
    };
    read().map_err(|Unreadable(name)| {
        Error::Internal(format!("the stored widget {id} has no {name} that can be read"))
    })
}

/// What an expression says of an item that [`is_widget`].
pub(super) const IS_WIDGET: &str = "attribute_exists(id)";

/// Whether an item is a widget, and not what a deleted one left.
pub(super) fn is_widget(item: &Item) -> bool {
    item.contains_key(ID)
}

/// The version of the widget that an item is.
pub(super) fn version(item: &Item) -> Option<u64> {
    u64::read(item.get(VERSION).cloned())
}

/// When the widget that an item is last changed.
pub(super) fn updated_at(item: &Item) -> Option<Timestamp> {
    Timestamp::read(item.get(UPDATED_AT).cloned())
}

/// Attributes to write: a value, or none where there is to be none.
#[derive(Debug, Default)]
pub struct Attributes(pub(super) Vec<(&'static str, Option<AttributeValue>)>);

impl Attributes {
    fn put(&mut self, name: &'static str, value: &impl Attribute) {
        self.0.push((name, value.write()));
    }

    /// Whether `item` has them already, all of them.
    pub(super) fn are_in(&self, item: &Item) -> bool {
        self.0.iter().all(|(name, value)| item.get(*name) == value.as_ref())
    }

    /// Puts what a change sets.
    fn put_changed(&mut self, name: &'static str, value: &Option<impl Attribute>) {
        if let Some(value) = value {
            self.put(name, value);
        }
    }
}

/// The name of an attribute that is not there or holds something else than it should.
#[derive(Debug)]
pub struct Unreadable(pub(super) &'static str);

/// An item that is read attribute by attribute.
#[derive(Debug)]
pub struct Reader(Item);

impl Reader {
    /// A reader of `item`.
    pub(super) fn of(item: Item) -> Self {
        Self(item)
    }

    /// The value of an attribute, which is there no more then.
    pub(super) fn take<T: Attribute>(&mut self, name: &'static str) -> Result<T, Unreadable> {
        T::read(self.0.remove(name)).ok_or(Unreadable(name))
    }
}

/// A value of the model as an attribute; null is absence.
pub(super) trait Attribute: Sized {
    fn write(&self) -> Option<AttributeValue>;
    fn read(value: Option<AttributeValue>) -> Option<Self>;
}

impl<T: Attribute> Attribute for Option<T> {
    fn write(&self) -> Option<AttributeValue> {
        self.as_ref()?.write()
    }

    fn read(value: Option<AttributeValue>) -> Option<Self> {
        match value {
            None => Some(None),
            value => T::read(value).map(Some),
        }
    }
}

impl<T: Attribute> Attribute for Vec<T> {
    fn write(&self) -> Option<AttributeValue> {
        Some(AttributeValue::L(self.iter().filter_map(T::write).collect()))
    }

    fn read(value: Option<AttributeValue>) -> Option<Self> {
        match value? {
            AttributeValue::L(values) => {
                values.into_iter().map(|value| T::read(Some(value))).collect()
            }
            _ => None,
        }
    }
}

impl Attribute for bool {
    fn write(&self) -> Option<AttributeValue> {
        Some(AttributeValue::Bool(*self))
    }

    fn read(value: Option<AttributeValue>) -> Option<Self> {
        value?.as_bool().ok().copied()
    }
}

impl Attribute for u64 {
    fn write(&self) -> Option<AttributeValue> {
        Some(number(self))
    }

    fn read(value: Option<AttributeValue>) -> Option<Self> {
        value?.as_n().ok()?.parse().ok()
    }
}

/// A type that is kept as its text.
macro_rules! texts {
    ($($type:ty: |$value:ident| $write:expr, |$text:ident| $read:expr;)+) => { $(
        impl Attribute for $type {
            fn write(&self) -> Option<AttributeValue> {
                let $value = self;
                Some(text($write))
            }

            fn read(value: Option<AttributeValue>) -> Option<Self> {
                match value? {
                    AttributeValue::S($text) => $read,
                    _ => None,
                }
            }
        }
    )+ };
}

texts! {
    String: |text| text, |text| Some(text);
    Uuid: |id| id, |text| Uuid::parse_str(&text).ok();
    Timestamp: |moment| moment, |text| Timestamp::parse(&text);
    assistant::WidgetType: |widget_type| widget_type.name(), |text| assistant::WidgetType::named(&text);
    AgentPrompt: |prompt| prompt.as_str(), |text| AgentPrompt::new(text).ok();
    AllowedDomain: |domain| domain.as_str(), |text| AllowedDomain::parse(text).ok();
    Config: |config| config.as_json().as_str(), |text| Config::parse(serde_json::from_str(&text).ok()?).ok();
    WebhookUrl: |url| url.as_str(), |text| WebhookUrl::new(text).ok();
}

impl Attribute for JsonText {
    fn write(&self) -> Option<AttributeValue> {
        Some(text(self.as_str()))
    }

    /// `action_buttons` were a list of texts once, and what is stored is read as it was let in.
    fn read(value: Option<AttributeValue>) -> Option<Self> {
        match value? {
            AttributeValue::S(text) => Self::parse(text),
            AttributeValue::L(elements) => {
                let texts: Option<Vec<&str>> =
                    elements.iter().map(|it| it.as_s().ok().map(String::as_str)).collect();
                Self::parse(format!("[{}]", texts?.join(",")))
            }
            _ => None,
        }
    }
}

impl Attribute for MessagesPerMinute {
    /// A number whose text must survive: as DynamoDB's number where DynamoDB gives back that very text, else as a
    /// string. It would turn `1.0` into `1` and refuse what has more than 38 digits or leaves its range
    /// (<https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/HowItWorks.NamingRulesDataTypes.html>).
    fn write(&self) -> Option<AttributeValue> {
        let text = self.as_json().as_str().to_owned();
        Some(if survives_as_number(&text) {
            AttributeValue::N(text)
        } else {
            AttributeValue::S(text)
        })
    }

    fn read(value: Option<AttributeValue>) -> Option<Self> {
        match value? {
            AttributeValue::N(text) | AttributeValue::S(text) => {
                Self::parse(serde_json::from_str(&text).ok()?).ok()
            }
            _ => None,
        }
    }
}

fn survives_as_number(text: &str) -> bool {
    let is_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    match text.split_once('.') {
        None => is_digits(text) && text.len() <= 38,
        Some((whole, fraction)) => {
            is_digits(whole)
                && is_digits(fraction)
                && !fraction.ends_with('0')
                && whole.len() + fraction.len() <= 38
        }
    }
}

/// [`Stored`] for settings whose fields are attributes of the same names.
macro_rules! assistant_fields {
    ($($field:ident),+ $(,)?) => {
        impl Stored for assistant::Settings {
            type Changes = assistant::Changes;

            const DIALECT: &'static str = "assistant";

            const ATTRIBUTES: &'static [&'static str] = &[$(stringify!($field)),+, BY_ACCOUNT, BY_ASSISTANT];

            fn attributes(&self, account: AccountId) -> Attributes {
                let mut attributes = Attributes(Vec::with_capacity(32));
                $(attributes.put(stringify!($field), &self.$field);)+
                attributes.put(BY_ACCOUNT, &account.0);
                attributes.put_assistant(account, self.assistant_id);
                attributes
            }

            fn changed(changes: &assistant::Changes, account: AccountId) -> Attributes {
                let mut attributes = Attributes::default();
                $(attributes.put_changed(stringify!($field), &changes.$field);)+
                if let Some(assistant_id) = changes.assistant_id {
                    attributes.put_assistant(account, assistant_id);
                }
                attributes
            }

            fn read(item: &mut Reader) -> Result<Self, Unreadable> {
                Ok(Self { $($field: item.take(stringify!($field))?),+ })
            }
        }
    };
}

assistant_fields! {
    widget_type, user_opening_messages, action_buttons, org_id, assistant_id, name, description, attributes,
    display_name, intro_message, header_color, user_message_color, bot_message_color, bot_icon_color, remove_branding,
    ice_break_color, bubble_color, bubble_text, bot_text_message_color, user_text_message_color, header_text_color,
    textbox_default_text, action_buttons_color, style_params,
}

impl Attributes {
    /// Puts the widget into the index by assistant, or takes it out.
    fn put_assistant(&mut self, account: AccountId, assistant_id: Option<Uuid>) {
        self.0.push((
            BY_ASSISTANT,
            assistant_id.map(|assistant_id| by_assistant(account, assistant_id)),
        ));
    }
}

impl Stored for pathway::Settings {
    type Changes = pathway::Changes;

    const DIALECT: &'static str = "pathway";

    const ATTRIBUTES: &'static [&'static str] = &[
        "pathway_id",
        "agent_prompt",
        "agent_id",
        "allowed_domains",
        "messages_per_minute",
        "config",
        "webhook_url",
    ];

    fn attributes(&self, _: AccountId) -> Attributes {
        let mut attributes = Attributes(Vec::with_capacity(8));
        attributes.put("pathway_id", &self.script.pathway_id());
        attributes.put("agent_prompt", &self.script.agent_prompt().cloned());
        attributes.put("agent_id", &self.agent_id);
        attributes.put("allowed_domains", &self.allowed_domains);
        attributes.put("messages_per_minute", &self.messages_per_minute);
        attributes.put("config", &self.config);
        attributes.put("webhook_url", &self.webhook_url);
        attributes
    }

    fn changed(changes: &pathway::Changes, _: AccountId) -> Attributes {
        let mut attributes = Attributes::default();
        attributes.put_changed("pathway_id", &changes.pathway_id);
        attributes.put_changed("agent_prompt", &changes.agent_prompt);
        attributes.put_changed("agent_id", &changes.agent_id);
        attributes.put_changed("allowed_domains", &changes.allowed_domains);
        attributes.put_changed("messages_per_minute", &changes.messages_per_minute);
        attributes.put_changed("config", &changes.config);
        attributes.put_changed("webhook_url", &changes.webhook_url);
        attributes
    }

    fn relies_on(changes: &pathway::Changes) -> Option<(&'static str, Violation)> {
        changes.relies_on()
    }

    fn read(item: &mut Reader) -> Result<Self, Unreadable> {
        Ok(Self {
            script: Script::of(item.take("pathway_id")?, item.take("agent_prompt")?)
                .ok_or(Unreadable("script"))?,
            agent_id: item.take("agent_id")?,
            allowed_domains: item.take("allowed_domains")?,
            messages_per_minute: item.take("messages_per_minute")?,
            config: item.take("config")?,
            webhook_url: item.take("webhook_url")?,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::json;

    const ACCOUNT: AccountId = AccountId(Uuid::from_u128(7));

    /// Any JSON, as text.
    fn value() -> impl Strategy<Value = String> {
        let leaf = prop_oneof![
            Just("null".to_owned()),
            r"-?(0|[1-9][0-9]{0,24})(\.[0-9]{1,8})?([eE][+-]?[0-9]{1,3})?",
            any::<String>().prop_map(|text| json!(text).to_string()),
        ];
        leaf.prop_recursive(3, 12, 3, |inner| {
            let member = (any::<String>(), inner.clone());
            prop_oneof![
                prop::collection::vec(inner, 0..3)
                    .prop_map(|items| format!("[ {} ]", items.join(" , "))),
                prop::collection::vec(member, 0..3).prop_map(|members| object(&members)),
            ]
        })
    }

    fn object(members: &[(String, String)]) -> String {
        let members: Vec<String> =
            members.iter().map(|(key, value)| format!("{}:{value}", json!(key))).collect();
        format!("{{{}}}", members.join(","))
    }

    /// `null` or a JSON text.
    fn or_null(strategy: impl Strategy<Value = String>) -> impl Strategy<Value = String> {
        prop_oneof![Just("null".to_owned()), strategy]
    }

    fn text_value() -> impl Strategy<Value = String> {
        any::<String>().prop_map(|text| json!(text).to_string())
    }

    fn uuid_value() -> impl Strategy<Value = String> {
        any::<u128>().prop_map(|id| json!(Uuid::from_u128(id)).to_string())
    }

    prop_compose! {
        fn assistant_body()(
            widget_type in or_null((0..assistant::WidgetType::NAMES.len()).prop_map(|i| json!(assistant::WidgetType::NAMES[i]).to_string())),
            messages in or_null(prop::collection::vec(any::<String>(), 0..4).prop_map(|texts| json!(texts).to_string())),
            buttons in or_null(prop::collection::vec(value(), 0..4).prop_map(|values| format!("[{}]", values.join(",")))),
            ids in [or_null(uuid_value()), or_null(uuid_value())],
            texts in [or_null(text_value()), or_null(text_value()), or_null(text_value()), or_null(text_value())],
            branding in or_null(any::<bool>().prop_map(|it| it.to_string())),
            free in prop::collection::vec((any::<String>(), value()), 0..4),
        ) -> String {
            format!(
                r#"{{"widget_type":{widget_type},"user_opening_messages":{messages},"action_buttons":{buttons},"org_id":{},"assistant_id":{},"name":{},"description":{},"bubble_text":{},"action_buttons_color":{},"remove_branding":{branding},"attributes":{},"style_params":{}}}"#,
                ids[0], ids[1], texts[0], texts[1], texts[2], texts[3], object(&free), object(&free),
            )
        }
    }

    prop_compose! {
        fn pathway_body()(
            scripts in prop_oneof![
                (uuid_value(), or_null(r"[a-zé😀 ]{1,40}".prop_map(|text| json!(text).to_string()))),
                (Just("null".to_owned()), r"[a-zé😀 ]{1,40}".prop_map(|text| json!(text).to_string())),
            ],
            domains in prop::collection::vec(r"([*]\.)?[a-zA-Z]{1,9}(\.[a-z]{2,5})?(:[1-9][0-9]{0,3})?", 0..4),
            rate in r"(0|[1-9][0-9]{0,40})(\.[0-9]{1,6})?([eE]-?[0-9]{1,2})?",
            config in value().prop_filter("null is no config", |text| text != "null"),
            agent in or_null(uuid_value()),
            webhook in or_null(r"https://[a-z]{1,9}\.com/[a-z?=&%2]{0,9}".prop_map(|url| json!(url).to_string())),
        ) -> String {
            format!(
                r#"{{"pathway_id":{},"agent_prompt":{},"allowed_domains":{},"messages_per_minute":{rate},"config":{config},"agent_id":{agent},"webhook_url":{webhook}}}"#,
                scripts.0, scripts.1, json!(domains),
            )
        }
    }

    #[test]
    fn a_delete_takes_away_every_attribute_that_settings_have() {
        fn check<S: Stored>(settings: &S) {
            let written: BTreeSet<&str> =
                settings.attributes(ACCOUNT).0.iter().map(|(name, _)| *name).collect();
            assert_eq!(written, S::ATTRIBUTES.iter().copied().collect());
        }
        check(&assistant::Settings::default());
        let body =
            br#"{"agent_prompt":"x","allowed_domains":[],"messages_per_minute":1,"config":1}"#;
        check(&pathway::Settings::parse(json::document(body).unwrap()).unwrap());
    }

    proptest! {
        #[test]
        fn an_assistant_widget_is_read_as_it_was_kept(body in assistant_body()) {
            let settings = assistant::Settings::parse(json::document(body.as_bytes()).unwrap(), ACCOUNT).unwrap();
            let kept = Widget::new(settings);
            prop_assert_eq!(widget::<assistant::Settings>(of(ACCOUNT, &kept)).unwrap(), kept);
        }

        #[test]
        fn a_pathway_widget_is_read_as_it_was_kept(body in pathway_body()) {
            let settings = pathway::Settings::parse(json::document(body.as_bytes()).unwrap()).unwrap();
            let kept = Widget::new(settings);
            prop_assert_eq!(widget::<pathway::Settings>(of(ACCOUNT, &kept)).unwrap(), kept);
        }

        #[test]
        fn what_an_update_writes_is_what_it_sets(old in assistant_body(), new in assistant_body()) {
            let old = assistant::Settings::parse(json::document(old.as_bytes()).unwrap(), ACCOUNT).unwrap();
            let changes = assistant::Changes::parse(json::document(new.as_bytes()).unwrap()).unwrap();
            let kept = Widget::new(old);
            let mut item = of(ACCOUNT, &kept);
            for (name, value) in assistant::Settings::changed(&changes, ACCOUNT).0 {
                match value {
                    Some(value) => drop(item.insert(name.to_owned(), value)),
                    None => drop(item.remove(name)),
                }
            }
            let mut expected = kept;
            expected.settings.apply(changes);
            prop_assert_eq!(&item, &of(ACCOUNT, &expected), "the index's attribute included");
            prop_assert_eq!(widget::<assistant::Settings>(item).unwrap(), expected);
        }
    }

    #[test]
    fn an_item_that_cannot_be_read_is_a_fault_of_ours_that_names_it() {
        let body =
            br#"{"agent_prompt":"x","allowed_domains":[],"messages_per_minute":1,"config":1}"#;
        let kept = Widget::new(pathway::Settings::parse(json::document(body).unwrap()).unwrap());
        for (name, value) in [
            ("version", text("1")),
            ("created_at", text("yesterday")),
            ("agent_prompt", AttributeValue::L(Vec::new())),
            ("allowed_domains", AttributeValue::L(vec![text("http://x")])),
            ("messages_per_minute", text("many")),
            ("config", text("{")),
        ] {
            let mut item = of(ACCOUNT, &kept);
            item.insert(name.to_owned(), value);
            let error = widget::<pathway::Settings>(item).unwrap_err();
            let expected = format!("the stored widget {} has no {name} that can be read", kept.id);
            assert_eq!(error, Error::Internal(expected));
        }
    }

    #[test]
    fn only_numbers_that_dynamodb_gives_back_as_they_were_are_kept_as_its_numbers() {
        for text in
            ["0", "10", "0.5", "12345678901234567890", "99999999999999999999999999999999999999"]
        {
            assert!(survives_as_number(text), "{text}");
        }
        for text in
            ["1.0", "0.50", "1e3", "-0", "1E-3", "999999999999999999999999999999999999999", "0.10"]
        {
            assert!(!survives_as_number(text), "{text}");
        }
    }
}
