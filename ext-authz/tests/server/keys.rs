//! How key sets live: fetched ahead, kept through failures, asked for rarely; by the provider's own count.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use sallyport_ext_authz::limits::KEYS_PREFETCH;

use super::key_provider::KeyProvider;
use super::sidecar::{Asked, Sidecar, until};

/// A policy of issuers, each `(name, members of jwks)`, and a route `/NAME/{id}` for each.
fn policy(provider: &KeyProvider, issuers: &[(&str, &str)]) -> String {
    let (mut text, mut routes) = ("version: 1\nissuers:\n".to_owned(), "routes:\n".to_owned());
    for (name, jwks) in issuers {
        let url = &provider.url;
        let jwks = jwks.replace("PROVIDER", url);
        writeln!(
            text,
            "  {name}: {{ issuer: '{url}/{name}', jwks: {{ {jwks} }}, audiences: [orders], algorithms: [EdDSA] }}"
        )
        .unwrap();
        writeln!(
            routes,
            "  - {{ name: {name}, match: {{ path: '/{name}/{{id}}' }}, authenticate: [{{ jwt: {name} }}] }}"
        )
        .unwrap();
    }
    text + &routes
}

async fn start(delay: Duration, issuers: &[(&str, &str)]) -> (Arc<KeyProvider>, Sidecar) {
    let provider = KeyProvider::start(delay).await;
    let sidecar = Sidecar::with_policy(&policy(&provider, issuers)).await;
    (provider, sidecar)
}

/// Asks with a token that nobody remembers; gives the reason.
async fn ask(sidecar: &Sidecar, provider: &KeyProvider, issuer: &str, id: &str) -> String {
    let (path, token) = (format!("/{issuer}/1"), provider.token(issuer, id));
    sidecar.check(Asked::get(&path, &token)).await.text("reason").to_owned()
}

