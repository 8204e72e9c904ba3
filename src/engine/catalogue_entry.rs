//! A row of the catalogue: that there is a namespace.

use std::sync::Arc;

use super::{Change, Kind, NamespaceConfig};
use crate::{
    journal::{Encoder, Fields, Record, Unknown, WireError},
    types::Version,
};

/// That there is a namespace.
#[derive(Clone, Debug, PartialEq)]
pub struct CatalogueEntry {
    /// How it is run if it has no history yet.
    pub founding: Arc<NamespaceConfig>,
    /// The version at which a namespace of its name was deleted before this one was created; the least, if none was.
    pub after: Version,
    /// What a later binary has said.
    pub unknown: Unknown,
}

impl CatalogueEntry {
    /// A namespace that is founded so.
    pub fn new(founding: Arc<NamespaceConfig>, after: Version) -> Self {
        Self { founding, after, unknown: Unknown::default() }
    }
}

impl Record for CatalogueEntry {
    const WHAT: &'static str = "catalogue entry";

    fn encode(&self, out: &mut Encoder) {
        out.bytes(1, &Change::Config(self.founding.clone()).encode());
        out.number(2, self.after.incarnation);
        out.number(3, self.after.generation);
        out.unknown(&self.unknown);
    }

    fn decode(fields: Fields) -> Result<Self, WireError> {
        let (mut founding, mut after, mut unknown) = (None, Version::default(), Unknown::default());
        for field in fields {
            let field = field?;
            match field.number {
                1 => match Change::decode(&field.bytes()?)? {
                    Change::Config(config) => founding = Some(config),
                    _ => return Err(field.error("no configuration")),
                },
                2 => after.incarnation = field.number()?,
                3 => after.generation = field.number()?,
                _ => unknown.keep(&field),
            }
        }
        // A namespace without shards: that is only what it is founded with if nobody has said how.
        let founding = founding.unwrap_or_else(|| Arc::new(NamespaceConfig::new(Kind::Ephemeral)));
        Ok(Self { founding, after, unknown })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let config = NamespaceConfig { restrain_from: 7, ..NamespaceConfig::new(Kind::Fixed { shards: 12 }) };
        let after = Version { incarnation: 3, generation: 14 };
        let entry = CatalogueEntry::new(Arc::new(config), after);
        let key: Arc<str> = "shardway/catalogue/orders".into();
        let row = entry.to_row(&key);
        assert_eq!(CatalogueEntry::from_row(&key, &row), Ok(entry));
        let error = CatalogueEntry::from_row(&"shardway/catalogue/other".into(), &row).unwrap_err();
        assert!(error.to_string().starts_with("the catalogue entry in shardway/catalogue/other is damaged"));
    }

    #[test]
    fn what_a_later_binary_has_said_is_kept() {
        struct Later;
        impl Record for Later {
            const WHAT: &'static str = "later entry";
            fn encode(&self, out: &mut Encoder) {
                CatalogueEntry::new(Arc::new(NamespaceConfig::new(Kind::Ephemeral)), Version::default())
                    .encode(out);
                out.number(9, 77);
            }
            fn decode(fields: Fields) -> Result<Self, WireError> {
                let said = fields.filter_map(Result::ok).any(|field| field.number == 9);
                if said { Ok(Self) } else { Err(WireError { at: 0, what: "nothing of it is left" }) }
            }
        }
        let key: Arc<str> = "shardway/catalogue/orders".into();
        let entry = CatalogueEntry::from_row(&key, &Later.to_row(&key)).unwrap();
        assert!(Later::from_row(&key, &entry.to_row(&key)).is_ok());
    }
}
