//! One process that can own keys.

use std::fmt;

use super::NameError;

/// Longest address and longest identity of a member, in bytes.
pub const MAX_ADDRESS_BYTES: usize = 256;
/// Greatest weight of a member.
pub const MAX_WEIGHT: u16 = 1000;
/// Most named ports of a member.
pub const MAX_MEMBER_PORTS: usize = 16;

const MAX_PORT_NAME_BYTES: usize = 64;
const PRINTABLE: &str = "text without spaces and control characters";

/// A member of a ring: where to reach it, who it is, how much it can carry.
///
/// Immutable once made. The `identity` is what the ring hashes: give it a name that outlives an address (a host name,
/// a pod's ordinal) and a member may move to another address without moving a key. It defaults to the address.
///
/// ```
/// use shardway::types::Member;
///
/// let member = Member::new("10.0.0.7:7933")?.with_identity("matching-3")?.with_port("grpc", 7833)?;
/// assert_eq!((member.host(), member.port(), member.port_named("grpc")), ("10.0.0.7", Some(7933), Some(7833)));
/// # Ok::<(), shardway::types::MemberError>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Member {
    address: Box<str>,
    identity: Box<str>,
    /// A copy of a part of the address: every request reads it, and nothing is to be checked then.
    host: Box<str>,
    port: Option<u16>,
    weight: u16,
    ports: Box<[(Box<str>, u16)]>,
}

impl Member {
    /// A member of weight 1 whose identity is its address: `host:port`, `[v6]:port`, or any name without a port.
    pub fn new(address: impl Into<String>) -> Result<Self, MemberError> {
        let address = address.into();
        check("member address", &address)?;
        let (host, port) = split_address(&address);
        Ok(Self {
            identity: address.as_str().into(),
            host: host.into(),
            port,
            address: address.into(),
            weight: 1,
            ports: Box::default(),
        })
    }

    /// The same member under a name of its own.
    pub fn with_identity(mut self, identity: impl Into<String>) -> Result<Self, MemberError> {
        let identity = identity.into();
        check("member identity", &identity)?;
        self.identity = identity.into();
        Ok(self)
    }

    /// The same member carrying `weight` times the share of a member of weight 1.
    pub fn with_weight(mut self, weight: u16) -> Result<Self, MemberError> {
        if weight == 0 || weight > MAX_WEIGHT {
            return Err(MemberError::Weight { address: self.address.into(), weight: weight.into() });
        }
        self.weight = weight;
        Ok(self)
    }

    /// The same member with one more named port (`grpc`, `tchannel`, ...); a name given again replaces the first.
    pub fn with_port(mut self, name: impl Into<String>, port: u16) -> Result<Self, MemberError> {
        let name = name.into();
        NameError::check("port name", &name, MAX_PORT_NAME_BYTES, PRINTABLE, is_printable)?;
        let mut ports = self.ports.into_vec();
        ports.retain(|(known, _)| **known != *name);
        if ports.len() == MAX_MEMBER_PORTS {
            return Err(MemberError::TooManyPorts { address: self.address.into() });
        }
        ports.push((name.into(), port));
        ports.sort();
        self.ports = ports.into();
        Ok(self)
    }

    /// Where to reach it, as given.
    #[inline]
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Who it is: what the ring hashes.
    #[inline]
    pub fn identity(&self) -> &str {
        &self.identity
    }

    /// The address without its port and without the brackets of an IPv6 address.
    #[inline]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The address's own port, if it has one.
    pub const fn port(&self) -> Option<u16> {
        self.port
    }

    /// A named port.
    pub fn port_named(&self, name: &str) -> Option<u16> {
        self.ports.iter().find(|(known, _)| **known == *name).map(|(_, port)| *port)
    }

    /// All named ports, by name.
    pub fn ports(&self) -> impl ExactSizeIterator<Item = (&str, u16)> {
        self.ports.iter().map(|(name, port)| (&**name, *port))
    }

    /// Its share relative to a member of weight 1.
    pub const fn weight(&self) -> u16 {
        self.weight
    }

    /// Memory that it occupies on the heap.
    pub(crate) fn heap_bytes(&self) -> usize {
        let names: usize = self.ports.iter().map(|(name, _)| name.len()).sum();
        self.address.len() + self.identity.len() + self.host.len() + size_of_val(&*self.ports) + names
    }
}

