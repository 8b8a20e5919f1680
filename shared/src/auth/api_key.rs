//! API keys and their roles.

use std::fmt;

use crate::model::Hash;

/// An API key. `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct ApiKey(String);

impl ApiKey {
    /// The most bytes of a key.
    pub const MAX_BYTES: usize = 255;

    /// Parses printable ASCII without spaces, of at most [`ApiKey::MAX_BYTES`]. The `widgets`
    /// command issues `in-` and 43 more characters, but an operator may bring keys of another make.
    pub fn parse(text: &str) -> Option<Self> {
        let is_key = !text.is_empty()
            && text.len() <= Self::MAX_BYTES
            && text.bytes().all(|byte| byte.is_ascii_graphic());
        is_key.then(|| Self(text.to_owned()))
    }

    /// Returns the hash by which the table knows the key.
    pub fn hash(&self) -> Hash {
        Hash::of(self.0.as_bytes())
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApiKey(…)")
    }
}

/// What a key may do, least first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Read and list widgets.
    Read,
    /// Everything.
    Full,
}

impl Role {
    /// Returns the name in the table.
    pub fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Full => "full",
        }
    }

    /// Returns the role of this name.
    pub fn named(name: &str) -> Option<Self> {
        [Self::Read, Self::Full].into_iter().find(|role| role.name() == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_does_not_show_a_key() {
        let key = ApiKey::parse("abc").unwrap();
        assert!(!format!("{key:?}").contains("abc"));
        // The SHA-256 of "abc" (FIPS 180-2, appendix B.1).
        let hash = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(key.hash().to_string(), hash);
    }

    #[test]
    fn roles_have_names_and_full_is_more_than_read() {
        assert!(Role::Full > Role::Read);
        for role in [Role::Full, Role::Read] {
            assert_eq!(Role::named(role.name()), Some(role));
        }
        assert_eq!(Role::named("admin"), None);
    }
}
