//! HS* tokens: a secret read with the policy, judged by the sidecar.

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD as B64};
use sallyport_ext_authz::config::Config;
use sallyport_ext_authz::serve::{ServeOptions, Server};
use serde_json::json;

use super::provider::{in_seconds, now};
use super::sidecar::{Asked, Sidecar, until};

const POLICY: &str = "
version: 1
issuers:
  shared: { issuer: 'https://shared.example', hmac: { secret: { file: shared } }, audiences: [orders] }
  long: { issuer: 'https://long.example', hmac: { secret: { file: long }, encoding: base64 }, audiences: [orders], algorithms: [HS512] }
routes:
  - { name: shared, match: { path: '/shared/{id}' }, authenticate: [{ jwt: shared }] }
  - { name: long, match: { path: '/long/{id}' }, authenticate: [{ jwt: long }] }
";
const SHARED: &str = "canary-canary-canary-canary-cana";
const OTHER: &str = "another-secret-of-thirty-two-byte";
const OK: &str = "sallyport_policy_loads_total{result=\"ok\"}";
const FAILED: &str = "sallyport_policy_loads_total{result=\"failed\"}";

fn long() -> String {
    STANDARD.encode([7; 64])
}

async fn start() -> Sidecar {
    Sidecar::with_files(POLICY, &[("shared", &format!("{SHARED}\n")), ("long", &long())]).await
}

fn token(issuer: &str, alg: &str, secret: &[u8]) -> String {
    token_of(issuer, alg, &json!({"alg": alg, "typ": "JWT"}), secret)
}

fn token_of(issuer: &str, alg: &str, header: &serde_json::Value, secret: &[u8]) -> String {
    let kind = match alg {
        "HS256" => hmac::HMAC_SHA256,
        "HS384" => hmac::HMAC_SHA384,
        _ => hmac::HMAC_SHA512,
    };
    let claims = json!({
        "iss": format!("https://{issuer}.example"), "aud": "orders", "sub": "alice",
        "exp": in_seconds(600), "iat": now(),
    });
    let input = format!("{}.{}", B64.encode(header.to_string()), B64.encode(claims.to_string()));
    let tag = hmac::sign(&hmac::Key::new(kind, secret), input.as_bytes());
    format!("{input}.{}", B64.encode(tag.as_ref()))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tokens_by_secret() {
    let sidecar = start().await;
    // A secret has no key id, so a token's own says nothing.
    let named = |secret: &str| {
        let header = json!({"alg": "HS256", "kid": "k1"});
        token_of("shared", "HS256", &header, secret.as_bytes())
    };
    let cases = [
        ("/shared/1", named(SHARED), "allowed"),
        ("/shared/1", named(OTHER), "signature_invalid"),
        ("/shared/1", token("shared", "HS256", SHARED.as_bytes()), "allowed"),
        ("/shared/1", token("shared", "HS256", OTHER.as_bytes()), "signature_invalid"),
        ("/shared/1", token("shared", "HS512", SHARED.as_bytes()), "algorithm_not_allowed"),
        ("/shared/1", token("long", "HS256", SHARED.as_bytes()), "issuer_unknown"),
        ("/long/1", token("long", "HS512", &[7; 64]), "allowed"),
        ("/long/1", token("long", "HS512", long().as_bytes()), "signature_invalid"),
        ("/long/1", token("long", "HS256", &[7; 64]), "algorithm_not_allowed"),
    ];
    for (path, token, reason) in &cases {
        let answer = sidecar.check(Asked::get(path, token)).await;
        assert_eq!(answer.text("reason"), *reason, "{path} {token}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_secret_counts_from_the_next_request_on() {
    let sidecar = start().await;
    let (old, new) =
        (token("shared", "HS256", SHARED.as_bytes()), token("shared", "HS256", OTHER.as_bytes()));
    let reason = async |token: &str| {
        sidecar.check(Asked::get("/shared/1", token)).await.text("reason").to_owned()
    };
    assert_eq!(reason(&old).await, "allowed");
    assert_eq!(reason(&new).await, "signature_invalid");
    // One that cannot be used keeps the last good one.
    let file = sidecar.directory.join("shared");
    std::fs::write(&file, "short").unwrap();
    until("the refusal", || sidecar.metric(FAILED) >= 1).await;
    assert_eq!(reason(&old).await, "allowed");
    std::fs::write(&file, OTHER).unwrap();
    until("the new secret", || sidecar.metric(OK) == 2).await;
    assert_eq!(reason(&old).await, "signature_invalid", "remembered, and forgotten");
    assert_eq!(reason(&new).await, "allowed");
}

/// Name, what the file of the secret holds (none: there is no file), a part of the message.
const REFUSED: &[(&str, Option<&str>, &str)] = &[
    ("short", Some("canary-canary-canary-canary-can"), "shorter than 32 bytes"),
    ("empty", Some("\n"), "is empty"),
    ("missing", None, "cannot be read"),
];

#[tokio::test]
async fn a_secret_that_is_none_does_not_load() {
    for (name, secret, part) in REFUSED {
        let directory =
            std::env::temp_dir().join(format!("sallyport-hmac-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&directory).unwrap();
        let policy = directory.join("policy.yaml");
        std::fs::write(&policy, POLICY).unwrap();
        std::fs::write(directory.join("long"), STANDARD.encode([7; 63])).unwrap();
        if let Some(secret) = secret {
            std::fs::write(directory.join("shared"), secret).unwrap();
        }
        let error = Server::start(ServeOptions { policy, config: Config::default() }).await;
        std::fs::remove_dir_all(&directory).unwrap();
        let error = error.err().unwrap();
        let text = error.to_string();
        assert_eq!(error.exit_code(), 2, "{name}");
        assert!(text.contains("issuers.shared.hmac.secret") && text.contains(part), "{text}");
        assert!(text.contains("issuers.long.hmac.secret"), "{text}");
        assert!(text.contains("too short for HS512"), "{text}");
        assert!(!text.contains("canary") && !text.contains("BwcH"), "{text}");
    }
}
