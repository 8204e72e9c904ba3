//! The UUID rule: does a key contain 8-4-4-4-12 hexadecimal digits, of any case, anywhere?
//!
//! Such keys are short-lived by convention: a new one for every run, not worth a placed shard.

/// Length of a UUID's text.
const LEN: usize = 36;
/// Where its dashes are; everything else is a hexadecimal digit.
const DASHES: [usize; 4] = [8, 13, 18, 23];

/// Whether the key contains a UUID's text. The digits around it do not matter: the rule is a substring's.
///
/// Looks at the last byte of a window of 36 and moves the window as far as that byte allows, so most bytes of most keys
/// are never read; a key shorter than a UUID costs one comparison.
#[inline]
pub(super) fn is_in(key: &[u8]) -> bool {
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
#[inline]
fn shift(window: &[u8; LEN]) -> usize {
    match window[LEN - 1] {
        // Its last dash is where a window that ends in a dash can begin to fit.
        b'-' => LEN - 1 - DASHES[3],
        last if !last.is_ascii_hexdigit() => LEN,
        _ if DASHES.iter().any(|dash| window[*dash] != b'-') => 1,
        _ => usize::from(!is_all_hex_but_dashes(window)),
    }
}

/// Expects the dashes in their places. Without branches, so that the compiler makes vector code of it.
fn is_all_hex_but_dashes(window: &[u8; LEN]) -> bool {
    let digits = window.iter().filter(|byte| byte.is_ascii_hexdigit()).count();
    digits == LEN - DASHES.len()
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

    proptest! {
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
