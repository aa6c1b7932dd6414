//! Shadow in the filter on a real Envoy: what would have been denied passes, and is counted by rule and reason; what is
//! not in shadow is counted nowhere there. Many rules make no unbounded number of statistics.

use std::collections::BTreeMap;
use std::path::PathBuf;

use sallyport_tests::Result;
use sallyport_tests::cases::HOST;
use sallyport_tests::envoy::{Binary, CURRENT};
use sallyport_tests::failures::{Failures, get, unharmed};
use sallyport_tests::http1::Request;
use sallyport_tests::limits::COUNTED;
use sallyport_tests::parts::Parts;
use sallyport_tests::stage::{Setup, Stage, Way};

const PREFIX: &str = "wasmcustom.sallyport.would_deny.";
/// As in the filter's limits.
const MOST: u64 = 1_024;
/// Routes beyond that.
const MORE: u64 = 76;

/// Path, whether with a token, status, statistic.
const CASES: &[(&str, bool, u16, Option<&str>)] = &[
    ("/shadowed/1", false, 200, Some("shadowed.token_missing")),
    ("/shadowed/2", true, 200, Some("shadowed.scope_missing")),
    ("/shadowed/3", true, 200, Some("shadowed.scope_missing")),
    ("/shut-in-shadow", false, 200, Some("shut-in-shadow.denied_by_rule")),
    ("/orders/1", false, 401, None),
    ("/shut/1", true, 403, None),
    ("/nowhere", true, 403, None),
    ("/healthz", false, 200, None),
];

#[tokio::test(flavor = "multi_thread")]
async fn denials_in_shadow_are_counted_by_rule_and_reason() {
    let stage = Stage::with_policy("agreement").await.unwrap();
    let mut failures = Failures::default();
    let token = stage.idp.access_token(|_| {}).unwrap();
    let mut expected = BTreeMap::new();
    for (path, with_token, status, statistic) in CASES {
        let actual = if *with_token {
            get(&stage, Way::Ask, path, &token).await.map(|(status, _)| status)
        } else {
            let response = stage.send(Way::Ask, &Request::get(HOST, *path)).await;
            response.map(|response| response.status)
        };
        failures.same(path, actual.ok(), Some(*status));
        if let Some(statistic) = statistic {
            let count = expected.entry(format!("{PREFIX}{statistic}")).or_insert(0_u64);
            *count = count.saturating_add(1);
        }
    }
    for (name, count) in &expected {
        let waited = stage.envoy.wait_stat(name, *count, COUNTED).await;
        failures.same(name, waited.ok(), Some(*count));
    }
    failures.same("statistics", stage.envoy.stats(PREFIX).await.unwrap(), expected);
    unharmed(&stage, &mut failures).await.unwrap();
    stage.close().await.unwrap();
    assert_eq!(failures.report(), None);
}

/// The quickstart with a policy that has more routes in shadow than there may be statistics.
async fn many() -> Result<Stage> {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("many-in-shadow");
    std::fs::create_dir_all(&folder)?;
    let route = |number| {
        format!(
            "  - {{ name: r{number}, match: {{ path: /r/{number} }}, allow: nobody, shadow: true }}\n"
        )
    };
    let routes: String = (0..MOST.saturating_add(MORE)).map(route).collect();
    std::fs::write(folder.join("policy.yaml"), format!("version: 1\nroutes:\n{routes}"))?;
    let mut setup = Setup::quickstart(Parts::find()?, Binary::locate(CURRENT).await?);
    setup.concurrency = 1;
    setup.policy = Some(folder);
    Stage::open(setup).await
}

#[tokio::test(flavor = "multi_thread")]
async fn more_rules_than_statistics_are_counted_together() {
    let stage = many().await.unwrap();
    let mut failures = Failures::default();
    let mut client = stage.client(Way::Ask).unwrap();
    for number in 0..MOST.saturating_add(MORE) {
        let response = client.send(&Request::get(HOST, format!("/r/{number}"))).await;
        failures.same("status", response.map(|it| it.status).ok(), Some(200));
    }
    let other = format!("{PREFIX}other");
    let waited = stage.envoy.wait_stat(&other, MORE, COUNTED).await;
    failures.same("the rest", waited.ok(), Some(MORE));
    let stats = stage.envoy.stats(PREFIX).await.unwrap();
    failures.same("statistics", u64::try_from(stats.len()).unwrap(), MOST.saturating_add(1));
    let sum = stats.values().copied().fold(0, u64::saturating_add);
    failures.same("denials", sum, MOST.saturating_add(MORE));
    unharmed(&stage, &mut failures).await.unwrap();
    stage.close().await.unwrap();
    assert_eq!(failures.report(), None);
}
