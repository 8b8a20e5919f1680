//! The cache of keys that were found.

use std::collections::HashMap;
use std::time::Duration;

use super::api_key::Role;
use super::clock::Moment;
use crate::model::{AccountId, Hash};

/// How long a key that was found is cached. A revoked key stops working within this time.
pub const CACHE_LIFETIME: Duration = Duration::from_secs(60);

/// The most keys in the cache.
const MAX_KEYS: usize = 1000;

/// A key that was found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct CachedKey {
    pub account: AccountId,
    pub role: Role,
    pub found_at: Moment,
    pub lifetime: Duration,
}

impl CachedKey {
    fn is_valid(&self, now: Moment) -> bool {
        now.since(self.found_at).is_some_and(|age| age < self.lifetime)
    }
}

/// Keys by their hashes.
#[derive(Debug, Default)]
pub(super) struct KeyCache(HashMap<Hash, CachedKey>);

impl KeyCache {
    pub fn get(&self, hash: &Hash, now: Moment) -> Option<CachedKey> {
        self.0.get(hash).filter(|key| key.is_valid(now)).copied()
    }

    pub fn insert(&mut self, hash: Hash, key: CachedKey, now: Moment) {
        if self.0.len() >= MAX_KEYS {
            self.0.retain(|_, key| key.is_valid(now));
        }
        if self.0.len() >= MAX_KEYS {
            self.0.clear();
        }
        self.0.insert(hash, key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(found_at: Moment) -> CachedKey {
        let account = AccountId(uuid::Uuid::from_u128(1));
        CachedKey { account, role: Role::Full, found_at, lifetime: CACHE_LIFETIME }
    }

    #[test]
    fn a_key_is_cached_for_its_lifetime_by_both_clocks() {
        let (hash, now) = (Hash::of(b"1"), Moment::now());
        let mut cache = KeyCache::default();
        assert_eq!(cache.get(&hash, now), None);
        let key = key(now);
        cache.insert(hash, key, now);
        let after = |monotonic: u64, wall: u64| {
            let of = Duration::from_secs;
            Moment { monotonic: now.monotonic + of(monotonic), wall: now.wall + of(wall) }
        };
        assert_eq!(cache.get(&hash, after(59, 59)), Some(key));
        for (monotonic, wall) in [(60, 60), (60, 0), (0, 60), (1, 86_400)] {
            assert_eq!(cache.get(&hash, after(monotonic, wall)), None, "{monotonic} {wall}");
        }
        let set_back = Moment { wall: now.wall - Duration::from_millis(1), ..after(1, 1) };
        assert_eq!(cache.get(&hash, set_back), None);
        assert_eq!(cache.get(&Hash::of(b"2"), now), None);
    }

    #[test]
    fn the_cache_is_bounded_and_keeps_the_newest_key() {
        let (mut cache, now) = (KeyCache::default(), Moment::now());
        for i in 0..5 * MAX_KEYS {
            let hash = Hash::of(i.to_string().as_bytes());
            cache.insert(hash, key(now), now);
            assert!(cache.0.len() <= MAX_KEYS);
            assert!(cache.get(&hash, now).is_some());
        }
    }
}
