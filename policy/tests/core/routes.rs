//! Which route judges: the most specific one, whatever the order in the file.

use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use sallyport_policy::Side;

use crate::support::{compile, get, world};

const ROUTES: &[(&str, &str)] = &[
    ("any-prefix", "path: '/{**}'"),
    ("orders-prefix", "path: '/orders/{**}'"),
    ("orders-list", "path: /orders"),
    ("order", "path: '/orders/{id}'"),
    ("order-post", "path: '/orders/{id}', methods: [POST]"),
    ("order-new", "path: /orders/new"),
    ("order-items", "path: '/orders/{id}/items'"),
    ("host-order", "path: '/orders/{id}', hosts: [api.example.com]"),
    ("wild-orders", "path: '/orders/{**}', hosts: ['*.example.com']"),
    ("deep-wild", "path: '/orders/{**}', hosts: ['*.eu.example.com']"),
    ("spaced", "path: '/a b'"),
];

const CASES: &[(&str, &str, &str, Option<&str>)] = &[
    ("GET", "other", "/", Some("any-prefix")),
    ("GET", "other", "/x/y/z", Some("any-prefix")),
    ("GET", "other", "/orders", Some("orders-list")),
    ("GET", "other", "/orders/", Some("orders-prefix")),
    ("GET", "other", "/orders/7", Some("order")),
    ("POST", "other", "/orders/7", Some("order-post")),
    ("GET", "other", "/orders/new", Some("order-new")),
    ("POST", "other", "/orders/new", Some("order-new")),
    ("GET", "other", "/orders/%6eew", None),
    ("GET", "other", "/orders/7/items", Some("order-items")),
    ("GET", "other", "/orders/7/other", Some("orders-prefix")),
    ("GET", "other", "/orders/7/items/9", Some("orders-prefix")),
    ("GET", "api.example.com", "/orders/7", Some("host-order")),
    ("GET", "API.example.com:8443", "/orders/7", Some("host-order")),
    ("GET", "api.example.com.", "/orders/7", Some("host-order")),
    ("GET", "api.example.com", "/orders/new", Some("host-order")),
    ("GET", "api.example.com", "/orders/7/items", Some("wild-orders")),
    ("GET", "www.example.com", "/orders/7", Some("wild-orders")),
    ("GET", "a.b.example.com", "/orders/7", Some("wild-orders")),
    ("GET", "a.eu.example.com", "/orders/7", Some("deep-wild")),
    ("GET", "example.com", "/orders/7", Some("order")),
    ("GET", "api.example.com", "/orders", Some("orders-list")),
    ("get", "other", "/orders/7", Some("order")),
    ("GET", "other", "/a%20b", Some("spaced")),
];

fn check(order: impl Iterator<Item = &'static (&'static str, &'static str)>) {
    let routes: Vec<_> = order
        .map(|(name, rest)| {
            format!("{{ name: {name}, match: {{ {rest} }}, allow: unauthenticated }}")
        })
        .map(|route| route.replace("'/a b'", "'/a%20b'"))
        .collect();
    let world = world(&format!("version: 1\nroutes: [{}]", routes.join(", ")), "");
    for (method, host, path, expected) in CASES {
        let decision = world.decide(&get(path).method(method).host(host), Side::FilterAsking);
        assert_eq!(decision.rule.as_deref(), *expected, "{method} {host} {path}");
        assert_eq!(decision.allows(), expected.is_some());
    }
}

#[test]
fn the_most_specific_route_wins_in_any_order() {
    check(ROUTES.iter());
    check(ROUTES.iter().rev());
    for start in 0..ROUTES.len() {
        check(ROUTES.iter().cycle().skip(start).take(ROUTES.len()));
    }
}

/// Matches of every kind that overlap in many ways.
const MATCHES: &[&str] = &[
    "path: /a",
    "path: /a/b",
    "path: '/a/{x}'",
    "path: '/{x}/b'",
    "path: '/{x}/{y}'",
    "path: '/{**}'",
    "path: '/a/{**}'",
    "path: '/{x}/{**}'",
    "path: '/a/b', methods: [GET]",
    "path: '/a/{x}', methods: [GET, PUT]",
    "path: '/a/{**}', methods: [PUT]",
    "regex: '/a/[bc]'",
    "regex: '/[ab]/.*', methods: [PUT]",
    "glob: '/b/*'",
    "glob: '/b/**.c', methods: [GET]",
    "path: '/a/{x}', hosts: [h.test]",
    "path: '/a/b', hosts: ['*.test']",
    "path: '/{**}', hosts: ['*.h.test', h.test]",
    "regex: '/.*', hosts: [h.test]",
    "regex: '/a/.*', hosts: ['*.test'], methods: [GET]",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever loads in one order loads in another, and the same route wins.
    #[test]
    fn the_order_in_the_file_means_nothing(
        (one, other) in subsequence(MATCHES, 1..9).prop_flat_map(|routes| {
            (Just(routes.clone()).prop_shuffle(), Just(routes).prop_shuffle())
        }),
        asks in prop::collection::vec(
            (select(vec!["GET", "PUT", "HEAD"]), select(vec!["h.test", "x.h.test", "x.test", "x"]),
             select(vec!["/a", "/a/", "/a/b", "/a/c", "/b/b", "/b/x.c", "/b/c/d", "/", "/a/b/c", "/a/b;x"])),
            20,
        ),
    ) {
        let policy = |routes: &[&'static str]| {
            let routes: Vec<_> = routes.iter().map(|route| {
                let name = MATCHES.iter().position(|known| known == route).unwrap_or_default();
                format!("{{ name: r{name}, match: {{ {route} }}, allow: unauthenticated }}")
            }).collect();
            format!("version: 1\nroutes: [{}]", routes.join(", "))
        };
        let (one, other) = (policy(&one), policy(&other));
        prop_assert_eq!(compile(&one, "").is_ok(), compile(&other, "").is_ok(), "{} {}", one, other);
        if compile(&one, "").is_ok() {
            let (first, second) = (world(&one, ""), world(&other, ""));
            for (method, host, path) in asks {
                let ask = get(path).method(method).host(host);
                let (first, second) =
                    (first.decide(&ask, Side::FilterAsking), second.decide(&ask, Side::FilterAsking));
                prop_assert_eq!(first.rule, second.rule, "{} {} {}", method, host, path);
                prop_assert_eq!(first.reason, second.reason, "{} {} {}", method, host, path);
            }
        }
    }
}
