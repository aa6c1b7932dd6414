//! `introspection` of an issuer, compiled: how to ask, and what an active reply must satisfy. What the provider judges
//! itself has no effect beside it.

use crate::compile::Half;
use crate::compile::issuer::{check_secret, leeway, whole_seconds};
use crate::file::issuer_source::{IntrospectionSource, IssuerSource};
use crate::file::problem::Problems;
use crate::file::scalar::url;
use crate::identity::issuer::{IntrospectionEndpoint, IntrospectionIssuer, IntrospectionRules};
use crate::limits::{DEFAULT_INTROSPECTION_CACHE_SECONDS, TOKEN_MEMORY_BOUNDS};

pub(crate) fn introspection_issuer(
    place: &str,
    source: &IssuerSource,
    introspection: &IntrospectionSource,
    half: Half,
    problems: &mut Problems,
) -> Option<IntrospectionIssuer> {
    let without_effect = [
        ("algorithms", !source.algorithms.is_empty(), "the provider judges the signature"),
        ("tenants", !source.tenants.is_empty(), "one endpoint speaks for one issuer"),
        ("audience_match", source.audience_match.is_some(), "one of `audiences` is asked for"),
        ("clients", !source.clients.is_empty(), "have routes ask for the claim `client_id`"),
        ("token_type", source.token_type.is_some(), "access tokens alone are accepted"),
        ("max_lifetime", source.max_lifetime.is_some(), "the provider judges the lifetime"),
        ("require_exp", source.require_exp.is_some(), "the provider judges the lifetime"),
        ("cache", source.cache.is_some(), "write it below `introspection`"),
    ];
    for (name, _, why) in without_effect.into_iter().filter(|(_, present, _)| *present) {
        problems.error(
            format!("{place}.{name}"),
            "has no effect on introspection",
            format!("remove it; {why}"),
        );
    }
    if let Some(issuer) = source.issuer.as_ref().filter(|issuer| issuer.contains(['{', '}'])) {
        problems.error(
            format!("{place}.issuer"),
            format!("`{issuer}` is no issuer, and introspection knows no tenants"),
            "write the `iss` of its replies",
        );
    }
    let rules = IntrospectionRules {
        issuer: source.issuer.clone(),
        audiences: source.audiences.clone(),
        leeway: leeway(place, source, problems),
    };
    let cache = format!("{place}.introspection.cache");
    let cache =
        whole_seconds(&cache, introspection.cache.as_deref(), TOKEN_MEMORY_BOUNDS, problems);
    let cache_seconds = cache.map_or(DEFAULT_INTROSPECTION_CACHE_SECONDS, u64::from);
    let endpoint = match half {
        Half::Filter => None,
        Half::Whole => Some(endpoint(&format!("{place}.introspection"), introspection, problems)?),
    };
    Some(IntrospectionIssuer { endpoint, rules, cache_seconds })
}

fn endpoint(
    place: &str,
    source: &IntrospectionSource,
    problems: &mut Problems,
) -> Option<IntrospectionEndpoint> {
    let written = [
        ("url", source.url.is_some(), "write the endpoint, like `https://idp.example/introspect`"),
        (
            "client_id",
            source.client_id.as_ref().is_some_and(|name| !name.is_empty()),
            "write the name that the provider gave this gate",
        ),
        (
            "client_secret",
            source.client_secret.is_some(),
            "write `{ file: /run/secrets/name }` or `{ env: NAME }`",
        ),
    ];
    for (name, _, fix) in written.into_iter().filter(|(_, there, _)| !there) {
        problems.error(format!("{place}.{name}"), "is missing", fix);
    }
    let (address, client_id, secret) =
        (source.url.clone()?, source.client_id.clone()?, source.client_secret.clone()?);
    url(&format!("{place}.url"), &address, problems);
    check_secret(&format!("{place}.client_secret"), &secret, problems);
    Some(IntrospectionEndpoint { url: address, client_id, client_secret: secret })
}
