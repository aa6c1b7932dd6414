//! The Envoy clusters by which the filter fetches keys: one for each `jwks.cluster` and each line of `jwks.clusters` of
//! the policy, to the one host that it is for and to no other. Refuses, for every target alike, what would be no cluster or lead elsewhere.

use std::collections::BTreeMap;

use sallyport_policy::{IssuerKind, JwtIssuer, KeyLocation, Policy, canonical_host};

use super::address::HostPort;
use crate::cli::failure::Failure;
use crate::cli::tell;

/// Where a key cluster leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct IssuerHost {
    /// Host (lower case, without the dot of an absolute name, as certificates name it) and port of the address.
    pub(super) address: HostPort,
    /// The address is https.
    pub(super) tls: bool,
}

/// The key clusters, by name: `jwks.cluster`, which serves the host of the configured address, and the lines of
/// `jwks.clusters`, which serve the hosts that a discovery document may name. Tells where the configured address is on
/// another host than its issuer.
///
/// # Errors
/// [`Failure::Usage`] for an address without a host and a port, a name that is none, one that is in `taken`, and one
/// that stands for two hosts.
pub(super) fn key_clusters(
    policy: &Policy,
    taken: &[&str],
) -> Result<BTreeMap<String, IssuerHost>, Failure> {
    let mut clusters: BTreeMap<String, IssuerHost> = BTreeMap::new();
    for issuer in policy.issuers() {
        let IssuerKind::Jwt(jwt) = issuer.kind() else { continue };
        let refuse = |what: String| Failure::Usage(format!("issuer `{}`: {what}", issuer.name()));
        for (place, name, host) in hosts(jwt).map_err(refuse)? {
            cluster_name(&name).map_err(|what| refuse(format!("`{place}`: {what}")))?;
            if taken.contains(&name.as_str()) {
                return Err(refuse(format!(
                    "the cluster name `{name}` is taken; choose another `{place}`"
                )));
            }
            if clusters.get(&name).is_some_and(|other| *other != host) {
                return Err(refuse(format!(
                    "cluster `{name}` already leads to another host, port or scheme; give each its own"
                )));
            }
            clusters.insert(name, host);
        }
        if let Some(warning) = elsewhere(jwt) {
            tell(&format!("warning: issuer `{}`: {warning}", issuer.name()));
        }
    }
    Ok(clusters)
}

/// Place in the policy, name and host of each cluster of an issuer.
fn hosts(jwt: &JwtIssuer) -> Result<Vec<(String, String, IssuerHost)>, String> {
    let (KeyLocation::Discovery(url) | KeyLocation::Uri(url)) = &jwt.keys;
    let own = IssuerHost::of(url)?;
    // Keys are fetched by the scheme of the configured address: https, or http for tests on one machine.
    let scheme = if own.tls { "https" } else { "http" };
    let mut hosts = Vec::new();
    if let Some(name) = &jwt.cluster {
        hosts.push(("jwks.cluster".to_owned(), name.clone(), own));
    }
    for (host, name) in &jwt.clusters {
        let leads_to = IssuerHost::of(&format!("{scheme}://{host}"))?;
        hosts.push((format!("jwks.clusters.{host}"), name.clone(), leads_to));
    }
    Ok(hosts)
}

/// Words for a `cluster` that does not lead to the issuer's host, which its name may suggest.
fn elsewhere(jwt: &JwtIssuer) -> Option<String> {
    let name = jwt.cluster.as_ref()?;
    let (member, url) = match &jwt.keys {
        KeyLocation::Discovery(url) => ("jwks.discovery", url),
        KeyLocation::Uri(url) => ("jwks.uri", url),
    };
    // Not every `iss` is an address; where it is none, it suggests no host.
    let (host, issuer) =
        (IssuerHost::of(url).ok()?, IssuerHost::of(jwt.rules.issuer.as_str()).ok()?);
    (host != issuer).then(|| {
        format!(
            "`{member}` is not on the issuer's host; cluster `{name}` leads to `{}` alone, not to `{}`",
            host.address.authority(),
            issuer.address.authority()
        )
    })
}

/// A cluster's name, as an argument or in the policy.
///
/// # Errors
/// For nothing, and for what would break the line of a file, a log or a metric.
pub(super) fn cluster_name(name: &str) -> Result<String, String> {
    let broken = |char: char| char.is_control() || char.is_whitespace();
    if name.is_empty() || name.contains(broken) {
        return Err(format!(
            "`{}` is no name of a cluster; write one without spaces and control characters",
            name.escape_debug()
        ));
    }
    Ok(name.to_owned())
}

impl IssuerHost {
    /// Of an http or https address.
    fn of(url: &str) -> Result<Self, String> {
        let (rest, tls, default) = match (url.strip_prefix("https://"), url.strip_prefix("http://"))
        {
            (Some(rest), _) => (rest, true, 443),
            (None, Some(rest)) => (rest, false, 80),
            (None, None) => return Err(format!("`{url}` is neither http nor https")),
        };
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let wrong = || format!("`{url}` names no host, or no port from 1 to 65535");
        let host = canonical_host(authority.as_bytes()).ok_or_else(wrong)?;
        let inside = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        let port = match authority.rsplit_once(':') {
            Some((_, port)) if !port.ends_with(']') => port.parse().map_err(|_| wrong())?,
            Some(_) | None => default,
        };
        let address = HostPort { host: inside.unwrap_or(&host).to_owned(), port };
        if port == 0 {
            return Err(wrong());
        }
        Ok(Self { address, tls })
    }
}

#[cfg(test)]
mod tests {
    use super::{IssuerHost, cluster_name};

    const CASES: &[(&str, Option<(&str, bool)>)] = &[
        ("https://idp.example/realms/a", Some(("idp.example:443", true))),
        ("https://IDP.example.", Some(("idp.example:443", true))),
        ("https://idp.example.:8443/x", Some(("idp.example:8443", true))),
        ("http://127.0.0.1:18080/realms/a", Some(("127.0.0.1:18080", false))),
        ("https://[::1]/x", Some(("[::1]:443", true))),
        ("https://[0:0::1]:8443", Some(("[::1]:8443", true))),
        ("https://idp.example:65536", None),
        ("https://idp.example:0", None),
        ("https://user@idp.example", None),
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

    #[test]
    fn names_of_clusters() {
        for (name, expected) in [
            ("idp", true),
            ("outbound|15011||sallyport.orders.svc.cluster.local", true),
            ("", false),
            ("a b", false),
            ("a\nb", false),
            ("a\u{7f}", false),
            ("a\u{2028}b", false),
        ] {
            assert_eq!(cluster_name(name).is_ok(), expected, "{name:?}");
        }
    }
}
