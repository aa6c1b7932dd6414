//! `sallyport render`: no secret in it, the same policy on both sides, nothing that fails open, and the files of `envoy/`
//! and `istio/` are what it prints.

use std::fs;

use sallyport_policy::{Document, Format, PluginConfig};
use serde_json::Value;

use crate::run::{Folder, root, sallyport};

const POLICY: &str = "envoy/quickstart/policy.yaml";
const ISTIO: &[&str] = &[
    "--namespace",
    "orders",
    "--selector",
    "app=orders",
    "--wasm-url",
    "oci://registry.example.com/sallyport-filter:0.1.0",
    "--image",
    "registry.example.com/sallyport:0.1.0",
];
/// What the filter must not know, and what nobody may.
const CANARY: &str = r#"
version: 1
issuers:
  main: { issuer: "https://idp.canary.example", jwks: { uri: "https://idp.canary.example/keys", cluster: idp }, audiences: [a] }
  opaque: { introspection: { url: "https://canary-url.example/i", client_id: canary-client, client_secret: { file: canary-file } } }
  shared: { issuer: "https://shared.example", hmac: { secret: { file: canary-hmac-file }, encoding: base64 }, audiences: [a] }
  shared-env: { issuer: "https://shared-env.example", hmac: { secret: { env: CANARY_HMAC } }, audiences: [a] }
roles: [canary-roles.yaml]
routes:
  - { name: a, match: { path: "/{a}" }, authenticate: [{ jwt: main }, { jwt: shared }, { jwt: shared-env }, { introspection: opaque }], rbac: { api: a, resource: b }, forward: { credential: { basic: { username: canary-user, password: { file: canary-password } } } } }
  - { name: b, match: { path: "/b/{b}" }, authenticate: [{ jwt: main }], forward: { credential: { header: { name: x-api-key, value: { env: CANARY_KEY } } } } }
"#;
const CANARY_ROLES: &str = "kind: Role\nmetadata: { name: canary-role }\nrules: []\n";

fn render(target: &[&str], policy: &str, more: &[&str]) -> String {
    let arguments = [&["render"], target, &["--policy", policy], more].concat();
    let run = sallyport(&arguments, "");
    assert_eq!(run.code, 0, "{arguments:?}: {}", run.err);
    run.out
}

fn documents(yaml: &str) -> Vec<Value> {
    serde_saphyr::from_multiple(yaml).unwrap()
}

