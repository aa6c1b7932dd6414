//! One request's way through the policy, without I/O: [`Check::start`] and [`Check::resume`] give a [`Step`], either a
//! decision or a question. The filter answers questions from callbacks, the sidecar awaits them, `sallyport check`
//! reads files; all of them drive this one state machine.

use std::sync::Arc;

use sallyport_jwt::{KeySet, SignatureBackend, UnixTime};

use crate::answer::Answer;
use crate::answer::decision::{Decision, Denial, Door, Outcome};
use crate::answer::permit::Permit;
use crate::answer::reason::Reason;
use crate::authenticate::{Authenticated, authenticate};
use crate::file::source::FailureMode;
use crate::identity::issuer::IssuerId;
use crate::identity::token_cache::Remembered;
use crate::identity::{Identity, Introspected};
use crate::policy::Policy;
use crate::request::certificate::{CertificateSubject, PeerCertificate};
use crate::request::inputs::Inputs;
use crate::request::{RawRequest, Request, cookie, query};
use crate::require::authorize::authorize;
use crate::require::template::View;
use crate::route::chain::Spent;
use crate::route::{Access, Requirements, Route};
use crate::trace::{Note, Preflight, Trace};

/// Which half of the gate is judging.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The filter, with a sidecar that it asks (topology A).
    FilterAsking,
    /// The filter, with Envoy's ext_authz after it (topology B): what the sidecar judges is left to it, with the credential.
    FilterBefore,
    /// The sidecar, which judges everything.
    Sidecar,
}

/// What a check needs besides the request. All of it is lent by the adapter.
#[derive(Clone, Copy)]
pub struct Context<'c> {
    /// The policy.
    pub policy: &'c Policy,
    /// Keys of JWT issuers.
    pub keys: &'c dyn KeySource,
    /// Tokens verified before.
    pub tokens: &'c dyn TokenMemory,
    /// Who computes signatures.
    pub backend: &'c dyn SignatureBackend,
    /// The time.
    pub now: UnixTime,
    /// Which half of the gate this is.
    pub side: Side,
}

/// Where keys are kept.
pub trait KeySource {
    /// The keys of an issuer.
    fn keys(&self, issuer: IssuerId) -> KeyState;
}

/// What is known of an issuer's keys.
#[derive(Debug, Clone)]
pub enum KeyState {
    /// These.
    Ready(Arc<KeySet>),
    /// Not fetched yet.
    Pending,
    /// Cannot be fetched, and there are no older ones.
    Unavailable,
}

/// Tokens that were judged before. May forget at any time; must forget when a key set or the policy changes.
pub trait TokenMemory {
    /// What is known of exactly this token.
    fn recall(&self, token: &[u8], now: UnixTime) -> Option<Remembered>;
    /// Keeps a verified token.
    fn remember(&self, token: &[u8], identity: &Arc<Identity>);
    /// Keeps a token whose signature none of this issuer's keys made; for 10 s at most.
    fn remember_refusal(&self, token: &[u8], issuer: IssuerId, now: UnixTime);
}

/// A question to the adapter.
#[derive(Clone, PartialEq, Eq)]
pub enum Call {
    /// Wait for an issuer's keys. `newer`: the ones at hand do not know the token's key; refetch, unless that was
    /// just done. Answered by [`Reply::Keys`].
    Keys {
        /// Whose.
        issuer: IssuerId,
        /// Whether those at hand are known and not enough.
        newer: bool,
    },
    /// Ask an introspection endpoint about a token of the request. Answered by [`Reply::Introspection`].
    Introspect {
        /// Where.
        issuer: IssuerId,
        /// The token that was selected among the request's credentials; all its bytes are of RFC 6750's `b64token`.
        token: Box<[u8]>,
        /// Longest wait in milliseconds.
        timeout_ms: u64,
    },
    /// Look at the certificate that the client showed when the connection was made. Never at a header: anybody may send
    /// one. Answered at once, by [`Reply::PeerCertificate`].
    PeerCertificate {
        /// The name that is wanted.
        subject: CertificateSubject,
    },
    /// Ask the sidecar for its verdict on the whole request. Answered by [`Reply::Verdict`].
    Sidecar {
        /// What the verdict may rest on, besides what every one does; none: nothing.
        inputs: Option<Arc<Inputs>>,
        /// Longest wait in milliseconds.
        timeout_ms: u64,
    },
}

