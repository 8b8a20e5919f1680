//! An entry of `allowed_domains`, and the origins that it matches.

use std::net::Ipv6Addr;

use serde::Serialize;
use url::{Host, ParseError, Url};

/// A host name, an IP address, or a host name whose leftmost label is `*`, with a port or without.
/// Kept as sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct AllowedDomain(String);

impl AllowedDomain {
    /// Parses an entry that a client sends: a page's origin can match it.
    ///
    /// # Errors
    ///
    /// The end of a sentence that says what is wrong with the entry.
    pub fn parse(text: String) -> Result<Self, &'static str> {
        let entry = Self::from_stored(text)?;
        check_page_host(&entry.0)?;
        Ok(entry)
    }

    /// Parses an entry of the table. Earlier releases stored entries that no page's origin can
    /// match.
    ///
    /// # Errors
    ///
    /// As [`AllowedDomain::parse`].
    pub fn from_stored(text: String) -> Result<Self, &'static str> {
        check(&text)?;
        Ok(Self(text))
    }

    /// Returns the entry as sent.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns whether a page at `origin` matches the entry: the host without regard to case, the
    /// port if the entry has one, and any scheme. `*.example.com` matches every host under
    /// `example.com`, but not `example.com` itself.
    pub fn allows(&self, origin: &Origin) -> bool {
        let (host, port) = host_and_port(&self.0);
        let is_host = match (host.strip_prefix('*'), host.parse::<Ipv6Addr>()) {
            (Some(suffix), _) => ends_with_ignoring_case(&origin.host, suffix),
            (None, Ok(address)) => origin.host == address.to_string(),
            (None, Err(_)) => origin.host.eq_ignore_ascii_case(host),
        };
        is_host && port.is_none_or(|port| port.parse().ok() == origin.port)
    }
}

/// Splits an entry into host and port. An IPv6 address loses its brackets.
fn host_and_port(entry: &str) -> (&str, Option<&str>) {
    if entry.parse::<Ipv6Addr>().is_ok() {
        return (entry, None);
    }
    let (host, port) = split_port(entry);
    (host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host), port)
}

fn ends_with_ignoring_case(text: &str, suffix: &str) -> bool {
    text.len() > suffix.len()
        && text.as_bytes()[text.len() - suffix.len()..].eq_ignore_ascii_case(suffix.as_bytes())
}

/// The origin of a page, as a browser sends it in the `Origin` header
/// (<https://html.spec.whatwg.org/multipage/browsers.html#origin>).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    host: String,
    port: Option<u16>,
}

impl Origin {
    /// Parses the header's value. Returns `None` for `null`, which a page without an origin of its
    /// own sends, and for anything that is not an origin.
    pub fn parse(text: &str) -> Option<Self> {
        // The URL parser accepts more than a browser sends, such as a path behind the port.
        let (_, authority) = text.split_once("://")?;
        if authority.contains(['/', '?', '#', '@', '\\', '%']) {
            return None;
        }
        let url = Url::parse(text).ok()?;
        let host = match url.host()? {
            Host::Ipv6(address) => address.to_string(),
            host => host.to_string(),
        };
        Some(Self { host, port: url.port_or_known_default() })
    }
}

fn check(text: &str) -> Result<(), &'static str> {
    check_all(&[
        (!text.is_empty(), "must not be empty"),
        (!text.contains("://"), "must be a host name without a scheme"),
        (!text.contains(['/', '?', '#', '\\']), "must be a host name without a path"),
    ])?;
    if text.parse::<Ipv6Addr>().is_ok() {
        return Ok(());
    }
    let (host, port) = split_port(text);
    let is_port = port.is_none_or(|port| {
        port.bytes().all(|it| it.is_ascii_digit()) && matches!(port.parse::<u16>(), Ok(1..))
    });
    check_all(&[(is_port, "must have a port from 1 to 65535 behind its colon")])?;
    match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
        Some(address) => {
            check_all(&[(address.parse::<Ipv6Addr>().is_ok(), "is not an IPv6 address")])
        }
        None => check_host(host),
    }
}