fn fetched(sidecar: &Sidecar, issuer: &str, result: &str) -> u64 {
    sidecar
        .metric(&format!("sallyport_jwks_fetches_total{{issuer=\"{issuer}\",result=\"{result}\"}}"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_are_fetched_ahead_of_requests() {
    let begin = Instant::now();
    let (provider, sidecar) =
        start(Duration::ZERO, &[("main", "discovery: true, refresh: 1s")]).await;
    until("some fetches without any request", || provider.fetches("main") >= 4).await;
    let (fetches, seconds) = (provider.fetches("main"), begin.elapsed().as_secs_f64());
    // Between 75 % and 90 % of a second after one another.
    assert!(seconds > 2.2, "{seconds}");
    assert!(f64::from(u32::try_from(fetches).unwrap()) <= seconds / 0.75 + 1.0, "{fetches}");
    // A key that was rotated in is known before somebody shows it.
    provider.rotate("k2");
    let before = provider.fetches("main");
    until("the next fetch", || provider.fetches("main") > before).await;
    let settled = u64::try_from(before).unwrap();
    until("its end", || fetched(&sidecar, "main", "ok") > settled).await;
    assert_eq!(ask(&sidecar, &provider, "main", "1").await, "allowed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_word_of_the_policy_keys_are_fetched_once() {
    let (provider, sidecar) = start(
        Duration::ZERO,
        &[("found", "discovery: true"), ("named", "discovery: 'PROVIDER/named/elsewhere'")],
    )
    .await;
    for issuer in ["found", "named"] {
        for id in ["1", "2", "3"] {
            assert_eq!(ask(&sidecar, &provider, issuer, id).await, "allowed", "{issuer}");
        }
        assert_eq!(provider.fetches(issuer), 1, "{issuer}");
    }
}

/// Ways to fail; the provider reads them from the issuers' names.
const FAILURES: &[&str] = &[
    "redirect",
    "html",
    "truncated",
    "broken-off",
    "huge",
    "drip",
    "empty",
    "error",
    "wrong-issuer",
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bad_answers_keep_the_old_keys() {
    let issuers: Vec<_> =
        FAILURES.iter().map(|name| (*name, "discovery: true, refresh: 1s")).collect();
    let (provider, sidecar) = start(Duration::ZERO, &issuers).await;
    for name in FAILURES {
        assert_eq!(ask(&sidecar, &provider, name, "1").await, "allowed", "{name}");
    }
    provider.spoil(true);
    for name in FAILURES {
        until(name, || fetched(&sidecar, name, "failed") >= 1).await;
        assert_eq!(ask(&sidecar, &provider, name, "2").await, "allowed", "{name}");
    }
    provider.spoil(false);
    for name in FAILURES {
        let before = fetched(&sidecar, name, "ok");
        until(name, || fetched(&sidecar, name, "ok") > before).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn old_keys_are_used_for_as_long_as_the_policy_says() {
    let jwks = "discovery: true, refresh: 1s, max_stale: 4s";
    let (provider, sidecar) = start(Duration::ZERO, &[("error", jwks)]).await;
    let remembered = provider.token("error", "remembered");
    let again = || sidecar.check(Asked::get("/error/1", &remembered));
    assert_eq!(again().await.text("reason"), "allowed");
    let before = fetched(&sidecar, "error", "ok");
    until("a refresh", || fetched(&sidecar, "error", "ok") > before).await;
    let begin = Instant::now();
    provider.spoil(true);
    let fetches = provider.fetches("error");
    until("a failure", || fetched(&sidecar, "error", "failed") >= 2).await;
    assert_eq!(ask(&sidecar, &provider, "error", "1").await, "allowed", "stale");
    let forgotten = async {
        while again().await.text("reason") == "allowed" {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), forgotten).await.unwrap();
    let seconds = begin.elapsed().as_secs_f64();
    assert!((2.5..8.0).contains(&seconds), "{seconds}");
    for reason in [again().await.text("reason"), &ask(&sidecar, &provider, "error", "2").await] {
        assert_eq!(reason, "dependency_unavailable");
    }
    // Pauses grow, whoever asks: 1 s, 2 s, 4 s.
    let fetches = provider.fetches("error") - fetches;
    assert!(fetches <= 4, "{fetches}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_of_unknown_keys_costs_one_request() {
    let (provider, sidecar) =
        start(Duration::from_millis(100), &[("main", "discovery: true")]).await;
    assert_eq!(ask(&sidecar, &provider, "main", "0").await, "allowed");
    assert_eq!(provider.fetches("main"), 1);
    let mut all = tokio::task::JoinSet::new();
    for number in 0..1000 {
        let mut client = sidecar.client.clone();
        let token = provider.token_with_kid("main", "1", &format!("made-up-{number}"));
        all.spawn(async move {
            let response = client.check(Asked::get("/main/1", &token).into_grpc()).await;
            response.unwrap().into_inner().status.unwrap().code
        });
    }
    assert!(all.join_all().await.iter().all(|code| *code == 16), "unauthenticated");
    assert_eq!(provider.fetches("main"), 2);
    assert_eq!(ask(&sidecar, &provider, "main", "2").await, "allowed", "others go on");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_the_cool_down_an_unknown_key_counts_again() {
    let begin = Instant::now();
    let (provider, sidecar) =
        start(Duration::ZERO, &[("main", "discovery: true, cool_down: 1s")]).await;
    assert_eq!(ask(&sidecar, &provider, "main", "0").await, "allowed");
    for kid in ["k2", "k3"] {
        provider.rotate(kid);
        let known = async {
            while ask(&sidecar, &provider, "main", "1").await != "allowed" {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(10), known).await.unwrap();
    }
    assert_eq!(provider.fetches("main"), 3);
    assert!(begin.elapsed() >= Duration::from_secs(1), "{:?}", begin.elapsed());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_who_wait_for_the_first_keys_are_one_fetch() {
    let (provider, sidecar) =
        start(Duration::from_millis(300), &[("main", "discovery: true")]).await;
    let token = provider.token("main", "1");
    let mut all = tokio::task::JoinSet::new();
    for _ in 0..1000 {
        let (mut client, token) = (sidecar.client.clone(), token.clone());
        all.spawn(async move {
            let response = client.check(Asked::get("/main/1", &token).into_grpc()).await;
            response.unwrap().into_inner().status.unwrap().code
        });
    }
    assert_eq!(all.join_all().await, vec![0; 1000]);
    assert_eq!(provider.fetches("main"), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_issuers_are_fetched_a_few_at_once() {
    let names: Vec<String> = (0..1000).map(|number| format!("i{number}")).collect();
    let issuers: Vec<_> = names.iter().map(|name| (name.as_str(), "discovery: true")).collect();
    let (provider, sidecar) = start(Duration::from_millis(5), &issuers).await;
    // Whoever asks does not wait for its turn.
    assert_eq!(ask(&sidecar, &provider, "i999", "1").await, "allowed");
    until("all", || provider.all_fetches().len() == names.len()).await;
    assert!(provider.all_fetches().iter().all(|fetches| *fetches == 1));
    let most = provider.most_under_way();
    assert!((2..=KEYS_PREFETCH + 1).contains(&most), "{most}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn other_times_keep_the_keys() {
    let (provider, sidecar) = start(Duration::ZERO, &[("error", "discovery: true")]).await;
    assert_eq!(ask(&sidecar, &provider, "error", "1").await, "allowed");
    provider.spoil(true);
    sidecar.write_policy(&policy(&provider, &[("error", "discovery: true, refresh: 2s")]));
    until("the load", || sidecar.metric("sallyport_policy_loads_total{result=\"ok\"}") == 2).await;
    assert_eq!(ask(&sidecar, &provider, "error", "2").await, "allowed");
    until("a fetch", || fetched(&sidecar, "error", "failed") >= 1).await;
    assert_eq!(ask(&sidecar, &provider, "error", "3").await, "allowed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_that_are_not_used_are_counted() {
    let (provider, sidecar) = start(Duration::ZERO, &[("main", "discovery: true")]).await;
    assert_eq!(ask(&sidecar, &provider, "main", "1").await, "allowed");
    for reason in ["use_not_signature", "key_type_unsupported"] {
        let name =
            format!("sallyport_jwks_keys_skipped_total{{issuer=\"main\",reason=\"{reason}\"}}");
        assert_eq!(sidecar.metric(&name), 1, "{reason}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn judged_tokens_are_remembered_and_counted() {
    let (provider, sidecar) = start(Duration::ZERO, &[("main", "discovery: true")]).await;
    let token = provider.token("main", "1");
    let forged = format!("{}AAAA", token.get(..token.len() - 4).unwrap());
    for (token, reason) in [
        (&token, "allowed"),
        (&token, "allowed"),
        (&forged, "signature_invalid"),
        (&forged, "signature_invalid"),
        (&token, "allowed"),
    ] {
        let answer = sidecar.check(Asked::get("/main/1", token)).await;
        assert_eq!(answer.text("reason"), reason);
    }
    for (result, count) in [("hit", 2), ("miss", 2), ("refused", 1)] {
        let name = format!("sallyport_token_cache_total{{result=\"{result}\"}}");
        assert_eq!(sidecar.metric(&name), count, "{result}");
    }
    assert_eq!(sidecar.metric("sallyport_token_cache_entries"), 2);
    let bytes = usize::try_from(sidecar.metric("sallyport_token_cache_bytes")).unwrap();
    assert!(bytes >= token.len() + forged.len(), "{bytes}");
    // The memory of a policy goes with it.
    sidecar.write_policy(&policy(&provider, &[("main", "discovery: true, cool_down: 1s")]));
    until("the load", || sidecar.metric("sallyport_policy_loads_total{result=\"ok\"}") == 2).await;
    until("the end of the memory", || sidecar.metric("sallyport_token_cache_entries") == 0).await;
    assert_eq!(sidecar.metric("sallyport_token_cache_bytes"), 0);
}
