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
