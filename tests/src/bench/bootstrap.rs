//! Envoy's configuration: one listener for each rung, all alike but for the filters in front of
//! the same direct response. The two sides of a measure state the same policy, each in its own
//! words; what differs between them is what is measured. No ports are named: Envoy takes free ones.

use std::path::Path;

use serde_json::{Value, json};

use crate::Result;
use crate::idp::Idp;

/// Rules of the full policy; the load asks each as often as the others.
pub(super) const RULES: usize = 10;
/// The path that shows what the filters did to the request; answered as all others are, plus the
/// identity headers.
pub(super) const PROBE: &str = "/api3/probe";
/// The identity headers: name, our template, the claim for Envoy.
pub(super) const HEADERS: &[(&str, &str, &str)] = &[
    ("x-user", "{subject}", "sub"),
    ("x-tenant", "{claims.tenant}", "tenant"),
    ("x-client", "{client}", "azp"),
];
/// The scope that every rule asks for.
const SCOPE: &str = "orders.read";
const AUDIENCE: &str = "orders";
/// Tokens that either side may remember: more than there are.
const REMEMBERED: usize = 1000;

/// A listener and what stands before its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rung {
    /// Nothing.
    NoFilter,
    /// Our filter with one route, open to all.
    Open,
    /// Native jwt_authn, as shipped: it verifies every token it sees.
    NativeCold,
    /// Our filter with its token cache off.
    OursCold,
    /// Native jwt_authn with its cache, claim_to_headers and the payload for a native rbac.
    NativeFull,
    /// Our filter with the same rules.
    OursFull,
}

impl Rung {
    /// The name of its listener.
    pub(super) fn listener(self) -> &'static str {
        match self {
            Self::NoFilter => "no_filter",
            Self::Open => "open",
            Self::NativeCold => "native_cold",
            Self::OursCold => "ours_cold",
            Self::NativeFull => "native_full",
            Self::OursFull => "ours_full",
        }
    }

    /// For people.
    pub(super) fn title(self) -> &'static str {
        match self {
            Self::NoFilter => "no filter",
            Self::Open => "our filter with an open route",
            Self::NativeCold => "native jwt_authn, cache off",
            Self::OursCold => "our filter, cache off",
            Self::NativeFull => "native jwt_authn and rbac, cache on",
            Self::OursFull => "our filter with ten rules, cache on",
        }
    }

    fn filters(self, parties: &Parties<'_>) -> Vec<Value> {
        match self {
            Self::NoFilter => Vec::new(),
            Self::Open => vec![parties.ours(self, &open_routes(), REMEMBERED)],
            Self::OursCold => vec![parties.ours(self, &token_routes(), 0)],
            Self::OursFull => vec![parties.ours(self, &ten_routes(), REMEMBERED)],
            Self::NativeCold => vec![jwt_authn(parties.provider())],
            Self::NativeFull => vec![jwt_authn(parties.full_provider()), rbac()],
        }
    }
}

/// The bootstrap for these rungs. It is JSON, which is YAML.
pub(super) fn render(rungs: &[Rung], idp: &Idp, wasm: &Path) -> Result<String> {
    let wasm = wasm.to_str().ok_or("the path of the filter is not UTF-8")?;
    let jwks_uri = idp.jwks_uri();
    let parties = Parties { issuer: idp.issuer(), jwks_uri: &jwks_uri, wasm };
    let listeners: Vec<Value> =
        rungs.iter().map(|rung| listener(rung.listener(), rung.filters(&parties))).collect();
    let config = json!({
        "admin": { "address": loopback(0) },
        "static_resources": { "clusters": [cluster("idp", idp.port())], "listeners": listeners },
    });
    Ok(config.to_string())
}

/// Who signs, and who checks it for us.
struct Parties<'a> {
    issuer: &'a str,
    jwks_uri: &'a str,
    wasm: &'a str,
}

