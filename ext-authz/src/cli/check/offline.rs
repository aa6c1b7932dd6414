//! The core driven from files: [`Offline`] answers a check's questions with the keys and replies it was given.
//! Follows sync topology A: the filter first, the sidecar where the filter would ask it.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use sallyport_jwt::{JsonLimits, KeySet, Pure, UnixTime, parse_json_object};
use sallyport_policy::{
    Call, Check, Context, Decision, Door, Identity, Introspected, IssuerId, IssuerKind, KeySource,
    KeyState, Note, Outcome, Policy, Remembered, Reply, Request, Side, Step, TokenMemory,
};

use super::input::InputRequest;
use crate::cli::failure::Failure;
use crate::cli::limits::{MAX_ANSWERS_BYTES, MAX_ANSWERS_DEPTH};
use crate::cli::policy_file::read_bytes;
use crate::cli::tell;
use crate::hmac_secret;
use crate::secret::SecretError;
use crate::source_file::Sources;

/// A policy, a time, and the answers of its dependencies.
pub(in crate::cli) struct Offline {
    policy: Policy,
    now: UnixTime,
    keys: Keys,
    replies: HashMap<IssuerId, HashMap<String, Vec<u8>>>,
}

#[derive(Default)]
struct Keys(HashMap<IssuerId, Arc<KeySet>>);

impl KeySource for Keys {
    fn keys(&self, issuer: IssuerId) -> KeyState {
        self.0.get(&issuer).map_or(KeyState::Unavailable, |keys| KeyState::Ready(Arc::clone(keys)))
    }
}

/// Every token is judged anew.
struct Forgetful;

impl TokenMemory for Forgetful {
    fn recall(&self, _token: &[u8], _now: UnixTime) -> Option<Remembered> {
        None
    }

    fn remember(&self, _token: &[u8], _identity: &Arc<Identity>) {}

    fn remember_refusal(&self, _token: &[u8], _issuer: IssuerId, _now: UnixTime) {}
}

impl Offline {
    /// Without any answers.
    pub(in crate::cli) fn new(policy: Policy, now: UnixTime) -> Self {
        Self { policy, now, keys: Keys::default(), replies: HashMap::new() }
    }

    pub(in crate::cli) fn policy(&self) -> &Policy {
        &self.policy
    }

    /// The time that it judges by.
    pub(in crate::cli) fn now(&self) -> UnixTime {
        self.now
    }

