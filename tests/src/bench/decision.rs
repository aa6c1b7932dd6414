//! P9 in the pure crate alone: both policies in one process, both asked by a thousand callers in turn, round by round,
//! so that only the size of the policy differs; and how long the large one takes to load.

use std::cell::RefCell;
use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

use sallyport_jwt::{Algorithm, Key, KeySet, SignatureBackend, SignatureInvalid, UnixTime};
use sallyport_policy::{
    Check, Context, Document, Format, Identity, IssuerId, KeySource, KeyState, Policy, RawRequest,
    Remembered, Request, RoleFile, Side, Step, TokenCache, TokenMemory,
};

use super::Plan;
use super::figure::Figure;
use super::policy::HOST;
use super::scale::{CALLERS, Scale};
use crate::Result;
use crate::idp::{Alg, Idp, now};

/// Turns of all callers on one side in a round: a tenth of a second or so.
const TURNS: usize = 100;
/// The goal: the large policy loads in less than a second.
pub(super) const GOAL_LOAD_MS: f64 = 1_000.0;
/// The unit of a decision.
const NANOSECONDS: &str = "ns per decision";
/// The unit of loading.
pub(super) const MILLISECONDS: &str = "ms to load";

/// One policy with all that its checks need.
struct World {
    policy: Policy,
    keys: Arc<KeySet>,
    tokens: RefCell<TokenCache>,
    callers: Vec<(String, Vec<u8>)>,
    now: UnixTime,
}

/// The tokens are remembered before anything is measured, so what a signature costs plays no part.
struct Believer;

impl SignatureBackend for Believer {
    fn verify(&self, _: &Key, _: Algorithm, _: &[u8], _: &[u8]) -> Result<(), SignatureInvalid> {
        Ok(())
    }
}

impl KeySource for World {
    fn keys(&self, _: IssuerId) -> KeyState {
        KeyState::Ready(Arc::clone(&self.keys))
    }
}

impl TokenMemory for World {
    fn recall(&self, token: &[u8], now: UnixTime) -> Option<Remembered> {
        self.tokens.borrow_mut().recall(token, now)
    }

    fn remember(&self, token: &[u8], identity: &Arc<Identity>) {
        self.tokens.borrow_mut().remember(token, identity);
    }

    fn remember_refusal(&self, token: &[u8], issuer: IssuerId, now: UnixTime) {
        self.tokens.borrow_mut().remember_refusal(token, issuer, now);
    }
}

impl World {
    fn load(scale: Scale, idp: &Idp) -> Result<(Self, f64)> {
        let text = scale.policy("https://idp.example/keys", true).to_string();
        let roles = scale.role_file();
        let (policy, milliseconds) = compiled(&text, std::slice::from_ref(&roles))?;
        let keys = KeySet::parse(idp.jwks().to_string().as_bytes())
            .map_err(|error| format!("{error:?}"))?;
        let callers = (0..CALLERS).map(|caller| {
            let token = idp.access_token_with(Alg::Rs256, |claims| {
                claims.insert("iss".to_owned(), scale.issuer_of(caller).into());
                claims.insert("sub".to_owned(), scale.subject_of(caller).into());
            })?;
            Ok((scale.path_of(caller), format!("Bearer {token}").into_bytes()))
        });
        let callers: Result<Vec<_>> = callers.collect();
        let world = Self {
            policy,
            keys: Arc::new(keys),
            tokens: RefCell::new(TokenCache::new(CALLERS.saturating_mul(2), usize::MAX)),
            callers: callers?,
            now: UnixTime(i64::try_from(now())?),
        };
        Ok((world, milliseconds))
    }

