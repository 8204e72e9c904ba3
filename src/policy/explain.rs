//! The long answer to "why does this key go there?", for people.

use std::fmt;

use super::{Field, Path, Reason, RoutingPolicy, uuid};
use crate::hash::percent_bucket;

/// Everything the policy has to say about a key, also what did not decide. Reads as one line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation<'p> {
    policy: &'p RoutingPolicy,
    path: Path,
    bucket: u8,
    has_uuid: bool,
    pattern: Option<u8>,
}

impl RoutingPolicy {
    /// The long form of [`route`](Self::route); not for every lookup.
    pub fn explain(&self, key: &[u8]) -> Explanation<'_> {
        Explanation {
            policy: self,
            path: self.route(key),
            bucket: percent_bucket(key),
            has_uuid: uuid::is_in(key),
            pattern: self.settings.exclude_patterns.matching(key),
        }
    }
}

impl<'p> Explanation<'p> {
    /// The way that a lookup takes.
    pub const fn path(&self) -> Path {
        self.path
    }

    /// The key's bucket, 0 to 99. It is onboarded by every percentage above its bucket.
    pub const fn bucket(&self) -> u8 {
        self.bucket
    }

    /// Whether the key contains a UUID, excluded or not.
    pub const fn has_uuid(&self) -> bool {
        self.has_uuid
    }

    /// The exclusion pattern that the key matches: its index and text.
    pub fn pattern(&self) -> Option<(u8, &'p str)> {
        self.pattern.map(|index| (index, &*self.policy.settings.exclude_patterns.texts()[usize::from(index)]))
    }

    /// The setting that decided.
    pub const fn decided_by(&self) -> Field {
        match self.path.reason() {
            Reason::KillSwitch => Field::KillSwitch,
            Reason::Mode | Reason::Onboarded => Field::Mode,
            Reason::UuidKey => Field::ExcludeUuidKeys,
            Reason::NotOnboarded => Field::Percentage,
            Reason::Pattern(_) => Field::ExcludePatterns,
        }
    }
}

impl fmt::Display for Explanation<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (policy, bucket) = (self.policy, self.bucket);
        write!(f, "{}", self.path.source())?;
        if let Some(shadow) = self.path.shadow() {
            write!(f, ", {shadow} compared")?;
        }
        f.write_str(": ")?;
        match self.path.reason() {
            Reason::KillSwitch => f.write_str("kill switch is on")?,
            Reason::Mode => write!(f, "mode is {}", policy.mode())?,
            Reason::UuidKey => f.write_str("key contains a UUID")?,
            Reason::NotOnboarded => {
                write!(f, "bucket {bucket} is not below percentage {}", policy.percentage())?
            }
            Reason::Pattern(index) => {
                let text = self.pattern().map_or("", |(_, text)| text);
                write!(f, "key matches exclusion pattern {index}, {text:?}")?;
            }
            Reason::Onboarded => {
                write!(
                    f,
                    "mode is {}, bucket {bucket} is below percentage {}",
                    policy.mode(),
                    policy.percentage()
                )?;
            }
        }
        write!(f, " (from {}; policy epoch {})", policy.origin(self.decided_by()), policy.epoch())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::RoutingPolicyBuilder;

    #[test]
    fn every_reason_reads_as_a_line() {
        let base = || {
            RoutingPolicy::builder()
                .mode("shard_distributor-shadow-hash_ring")
                .percentage(60)
                .exclude_uuid_keys(true)
                .exclude_patterns(["a*", "b*"])
                .origin(Field::Percentage, "policy.yaml line 7")
                .epoch(3)
        };
        let line = |builder: RoutingPolicyBuilder, key: &str| {
            builder.build().unwrap().explain(key.as_bytes()).to_string()
        };
        for (builder, key, expected) in [
            (
                base(),
                "my-task-list",
                "distributor, ring compared: mode is shard_distributor-shadow-hash_ring, \
                 bucket 58 is below percentage 60 (from default; policy epoch 3)",
            ),
            (
                base().percentage(25),
                "my-task-list",
                "ring: bucket 58 is not below percentage 25 (from policy.yaml line 7; policy epoch 3)",
            ),
            (
                base(),
                "my-task-list-550e8400-e29b-41d4-a716-446655440003",
                "ring: key contains a UUID (from default; policy epoch 3)",
            ),
            (
                base().percentage(100),
                "bc",
                r#"ring: key matches exclusion pattern 1, "b*" (from default; policy epoch 3)"#,
            ),
            (base().mode("hash_ring"), "a", "ring: mode is hash_ring (from default; policy epoch 3)"),
            (base().kill_switch(true), "a", "ring: kill switch is on (from default; policy epoch 3)"),
        ] {
            assert_eq!(line(builder, key), expected);
        }
    }

    #[test]
    fn what_did_not_decide_is_told_as_well() {
        let policy = RoutingPolicy::builder().exclude_patterns(["other", "*-list-*"]).build().unwrap();
        let explanation = policy.explain(b"my-task-list-550e8400-e29b-41d4-a716-446655440003");
        assert_eq!(explanation.path().reason(), Reason::Mode);
        assert_eq!(explanation.bucket(), 69);
        assert!(explanation.has_uuid());
        assert_eq!(explanation.pattern(), Some((1, "*-list-*")));
    }
}
