//! Regular expressions and globs: their rank, their variables, what two of them may not do, and what is never asked.

use serde_json::json;

use crate::load::load;
use crate::support::{GOOD, claims, get, set, token, world};
use sallyport_policy::{Decision, Document, Format, Level, Policy, Reason, Side};

const ROUTES: &str = r#"
version: 1
routes:
  - { name: exact, match: { path: /v1/special }, allow: unauthenticated }
  - { name: template, match: { path: "/v1/{id}/raw" }, allow: unauthenticated }
  - { name: prefix, match: { path: "/v1/files/{**}" }, allow: unauthenticated }
  - { name: number, match: { regex: "/v1/[0-9]+" }, allow: unauthenticated }
  - { name: word, match: { regex: "/v1/[a-z]+/raw|/v1/[a-z]+" }, allow: unauthenticated }
  - { name: post, match: { regex: "/v1/.*", methods: [POST] }, allow: unauthenticated }
  - { name: image, match: { glob: "/img/**.{png,jpg}" }, allow: unauthenticated }
  - { name: version, match: { regex: "/v(?:2|3)/x", encoded_slashes: allow }, allow: unauthenticated }
  - { name: deep, match: { regex: "/deep/[^/]+(?:/[^/]+)?/end", encoded_slashes: allow }, allow: unauthenticated }
  - { name: host, match: { hosts: [a.example], glob: "/v1/*" }, allow: unauthenticated }
  - { name: wild, match: { hosts: ["*.example"], path: "/v1/{id}" }, allow: unauthenticated }
"#;

/// Method, host, path, the route that judges or the refusal.
const CASES: &[(&str, &str, &str, Result<&str, Reason>)] = &[
    ("GET", "x.test", "/v1/special", Ok("exact")),
    ("GET", "x.test", "/v1/a/raw", Ok("template")),
    ("GET", "x.test", "/v1/files/7", Ok("prefix")),
    ("GET", "x.test", "/v1/7", Ok("number")),
    ("GET", "x.test", "/v1/seven", Ok("word")),
    ("GET", "x.test", "/v1/Seven", Err(Reason::NoRoute)),
    ("GET", "x.test", "/v1/7/", Err(Reason::NoRoute)),
    ("GET", "x.test", "/v1/7?x=1", Ok("number")),
    // A named method comes before any; and an exact path before a named method.
    ("POST", "x.test", "/v1/7", Ok("post")),
    ("POST", "x.test", "/v1/special", Ok("exact")),
    ("HEAD", "x.test", "/v1/7", Ok("number")),
    ("GET", "x.test", "/img/a/b.c/d.png", Ok("image")),
    ("GET", "x.test", "/img/a.gif", Err(Reason::NoRoute)),
    ("GET", "x.test", "/v2/x", Ok("version")),
    ("GET", "x.test", "/v4/x", Err(Reason::NoRoute)),
    // The host comes before everything, and what it has not falls to the next.
    ("GET", "a.example", "/v1/7", Ok("host")),
    ("GET", "a.example", "/v1/special", Ok("host")),
    ("GET", "a.example", "/v1/a.b", Ok("wild")),
    ("GET", "a.example", "/v1/a/raw", Ok("template")),
    // Escaped slashes, path parameters.
    ("GET", "x.test", "/deep/a%2Fb/end", Ok("deep")),
    // No route judges `/deep/a/b/c/end`, so nothing is hidden.
    ("GET", "x.test", "/deep/a%2Fb%2Fc/end", Ok("deep")),
    ("GET", "x.test", "/v1/7%2F", Err(Reason::RequestMalformed)),
    ("GET", "x.test", "/v2%2Fx", Err(Reason::RequestMalformed)),
    ("GET", "x.test", "/img/a;x.png", Err(Reason::RequestMalformed)),
];

