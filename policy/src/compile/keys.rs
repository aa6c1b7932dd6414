//! `jwks` of an issuer, compiled: where its keys are, by which Envoy clusters they are reached, and how long they live.

use sallyport_jwt::IssuerRule;

use crate::compile::issuer::TokenSide;
use crate::file::issuer_source::{DiscoverySource, JwksSource};
use crate::file::problem::Problems;
use crate::file::scalar::{cluster, url, within};
use crate::identity::issuer::{JwtIssuer, KeyLocation};
use crate::identity::key_times::KeyTimes;
use crate::limits::{
    DEFAULT_KEY_COOL_DOWN_MS, DEFAULT_KEY_STALE_MS, KEY_COOL_DOWN_BOUNDS, KEY_REFRESH_BOUNDS,
    KEY_STALE_BOUNDS,
};
use crate::request::host::canonical_host;

pub(crate) fn jwks_issuer(
    place: &str,
    tokens: TokenSide,
    jwks: &JwksSource,
    problems: &mut Problems,
) -> Option<JwtIssuer> {
    let TokenSide { rules, cache_seconds } = tokens;
    let place = format!("{place}.jwks");
    let keys = location(&place, &rules.issuer, jwks, problems);
    let times = times(&place, jwks, problems);
    let keys = keys?;
    if let Some(name) = &jwks.cluster {
        cluster(&format!("{place}.cluster"), name, problems);
    }
    clusters(&place, &keys, jwks, problems);
    let issuer = JwtIssuer {
        rules,
        keys,
        cluster: jwks.cluster.clone(),
        clusters: jwks.clusters.clone(),
        times,
        cache_seconds,
    };
    if issuer.cluster_for(issuer.keys.host()).is_none() {
        problems.warning(
            format!("{place}.cluster"),
            "is missing, so the filter cannot fetch these keys and its tokens are not accepted there",
            format!("name the Envoy cluster that reaches `{}`", issuer.keys.host()),
        );
    }
    Some(issuer)
}

fn location(
    place: &str,
    issuer: &IssuerRule,
    jwks: &JwksSource,
    problems: &mut Problems,
) -> Option<KeyLocation> {
    match (&jwks.discovery, &jwks.uri) {
        (DiscoverySource::OfIssuer, None) => match issuer {
            IssuerRule::Exact(issuer) => Some(KeyLocation::Discovery(format!(
                "{}/.well-known/openid-configuration",
                issuer.trim_end_matches('/')
            ))),
            IssuerRule::Tenants { template, .. } => {
                problems.error(
                    format!("{place}.discovery"),
                    format!("is `true`, and there is no document at the template `{template}`"),
                    "write the document's address, like `https://login.microsoftonline.com/common/v2.0/.well-known/openid-configuration`",
                );
                None
            }
        },
        (DiscoverySource::At(address), None) => {
            url(&format!("{place}.discovery"), address, problems);
            Some(KeyLocation::Discovery(address.clone()))
        }
        (DiscoverySource::Off, Some(uri)) => {
            url(&format!("{place}.uri"), uri, problems);
            Some(KeyLocation::Uri(uri.clone()))
        }
        (DiscoverySource::Off, None) | (_, Some(_)) => {
            problems.error(
                place,
                "needs exactly one of `discovery` and `uri`",
                "write `discovery: true`, or the address as `uri`",
            );
            None
        }
    }
}

/// Lines of `clusters` for hosts that are no hosts, that are never asked, or that have a cluster already.
fn clusters(place: &str, keys: &KeyLocation, jwks: &JwksSource, problems: &mut Problems) {
    for (host, name) in &jwks.clusters {
        let place = format!("{place}.clusters.{host}");
        cluster(&place, name, problems);
        let bare = canonical_host(host.as_bytes());
        let port = bare.as_ref().and_then(|bare| host.strip_prefix(&**bare));
        if !port.is_some_and(|port| port.is_empty() || port.starts_with(':')) {
            problems.error(
                place,
                format!("`{host}` is no host"),
                "write it in lower case, with its port where the address has one, like `keys.example:8443`",
            );
            continue;
        }
        let configured = keys.host().eq_ignore_ascii_case(host);
        match keys {
            KeyLocation::Uri(_) if !configured => problems.error(
                place,
                format!("`{host}` is never asked, since `uri` names `{}`", keys.host()),
                "remove it; only a discovery document may name other hosts",
            ),
            KeyLocation::Uri(_) | KeyLocation::Discovery(_)
                if configured && jwks.cluster.is_some() =>
            {
                problems.error(
                    place,
                    format!(
                        "`{host}` has a cluster already: `cluster` is for the host of the address"
                    ),
                    "name it once",
                );
            }
            KeyLocation::Uri(_) | KeyLocation::Discovery(_) => {}
        }
    }
}

fn times(place: &str, jwks: &JwksSource, problems: &mut Problems) -> KeyTimes {
    let mut read = |name: &str, text: &Option<String>, bounds| {
        within(&format!("{place}.{name}"), text.as_deref(), bounds, problems)
    };
    let refresh_ms = read("refresh", &jwks.refresh, KEY_REFRESH_BOUNDS);
    let stale = read("max_stale", &jwks.max_stale, KEY_STALE_BOUNDS);
    let cool_down = read("cool_down", &jwks.cool_down, KEY_COOL_DOWN_BOUNDS);
    if let (Some(refresh), Some(stale)) = (refresh_ms, stale)
        && stale < refresh
    {
        problems.error(
            format!("{place}.max_stale"),
            format!(
                "`{}` is less than `refresh`, so good keys would be dropped before they are fetched anew",
                jwks.max_stale.as_deref().unwrap_or_default()
            ),
            format!("write at least `{}`", jwks.refresh.as_deref().unwrap_or_default()),
        );
    }
    KeyTimes {
        refresh_ms,
        max_stale_ms: stale
            .unwrap_or_else(|| DEFAULT_KEY_STALE_MS.max(refresh_ms.unwrap_or_default())),
        cool_down_ms: cool_down.unwrap_or(DEFAULT_KEY_COOL_DOWN_MS),
    }
}
