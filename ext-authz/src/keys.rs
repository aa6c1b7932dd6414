//! Where one policy's keys come from, by issuer: a [`KeySlot`] that is fetched, or a secret that was read with the policy.
//! A slot outlives its policy where the issuer stays the same. When to fetch is `key_slot.rs`'s and `key_care.rs`'s part.

use std::sync::Arc;

use sallyport_jwt::KeySet;
use sallyport_policy::{IssuerId, IssuerKind, KeySource, KeyState, Policy};

use crate::key_fetch::KeyFetcher;
use crate::key_slot::{KeyPlace, KeySlot};

/// The keys of one policy's issuers, by index.
#[derive(Default)]
pub(crate) struct Keys {
    sources: Vec<Source>,
}

enum Source {
    /// Not judged by keys.
    None,
    Fetched(Arc<KeySlot>),
    /// A symmetric key. It changes with the policy alone, whose load reads the secret.
    Secret(Arc<KeySet>),
}

impl Keys {
    /// Slots for a policy's issuers; those of `earlier` that fetch the same are taken over, with their keys where only
    /// the times differ. `secrets` has one place for each issuer.
    pub(crate) fn new(
        policy: &Policy,
        secrets: Vec<Option<Arc<KeySet>>>,
        earlier: Option<&Self>,
        fetcher: &KeyFetcher,
    ) -> Self {
        let mut secrets = secrets.into_iter();
        let sources = policy.issuers().iter().map(|issuer| {
            let secret = secrets.next().flatten();
            match issuer.kind() {
                IssuerKind::Introspection(_) => Source::None,
                IssuerKind::Hmac(_) => secret.map_or(Source::None, Source::Secret),
                IssuerKind::Jwt(jwt) => {
                    let place = KeyPlace {
                        name: Arc::clone(issuer.name()),
                        issuer: jwt.rules.issuer.as_str().to_owned(),
                        location: jwt.keys.clone(),
                    };
                    let kept = earlier.and_then(|keys| keys.at(&place));
                    Source::Fetched(match kept {
                        Some(slot) if slot.times == jwt.times => Arc::clone(slot),
                        Some(slot) => slot.with_times(jwt.times),
                        None => KeySlot::new(place, jwt.times, fetcher.clone()),
                    })
                }
            }
        });
        Self { sources: sources.collect() }
    }

    fn at(&self, place: &KeyPlace) -> Option<&Arc<KeySlot>> {
        self.slots().find(|slot| slot.place == *place)
    }

    pub(crate) fn slot(&self, issuer: IssuerId) -> Option<&Arc<KeySlot>> {
        match self.sources.get(issuer.index()) {
            Some(Source::Fetched(slot)) => Some(slot),
            Some(Source::None | Source::Secret(_)) | None => None,
        }
    }

    pub(crate) fn slots(&self) -> impl Iterator<Item = &Arc<KeySlot>> {
        self.sources.iter().filter_map(|source| match source {
            Source::Fetched(slot) => Some(slot),
            Source::None | Source::Secret(_) => None,
        })
    }
}

impl KeySource for Keys {
    fn keys(&self, issuer: IssuerId) -> KeyState {
        match self.sources.get(issuer.index()) {
            Some(Source::Fetched(slot)) => slot.current(),
            Some(Source::Secret(set)) => KeyState::Ready(Arc::clone(set)),
            Some(Source::None) | None => KeyState::Unavailable,
        }
    }
}
