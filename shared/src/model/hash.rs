//! SHA-256, which the table holds in place of a text that must not be stored.

use std::fmt;

use sha2::{Digest, Sha256};

/// A SHA-256. `Display` writes it in hex.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Hash([u8; 32]);

impl Hash {
    /// Returns the hash of `bytes`.
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let nibbles = self.0.iter().flat_map(|byte| [byte >> 4, byte & 0xf]);
        let mut text = [0; 64];
        text.iter_mut().zip(nibbles).for_each(|(place, nibble)| {
            *place = DIGITS[usize::from(nibble)];
        });
        f.write_str(str::from_utf8(&text).map_err(|_| fmt::Error)?)
    }
}
