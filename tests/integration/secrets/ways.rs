//! Places of a request that hold a key.

use base64::{Engine, engine::general_purpose::STANDARD};
use url::form_urlencoded;

use super::{keys::Keys, requests::Ask};

/// The effect of the keys on the outcome of a request.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Outcome {
    /// The request has its own outcome.
    Works,
    /// The request is rejected.
    Refused,
    /// Either of the two.
    Open,
}

/// A placement of keys in a request.
pub struct Way {
    pub name: &'static str,
    pub outcome: Outcome,
    pub put: fn(&mut Ask, &Keys),
}

const fn way(name: &'static str, outcome: Outcome, put: fn(&mut Ask, &Keys)) -> Way {
    Way { name, outcome, put }
}

fn in_url(ask: &mut Ask, key: &str) {
    ask.query.push(("api_key", key.to_owned()));
}

fn in_header(ask: &mut Ask, name: &'static str, value: impl Into<String>) {
    ask.headers.retain(|(other, _)| *other != name);
    ask.headers.push((name, value.into()));
}

pub const IN_HEADER: Way =
    way("in the header", Outcome::Works, |ask, keys| in_header(ask, "authorization", &keys.works));

pub const WAYS: &[Way] = &[
    IN_HEADER,
    way("in the URL", Outcome::Works, |ask, keys| in_url(ask, &keys.works)),
    way("as Bearer", Outcome::Works, |ask, keys| {
        in_header(ask, "authorization", format!("Bearer {}", keys.works))
    }),
    way("in both", Outcome::Works, |ask, keys| {
        in_url(ask, &keys.works);
        in_header(ask, "authorization", format!("bearer  {}", keys.works));
    }),
    way("none", Outcome::Refused, |_, _| {}),
    way("two", Outcome::Refused, |ask, keys| {
        in_url(ask, &keys.works);
        in_header(ask, "authorization", &keys.of_another);
    }),
    way("two in the URL", Outcome::Refused, |ask, keys| {
        in_url(ask, &keys.works);
        in_url(ask, &keys.of_another);
    }),
    way("unknown in the URL", Outcome::Refused, |ask, keys| in_url(ask, &keys.unknown)),
    way("unknown in the header", Outcome::Refused, |ask, keys| {
        in_header(ask, "authorization", &keys.unknown)
    }),
    way("revoked", Outcome::Refused, |ask, keys| in_url(ask, &keys.revoked)),
    way("expired", Outcome::Refused, |ask, keys| in_header(ask, "authorization", &keys.expired)),
    way("unreadable", Outcome::Refused, |ask, keys| in_url(ask, &keys.unreadable)),
    way("may only read", Outcome::Open, |ask, keys| in_url(ask, &keys.reads)),
    way("as Basic", Outcome::Refused, |ask, keys| {
        in_header(ask, "authorization", format!("Basic {}", STANDARD.encode(&keys.works)));
    }),
    way("in a cookie, too", Outcome::Works, |ask, keys| {
        (IN_HEADER.put)(ask, keys);
        in_header(ask, "cookie", format!("api_key={}; other={}", keys.works, keys.unknown));
    }),
    way("in another header", Outcome::Refused, |ask, keys| {
        in_header(ask, "x-api-key", &keys.works)
    }),
    way("as the user agent, too", Outcome::Works, |ask, keys| {
        in_url(ask, &keys.works);
        in_header(ask, "user-agent", format!("client {}", keys.works));
        in_header(ask, "referer", format!("https://example.com/?api_key={}", keys.works));
    }),
    way("in another parameter, too", Outcome::Works, |ask, keys| {
        (IN_HEADER.put)(ask, keys);
        ask.query.push(("key", keys.works.clone()));
    }),
    way("in the body, too", Outcome::Works, |ask, keys| {
        in_url(ask, &keys.works);
        if ask.body.starts_with(b"{") {
            let Keys { works, unknown, of_another, .. } = keys;
            let members = format!(r#"{{"api_key":"{works}","{unknown}":{{"x":"{of_another}"}},"#);
            ask.body.splice(..1, members.into_bytes());
        }
    }),
    way("as the idempotency key, too", Outcome::Open, |ask, keys| {
        (IN_HEADER.put)(ask, keys);
        in_header(ask, "idempotency-key", &keys.works);
    }),
    way("as preconditions, too", Outcome::Open, |ask, keys| {
        in_url(ask, &keys.works);
        in_header(ask, "if-match", &keys.works);
        in_header(ask, "if-none-match", format!(r#""{}""#, keys.works));
    }),
    way("in the path, too", Outcome::Open, |ask, keys| {
        (IN_HEADER.put)(ask, keys);
        ask.path.push('/');
        ask.path.extend(form_urlencoded::byte_serialize(keys.works.as_bytes()));
    }),
];

/// The ways for requests to a failing store.
pub const OF_A_FAILING_STORE: [Way; 2] = [
    way("in the URL", Outcome::Open, |ask, keys| in_url(ask, &keys.works)),
    way("unknown", Outcome::Open, |ask, keys| in_url(ask, &keys.unknown)),
];
