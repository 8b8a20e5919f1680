//! Where a request comes from, and what it is addressed to. What is for this machine alone asks.

use std::net::SocketAddr;

use axum::{
    extract::Request,
    http::{HeaderMap, HeaderName, HeaderValue, Uri, header, uri::Authority},
};
use url::Host;

/// Headers that a proxy or a tunnel adds to what it passes on.
const OF_PROXIES: [HeaderName; 2] = [header::FORWARDED, HeaderName::from_static("x-forwarded-for")];

/// Returns whether a program on this machine sent the request, and no proxy or tunnel passed it on.
pub fn is_from_this_machine(request: &Request, client: SocketAddr) -> bool {
    client.ip().to_canonical().is_loopback()
        && !OF_PROXIES.iter().any(|name| request.headers().contains_key(name))
}

/// Returns whether the request is addressed to this machine by a loopback name or address, and no
/// page of another origin sent it. A page whose name its owner points to this machine (DNS
/// rebinding) still has its own name in `Host`.
pub fn is_for_loopback(request: &Request) -> bool {
    let Some(host) = host(request.uri(), request.headers()) else { return false };
    let Ok(authority) = host.parse::<Authority>() else { return false };
    // An authority may have a user, and `Host` may not.
    let has_user = host.contains('@');
    let is_loopback = match Host::parse(authority.host()) {
        Ok(Host::Domain(name)) => name == "localhost",
        Ok(Host::Ipv4(ip)) => ip.is_loopback(),
        Ok(Host::Ipv6(ip)) => ip.is_loopback(),
        Err(_) => false,
    };
    // Browsers name a page's origin when it loads a module, its own page's, too.
    let own = format!("http://{host}");
    let mut origins = request.headers().get_all(header::ORIGIN).iter();
    is_loopback && !has_user && origins.all(|origin| origin.as_bytes() == own.as_bytes())
}

/// Returns the host that a request is for. HTTP/2 has it in `:authority`. In HTTP/1.1 that of a
/// whole URL counts before `Host` (RFC 9112, 3.2.2).
pub fn host(uri: &Uri, headers: &HeaderMap) -> Option<String> {
    match uri.authority() {
        Some(authority) => authority.as_str().rsplit('@').next().map(ToOwned::to_owned),
        None => headers.get(header::HOST).map(text),
    }
}

/// Returns a header's bytes as text, one character a byte where they are not UTF-8.
pub fn text(value: &HeaderValue) -> String {
    match str::from_utf8(value.as_bytes()) {
        Ok(text) => text.to_owned(),
        Err(_) => value.as_bytes().iter().map(|byte| char::from(*byte)).collect(),
    }
}

#[cfg(test)]
mod tests {
    use axum::body::Body;

    use super::*;

    fn request(uri: &str, headers: &[(&str, &str)]) -> Request {
        let request = Request::get(uri);
        let request =
            headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        request.body(Body::empty()).unwrap()
    }

    #[test]
    fn only_loopback_peers_without_a_proxy_are_on_this_machine() {
        let here = SocketAddr::from(([127, 0, 0, 1], 1));
        for client in ["127.0.0.1:1", "127.9.9.9:1", "[::1]:1", "[::ffff:127.0.0.1]:1"] {
            assert!(is_from_this_machine(&request("/", &[]), client.parse().unwrap()), "{client}");
        }
        for client in ["192.0.2.1:1", "[2001:db8::1]:1", "[::ffff:192.0.2.1]:1", "0.0.0.0:1"] {
            assert!(!is_from_this_machine(&request("/", &[]), client.parse().unwrap()), "{client}");
        }
        for name in ["forwarded", "x-forwarded-for"] {
            assert!(!is_from_this_machine(&request("/", &[(name, "")]), here), "{name}");
        }
    }

    #[test]
    fn only_loopback_hosts_are_this_machine() {
        for host in [
            "127.0.0.1",
            "127.0.0.1:3000",
            "127.1.2.3:80",
            "localhost",
            "LocalHost:3000",
            "[::1]:1",
        ] {
            assert!(is_for_loopback(&request("/", &[("host", host)])), "{host}");
        }
        for host in [
            "",
            "example.com",
            "localhost.example.com",
            "127.0.0.1.nip.io:3000",
            "192.0.2.1:3000",
            "0.0.0.0:3000",
            "[::]:3000",
            "[2001:db8::1]",
            "localhost:3000:1",
            "a@b@localhost",
            "::1",
        ] {
            assert!(!is_for_loopback(&request("/", &[("host", host)])), "{host}");
        }
        assert!(!is_for_loopback(&request("/", &[])), "no host");
        assert!(!is_for_loopback(&request("http://example.com/", &[("host", "localhost")])));
    }

    #[test]
    fn pages_of_other_origins_are_told_apart() {
        let host = ("host", "localhost:3000");
        let of = |origin| is_for_loopback(&request("/", &[host, ("origin", origin)]));
        assert!(of("http://localhost:3000"));
        for origin in ["null", "http://localhost:3001", "https://localhost:3000", "http://a.com"] {
            assert!(!of(origin), "{origin}");
        }
    }
}
