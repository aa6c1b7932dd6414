//! What templates read of a request, and where they have no value.

use crate::load::load;
use crate::support::{GOOD, claims, get, set, token, world};
use sallyport_policy::Side;
use serde_json::json;

/// The template, the path and query, the headers; the value that the upstream gets.
type Case =
    (&'static str, &'static str, &'static [(&'static str, &'static str)], Option<&'static str>);

const CASES: &[Case] = &[
    ("{method}", "/a", &[], Some("GET")),
    ("{host}", "/a", &[], Some("api.example.com")),
    ("{header.X-Plan}", "/a", &[("x-plan", "gold")], Some("gold")),
    ("{header.x-plan}", "/a", &[("X-PLAN", "gold")], Some("gold")),
    ("{header.x-plan}", "/a", &[("x-plan", "a"), ("x-plan", "b")], Some("a,b")),
    ("{header.x-plan}", "/a", &[("x_plan", "gold")], None),
    ("{header.x-plan}", "/a", &[("x-plan", "")], None),
    ("{header.x-plan}", "/a", &[], None),
    ("a {header.x-plan}", "/a", &[], None),
    ("{query.t}", "/a?t=1", &[], Some("1")),
    ("{query.t}", "/a?s=2&t=1&", &[], Some("1")),
    ("{query.t}", "/a?%74=%31+2", &[], Some("1+2")),
    ("{query.t}", "/a?t=a=b", &[], Some("a=b")),
    ("{query.t}", "/a?t=%E2%82%AC", &[], Some("\u{20ac}")),
    ("{query.t}", "/a?t=1&t=1", &[], None),
    ("{query.t}", "/a?t=1&%74=2", &[], None),
    ("{query.t}", "/a?T=1", &[], None),
    ("{query.t}", "/a?t", &[], None),
    ("{query.t}", "/a?t=", &[], None),
    ("{query.t}", "/a?t=%", &[], None),
    ("{query.t}", "/a?t=%zz", &[], None),
    ("{query.t}", "/a?t=%ff", &[], None),
    ("{query.t}", "/a?t=%0a", &[], None),
    ("{query.t}", "/a?t=1;t=2", &[], None),
    ("{query.t}", "/a?t=1;x", &[], None),
    ("{query.t}", "/a", &[], None),
    ("{subject}@{host}/{query.t}", "/a?t=1", &[], Some("alice@api.example.com/1")),
];

fn policy(template: &str) -> String {
    format!(
        r#"
version: 1
issuers: {{ main: {{ issuer: "https://idp.example", jwks: {{ discovery: true, cluster: idp }}, audiences: [orders], algorithms: [ES256] }} }}
routes:
  - {{ name: a, match: {{ path: /a }}, authenticate: [{{ jwt: main }}], forward: {{ headers: {{ x-out: {} }} }} }}
"#,
        json!(template)
    )
}

#[test]
fn templates_read_the_request() {
    let token = token(claims(json!({})), GOOD);
    for (template, path, headers, expected) in CASES {
        let world = world(&policy(template), "");
        let ask = get(path).bearer(&token);
        let ask = headers.iter().fold(ask, |ask, (name, value)| ask.header(name, *value));
        for side in [Side::FilterAsking, Side::Sidecar] {
            let set = set(&world.decide(&ask, side));
            let actual = set.first().map(|(_, value)| value.as_str());
            assert_eq!(actual, *expected, "{template} {path} {headers:?}");
        }
    }
}

/// A claim as JSON; the value that the upstream gets.
const CLAIMS: &[(&str, Option<&str>)] = &[
    ("1", Some("1")),
    ("1.0", Some("1")),
    ("-0.0", Some("0")),
    ("1e3", Some("1000")),
    ("0.5", Some("0.5")),
    ("-2.50", Some("-2.5")),
    ("1e-7", Some("1e-7")),
    ("9007199254740993", Some("9007199254740993")),
    ("18446744073709551615", Some("18446744073709551615")),
    ("18446744073709551616", None),
    ("9007199254740992.0", None),
    ("1e300", None),
    ("[1.0, 2.5, true, \"a\"]", Some("1,2.5,true,a")),
    ("[1, [2]]", None),
    ("[\"a,b\"]", None),
    ("null", None),
    ("{}", None),
];

#[test]
fn a_claim_has_one_text() {
    for (claim, expected) in CLAIMS {
        let claim: serde_json::Value = serde_json::from_str(claim).unwrap();
        let token = token(claims(json!({ "level": claim })), GOOD);
        let world = world(&policy("{claims.level}"), "");
        for side in [Side::FilterAsking, Side::Sidecar] {
            let set = set(&world.decide(&get("/a").bearer(&token), side));
            let actual = set.first().map(|(_, value)| value.as_str());
            assert_eq!(actual, *expected, "{claim}");
        }
    }
}

#[test]
fn templates_that_do_not_load() {
    let cases = [
        ("{header.authorization}", "carries credentials"),
        ("{header.Cookie}", "carries credentials"),
        ("{header.host}", "not read as a header"),
        ("{header.}", "is no header"),
        ("{header.a b}", "is no header"),
        ("{header.:path}", "is no header"),
        ("{query.}", "nothing a template knows"),
        ("{header.x-out}", "reads a header that the policy sets"),
        ("{header.X_Out}", "reads a header that the policy sets"),
    ];
    for (template, expected) in cases {
        let problems = load(&policy(template));
        assert!(
            problems.iter().any(|problem| problem.message.contains(expected)),
            "{template}: {problems:?}"
        );
    }
}

#[test]
fn a_policy_says_which_headers_it_reads() {
    let world = world(&policy("{header.X-B}{header.x-a}{header.x-b}"), "");
    assert!(world.policy.headers_read().into_iter().eq(["x-a", "x-b"]));
}
