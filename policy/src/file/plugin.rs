//! The filter's configuration: its copy of the policy, and how it reaches the sidecar. Written by `sallyport render`,
//! read by the filter; this one struct is the contract between them. Holds no secret and has no place for one.

use sallyport_jwt::{JsonLimits, parse_json_object_with_list};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::file::document::{Document, syntax};
use crate::file::filter_copy::{FilterCopy, RouteReader};
use crate::file::problem::Problem;
use crate::file::shape;
use crate::file::wire_types::{wire_enum, wire_struct};
use crate::limits::MAX_PLUGIN_JSON_DEPTH;

/// Default number of verified tokens that a worker remembers. Any 1,000 are remembered, since half of it is one
/// generation; they stay within the 8 MB goal.
const DEFAULT_TOKENS: usize = 2000;
/// Default number of verdicts that a worker remembers.
const DEFAULT_VERDICTS: usize = 1000;

wire_enum! {
    /// How the filter and the sidecar share the work.
    #[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, JsonSchema)]
    pub enum Topology {
        /// A: the filter asks the sidecar where a route needs it.
        #[default]
        Ask = "ask",
        /// B: Envoy's own ext_authz filter stands after this one; the credential is left for it.
        ExtAuthz = "ext_authz",
    }
}

/// The filter's configuration, with the whole policy where it is written, and the filter's copy where it is read.
#[derive(Debug, Clone)]
pub struct PluginConfig<P = Document> {
    /// The policy.
    pub policy: P,
    /// Who asks the sidecar.
    pub topology: Topology,
    /// Envoy cluster of the sidecar; none: there is no sidecar, and what needs one is unavailable.
    pub sidecar_cluster: Option<String>,
    /// The sidecar is reached over a Unix socket or mTLS, so requests may be sent there to be judged in shadow.
    pub judge: bool,
    /// Verified tokens that a worker remembers; 0: none.
    pub token_cache: usize,
    /// Verdicts that a worker remembers; 0: none.
    pub verdict_cache: usize,
    /// This configuration's VM has a `vm_id` of its own, so Envoy's shared data may be used.
    pub shared_data: bool,
}

wire_struct! {
    #[derive(JsonSchema)]
    struct Wire {
        #[expect(dead_code, reason = "read apart, and it must be there")]
        policy: Value,
        #[serde(default)]
        topology: Topology,
        sidecar: Option<Sidecar>,
        token_cache: Option<usize>,
        verdict_cache: Option<usize>,
        #[serde(default)]
        shared_data: bool,
    }
}

wire_struct! {
    /// The sidecar that this proxy asks.
    #[derive(JsonSchema)]
    struct Sidecar {
        cluster: String,
        #[serde(default)]
        judge: bool,
    }
}

impl PluginConfig {
    /// For a policy, with the defaults: no sidecar, no shared data.
    #[must_use]
    pub fn new(policy: Document) -> Self {
        Self {
            policy,
            topology: Topology::Ask,
            sidecar_cluster: None,
            judge: false,
            token_cache: DEFAULT_TOKENS,
            verdict_cache: DEFAULT_VERDICTS,
            shared_data: false,
        }
    }

    /// The configuration as JSON. The policy in it is the filter's copy.
    #[must_use]
    pub fn to_value(&self) -> Value {
        let mut members = Map::new();
        let mut put = |name: &str, value| members.insert(name.to_owned(), value);
        put("policy", self.policy.filter_copy());
        put("topology", json!(self.topology));
        if let Some(cluster) = &self.sidecar_cluster {
            put("sidecar", json!({ "cluster": cluster, "judge": self.judge }));
        }
        put("token_cache", json!(self.token_cache));
        put("verdict_cache", json!(self.verdict_cache));
        put("shared_data", json!(self.shared_data));
        Value::Object(members)
    }
}

impl PluginConfig<FilterCopy> {
    /// Reads the plugin configuration.
    ///
    /// # Errors
    /// Syntax, duplicate members, unknown fields, wrong types, each with its path: the first of them.
    pub fn parse(bytes: &[u8]) -> Result<Self, Vec<Problem>> {
        let limits = JsonLimits { max_bytes: usize::MAX, max_depth: MAX_PLUGIN_JSON_DEPTH };
        let mut routes = RouteReader::new();
        let mut take = |route| routes.take(route);
        let mut value =
            parse_json_object_with_list(bytes, limits, &["policy", "routes"], &mut take)
                .map_err(|error| syntax("JSON", &error.to_string()))?;
        // Something stays in its place: null would be absent.
        let apart = |policy| std::mem::replace(policy, Value::Bool(true));
        let policy = value.get_mut("policy").map(apart).unwrap_or_default();
        let wire: Wire = shape::read_first(&Value::Object(value))?;
        let (sidecar_cluster, judge) = match wire.sidecar {
            Some(Sidecar { cluster, judge }) => (Some(cluster), judge),
            None => (None, false),
        };
        Ok(Self {
            policy: FilterCopy::read(policy, routes)?,
            topology: wire.topology,
            sidecar_cluster,
            judge,
            token_cache: wire.token_cache.unwrap_or(DEFAULT_TOKENS),
            verdict_cache: wire.verdict_cache.unwrap_or(DEFAULT_VERDICTS),
            shared_data: wire.shared_data,
        })
    }
}

impl<P> PluginConfig<P> {
    /// The same configuration with another policy, and that one.
    pub fn replace<Q>(self, policy: Q) -> (PluginConfig<Q>, P) {
        let Self {
            topology, sidecar_cluster, judge, token_cache, verdict_cache, shared_data, ..
        } = self;
        let config = PluginConfig {
            policy,
            topology,
            sidecar_cluster,
            judge,
            token_cache,
            verdict_cache,
            shared_data,
        };
        (config, self.policy)
    }
}
