//! `sallyport render`: which policies no target renders, and that all of them agree on it; where secrets are mounted.

use serde_json::Value;

use crate::run::{Folder, Run, sallyport};

const TARGETS: &[&[&str]] = &[
    &["filter"],
    &["envoy"],
    &["envoy", "--topology", "c-grpc"],
    &["istio", "--selector", "app=a", "--wasm-url", "oci://a/b:1", "--image", "a/c:1"],
    &["istio", "--kind", "authorizationpolicy", "--selector", "app=a"],
];

/// DESIGN section 3.
const SAMPLE: &str = r#"
version: 1
mode: sync
service: orders
issuers:
  main: { issuer: "https://idp.example/realms/main", jwks: { discovery: true, cluster: idp }, audiences: [orders], algorithms: [RS256, ES256] }
  opaque: { introspection: { url: "https://idp.example/introspect", client_id: gate, client_secret: { file: /run/secrets/gate } } }
routes:
  - name: read-order
    match: { hosts: [api.example.com], methods: [GET], path: "/orders/{id}" }
    authenticate: [ { jwt: main }, { introspection: opaque } ]
    scopes: { all_of: [orders.read] }
    claims: [ { claim: realm_access.roles, any_of: [customer, staff] } ]
    rbac: { api: orders, resource: order, namespace: "{claims.tenant}" }
    forward: { headers: { x-user: "{subject}" }, credential: none }
  - { name: health, match: { path: /healthz }, allow: unauthenticated }
mirror: { sink: { sidecar: {} }, bodies: { max_bytes: 131072, content_types: [json, xml, x-www-form-urlencoded] }, redact: { headers: [x-api-key], json: [password] } }
"#;

fn render(target: &[&str], policy: &str) -> Run {
    sallyport(&[&["render"], target, &["--policy", policy]].concat(), "")
}

/// Issuers, each `(issuer, jwks)`, and a route that takes them all.
fn policy(issuers: &[(&str, &str)]) -> String {
    let mut text = "version: 1\nissuers:\n".to_owned();
    let mut names = Vec::new();
    for (index, (issuer, jwks)) in issuers.iter().enumerate() {
        text += &format!("  i{index}: {{ issuer: \"{issuer}\", jwks: {jwks}, audiences: [a] }}\n");
        names.push(format!("{{ jwt: i{index} }}"));
    }
    let names = names.join(", ");
    text + &format!("routes: [{{ name: a, match: {{ path: /a }}, authenticate: [{names}] }}]\n")
}

const HOST: &str = "https://idp.example";

/// Name, issuers (each with its `jwks`), and parts of the message.
type RefusedCase = (&'static str, &'static [(&'static str, &'static str)], &'static [&'static str]);

