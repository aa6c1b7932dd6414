//! Authentication: credential to [`Identity`]. A credential is Absent, Malformed or Present. A JWT belongs to the
//! authenticator whose issuer it names; what belongs to none of them goes to the introspections, in their order.

use std::sync::Arc;

use hashbrown::HashMap;
use sallyport_jwt::{TokenError, Unverified, looks_like_jws};

use crate::check::{Call, Check, Context, Halt, KeyState, Side};
use crate::credential::{Credential, is_b64token};
use crate::identity::{Identity, Introspected};
use crate::issuer::{IssuerId, IssuerKind};
use crate::reason::Reason;
use crate::request::Request;
use crate::route::{Requirements, Route};
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
            Found::Refused(reason, OnInvalid::Stop) => return Err(reason.into()),
            Found::NotMine(reason) | Found::Refused(reason, OnInvalid::Next) => last = reason,
        }
    }
    if !is_b64token(token) {
        return Err(Reason::TokenMalformed.into());
    }
    for (issuer, on_invalid) in &requirements.introspection {
        match context.side {
            Side::FilterAsking | Side::FilterBefore => return Ok(Authenticated::BySidecar),
            Side::Sidecar => {}
        }
        match introspection(check, context, route, *issuer, *on_invalid)? {
            Found::Identity(identity) => return Ok(Authenticated::As(identity)),
            Found::Refused(reason, OnInvalid::Stop) => return Err(reason.into()),
            Found::NotMine(reason) | Found::Refused(reason, OnInvalid::Next) => last = reason,
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
    if let Some(found) =
        context.tokens.recall(token).and_then(|identity| recalled(context, issuers, identity))
    {
        return Ok(found);
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
        // RFC 8705 and 9449: a bound token is none for whoever merely carries it, and nobody here can check the binding.
        Ok(verified) if verified.claims().member("cnf").is_some() => {
            Ok(Found::Refused(Reason::BindingMismatch, on_invalid))
        }
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

/// A token verified before: its time must not be over. None where it was verified for another of the policy's issuers
/// (two may have one `iss`, with rules of their own): then it is verified anew.
fn recalled(
    context: &Context<'_>,
    issuers: &HashMap<Box<str>, (IssuerId, OnInvalid)>,
    identity: Arc<Identity>,
) -> Option<Found> {
    let named = identity.claims().issuer().and_then(|iss| issuers.get(iss));
    let (_, on_invalid) = named.filter(|(id, _)| *id == identity.issuer()).copied()?;
    let leeway = context.policy.issuer(identity.issuer()).map_or(0, crate::issuer::Issuer::leeway);
    Some(match identity.still_valid(leeway, context.now) {
        Ok(()) => Found::Identity(identity),
        Err(reason) => Found::Refused(reason, on_invalid),
    })
}

fn introspection(
    check: &Check,
    context: &Context<'_>,
    route: &Route,
    issuer: IssuerId,
    on_invalid: OnInvalid,
) -> Result<Found, Halt> {
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
