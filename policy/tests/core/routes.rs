//! Which route judges: the most specific one, whatever the order in the file.

use crate::support::{get, world};
use sallyport_policy::Side;

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
