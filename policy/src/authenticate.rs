//! Authentication: credential to [`Identity`], by the route's authenticators in their order. A credential is Absent,
//! Malformed or Present; an authenticator finds a Present one to be its own or not, and judges only its own.

use std::sync::Arc;

use hashbrown::HashMap;
use sallyport_jwt::{TokenError, Unverified, looks_like_jws};

use crate::check::{Call, Check, Context, Halt, KeyState, Side};
use crate::credential::{Credential, is_b64token};
use crate::identity::{Identity, Introspected};
use crate::issuer::{IssuerId, IssuerKind};
use crate::reason::Reason;
use crate::request::Request;
use crate::route::{Authenticator, Requirements, Route};
use crate::source::OnInvalid;

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
    BySidecar,
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
    let mut last = Reason::TokenMissing;
    for authenticator in &requirements.authenticators {
        let found = match authenticator {
            Authenticator::Jwt(issuers) => jwt(check, context, issuers, token)?,
            Authenticator::Introspection(issuer, on_invalid) => {
                if !is_b64token(token) {
                    return Err(Reason::TokenMalformed.into());
                }
                introspection(check, context, route, *issuer, *on_invalid)?
            }
        };
        match found {
            Found::Identity(identity) => return Ok(Authenticated::As(identity)),
            Found::BySidecar => return Ok(Authenticated::BySidecar),
            Found::NotMine(reason) | Found::Refused(reason, OnInvalid::Next) => last = reason,
            Found::Refused(reason, OnInvalid::Stop) => return Err(reason.into()),
        }
    }
    Err(last.into())
}

fn jwt(
    check: &Check,
    context: &Context<'_>,
    issuers: &HashMap<Box<str>, (IssuerId, OnInvalid)>,
    token: &[u8],
) -> Result<Found, Halt> {
    if let Some(identity) = context.tokens.recall(token) {
        return Ok(recalled(context, issuers, identity));
    }
    if !is_b64token(token) {
        return Ok(Found::Refused(Reason::TokenMalformed, OnInvalid::Stop));
    }
    let unverified = match Unverified::parse(token) {
        Ok(unverified) => unverified,
        Err(_) if !looks_like_jws(token) => return Ok(Found::NotMine(Reason::TokenMalformed)),
        // Nobody can say whose it is, so no authenticator after this one may make sense of it either.
        Err(error) => return Ok(Found::Refused(Reason::from(&error), OnInvalid::Stop)),
    };
    let Some((id, on_invalid)) = unverified.issuer().and_then(|iss| issuers.get(iss)).copied()
    else {
        return Ok(Found::NotMine(Reason::IssuerUnknown));
    };
    let Some(issuer) = context.policy.issuer(id) else { return Err(Halt::Unavailable(None)) };
    let IssuerKind::Jwt(jwt) = issuer.kind() else { return Err(Halt::Unavailable(None)) };
    let refused = |error: &TokenError| Ok(Found::Refused(Reason::from(error), on_invalid));
    // Cheap checks first: no wait for keys, and no signature, for a token that cannot pass.
    if let Err(error) = unverified.check(&jwt.rules, context.now) {
        return refused(&error);
    }
    let keys = match context.keys.keys(id) {
        KeyState::Ready(keys) => keys,
        KeyState::Pending if !check.waited_for_keys => {
            return Err(Halt::Ask(Call::Keys { issuer: id, newer: false }));
        }
        KeyState::Pending | KeyState::Unavailable => return Err(Halt::Unavailable(None)),
    };
    match unverified.verify(&jwt.rules, &keys, context.now, context.backend) {
        Ok(verified) => {
            let identity = Arc::new(Identity::from_verified(issuer, verified));
            context.tokens.remember(token, &identity);
            Ok(Found::Identity(identity))
        }
        Err(TokenError::KeyUnknown) if !check.refreshed_keys => {
            Err(Halt::Ask(Call::Keys { issuer: id, newer: true }))
        }
        Err(error) => refused(&error),
    }
}

/// A token verified before: its issuer must be one of the route's, and its time must not be over.
fn recalled(
    context: &Context<'_>,
    issuers: &HashMap<Box<str>, (IssuerId, OnInvalid)>,
    identity: Arc<Identity>,
) -> Found {
    let named = identity.claims().issuer().and_then(|iss| issuers.get(iss));
    let Some((_, on_invalid)) = named.filter(|(id, _)| *id == identity.issuer()).copied() else {
        return Found::NotMine(Reason::IssuerUnknown);
    };
    let leeway = context.policy.issuer(identity.issuer()).map_or(0, crate::issuer::Issuer::leeway);
    match identity.still_valid(leeway, context.now) {
        Ok(()) => Found::Identity(identity),
        Err(reason) => Found::Refused(reason, on_invalid),
    }
}

fn introspection(
    check: &Check,
    context: &Context<'_>,
    route: &Route,
    issuer: IssuerId,
    on_invalid: OnInvalid,
) -> Result<Found, Halt> {
    match context.side {
        Side::FilterAsking | Side::FilterBefore => return Ok(Found::BySidecar),
        Side::Sidecar => {}
    }
    let reply =
        check.introspected.iter().find(|(asked, _)| *asked == issuer).map(|(_, reply)| reply);
    match reply {
        None => Err(Halt::Ask(Call::Introspect { issuer, timeout_ms: route.timeout_ms })),
        Some(None | Some(Introspected::Junk)) => Err(Halt::Unavailable(None)),
        Some(Some(Introspected::Refused(reason))) => Ok(Found::Refused(*reason, on_invalid)),
        Some(Some(Introspected::Active(identity))) => {
            let leeway = context.policy.issuer(issuer).map_or(0, crate::issuer::Issuer::leeway);
            match identity.still_valid(leeway, context.now) {
                Ok(()) => Ok(Found::Identity(Arc::clone(identity))),
                Err(reason) => Ok(Found::Refused(reason, on_invalid)),
            }
        }
    }
}
