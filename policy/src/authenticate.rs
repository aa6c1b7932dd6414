//! Authentication: credential to [`Identity`]. A credential is Absent, Malformed or Present. A JWT belongs to the
//! authenticator whose issuer it names; what belongs to none of them goes to the introspections, in their order.

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
use crate::request::credential::{Credential, is_b64token};
use crate::route::issuers::RouteIssuers;
use crate::route::{Requirements, Route};

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
    Refused(Reason, OnInvalid),
    /// The sidecar alone can judge it.
    TheSidecars,
}

pub(crate) fn authenticate(
    check: &Check,
    context: &Context<'_>,
    request: &Request<'_>,
    route: &Route,
    requirements: &Requirements,
) -> Result<Authenticated, Halt> {
    let token = match request.bearer() {
        Credential::Absent => return Err(Reason::TokenMissing.into()),
        Credential::Malformed => return Err(Reason::TokenMalformed.into()),
        Credential::Present(token) => token,
    };
    let mut last = Reason::TokenMalformed;
    if !requirements.jwt.is_empty() {
        match jwt(check, context, &requirements.jwt, token)? {
            Found::Identity(identity) => return Ok(Authenticated::As(identity)),
            Found::TheSidecars => return Ok(Authenticated::BySidecar),
            Found::Refused(reason, OnInvalid::Stop) => return Err(reason.into()),
            Found::NotMine(reason) | Found::Refused(reason, OnInvalid::Next) => last = reason,
        }
    }
    if !is_b64token(token) {
        return Err(Reason::TokenMalformed.into());
    }
    for (issuer, on_invalid) in &requirements.introspection {
        match introspection(check, context, route, *issuer, *on_invalid)? {
            Found::Identity(identity) => return Ok(Authenticated::As(identity)),
            Found::TheSidecars => return Ok(Authenticated::BySidecar),
            Found::Refused(reason, OnInvalid::Stop) => return Err(reason.into()),
            Found::NotMine(reason) | Found::Refused(reason, OnInvalid::Next) => last = reason,
        }
    }
    Err(last.into())
}

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
        // Nobody can say whose it is, so no authenticator after this one may make sense of it either.
        Err(error) => return Ok(Found::Refused(Reason::from(&error), OnInvalid::Stop)),
    };
    let Some((id, on_invalid)) = unverified.issuer().and_then(|iss| issuers.of_token(iss)) else {
        return Ok(Found::NotMine(Reason::IssuerUnknown));
    };
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
    match unverified.check(rules, context.now) {
        Ok(()) => {}
        // Of a tenant that is none of this issuer's.
        Err(TokenError::IssuerUnknown) => return Ok(Found::NotMine(Reason::IssuerUnknown)),
        Err(error) => return Ok(Found::Refused(Reason::from(&error), on_invalid)),
    }
    let keys = match context.keys.keys(id) {
        KeyState::Ready(keys) => keys,
        KeyState::Pending if !check.waited_for_keys => {
            return Err(Halt::Ask(Call::Keys { issuer: id, newer: false }));
        }
        KeyState::Pending | KeyState::Unavailable => return Err(Halt::Unavailable(None)),
    };
    let expires = unverified.untrusted_claims().member("exp").and_then(UnixTime::from_numeric_date);
    match unverified.verify(rules, &keys, context.now, context.backend) {
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

fn by_secret(issuer: &Issuer) -> bool {
    matches!(issuer.kind(), IssuerKind::Hmac(_))
}

/// A token judged before. Verified: its time must not be over. None where that was for an issuer which is none of the
/// route's (two may have one `iss`, with rules of their own, but never in one route), or too long ago: then it is
/// judged anew.
fn recalled(context: &Context<'_>, issuers: &RouteIssuers, token: &[u8]) -> Option<Found> {
    let remembered = context.tokens.recall(token, context.now)?;
    let id = match &remembered {
        Remembered::Verified(identity) => identity.issuer(),
        Remembered::BadSignature(issuer) => *issuer,
    };
    let on_invalid = issuers.accepts(id)?;
    let issuer = context.policy.issuer(id)?;
    // The sidecar evaluates an async route's inline part with its own memory, and this is not inline.
    if context.side != Side::Sidecar && by_secret(issuer) {
        return None;
    }
    match remembered {
        Remembered::Verified(identity) => {
            match identity.still_valid(issuer.leeway(), context.now) {
                Ok(()) if !identity.fresh(context.now) => None,
                Ok(()) => Some(Found::Identity(identity)),
                Err(reason) => Some(Found::Refused(reason, on_invalid)),
            }
        }
        Remembered::BadSignature(_) => Some(Found::Refused(Reason::SignatureInvalid, on_invalid)),
    }
}

/// Not where the token expires meanwhile: then a fresh look would give another reason.
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

fn introspection(
    check: &Check,
    context: &Context<'_>,
    route: &Route,
    issuer: IssuerId,
    on_invalid: OnInvalid,
) -> Result<Found, Halt> {
    if context.side != Side::Sidecar {
        return Ok(Found::TheSidecars);
    }
    let reply =
        check.introspected.iter().find(|(asked, _)| *asked == issuer).map(|(_, reply)| reply);
    match reply {
        None => Err(Halt::Ask(Call::Introspect { issuer, timeout_ms: route.timeout_ms })),
        Some(None | Some(Introspected::Junk)) => Err(Halt::Unavailable(None)),
        Some(Some(Introspected::Refused(reason))) => Ok(Found::Refused(*reason, on_invalid)),
        Some(Some(Introspected::Active(identity))) => {
            let leeway = context.policy.issuer(issuer).map_or(0, Issuer::leeway);
            match identity.still_valid(leeway, context.now) {
                Ok(()) => Ok(Found::Identity(Arc::clone(identity))),
                Err(reason) => Ok(Found::Refused(reason, on_invalid)),
            }
        }
    }
}