    /// Whether anything answers for this issuer; else the option that would.
    pub(in crate::cli) fn missing(&self, name: &str) -> Option<&'static str> {
        let issuer = self.policy.issuer_named(name)?;
        let id = issuer.id();
        match issuer.kind() {
            IssuerKind::Jwt(_) => (!self.keys.0.contains_key(&id)).then_some("--jwks"),
            IssuerKind::Introspection(_) => {
                (!self.replies.contains_key(&id)).then_some("--introspection")
            }
            IssuerKind::Hmac(_) => None,
        }
    }

    /// Takes an issuer's keys from a file.
    ///
    /// # Errors
    /// [`Failure::Usage`] for a name that is no JWT issuer or was given before, [`Failure::Unreadable`] for the file.
    pub(in crate::cli) fn read_keys(&mut self, name: &str, file: &Path) -> Result<(), Failure> {
        let issuer = self.issuer(name, "--jwks", |kind| matches!(kind, IssuerKind::Jwt(_)))?;
        once(self.keys.0.contains_key(&issuer), name, "--jwks")?;
        let keys = KeySet::parse(&read_bytes(file, MAX_ANSWERS_BYTES)?)
            .map_err(|error| unreadable(file, &error.to_string()))?;
        self.keys.0.insert(issuer, Arc::new(keys));
        Ok(())
    }

    /// Reads the secrets of HS* issuers from where the policy says, relative to `directory`. Not every machine that
    /// checks a policy may read them: an issuer whose secret cannot be read is unavailable, and is told.
    ///
    /// # Errors
    /// [`Failure::Policy`] for secrets that can be read and cannot be used.
    pub(in crate::cli) fn read_secrets(&mut self, directory: &Path) -> Result<(), Failure> {
        let mut problems = Vec::new();
        for issuer in self.policy.issuers() {
            let IssuerKind::Hmac(hmac) = issuer.kind() else { continue };
            let place = format!("issuers.{}.{}", issuer.name(), hmac_secret::PLACE);
            match hmac_secret::key_set(hmac, directory, &mut Sources::default()) {
                Ok(Some(keys)) => {
                    self.keys.0.insert(issuer.id(), Arc::new(keys));
                }
                Ok(None) => {}
                Err(error @ SecretError::Unreadable(_)) => {
                    tell(&format!("warning: {place}: {error}; its tokens cannot be judged"));
                }
                Err(error @ SecretError::Unusable(_)) => {
                    problems.push(error.problem(place, hmac_secret::FIX));
                }
            }
        }
        if problems.is_empty() { Ok(()) } else { Err(Failure::Policy(problems)) }
    }

    /// Takes an issuer's introspection replies from a file.
    ///
    /// # Errors
    /// As [`Offline::read_keys`].
    pub(in crate::cli) fn read_replies(&mut self, name: &str, file: &Path) -> Result<(), Failure> {
        let issuer = self
            .issuer(name, "--introspection", |kind| matches!(kind, IssuerKind::Introspection(_)))?;
        once(self.replies.contains_key(&issuer), name, "--introspection")?;
        let limits = JsonLimits { max_bytes: MAX_ANSWERS_BYTES, max_depth: MAX_ANSWERS_DEPTH };
        let object = parse_json_object(&read_bytes(file, MAX_ANSWERS_BYTES)?, limits)
            .map_err(|error| unreadable(file, &error.to_string()))?;
        let replies = object.into_iter().map(|(token, reply)| (token, reply.to_string().into()));
        self.replies.insert(issuer, replies.collect());
        Ok(())
    }

    fn issuer(
        &self,
        name: &str,
        option: &str,
        fits: impl Fn(&IssuerKind) -> bool,
    ) -> Result<IssuerId, Failure> {
        let issuer = self.policy.issuer_named(name).filter(|issuer| fits(issuer.kind()));
        issuer.map(sallyport_policy::Issuer::id).ok_or_else(|| {
            Failure::Usage(format!("`{name}` in `{option}` is no such issuer of the policy"))
        })
    }

    /// Decides a request. In `async` the sidecar's judgement in shadow is part of it, as `would_deny`.
    pub(in crate::cli) fn decide(&self, input: &InputRequest) -> Decision {
        self.decide_noting(input, &mut None)
    }

    /// The same, noting down for each half of the gate what it found.
    pub(in crate::cli) fn decide_noting(
        &self,
        input: &InputRequest,
        notes: &mut Option<Vec<(Door, Vec<Note>)>>,
    ) -> Decision {
        let headers = input.headers();
        let request = match Request::parse(input.raw(&headers)) {
            Ok(request) => request,
            Err(reason) => return Decision::refused(reason, Door::Filter),
        };
        let mut decision = match self.drive(&request, input, Side::FilterAsking, notes) {
            Some(decision) => decision,
            None => return self.by_sidecar(&request, input, notes),
        };
        if decision.deferred && decision.would_deny.is_none() {
            let judged = self.by_sidecar(&request, input, notes);
            decision.would_deny = match judged.outcome {
                Outcome::Allow(_) => judged.would_deny,
                Outcome::Deny(_) => Some(judged.reason),
            };
        }
        decision
    }

    fn by_sidecar(
        &self,
        request: &Request<'_>,
        input: &InputRequest,
        notes: &mut Option<Vec<(Door, Vec<Note>)>>,
    ) -> Decision {
        self.drive(request, input, Side::Sidecar, notes).unwrap_or_else(|| {
            // The sidecar asks no sidecar. Should it ever, nobody is there to allow.
            let reason = sallyport_policy::Reason::DependencyUnavailable;
            Decision::refused(reason, Door::Sidecar)
        })
    }

    /// None: this side asks the sidecar.
    fn drive(
        &self,
        request: &Request<'_>,
        input: &InputRequest,
        side: Side,
        notes: &mut Option<Vec<(Door, Vec<Note>)>>,
    ) -> Option<Decision> {
        let context = Context {
            policy: &self.policy,
            keys: &self.keys,
            tokens: &Forgetful,
            backend: &Pure,
            now: self.now,
            side,
        };
        let start = if notes.is_some() { Check::start_noting } else { Check::start };
        let (mut check, mut step) = start(&context, request);
        let decision = loop {
            let reply = match step {
                Step::Decided(decision) => break Some(*decision),
                Step::Ask(Call::Sidecar { .. }) => break None,
                Step::Ask(Call::PeerCertificate { subject }) => {
                    Reply::PeerCertificate(input.certificate().shown(subject))
                }
                // There are no keys but those of the file.
                Step::Ask(Call::Keys { .. }) => Reply::Keys,
                Step::Ask(Call::Introspect { issuer, token, .. }) => {
                    Reply::Introspection(self.introspect(issuer, &token))
                }
            };
            step = check.resume(&context, request, reply);
        };
        if let Some(notes) = notes {
            let door = if side == Side::Sidecar { Door::Sidecar } else { Door::Filter };
            notes.push((door, check.notes()));
        }
        decision
    }

    /// None: no file speaks for this issuer. A token that its file does not name is not active.
    fn introspect(&self, issuer: IssuerId, token: &[u8]) -> Option<Introspected> {
        let replies = self.replies.get(&issuer)?;
        let issuer = self.policy.issuer(issuer)?;
        let IssuerKind::Introspection(introspection) = issuer.kind() else { return None };
        let token = std::str::from_utf8(token).ok()?;
        let reply = replies.get(token).map_or(br#"{"active":false}"#.as_slice(), Vec::as_slice);
        Some(Identity::from_introspection(issuer, &introspection.rules, reply, self.now))
    }
}

/// Of two files for one name, neither is the one that was meant.
fn once(given: bool, name: &str, option: &str) -> Result<(), Failure> {
    if given {
        return Err(Failure::Usage(format!("`{option} {name}=FILE` is given twice")));
    }
    Ok(())
}

fn unreadable(file: &Path, why: &str) -> Failure {
    Failure::Unreadable(format!("`{}` cannot be read: {why}", file.display()))
}
