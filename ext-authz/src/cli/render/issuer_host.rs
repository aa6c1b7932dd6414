//! The Envoy clusters by which the filter fetches keys: one for each `jwks.cluster` of the policy, to the issuer's host
//! and to no other.

use std::collections::BTreeMap;

use sallyport_policy::{IssuerKind, KeyLocation, Policy};

use super::address::HostPort;
use crate::cli::failure::Failure;

/// Where a key cluster leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct IssuerHost {
    /// Host and port of the issuer's address.
    pub(super) address: HostPort,
    /// The address is https.
    pub(super) tls: bool,
}

/// The key clusters, by name.
///
/// # Errors
/// [`Failure::Usage`] where one name stands for two hosts, or for the sidecar.
pub(super) fn key_clusters(
    policy: &Policy,
    taken: &[&str],
) -> Result<BTreeMap<String, IssuerHost>, Failure> {
    let mut clusters: BTreeMap<String, IssuerHost> = BTreeMap::new();
    for issuer in policy.issuers() {
        let IssuerKind::Jwt(jwt) = issuer.kind() else { continue };
        let Some(name) = &jwt.cluster else { continue };
        let (KeyLocation::Discovery(url) | KeyLocation::Uri(url)) = &jwt.keys;
        let host = IssuerHost::of(url).map_err(Failure::Usage)?;
        if taken.contains(&name.as_str()) {
            return Err(Failure::Usage(format!(
                "issuer `{}`: the cluster name `{name}` is taken; choose another `jwks.cluster`",
                issuer.name()
            )));
        }
        let other = clusters.insert(name.clone(), host.clone());
        if other.is_some_and(|other| other != host) {
            return Err(Failure::Usage(format!(
                "issuer `{}`: cluster `{name}` already leads to another host; give each host its own",
                issuer.name()
            )));
        }
    }
    Ok(clusters)
}

impl IssuerHost {
    /// Of an http or https address.
    fn of(url: &str) -> Result<Self, String> {
        let (rest, tls, port) = match (url.strip_prefix("https://"), url.strip_prefix("http://")) {
            (Some(rest), _) => (rest, true, 443),
            (None, Some(rest)) => (rest, false, 80),
            (None, None) => return Err(format!("`{url}` is neither http nor https")),
        };
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let address = authority.parse().or_else(|_| format!("{authority}:{port}").parse())?;
        Ok(Self { address, tls })
    }
}

#[cfg(test)]
mod tests {
    use super::IssuerHost;

    const CASES: &[(&str, Option<(&str, bool)>)] = &[
        ("https://idp.example/realms/a", Some(("idp.example:443", true))),
        ("http://127.0.0.1:18080/realms/a", Some(("127.0.0.1:18080", false))),
        ("https://[::1]/x", Some(("[::1]:443", true))),
        ("https://[::1]:8443", Some(("[::1]:8443", true))),
        ("ftp://idp.example", None),
        ("https:///x", None),
    ];

    #[test]
    fn hosts_of_addresses() {
        for (url, expected) in CASES {
            let found = IssuerHost::of(url).ok();
            let found = found.map(|host| (host.address.authority(), host.tls));
            let expected = expected.map(|(authority, tls)| (authority.to_owned(), tls));
            assert_eq!(found, expected, "{url}");
        }
    }
}
