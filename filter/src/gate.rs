//! What one plugin configuration became in one worker: policy, keys, caches, queue, counters. Shared by the root
//! context and all streams; a VM has one thread, so plain cells do.

use std::cell::{Cell, RefCell};
use std::hash::{BuildHasher, RandomState};
use std::rc::Rc;
use std::sync::Arc;

use hashbrown::HashMap;
use prost::Message;
use sallyport_jwt::UnixTime;
use sallyport_policy::mirror::wire::{self, Batch, Receipt};
use sallyport_policy::{
    Context, Identity, IssuerId, PluginConfig, Policy, Problem, Remembered, Side, TokenCache,
    TokenMemory, Topology,
};

use crate::capture::{Capture, Held};
use crate::crypto::Backend;
use crate::flight::Flight;
use crate::host;
use crate::keys::Keys;
use crate::limits::{PUSH_TIMEOUT_MS, TOKEN_CACHE_BYTES};
use crate::metrics::Metrics;
use crate::queue::{Queue, Tally};
use crate::verdicts::Verdicts;
use sallyport_policy::limits::MAX_CLUSTER_BYTES;

/// One configuration at work.
pub(crate) struct Gate {
    pub(crate) policy: Policy,
    pub(crate) side: Side,
    pub(crate) sidecar: Option<String>,
    judge: bool,
    pub(crate) keys: Keys,
    tokens: RefCell<TokenCache>,
    /// What the gauges of remembered tokens hold of this worker's.
    told_entries: Cell<i64>,
    told_bytes: Cell<i64>,
    pub(crate) verdicts: RefCell<Verdicts>,
    pub(crate) metrics: Metrics,
    queue: RefCell<Queue>,
    pub(crate) backend: Backend,
    /// Requests that wait for keys, by context id.
    pub(crate) parked: RefCell<HashMap<u32, Parked>>,
    /// Requests whose question to the sidecar was asked while the root context ran, by call.
    pub(crate) asked: RefCell<HashMap<u32, Rc<RefCell<Flight>>>>,
    /// Bytes of bodies that open streams hold.
    pub(crate) held: Held,
    now_ms: Cell<u64>,
    /// The call that asks for the sidecar's generation, and when it was made.
    contact: Cell<Option<(u32, u64)>>,
    random: RandomState,
    counter: Cell<u64>,
}

/// A request that waits for keys.
pub(crate) struct Parked {
    pub(crate) flight: Rc<RefCell<Flight>>,
    pub(crate) issuer: IssuerId,
    pub(crate) epoch: u64,
    pub(crate) until_ms: u64,
}

impl Gate {
    /// Compiles a plugin configuration.
    pub(crate) fn new(configuration: Vec<u8>) -> Result<(Self, Vec<Problem>), Vec<Problem>> {
        let config = PluginConfig::parse(&configuration)?;
        // Where a policy is large, so are these, and memory that they need no more the policy may take.
        drop(configuration);
        let (config, copy) = config.replace(());
        let (policy, warnings) = Policy::compile_filter_copy(copy)?;
        without_sidecar(&policy, &config)?;
        Ok((Self::with(policy, &config), warnings))
    }

    fn with(policy: Policy, config: &PluginConfig<()>) -> Self {
        let side = match config.topology {
            Topology::Ask => Side::FilterAsking,
            Topology::ExtAuthz => Side::FilterBefore,
        };
        let gate = Self {
            keys: Keys::new(&policy, config.shared_data),
            tokens: RefCell::new(TokenCache::new(config.token_cache, TOKEN_CACHE_BYTES)),
            verdicts: RefCell::new(Verdicts::new(config.verdict_cache)),
            sidecar: config.sidecar_cluster.clone(),
            judge: config.judge,
            backend: Backend::probe(),
            side,
            ..Self::deny_all()
        };
        Self { policy, ..gate }
    }

    /// The gate that is shut: what stands where no policy could be loaded.
    pub(crate) fn deny_all() -> Self {
        let policy = Policy::deny_all();
        Self {
            keys: Keys::new(&policy, false),
            policy,
            side: Side::FilterAsking,
            sidecar: None,
            judge: false,
            tokens: RefCell::new(TokenCache::new(0, 0)),
            told_entries: Cell::new(0),
            told_bytes: Cell::new(0),
            verdicts: RefCell::default(),
            metrics: Metrics::default(),
            queue: RefCell::default(),
            backend: Backend::Pure,
            parked: RefCell::default(),
            asked: RefCell::default(),
            held: Held::default(),
            now_ms: Cell::new(host::now_ms()),
            contact: Cell::new(None),
            random: RandomState::new(),
            counter: Cell::new(0),
        }
    }

