//! The JSON Schema of the policy file against what is shipped and shown: an editor that has it says of a policy what
//! loading says, as far as a schema can.

use std::path::{Path, PathBuf};

use jsonschema::Validator;
use sallyport_policy::{included_json_schema, json_schema};
use serde_json::Value;

use crate::parts::root;

fn validator(schema: &Value) -> Validator {
    jsonschema::draft202012::new(schema).unwrap()
}

/// What the schema says against a policy.
fn mistakes(validator: &Validator, policy: &str) -> Vec<String> {
    let policy: Value = serde_saphyr::from_str(policy).unwrap();
    validator.iter_errors(&policy).map(|error| format!("{error}")).collect()
}

/// Policies that are shipped or shown: files, and blocks of the documentation.
fn policies() -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    for folder in ["envoy", "istio", "tests/fixtures", "fuzz/seeds", "docs"] {
        walk(&root().join(folder), &mut found);
    }
    found
}

fn walk(folder: &Path, found: &mut Vec<(PathBuf, String)>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for path in entries.map(|entry| entry.unwrap().path()) {
        if path.is_dir() {
            walk(&path, found);
            continue;
        }
        let end = path.extension().and_then(|end| end.to_str()).unwrap_or_default();
        if !["yaml", "json", "md"].contains(&end) {
            continue;
        }
        let Ok(text) = std::fs::read_to_string(&path) else { continue };
        let blocks: Vec<&str> = match end {
            "md" => text.split("```").skip(1).step_by(2).collect(),
            _ => vec![&text],
        };
        for block in blocks {
            let block = block.strip_prefix("yaml").or(block.strip_prefix("json")).unwrap_or(block);
            let whole = block.trim_start().trim_start_matches(['{', '#']).trim_start();
            if whole.starts_with("version: 1") || whole.starts_with("\"version\":") {
                found.push((path.clone(), block.to_owned()));
            }
        }
    }
}

#[test]
fn shipped_policies_are_valid() {
    let validator = validator(&json_schema());
    let policies = policies();
    assert!(policies.len() > 10, "{policies:?}");
    for (path, policy) in policies {
        let mistakes = mistakes(&validator, &policy);
        assert!(mistakes.is_empty(), "{}: {mistakes:#?}", path.display());
    }
}

const ROUTE: &str = "name: a, match: { path: /a }";

/// Part of a policy, and whether an editor accepts it. `ROUTE` is a name and a match.
const CASES: &[(&str, bool)] = &[
    ("routes: []", true),
    ("routes: [{ ROUTE, authenticate: [{ jwt: main }] }]", true),
    ("routes: [{ ROUTE, authenticate: [{ jwt: main, introspection: main }] }]", false),
    ("routes: [{ ROUTE, authenticate: [{}] }]", false),
    ("routes: [{ ROUTE, authenticate: [{ client_certificate: { subject: uri_san } }] }]", true),
    (
        "routes: [{ ROUTE, authenticate: [{ jwt: main, from: { header: x-token } }, { anonymous: {} }] }]",
        true,
    ),
    (
        "routes: [{ ROUTE, authenticate: [{ jwt: main, from: { header: x-token, query: t } }] }]",
        false,
    ),
    ("routes: [{ ROUTE, alow: unauthenticated }]", false),
    ("routes: [{ ROUTE, allow: everybody }]", false),
    ("routes: [{ match: { path: /a } }]", false),
    ("timeout: 200ms", true),
    ("timeout: '${WAIT:-2s}'", true),
    ("timeout: 2 seconds", false),
    ("timeout: 5", false),
    ("mode: asink", false),
    ("on_deny: { redirect: { to: /login, code: 303, on: [401, 403] } }", true),
    ("on_deny: { redirect: { to: /login, code: 404 } }", false),
    ("on_deny: { redirect: { to: /login, on: [400] } }", false),
    ("routes: [{ ROUTE, rbac: { api: a, resource: b, verb: list } }]", true),
    ("routes: [{ ROUTE, rbac: { api: a, resource: b, verb: read } }]", false),
    ("issuers: { main: { issuer: 'https://i', jwks: { discovery: true, refresh: 10m } } }", true),
    (
        "issuers: { main: { issuer: 'https://i', jwks: { discovery: true, refresh: often } } }",
        false,
    ),
    (
        "issuers: { main: { issuer: 'https://i', jwks: { discovery: true, uri: 'https://i/k' } } }",
        false,
    ),
    ("issuers: { main: { issuer: 'https://i' } }", false),
    ("issuers: { main: { issuer: 'https://i', hmac: { secret: { file: a, env: b } } } }", false),
    ("issuers: { main: { issuer: 'https://i', hmac: { secret: hunter2 } } }", false),
    ("include: ['a/*.yaml']", true),
    ("issuers: null\nhosts: null\nroutes: null\ninclude: null\nrole_documents: null", true),
    (
        "issuers: { main: { issuer: 'https://i', jwks: { discovery: true, uri: null }, hmac: null, introspection: null } }",
        true,
    ),
    ("issuers: { main: null }", false),
    (
        "routes: [{ name: a, match: { path: /a, regex: null, hosts: null, methods: null, encoded_slashes: null }, forward: { headers: null, cookies: null, query: null, remove_headers: null, credential: null }, on_deny: { format: null } }]",
        true,
    ),
    ("routes: [{ name: null, match: { path: /a } }]", false),
    ("colour: red", false),
];

#[test]
fn mistakes_are_seen_in_an_editor() {
    let validator = validator(&json_schema());
    for (part, accepted) in CASES {
        let policy = format!("version: 1\n{}", part.replace("ROUTE", ROUTE));
        let mistakes = mistakes(&validator, &policy);
        assert_eq!(mistakes.is_empty(), *accepted, "{part}: {mistakes:?}");
    }
    assert!(!mistakes(&validator, "version: 2").is_empty());
    assert!(!mistakes(&validator, "routes: []").is_empty());
}

#[test]
fn an_included_file_has_its_own() {
    let validator = validator(&included_json_schema());
    assert!(mistakes(&validator, "routes: [{ name: a, match: { path: /a } }]").is_empty());
    assert!(!mistakes(&validator, "version: 1").is_empty());
    assert!(!mistakes(&validator, "include: [a]").is_empty());
}
