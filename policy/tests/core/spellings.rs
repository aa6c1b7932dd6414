//! Hostile and odd spellings of hosts and paths: each with the route that judges it, or its refusal. The table of
//! docs/routes.md; what Envoy makes of them before they reach us, the agreement suite shows.

use crate::load::load;
use crate::support::{get, world};
use sallyport_policy::{Level, Reason, Side};

const ROUTES: &str = r#"
version: 1
routes:
  - { name: root, match: { path: / }, allow: unauthenticated }
  - { name: order, match: { path: "/orders/{id}" }, allow: unauthenticated }
  - { name: admin, match: { path: "/admin/{**}" }, allow: unauthenticated }
  - { name: files, match: { path: "/files/{**}", encoded_slashes: allow }, allow: unauthenticated }
  - { name: private, match: { path: "/files/private/{**}" }, allow: unauthenticated }
  - { name: project, match: { path: "/projects/{id}", encoded_slashes: allow }, allow: unauthenticated }
  - { name: hidden, match: { path: "/projects/hidden/{id}" }, allow: unauthenticated }
  - { name: shared, match: { path: "/shared/{who}/{**}", encoded_slashes: allow }, allow: unauthenticated }
  - { name: hers, match: { path: "/shared/her/{**}", encoded_slashes: allow }, allow: unauthenticated }
  - { name: escaped, match: { path: "/a%20b" }, allow: unauthenticated }
  - { name: v6, match: { hosts: ["[2001:db8::a]"], path: /host }, allow: unauthenticated }
  - { name: wild, match: { hosts: ["*.example.com"], path: /host }, allow: unauthenticated }
  - { name: exact, match: { hosts: [api.example.com], path: /host }, allow: unauthenticated }
"#;

const MALFORMED: Result<&str, Reason> = Err(Reason::RequestMalformed);
const NO_ROUTE: Result<&str, Reason> = Err(Reason::NoRoute);