    /// What a check needs. Seconds are fine enough for tokens, so the time is that of the last tick: no host call.
    pub(crate) fn context(&self) -> Context<'_> {
        let seconds = self.now_ms.get().checked_div(1_000).unwrap_or(0);
        Context {
            policy: &self.policy,
            keys: &self.keys,
            tokens: self,
            backend: &self.backend,
            now: UnixTime(i64::try_from(seconds).unwrap_or(i64::MAX)),
            side: self.side,
        }
    }

    /// Milliseconds since 1970, as of the last tick.
    pub(crate) fn now_ms(&self) -> u64 {
        self.now_ms.get()
    }

    /// An id that no other worker and no other request has.
    pub(crate) fn fresh_id(&self) -> String {
        let count = self.counter.get();
        self.counter.set(count.wrapping_add(1));
        format!("{:016x}", self.random.hash_one((count, self.now_ms.get())))
    }

    /// One tick; `slow` once a second.
    pub(crate) fn tick(&self, now_ms: u64, slow: bool) {
        if now_ms < self.now_ms.replace(now_ms) {
            self.clock_stepped();
        }
        self.keys.tick(&self.policy, now_ms, &self.metrics);
        self.forget_tokens();
        self.flush_records();
        if slow {
            self.keep_contact();
            self.measure_tokens();
            self.metrics.flush();
        }
    }

    /// An HTTP call ended: perhaps one for keys.
    pub(crate) fn keys_answered(&self, token: u32) {
        self.keys.received(&self.policy, token, host::now_ms(), &self.metrics);
        self.forget_tokens();
    }

    /// What was known of tokens rests on keys: where some are not used any more, it is void.
    fn forget_tokens(&self) {
        if self.keys.take_changed() {
            self.tokens.borrow_mut().clear();
        }
    }

    /// Moves the gauges of remembered tokens to what this worker holds now.
    fn measure_tokens(&self) {
        let (entries, bytes) = {
            let tokens = self.tokens.borrow();
            (tokens.entries(), tokens.bytes())
        };
        for (name, now, told) in [
            ("sallyport.token_cache.entries", entries, &self.told_entries),
            ("sallyport.token_cache.bytes", bytes, &self.told_bytes),
        ] {
            let now = i64::try_from(now).unwrap_or(i64::MAX);
            self.metrics.gauge(name, now.saturating_sub(told.replace(now)));
        }
    }

    /// The clock went backwards: whoever waits for a time would wait too long, and what stands until a time too.
    fn clock_stepped(&self) {
        self.keys.clock_stepped(self.now_ms());
        self.verdicts.borrow_mut().clock_stepped();
        self.queue.borrow_mut().clock_stepped();
        self.parked.borrow_mut().values_mut().for_each(|parked| parked.until_ms = 0);
    }

    /// This configuration ends: what is still queued is dropped and counted, gauges go back, counters are handed over.
    pub(crate) fn end(&self, gauge: &'static str) {
        let left = self.queue.borrow_mut().abandon();
        if left > 0 {
            self.metrics.events_by(
                "sallyport.mirror.dropped.config_change",
                u64::try_from(left).unwrap_or(u64::MAX),
            );
            self.metrics.gauge(
                "sallyport.mirror.queued",
                i64::try_from(left).unwrap_or(0).saturating_neg(),
            );
        }
        self.metrics.gauge(gauge, -1);
        self.tokens.borrow_mut().clear();
        self.measure_tokens();
        self.metrics.flush();
    }

    /// A finished exchange goes into the queue, redacted.
    pub(crate) fn captured(&self, capture: Capture) {
        let Some(rules) = self.policy.mirror() else { return };
        let (exchange, judge) = capture.finish();
        let record = rules.redact(exchange, self.policy.service(), self.policy.environment());
        self.metrics.event("sallyport.mirror.captured");
        let mut queue = self.queue.borrow_mut();
        let before = queue.len();
        let tally = queue.push(record, judge.filter(|_| self.judge));
        self.count(&tally, before, queue.len());
    }

    fn flush_records(&self) {
        let Some(cluster) = &self.sidecar else { return };
        let mut queue = self.queue.borrow_mut();
        if queue.len() == 0 {
            return;
        }
        let before = queue.len();
        let tally = queue.flush(self.policy.digest(), self.now_ms(), |batch| push(cluster, batch));
        self.count(&tally, before, queue.len());
    }

    /// Verdicts are reused only with contact to the sidecar: an empty push asks for its generation.
    fn keep_contact(&self) {
        let Some(cluster) = &self.sidecar else { return };
        if self.contact.get().is_none() && !self.verdicts.borrow().is_empty() {
            let asked_ms = host::now_ms();
            self.contact.set(push(cluster, &Batch::default()).map(|token| (token, asked_ms)));
        }
    }

    /// A call to the collector ended. False: it was not one.
    pub(crate) fn pushed(&self, token: u32, reply: Option<&[u8]>) -> bool {
        let receipt = reply.and_then(|bytes| Receipt::decode(bytes).ok());
        if let Some((_, asked_ms)) = self.contact.get().filter(|(contact, _)| *contact == token) {
            self.contact.set(None);
            if let Some(receipt) = receipt {
                self.verdicts.borrow_mut().heard(receipt.generation, asked_ms);
            }
            return true;
        }
        let mut queue = self.queue.borrow_mut();
        let before = queue.len();
        let Some(tally) = queue.answered(token, receipt.is_some(), self.now_ms()) else {
            return false;
        };
        self.count(&tally, before, queue.len());
        true
    }

    fn count(&self, tally: &Tally, before: usize, after: usize) {
        for (name, by) in [
            ("sallyport.mirror.exported", tally.exported),
            ("sallyport.mirror.dropped.queue_full", tally.dropped_full),
            ("sallyport.mirror.dropped.sink_unavailable", tally.dropped_unsent),
        ] {
            if by > 0 {
                self.metrics.events_by(name, by);
            }
        }
        let (before, after) =
            (i64::try_from(before).unwrap_or(0), i64::try_from(after).unwrap_or(0));
        self.metrics.gauge("sallyport.mirror.queued", after.saturating_sub(before));
    }
}

