//! The wasm filter as an Envoy HTTP filter: the same patch in the bootstrap that the tests run and in the EnvoyFilter
//! that Istio gets.

use sallyport_policy::{PluginConfig, Topology};
use serde_json::{Value, json};

/// Name of the filter, and id of its VM.
pub(super) const NAME: &str = "sallyport";

/// Name of the plugin and of its root context: one for each topology, so that two of them in one Envoy are two plugins.
fn plugin(config: &PluginConfig) -> &'static str {
    match config.topology {
        Topology::Ask => NAME,
        Topology::ExtAuthz => "sallyport_before_ext_authz",
    }
}

/// envoy.extensions.filters.http.wasm.v3.Wasm. `file` is where the proxy finds the module.
///
/// FAIL_RELOAD is closed (503) and recovers. The VM's id is our own, which keeps other plugins out of our shared data,
/// and the same for every policy: through that data a new policy's VM learns that a good one is at work.
pub(super) fn wasm_filter(config: &PluginConfig, file: &str) -> Value {
    json!({
        "name": NAME,
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm",
            "config": {
                "name": plugin(config),
                "root_id": plugin(config),
                "failure_policy": "FAIL_RELOAD",
                "configuration": {
                    "@type": "type.googleapis.com/google.protobuf.StringValue",
                    "value": format!("{:#}", config.to_value()),
                },
                "vm_config": {
                    "vm_id": NAME,
                    "runtime": "envoy.wasm.runtime.v8",
                    "code": { "local": { "filename": file } },
                },
            },
        },
    })
}
