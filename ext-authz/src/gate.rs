//! The one way from a request to a decision, for every door of the sidecar: drives the core's `Check`, answers its
//! questions from `keys.rs` and `introspection.rs`, counts and logs.
//!
//! A panic in here ends the task of the connection (with `panic = "abort"`: the process). The caller then sees a broken
//! call, which Envoy answers with its `failure_mode_allow: false`: a denial.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use sallyport_jwt::UnixTime;
use sallyport_policy::{
    Answer, Call, Check, Context, Decision, Denial, Door, IssuerKind, Outcome, RawRequest, Reason,
    Reply, Request, Side, Step,
};

use crate::certificate::ClientCertificate;
use crate::clock;
use crate::crypto::Native;
use crate::introspection::Introspection;
use crate::limits::{MAX_STEPS, VERDICT_SECONDS};
use crate::loaded::Loaded;
use crate::metrics::Metrics;
use crate::swap::Channel;

/// Who asks, as the `door` label says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Entrance {
    Grpc,
    Http,
    /// The collector, in shadow.
    Judge,
}

impl Entrance {
    fn word(self) -> &'static str {
        match self {
            Self::Grpc => "grpc",
            Self::Http => "http",
            Self::Judge => "judge",
        }
    }
}

impl Entrance {
    /// An answer over HTTP has no way to change the path. The upstream would get what it must not, so that is no allow.
    fn carried(self, decision: Decision) -> Decision {
        let rewrites = match &decision.outcome {
            Outcome::Allow(permit) => permit.mutations().path.is_some(),
            Outcome::Deny(_) => false,
        };
        if self != Self::Http || !rewrites {
            return decision;
        }
        decision.instead(Reason::DependencyUnavailable)
    }
}

/// What all doors share.
pub(crate) struct Gate {
    pub(crate) loaded: ArcSwap<Loaded>,
    pub(crate) introspection: Introspection,
    pub(crate) metrics: Arc<Metrics>,
}

/// A decision with what an answer needs.
pub(crate) struct Judged {
    pub(crate) decision: Decision,
    /// 16 hex digits, in the answer and in the log.
    pub(crate) id: String,
    /// What it was judged by.
    pub(crate) loaded: Arc<Loaded>,
    /// When judging began.
    pub(crate) generation: u64,
    now: UnixTime,
    /// Until when the replies that it rests on may be reused.
    replies_until: UnixTime,
}

impl Gate {
    /// Judges one request.
    pub(crate) async fn judge(
        &self,
        raw: RawRequest<'_>,
        certificate: ClientCertificate<'_>,
        (entrance, channel): (Entrance, Channel),
    ) -> Judged {
        let loaded = self.loaded.load_full();
        let (now, generation) = (clock::now(), loaded.generation());
        let mut replies_until = UnixTime(i64::MAX);
        let decision = match Request::parse(raw) {
            Err(reason) => Decision::refused(reason, Door::Sidecar),
            Ok(request) => {
                self.drive(&loaded, &request, certificate, now, &mut replies_until).await
            }
        };
        let mut decision = entrance.carried(decision);
        // Nobody is told what the collector's records would have got.
        if entrance != Entrance::Judge {
            decision = loaded.swaps.carry_out(decision, channel);
        }
        let judged = Judged { decision, id: decision_id(), loaded, generation, now, replies_until };
        self.metrics.decided(entrance.word(), &judged.decision);
        judged.log(entrance);
        judged
    }

    async fn drive(
        &self,
        loaded: &Loaded,
        request: &Request<'_>,
        certificate: ClientCertificate<'_>,
        now: UnixTime,
        replies_until: &mut UnixTime,
    ) -> Decision {
        let (mut check, mut step) =
            with_context(loaded, now, true, |context| Check::start(context, request));
        for _ in 0..MAX_STEPS {
            let call = match step {
                Step::Decided(decision) => return *decision,
                Step::Ask(call) => call,
            };
            let reply = self.answer(loaded, call, certificate, replies_until).await;
            // Waiting may have taken the token past its end.
            step = with_context(loaded, clock::now(), false, |context| {
                check.resume(context, request, reply)
            });
        }
        Decision::refused(Reason::DependencyUnavailable, Door::Sidecar)
    }

