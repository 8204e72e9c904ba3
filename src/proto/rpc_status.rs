//! `google.rpc.Status`, in which details of errors travel.

use bytes::Bytes;
use prost::Message;
use tonic::{Code, Status};

#[derive(Clone, PartialEq, Message)]
struct RpcStatus {
    #[prost(int32, tag = "1")]
    code: i32,
    #[prost(string, tag = "2")]
    message: String,
    #[prost(message, repeated, tag = "3")]
    details: Vec<prost_types::Any>,
}

/// What types of details are called begins so.
const TYPES: &str = "type.googleapis.com/";

/// A status with one detail, of the type that is so called.
pub(super) fn with_detail(code: Code, message: String, kind: &str, detail: &impl Message) -> Status {
    let detail = prost_types::Any { type_url: format!("{TYPES}{kind}"), value: detail.encode_to_vec() };
    let status = RpcStatus { code: code.into(), message: message.clone(), details: vec![detail] };
    Status::with_details(code, message, Bytes::from(status.encode_to_vec()))
}

/// A status' detail of the type that is so called.
pub(super) fn detail<T: Message + Default>(status: &Status, kind: &str) -> Option<T> {
    let status = RpcStatus::decode(status.details()).ok()?;
    let is_it = |detail: &prost_types::Any| detail.type_url.strip_prefix(TYPES) == Some(kind);
    T::decode(&*status.details.into_iter().find(is_it)?.value).ok()
}
