//! Keys that live: what an Envoy with four workers asks of its identity provider, counted at the provider, while keys
//! are fetched, refreshed, rotated and missing, and while the provider lies or is down.

use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sallyport_tests::idp::{Alg, Endpoint, Fault, Idp};
use sallyport_tests::wait;
use serde_json::{Value, json};

use crate::rig::{Rig, SECONDS, WORKERS, issuer};

const OK: (u16, &str) = (200, "");
const UNKNOWN: (u16, &str) = (401, "key_unknown");
const UNAVAILABLE: (u16, &str) = (503, "dependency_unavailable");

fn is(answer: &(u16, String), want: (u16, &str)) -> bool {
    (answer.0, answer.1.as_str()) == want
}

fn fresh(idp: &Idp) -> String {
    idp.access_token(|_| {}).unwrap()
}

/// Keys at an address of the provider's that has this query.
fn at(idp: &Idp, query: &str) -> String {
    format!("{}?{query}", idp.jwks_uri())
}

/// The address of the provider's discovery document, with this query.
fn document(idp: &Idp, query: &str) -> String {
    format!("{}/.well-known/openid-configuration?{query}", idp.issuer())
}

/// A good token whose header names a key that nobody has. Its signature is never looked at.
fn with_kid(good: &str, kid: &str) -> String {
    let (_, rest) = good.split_once('.').unwrap();
    let header = json!({ "alg": "RS256", "kid": kid, "typ": "JWT" }).to_string();
    format!("{}.{rest}", URL_SAFE_NO_PAD.encode(header))
}

