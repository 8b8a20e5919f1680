//! Allowed domains. An entry allows the pages on its own host.

use shared::model::{AllowedDomain, Origin};

use crate::two_lines;

/// Checks an entry, and an `Origin` header on the next line.
pub fn allowed_domain(input: &[u8]) {
    let Some((entry, origin)) = two_lines(input) else { return };
    let origin = Origin::parse(origin);
    let Ok(domain) = AllowedDomain::parse(entry.to_owned()) else { return };
    assert_eq!(domain.as_str(), entry);
    if let Some(origin) = origin {
        domain.allows(&origin);
    }
    let is_bare_ipv6 = entry.matches(':').count() > 1 && !entry.starts_with('[');
    let host = if is_bare_ipv6 { format!("[{entry}]") } else { entry.replacen('*', "a", 1) };
    if let Some(own) = Origin::parse(&format!("https://{host}"))
        && !ends_in_hexadecimal(&host)
    {
        assert!(domain.allows(&own), "{entry} does not allow its own host");
    }
}

/// Returns whether a browser reads the host as an IPv4 address although [`AllowedDomain`] accepts
/// it as a name. Such an entry allows no page. It may be stored already, so it is not rejected.
fn ends_in_hexadecimal(host: &str) -> bool {
    let name = host.split(':').next().unwrap_or_default();
    let last = name.rsplit('.').next().unwrap_or_default().to_ascii_lowercase();
    last.strip_prefix("0x")
        .is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()))
}
