//! farmhash Fingerprint32 (the `farmhashmk` variant): what ringpop places members and keys by.

use super::fetch::fetch32;

const C1: u32 = 0xcc9e_2d51;
const C2: u32 = 0x1b87_3593;
/// The long form reads blocks of this size.
const BLOCK: usize = 20;

/// farmhash's Fingerprint32.
///
/// ```
/// assert_eq!(shardway::hash::farm32(b"my-task-list"), 507_707_209);
/// ```
pub fn farm32(key: &[u8]) -> u32 {
    match key.len() {
        0..=4 => farm32_0_to_4(key),
        5..=12 => farm32_5_to_12(key),
        13..=24 => farm32_13_to_24(key),
        _ => farm32_long(key),
    }
}

fn farm32_0_to_4(key: &[u8]) -> u32 {
    let (mut b, mut c) = (0u32, 9u32);
    for byte in key {
        // The original reads signed characters.
        b = b.wrapping_mul(C1).wrapping_add_signed(i32::from(byte.cast_signed()));
        c ^= b;
    }
    finish(mix(b, mix(key.len() as u32, c)))
}

fn farm32_5_to_12(key: &[u8]) -> u32 {
    let len = key.len();
    let a = (len as u32).wrapping_add(fetch32(key, 0));
    let times5 = len as u32 * 5;
    let b = times5.wrapping_add(fetch32(key, len - 4));
    let c = fetch32(key, (len >> 1) & 4).wrapping_add(9);
    finish(mix(c, mix(b, mix(a, times5))))
}

fn farm32_13_to_24(key: &[u8]) -> u32 {
    let len = key.len();
    let half = len >> 1;
    let (b, c) = (fetch32(key, 4), fetch32(key, len - 8));
    let (d, e) = (fetch32(key, half), fetch32(key, 0));
    let f = fetch32(key, len - 4);
    let a = fetch32(key, half - 4).rotate_right(12).wrapping_add(f);
    let h = d.wrapping_mul(C1).wrapping_add(len as u32);
    let h = mix(c, h).wrapping_add(a);
    let a = a.rotate_right(3).wrapping_add(c);
    let h = mix(e, h).wrapping_add(a);
    let a = a.wrapping_add(f).rotate_right(12).wrapping_add(d);
    finish(mix(b, h).wrapping_add(a))
}

fn farm32_long(key: &[u8]) -> u32 {
    let len = key.len();
    let tail = key.last_chunk::<BLOCK>().expect("the long form starts at 25 bytes");
    let word = |at| scramble(fetch32(tail, at));
    let mut h = stir(stir(len as u32 ^ word(16)) ^ word(4));
    let mut g = (len as u32).wrapping_mul(C1);
    let mut f = g.wrapping_add(word(0)).rotate_right(19).wrapping_add(113);
    g = stir(stir(g ^ word(12)) ^ word(8));

    // The last 1 to 20 bytes count in the tail only.
    for block in &key.as_chunks::<BLOCK>().0[..(len - 1) / BLOCK] {
        let (a, b, c) = (fetch32(block, 0), fetch32(block, 4), fetch32(block, 8));
        let (d, e) = (fetch32(block, 12), fetch32(block, 16));
        h = mix(d, h.wrapping_add(a)).wrapping_add(e);
        g = mix(c, g.wrapping_add(b)).wrapping_add(a);
        f = mix(b.wrapping_add(e.wrapping_mul(C1)), f.wrapping_add(c)).wrapping_add(d);
        f = f.wrapping_add(g);
        g = g.wrapping_add(f);
    }
    for part in [g, f] {
        let part = part.rotate_right(11).wrapping_mul(C1).rotate_right(17).wrapping_mul(C1);
        h = stir(h.wrapping_add(part)).rotate_right(17).wrapping_mul(C1);
    }
    h
}

/// Folds `word` into `h`.
#[inline(always)]
fn mix(word: u32, h: u32) -> u32 {
    stir(h ^ scramble(word))
}

#[inline(always)]
fn scramble(word: u32) -> u32 {
    word.wrapping_mul(C1).rotate_right(17).wrapping_mul(C2)
}

#[inline(always)]
fn stir(h: u32) -> u32 {
    h.rotate_right(19).wrapping_mul(5).wrapping_add(0xe654_6b64)
}

#[inline(always)]
fn finish(mut h: u32) -> u32 {
    h ^= h >> 16;
    h = h.wrapping_mul(0x85eb_ca6b);
    h ^= h >> 13;
    h = h.wrapping_mul(0xc2b2_ae35);
    h ^ h >> 16
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_the_go_library() {
        assert_eq!(farm32(b""), 3_696_677_242);
        assert_eq!(farm32(b"workflowId") % 1000, 580);
        assert_eq!(farm32(b"127.0.0.1:79330"), 3_584_321_937);
        assert_eq!(farm32(b"host-a#0"), 37_972_425);
    }
}