fn gaps(moments: &[Instant]) -> Vec<Duration> {
    moments.windows(2).map(|pair| pair[1].duration_since(pair[0])).collect()
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn one_fetch_for_all_workers() {
    let jwks = json!({ "discovery": true, "cluster": "idp", "cool_down": "2s" });
    let rig = Rig::open(|_| vec![issuer("main", jwks)]).await.unwrap();
    let documents = || rig.idp.count(Endpoint::Discovery);
    // Ahead of any request.
    rig.wait_fetches(None, 1).await.unwrap();
    let good = fresh(&rig.idp);
    rig.until_everywhere("/main/1", &good, OK).await.unwrap();
    assert_eq!((documents(), rig.fetches(None).len()), (1, 1), "one fetch for {WORKERS} workers");
    assert_eq!(rig.wait_stat("jwks_fetches.ok", 1).await.unwrap(), 1);
    // The provider lists an encryption key beside the others.
    assert_eq!(rig.stat("jwks_keys_skipped.use_not_signature").await.unwrap(), 1);
    bad_signatures_are_remembered(&rig).await;
    flood_of_unknown_keys(&rig, &good).await;
    rotation_is_noticed(&rig, &good).await;
    assert_eq!(documents(), 1, "the document is read for refreshes alone");
    rig.close().await.unwrap();
}

/// The same forged token twice: the second is refused without a look at its signature.
async fn bad_signatures_are_remembered(rig: &Rig) {
    let forged = {
        let good = fresh(&rig.idp);
        let (input, signature) = good.rsplit_once('.').unwrap();
        let mut bytes = URL_SAFE_NO_PAD.decode(signature).unwrap();
        bytes[9] ^= 1;
        format!("{input}.{}", URL_SAFE_NO_PAD.encode(bytes))
    };
    let mut client = rig.connect().await.unwrap();
    for _ in 0..3 {
        let answer = client.get("/main/1", &forged).await.unwrap();
        assert!(is(&answer, (401, "signature_invalid")), "{answer:?}");
    }
    assert_eq!(rig.wait_stat("token_cache.refused", 2).await.unwrap(), 2);
    let entries = rig.wait_stat("token_cache.entries", u64::from(WORKERS)).await.unwrap();
    let bytes = rig.stat("token_cache.bytes").await.unwrap();
    assert!(
        (500..10_000).contains(&bytes.checked_div(entries).unwrap_or(0)),
        "{entries} in {bytes} bytes"
    );
}

/// Thousands of made-up key ids cost the provider one request in a cool-down, and a client with a good token nothing.
async fn flood_of_unknown_keys(rig: &Rig, good: &str) {
    let mut calm = Vec::new();
    let mut client = rig.connect().await.unwrap();
    for _ in 0..100 {
        let start = Instant::now();
        assert!(is(&client.get("/main/1", good).await.unwrap(), OK));
        calm.push(start.elapsed());
    }
    let (before, began) = (rig.fetches(None).len(), Instant::now());
    let mut floods = tokio::task::JoinSet::new();
    for number in 0..WORKERS {
        let (mut client, good) = (rig.connect().await.unwrap(), good.to_owned());
        floods.spawn(async move {
            let mut sent = 0_u32;
            while began.elapsed() < Duration::from_millis(4_500) {
                let token = with_kid(&good, &format!("made-up-{number}-{sent}"));
                assert!(is(&client.get("/main/1", &token).await.unwrap(), UNKNOWN));
                sent = sent.saturating_add(1);
                // Their number matters, not how busy they keep the machine.
                tokio::time::sleep(Duration::from_millis(3)).await;
            }
            sent
        });
    }
    let mut flooded = Vec::new();
    while began.elapsed() < Duration::from_millis(4_000) {
        let start = Instant::now();
        let answer = client.get("/main/1", good).await.unwrap();
        assert!(is(&answer, OK), "{answer:?} in the flood");
        flooded.push(start.elapsed());
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    let sent: u32 = floods.join_all().await.into_iter().sum();
    let lasted = began.elapsed();
    let fetches = rig.fetches(None).split_off(before);
    // The last one's cool-down may begin before the flood ends.
    let most = usize::try_from(lasted.as_secs().div_euclid(2).saturating_add(1)).unwrap();
    assert!(sent > 2_000, "only {sent} in {lasted:?}");
    assert!((2..=most).contains(&fetches.len()), "{} for {sent} in {lasted:?}", fetches.len());
    for gap in gaps(&fetches) {
        assert!(gap >= Duration::from_millis(1_900), "{gap:?} between two");
    }
    let (calm, flooded) = (median(calm), median(flooded));
    assert!(
        flooded < calm.saturating_mul(10).saturating_add(Duration::from_millis(10)),
        "{flooded:?}, without {calm:?}"
    );
}

/// Tokens by a new key pass as soon as the cool-down lets it be looked for; those by the old one go on passing.
async fn rotation_is_noticed(rig: &Rig, good: &str) {
    rig.idp.rotate().unwrap();
    let before = rig.fetches(None).len();
    let by_new = fresh(&rig.idp);
    rig.until_everywhere("/main/1", &by_new, OK).await.unwrap();
    assert_eq!(
        rig.fetches(None).len(),
        before.saturating_add(1),
        "one fetch taught it to all workers"
    );
    assert!(rig.everywhere("/main/1", good).await.unwrap().iter().all(|it| is(it, OK)));
}

#[tokio::test(flavor = "multi_thread")]
async fn refreshed_ahead_of_expiry_and_stale_for_a_while() {
    let rig = Rig::open(|idp| {
        let jwks = json!({ "uri": idp.jwks_uri(), "cluster": "idp", "refresh": "2s",
            "max_stale": "5s", "cool_down": "10m" });
        vec![issuer("main", jwks)]
    })
    .await
    .unwrap();
    rig.wait_fetches(None, 1).await.unwrap();
    let good = fresh(&rig.idp);
    rig.until_everywhere("/main/1", &good, OK).await.unwrap();
    rig.wait_fetches(None, 3).await.unwrap();
    let misses = rig.wait_stat("token_cache.miss", u64::from(WORKERS)).await.unwrap();
    let hits = rig.stat("token_cache.hit").await.unwrap();
    let moments = rig.wait_fetches(None, 4).await.unwrap();
    for gap in gaps(&moments) {
        let early = gap >= Duration::from_millis(1_400);
        assert!(early && gap <= Duration::from_millis(2_000), "{gap:?} between two fetches");
    }
    // The same keys again make nothing void.
    let answers = rig.everywhere("/main/1", &good).await.unwrap();
    assert!(answers.iter().all(|it| is(it, OK)), "{answers:?}");
    rig.wait_stat("token_cache.hit", hits + u64::try_from(answers.len()).unwrap()).await.unwrap();
    assert_eq!(rig.stat("token_cache.miss").await.unwrap(), misses);
    // A key that is withdrawn takes its verified tokens along, in every worker.
    let old = rig.idp.current_kid(Alg::Rs256).unwrap();
    rig.idp.rotate().unwrap();
    rig.idp.retire(&old).unwrap();
    rig.until_everywhere("/main/1", &good, UNKNOWN).await.unwrap();
    stale_and_then_gone(&rig).await;
    rig.close().await.unwrap();
}

async fn stale_and_then_gone(rig: &Rig) {
    let good = fresh(&rig.idp);
    rig.until_everywhere("/main/1", &good, OK).await.unwrap();
    rig.idp.fault(Endpoint::Jwks, Fault::Status(503));
    let since = rig.fetches(None).len();
    let last_good = *rig.fetches(None).last().unwrap();
    while last_good.elapsed() < Duration::from_millis(4_600) {
        for answer in rig.everywhere("/main/1", &good).await.unwrap() {
            assert!(is(&answer, OK), "{answer:?} after {:?}", last_good.elapsed());
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    rig.until_everywhere("/main/1", &good, UNAVAILABLE).await.unwrap();
    let ended = last_good.elapsed();
    assert!(ended < Duration::from_millis(8_000), "keys were used for {ended:?}");
    // Refused from one second on, then at growing pauses; a request that waits shortens them to a second.
    for gap in gaps(&rig.fetches(None).split_off(since)) {
        assert!(gap >= Duration::from_millis(900), "{gap:?} between two failed fetches");
    }
    rig.idp.heal();
    rig.until_everywhere("/main/1", &good, OK).await.unwrap();
}

/// What a provider may answer instead of its keys, by the query and the name of the issuer.
fn bad_answers(stolen: &str) -> Vec<(&'static str, Fault)> {
    vec![
        ("html", Fault::Html),
        ("truncated", Fault::Truncated),
        ("huge", Fault::Huge(50 << 20)),
        ("redirect", Fault::Redirect(stolen.to_owned())),
        ("drip", Fault::Drip(Duration::from_millis(20))),
        ("hang", Fault::Hang),
        ("error", Fault::Status(500)),
        ("empty", Fault::Body("{\"keys\":[]}".to_owned())),
        ("secret", Fault::Body("{\"keys\":[{\"kty\":\"oct\",\"k\":\"AAAA\"}]}".to_owned())),
    ]
}

/// The same for discovery documents.
fn bad_documents(idp: &Idp, other_host: &str) -> Vec<(&'static str, Fault)> {
    let body =
        |iss: &str, uri: String| Fault::Body(json!({ "issuer": iss, "jwks_uri": uri }).to_string());
    let path = "/realms/main/protocol/openid-connect/certs";
    vec![
        ("other-issuer", body("https://evil.example", at(idp, "other-issuer"))),
        ("other-host", body(idp.issuer(), format!("http://{other_host}{path}?other-host"))),
        ("no-uri", Fault::Body(json!({ "issuer": idp.issuer() }).to_string())),
        ("document-html", Fault::Html),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_answers_keep_the_old_keys() {
    let times = |mut jwks: Value| {
        let fields = jwks.as_object_mut().unwrap();
        for (name, value) in [("cluster", "idp"), ("refresh", "1s"), ("max_stale", "1h")] {
            fields.insert(name.to_owned(), json!(value));
        }
        jwks
    };
    let issuers = |idp: &Idp| {
        let sets = bad_answers("").into_iter();
        let sets = sets.map(|(name, _)| issuer(name, times(json!({ "uri": at(idp, name) }))));
        let documents = bad_documents(idp, "").into_iter();
        let documents = documents
            .map(|(name, _)| issuer(name, times(json!({ "discovery": document(idp, name) }))));
        sets.chain(documents).chain(odd_issuers(idp)).collect()
    };
    let rig = Rig::open(issuers).await.unwrap();
    let stolen = format!("http://127.0.0.1:{}/stolen-keys", rig.echo.port());
    let sets = bad_answers(&stolen);
    let documents = bad_documents(&rig.idp, &format!("localhost:{}", rig.idp.port()));
    let names: Vec<&str> = sets.iter().chain(&documents).map(|(name, _)| *name).collect();
    for name in &names {
        let good = fresh(&rig.idp);
        rig.until_everywhere(&format!("/{name}/1"), &good, OK).await.unwrap();
    }
    let (failed, began) = (rig.stat("jwks_fetches.failed").await.unwrap(), Instant::now());
    for (name, fault) in sets {
        rig.idp.fault_query(Endpoint::Jwks, name, fault);
    }
    for (name, fault) in documents.clone() {
        rig.idp.fault_query(Endpoint::Discovery, name, fault);
    }
    // The second fetch of each after that: so the first has ended, badly.
    let asked_twice = |name: &str| {
        let document = documents.iter().any(|(known, _)| *known == name);
        let endpoint = if document { Endpoint::Discovery } else { Endpoint::Jwks };
        let moments = rig.idp.arrivals(endpoint, Some(name));
        moments.iter().filter(|moment| **moment > began).count() >= 2
    };
    let all = || async { names.iter().all(|name| asked_twice(name)) };
    wait::until(SECONDS, all).await.unwrap();
    let many = u64::try_from(names.len()).unwrap();
    rig.wait_stat("jwks_fetches.failed", failed + many).await.unwrap();
    for name in &names {
        // Tokens that no worker remembers: their signatures are checked with the old keys.
        let good = fresh(&rig.idp);
        for answer in rig.everywhere(&format!("/{name}/1"), &good).await.unwrap() {
            assert!(is(&answer, OK), "{name}: {answer:?}");
        }
    }
    let stolen = rig.echo.requests().iter().any(|seen| seen.path.starts_with("/stolen-keys"));
    assert!(!stolen, "a redirect was followed");
    let line = format!("add `jwks.clusters: {{ \"localhost:{}\": CLUSTER }}`", rig.idp.port());
    assert!(rig.envoy.log().unwrap().contains(&line), "the log does not say: {line}");
    assert_eq!(rig.fetches(Some("other-host")).len(), 0, "keys were asked of another host");
    odd_issuers_are_judged(&rig).await;
    rig.close().await.unwrap();
}

/// Beside those whose answers go bad: keys on a host that has a cluster of its own, a provider that is down from the
/// start, and a cluster that is not there.
fn odd_issuers(idp: &Idp) -> Vec<(String, Value)> {
    let other = format!("localhost:{}", idp.port());
    let uri = format!("http://{other}/realms/main/protocol/openid-connect/certs?moved");
    let moved = json!({ "issuer": idp.issuer(), "jwks_uri": uri }).to_string();
    idp.fault_query(Endpoint::Discovery, "moved", Fault::Body(moved));
    idp.fault_query(Endpoint::Jwks, "down", Fault::Status(503));
    let moved = json!({ "discovery": document(idp, "moved"), "cluster": "idp",
        "clusters": { other: "idp" } });
    let down = json!({ "uri": at(idp, "down"), "cluster": "idp" });
    let lost = json!({ "uri": at(idp, "lost"), "cluster": "nowhere" });
    vec![issuer("moved", moved), issuer("down", down), issuer("lost", lost)]
}

async fn odd_issuers_are_judged(rig: &Rig) {
    let good = fresh(&rig.idp);
    rig.until_everywhere("/moved/1", &good, OK).await.unwrap();
    assert_eq!(rig.fetches(Some("moved")).len(), 1);
    rig.until_everywhere("/lost/1", &good, UNAVAILABLE).await.unwrap();
    // Requests that wait for keys have them asked for once a second, however many workers they wait in.
    let (before, began) = (rig.fetches(Some("down")).len(), Instant::now());
    while began.elapsed() < Duration::from_millis(2_500) {
        let answers = rig.everywhere("/down/1", &good).await.unwrap();
        assert!(answers.iter().all(|answer| is(answer, UNAVAILABLE)), "{answers:?}");
    }
    let most = usize::try_from(began.elapsed().as_secs().saturating_add(1)).unwrap();
    let asked = rig.fetches(Some("down")).len().saturating_sub(before);
    assert!((1..=most).contains(&asked), "{asked} fetches in {:?}", began.elapsed());
    rig.idp.heal();
    rig.until_everywhere("/down/1", &good, OK).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn many_issuers_start_without_a_burst() {
    const ISSUERS: usize = 200;
    let rig = Rig::open(|idp| {
        let keys = |number| json!({ "uri": at(idp, &format!("n{number}")), "cluster": "idp" });
        (0..ISSUERS).map(|number| issuer(&format!("i{number}"), keys(number))).collect()
    })
    .await
    .unwrap();
    // Whoever is asked for does not wait for its turn.
    let last = ISSUERS - 1;
    let answers = rig.everywhere(&format!("/i{last}/1"), &fresh(&rig.idp)).await.unwrap();
    assert!(answers.iter().all(|answer| is(answer, OK)), "{answers:?}");
    let all = || rig.idp.count(Endpoint::Jwks);
    let many = u64::try_from(ISSUERS).unwrap();
    wait::until(SECONDS, || async { all() >= many }).await.unwrap();
    rig.wait_stat("jwks_fetches.ok", many).await.unwrap();
    let mut moments: Vec<Instant> =
        (0..ISSUERS).flat_map(|number| rig.fetches(Some(&format!("n{number}")))).collect();
    assert_eq!((moments.len(), all()), (ISSUERS, many), "one fetch for each issuer");
    assert!(moments[last] < moments[last - 10], "it waited for its turn");
    moments.sort();
    let tenth = Duration::from_millis(100);
    let crowd = |from: &Instant| {
        moments.iter().filter(|moment| *moment >= from && **moment - *from < tenth).count()
    };
    let most = moments.iter().map(crowd).max().unwrap_or(0);
    assert!(most <= 50, "{most} of {ISSUERS} fetches within {tenth:?}");
    let rest = rig.everywhere("/i7/1", &fresh(&rig.idp)).await.unwrap();
    assert!(rest.iter().all(|answer| is(answer, OK)), "{rest:?}");
    rig.close().await.unwrap();
}
