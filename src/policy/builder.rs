//! Making a policy out of settings that may be wrong.

use std::{sync::Arc, time::Duration};

use super::{
    Fallback, Field, Mode, Percentage, PolicyError, PolicyErrors, RoutingPolicy, SampleRate,
    patterns::Patterns,
    routing_policy::{Origins, Settings},
};

/// Longest text that says where a setting came from, in bytes; the rest is cut off.
const MAX_ORIGIN_BYTES: usize = 256;

/// Collects settings, then makes a [`RoutingPolicy`] of them or says everything that is wrong with them.
///
/// ```
/// use shardway::policy::{Field, RoutingPolicy};
///
/// let errors = RoutingPolicy::builder()
///     .mode("hash-ring")
///     .origin(Field::Mode, "policy.yaml line 3")
///     .percentage(120)
///     .build()
///     .unwrap_err();
/// let problems: Vec<String> = errors.iter().map(ToString::to_string).collect();
/// assert_eq!(problems, [
///     "mode \"hash-ring\" must be one of hash_ring, hash_ring-shadow-shard_distributor, \
///      shard_distributor-shadow-hash_ring, shard_distributor; did you mean \"hash_ring\"? (policy.yaml line 3)",
///     "percentage 120 must be a whole number from 0 to 100",
/// ]);
/// ```
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing until `build`"]
pub struct RoutingPolicyBuilder {
    mode: Result<Mode, PolicyError>,
    percentage: Result<Percentage, PolicyError>,
    exclude_uuid_keys: bool,
    exclude_patterns: Excluded,
    fallback: Result<Fallback, PolicyError>,
    max_age: Option<Duration>,
    shadow_sample: Result<SampleRate, PolicyError>,
    kill_switch: bool,
    epoch: u64,
    origins: Origins,
}

#[derive(Clone, Debug)]
enum Excluded {
    Texts(Vec<String>),
    Compiled(Patterns),
}

impl RoutingPolicyBuilder {
    /// A [`Mode`] or its word. Default: `hash_ring`.
    pub fn mode(mut self, mode: impl TryInto<Mode, Error: Into<PolicyError>>) -> Self {
        self.mode = mode.try_into().map_err(Into::into);
        self
    }

    /// The share of keys that are onboarded, 0 to 100. Default: 100.
    pub fn percentage(mut self, percent: i64) -> Self {
        self.percentage = Percentage::new(percent);
        self
    }

    /// Whether keys that contain a UUID (8-4-4-4-12 hexadecimal digits of any case, anywhere) are excluded. Default: no.
    pub fn exclude_uuid_keys(mut self, excluded: bool) -> Self {
        self.exclude_uuid_keys = excluded;
        self
    }

    /// Which other keys are excluded: at most [`MAX_PATTERNS`](super::MAX_PATTERNS) patterns of at most
    /// [`MAX_PATTERN_BYTES`](super::MAX_PATTERN_BYTES), replacing earlier ones. Default: none.
    ///
    /// A pattern is a glob that the whole key must match: `*` is any text (`/` is nothing special), `?` any character,
    /// `[a-z]` one of a class, `[!a-z]` none of it, `{a,b}` either glob, `\*` the character itself.
    ///
    /// `regex:` before it makes it a regular expression that must match somewhere in the key, unless it says `^` and
    /// `$`; the syntax is the `regex` crate's, with `\d \w \s \b` meaning ASCII as they do in Go and RE2.
    pub fn exclude_patterns(mut self, patterns: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.exclude_patterns = Excluded::Texts(patterns.into_iter().map(Into::into).collect());
        self
    }

    /// The patterns of another policy, as they were compiled for it: many namespaces with the same patterns then share
    /// one automaton, which can take megabytes.
    pub fn exclude_patterns_of(mut self, policy: &RoutingPolicy) -> Self {
        self.exclude_patterns = Excluded::Compiled(policy.settings.exclude_patterns.clone());
        self
    }

    /// A [`Fallback`] or its word. Default: `stale`.
    pub fn fallback(mut self, fallback: impl TryInto<Fallback, Error: Into<PolicyError>>) -> Self {
        self.fallback = fallback.try_into().map_err(Into::into);
        self
    }

    /// The age of the distributor's map past which the fallback applies. Default: none.
    pub fn max_age(mut self, max_age: Option<Duration>) -> Self {
        self.max_age = max_age;
        self
    }

    /// The share of lookups that a shadow mode compares, 0 to 1. Default: 0.01.
    pub fn shadow_sample(mut self, share: f64) -> Self {
        self.shadow_sample = SampleRate::from_share(share);
        self
    }

    /// Whether everything goes to the ring, whatever else is set. Default: no.
    pub fn kill_switch(mut self, on: bool) -> Self {
        self.kill_switch = on;
        self
    }

    /// See [`RoutingPolicy::epoch`]. Default: 0.
    pub fn epoch(mut self, epoch: u64) -> Self {
        self.epoch = epoch;
        self
    }

    /// Where the value of a setting came from, for whoever asks or is told of an error: "policy.yaml line 3". Cut at 256
    /// bytes.
    pub fn origin(mut self, field: Field, origin: &str) -> Self {
        let end = origin.floor_char_boundary(MAX_ORIGIN_BYTES);
        self.origins[field as usize] = Some(Arc::from(&origin[..end]));
        self
    }

