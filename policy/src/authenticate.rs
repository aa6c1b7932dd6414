//! Authentication: credentials to [`Identity`]. A route's places are read in order; each holds nothing, something
//! malformed, or a token. A JWT belongs to the place's authenticator whose issuer it names; what belongs to none of them
//! goes to the place's introspections, in their order.

use std::sync::Arc;

use sallyport_jwt::{TokenError, UnixTime, Unverified, Verified, looks_like_jws};

use crate::answer::reason::Reason;
use crate::check::{Call, Check, Context, Halt, KeyState, Side};
use crate::file::source::OnInvalid;
use crate::identity::issuer::{Issuer, IssuerId, IssuerKind};
use crate::identity::token_cache::Remembered;
use crate::identity::{Identity, Introspected};
use crate::limits::REFUSAL_SECONDS;
use crate::request::Request;
use crate::request::certificate::{CertificateName, CertificateSubject, PeerCertificate};
use crate::request::credential::{Credential, is_b64token};
use crate::request::place::Place;
use crate::route::Route;
use crate::route::chain::{Chain, Step, TokenPlace};
use crate::route::issuers::RouteIssuers;
use crate::trace::{CredentialState, Finding, Note};

/// What authentication found.
pub(crate) enum Authenticated {
    /// This caller.
    As(Arc<Identity>),
    /// Nothing that this half of the gate could judge: the sidecar must.
    BySidecar,
}

/// What one authenticator found.
enum Found {
    Identity(Arc<Identity>),
    /// The credential is another's.
    NotMine(Reason),
    /// Nobody can say whose it is, so no other authenticator of the place may make sense of it either.
    Malformed(Reason),
    Refused(Reason, OnInvalid),
    /// The sidecar alone can judge it.
    TheSidecars,
}

/// What one place came to, if its word is not final.
enum Tried {
    Authenticated(Authenticated),
    Absent,
    /// Refused or malformed, and those who say so let the next one try.
    Passed(Reason),
    /// A token that none of the place's authenticators claims, and not all of them let go.
    Unclaimed(Reason),
}

#[inline]
pub(crate) fn authenticate(
    check: &Check,
    context: &Context<'_>,
    request: &Request<'_>,
    route: &Route,
    chain: &Chain,
) -> Result<Authenticated, Halt> {
    let reads_bare = chain.reads_bare();
    // Two credentials in one place refuse the request, whatever another place holds. Those of Authorization alone were
    // told when the request was read.
    if !matches!(&*chain.steps, [Step::Token(TokenPlace { place: Place::Bearer, .. })]) {
        for place in chain.places() {
            let read = place.place.read(request, reads_bare);
            if read.is_err() {
                note_credential(check, place, &read);
            }
            read?;
        }
    }
    let mut last = Reason::TokenMissing;
    let mut claimed = true;
    for step in &chain.steps {
        let tried = match step {
            Step::Token(place) => at_place(check, context, request, route, place, reads_bare)?,
            Step::Certificate(subject, on_invalid) => certificate(check, *subject, *on_invalid)?,
        };
        match tried {
            Tried::Authenticated(authenticated) => return Ok(authenticated),
            Tried::Absent => {}
            Tried::Passed(reason) => last = reason,
            Tried::Unclaimed(reason) => {
                last = reason;
                claimed = false;
            }
        }
    }
    match &chain.anonymous {
        Some(identity) if claimed => {
            check.trace.note(|| Note::Anonymous);
            Ok(Authenticated::As(Arc::clone(identity)))
        }
        // Whoever shows something that nobody here makes sense of is not nobody.
        Some(_) => {
            check.trace.note(|| Note::NotAnonymous);
            Err(last.into())
        }
        None => Err(last.into()),
    }
}

