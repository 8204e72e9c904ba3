//! From the values of a namespace to its routing policy.

use super::{
    Answer, Filters, Layers, Value,
    keys::{self, KeySpec},
};
use crate::policy::{Field, RoutingPolicy, RoutingPolicyBuilder};

/// Every key is checked when it is read, so that what is found here makes a policy.
pub(super) fn policy(layers: &Layers, filters: &Filters) -> RoutingPolicy {
    let settings: [(Field, &'static KeySpec); 7] = [
        (Field::Mode, &keys::MODE),
        (Field::Percentage, &keys::PERCENTAGE),
        (Field::ExcludeUuidKeys, &keys::EXCLUDE_UUID),
        (Field::Fallback, &keys::FALLBACK),
        (Field::MaxAge, &keys::MAX_AGE),
        (Field::ShadowSample, &keys::SHADOW_SAMPLE_RATE),
        (Field::KillSwitch, &keys::KILL_SWITCH),
    ];
    let mut builder = RoutingPolicy::builder();
    for (field, key) in settings {
        let Answer { value, origin } = layers.get(key, filters);
        builder = set(builder, field, &value).origin(field, &origin.to_string());
    }
    if let Some((entry, origin)) = layers.find(&keys::EXCLUDE_PATTERNS, filters)
        && let Some(compiled) = &entry.compiled
    {
        builder = builder.exclude_patterns_of(compiled).origin(Field::ExcludePatterns, &origin.to_string());
    }
    builder.build().expect("every value was checked against its key when it was read")
}

fn set(builder: RoutingPolicyBuilder, field: Field, value: &Value) -> RoutingPolicyBuilder {
    match (field, value) {
        (Field::Mode, Value::Text(mode)) => builder.mode(&**mode),
        (Field::Percentage, Value::Int(percent)) => builder.percentage(*percent),
        (Field::ExcludeUuidKeys, Value::Bool(excluded)) => builder.exclude_uuid_keys(*excluded),
        (Field::Fallback, Value::Text(fallback)) => builder.fallback(&**fallback),
        (Field::MaxAge, Value::Duration(age)) => builder.max_age(Some(*age).filter(|age| !age.is_zero())),
        (Field::ShadowSample, Value::Float(share)) => builder.shadow_sample(*share),
        (Field::KillSwitch, Value::Bool(on)) => builder.kill_switch(*on),
        _ => unreachable!("{field} has the type that its key says"),
    }
}
