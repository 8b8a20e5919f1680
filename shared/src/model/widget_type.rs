//! The channel that a widget of the assistant dialect is attached to.

use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

use crate::validation::{Validated, ViolationKind, json, violation};

macro_rules! widget_types {
    ($($variant:ident $name:literal $provider:literal $label:literal),+ $(,)?) => {
        /// The channel that a widget is attached to.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        #[expect(missing_docs, reason = "a variant is its documented name")]
        pub enum WidgetType { $($variant),+ }

        impl WidgetType {
            /// The documented names, in the documented order.
            pub const NAMES: &'static [&'static str] = &[$($name),+];

            /// Returns the type of this documented name.
            pub fn named(name: &str) -> Option<Self> {
                match name { $($name => Some(Self::$variant),)+ _ => None }
            }

            /// Returns the documented name.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),+ }
            }

            /// Returns who carries the conversations: an identifier, and what a person reads.
            pub fn provider(self) -> (&'static str, &'static str) {
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
    /// Parses a documented name.
    pub fn parse(value: &RawValue) -> Validated<Self> {
        json::text(value)
            .and_then(|name| Self::named(&name))
            .ok_or_else(|| violation(ViolationKind::NotOneOf(Self::NAMES), value))
    }
}

impl Serialize for WidgetType {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_has_a_name_and_a_provider() {
        for name in WidgetType::NAMES {
            let body = format!("{name:?}");
            let parsed = WidgetType::parse(json::document(body.as_bytes()).unwrap()).unwrap();
            assert_eq!(parsed.name(), *name);
            assert!(!parsed.provider().0.is_empty() && !parsed.provider().1.is_empty());
        }
        assert_eq!(WidgetType::PlivoCall.provider(), ("plivo", "Plivo"));
    }
}
