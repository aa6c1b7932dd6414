//! How the HTTP connection manager must read requests for our answers to hold (DESIGN section 8), and how long it lets
//! them stand still: a stream whose filter died is only ended by these.

use sallyport_policy::Policy;
use serde_json::{Map, Value, json};

use super::UPSTREAM;

const TYPE: &str = "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager";
pub(super) const NAME: &str = "envoy.filters.network.http_connection_manager";

/// What must hold on every listener: path normalisation as section 8 says, no header names with underscores, times.
/// Escaped slashes are refused before our doors, unless a route of the policy wants to judge them.
pub(super) fn hardening(policy: &Policy) -> Map<String, Value> {
    let slashes = if policy.allows_encoded_slashes() { "KEEP_UNCHANGED" } else { "REJECT_REQUEST" };
    let mut settings = Map::new();
    let mut set = |name: &str, value: Value| settings.insert(name.to_owned(), value);
    set("@type", json!(TYPE));
    set("normalize_path", json!(true));
    set("merge_slashes", json!(true));
    set("path_with_escaped_slashes_action", json!(slashes));
    set(
        "common_http_protocol_options",
        json!({ "headers_with_underscores_action": "REJECT_REQUEST" }),
    );
    set("stream_idle_timeout", json!("30s"));
    set("request_headers_timeout", json!("10s"));
    settings
}

/// The whole network filter of one of our own listeners.
pub(super) fn network_filter(policy: &Policy, name: &str, filters: Vec<Value>) -> Value {
    let mut settings = hardening(policy);
    let mut set = |name: &str, value: Value| settings.insert(name.to_owned(), value);
    set("stat_prefix", json!(name));
    set("use_remote_address", json!(true));
    set("access_log", json!([access_log()]));
    set(
        "route_config",
        json!({
            "name": name,
            "virtual_hosts": [{
                "name": "all",
                "domains": ["*"],
                "routes": [{
                    "match": { "prefix": "/" },
                    "route": { "cluster": UPSTREAM, "timeout": "15s" },
                }],
            }],
        }),
    );
    let mut filters = filters;
    filters.push(json!({
        "name": ROUTER,
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router",
        },
    }));
    set("http_filters", Value::Array(filters));
    json!({ "name": NAME, "typed_config": settings })
}

/// The last HTTP filter.
pub(super) const ROUTER: &str = "envoy.filters.http.router";

/// To standard output, without the query: a token may stand in it.
fn access_log() -> Value {
    json!({
        "name": "envoy.access_loggers.stdout",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.access_loggers.stream.v3.StdoutAccessLog",
            "log_format": {
                "json_format": {
                    "time": "%START_TIME%",
                    "method": "%REQ(:METHOD)%",
                    "path": "%REQ_WITHOUT_QUERY(:PATH)%",
                    "status": "%RESPONSE_CODE%",
                    "details": "%RESPONSE_CODE_DETAILS%",
                    "flags": "%RESPONSE_FLAGS%",
                    "milliseconds": "%DURATION%",
                    "request_id": "%REQ(X-REQUEST-ID)%",
                },
                "formatters": [{
                    "name": "envoy.formatter.req_without_query",
                    "typed_config": {
                        "@type": "type.googleapis.com/envoy.extensions.formatter.req_without_query.v3.ReqWithoutQuery",
                    },
                }],
            },
        },
    })
}

#[cfg(test)]
mod tests {
    use sallyport_policy::{Document, Format, Policy};

    use super::hardening;

    #[test]
    fn escaped_slashes_reach_us_only_where_a_route_wants_them() {
        for (word, action) in [("refuse", "REJECT_REQUEST"), ("allow", "KEEP_UNCHANGED")] {
            let text = format!(
                "version: 1\nroutes: [{{ name: a, match: {{ path: '/a/{{**}}', encoded_slashes: {word} }}, allow: unauthenticated }}]"
            );
            let document = Document::parse(text.as_bytes(), Format::Yaml).unwrap();
            let (policy, _) = Policy::compile(&document, &[]).unwrap();
            let settings = hardening(&policy);
            assert_eq!(settings.get("path_with_escaped_slashes_action"), Some(&action.into()));
        }
    }
}
