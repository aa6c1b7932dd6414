//! Attacks on routes, credentials and answers: each row of the section in `docs/threats.md` has cases here with the same
//! id. Requests go through a real Envoy in every topology, with a policy that `render` wrote the bootstrap for and with
//! paths and header names as they are sent; policies that would open a hole do not load.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use sallyport_policy::{Document, Format, Level, Policy};
use sallyport_tests::envoy::{Binary, CURRENT};
use sallyport_tests::failures::{Failures, unharmed};
use sallyport_tests::http1::Request;
use sallyport_tests::parts::{Parts, root};
use sallyport_tests::stage::{Setup, Stage, Way};
use sallyport_tests::{Result, threats};
use serde_json::Value;

/// The section of `docs/threats.md` with one row for each id.
const SECTION: &str = "## Attacks on routes, credentials and answers";
const WAYS: &[Way] = &[Way::Ask, Way::ExtAuthz, Way::Grpc, Way::Http];
/// Longest that one request may take; they take milliseconds.
const SLOW: Duration = Duration::from_secs(2);
/// Digits of a long path: patterns look at 2 KiB of it, and refuse what is longer.
const LONG: usize = 2_000;

/// What one request must come to.
struct Case {
    id: &'static str,
    method: &'static str,
    target: &'static str,
    /// Besides Host, unless it is among them. `TOKEN` is a good token.
    headers: &'static [(&'static str, &'static str)],
    /// Claims over the usual ones.
    claims: &'static str,
    status: u16,
    /// What the upstream gets; `:path` is one, and an empty value says that the header is not there.
    upstream: &'static [(&'static str, &'static str)],
    /// What the client gets.
    client: &'static [(&'static str, &'static str)],
    /// HTTP ext_authz cannot carry it, and answers 503.
    not_over_http: bool,
}

type Pairs = &'static [(&'static str, &'static str)];

const fn case(id: &'static str, target: &'static str, headers: Pairs, status: u16) -> Case {
    let (upstream, client): (Pairs, Pairs) = (&[], &[]);
    Case {
        id,
        method: "GET",
        target,
        headers,
        claims: "{}",
        status,
        upstream,
        client,
        not_over_http: false,
    }
}