#[inline]
fn at_place(
    check: &Check,
    context: &Context<'_>,
    request: &Request<'_>,
    route: &Route,
    place: &TokenPlace,
    reads_bare: bool,
) -> Result<Tried, Halt> {
    let malformed = |reason: Reason| {
        if place.all_next { Ok(Tried::Passed(reason)) } else { Err(reason.into()) }
    };
    let read = place.place.read(request, reads_bare);
    note_credential(check, place, &read);
    let token = match read? {
        Credential::Absent => return Ok(Tried::Absent),
        Credential::Malformed => return malformed(Reason::TokenMalformed),
        Credential::Present(token) => token,
    };
    let authenticated = |who| Ok(Tried::Authenticated(who));
    let (mut last, mut claimed) = (Reason::TokenMalformed, false);
    if !place.jwt.is_empty() {
        let found = jwt(check, context, &place.jwt, &token);
        check.trace.note(|| {
            let finding = finding(&found, place.all_next);
            Note::Authenticator { kind: "jwt", finding }
        });
        match found? {
            Found::Identity(identity) => return authenticated(Authenticated::As(identity)),
            Found::TheSidecars => return authenticated(Authenticated::BySidecar),
            Found::Refused(reason, OnInvalid::Stop) => return Err(reason.into()),
            Found::Malformed(reason) => return malformed(reason),
            Found::NotMine(reason) => last = reason,
            Found::Refused(reason, OnInvalid::Next) => (last, claimed) = (reason, true),
        }
    }
    if !is_b64token(&token) {
        return malformed(Reason::TokenMalformed);
    }
    for (issuer, on_invalid) in &place.introspection {
        let found = introspection(check, context, route, *issuer, *on_invalid, &token);
        note_issuer(check, context, *issuer);
        check.trace.note(|| {
            let finding = finding(&found, place.all_next);
            Note::Authenticator { kind: "introspection", finding }
        });
        match found? {
            Found::Identity(identity) => return authenticated(Authenticated::As(identity)),
            Found::TheSidecars => return authenticated(Authenticated::BySidecar),
            Found::Refused(reason, OnInvalid::Stop) => return Err(reason.into()),
            Found::Malformed(reason) | Found::NotMine(reason) => last = reason,
            Found::Refused(reason, OnInvalid::Next) => (last, claimed) = (reason, true),
        }
    }
    Ok(if claimed || place.all_next { Tried::Passed(last) } else { Tried::Unclaimed(last) })
}

/// In words of the policy; the credential is not among them.
#[inline]
fn note_credential(check: &Check, place: &TokenPlace, read: &Result<Credential<'_>, Reason>) {
    check.trace.note(|| {
        let state = match read {
            Ok(Credential::Absent) => CredentialState::Absent,
            Ok(Credential::Malformed) => CredentialState::Malformed,
            Ok(Credential::Present(_)) => CredentialState::Present,
            Err(_) => CredentialState::Ambiguous,
        };
        Note::Credential { place: place.place.to_string(), state, next: place.all_next }
    });
}

#[inline]
fn note_issuer(check: &Check, context: &Context<'_>, issuer: IssuerId) {
    check.trace.note(|| {
        let name = context.policy.issuer(issuer).map(|issuer| issuer.name().to_string());
        Note::Issuer(name.unwrap_or_default().into())
    });
}

#[inline]
fn finding(found: &Result<Found, Halt>, all_next: bool) -> Finding {
    match found {
        Ok(Found::Identity(_)) => Finding::Accepted,
        Ok(Found::NotMine(reason)) => Finding::NotMine(*reason),
        Ok(Found::Malformed(reason)) if all_next => Finding::RefusedNext(*reason),
        Ok(Found::Malformed(reason) | Found::Refused(reason, OnInvalid::Stop)) => {
            Finding::Refused(*reason)
        }
        Ok(Found::Refused(reason, OnInvalid::Next)) => Finding::RefusedNext(*reason),
        Ok(Found::TheSidecars) => Finding::LeftToSidecar,
        Err(Halt::Ask(_)) => Finding::Asked,
        Err(Halt::Unavailable(_)) => Finding::Unavailable,
        Err(Halt::Deny(denial, _)) => Finding::Refused(denial.reason),
    }
}

/// The listener verified the certificate, or nobody did: what it says of itself is all that is left to read.
#[inline]
fn certificate(
    check: &Check,
    subject: CertificateSubject,
    on_invalid: OnInvalid,
) -> Result<Tried, Halt> {
    let Some(shown) = check.certificate(subject) else {
        return Err(Halt::Ask(Call::PeerCertificate { subject }));
    };
    note_certificate(check, subject, on_invalid, shown);
    let name = match shown {
        PeerCertificate::Absent => return Ok(Tried::Absent),
        PeerCertificate::Without => None,
        PeerCertificate::Named(name) => CertificateName::read(name),
    };
    match (name, on_invalid) {
        (Some(name), _) => {
            let identity = Arc::new(Identity::from_certificate(&name));
            Ok(Tried::Authenticated(Authenticated::As(identity)))
        }
        (None, OnInvalid::Next) => Ok(Tried::Passed(Reason::TokenMalformed)),
        (None, OnInvalid::Stop) => Err(Reason::TokenMalformed.into()),
    }
}

