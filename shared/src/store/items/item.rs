//! What the items of all dialects have in common.

use std::collections::HashMap;

use super::attribute::{Attribute, Attributes, DecodeError, ItemReader};
use crate::error::{Error, Result};
use crate::model::{AccountId, Change, Widget, WidgetId, WidgetSettings};
use crate::store::table::{
    ACCOUNT, CHANGE, CREATED_AT, DIALECT, ID, Item, PK, SK, UPDATED_AT, VERSION, number, partition,
    text,
};

/// What the store has to know of a dialect. `field_attributes!` implements the first four members
/// from the dialect's list of fields.
pub trait TableItem: WidgetSettings {
    /// The names of the fields, which are those of their attributes.
    const NAMES: &'static [&'static str];

    /// Writes every field.
    fn encode(&self) -> Attributes;

    /// Writes the fields that an update sets.
    fn encode_changes(changes: &Self::Changes) -> Attributes;

    /// Reads every field.
    fn decode(item: &mut ItemReader) -> Result<Self, DecodeError>;

    /// The attributes that only indexes need.
    const INDEX_KEYS: &'static [&'static str] = &[];

    /// Writes the keys of indexes.
    fn index_keys(&self, _account: AccountId) -> Attributes {
        Attributes::new()
    }

    /// Writes the keys of indexes that an update changes.
    fn changed_index_keys(_changes: &Self::Changes, _account: AccountId) -> Attributes {
        Attributes::new()
    }
}

/// Implements [`TableItem::NAMES`], `encode`, `encode_changes` and `decode` from the rows of a
/// dialect's list of fields.
macro_rules! field_attributes {
    ($($field:ident: $type:ty, $rule:expr, $required:ident, $visibility:ident;)+) => {
        const NAMES: &'static [&'static str] = &[$(stringify!($field)),+];

        fn encode(&self) -> Attributes {
            vec![$((stringify!($field), self.$field.write())),+]
        }

        fn encode_changes(changes: &Changes) -> Attributes {
            let mut attributes = Attributes::new();
            $(if let Some(value) = &changes.$field {
                attributes.push((stringify!($field), value.write()));
            })+
            attributes
        }

        fn decode(item: &mut ItemReader) -> Result<Self, DecodeError> {
            Ok(Self { $($field: item.take(stringify!($field))?),+ })
        }
    };
}
pub(super) use field_attributes;

/// Makes the item of a new widget.
pub(in crate::store) fn encode<S: TableItem>(account: AccountId, widget: &Widget<S>) -> Item {
    let mut item: Item = HashMap::with_capacity(36);
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
    let settings = &widget.settings;
    for (name, value) in settings.encode().into_iter().chain(settings.index_keys(account)) {
        value.into_iter().for_each(|value| put(name, value));
    }
    item
}

/// Makes the attributes that an update sets and removes.
pub(in crate::store) fn encode_changes<S: TableItem>(
    changes: &S::Changes,
    account: AccountId,
) -> Attributes {
    let mut attributes = S::encode_changes(changes);
    attributes.extend(S::changed_index_keys(changes, account));
    attributes
}

/// As much of a widget as is read of its item.
pub trait Row: Sized {
    /// The settings of the dialect.
    type Settings: TableItem;

    /// The attributes beside the id and the fields.
    const ATTRIBUTES: &'static [&'static str];

    /// Reads [`Row::ATTRIBUTES`].
    fn read(
        id: WidgetId,
        settings: Self::Settings,
        item: &mut ItemReader,
    ) -> Result<Self, DecodeError>;

    /// Returns the id.
    fn id(&self) -> WidgetId;
}

/// Everything.
impl<S: TableItem> Row for Widget<S> {
    type Settings = S;

    const ATTRIBUTES: &'static [&'static str] = &[VERSION, CREATED_AT, UPDATED_AT];

    fn read(id: WidgetId, settings: S, item: &mut ItemReader) -> Result<Self, DecodeError> {
        Ok(Self {
            id,
            version: item.take(VERSION)?,
            created_at: item.take(CREATED_AT)?,
            updated_at: item.take(UPDATED_AT)?,
            settings,
        })
    }

    fn id(&self) -> WidgetId {
        self.id
    }
}

/// What a list shows in a dialect without times.
impl<S: TableItem> Row for (WidgetId, S) {
    type Settings = S;

    const ATTRIBUTES: &'static [&'static str] = &[];

    fn read(id: WidgetId, settings: S, _item: &mut ItemReader) -> Result<Self, DecodeError> {
        Ok((id, settings))
    }

    fn id(&self) -> WidgetId {
        self.0
    }
}

/// Returns the names of the attributes that [`decode`] reads.
pub(in crate::store) fn read_attributes<R: Row>() -> impl Iterator<Item = &'static str> {
    [&[SK], R::ATTRIBUTES, R::Settings::NAMES].into_iter().flatten().copied()
}

/// Reads the widget of an item. An item that cannot be read is a fault of the service: the error
/// names the widget and the attribute.
pub(in crate::store) fn decode<R: Row>(item: Item) -> Result<R> {
    let id = item.get(SK).and_then(|id| id.as_s().ok()).cloned().unwrap_or_default();
    let mut reader = ItemReader(item);
    let mut read = || {
        let id = WidgetId(reader.take(SK)?);
        let settings = R::Settings::decode(&mut reader)?;
        match settings.missing_field() {
            Some(name) => Err(DecodeError(name)),
            None => R::read(id, settings, &mut reader),
        }
    };
    read().map_err(|DecodeError(name)| {
        Error::Internal(format!("the stored widget {id} has no {name} that can be read"))
    })
}

