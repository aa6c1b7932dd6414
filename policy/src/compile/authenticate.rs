//! Who may vouch for a route's callers: `authenticate`, compiled.

use std::sync::Arc;

use crate::compile::place::place;
use crate::compile::route::RouteCompiler;
use crate::file::problem::Problems;
use crate::file::source::{AnonymousSource, AuthenticatorSource, OnInvalid};
use crate::identity::issuer::{Issuer, IssuerKind, named};
use crate::identity::{ANONYMOUS, Identity};
use crate::limits::MAX_SUBJECT_BYTES;
use crate::request::certificate::CertificateSubject;
use crate::route::chain::{Chain, Step, TokenPlace};

pub(super) fn chain(
    compiler: &mut RouteCompiler<'_>,
    place: &str,
    authenticators: &[AuthenticatorSource],
    inherited: OnInvalid,
    problems: &mut Problems,
) -> Chain {
    let mut out = Chain::default();
    for (index, source) in authenticators.iter().enumerate() {
        let place = format!("{place}[{index}]");
        let last = index.saturating_add(1) == authenticators.len();
        authenticator(compiler, &place, source, last, inherited, &mut out, problems);
    }
    out
}

fn authenticator(
    compiler: &mut RouteCompiler<'_>,
    at: &str,
    source: &AuthenticatorSource,
    last: bool,
    inherited: OnInvalid,
    out: &mut Chain,
    problems: &mut Problems,
) {
    let AuthenticatorSource { jwt, introspection, client_certificate, anonymous, .. } = source;
    let (name, by_signature) = match (jwt, introspection, client_certificate, anonymous) {
        (Some(name), None, None, None) => (name, true),
        (None, Some(name), None, None) => (name, false),
        (None, None, Some(own), None) => {
            let on_invalid = source.on_invalid.unwrap_or(inherited);
            return certificate(at, source, own.subject, on_invalid, out, problems);
        }
        (None, None, None, Some(anonymous)) => {
            out.anonymous = Some(anonymous_identity(at, source, anonymous, last, problems));
            return;
        }
        _ => {
            return problems.error(
                at,
                "needs exactly one of `jwt`, `introspection`, `client_certificate` and `anonymous`",
                "name one issuer, or another kind of caller",
            );
        }
    };
    let Some(issuer) = named(compiler.issuers, name) else {
        return problems.error(at, format!("`{name}` is no issuer"), "define it under `issuers`");
    };
    compiler.used_issuers.insert(issuer.id());
    let Some(place) = place(compiler, at, source.from.as_ref(), problems) else { return };
    out.add(&place);
    let Some(place) = out.at(&place) else { return };
    let on_invalid = source.on_invalid.unwrap_or(inherited);
    place.all_next &= on_invalid == OnInvalid::Next;
    // In the place of one that does not compile stands another, and what is wrong was told of the issuer.
    let source = compiler.source.issuers.get(name.as_str());
    let whole = source.is_none_or(|it| match issuer.kind() {
        IssuerKind::Jwt(_) | IssuerKind::Hmac(_) => true,
        IssuerKind::Introspection(_) => {
            it.introspection.is_some() && it.jwks.is_none() && it.hmac.is_none()
        }
    });
    if whole {
        issued(at, issuer, by_signature, on_invalid, place, problems);
    }
}

fn issued(
    at: &str,
    issuer: &Issuer,
    by_signature: bool,
    on_invalid: OnInvalid,
    place: &mut TokenPlace,
    problems: &mut Problems,
) {
    let name = issuer.name();
    match (issuer.kind(), by_signature) {
        (IssuerKind::Jwt(_) | IssuerKind::Hmac(_), true) => {
            if let Err(iss) = place.jwt.insert(issuer, on_invalid) {
                problems.error(
                    at,
                    format!("two authenticators are for the `iss` `{iss}`"),
                    "remove one of them, or its tenant",
                );
            }
        }
        (IssuerKind::Introspection(_), false) => {
            if place.introspection.iter().any(|(known, _)| *known == issuer.id()) {
                problems.error(at, format!("`{name}` is asked twice"), "remove one of the two");
            }
            place.introspection.push((issuer.id(), on_invalid));
        }
        (IssuerKind::Jwt(_) | IssuerKind::Hmac(_), false) => {
            problems.error(
                at,
                format!("`{name}` has no introspection endpoint"),
                format!("write `jwt: {name}`"),
            );
        }
        (IssuerKind::Introspection(_), true) => {
            problems.error(
                at,
                format!("`{name}` has no keys"),
                format!("write `introspection: {name}`"),
            );
        }
    }
}

fn certificate(
    at: &str,
    source: &AuthenticatorSource,
    subject: CertificateSubject,
    on_invalid: OnInvalid,
    out: &mut Chain,
    problems: &mut Problems,
) {
    if source.from.is_some() {
        problems.error(
            format!("{at}.from"),
            "has no effect on `client_certificate`, which comes with the connection",
            "remove it",
        );
    }
    if out.certificate().any(|known| known == subject) {
        problems.error(at, format!("`{}` is read twice", subject.word()), "remove one of the two");
    }
    out.steps.push(Step::Certificate(subject, on_invalid));
}

fn anonymous_identity(
    at: &str,
    source: &AuthenticatorSource,
    anonymous: &AnonymousSource,
    last: bool,
    problems: &mut Problems,
) -> Arc<Identity> {
    if !last {
        problems.error(
            at,
            "`anonymous` is not the last, so those after it would never be asked",
            "move it to the end",
        );
    }
    for (name, present) in
        [("from", source.from.is_some()), ("on_invalid", source.on_invalid.is_some())]
    {
        if present {
            problems.error(
                format!("{at}.{name}"),
                "has no effect on `anonymous`, which reads no credential",
                "remove it",
            );
        }
    }
    let subject = anonymous.subject.as_deref().unwrap_or(ANONYMOUS);
    if subject.is_empty()
        || subject.len() > MAX_SUBJECT_BYTES
        || subject.trim() != subject
        || subject.chars().any(char::is_control)
    {
        problems.error(
            format!("{at}.anonymous.subject"),
            format!("`{subject}` is no subject"),
            "write a short word, or leave it out for `anonymous`",
        );
    }
    Arc::new(Identity::anonymous(subject))
}
