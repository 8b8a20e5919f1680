//! The settings of a widget of the assistant dialect.

use serde_json::value::RawValue;
use uuid::Uuid;

use super::fields::settings;
use super::ids::AccountId;
use super::text::Text;
use super::widget::WidgetSettings;
use super::widget_type::WidgetType;
use crate::validation::json::JsonText;
use crate::validation::rules::{array, lenient_bool, list, nullable, object, text, uuid};
use crate::validation::{Fields, Validated};

/// Passes the dialect's list of fields to the macro `$with`: name, type, rule, when a body must
/// name the field, and who may read it. The violations of a body are reported in this order.
#[macro_export]
macro_rules! assistant_fields {
    ($with:ident) => {
        $with! {
            widget_type: Option<WidgetType>, nullable(WidgetType::parse), Always, Public;
            user_opening_messages: Option<Vec<String>>, nullable(list(text)), OnCreate, Public;
            action_buttons: Option<JsonText>, nullable(array), OnCreate, Public;
            org_id: Option<Uuid>, nullable(uuid), Never, Private;
            assistant_id: Option<Uuid>, nullable(uuid), Never, Private;
            name: Option<String>, nullable(text), Never, Private;
            description: Option<String>, nullable(text), Never, Private;
            attributes: JsonText, object, Never, Private;
            display_name: Option<String>, nullable(text), Never, Public;
            intro_message: Option<String>, nullable(text), Never, Public;
            header_color: Option<String>, nullable(text), Never, Public;
            user_message_color: Option<String>, nullable(text), Never, Public;
            bot_message_color: Option<String>, nullable(text), Never, Public;
            bot_icon_color: Option<String>, nullable(text), Never, Public;
            remove_branding: Option<bool>, nullable(lenient_bool), Never, Public;
            ice_break_color: Option<String>, nullable(text), Never, Public;
            bubble_color: Option<String>, nullable(text), Never, Public;
            bubble_text: Option<String>, nullable(text), Never, Public;
            bot_text_message_color: Option<String>, nullable(text), Never, Public;
            user_text_message_color: Option<String>, nullable(text), Never, Public;
            header_text_color: Option<String>, nullable(text), Never, Public;
            textbox_default_text: Option<String>, nullable(text), Never, Public;
            action_buttons_color: Option<String>, nullable(text), Never, Public;
            style_params: JsonText, object, Never, Public;
            conversation_bot_icon: Option<Icon>, nullable(Icon::parse), Never, Public;
            bubble_bot_icon: Option<Icon>, nullable(Icon::parse), Never, Public;
        }
    };
}

crate::assistant_fields!(settings);

/// An icon, such as a URL or a CSS value. No format is enforced.
pub type Icon = Text<0, 2_048>;

impl WidgetSettings for Settings {
    type Changes = Changes;

    const DIALECT: &'static str = "assistant";

    fn parse(body: &RawValue, account: AccountId) -> Validated<Self> {
        let mut fields = Fields::open(body)?;
        let mut changes = Changes::read(&mut fields, true);
        changes.remove_branding.get_or_insert(Some(false));
        let mut settings = fields.finish(changes.into_settings())?;
        settings.org_id.get_or_insert(account.0);
        Ok(settings)
    }

    fn parse_changes(body: &RawValue) -> Validated<Changes> {
        let mut fields = Fields::open(body)?;
        let changes = Changes::read(&mut fields, false);
        fields.finish(Some(changes))
    }
}

impl Settings {
    /// Returns `widget_provider` and `provider_user_friendly_label`. A widget without a type is
    /// drawn on a web page like a chat.
    pub fn provider(&self) -> (&'static str, &'static str) {
        self.widget_type.unwrap_or(WidgetType::Chat).provider()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::validation::{ViolationKind, json};

    const ACCOUNT: AccountId = AccountId(Uuid::from_u128(7));

    fn parse(body: &str) -> Validated<Settings> {
        Settings::parse(json::document(body.as_bytes()).unwrap(), ACCOUNT)
    }

    #[test]
    fn minimal_body_gets_the_documented_defaults() {
        let settings =
            parse(r#"{"widget_type":null,"user_opening_messages":null,"action_buttons":null}"#)
                .unwrap();
        assert_eq!(settings.org_id, Some(ACCOUNT.0));
        assert_eq!(settings.remove_branding, Some(false));
        assert_eq!(settings.attributes.as_str(), "{}");
        assert_eq!(settings.style_params.as_str(), "{}");
        assert_eq!(settings.name, None);
        assert_eq!(settings.provider(), ("web", "Web"));
    }

    #[test]
    fn null_is_accepted_only_where_it_is_documented() {
        let with = |member: &str| {
            parse(&format!(
                r#"{{"widget_type":"sip","user_opening_messages":[],"action_buttons":[null],{member}}}"#
            ))
        };
        assert_eq!(with(r#""remove_branding":null"#).unwrap().remove_branding, None);
        assert_eq!(with(r#""org_id":null"#).unwrap().org_id, Some(ACCOUNT.0));
        assert_eq!(with(r#""attributes":null"#).unwrap_err()[0].kind, ViolationKind::NotAnObject);
        assert_eq!(with(r#""style_params":null"#).unwrap_err()[0].kind, ViolationKind::NotAnObject);
    }

    #[test]
    fn update_sets_clears_and_keeps_fields() {
        let body = r#"{"widget_type":"chat","user_opening_messages":["a"],"action_buttons":[1],
            "org_id":"3c90c3cc-0d44-4b50-8888-8dd25736052a","name":"n","description":"d","attributes":{"a":1}}"#;
        let mut settings = parse(body).unwrap();
        let update = r#"{"widget_type":null,"org_id":null,"name":null,"bubble_text":"b","style_params":{"x":1.0}}"#;
        settings
            .apply(Settings::parse_changes(json::document(update.as_bytes()).unwrap()).unwrap());
        assert_eq!(settings.widget_type, None);
        assert_eq!(settings.org_id, None);
        assert_eq!((settings.name.as_deref(), settings.description.as_deref()), (None, Some("d")));
        assert_eq!(
            (settings.bubble_text.as_deref(), settings.style_params.as_str()),
            (Some("b"), r#"{"x":1.0}"#)
        );
        assert_eq!(
            (settings.attributes.as_str(), settings.user_opening_messages.unwrap()),
            (r#"{"a":1}"#, ["a"].map(String::from).to_vec())
        );
    }

    #[test]
    fn update_requires_only_the_widget_type() {
        let changes =
            |body: &str| Settings::parse_changes(json::document(body.as_bytes()).unwrap());
        assert_eq!(
            changes(r#"{"widget_type":"sip"}"#).unwrap().widget_type,
            Some(Some(WidgetType::Sip))
        );
        let violations = changes(r#"{"attributes":null,"name":1}"#).unwrap_err();
        let faults: Vec<&ViolationKind> =
            violations.iter().map(|violation| &violation.kind).collect();
        assert_eq!(
            faults,
            [&ViolationKind::Missing, &ViolationKind::NotAString, &ViolationKind::NotAnObject]
        );
    }

    #[test]
    fn violations_come_in_the_order_of_the_list() {
        let violations =
            parse(r#"{"style_params":1,"org_id":"x","widget_type":"Chat","name":3}"#).unwrap_err();
        let names: Vec<String> = violations
            .iter()
            .map(|violation| {
                crate::validation::PathDisplay { path: &violation.path, root: "body" }.to_string()
            })
            .collect();
        assert_eq!(
            names,
            [
                "widget_type",
                "user_opening_messages",
                "action_buttons",
                "org_id",
                "name",
                "style_params"
            ]
        );
    }
}