#[test]
fn patterns_are_the_last_rank_of_a_host() {
    let world = world(ROUTES, "");
    for (method, host, path, expected) in CASES {
        let decision = world.decide(&get(path).method(method).host(host), Side::FilterAsking);
        assert_eq!(found(&decision), *expected, "{method} {host} {path}");
    }
}

fn found(decision: &Decision) -> Result<&str, Reason> {
    decision.rule.as_deref().filter(|_| decision.allows()).ok_or(decision.reason)
}

#[test]
fn groups_are_path_variables() {
    let world = world(
        r#"
version: 1
issuers:
  main: { issuer: "https://idp.example", jwks: { discovery: true, cluster: idp }, audiences: [orders] }
routes:
  - name: a
    match: { regex: "/a/(?<id>[^/]+)(?:/(?<rest>.+))?", encoded_slashes: allow }
    authenticate: [{ jwt: main }]
    forward: { headers: { x-id: "{path.id}", x-rest: "{path.rest}" } }
"#,
        "",
    );
    for (path, expected) in [
        ("/a/7", vec![("x-id", "7")]),
        ("/a/x%20y/z/%C3%A9", vec![("x-id", "x y"), ("x-rest", "z/\u{e9}")]),
        ("/a/x%2Fy", vec![("x-id", "x/y")]),
    ] {
        let ask = get(path).bearer(&token(claims(json!({})), GOOD));
        let decision = world.decide(&ask, Side::FilterAsking);
        let expected: Vec<_> =
            expected.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        assert_eq!(set(&decision), expected, "{path}");
    }
}

/// The filter does not compare patterns: there, two that match are nobody's.
#[test]
fn two_that_match_deny() {
    let text = "version: 1\nroutes: [{ name: a, match: { regex: '/a/.*' }, allow: unauthenticated }, { name: b, match: { glob: '/a/b*' }, allow: unauthenticated }, { name: c, match: { regex: '/a/bc.*', methods: [PUT] }, allow: unauthenticated }, { name: wide, match: { path: '/{**}', hosts: ['*.test'] }, allow: unauthenticated }]";
    let document = Document::parse(text.as_bytes(), Format::Yaml).unwrap();
    let (policy, _) = Policy::compile_filter_copy(&document).unwrap();
    assert!(Policy::compile(&document, &[]).is_err());
    let world = crate::support::World { policy, ..world("version: 1", "") };
    for (method, host, path, expected) in [
        ("GET", "x", "/a/c", Ok("a")),
        ("GET", "x", "/a/b", Err(Reason::RuleAmbiguous)),
        ("GET", "x", "/a/bc", Err(Reason::RuleAmbiguous)),
        ("PUT", "x", "/a/bc", Ok("c")),
        ("PUT", "x", "/a/b", Err(Reason::RuleAmbiguous)),
        ("GET", "x.test", "/a/b", Ok("wide")),
        ("GET", "x", "/a/b;x", Err(Reason::RuleAmbiguous)),
        ("GET", "x", "/a/c;x", Ok("a")),
    ] {
        let decision = world.decide(&get(path).method(method).host(host), Side::FilterAsking);
        assert_eq!(found(&decision), expected, "{method} {host} {path}");
        if expected.is_err() {
            assert_eq!((decision.rule, decision.reason.status()), (None, 403));
        }
    }
}

/// Longer than patterns are tried on: nobody knows which rule would judge.
#[test]
fn a_path_that_is_too_long_for_patterns_is_refused() {
    let world = world(
        "version: 1\nroutes: [{ name: a, match: { regex: '/a/.*' }, allow: unauthenticated }, { name: b, match: { path: '/b/{**}' }, allow: unauthenticated }, { name: any, match: { glob: '/{a,c}/**', methods: [PUT] }, allow: nobody }]",
        "",
    );
    let long = "x".repeat(2100);
    for (path, expected) in [
        (format!("/a/{}", "x".repeat(2000)), Ok("a")),
        (format!("/a/{long}"), Err(Reason::RequestMalformed)),
        (format!("/b/{long}"), Ok("b")),
        (format!("/c/{long}"), Err(Reason::NoRoute)),
    ] {
        let decision = world.decide(&get(&path), Side::FilterAsking);
        assert_eq!(found(&decision), expected, "{} bytes", path.len());
    }
}