impl Parties<'_> {
    fn ours(&self, rung: Rung, routes: &Value, token_cache: usize) -> Value {
        let main = json!({
            "issuer": self.issuer,
            "jwks": { "discovery": true, "cluster": "idp" },
            "audiences": [AUDIENCE],
            "algorithms": ["RS256", "ES256"],
        });
        // An issuer that no route uses would be a warning in the log.
        let issuers = if rung == Rung::Open { json!({}) } else { json!({ "main": main }) };
        let policy =
            json!({ "version": 1, "service": "bench", "issuers": issuers, "routes": routes });
        let plugin = json!({ "policy": policy, "shared_data": true, "token_cache": token_cache });
        let config = json!({
            "name": rung.listener(),
            "root_id": rung.listener(),
            "failure_policy": "FAIL_RELOAD",
            "configuration": {
                "@type": "type.googleapis.com/google.protobuf.StringValue",
                "value": plugin.to_string(),
            },
            "vm_config": {
                "vm_id": "sallyport-bench",
                "runtime": "envoy.wasm.runtime.v8",
                "code": { "local": { "filename": self.wasm } },
            },
        });
        typed("sallyport", "http.wasm.v3.Wasm", json!({ "config": config }))
    }

    fn provider(&self) -> Value {
        json!({
            "issuer": self.issuer,
            "audiences": [AUDIENCE],
            "forward": true,
            "remote_jwks": {
                "http_uri": { "uri": self.jwks_uri, "cluster": "idp", "timeout": "5s" },
            },
        })
    }

    fn full_provider(&self) -> Value {
        let headers: Vec<Value> = HEADERS
            .iter()
            .map(|(name, _, claim)| json!({ "header_name": name, "claim_name": claim }))
            .collect();
        let mut provider = self.provider();
        let more = json!({
            "jwt_cache_config": { "jwt_cache_size": REMEMBERED },
            "claim_to_headers": headers,
            "payload_in_metadata": "payload",
            "normalize_payload_in_metadata": { "space_delimited_claims": ["scope"] },
        });
        if let (Value::Object(provider), Value::Object(more)) = (&mut provider, more) {
            provider.extend(more);
        }
        provider
    }
}

fn open_routes() -> Value {
    json!([{
        "name": "open",
        "match": { "path": "/{**}" },
        "allow": "unauthenticated",
        "forward": { "credential": "original" },
    }])
}

fn token_routes() -> Value {
    json!([{
        "name": "all",
        "match": { "path": "/{**}" },
        "authenticate": [{ "jwt": "main" }],
        "forward": { "credential": "original" },
    }])
}

fn ten_routes() -> Value {
    let headers: serde_json::Map<String, Value> = HEADERS
        .iter()
        .map(|(name, template, _)| ((*name).to_owned(), Value::from(*template)))
        .collect();
    let route = |number| {
        json!({
            "name": format!("rule-{number}"),
            "match": { "methods": ["GET"], "path": format!("/api{number}/{{id}}") },
            "authenticate": [{ "jwt": "main" }],
            "scopes": { "all_of": [SCOPE] },
            "forward": { "headers": headers, "credential": "original" },
        })
    };
    (0..RULES).map(route).collect()
}

fn jwt_authn(provider: Value) -> Value {
    let rule = json!({ "match": { "prefix": "/" }, "requires": { "provider_name": "main" } });
    let config = json!({ "providers": { "main": provider }, "rules": [rule] });
    typed("jwt_authn", "http.jwt_authn.v3.JwtAuthentication", config)
}

