//! Reading the operator's files, bounded.

use std::fs::File;
use std::io::{Error, ErrorKind, Read as _, Result};
use std::path::Path;

/// The whole file.
///
/// # Errors
/// Of the file system, and when there are more than `max_bytes` bytes.
pub(crate) fn read_bounded(path: &Path, max_bytes: u64) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(max_bytes.saturating_add(1)).read_to_end(&mut bytes)?;
    if u64::try_from(bytes.len()).is_ok_and(|read| read <= max_bytes) {
        Ok(bytes)
    } else {
        Err(Error::new(ErrorKind::FileTooLarge, format!("longer than {max_bytes} bytes")))
    }
}
