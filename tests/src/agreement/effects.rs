//! Rows about what an answer looks like, and what the upstream gets besides identity headers.

use sallyport_policy::Reason::*;

use super::Credential::{self, Bearer, No};
use super::table::{Row, get};
use super::tokens as t;

const BROWSER: &[(&str, &[u8])] =
    &[("accept", b"text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8")];
const GRPC: &[(&str, &[u8])] = &[("content-type", b"application/grpc"), ("te", b"trailers")];

const fn page(name: &'static str, credential: Credential, reason: sallyport_policy::Reason) -> Row {
    get(name, "/pages/1?a=b%20c", credential, "page", reason)
}

const fn across(
    name: &'static str,
    credential: Credential,
    reason: sallyport_policy::Reason,
) -> Row {
    get(name, "/across/1", credential, "across", reason)
}

/// All rows.
pub(super) const ROWS: &[Row] = &[
    // Forms.
    get("problem", "/orders/1", No, "read-order", TokenMissing).with(&[("accept", b"*/*")]),
    get("JSON", "/orders/1", No, "read-order", TokenMissing)
        .with(&[("accept", b"application/json")]),
    get("text for a browser", "/orders/1", No, "read-order", TokenMissing).with(BROWSER),
    get(
        "text where scopes are missing",
        "/orders/1",
        Bearer(t::no_scope),
        "read-order",
        ScopeMissing,
    )
    .with(&[("accept", b"application/json;q=0.5"), ("accept", b"text/plain")]),
    get("text without a route", "/nowhere", No, "", NoRoute).with(BROWSER),
    get("Accept that is no list", "/orders/1", No, "read-order", TokenMissing)
        .with(&[("accept", b";;q=,\xff, text/plain;q=9")]),
    get("JSON by the route", "/formed/x", No, "formed", TokenMissing).with(BROWSER),
    // Redirects.
    page("page", No, TokenMissing).with(BROWSER).answered(302),
    page("page by the sidecar", Bearer(t::inactive), TokenInactive).with(BROWSER).answered(302),
    page("page, other scope", Bearer(t::active_no_scope), ScopeMissing).with(BROWSER).answered(302),
    page("page for a program", No, TokenMissing).with(&[("accept", b"*/*")]),
    page("page by POST", No, TokenMissing).method("POST").with(BROWSER),
    page("page, allowed", Bearer(t::active), Allowed).with(BROWSER),
    get("page with a token in the query", "/pages/1?access_token=abc", No, "page", TokenMissing)
        .with(BROWSER)
        .answered(302),
    // Other origins.
    across("listed origin", Bearer(t::good), Allowed)
        .with(&[("origin", b"https://app.example.com")]),
    across("origin below", No, TokenMissing).with(&[("origin", b"https://a.b.apps.example")]),
    across("no origin", Bearer(t::good), Allowed),
    across("own origin", Bearer(t::good), Allowed).with(&[("origin", b"http://api.example.com")]),
    across("strange origin", Bearer(t::good), CorsRefused)
        .with(&[("origin", b"https://evil.example")]),
    across("origin with a longer name", Bearer(t::good), CorsRefused)
        .with(&[("origin", b"https://app.example.com.evil.example")]),
    across("origin above", Bearer(t::good), CorsRefused)
        .with(&[("origin", b"https://apps.example")]),
    across("origin with a path", Bearer(t::good), CorsRefused)
        .with(&[("origin", b"https://evil.example/.apps.example")]),
    across("null", Bearer(t::good), CorsRefused).with(&[("origin", b"null")]),
    across("two origins", Bearer(t::good), CorsRefused)
        .with(&[("origin", b"https://app.example.com"), ("origin", b"https://app.example.com")]),
    across("bytes as origin", Bearer(t::good), CorsRefused).with(&[("origin", b"https://\xff")]),
    across("preflight", No, AllowedUnauthenticated).method("OPTIONS").with(&[
        ("origin", b"https://app.example.com"),
        ("access-control-request-method", b"PUT"),
        ("access-control-request-headers", b"authorization, X-Trace"),
    ]),
    across("preflight of another origin", No, CorsRefused)
        .method("OPTIONS")
        .with(&[("origin", b"https://evil.example"), ("access-control-request-method", b"PUT")]),
    across("preflight for another header", No, CorsRefused).method("OPTIONS").with(&[
        ("origin", b"https://app.example.com"),
        ("access-control-request-method", b"GET"),
        ("access-control-request-headers", b"x-other"),
    ]),
    across("preflight for a method without a route", No, NoRoute).rule("").method("OPTIONS").with(
        &[("origin", b"https://app.example.com"), ("access-control-request-method", b"DELETE")],
    ),
    across("preflight for two methods", No, NoRoute).rule("").method("OPTIONS").with(&[
        ("origin", b"https://app.example.com"),
        ("access-control-request-method", b"GET"),
        ("access-control-request-method", b"GET"),
    ]),
    across("OPTIONS that is no preflight", No, NoRoute)
        .rule("")
        .method("OPTIONS")
        .with(&[("origin", b"https://app.example.com")]),
    get("preflight where nothing is said of origins", "/orders/1", No, "", NoRoute)
        .method("OPTIONS")
        .with(&[("origin", b"https://a.example"), ("access-control-request-method", b"GET")]),
    // What the upstream gets.
    get("shaped", "/shaped/7", Bearer(t::good), "shaped", Allowed).with(&[
        ("x-trace", b"one"),
        ("x-gone", b"1"),
        ("cookie", b"a=1; user=mallory; session=s"),
    ]),
    get("shaped, nothing sent", "/shaped/a%20b", Bearer(t::good), "shaped", Allowed),
    get("shaped by the sidecar", "/shaped-there/7", Bearer(t::active), "shaped-there", Allowed)
        .with(&[("x-trace", b"one"), ("cookie", b"user=mallory; b=2"), ("x-gone", b"1")]),
    get("again with another cookie", "/shaped-there/7", Bearer(t::active), "shaped-there", Allowed)
        .with(&[("cookie", b"b=3")]),
    get("cookie of another route", "/healthz", No, "health", AllowedUnauthenticated)
        .with(&[("cookie", b"user=mallory; c=3")]),
    get("another path", "/moved/7?debug=1&tenant=rival", Bearer(t::good), "moved", Allowed)
        .not_over_http(),
    get(
        "another path by the sidecar",
        "/moved-there/7?x=1",
        Bearer(t::active),
        "moved-there",
        Allowed,
    )
    .not_over_http(),
    get(
        "a path that could be another",
        "/moved/7",
        Bearer(t::path_tenant),
        "moved",
        RequestMalformed,
    ),
    get("no value for the path", "/moved/7", Bearer(t::no_tenant), "moved", RequestMalformed),
    // gRPC.
    get("gRPC without a token", "/orders.Orders/Get", No, "grpc", TokenMissing)
        .method("POST")
        .with(GRPC),
    get("gRPC without the scope", "/orders.Orders/Get", Bearer(t::no_scope), "grpc", ScopeMissing)
        .method("POST")
        .with(GRPC),
    get("gRPC by the sidecar", "/orders.Orders/Get", Bearer(t::inactive), "grpc", TokenInactive)
        .method("POST")
        .with(GRPC),
    get("gRPC, junk", "/orders.Orders/Get", Bearer(t::opaque_junk), "grpc", DependencyUnavailable)
        .method("POST")
        .with(GRPC),
    get("gRPC, bad path", "/orders.Orders/%zz", No, "", RequestMalformed).method("POST").with(GRPC),
    get("gRPC without a route", "/orders.Orders/None", No, "", NoRoute)
        .method("POST")
        .with(&[("content-type", b"application/grpc+proto"), ("accept", b"text/html")]),
    get("gRPC of the web", "/orders.Orders/Get", No, "grpc", TokenMissing)
        .method("POST")
        .with(&[("content-type", b"application/grpc-web+proto")]),
];
