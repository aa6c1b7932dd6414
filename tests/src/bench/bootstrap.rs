//! Envoy's configuration: one listener for each rung, all alike but for the filters in front of
//! the same direct response. The two sides of a measure state the same policy, each in its own
//! words; what differs between them is what is measured. No ports are named: Envoy takes free ones.

use std::path::Path;

use serde_json::{Value, json};

use super::load::Crowd;
use super::policy::{HEADERS, PROBE, Rules, open_routes, rbac, rule_routes, token_routes};
use super::scale::Scale;
use crate::Result;
use crate::idp::Idp;

const AUDIENCE: &str = "orders";
/// Tokens that either side may remember. Ours keeps them in two generations, each of half as many,
/// so that a thousand in turn are all remembered.
const REMEMBERED: usize = 2000;

/// A listener and what stands before its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rung {
    /// Nothing.
    NoFilter,
    /// A wasm filter that does nothing.
    Nothing,
    /// A wasm filter that reads the headers of each request, and does nothing with them.
    Reading,
    /// Our filter with one route, open to all.
    Open,
    /// Native jwt_authn, as shipped: it verifies every token it sees.
    NativeCold,
    /// Our filter with its token cache off.
    OursCold,
    /// Our filter with one route for any good token, its cache on.
    OursToken,
    /// Native jwt_authn with its cache, claim_to_headers and the payload for a native rbac.
    NativeFull(Rules),
    /// Our filter with the same rules.
    OursFull(Rules),
    /// Our filter with ten of these rules, but it writes no header.
    OursPlain,
    /// Our filter with many or few routes and issuers.
    OursScale(Scale),
    /// A wasm filter that does nothing, with that policy as the configuration that it does not read.
    NothingScale(Scale),
}

