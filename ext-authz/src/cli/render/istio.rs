//! `sallyport render istio`: the policy as Istio resources. EnvoyFilter, WasmPlugin and TrafficExtension are three ways to
//! load the same filter, AuthorizationPolicy with its mesh provider is topology C; istio/README.md says which to take and
//! how each fails. What a resource's API cannot say (`vm_id`, clusters, timeouts) stands in an EnvoyFilter beside it.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::ValueEnum;
use sallyport_policy::PluginConfig;
use serde_json::{Map, Value, json};

use super::address::{HostPort, SidecarAddress};
use super::connection_manager::{NAME as CONNECTION_MANAGER, ROUTER, hardening};
use super::issuer_host::cluster_name;
use super::sidecar_manifest::{self, GRPC_PORT, HTTP_PORT, Sidecar};
use super::wasm_filter::{NAME, wasm_filter};
use super::{SIDECAR_CLUSTER, Source, cluster, ext_authz, print, warn_of_swaps, yaml};
use crate::cli::failure::Failure;
use crate::cli::{PolicyArgument, tell};

/// Order among several resources for the same workload; one that is not set leaves it to names and ages.
const PRIORITY: u32 = 10;
/// Names of the mesh's extension providers.
const GRPC_PROVIDER: &str = "sallyport-grpc";
const HTTP_PROVIDER: &str = "sallyport-http";

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    pub(super) policy: PolicyArgument,
    /// Which resources.
    #[arg(long, value_enum, default_value_t = Kind::All)]
    kind: Kind,
    /// Namespace of the protected workload, and of the sidecar.
    #[arg(long, value_name = "NAME", default_value = "default", value_parser = dns_label)]
    namespace: String,
    /// A label of the protected workload; repeat it for several.
    #[arg(long, value_name = "KEY=VALUE", value_parser = label)]
    selector: Vec<(String, String)>,
    /// What the protected workload is.
    #[arg(long, value_enum, default_value_t = Workload::Sidecar)]
    workload: Workload,
    /// The filter's module as the proxy finds it, for EnvoyFilter.
    #[arg(long, value_name = "FILE", default_value = "/etc/sallyport/sallyport_filter.wasm")]
    wasm: String,
    /// The filter's module as a URL (oci, https or file), for WasmPlugin and TrafficExtension.
    #[arg(long, value_name = "URL")]
    wasm_url: Option<String>,
    /// Its SHA-256 (of the image's manifest for oci).
    #[arg(long, value_name = "HEX", value_parser = sha256)]
    wasm_sha256: Option<String>,
    /// The sidecar's image.
    #[arg(long, value_name = "IMAGE")]
    image: Option<String>,
    /// A cluster that the proxy already has, such as `outbound|15011||sallyport.NAMESPACE.svc.cluster.local`, which
    /// has Istio's mTLS. Without it the manifests add one of their own, in plain text.
    #[arg(long, value_name = "NAME", value_parser = cluster_name)]
    sidecar_cluster: Option<String>,
    /// Certificate authorities of https issuers, a file of the proxy.
    #[arg(long, value_name = "FILE", default_value = "/etc/ssl/certs/ca-certificates.crt")]
    ca: String,
    /// Write one file a kind into this folder, instead of all to standard output.
    #[arg(short, long, value_name = "DIR")]
    output: Option<PathBuf>,
}

impl Arguments {
    /// The cluster by which the filter reaches the sidecar.
    pub(super) fn sidecar_cluster(&self) -> &str {
        self.sidecar_cluster.as_deref().unwrap_or(SIDECAR_CLUSTER)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "lower")]
enum Kind {
    EnvoyFilter,
    WasmPlugin,
    TrafficExtension,
    AuthorizationPolicy,
    Sidecar,
    /// The mesh's extension providers: a part of istiod's settings, no resource of its own.
    MeshConfig,
    All,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Workload {
    Sidecar,
    Gateway,
}

impl Workload {
    fn context(self) -> &'static str {
        match self {
            Self::Sidecar => "SIDECAR_INBOUND",
            Self::Gateway => "GATEWAY",
        }
    }
}

