//! Addresses on the command line, and as Envoy writes them.

use std::net::IpAddr;
use std::str::FromStr;

use serde_json::{Value, json};

/// `host:port`; an IPv6 address stands in brackets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct HostPort {
    /// Name or IP address, without brackets.
    pub(super) host: String,
    /// Port.
    pub(super) port: u16,
}

/// Where the sidecar's gRPC door is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum SidecarAddress {
    /// A Unix socket's path.
    Unix(String),
    /// TCP.
    Tcp(HostPort),
}

impl HostPort {
    /// As a URL or a header writes it.
    pub(super) fn authority(&self) -> String {
        match self.host.parse::<IpAddr>() {
            Ok(IpAddr::V6(ip)) => format!("[{ip}]:{}", self.port),
            Ok(IpAddr::V4(_)) | Err(_) => format!("{}:{}", self.host, self.port),
        }
    }

    /// Whether no name has to be resolved.
    pub(super) fn is_ip(&self) -> bool {
        self.host.parse::<IpAddr>().is_ok()
    }

    /// envoy.config.core.v3.Address.
    pub(super) fn envoy(&self) -> Value {
        json!({ "socket_address": { "address": self.host, "port_value": self.port } })
    }
}

impl FromStr for HostPort {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is no `host:port`");
        let (host, port) = text.rsplit_once(':').ok_or_else(wrong)?;
        let port = port.parse().map_err(|_| wrong())?;
        let bracketed = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        let host = bracketed.unwrap_or(host);
        let named = host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte));
        if host.is_empty() || !(named || bracketed.is_some() && host.parse::<IpAddr>().is_ok()) {
            return Err(wrong());
        }
        Ok(Self { host: host.to_owned(), port })
    }
}

impl FromStr for SidecarAddress {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.strip_prefix("unix:") {
            Some(path) if path.starts_with('/') => Ok(Self::Unix(path.to_owned())),
            Some(_) => Err(format!("`{text}` is no absolute path; write `unix:/path`")),
            None => text.parse().map(Self::Tcp),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{HostPort, SidecarAddress};

    const CASES: &[(&str, Option<&str>)] = &[
        ("127.0.0.1:80", Some("127.0.0.1:80")),
        ("[::1]:80", Some("[::1]:80")),
        ("orders.svc:80", Some("orders.svc:80")),
        ("::1:80", None),
        ("orders", None),
        (":80", None),
        ("orders:99999", None),
        ("or ders:80", None),
        ("[orders]:80", Some("orders:80")),
    ];

    #[test]
    fn host_and_port() {
        for (text, expected) in CASES {
            let found = text.parse::<HostPort>().ok().map(|found| found.authority());
            assert_eq!(found.as_deref(), *expected, "{text}");
        }
    }

    #[test]
    fn the_sidecar_is_a_socket_or_a_host() {
        assert_eq!("unix:/a/b".parse(), Ok(SidecarAddress::Unix("/a/b".to_owned())));
        assert!("unix:b".parse::<SidecarAddress>().is_err());
        assert!(matches!("a:1".parse(), Ok(SidecarAddress::Tcp(_))));
    }
}