impl Rung {
    /// The name of its listener.
    pub(super) fn listener(self) -> &'static str {
        match self {
            Self::NoFilter => "no_filter",
            Self::Nothing => "nothing",
            Self::Reading => "reading",
            Self::Open => "open",
            Self::NativeCold => "native_cold",
            Self::OursCold => "ours_cold",
            Self::OursToken => "ours_token",
            Self::NativeFull(Rules::Ten) => "native_full_10",
            Self::NativeFull(Rules::Thousand) => "native_full_1000",
            Self::OursFull(Rules::Ten) => "ours_full_10",
            Self::OursFull(Rules::Thousand) => "ours_full_1000",
            Self::OursPlain => "ours_plain",
            Self::OursScale(Scale::SMALL) => "ours_small",
            Self::OursScale(_) => "ours_large",
            Self::NothingScale(Scale::SMALL) => "nothing_small",
            Self::NothingScale(_) => "nothing_large",
        }
    }

    /// For people.
    pub(super) fn title(self) -> &'static str {
        match self {
            Self::NoFilter => "no filter",
            Self::Nothing => "a wasm filter that does nothing",
            Self::Reading => "a wasm filter that reads headers and does nothing",
            Self::Open => "our filter with an open route",
            Self::NativeCold => "native jwt_authn, cache off",
            Self::OursCold => "our filter, cache off",
            Self::OursToken => "our filter with one route, cache on",
            Self::NativeFull(Rules::Ten) => "native jwt_authn and rbac with 10 rules, cache on",
            Self::NativeFull(Rules::Thousand) => {
                "native jwt_authn and rbac with 1,000 rules, cache on"
            }
            Self::OursFull(Rules::Ten) => "our filter with 10 rules, cache on",
            Self::OursFull(Rules::Thousand) => "our filter with 1,000 rules, cache on",
            Self::OursPlain => "our filter with 10 rules and no header to write, cache on",
            Self::OursScale(Scale::SMALL) => "our filter with 10 routes and 1 issuer",
            Self::OursScale(_) => "our filter with 10,000 routes and 1,000 issuers",
            Self::NothingScale(Scale::SMALL) => "a wasm filter that does nothing, with 10 routes",
            Self::NothingScale(_) => "a wasm filter that does nothing, with 10,000 routes",
        }
    }

    /// Whether it refuses a request without a good token.
    pub(super) fn asks_token(self) -> bool {
        !matches!(
            self,
            Self::NoFilter | Self::Nothing | Self::Reading | Self::Open | Self::NothingScale(_)
        )
    }

    /// Whether it refuses what no rule allows.
    pub(super) fn has_rules(self) -> bool {
        matches!(
            self,
            Self::NativeFull(_) | Self::OursFull(_) | Self::OursPlain | Self::OursScale(_)
        )
    }

    /// Whether the upstream gets the identity headers.
    pub(super) fn sets_headers(self) -> bool {
        matches!(self, Self::NativeFull(_) | Self::OursFull(_))
    }

    /// Who asks it.
    pub(super) fn crowd(self) -> Crowd {
        if let Self::OursScale(scale) | Self::NothingScale(scale) = self {
            Crowd::All(scale)
        } else {
            Crowd::One
        }
    }

    fn filters(self, parties: &Parties<'_>) -> Vec<Value> {
        let ours = |routes, token_cache| vec![parties.ours(self, &routes, token_cache)];
        match self {
            Self::NoFilter => Vec::new(),
            Self::Nothing => vec![wasm(self, parties.nothing, "nothing", "")],
            Self::Reading => vec![wasm(self, parties.nothing, "nothing", "headers")],
            Self::Open => ours(open_routes(), REMEMBERED),
            Self::OursCold => ours(token_routes(), 0),
            Self::OursToken => ours(token_routes(), REMEMBERED),
            Self::OursFull(rules) => ours(rule_routes(rules, true), REMEMBERED),
            Self::OursPlain => ours(rule_routes(Rules::Ten, false), REMEMBERED),
            Self::OursScale(scale) => {
                let text = plugin(&scale.policy(parties.jwks_uri, false), REMEMBERED);
                vec![wasm(self, parties.ours, "sallyport", &text)]
            }
            Self::NothingScale(scale) => {
                let text = plugin(&scale.policy(parties.jwks_uri, false), REMEMBERED);
                vec![wasm(self, parties.nothing, "nothing", &text)]
            }
            Self::NativeCold => vec![jwt_authn(parties.provider())],
            Self::NativeFull(rules) => {
                let rbac = typed("rbac", "http.rbac.v3.RBAC", rbac(rules));
                vec![jwt_authn(parties.full_provider()), rbac]
            }
        }
    }
}

/// The two filters in wasm.
#[derive(Debug, Clone, Copy)]
pub(super) struct Modules<'a> {
    /// Ours.
    pub(super) ours: &'a Path,
    /// The one that does nothing.
    pub(super) nothing: &'a Path,
}

/// The bootstrap for these rungs. It is JSON, which is YAML.
pub(super) fn render(rungs: &[Rung], idp: &Idp, modules: Modules<'_>) -> Result<String> {
    let listeners = listeners(rungs, idp, modules)?;
    let config = json!({
        "admin": { "address": loopback(0) },
        "static_resources": { "clusters": [cluster("idp", idp.port())], "listeners": listeners },
    });
    Ok(config.to_string())
}

/// The bootstrap for what is pushed later: Envoy takes its listeners from a file of [`render_push`], and again whenever
/// another one is moved there.
pub(super) fn render_pushed(file: &Path, idp: &Idp) -> String {
    let source = json!({ "path_config_source": { "path": file }, "resource_api_version": "V3" });
    json!({
        "node": { "id": "bench", "cluster": "bench" },
        "admin": { "address": loopback(0) },
        "dynamic_resources": { "lds_config": source },
        "static_resources": { "clusters": [cluster("idp", idp.port())] },
    })
    .to_string()
}

/// The listeners of these rungs, as a file that Envoy watches has them.
pub(super) fn render_push(rungs: &[Rung], idp: &Idp, modules: Modules<'_>) -> Result<String> {
    let mut listeners = listeners(rungs, idp, modules)?;
    for listener in listeners.iter_mut().filter_map(Value::as_object_mut) {
        let url = "type.googleapis.com/envoy.config.listener.v3.Listener";
        listener.insert("@type".to_owned(), Value::from(url));
    }
    Ok(json!({ "resources": listeners }).to_string())
}

