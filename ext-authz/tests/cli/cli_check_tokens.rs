//! `sallyport check` with rules about tokens that the quickstart does not have: clients, lifetimes, tenants, groups that
//! are elsewhere, and secrets instead of keys.

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::run::{Folder, Run, sallyport};
use crate::token::{NOW, claims, key_set, sign};

const POLICY: &str = r#"
version: 1
issuers:
  main:
    issuer: "http://127.0.0.1:18080/realms/main"
    jwks: { discovery: true, cluster: idp, refresh: 5m, max_stale: 2h, cool_down: 10s }
    audiences: [orders]
    algorithms: [ES256]
    clients: [shop]
    max_lifetime: 10m
  entra:
    issuer: "https://login.example/{tenantid}/v2.0"
    tenants: [11111111-2222-3333-4444-555555555555]
    jwks: { discovery: "https://login.example/common/v2.0/.well-known/openid-configuration", cluster: login }
    audiences: [orders]
    algorithms: [ES256]
  shared: { issuer: "https://shared.example", hmac: { secret: { file: secrets/shared } }, audiences: [orders] }
routes:
  - { name: plain, match: { path: "/plain" }, authenticate: [{ jwt: main }, { jwt: entra }] }
  - name: group
    match: { path: "/group" }
    authenticate: [{ jwt: main }, { jwt: entra }]
    claims: [{ claim: groups, any_of: [staff] }]
  - { name: shared, match: { path: "/shared" }, authenticate: [{ jwt: shared }] }
"#;
const SECRET: &str = "canary-canary-canary-canary-cana";
const TENANT: &str = "11111111-2222-3333-4444-555555555555";
const OTHER: &str = "99999999-2222-3333-4444-555555555555";

fn check(folder: &Folder, path: &str, token: &str) -> Run {
    let policy = folder.write("policy.yaml", POLICY);
    let keys = folder.write("keys.json", &key_set());
    let (main, entra, now) = (format!("main={keys}"), format!("entra={keys}"), NOW.to_string());
    let line = json!({
        "id": "r", "method": "GET", "host": "a", "path": path,
        "headers": [["authorization", format!("Bearer {token}")]],
    });
    let arguments = ["check", "--policy", &policy, "--now", &now, "--json"];
    sallyport(&[&arguments[..], &["--jwks", &main, "--jwks", &entra]].concat(), &line.to_string())
}

fn entra(iss: &str, tid: &str) -> Value {
    json!({ "iss": format!("https://login.example/{iss}/v2.0"), "tid": tid, "groups": ["staff"] })
}

/// Alice's claims with these over them; null takes one away.
fn token(over: &Value) -> String {
    let mut all = claims("");
    for (name, value) in over.as_object().unwrap() {
        if value.is_null() {
            all.as_object_mut().unwrap().remove(name);
        } else {
            all[name] = value.clone();
        }
    }
    sign(&all)
}

#[test]
fn rules_about_tokens() {
    let folder = Folder::new("token-rules");
    let overage = json!({ "_claim_names": { "groups": "src1" }, "_claim_sources": { "src1": {} } });
    let cases = [
        ("/plain", json!({}), 200, "allowed"),
        ("/plain", json!({ "azp": "pos" }), 401, "client_mismatch"),
        ("/plain", json!({ "azp": null }), 401, "client_mismatch"),
        ("/plain", json!({ "exp": NOW + 591 }), 401, "token_lifetime_exceeded"),
        ("/plain", json!({ "exp": NOW + 590 }), 200, "allowed"),
        ("/plain", json!({ "iat": null }), 401, "token_malformed"),
        ("/plain", entra(TENANT, TENANT), 200, "allowed"),
        ("/plain", entra(TENANT, OTHER), 401, "issuer_unknown"),
        ("/plain", entra(OTHER, OTHER), 401, "issuer_unknown"),
        ("/plain", entra("common", "common"), 401, "issuer_unknown"),
        ("/group", json!({ "groups": ["staff"] }), 200, "allowed"),
        ("/group", json!({ "groups": ["guests"] }), 403, "claim_mismatch"),
        ("/group", overage, 403, "groups_overage"),
        ("/group", json!({ "hasgroups": true }), 403, "groups_overage"),
        ("/group", entra(TENANT, TENANT), 200, "allowed"),
    ];
    for (path, over, status, reason) in &cases {
        let run = check(&folder, path, &token(over));
        let [found] = &run.lines()[..] else { panic!("{over}: {}", run.err) };
        let found = (&found["status"], &found["reason"]);
        assert_eq!(found, (&json!(status), &json!(reason)), "{over}");
    }
}

fn hs256() -> String {
    let part = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let claims = json!({
        "iss": "https://shared.example", "aud": "orders", "sub": "bob", "iat": NOW, "exp": NOW + 60,
    });
    let input = format!("{}.{}", part(json!({ "alg": "HS256" })), part(claims));
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, SECRET.as_bytes()), input.as_bytes());
    format!("{input}.{}", URL_SAFE_NO_PAD.encode(tag))
}

#[test]
fn a_secret_is_read_from_beside_the_policy() {
    let folder = Folder::new("secret");
    folder.write("secrets/shared", &format!("{SECRET}\n"));
    let run = check(&folder, "/shared", &hs256());
    let line = &run.lines()[0];
    assert_eq!((&line["reason"], &line["door"]), (&json!("allowed"), &json!("sidecar")));
    assert!(!run.out.contains("canary") && !run.err.contains("canary"), "{}", run.err);
    folder.write("secrets/shared", "another-secret-of-more-than-32-bytes");
    let run = check(&folder, "/shared", &hs256());
    assert_eq!(run.lines()[0]["reason"], "signature_invalid");
}

#[test]
fn a_secret_that_cannot_be_read_is_unavailable() {
    let folder = Folder::new("no-secret");
    let run = check(&folder, "/shared", &hs256());
    assert_eq!(run.code, 0, "{}", run.err);
    assert_eq!(run.lines()[0]["reason"], "dependency_unavailable");
    assert!(run.err.contains("issuers.shared.hmac.secret"), "{}", run.err);
    let lint = sallyport(&["lint", "--policy", &folder.write("policy.yaml", POLICY)], "");
    assert_eq!(lint.code, 0, "{}", lint.out);
}

#[test]
fn a_secret_that_is_none_does_not_load() {
    let folder = Folder::new("bad-secret");
    folder.write("secrets/shared", "canary");
    let run = check(&folder, "/shared", &hs256());
    assert_eq!((run.code, run.out.as_str()), (2, ""));
    assert!(run.err.contains("issuers.shared.hmac.secret"), "{}", run.err);
    assert!(run.err.contains("shorter than 32 bytes"), "{}", run.err);
    assert!(!run.err.contains("canary"), "{}", run.err);
}
