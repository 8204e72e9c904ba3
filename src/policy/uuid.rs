//! The UUID rule: does a key contain 8-4-4-4-12 hexadecimal digits, of any case, anywhere?
//!
//! Such keys are short-lived by convention: a new one for every run, not worth a placed shard.

use std::hint::select_unpredictable;

/// Length of a UUID's text.
const LEN: usize = 36;
/// Where its dashes are; everything else is a hexadecimal digit.
const DASHES: [usize; 4] = [8, 13, 18, 23];

/// Whether the key contains a UUID's text. The digits around it do not matter: the rule is a substring's.
#[inline]
pub(super) fn is_in(key: &[u8]) -> bool {
    key.len() >= LEN && is_in_any_window(key)
}

/// Looks at the last byte of a window of 36 and moves the window as far as that byte allows, so most bytes of most keys
/// are never read.
#[inline(never)]
fn is_in_any_window(key: &[u8]) -> bool {
    let mut at = 0;
    while let Some(window) = key.get(at..).and_then(|rest| rest.first_chunk::<LEN>()) {
        at += match shift(window) {
            0 => return true,
            shift => shift,
        };
    }
    false
}

/// How far on the next window can be that may hold a UUID; 0 if this one does.
///
/// The first branch asks for a dash, which keys seldom have there, and not for a digit, which every third one has: that
/// could not be predicted and would cost more than all the rest.
#[inline]
fn shift(window: &[u8; LEN]) -> usize {
    let (last, last_dash) = (window[LEN - 1], DASHES[3]);
    // A later window's last dash is one that comes after this one's.
    let beyond = window[last_dash + 1..].first_chunk().expect("twelve bytes are more than eight");
    let to_next_dash = 1 + first_dash(beyond);
    if window[last_dash] != b'-' || !is_hex(last) {
        // A dash can be a later window's last dash; anything else that is no digit can be in none.
        let past_no_digit = select_unpredictable(last == b'-', LEN - 1 - last_dash, LEN);
        return select_unpredictable(is_hex(last), to_next_dash, past_no_digit);
    }
    if DASHES.iter().all(|dash| window[*dash] == b'-') && is_hex_but_for_dashes(window) {
        return 0;
    }
    to_next_dash
}

/// The index of the first dash, 8 if there is none: of eight bytes at once, the lowest zero after an exclusive or.
fn first_dash(bytes: &[u8; 8]) -> usize {
    const ONES: u64 = u64::from_ne_bytes([1; 8]);
    let zeros = u64::from_le_bytes(*bytes) ^ (ONES * b'-' as u64);
    let marks = zeros.wrapping_sub(ONES) & !zeros & (ONES << 7);
    (marks.trailing_zeros() / 8) as usize
}

/// Counts without branches, so that the compiler makes vector code of it: 2 ns instead of 25. Not inline,
/// because the vectors that it needs would be made ready for every key.
#[inline(never)]
fn is_hex_but_for_dashes(window: &[u8; LEN]) -> bool {
    let digits: u8 = window.iter().map(|byte| u8::from(is_hex(*byte))).sum();
    usize::from(digits) == LEN - DASHES.len()
}

/// What `is_ascii_hexdigit` says, in a form that vectorizes.
fn is_hex(byte: u8) -> bool {
    let (digit, letter) = (byte.wrapping_sub(b'0'), (byte | 0x20).wrapping_sub(b'a'));
    (digit < 10) | (letter < 6)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const UUID: &str = "550e8400-e29b-41d4-a716-446655440003";

    /// Every window, every byte.
    fn is_in_naively(key: &[u8]) -> bool {
        key.windows(LEN).any(|window| {
            window.iter().enumerate().all(|(i, byte)| match DASHES.contains(&i) {
                true => *byte == b'-',
                false => byte.is_ascii_hexdigit(),
            })
        })
    }

    #[test]
    fn a_uuid_is_found_wherever_it_is() {
        for key in [
            UUID,
            &UUID.to_uppercase(),
            "my-task-list-550e8400-e29b-41d4-a716-446655440003",
            "550e8400-e29b-41d4-a716-446655440003-tail",
            "a550e8400-e29b-41d4-a716-446655440003b",
            "--550E8400-e29b-41d4-A716-446655440003--",
            "11111111-2222-550e8400-e29b-41d4-a716-446655440003",
        ] {
            assert!(is_in(key.as_bytes()), "{key}");
        }
        for key in [
            "",
            "my-task-list",
            "550e8400-e29b-41d4-a716-44665544000",
            "550e8400-e29b-41d4-a716-44665544000g",
            "550e8400-e29b-41d4-a716_446655440003",
            "550e8400e29b41d4a716446655440003xxxx",
            "550e8400--e29b-41d4-a716-44665544000",
            "g50e8400-e29b-41d4-a716-446655440003",
        ] {
            assert!(!is_in(key.as_bytes()), "{key}");
        }
    }

    #[test]
    fn hexadecimal_is_what_the_standard_library_says() {
        for byte in 0..=u8::MAX {
            assert_eq!(is_hex(byte), byte.is_ascii_hexdigit(), "{byte:#x}");
        }
    }

    proptest! {
        #[test]
        fn the_first_dash_is_found(bytes in proptest::array::uniform8(prop_oneof![Just(b'-'), any::<u8>()])) {
            let naive = bytes.iter().position(|byte| *byte == b'-').unwrap_or(8);
            prop_assert_eq!(first_dash(&bytes), naive);
        }

        /// Pieces of UUIDs in any mix come near to one, and sometimes are one.
        #[test]
        fn agrees_with_looking_at_every_window(
            pieces in proptest::collection::vec(
                prop_oneof![
                    4 => Just("-".to_owned()),
                    4 => "[0-9a-fA-F]{4}",
                    2 => "[0-9a-fA-F]{8}",
                    2 => "[0-9a-fA-F]{12}",
                    2 => Just(UUID[..24].to_owned()),
                    1 => Just(UUID.to_owned()),
                    1 => Just(UUID[1..].to_owned()),
                    1 => "[g-z./ä]{1,3}",
                ],
                0..12,
            ),
        ) {
            let key = pieces.concat();
            prop_assert_eq!(is_in(key.as_bytes()), is_in_naively(key.as_bytes()), "{}", key);
        }

        /// One wrong byte in an otherwise right key.
        #[test]
        fn agrees_when_one_byte_differs(before in "[0-9a-f-]{0,40}", after in "[0-9a-f-]{0,40}", at in 0..LEN, byte: u8) {
            let mut uuid = UUID.as_bytes().to_vec();
            uuid[at] = byte;
            let key = [before.as_bytes(), &uuid, after.as_bytes()].concat();
            prop_assert_eq!(is_in(&key), is_in_naively(&key));
        }
    }
}
