//! A namespace's whole state, encoded once for all who watch it.

use bytes::{Buf, BufMut, Bytes};
use prost::{
    DecodeError, Message,
    encoding::{self, DecodeContext, WireType},
};

use super::wire::ExecutorInfo;
use crate::proto::Invalid;

/// The message `WatchNamespaceStateResponse`, as its bytes: cloning one copies none of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WatchNamespaceStateResponse(Bytes);

/// The message as its fields.
#[derive(Clone, PartialEq, Message)]
struct Fields {
    #[prost(message, repeated, tag = "1")]
    executors: Vec<ExecutorInfo>,
}

impl WatchNamespaceStateResponse {
    /// Encodes who owns what.
    pub fn new(executors: Vec<ExecutorInfo>) -> Self {
        Self(Fields { executors }.encode_to_vec().into())
    }

    /// Decodes who owns what.
    pub fn executors(&self) -> Result<Vec<ExecutorInfo>, Invalid> {
        let fields = Fields::decode(self.0.clone());
        let unreadable = |error| Invalid::new("executors", "", format!("cannot be read: {error}"));
        fields.map(|fields| fields.executors).map_err(unreadable)
    }
}

impl Message for WatchNamespaceStateResponse {
    fn encode_raw(&self, buf: &mut impl BufMut) {
        buf.put_slice(&self.0);
    }

    fn merge_field(
        &mut self,
        tag: u32,
        wire_type: WireType,
        buf: &mut impl Buf,
        ctx: DecodeContext,
    ) -> Result<(), DecodeError> {
        if tag != 1 {
            return encoding::skip_field(wire_type, tag, buf, ctx);
        }
        let mut executor = Bytes::new();
        encoding::bytes::merge(wire_type, &mut executor, buf, ctx)?;
        let mut all = Vec::from(std::mem::take(&mut self.0));
        encoding::bytes::encode(tag, &executor, &mut all);
        self.0 = all.into();
        Ok(())
    }

    fn encoded_len(&self) -> usize {
        self.0.len()
    }

    fn clear(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::cadence::wire::Shard;

    #[test]
    fn it_is_the_message_that_the_protocol_file_describes() {
        let executor = |id: &str, shards: &[&str]| ExecutorInfo {
            executor_id: id.into(),
            shards: shards.iter().map(|key| Shard { shard_key: (*key).into() }).collect(),
            ..ExecutorInfo::default()
        };
        let executors = vec![executor("e", &["7"]), executor("f", &[])];
        let response = WatchNamespaceStateResponse::new(executors.clone());
        let bytes = response.encode_to_vec();
        // Twice field 1, a message: field 1 the id, field 3 a message with the shard's key.
        assert_eq!(bytes, [0x0a, 8, 0x0a, 1, b'e', 0x1a, 3, 0x0a, 1, b'7', 0x0a, 3, 0x0a, 1, b'f']);
        assert_eq!(bytes.len(), response.encoded_len());
        // A later server's field 2 is passed over.
        let later = [&bytes[..], &[0x12, 1, b'x']].concat();
        let read = WatchNamespaceStateResponse::decode(&*later).unwrap();
        assert_eq!((&read, read.executors()), (&response, Ok(executors)));
        assert!(WatchNamespaceStateResponse::new(Vec::new()).encode_to_vec().is_empty());
    }
}
