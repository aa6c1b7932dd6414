//! What a check notes down on its way, for `sallyport explain`: which credentials it saw, who judged them, which
//! requirements held. Noted where it is decided, so an explanation is no second opinion. Without the feature `explain`,
//! as in the filter, nothing is noted and nothing is compiled; no decision depends on it.

use std::sync::Arc;

use crate::answer::reason::Reason;

/// One thing that a check found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Note {
    /// What stands at a place where the route reads a credential; never the credential.
    Credential {
        /// The place, in words of the policy.
        place: String,
        /// `absent`, `malformed`, `present` or `ambiguous`.
        state: &'static str,
    },
    /// A token names this issuer, or this one is asked about it.
    Issuer(Arc<str>),
    /// What an authenticator made of the credential that was noted last.
    Authenticator {
        /// `jwt` or `introspection`.
        kind: &'static str,
        /// What it found.
        finding: Finding,
    },
    /// Nobody vouched for the caller, and the route lets such a caller be somebody.
    Anonymous,
    /// The scopes of the route; the reason where they do not hold.
    Scopes(Option<Reason>),
    /// One of the route's claims, by its index.
    Claim(usize, Option<Reason>),
    /// `authorization: always_deny`: nobody passes.
    AlwaysDenied,
    /// The roles; none inside: they are not here, and the sidecar is to judge.
    Roles(Option<Result<(), Reason>>),
}

/// What an authenticator found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finding {
    /// Somebody.
    Accepted,
    /// The credential is another's; why it is not this one's.
    NotMine(Reason),
    /// Refused, and that is final.
    Refused(Reason),
    /// Refused, and the next one may try.
    RefusedNext(Reason),
    /// Only the sidecar can judge it.
    LeftToSidecar,
    /// A dependency must be asked first.
    Asked,
    /// A dependency did not answer.
    Unavailable,
}

/// The notes of one check; keeps none unless it was asked to.
#[derive(Debug, Default)]
pub(crate) struct Trace {
    #[cfg(feature = "explain")]
    notes: Option<std::cell::RefCell<Vec<Note>>>,
}

#[cfg(feature = "explain")]
impl Trace {
    /// One that keeps notes.
    pub(crate) fn kept() -> Self {
        Self { notes: Some(std::cell::RefCell::default()) }
    }

    pub(crate) fn note(&self, note: impl FnOnce() -> Note) {
        if let Some(notes) = &self.notes
            && let Ok(mut notes) = notes.try_borrow_mut()
        {
            notes.push(note());
        }
    }

    /// A check starts anew with every answer that it gets, and so do its notes.
    pub(crate) fn clear(&mut self) {
        if let Some(notes) = &mut self.notes {
            notes.get_mut().clear();
        }
    }

    pub(crate) fn notes(&self) -> Vec<Note> {
        let notes = self.notes.as_ref().and_then(|notes| notes.try_borrow().ok());
        notes.map(|notes| notes.clone()).unwrap_or_default()
    }
}

#[cfg(not(feature = "explain"))]
impl Trace {
    #[inline(always)]
    #[expect(clippy::unused_self, reason = "the same call with and without the feature")]
    pub(crate) fn note(&self, _: impl FnOnce() -> Note) {}

    #[inline(always)]
    #[expect(clippy::unused_self, reason = "the same call with and without the feature")]
    pub(crate) fn clear(&mut self) {}
}
