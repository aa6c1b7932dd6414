//! `sallyport render`: what the data plane needs, from the policy file: the filter's configuration, an Envoy bootstrap,
//! Istio manifests. Holds no secret: the filter's copy of the policy has no place for one. What all three share is
//! built once (`wasm_filter`, `ext_authz`, `cluster`), so that what Istio gets is what the tests run.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;

use clap::{Subcommand, ValueEnum};
use sallyport_policy::{PluginConfig, Policy, Topology};

use super::PolicyArgument;
use super::failure::Failure;
use super::policy_file::PolicyFile;
use super::tell;

mod address;
mod bootstrap;
mod cluster;
mod connection_manager;
mod ext_authz;
mod issuer_host;
mod istio;
mod secret_mount;
mod sidecar_manifest;
mod wasm_filter;
mod yaml;

use issuer_host::{IssuerHost, cluster_name, key_clusters};

/// Envoy cluster of the sidecar's gRPC door.
const SIDECAR_CLUSTER: &str = "sallyport";
/// Envoy cluster of the sidecar's HTTP door.
const SIDECAR_HTTP_CLUSTER: &str = "sallyport_http";
/// Envoy cluster of the protected service.
const UPSTREAM: &str = "upstream";

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    target: Target,
}

#[derive(Debug, Subcommand)]
enum Target {
    /// The filter's configuration, as JSON.
    Filter(FilterArguments),
    /// A full Envoy bootstrap, as YAML.
    Envoy(bootstrap::Arguments),
    /// Istio manifests, as YAML.
    Istio(istio::Arguments),
    /// Values of the Helm chart. Does not exist yet: there is no chart, and this always ends with exit code 2.
    HelmValues(PolicyArgument),
}

#[derive(Debug, clap::Args)]
struct FilterArguments {
    #[command(flatten)]
    policy: PolicyArgument,
    /// Who asks the sidecar: the filter, or Envoy's ext_authz filter after it.
    #[arg(long, value_enum, default_value_t = TopologyArgument::Ask)]
    topology: TopologyArgument,
    /// Envoy cluster of the sidecar.
    #[arg(long, value_name = "NAME", default_value = SIDECAR_CLUSTER, value_parser = cluster_name)]
    sidecar_cluster: String,
    /// The cluster is a Unix socket or mTLS: requests may be sent there to be judged in shadow.
    #[arg(long)]
    judge: bool,
    /// The filter's VM has a `vm_id` of its own, so that it may use Envoy's shared data.
    #[arg(long, value_name = "BOOL", default_value_t = true, action = clap::ArgAction::Set)]
    shared_data: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum TopologyArgument {
    Ask,
    ExtAuthz,
}

impl From<TopologyArgument> for Topology {
    fn from(topology: TopologyArgument) -> Self {
        match topology {
            TopologyArgument::Ask => Self::Ask,
            TopologyArgument::ExtAuthz => Self::ExtAuthz,
        }
    }
}

pub(super) fn run(arguments: &Arguments) -> Result<ExitCode, Failure> {
    match &arguments.target {
        Target::Filter(arguments) => filter(arguments),
        Target::Envoy(arguments) => {
            let source = Source::load(&arguments.policy.policy, SIDECAR_CLUSTER)?;
            print(&bootstrap::render(arguments, &source))
        }
        Target::Istio(arguments) => {
            let source = Source::load(&arguments.policy.policy, arguments.sidecar_cluster())?;
            istio::run(arguments, &source)
        }
        Target::HelmValues(_) => {
            Err(Failure::Usage("there is no Helm chart yet, so there are no values".to_owned()))
        }
    }
}

/// What is rendered: a policy that loads, and whose clusters can be built. The same policies for every target.
struct Source {
    file: PolicyFile,
    policy: Policy,
    key_clusters: BTreeMap<String, IssuerHost>,
}

impl Source {
    /// `sidecar_cluster`: by which name the filter reaches the sidecar.
    fn load(path: &Path, sidecar_cluster: &str) -> Result<Self, Failure> {
        let file = PolicyFile::read(path)?;
        let policy = file.load()?;
        let taken = [UPSTREAM, SIDECAR_CLUSTER, SIDECAR_HTTP_CLUSTER, sidecar_cluster];
        let key_clusters = key_clusters(&policy, &taken)?;
        Ok(Self { file, policy, key_clusters })
    }
}

/// Says that a credential of ours would not be told by these.
fn warn_of_swaps(policy: &Policy, why: &str) {
    if let Some((route, _)) = policy.swaps().next() {
        tell(&format!(
            "warning: the route `{}` gives the upstream a credential of ours, which the sidecar tells over a Unix socket \
             alone; {why}, so such requests are denied with `dependency_unavailable`",
            route.name()
        ));
    }
}

fn print(text: &str) -> Result<ExitCode, Failure> {
    std::io::stdout().write_all(text.as_bytes())?;
    Ok(ExitCode::SUCCESS)
}

fn filter(arguments: &FilterArguments) -> Result<ExitCode, Failure> {
    let source = Source::load(&arguments.policy.policy, &arguments.sidecar_cluster)?;
    let mut config = PluginConfig::new(source.file.files.document);
    config.topology = arguments.topology.into();
    config.sidecar_cluster = Some(arguments.sidecar_cluster.clone());
    config.judge = arguments.judge;
    config.shared_data = arguments.shared_data;
    print(&format!("{:#}\n", config.to_value()))
}
