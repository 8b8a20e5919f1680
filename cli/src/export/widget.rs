//! A widget as its service wrote it.

use std::{borrow::Cow, collections::HashMap};

use serde::{
    Deserialize, Deserializer,
    de::{Error, IgnoredAny},
};
use serde_json::value::RawValue;

use crate::dialect::Dialect;

/// A JSON object with an id.
pub struct Widget<'a> {
    /// The id.
    pub id: Cow<'a, str>,
    text: &'a str,
}

impl Widget<'_> {
    /// Adds the widget to `lines`: its bytes as they came, but for line breaks. JSON has these only
    /// between two tokens, and JSON Lines only between two widgets.
    pub fn push_line(&self, lines: &mut Vec<u8>) {
        lines.extend(self.text.bytes().filter(|byte| !matches!(byte, b'\n' | b'\r')));
        lines.push(b'\n');
    }

    /// Returns the dialect, if the members tell it: only assistant widgets have `widget_type`, and
    /// only pathway widgets have `allowed_domains`.
    pub fn dialect(&self) -> Option<Dialect> {
        let members: HashMap<String, IgnoredAny> = serde_json::from_str(self.text).ok()?;
        match ["widget_type", "allowed_domains"].map(|name| members.contains_key(name)) {
            [true, false] => Some(Dialect::Assistant),
            [false, true] => Some(Dialect::Pathway),
            _ => None,
        }
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Widget<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Members<'a> {
            #[serde(borrow)]
            id: Cow<'a, str>,
        }
        let text = <&RawValue>::deserialize(deserializer)?.get();
        let Members { id } = serde_json::from_str(text).map_err(D::Error::custom)?;
        Ok(Self { id, text })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_is_the_widget_without_its_line_breaks() {
        let line = |json: &str| {
            let mut line = Vec::new();
            serde_json::from_str::<Widget<'_>>(json).unwrap().push_line(&mut line);
            String::from_utf8(line).unwrap()
        };
        for json in
            [r#"{"id": "1" , "n":1.0e+00,"t":"\u00e9\n é  "}"#, r#"{"a":[ ],"id":"\u0061"}"#]
        {
            assert_eq!(line(json), format!("{json}\n"));
        }
        let pretty = "{\r\n  \"id\": \"a\\nb\",\n\t\"config\": {\n\n  }\r}";
        assert_eq!(line(pretty), "{  \"id\": \"a\\nb\",\t\"config\": {  }}\n");
    }

    #[test]
    fn widget_is_an_object_with_an_id() {
        for json in [r#"{"id":1}"#, "{}", "[]", "null", r#""id""#, r#"{"id":"a"#, ""] {
            assert!(serde_json::from_str::<Widget<'_>>(json).is_err(), "{json}");
        }
    }
}
