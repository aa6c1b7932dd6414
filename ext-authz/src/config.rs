//! The server's own configuration, `serve --config FILE`: where it listens, and where records go. What it decides is the
//! policy's business. YAML; unknown fields are errors; every field has a default.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::limits::MAX_CONFIG_BYTES;
use crate::source_file::read_bounded;

/// The configuration.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Config {
    /// Listeners.
    pub listen: Listen,
    /// File that records are appended to; none: records are dropped and counted.
    pub ndjson: Option<PathBuf>,
}

/// Listeners of each kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listen {
    /// gRPC ext_authz and the collector.
    pub grpc: Vec<Address>,
    /// HTTP ext_authz.
    pub http: Vec<Address>,
    /// Metrics and probes.
    pub admin: Vec<Address>,
}

/// Where to listen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    /// `127.0.0.1:15011`; port 0 takes a free one.
    Tcp(SocketAddr),
    /// `unix:/path`.
    Unix(PathBuf),
}

/// The configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("configuration cannot be read: {0}")]
    Read(#[from] std::io::Error),
    /// Not the YAML that is expected; says where.
    #[error("configuration: {0}")]
    Syntax(String),
    /// Neither address nor `unix:` path.
    #[error("configuration: `{0}` is no address; write `127.0.0.1:15011` or `unix:/path.sock`")]
    Address(String),
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct Source {
    listen: ListenSource,
    export: ExportSource,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct ListenSource {
    grpc: Option<Vec<String>>,
    http: Option<Vec<String>>,
    admin: Option<Vec<String>>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct ExportSource {
    ndjson: Option<NdjsonSource>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NdjsonSource {
    path: PathBuf,
}

impl Default for Listen {
    fn default() -> Self {
        let local = |port| vec![Address::Tcp(SocketAddr::from(([127, 0, 0, 1], port)))];
        Self { grpc: local(15011), http: local(15012), admin: local(15013) }
    }
}

impl Config {
    /// Reads a file.
    ///
    /// # Errors
    /// See [`ConfigError`].
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        let bytes = read_bounded(path, MAX_CONFIG_BYTES)?;
        let text =
            std::str::from_utf8(&bytes).map_err(|_| ConfigError::Syntax("not UTF-8".to_owned()))?;
        Self::parse(text)
    }

    /// Reads a text.
    ///
    /// # Errors
    /// See [`ConfigError`].
    pub fn parse(text: &str) -> Result<Self, ConfigError> {
        let source: Source =
            serde_saphyr::from_str(text).map_err(|error| ConfigError::Syntax(error.to_string()))?;
        let Source { listen: ListenSource { grpc, http, admin }, export } = source;
        let usual = Listen::default();
        let listen = Listen {
            grpc: addresses(grpc, usual.grpc)?,
            http: addresses(http, usual.http)?,
            admin: addresses(admin, usual.admin)?,
        };
        Ok(Self { listen, ndjson: export.ndjson.map(|ndjson| ndjson.path) })
    }
}

fn addresses(texts: Option<Vec<String>>, usual: Vec<Address>) -> Result<Vec<Address>, ConfigError> {
    let Some(texts) = texts else { return Ok(usual) };
    texts.into_iter().map(Address::try_from).collect()
}

impl TryFrom<String> for Address {
    type Error = ConfigError;

    fn try_from(text: String) -> Result<Self, ConfigError> {
        match text.strip_prefix("unix:") {
            Some(path) if path.starts_with('/') => Ok(Self::Unix(path.into())),
            Some(_) => Err(ConfigError::Address(text)),
            None => text.parse().map(Self::Tcp).map_err(|_| ConfigError::Address(text)),
        }
    }
}

impl std::fmt::Display for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Tcp(address) => write!(f, "{address}"),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Address, Config};

    #[test]
    fn everything_has_a_default() {
        let config = Config::parse("{}").unwrap();
        assert_eq!(config, Config::default());
        assert_eq!(config.listen.grpc, [Address::Tcp("127.0.0.1:15011".parse().unwrap())]);
        assert_eq!(config.listen.http, [Address::Tcp("127.0.0.1:15012".parse().unwrap())]);
        assert_eq!(config.listen.admin, [Address::Tcp("127.0.0.1:15013".parse().unwrap())]);
    }

    #[test]
    fn all_fields() {
        let text = "listen: { grpc: ['unix:/s.sock', '127.0.0.1:1'], http: [], admin: ['[::1]:2'] }\nexport: { ndjson: { path: /r.ndjson } }";
        let config = Config::parse(text).unwrap();
        let unix = Address::Unix("/s.sock".into());
        assert_eq!(config.listen.grpc, [unix, Address::Tcp("127.0.0.1:1".parse().unwrap())]);
        assert!(config.listen.http.is_empty());
        assert_eq!(config.ndjson, Some("/r.ndjson".into()));
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        for text in [
            "listn: {}",
            "listen: { grcp: [] }",
            "listen: { grpc: ['localhost'] }",
            "listen: { grpc: ['unix:relative'] }",
            "export: { ndjson: {} }",
            "[]",
            "listen: {",
        ] {
            assert!(Config::parse(text).is_err(), "{text}");
        }
    }
}
