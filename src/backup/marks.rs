//! What a store says of itself while it is filled and once it is left, and what a head says that has come from elsewhere.

use crate::{
    journal::{Encoder, Fields, Head, Record, Unknown, WireError},
    store::{Key, Keys},
};

/// Longest token or identity.
const MAX_TEXT_BYTES: usize = 1024;
/// What stands before the identity of the store that a head was written in.
const COPY_OF: &str = "copy of ";

/// The `restoring` row: the store is not whole yet, and nobody serves from it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Restoring {
    /// Whose work it is: whoever takes over writes another one.
    pub(super) token: String,
    pub(super) unknown: Unknown,
}

/// The `moved` row: what was here lives on in another store.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Moved {
    /// That store's identity.
    pub(super) to: String,
    pub(super) unknown: Unknown,
}

impl Record for Restoring {
    const WHAT: &'static str = "mark of a restore";

    fn encode(&self, out: &mut Encoder) {
        encode(&self.token, &self.unknown, out);
    }

    fn decode(fields: Fields) -> Result<Self, WireError> {
        decode(fields).map(|(token, unknown)| Self { token, unknown })
    }
}

impl Record for Moved {
    const WHAT: &'static str = "mark of a move";

    fn encode(&self, out: &mut Encoder) {
        encode(&self.to, &self.unknown, out);
    }

    fn decode(fields: Fields) -> Result<Self, WireError> {
        decode(fields).map(|(to, unknown)| Self { to, unknown })
    }
}

fn encode(text: &str, unknown: &Unknown, out: &mut Encoder) {
    out.bytes(1, text.as_bytes());
    out.unknown(unknown);
}

fn decode(fields: Fields) -> Result<(String, Unknown), WireError> {
    let (mut text, mut unknown) = (String::new(), Unknown::default());
    for field in fields {
        let field = field?;
        match field.number {
            1 => text = field.text(MAX_TEXT_BYTES)?,
            _ => unknown.keep(&field),
        }
    }
    Ok((text, unknown))
}

/// The head as it goes into another store: written in a store that is none, so that it has to be adopted wherever it
/// comes to, be it the very store that it is from.
pub(super) fn uprooted(head: Head) -> Head {
    let of: String =
        head.identity.strip_prefix(COPY_OF).unwrap_or(&head.identity).chars().take(128).collect();
    Head { identity: format!("{COPY_OF}{of}"), ..head }
}

/// Whether a row goes along to another store. Those stay that speak of processes, or of this store.
pub(super) fn travels(keys: &Keys, key: &str) -> bool {
    !key.starts_with(&keys.replicas()) && !matches!(keys.parse(key), Some(Key::Restoring | Key::Moved))
}