fn errors(one: &str, other: &str) -> Vec<(String, String)> {
    load(&format!(
        "version: 1\nroutes: [{{ name: one, match: {{ {one} }}, allow: unauthenticated }}, {{ name: two, match: {{ {other} }}, allow: nobody }}]"
    ))
    .into_iter()
    .filter(|problem| problem.level == Level::Error)
    .map(|problem| (problem.path, problem.message))
    .collect()
}

/// Two matches, and a path that both match.
const OVERLAPS: &[(&str, &str, &str)] = &[
    ("regex: '/a/.*'", "regex: '/a/.*'", "/a/"),
    ("regex: '/a/.*'", "regex: '/a/b/[0-9]+'", "/a/b/0"),
    ("regex: '/a/b/[0-9]+'", "regex: '/a/.*'", "/a/b/0"),
    ("regex: '/a/[a-m]+'", "regex: '/a/[m-z]+'", "/a/m"),
    ("regex: '/.*/b'", "regex: '/a/.*'", "/a/b"),
    ("glob: '/a/*'", "glob: '/*/b'", "/a/b"),
    ("glob: '/a/**'", "regex: '/a/(?<id>x{3})'", "/a/xxx"),
    ("regex: '/a|/b'", "regex: '/b|/c'", "/b"),
    ("regex: '/a/[^x]{3}'", "regex: '/a/[^a-z0-9]+'", "/a/-/-"),
    ("regex: '/a%20[0-9]'", "regex: '/[^/]+7'", "/a%207"),
    ("regex: '/%C3%A9.*'", "regex: '/%C3%A9'", "/%C3%A9"),
    ("regex: '/a/.*', methods: [GET, PUT]", "regex: '/a/b', methods: [PUT]", "/a/b"),
    ("regex: '/a/.*', hosts: [a.b, c.d]", "regex: '/a/b', hosts: [c.d]", "/a/b"),
];

/// Two matches that never meet.
const APART: &[(&str, &str)] = &[
    ("regex: '/a/[a-m]+'", "regex: '/a/[n-z]+'"),
    ("regex: '/a/[0-9]+'", "regex: '/a/[0-9]+/b'"),
    ("regex: '/a/.*'", "regex: '/b/.*'"),
    ("regex: '/a/.*'", "regex: '/a'"),
    ("glob: '/*'", "glob: '/*.png'"),
    ("glob: '/*.png'", "glob: '/a?png'"),
    ("glob: '/{a,b}'", "glob: '/[c-d]'"),
    ("regex: '/a/.*', methods: [GET]", "regex: '/a/b', methods: [PUT]"),
    ("regex: '/a/.*', methods: [GET]", "regex: '/a/b'"),
    ("regex: '/a/.*', hosts: [a.b]", "regex: '/a/b', hosts: [c.d]"),
    ("regex: '/a/.*', hosts: [a.b]", "regex: '/a/b'"),
    ("regex: '/a/.*'", "path: /a/b"),
    ("regex: '/a/.*'", "path: '/{x}/b'"),
    // Only at paths that no request has: empty segments, dots, hidden characters.
    ("regex: '/a//?b.*'", "regex: '/a/(?:/b|c)'"),
    ("regex: '/a/[.]*'", "regex: '/a/[.b]'"),
    ("regex: '/a/%2[Ee]?x?'", "regex: '/a/(?:y|%2e)'"),
];

