//! A widget of the assistant dialect (contract 2.2 and 2.3).

use serde_json::value::RawValue;
use uuid::Uuid;

use super::AccountId;
use crate::{
    json::{self, JsonText},
    validation::{
        Checked, Fault, Fields, array, lenient_bool, list, nullable, object, refused, text, uuid,
    },
};

/// The fields that a client sets, each once: [`Settings`] has them all, [`Changes`] those that an update names.
macro_rules! fields {
    ($($(#[$attribute:meta])* $field:ident: $type:ty),+ $(,)?) => {
        /// What a client sets.
        #[derive(Debug, Clone, Default, PartialEq, Eq)]
        #[expect(missing_docs, reason = "the fields are the documented ones, and most are text to draw")]
        pub struct Settings { $($(#[$attribute])* pub $field: $type),+ }

        /// What an update sets anew; what is `None` stays.
        #[derive(Debug, Clone, Default, PartialEq, Eq)]
        #[expect(missing_docs, reason = "the fields are those of the settings")]
        pub struct Changes { $(pub $field: Option<$type>),+ }

        impl Settings {
            /// Takes over what `changes` set.
            pub fn apply(&mut self, changes: Changes) {
                $(if let Some(value) = changes.$field { self.$field = value; })+
            }
        }
    };
}

fields! {
    widget_type: Option<WidgetType>,
    user_opening_messages: Option<Vec<String>>,
    action_buttons: Option<JsonText>,
    /// On create the account's id where the client gives none.
    org_id: Option<Uuid>,
    assistant_id: Option<Uuid>,
    name: Option<String>,
    description: Option<String>,
    attributes: JsonText,
    display_name: Option<String>,
    intro_message: Option<String>,
    header_color: Option<String>,
    user_message_color: Option<String>,
    bot_message_color: Option<String>,
    bot_icon_color: Option<String>,
    remove_branding: Option<bool>,
    ice_break_color: Option<String>,
    bubble_color: Option<String>,
    bubble_text: Option<String>,
    bot_text_message_color: Option<String>,
    user_text_message_color: Option<String>,
    header_text_color: Option<String>,
    textbox_default_text: Option<String>,
    action_buttons_color: Option<String>,
    style_params: JsonText,
}

impl Changes {
    /// The changes that the body of an update makes: a field that is not named stays, an explicit null clears.
    pub fn parse(body: &RawValue) -> Checked<Self> {
        Self::read(body, &["widget_type"])
    }

    fn read(body: &RawValue, required: &'static [&'static str]) -> Checked<Self> {
        let mut fields = Fields::of(body, required)?;
        let changes = Self {
            widget_type: fields.get("widget_type", nullable(WidgetType::parse)),
            user_opening_messages: fields.get("user_opening_messages", nullable(list(text))),
            action_buttons: fields.get("action_buttons", nullable(array)),
            org_id: fields.get("org_id", nullable(uuid)),
            assistant_id: fields.get("assistant_id", nullable(uuid)),
            name: fields.get("name", nullable(text)),
            description: fields.get("description", nullable(text)),
            attributes: fields.get("attributes", object),
            display_name: fields.get("display_name", nullable(text)),
            intro_message: fields.get("intro_message", nullable(text)),
            header_color: fields.get("header_color", nullable(text)),
            user_message_color: fields.get("user_message_color", nullable(text)),
            bot_message_color: fields.get("bot_message_color", nullable(text)),
            bot_icon_color: fields.get("bot_icon_color", nullable(text)),
            remove_branding: fields.get("remove_branding", nullable(lenient_bool)),
            ice_break_color: fields.get("ice_break_color", nullable(text)),
            bubble_color: fields.get("bubble_color", nullable(text)),
            bubble_text: fields.get("bubble_text", nullable(text)),
            bot_text_message_color: fields.get("bot_text_message_color", nullable(text)),
            user_text_message_color: fields.get("user_text_message_color", nullable(text)),
            header_text_color: fields.get("header_text_color", nullable(text)),
            textbox_default_text: fields.get("textbox_default_text", nullable(text)),
            action_buttons_color: fields.get("action_buttons_color", nullable(text)),
            style_params: fields.get("style_params", object),
        };
        fields.finish(Some(changes))
    }
}

impl Settings {
    /// The settings of a new widget of `account`, from the body of a create request.
    pub fn parse(body: &RawValue, account: AccountId) -> Checked<Self> {
        let changes =
            Changes::read(body, &["widget_type", "user_opening_messages", "action_buttons"])?;
        let mut settings = Self { remove_branding: Some(false), ..Self::default() };
        settings.apply(changes);
        settings.org_id.get_or_insert(account.0);
        Ok(settings)
    }

    /// Who carries the widget's conversations, as (`widget_provider`, `provider_user_friendly_label`). Without a type
    /// it is drawn on a web page like a chat.
    pub fn provider(&self) -> (&'static str, &'static str) {
        self.widget_type.unwrap_or(WidgetType::Chat).provider()
    }
}

macro_rules! widget_types {
    ($($variant:ident $name:literal $provider:literal $label:literal),+ $(,)?) => {
        /// What a widget is attached to.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        #[expect(missing_docs, reason = "a variant is its documented name")]
        pub enum WidgetType { $($variant),+ }

        impl WidgetType {
            /// The documented names, in the documented order.
            pub const NAMES: &'static [&'static str] = &[$($name),+];

            /// Every type, in the same order.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The documented name.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),+ }
            }

            /// Who carries it: an identifier, and what a person reads.
            fn provider(self) -> (&'static str, &'static str) {
                match self { $(Self::$variant => ($provider, $label)),+ }
            }
        }
    };
}

widget_types! {
    Chat "chat" "web" "Web",
    Html "html" "web" "Web",
    Whatsapp "whatsapp" "whatsapp" "WhatsApp",
    Phone "phone" "phone" "Phone",
    HtmlCall "html_call" "web" "Web",
    Leadconnector "leadconnector" "leadconnector" "LeadConnector",
    LeadconnectorCall "leadconnector_call" "leadconnector" "LeadConnector",
    Sms "sms" "sms" "SMS",
    FbMessenger "fb_messenger" "facebook" "Facebook Messenger",
    Instagram "instagram" "instagram" "Instagram",
    WebCall "web_call" "web" "Web",
    PlivoCall "plivo_call" "plivo" "Plivo",
    TelnyxCall "telnyx_call" "telnyx" "Telnyx",
    Telegram "telegram" "telegram" "Telegram",
    RenderForm "render_form" "web" "Web",
    Sip "sip" "sip" "SIP",
}

impl WidgetType {
    /// The type of this documented name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|widget_type| widget_type.name() == name)
    }

    fn parse(value: &RawValue) -> Checked<Self> {
        json::string(value)
            .and_then(|name| Self::named(&name))
            .ok_or_else(|| refused(Fault::NotOneOf(Self::NAMES), value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ACCOUNT: AccountId = AccountId(Uuid::from_u128(7));

    fn parse(body: &str) -> Checked<Settings> {
        Settings::parse(json::document(body.as_bytes()).unwrap(), ACCOUNT)
    }

    #[test]
    fn the_smallest_body_gets_the_documented_defaults() {
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
    fn null_is_kept_where_it_is_allowed_and_refused_where_it_is_not() {
        let with = |member: &str| {
            parse(&format!(
                r#"{{"widget_type":"sip","user_opening_messages":[],"action_buttons":[null],{member}}}"#
            ))
        };
        assert_eq!(with(r#""remove_branding":null"#).unwrap().remove_branding, None);
        assert_eq!(with(r#""org_id":null"#).unwrap().org_id, Some(ACCOUNT.0));
        assert_eq!(with(r#""attributes":null"#).unwrap_err()[0].fault, Fault::NotAnObject);
        assert_eq!(with(r#""style_params":null"#).unwrap_err()[0].fault, Fault::NotAnObject);
    }

    #[test]
    fn every_type_is_known_by_its_name_and_has_a_provider() {
        for (widget_type, name) in WidgetType::ALL.iter().zip(WidgetType::NAMES) {
            let parsed =
                WidgetType::parse(json::document(format!("{name:?}").as_bytes()).unwrap()).unwrap();
            assert_eq!((parsed, parsed.name()), (*widget_type, *name));
            assert!(!parsed.provider().0.is_empty() && !parsed.provider().1.is_empty());
        }
        assert_eq!(WidgetType::PlivoCall.provider(), ("plivo", "Plivo"));
    }

    #[test]
    fn an_update_sets_what_it_names_clears_what_is_null_and_keeps_the_rest() {
        let body = r#"{"widget_type":"chat","user_opening_messages":["a"],"action_buttons":[1],
            "org_id":"3c90c3cc-0d44-4b50-8888-8dd25736052a","name":"n","description":"d","attributes":{"a":1}}"#;
        let mut settings = parse(body).unwrap();
        let update = r#"{"widget_type":null,"org_id":null,"name":null,"bubble_text":"b","style_params":{"x":1.0}}"#;
        settings.apply(Changes::parse(json::document(update.as_bytes()).unwrap()).unwrap());
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
    fn an_update_must_name_the_type_and_nothing_else() {
        let changes = |body: &str| Changes::parse(json::document(body.as_bytes()).unwrap());
        assert_eq!(
            changes(r#"{"widget_type":"sip"}"#).unwrap().widget_type,
            Some(Some(WidgetType::Sip))
        );
        let violations = changes(r#"{"attributes":null,"name":1}"#).unwrap_err();
        let faults: Vec<&Fault> = violations.iter().map(|violation| &violation.fault).collect();
        assert_eq!(faults, [&Fault::Missing, &Fault::NotAString, &Fault::NotAnObject]);
    }

    #[test]
    fn faults_come_in_the_model_s_order() {
        let violations =
            parse(r#"{"style_params":1,"org_id":"x","widget_type":"Chat","name":3}"#).unwrap_err();
        let names: Vec<String> = violations
            .iter()
            .map(|violation| crate::validation::PathText(&violation.path).to_string())
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
