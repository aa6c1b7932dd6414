//! What a check notes down on its way, for `sallyport explain`: which credentials it saw, who judged them, which
//! requirements held. Noted where it is decided, so an explanation is no second opinion. Without the feature `explain`,
//! as in the filter, nothing is noted and nothing is compiled; no decision depends on it.

use std::sync::Arc;

use crate::answer::reason::Reason;

/// One thing that a check found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Note {
    /// No route judges; why.
    NoRoute(Reason),
    /// A preflight.
    Preflight(Preflight),
    /// The route has `cors`; what of the request it refuses. A request without an Origin is none of its business.
    Cors(Option<CorsRefusal>),
    /// `allow: unauthenticated`: no credential is read.
    Open,
    /// `allow: nobody`.
    Shut,
    /// What stands at a place where the route reads a credential; never the credential.
    Credential {
        /// The place, in words of the policy.
        place: String,
        /// What is there.
        state: CredentialState,
        /// Where it is malformed: the next place may try.
        next: bool,
    },
    /// A token names this issuer, or this one is asked about it.
    Issuer(Arc<str>),
    /// What a token says of itself, and anybody may have written: the members that the rules of issuers are about.
    Token(Box<serde_json::Map<String, serde_json::Value>>),
    /// What an authenticator made of the credential that was noted last.
    Authenticator {
        /// `jwt`, `introspection` or `client_certificate`.
        kind: &'static str,
        /// What it found.
        finding: Finding,
    },
    /// Nobody vouched for the caller, and the route lets such a caller be somebody.
    Anonymous,
    /// Nobody vouched for the caller, and `anonymous` is not for whoever shows a credential that nobody here knows.
    NotAnonymous,
    /// The scopes of the route; the reason where they do not hold.
    Scopes(Option<Reason>),
    /// One of the route's claims.
    Claim {
        /// Its index.
        index: usize,
        /// What `equals` came to, where it is written and has a value.
        equals: Option<String>,
        /// Why it does not hold.
        refused: Option<Reason>,
    },
    /// `authorization: always_deny`: nobody passes.
    AlwaysDenied,
    /// What the roles are asked.
    RoleQuestion(Box<RoleQuestion>),
    /// The roles; none inside: they are not here, and the sidecar is to judge.
    Roles(Option<Result<(), Reason>>),
    /// A dependency did not answer, and the route's `failure_mode` decides.
    Unavailable {
        /// It is `open`.
        open: bool,
    },
    /// What `forward` makes of the path could not be judged.
    Reshape(Reason),
}

/// What stands at a place of a credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CredentialState {
    /// Nothing.
    Absent,
    /// Something that is none.
    Malformed,
    /// One.
    Present,
    /// Several.
    Ambiguous,
}

/// A request that announces another one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Preflight {
    /// The method that it announces.
    pub method: String,
    /// The route that would judge that request, and whether it has `cors`; without, this is a request like others.
    pub route: Option<(Arc<str>, bool)>,
    /// What of it that route refuses.
    pub refused: Option<CorsRefusal>,
}

/// What of a cross-origin request is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CorsRefusal {
    /// The page's origin.
    Origin,
    /// The method that a preflight announces.
    Method,
    /// A header that it announces.
    Header,
}

/// What the roles are asked, with all templates' values; none where one has no value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleQuestion {
    /// Who asks.
    pub user: Option<String>,
    /// Whether a binding names that user.
    pub user_bound: bool,
    /// The caller's groups, where the route reads them, and whether a binding names each.
    pub groups: Option<Vec<(String, bool)>>,
    /// In which API.
    pub api: Option<String>,
    /// For which resource.
    pub resource: Option<String>,
    /// In which namespace, where the route names one.
    pub namespace: Option<Option<String>>,
    /// To do what.
    pub verb: Option<&'static str>,
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