/// What the certificate came to: there is nobody else to say.
#[inline]
fn note_certificate(
    check: &Check,
    subject: CertificateSubject,
    on_invalid: OnInvalid,
    shown: &PeerCertificate,
) {
    let kind = "client_certificate";
    let named = match shown {
        PeerCertificate::Absent => None,
        PeerCertificate::Without => Some(false),
        PeerCertificate::Named(name) => Some(CertificateName::read(name).is_some()),
    };
    check.trace.note(|| {
        let state = match named {
            None => CredentialState::Absent,
            Some(false) => CredentialState::Malformed,
            Some(true) => CredentialState::Present,
        };
        let place = format!("{kind}: {}", subject.word());
        Note::Credential { place, state, next: on_invalid == OnInvalid::Next }
    });
    if named == Some(true) {
        check.trace.note(|| Note::Authenticator { kind, finding: Finding::Accepted });
    }
}

#[inline]
fn jwt(
    check: &Check,
    context: &Context<'_>,
    issuers: &RouteIssuers,
    token: &[u8],
) -> Result<Found, Halt> {
    if let Some(found) = recalled(context, issuers, token) {
        return Ok(found);
    }
    let unverified = match Unverified::parse(token) {
        Ok(unverified) => unverified,
        Err(_) if !looks_like_jws(token) => return Ok(Found::NotMine(Reason::TokenMalformed)),
        Err(error) => return Ok(Found::Malformed(Reason::from(&error))),
    };
    check.trace.note(|| Note::Token(Box::new(told_of_token(&unverified))));
    let Some((id, on_invalid)) = unverified.issuer().and_then(|iss| issuers.of_token(iss)) else {
        return Ok(Found::NotMine(Reason::IssuerUnknown));
    };
    note_issuer(check, context, id);
    let Some(issuer) = context.policy.issuer(id) else { return Err(Halt::Unavailable(None)) };
    let rules = match (issuer.kind(), context.side) {
        (IssuerKind::Jwt(jwt), _) => &jwt.rules,
        (IssuerKind::Hmac(hmac), Side::Sidecar) => &hmac.rules,
        (IssuerKind::Hmac(_), Side::FilterAsking | Side::FilterBefore) => {
            return Ok(Found::TheSidecars);
        }
        (IssuerKind::Introspection(_), _) => return Err(Halt::Unavailable(None)),
    };
    // Cheap checks first: no wait for keys, and no signature, for a token that cannot pass.
    let admitted = match unverified.admit(rules, context.now) {
        Ok(admitted) => admitted,
        // Of a tenant that is none of this issuer's.
        Err(TokenError::IssuerUnknown) => return Ok(Found::NotMine(Reason::IssuerUnknown)),
        Err(error) => return Ok(Found::Refused(Reason::from(&error), on_invalid)),
    };
    let keys = match context.keys.keys(id) {
        KeyState::Ready(keys) => keys,
        KeyState::Pending if !check.waited_for_keys => {
            return Err(Halt::Ask(Call::Keys { issuer: id, newer: false }));
        }
        KeyState::Pending | KeyState::Unavailable => return Err(Halt::Unavailable(None)),
    };
    let expires = admitted.untrusted_claims().member("exp").and_then(UnixTime::from_numeric_date);
    match admitted.verify(&keys, context.backend) {
        Ok(verified) => Ok(accepted(context, issuer, on_invalid, token, verified)),
        // A secret is the one key there is, whatever the token calls it; others may have been replaced.
        Err(TokenError::KeyUnknown) if by_secret(issuer) => {
            remember_refusal(context, issuer, token, expires);
            Ok(Found::Refused(Reason::SignatureInvalid, on_invalid))
        }
        Err(TokenError::KeyUnknown) if !check.refreshed_keys => {
            Err(Halt::Ask(Call::Keys { issuer: id, newer: true }))
        }
        Err(error) => {
            if error == TokenError::SignatureInvalid {
                remember_refusal(context, issuer, token, expires);
            }
            Ok(Found::Refused(Reason::from(&error), on_invalid))
        }
    }
}

