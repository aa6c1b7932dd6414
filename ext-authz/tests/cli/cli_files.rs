//! Policies of several files, and variables, in every command; no secret in what the data plane gets.

use serde_json::Value;

use crate::run::{Folder, Run, sallyport_in};

const MAIN: &str = r#"
version: 1
include: ["parts/*.yaml", issuers.json]
service: "${SALLYPORT_TEST_SERVICE:-orders}"
routes:
  - { name: health, match: { path: /healthz }, allow: unauthenticated }
"#;
const ISSUERS: &str = r#"{ "issuers": {
  "main": { "issuer": "https://${SALLYPORT_TEST_HOST}", "jwks": { "discovery": true, "cluster": "idp" }, "audiences": ["orders"] },
  "opaque": { "introspection": { "url": "https://idp.example/i", "client_id": "canary-id", "client_secret": { "file": "secrets/gate" } } },
  "shared": { "issuer": "https://shared.example", "audiences": ["orders"], "hmac": { "secret": { "env": "SALLYPORT_TEST_SHARED" } } }
} }"#;
const ORDERS: &str = r#"
roles: [parts/roles/orders.yaml]
routes:
  - name: orders
    match: { path: "/orders/{id}" }
    authenticate: [{ jwt: main }, { jwt: shared }, { introspection: opaque }]
    rbac: { api: orders, resource: order, user: "{issuer}:{subject}" }
"#;
const ROLES: &str = r#"
kind: Role
metadata: { name: canary-role }
rules: [{ api: orders, resources: [order], namespaces: [""], verbs: [get] }]
---
kind: RoleBinding
metadata: { name: canary-binding }
users: [canary-user]
roles: [canary-role]
"#;
const PAGES: &str =
    "routes: [{ name: pages, match: { path: '/pages/{**}' }, allow: unauthenticated }]";
const HOST: (&str, &str) = ("SALLYPORT_TEST_HOST", "idp.example");
const SHARED: (&str, &str) = ("SALLYPORT_TEST_SHARED", "canary-canary-canary-canary-cana");

fn folder(name: &str) -> (Folder, String) {
    let folder = Folder::new(name);
    let path = folder.write("policy.yaml", MAIN);
    folder.write("issuers.json", ISSUERS);
    folder.write("parts/orders.yaml", ORDERS);
    folder.write("parts/roles/orders.yaml", ROLES);
    folder.write("parts/pages.yaml", PAGES);
    folder.write("parts/.hidden.yaml", "routes: [");
    folder.write("parts/notes.txt", "routes: [");
    folder.write("secrets/gate", "canary-secret");
    (folder, path)
}

fn run(arguments: &[&str]) -> Run {
    sallyport_in(&[HOST, SHARED], arguments, "")
}

#[test]
fn several_files_load_and_the_filter_gets_one_without_secrets() {
    let (_folder, path) = folder("files");
    let lint = run(&["lint", "--policy", &path]);
    assert_eq!((lint.code, lint.out.as_str()), (0, ""), "{}", lint.err);
    let rendered = run(&["render", "filter", "--policy", &path]);
    assert_eq!(rendered.code, 0, "{}", rendered.err);
    assert!(!rendered.out.contains("canary"), "{}", rendered.out);
    assert!(!rendered.out.contains("include") && !rendered.out.contains("${"), "{}", rendered.out);
    let config: Value = serde_json::from_str(&rendered.out).unwrap();
    let policy = &config["policy"];
    assert_eq!(policy["issuers"]["main"]["issuer"], "https://idp.example");
    assert_eq!(policy["service"], "orders");
    let names: Vec<_> =
        policy["routes"].as_array().unwrap().iter().map(|route| &route["name"]).collect();
    assert_eq!(names, ["health", "orders", "pages"]);
}

