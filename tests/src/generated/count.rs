//! The filter's counters: an allow through Envoy tells its rule and reason nowhere else, so what was
//! counted has to be what `sallyport check` gave.

use std::collections::BTreeMap;

use super::case::Asked;
use super::doors::{Reach, Said};
use crate::stage::Stage;
use crate::{Result, limits, wait};

/// What Envoy counted that nobody gave.
pub(crate) async fn wrong(stage: &Stage, asked: &[Asked], said: &[Said]) -> Result<Vec<String>> {
    let mut expected: BTreeMap<String, u64> = BTreeMap::new();
    for (asked, said) in asked.iter().zip(said) {
        if Reach::of(asked).envoy {
            let rule = said.rule.as_deref().unwrap_or("-");
            let name = format!("{rule}.{}", said.reason.as_deref().unwrap_or_default());
            let count = expected.entry(name).or_insert(0);
            *count = count.saturating_add(1);
        }
    }
    let prefix = "wasmcustom.sallyport.decisions.";
    let observed = || async {
        let mut counts: BTreeMap<String, u64> = BTreeMap::new();
        for (name, count) in stage.envoy.stats(prefix).await? {
            // Behind the door that decided: filter, sidecar or cache.
            let name = name.strip_prefix(prefix).and_then(|it| it.split_once('.'));
            if let (Some((_, name)), true) = (name, count > 0) {
                let sum = counts.entry(name.to_owned()).or_insert(0);
                *sum = sum.saturating_add(count);
            }
        }
        Ok::<_, crate::Error>(counts)
    };
    let all = || async { (observed().await.ok()? == expected).then_some(()) };
    if wait::value(limits::COUNTED, all).await.is_ok() {
        return Ok(Vec::new());
    }
    let observed = observed().await?;
    let names = expected.keys().chain(observed.keys());
    let mut wrong: Vec<String> = names
        .filter(|name| expected.get(*name) != observed.get(*name))
        .map(|name| {
            let (own, wanted) = (observed.get(name), expected.get(name));
            format!("Envoy counted `{name}` {own:?}, check gave it {wanted:?}")
        })
        .collect();
    wrong.sort();
    wrong.dedup();
    Ok(wrong)
}
