//! The hashes that keys and members go through.
//!
//! Pure functions of bytes, equal on every machine and in every version: rings and onboarding percentages of different
//! processes agree only because these do. [`farm32`] and [`farm64`] are bit-compatible with the fingerprints of Google's
//! farmhash, which Cadence's Go services use.

mod farm32;
mod farm64;
mod fetch;

pub use farm32::farm32;
pub use farm64::farm64;

/// 64-bit XXH3 with seed 0.
///
/// ```
/// assert_eq!(shardway::hash::xxh3(b""), 0x2d06_8005_38d3_94c2);
/// ```
#[inline]
pub fn xxh3(key: &[u8]) -> u64 {
    xxhash_rust::xxh3::xxh3_64(key)
}

/// The shard of a key in a namespace of so many shards whose keys are hashed: `xxh3(key) % shards`. A contract between
/// all who ask and all who own, like the hashes themselves.
///
/// ```
/// assert_eq!(shardway::hash::shard_of(b"order-17", 1024), 958);
/// ```
#[inline]
pub fn shard_of(key: &[u8], shards: u32) -> u32 {
    (xxh3(key) % u64::from(shards.max(1))) as u32
}

/// Which hundredth of all keys this one belongs to, 0 to 99: a namespace onboarded to p percent sends the keys with
/// `percent_bucket(key) < p` to the distributor. Raising p only ever adds keys.
///
/// ```
/// assert_eq!(shardway::hash::percent_bucket(b"my-task-list"), 58);
/// ```
#[inline]
pub fn percent_bucket(key: &[u8]) -> u8 {
    (farm64(key) % 100) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By another implementation: Python's xxhash.
    #[test]
    fn a_key_has_the_same_shard_everywhere() {
        for (key, shards) in [
            ("", [0, 2, 194, 603_138]),
            ("order-17", [0, 6, 958, 667_198]),
            ("orders/17", [0, 0, 56, 344_504]),
            ("größe", [0, 4, 812, 275_244]),
            ("7", [0, 2, 506, 15_674]),
            (&"x".repeat(300), [0, 4, 340, 769_492]),
        ] {
            assert_eq!([1, 8, 1024, 1_000_000].map(|count| shard_of(key.as_bytes(), count)), shards, "{key}");
        }
    }
}