const PATHS: &[(&str, Result<&str, Reason>)] = &[
    // As they are.
    ("/", Ok("root")),
    ("/?", Ok("root")),
    ("/orders/42", Ok("order")),
    ("/orders/42?x=/../admin#", MALFORMED),
    ("/orders/42?x=/../admin", Ok("order")),
    ("/orders/a%20b", Ok("order")),
    ("/orders/%E2%82%AC", Ok("order")),
    ("/orders/100%25", Ok("order")),
    ("/orders/x%3By", Ok("order")),
    ("/orders/..a...", Ok("order")),
    ("/orders/.well-known", Ok("order")),
    ("/orders/...", Ok("order")),
    ("/a%20b", Ok("escaped")),
    // Case and slashes at the end make other paths.
    ("/Orders/42", NO_ROUTE),
    ("/orders/", NO_ROUTE),
    ("/orders/42/", NO_ROUTE),
    ("/orders", NO_ROUTE),
    ("/admin", NO_ROUTE),
    ("/admin/", Ok("admin")),
    // Dot segments.
    ("/orders/../admin/x", MALFORMED),
    ("/orders/..", MALFORMED),
    ("/orders/.", MALFORMED),
    ("/./admin/x", MALFORMED),
    ("/orders/%2e%2e/admin", MALFORMED),
    ("/orders/.%2E/admin", MALFORMED),
    ("/orders/..;/admin", MALFORMED),
    ("/orders/.;x=1/admin", MALFORMED),
    ("/orders/%252e%252e/admin", MALFORMED),
    ("/orders/%25252e", MALFORMED),
    // Slashes.
    ("//admin/x", MALFORMED),
    ("/admin//x", MALFORMED),
    ("/admin/x//", MALFORMED),
    ("/admin/x%2fy", MALFORMED),
    ("/admin/x%2Fy", MALFORMED),
    ("/admin%2Fx", MALFORMED),
    ("/%2Fadmin/x", MALFORMED),
    ("/admin/x%252fy", MALFORMED),
    ("/orders\\..\\admin", MALFORMED),
    ("/orders/a%5Cb", MALFORMED),
    ("/orders/a%255cb", MALFORMED),
    // Escaped slashes, allowed.
    ("/files/a%2Fb", Ok("files")),
    ("/projects/group%2Fname", Ok("project")),
    ("/projects/group%2F%2e%2e%2Fname", MALFORMED),
    ("/projects/group%2F..%2Fname", MALFORMED),
    ("/projects/hidden%2Fname", MALFORMED),
    ("/files/a%2fb%2Fc", Ok("files")),
    ("/files/a%2Fb/", Ok("files")),
    ("/files/private%2Fx", MALFORMED),
    ("/files/private/x%2Fy", MALFORMED),
    ("/files%2Fa", MALFORMED),
    ("/files/a%2F", MALFORMED),
    ("/files/%2Fa", MALFORMED),
    ("/files/a%2F/b", MALFORMED),
    ("/files/a/%2Fb", MALFORMED),
    ("/files/a%2F%2Fb", MALFORMED),
    ("/files/a%2F..%2F..%2Fadmin%2Fx", MALFORMED),
    ("/files/..%2Fadmin", MALFORMED),
    ("/files/a%2F.", MALFORMED),
    ("/files/a%5Cb", MALFORMED),
    ("/files/a%252Fb", MALFORMED),
    ("/files/a%2F%2e%2e", MALFORMED),
    ("/files/x;y%2F..%2Fprivate/z", MALFORMED),
    ("/files/private%2F;x/y", MALFORMED),
    ("/files/private;x%2Fy/z", MALFORMED),
    ("/files/a;x%2Fy", Ok("files")),
    // Cut off first, unescaped then.
    ("/files%2Fprivate/x;y%2Fz", MALFORMED),
    ("/shared/me%2Fyou/x", Ok("shared")),
    ("/shared/her%2Fyou/x", MALFORMED),
    ("/shared/me/x%2Fy", Ok("shared")),
    ("/shared/me%2Fx", MALFORMED),
    // Path parameters.
    ("/orders/42;v=1", Ok("order")),
    ("/admin;x/y", MALFORMED),
    ("/files/private;x/y", MALFORMED),
    ("/files/a;x/y", Ok("files")),
    ("/;/admin/x", MALFORMED),
    ("/orders/;x", MALFORMED),
    // Escapes that nobody needs, that are broken, or that hide control bytes.
    ("/%61dmin/x", MALFORMED),
    ("/orders/%7Ex", MALFORMED),
    ("/orders/%2D", MALFORMED),
    ("/orders/%", MALFORMED),
    ("/orders/%4", MALFORMED),
    ("/orders/%zz", MALFORMED),
    ("/orders/%u0041", MALFORMED),
    ("/orders/a%00", MALFORMED),
    ("/orders/a%0d%0ab", MALFORMED),
    ("/orders/%7F", MALFORMED),
    ("/orders/%c0%ae", MALFORMED),
    ("/orders/%e0%80%af", MALFORMED),
    ("/orders/%ff", MALFORMED),
    ("/orders/%25c0%25ae", MALFORMED),
    ("/orders/a b", MALFORMED),
    ("/orders/a\tb", MALFORMED),
    ("/orders/\u{e9}", MALFORMED),
    // Not a path at all.
    ("", MALFORMED),
    ("*", MALFORMED),
    ("orders/42", MALFORMED),
    ("?x", MALFORMED),
    ("https://api.example.com/orders/42", MALFORMED),
    ("api.example.com:443", MALFORMED),
    ("/orders/42#x", MALFORMED),
];

#[test]
fn paths_are_read_one_way_or_refused() {
    let world = world(ROUTES, "");
    for (path, expected) in PATHS {
        for side in [Side::FilterAsking, Side::FilterBefore, Side::Sidecar] {
            let decision = world.decide(&get(path).host("x.test"), side);
            let rule = decision.rule.as_deref();
            let found = rule.filter(|_| decision.allows()).ok_or(decision.reason);
            assert_eq!(found, *expected, "{path}");
        }
    }
}

