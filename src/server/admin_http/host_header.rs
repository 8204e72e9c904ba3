//! By which names the admin port may be asked.

use std::{collections::BTreeSet, net::IpAddr};

/// Whether a request with this Host header is answered. A browser that was led here by a name of somebody else's sends
/// that name; an address or `localhost` it sends only when it was meant to come here. What sends none is no browser.
pub(super) fn is_allowed(header: Option<&str>, hosts: &BTreeSet<String>) -> bool {
    let Some(header) = header else { return true };
    let host = without_port(header);
    let address = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    address.parse::<IpAddr>().is_ok()
        || host.eq_ignore_ascii_case("localhost")
        || hosts.iter().any(|allowed| host.eq_ignore_ascii_case(allowed))
}

fn without_port(header: &str) -> &str {
    match header.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) && !host.ends_with(':') => host,
        _ => header,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_others_are_refused() {
        let hosts = BTreeSet::from(["shardway-1.internal".to_owned()]);
        for host in [
            "127.0.0.1:7944",
            "127.0.0.1",
            "[::1]:7944",
            "[::1]",
            "10.1.2.3:80",
            "localhost",
            "LOCALHOST:7944",
            "shardway-1.internal:7944",
        ] {
            assert!(is_allowed(Some(host), &hosts), "{host}");
        }
        for host in [
            "",
            "evil.example",
            "evil.example:7944",
            "127.0.0.1.evil.example",
            "localhost.evil:1",
            "?",
            "::x",
        ] {
            assert!(!is_allowed(Some(host), &hosts), "{host}");
        }
        assert!(is_allowed(None, &hosts));
    }
}