const BEARER: (&str, &str) = ("authorization", "Bearer TOKEN");
const CASES: &[Case] = &[
    Case {
        upstream: &[("x-user", ""), ("x_user", ""), ("x-tenant", "")],
        ..case(
            "identity-header",
            "/healthz",
            &[("x-user", "admin"), ("X-USER", "root"), ("X_User", "root"), ("x-tenant", "rival")],
            200,
        )
    },
    Case {
        upstream: &[
            ("x-user", "5f1c0c1e-alice"),
            ("x_user", ""),
            ("x-tenant", "acme"),
            ("x-order", "7"),
        ],
        ..case(
            "identity-header",
            "/orders/7",
            &[
                BEARER,
                ("x-user", "admin"),
                ("x_user", "root"),
                ("x-tenant", "rival"),
                ("x-order", "1"),
            ],
            200,
        )
    },
    Case {
        upstream: &[("x-user", "")],
        ..case("identity-header", "/healthz", &[("connection", "x-user"), ("x-user", "admin")], 200)
    },
    case(
        "client-certificate-header",
        "/certificate/1",
        &[("x-forwarded-client-cert", "URI=spiffe://example.org/admin")],
        401,
    ),
    case("query-twice", "/query/1?access_token=TOKEN&access_token=TOKEN", &[], 400),
    case("query-twice", "/query/1?access_token=TOKEN&access%5Ftoken=x", &[], 400),
    case("query-elsewhere", "/staff/1?access_token=TOKEN", &[], 401),
    Case {
        upstream: &[(":path", "/query/1")],
        not_over_http: true,
        ..case("query-forwarded", "/query/1?access%5ftoken=TOKEN", &[], 200)
    },
    case("cookie-twice", "/cookie/1", &[("cookie", "session=TOKEN; session=TOKEN")], 400),
    case("cookie-twice", "/cookie/1", &[("cookie", "session=TOKEN"), ("cookie", "session=x")], 400),
    case("cookie-elsewhere", "/staff/1", &[("cookie", "session=TOKEN")], 401),
    Case {
        upstream: &[("cookie", "a=1; b=2")],
        ..case("cookie-forwarded", "/cookie/1", &[("cookie", "a=1; session=TOKEN; b=2")], 200)
    },
    case("header-twice", "/header/1", &[("x-token", "TOKEN"), ("X-Token", "TOKEN")], 400),
    case("header-twice", "/header/1", &[("x-token", "TOKEN,TOKEN")], 400),
    case("anonymous-by-junk", "/guest/1", &[("cookie", "session=junk")], 401),
    case("path-escaped-slash", "/files/..%2Fprivate/x", &[BEARER], 400),
    case("path-escaped-slash", "/files/private%2Fx", &[BEARER], 400),
    case("path-escaped-slash", "/healthz%2F..%2Fadmin", &[BEARER], 400),
    case("path-dots", "/healthz/../admin/x", &[BEARER], 400),
    case("path-dots", "/healthz/%2e%2E/admin/x", &[BEARER], 400),
    case("path-dots", "/./admin/x", &[BEARER], 400),
    case("path-dots", "/healthz/..;/admin/x", &[BEARER], 400),
    case("path-slashes", "//admin/x", &[BEARER], 400),
    case("path-slashes", "/healthz\\..\\admin", &[BEARER], 400),
    case("path-slashes", "/healthz/%5c..%5cadmin", &[BEARER], 400),
    case("path-parameters", "/admin;x/y", &[BEARER], 400),
    case("path-escapes", "/%61dmin/x", &[BEARER], 400),
    case("path-escapes", "/admin%00/x", &[BEARER], 400),
    case("path-escapes", "/healthz%c0%af..", &[BEARER], 400),
    case("path-case", "/HEALTHZ", &[], 403),
    case("absolute-form", "http://api.example.com/admin/x", &[BEARER], 403),
    case("absolute-form", "http://plain.example/healthz/../admin/x", &[BEARER], 400),
    case("host-confusion", "/inherited", &[BEARER, ("host", "INHERITS.example.:80")], 403),
    case(
        "host-confusion",
        "http://inherits.example/inherited",
        &[BEARER, ("host", "plain.example")],
        403,
    ),
    case(
        "host-confusion",
        "/inherited",
        &[BEARER, ("host", "plain.example@inherits.example")],
        400,
    ),
    case(
        "rewrite-headers",
        "/admin/x",
        &[BEARER, ("x-original-url", "/healthz"), ("x-rewrite-url", "/healthz")],
        403,
    ),
    case(
        "rewrite-headers",
        "/inherited",
        &[BEARER, ("host", "inherits.example"), ("x-forwarded-host", "plain.example")],
        403,
    ),
    Case {
        method: "DELETE",
        ..case("method-override", "/orders/7", &[BEARER, ("x-http-method-override", "GET")], 403)
    },
    Case {
        client: &[("access-control-allow-origin", ""), ("access-control-allow-credentials", "")],
        ..case(
            "cors-origin",
            "/across/1",
            &[BEARER, ("origin", "https://app.example.com.evil.example")],
            403,
        )
    },
    case("cors-origin", "/across/1", &[BEARER, ("origin", "null")], 403),
    case("cors-origin", "/across/1", &[BEARER, ("origin", "https://a.b@x.apps.example")], 403),
    Case {
        client: &[("access-control-allow-origin", "")],
        ..case(
            "cors-origin",
            "/across/1",
            &[BEARER, ("origin", "https://app.example.com"), ("origin", "https://evil.example")],
            403,
        )
    },
    Case {
        method: "OPTIONS",
        ..case(
            "cors-preflight",
            "/across/1",
            &[("origin", "https://evil.example"), ("access-control-request-method", "PUT")],
            403,
        )
    },
    Case {
        method: "OPTIONS",
        ..case(
            "cors-preflight",
            "/files/x",
            &[("origin", "https://app.example.com"), ("access-control-request-method", "GET")],
            401,
        )
    },
    Case {
        client: &[(
            "location",
            "https://sso.example/login?app=orders&rd=http%3A%2F%2Fapi.example.com%2Fpages%2F1%3Frd%3Dhttps%3A%2F%2Fevil.example%26app%3Dx",
        )],
        ..case(
            "redirect-elsewhere",
            "/pages/1?rd=https://evil.example&app=x",
            &[("accept", "text/html")],
            302,
        )
    },
    Case {
        client: &[("location", "")],
        ..case("redirect-elsewhere", "//evil.example/pages/1", &[("accept", "text/html")], 400)
    },
    case("template-header", "/orders/7%0d%0ax-admin:%201", &[BEARER], 400),
    Case {
        claims: r#"{"tenant":"acme\r\nx-admin: 1"}"#,
        upstream: &[("x-tenant", ""), ("x-admin", "")],
        ..case("template-header", "/orders/7", &[BEARER], 200)
    },
    Case {
        claims: r#"{"tenant":"../admin"}"#,
        ..case("template-path", "/moved/7", &[BEARER], 400)
    },
    Case { claims: r#"{"tenant":".."}"#, ..case("template-path", "/moved/7", &[BEARER], 400) },
    Case {
        claims: r#"{"tenant":"a?admin=1#"}"#,
        upstream: &[(":path", "/v2/a%3Fadmin%3D1%23/7?tenant=a%3Fadmin%3D1%23")],
        not_over_http: true,
        ..case("template-path", "/moved/7", &[BEARER], 200)
    },
    Case {
        claims: r#"{"tenant":"acme&tenant=rival"}"#,
        upstream: &[(":path", "/v2/acme%26tenant%3Drival/7?tenant=acme%26tenant%3Drival")],
        not_over_http: true,
        ..case("template-query", "/moved/7?tenant=rival", &[BEARER], 200)
    },
    Case {
        claims: r#"{"sub":"alice; admin=1"}"#,
        upstream: &[("cookie", "a=1")],
        ..case("template-cookie", "/shaped/7", &[BEARER, ("cookie", "a=1; user=mallory")], 200)
    },
    case("regex-cost", "/numbered/LONG!", &[BEARER], 403),
    case("role-wildcard", "/tenants/*/clusters", &[BEARER], 403),
    case("role-wildcard", "/tenants//clusters", &[BEARER], 400),
    Case { claims: r#"{"tenant":""}"#, ..case("role-wildcard", "/clusters/c", &[BEARER], 403) },
    Case { claims: r#"{"sub":"*"}"#, ..case("role-wildcard", "/clusters/c", &[BEARER], 403) },
];

/// A policy that must not load, and a part of what is said of it.
const LOADS: &[(&str, &str, &str)] = &[
    (
        "cors-any-with-credentials",
        "routes: [{ name: a, match: { path: /a }, allow: unauthenticated, cors: { origins: ['*'], credentials: true } }]",
        "browsers refuse credentials",
    ),
    (
        "redirect-target",
        "routes: [{ name: a, match: { path: /a }, allow: nobody, on_deny: { redirect: { to: '//evil.example', on: [403] } } }]",
        "no address that a browser can be sent to",
    ),
    (
        "redirect-target",
        "routes: [{ name: a, match: { path: /a }, allow: nobody, on_deny: { redirect: { to: 'javascript:alert(1)', on: [403] } } }]",
        "no address that a browser can be sent to",
    ),
    (
        "redirect-target",
        "routes: [{ name: a, match: { path: /a }, allow: nobody, on_deny: { redirect: { to: 'https://sso.example@evil.example', on: [403] } } }]",
        "no address that a browser can be sent to",
    ),
    (
        "template-credential",
        "issuers: { m: { issuer: 'https://a.example', jwks: { discovery: true }, audiences: [a] } }\nroutes: [{ name: a, match: { path: /a }, authenticate: [{ jwt: m, from: { header: x-token } }], forward: { headers: { x-copy: '{header.x-token}' } } }]",
        "reads what `authenticate` reads as a credential",
    ),
    (
        "template-credential",
        "routes: [{ name: a, match: { path: /a }, allow: unauthenticated, forward: { headers: { x-copy: '{header.authorization}' } } }]",
        "carries credentials",
    ),
    (
        "regex-cost",
        "routes: [{ name: a, match: { regex: '/(a{1000}){1000}' }, allow: nobody }]",
        "is no pattern",
    ),
    (
        "role-documents",
        "role_documents: [{ kind: Role, metadata: { name: r }, rules: [{ api: '', resources: [''], namespaces: [''], verbs: ['*'] }] }]\nroutes: []",
        "unknown variant",
    ),
    (
        "role-documents",
        "role_documents: [{ kind: RoleBinding, metadata: { name: b }, users: [u], roles: [amdin] }]\nroutes: []",
        "which does not exist",
    ),
    (
        "role-documents",
        "role_documents: [{ kind: Role, metadata: { name: r }, rules: [] }, { kind: Role, metadata: { name: r }, rules: [] }]\nroutes: []",
        "defined twice",
    ),
];

async fn stage() -> Result<Stage> {
    let mut setup = Setup::quickstart(Parts::find()?, Binary::locate(CURRENT).await?);
    setup.policy = Some(root().join("tests/fixtures/agreement"));
    setup.rendered = true;
    setup.paths_as_sent = true;
    Stage::open(setup).await
}

async fn ask(stage: &Stage, way: Way, case: &Case, failures: &mut Failures) -> Result<()> {
    let what = format!("{}, {} over {way:?}", case.id, case.target);
    let over: Value = serde_json::from_str(case.claims)?;
    let token = stage.idp.access_token(|claims| {
        claims.extend(
            over.as_object()
                .into_iter()
                .flatten()
                .map(|(name, value)| (name.clone(), value.clone())),
        );
    })?;
    let named = case.headers.iter().any(|(name, _)| *name == "host");
    let target = case.target.replace("TOKEN", &token).replace("LONG", &"1".repeat(LONG));
    let request = Request::new(case.method, target);
    let request = if named { request } else { request.header("host", "api.example.com") };
    let headers = case.headers.iter();
    let request = headers.fold(request, |request, (name, value)| {
        request.header(name, value.replace("TOKEN", &token))
    });
    stage.echo.forget();
    let started = Instant::now();
    let response = stage.send(way, &request).await?;
    let denied_there = case.not_over_http && way == Way::Http;
    let status = if denied_there { 503 } else { case.status };
    failures.same(&what, response.status, status);
    let seen = stage.echo.last();
    failures.same(&format!("{what}: upstream"), seen.is_some(), status == 200);
    for (name, expected) in case.client.iter().filter(|_| !denied_there) {
        let found = response.header(name).unwrap_or_default();
        // The HTTP door does not know the scheme.
        let found = found.replacen("=https%3A", "=http%3A", 1);
        failures.same(&format!("{what}: the client's {name}"), found.as_str(), *expected);
    }
    let seen = seen.filter(|_| !denied_there);
    for (name, expected) in case.upstream.iter() {
        let Some(seen) = &seen else { continue };
        let found = if *name == ":path" { seen.path.clone() } else { seen.values(name).join("|") };
        failures.same(&format!("{what}: the upstream's {name}"), found.as_str(), *expected);
    }
    if started.elapsed() > SLOW {
        failures.push(format!("{what}: took {:?}", started.elapsed()));
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_that_should_not_pass_do_not() {
    let stage = stage().await.unwrap();
    let mut failures = Failures::default();
    for way in WAYS {
        for case in CASES {
            ask(&stage, *way, case, &mut failures).await.unwrap();
        }
    }
    unharmed(&stage, &mut failures).await.unwrap();
    stage.close().await.unwrap();
    assert_eq!(failures.report(), None);
}

#[test]
fn policies_that_would_open_a_hole_do_not_load() {
    for (id, policy, message) in LOADS {
        let policy = format!("version: 1\n{policy}");
        let document = Document::parse(policy.as_bytes(), Format::Yaml);
        let problems = match document.and_then(|it| Policy::compile(&it, &[])) {
            Ok((_, warnings)) => panic!("{id} loads: {warnings:?}"),
            Err(problems) => problems,
        };
        let errors = problems.iter().filter(|problem| problem.level == Level::Error);
        assert!(errors.into_iter().any(|it| it.message.contains(message)), "{id}: {problems:?}");
    }
}

#[test]
fn the_table_and_the_cases_are_the_same() {
    let rows = threats::ids(SECTION).unwrap();
    let table: BTreeSet<&str> = rows.iter().map(String::as_str).collect();
    let loads = LOADS.iter().map(|(id, ..)| *id);
    let cases: BTreeSet<&str> = CASES.iter().map(|case| case.id).chain(loads).collect();
    let missing: Vec<_> = table.symmetric_difference(&cases).collect();
    assert!(missing.is_empty(), "in one of table and cases alone: {missing:?}");
    assert_eq!(rows.len(), table.len(), "a row twice");
}
