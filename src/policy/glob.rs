//! Globs and regular expressions, written as expressions of `regex-automata`.

use std::fmt::Write;

/// What a whole key must be like. `*` is any text, `?` any character, `[a-z]` one of a class, `[!a-z]` or `[^a-z]` none
/// of it, `{a,b}` one of several globs, and `\` takes the next character as it is. A `/` is nothing special.
///
/// A star at either end becomes a missing anchor, not a loop: loops of many globs would multiply in one automaton.
pub(super) fn glob_to_regex(glob: &str) -> Result<String, String> {
    let inner = glob.trim_start_matches('*');
    let mut regex = String::from(if inner.len() < glob.len() { "" } else { r"\A" });
    let mut chars = inner.chars().peekable();
    let mut open_braces = 0;
    while let Some(c) = chars.next() {
        match c {
            '*' => {
                while chars.next_if_eq(&'*').is_some() {}
                if chars.peek().is_none() && open_braces == 0 {
                    return Ok(regex);
                }
                // Bytes, not characters: the same for text, and fewer states.
                regex.push_str("(?s-u:.)*");
            }
            '?' => regex.push_str("(?s:.)"),
            '[' => push_class(&mut regex, &mut chars)?,
            '{' => {
                open_braces += 1;
                regex.push_str("(?:");
            }
            '}' if open_braces == 0 => return Err("has a } without a {; write \\} for the character".into()),
            '}' => {
                open_braces -= 1;
                regex.push(')');
            }
            ',' if open_braces > 0 => regex.push('|'),
            '\\' => push_literal(&mut regex, chars.next().ok_or("ends in a \\ that escapes nothing")?),
            c => push_literal(&mut regex, c),
        }
    }
    match open_braces {
        // Of nothing but stars nothing is left, and every key is matched.
        0 if inner.is_empty() => Ok(regex),
        0 => Ok(regex + r"\z"),
        _ => Err("has a { without a }; write \\{ for the character".into()),
    }
}

/// The rest of a class, up to its `]`; one that comes first stands for itself.
fn push_class(
    regex: &mut String,
    chars: &mut std::iter::Peekable<std::str::Chars<'_>>,
) -> Result<(), String> {
    const UNCLOSED: &str = "has a [ without a ]; write \\[ for the character";
    regex.push('[');
    if chars.next_if(|c| matches!(c, '!' | '^')).is_some() {
        regex.push('^');
    }
    let mut is_first = true;
    loop {
        let low = match chars.next().ok_or(UNCLOSED)? {
            ']' if !is_first => break,
            '\\' => chars.next().ok_or(UNCLOSED)?,
            c => c,
        };
        is_first = false;
        push_literal(regex, low);
        // A dash makes a range unless it is the last of its class.
        let mut ahead = chars.clone();
        if ahead.next() == Some('-') && ahead.peek().is_some_and(|c| *c != ']') {
            chars.next();
            let high = match chars.next().ok_or(UNCLOSED)? {
                '\\' => chars.next().ok_or(UNCLOSED)?,
                c => c,
            };
            if low > high {
                return Err(format!("has the range {low}-{high}, whose ends are the wrong way round"));
            }
            regex.push('-');
            push_literal(regex, high);
        }
    }
    regex.push(']');
    Ok(())
}

fn push_literal(regex: &mut String, c: char) {
    if c.is_ascii_alphanumeric() {
        regex.push(c);
    } else {
        write!(regex, "\\x{{{:x}}}", u32::from(c)).expect("writing to a string cannot fail");
    }
}

/// Gives `\d \w \s \b` and their opposites the meaning they have in Go and RE2: ASCII. Beside being what operators know,
/// it keeps the automaton small: `\w` alone would otherwise be 140,000 characters, and `\b` could not be built at all.
pub(super) fn with_ascii_classes(regex: &str) -> String {
    let mut ascii = String::with_capacity(regex.len());
    let mut chars = regex.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            ascii.push(c);
            continue;
        }
        match chars.next() {
            Some('d') => ascii.push_str("[0-9]"),
            Some('D') => ascii.push_str("[^0-9]"),
            Some('w') => ascii.push_str("[0-9A-Za-z_]"),
            Some('W') => ascii.push_str("[^0-9A-Za-z_]"),
            Some('s') => ascii.push_str(r"[\t\n\f\r ]"),
            Some('S') => ascii.push_str(r"[^\t\n\f\r ]"),
            Some('b') => ascii.push_str(r"(?-u:\b)"),
            Some('B') => ascii.push_str(r"(?-u:\B)"),
            Some(other) => ascii.extend(['\\', other]),
            None => ascii.push('\\'),
        }
    }
    ascii
}
