//! A widget of the assistant dialect (contract 2.2 and 2.3).

use serde_json::value::RawValue;
use uuid::Uuid;

use super::AccountId;
use crate::{
    json::{self, JsonText},
    validation::{Checked, Fault, Fields, anything, lenient_bool, list, nullable, object, refused, text, uuid},
};

/// What a client sets.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are the documented ones, and most are text to draw")]
pub struct Settings {
    pub widget_type: Option<WidgetType>,
    pub user_opening_messages: Option<Vec<String>>,
    pub action_buttons: Option<Vec<JsonText>>,
    /// The account's id where the client gave none.
    pub org_id: Uuid,
    pub assistant_id: Option<Uuid>,
    pub name: Option<String>,
    pub description: Option<String>,
    pub attributes: JsonText,
    pub display_name: Option<String>,
    pub intro_message: Option<String>,
    pub header_color: Option<String>,
    pub user_message_color: Option<String>,
    pub bot_message_color: Option<String>,
    pub bot_icon_color: Option<String>,
    pub remove_branding: Option<bool>,
    pub ice_break_color: Option<String>,
    pub bubble_color: Option<String>,
    pub bubble_text: Option<String>,
    pub bot_text_message_color: Option<String>,
    pub user_text_message_color: Option<String>,
    pub header_text_color: Option<String>,
    pub textbox_default_text: Option<String>,
    pub action_buttons_color: Option<String>,
    pub style_params: JsonText,
}

impl Settings {
    /// The settings of a new widget of `account`, from the body of a create request.
    pub fn parse(body: &RawValue, account: AccountId) -> Checked<Self> {
        let mut fields = Fields::of(body)?;
        let widget_type = fields.required("widget_type", nullable(WidgetType::parse));
        let user_opening_messages = fields.required("user_opening_messages", nullable(list(text)));
        let action_buttons = fields.required("action_buttons", nullable(list(anything)));
        let org_id = fields.optional("org_id", nullable(uuid)).flatten();
        let assistant_id = fields.optional("assistant_id", nullable(uuid)).flatten();
        let name = optional_text(&mut fields, "name");
        let description = optional_text(&mut fields, "description");
        let attributes = fields.optional("attributes", object);
        let display_name = optional_text(&mut fields, "display_name");
        let intro_message = optional_text(&mut fields, "intro_message");
        let header_color = optional_text(&mut fields, "header_color");
        let user_message_color = optional_text(&mut fields, "user_message_color");
        let bot_message_color = optional_text(&mut fields, "bot_message_color");
        let bot_icon_color = optional_text(&mut fields, "bot_icon_color");
        let remove_branding = fields.optional("remove_branding", nullable(lenient_bool));
        let ice_break_color = optional_text(&mut fields, "ice_break_color");
        let bubble_color = optional_text(&mut fields, "bubble_color");
        let bubble_text = optional_text(&mut fields, "bubble_text");
        let bot_text_message_color = optional_text(&mut fields, "bot_text_message_color");
        let user_text_message_color = optional_text(&mut fields, "user_text_message_color");
        let header_text_color = optional_text(&mut fields, "header_text_color");
        let textbox_default_text = optional_text(&mut fields, "textbox_default_text");
        let action_buttons_color = optional_text(&mut fields, "action_buttons_color");
        let style_params = fields.optional("style_params", object);
        let settings = widget_type.zip(user_opening_messages).zip(action_buttons).map(
            |((widget_type, user_opening_messages), action_buttons)| Self {
                widget_type,
                user_opening_messages,
                action_buttons,
                org_id: org_id.unwrap_or(account.0),
                assistant_id,
                name,
                description,
                attributes: attributes.unwrap_or_else(JsonText::empty_object),
                display_name,
                intro_message,
                header_color,
                user_message_color,
                bot_message_color,
                bot_icon_color,
                remove_branding: remove_branding.unwrap_or(Some(false)),
                ice_break_color,
                bubble_color,
                bubble_text,
                bot_text_message_color,
                user_text_message_color,
                header_text_color,
                textbox_default_text,
                action_buttons_color,
                style_params: style_params.unwrap_or_else(JsonText::empty_object),
            },
        );
        fields.finish(settings)
    }

    /// Who carries the widget's conversations, as (`widget_provider`, `provider_user_friendly_label`). Without a type
    /// it is drawn on a web page like a chat.
    pub fn provider(&self) -> (&'static str, &'static str) {
        self.widget_type.unwrap_or(WidgetType::Chat).provider()
    }
}

fn optional_text(fields: &mut Fields<'_>, name: &'static str) -> Option<String> {
    fields.optional(name, nullable(text)).flatten()
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
    fn parse(value: &RawValue) -> Checked<Self> {
        json::string(value)
            .and_then(|name| Self::ALL.iter().copied().find(|widget_type| widget_type.name() == name))
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
        let settings = parse(r#"{"widget_type":null,"user_opening_messages":null,"action_buttons":null}"#).unwrap();
        assert_eq!(settings.org_id, ACCOUNT.0);
        assert_eq!(settings.remove_branding, Some(false));
        assert_eq!(settings.attributes.as_str(), "{}");
        assert_eq!(settings.style_params.as_str(), "{}");
        assert_eq!(settings.name, None);
        assert_eq!(settings.provider(), ("web", "Web"));
    }

    #[test]
    fn null_is_kept_where_it_is_allowed_and_refused_where_it_is_not() {
        let with = |member: &str| {
            parse(&format!(r#"{{"widget_type":"sip","user_opening_messages":[],"action_buttons":[null],{member}}}"#))
        };
        assert_eq!(with(r#""remove_branding":null"#).unwrap().remove_branding, None);
        assert_eq!(with(r#""org_id":null"#).unwrap().org_id, ACCOUNT.0);
        assert_eq!(with(r#""attributes":null"#).unwrap_err()[0].fault, Fault::NotAnObject);
        assert_eq!(with(r#""style_params":null"#).unwrap_err()[0].fault, Fault::NotAnObject);
    }

    #[test]
    fn every_type_is_known_by_its_name_and_has_a_provider() {
        for (widget_type, name) in WidgetType::ALL.iter().zip(WidgetType::NAMES) {
            let parsed = WidgetType::parse(json::document(format!("{name:?}").as_bytes()).unwrap()).unwrap();
            assert_eq!((parsed, parsed.name()), (*widget_type, *name));
            assert!(!parsed.provider().0.is_empty() && !parsed.provider().1.is_empty());
        }
        assert_eq!(WidgetType::PlivoCall.provider(), ("plivo", "Plivo"));
    }

    #[test]
    fn faults_come_in_the_model_s_order() {
        let violations = parse(r#"{"style_params":1,"org_id":"x","widget_type":"Chat","name":3}"#).unwrap_err();
        let names: Vec<String> =
            violations.iter().map(|violation| crate::validation::PathText(&violation.path).to_string()).collect();
        assert_eq!(names, ["widget_type", "user_opening_messages", "action_buttons", "org_id", "name", "style_params"]);
    }
}
