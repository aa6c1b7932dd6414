//! Envoy's own ext_authz filter before the sidecar (topologies B and C). Always closed: whether a dead dependency lets
//! a request pass is the route's own matter and the sidecar's answer, never this filter's.

use std::time::Duration;

use sallyport_policy::Policy;
use serde_json::{Map, Value, json};

use super::address::HostPort;

const NAME: &str = "envoy.filters.http.ext_authz";
const TYPE: &str = "type.googleapis.com/envoy.extensions.filters.http.ext_authz.v3.ExtAuthz";
/// What the sidecar may need besides its own waits for dependencies, in milliseconds.
const MARGIN_MS: u64 = 300;

/// Over gRPC. Headers go as bytes, since a value that is not UTF-8 would otherwise arrive changed.
pub(super) fn grpc(policy: &Policy, cluster: &str) -> Value {
    json!({
        "name": NAME,
        "typed_config": {
            "@type": TYPE,
            "transport_api_version": "V3",
            "failure_mode_allow": false,
            "status_on_error": { "code": "ServiceUnavailable" },
            "encode_raw_headers": true,
            "include_peer_certificate": true,
            "grpc_service": {
                "envoy_grpc": { "cluster_name": cluster },
                "timeout": timeout(policy),
            },
        },
    })
}

/// Over HTTP. On allow the upstream gets the policy's identity headers from the sidecar and nothing else; a 5xx of the
/// sidecar is 503 without its body.
pub(super) fn http(policy: &Policy, cluster: &str, address: &HostPort) -> Value {
    let mut response = Map::new();
    let upstream_headers = upstream_headers(policy);
    // Envoy refuses an empty list, and takes an absent one for "none".
    if !upstream_headers.is_empty() {
        response.insert("allowed_upstream_headers".to_owned(), exactly(&upstream_headers));
    }
    response.insert("allowed_client_headers".to_owned(), exactly(&answer_headers(policy)));
    if policy.has_cors() {
        let on_success = exactly(CORS_HEADERS);
        response.insert("allowed_client_headers_on_success".to_owned(), on_success);
    }
    json!({
        "name": NAME,
        "typed_config": {
            "@type": TYPE,
            "transport_api_version": "V3",
            "failure_mode_allow": false,
            "status_on_error": { "code": "ServiceUnavailable" },
            "allowed_headers": { "patterns": [{ "safe_regex": { "regex": ".*" } }] },
            "http_service": {
                "server_uri": {
                    "uri": format!("http://{}", address.authority()),
                    "cluster": cluster,
                    "timeout": timeout(policy),
                },
                "path_prefix": PATH_PREFIX,
                "authorization_response": response,
            },
        },
    })
}

/// What stands before the original path in a request to the sidecar's HTTP door.
pub(super) const PATH_PREFIX: &str = "/check";
/// Headers of the sidecar's denials.
const ANSWER_HEADERS: &[&str] = &[
    "www-authenticate",
    "content-type",
    "cache-control",
    "location",
    "grpc-status",
    "x-sallyport-decision",
    "x-sallyport-reason",
];

/// What pages of other origins are told.
pub(super) const CORS_HEADERS: &[&str] = &[
    "access-control-allow-origin",
    "access-control-allow-credentials",
    "access-control-allow-methods",
    "access-control-allow-headers",
    "access-control-expose-headers",
    "access-control-max-age",
    "vary",
];

/// What a denial's form is chosen by.
pub(super) const FORM_HEADERS: &[&str] = &["accept", "content-type"];
/// What cross-origin requests are judged by.
pub(super) const PREFLIGHT_HEADERS: &[&str] =
    &["origin", "access-control-request-method", "access-control-request-headers"];

/// All headers that a denial may have.
pub(super) fn answer_headers(policy: &Policy) -> Vec<&'static str> {
    let cors: &[&str] = if policy.has_cors() { CORS_HEADERS } else { &[] };
    [ANSWER_HEADERS, cors].concat()
}

/// The headers that the sidecar sets: identity headers, cookies where some end here, those that are added to, and
/// credentials of our own.
pub(super) fn upstream_headers(policy: &Policy) -> Vec<&str> {
    let cookies = policy.headers_read().contains("cookie").then_some("cookie");
    let identity = policy.identity_headers().names().map(|name| &**name);
    let appended = policy.appended_headers().map(|name| &**name);
    let swapped = policy.swaps().map(|(_, swap)| &*swap.header);
    let mut names: Vec<&str> = identity.chain(cookies).chain(appended).chain(swapped).collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// Longer than the sidecar's longest wait, so that the sidecar itself says what failed and what that means.
pub(super) fn timeout(policy: &Policy) -> String {
    let longest = policy.routes().iter().map(|route| route.timeout_ms()).max().unwrap_or(0);
    format!("{}s", Duration::from_millis(longest.saturating_add(MARGIN_MS)).as_secs_f64())
}

fn exactly(names: &[&str]) -> Value {
    let patterns: Vec<Value> = names.iter().map(|name| json!({ "exact": name })).collect();
    json!({ "patterns": patterns })
}