    /// Checks every setting. Compiling patterns takes time and memory (bounded, milliseconds): not on a lookup's path.
    pub fn build(self) -> Result<RoutingPolicy, PolicyErrors> {
        let mut errors = Vec::new();
        let mode = kept(self.mode, &mut errors);
        let percentage = kept(self.percentage, &mut errors);
        let exclude_patterns = match self.exclude_patterns {
            Excluded::Texts(texts) => Patterns::compile(texts).map_err(|all| errors.extend(all)).ok(),
            Excluded::Compiled(patterns) => Some(patterns),
        };
        let fallback = kept(self.fallback, &mut errors);
        if self.max_age == Some(Duration::ZERO) {
            let rule = "must be longer than nothing, or not set: every answer has some age";
            errors.push(PolicyError::new(Field::MaxAge, "0s", rule));
        }
        let shadow_sample = kept(self.shadow_sample, &mut errors);
        let (Some(mode), Some(percentage), Some(exclude_patterns), Some(fallback), Some(shadow_sample), true) =
            (mode, percentage, exclude_patterns, fallback, shadow_sample, errors.is_empty())
        else {
            return Err(PolicyErrors::new(
                errors.into_iter().map(|error| located(error, &self.origins)).collect(),
            ));
        };
        let settings = Settings {
            mode,
            percentage,
            exclude_uuid_keys: self.exclude_uuid_keys,
            exclude_patterns,
            fallback,
            max_age: self.max_age,
            shadow_sample,
            kill_switch: self.kill_switch,
        };
        Ok(RoutingPolicy::new(settings, self.epoch, self.origins))
    }
}

impl Default for RoutingPolicyBuilder {
    fn default() -> Self {
        Self {
            mode: Ok(Mode::default()),
            percentage: Ok(Percentage::HUNDRED),
            exclude_uuid_keys: false,
            exclude_patterns: Excluded::Texts(Vec::new()),
            fallback: Ok(Fallback::default()),
            max_age: None,
            shadow_sample: Ok(SampleRate::default()),
            kill_switch: false,
            epoch: 0,
            origins: Origins::default(),
        }
    }
}

fn kept<T>(setting: Result<T, PolicyError>, errors: &mut Vec<PolicyError>) -> Option<T> {
    setting.map_err(|error| errors.push(error)).ok()
}

fn located(error: PolicyError, origins: &Origins) -> PolicyError {
    match &origins[error.field() as usize] {
        Some(origin) => error.with_origin(origin),
        None => error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_safe() {
        assert_eq!(
            RoutingPolicy::default().to_string(),
            "mode hash_ring, percentage 100, exclude_uuid_keys false, exclude_patterns [], fallback stale, \
             max_age none, shadow_sample 0.01, kill_switch false, epoch 0"
        );
    }

    #[test]
    fn all_problems_are_reported_in_order_and_with_their_origins() {
        let mut builder = RoutingPolicy::builder()
            .mode("ring")
            .percentage(101)
            .exclude_patterns(["[", "fine", "{"])
            .fallback("stael")
            .max_age(Some(Duration::ZERO))
            .shadow_sample(f64::NAN);
        for field in Field::ALL {
            builder = builder.origin(field, &format!("line of {field}"));
        }
        let errors = builder.build().unwrap_err();
        let fields: Vec<Field> = errors.iter().map(PolicyError::field).collect();
        assert_eq!(
            fields,
            [
                Field::Mode,
                Field::Percentage,
                Field::ExcludePatterns,
                Field::ExcludePatterns,
                Field::Fallback,
                Field::MaxAge,
                Field::ShadowSample
            ]
        );
        for error in errors.iter() {
            assert_eq!(error.origin(), Some(&*format!("line of {}", error.field())));
        }
        assert!(
            errors.to_string().contains(r#"did you mean "stale"? (line of fallback); max_age 0s must"#),
            "{errors}"
        );
    }

    #[test]
    fn a_setting_given_again_replaces_the_first() {
        let builder = RoutingPolicy::builder().mode("wrong").percentage(-1).exclude_patterns(["["]);
        let policy =
            builder.mode(Mode::ShardDistributor).percentage(5).exclude_patterns([""; 0]).build().unwrap();
        assert_eq!((policy.mode(), policy.percentage().get()), (Mode::ShardDistributor, 5));
    }

    #[test]
    fn patterns_can_be_taken_from_another_policy() {
        let first =
            RoutingPolicy::builder().exclude_patterns(["tmp-*"]).mode("shard_distributor").build().unwrap();
        let second =
            RoutingPolicy::builder().exclude_patterns_of(&first).mode("shard_distributor").build().unwrap();
        assert_eq!(second, first);
        assert_eq!(second.route(b"tmp-1"), first.route(b"tmp-1"));
    }

    #[test]
    fn fields_are_numbered_as_they_are_listed() {
        for (i, field) in Field::ALL.into_iter().enumerate() {
            assert_eq!(field as usize, i, "{field}");
        }
    }

    #[test]
    fn values_and_origins_from_outside_are_cut_and_escaped() {
        let origin = "ü".repeat(200);
        let builder = RoutingPolicy::builder().mode(&*"\u{1b}[31m".repeat(50)).origin(Field::Mode, &origin);
        let errors = builder.build().unwrap_err();
        let error = errors.iter().next().unwrap();
        assert!(!error.to_string().contains('\u{1b}'), "{error}");
        assert_eq!(error.origin().map(str::len), Some(MAX_ORIGIN_BYTES));
    }
}