/// Returns the reason of the first rule that is not met.
fn check_all(rules: &[(bool, &'static str)]) -> Result<(), &'static str> {
    rules.iter().find(|(is_met, _)| !is_met).map_or(Ok(()), |(_, reason)| Err(*reason))
}

/// Splits off the port behind the last colon that is outside brackets.
fn split_port(text: &str) -> (&str, Option<&str>) {
    match text.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, Some(port)),
        _ => (text, None),
    }
}

fn check_host(host: &str) -> Result<(), &'static str> {
    let name = host.strip_prefix("*.").unwrap_or(host);
    check_all(&[
        (host != "*", "must be more than a wildcard"),
        (!name.contains('*'), "may have a wildcard as its leftmost label only"),
        (host.len() <= 253, "must have at most 253 characters"),
    ])?;
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    for label in name.split('.') {
        let is_hyphen_outside = label.starts_with('-') || label.ends_with('-');
        check_all(&[
            (!label.is_empty(), "must not have an empty label"),
            (label.len() <= 63, "must have labels of at most 63 characters"),
            (label.bytes().all(is_allowed), ALLOWED_CHARACTERS),
            (!is_hyphen_outside, "must not have a label that begins or ends with a hyphen"),
        ])?;
    }
    Ok(())
}

/// Checks that a page can have the host of `entry`: that a browser's parser of hosts accepts it and
/// returns it as the entry has it (<https://url.spec.whatwg.org/#host-parsing>).
fn check_page_host(entry: &str) -> Result<(), &'static str> {
    let (host, _) = host_and_port(entry);
    if host.contains(':') {
        return Ok(()); // An IPv6 address: no other host has a colon.
    }
    let host = host.replacen('*', "a", 1);
    match Host::parse(&host) {
        Ok(parsed) if parsed.to_string().eq_ignore_ascii_case(&host) => Ok(()),
        Ok(Host::Ipv4(_)) | Err(ParseError::InvalidIpv4Address) => Err(
            "ends in a number and is not an IPv4 address of four decimal numbers, such as 127.0.0.1",
        ),
        _ => Err("must not have a label that begins with xn-- and stands for no name"),
    }
}