const HOSTS: &[(&str, Result<&str, Reason>)] = &[
    ("api.example.com", Ok("exact")),
    ("API.Example.COM", Ok("exact")),
    ("api.example.com:1", Ok("exact")),
    ("api.example.com:00443", Ok("exact")),
    ("api.example.com.", Ok("exact")),
    ("Api.example.com.:65535", Ok("exact")),
    ("a.api.example.com", Ok("wild")),
    ("www.example.com", Ok("wild")),
    ("example.com", NO_ROUTE),
    ("notexample.com", NO_ROUTE),
    ("example.com.evil.test", NO_ROUTE),
    ("[2001:db8::a]", Ok("v6")),
    ("[2001:DB8:0:0::000A]:443", Ok("v6")),
    ("[::ffff:127.0.0.1]", NO_ROUTE),
    ("127.0.0.1", NO_ROUTE),
    ("", MALFORMED),
    (".", MALFORMED),
    (":443", MALFORMED),
    ("api..example.com", MALFORMED),
    (".example.com", MALFORMED),
    ("api.example.com..", MALFORMED),
    ("api.example.com:", MALFORMED),
    ("api.example.com:65536", MALFORMED),
    ("api.example.com:-1", MALFORMED),
    ("api.example.com:80:80", MALFORMED),
    ("api.example.com:80.", MALFORMED),
    ("user@api.example.com", MALFORMED),
    ("api.example.com/x", MALFORMED),
    ("api.example.com,www.example.com", MALFORMED),
    ("api.example.com%2e", MALFORMED),
    ("*.example.com", MALFORMED),
    ("2001:db8::a", MALFORMED),
    ("[2001:db8::a", MALFORMED),
    ("[2001:db8::a]x", MALFORMED),
    ("[2001:db8::a].", MALFORMED),
    ("[fe80::1%25eth0]", MALFORMED),
    ("[api.example.com]", MALFORMED),
    ("m\u{fc}nchen.example.com", MALFORMED),
    ("api.example.com\0", MALFORMED),
];

#[test]
fn hosts_are_read_one_way_or_refused() {
    let world = world(ROUTES, "");
    for (host, expected) in HOSTS {
        let decision = world.decide(&get("/host").host(host), Side::FilterAsking);
        let rule = decision.rule.as_deref();
        let found = rule.filter(|_| decision.allows()).ok_or(decision.reason);
        assert_eq!(found, *expected, "{host}");
    }
}

#[test]
fn nobody_is_nobody() {
    let world = world(
        "version: 1\nshadow: false\nroutes: [{ name: shut, match: { path: '/a/{**}' }, allow: nobody }, { name: shadow, match: { path: /b }, allow: nobody, shadow: true }]",
        "",
    );
    for side in [Side::FilterAsking, Side::FilterBefore, Side::Sidecar] {
        for ask in [get("/a/b"), get("/a/b").bearer("x"), get("/a/b").header("authorization", "")] {
            let decision = world.decide(&ask, side);
            assert_eq!(decision.reason, Reason::DeniedByRule);
            assert!(!decision.allows() && decision.identity.is_none());
        }
        let decision = world.decide(&get("/b"), side);
        assert!(decision.allows() && decision.would_deny == Some(Reason::DeniedByRule));
    }
    assert!(world.asked.borrow().is_empty());
}

/// A route, place of the error, a part of its message.
const MISTAKES: &[(&str, &str, &str)] = &[
    (
        "match: { path: '/a/id', encoded_slashes: allow }, allow: unauthenticated",
        "routes[0].match.encoded_slashes",
        "has no effect",
    ),
    (
        "match: { path: '/a%2Fb/{**}', encoded_slashes: allow }, allow: unauthenticated",
        "routes[0].match.path",
        "no request can match",
    ),
    (
        "match: { path: '/a/{**}', encoded_slashes: keep }, allow: unauthenticated",
        "routes[0].match.encoded_slashes",
        "unknown variant",
    ),
    (
        "match: { path: /a }, allow: nobody, scopes: { all_of: [x] }",
        "routes[0].scopes",
        "has no effect on a route with `allow: nobody`",
    ),
    (
        "match: { path: /a }, allow: nobody, forward: { credential: original }",
        "routes[0].forward",
        "has no effect on a route with `allow: nobody`",
    ),
];

#[test]
fn what_cannot_be_matched_is_an_error() {
    for (route, path, message) in MISTAKES {
        let found = load(&format!("version: 1\nroutes: [{{ name: a, {route} }}]"));
        assert!(
            found.iter().any(|problem| problem.level == Level::Error
                && problem.path == *path
                && problem.message.contains(message)),
            "{route}\nwanted {path}: {message}\nfound {found:#?}"
        );
    }
}
