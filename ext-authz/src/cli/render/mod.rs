//! `sallyport render`: what the data plane needs, from the policy file: the filter's configuration, an Envoy bootstrap,
//! Istio manifests. Holds no secret: the filter's copy of the policy has no place for one. What all three share is
//! built once (`wasm_filter`, `ext_authz`, `cluster`), so that what Istio gets is what the tests run.

use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;

use clap::{Subcommand, ValueEnum};
use sallyport_policy::{PluginConfig, Policy, Topology};

use super::PolicyArgument;
use super::failure::Failure;
use super::policy_file::PolicyFile;

mod address;
mod bootstrap;
mod cluster;
mod connection_manager;
mod ext_authz;
mod issuer_host;
mod istio;
mod sidecar_manifest;
mod wasm_filter;
mod yaml;

/// Envoy cluster of the sidecar's gRPC door.
const SIDECAR_CLUSTER: &str = "sallyport";

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
    /// Values of the Helm chart; not there yet.
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
    #[arg(long, value_name = "NAME", default_value = SIDECAR_CLUSTER)]
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
            let (file, policy) = load(&arguments.policy.policy)?;
            print(&bootstrap::render(arguments, &file, &policy)?)
        }
        Target::Istio(arguments) => {
            let (file, policy) = load(&arguments.policy.policy)?;
            istio::run(arguments, &file, &policy)
        }
        Target::HelmValues(_) => {
            Err(Failure::Usage("there is no Helm chart yet, so there are no values".to_owned()))
        }
    }
}

/// Only a policy that loads is rendered.
fn load(path: &Path) -> Result<(PolicyFile, Policy), Failure> {
    let file = PolicyFile::read(path)?;
    let policy = file.load()?;
    Ok((file, policy))
}

fn print(text: &str) -> Result<ExitCode, Failure> {
    std::io::stdout().write_all(text.as_bytes())?;
    Ok(ExitCode::SUCCESS)
}

fn filter(arguments: &FilterArguments) -> Result<ExitCode, Failure> {
    let (file, _) = load(&arguments.policy.policy)?;
    let mut config = PluginConfig::new(file.document);
    config.topology = arguments.topology.into();
    config.sidecar_cluster = Some(arguments.sidecar_cluster.clone());
    config.judge = arguments.judge;
    config.shared_data = arguments.shared_data;
    print(&format!("{:#}\n", config.to_value()))
}
