//! The URL that finished conversations are posted to.

use serde::Serialize;
use serde_json::value::RawValue;
use url::{Host, Url};

use crate::validation::{Validated, ViolationKind, rules, violation};

/// An absolute `https://` URL, or an `http://` URL of this machine. Kept as sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct WebhookUrl(String);

impl WebhookUrl {
    /// Parses a JSON string.
    pub fn parse(value: &RawValue) -> Validated<Self> {
        Self::new(rules::text(value)?)
            .ok_or_else(|| violation(ViolationKind::InvalidWebhookUrl, value))
    }

    /// Parses `text`.
    pub fn new(text: String) -> Option<Self> {
        is_webhook_url(&text).then_some(Self(text))
    }

    /// Returns the URL as sent.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The URL parser accepts what a caller of the URL may not: white space, control characters, too
/// few or too many slashes.
fn is_webhook_url(text: &str) -> bool {
    let is_unsafe = |c: char| c.is_whitespace() || c.is_control() || c == '\\';
    let (Some((scheme, rest)), Ok(url)) = (text.split_once("://"), Url::parse(text)) else {
        return false;
    };
    let is_as_parsed = scheme.eq_ignore_ascii_case(url.scheme()) && !rest.starts_with('/');
    let is_allowed = match url.scheme() {
        "https" => url.has_host(),
        "http" => is_this_machine(&url),
        _ => false,
    };
    is_as_parsed && is_allowed && !text.contains(is_unsafe)
}

fn is_this_machine(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}