/// Never the signature, nor what a route reads: that is told of callers that were verified.
#[inline]
fn told_of_token(token: &Unverified<'_>) -> serde_json::Map<String, serde_json::Value> {
    const CLAIMS: &[&str] =
        &["iss", "tid", "aud", "azp", "client_id", "appid", "cid", "exp", "nbf", "iat"];
    let claims = token.untrusted_claims();
    let claim = |name: &&str| Some(((*name).to_owned(), claims.member(name)?.clone()));
    let algorithm = token.algorithm().map(|algorithm| ("alg".to_owned(), algorithm.name().into()));
    let key = token.kid().map(|kid| ("kid".to_owned(), kid.into()));
    CLAIMS.iter().filter_map(claim).chain(algorithm).chain(key).collect()
}

#[inline]
fn accepted(
    context: &Context<'_>,
    issuer: &Issuer,
    on_invalid: OnInvalid,
    token: &[u8],
    verified: Verified,
) -> Found {
    // RFC 8705 and 9449: a bound token is none for whoever merely carries it, and nobody here can check the binding.
    if verified.claims().member("cnf").is_some() {
        return Found::Refused(Reason::BindingMismatch, on_invalid);
    }
    let identity = Arc::new(Identity::from_verified(issuer, verified, context.now));
    if identity.fresh(context.now) {
        context.tokens.remember(token, &identity);
    }
    Found::Identity(identity)
}

#[inline]
fn by_secret(issuer: &Issuer) -> bool {
    matches!(issuer.kind(), IssuerKind::Hmac(_))
}

/// A token judged before. Verified: its time must not be over. None where that was for an issuer which is none of the
/// route's (two may have one `iss`, with rules of their own, but never in one route), or too long ago: then it is
/// judged anew.
#[inline]
fn recalled(context: &Context<'_>, issuers: &RouteIssuers, token: &[u8]) -> Option<Found> {
    let remembered = context.tokens.recall(token, context.now)?;
    let id = match &remembered {
        Remembered::Verified(identity) => identity.issuer()?,
        Remembered::BadSignature(issuer) => *issuer,
    };
    let on_invalid = issuers.accepts(id)?;
    // The sidecar evaluates an async route's inline part with its own memory, and this is not inline. The issuer itself
    // is looked at here alone: of a thousand issuers, few are in a processor's cache.
    if context.side != Side::Sidecar
        && issuers.need_sidecar()
        && context.policy.issuer(id).is_none_or(by_secret)
    {
        return None;
    }
    match remembered {
        Remembered::Verified(identity) => match identity.still_valid(context.now) {
            Ok(()) if !identity.fresh(context.now) => None,
            Ok(()) => Some(Found::Identity(identity)),
            Err(reason) => Some(Found::Refused(reason, on_invalid)),
        },
        Remembered::BadSignature(_) => Some(Found::Refused(Reason::SignatureInvalid, on_invalid)),
    }
}

/// Not where the token expires meanwhile: then a fresh look would give another reason.
#[inline]
fn remember_refusal(
    context: &Context<'_>,
    issuer: &Issuer,
    token: &[u8],
    expires: Option<UnixTime>,
) {
    let end = context.now.0.saturating_add(REFUSAL_SECONDS);
    if expires.is_none_or(|expires| end <= expires.0.saturating_add(issuer.leeway())) {
        context.tokens.remember_refusal(token, issuer.id(), context.now);
    }
}

#[inline]
fn introspection(
    check: &Check,
    context: &Context<'_>,
    route: &Route,
    issuer: IssuerId,
    on_invalid: OnInvalid,
    token: &[u8],
) -> Result<Found, Halt> {
    if context.side != Side::Sidecar {
        return Ok(Found::TheSidecars);
    }
    match check.introspected(issuer, token) {
        None => Err(Halt::Ask(Call::Introspect {
            issuer,
            token: token.into(),
            timeout_ms: route.timeout_ms,
        })),
        Some(None | Some(Introspected::Junk)) => Err(Halt::Unavailable(None)),
        Some(Some(Introspected::Refused(reason))) => Ok(Found::Refused(*reason, on_invalid)),
        Some(Some(Introspected::Active(identity))) => match identity.still_valid(context.now) {
            Ok(()) => Ok(Found::Identity(Arc::clone(identity))),
            Err(reason) => Ok(Found::Refused(reason, on_invalid)),
        },
    }
}
