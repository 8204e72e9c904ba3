//! Reads what the caller names: a file, or standard input as `-`, up to a limit.

use std::{
    fs::File,
    io::{self, Read},
    path::Path,
};

use anyhow::{Context, bail};

/// The whole of an input of at most `max_bytes`; `what` is the noun that messages use.
pub(crate) fn read(what: &str, path: &Path, max_bytes: usize) -> anyhow::Result<Vec<u8>> {
    let name = path.display();
    let input: Box<dyn Read> = if path.as_os_str() == "-" {
        Box::new(io::stdin().lock())
    } else {
        Box::new(File::open(path).with_context(|| format!("cannot open {what} {name}"))?)
    };
    let mut bytes = Vec::new();
    let limit = u64::try_from(max_bytes).unwrap_or(u64::MAX).saturating_add(1);
    input.take(limit).read_to_end(&mut bytes).with_context(|| format!("cannot read {what} {name}"))?;
    if bytes.len() > max_bytes {
        bail!("{what} {name} is larger than the {max_bytes} bytes allowed");
    }
    Ok(bytes)
}