/// An answer from the adapter.
#[derive(Debug, Clone)]
pub enum Reply {
    /// The wait for keys is over, whatever came of it.
    Keys,
    /// What the endpoint said; none: it did not answer in time, or with an error.
    Introspection(Option<Introspected>),
    /// What the certificate says.
    PeerCertificate(PeerCertificate),
    /// What the sidecar said; none: it did not answer in time, with an error, or with junk.
    Verdict(Option<Verdict>),
}

/// The sidecar's verdict, as the filter got it.
#[derive(Debug, Clone)]
pub struct Verdict {
    /// The header changes, or the answer to give.
    pub outcome: Result<VerdictHeaders, Answer>,
    /// Why.
    pub reason: Reason,
    /// In shadow: why it would have been denied.
    pub would_deny: Option<Reason>,
    /// Whether it is an older verdict that still stands.
    pub cached: bool,
}

/// Header changes that the sidecar asks for, besides those of the filter's own policy.
#[derive(Debug, Clone, Default)]
pub struct VerdictHeaders {
    /// To remove; lower case.
    pub remove: Vec<Arc<str>>,
    /// To set; lower case.
    pub set: Vec<(Arc<str>, String)>,
    /// The path with query that the upstream is to get; none: as sent.
    pub path: Option<String>,
}

/// Where a check stands.
pub enum Step {
    /// Done.
    Decided(Box<Decision>),
    /// Answer this, then resume.
    Ask(Call),
}

/// What has been answered so far. Evaluation starts anew with every answer, which keeps it free of states; each question
/// is asked at most once, so it ends.
#[derive(Debug, Default)]
pub struct Check {
    pub(crate) waited_for_keys: bool,
    pub(crate) refreshed_keys: bool,
    introspected: Vec<(IssuerId, Box<[u8]>, Option<Introspected>)>,
    asked: Option<(IssuerId, Box<[u8]>)>,
    certificates: Vec<(CertificateSubject, PeerCertificate)>,
    asked_certificate: Option<CertificateSubject>,
    verdict: Option<Option<Verdict>>,
    pub(crate) trace: Trace,
}

/// Why evaluation stopped before a permit.
pub(crate) enum Halt {
    /// Refused; the identity is known where authentication was not what refused.
    Deny(Denial, Option<Arc<Identity>>),
    /// A dependency failed; the identity is what was established before.
    Unavailable(Option<Arc<Identity>>),
    Ask(Call),
}

impl From<Reason> for Halt {
    #[inline]
    fn from(reason: Reason) -> Self {
        Self::Deny(Denial::new(reason), None)
    }
}

/// What evaluation established.
struct Passed {
    identity: Option<Arc<Identity>>,
    /// Left to the sidecar, in shadow.
    deferred: bool,
}

impl Check {
    /// Judges a request as far as is possible at once.
    #[inline]
    pub fn start(context: &Context<'_>, request: &Request<'_>) -> (Self, Step) {
        let mut check = Self::default();
        let step = check.evaluate(context, request);
        (check, step)
    }

    /// The same, noting down what it finds.
    #[cfg(feature = "explain")]
    #[inline]
    pub fn start_noting(context: &Context<'_>, request: &Request<'_>) -> (Self, Step) {
        let mut check = Self { trace: Trace::kept(), ..Self::default() };
        let step = check.evaluate(context, request);
        (check, step)
    }

    /// What was noted since the last answer; nothing, unless it was asked to.
    #[cfg(feature = "explain")]
    #[inline]
    pub fn notes(&self) -> Vec<Note> {
        self.trace.notes()
    }

