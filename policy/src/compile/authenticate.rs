//! Who may vouch for a route's callers: `authenticate`, compiled.

use crate::compile::route::RouteCompiler;
use crate::file::problem::Problems;
use crate::file::source::{AuthenticatorSource, OnInvalid};
use crate::identity::issuer::IssuerKind;
use crate::route::Requirements;

pub(super) fn authenticator(
    compiler: &mut RouteCompiler<'_>,
    place: &str,
    source: &AuthenticatorSource,
    inherited: OnInvalid,
    out: &mut Requirements,
    problems: &mut Problems,
) {
    let (name, wants_jwt) = match (&source.jwt, &source.introspection) {
        (Some(name), None) => (name, true),
        (None, Some(name)) => (name, false),
        _ => {
            return problems.error(
                place,
                "needs exactly one of `jwt` and `introspection`",
                "name one issuer",
            );
        }
    };
    let Some(issuer) = compiler.issuers.iter().find(|issuer| **issuer.name() == **name) else {
        return problems.error(
            place,
            format!("`{name}` is no issuer"),
            "define it under `issuers`",
        );
    };
    compiler.used_issuers.insert(issuer.id());
    let on_invalid = source.on_invalid.unwrap_or(inherited);
    match (issuer.kind(), wants_jwt) {
        (IssuerKind::Jwt(_) | IssuerKind::Hmac(_), true) => {
            if let Err(iss) = out.jwt.insert(issuer, on_invalid) {
                problems.error(
                    place,
                    format!("two authenticators are for the `iss` `{iss}`"),
                    "remove one of them, or its tenant",
                );
            }
        }
        (IssuerKind::Introspection(_), false) => {
            if out.introspection.iter().any(|(known, _)| *known == issuer.id()) {
                problems.error(place, format!("`{name}` is asked twice"), "remove one of the two");
            }
            out.introspection.push((issuer.id(), on_invalid));
        }
        (IssuerKind::Jwt(_) | IssuerKind::Hmac(_), false) => {
            problems.error(
                place,
                format!("`{name}` has no introspection endpoint"),
                format!("write `jwt: {name}`"),
            );
        }
        (IssuerKind::Introspection(_), true) => {
            problems.error(
                place,
                format!("`{name}` has no keys"),
                format!("write `introspection: {name}`"),
            );
        }
    }
}
