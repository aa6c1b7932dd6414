//! What Envoy itself makes of our answers: each way through a real Envoy, of the oldest version and the current one, with
//! the bootstrap that `render` writes for the agreement suite's policy. Paths, cookies, headers for pages of other origins,
//! redirects and gRPC denials have to arrive; exceptions stand in the row.

use sallyport_tests::Result;
use sallyport_tests::envoy::{Binary, CURRENT, OLDEST};
use sallyport_tests::http1::{Request, Response};
use sallyport_tests::idp::{Endpoint, Fault, Idp};
use sallyport_tests::parts::{self, Parts};
use sallyport_tests::stage::{Setup, Stage, Way};

const WAYS: &[Way] = &[Way::Ask, Way::ExtAuthz, Way::Grpc, Way::Http];
const GRPC: &[(&str, &str)] = &[("content-type", "application/grpc"), ("te", "trailers")];

/// One request, with a good token unless `anonymous`.
struct Case {
    name: &'static str,
    method: &'static str,
    path: &'static str,
    anonymous: bool,
    headers: &'static [(&'static str, &'static str)],
    status: u16,
    /// Of the response.
    client: &'static [(&'static str, &'static str)],
    /// What the upstream gets; `:path` is one, and an empty value says that the header is not there.
    upstream: &'static [(&'static str, &'static str)],
    /// Whether HTTP ext_authz can carry it.
    over_http: bool,
}

const fn case(name: &'static str, method: &'static str, path: &'static str, status: u16) -> Case {
    Case {
        name,
        method,
        path,
        anonymous: false,
        headers: &[],
        status,
        client: &[],
        upstream: &[],
        over_http: true,
    }
}

const CASES: &[Case] = &[
    Case {
        headers: &[
            ("cookie", "a=1; user=mallory"),
            ("cookie", "session=s; b=2"),
            ("x-trace", "one"),
            ("x-gone", "1"),
            ("x-user", "mallory"),
        ],
        upstream: &[
            ("cookie", "a=1; b=2; user=5f1c0c1e-alice"),
            ("x-trace", "one, GET/7"),
            ("x-gone", ""),
            ("x-user", ""),
            ("authorization", ""),
        ],
        ..case("headers and cookies", "GET", "/shaped/7", 200)
    },
    Case {
        anonymous: true,
        headers: &[("cookie", "user=mallory")],
        upstream: &[("cookie", "")],
        ..case("a cookie of another route", "GET", "/healthz", 200)
    },
    Case {
        upstream: &[(":path", "/v2/acme/7?x=1&tenant=acme")],
        over_http: false,
        ..case("path and query", "GET", "/moved/7?x=1&debug=2&tenant=rival", 200)
    },
    Case {
        headers: &[("origin", "https://app.example.com")],
        client: &[
            ("access-control-allow-origin", "https://app.example.com"),
            ("access-control-allow-credentials", "true"),
            ("access-control-expose-headers", "x-total"),
            ("vary", "origin"),
        ],
        ..case("another origin", "GET", "/across/1", 200)
    },
    Case {
        anonymous: true,
        headers: &[("origin", "https://app.example.com"), ("access-control-request-method", "PUT")],
        client: &[
            ("access-control-allow-methods", "PUT"),
            ("access-control-allow-headers", "authorization, x-trace"),
            ("access-control-max-age", "600"),
        ],
        ..case("a preflight", "OPTIONS", "/across/1", 200)
    },
    Case {
        anonymous: true,
        headers: &[("origin", "https://app.example.com")],
        client: &[("access-control-allow-origin", "https://app.example.com")],
        ..case("a denial to another origin", "GET", "/across/1", 401)
    },
    Case {
        headers: &[("origin", "https://evil.example")],
        client: &[("access-control-allow-origin", "")],
        ..case("a foreign page", "GET", "/across/1", 403)
    },
    Case {
        anonymous: true,
        headers: &[("accept", "text/html")],
        client: &[
            ("x-sallyport-reason", "token_missing"),
            ("content-type", "text/plain; charset=utf-8"),
            ("www-authenticate", ""),
        ],
        ..case("a redirect", "GET", "/pages/1", 302)
    },
    Case {
        anonymous: true,
        headers: GRPC,
        client: &[
            ("content-type", "application/grpc"),
            ("grpc-status", "16"),
            ("grpc-message", "no access token was presented"),
        ],
        ..case("gRPC without a token", "POST", "/orders.Orders/Get", 200)
    },
    Case {
        headers: GRPC,
        client: &[("grpc-status", "3")],
        ..case("gRPC that cannot be judged", "POST", "/orders.Orders/%zz", 200)
    },
    Case {
        headers: GRPC,
        client: &[("grpc-status", "7")],
        ..case("gRPC without a route", "POST", "/orders.Orders/None", 200)
    },
];

