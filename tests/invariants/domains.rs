//! Allowed domains. An entry allows the pages on its own host, and there can be such a page.

use shared::model::{AllowedDomain, Origin};

use crate::two_lines;

/// Checks an entry, and an `Origin` header on the next line.
pub fn allowed_domain(input: &[u8]) {
    let Some((entry, origin)) = two_lines(input) else { return };
    let origin = Origin::parse(origin);
    let stored = AllowedDomain::from_stored(entry.to_owned());
    if let (Ok(stored), Some(origin)) = (&stored, &origin) {
        stored.allows(origin);
    }
    let Ok(domain) = AllowedDomain::parse(entry.to_owned()) else { return };
    assert_eq!(domain.as_str(), entry);
    assert_eq!(stored, Ok(domain.clone()), "what is accepted stays readable");
    let is_bare_ipv6 = entry.matches(':').count() > 1 && !entry.starts_with('[');
    let host = if is_bare_ipv6 { format!("[{entry}]") } else { entry.replacen('*', "a", 1) };
    let own = Origin::parse(&format!("https://{host}"));
    assert!(own.is_some_and(|own| domain.allows(&own)), "no page matches {entry}");
}
