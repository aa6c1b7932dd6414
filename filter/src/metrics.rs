//! Counters, collected in the worker and handed to the host once a second: a host call for each request would cost more
//! than the decision. Names are bounded: doors, rules of the policy, reasons of the closed list; a statistic is defined
//! when it counts for the first time, and beyond a number of them one named `other` counts.

use std::cell::{Cell, RefCell};
use std::sync::Arc;

use hashbrown::{HashMap, HashSet};
use sallyport_policy::{Decision, Door, Reason};

use crate::host::{self, Metric, MetricId};
use crate::limits::{MAX_DECISION_METRICS, MAX_WOULD_DENY_METRICS};

/// Counters of one worker.
#[derive(Default)]
pub(crate) struct Metrics {
    decisions: RefCell<HashMap<DecisionKey, u64>>,
    /// Touched by requests in shadow alone.
    would_deny: RefCell<HashMap<DecisionKey, u64>>,
    decision_names: RefCell<Names>,
    would_deny_names: RefCell<Names>,
    /// Apart from the other events: they happen in every request.
    token_hits: Cell<u64>,
    token_misses: Cell<u64>,
    events: RefCell<HashMap<&'static str, u64>>,
    gauges: RefCell<HashMap<&'static str, i64>>,
    ids: RefCell<HashMap<String, Option<MetricId>>>,
}

/// Door, rule and reason. A rule is told by its name's address: one policy, one name, one address.
type DecisionKey = (u8, Option<RuleName>, Reason);

#[derive(Clone)]
struct RuleName(Arc<str>);

impl PartialEq for RuleName {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for RuleName {}

impl std::hash::Hash for RuleName {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        Arc::as_ptr(&self.0).hash(state);
    }
}

/// The statistics of one kind that were defined.
#[derive(Default)]
struct Names(HashSet<String>);

impl Names {
    /// The name to count under: its own, or `other` where `most` are in use.
    fn bounded<'n>(&mut self, name: &'n str, other: &'n str, most: usize) -> &'n str {
        if self.0.contains(name) {
            return name;
        }
        if self.0.len() >= most {
            return other;
        }
        self.0.insert(name.to_owned());
        name
    }
}

impl Metrics {
    pub(crate) fn decided(&self, decision: &Decision) {
        let door = match decision.door {
            Door::Filter => 0,
            Door::Sidecar => 1,
            Door::Cache => 2,
        };
        let rule = decision.rule.clone().map(RuleName);
        if let Some(reason) = decision.would_deny {
            count(&self.would_deny, (door, rule.clone(), reason));
        }
        count(&self.decisions, (door, rule, decision.reason));
    }

    /// Counts a look-up of a token.
    pub(crate) fn token(&self, found: bool) {
        let counter = if found { &self.token_hits } else { &self.token_misses };
        counter.set(counter.get().saturating_add(1));
    }

    /// Counts something that is not a decision.
    pub(crate) fn event(&self, name: &'static str) {
        self.events_by(name, 1);
    }

    pub(crate) fn events_by(&self, name: &'static str, by: u64) {
        let mut events = self.events.borrow_mut();
        let counter = events.entry(name).or_insert(0);
        *counter = counter.saturating_add(by);
    }

    /// Moves a gauge that all workers share by this worker's part.
    pub(crate) fn gauge(&self, name: &'static str, by: i64) {
        let mut gauges = self.gauges.borrow_mut();
        let gauge = gauges.entry(name).or_insert(0);
        *gauge = gauge.saturating_add(by);
    }

    /// Hands everything to the host.
    pub(crate) fn flush(&self) {
        let mut names = self.decision_names.borrow_mut();
        for ((door, rule, reason), by) in self.decisions.borrow_mut().drain() {
            let door =
                ["filter", "sidecar", "cache"].get(usize::from(door)).copied().unwrap_or("filter");
            let name = format!("sallyport.decisions.{door}.{}.{reason}", rule_part(rule.as_ref()));
            let name = names.bounded(&name, "sallyport.decisions.other", MAX_DECISION_METRICS);
            self.add(name, Metric::Counter, by);
        }
        let mut names = self.would_deny_names.borrow_mut();
        for ((_, rule, reason), by) in self.would_deny.borrow_mut().drain() {
            let name = format!("sallyport.would_deny.{}.{reason}", rule_part(rule.as_ref()));
            let name = names.bounded(&name, "sallyport.would_deny.other", MAX_WOULD_DENY_METRICS);
            self.add(name, Metric::Counter, by);
        }
        for (name, counter) in [("hit", &self.token_hits), ("miss", &self.token_misses)] {
            let by = counter.take();
            if by > 0 {
                self.add(&format!("sallyport.token_cache.{name}"), Metric::Counter, by);
            }
        }
        for (name, by) in self.events.borrow_mut().drain() {
            self.add(name, Metric::Counter, by);
        }
        for (name, by) in self.gauges.borrow_mut().drain() {
            if by != 0
                && let Some(id) = self.id(name, Metric::Gauge)
            {
                host::increment_metric(id, by);
            }
        }
    }

    fn add(&self, name: &str, kind: Metric, by: u64) {
        if let Some(id) = self.id(name, kind) {
            host::increment_metric(id, i64::try_from(by).unwrap_or(i64::MAX));
        }
    }

    fn id(&self, name: &str, kind: Metric) -> Option<MetricId> {
        let mut ids = self.ids.borrow_mut();
        if let Some(id) = ids.get(name) {
            return *id;
        }
        let id = host::define_metric(kind, name);
        ids.insert(name.to_owned(), id);
        id
    }
}

fn count(counters: &RefCell<HashMap<DecisionKey, u64>>, key: DecisionKey) {
    let mut counters = counters.borrow_mut();
    let counter = counters.entry(key).or_insert(0);
    *counter = counter.saturating_add(1);
}

/// A dot would split the name of the statistic.
fn rule_part(rule: Option<&RuleName>) -> String {
    rule.map_or_else(|| "-".to_owned(), |rule| rule.0.replace('.', "_"))
}

#[cfg(test)]
mod tests {
    use super::Names;

    #[test]
    fn what_is_too_many_is_counted_together() {
        let mut names = Names::default();
        let told = ["a", "b", "a", "c", "b", "c"].map(|name| names.bounded(name, "other", 2));
        assert_eq!(told, ["a", "b", "a", "other", "b", "other"]);
    }
}
