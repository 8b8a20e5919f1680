//! What only items of the pathway dialect have.

use aws_sdk_dynamodb::types::AttributeValue;

use super::attribute::{Attribute, Attributes, DecodeError, ItemReader, string_attributes};
use super::item::{TableItem, field_attributes};
use crate::model::pathway::{Changes, MessagesPerMinute, Settings};
use crate::model::{AllowedDomain, WebhookUrl};
use crate::store::table::text;

impl TableItem for Settings {
    crate::pathway_fields!(field_attributes);
}

string_attributes! {
    AllowedDomain: AllowedDomain::as_str, |text| AllowedDomain::from_stored(text).ok();
    WebhookUrl: WebhookUrl::as_str, WebhookUrl::new;
}

impl Attribute for MessagesPerMinute {
    /// Keeps the text of the number: as DynamoDB's number if DynamoDB returns that very text, and
    /// else as a string. DynamoDB would turn `1.0` into `1`, and refuse a number of more than 38
    /// digits or outside its range
    /// (<https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/HowItWorks.NamingRulesDataTypes.html>).
    fn write(&self) -> Option<AttributeValue> {
        let text = self.as_str().to_owned();
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_numbers_that_dynamodb_returns_unchanged_are_stored_as_numbers() {
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
