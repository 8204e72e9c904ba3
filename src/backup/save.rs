//! Making a backup.

use std::{
    fs::{self, File},
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
};

use super::{
    BackupError, Header,
    file::{End, FileWriter},
    marks::travels,
    pages::Pages,
};
use crate::{
    clock,
    store::{Key, Keys, Store, sync_folder},
};

/// A backup that was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Saved {
    /// What it says of itself.
    pub header: Header,
    /// Rows in it.
    pub rows: u64,
    /// Bytes of their keys and values.
    pub bytes: u64,
    /// Rows that the store could not read. They are not in it.
    pub damaged: Vec<String>,
}

/// Writes a backup of all rows below the root, as of the present revision. Writing blocks; the store is not held up.
pub async fn save<W: Write>(store: &dyn Store, keys: &Keys, output: W) -> Result<Saved, BackupError> {
    save_and_return(store, keys, output).await.map(|(_, saved)| saved)
}

/// Writes a backup to a file that is not there yet. It appears whole and durable, or not at all.
pub async fn save_to(store: &dyn Store, keys: &Keys, path: &Path) -> Result<Saved, BackupError> {
    let exists = || BackupError::Exists { name: path.display().to_string() };
    if path.try_exists()? {
        return Err(exists());
    }
    let mut part = path.as_os_str().to_owned();
    part.push(".part");
    let part = PathBuf::from(part);
    let (output, saved) = save_and_return(store, keys, BufWriter::new(File::create(&part)?)).await?;
    output.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()?;
    // Unlike a rename, this refuses to replace a file that has come meanwhile.
    fs::hard_link(&part, path).map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => exists(),
        _ => error.into(),
    })?;
    fs::remove_file(&part)?;
    sync_folder(path.parent().unwrap_or(Path::new("")))?;
    Ok(saved)
}

async fn save_and_return<W: Write>(
    store: &dyn Store,
    keys: &Keys,
    output: W,
) -> Result<(W, Saved), BackupError> {
    let (unix_millis, identity) = (clock::unix_millis(), store.identity().await?.0);
    let mut pages = Pages::new(store, keys);
    let mut page = pages.next().await?;
    let header = Header {
        identity,
        kind: store.kind().to_owned(),
        root: keys.root().to_owned(),
        revision: page.as_ref().map_or_else(Default::default, |page| page.revision),
        unix_millis,
    };
    let mut file = FileWriter::begin(output, &header)?;
    while let Some(rows) = page {
        for row in rows.rows {
            if keys.parse(&row.key) == Some(Key::Restoring) {
                return Err(BackupError::Unfinished);
            }
            if travels(keys, &row.key) {
                file.row(&(row.key, row.value))?;
            }
        }
        page = pages.next().await?;
    }
    let damaged = damaged_below(store, keys);
    let (output, End { rows, bytes, damaged }) = file.finish(damaged)?;
    Ok((output, Saved { header, rows, bytes, damaged }))
}

/// Rows below the root that the store cannot read.
pub(super) fn damaged_below(store: &dyn Store, keys: &Keys) -> Vec<String> {
    let root = keys.all();
    store.damaged().iter().filter(|key| key.starts_with(&root)).map(ToString::to_string).collect()
}
