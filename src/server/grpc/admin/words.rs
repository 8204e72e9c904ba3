//! Changes of a namespace as lines for people.

use crate::engine::{Change, Freeze, Handover, SessionRecord, ShardRecord, Standing, State};
use crate::session::Ending;
use crate::types::{SessionId, duration::Shown};

/// A change as a line. `state` knows whose the sessions are that are still there.
pub(super) fn line(change: &Change, state: Option<&State>) -> String {
    let who = |session: SessionId| whose(session, state);
    match change {
        Change::Config(_) => "configured".into(),
        Change::Policy(policy) => format!("policy of epoch {}", policy.epoch),
        Change::Freeze(freeze) => format!("freeze {}", freeze_word(*freeze)),
        Change::LongestLease(lease) => format!("longest lease {}", Shown(*lease)),
        Change::Session(record) => session_line(record),
        Change::SessionEnded(session, why) => format!("session {session} ended: {}", ending_word(*why)),
        Change::Shard(record) => shard_line(record, who),
        Change::ShardRetired(key) => format!("shard {:?} retired", key.as_str()),
        Change::Drained(executor, true) => format!("executor {:?} drained", executor.as_str()),
        Change::Drained(executor, false) => format!("executor {:?} undrained", executor.as_str()),
        Change::Deleted => "deleted".into(),
        Change::Load(key, load) => format!("shard {:?} weighs {load}", key.as_str()),
        Change::SessionAge(session, age) => format!("session {session} is {} old", Shown(*age)),
        Change::ShardTimes(key, _) => format!("times of shard {:?}", key.as_str()),
        Change::Other(_) => "something that only a later version understands".into(),
    }
}

fn session_line(record: &SessionRecord) -> String {
    let standing = match record.standing {
        Standing::Pending => "pending",
        Standing::Active => "active",
        Standing::Draining { by_operator: true } => "draining, as an operator wants",
        Standing::Draining { by_operator: false } => "draining, as it wants itself",
        Standing::Superseded => "superseded",
        Standing::Removed => "removed",
    };
    format!("executor {:?} with session {}: {standing}", record.executor.as_str(), record.id)
}

fn shard_line(record: &ShardRecord, who: impl Fn(SessionId) -> String) -> String {
    let mut line = match record.owner {
        Some(owner) => {
            format!("shard {:?} owned by {} under {}", record.key.as_str(), who(owner), record.token)
        }
        None => format!("shard {:?} owned by nobody", record.key.as_str()),
    };
    match record.handover {
        Some(Handover { to: Some(to), .. }) => line += &format!(", moving to {}", who(to)),
        Some(Handover { to: None, .. }) => line += ", to be released",
        None => {}
    }
    if let Some(pin) = &record.pin {
        line += &format!(", pinned to {:?}", pin.as_str());
    }
    if record.quarantined {
        line += ", quarantined";
    }
    if record.drained {
        line += ", drained";
    }
    line
}

fn whose(session: SessionId, state: Option<&State>) -> String {
    match state.and_then(|state| state.session_record(session)) {
        Some(record) => format!("{:?}", record.executor.as_str()),
        None => format!("session {session}"),
    }
}

pub(super) const fn freeze_word(freeze: Freeze) -> &'static str {
    match freeze {
        Freeze::Off => "off",
        Freeze::Balance => "balance",
        Freeze::All => "all",
    }
}

const fn ending_word(ending: Ending) -> &'static str {
    match ending {
        Ending::Expired => "it was not heard for a lease",
        Ending::Superseded => "a later process has its id",
        Ending::Left => "it left",
        Ending::Voided => "the store was restored",
        Ending::Removed => "an operator removed it",
    }
}
