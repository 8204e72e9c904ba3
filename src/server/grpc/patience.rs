//! How long a caller waits.

use std::time::Duration;

use hyper::HeaderMap;
use tonic::metadata::MetadataMap;

/// Of a caller that does not say.
const UNSAID: Duration = Duration::from_secs(5);
/// Nobody is waited for longer than this, whatever is said.
const MOST: Duration = Duration::from_secs(60);
/// An answer must be on its way before the caller gives up. Some callers round up what they say, by a hundredth and more.
const MARGIN: Duration = Duration::from_millis(100);

/// How long to look for an answer before saying that there is none.
pub(in crate::server) fn of(metadata: &MetadataMap) -> Duration {
    let said = said(metadata.as_ref());
    said.saturating_sub(margin(said))
}

/// After how long there has to be an answer, whatever it is. Whoever looks for one as long as they [should](of) has given
/// it by then.
pub(super) fn whole(headers: &HeaderMap) -> Duration {
    let said = said(headers);
    said.saturating_sub(margin(said) / 2)
}

fn said(headers: &HeaderMap) -> Duration {
    let said = headers.get("grpc-timeout").and_then(|value| parse(value.to_str().ok()?));
    said.unwrap_or(UNSAID).min(MOST)
}

fn margin(said: Duration) -> Duration {
    MARGIN.min(said / 10)
}

/// At most eight digits and a unit.
fn parse(text: &str) -> Option<Duration> {
    let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    if number.len() > 8 || !number.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let number: u64 = number.parse().ok()?;
    Some(match unit {
        "H" => Duration::from_secs(number * 3600),
        "M" => Duration::from_secs(number * 60),
        "S" => Duration::from_secs(number),
        "m" => Duration::from_millis(number),
        "u" => Duration::from_micros(number),
        "n" => Duration::from_nanos(number),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timeout_is_read_as_the_protocol_has_it() {
        assert_eq!(parse("250m"), Some(Duration::from_millis(250)));
        assert_eq!(parse("99999999H"), Some(Duration::from_hours(99_999_999)));
        for bad in ["", "m", "5", "1s", "-1S", "123456789n", "1.5S", "é"] {
            assert_eq!(parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn the_answer_is_given_before_the_caller_has_gone() {
        let mut metadata = MetadataMap::new();
        assert_eq!(of(&metadata), UNSAID - MARGIN);
        metadata.insert("grpc-timeout", "20m".parse().unwrap());
        assert_eq!(of(&metadata), Duration::from_millis(18));
        assert_eq!(whole(metadata.as_ref()), Duration::from_millis(19));
        metadata.insert("grpc-timeout", "9H".parse().unwrap());
        assert_eq!(of(&metadata), MOST - MARGIN);
    }
}