/// By this command, or by the policy itself.
const REFUSED: &[RefusedCase] = &[
    ("empty name", &[(HOST, r#"{ discovery: true, cluster: "" }"#)], &["cluster"]),
    ("newline", &[(HOST, r#"{ discovery: true, cluster: "a\nb" }"#)], &["cluster"]),
    ("control", &[(HOST, r#"{ discovery: true, cluster: "a\x1b[2Jb" }"#)], &["cluster"]),
    ("the sidecar", &[(HOST, "{ discovery: true, cluster: sallyport }")], &["`sallyport`"]),
    (
        "its other door",
        &[(HOST, "{ discovery: true, cluster: sallyport_http }")],
        &["`sallyport_http`"],
    ),
    ("the service", &[(HOST, "{ discovery: true, cluster: upstream }")], &["`upstream`"]),
    (
        "two hosts",
        &[
            (HOST, "{ discovery: true, cluster: idp }"),
            ("https://other.example", "{ discovery: true, cluster: idp }"),
        ],
        &["`idp`", "another host"],
    ),
    (
        "two schemes",
        &[
            (HOST, "{ discovery: true, cluster: idp }"),
            ("http://idp.example:443", "{ discovery: true, cluster: idp }"),
        ],
        &["`idp`", "another host"],
    ),
    (
        "a line for the sidecar",
        &[(HOST, "{ discovery: true, cluster: idp, clusters: { keys.example: sallyport } }")],
        &["`sallyport`", "clusters.keys.example"],
    ),
    (
        "a line to another host",
        &[(HOST, "{ discovery: true, cluster: idp, clusters: { keys.example: idp } }")],
        &["`idp`", "another host"],
    ),
    (
        "one name for two lines",
        &[(HOST, "{ discovery: true, clusters: { a.example: keys, 'a.example:8443': keys } }")],
        &["`keys`", "another host"],
    ),
    (
        "port",
        &[("https://idp.example:70000", "{ discovery: true, cluster: idp }")],
        &["idp.example:70000"],
    ),
    (
        "no port",
        &[("https://idp.example:0", "{ discovery: true, cluster: idp }")],
        &["idp.example:0"],
    ),
    (
        "port of the keys",
        &[(HOST, r#"{ uri: "https://idp.example:65536/keys", cluster: idp }"#)],
        &["idp.example:65536"],
    ),
];

#[test]
fn every_target_refuses_the_same_policies() {
    let folder = Folder::new("refused");
    for (name, issuers, parts) in REFUSED {
        let path = folder.write("policy.yaml", &policy(issuers));
        for target in TARGETS {
            let run = render(target, &path);
            assert_eq!((run.code, run.out.as_str()), (2, ""), "{name}, {target:?}");
            for part in *parts {
                assert!(run.err.contains(part), "{name}, {target:?}: {}", run.err);
            }
            assert!(!run.err.contains('\u{1b}'), "{name}, {target:?}");
        }
    }
}

#[test]
fn one_host_however_it_is_written() {
    let folder = Folder::new("one-host");
    let idp = "{ discovery: true, cluster: idp }";
    let issuers = [
        ("https://idp.example.", idp),
        ("https://idp.example:443/a", idp),
        ("https://IDP.example/b", idp),
    ];
    let path = folder.write("policy.yaml", &policy(&issuers));
    for target in TARGETS {
        assert_eq!(render(target, &path).code, 0, "{target:?}");
    }
    let run = render(&["envoy"], &path);
    let bootstrap: Value = serde_saphyr::from_str(&run.out).unwrap();
    let clusters = bootstrap["static_resources"]["clusters"].as_array().unwrap();
    let idp = clusters.iter().find(|cluster| cluster["name"] == "idp").unwrap();
    let context = &idp["transport_socket"]["typed_config"];
    let names =
        &context["common_tls_context"]["validation_context"]["match_typed_subject_alt_names"];
    assert_eq!(
        (&context["sni"], &names[0]["matcher"]["exact"]),
        (&"idp.example".into(), &"idp.example".into())
    );
}

#[test]
fn keys_on_another_host_are_told() {
    let folder = Folder::new("other-host");
    for (jwks, told) in [
        (r#"{ uri: "https://keys.example/k", cluster: keys }"#, Some("`jwks.uri` is not on")),
        (
            r#"{ discovery: "https://keys.example/d", cluster: keys }"#,
            Some("`jwks.discovery` is not on"),
        ),
        (r#"{ uri: "https://idp.example/k", cluster: idp }"#, None),
        ("{ discovery: true, cluster: idp, clusters: { keys.example: keys } }", None),
    ] {
        let path = folder.write("policy.yaml", &policy(&[(HOST, jwks)]));
        for target in TARGETS {
            let run = render(target, &path);
            assert_eq!(run.code, 0, "{target:?}: {}", run.err);
            assert_eq!(run.err.contains("the issuer's host"), told.is_some(), "{}", run.err);
            assert!(run.err.contains(told.unwrap_or_default()), "{target:?}: {}", run.err);
        }
    }
}

/// Name, `jwks`, and each key cluster: its name, its host as the SAN check has it, and its port.
type ClusterCase = (&'static str, &'static str, &'static [(&'static str, &'static str, u16)]);

const CLUSTERS: &[ClusterCase] = &[
    (
        "discovery on another host",
        r#"{ discovery: "https://meta.example:8443/d", cluster: meta }"#,
        &[("meta", "meta.example", 8443)],
    ),
    (
        "keys on another host",
        "{ discovery: true, cluster: idp, clusters: { keys.example: keys, 'more.example:444': more } }",
        &[
            ("idp", "idp.example", 443),
            ("keys", "keys.example", 443),
            ("more", "more.example", 444),
        ],
    ),
    (
        "a line alone",
        "{ discovery: true, clusters: { idp.example: idp } }",
        &[("idp", "idp.example", 443)],
    ),
];

#[test]
fn every_host_of_keys_has_its_cluster() {
    let folder = Folder::new("clusters");
    for (name, jwks, expected) in CLUSTERS {
        let path = folder.write("policy.yaml", &policy(&[(HOST, jwks)]));
        let run = render(&["envoy"], &path);
        assert_eq!(run.code, 0, "{name}: {}", run.err);
        let bootstrap: Value = serde_saphyr::from_str(&run.out).unwrap();
        let clusters = bootstrap["static_resources"]["clusters"].as_array().unwrap();
        let found: Vec<_> = clusters.iter().filter(|c| c["transport_socket"].is_object()).collect();
        assert_eq!(found.len(), expected.len(), "{name}");
        for (cluster, host, port) in *expected {
            let found = found.iter().find(|found| found["name"] == *cluster).unwrap();
            let address = &found["load_assignment"]["endpoints"][0]["lb_endpoints"][0]["endpoint"]
                ["address"]["socket_address"];
            assert_eq!(
                (&address["address"], &address["port_value"]),
                (&(*host).into(), &(*port).into()),
                "{name}"
            );
            let context = &found["transport_socket"]["typed_config"];
            let validation = &context["common_tls_context"]["validation_context"];
            assert!(validation["trusted_ca"]["filename"].is_string(), "{name}");
            let san = &validation["match_typed_subject_alt_names"][0]["matcher"]["exact"];
            assert_eq!((&context["sni"], san), (&(*host).into(), &(*host).into()), "{name}");
        }
    }
}

#[test]
fn the_designs_sample_renders_everywhere() {
    let folder = Folder::new("sample");
    let path = folder.write("policy.yaml", SAMPLE);
    for target in TARGETS {
        let run = render(target, &path);
        assert!(run.code == 0 && !run.out.is_empty(), "{target:?}: {}", run.err);
    }
}

/// Mounts of the rendered sidecar, each `path: key=item,...`, for the secret files of a policy; or the message.
fn mounts(folder: &Folder, files: &[&str]) -> Result<Vec<String>, String> {
    let mut text = "version: 1\nissuers:\n".to_owned();
    let mut names = Vec::new();
    for (index, file) in files.iter().enumerate() {
        text += &format!(
            "  i{index}: {{ audiences: [a], introspection: {{ url: \"https://idp.example/i\", client_id: c{index}, \
             client_secret: {{ file: \"{file}\" }} }} }}\n"
        );
        names.push(format!(
            "{{ name: r{index}, match: {{ path: /r{index} }}, authenticate: [{{ introspection: i{index} }}] }}"
        ));
    }
    text += &format!("routes: [{}]\n", names.join(", "));
    let path = folder.write("policy.yaml", &text);
    let run = render(&["istio", "--kind", "sidecar", "--image", "a"], &path);
    if run.code != 0 {
        return Err(run.err);
    }
    let documents: Vec<Value> = serde_saphyr::from_multiple(&run.out).unwrap();
    let deployment = documents.iter().find(|document| document["kind"] == "Deployment").unwrap();
    let pod = &deployment["spec"]["template"]["spec"];
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let mounts = list(&pod["containers"][0]["volumeMounts"]).into_iter().map(|mount| {
        assert_eq!(mount["readOnly"], true);
        let volumes = list(&pod["volumes"]);
        let volume = volumes.iter().find(|volume| volume["name"] == mount["name"]).unwrap();
        let projected = list(&volume["projected"]["sources"]);
        let secret = match projected.get(1) {
            Some(source) => &source["secret"],
            None => &volume["secret"],
        };
        let name = secret.get("name").or(secret.get("secretName"));
        assert!(name.is_none_or(|name| name == "sallyport-secrets"), "{secret}");
        let items: Vec<String> = list(&secret["items"])
            .iter()
            .map(|item| {
                format!("{}={}", item["key"].as_str().unwrap(), item["path"].as_str().unwrap())
            })
            .collect();
        format!("{}: {}", mount["mountPath"].as_str().unwrap(), items.join(","))
    });
    Ok(mounts.collect())
}

/// Secret files, and the mounts or a part of the message.
type MountCase = (&'static [&'static str], Result<&'static [&'static str], &'static str>);

const MOUNTS: &[MountCase] = &[
    (&["secrets/gate"], Ok(&["/etc/sallyport: gate=secrets/gate"])),
    (&["/run/secrets/gate"], Ok(&["/etc/sallyport: ", "/run/secrets: gate=gate"])),
    (
        &["/run/secrets/a", "/run/other/b", "/run/secrets/c", "/run/secrets/a", "/etc/sallyport/d"],
        Ok(&["/etc/sallyport: d=d", "/run/other: b=b", "/run/secrets: a=a,c=c"]),
    ),
    (&["/run/a/gate", "/run/b/gate"], Err("give their files different names")),
    (&["a/gate", "b/gate"], Err("give their files different names")),
    (&["/etc/gate"], Err("`/etc` cannot be mounted")),
    (&["/gate"], Err("`/` cannot be mounted")),
    (&["/run/a/x", "/run/a/b/y"], Err("cannot be mounted")),
    (&["../gate"], Err("cannot be mounted")),
];

#[test]
fn secrets_are_mounted_where_the_policy_reads_them() {
    let folder = Folder::new("mounts");
    for (files, expected) in MOUNTS {
        match (mounts(&folder, files), expected) {
            (Ok(found), Ok(expected)) => assert_eq!(found, *expected, "{files:?}"),
            (Err(error), Err(part)) => assert!(error.contains(part), "{files:?}: {error}"),
            (found, _) => panic!("{files:?}: {found:?}"),
        }
    }
}