    /// Goes on with the answer to the last question.
    #[inline]
    pub fn resume(&mut self, context: &Context<'_>, request: &Request<'_>, reply: Reply) -> Step {
        match reply {
            Reply::Keys => {}
            Reply::Introspection(reply) => {
                if let Some((issuer, token)) = self.asked.take() {
                    self.introspected.push((issuer, token, reply));
                }
            }
            Reply::PeerCertificate(shown) => {
                if let Some(subject) = self.asked_certificate.take() {
                    self.certificates.push((subject, shown));
                }
            }
            Reply::Verdict(verdict) => self.verdict = Some(verdict),
        }
        self.evaluate(context, request)
    }

    #[inline]
    fn evaluate(&mut self, context: &Context<'_>, request: &Request<'_>) -> Step {
        self.trace.clear();
        if context.policy.cors
            && let Some(decision) = self.preflight(context, request)
        {
            return Step::Decided(Box::new(decision));
        }
        let found = context.policy.route(request);
        let route =
            match found.and_then(|route| route.ok_or_else(|| context.policy.without_route())) {
                Ok(route) => route,
                Err(reason) => {
                    self.trace.note(|| Note::NoRoute(reason));
                    return Step::Decided(Box::new(Decision::refused(reason, door(context.side))));
                }
            };
        let Some(cors) = &route.cors else { return self.evaluate_route(context, request, route) };
        let admitted = cors.admit(request);
        self.trace.note(|| Note::Cors(admitted.as_ref().err().copied()));
        match admitted {
            Ok(response) => match self.evaluate_route(context, request, route) {
                Step::Decided(decision) => {
                    Step::Decided(Box::new(Decision { response, ..*decision }))
                }
                Step::Ask(call) => Step::Ask(call),
            },
            Err(_) => {
                let denial = Denial::new(Reason::CorsRefused);
                Step::Decided(Box::new(self.refuse(context, request, route, denial, None)))
            }
        }
    }

    /// A preflight is judged by the route of the request that it announces, where that route has `cors`; no credential is
    /// read. None: it is a request like others.
    #[inline]
    fn preflight(&self, context: &Context<'_>, request: &Request<'_>) -> Option<Decision> {
        if request.method() != "OPTIONS" {
            return None;
        }
        // Proxies join two with a comma.
        let only = |name| {
            let mut values = request.header(name);
            values.next().filter(|value| values.next().is_none() && !value.contains(&b','))
        };
        let (origin, method) = (only("origin")?, only("access-control-request-method")?);
        let announced = Request::parse(RawRequest { method, ..*request.raw() }).ok()?;
        let route = context.policy.route(&announced).ok().flatten();
        let cors = route.and_then(|route| route.cors.as_ref());
        let judged = cors.map(|cors| cors.preflight(request, origin, announced.method()));
        self.trace.note(|| {
            Note::Preflight(Preflight {
                method: announced.method().to_owned(),
                route: route.map(|route| (Arc::clone(&route.name), route.cors.is_some())),
                refused: judged.as_ref().and_then(|judged| judged.as_ref().err().copied()),
            })
        });
        let route = route?;
        Some(match judged? {
            Ok(response) => Decision {
                response,
                ..self.permitted(context, request, route, None, Reason::AllowedUnauthenticated)
            },
            Err(_) => {
                let denial = Denial::new(Reason::CorsRefused);
                self.refuse(context, request, route, denial, None)
            }
        })
    }

    #[inline]
    fn evaluate_route(
        &mut self,
        context: &Context<'_>,
        request: &Request<'_>,
        route: &Route,
    ) -> Step {
        if route.deferred && context.side == Side::Sidecar {
            return self.evaluate_deferred(context, request, route);
        }
        match self.judge(context, request, route) {
            Ok(passed) => Step::Decided(Box::new(self.allow(context, request, route, passed))),
            Err(halt) => self.halted(context, request, route, halt),
        }
    }