/// Returns whether an item is a widget, and not a tombstone.
pub(in crate::store) fn is_widget(item: &Item) -> bool {
    item.contains_key(ID)
}

/// Returns whether an item has these attributes, and none of those without a value.
pub(in crate::store) fn are_in(item: &Item, attributes: &Attributes) -> bool {
    attributes.iter().all(|(name, value)| item.get(*name) == value.as_ref())
}

/// Returns the value of an attribute, if it is what it should be.
pub(in crate::store) fn get<T: Attribute>(item: &Item, name: &str) -> Option<T> {
    T::read(item.get(name).cloned())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use aws_sdk_dynamodb::types::AttributeValue;
    use proptest::prelude::*;
    use serde_json::json;
    use uuid::Uuid;

    use super::*;
    use crate::model::{WidgetType, assistant, pathway};
    use crate::validation::json;

    const ACCOUNT: AccountId = AccountId(Uuid::from_u128(7));

    /// Generates any JSON, as text.
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

    /// Generates `null` or a JSON text.
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
            widget_type in or_null((0..WidgetType::NAMES.len()).prop_map(|i| json!(WidgetType::NAMES[i]).to_string())),
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

    const MINIMAL_PATHWAY: &str =
        r#"{"agent_prompt":"x","allowed_domains":[],"messages_per_minute":1,"config":1}"#;

    fn parse<S: TableItem>(body: &str) -> S {
        S::parse(json::document(body.as_bytes()).unwrap(), ACCOUNT).unwrap()
    }

    fn round_trip<S: TableItem + Clone>(body: &str) -> (Widget<S>, Widget<S>) {
        let widget = Widget::new(parse::<S>(body));
        (decode(encode(ACCOUNT, &widget)).unwrap(), widget)
    }

    #[test]
    fn a_delete_removes_every_attribute_that_a_create_writes() {
        fn check<S: TableItem>(settings: &S) {
            let mut written = settings.encode();
            written.extend(settings.index_keys(ACCOUNT));
            let written: BTreeSet<&str> = written.into_iter().map(|(name, _)| name).collect();
            assert_eq!(written, S::NAMES.iter().chain(S::INDEX_KEYS).copied().collect());
        }
        check(&parse::<pathway::Settings>(MINIMAL_PATHWAY));
        let minimal = r#"{"widget_type":null,"user_opening_messages":null,"action_buttons":null}"#;
        check(&parse::<assistant::Settings>(minimal));
    }

    proptest! {
        #[test]
        fn an_assistant_widget_is_decoded_as_it_was_encoded(body in assistant_body()) {
            let (decoded, widget) = round_trip::<assistant::Settings>(&body);
            prop_assert_eq!(decoded, widget);
        }

        #[test]
        fn a_pathway_widget_is_decoded_as_it_was_encoded(body in pathway_body()) {
            let (decoded, widget) = round_trip::<pathway::Settings>(&body);
            prop_assert_eq!(decoded, widget);
        }

        #[test]
        fn an_update_writes_what_it_sets(old in assistant_body(), new in assistant_body()) {
            let mut widget = Widget::new(parse::<assistant::Settings>(&old));
            let changes = json::document(new.as_bytes()).unwrap();
            let changes = assistant::Settings::parse_changes(changes).unwrap();
            let mut item = encode(ACCOUNT, &widget);
            for (name, value) in encode_changes::<assistant::Settings>(&changes, ACCOUNT) {
                match value {
                    Some(value) => drop(item.insert(name.to_owned(), value)),
                    None => drop(item.remove(name)),
                }
            }
            widget.settings.apply(changes);
            prop_assert_eq!(&item, &encode(ACCOUNT, &widget), "the keys of indexes included");
            prop_assert_eq!(decode::<Widget<assistant::Settings>>(item).unwrap(), widget);
        }
    }

    #[test]
    fn an_item_that_cannot_be_read_is_an_internal_error_that_names_the_attribute() {
        let widget = Widget::new(parse::<pathway::Settings>(MINIMAL_PATHWAY));
        let error_with = |name: &str, value: Option<AttributeValue>| {
            let mut item = encode(ACCOUNT, &widget);
            item.remove(name);
            item.extend(value.map(|value| (name.to_owned(), value)));
            decode::<Widget<pathway::Settings>>(item).unwrap_err()
        };
        let expected = |name: &str| {
            let text = format!("the stored widget {} has no {name} that can be read", widget.id);
            Error::Internal(text)
        };
        for (name, value) in [
            ("version", text("1")),
            ("created_at", text("yesterday")),
            ("agent_prompt", AttributeValue::L(Vec::new())),
            ("allowed_domains", AttributeValue::L(vec![text("http://x")])),
            ("messages_per_minute", text("many")),
            ("config", text("{")),
        ] {
            assert_eq!(error_with(name, Some(value)), expected(name));
        }
        assert_eq!(error_with("agent_prompt", None), expected("pathway_id or agent_prompt"));
    }
}
