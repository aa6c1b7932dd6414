//! What was decided, with rule, reason and what it rests on. Adapters turn it into an answer with one match each.

use std::sync::Arc;

use crate::answer::Answer;
use crate::answer::on_deny::OnDeny;
use crate::answer::permit::Permit;
use crate::answer::reason::Reason;
use crate::identity::{Evidence, Identity};
use crate::request::inputs::Inputs;

/// Where a decision was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Door {
    /// In the filter, inline.
    Filter,
    /// In the sidecar.
    Sidecar,
    /// In the filter, by a verdict of the sidecar that still stands.
    Cache,
}

impl Door {
    /// The word of metrics and reports.
    #[must_use]
    #[inline]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Filter => "filter",
            Self::Sidecar => "sidecar",
            Self::Cache => "cache",
        }
    }
}

/// One decision.
#[derive(Debug, Clone)]
pub struct Decision {
    /// Allow or deny.
    pub outcome: Outcome,
    /// Name of the route that judged; none: no route, or the request could not be judged.
    pub rule: Option<Arc<str>>,
    /// Why.
    pub reason: Reason,
    /// In shadow: why it would have been denied.
    pub would_deny: Option<Reason>,
    /// The caller, as far as known.
    pub identity: Option<Arc<Identity>>,
    /// Where it was made.
    pub door: Door,
    /// The sidecar still owes this request a judgement in shadow (`mode: async`).
    pub deferred: bool,
    /// Headers of the answer to the client, whoever gives it; lower case. They replace others of their name, but for
    /// `vary`, which is added to.
    pub response: Vec<(&'static str, String)>,
    /// How the denial looks; none: as the file says.
    pub(crate) on_deny: Option<Arc<OnDeny>>,
    /// What of the request it may rest on, besides what every decision does; none: nothing.
    pub inputs: Option<Arc<Inputs>>,
}

/// Allow or deny.
#[derive(Debug, Clone)]
pub enum Outcome {
    /// Upstream, as the permit says.
    Allow(Permit),
    /// Not upstream.
    Deny(Denial),
}

/// A refusal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Denial {
    /// Why.
    pub reason: Reason,
    /// The scopes needed, as a challenge names them; only for [`Reason::ScopeMissing`].
    pub scope: Option<Arc<str>>,
    /// The answer that the sidecar already gave, to be passed on as it is.
    pub relayed: Option<Answer>,
}

impl Denial {
    /// A refusal without particulars.
    #[must_use]
    #[inline]
    pub fn new(reason: Reason) -> Self {
        Self { reason, scope: None, relayed: None }
    }

    /// The refusal of this caller. What an anonymous one lacks, a credential might have.
    #[must_use]
    #[inline]
    pub(crate) fn of(self, identity: &Identity) -> Self {
        match identity.evidence() {
            Evidence::Anonymous if self.reason != Reason::DeniedByRule => {
                Self::new(Reason::TokenMissing)
            }
            Evidence::Anonymous | Evidence::Certificate | Evidence::Token(_) => self,
        }
    }
}

impl Decision {
    /// A denial before any route judged.
    #[must_use]
    #[inline]
    pub fn refused(reason: Reason, door: Door) -> Self {
        Self {
            outcome: Outcome::Deny(Denial::new(reason)),
            rule: None,
            reason,
            would_deny: None,
            identity: None,
            door,
            deferred: false,
            response: Vec::new(),
            on_deny: None,
            inputs: None,
        }
    }

    /// The denial that takes the place of an allow which a door cannot carry out.
    #[must_use]
    #[inline]
    pub fn instead(self, reason: Reason) -> Self {
        Self { outcome: Outcome::Deny(Denial::new(reason)), reason, ..self }
    }

    /// Whether the request goes upstream.
    #[must_use]
    #[inline]
    pub fn allows(&self) -> bool {
        matches!(self.outcome, Outcome::Allow(_))
    }

    /// An allow that would have been a denial but for shadow or `async`. What is refused all the same, since nothing can
    /// be made of its path, is a denial and no would-be one.
    #[inline]
    pub(crate) fn although(self, reason: Reason) -> Self {
        let would_deny = self.allows().then_some(reason);
        Self { would_deny, ..self }
    }
}