impl Kind {
    const RESOURCES: &'static [Self] = &[
        Self::EnvoyFilter,
        Self::WasmPlugin,
        Self::TrafficExtension,
        Self::AuthorizationPolicy,
        Self::Sidecar,
    ];

    fn file(self) -> &'static str {
        match self {
            Self::EnvoyFilter => "envoyfilter.yaml",
            Self::WasmPlugin => "wasmplugin.yaml",
            Self::TrafficExtension => "trafficextension.yaml",
            Self::AuthorizationPolicy => "authorizationpolicy.yaml",
            Self::Sidecar => "sidecar.yaml",
            Self::MeshConfig => "meshconfig.yaml",
            Self::All => "all.yaml",
        }
    }
}

/// Renders and prints, or writes.
///
/// # Errors
/// [`Failure::Usage`] for arguments that a kind needs and does not have, [`Failure::Stream`] for files.
pub(super) fn run(arguments: &Arguments, source: &Source) -> Result<ExitCode, Failure> {
    let manifests = Manifests { arguments, source };
    warn_of_swaps(&source.policy, "the manifests' sidecar listens on TCP");
    let all = arguments.kind == Kind::All;
    let mut kinds = if all { Kind::RESOURCES.to_vec() } else { vec![arguments.kind] };
    let Some(directory) = &arguments.output else {
        let texts: Result<Vec<_>, _> = kinds.iter().map(|kind| manifests.text(*kind)).collect();
        return print(&format!("{HEADER}{}", texts?.join("---\n")));
    };
    if all {
        kinds.push(Kind::MeshConfig);
    }
    // Everything is rendered before anything is written: half a set of manifests is no gate.
    let files: Vec<_> = kinds
        .iter()
        .map(|kind| Ok((directory.join(kind.file()), manifests.text(*kind)?)))
        .collect::<Result<_, Failure>>()?;
    std::fs::create_dir_all(directory)?;
    for (path, text) in files {
        std::fs::write(&path, format!("{HEADER}{text}"))?;
        tell(&format!("wrote `{}`", path.display()));
    }
    Ok(ExitCode::SUCCESS)
}

const HEADER: &str =
    "# Written by `sallyport render istio`; change the policy or the arguments, not this file.\n";

struct Manifests<'a> {
    arguments: &'a Arguments,
    source: &'a Source,
}

