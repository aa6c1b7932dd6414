//! The sidecar in Kubernetes: ServiceAccount, ConfigMap with the policy's files, Deployment, Service. Secrets are named,
//! never held: the operator makes the Secret `sallyport-secrets`.

use std::path::{Component, Path};

use sallyport_policy::Policy;
use serde_json::{Map, Value, json};

use super::secret_mount::{SECRET, Secrets, key};
use super::wasm_filter::NAME;
use super::yaml;
use crate::cli::failure::Failure;
use crate::cli::policy_file::PolicyFile;

/// Ports of the sidecar; its own defaults.
pub(super) const GRPC_PORT: u16 = 15011;
pub(super) const HTTP_PORT: u16 = 15012;
const ADMIN_PORT: u16 = 15013;
/// Where its files are in the container.
pub(super) const FOLDER: &str = "/etc/sallyport";
/// Readable by the sidecar's user and group alone.
const MODE: u32 = 0o440;

/// What the manifests depend on.
pub(super) struct Sidecar<'a> {
    pub(super) file: &'a PolicyFile,
    pub(super) policy: &'a Policy,
    pub(super) namespace: &'a str,
    pub(super) image: &'a str,
    /// Runs with a proxy of the mesh, and so with its mTLS.
    pub(super) in_mesh: bool,
}

/// The resources.
///
/// # Errors
/// [`Failure::Usage`] for files that a ConfigMap or a Secret cannot bring to their place.
pub(super) fn render(sidecar: &Sidecar<'_>) -> Result<Vec<Value>, Failure> {
    let files = config_files(sidecar)?;
    let secrets = Secrets::of(sidecar.policy)?;
    let metadata = json!({ "name": NAME, "namespace": sidecar.namespace, "labels": labels() });
    let data: Map<String, Value> =
        files.iter().map(|file| (file.key.clone(), json!(file.text))).collect();
    Ok(vec![
        json!({
            "apiVersion": "v1",
            "kind": "ServiceAccount",
            "metadata": metadata,
            "automountServiceAccountToken": false,
        }),
        json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data }),
        json!({
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": metadata,
            "spec": {
                "replicas": 2,
                "selector": { "matchLabels": labels() },
                "template": pod(sidecar, &files, &secrets),
            },
        }),
        json!({
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": metadata,
            "spec": {
                "selector": labels(),
                "ports": [
                    { "name": "grpc", "port": GRPC_PORT, "targetPort": "grpc", "appProtocol": "grpc" },
                    { "name": "http", "port": HTTP_PORT, "targetPort": "http", "appProtocol": "http" },
                ],
            },
        }),
    ])
}

fn labels() -> Value {
    json!({ "app.kubernetes.io/name": NAME, "app.kubernetes.io/component": "ext-authz" })
}

fn pod(sidecar: &Sidecar<'_>, files: &[ConfigFile], secrets: &Secrets) -> Value {
    let mut labels = labels();
    if let Some(labels) = labels.as_object_mut() {
        let inject = if sidecar.in_mesh { "true" } else { "false" };
        labels.insert("sidecar.istio.io/inject".to_owned(), json!(inject));
    }
    let items: Vec<Value> =
        files.iter().map(|file| json!({ "key": file.key, "path": file.path })).collect();
    let mut sources = vec![json!({ "configMap": { "name": NAME, "items": items } })];
    let beside_policy = secrets.items(FOLDER);
    if !beside_policy.is_empty() {
        sources.push(json!({ "secret": { "name": SECRET, "items": beside_policy } }));
    }
    let policy =
        json!({ "name": "policy", "projected": { "defaultMode": MODE, "sources": sources } });
    let mut volumes = vec![policy];
    volumes.extend(secrets.folders().enumerate().map(|(index, folder)| {
        let secret =
            json!({ "secretName": SECRET, "defaultMode": MODE, "items": secrets.items(folder) });
        json!({ "name": volume(index), "secret": secret })
    }));
    json!({
        "metadata": { "labels": labels },
        "spec": {
            "serviceAccountName": NAME,
            "automountServiceAccountToken": false,
            "securityContext": {
                "runAsNonRoot": true,
                "runAsUser": 65532,
                "fsGroup": 65532,
                "seccompProfile": { "type": "RuntimeDefault" },
            },
            "containers": [container(sidecar, secrets)],
            "volumes": volumes,
        },
    })
}

