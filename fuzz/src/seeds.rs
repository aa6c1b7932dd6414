//! Files of this repository that inputs start from: those of `seeds/`, and the fixtures that the tests have anyway.

use std::fs;
use std::path::{Path, PathBuf};

/// The repository.
pub(crate) fn root() -> PathBuf {
    let fuzz = Path::new(env!("CARGO_MANIFEST_DIR"));
    fuzz.parent().unwrap_or(fuzz).to_owned()
}

/// One file.
pub(crate) fn file(path: &str) -> Result<Vec<u8>, String> {
    fs::read(root().join(path)).map_err(|error| format!("{path}: {error}"))
}

/// All files of a folder, in the order of their names.
pub(crate) fn folder(path: &str) -> Result<Vec<Vec<u8>>, String> {
    files_below(path, "")
}

/// All files of this name below a folder; the empty name: all.
pub(crate) fn files_below(path: &str, name: &str) -> Result<Vec<Vec<u8>>, String> {
    let mut found = Vec::new();
    collect(&root().join(path), name, &mut found).map_err(|error| format!("{path}: {error}"))?;
    found.sort();
    found
        .iter()
        .map(|path| fs::read(path).map_err(|error| format!("{}: {error}", path.display())))
        .collect()
}

fn collect(folder: &Path, name: &str, found: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, name, found)?;
        } else if name.is_empty() || path.file_name().is_some_and(|file| file == name) {
            found.push(path);
        }
    }
    Ok(())
}
