//! `sallyport explain`: what a person on call is told, and the same as JSON. What it says of a decision is what
//! `sallyport check` decides.

use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};

use crate::run::{Folder, Run, sallyport};
use crate::token::{NOW, claims, key_set, sign};

const POLICY: &str = r#"
version: 1
timeout: 2s
issuers:
  main: { issuer: "http://127.0.0.1:18080/realms/main", jwks: { discovery: true, cluster: idp }, audiences: [orders] }
  opaque: { introspection: { url: "https://idp.example/i", client_id: a, client_secret: { env: S } }, audiences: [orders] }
roles: [roles.yaml]
hosts:
  api.example.com: { scopes: { all_of: [orders.read] } }
routes:
  - name: order
    match: { hosts: [api.example.com], methods: [GET], path: "/orders/{id}" }
    authenticate: [{ jwt: main }, { introspection: opaque }]
    claims: [{ claim: tenant, any_of: [acme, umbrella] }]
  - { name: orders, match: { methods: [GET, POST], path: "/orders/{**}" }, authenticate: [{ jwt: main }], rbac: { api: a, resource: b } }
  - { name: health, match: { path: /healthz }, allow: unauthenticated }
"#;
const ROLES: &str = "kind: Role\nmetadata: { name: r }\nrules: []";

fn explain(command: &str, more: &[&str], input: &Value) -> Run {
    // Tests run beside each other, and each run removes its own folder.
    static RUNS: AtomicUsize = AtomicUsize::new(0);
    let folder = Folder::new(&format!("explain-{}", RUNS.fetch_add(1, Ordering::Relaxed)));
    let policy = folder.write("policy.yaml", POLICY);
    folder.write("roles.yaml", ROLES);
    let keys = format!("main={}", folder.write("keys=1.json", &key_set()));
    let now = NOW.to_string();
    let all = [command, "--policy", &policy, "--now", &now, "--jwks", &keys];
    sallyport(&[&all, more].concat(), &input.to_string())
}

fn request(method: &str, host: &str, path: &str, token: Option<&str>) -> Value {
    let headers: Vec<_> = token
        .map(|token| json!(["authorization", format!("Bearer {token}")]))
        .into_iter()
        .collect();
    json!({ "id": "r", "method": method, "host": host, "path": path, "headers": headers })
}

/// Method, host, path, token: a scope of a JWT, `=` and an opaque one, or none; parts of the text, in order.
type Case =
    (&'static str, &'static str, &'static str, Option<&'static str>, &'static [&'static str]);

const CASES: &[Case] = &[
    (
        "GET",
        "API.example.com:443",
        "/orders/7?x=1",
        Some("orders.read"),
        &[
            "allow 200 allowed, by route order, in the filter",
            "host  api.example.com\n",
            "path  /orders/7\n",
            "> order  judges: the most specific of those that fit",
            "  orders  fits too, and is less specific",
            "timeout        \"2s\"  (timeout)",
            "authenticate   [{\"jwt\":\"main\"},{\"introspection\":\"opaque\"}]  (routes[0].authenticate)",
            "scopes         {\"all_of\":[\"orders.read\"]}  (hosts.api.example.com.scopes)",
            "in the filter\n",
            "credential, authorization: bearer  present",
            "jwt main  accepted",
            "subject  \"5f1c0c1e-alice\"",
            "scopes  holds",
            "claim tenant  holds",
            "value  \"acme\"",
        ],
    ),
    (
        "GET",
        "api.example.com",
        "/orders/7",
        Some("orders.write"),
        &[
            "deny 403 scope_missing, by route order",
            "scopes  fails: scope_missing",
            "asked  {\"all_of\":[\"orders.read\"]}",
            "granted  [\"orders.write\"]",
            "scope_missing\n",
            "next\n  client: ask for the scope",
        ],
    ),
    (
        "GET",
        "api.example.com",
        "/orders/7",
        Some("=canary"),
        &[
            "deny 503 dependency_unavailable, by route order, in the sidecar",
            "in the filter\n",
            "introspection opaque  left to the sidecar",
            "in the sidecar\n",
            "introspection opaque  no answer from its provider: dependency_unavailable",
        ],
    ),
    (
        "POST",
        "api.example.com",
        "/orders/7",
        Some("orders.read"),
        &[
            "deny 403 role_missing, by route orders, in the sidecar",
            "order  the method does not fit",
            "> orders  judges: no other fits",
            "in the filter\n",
            "rbac  left to the sidecar",
            "in the sidecar\n",
            "rbac  fails: role_missing",
        ],
    ),
    (
        "GET",
        "other.example",
        "/orders/7",
        None,
        &[
            "deny 401 token_missing, by route orders",
            "  order  the host does not fit",
            "credential, authorization: bearer  absent",
            "client: send what the route reads",
        ],
    ),
    (
        "PUT",
        "other.example",
        "/orders/7",
        None,
        &[
            "deny 403 no_route, by no route",
            "  order  the host and the method does not fit",
            "no_route\n",
        ],
    ),
    ("GET", "a", "/nowhere", None, &["no_route", "no route has such a path"]),
    (
        "GET",
        "a",
        "/a/../b",
        Some("=canary"),
        &["deny 400 request_malformed", "path  cannot be read", "the path holds a dot segment"],
    ),
    ("GET", "a b", "/a", None, &["request_malformed", "host  cannot be read", "no host name"]),
    ("GET", "a", "/healthz", Some("=canary"), &["allow 200 allowed_unauthenticated", "> health"]),
];

