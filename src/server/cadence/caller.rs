//! What Cadence's clients send besides their messages.

use tonic::{Status, metadata::MetadataMap};

/// What the service is called: since August 2026, and before.
const SERVICE_NAMES: [&str; 2] = ["shard-distributor", "cadence-shard-distributor"];

/// Refuses what Go's server refuses. What other clients leave out may be left out.
pub(super) fn check(metadata: &MetadataMap) -> Result<(), Status> {
    if let Some(key) = metadata.keys().find_map(|key| {
        let name = match key {
            tonic::metadata::KeyRef::Ascii(key) => key.as_str(),
            tonic::metadata::KeyRef::Binary(key) => key.as_str(),
        };
        let is_repeated = metadata.as_ref().get_all(name).iter().nth(1).is_some();
        is_repeated.then_some(name)
    }) {
        return Err(Status::invalid_argument(format!("header has more than one value: {key}")));
    }
    let said = |key: &str| metadata.get(key).map(|value| String::from_utf8_lossy(value.as_bytes()));
    if let Some(service) = said("rpc-service").filter(|service| !SERVICE_NAMES.contains(&&**service)) {
        let known = SERVICE_NAMES.join(", ");
        let text = format!("unrecognized service name {service:?}, available services: {known}");
        return Err(Status::unimplemented(text));
    }
    match said("rpc-encoding") {
        Some(encoding) if encoding != "proto" => Err(Status::unimplemented(format!(
            "unrecognized encoding {encoding:?}: only \"proto\" is served"
        ))),
        _ => Ok(()),
    }
}

/// Longest name of a caller that is kept.
const MAX_NAME_BYTES: usize = 256;

/// Who calls, as far as it says.
pub(super) fn name(metadata: &MetadataMap) -> String {
    let name = metadata.get("rpc-caller").and_then(|value| value.to_str().ok());
    // It is ASCII.
    name.unwrap_or_default().chars().take(MAX_NAME_BYTES).collect()
}

#[cfg(test)]
mod tests {
    use tonic::Code;

    use super::*;

    fn refused(pairs: &[(&'static str, &str)]) -> Option<Code> {
        let mut metadata = MetadataMap::new();
        for (key, value) in pairs {
            metadata.append(*key, value.parse().unwrap());
        }
        check(&metadata).err().map(|status| status.code())
    }

    #[test]
    fn both_names_of_the_service_are_right_and_others_are_not() {
        let (caller, encoding) = (("rpc-caller", "cadence-matching"), ("rpc-encoding", "proto"));
        for service in SERVICE_NAMES {
            assert_eq!(refused(&[caller, encoding, ("rpc-service", service)]), None);
        }
        assert_eq!(refused(&[]), None, "not every client is Cadence's");
        assert_eq!(refused(&[("rpc-service", "cadence-matching")]), Some(Code::Unimplemented));
        assert_eq!(refused(&[("rpc-encoding", "json")]), Some(Code::Unimplemented));
        assert_eq!(refused(&[caller, caller]), Some(Code::InvalidArgument));
    }
}