#[test]
fn overlaps_are_errors_with_a_request_that_hits_both() {
    for (one, other, path) in OVERLAPS {
        let found = errors(one, other);
        let [(place, message)] = &found[..] else { panic!("{one} and {other}: {found:?}") };
        assert_eq!(place, "routes[1].match", "{one} and {other}");
        assert!(
            message.contains("`two` and `one`") && message.ends_with(path),
            "{one} and {other}: {message}"
        );
    }
    for (one, other) in APART {
        assert_eq!(errors(one, other), [], "{one} and {other}");
    }
}

#[test]
fn what_a_prefix_hides_is_an_error() {
    for (one, other, hidden) in [
        ("path: '/a/{**}'", "regex: '/a/b.*'", true),
        ("path: '/a/{**}'", "glob: '/a/b/*'", true),
        ("path: '/{x}/{**}'", "regex: '/a/b.*'", true),
        ("path: '/{**}'", "glob: '/*'", true),
        ("path: '/a/{**}', methods: [GET]", "regex: '/a/b.*', methods: [GET]", true),
        ("path: '/a/{**}'", "regex: '/a/b.*', methods: [GET]", true),
        ("path: '/a/{**}', hosts: [a.b]", "regex: '/a/b.*', hosts: [c.d, a.b]", true),
        ("path: '/a/{**}', methods: [GET]", "regex: '/a/b.*'", false),
        ("path: '/a/{**}', hosts: [a.b]", "regex: '/a/b.*'", false),
        ("path: '/a/b/{**}'", "regex: '/a/b.*'", false),
        ("path: '/a/{**}'", "regex: '/a.*'", false),
        ("path: '/a/b'", "regex: '/a/b.*'", false),
    ] {
        for (first, second, place) in [(one, other, 1), (other, one, 0)] {
            let found = errors(first, second);
            let told = found.iter().any(|(path, message)| {
                *path == format!("routes[{place}].match") && message.contains("never judges")
            });
            assert_eq!((told, found.len()), (hidden, usize::from(hidden)), "{first}, {second}");
        }
    }
}

/// A match, place of the error, a part of its message.
const MISTAKES: &[(&str, &str, &str)] = &[
    ("methods: [GET]", "routes[0].match", "exactly one of"),
    ("path: /a, regex: /a", "routes[0].match", "exactly one of"),
    ("regex: /a, glob: /a", "routes[0].match", "exactly one of"),
    ("regex: '^/a'", "routes[0].match.regex", "does not start with a slash"),
    ("regex: '/a('", "routes[0].match.regex", "is no pattern"),
    ("glob: '/[a'", "routes[0].match.glob", "not closed"),
    ("glob: '/a//b'", "routes[0].match.glob", "no request can match"),
];

#[test]
fn what_is_no_match_is_an_error() {
    for (route, path, message) in MISTAKES {
        let found = load(&format!(
            "version: 1\nroutes: [{{ name: a, match: {{ {route} }}, allow: unauthenticated }}]"
        ));
        assert!(
            found.iter().any(|problem| problem.level == Level::Error
                && problem.path == *path
                && problem.message.contains(message)),
            "{route}\nwanted {path}: {message}\nfound {found:#?}"
        );
    }
}

#[test]
fn comparing_patterns_is_bounded() {
    // Many that could all meet, and two of which the automata would be huge.
    let many: Vec<_> = (0..60).map(|n| format!("/x(?:a|b){{3}}{n}/[a-z]*")).collect();
    let huge = ["/(?:a|b)*a(?:a|b){20}", "/(?:a|b)*b(?:a|b){19}"].map(str::to_owned);
    for (patterns, warnings) in [(&many[..], 0), (&huge[..], 1)] {
        let routes = patterns.iter().enumerate().map(|(n, pattern)| {
            format!("{{ name: r{n}, match: {{ regex: '{pattern}' }}, allow: unauthenticated }}")
        });
        let routes: Vec<_> = routes.collect();
        let found = load(&format!("version: 1\nroutes: [{}]", routes.join(", ")));
        assert_eq!(found.len(), warnings, "{found:#?}");
        assert!(found.iter().all(|problem| problem.message.contains("were not compared")));
    }
}
