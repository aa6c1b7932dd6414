//! `sallyport render envoy`: a full Envoy bootstrap with one listener for each topology (DESIGN section 4). The defaults
//! are the quickstart's.

use clap::ValueEnum;
use sallyport_policy::{PluginConfig, Policy, Topology};
use serde_json::{Value, json};

use super::address::{HostPort, SidecarAddress};
use super::connection_manager::network_filter;
use super::wasm_filter::wasm_filter;
use super::{
    SIDECAR_CLUSTER, SIDECAR_HTTP_CLUSTER, Source, UPSTREAM, cluster, ext_authz, warn_of_swaps,
    yaml,
};
use crate::cli::PolicyArgument;
use crate::cli::policy_file::PolicyFile;

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    pub(super) policy: PolicyArgument,
    /// Which listeners: `a` the filter asks the sidecar, `b` ext_authz after the filter, `c-grpc` and `c-http` ext_authz alone.
    #[arg(long, value_enum, default_value_t = Listeners::All)]
    topology: Listeners,
    /// The filter's module, as the proxy finds it.
    #[arg(long, value_name = "FILE", default_value = "sallyport_filter.wasm")]
    wasm: String,
    /// The sidecar's gRPC door: `unix:/path` or `host:port`.
    #[arg(
        long,
        value_name = "ADDRESS",
        default_value = "unix:/tmp/sallyport-quickstart/sallyport.sock"
    )]
    sidecar: SidecarAddress,
    /// The sidecar's HTTP door.
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:15012")]
    sidecar_http: HostPort,
    /// The protected service.
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:18000")]
    upstream: HostPort,
    /// Where topology A listens.
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:10000")]
    listen_a: HostPort,
    /// Where topology B listens.
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:10001")]
    listen_b: HostPort,
    /// Where topology C over gRPC listens.
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:10002")]
    listen_c_grpc: HostPort,
    /// Where topology C over HTTP listens.
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:10003")]
    listen_c_http: HostPort,
    /// Where Envoy's admin interface listens.
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:9901")]
    admin: HostPort,
    /// Certificate authorities of https issuers, a file of the proxy.
    #[arg(long, value_name = "FILE", default_value = "/etc/ssl/certs/ca-certificates.crt")]
    ca: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Listeners {
    A,
    B,
    CGrpc,
    CHttp,
    All,
}

impl Listeners {
    fn include(self, other: Self) -> bool {
        self == Self::All || self == other
    }
}

/// The bootstrap as YAML.
pub(super) fn render(arguments: &Arguments, source: &Source) -> String {
    if matches!(arguments.sidecar, SidecarAddress::Tcp(_)) {
        warn_of_swaps(&source.policy, "`--sidecar` is TCP");
    } else if arguments.topology.include(Listeners::CHttp) {
        warn_of_swaps(&source.policy, "`--sidecar-http` is TCP");
    }
    let bootstrap = json!({
        "admin": { "address": arguments.admin.envoy() },
        "static_resources": {
            "listeners": listeners(arguments, source),
            "clusters": clusters(arguments, source),
        },
    });
    format!(
        "# Written by `sallyport render envoy`; change the policy or the arguments, not this file.\n{}",
        yaml::document(&bootstrap)
    )
}

fn listeners(arguments: &Arguments, source: &Source) -> Vec<Value> {
    let Source { file, policy, .. } = source;
    let filter = |topology| wasm_filter(&config(arguments, file, topology), &arguments.wasm);
    let grpc = || ext_authz::grpc(policy, SIDECAR_CLUSTER);
    let mut listeners = Vec::new();
    let mut add = |which, name, address: &HostPort, filters: &dyn Fn() -> Vec<Value>| {
        if arguments.topology.include(which) {
            listeners.push(listener(policy, name, address, filters()));
        }
    };
    add(Listeners::A, "topology_a", &arguments.listen_a, &|| vec![filter(Topology::Ask)]);
    add(Listeners::B, "topology_b", &arguments.listen_b, &|| {
        vec![filter(Topology::ExtAuthz), grpc()]
    });
    add(Listeners::CGrpc, "topology_c_grpc", &arguments.listen_c_grpc, &|| vec![grpc()]);
    add(Listeners::CHttp, "topology_c_http", &arguments.listen_c_http, &|| {
        vec![ext_authz::http(policy, SIDECAR_HTTP_CLUSTER, &arguments.sidecar_http)]
    });
    listeners
}

fn config(arguments: &Arguments, file: &PolicyFile, topology: Topology) -> PluginConfig {
    let mut config = PluginConfig::new(file.document().clone());
    config.topology = topology;
    config.sidecar_cluster = Some(SIDECAR_CLUSTER.to_owned());
    // A credential goes to be judged in shadow over a Unix socket alone; the rendered TCP cluster has no mTLS.
    config.judge = matches!(arguments.sidecar, SidecarAddress::Unix(_));
    config.shared_data = true;
    config
}

fn listener(policy: &Policy, name: &str, address: &HostPort, filters: Vec<Value>) -> Value {
    json!({
        "name": name,
        "address": address.envoy(),
        "filter_chains": [{ "filters": [network_filter(policy, name, filters)] }],
    })
}

fn clusters(arguments: &Arguments, source: &Source) -> Vec<Value> {
    let topology = arguments.topology;
    let mut clusters = vec![cluster::http(UPSTREAM, &arguments.upstream)];
    if topology != Listeners::CHttp {
        clusters.push(cluster::sidecar(SIDECAR_CLUSTER, &arguments.sidecar));
    }
    if topology.include(Listeners::CHttp) {
        clusters.push(cluster::http(SIDECAR_HTTP_CLUSTER, &arguments.sidecar_http));
    }
    if matches!(topology, Listeners::A | Listeners::B | Listeners::All) {
        let issuers = source.key_clusters.iter();
        clusters.extend(issuers.map(|(name, host)| cluster::issuer(name, host, &arguments.ca)));
    }
    clusters
}
