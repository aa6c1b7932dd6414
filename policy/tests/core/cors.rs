//! Cross-origin requests: what keeps `cors` from loading, and what pages are told. The decisions are in the agreement table.

use crate::load::load;
use crate::support::{get, world};
use sallyport_policy::{Level, Reason, Side};

/// `cors`, place, part of the message; none: it loads.
const LOADS: &[(&str, Option<(&str, &str)>)] = &[
    ("{ origins: ['https://app.example.com'] }", None),
    (
        "{ origins: ['https://app.example.com:8443', 'http://localhost:3000', 'https://[::1]:8443'] }",
        None,
    ),
    (
        "{ origins: ['https://*.example.com:8443'], methods: [GET], max_age: 10m, credentials: true }",
        None,
    ),
    ("{ origins: ['*'], expose: [x-total] }", None),
    ("{}", Some(("cors", "missing field `origins`"))),
    ("{ origins: [] }", Some(("cors.origins", "is empty"))),
    ("{ origins: ['*'], credentials: true }", Some(("cors.credentials", "refuse credentials"))),
    ("{ origins: ['*', 'https://a.example'] }", Some(("cors.origins", "holds all others"))),
    ("{ origins: ['https://a.example/'] }", Some(("cors.origins[0]", "`https://a.example/`"))),
    ("{ origins: ['https://a.example:443'] }", Some(("cors.origins[0]", "no origin"))),
    ("{ origins: ['https://A.example'] }", Some(("cors.origins[0]", "no origin"))),
    ("{ origins: ['a.example'] }", Some(("cors.origins[0]", "no origin"))),
    ("{ origins: ['null'] }", Some(("cors.origins[0]", "no origin"))),
    ("{ origins: ['https://*'] }", Some(("cors.origins[0]", "no origin"))),
    ("{ origins: ['https://a*.example'] }", Some(("cors.origins[0]", "no origin"))),
    ("{ origins: ['https://u@a.example'] }", Some(("cors.origins[0]", "no origin"))),
    ("{ origins: ['*'], methods: [get] }", Some(("cors.methods", "`get`"))),
    ("{ origins: ['*'], headers: ['*'] }", Some(("cors.headers", "`*`"))),
    ("{ origins: ['*'], expose: ['a b'] }", Some(("cors.expose", "`a b`"))),
    ("{ origins: ['*'], max_age: 48h }", Some(("cors.max_age", "out of bounds"))),
];

#[test]
fn what_is_wrong_with_cors_is_told() {
    for (text, expected) in LOADS {
        let problems = load(&format!(
            "version: 1\ncors: {text}\nroutes: [{{ name: a, match: {{ path: /a }}, allow: unauthenticated }}]"
        ));
        let errors: Vec<_> = problems.iter().filter(|it| it.level == Level::Error).collect();
        match expected {
            None => assert!(errors.is_empty(), "{text}: {errors:?}"),
            Some((path, message)) => assert!(
                errors.iter().any(|it| it.path == *path && it.message.contains(message)),
                "{text}: {errors:?}"
            ),
        }
    }
}

const POLICY: &str = "
version: 1
routes:
  - { name: all, match: { path: /all }, allow: unauthenticated, cors: { origins: ['*'], methods: [GET, PUT] } }
  - { name: some, match: { path: /some }, allow: unauthenticated, cors: { origins: ['https://*.example.com:8443'] } }
  - { name: shadow, match: { path: /shadow }, allow: unauthenticated }
";

/// Path, origin, announced method, reason, the headers that the client gets.
type Case = (
    &'static str,
    &'static str,
    Option<&'static str>,
    Reason,
    &'static [(&'static str, &'static str)],
);
const ORIGIN: &str = "access-control-allow-origin";
const CASES: &[Case] = &[
    ("/all", "https://x.example", None, Reason::AllowedUnauthenticated, &[(ORIGIN, "*")]),
    // Two, as proxies join them.
    ("/all", "https://x.example,https://y.example", None, Reason::CorsRefused, &[]),
    ("/all", "https://x.example, null", Some("PUT"), Reason::CorsRefused, &[]),
    (
        "/all",
        "https://x.example",
        Some("PUT,PUT"),
        Reason::AllowedUnauthenticated,
        &[(ORIGIN, "*")],
    ),
    ("/all", "null", None, Reason::AllowedUnauthenticated, &[(ORIGIN, "*")]),
    (
        "/all",
        "https://x.example",
        Some("PUT"),
        Reason::AllowedUnauthenticated,
        &[(ORIGIN, "*"), ("access-control-allow-methods", "GET, PUT")],
    ),
    ("/all", "https://x.example", Some("DELETE"), Reason::CorsRefused, &[]),
    (
        "/some",
        "https://a.b.example.com:8443",
        None,
        Reason::AllowedUnauthenticated,
        &[(ORIGIN, "https://a.b.example.com:8443"), ("vary", "origin")],
    ),
    ("/some", "https://example.com:8443", None, Reason::CorsRefused, &[]),
    ("/some", "https://.example.com:8443", None, Reason::CorsRefused, &[]),
    ("/some", "https://a..example.com:8443", None, Reason::CorsRefused, &[]),
    ("/some", "https://a.example.com", None, Reason::CorsRefused, &[]),
    ("/some", "http://a.example.com:8443", None, Reason::CorsRefused, &[]),
    ("/some", "https://a@b.example.com:8443", None, Reason::CorsRefused, &[]),
    ("/some", "https://api.example.com", None, Reason::AllowedUnauthenticated, &[]),
    ("/shadow", "https://evil.example", None, Reason::AllowedUnauthenticated, &[]),
];

#[test]
fn pages_of_other_origins_are_let_in_or_not() {
    let world = world(POLICY, "");
    for (path, origin, announced, reason, headers) in CASES {
        let mut ask = get(path).host("api.example.com").header("origin", *origin);
        if let Some(method) = announced {
            ask = ask.method("OPTIONS").header("access-control-request-method", *method);
        }
        for side in [Side::FilterAsking, Side::FilterBefore, Side::Sidecar] {
            let decision = world.decide(&ask, side);
            assert_eq!(decision.reason, *reason, "{path} {origin}");
            let told: Vec<_> =
                decision.response.iter().map(|(name, value)| (*name, value.as_str())).collect();
            assert_eq!(told, *headers, "{path} {origin}");
        }
    }
}