    #[inline]
    fn halted(
        &mut self,
        context: &Context<'_>,
        request: &Request<'_>,
        route: &Route,
        halt: Halt,
    ) -> Step {
        let decision = match halt {
            Halt::Deny(denial, identity) => self.refuse(context, request, route, denial, identity),
            Halt::Unavailable(identity) => self.unavailable(context, request, route, identity),
            Halt::Ask(call) => {
                self.note(&call);
                return Step::Ask(call);
            }
        };
        Step::Decided(Box::new(decision))
    }

    /// An `async` route, asked of the sidecar all the same (topologies B and C, or the collector): what the filter
    /// checks inline is enforced, what is the sidecar's own part is only told.
    #[inline]
    fn evaluate_deferred(
        &mut self,
        context: &Context<'_>,
        request: &Request<'_>,
        route: &Route,
    ) -> Step {
        let inline = Context { side: Side::FilterAsking, ..*context };
        let passed = match self.judge(&inline, request, route) {
            Ok(passed) => passed,
            Err(halt) => return self.halted(context, request, route, halt),
        };
        // Judging the whole finds all of that again.
        self.trace.clear();
        let would_deny = match self.judge(context, request, route) {
            Ok(passed) => {
                return Step::Decided(Box::new(self.allow(context, request, route, passed)));
            }
            Err(Halt::Deny(denial, _)) => denial.reason,
            Err(Halt::Unavailable(_)) => Reason::DependencyUnavailable,
            Err(Halt::Ask(call)) => return self.halted(context, request, route, Halt::Ask(call)),
        };
        let decision = self.permitted(context, request, route, passed.identity, Reason::Allowed);
        Step::Decided(Box::new(decision.although(would_deny)))
    }

    /// What the client's certificate says, if somebody looked.
    #[inline]
    pub(crate) fn certificate(&self, subject: CertificateSubject) -> Option<&PeerCertificate> {
        let mut looks = self.certificates.iter();
        looks.find(|(looked, _)| *looked == subject).map(|(_, shown)| shown)
    }

    /// What an issuer said of a token, if it was asked; none inside: it did not answer.
    #[inline]
    pub(crate) fn introspected(
        &self,
        issuer: IssuerId,
        token: &[u8],
    ) -> Option<&Option<Introspected>> {
        let mut replies = self.introspected.iter();
        let (_, _, reply) =
            replies.find(|(asked, about, _)| *asked == issuer && **about == *token)?;
        Some(reply)
    }

    #[inline]
    fn note(&mut self, call: &Call) {
        match call {
            Call::Keys { newer: true, .. } => self.refreshed_keys = true,
            Call::Keys { newer: false, .. } => self.waited_for_keys = true,
            Call::Introspect { issuer, token, .. } => self.asked = Some((*issuer, token.clone())),
            Call::PeerCertificate { subject } => self.asked_certificate = Some(*subject),
            Call::Sidecar { .. } => {}
        }
    }

    #[inline]
    fn judge(
        &self,
        context: &Context<'_>,
        request: &Request<'_>,
        route: &Route,
    ) -> Result<Passed, Halt> {
        let requirements = match &route.access {
            Access::Open => {
                self.trace.note(|| Note::Open);
                return Ok(Passed { identity: None, deferred: false });
            }
            Access::Shut => {
                self.trace.note(|| Note::Shut);
                return Err(Reason::DeniedByRule.into());
            }
            Access::Requirements(requirements) => requirements,
        };
        let judged = match authenticate(self, context, request, route, &requirements.chain) {
            Ok(Authenticated::As(identity)) => {
                self.authorized(context, request, route, requirements, identity)
            }
            Ok(Authenticated::BySidecar) => self.left_to_sidecar(context, route, None),
            Err(halt) => Err(halt),
        };
        match judged {
            // Whatever is unknown of the caller: nobody passes, so neither failure mode nor `async` has a say.
            Ok(Passed { identity, deferred: true }) | Err(Halt::Unavailable(identity))
                if requirements.demands.denied =>
            {
                self.trace.note(|| Note::AlwaysDenied);
                Err(Halt::Deny(Denial::new(Reason::DeniedByRule), identity))
            }
            judged => judged,
        }
    }

