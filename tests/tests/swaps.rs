//! Credentials of the gate's own reach the upstream in place of the client's, through both Envoys and every way that has
//! a Unix socket; over TCP nobody gets one. The secrets are in no configuration, log, record, counter or answer.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sallyport_tests::Result;
use sallyport_tests::envoy::{Binary, CURRENT, OLDEST};
use sallyport_tests::http1::{Connection, Request, Response};
use sallyport_tests::limits;
use sallyport_tests::parts::{self, Parts};
use sallyport_tests::stage::{Setup, Stage, Way};
use sallyport_tests::wait;

const HOST: &str = "api.example.com";
/// Every secret holds it, encoded too.
const CANARIES: [&str; 2] = ["k4nary", "Z2F0ZTprNG5hcn"];

/// Host, path, status, what the upstream gets (an empty value: nothing of that name). The client sends its token and
/// `x-api-key: client`.
type Case = (&'static str, &'static str, u16, &'static [(&'static str, &'static str)]);
const CASES: &[Case] = &[
    (
        HOST,
        "/basic/1",
        200,
        // gate:k4nary-password:with-colon
        &[
            ("authorization", "Basic Z2F0ZTprNG5hcnktcGFzc3dvcmQ6d2l0aC1jb2xvbg=="),
            ("x-api-key", "client"),
        ],
    ),
    (
        HOST,
        "/bearer/1",
        200,
        &[("authorization", "Bearer k4nary-token.of_ours-1"), ("x-user", "5f1c0c1e-alice")],
    ),
    (HOST, "/key/1", 200, &[("authorization", ""), ("x-api-key", "k4nary-key")]),
    ("inherits.example", "/inherited", 200, &[("authorization", "Bearer k4nary-token.of_ours-1")]),
    // What would be denied gets no credential.
    (HOST, "/shadow/1", 200, &[("authorization", "")]),
    (HOST, "/open/1", 200, &[("authorization", ""), ("x-api-key", "k4nary-key")]),
    (HOST, "/plain/1", 200, &[("authorization", ""), ("x-api-key", "client")]),
];

async fn stage(version: &str) -> Result<Stage> {
    let mut setup = Setup::quickstart(Parts::find()?, Binary::locate(version).await?);
    setup.policy = Some(parts::root().join("tests/fixtures/swaps"));
    setup.rendered = true;
    Stage::open(setup).await
}

fn request(stage: &Stage, host: &str, path: &str) -> Result<Request> {
    let token = stage.idp.access_token(|_| {})?;
    Ok(Request::get(host, path).bearer(&token).header("x-api-key", "client"))
}

fn upstream_differs(stage: &Stage, expected: &[(&str, &str)]) -> Vec<String> {
    let Some(seen) = stage.echo.last() else { return vec!["the upstream got nothing".to_owned()] };
    let differs = |(name, expected): &(&str, &str)| {
        let found = seen.values(name).join("|");
        (found != *expected).then(|| format!("the upstream got `{name}: {found}`"))
    };
    expected.iter().filter_map(differs).collect()
}

/// What is wrong with each case over a way.
async fn over(stage: &Stage, way: Way) -> Result<Vec<String>> {
    let mut wrong = Vec::new();
    for (host, path, status, upstream) in CASES {
        // Twice: the second is no remembered verdict.
        for _ in 0..2 {
            stage.echo.forget();
            let response = stage.send(way, &request(stage, host, path)?).await?;
            let mut found = upstream_differs(stage, upstream);
            if response.status != *status {
                found.push(format!("status {}: {}", response.status, response.text()));
            }
            wrong.extend(found.iter().map(|found| format!("{path} over {way:?}: {found}")));
        }
    }
    Ok(wrong)
}

/// A token in the query is taken out, and the header of the client's own making too.
async fn from_query(stage: &Stage, way: Way) -> Result<Vec<String>> {
    let token = stage.idp.access_token(|_| {})?;
    stage.echo.forget();
    let path = format!("/scheme/1?a=b&access_token={token}");
    let response = stage.send(way, &Request::get(HOST, path).header("x-api-key", "client")).await?;
    let mut wrong = upstream_differs(stage, &[("authorization", "Token k4nary-scheme")]);
    wrong.extend((response.status != 200).then(|| format!("status {}", response.status)));
    let path = stage.echo.last().map(|seen| seen.path);
    wrong.extend((path.as_deref() != Some("/scheme/1?a=b")).then(|| format!("path {path:?}")));
    Ok(wrong.into_iter().map(|wrong| format!("/scheme over {way:?}: {wrong}")).collect())
}

async fn decided(stage: &Stage) -> Result<f64> {
    let metrics = stage.sidecar_metrics().await?;
    Ok(metrics.sum("sallyport_decisions_total", &[("door", "grpc"), ("rule", "basic")]))
}

async fn everywhere(version: &str) -> Result<Vec<String>> {
    let stage = stage(version).await?;
    let mut wrong = Vec::new();
    for way in [Way::Ask, Way::ExtAuthz, Way::Grpc] {
        wrong.extend(over(&stage, way).await?);
        wrong.extend(from_query(&stage, way).await?);
    }
    let asked = decided(&stage).await?;
    if asked < 6.0 {
        wrong.push(format!("of six requests, {asked} were asked of the sidecar"));
    }
    wrong.extend(over_http(&stage).await?);
    wrong.extend(leaks(&stage).await?);
    wrong.extend(without_sidecar(&stage).await?);
    stage.close().await?;
    Ok(wrong)
}

/// Envoy reaches the HTTP door over TCP, and is told nothing; over a Unix socket it would be.
async fn over_http(stage: &Stage) -> Result<Vec<String>> {
    let mut wrong = Vec::new();
    stage.echo.forget();
    let denied = stage.send(Way::Http, &request(stage, HOST, "/basic/1")?).await?;
    if denied.status != 503 || stage.echo.last().is_some() {
        wrong.push(format!("over TCP: {} {}", denied.status, denied.text()));
    }
    let plain = stage.send(Way::Http, &request(stage, HOST, "/plain/1")?).await?;
    if plain.status != 200 {
        wrong.push(format!("without a swap over TCP: {}", plain.status));
    }
    let asked = request(stage, HOST, "/check/basic/1")?;
    let port = stage.sidecar_http_port()?;
    let told = asked.send_to_port(port, limits::ANSWER).await?;
    if told.status != 503 || told.header("authorization").is_some() {
        wrong.push(format!("the HTTP door over TCP: {} {:?}", told.status, told.headers));
    }
    let told = over_socket(stage, &asked).await?;
    let expected = format!("Basic {}", STANDARD.encode("gate:k4nary-password:with-colon"));
    if told.status != 200 || told.header("authorization") != Some(&*expected) {
        wrong.push(format!("the HTTP door over its socket: {} {:?}", told.status, told.headers));
    }
    Ok(wrong)
}

async fn over_socket(stage: &Stage, request: &Request) -> Result<Response> {
    let stream =
        tokio::net::UnixStream::connect(stage.socket().with_file_name("http.sock")).await?;
    Connection::over(stream).send(request, limits::ANSWER).await
}

fn holds_canary(text: &str) -> bool {
    CANARIES.iter().any(|canary| text.contains(canary))
}

/// The lines with it.
fn around(text: &str) -> String {
    text.lines().filter(|line| holds_canary(line)).collect::<Vec<_>>().join("\n")
}

/// Where the secrets must not be, and are.
async fn leaks(stage: &Stage) -> Result<Vec<String>> {
    // Records are there before they are searched.
    wait::until(limits::COUNTED, || async { stage.records().len() >= CASES.len() }).await?;
    let asked = serde_json::json!({
        "id": 1, "method": "GET", "scheme": "http", "host": HOST, "path": "/basic/1",
        "headers": [["authorization", format!("Bearer {}", stage.idp.access_token(|_| {})?)]],
    });
    let keys = stage.write("keys.json", &stage.idp.jwks().to_string())?;
    let keys = format!("main={}", keys.display());
    let policy = ["--policy", "policy.yaml"];
    let mut places = vec![
        ("Envoy's configuration", stage.envoy.admin_get("/config_dump").await?.text()),
        ("Envoy's counters", stage.envoy.admin_get("/stats").await?.text()),
        ("Envoy's log", stage.envoy.log()?),
        ("the sidecar's log", stage.sidecar_tail().await),
        (
            "the sidecar's counters",
            stage.sidecar_metrics().await?.iter().map(|(series, _)| series.to_owned()).collect(),
        ),
        ("the records", stage.exported()),
    ];
    for command in ["check", "explain", "lint"] {
        let arguments = match command {
            "lint" => vec![command, policy[0], policy[1]],
            _ => vec![command, policy[0], policy[1], "--jwks", &keys, "--json"],
        };
        let output = stage.sallyport(&arguments, &asked.to_string()).await?;
        let text = [output.stdout, output.stderr].concat();
        let text = String::from_utf8_lossy(&text).into_owned();
        if command == "check" && !text.contains(r#"["authorization","Basic [secret]"]"#) {
            return Ok(vec![format!("check says nothing of the credential: {text}")]);
        }
        places.push((command, text));
    }
    let copy = stage.sallyport(&["render", "filter", policy[0], policy[1]], "").await?;
    let copy = String::from_utf8(copy.stdout)?;
    let mut wrong = Vec::new();
    if copy.contains("secrets/") || copy.contains("gate") || !copy.contains("X-Api-Key") {
        wrong.push(format!("the filter's copy: {copy}"));
    }
    let held = places.iter().filter(|(_, text)| holds_canary(text));
    wrong.extend(held.map(|(place, text)| format!("a secret is in {place}: {}", around(text))));
    Ok(wrong)
}

/// `failure_mode: open` opens a route, and nothing else: no credential of ours, and none of the client's.
async fn without_sidecar(stage: &Stage) -> Result<Vec<String>> {
    stage.kill_sidecar().await?;
    let mut wrong = Vec::new();
    for (path, status) in [("/open/2", 200), ("/key/2", 503)] {
        stage.echo.forget();
        let response = stage.send(Way::Ask, &request(stage, HOST, path)?).await?;
        if response.status != status {
            wrong.push(format!("{path} without the sidecar: {}", response.status));
        }
        if status == 200 {
            wrong.extend(upstream_differs(stage, &[("authorization", ""), ("x-api-key", "")]));
        }
    }
    Ok(wrong)
}

#[tokio::test(flavor = "multi_thread")]
async fn upstreams_get_our_credential_through_the_current_envoy() {
    let wrong = everywhere(CURRENT).await.unwrap();
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn upstreams_get_our_credential_through_the_oldest_envoy() {
    let wrong = everywhere(OLDEST).await.unwrap();
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

/// A new secret is taken with the next reload; one that cannot be used leaves the last in force.
#[tokio::test(flavor = "multi_thread")]
async fn a_changed_secret_is_taken() {
    let stage = stage(CURRENT).await.unwrap();
    let sent = || async {
        stage.send(Way::Ask, &request(&stage, HOST, "/key/1")?).await?;
        Ok::<_, sallyport_tests::Error>(stage.echo.last().map(|seen| seen.values("x-api-key")))
    };
    assert_eq!(sent().await.unwrap(), Some(vec!["k4nary-key".to_owned()]));
    stage.write("secrets/key", "k4nary-two\n").unwrap();
    let changed = || async {
        let found = sent().await.ok().flatten()?;
        (found == ["k4nary-two"]).then_some(())
    };
    wait::value(limits::COUNTED, changed).await.unwrap();
    stage.write("secrets/key", "k4nary\u{7}three").unwrap();
    let refused = || async {
        let tail = stage.sidecar_tail().await;
        tail.contains("no header may hold").then_some(tail)
    };
    let tail = wait::value(limits::COUNTED, refused).await.unwrap();
    assert!(tail.contains("routes.key.forward.credential") && !tail.contains("k4nary"), "{tail}");
    assert_eq!(sent().await.unwrap(), Some(vec!["k4nary-two".to_owned()]));
    stage.close().await.unwrap();
}
