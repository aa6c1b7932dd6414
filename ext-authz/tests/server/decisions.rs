//! gRPC and HTTP ext_authz: the same answers, and what the filter needs to reuse one.

use serde_json::json;

use super::sidecar::{Asked, Sidecar};
use sallyport_ext_authz::config::Address;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tokens_by_signature() {
    let sidecar = Sidecar::start().await;
    let good = sidecar.provider.token(json!({"tenant": "t1"}));
    let answer = sidecar
        .check(
            Asked::get("/orders/1", &good)
                .with("x_user", "root")
                .with("x-tenant-id", "root")
                .with("x-other", "kept"),
        )
        .await;
    assert_eq!((answer.code, answer.status), (0, 200), "{answer:?}");
    assert_eq!((answer.text("reason"), answer.text("rule")), ("allowed", "read"));
    assert_eq!(answer.header("x-user"), Some("alice"));
    assert_eq!(answer.header("x-tenant-id"), Some("t1"));
    assert_eq!(answer.remove, ["authorization", "x_user"]);
    assert_eq!(answer.text("decision").len(), 16);

    let expired = sidecar.provider.token(json!({"exp": 1_000_000_000}));
    let unscoped = sidecar.provider.token(json!({"scope": "orders"}));
    let mut forged = good.clone();
    forged.replace_range(forged.len() - 4.., "AAAA");
    let cases: &[(&str, Asked<'_>, i32, u16, &str)] = &[
        (
            "no token",
            Asked { headers: vec![], ..Asked::get("/orders/1", "") },
            16,
            401,
            "token_missing",
        ),
        ("expired", Asked::get("/orders/1", &expired), 16, 401, "token_expired"),
        ("forged", Asked::get("/orders/1", &forged), 16, 401, "signature_invalid"),
        ("opaque", Asked::get("/orders/1", "abc"), 16, 401, "token_malformed"),
        ("scope", Asked::get("/orders/1", &unscoped), 7, 403, "scope_missing"),
        (
            "role",
            Asked { method: "DELETE", ..Asked::get("/orders/1", &good) },
            7,
            403,
            "role_missing",
        ),
        (
            "two",
            Asked::get("/orders/1", &good).with("authorization", "Bearer x"),
            7,
            400,
            "credential_ambiguous",
        ),
        ("path", Asked::get("/orders/../x", &good), 7, 400, "request_malformed"),
        ("route", Asked::get("/nowhere", &good), 7, 403, "no_route"),
        ("plain", Asked { plain: true, ..Asked::get("/orders/1", &good) }, 0, 200, "allowed"),
        ("open", Asked::get("/healthz", "x"), 0, 200, "allowed_unauthenticated"),
    ];
    for (name, asked, code, status, reason) in cases {
        let answer = sidecar.check(asked.clone()).await;
        assert_eq!((answer.code, answer.status), (*code, *status), "{name}: {answer:?}");
        assert_eq!(answer.text("reason"), *reason, "{name}");
    }
    assert_eq!(sidecar.provider.key_fetches.load(std::sync::atomic::Ordering::SeqCst), 1);
    let root = sidecar.provider.token(json!({"sub": "root"}));
    let deletes = Asked { method: "DELETE", ..Asked::get("/orders/1", &root) };
    assert_eq!(sidecar.check(deletes).await.status, 200);
    let watched = sidecar.check(Asked::get("/watched/1", &good)).await;
    assert_eq!((watched.status, watched.text("would_deny")), (200, "scope_missing"));
    let counted = "sallyport_decisions_total{door=\"grpc\",rule=\"read\",reason=\"token_expired\"}";
    assert_eq!(sidecar.metric(counted), 1);
    assert_eq!(sidecar.metric("sallyport_would_deny_total{rule=\"watched\""), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_empty_request_is_denied() {
    let sidecar = Sidecar::start().await;
    let request = envoy_types::pb::envoy::service::auth::v3::CheckRequest::default();
    let response = sidecar.client.clone().check(request).await.unwrap().into_inner();
    assert_eq!(response.status.unwrap().code, 7);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn verdicts_are_reusable_for_the_same_policy_alone() {
    let sidecar = Sidecar::start().await;
    let good = sidecar.provider.token(json!({}));
    let short = sidecar.provider.token(json!({"exp": super::provider::in_seconds(5)}));
    let digest = sidecar.check(Asked::get("/healthz", "x")).await.text("policy_digest").to_owned();
    let ask = |path, token, digest| {
        let asked = Asked { digest, ..Asked::get(path, token) };
        let sidecar = &sidecar;
        async move { sidecar.check(asked).await.number("ttl") }
    };
    assert!((29.0..=30.0).contains(&ask("/orders/1", &good, Some(digest.as_str())).await));
    assert!((3.0..=5.0).contains(&ask("/orders/1", &short, Some(digest.as_str())).await));
    assert!((29.0..=30.0).contains(&ask("/opaque/1", "active", Some(digest.as_str())).await));
    for (path, token, digest) in [
        ("/orders/1", &*good, Some("another")),
        ("/orders/1", &good, None),
        ("/orders/1", "bad", Some(&*digest)),
        ("/watched/1", &good, Some(&digest)),
        ("/lenient/1", "broken", Some(&digest)),
    ] {
        assert!(ask(path, token, digest).await.abs() < f64::EPSILON, "{path} {digest:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn unknown_keys_are_fetched_once() {
    let sidecar = Sidecar::start().await;
    let old = sidecar.provider.token(json!({}));
    assert_eq!(sidecar.check(Asked::get("/orders/1", &old)).await.status, 200);
    sidecar.provider.rotate("k2");
    let new = sidecar.provider.token(json!({}));
    let (one, two) = tokio::join!(
        sidecar.check(Asked::get("/orders/1", &new)),
        sidecar.check(Asked::get("/orders/2", &new))
    );
    assert_eq!((one.status, two.status), (200, 200));
    // The old key is gone, and so is every token that it had signed.
    let gone = sidecar.check(Asked::get("/orders/1", &old)).await;
    assert_eq!(gone.text("reason"), "key_unknown");
    sidecar.provider.rotate("k3");
    let newest = sidecar.provider.token(json!({}));
    let refused = sidecar.check(Asked::get("/orders/1", &newest)).await;
    assert_eq!(refused.text("reason"), "key_unknown", "not again so soon");
    assert_eq!(sidecar.metric("sallyport_jwks_fetches_total{issuer=\"main\",result=\"ok\"}"), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_issuers_discovery_document_gives_no_keys() {
    let sidecar = Sidecar::start().await;
    let issuer = format!("{}/other", sidecar.provider.url);
    let token = sidecar.provider.token(json!({"iss": issuer}));
    let answer = sidecar.check(Asked::get("/other/1", &token)).await;
    assert_eq!(answer.text("reason"), "dependency_unavailable");
    assert!(
        sidecar.metric("sallyport_jwks_fetches_total{issuer=\"other\",result=\"failed\"}") >= 1
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_http_door_answers_the_same() {
    let sidecar = Sidecar::start().await;
    let good = sidecar.provider.token(json!({"tenant": "t1"}));
    let Address::Tcp(address) = sidecar.server().addresses().http[0].clone() else { panic!() };
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let ask = |path: &str, token: &str| {
        let request = client.post(format!("http://{address}{path}"));
        let request = request.header("host", "api.example.com").body("ignored");
        let request = request.header("authorization", format!("Bearer {token}"));
        async move { request.send().await.unwrap() }
    };
    for (path, token) in
        [("/opaque/1", "inactive"), ("/opaque/1", "noscope"), ("/opaque/1", "broken"), ("/x", "x")]
    {
        let http = ask(&format!("/check{path}"), token).await;
        let grpc = sidecar.check(Asked { method: "POST", ..Asked::get(path, token) }).await;
        assert_eq!(http.status().as_u16(), grpc.status, "{token}");
        for (name, value) in &grpc.headers {
            assert_eq!(http.headers()[name], **value, "{token}");
        }
        let body = |text: &str| {
            let mut body: serde_json::Value = serde_json::from_str(text).unwrap();
            assert_eq!(body["decision"].take().as_str().unwrap().len(), 16);
            body
        };
        assert_eq!(body(&http.text().await.unwrap()), body(&grpc.body), "{token}");
    }
    let allowed = ask("/check/opaque/1", "active").await;
    assert_eq!(allowed.status(), 200);
    assert_eq!(allowed.headers()["x-user"], "bob");
    assert_eq!(
        allowed.headers()["x-envoy-auth-headers-to-remove"],
        "authorization,x-tenant-id,x-tenant_id,x_tenant-id,x_tenant_id,x_user"
    );
    for path in ["/opaque/1", "/checked", "/check", "/", "/metrics"] {
        assert_eq!(ask(path, &good).await.status(), 403, "{path}");
    }
    let Address::Tcp(admin) = sidecar.server().addresses().admin[0].clone() else { panic!() };
    let metrics = reqwest::get(format!("http://{admin}/metrics")).await.unwrap();
    let metrics = metrics.text().await.unwrap();
    assert!(metrics.contains("door=\"http\",rule=\"opaque\",reason=\"allowed\"} 1"), "{metrics}");
    assert!(metrics.ends_with("# EOF\n"));
    for probe in ["healthz", "readyz"] {
        assert_eq!(reqwest::get(format!("http://{admin}/{probe}")).await.unwrap().status(), 200);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn health_is_served_and_stopping_ends_it() {
    use tonic_health::pb::HealthCheckRequest;
    use tonic_health::pb::health_client::HealthClient;
    let mut sidecar = Sidecar::start().await;
    let mut health = HealthClient::new(sidecar.channel(true).await);
    for service in ["", "envoy.service.auth.v3.Authorization", "sallyport.mirror.v1.Collector"] {
        let request = HealthCheckRequest { service: service.to_owned() };
        assert_eq!(health.check(request).await.unwrap().into_inner().status, 1, "{service}");
    }
    let socket = sidecar.directory.join("s.sock");
    assert!(socket.exists());
    sidecar.stop().await;
    assert!(!socket.exists());
}
