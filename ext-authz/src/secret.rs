//! Secrets: read from a file or the environment, shown to nobody. Only `introspection.rs` takes one out, to make the
//! Authorization header of its endpoint.

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

/// Reads the secret of an issuer. Files are relative to the policy file's directory.
pub(crate) fn read(
    place: &str,
    source: &SecretSource,
    directory: &Path,
    sources: &mut Sources,
) -> Result<Secret, Problem> {
    let problem = |what: String| {
        Problem::error(
            format!("{place}.introspection.client_secret"),
            what,
            "put the client's secret there, readable by the sidecar",
        )
    };
    match (&source.file, &source.env) {
        (Some(file), None) => {
            let path = directory.join(file);
            let bytes = sources
                .read(&path, MAX_SECRET_BYTES)
                .map_err(|error| problem(format!("file `{file}` cannot be read: {error}")))?;
            Secret::from_bytes(bytes).map_err(|what| problem(format!("file `{file}` {what}")))
        }
        (None, Some(name)) => {
            let value = std::env::var_os(name)
                .ok_or_else(|| problem(format!("environment variable `{name}` is not set")))?;
            Secret::from_bytes(value.into_encoded_bytes())
                .map_err(|what| problem(format!("environment variable `{name}` {what}")))
        }
        _ => Err(problem("needs exactly one of `file` and `env`".to_owned())),
    }
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