fn container(sidecar: &Sidecar<'_>, secrets: &Secrets) -> Value {
    let probe = |path: &str| json!({ "httpGet": { "path": path, "port": "admin" } });
    let mount =
        |name: &str, path: &str| json!({ "name": name, "mountPath": path, "readOnly": true });
    let mut mounts = vec![mount("policy", FOLDER)];
    mounts
        .extend(secrets.folders().enumerate().map(|(index, folder)| mount(&volume(index), folder)));
    json!({
        "name": NAME,
        "image": sidecar.image,
        "args": [
            "serve",
            "--policy",
            format!("{FOLDER}/{}", policy_name(sidecar.file)),
            "--config",
            format!("{FOLDER}/sidecar.yaml"),
        ],
        "env": variables(sidecar, secrets),
        "ports": [
            { "name": "grpc", "containerPort": GRPC_PORT },
            { "name": "http", "containerPort": HTTP_PORT },
            { "name": "admin", "containerPort": ADMIN_PORT },
        ],
        "readinessProbe": probe("/readyz"),
        "livenessProbe": probe("/healthz"),
        "resources": {
            "requests": { "cpu": "50m", "memory": "64Mi" },
            "limits": { "memory": "256Mi" },
        },
        "securityContext": {
            "allowPrivilegeEscalation": false,
            "readOnlyRootFilesystem": true,
            "capabilities": { "drop": ["ALL"] },
        },
        "volumeMounts": mounts,
    })
}

/// Secrets by reference, and the values of `${NAME}` that the filter's copy was made with: both halves must judge by one
/// policy. A name is never both: that is a load error.
fn variables(sidecar: &Sidecar<'_>, secrets: &Secrets) -> Vec<Value> {
    let mut variables = secrets.variables();
    // Kubernetes expands `$(NAME)`.
    variables.extend(
        sidecar
            .file
            .files
            .variables
            .iter()
            .map(|(name, value)| json!({ "name": name, "value": value.replace("$(", "$$(") })),
    );
    variables
}

/// Name of the volume of a folder of secrets outside of ours.
fn volume(index: usize) -> String {
    format!("secrets-{index}")
}

/// A file of the ConfigMap and its place below the folder.
struct ConfigFile {
    key: String,
    path: String,
    text: String,
}

fn policy_name(file: &PolicyFile) -> &'static str {
    let json = file.path.extension().is_some_and(|end| end.eq_ignore_ascii_case("json"));
    if json { "policy.json" } else { "policy.yaml" }
}

fn config_files(sidecar: &Sidecar<'_>) -> Result<Vec<ConfigFile>, Failure> {
    let policy = policy_name(sidecar.file);
    let mut texts = sidecar.file.files.texts.iter();
    let main = texts.next().map(|main| main.text.clone()).unwrap_or_default();
    let server = yaml::document(&server_config(sidecar.policy));
    let file = |name: &str, text| ConfigFile { key: name.to_owned(), path: name.to_owned(), text };
    let mut files = vec![file(policy, main), file("sidecar.yaml", server)];
    let included = texts.map(|text| (text.name.clone(), text.text.clone()));
    let roles = sidecar.file.roles()?.into_iter().map(|role| (role.name, role.text));
    for (name, text) in included.chain(roles) {
        let path = below(&name)?;
        let key = key(&path)?;
        if files.iter().any(|file| file.key == key) {
            return Err(Failure::Usage(format!("two files would be `{key}` in the ConfigMap")));
        }
        files.push(ConfigFile { key, path, text });
    }
    Ok(files)
}

/// What `sallyport serve --config` reads. Records go to standard output, where the cluster collects logs.
fn server_config(policy: &Policy) -> Value {
    let any = |port: u16| json!([format!("0.0.0.0:{port}")]);
    let mut config = json!({
        "listen": { "grpc": any(GRPC_PORT), "http": any(HTTP_PORT), "admin": any(ADMIN_PORT) },
    });
    if let (Some(config), Some(_)) = (config.as_object_mut(), policy.mirror()) {
        config.insert("export".to_owned(), json!({ "ndjson": { "path": "/dev/stdout" } }));
    }
    config
}

/// A place below the folder: the only kind that the item of a ConfigMap can have.
fn below(name: &str) -> Result<String, Failure> {
    let inside = Path::new(name).components().all(|part| matches!(part, Component::Normal(_)));
    if inside && !name.is_empty() {
        return Ok(name.to_owned());
    }
    // An absolute path below our folder is there too.
    match name.strip_prefix(FOLDER).and_then(|rest| rest.strip_prefix('/')) {
        Some(rest) if !rest.starts_with('/') => below(rest),
        Some(_) | None => Err(Failure::Usage(format!(
            "`{name}` cannot be mounted: name it relative to the policy file, or below `{FOLDER}`"
        ))),
    }
}