/// What needs a sidecar where there is none would be unavailable for ever, and pass where a route fails open.
fn without_sidecar(policy: &Policy, config: &PluginConfig<()>) -> Result<(), Vec<Problem>> {
    let fix = "name the sidecar's cluster as `sidecar.cluster`";
    if let Some(name) = &config.sidecar_cluster
        && (name.is_empty() || name.len() > MAX_CLUSTER_BYTES)
    {
        return Err(vec![Problem::error(
            "sidecar.cluster",
            "is no name of a cluster that can be called",
            fix,
        )]);
    }
    if config.sidecar_cluster.is_some() {
        return Ok(());
    }
    if policy.mirror().is_some() {
        return Err(vec![Problem::error("sidecar", "is missing, and `mirror` sends to it", fix)]);
    }
    match policy.needs_sidecar().filter(|_| config.topology == Topology::Ask) {
        Some(route) => {
            let message = format!("is missing, and the route `{}` asks it", route.name());
            Err(vec![Problem::error("sidecar", message, fix)])
        }
        None => Ok(()),
    }
}

fn push(cluster: &str, batch: &Batch) -> Option<u32> {
    host::grpc_call(cluster, wire::SERVICE, wire::METHOD, &batch.encode_to_vec(), PUSH_TIMEOUT_MS)
}

impl TokenMemory for Gate {
    fn recall(&self, token: &[u8], now: UnixTime) -> Option<Remembered> {
        let found = self.tokens.borrow_mut().recall(token, now);
        match found {
            Some(Remembered::BadSignature(_)) => {
                self.metrics.event("sallyport.token_cache.refused")
            }
            Some(Remembered::Verified(_)) => self.metrics.token(true),
            None => self.metrics.token(false),
        }
        found
    }

    fn remember(&self, token: &[u8], identity: &Arc<Identity>) {
        self.tokens.borrow_mut().remember(token, identity);
    }

    fn remember_refusal(&self, token: &[u8], issuer: IssuerId, now: UnixTime) {
        self.tokens.borrow_mut().remember_refusal(token, issuer, now);
    }
}