const ALLOWED_CHARACTERS: &str =
    "must consist of letters, digits, hyphens and dots (other scripts in their xn-- form)";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_seen_in_practice_are_kept_as_sent() {
        let label = "a".repeat(63);
        let longest = format!("{label}.{label}.{label}.{}", "a".repeat(61));
        for entry in [
            "example.com",
            "Sub.Example.COM",
            "localhost",
            "localhost:3000",
            "127.0.0.1",
            "127.0.0.1:8080",
            "::1",
            "[::1]",
            "[2001:db8::1]:443",
            "*.vercel.app",
            "*.localhost:3000",
            "my_app.example.com",
            "xn--mnchen-3ya.de",
            "XN--MNCHEN-3YA.de",
            "*.xn--mnchen-3ya.de",
            "3com.com",
            "0x7f.com",
            "a.0xyz",
            "r3---sn.example.com",
            &longest,
        ] {
            assert_eq!(AllowedDomain::parse(entry.to_owned()).unwrap().as_str(), entry);
        }
    }

    #[test]
    fn entries_that_no_page_can_match_are_refused_with_the_reason() {
        let long_label = format!("{}.com", "a".repeat(64));
        let label = "a".repeat(63);
        let long_name = format!("{label}.{label}.{label}.{}", "a".repeat(62));
        for (entry, reason) in [
            ("", "empty"),
            ("https://example.com", "scheme"),
            ("example.com/chat", "path"),
            ("example.com?x", "path"),
            ("*", "more than a wildcard"),
            ("*:80", "more than a wildcard"),
            ("*.", "empty label"),
            ("*.*.com", "leftmost label only"),
            ("a.*.com", "leftmost label only"),
            ("a*.com", "leftmost label only"),
            ("example..com", "empty label"),
            ("example.com.", "empty label"),
            (".", "empty label"),
            ("example.com:", "port"),
            ("example.com:0", "port"),
            ("example.com:65536", "port"),
            ("example.com:+80", "port"),
            ("a:b:80", "letters"),
            ("exa mple.com", "letters"),
            (" example.com", "letters"),
            ("münchen.de", "xn--"),
            ("-a.com", "hyphen"),
            ("a-.com", "hyphen"),
            ("999.1.1.1", "IPv4"),
            ("127.1", "IPv4"),
            ("2130706433", "IPv4"),
            ("127.0.0.01", "IPv4"),
            ("1.2.3.4.5", "IPv4"),
            ("a.1", "IPv4"),
            ("a.08", "IPv4"),
            ("a.0x10", "IPv4"),
            ("a.0X10:80", "IPv4"),
            ("a.0x", "IPv4"),
            ("0x7f000001", "IPv4"),
            ("0x7f.0.0.1", "IPv4"),
            ("*.1", "IPv4"),
            ("*.0x10", "IPv4"),
            ("*.1.2.3", "IPv4"),
            ("xn--a.com", "xn--"),
            ("xn--", "hyphen"),
            ("a.XN--A", "xn--"),
            ("*.xn--a.com", "xn--"),
            ("xn--abc-.com", "hyphen"),
            ("xn--55555577.com", "xn--"),
            ("[::g]", "IPv6"),
            ("[::1", "letters"),
            (&long_label, "at most 63"),
            (&long_name, "at most 253"),
        ] {
            let refusal = AllowedDomain::parse(entry.to_owned()).unwrap_err();
            assert!(refusal.contains(reason), "{entry}: {refusal}");
        }
    }

    #[test]
    fn stored_entries_that_no_page_can_match_are_readable_and_match_no_page() {
        for entry in ["a.0x10", "0x7f000001", "xn--a.com", "*.0x10", "127.1", "*.xn--a.com"] {
            let stored = AllowedDomain::from_stored(entry.to_owned()).unwrap();
            assert_eq!(stored.as_str(), entry);
            for origin in ["http://127.0.0.1", "https://example.com", "https://a.0x.com"] {
                assert!(!stored.allows(&Origin::parse(origin).unwrap()), "{entry} {origin}");
            }
        }
        for entry in ["", "*", "https://example.com", "example.com/", "a.*.com", "exa mple.com"] {
            assert!(AllowedDomain::from_stored(entry.to_owned()).is_err(), "{entry}");
        }
    }

    #[test]
    fn an_entry_matches_its_host_on_its_port_or_on_any() {
        for (entry, origin) in [
            ("example.com", "https://example.com"),
            ("Example.COM", "https://example.com"),
            ("example.com", "http://EXAMPLE.com:8080"),
            ("example.com:443", "https://example.com"),
            ("example.com:80", "http://example.com"),
            ("localhost:3000", "http://localhost:3000"),
            ("localhost", "capacitor://localhost"),
            ("127.0.0.1", "http://127.0.0.1:5173"),
            ("*.Vercel.app", "https://a.vercel.app"),
            ("*.example.com", "https://a.b.example.com:8443"),
            ("*.localhost:3000", "http://a.localhost:3000"),
            ("::1", "http://[::1]:3000"),
            ("[0:0::1]", "http://[::1]"),
            ("[::1]:3000", "http://[::1]:3000"),
            ("xn--mnchen-3ya.de", "https://münchen.de"),
        ] {
            let entry = AllowedDomain::parse(entry.to_owned()).unwrap();
            assert!(entry.allows(&Origin::parse(origin).unwrap()), "{entry:?} {origin}");
        }
    }

    #[test]
    fn an_entry_matches_nothing_else() {
        for (entry, origin) in [
            ("example.com", "https://www.example.com"),
            ("example.com", "https://example.com.evil.org"),
            ("example.com", "https://notexample.com"),
            ("www.example.com", "https://example.com"),
            ("*.example.com", "https://example.com"),
            ("*.example.com", "https://aexample.com"),
            ("*.example.com", "https://example.com.evil.org"),
            ("example.com:8443", "https://example.com"),
            ("localhost:3000", "http://localhost:3001"),
            ("localhost:3000", "capacitor://localhost"),
            ("::1", "http://[::2]"),
            ("[::1]:80", "http://[::1]:81"),
            ("1.2.3.4", "https://1.2.3.40"),
        ] {
            let entry = AllowedDomain::parse(entry.to_owned()).unwrap();
            assert!(!entry.allows(&Origin::parse(origin).unwrap()), "{entry:?} {origin}");
        }
        for none in [
            "null",
            "",
            "example.com",
            "https://",
            "https:example.com",
            "https://example.com/",
            "https://evil.org/example.com",
            "https://example.com?x",
            "https://user@example.com",
            "https://example.com\\@evil.org",
            "https://exa%6dple.com",
            "https://a.com, https://b.com",
            "https://a b",
            "file://",
            "data:text/html,x",
            "about:blank",
        ] {
            assert_eq!(Origin::parse(none), None, "{none}");
        }
    }
}
