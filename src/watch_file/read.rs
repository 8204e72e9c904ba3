//! Reading one bounded file.

use std::{
    fmt,
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
};

/// Reads a regular file of at most `max_bytes`.
pub(crate) fn read_file(path: &Path, max_bytes: usize) -> Result<Vec<u8>, FileReadError> {
    let failed = |error: io::Error| match error.kind() {
        io::ErrorKind::NotFound => FileReadError::NotFound { path: path.into() },
        _ => FileReadError::Unreadable { path: path.into(), reason: error.to_string() },
    };
    // Asked before opening: to open a named pipe would wait for a writer, for ever.
    if !std::fs::metadata(path).map_err(failed)?.is_file() {
        return Err(FileReadError::NotAFile { path: path.into() });
    }
    let limit = u64::try_from(max_bytes).unwrap_or(u64::MAX);
    let mut contents = Vec::new();
    File::open(path)
        .map_err(failed)?
        .take(limit.saturating_add(1))
        .read_to_end(&mut contents)
        .map_err(failed)?;
    if contents.len() > max_bytes {
        return Err(FileReadError::TooLarge { path: path.into(), max_bytes });
    }
    Ok(contents)
}

/// Why a file could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum FileReadError {
    /// There is no such file.
    NotFound { path: PathBuf },
    /// A directory, pipe or device.
    NotAFile { path: PathBuf },
    /// Longer than its limit.
    TooLarge { path: PathBuf, max_bytes: usize },
    /// Anything else: permissions, a broken disk, a loop of symlinks.
    Unreadable { path: PathBuf, reason: String },
}

impl FileReadError {
    /// One word for metrics.
    pub(crate) const fn label(&self) -> &'static str {
        match self {
            Self::NotFound { .. } => "not_found",
            Self::NotAFile { .. } => "not_a_file",
            Self::TooLarge { .. } => "too_large",
            Self::Unreadable { .. } => "unreadable",
        }
    }
}

impl fmt::Display for FileReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotFound { path } => write!(f, "{}: no such file", path.display()),
            Self::NotAFile { path } => write!(f, "{}: not a regular file", path.display()),
            Self::TooLarge { path, max_bytes } => {
                write!(f, "{}: longer than the {max_bytes} bytes allowed", path.display())
            }
            Self::Unreadable { path, reason } => write!(f, "{}: {reason}", path.display()),
        }
    }
}

impl std::error::Error for FileReadError {}

#[cfg(test)]
mod tests {
    use super::super::scratch::ScratchDir;
    use super::*;

    #[test]
    fn the_limit_is_exact_and_only_regular_files_are_read() {
        let dir = ScratchDir::new();
        let path = dir.path().join("file");
        std::fs::write(&path, "12345").unwrap();
        assert_eq!(read_file(&path, 5).unwrap(), b"12345");
        let refused = read_file(&path, 4).unwrap_err();
        assert!(refused.to_string().ends_with("file: longer than the 4 bytes allowed"), "{refused}");
        assert!(matches!(read_file(dir.path(), 5), Err(FileReadError::NotAFile { .. })));
        assert!(matches!(read_file(&dir.path().join("none"), 5), Err(FileReadError::NotFound { .. })));
        assert!(matches!(read_file(&path.join("below a file"), 5), Err(FileReadError::Unreadable { .. })));
    }
}
