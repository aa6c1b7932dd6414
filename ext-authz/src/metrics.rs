//! What is counted, under the names of docs. Labels are closed lists, or names that the operator wrote into the policy;
//! nothing of a request becomes a label.

use std::sync::Arc;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use sallyport_policy::{Decision, Reason};

/// Labels of a decision.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Decided {
    door: &'static str,
    rule: Arc<str>,
    reason: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct WouldDeny {
    rule: Arc<str>,
    reason: &'static str,
}

/// Labels of a call to a provider.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct Dependency {
    issuer: Arc<str>,
    result: &'static str,
}

impl Dependency {
    pub(crate) fn new(issuer: &Arc<str>, result: &'static str) -> Self {
        Self { issuer: Arc::clone(issuer), result }
    }
}

/// Labels of keys that are left out of a set.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct SkippedKeys {
    issuer: Arc<str>,
    reason: &'static str,
}

/// The memory of judged tokens: looked at by every request, so its counters are at hand without a look-up.
#[derive(Clone, Debug, Default)]
pub(crate) struct TokenCacheMetrics {
    pub(crate) hit: Counter,
    pub(crate) miss: Counter,
    pub(crate) refused: Counter,
    pub(crate) entries: Gauge,
    pub(crate) bytes: Gauge,
}

/// One word of a closed list.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct Outcome {
    result: &'static str,
}

/// What became of a record. The reason is of drops alone.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct RecordFate {
    result: &'static str,
    reason: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct PolicyInfo {
    digest: String,
}

/// A family of counters.
#[derive(Clone, Debug)]
pub(crate) struct Counted<L: Clone + std::hash::Hash + Eq>(Family<L, Counter>);

impl<L: Clone + std::hash::Hash + Eq> Default for Counted<L> {
    fn default() -> Self {
        Self(Family::default())
    }
}

impl<L: Clone + std::hash::Hash + Eq> Counted<L> {
    pub(crate) fn count(&self, labels: L) {
        self.add(labels, 1);
    }

    pub(crate) fn add(&self, labels: L, by: u64) {
        self.0.get_or_create(&labels).inc_by(by);
    }
}

/// Everything that is counted.
pub struct Metrics {
    registry: Registry,
    decisions: Counted<Decided>,
    would_deny: Counted<WouldDeny>,
    pub(crate) introspection_requests: Counted<Dependency>,
    introspection_cache: Counted<Outcome>,
    pub(crate) jwks_fetches: Counted<Dependency>,
    jwks_keys_skipped: Counted<SkippedKeys>,
    pub(crate) token_cache: TokenCacheMetrics,
    mirror_records: Counted<RecordFate>,
    mirror_judged: Counted<Outcome>,
    pub(crate) mirror_queued: Gauge,
    policy_loads: Counted<Outcome>,
    policy_info: Family<PolicyInfo, Gauge>,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut metrics = Self {
            registry: Registry::with_prefix("sallyport"),
            decisions: Counted::default(),
            would_deny: Counted::default(),
            introspection_requests: Counted::default(),
            introspection_cache: Counted::default(),
            jwks_fetches: Counted::default(),
            jwks_keys_skipped: Counted::default(),
            token_cache: TokenCacheMetrics::default(),
            mirror_records: Counted::default(),
            mirror_judged: Counted::default(),
            mirror_queued: Gauge::default(),
            policy_loads: Counted::default(),
            policy_info: Family::default(),
        };
        metrics.register();
        metrics
    }
}

impl Metrics {
    fn register(&mut self) {
        let all = &mut self.registry;
        all.register("decisions", "Decisions", self.decisions.0.clone());
        all.register("would_deny", "Denials in shadow", self.would_deny.0.clone());
        all.register(
            "introspection_requests",
            "Calls to introspection endpoints",
            self.introspection_requests.0.clone(),
        );
        all.register(
            "introspection_cache",
            "Where introspection replies came from",
            self.introspection_cache.0.clone(),
        );
        all.register("jwks_fetches", "Fetches of key sets", self.jwks_fetches.0.clone());
        all.register(
            "jwks_keys_skipped",
            "Keys of fetched sets that are not used",
            self.jwks_keys_skipped.0.clone(),
        );
        let tokens = &mut self.token_cache;
        let results: Family<Outcome, Counter> = Family::default();
        for (result, counter) in
            [("hit", &mut tokens.hit), ("miss", &mut tokens.miss), ("refused", &mut tokens.refused)]
        {
            *counter = results.get_or_create(&Outcome { result }).clone();
        }
        all.register("token_cache", "Look-ups of judged tokens", results);
        all.register("token_cache_entries", "Judged tokens remembered", tokens.entries.clone());
        all.register("token_cache_bytes", "Bytes of judged tokens", tokens.bytes.clone());
        all.register("mirror_records", "Mirrored records", self.mirror_records.0.clone());
        all.register("mirror_judged", "Requests judged in shadow", self.mirror_judged.0.clone());
        all.register("mirror_queued", "Records on their way", self.mirror_queued.clone());
        all.register("policy_loads", "Loads of the policy", self.policy_loads.0.clone());
        all.register("policy_info", "The policy in force", self.policy_info.clone());
    }

    /// A decision, and what it would have denied in shadow.
    pub(crate) fn decided(&self, door: &'static str, decision: &Decision) {
        let rule = decision.rule.clone().unwrap_or_else(|| "".into());
        if let Some(reason) = decision.would_deny {
            self.would_deny(&rule, reason);
        }
        self.decisions.count(Decided { door, rule, reason: decision.reason.word() });
    }

    pub(crate) fn would_deny(&self, rule: &Arc<str>, reason: Reason) {
        self.would_deny.count(WouldDeny { rule: Arc::clone(rule), reason: reason.word() });
    }

    /// `reason` is a word of `sallyport_jwt::SkipReason`.
    pub(crate) fn keys_skipped(&self, issuer: &Arc<str>, reason: &'static str, count: u64) {
        self.jwks_keys_skipped.add(SkippedKeys { issuer: Arc::clone(issuer), reason }, count);
    }

    /// `hit`, `miss` or `joined`.
    pub(crate) fn introspection_cache(&self, result: &'static str) {
        self.introspection_cache.count(Outcome { result });
    }

    /// `received`, `exported` or `duplicate`.
    pub(crate) fn records(&self, result: &'static str, count: usize) {
        let fate = RecordFate { result, reason: "" };
        self.mirror_records.add(fate, u64::try_from(count).unwrap_or(u64::MAX));
    }

    pub(crate) fn dropped(&self, reason: &'static str, count: usize) {
        let fate = RecordFate { result: "dropped", reason };
        self.mirror_records.add(fate, u64::try_from(count).unwrap_or(u64::MAX));
    }

    /// `judged`, `refused_transport`, `duplicate` or `overloaded`.
    pub(crate) fn judged(&self, result: &'static str) {
        self.mirror_judged.count(Outcome { result });
    }

    pub(crate) fn loaded(&self, digest: &str) {
        self.policy_loads.count(Outcome { result: "ok" });
        self.policy_info.clear();
        self.policy_info.get_or_create(&PolicyInfo { digest: digest.to_owned() }).set(1);
    }

    pub(crate) fn load_failed(&self) {
        self.policy_loads.count(Outcome { result: "failed" });
    }

    /// Everything as OpenMetrics text, which Prometheus reads.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = String::new();
        // Writing into a String cannot fail; half a text would be seen by its missing end mark.
        if encode(&mut text, &self.registry).is_err() {
            tracing::error!("metrics cannot be written");
        }
        text
    }
}
