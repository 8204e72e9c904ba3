//! The path of a key against the truth table, the UUID rule against a look at every place, globs against a matcher
//! that tries everything.
#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use shardway::{
    hash::percent_bucket,
    policy::{Mode, Reason, RoutingPolicy},
    types::Source,
};

const MAX_PATTERNS: usize = 6;
const MAX_PIECES: usize = 12;
const UUID: &str = "550e8400-E29B-41d4-a716-44665544000f";

#[derive(Arbitrary, Debug)]
struct Input {
    mode: u8,
    percentage: u8,
    exclude_uuid_keys: bool,
    kill_switch: bool,
    globs: Vec<Vec<Piece>>,
    /// What comes before the key's pieces, so that a UUID may begin anywhere: a hex digit, a dash, or neither, so often.
    padding: (u8, u8),
    key: Vec<Piece>,
    /// What an operator may write at all: it is refused or compiled, and that is all we ask.
    anything: Vec<String>,
}

/// A piece of a glob; in a key the wildcards stand for text. Few letters, so that globs match.
#[derive(Arbitrary, Clone, Copy, Debug)]
enum Piece {
    Letter(u8),
    Any,
    Star,
    Special,
    Uuid { cut: u8 },
}

fuzz_target!(|input: Input| {
    let _ = RoutingPolicy::builder().exclude_patterns(input.anything.iter().take(MAX_PATTERNS)).build();

    let mode = Mode::ALL[usize::from(input.mode) % 4];
    let percentage = input.percentage % 101;
    let globs: Vec<&[Piece]> =
        input.globs.iter().take(MAX_PATTERNS).map(|glob| &glob[..glob.len().min(MAX_PIECES)]).collect();
    let texts: Vec<String> =
        globs.iter().map(|glob| glob.iter().map(|piece| piece.in_glob()).collect()).collect();
    let policy = RoutingPolicy::builder()
        .mode(mode)
        .percentage(percentage.into())
        .exclude_uuid_keys(input.exclude_uuid_keys)
        .exclude_patterns(texts.iter())
        .kill_switch(input.kill_switch)
        .build();
    let policy = match policy {
        Ok(policy) => policy,
        // An empty glob matches only the empty key, which is none; it may be refused.
        Err(errors) => return assert!(texts.iter().any(String::is_empty), "{errors} in {texts:?}"),
    };
    let mut key = ["0", "-", "/"][usize::from(input.padding.0) % 3].repeat(usize::from(input.padding.1) % 40);
    key.extend(input.key.iter().take(MAX_PIECES).map(|piece| piece.in_key()));
    let pattern = globs.iter().position(|glob| matches(glob, &key));
    let asks_ring_alone = mode == Mode::HashRing;
    let reason = match pattern.and_then(|index| u8::try_from(index).ok()) {
        _ if input.kill_switch => Reason::KillSwitch,
        _ if asks_ring_alone => Reason::Mode,
        _ if percentage == 0 => Reason::NotOnboarded,
        _ if input.exclude_uuid_keys && has_uuid(&key) => Reason::UuidKey,
        _ if percent_bucket(key.as_bytes()) >= percentage => Reason::NotOnboarded,
        Some(index) => Reason::Pattern(index),
        None => Reason::Onboarded,
    };
    let path = policy.route(key.as_bytes());
    assert_eq!(path.reason(), reason, "{key:?} by {policy}");
    let expected = match (reason, mode) {
        (Reason::Onboarded, Mode::ShardDistributor) => (Source::Distributor, None),
        (Reason::Onboarded, Mode::ShardDistributorShadowHashRing) => {
            (Source::Distributor, Some(Source::Ring))
        }
        (Reason::Onboarded, Mode::HashRingShadowShardDistributor) => {
            (Source::Ring, Some(Source::Distributor))
        }
        _ => (Source::Ring, None),
    };
    assert_eq!((path.source(), path.shadow()), expected, "{key:?} by {policy}");
});

impl Piece {
    fn in_glob(self) -> String {
        match self {
            Self::Any => "?".into(),
            Self::Star => "*".into(),
            Self::Special => r"\*".into(),
            Self::Letter(_) | Self::Uuid { .. } => self.in_key(),
        }
    }

    fn in_key(self) -> String {
        match self {
            Self::Letter(letter) => ["a", "b", "/", ".", "é", "0", "-", "任"][usize::from(letter) % 8].into(),
            Self::Any => "b".into(),
            Self::Star => "ab".into(),
            Self::Special => "*".into(),
            Self::Uuid { cut } => UUID[..36 - usize::from(cut.saturating_sub(128)) % 36].into(),
        }
    }
}

/// Whether the whole key is like the glob, whose one-letter pieces stand for themselves.
fn matches(glob: &[Piece], key: &str) -> bool {
    let Some((first, rest)) = glob.split_first() else { return key.is_empty() };
    match first {
        Piece::Star => {
            key.char_indices().map(|(at, _)| at).chain([key.len()]).any(|at| matches(rest, &key[at..]))
        }
        Piece::Any => key.chars().next().is_some_and(|c| matches(rest, &key[c.len_utf8()..])),
        literal => key.strip_prefix(&literal.in_key()).is_some_and(|key| matches(rest, key)),
    }
}

fn has_uuid(key: &str) -> bool {
    key.as_bytes().windows(UUID.len()).any(|window| {
        window.iter().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => *byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
    })
}
