//! Dependencies that fail, lie and hang: what the doors answer then, and that Envoy and its filters
//! are none the worse for it. What clients can do is in `hostile.rs`.

use std::time::Duration;

use envoy_types::pb::envoy::service::auth::v3::check_response::HttpResponse;
use envoy_types::pb::envoy::service::auth::v3::{
    CheckResponse, DeniedHttpResponse, OkHttpResponse,
};
use envoy_types::pb::google::rpc;
use sallyport_tests::cases::{HOST, Kind};
use sallyport_tests::failures::{Failures, get, told, unharmed};
use sallyport_tests::fake_sidecar::{FakeSidecar, Talk};
use sallyport_tests::http1::Request;
use sallyport_tests::idp::{Endpoint, Fault, Idp, TokenSpec};
use sallyport_tests::stage::{Stage, Way};
use sallyport_tests::{Result, limits, wait};
use serde_json::json;

const SECONDS: Duration = Duration::from_secs(8);

fn status_zero(response: Option<HttpResponse>) -> Talk {
    Talk::Answer(Box::new(CheckResponse {
        status: Some(rpc::Status::default()),
        http_response: response,
        dynamic_metadata: None,
    }))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sidecar_that_is_none() {
    let stage = Stage::with_policy("faults").await.unwrap();
    let mut failures = Failures::default();
    let fresh = || Kind::Rs256.mint(&stage.idp).unwrap();
    failures.answer("before", get(&stage, Way::Ask, "/clusters/c", &fresh()).await, 200, "");
    stage.kill_sidecar().await.unwrap();
    let talks = [
        ("silence", Talk::Silence),
        ("garbage", Talk::Bytes(b"\x00\xff\x13 no protocol at all\r\n\r\n")),
        ("a login page", Talk::Bytes(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")),
        ("gRPC unavailable", Talk::Error(tonic::Code::Unavailable)),
        ("gRPC permission denied", Talk::Error(tonic::Code::PermissionDenied)),
        ("an empty answer", Talk::Answer(Box::default())),
        ("status 0 alone", status_zero(None)),
        (
            "status 0 beside a denial",
            status_zero(Some(HttpResponse::DeniedResponse(DeniedHttpResponse::default()))),
        ),
        (
            "status 0 beside an error",
            status_zero(Some(HttpResponse::ErrorResponse(DeniedHttpResponse::default()))),
        ),
        (
            "a denial beside an allow",
            Talk::Answer(Box::new(CheckResponse {
                status: Some(rpc::Status { code: 7, ..rpc::Status::default() }),
                http_response: Some(HttpResponse::OkResponse(OkHttpResponse::default())),
                dynamic_metadata: None,
            })),
        ),
    ];
    let mut asked = 0;
    for (name, talk) in talks {
        let fake = FakeSidecar::start(&stage.socket(), talk).unwrap();
        asked += closed_and_open(&stage, name, &mut failures).await;
        fake.stop(&stage.socket()).await.unwrap();
    }
    asked += closed_and_open(&stage, "refused", &mut failures).await;
    let counter = "wasmcustom.sallyport.decisions.filter.cluster-open.allowed_by_failure_mode";
    let counted = stage.envoy.wait_stat(counter, asked, limits::COUNTED).await;
    failures.same("allowed by failure mode", counted.unwrap_or_default(), asked);
    stage.start_sidecar().await.unwrap();
    let back = || async {
        let answer = get(&stage, Way::Ask, "/clusters/c", &fresh()).await;
        answer.is_ok_and(|(status, _)| status == 200)
    };
    wait::until(SECONDS, back).await.unwrap();
    unharmed(&stage, &mut failures).await.unwrap();
    stage.close().await.unwrap();
    assert_eq!(failures.report(), None);
}

/// Gives how many requests the failure mode has to let pass.
async fn closed_and_open(stage: &Stage, name: &str, failures: &mut Failures) -> u64 {
    let Ok(token) = Kind::Rs256.mint(&stage.idp) else { return 0 };
    let closed = get(stage, Way::Ask, "/clusters/c", &token).await;
    failures.answer(&format!("{name}, closed"), closed, 503, "dependency_unavailable");
    stage.echo.forget();
    let open = get(stage, Way::Ask, "/clusters-open/c", &token).await;
    failures.answer(&format!("{name}, open"), open, 200, "");
    let seen = stage.echo.last().map(|seen| seen.values("x-user"));
    failures.same(&format!("{name}, upstream"), seen, Some(vec!["5f1c0c1e-alice".to_owned()]));
    1
}

/// A token of one of the policy's disturbed issuers.
fn token_of(idp: &Idp, issuer: &str, kid: Option<&str>) -> Result<String> {
    let mut claims = idp.claims()?;
    let own = format!("http://127.0.0.1:{}/{issuer}", idp.port());
    claims.insert("iss".to_owned(), json!(own));
    let spec = TokenSpec::new(sallyport_tests::idp::Alg::Rs256, claims);
    idp.mint(&match kid {
        Some(kid) => spec.header("kid", kid),
        None => spec,
    })
}

fn key_faults(echo: u16) -> [(&'static str, Fault); 5] {
    [
        ("html", Fault::Html),
        ("truncated", Fault::Truncated),
        ("huge", Fault::Huge(32 << 20)),
        ("redirect", Fault::Redirect(format!("http://127.0.0.1:{echo}/stolen-keys"))),
        ("hang", Fault::Hang),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_whose_keys_go_bad() {
    let stage = Stage::with_policy("faults").await.unwrap();
    let mut failures = Failures::default();
    for way in [Way::Ask, Way::Grpc] {
        for (issuer, fault) in key_faults(stage.echo.port()) {
            let name = format!("{issuer}, {}", way.topology());
            let good = || token_of(&stage.idp, issuer, None).unwrap();
            let answer = get(&stage, way, "/keys/a", &good()).await;
            failures.answer(&format!("{name}, before"), answer, 200, "");
            stage.idp.fault(Endpoint::Jwks, fault);
            let before = stage.idp.count(Endpoint::Jwks);
            let unknown = token_of(&stage.idp, issuer, Some("nobody's")).unwrap();
            let answer = get(&stage, way, "/keys/a", &unknown).await;
            failures.answer(&format!("{name}, unknown key"), answer, 401, "key_unknown");
            let asked = || async { stage.idp.count(Endpoint::Jwks) > before };
            if wait::until(SECONDS, asked).await.is_err() {
                failures.push(format!("{name}: the keys were not fetched again"));
            }
            let answer = get(&stage, way, "/keys/a", &good()).await;
            failures.answer(&format!("{name}, old keys"), answer, 200, "");
            stage.idp.heal();
        }
    }
    let stolen = stage.echo.requests().iter().any(|seen| seen.path.starts_with("/stolen-keys"));
    failures.same("a redirect was followed", stolen, false);
    unharmed(&stage, &mut failures).await.unwrap();
    stage.close().await.unwrap();
    assert_eq!(failures.report(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_fails() {
    let stage = Stage::with_policy("faults").await.unwrap();
    let mut failures = Failures::default();
    one_call_for_all(&stage, &mut failures).await.unwrap();
    flood_of_unknown_keys(&stage, &mut failures).await.unwrap();
    let steal = format!("http://127.0.0.1:{}/stolen-reply", stage.echo.port());
    let faults = [
        ("503", Fault::Status(503)),
        ("401", Fault::Status(401)),
        ("html", Fault::Html),
        ("truncated", Fault::Truncated),
        ("huge", Fault::Huge(32 << 20)),
        ("redirect", Fault::Redirect(steal)),
        ("hang", Fault::Hang),
        ("no object", Fault::Body("[]".to_owned())),
        ("no active", Fault::Body("{}".to_owned())),
        ("active is text", Fault::Body("{\"active\":\"true\"}".to_owned())),
        ("active twice", Fault::Body("{\"active\":false,\"active\":true}".to_owned())),
    ];
    for (name, fault) in faults {
        stage.idp.fault(Endpoint::Introspection, fault);
        for way in [Way::Ask, Way::Grpc] {
            let token = Kind::Opaque.mint(&stage.idp).unwrap();
            let closed = get(&stage, way, "/reports/r", &token).await;
            let what = format!("introspection {name}, {}", way.topology());
            failures.answer(&what, closed, 503, "dependency_unavailable");
            let open = get(&stage, way, "/reports-open/r", &token).await;
            failures.answer(&format!("{what}, open"), open, 200, "");
        }
    }
    let stolen = stage.echo.requests().iter().any(|seen| seen.path.starts_with("/stolen-reply"));
    failures.same("a redirect was followed", stolen, false);
    stage.idp.heal();
    let back = || async {
        let token = Kind::Opaque.mint(&stage.idp).unwrap_or_default();
        let answer = get(&stage, Way::Ask, "/reports/r", &token).await;
        answer.is_ok_and(|(status, _)| status == 200)
    };
    wait::until(SECONDS, back).await.unwrap();
    unharmed(&stage, &mut failures).await.unwrap();
    stage.close().await.unwrap();
    assert_eq!(failures.report(), None);
}

/// A hundred requests with one cold token: the provider is asked once.
async fn one_call_for_all(stage: &Stage, failures: &mut Failures) -> Result<()> {
    stage.idp.fault(Endpoint::Introspection, Fault::Delay(Duration::from_millis(150)));
    let token = Kind::Opaque.mint(&stage.idp)?;
    let mut sends = tokio::task::JoinSet::new();
    for number in 0..100 {
        let request = Request::get(HOST, format!("/reports/{number}")).bearer(&token);
        let port = stage.port(if number % 4 == 0 { Way::Grpc } else { Way::Ask })?;
        sends.spawn(async move { request.send_to_port(port, limits::ANSWER).await });
    }
    for answer in sends.join_all().await {
        failures.answer("one of a hundred", answer.map(|it| told(&it)), 200, "");
    }
    failures.same("introspections for a hundred", stage.idp.count(Endpoint::Introspection), 1);
    stage.idp.heal();
    Ok(())
}

/// Made-up key ids make each door fetch at most once more.
async fn flood_of_unknown_keys(stage: &Stage, failures: &mut Failures) -> Result<()> {
    for way in [Way::Ask, Way::Grpc] {
        let good = Kind::Rs256.mint(&stage.idp)?;
        failures.answer("before the flood", get(stage, way, "/orders/o", &good).await, 200, "");
        let before = stage.idp.count(Endpoint::Jwks);
        let mut client = stage.client(way)?;
        for _ in 0..100 {
            let token = Kind::UnknownKid.mint(&stage.idp)?;
            let request = Request::get(HOST, "/orders/o").bearer(&token);
            let answer = client.send(&request).await;
            failures.answer("in the flood", answer.map(|it| told(&it)), 401, "key_unknown");
        }
        let fetches = stage.idp.count(Endpoint::Jwks).saturating_sub(before);
        if fetches > 1 {
            failures.push(format!("{fetches} fetches of keys in a flood, {}", way.topology()));
        }
        failures.answer("after the flood", get(stage, way, "/orders/o", &good).await, 200, "");
    }
    Ok(())
}
