//! An executor as the planner sees it.

use crate::{
    engine::SessionRecord,
    plan::{Executor, Load},
    types::{Member, Mono},
};

pub(super) fn executor(record: &SessionRecord, joined: Mono) -> Executor {
    let profile = &record.profile;
    let identity = if profile.identity.is_empty() { record.executor.as_str() } else { &profile.identity };
    let member = Member::new(record.executor.as_str()).expect("an executor id is a member's name");
    // Profiles keep to the rules of members. One that was stored by a binary with other rules is passed over.
    let member = member.clone().with_identity(identity).unwrap_or(member);
    let member = member.clone().with_weight(profile.weight.max(1)).unwrap_or(member);
    let mut executor = Executor::new(member, joined);
    if !profile.build.is_empty() {
        executor = executor.with_version(profile.build.as_str());
    }
    if let Some(max_shards) = profile.max_shards {
        executor = executor.with_max_shards(max_shards);
    }
    if let Some(max_load) = profile.max_load.and_then(|load| Load::new(load as f64)) {
        executor = executor.with_max_load(max_load);
    }
    executor
}
