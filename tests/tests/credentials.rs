//! What becomes of credentials on the way through a real Envoy, in every topology: none that ends at the gate reaches the
//! upstream, and no access log tells one. The agreement suite has what is decided; here is what Envoy does with it.

use sallyport_tests::envoy::{Binary, CURRENT, OLDEST};
use sallyport_tests::failures::Failures;
use sallyport_tests::http1::Request;
use sallyport_tests::idp::Claims;
use sallyport_tests::parts::{self, Parts};
use sallyport_tests::stage::{Setup, Stage, Way};
use sallyport_tests::{Result, limits, wait};

/// The agreement's policy; access logs that tell the whole path.
async fn stage(version: &str, replaced: &[(&str, &str)]) -> Result<Stage> {
    let mut setup = Setup::quickstart(Parts::find()?, Binary::locate(version).await?);
    setup.policy = Some(parts::root().join("tests/fixtures/agreement"));
    let replaced = replaced.iter().map(|(old, new)| ((*old).to_owned(), (*new).to_owned()));
    setup.replaced = replaced.collect();
    Stage::open(setup).await
}

const FULL_PATH: (&str, &str) = ("%REQ_WITHOUT_QUERY(:PATH)%", "%REQ(:PATH)%");
/// As `render` writes it for a policy that reads a cookie.
const COOKIE_OVER_HTTP: (&str, &str) = (
    "\"allowed_upstream_headers\":{\"patterns\":[",
    "\"allowed_upstream_headers\":{\"patterns\":[{\"exact\":\"cookie\"},",
);

/// Way, path, headers, status; then path and cookies as the upstream gets them. `TOKEN` stands for a good token,
/// `ACTIVE` for an opaque one, `OLD` for one that has expired.
type Case = (
    Way,
    &'static str,
    &'static [(&'static str, &'static str)],
    u16,
    &'static str,
    &'static [&'static str],
);

const CASES: &[Case] = &[
    (Way::Ask, "/query/1?a=%2F&access%5Ftoken=TOKEN&b=+&c", &[], 200, "/query/1?a=%2F&b=+&c", &[]),
    (
        Way::ExtAuthz,
        "/query/1?a=%2F&access_token=TOKEN&b=+&c",
        &[],
        200,
        "/query/1?a=%2F&b=+&c",
        &[],
    ),
    (Way::Grpc, "/query/1?a=%2F&access_token=TOKEN&b=+&c", &[], 200, "/query/1?a=%2F&b=+&c", &[]),
    (Way::Http, "/query/1?access_token=TOKEN", &[], 503, "", &[]),
    (Way::Ask, "/opaque-query/1?ticket=ACTIVE", &[], 200, "/opaque-query/1", &[]),
    (Way::ExtAuthz, "/opaque-query/1?ticket=ACTIVE", &[], 200, "/opaque-query/1", &[]),
    (Way::Grpc, "/opaque-query/1?ticket=ACTIVE", &[], 200, "/opaque-query/1", &[]),
    (
        Way::Ask,
        "/cookie/1",
        &[("cookie", "a=1; session=TOKEN"), ("cookie", "b=2")],
        200,
        "/cookie/1",
        &["a=1; b=2"],
    ),
    (
        Way::ExtAuthz,
        "/cookie/2",
        &[("cookie", "a=1; session=TOKEN"), ("cookie", "b=2")],
        200,
        "/cookie/2",
        &["a=1; b=2"],
    ),
    (
        Way::Grpc,
        "/cookie/3",
        &[("cookie", "a=1"), ("cookie", "session=TOKEN; b=2")],
        200,
        "/cookie/3",
        &["a=1; b=2"],
    ),
    (Way::Http, "/cookie/4", &[("cookie", "a=1; session=TOKEN")], 200, "/cookie/4", &["a=1"]),
    (Way::Http, "/cookie/5", &[("cookie", "session=TOKEN")], 200, "/cookie/5", &[]),
    (
        Way::Ask,
        "/opaque-cookie/1",
        &[("cookie", "a=1; session=ACTIVE")],
        200,
        "/opaque-cookie/1",
        &["a=1"],
    ),
    (
        Way::Ask,
        "/opaque-cookie/1",
        &[("cookie", "a=2; session=ACTIVE")],
        200,
        "/opaque-cookie/1",
        &["a=2"],
    ),
    (
        Way::Ask,
        "/opaque-cookie/1",
        &[("cookie", "a=2; session=ACTIVE")],
        200,
        "/opaque-cookie/1",
        &["a=2"],
    ),
    (Way::Ask, "/opaque-cookie/1", &[], 401, "", &[]),
    (Way::Ask, "/header/1", &[("x-token", "TOKEN")], 200, "/header/1", &[]),
    (Way::ExtAuthz, "/header/2", &[("x-token", "TOKEN")], 200, "/header/2", &[]),
    (Way::Grpc, "/header/3", &[("x-token", "TOKEN")], 200, "/header/3", &[]),
    (Way::Http, "/header/4", &[("x-token", "TOKEN")], 200, "/header/4", &[]),
    (Way::Grpc, "/guest/1", &[], 200, "/guest/1", &[]),
    (Way::Ask, "/query/1?access_token=OLD&x", &[], 401, "", &[]),
    (Way::Ask, "/nowhere?ticket=TOKEN&y", &[], 403, "", &[]),
    (Way::Ask, "/query/1?access_token=OLD&access_token=TOKEN&z", &[], 400, "", &[]),
    (Way::Ask, "/opaque-query/last?ticket=OLD", &[], 401, "", &[]),
];