/// Envoy tries the rules in the order of their names; the load asks all of them alike.
fn rbac() -> Value {
    let scope = json!({
        "filter": "envoy.filters.http.jwt_authn",
        "path": [{ "key": "payload" }, { "key": "scope" }],
        "value": { "list_match": { "one_of": { "string_match": { "exact": SCOPE } } } },
    });
    let rule = |number| {
        let method = json!({ "header": { "name": ":method", "string_match": { "exact": "GET" } } });
        let path = json!({ "url_path": { "path": { "prefix": format!("/api{number}/") } } });
        json!({
            "permissions": [{ "and_rules": { "rules": [method, path] } }],
            "principals": [{ "metadata": scope }],
        })
    };
    let policies: serde_json::Map<String, Value> =
        (0..RULES).map(|number| (format!("rule-{number}"), rule(number))).collect();
    let rules = json!({ "action": "ALLOW", "policies": policies });
    typed("rbac", "http.rbac.v3.RBAC", json!({ "rules": rules }))
}

fn listener(name: &str, mut filters: Vec<Value>) -> Value {
    filters.push(typed("router", "http.router.v3.Router", json!({})));
    let direct = json!({ "status": 200, "body": { "inline_string": "ok\n" } });
    let shown: Vec<Value> = HEADERS
        .iter()
        .map(|(name, _, _)| json!({ "header": { "key": name, "value": format!("%REQ({name})%") } }))
        .collect();
    let probe = json!({
        "match": { "path": PROBE }, "direct_response": direct, "response_headers_to_add": shown,
    });
    let all = json!({ "match": { "prefix": "/" }, "direct_response": direct });
    let host = json!({ "name": "all", "domains": ["*"], "routes": [probe, all] });
    let manager = json!({
        "stat_prefix": name,
        "route_config": { "virtual_hosts": [host] },
        "http_filters": filters,
    });
    let manager =
        typed("manager", "network.http_connection_manager.v3.HttpConnectionManager", manager);
    json!({ "name": name, "address": loopback(0), "filter_chains": [{ "filters": [manager] }] })
}

/// A filter. `kind` is its message below `envoy.extensions.filters`.
fn typed(name: &str, kind: &str, config: Value) -> Value {
    let mut config = config;
    if let Value::Object(fields) = &mut config {
        let url = format!("type.googleapis.com/envoy.extensions.filters.{kind}");
        fields.insert("@type".to_owned(), Value::from(url));
    }
    json!({ "name": name, "typed_config": config })
}

fn cluster(name: &str, port: u16) -> Value {
    let endpoint = json!({ "endpoint": { "address": loopback(port) } });
    json!({
        "name": name,
        "type": "STATIC",
        "connect_timeout": "1s",
        "load_assignment": {
            "cluster_name": name,
            "endpoints": [{ "lb_endpoints": [endpoint] }],
        },
    })
}

fn loopback(port: u16) -> Value {
    json!({ "socket_address": { "address": "127.0.0.1", "port_value": port } })
}

#[cfg(test)]
mod tests {
    use sallyport_policy::{PluginConfig, Policy};

    use super::*;

    const OURS: &[Rung] = &[Rung::Open, Rung::OursCold, Rung::OursFull];

    #[test]
    fn our_policies_load_without_a_warning() {
        let parties = Parties { issuer: "http://127.0.0.1:1/a", jwks_uri: "", wasm: "/w" };
        for rung in OURS {
            let filters = rung.filters(&parties);
            let text = filters[0].pointer("/typed_config/config/configuration/value").unwrap();
            let config = PluginConfig::parse(text.as_str().unwrap().as_bytes()).unwrap();
            let (_, warnings) = Policy::compile_filter_copy(&config.policy).unwrap();
            assert!(warnings.is_empty(), "{rung:?}: {warnings:?}");
            assert_eq!(config.token_cache == 0, *rung == Rung::OursCold);
        }
    }

    #[test]
    fn both_full_policies_have_ten_rules() {
        assert_eq!(ten_routes().as_array().unwrap().len(), RULES);
        let rbac = rbac();
        let policies = rbac.pointer("/typed_config/rules/policies").unwrap();
        assert_eq!(policies.as_object().unwrap().len(), RULES);
    }
}
