//! The detail of every error, so that programs need not read texts.

use tonic::{Code, Status};

use super::wire::{Problem, problem::Reason};
use crate::proto::{Invalid, rpc_status};

const PROBLEM: &str = "shardway.v1.Problem";

impl Problem {
    /// A problem without further detail.
    pub fn new(reason: Reason, subject: impl Into<String>, rule: impl Into<String>) -> Self {
        Self { reason: reason.into(), subject: subject.into(), rule: rule.into(), ..Self::default() }
    }

    /// What to do about it.
    #[must_use]
    pub fn remedy(mut self, remedy: impl Into<String>) -> Self {
        self.remedy = remedy.into();
        self
    }

    /// As a status with this problem as its detail.
    pub fn into_status(self) -> Status {
        let code = code(self.reason());
        // A rule that names its subject says it once.
        let is_named = self.rule.contains(&format!("\"{}\"", self.subject));
        let mut message = if is_named { String::new() } else { self.subject.clone() };
        for part in [&self.value, &self.rule, &self.remedy].into_iter().filter(|part| !part.is_empty()) {
            if !message.is_empty() {
                message.push_str(if part == &self.remedy { "; " } else { " " });
            }
            message.push_str(part);
        }
        rpc_status::with_detail(code, message, PROBLEM, &self)
    }

    /// The problem that a status tells of, if it tells of one.
    pub fn of_status(status: &Status) -> Option<Self> {
        rpc_status::detail(status, PROBLEM)
    }
}

impl From<Invalid> for Problem {
    fn from(Invalid { field, value, rule }: Invalid) -> Self {
        Self {
            reason: Reason::Invalid.into(),
            subject: field,
            value,
            rule: rule.into_owned(),
            ..Self::default()
        }
    }
}

impl From<Invalid> for Status {
    fn from(invalid: Invalid) -> Self {
        Problem::from(invalid).into_status()
    }
}

fn code(reason: Reason) -> Code {
    match reason {
        Reason::Unspecified => Code::Unknown,
        Reason::Invalid => Code::InvalidArgument,
        Reason::NoSuchNamespace | Reason::NoSuchShard | Reason::NoSuchExecutor => Code::NotFound,
        Reason::Unassigned
        | Reason::NotLeading
        | Reason::StoreAway
        | Reason::Stopping
        | Reason::ChangedKind => Code::Unavailable,
        Reason::Busy | Reason::TooMany => Code::ResourceExhausted,
        Reason::NeedsAdoption
        | Reason::InHandover
        | Reason::NotReceiving
        | Reason::Frozen
        | Reason::StillUnfenced
        | Reason::SessionOver
        | Reason::Quarantined
        | Reason::NotConfirmed
        | Reason::ShardDrained
        | Reason::InSettings
        | Reason::IsRing => Code::FailedPrecondition,
        Reason::Exists => Code::AlreadyExists,
        Reason::Denied => Code::PermissionDenied,
        Reason::TooLate => Code::DeadlineExceeded,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_carries_its_problem() {
        let invalid = Invalid::new("beat.loads[3].load", f64::NAN, "must be a finite number, at least 0");
        let status = Status::from(invalid);
        assert_eq!(status.code(), Code::InvalidArgument);
        assert_eq!(status.message(), "beat.loads[3].load NaN must be a finite number, at least 0");
        let problem = Problem::of_status(&status).unwrap();
        assert_eq!((problem.reason(), &*problem.subject), (Reason::Invalid, "beat.loads[3].load"));
        assert_eq!(Problem::of_status(&Status::internal("no detail")), None);
    }

    #[test]
    fn what_a_rule_names_is_said_once() {
        let problem = |subject: &str, rule: &str| Problem::new(Reason::NoSuchShard, subject, rule);
        let message = |problem: Problem| problem.into_status().message().to_owned();
        assert_eq!(message(problem("7", "there is no shard \"7\"")), "there is no shard \"7\"");
        assert_eq!(message(problem("text", "was refused: text:1:1: ...")), "text was refused: text:1:1: ...");
        assert_eq!(message(problem("", "the namespace was deleted")), "the namespace was deleted");
    }

    #[test]
    fn a_remedy_is_part_of_the_text() {
        let problem =
            Problem::new(Reason::NoSuchNamespace, "namespace \"a\"", "does not exist").remedy("create it");
        assert_eq!(problem.into_status().message(), "namespace \"a\" does not exist; create it");
    }
}