impl fmt::Debug for Member {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Member({}", self.address)?;
        if self.identity != self.address {
            write!(f, " as {}", self.identity)?;
        }
        if self.weight != 1 {
            write!(f, " x{}", self.weight)?;
        }
        f.write_str(")")
    }
}

/// A member that was refused; nothing was made of it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum MemberError {
    /// Address, identity or port name is empty, too long, or has characters that no name may have.
    Name(NameError),
    /// The weight is not within 1 and [`MAX_WEIGHT`].
    Weight {
        /// Whose weight.
        address: String,
        /// The refused weight.
        weight: u64,
    },
    /// More than [`MAX_MEMBER_PORTS`] named ports.
    TooManyPorts {
        /// Whose ports.
        address: String,
    },
}

impl From<NameError> for MemberError {
    fn from(error: NameError) -> Self {
        Self::Name(error)
    }
}

impl fmt::Display for MemberError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(error) => error.fmt(f),
            Self::Weight { address, weight } => write!(
                f,
                "weight of member \"{address}\" must be 1 to {MAX_WEIGHT}, is {weight}; to give it no keys, leave it out"
            ),
            Self::TooManyPorts { address } => {
                write!(f, "member \"{address}\" has more than {MAX_MEMBER_PORTS} named ports")
            }
        }
    }
}

impl std::error::Error for MemberError {}

fn check(what: &'static str, value: &str) -> Result<(), NameError> {
    NameError::check(what, value, MAX_ADDRESS_BYTES, PRINTABLE, is_printable)
}

fn is_printable(c: char) -> bool {
    !c.is_control() && !c.is_whitespace()
}

/// Host and port. An address that does not end in `:number` is all host.
fn split_address(address: &str) -> (&str, Option<u16>) {
    let (host, port) = match address.rsplit_once(':') {
        // A bare IPv6 address has several colons and no brackets: its last group is not a port.
        Some((host, port)) if !host.contains(':') || host.ends_with(']') => match port.parse() {
            Ok(port) => (host, Some(port)),
            Err(_) => (address, None),
        },
        _ => (address, None),
    };
    let v6 = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).filter(|v6| !v6.is_empty());
    (v6.unwrap_or(host), port)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_split_into_host_and_port() {
        for (address, host, port) in [
            ("10.0.0.1:80", "10.0.0.1", Some(80)),
            ("[::1]:80", "::1", Some(80)),
            ("[::1]", "::1", None),
            ("::1", "::1", None),
            ("name", "name", None),
            ("name:http", "name:http", None),
            ("name:99999", "name:99999", None),
            (":80", "", Some(80)),
            ("[]:80", "[]", Some(80)),
            ("ä:1", "ä", Some(1)),
        ] {
            let member = Member::new(address).unwrap();
            assert_eq!((member.host(), member.port()), (host, port), "{address}");
        }
    }

    #[test]
    fn every_text_on_the_heap_is_counted() {
        let member = Member::new("10.0.0.1:80").unwrap().with_identity("me").unwrap();
        let texts = "10.0.0.1:80".len() + "10.0.0.1".len() + "me".len();
        assert_eq!(member.heap_bytes(), texts);
        let port = "grpc".len() + size_of::<(Box<str>, u16)>();
        assert_eq!(member.with_port("grpc", 1).unwrap().heap_bytes(), texts + port);
    }

    #[test]
    fn bad_members_are_refused_by_name() {
        for bad in ["", &"a".repeat(257), "a b:1", "a\t:1"] {
            assert!(matches!(Member::new(bad), Err(MemberError::Name(_))), "{bad:?} must be refused");
        }
        let member = || Member::new("a:1").unwrap();
        assert!(member().with_identity("").is_err());
        assert!(matches!(member().with_weight(0), Err(MemberError::Weight { weight: 0, .. })));
        assert!(member().with_weight(1001).is_err());
        let mut full = member();
        for i in 0..MAX_MEMBER_PORTS {
            full = full.with_port(format!("p{i}"), 1).unwrap();
        }
        assert!(matches!(full.clone().with_port("one more", 1), Err(MemberError::Name(_))));
        assert!(matches!(full.clone().with_port("more", 1), Err(MemberError::TooManyPorts { .. })));
        assert_eq!(full.with_port("p3", 7).unwrap().port_named("p3"), Some(7));
    }
}