#[test]
fn requests_are_judged_by_all_files() {
    let (_folder, path) = folder("files-check");
    let lines = r#"{"id":1,"method":"GET","host":"a","path":"/pages/1"}
{"id":2,"method":"GET","host":"a","path":"/orders/1"}"#;
    let run = sallyport_in(&[HOST, SHARED], &["check", "--policy", &path, "--json"], lines);
    let found: Vec<_> = run.lines().iter().map(|line| line["reason"].clone()).collect();
    assert_eq!(found, ["allowed_unauthenticated", "token_missing"], "{}", run.err);
}

#[test]
fn manifests_bring_every_file_to_its_place() {
    let (_folder, path) = folder("files-istio");
    let arguments = [
        "render",
        "istio",
        "--policy",
        &path,
        "--selector",
        "a=b",
        "--kind",
        "sidecar",
        "--image",
        "i",
    ];
    let run = run(&arguments);
    assert_eq!(run.code, 0, "{}", run.err);
    // Role files and the policy's own text belong into the ConfigMap; what the secrets hold does not.
    assert!(
        !run.out.contains("canary-secret") && !run.out.contains("canary-canary"),
        "{}",
        run.out
    );
    for part in [
        "parts.orders.yaml:",
        "parts.pages.yaml:",
        "issuers.json:",
        "path: parts/orders.yaml",
        "${SALLYPORT_TEST_HOST}",
        "- name: SALLYPORT_TEST_HOST\n              value: idp.example",
        "- name: SALLYPORT_TEST_SHARED\n              valueFrom:",
    ] {
        assert!(run.out.contains(part), "{part}: {}", run.out);
    }
}

/// Name of the file, its text, exit code of lint, place and a part of the message.
const CASES: &[(&str, &str, i32, &str, &str)] = &[
    ("parts/orders.yaml", "routes: [", 1, "parts/orders.yaml: $", "not valid YAML"),
    (
        "parts/orders.yaml",
        "roles: [nowhere.yaml]",
        1,
        "parts/orders.yaml: roles[0]",
        "cannot be read",
    ),
    (
        "policy.yaml",
        "version: 1\ninclude: [nowhere.yaml]",
        1,
        "include[0]",
        "`nowhere.yaml` cannot be read",
    ),
    ("policy.yaml", "version: 1\ninclude: ['nowhere/*.yaml']", 1, "include[0]", "cannot be read"),
    ("policy.yaml", "version: 1\ninclude: ['parts/*.yml']", 1, "include[0]", "no file is like"),
    (
        "policy.yaml",
        "version: 1\ninclude: ['*/orders.yaml']",
        1,
        "include[0]",
        "before its last part",
    ),
    (
        "policy.yaml",
        "version: 1\ninclude: ['*.yaml']",
        1,
        "include[0]",
        "`policy.yaml` is read already",
    ),
    (
        "policy.yaml",
        "version: 1\ninclude: [issuers.json, ./issuers.json]",
        1,
        "include[1]",
        "`./issuers.json` is read already",
    ),
    ("policy.yaml", "version: 1\ninclude: issuers.json", 1, "include", "`issuers.json`"),
    ("policy.yaml", "version: 1\ninclude: [1]", 1, "include[0]", "`1`"),
    (
        "policy.yaml",
        "version: 1\nservice: '${SALLYPORT_TEST_NOT_SET}'",
        1,
        "service",
        "`SALLYPORT_TEST_NOT_SET` is not set",
    ),
    (
        "issuers.json",
        r#"{"issuers":{"main":{"hmac":{"secret":"canary-secret"}}}}"#,
        1,
        "issuers.json: issuers.main.hmac.secret",
        "invalid type",
    ),
];

#[test]
fn what_is_wrong_names_its_file() {
    for (file, text, code, place, message) in CASES {
        let (folder, path) = folder("files-wrong");
        folder.write(file, text);
        let run = run(&["lint", "--policy", &path, "--json"]);
        assert_eq!(run.code, *code, "{text}: {}{}", run.out, run.err);
        let found = run.lines().into_iter().find(|line| line["path"] == *place);
        let found = found.unwrap_or_else(|| panic!("{text}: {}", run.out));
        assert!(found["message"].as_str().unwrap().contains(message), "{text}: {found}");
        assert!(!run.out.contains("canary"), "{}", run.out);
    }
}
