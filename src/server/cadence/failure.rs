//! Our own problems, as Go's services would put them.

use tonic::{Code, Status};

use crate::{
    proto::{
        cadence::Failure,
        v1::wire::{Problem, problem::Reason},
    },
    server::grpc::peers,
    types::{Namespace, ShardKey},
};

/// What is told to whoever asked for something in the namespace.
pub(super) fn of_problem(namespace: &Namespace, problem: Problem) -> Failure {
    let (namespace, named) = (namespace.to_string(), problem.subject.clone());
    match problem.reason() {
        Reason::NoSuchNamespace => Failure::NoSuchNamespace(namespace),
        Reason::NoSuchShard => Failure::NoSuchShard(namespace, named),
        Reason::ShardDrained => Failure::ShardDrained(namespace, named),
        reason => {
            let status = problem.into_status();
            let code = match reason {
                // What is worth repeating is repeated after these.
                Reason::Unassigned => Code::Internal,
                Reason::Busy => Code::Unavailable,
                _ => status.code(),
            };
            Failure::Other(code, status.message().to_owned())
        }
    }
}

/// Nobody owns the shard at the moment.
pub(super) fn unassigned(namespace: &Namespace, shard: &ShardKey) -> Failure {
    let text =
        format!("shard \"{shard}\" of namespace \"{namespace}\" has no owner at the moment; ask again");
    Failure::Other(Code::Internal, text)
}

/// What the leader said to another replica, for who asked that: what belongs to that connection stays there.
pub(super) fn passed_back(namespace: &Namespace, status: Status) -> Status {
    let was_answered = status.code() != Code::Cancelled && std::error::Error::source(&status).is_none();
    if !was_answered {
        // In whatever words, they have to be of this package.
        let told = peers::told(namespace, status);
        return Failure::Other(told.code(), told.message().to_owned()).into();
    }
    let mut passed = Status::with_details(status.code(), status.message(), status.details().to_vec().into());
    for trailer in ["rpc-application-error", "rpc-application-error-name"] {
        if let Some(value) = status.metadata().get(trailer) {
            passed.metadata_mut().insert(trailer, value.clone());
        }
    }
    passed
}
