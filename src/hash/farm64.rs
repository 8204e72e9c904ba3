//! farmhash Fingerprint64 (the `farmhashna` variant): what onboarding percentages are taken of, on the hot path.

use super::fetch::{fetch32, fetch64};

const K0: u64 = 0xc3a5_c85c_97cb_3127;
const K1: u64 = 0xb492_b66f_be98_f273;
const K2: u64 = 0x9ae1_6a3b_2f90_404f;
/// The long form reads blocks of this size.
const BLOCK: usize = 64;

/// farmhash's Fingerprint64.
///
/// ```
/// assert_eq!(shardway::hash::farm64(b"2116"), 8_152_697_527_924_628_722);
/// ```
#[inline]
pub fn farm64(key: &[u8]) -> u64 {
    // The commonest keys (UUIDs, host and task list names) are inlined; each form takes its ends as arrays, so that
    // the length is checked once and not at every read.
    match (key.first_chunk::<32>(), key.last_chunk::<32>()) {
        (Some(head), Some(tail)) if (33..=64).contains(&key.len()) => farm64_33_to_64(head, tail, key.len()),
        _ if key.len() > 64 => farm64_long(key),
        _ => farm64_0_to_32(key),
    }
}

#[inline]
fn farm64_33_to_64(head: &[u8; 32], tail: &[u8; 32], len: usize) -> u64 {
    let mul = K2.wrapping_add(2 * len as u64);
    let a = fetch64(head, 0).wrapping_mul(K2);
    let c = fetch64(tail, 24).wrapping_mul(mul);
    let (y, z) = halves(a, fetch64(head, 8), c, fetch64(tail, 16).wrapping_mul(K2), K2);
    let z = combine(y, z, mul);
    let e = fetch64(head, 16).wrapping_mul(mul);
    let g = y.wrapping_add(fetch64(tail, 0)).wrapping_mul(mul);
    let h = z.wrapping_add(fetch64(tail, 8)).wrapping_mul(mul);
    let (y, z) = halves(e, fetch64(head, 24), g, h, a);
    combine(y, z, mul)
}

fn farm64_0_to_32(key: &[u8]) -> u64 {
    let len = key.len() as u64;
    let mul = K2.wrapping_add(2 * len);
    match (key.first_chunk::<16>(), key.last_chunk::<16>()) {
        (Some(head), Some(tail)) if len > 16 => {
            let a = fetch64(head, 0).wrapping_mul(K1);
            let c = fetch64(tail, 8).wrapping_mul(mul);
            let (y, z) = halves(a, fetch64(head, 8), c, fetch64(tail, 0).wrapping_mul(K2), K2);
            combine(y, z, mul)
        }
        _ if len >= 8 => {
            let a = fetch64(key, 0).wrapping_add(K2);
            let b = fetch64(key, key.len() - 8);
            let c = b.rotate_right(37).wrapping_mul(mul).wrapping_add(a);
            let d = a.rotate_right(25).wrapping_add(b).wrapping_mul(mul);
            combine(c, d, mul)
        }
        _ if len >= 4 => {
            let a = u64::from(fetch32(key, 0));
            combine(len + (a << 3), fetch32(key, key.len() - 4).into(), mul)
        }
        _ => match (key.first(), key.get(key.len() / 2), key.last()) {
            (Some(&first), Some(&middle), Some(&last)) => {
                let y = u64::from(first) + (u64::from(middle) << 8);
                let z = len + (u64::from(last) << 2);
                fold(y.wrapping_mul(K2) ^ z.wrapping_mul(K0)).wrapping_mul(K2)
            }
            _ => K2,
        },
    }
}

fn farm64_long(key: &[u8]) -> u64 {
    const SEED: u64 = 81;
    let tail = key.last_chunk::<BLOCK>().expect("the long form starts at 65 bytes");
    let y = SEED.wrapping_mul(K1).wrapping_add(113);
    let mut state = State {
        x: SEED.wrapping_mul(K2).wrapping_add(fetch64(key, 0)),
        y,
        z: fold(y.wrapping_mul(K2).wrapping_add(113)).wrapping_mul(K2),
        v: (0, 0),
        w: (0, 0),
    };
    // The tail is the last 64 bytes, wherever the blocks end.
    let blocks = (key.len() - 1) / BLOCK;
    for block in &key.as_chunks::<BLOCK>().0[..blocks] {
        state.absorb(block, K1, 1);
    }
    let mul = K1.wrapping_add((state.z & 0xff) << 1);
    state.w.0 = state.w.0.wrapping_add((key.len() - 1) as u64 % BLOCK as u64);
    state.v.0 = state.v.0.wrapping_add(state.w.0);
    state.w.0 = state.w.0.wrapping_add(state.v.0);
    state.absorb(tail, mul, 9);

    let State { x, y, z, v, w } = state;
    let left = combine(v.0, w.0, mul).wrapping_add(fold(y).wrapping_mul(K0)).wrapping_add(z);
    combine(left, combine(v.1, w.1, mul).wrapping_add(x), mul)
}

/// The long form's state: 56 bytes.
struct State {
    x: u64,
    y: u64,
    z: u64,
    v: (u64, u64),
    w: (u64, u64),
}

impl State {
    #[inline(always)]
    fn absorb(&mut self, block: &[u8; BLOCK], mul: u64, weight: u64) {
        let Self { x, y, z, v, w } = self;
        *x = x.wrapping_add(*y).wrapping_add(v.0).wrapping_add(fetch64(block, 8));
        *x = x.rotate_right(37).wrapping_mul(mul) ^ w.1.wrapping_mul(weight);
        *y = y.wrapping_add(v.1).wrapping_add(fetch64(block, 48)).rotate_right(42).wrapping_mul(mul);
        *y = y.wrapping_add(v.0.wrapping_mul(weight)).wrapping_add(fetch64(block, 40));
        *z = z.wrapping_add(w.0).rotate_right(33).wrapping_mul(mul);
        let (head, tail) = block.split_at(BLOCK / 2);
        *v = weak_hash(head, v.1.wrapping_mul(mul), x.wrapping_add(w.0));
        *w = weak_hash(tail, z.wrapping_add(w.1), y.wrapping_add(fetch64(block, 16)));
        std::mem::swap(z, x);
    }
}

#[inline(always)]
fn weak_hash(block: &[u8], a: u64, b: u64) -> (u64, u64) {
    let last = fetch64(block, 24);
    let c = a.wrapping_add(fetch64(block, 0));
    let b = b.wrapping_add(c).wrapping_add(last).rotate_right(21);
    let a = c.wrapping_add(fetch64(block, 8)).wrapping_add(fetch64(block, 16));
    (a.wrapping_add(last), b.wrapping_add(a.rotate_right(44)).wrapping_add(c))
}

/// The two halves that [`combine`] joins, from four words of a key.
#[inline(always)]
fn halves(a: u64, b: u64, c: u64, d: u64, salt: u64) -> (u64, u64) {
    let y = a.wrapping_add(b).rotate_right(43).wrapping_add(c.rotate_right(30)).wrapping_add(d);
    let z = a.wrapping_add(b.wrapping_add(salt).rotate_right(18)).wrapping_add(c);
    (y, z)
}

#[inline(always)]
fn combine(u: u64, v: u64, mul: u64) -> u64 {
    let a = fold((u ^ v).wrapping_mul(mul));
    fold((v ^ a).wrapping_mul(mul)).wrapping_mul(mul)
}

#[inline(always)]
const fn fold(v: u64) -> u64 {
    v ^ v >> 47
}