fn listeners(rungs: &[Rung], idp: &Idp, modules: Modules<'_>) -> Result<Vec<Value>> {
    let text = |path: &'_ Path| {
        path.to_str().map(str::to_owned).ok_or("the path of a filter is not UTF-8")
    };
    let parties = Parties {
        issuer: idp.issuer(),
        jwks_uri: &idp.jwks_uri(),
        ours: &text(modules.ours)?,
        nothing: &text(modules.nothing)?,
    };
    Ok(rungs.iter().map(|rung| listener(rung.listener(), rung.filters(&parties))).collect())
}

/// Who signs, and who checks it for us.
struct Parties<'a> {
    issuer: &'a str,
    jwks_uri: &'a str,
    ours: &'a str,
    nothing: &'a str,
}

impl Parties<'_> {
    fn ours(&self, rung: Rung, routes: &Value, token_cache: usize) -> Value {
        let main = json!({
            "issuer": self.issuer,
            "jwks": { "discovery": true, "cluster": "idp" },
            "audiences": [AUDIENCE],
            "algorithms": ["RS256", "ES256", "PS256", "EdDSA"],
        });
        // An issuer that no route uses would be a warning in the log.
        let issuers = if rung == Rung::Open { json!({}) } else { json!({ "main": main }) };
        let policy =
            json!({ "version": 1, "service": "bench", "issuers": issuers, "routes": routes });
        wasm(rung, self.ours, "sallyport", &plugin(&policy, token_cache))
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

/// Our filter's configuration.
fn plugin(policy: &Value, token_cache: usize) -> String {
    json!({ "policy": policy, "shared_data": true, "token_cache": token_cache }).to_string()
}

/// A wasm filter. All of one module share a VM in each worker, and this one with no other program.
fn wasm(rung: Rung, file: &str, name: &str, configuration: &str) -> Value {
    let config = json!({
        "name": rung.listener(),
        "root_id": rung.listener(),
        "failure_policy": "FAIL_RELOAD",
        "configuration": {
            "@type": "type.googleapis.com/google.protobuf.StringValue",
            "value": configuration,
        },
        "vm_config": {
            "vm_id": format!("{name}-bench"),
            "runtime": "envoy.wasm.runtime.v8",
            "code": { "local": { "filename": file } },
        },
    });
    typed(name, "http.wasm.v3.Wasm", json!({ "config": config }))
}

fn jwt_authn(provider: Value) -> Value {
    let rule = json!({ "match": { "prefix": "/" }, "requires": { "provider_name": "main" } });
    let config = json!({ "providers": { "main": provider }, "rules": [rule] });
    typed("jwt_authn", "http.jwt_authn.v3.JwtAuthentication", config)
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

    const OURS: &[Rung] = &[
        Rung::Open,
        Rung::OursCold,
        Rung::OursToken,
        Rung::OursPlain,
        Rung::OursFull(Rules::Ten),
        Rung::OursFull(Rules::Thousand),
        Rung::OursScale(Scale::SMALL),
        Rung::OursScale(Scale::LARGE),
    ];

    #[test]
    fn our_policies_load_without_a_warning() {
        let parties = Parties {
            issuer: "http://127.0.0.1:1/a",
            jwks_uri: "http://127.0.0.1:1/keys",
            ours: "/ours",
            nothing: "/nothing",
        };
        for rung in OURS {
            let filters = rung.filters(&parties);
            let text = filters[0].pointer("/typed_config/config/configuration/value").unwrap();
            let config = PluginConfig::parse(text.as_str().unwrap().as_bytes()).unwrap();
            assert_eq!(config.token_cache == 0, *rung == Rung::OursCold);
            let (_, warnings) = Policy::compile_filter_copy(config.policy).unwrap();
            assert!(warnings.is_empty(), "{rung:?}: {warnings:?}");
        }
    }
}
