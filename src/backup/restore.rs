//! Putting a backup in.

use std::io::{BufReader, Read, Seek};

use super::{
    BackupError, Filled, Header,
    file::FileReader,
    fill::{Fill, check},
    marks::travels,
};
use crate::store::{Keys, Store};

/// A backup that was put in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Restored {
    /// What the backup says of itself.
    pub header: Header,
    /// What of it was put in.
    pub filled: Filled,
}

/// Puts a backup into a store that has nothing below the backup's root. Reading blocks.
///
/// Reads the file twice: the first time nothing is written, so that a damaged one leaves the store as it was. A restore
/// that ends in the middle, however it ends, leaves a mark in the store; the next one then begins from the start. A
/// restored store grants nothing until it is adopted.
pub async fn restore<R: Read + Seek>(mut input: R, store: &dyn Store) -> Result<Restored, BackupError> {
    let mut file = begin(&mut input)?;
    let keys = keys_of(file.header())?;
    while let Some(rows) = file.next()? {
        for row in &rows {
            check(row, store, &keys)?;
        }
    }
    let mut file = begin(&mut input)?;
    let mut fill = Fill::begin(store, &keys).await?;
    while let Some(rows) = file.next()? {
        for row in rows {
            if travels(&keys, &row.0) {
                fill.row(row).await?;
            }
        }
    }
    let (header, _) = file.into_end();
    Ok(Restored { header, filled: fill.finish().await? })
}

fn begin<R: Read + Seek>(input: &mut R) -> Result<FileReader<BufReader<&mut R>>, BackupError> {
    input.rewind()?;
    FileReader::open(BufReader::new(input))
}

/// The keys below a backup's root.
pub(super) fn keys_of(header: &Header) -> Result<Keys, BackupError> {
    Keys::new(&header.root).map_err(|_| BackupError::Damaged { at: 0, what: "its root is none" })
}