fn token(given: Option<&str>) -> Option<String> {
    given.map(|given| match given.strip_prefix('=') {
        Some(opaque) => opaque.to_owned(),
        None => sign(&claims(given)),
    })
}

#[test]
fn a_person_is_told_the_way() {
    for (method, host, path, given, expected) in CASES {
        let token = token(*given);
        let run = explain("explain", &[], &request(method, host, path, token.as_deref()));
        assert_eq!(run.code, 0, "{}", run.err);
        let mut rest = run.out.as_str();
        for part in *expected {
            let after = rest.split_once(part);
            let missing = || panic!("{method} {host}{path}: {part}: {}", run.out);
            rest = after.unwrap_or_else(missing).1;
        }
        assert!(!run.out.contains("canary") && !run.out.contains("x=1"), "{}", run.out);
        if let Some(token) = token {
            assert!(!run.out.contains(&token), "{}", run.out);
        }
        // The claims that the route does not read are nobody's business.
        assert!(!run.out.contains("realm_access") && !run.out.contains("customer"), "{}", run.out);
    }
}

#[test]
fn the_document_shows_what_is_printed() {
    let document = include_str!("../../../docs/explain.md");
    let block = document.split("```").nth(1).unwrap();
    let shown = block.split_once("--jwks main=keys.json\n").unwrap().1;
    let token = sign(&claims("orders.write"));
    let run =
        explain("explain", &[], &request("GET", "api.example.com", "/orders/7", Some(&token)));
    assert_eq!(run.out, shown);
}

#[test]
fn it_tells_the_decision_of_check() {
    for (method, host, path, given, _) in CASES {
        let request = request(method, host, path, token(*given).as_deref());
        for more in [&["--json"][..], &["--json", "--shadow"]] {
            let (told, checked) =
                (explain("explain", more, &request), explain("check", more, &request));
            let (told, checked) = (&told.lines()[0], &checked.lines()[0]);
            assert_eq!(told["id"], "r");
            for member in ["decision", "status", "rule", "reason", "door", "would_deny"] {
                assert_eq!(told["decision"][member], checked[member], "{method} {host}{path}");
            }
            let chosen =
                told["routes"].as_array().unwrap().iter().find(|route| route["chosen"] == true);
            assert_eq!(chosen.map_or(&Value::Null, |route| &route["name"]), &checked["rule"]);
        }
    }
}

#[test]
fn control_characters_do_not_reach_a_terminal() {
    let run = explain("explain", &[], &request("GET", "a", "/\u{1b}[2J", None));
    assert!(run.code == 0 && !run.out.contains('\u{1b}'), "{}", run.out);
    let forged = "/a\nallow 200 allowed\u{202e}\u{2028}";
    let run = explain("explain", &[], &request("GET", "a", forged, None));
    let lines = |text: &str| run.out.lines().any(|line| line.starts_with(text));
    assert!(run.code == 0 && !lines("allow 200"), "{}", run.out);
    assert!(!run.out.contains(['\u{202e}', '\u{2028}']), "{}", run.out);
    let run = explain("explain", &[], &json!({ "method": "GET" }));
    assert_eq!((run.code, run.out.as_str()), (2, ""));
}
