//! Keys as a file holds them: a JSON array of strings, or one a line.

use anyhow::Context;

/// Room for a million keys of 64 bytes; all of them and their answers are held in memory.
pub(super) const MAX_BYTES: usize = 64 << 20;

/// What begins with `[` is JSON, never a list of lines: a broken array must not turn into odd keys.
pub(super) fn parse(file: &[u8]) -> anyhow::Result<Vec<String>> {
    let text = str::from_utf8(file).context("is not UTF-8 text")?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if text.trim_start().starts_with('[') {
        return serde_json::from_str(text).context("begins with \"[\" but is no JSON array of strings");
    }
    Ok(text.lines().filter(|line| !line.is_empty()).map(str::to_owned).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_come_as_an_array_or_as_lines() {
        for (text, keys) in [
            ("a\nb c\r\n\n d ", &["a", "b c", " d "][..]),
            ("", &[]),
            ("\n [\"a\", \"b\\nc\", \"\"]\n", &["a", "b\nc", ""]),
            ("[]", &[]),
            ("\u{feff}[\"a\"]", &["a"]),
            ("\u{feff}a\nb", &["a", "b"]),
        ] {
            assert_eq!(parse(text.as_bytes()).unwrap(), keys, "{text:?}");
        }
    }

    #[test]
    fn a_broken_array_is_not_taken_for_lines() {
        for text in ["[\"a\",", "[1, 2]", "[\"a\"] b", "[::1]:80"] {
            let error = format!("{:#}", parse(text.as_bytes()).unwrap_err());
            assert!(error.contains("no JSON array of strings"), "{text:?}: {error}");
        }
        assert!(parse(b"\xff").is_err());
    }
}