#[tokio::test(flavor = "multi_thread")]
async fn what_ends_at_the_gate_goes_no_further() {
    assert_eq!(differences(CURRENT).await.unwrap(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn nor_on_the_oldest_envoy() {
    assert_eq!(differences(OLDEST).await.unwrap(), None);
}

async fn differences(version: &str) -> Result<Option<String>> {
    let stage = stage(version, &[FULL_PATH, COOKIE_OVER_HTTP]).await?;
    let good = stage.idp.access_token(|_| {})?;
    let old = stage.idp.access_token(|claims: &mut Claims| {
        claims.insert("exp".to_owned(), 1_000_000_000_u64.into());
    });
    let (old, active) = (old?, stage.idp.opaque(stage.idp.active_reply()?)?);
    let filled =
        |text: &str| text.replace("TOKEN", &good).replace("ACTIVE", &active).replace("OLD", &old);
    let mut wrong = Failures::default();
    for (way, path, headers, status, upstream, cookies) in CASES {
        stage.echo.forget();
        let request = headers
            .iter()
            .fold(Request::get("api.example.com", filled(path)), |request, (name, value)| {
                request.header(name, filled(value))
            });
        let response = stage.send(*way, &request).await?;
        let seen = stage.echo.last();
        let actual = seen
            .as_ref()
            .map_or((String::new(), Vec::new()), |seen| (seen.path.clone(), seen.values("cookie")));
        let expected = (upstream.to_string(), cookies.iter().map(ToString::to_string).collect());
        wrong.same(&format!("{way:?} {path}"), (response.status, actual), (*status, expected));
        let everything = seen.map(|seen| seen.to_json().to_string()).unwrap_or_default();
        for secret in [&good, &active, &old] {
            wrong.same(
                &format!("{way:?} {path} leaks"),
                everything.contains(secret.as_str()),
                false,
            );
        }
    }
    // Envoy writes access logs every ten seconds.
    let last = || async { stage.envoy.log().ok().filter(|log| log.contains("/opaque-query/last")) };
    let log = wait::value(limits::LOGGED, last).await?;
    // What ext_authz denies cannot be rewritten: the shipped format tells no query.
    let own = |line: &&str| line.contains("\"path\":") && !line.contains("ext_authz");
    for line in log.lines().filter(own) {
        let told = [&good, &active, &old].iter().any(|secret| line.contains(secret.as_str()));
        wrong.same(&format!("logged: {line}"), told, false);
    }
    wrong.same("log of a denied path", log.contains("/query/1?x"), true);
    stage.close().await?;
    Ok(wrong.report())
}

/// As Istio's CUSTOM provider asks: headers as Envoy's map of text.
#[tokio::test(flavor = "multi_thread")]
async fn cookies_of_two_headers_are_joined_in_the_map_of_text() {
    let stage = stage(CURRENT, &[("\"encode_raw_headers\":true", "\"encode_raw_headers\":false")])
        .await
        .unwrap();
    let good = stage.idp.access_token(|_| {}).unwrap();
    let request = Request::get("api.example.com", "/cookie/1")
        .header("cookie", "a=1")
        .header("cookie", format!("session={good}; b=2"));
    let two = stage.send(Way::Grpc, &request).await.unwrap();
    let request = Request::get("api.example.com", "/cookie/1")
        .header("cookie", format!("a=1; session={good}; b=2"));
    let one = stage.send(Way::Grpc, &request).await.unwrap();
    let cookies = stage.echo.last().map(|seen| seen.values("cookie"));
    stage.close().await.unwrap();
    // With a comma, by which nobody can tell one cookie from two.
    assert_eq!(
        (two.status, two.json().unwrap()["reason"].as_str()),
        (400, Some("credential_ambiguous"))
    );
    assert_eq!((one.status, cookies), (200, Some(vec!["a=1; b=2".to_owned()])));
}
