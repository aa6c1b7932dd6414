//! RFC 7662 as the doors see it, and how often the provider is asked.

use std::sync::atomic::Ordering;

use sallyport_ext_authz::limits::{BREAKER_FAILURES, INTROSPECTION_CALLS};

use super::sidecar::{Asked, POLICY, Sidecar, until};

const CASES: &[(&str, u16, &str)] = &[
    ("active", 200, "allowed"),
    ("inactive", 401, "token_inactive"),
    ("refresh", 401, "token_type_mismatch"),
    ("expired", 401, "token_expired"),
    ("elsewhere", 401, "audience_mismatch"),
    ("noscope", 403, "scope_missing"),
    ("odd", 401, "token_inactive"),
    ("large", 401, "token_inactive"),
    ("uri", 401, "token_inactive"),
    ("broken", 503, "dependency_unavailable"),
    ("busy", 503, "dependency_unavailable"),
    ("refused", 503, "dependency_unavailable"),
    ("forbidden", 503, "dependency_unavailable"),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replies_become_answers() {
    let sidecar = Sidecar::start().await;
    for (token, status, reason) in CASES {
        let answer = sidecar.check(Asked::get("/opaque/1", token)).await;
        assert_eq!((answer.status, answer.text("reason")), (*status, *reason), "{token}");
    }
    let allowed = sidecar.check(Asked::get("/opaque/2", "active")).await;
    assert_eq!(allowed.header("x-user"), Some("bob"));
    assert_eq!(sidecar.provider.introspections.load(Ordering::SeqCst), CASES.len());
    for (result, count) in [("active", 2), ("inactive", 1), ("refused", 6), ("unavailable", 4)] {
        let name = format!(
            "sallyport_introspection_requests_total{{issuer=\"opaque\",result=\"{result}\"}}"
        );
        assert_eq!(sidecar.metric(&name), count, "{result}");
    }
    assert_eq!(sidecar.metric("sallyport_introspection_cache_total{result=\"hit\"}"), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_reply_is_unavailable() {
    let sidecar = Sidecar::start().await;
    for (path, token) in [
        ("/opaque/1", "junk"),
        ("/opaque/1", "quoted"),
        ("/opaque/1", "long"),
        ("/moved/1", "active"),
    ] {
        let answer = sidecar.check(Asked::get(path, token)).await;
        assert_eq!(answer.text("reason"), "dependency_unavailable", "{path} {token}");
    }
    assert_eq!(sidecar.provider.introspections.load(Ordering::SeqCst), 3, "no redirect followed");
    let open = sidecar.check(Asked::get("/lenient/1", "broken")).await;
    assert_eq!((open.status, open.text("reason")), (200, "allowed_by_failure_mode"));
    assert!(open.remove.contains(&"x-user".to_owned()), "{open:?}");
    let refused = sidecar.check(Asked::get("/lenient/1", "inactive")).await;
    assert_eq!(refused.text("reason"), "token_inactive", "open is for dependencies alone");
    let odd = sidecar.check(Asked::get("/lenient/1", "odd")).await;
    assert_eq!(odd.text("reason"), "token_inactive", "a client cannot open it with a token");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failing_endpoint_is_left_alone() {
    let sidecar = Sidecar::start().await;
    for round in 0..20 {
        let token = format!("broken.{round}");
        let answer = sidecar.check(Asked::get("/opaque/1", &token)).await;
        assert_eq!(answer.text("reason"), "dependency_unavailable");
    }
    let calls = sidecar.provider.introspections.load(Ordering::SeqCst);
    assert!((5..=8).contains(&calls), "{calls}");
    // Errors are not kept: as soon as a probe is let through, the next answer counts.
    let recovered = async {
        while sidecar.check(Asked::get("/opaque/1", "active")).await.status != 200 {
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(10), recovered).await.unwrap();
}

/// Statuses that a client can bring about with a token.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn odd_tokens_are_their_clients_trouble_alone() {
    let sidecar = Sidecar::start().await;
    for token in ["odd", "large", "uri", "forbidden"] {
        for round in 0..=BREAKER_FAILURES {
            let answer = sidecar.check(Asked::get("/opaque/1", &format!("{token}.{round}"))).await;
            let forbidden = token == "forbidden";
            let reason = if forbidden { "dependency_unavailable" } else { "token_inactive" };
            assert_eq!(answer.text("reason"), reason, "{token}");
        }
        let other = format!("active.{token}");
        assert_eq!(sidecar.check(Asked::get("/opaque/1", &other)).await.status, 200, "{token}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refusal_to_look_is_kept_for_a_moment() {
    let sidecar = Sidecar::start().await;
    let ask = || sidecar.check(Asked::get("/opaque/1", "odd"));
    let calls = || sidecar.provider.introspections.load(Ordering::SeqCst);
    let begin = std::time::Instant::now();
    assert_eq!(ask().await.text("reason"), "token_inactive");
    assert_eq!(ask().await.text("reason"), "token_inactive");
    assert!(calls() == 1 || begin.elapsed().as_secs() >= 1, "kept");
    let asked_again = async {
        while calls() == 1 {
            assert_eq!(ask().await.text("reason"), "token_inactive");
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(4), asked_again).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_under_way_are_bounded() {
    let sidecar = Sidecar::start_held().await;
    let calls = || sidecar.provider.introspections.load(Ordering::SeqCst);
    let mut all = tokio::task::JoinSet::new();
    for number in 0..INTROSPECTION_CALLS {
        let mut client = sidecar.client.clone();
        all.spawn(async move {
            let asked = Asked::get("/opaque/1", &format!("active.{number}")).into_grpc();
            client.check(asked).await.unwrap().into_inner().status.unwrap().code
        });
        // Not more connections at once than a system lets wait to be accepted.
        if number % 32 == 31 {
            until("the calls", || calls() == number + 1).await;
        }
    }
    for number in 0..=BREAKER_FAILURES {
        let beyond = sidecar.check(Asked::get("/opaque/1", &format!("active.more.{number}"))).await;
        assert_eq!((beyond.status, beyond.text("reason")), (503, "dependency_unavailable"));
    }
    assert_eq!(calls(), INTROSPECTION_CALLS);
    let counted =
        "sallyport_introspection_requests_total{issuer=\"opaque\",result=\"unavailable\"}";
    assert_eq!(sidecar.metric(counted), u64::from(BREAKER_FAILURES) + 1);
    sidecar.provider.held.close();
    assert_eq!(all.join_all().await, vec![0; INTROSPECTION_CALLS]);
    let after = sidecar.check(Asked::get("/opaque/1", "active.more.0")).await;
    assert_eq!(after.status, 200, "the breaker has seen no failure");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_at_once_are_one_call() {
    let sidecar = Sidecar::start_held().await;
    // The first gives up while the provider still thinks; those who joined must not notice.
    let mut first = sidecar.client.clone();
    let given_up = tokio::spawn(async move {
        let asked = Asked::get("/opaque/1", "active");
        first.check(asked.into_grpc()).await
    });
    until("the call", || sidecar.provider.introspections.load(Ordering::SeqCst) == 1).await;
    given_up.abort();
    let mut all = tokio::task::JoinSet::new();
    for number in 0..1000 {
        let mut client = sidecar.client.clone();
        all.spawn(async move {
            let path = format!("/opaque/{number}");
            let response = client.check(Asked::get(&path, "active").into_grpc()).await.unwrap();
            response.into_inner().status.unwrap().code
        });
    }
    sidecar.provider.held.add_permits(1);
    let codes = all.join_all().await;
    assert_eq!(codes, vec![0; 1000]);
    assert_eq!(sidecar.provider.introspections.load(Ordering::SeqCst), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_deadline_is_the_routes() {
    let sidecar = Sidecar::start_held().await;
    sidecar.write_policy(&POLICY.replace("timeout: 5s", "timeout: 50ms"));
    let loads = "sallyport_policy_loads_total{result=\"ok\"}";
    until("the new policy", || sidecar.metric(loads) == 2).await;
    let answer = sidecar.check(Asked::get("/opaque/1", "active")).await;
    assert_eq!(answer.text("reason"), "dependency_unavailable");
    // The call was not in vain: its reply is there for the next request.
    sidecar.provider.held.add_permits(1);
    let counted = "sallyport_introspection_requests_total{issuer=\"opaque\",result=\"active\"}";
    until("the reply", || sidecar.metric(counted) == 1).await;
    assert_eq!(sidecar.check(Asked::get("/opaque/1", "active")).await.status, 200);
    assert_eq!(sidecar.provider.introspections.load(Ordering::SeqCst), 1);
}
