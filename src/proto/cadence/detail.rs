//! Why a call failed, as Go's services say it.

use prost::Message;
use tonic::{Code, Status, metadata::MetadataValue};

use super::wire::{NamespaceNotFoundError, ShardDrainedError, ShardNotFoundError};
use crate::proto::{Invalid, rpc_status};

/// Why a call failed. Go's callers repeat it after INTERNAL, UNKNOWN and UNAVAILABLE.
#[derive(Clone, Debug, PartialEq)]
pub enum Failure {
    /// The request breaks a rule. Nothing was changed.
    Invalid(Invalid),
    /// There is no such namespace.
    NoSuchNamespace(String),
    /// There is no such shard in the namespace.
    NoSuchShard(String, String),
    /// The shard of the namespace is to have no owner.
    ShardDrained(String, String),
    /// Something that has no detail of its own.
    Other(Code, String),
}

const PACKAGE: &str = "uber.cadence.sharddistributor.v1";

impl From<Failure> for Status {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Invalid(invalid) => Self::invalid_argument(invalid.to_string()),
            Failure::NoSuchNamespace(namespace) => {
                let message = format!("namespace not found {namespace}");
                let detail = NamespaceNotFoundError { namespace };
                typed(Code::NotFound, message, "NamespaceNotFoundError", &detail)
            }
            Failure::NoSuchShard(namespace, shard_key) => {
                let message = format!("shard not found {namespace}:{shard_key}");
                let detail = ShardNotFoundError { namespace, shard_key };
                typed(Code::NotFound, message, "ShardNotFoundError", &detail)
            }
            Failure::ShardDrained(namespace, shard_key) => {
                let message = format!("shard drained {namespace}:{shard_key}");
                let detail = ShardDrainedError { namespace, shard_key };
                typed(Code::FailedPrecondition, message, "ShardDrainedError", &detail)
            }
            Failure::Other(code, message) => Self::new(code, message),
        }
    }
}

impl From<Invalid> for Failure {
    fn from(invalid: Invalid) -> Self {
        Self::Invalid(invalid)
    }
}

/// As Go's framework has it: the detail, and trailers that name it.
fn typed(code: Code, message: String, name: &'static str, detail: &impl Message) -> Status {
    let mut status = rpc_status::with_detail(code, message, &format!("{PACKAGE}.{name}"), detail);
    let trailers = status.metadata_mut();
    trailers.insert("rpc-application-error", MetadataValue::from_static("error"));
    trailers.insert("rpc-application-error-name", MetadataValue::from_static(name));
    status
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn details_are_those_of_gos_services() {
        let status = Status::from(Failure::NoSuchShard("matching".into(), "7".into()));
        assert_eq!((status.code(), status.message()), (Code::NotFound, "shard not found matching:7"));
        // google.rpc.Status: the code, the message, an Any with its type and its bytes.
        let any = b"type.googleapis.com/uber.cadence.sharddistributor.v1.ShardNotFoundError";
        let bytes = [
            &[0x08, 5, 0x12, 26][..],
            b"shard not found matching:7",
            &[0x1a, any.len() as u8 + 2 + 2 + 13, 0x0a, any.len() as u8],
            any,
            &[0x12, 13, 0x0a, 8],
            b"matching",
            &[0x12, 1, b'7'],
        ];
        assert_eq!(status.details(), bytes.concat());
        assert_eq!(status.metadata().get("rpc-application-error-name").unwrap(), "ShardNotFoundError");
        assert_eq!(rpc_status::detail::<ShardDrainedError>(&status, "ShardDrainedError"), None);
    }

    #[test]
    fn an_invalid_request_is_told_by_its_text() {
        let invalid = Invalid::new("executor_id", "a/b", "may contain only letters");
        let status = Status::from(Failure::from(invalid));
        assert_eq!(status.code(), Code::InvalidArgument);
        assert_eq!(status.message(), "executor_id \"a/b\" may contain only letters");
        assert!(status.details().is_empty());
    }
}
