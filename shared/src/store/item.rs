//! A widget as an item, and what of that each dialect adds.

use aws_sdk_dynamodb::types::AttributeValue;
use uuid::Uuid;

use super::Item;
use crate::{
    json::JsonText,
    model::{AccountId, Widget, assistant, pathway},
};

/// Settings that the table can keep.
pub trait Stored {
    /// The dialect's name in a partition key.
    const DIALECT: &'static str;

    /// Adds the settings' attributes to an item.
    fn write(&self, item: &mut Attributes);
}

/// The item that `widget` is kept as.
pub(super) fn of<S: Stored>(account: AccountId, widget: &Widget<S>) -> Item {
    let mut item = Attributes(Item::with_capacity(32));
    item.text("pk", &format!("{account}#{}", S::DIALECT));
    item.text("sk", &widget.id.to_string());
    item.put("version", AttributeValue::N(widget.version.to_string()));
    item.text("created_at", &widget.created_at.to_string());
    item.text("updated_at", &widget.updated_at.to_string());
    widget.settings.write(&mut item);
    item.0
}

/// The attributes of an item, one method a type. What is `None` is left out.
#[derive(Debug)]
pub struct Attributes(Item);

impl Attributes {
    fn put(&mut self, name: &str, value: AttributeValue) {
        self.0.insert(name.to_owned(), value);
    }

    fn text(&mut self, name: &str, value: &str) {
        self.put(name, AttributeValue::S(value.to_owned()));
    }

    fn optional_text(&mut self, name: &str, value: Option<&str>) {
        if let Some(value) = value {
            self.text(name, value);
        }
    }

    fn optional_uuid(&mut self, name: &str, value: Option<Uuid>) {
        if let Some(value) = value {
            self.text(name, &value.to_string());
        }
    }

    fn texts<'a>(&mut self, name: &str, values: impl Iterator<Item = &'a str>) {
        self.put(name, AttributeValue::L(values.map(|value| AttributeValue::S(value.to_owned())).collect()));
    }

    fn json(&mut self, name: &str, value: &JsonText) {
        self.text(name, value.as_str());
    }

    /// A number whose text must survive: as DynamoDB's number where DynamoDB gives back that very text, else as a
    /// string. It would turn `1.0` into `1` and refuse what has more than 38 digits or leaves its range
    /// (<https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/HowItWorks.NamingRulesDataTypes.html>).
    fn number(&mut self, name: &str, number: &JsonText) {
        let text = number.as_str().to_owned();
        let value = if survives_as_number(&text) { AttributeValue::N(text) } else { AttributeValue::S(text) };
        self.put(name, value);
    }
}

fn survives_as_number(text: &str) -> bool {
    let is_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    match text.split_once('.') {
        None => is_digits(text) && text.len() <= 38,
        Some((whole, fraction)) => {
            is_digits(whole) && is_digits(fraction) && !fraction.ends_with('0') && whole.len() + fraction.len() <= 38
        }
    }
}

impl Stored for assistant::Settings {
    const DIALECT: &'static str = "assistant";

    fn write(&self, item: &mut Attributes) {
        item.optional_text("widget_type", self.widget_type.map(assistant::WidgetType::name));
        if let Some(messages) = &self.user_opening_messages {
            item.texts("user_opening_messages", messages.iter().map(String::as_str));
        }
        if let Some(buttons) = &self.action_buttons {
            item.texts("action_buttons", buttons.iter().map(JsonText::as_str));
        }
        item.text("org_id", &self.org_id.to_string());
        item.optional_uuid("assistant_id", self.assistant_id);
        item.optional_text("name", self.name.as_deref());
        item.optional_text("description", self.description.as_deref());
        item.json("attributes", &self.attributes);
        item.optional_text("display_name", self.display_name.as_deref());
        item.optional_text("intro_message", self.intro_message.as_deref());
        item.optional_text("header_color", self.header_color.as_deref());
        item.optional_text("user_message_color", self.user_message_color.as_deref());
        item.optional_text("bot_message_color", self.bot_message_color.as_deref());
        item.optional_text("bot_icon_color", self.bot_icon_color.as_deref());
        if let Some(remove_branding) = self.remove_branding {
            item.put("remove_branding", AttributeValue::Bool(remove_branding));
        }
        item.optional_text("ice_break_color", self.ice_break_color.as_deref());
        item.optional_text("bubble_color", self.bubble_color.as_deref());
        item.optional_text("bubble_text", self.bubble_text.as_deref());
        item.optional_text("bot_text_message_color", self.bot_text_message_color.as_deref());
        item.optional_text("user_text_message_color", self.user_text_message_color.as_deref());
        item.optional_text("header_text_color", self.header_text_color.as_deref());
        item.optional_text("textbox_default_text", self.textbox_default_text.as_deref());
        item.optional_text("action_buttons_color", self.action_buttons_color.as_deref());
        item.json("style_params", &self.style_params);
    }
}

impl Stored for pathway::Settings {
    const DIALECT: &'static str = "pathway";

    fn write(&self, item: &mut Attributes) {
        item.optional_uuid("pathway_id", self.script.pathway_id());
        item.optional_text("agent_prompt", self.script.agent_prompt().map(pathway::AgentPrompt::as_str));
        item.optional_uuid("agent_id", self.agent_id);
        item.texts("allowed_domains", self.allowed_domains.iter().map(|domain| domain.as_str()));
        item.number("messages_per_minute", self.messages_per_minute.as_json());
        item.json("config", self.config.as_json());
        item.optional_text("webhook_url", self.webhook_url.as_ref().map(pathway::WebhookUrl::as_str));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_numbers_that_dynamodb_gives_back_as_they_were_are_kept_as_its_numbers() {
        for text in ["0", "10", "0.5", "12345678901234567890", "99999999999999999999999999999999999999"] {
            assert!(survives_as_number(text), "{text}");
        }
        for text in ["1.0", "0.50", "1e3", "-0", "1E-3", "999999999999999999999999999999999999999", "0.10"] {
            assert!(!survives_as_number(text), "{text}");
        }
    }
}
