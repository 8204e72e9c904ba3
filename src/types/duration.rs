//! Durations as text, as Go writes them: `250ms`, `30s`, `1m30s`, `1.5h`.

use std::{fmt, time::Duration};

const UNITS: [(&str, u64); 8] = [
    ("ns", 1),
    ("us", 1_000),
    ("µs", 1_000),
    ("μs", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
];

/// `None` for anything else, a negative duration, and one of more than 584 years.
pub(crate) fn parse(text: &str) -> Option<Duration> {
    if text == "0" {
        return Some(Duration::ZERO);
    }
    let mut rest = text;
    let mut nanos = 0_u64;
    while !rest.is_empty() || rest.len() == text.len() {
        let number_end = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, tail) = rest.split_at(number_end);
        let unit_end = tail.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(unit_end);
        let (_, unit_nanos) = UNITS.into_iter().find(|(name, _)| *name == unit)?;
        nanos = nanos.checked_add(scaled(number, unit_nanos)?)?;
        rest = tail;
    }
    Some(Duration::from_nanos(nanos))
}

/// A number with or without a fraction, times `unit`. What is finer than a nanosecond is cut off.
fn scaled(number: &str, unit: u64) -> Option<u64> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if whole.is_empty() && fraction.is_empty() || fraction.contains('.') {
        return None;
    }
    let whole = if whole.is_empty() { 0 } else { whole.parse::<u64>().ok()?.checked_mul(unit)? };
    let mut digit_worth = unit;
    let mut nanos = whole;
    for digit in fraction.bytes() {
        // Hours are worth 3.6e12 ns, so no more than 13 digits are worth anything.
        digit_worth /= 10;
        nanos = nanos.checked_add(digit_worth * u64::from(digit - b'0'))?;
    }
    Some(nanos)
}

/// Prints so that [`parse`] reads the same duration again, in few characters: `1m30s`, `250ms`, `0s`.
pub(crate) struct Shown(pub(crate) Duration);

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut nanos = u64::try_from(self.0.as_nanos()).unwrap_or(u64::MAX);
        if nanos == 0 {
            return f.write_str("0s");
        }
        for unit in ["h", "m", "s", "ms", "us", "ns"] {
            let worth = UNITS.iter().find(|(name, _)| *name == unit).map_or(1, |(_, worth)| *worth);
            if nanos >= worth {
                write!(f, "{}{unit}", nanos / worth)?;
                nanos %= worth;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn durations_are_read_as_go_reads_them() {
        for (text, nanos) in [
            ("0", 0),
            ("0s", 0),
            ("5ns", 5),
            ("7us", 7_000),
            ("7µs", 7_000),
            ("250ms", 250_000_000),
            ("30s", 30_000_000_000),
            ("1m30s", 90_000_000_000),
            ("1h0m0.5s", 3_600_500_000_000),
            ("1.5h", 5_400_000_000_000),
            (".5s", 500_000_000),
            ("1.s", 1_000_000_000),
            ("0.0000000001h", 360),
            ("1.99999999999999999999s", 1_999_999_999),
        ] {
            assert_eq!(parse(text), Some(Duration::from_nanos(nanos)), "{text}");
        }
        for text in [
            "",
            "30",
            "s",
            ".s",
            "-1s",
            "1d",
            "1 s",
            "1s ",
            "1sec",
            "1.2.3s",
            "6000000h",
            "99999999999999999999s",
        ] {
            assert_eq!(parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn durations_are_printed_short() {
        for text in ["0s", "1m30s", "250ms", "1h", "1s500ms", "3us7ns"] {
            assert_eq!(Shown(parse(text).unwrap()).to_string(), text);
        }
    }

    proptest! {
        #[test]
        fn what_is_printed_reads_the_same(nanos: u64) {
            let duration = Duration::from_nanos(nanos);
            prop_assert_eq!(parse(&Shown(duration).to_string()), Some(duration));
        }

        #[test]
        fn no_text_panics(text in "[0-9.smhunµ-]{0,20}") {
            parse(&text);
        }
    }
}
