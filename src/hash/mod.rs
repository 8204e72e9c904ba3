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