    #[inline]
    fn authorized(
        &self,
        context: &Context<'_>,
        request: &Request<'_>,
        route: &Route,
        requirements: &Requirements,
        identity: Arc<Identity>,
    ) -> Result<Passed, Halt> {
        let view = View::new(route, request, Some(&identity));
        let roles = context.policy.roles();
        let authorized = authorize(&requirements.demands, roles, context.side, &view, &self.trace)
            .map_err(|denial| Halt::Deny(denial.of(&identity), Some(Arc::clone(&identity))))?;
        // The filter has no secret.
        let complete = context.side == Side::Sidecar || !requirements.swaps;
        if authorized && complete {
            Ok(Passed { identity: Some(identity), deferred: false })
        } else {
            self.left_to_sidecar(context, route, Some(identity))
        }
    }

    /// The filter cannot go on alone.
    #[inline]
    fn left_to_sidecar(
        &self,
        context: &Context<'_>,
        route: &Route,
        identity: Option<Arc<Identity>>,
    ) -> Result<Passed, Halt> {
        match (context.side, &self.verdict) {
            (Side::FilterBefore, _) => Ok(Passed { identity, deferred: false }),
            _ if route.deferred => Ok(Passed { identity, deferred: true }),
            (_, None) => Err(Halt::Ask(Call::Sidecar {
                inputs: route.inputs.clone(),
                timeout_ms: route.timeout_ms,
            })),
            (_, Some(None)) => Err(Halt::Unavailable(identity)),
            (_, Some(Some(verdict))) => match &verdict.outcome {
                Ok(_) => Ok(Passed { identity, deferred: false }),
                Err(answer) => {
                    let relayed = Some(answer.clone());
                    Err(Halt::Deny(
                        Denial { reason: verdict.reason, scope: None, relayed },
                        identity,
                    ))
                }
            },
        }
    }

    #[inline]
    fn allow(
        &self,
        context: &Context<'_>,
        request: &Request<'_>,
        route: &Route,
        passed: Passed,
    ) -> Decision {
        if let Some(Some(verdict)) = &self.verdict
            && let Ok(headers) = &verdict.outcome
        {
            let names = headers.remove.iter().chain(headers.set.iter().map(|(name, _)| name));
            let names: Vec<&Arc<str>> = names.collect();
            let removed = context.policy.removed(route, context.side).and(&names);
            let mut permit = Permit::relayed(removed, headers.set.clone());
            let stripped = || stripped_path(route.spent.as_ref()?, request);
            permit.rewrite(headers.path.clone().or_else(stripped));
            return Decision {
                outcome: Outcome::Allow(permit),
                rule: Some(Arc::clone(&route.name)),
                reason: verdict.reason,
                would_deny: verdict.would_deny,
                identity: passed.identity,
                door: if verdict.cached { Door::Cache } else { Door::Sidecar },
                deferred: false,
                response: Vec::new(),
                on_deny: None,
                inputs: route.inputs.clone(),
            };
        }
        let reason = match route.access {
            Access::Open => Reason::AllowedUnauthenticated,
            Access::Shut | Access::Requirements(_) => Reason::Allowed,
        };
        let mut decision = self.permitted(context, request, route, passed.identity, reason);
        decision.deferred = passed.deferred && decision.allows();
        // Here alone: not in shadow, nor where a failure opens the route.
        if context.side == Side::Sidecar
            && let Outcome::Allow(permit) = &mut decision.outcome
        {
            permit.promise(route.forward.credential.swap());
        }
        decision
    }