impl Manifests<'_> {
    fn text(&self, kind: Kind) -> Result<String, Failure> {
        let documents = match kind {
            Kind::EnvoyFilter => vec![self.envoy_filter()?],
            Kind::WasmPlugin => vec![self.surroundings()?, self.wasm_plugin()?],
            Kind::TrafficExtension => vec![self.surroundings()?, self.traffic_extension()?],
            Kind::AuthorizationPolicy => vec![self.authorization_policy()?],
            Kind::Sidecar => self.sidecar()?,
            Kind::MeshConfig => vec![self.mesh_config()],
            // Split into the others by `run`.
            Kind::All => Vec::new(),
        };
        Ok(documents.iter().map(yaml::document).collect::<Vec<_>>().join("---\n"))
    }

    fn metadata(&self, name: &str) -> Value {
        json!({ "name": name, "namespace": self.arguments.namespace })
    }

    /// The workload's labels. None would be every workload of the namespace.
    fn labels(&self) -> Result<Map<String, Value>, Failure> {
        if self.arguments.selector.is_empty() {
            return Err(Failure::Usage(
                "`--selector KEY=VALUE` is missing: which workload is protected?".to_owned(),
            ));
        }
        let labels = self.arguments.selector.iter();
        Ok(labels.map(|(key, value)| (key.clone(), json!(value))).collect())
    }

    fn sidecar_host(&self) -> String {
        format!("{NAME}.{}.svc.cluster.local", self.arguments.namespace)
    }

    /// `shared_data`: whether the filter's VM has an id of its own. Only EnvoyFilter can give it one.
    fn config(&self, shared_data: bool) -> PluginConfig {
        let mut config = PluginConfig::new(self.source.file.document().clone());
        config.sidecar_cluster = Some(self.arguments.sidecar_cluster().to_owned());
        config.shared_data = shared_data;
        config
    }

    fn envoy_filter(&self) -> Result<Value, Failure> {
        let mut patches = self.patches();
        patches.push(json!({
            "applyTo": "HTTP_FILTER",
            "match": self.listener_match(&json!({
                "name": CONNECTION_MANAGER,
                "subFilter": { "name": ROUTER },
            })),
            "patch": {
                "operation": "INSERT_BEFORE",
                "value": wasm_filter(&self.config(true), &self.arguments.wasm),
            },
        }));
        self.envoy_filter_of(NAME, patches)
    }

    /// Clusters and connection manager, for the resources that can state neither.
    fn surroundings(&self) -> Result<Value, Failure> {
        self.envoy_filter_of("sallyport-surroundings", self.patches())
    }

    fn envoy_filter_of(&self, name: &str, patches: Vec<Value>) -> Result<Value, Failure> {
        Ok(json!({
            "apiVersion": "networking.istio.io/v1alpha3",
            "kind": "EnvoyFilter",
            "metadata": self.metadata(name),
            "spec": {
                "workloadSelector": { "labels": self.labels()? },
                "priority": PRIORITY,
                "configPatches": patches,
            },
        }))
    }

    fn patches(&self) -> Vec<Value> {
        let mut clusters = Vec::new();
        if self.arguments.sidecar_cluster.is_none() {
            let address = HostPort { host: self.sidecar_host(), port: GRPC_PORT };
            clusters.push(cluster::sidecar(SIDECAR_CLUSTER, &SidecarAddress::Tcp(address)));
        }
        let issuers = self.source.key_clusters.iter();
        let ca = &self.arguments.ca;
        clusters.extend(issuers.map(|(name, host)| cluster::issuer(name, host, ca)));
        let context = self.arguments.workload.context();
        let mut patches: Vec<Value> = clusters
            .into_iter()
            .map(|cluster| {
                json!({
                    "applyTo": "CLUSTER",
                    "match": { "context": context },
                    "patch": { "operation": "ADD", "value": cluster },
                })
            })
            .collect();
        patches.push(json!({
            "applyTo": "NETWORK_FILTER",
            "match": self.listener_match(&json!({ "name": CONNECTION_MANAGER })),
            "patch": {
                "operation": "MERGE",
                "value": { "name": CONNECTION_MANAGER, "typed_config": hardening(&self.source.policy) },
            },
        }));
        patches
    }

    fn listener_match(&self, filter: &Value) -> Value {
        json!({
            "context": self.arguments.workload.context(),
            "listener": { "filterChain": { "filter": filter } },
        })
    }

    /// The members that WasmPlugin and TrafficExtension share.
    fn module(&self) -> Result<Map<String, Value>, Failure> {
        let url = self.arguments.wasm_url.as_ref().ok_or_else(|| {
            Failure::Usage("`--wasm-url URL` is missing: where is the filter's module?".to_owned())
        })?;
        let mut module = Map::new();
        module.insert("url".to_owned(), json!(url));
        if let Some(sha256) = &self.arguments.wasm_sha256 {
            module.insert("sha256".to_owned(), json!(sha256));
        } else {
            tell("without `--wasm-sha256` the proxy runs whatever it finds at the module's URL");
        }
        module.insert("pluginName".to_owned(), json!(NAME));
        module.insert("failStrategy".to_owned(), json!("FAIL_RELOAD"));
        module.insert("pluginConfig".to_owned(), self.config(false).to_value());
        Ok(module)
    }

    fn wasm_plugin(&self) -> Result<Value, Failure> {
        let mut spec = self.placement()?;
        spec.append(&mut self.module()?);
        Ok(json!({
            "apiVersion": "extensions.istio.io/v1alpha1",
            "kind": "WasmPlugin",
            "metadata": self.metadata(NAME),
            "spec": spec,
        }))
    }

    fn traffic_extension(&self) -> Result<Value, Failure> {
        let mut spec = self.placement()?;
        spec.insert("wasm".to_owned(), Value::Object(self.module()?));
        Ok(json!({
            "apiVersion": "extensions.istio.io/v1alpha1",
            "kind": "TrafficExtension",
            "metadata": self.metadata(NAME),
            "spec": spec,
        }))
    }

    fn placement(&self) -> Result<Map<String, Value>, Failure> {
        let mut spec = Map::new();
        spec.insert("selector".to_owned(), json!({ "matchLabels": self.labels()? }));
        spec.insert("phase".to_owned(), json!("AUTHN"));
        spec.insert("priority".to_owned(), json!(PRIORITY));
        Ok(spec)
    }

    /// The empty rule matches every request, also one without a path.
    fn authorization_policy(&self) -> Result<Value, Failure> {
        Ok(json!({
            "apiVersion": "security.istio.io/v1",
            "kind": "AuthorizationPolicy",
            "metadata": self.metadata(NAME),
            "spec": {
                "selector": { "matchLabels": self.labels()? },
                "action": "CUSTOM",
                "provider": { "name": GRPC_PROVIDER },
                "rules": [{}],
            },
        }))
    }

    fn sidecar(&self) -> Result<Vec<Value>, Failure> {
        let image = self.arguments.image.as_deref().ok_or_else(|| {
            Failure::Usage("`--image IMAGE` is missing: what does the sidecar run?".to_owned())
        })?;
        sidecar_manifest::render(&Sidecar {
            file: &self.source.file,
            policy: &self.source.policy,
            namespace: &self.arguments.namespace,
            image,
            in_mesh: self.arguments.sidecar_cluster.is_some(),
        })
    }

    /// Istio's defaults are 600 s and 403: too long to wait, and the wrong answer.
    fn mesh_config(&self) -> Value {
        let host = self.sidecar_host();
        let timeout = ext_authz::timeout(&self.source.policy);
        let read = self.source.policy.headers_read().into_iter();
        let cors = self.source.policy.has_cors();
        let preflight: &[&str] = if cors { ext_authz::PREFLIGHT_HEADERS } else { &[] };
        let read = read.chain(ext_authz::FORM_HEADERS.iter().chain(preflight).copied());
        let read: BTreeSet<&str> = ["authorization"].into_iter().chain(read).collect();
        let on_allow =
            cors.then(|| json!({ "headersToDownstreamOnAllow": ext_authz::CORS_HEADERS }));
        let mut http = json!({
            "service": host,
            "port": HTTP_PORT,
            "timeout": timeout,
            "failOpen": false,
            "statusOnError": "503",
            "pathPrefix": ext_authz::PATH_PREFIX,
            "includeRequestHeadersInCheck": read,
            "headersToUpstreamOnAllow": ext_authz::upstream_headers(&self.source.policy),
            "headersToDownstreamOnDeny": ext_authz::answer_headers(&self.source.policy),
        });
        if let (Some(http), Some(Value::Object(more))) = (http.as_object_mut(), on_allow) {
            http.extend(more);
        }
        json!({ "meshConfig": { "extensionProviders": [
            {
                "name": GRPC_PROVIDER,
                "envoyExtAuthzGrpc": {
                    "service": host,
                    "port": GRPC_PORT,
                    "timeout": timeout,
                    "failOpen": false,
                    "statusOnError": "503",
                },
            },
            {
                "name": HTTP_PROVIDER,
                "envoyExtAuthzHttp": http,
            },
        ] } })
    }
}

fn dns_label(text: &str) -> Result<String, String> {
    let label = (1..=63).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
    if label { Ok(text.to_owned()) } else { Err("write a namespace's name".to_owned()) }
}

fn label(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        Some(_) | None => Err("write KEY=VALUE".to_owned()),
    }
}

fn sha256(text: &str) -> Result<String, String> {
    let hex = text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    if hex { Ok(text.to_ascii_lowercase()) } else { Err("write 64 hex digits".to_owned()) }
}