    async fn answer(
        &self,
        loaded: &Loaded,
        call: Call,
        certificate: ClientCertificate<'_>,
        replies_until: &mut UnixTime,
    ) -> Reply {
        match call {
            Call::Keys { issuer, newer } => {
                if let Some(slot) = loaded.keys.slot(issuer) {
                    slot.wait(newer).await;
                }
                Reply::Keys
            }
            Call::Introspect { issuer, token, timeout_ms } => {
                let (Some(endpoint), Some(issuer)) =
                    (loaded.endpoint_of(issuer), loaded.policy.issuer(issuer))
                else {
                    return Reply::Introspection(None);
                };
                let timeout = Duration::from_millis(timeout_ms);
                let answered = self.introspection.ask(endpoint, issuer, &token, timeout).await;
                if let Some(answered) = &answered {
                    *replies_until = answered.until.min(*replies_until);
                }
                Reply::Introspection(answered.map(|answered| answered.introspected))
            }
            Call::PeerCertificate { subject } => Reply::PeerCertificate(certificate.shown(subject)),
            // The sidecar is the sidecar; the core does not ask this of it.
            Call::Sidecar { .. } => Reply::Verdict(None),
        }
    }
}

/// A context lives between two awaits only: it lends what cannot be lent across threads.
/// `first`: the request is not evaluated anew.
fn with_context<R>(
    loaded: &Loaded,
    now: UnixTime,
    first: bool,
    act: impl FnOnce(&Context<'_>) -> R,
) -> R {
    let tokens = loaded.tokens.view(first);
    act(&Context {
        policy: &loaded.policy,
        keys: &loaded.keys,
        tokens: &tokens,
        backend: &Native,
        now,
        side: Side::Sidecar,
    })
}

impl Judged {
    /// The answer to a denial of this request.
    pub(crate) fn answer(&self, denial: &Denial, raw: &RawRequest<'_>) -> Answer {
        self.loaded.policy.answer(denial, &self.decision, raw, &self.id)
    }

    /// For how many seconds a filter may reuse this: 0 unless it is a plain allow that was judged by the filter's own
    /// policy, and never beyond what it rests on.
    pub(crate) fn ttl(&self, filters_digest: Option<&str>) -> u32 {
        let digest = self.loaded.policy.digest();
        let reason = self.decision.reason;
        let plain = matches!(reason, Reason::Allowed | Reason::AllowedUnauthenticated)
            && self.decision.would_deny.is_none()
            && match &self.decision.outcome {
                // A secret is not for keeping in a proxy.
                Outcome::Allow(permit) => permit.mutations().swap.is_none(),
                Outcome::Deny(_) => false,
            };
        if !plain || digest.is_empty() || filters_digest != Some(digest) {
            return 0;
        }
        let mut until = self.now.0.saturating_add(VERDICT_SECONDS).min(self.replies_until.0);
        if let Some(identity) = &self.decision.identity {
            until = until.min(identity.expires().map_or(i64::MAX, |end| end.0));
            // Introspection's own bound on reuse, where an identity came from there.
            let issuer = identity.issuer().and_then(|issuer| self.loaded.policy.issuer(issuer));
            if let Some(IssuerKind::Introspection(rules)) =
                issuer.map(sallyport_policy::Issuer::kind)
            {
                let longest = i64::try_from(rules.cache_seconds).unwrap_or(i64::MAX);
                until = until.min(self.now.0.saturating_add(longest));
            }
        }
        u32::try_from(until.saturating_sub(clock::now().0)).unwrap_or(0)
    }

    /// Never with anything of the request: a path may carry a token.
    fn log(&self, entrance: Entrance) {
        let Decision { outcome, rule, reason, would_deny, .. } = &self.decision;
        let (door, decision, rule) = (entrance.word(), &self.id, rule.as_deref());
        let would_deny = would_deny.map(Reason::word);
        match outcome {
            Outcome::Allow(_) => {
                tracing::debug!(door, decision, rule, %reason, would_deny, "allowed");
            }
            Outcome::Deny(_) => tracing::info!(door, decision, rule, %reason, "denied"),
        }
    }
}

/// An id is for finding a log line; nothing rests on it, so a failing generator costs only that.
fn decision_id() -> String {
    use std::fmt::Write as _;
    let mut bytes = [0_u8; 8];
    if aws_lc_rs::rand::fill(&mut bytes).is_err() {
        tracing::error!("no randomness for decision ids");
    }
    bytes.iter().fold(String::with_capacity(16), |mut id, byte| {
        let _infallible = write!(id, "{byte:02x}");
        id
    })
}
