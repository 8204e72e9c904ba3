//! Frames of a watch, encoded once for all who watch.

use bytes::{Buf, BufMut, Bytes};
use prost::{
    DecodeError, Message,
    encoding::{self, DecodeContext, WireType},
};

use super::wire;
use crate::proto::Invalid;

/// What a watcher is told.
#[derive(Clone, Debug, PartialEq)]
pub enum WatchFrame {
    /// A part of everything.
    Part(wire::WatchPart),
    /// What has changed.
    Delta(wire::WatchDelta),
    /// Nothing has.
    Idle(wire::WatchIdle),
}

/// The message `WatchResponse`, as its bytes: cloning one copies none of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WatchResponse {
    /// Which of the frames.
    tag: u32,
    body: Bytes,
}

impl WatchResponse {
    /// Encodes a frame.
    pub fn new(frame: &WatchFrame) -> Self {
        let (tag, body) = match frame {
            WatchFrame::Part(part) => (1, part.encode_to_vec()),
            WatchFrame::Delta(delta) => (2, delta.encode_to_vec()),
            WatchFrame::Idle(idle) => (3, idle.encode_to_vec()),
        };
        Self { tag, body: body.into() }
    }

    /// Decodes the frame.
    pub fn frame(&self) -> Result<WatchFrame, Invalid> {
        let body = self.body.clone();
        let frame = match self.tag {
            1 => wire::WatchPart::decode(body).map(WatchFrame::Part),
            2 => wire::WatchDelta::decode(body).map(WatchFrame::Delta),
            3 => wire::WatchIdle::decode(body).map(WatchFrame::Idle),
            _ => return Err(Invalid::new("frame", "", "must be one of part, delta, idle")),
        };
        frame.map_err(|error| Invalid::new("frame", "", format!("cannot be read: {error}")))
    }

    /// How many bytes it is.
    pub fn len(&self) -> usize {
        self.encoded_len()
    }

    /// Whether it holds no frame.
    pub const fn is_empty(&self) -> bool {
        self.tag == 0
    }
}

impl Message for WatchResponse {
    fn encode_raw(&self, buf: &mut impl BufMut) {
        if !self.is_empty() {
            encoding::bytes::encode(self.tag, &self.body, buf);
        }
    }

    fn merge_field(
        &mut self,
        tag: u32,
        wire_type: WireType,
        buf: &mut impl Buf,
        ctx: DecodeContext,
    ) -> Result<(), DecodeError> {
        if !matches!(tag, 1..=3) {
            return encoding::skip_field(wire_type, tag, buf, ctx);
        }
        self.tag = tag;
        encoding::bytes::merge(wire_type, &mut self.body, buf, ctx)
    }

    fn encoded_len(&self) -> usize {
        if self.is_empty() { 0 } else { encoding::bytes::encoded_len(self.tag, &self.body) }
    }

    fn clear(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_the_message_that_the_protocol_file_describes() {
        let idle = wire::WatchIdle { version: Some(wire::Version { incarnation: 3, generation: 300 }) };
        let response = WatchResponse::new(&WatchFrame::Idle(idle));
        let bytes = response.encode_to_vec();
        // Field 3, a message; in it field 1, a message; in it fields 1 and 2.
        assert_eq!(bytes, [0x1a, 7, 0x0a, 5, 0x08, 3, 0x10, 0xac, 0x02]);
        assert_eq!(bytes.len(), response.len());
        let read = WatchResponse::decode(&*bytes).unwrap();
        assert_eq!((&read, read.frame()), (&response, Ok(WatchFrame::Idle(idle))));
    }

    #[test]
    fn what_is_not_a_frame_is_refused() {
        assert!(WatchResponse::default().frame().is_err());
        // Of a later version: an unknown field alone.
        let later = WatchResponse::decode(&[0x22, 1, 0][..]).unwrap();
        assert!(later.is_empty() && later.frame().is_err());
        let broken = WatchResponse::decode(&[0x1a, 1, 0xff][..]).unwrap();
        assert!(broken.frame().is_err());
    }
}