    #[inline]
    fn permitted(
        &self,
        context: &Context<'_>,
        request: &Request<'_>,
        route: &Route,
        identity: Option<Arc<Identity>>,
        reason: Reason,
    ) -> Decision {
        let removed = context.policy.removed(route, context.side);
        let view = View::new(route, request, identity.as_deref());
        let mut permit = Permit::new(&route.forward, removed, &view);
        // Before Envoy's ext_authz the sidecar changes the rest: it judges the request as it was sent.
        if context.side != Side::FilterBefore
            && let Err(reason) = reshape(route, &view, &mut permit)
        {
            self.trace.note(|| Note::Reshape(reason));
            let mut refused = Decision::refused(reason, door(context.side));
            refused.rule = Some(Arc::clone(&route.name));
            refused.identity = identity;
            refused.on_deny.clone_from(&route.on_deny);
            return refused;
        }
        // A door that cannot change the path will deny.
        let on_deny = permit.mutations().path.as_ref().and_then(|_| route.on_deny.clone());
        Decision {
            outcome: Outcome::Allow(permit),
            rule: Some(Arc::clone(&route.name)),
            reason,
            would_deny: None,
            identity,
            door: door(context.side),
            deferred: false,
            response: Vec::new(),
            on_deny,
            inputs: route.inputs.clone(),
        }
    }

    #[inline]
    fn refuse(
        &self,
        context: &Context<'_>,
        request: &Request<'_>,
        route: &Route,
        denial: Denial,
        identity: Option<Arc<Identity>>,
    ) -> Decision {
        let relayed = denial.relayed.is_some();
        if route.shadow && !relayed {
            let decision = self.permitted(context, request, route, identity, Reason::Allowed);
            return decision.although(denial.reason);
        }
        Decision {
            reason: denial.reason,
            outcome: Outcome::Deny(denial),
            rule: Some(Arc::clone(&route.name)),
            would_deny: None,
            identity,
            door: if relayed { Door::Sidecar } else { door(context.side) },
            deferred: false,
            response: Vec::new(),
            on_deny: route.on_deny.clone(),
            inputs: route.inputs.clone(),
        }
    }

    /// The route's own failure mode decides, and nothing else may.
    #[inline]
    fn unavailable(
        &self,
        context: &Context<'_>,
        request: &Request<'_>,
        route: &Route,
        identity: Option<Arc<Identity>>,
    ) -> Decision {
        let open = route.failure_mode == FailureMode::Open;
        self.trace.note(|| Note::Unavailable { open });
        match route.failure_mode {
            FailureMode::Open => {
                self.permitted(context, request, route, identity, Reason::AllowedByFailureMode)
            }
            FailureMode::Closed => self.refuse(
                context,
                request,
                route,
                Denial::new(Reason::DependencyUnavailable),
                identity,
            ),
        }
    }
}

#[inline]
fn door(side: Side) -> Door {
    match side {
        Side::FilterAsking | Side::FilterBefore => Door::Filter,
        Side::Sidecar => Door::Sidecar,
    }
}

/// Credentials end here, and what `forward` says beyond headers is done.
#[inline]
fn reshape(route: &Route, view: &View<'_>, permit: &mut Permit) -> Result<(), Reason> {
    let spent = route.spent.as_deref();
    let target = spent.and_then(|spent| stripped_path(spent, view.request()));
    if let Some(reshape) = &route.forward.reshape {
        permit.reshape(reshape.apply(view, target)?);
        return Ok(());
    }
    permit.rewrite(target);
    if let Some(spent) = spent
        && !route.forward.credential.is_original()
        && let Some(rest) = cookie::without(view.request().raw().headers, &spent.cookies)
    {
        permit.spend_cookies(spent, rest);
    }
    Ok(())
}

/// The path without the query's credentials, where there are any.
#[inline]
fn stripped_path(spent: &Spent, request: &Request<'_>) -> Option<String> {
    let query = request.path().query().filter(|_| !spent.query.is_empty())?;
    query::without(&format!("{}?{query}", request.path().as_str()), &spent.query)
}
