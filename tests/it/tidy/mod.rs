//! House rules, kept by tests rather than by reviewers.

mod dependencies;
mod imports;
mod text;

use std::{
    fs,
    path::{Path, PathBuf},
};

/// Where the package lies.
fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// All files under `folder`, as paths relative to the package, in order; no build output, nothing hidden but `.ci`.
fn files_under(folder: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            let is_hidden = name.starts_with('.') && name != ".ci";
            if path.is_dir() {
                if !is_hidden && !["target", "artifacts", "corpus"].contains(&name.as_str()) {
                    folders.push(path);
                }
            } else if !is_hidden {
                found.push(path.strip_prefix(root()).unwrap().to_owned());
            }
        }
    }
    found.sort();
    found
}

fn read(path: impl AsRef<Path>) -> String {
    let path = root().join(path);
    let bytes = fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    String::from_utf8_lossy(&bytes).into_owned()
}