fn walk(value: &Value, visit: &mut impl FnMut(&str, &Value)) {
    match value {
        Value::Object(members) => {
            for (name, value) in members {
                visit(name, value);
                walk(value, visit);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| walk(item, visit)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[test]
fn the_data_plane_gets_no_secret() {
    let folder = Folder::new("canary");
    let policy = folder.write("policy.yaml", CANARY);
    folder.write("canary-roles.yaml", CANARY_ROLES);
    folder.write("canary-file", "canary-secret");
    folder.write("canary-hmac-file", "canary-secret-of-more-than-32-bytes");
    let filter: &[&[&str]] = &[&["filter"], &["envoy"]];
    let mut texts: Vec<_> = filter.iter().map(|target| render(target, &policy, &[])).collect();
    for kind in
        ["envoyfilter", "wasmplugin", "trafficextension", "authorizationpolicy", "meshconfig"]
    {
        texts.push(render(&["istio", "--kind", kind], &policy, ISTIO));
    }
    for text in &texts {
        for canary in [
            "canary-url",
            "canary-client",
            "canary-file",
            "canary-hmac",
            "CANARY",
            "canary-role",
            "canary-user",
            "canary-password",
            "canary-secret",
        ] {
            assert!(!text.contains(canary), "{canary}: {text}");
        }
    }
    // The sidecar's ConfigMap is the whole policy, and still no secret.
    let sidecar = render(&["istio", "--kind", "sidecar"], &policy, ISTIO);
    assert!(sidecar.contains("canary-client") && !sidecar.contains("canary-secret"));
    assert!(sidecar.contains("key: canary-hmac-file") && sidecar.contains("key: CANARY_HMAC"));
    assert!(sidecar.contains("key: canary-password") && sidecar.contains("key: CANARY_KEY"));
    assert!(!sidecar.contains("kind: Secret"));
}

#[test]
fn an_https_issuer_is_checked_by_authority_and_name() {
    let folder = Folder::new("https");
    let policy = folder.write("policy.yaml", CANARY);
    folder.write("canary-roles.yaml", CANARY_ROLES);
    let bootstrap = documents(&render(&["envoy"], &policy, &[])).remove(0);
    let clusters = bootstrap["static_resources"]["clusters"].as_array().unwrap();
    let idp = clusters.iter().find(|cluster| cluster["name"] == "idp").unwrap();
    assert_eq!(idp["type"], "STRICT_DNS");
    let context = &idp["transport_socket"]["typed_config"];
    assert_eq!(context["sni"], "idp.canary.example");
    let validation = &context["common_tls_context"]["validation_context"];
    assert!(validation["trusted_ca"]["filename"].is_string());
    let name = &validation["match_typed_subject_alt_names"][0];
    assert_eq!(
        (&name["san_type"], &name["matcher"]["exact"]),
        (&"DNS".into(), &"idp.canary.example".into())
    );
}

#[test]
fn a_policy_without_identity_headers_lets_none_through() {
    const OPEN: &str =
        "version: 1\nroutes: [{ name: a, match: { path: /a }, allow: unauthenticated }]";
    let folder = Folder::new("no-headers");
    let policy = folder.write("policy.yaml", OPEN);
    let bootstrap = documents(&render(&["envoy"], &policy, &["--topology", "c-http"])).remove(0);
    let mut seen = 0;
    walk(&bootstrap, &mut |name, value| {
        // Envoy refuses an empty list.
        assert!(name != "patterns" || value.as_array().is_some_and(|list| !list.is_empty()));
        assert_ne!(name, "allowed_upstream_headers");
        seen += usize::from(name == "allowed_client_headers");
    });
    assert_eq!(seen, 1);
}

#[test]
fn both_sides_have_the_same_policy() {
    let text = fs::read(root().join(POLICY)).unwrap();
    let digest = Document::parse(&text, Format::Yaml).unwrap().digest();
    let filter = render(&["filter"], POLICY, &[]);
    let config = PluginConfig::parse(filter.as_bytes()).unwrap();
    assert_eq!(config.policy.digest(), digest);
    assert_eq!(config.sidecar_cluster.as_deref(), Some("sallyport"));
    assert!(config.shared_data && !config.judge);
    let istio = render(&["istio"], POLICY, ISTIO);
    let mut seen = 0;
    for yaml in [render(&["envoy"], POLICY, &[]), istio] {
        for document in documents(&yaml) {
            walk(&document, &mut |name, value| {
                let config = match name {
                    "vm_id" => {
                        assert_eq!(value, "sallyport");
                        return;
                    }
                    "configuration" => value["value"].as_str().unwrap().to_owned(),
                    "pluginConfig" => value.to_string(),
                    _ => return,
                };
                let config = PluginConfig::parse(config.as_bytes()).unwrap();
                assert_eq!(config.policy.digest(), digest);
                // Shared data needs a `vm_id`, which these two cannot have.
                assert_eq!(config.shared_data, name == "configuration");
                seen += 1;
            });
        }
    }
    assert_eq!(seen, 5, "listeners A and B, EnvoyFilter, WasmPlugin, TrafficExtension");
}

#[test]
fn nothing_is_rendered_open() {
    let mut failure_modes = 0;
    let texts = [render(&["envoy"], POLICY, &[]), render(&["istio"], POLICY, ISTIO)];
    let mesh = render(&["istio", "--kind", "meshconfig"], POLICY, ISTIO);
    for document in texts.iter().chain([&mesh]).flat_map(|text| documents(text)) {
        walk(&document, &mut |name, value| match name {
            "failure_mode_allow" | "failOpen" => {
                failure_modes += 1;
                assert_eq!(value, &Value::Bool(false));
            }
            "failure_policy" | "failStrategy" => assert_eq!(value, "FAIL_RELOAD"),
            "typed_config" => assert!(value["@type"].is_string(), "{value}"),
            "fail_open" | "failure_mode_allow_header_add" => panic!("{name}"),
            _ => {}
        });
        if matches!(
            document["kind"].as_str(),
            Some("EnvoyFilter" | "WasmPlugin" | "TrafficExtension")
        ) {
            assert!(document["spec"]["priority"].is_number(), "{document}");
        }
    }
    assert_eq!(failure_modes, 5, "B, C over gRPC, C over HTTP, and two providers");
}

#[test]
fn the_patch_in_the_envoy_filter_is_the_one_of_the_bootstrap() {
    let bootstrap = render(
        &["envoy"],
        POLICY,
        &[
            "--topology",
            "a",
            "--sidecar",
            "sallyport.orders.svc.cluster.local:15011",
            "--wasm",
            "/m.wasm",
        ],
    );
    let bootstrap = documents(&bootstrap).remove(0);
    let more = [ISTIO, &["--kind", "envoyfilter", "--wasm", "/m.wasm"]].concat();
    let filter = documents(&render(&["istio"], POLICY, &more)).remove(0);
    let patches = filter["spec"]["configPatches"].as_array().unwrap();
    let patched = |to: &str| {
        let values = patches.iter().filter(|patch| patch["applyTo"] == to);
        values.map(|patch| patch["patch"]["value"].clone()).collect::<Vec<_>>()
    };
    let resources = &bootstrap["static_resources"];
    let manager = &resources["listeners"][0]["filter_chains"][0]["filters"][0]["typed_config"];
    assert_eq!(patched("HTTP_FILTER"), [manager["http_filters"][0].clone()]);
    assert_eq!(patched("CLUSTER"), resources["clusters"].as_array().unwrap()[1..]);
    let [merged] = &patched("NETWORK_FILTER")[..] else { panic!("{filter}") };
    for (name, value) in merged["typed_config"].as_object().unwrap() {
        assert_eq!(&manager[name], value, "{name}");
    }
}

#[test]
fn the_quickstarts_bootstrap_is_what_render_prints() {
    let file = fs::read_to_string(root().join("envoy/quickstart/bootstrap.yaml")).unwrap();
    assert_eq!(render(&["envoy"], POLICY, &["--topology", "all"]), file);
}

#[test]
fn the_istio_quickstart_is_what_render_writes() {
    let folder = Folder::new("istio");
    render(&["istio", "-o", folder.path()], POLICY, ISTIO);
    let names = |path: &std::path::Path| {
        let mut names: Vec<_> =
            fs::read_dir(path).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        names
    };
    let kept = root().join("istio/quickstart");
    let written = std::path::Path::new(folder.path());
    assert_eq!(names(written), names(&kept));
    for name in names(written) {
        let read = |path: &std::path::Path| fs::read_to_string(path.join(&name)).unwrap();
        assert_eq!(read(written), read(&kept), "{name:?}");
    }
}
