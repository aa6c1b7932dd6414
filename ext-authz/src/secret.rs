//! Secrets: read from a file or the environment, shown to nobody. `endpoint.rs` takes one out to make the Authorization
//! header of its endpoint, `hmac_secret.rs` to make a key.

use std::path::Path;

use sallyport_policy::{Problem, SecretSource};

use crate::limits::MAX_SECRET_BYTES;
use crate::source_file::Sources;

/// A secret. Has no Display, and a Debug that tells nothing.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Secret(String);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[secret]")
    }
}

/// Why there is no secret. Names its place, never what stands there.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SecretError {
    /// It cannot be had here and now.
    #[error("{0}")]
    Unreadable(String),
    /// It is there and cannot be one, wherever it is read.
    #[error("{0}")]
    Unusable(String),
}

impl SecretError {
    /// As a load error at `place`.
    pub(crate) fn problem(&self, place: String, fix: &str) -> Problem {
        Problem::error(place, self.to_string(), fix)
    }
}

impl Secret {
    /// From its text; one line end at the end is not part of it.
    ///
    /// # Errors
    /// Words for a problem, when nothing is left or the text is not UTF-8.
    pub(crate) fn from_bytes(bytes: Vec<u8>) -> Result<Self, &'static str> {
        let mut text = String::from_utf8(bytes).map_err(|_| "is not UTF-8")?;
        if text.ends_with('\n') {
            text.pop();
            if text.ends_with('\r') {
                text.pop();
            }
        }
        if text.is_empty() { Err("is empty") } else { Ok(Self(text)) }
    }

    /// The secret itself.
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

/// Reads a secret. Files are relative to the policy file's directory.
///
/// # Errors
/// See [`SecretError`].
pub(crate) fn read(
    source: &SecretSource,
    directory: &Path,
    sources: &mut Sources,
) -> Result<Secret, SecretError> {
    let (bytes, place) = match (&source.file, &source.env) {
        (Some(file), None) => {
            let bytes = sources.read(&directory.join(file), MAX_SECRET_BYTES).map_err(|error| {
                SecretError::Unreadable(format!("file `{file}` cannot be read: {error}"))
            })?;
            (bytes, format!("file `{file}`"))
        }
        (None, Some(name)) => {
            let value = std::env::var_os(name).ok_or_else(|| {
                SecretError::Unreadable(format!("environment variable `{name}` is not set"))
            })?;
            (value.into_encoded_bytes(), format!("environment variable `{name}`"))
        }
        _ => {
            let what = "needs exactly one of `file` and `env`";
            return Err(SecretError::Unusable(what.to_owned()));
        }
    };
    Secret::from_bytes(bytes).map_err(|what| SecretError::Unusable(format!("{place} {what}")))
}

#[cfg(test)]
mod tests {
    use super::Secret;

    #[test]
    fn one_line_end_is_dropped_and_nothing_is_shown() {
        for (text, expected) in [
            ("s3cret", Ok("s3cret")),
            ("s3cret\n", Ok("s3cret")),
            ("s3cret\r\n", Ok("s3cret")),
            ("s3cret\n\n", Ok("s3cret\n")),
            (" s ", Ok(" s ")),
            ("\n", Err("is empty")),
            ("", Err("is empty")),
        ] {
            let secret = Secret::from_bytes(text.as_bytes().to_vec());
            assert_eq!(secret.as_ref().map(|secret| secret.expose()).map_err(|e| *e), expected);
            assert!(!format!("{secret:?}").contains("s3cret"));
        }
        assert_eq!(Secret::from_bytes(vec![0xff]).unwrap_err(), "is not UTF-8");
    }
}