async fn failures(version: &str) -> Result<Vec<String>> {
    let binary = Binary::locate(version).await?;
    let mut setup = Setup::quickstart(Parts::find()?, binary);
    setup.policy = Some(parts::root().join("tests/fixtures/agreement"));
    setup.rendered = true;
    let stage = Stage::open(setup).await?;
    let mut failures = Vec::new();
    for way in WAYS {
        for case in CASES.iter().filter(|case| case.over_http || *way != Way::Http) {
            for wrong in differences(&stage, *way, case).await? {
                failures.push(format!("{} over {way:?}: {wrong}", case.name));
            }
        }
    }
    stage.close().await?;
    Ok(failures)
}

async fn differences(stage: &Stage, way: Way, case: &Case) -> Result<Vec<String>> {
    let request = request(&stage.idp, case)?;
    stage.echo.forget();
    let response = stage.send(way, &request).await?;
    let mut wrong = Vec::new();
    if response.status != case.status {
        wrong.push(format!("status {}: {}", response.status, response.text()));
    }
    for (name, expected) in case.client {
        let found = response.header(name).unwrap_or_default();
        if found != *expected {
            wrong.push(format!("the client got `{name}: {found}`, not `{expected}`"));
        }
    }
    wrong.extend(location(case, &response));
    let seen = stage.echo.last();
    for (name, expected) in case.upstream {
        let Some(seen) = &seen else {
            wrong.push("the upstream got nothing".to_owned());
            break;
        };
        let found = if *name == ":path" { seen.path.clone() } else { seen.values(name).join("|") };
        if found != *expected {
            wrong.push(format!("the upstream got `{name}: {found}`, not `{expected}`"));
        }
    }
    Ok(wrong)
}

fn location(case: &Case, response: &Response) -> Option<String> {
    let found = response.header("location").unwrap_or_default();
    let expected =
        if case.status == 302 { "https://sso.example/login?app=orders&rd=http" } else { "" };
    let fits = if expected.is_empty() { found.is_empty() } else { found.starts_with(expected) };
    (!fits).then(|| format!("the client got the location `{found}`"))
}

fn request(idp: &Idp, case: &Case) -> Result<Request> {
    let request = Request::new(case.method, case.path).header("host", "api.example.com");
    let request = if case.anonymous { request } else { request.bearer(&idp.access_token(|_| {})?) };
    Ok(case.headers.iter().fold(request, |request, (name, value)| request.header(name, value)))
}

#[tokio::test(flavor = "multi_thread")]
async fn effects_arrive_through_the_current_envoy() {
    let failures = failures(CURRENT).await.unwrap();
    assert!(failures.is_empty(), "{} differ:\n{}", failures.len(), failures.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn effects_arrive_through_the_oldest_envoy() {
    let failures = failures(OLDEST).await.unwrap();
    assert!(failures.is_empty(), "{} differ:\n{}", failures.len(), failures.join("\n"));
}

/// Whoever asks where a dependency or the whole sidecar is out of reach; the status that `status_on_error` names.
const OUT_OF_REACH: &[(&str, Way, bool, u16)] = &[
    ("the sidecar's own 503 over HTTP", Way::Http, true, 504),
    ("no sidecar over HTTP", Way::Http, false, 504),
    ("the sidecar's own 503 over gRPC", Way::Grpc, true, 503),
    ("no sidecar over gRPC", Way::Grpc, false, 504),
];

/// With another status in place of 503, so that it shows who answered.
async fn errors(version: &str) -> Result<Vec<String>> {
    let mut setup = Setup::quickstart(Parts::find()?, Binary::locate(version).await?);
    setup.policy = Some(parts::root().join("tests/fixtures/agreement"));
    setup.rendered = true;
    let (ours, other) = (r#"{"code":"ServiceUnavailable"}"#, r#"{"code":"GatewayTimeout"}"#);
    setup.replaced = vec![(ours.to_owned(), other.to_owned())];
    let stage = Stage::open(setup).await?;
    stage.idp.fault(Endpoint::Introspection, Fault::Status(503));
    let mut failures = Vec::new();
    for alive in [true, false] {
        if !alive {
            stage.kill_sidecar().await?;
        }
        for (name, way, _, status) in OUT_OF_REACH.iter().filter(|(.., with, _)| *with == alive) {
            let request = Request::get("api.example.com", "/opaque/1").bearer("an-opaque-token");
            let response = stage.send(*way, &request).await?;
            // Envoy's own answers have no body.
            if (response.status, response.text().is_empty()) != (*status, *status != 503) {
                failures.push(format!("{name}: {} `{}`", response.status, response.text()));
            }
        }
    }
    stage.close().await?;
    Ok(failures)
}

#[tokio::test(flavor = "multi_thread")]
async fn status_on_error_is_honoured_by_the_oldest_and_the_current_envoy() {
    for version in [OLDEST, CURRENT] {
        let failures = errors(version).await.unwrap();
        assert!(failures.is_empty(), "{version}: {}", failures.join("\n"));
    }
}
