//! Decisions that were made against decisions that were counted. An allow does not say in its answer
//! who allowed it and why; the counters do. The filter sends its own about once a second, so the
//! books are balanced after a group of cases, not after each.

use std::collections::{BTreeMap, BTreeSet};

use sallyport_policy::{Door, Reason};

use super::{Case, Told};
use crate::prom::Scrape;
use crate::stage::{Stage, Way};
use crate::{Result, limits, wait};

const FILTER: &str = "wasmcustom.sallyport.decisions.";
const SIDECAR: &str = "sallyport_decisions_total";

/// A counter: `filter.read-order.allowed` in Envoy, `grpc|read-order|allowed` in the sidecar.
type Counts = BTreeMap<String, u64>;

/// What has to have been counted since the stage stands.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    filter: Counts,
    sidecar: Counts,
}

impl Ledger {
    /// Notes a case that was sent.
    pub(super) fn note(&mut self, case: &Case) {
        let [filter, sidecar] = counters(case);
        for (counts, key) in [(&mut self.filter, filter), (&mut self.sidecar, sidecar)] {
            if let Some(key) = key {
                let count = counts.entry(key).or_insert(0);
                *count = count.saturating_add(1);
            }
        }
    }

    /// A new sidecar counts from zero.
    pub(super) fn forget_sidecar(&mut self) {
        self.sidecar.clear();
    }

    /// Waits until the counters show exactly what was noted. Gives the counters that do not, with
    /// what is wrong; they start anew from what they show.
    pub(super) async fn balance(&mut self, stage: &Stage) -> Result<Wrong> {
        let balanced = || async {
            let now = observe(stage).await.ok()?;
            (now.0 == self.filter && now.1 == self.sidecar).then_some(())
        };
        if wait::value(limits::COUNTED, balanced).await.is_ok() {
            return Ok(Wrong::default());
        }
        let (in_filter, in_sidecar) = observe(stage).await?;
        let mut wrong = Wrong::default();
        wrong.compare("Envoy", &self.filter, &in_filter);
        self.filter = in_filter;
        wrong.compare("the sidecar", &self.sidecar, &in_sidecar);
        self.sidecar = in_sidecar;
        Ok(wrong)
    }
}

/// Counters that are wrong.
#[derive(Debug, Default)]
pub(super) struct Wrong(BTreeMap<String, String>);

impl Wrong {
    fn compare(&mut self, whose: &str, expected: &Counts, actual: &Counts) {
        let keys: BTreeSet<&String> = expected.keys().chain(actual.keys()).collect();
        for key in keys {
            let (expected, actual) = (expected.get(key), actual.get(key));
            if expected != actual {
                let counted = actual.copied().unwrap_or(0);
                let expected = expected.copied().unwrap_or(0);
                let text = format!("{whose} counted `{key}` {counted} times, not {expected}");
                self.0.insert(key.clone(), text);
            }
        }
    }

    /// What is wrong with the counters of a case.
    pub(super) fn of(&self, case: &Case) -> Vec<String> {
        counters(case).iter().flatten().filter_map(|key| self.0.get(key).cloned()).collect()
    }

    /// Everything.
    pub(super) fn all(&self) -> Vec<String> {
        self.0.values().cloned().collect()
    }
}

/// The counters that a case advances: the filter's and the sidecar's.
fn counters(case: &Case) -> [Option<String>; 2] {
    if case.answer == Told::ByEnvoy {
        return [None, None];
    }
    let inline = |door: Door, reason: Reason| {
        let rule = if case.rule.is_empty() { "-" } else { case.rule };
        Some(format!("{}.{rule}.{reason}", door.word()))
    };
    let sidecar = |door: &str| Some(format!("{door}|{}|{}", case.rule, case.reason));
    match (case.way, case.door) {
        (Way::Ask, Door::Filter | Door::Cache) | (Way::ExtAuthz, Door::Filter) => {
            [inline(case.door, case.reason), None]
        }
        (Way::Ask, Door::Sidecar) => [inline(Door::Sidecar, case.reason), sidecar("grpc")],
        // The filter lets pass what it leaves to the ext_authz after it.
        (Way::ExtAuthz, _) => [inline(Door::Filter, Reason::Allowed), sidecar("grpc")],
        (Way::Grpc, _) => [None, sidecar("grpc")],
        (Way::Http, _) => [None, sidecar("http")],
    }
}

async fn observe(stage: &Stage) -> Result<(Counts, Counts)> {
    let stats = stage.envoy.stats(FILTER).await?;
    let filter = stats
        .into_iter()
        .filter(|(_, count)| *count > 0)
        .map(|(name, count)| (name.strip_prefix(FILTER).unwrap_or(&name).to_owned(), count))
        .collect();
    Ok((filter, decisions(&stage.sidecar_metrics().await?)))
}

/// Decisions on requests that wait; those judged in shadow come when they come.
fn decisions(scrape: &Scrape) -> Counts {
    let mut counts = Counts::new();
    for door in ["grpc", "http"] {
        for rule in scrape.label_values(SIDECAR, "rule") {
            for reason in scrape.label_values(SIDECAR, "reason") {
                let labels = [("door", door), ("rule", &rule), ("reason", &reason)];
                let count = whole(scrape.sum(SIDECAR, &labels));
                if count > 0 {
                    counts.insert(format!("{door}|{rule}|{reason}"), count);
                }
            }
        }
    }
    counts
}

/// A counter's value; counters of a test run are small whole numbers.
pub(super) fn whole(value: f64) -> u64 {
    format!("{value:.0}").parse().unwrap_or(0)
}
