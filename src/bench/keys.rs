//! What is looked up: keys of a stated shape, equal on every machine.

use std::{fmt, ops::Range, str::FromStr};

use super::random::Random;

/// Keys of one throughput or chain pass: enough that no branch predictor learns them.
pub const KEYS_PER_PASS: usize = 65_536;

const ALPHABET: &[u8; 64] = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";

/// What the keys look like. Length decides the cost of the hash; the UUID shape also exercises the exclusion rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyShape {
    /// This many letters and digits; 36 is what all goals are stated for.
    Ascii(usize),
    /// A decimal number of 1 to 19 digits.
    Decimal,
    /// A hyphenated UUID: 36 bytes as well.
    Uuid,
}

impl KeyShape {
    /// The shape that goals are stated for: as long as a UUID without being one.
    pub const GOAL: Self = Self::Ascii(36);
    /// The shapes that a run without a choice reports.
    pub const ALL: [Self; 6] =
        [Self::Ascii(8), Self::Ascii(16), Self::GOAL, Self::Ascii(64), Self::Decimal, Self::Uuid];

    const MAX_BYTES: usize = 1024;

    fn write(self, random: &mut Random, out: &mut String) {
        match self {
            Self::Ascii(bytes) => {
                let mut left = 0;
                let mut bits = 0;
                for _ in 0..bytes {
                    if left == 0 {
                        (bits, left) = (random.next(), 10);
                    }
                    out.push(ALPHABET[(bits % 64) as usize].into());
                    (bits, left) = (bits / 64, left - 1);
                }
            }
            Self::Decimal => {
                let digits = 1 + random.next() % 19;
                out.push_str(
                    &(random.next() % 10_u64.pow(u32::try_from(digits).expect("at most 19"))).to_string(),
                );
            }
            Self::Uuid => {
                let (high, low) = (random.next(), random.next());
                let (a, b, c) = (high >> 32, (high >> 16) & 0xFFFF, high & 0x0FFF);
                let (d, e) = ((low >> 48) & 0x3FFF | 0x8000, low & 0xFFFF_FFFF_FFFF);
                out.push_str(&format!("{a:08x}-{b:04x}-4{c:03x}-{d:04x}-{e:012x}"));
            }
        }
    }
}

impl fmt::Display for KeyShape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ascii(bytes) => write!(f, "{bytes}"),
            Self::Decimal => f.write_str("decimal"),
            Self::Uuid => f.write_str("uuid"),
        }
    }
}

impl FromStr for KeyShape {
    type Err = String;

    /// `decimal`, `uuid`, or a length in bytes.
    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "decimal" => Ok(Self::Decimal),
            "uuid" => Ok(Self::Uuid),
            _ => match text.parse() {
                Ok(bytes) if (1..=Self::MAX_BYTES).contains(&bytes) => Ok(Self::Ascii(bytes)),
                _ => Err(format!("must be `decimal`, `uuid` or a length of 1 to {} bytes", Self::MAX_BYTES)),
            },
        }
    }
}

/// Many keys, laid out one behind the other in the order in which they are visited.
#[derive(Debug)]
pub struct Keys {
    text: String,
    ranges: Vec<Range<usize>>,
}

impl Keys {
    /// `count` keys of this shape from this seed.
    pub fn generate(shape: KeyShape, count: usize, seed: u64) -> Self {
        let mut random = Random::new(seed);
        let mut text = String::new();
        let ranges = (0..count)
            .map(|_| {
                let start = text.len();
                shape.write(&mut random, &mut text);
                start..text.len()
            })
            .collect();
        Self { text, ranges }
    }

    /// `count` of these keys at random, again laid out in the order in which they are visited.
    pub fn draw(&self, count: usize, seed: u64) -> Self {
        let mut random = Random::new(seed);
        let mut text = String::new();
        let ranges = (0..count)
            .map(|_| {
                let start = text.len();
                text.push_str(&self.text[self.ranges[random.below(self.ranges.len())].clone()]);
                start..text.len()
            })
            .collect();
        Self { text, ranges }
    }

    /// The keys as their users hold them.
    pub fn list(&self) -> Vec<&str> {
        self.ranges.iter().map(|range| &self.text[range.clone()]).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn shapes_have_their_lengths_and_repeat_from_a_seed() {
        for shape in KeyShape::ALL {
            let keys = Keys::generate(shape, 1000, 7);
            for key in keys.list() {
                match shape {
                    KeyShape::Ascii(bytes) => assert_eq!(key.len(), bytes),
                    KeyShape::Decimal => assert!(key.parse::<u64>().is_ok(), "{key}"),
                    KeyShape::Uuid => {
                        assert_eq!(key.len(), 36);
                        assert!(key.bytes().enumerate().all(|(at, byte)| match at {
                            8 | 13 | 18 | 23 => byte == b'-',
                            _ => byte.is_ascii_hexdigit(),
                        }));
                    }
                }
            }
            assert_eq!(keys.list(), Keys::generate(shape, 1000, 7).list());
            let (all, drawn) = (keys.list(), keys.draw(5000, 8));
            assert!(drawn.list().len() == 5000 && drawn.list().iter().all(|key| all.contains(key)));
            let missed = all.iter().filter(|key| !drawn.list().contains(key)).count();
            assert!(
                missed < 50,
                "{missed} of 1,000 keys were not among 5,000 drawn, where 7 are to be expected"
            );
            assert_eq!(shape.to_string().parse(), Ok(shape));
        }
        let distinct = |shape| Keys::generate(shape, 1000, 7).list().iter().collect::<BTreeSet<_>>().len();
        assert_eq!((distinct(KeyShape::GOAL), distinct(KeyShape::Uuid)), (1000, 1000));
        assert!("0".parse::<KeyShape>().is_err() && "1025".parse::<KeyShape>().is_err());
    }
}