    /// Judges one request of each caller; how many were let in.
    fn turn(&self) -> usize {
        let context = Context {
            policy: &self.policy,
            keys: self,
            tokens: self,
            backend: &Believer,
            now: self.now,
            side: Side::Sidecar,
        };
        let allowed = self.callers.iter().filter(|(path, authorization)| {
            let headers: [(&[u8], &[u8]); 3] =
                [(b"user-agent", b"bench"), (b"accept", b"*/*"), (b"authorization", authorization)];
            let raw = RawRequest {
                method: b"GET",
                scheme: b"https",
                authority: HOST.as_bytes(),
                path: path.as_bytes(),
                headers: &headers,
                peer: b"127.0.0.1",
            };
            let Ok(request) = Request::parse(raw) else { return false };
            match Check::start(&context, &request).1 {
                Step::Decided(decision) => black_box(decision).allows(),
                Step::Ask(_) => false,
            }
        });
        allowed.count()
    }

    fn nanoseconds(&self) -> Result<f64> {
        let started = Instant::now();
        for _ in 0..TURNS {
            let allowed = self.turn();
            if allowed != CALLERS {
                return Err(format!("{allowed} of {CALLERS} were let in").into());
            }
        }
        let decisions = f64::from(u32::try_from(CALLERS.saturating_mul(TURNS))?);
        Ok(started.elapsed().as_secs_f64() * 1e9 / decisions)
    }
}

/// A policy from its text, and the milliseconds that it took.
fn compiled(text: &str, roles: &[RoleFile]) -> Result<(Policy, f64)> {
    let started = Instant::now();
    let policy = Document::parse(text.as_bytes(), Format::Json)
        .and_then(|document| Policy::compile(&document, roles));
    let (policy, _) = policy.map_err(|problems| format!("{problems:?}"))?;
    Ok((policy, started.elapsed().as_secs_f64() * 1e3))
}

/// Measures decisions and loading in the pure crate.
///
/// # Errors
/// When a policy does not load, or a caller is refused.
pub(super) async fn measure(plan: Plan, say: &mut dyn FnMut(&str)) -> Result<Vec<Figure>> {
    let idp = Idp::start(0).await?;
    let mut loads = Vec::new();
    let text = Scale::LARGE.policy("https://idp.example/keys", false).to_string();
    for _ in 0..plan.processes {
        loads.push((World::load(Scale::LARGE, &idp)?.1, compiled(&text, &[])?.1));
    }
    let (large, load) = World::load(Scale::LARGE, &idp)?;
    let (small, _) = World::load(Scale::SMALL, &idp)?;
    loads.push((load, compiled(&text, &[])?.1));
    let routes: Vec<f64> = loads.iter().map(|(_, routes)| *routes).collect();
    large.nanoseconds()?;
    small.nanoseconds()?;
    let mut sides = Vec::new();
    for round in 1..=plan.rounds {
        say(&format!("P9 in the pure crate, round {round} of {}", plan.rounds));
        sides.push(match round.is_multiple_of(2) {
            false => (large.nanoseconds()?, small.nanoseconds()?),
            true => {
                let small = small.nanoseconds()?;
                (large.nanoseconds()?, small)
            }
        });
    }
    idp.stop().await?;
    Ok(vec![
        Figure::less_is_better("P9 decision, pure crate", NANOSECONDS, &sides)?,
        Figure::to_goal("P9 load, pure crate", MILLISECONDS, GOAL_LOAD_MS, &routes)?,
        Figure::less_is_better("P9 load with bindings", MILLISECONDS, &loads)?,
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn every_caller_is_let_in_on_both_sides() {
        let idp = Idp::start(0).await.unwrap();
        // The large one takes a minute without optimisation.
        let medium = Scale { routes: 1_000, issuers: 100, bindings: 2_000 };
        for scale in [Scale::SMALL, medium] {
            let (world, _) = World::load(scale, &idp).unwrap();
            assert_eq!(world.policy.routes().len(), scale.routes);
            assert_eq!(world.policy.issuers().len(), scale.issuers);
            assert_eq!(world.turn(), CALLERS, "{scale:?}");
        }
    }
}
