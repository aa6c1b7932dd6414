//! One request's way through the filter: headers in, [`Check`] driven from callbacks, headers changed or an answer
//! given. Lives as long as its stream; the root context reaches it while it waits for keys.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use sallyport_policy::{
    Call, Check, Decision, Denial, Door, Inputs, Outcome, RawRequest, Reason, Reply, Request, Side,
    Step,
};

use crate::capture::Capture;
use crate::gate::{Gate, Parked};
use crate::host::{self, Map};
use crate::keys::Wait;
use crate::limits::{KEY_WAIT_MS, MAX_PARKED};
use crate::pairs::{self, Headers, Pair};
use crate::{certificate, ext_authz, verdicts};

/// What the request does now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Now {
    /// It goes on upstream.
    Continues,
    /// It waits for an answer.
    Waits,
    /// It has been answered here.
    Answered,
}

/// One request.
pub(crate) struct Flight {
    gate: Rc<Gate>,
    /// Context id of the stream.
    id: u32,
    /// The request's headers, as they came. Kept while the request waits.
    headers: Vec<u8>,
    check: Check,
    /// Key under which the sidecar's verdict will be remembered.
    verdict_key: Option<Vec<u8>>,
    /// What of the request that key holds besides what every key does.
    inputs: Option<Arc<Inputs>>,
    /// The question to the sidecar that is under way.
    call: Option<u32>,
    /// When that was asked, in milliseconds since 1970.
    asked_ms: u64,
    waiting: bool,
    /// It may go upstream: the one word that lets bodies and trailers by.
    passed: bool,
    /// Headers that the client gets with the upstream's response.
    response: Vec<(&'static str, String)>,
    pub(crate) capture: Option<Capture>,
}

impl Flight {
    pub(crate) fn new(gate: Rc<Gate>, id: u32) -> Self {
        Self {
            gate,
            id,
            headers: Vec::new(),
            check: Check::default(),
            verdict_key: None,
            inputs: None,
            call: None,
            asked_ms: 0,
            waiting: false,
            passed: false,
            response: Vec::new(),
            capture: None,
        }
    }

    /// Context id of the stream.
    pub(crate) fn id(&self) -> u32 {
        self.id
    }

    pub(crate) fn passed(&self) -> bool {
        self.passed
    }

    /// The request's headers are here. `me` is this flight.
    pub(crate) fn start(me: &Rc<RefCell<Self>>) -> Now {
        let mut flight = me.borrow_mut();
        let Some(block) = host::header_pairs(Map::Request) else {
            return flight.refuse(Reason::PolicyUnavailable, &Headers::NONE);
        };
        let Some(headers) = Headers::parse(&block) else {
            return flight.refuse(Reason::RequestMalformed, &Headers::NONE);
        };
        let gate = Rc::clone(&flight.gate);
        let raw = raw(headers.pairs());
        if let Some(rules) = gate.policy.mirror() {
            flight.capture =
                Some(Capture::start(rules, &raw, peer(), gate.fresh_id(), Rc::clone(&gate.held)));
        }
        let now = flight.drive(me, &raw, &headers, None);
        drop(headers);
        if now == Now::Waits {
            flight.headers = block;
            flight.waiting = true;
        }
        now
    }

    /// An answer is here; the flight's context must be the effective one.
    pub(crate) fn resume(me: &Rc<RefCell<Self>>, reply: Reply) -> Now {
        let mut flight = me.borrow_mut();
        if !flight.waiting {
            return Now::Waits;
        }
        flight.waiting = false;
        let block = std::mem::take(&mut flight.headers);
        let Some(headers) = Headers::parse(&block) else {
            return flight.refuse(Reason::RequestMalformed, &Headers::NONE);
        };
        let raw = raw(headers.pairs());
        let now = flight.drive(me, &raw, &headers, Some(reply));
        drop(headers);
        if now == Now::Waits {
            flight.headers = block;
            flight.waiting = true;
        }
        now
    }

    /// The sidecar answered, or did not.
    pub(crate) fn verdict(me: &Rc<RefCell<Self>>, reply: Option<Vec<u8>>) -> Now {
        let reply = {
            let mut flight = me.borrow_mut();
            let gate = Rc::clone(&flight.gate);
            let inputs = flight.inputs.take();
            let received = reply.and_then(|bytes| {
                ext_authz::answer(&bytes, gate.policy.digest(), inputs.as_deref())
            });
            gate.metrics.event(match received {
                Some(_) => "sallyport.sidecar_calls.ok",
                None => "sallyport.sidecar_calls.failed",
            });
            let (key, asked_ms) = (flight.verdict_key.take(), flight.asked_ms);
            received.map(|received| {
                let mut verdicts = gate.verdicts.borrow_mut();
                let current = received
                    .generation
                    .is_some_and(|generation| verdicts.heard(generation, asked_ms));
                if let Some(key) = key.filter(|_| current) {
                    // From when it was asked: a slow answer does not live longer than what it rests on.
                    verdicts.remember(key, &received.verdict, received.ttl_seconds, asked_ms);
                }
                received.verdict
            })
        };
        Self::resume(me, Reply::Verdict(reply))
    }

