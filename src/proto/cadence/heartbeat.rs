//! An executor's heartbeat, read with every bound checked.

use std::{collections::BTreeMap, sync::Arc};

use super::wire::{ExecutorStatus, HeartbeatRequest, ShardStatus, ShardStatusReport};
use crate::{
    proto::Invalid,
    session::Profile,
    types::{ExecutorId, ShardKey},
};

/// Longest key of an executor's metadata, in bytes, as in Go's server.
pub const MAX_METADATA_KEY_BYTES: usize = 128;
/// Most shards that are reported: more than a namespace has would be one too many.
const MAX_REPORTS: usize = 1_000_000;

/// What an executor says with each beat. It says everything every time.
#[derive(Clone, Debug, PartialEq)]
pub struct Heartbeat {
    /// Who it is.
    pub executor: ExecutorId,
    /// Whether it serves. If not, it is stopping and is to have no shards.
    pub is_active: bool,
    /// What it has started, and not stopped.
    pub reports: BTreeMap<ShardKey, Report>,
    /// Whatever callers need to reach it.
    pub profile: Arc<Profile>,
}

/// What it says of a shard.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Report {
    /// How much work it is.
    pub load: f64,
    /// Whether it is of no use any more.
    pub is_done: bool,
}

/// Reads a heartbeat; its namespace is left to the caller.
pub fn read_heartbeat(request: HeartbeatRequest) -> Result<Heartbeat, Invalid> {
    let is_active = match request.status() {
        ExecutorStatus::Active => true,
        ExecutorStatus::Draining | ExecutorStatus::Drained => false,
        ExecutorStatus::Invalid => {
            let rule = "must be ACTIVE (1), DRAINING (2) or DRAINED (3)";
            return Err(Invalid::new("status", request.status, rule));
        }
    };
    let HeartbeatRequest { executor_id, shard_status_reports: reports, metadata, .. } = request;
    let executor = ExecutorId::new(executor_id).map_err(|error| Invalid::name("executor_id", error))?;
    if reports.len() > MAX_REPORTS {
        let rule = format!("must be at most {MAX_REPORTS}");
        return Err(Invalid::new("shard_status_reports", reports.len(), rule));
    }
    let reports = reports.into_iter().map(read_report).collect::<Result<_, _>>()?;
    Ok(Heartbeat { executor, is_active, reports, profile: Arc::new(profile(metadata)?) })
}

fn read_report((key, report): (String, ShardStatusReport)) -> Result<(ShardKey, Report), Invalid> {
    let field = |part: &str| format!("shard_status_reports[\"{}\"]{part}", key.escape_debug());
    let shard = ShardKey::new(&key).map_err(|error| Invalid::name("shard_status_reports", error))?;
    let load = report.shard_load;
    if !load.is_finite() || load < 0.0 {
        return Err(Invalid::new(field(".shard_load"), load, "must be a finite number, at least 0"));
    }
    let is_done = match report.status() {
        ShardStatus::Ready => false,
        ShardStatus::Done => true,
        ShardStatus::Invalid => {
            return Err(Invalid::new(field(".status"), report.status, "must be READY (1) or DONE (2)"));
        }
    };
    Ok((shard, Report { load, is_done }))
}

fn profile(metadata: BTreeMap<String, String>) -> Result<Profile, Invalid> {
    let is_right = |key: &str| (1..=MAX_METADATA_KEY_BYTES).contains(&key.len());
    if let Some(key) = metadata.keys().find(|key| !is_right(key)) {
        let rule = format!("must have keys of 1 to {MAX_METADATA_KEY_BYTES} bytes");
        return Err(Invalid::new("metadata", key, rule));
    }
    let profile = Profile { metadata, ..Profile::default() };
    match profile.broken_bound() {
        Some((part, value, rule)) => Err(Invalid::new(part, value, rule)),
        None => Ok(profile),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request() -> HeartbeatRequest {
        let report = ShardStatusReport { status: ShardStatus::Ready.into(), shard_load: 1.5 };
        HeartbeatRequest {
            namespace: "matching".into(),
            executor_id: "host-1@0b5a".into(),
            status: ExecutorStatus::Active.into(),
            shard_status_reports: BTreeMap::from([("task list / 1".into(), report)]),
            metadata: BTreeMap::from([("hostIP".into(), "127.0.0.1".into())]),
        }
    }

    #[test]
    fn what_gos_executors_say_is_understood() {
        let beat = read_heartbeat(request()).unwrap();
        assert!(beat.is_active && &*beat.executor == "host-1@0b5a");
        assert_eq!(beat.reports["task list / 1"], Report { load: 1.5, is_done: false });
        assert_eq!(beat.profile.metadata["hostIP"], "127.0.0.1");
        for status in [ExecutorStatus::Draining, ExecutorStatus::Drained] {
            let leaving = HeartbeatRequest { status: status.into(), ..request() };
            assert!(!read_heartbeat(leaving).unwrap().is_active);
        }
    }

    #[test]
    fn what_breaks_a_rule_is_named_with_its_value() {
        let metadata = |count: usize, key: usize, value: usize| -> BTreeMap<String, String> {
            (0..count).map(|number| (format!("{number:0key$}"), "x".repeat(value))).collect()
        };
        let report = |status: i32, shard_load: f64| ShardStatusReport { status, shard_load };
        let reports = |key: &str, report| BTreeMap::from([(key.to_owned(), report)]);
        type Spoil = Box<dyn Fn(&mut HeartbeatRequest)>;
        let table: [(Spoil, &str); 11] = [
            (Box::new(|r| r.executor_id = "a/b".into()), "executor_id \"a/b\" may contain only"),
            (Box::new(|r| r.executor_id.clear()), "executor_id must be 1 to 256 bytes, is 0"),
            (Box::new(|r| r.status = 0), "status \"0\" must be ACTIVE"),
            (Box::new(|r| r.status = 9), "status \"9\" must be ACTIVE"),
            (
                Box::new(move |r| r.shard_status_reports = reports("7", report(1, f64::NAN))),
                "shard_status_reports[\"7\"].shard_load \"NaN\" must be a finite number",
            ),
            (
                Box::new(move |r| r.shard_status_reports = reports("7", report(1, -1.0))),
                "shard_status_reports[\"7\"].shard_load \"-1\" must be a finite number",
            ),
            (
                Box::new(move |r| r.shard_status_reports = reports("7", report(3, 1.0))),
                "shard_status_reports[\"7\"].status \"3\" must be READY",
            ),
            (
                Box::new(move |r| r.shard_status_reports = reports("", report(1, 1.0))),
                "shard_status_reports must be 1 to",
            ),
            (
                Box::new(move |r| r.metadata = metadata(33, 2, 1)),
                "metadata \"33 entries\" must have at most 32 entries",
            ),
            (Box::new(move |r| r.metadata = metadata(1, 129, 1)), "must have keys of 1 to 128 bytes"),
            (
                Box::new(move |r| r.metadata = metadata(2, 1, 9000)),
                "metadata \"18002 bytes\" must have at most 16384 bytes",
            ),
        ];
        for (spoil, complaint) in table {
            let mut request = request();
            spoil(&mut request);
            let error = read_heartbeat(request).unwrap_err().to_string();
            assert!(error.contains(complaint), "{error} has not: {complaint}");
        }
    }
}