    fn drive(
        &mut self,
        me: &Rc<RefCell<Self>>,
        raw: &RawRequest<'_>,
        headers: &Headers<'_>,
        reply: Option<Reply>,
    ) -> Now {
        let gate = Rc::clone(&self.gate);
        let request = match Request::parse(*raw) {
            Ok(request) => request,
            Err(reason) => return self.refuse(reason, headers),
        };
        let context = gate.context();
        let mut step = match reply {
            None => {
                let (check, step) = Check::start(&context, &request);
                self.check = check;
                step
            }
            Some(reply) => self.check.resume(&context, &request, reply),
        };
        loop {
            let call = match step {
                Step::Decided(decision) => return self.apply(&decision, headers),
                Step::Ask(call) => call,
            };
            // Each question is asked once in a check, so this ends.
            match self.answer(me, raw, &call) {
                Ok(Some(reply)) => step = self.check.resume(&context, &request, reply),
                Ok(None) => return Now::Waits,
                Err(reason) => return self.refuse(reason, headers),
            }
        }
    }

    /// Answers a question at once, or sees to it that the answer comes (none). An error is the client's fault.
    fn answer(
        &mut self,
        me: &Rc<RefCell<Self>>,
        raw: &RawRequest<'_>,
        call: &Call,
    ) -> Result<Option<Reply>, Reason> {
        match call {
            Call::Keys { issuer, newer } => {
                let gate = &self.gate;
                let mut parked = gate.parked.borrow_mut();
                match gate.keys.wait(*issuer, *newer, gate.now_ms()) {
                    Wait::Until(epoch) if parked.len() < MAX_PARKED => {
                        let until_ms = gate.now_ms().saturating_add(KEY_WAIT_MS);
                        parked.insert(
                            self.id,
                            Parked { flight: Rc::clone(me), issuer: *issuer, epoch, until_ms },
                        );
                        Ok(None)
                    }
                    Wait::Until(_) | Wait::Over => Ok(Some(Reply::Keys)),
                }
            }
            Call::Sidecar { inputs, timeout_ms } => {
                self.ask_sidecar(me, raw, inputs.as_ref(), *timeout_ms)
            }
            Call::PeerCertificate { subject } => {
                Ok(Some(Reply::PeerCertificate(certificate::shown(*subject))))
            }
            // The filter never judges opaque tokens itself.
            Call::Introspect { .. } => Ok(Some(Reply::Introspection(None))),
        }
    }

    fn ask_sidecar(
        &mut self,
        me: &Rc<RefCell<Self>>,
        raw: &RawRequest<'_>,
        inputs: Option<&Arc<Inputs>>,
        timeout_ms: u64,
    ) -> Result<Option<Reply>, Reason> {
        let gate = Rc::clone(&self.gate);
        // A host call that only these requests pay.
        let peer = peer();
        let raw = &RawRequest { peer: &peer, ..*raw };
        let certificate = certificate::extensions(inputs.map(AsRef::as_ref));
        let key = verdicts::key(raw, inputs.map(AsRef::as_ref), &certificate);
        if let Some(verdict) = gate.verdicts.borrow().recall(&key, gate.now_ms()) {
            gate.metrics.event("sallyport.verdict_cache.hit");
            return Ok(Some(Reply::Verdict(Some(verdict))));
        }
        gate.metrics.event("sallyport.verdict_cache.miss");
        // What cannot be asked is no dead dependency, which some routes would let pass.
        let message = ext_authz::question(raw, gate.policy.digest(), certificate)
            .ok_or(Reason::RequestMalformed)?;
        let call = gate.sidecar.as_ref().and_then(|cluster| {
            host::grpc_call(cluster, ext_authz::SERVICE, ext_authz::METHOD, &message, timeout_ms)
        });
        let Some(call) = call else {
            gate.metrics.event("sallyport.sidecar_calls.failed");
            return Ok(Some(Reply::Verdict(None)));
        };
        self.verdict_key = Some(key);
        self.inputs = inputs.cloned();
        self.asked_ms = host::now_ms();
        self.call = Some(call);
        gate.asked.borrow_mut().insert(call, Rc::clone(me));
        Ok(None)
    }

    fn apply(&mut self, decision: &Decision, headers: &Headers<'_>) -> Now {
        self.gate.metrics.decided(decision);
        if let Some(capture) = &mut self.capture {
            capture.decided(decision);
        }
        self.passed = decision.allows();
        match &decision.outcome {
            Outcome::Allow(permit) => {
                // Before Envoy's ext_authz the sidecar says it too, and Envoy adds that.
                if self.gate.side != Side::FilterBefore {
                    self.response.clone_from(&decision.response);
                }
                let changes = permit.mutations();
                let removed = |name: &[u8]| changes.remove.contains(name);
                let pairs = headers.pairs();
                if changes.set.is_empty()
                    && changes.path.is_none()
                    && !pairs.iter().any(|(name, _)| removed(name))
                {
                    return Now::Continues;
                }
                // One call that writes all headers costs less than two that write one each.
                let added =
                    changes.set.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes()));
                let block = match &changes.path {
                    None => headers.edited(removed, added),
                    Some(path) => {
                        let mut pairs = pairs.to_vec();
                        replace_path(&mut pairs, path);
                        pairs.retain(|(name, _)| !removed(name));
                        pairs.extend(added);
                        pairs::serialise(pairs.iter().copied())
                    }
                };
                if host::set_header_pairs(Map::Request, &block) {
                    Now::Continues
                } else {
                    self.passed = false;
                    let reason = Reason::PolicyUnavailable;
                    let refused = Decision::refused(reason, Door::Filter);
                    self.respond(&Denial::new(reason), &refused, headers.pairs())
                }
            }
            Outcome::Deny(denial) => {
                self.hide_credentials(headers.pairs());
                self.respond(denial, decision, headers.pairs())
            }
        }
    }

    /// Access logs tell the path of a denied request too: a token in its query must not stand there.
    fn hide_credentials(&self, pairs: &[Pair<'_>]) {
        let path = pairs.iter().find(|(name, _)| *name == b":path").map_or(&[][..], |(_, it)| it);
        if let Some(path) = self.gate.policy.path_without_credentials(path) {
            let mut pairs = pairs.to_vec();
            replace_path(&mut pairs, &path);
            host::set_header_pairs(Map::Request, &pairs::serialise(pairs.iter().copied()));
        }
    }

    /// Nothing could be judged. `headers`: the request's, as far as they could be read.
    fn refuse(&mut self, reason: Reason, headers: &Headers<'_>) -> Now {
        let decision = Decision::refused(reason, Door::Filter);
        self.apply(&decision, headers)
    }

    fn respond(&self, denial: &Denial, decision: &Decision, pairs: &[Pair<'_>]) -> Now {
        let id = self.gate.fresh_id();
        let answer = self.gate.policy.answer(denial, decision, &raw(pairs), &id);
        let headers = pairs::serialise(
            answer.headers.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes())),
        );
        host::send_local_response(answer.status, &headers, answer.body.as_bytes());
        Now::Answered
    }

    /// The response's headers are here: those of the decision replace the upstream's. `vary` lists what a cache compares,
    /// so that it is added to.
    pub(crate) fn respond_with(&self) {
        if self.response.is_empty() {
            return;
        }
        let Some(block) = host::header_pairs(Map::Response) else { return };
        let Some(mut pairs) = pairs::parse(&block) else { return };
        pairs.retain(|(name, _)| {
            *name == b"vary" || !self.response.iter().any(|(own, _)| own.as_bytes() == *name)
        });
        pairs.extend(self.response.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes())));
        host::set_header_pairs(Map::Response, &pairs::serialise(pairs.iter().copied()));
    }

    /// Trailers are headers that come late: what may not come from the client is taken out of them too.
    pub(crate) fn trailers(&self) {
        let Some(block) = host::header_pairs(Map::RequestTrailers) else { return };
        let Some(pairs) = pairs::parse(&block) else { return };
        let removed = |name: &[u8]| {
            self.gate.policy.identity_headers().contains(name)
                || name.eq_ignore_ascii_case(b"authorization")
        };
        if pairs.iter().any(|(name, _)| removed(name)) {
            let kept = pairs.iter().copied().filter(|(name, _)| !removed(name));
            host::set_header_pairs(Map::RequestTrailers, &pairs::serialise(kept));
        }
    }

    /// The stream ended.
    pub(crate) fn end(&mut self) {
        self.waiting = false;
        self.gate.parked.borrow_mut().remove(&self.id);
        if let Some(call) = self.call.take() {
            self.gate.asked.borrow_mut().remove(&call);
        }
    }
}

fn replace_path<'a>(pairs: &mut [Pair<'a>], path: &'a str) {
    for (_, value) in pairs.iter_mut().filter(|(name, _)| *name == b":path") {
        *value = path.as_bytes();
    }
}

fn raw<'a>(pairs: &'a [Pair<'a>]) -> RawRequest<'a> {
    let mut raw = RawRequest {
        method: b"",
        scheme: b"",
        authority: b"",
        path: b"",
        headers: pairs,
        peer: b"",
    };
    for (name, value) in pairs {
        match *name {
            b":method" => raw.method = value,
            b":scheme" => raw.scheme = value,
            b":authority" => raw.authority = value,
            b":path" => raw.path = value,
            _ => {}
        }
    }
    raw
}

/// IP address of the peer, without its port.
fn peer() -> Vec<u8> {
    let address = host::property(b"source\0address").unwrap_or_default();
    match address.iter().rposition(|byte| *byte == b':') {
        Some(at) => address.get(..at).map(<[u8]>::to_vec).unwrap_or_default(),
        None => address,
    }
}
