//! An identity provider: one Ed25519 key set that can be rotated, discovery, and an introspection endpoint whose answer
//! is the token's own name.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::{get, post};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as B64;
use serde_json::{Value, json};
use tokio::sync::Semaphore;

/// The secret `p:w%` as the policy's secret file holds it, and the header that RFC 6749 makes of it.
pub(crate) const SECRET: &str = "p:w%\n";
const AUTHORIZATION: &str = "Basic Z2F0ZTpwJTNBdyUyNQ==";

pub(crate) struct Provider {
    pub(crate) url: String,
    pub(crate) introspections: AtomicUsize,
    pub(crate) key_fetches: AtomicUsize,
    /// Permits to answer introspection requests; closed: no waiting.
    pub(crate) held: Semaphore,
    key: Mutex<(String, Ed25519KeyPair)>,
}

impl Provider {
    pub(crate) async fn start() -> Arc<Self> {
        let provider = Self::start_held().await;
        provider.held.close();
        provider
    }

    pub(crate) async fn start_held() -> Arc<Self> {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let provider = Arc::new(Self {
            url: format!("http://{}", listener.local_addr().unwrap()),
            introspections: AtomicUsize::new(0),
            key_fetches: AtomicUsize::new(0),
            held: Semaphore::new(0),
            key: Mutex::new(("k1".to_owned(), Ed25519KeyPair::generate().unwrap())),
        });
        let router = Router::new()
            .route("/.well-known/openid-configuration", get(discovery))
            .route("/other/.well-known/openid-configuration", get(discovery))
            .route("/jwks", get(jwks))
            .route("/introspect", post(introspect))
            .route("/moved", post(|| async { (StatusCode::FOUND, [("location", "/introspect")]) }))
            .with_state(Arc::clone(&provider));
        tokio::spawn(async move { axum::serve(listener, router).await });
        provider
    }

    pub(crate) fn rotate(&self, kid: &str) {
        *self.key.lock().unwrap() = (kid.to_owned(), Ed25519KeyPair::generate().unwrap());
    }

    /// A token for alice with these claims over the usual ones.
    pub(crate) fn token(&self, claims: Value) -> String {
        let (kid, key) = &*self.key.lock().unwrap();
        let mut all = json!({
            "iss": self.url, "aud": "orders", "sub": "alice", "exp": in_seconds(600),
            "iat": now(), "scope": "orders.read",
        });
        for (name, value) in claims.as_object().unwrap() {
            all[name] = value.clone();
        }
        let header = json!({"alg": "EdDSA", "kid": kid, "typ": "at+jwt"});
        let input = format!("{}.{}", B64.encode(header.to_string()), B64.encode(all.to_string()));
        let signature = key.sign(input.as_bytes());
        format!("{input}.{}", B64.encode(signature.as_ref()))
    }
}

pub(crate) fn now() -> u64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs()
}

pub(crate) fn in_seconds(seconds: u64) -> u64 {
    now().saturating_add(seconds)
}

async fn discovery(State(provider): State<Arc<Provider>>) -> String {
    json!({"issuer": provider.url, "jwks_uri": format!("{}/jwks", provider.url)}).to_string()
}

async fn jwks(State(provider): State<Arc<Provider>>) -> String {
    provider.key_fetches.fetch_add(1, Ordering::SeqCst);
    let (kid, key) = &*provider.key.lock().unwrap();
    let x = B64.encode(key.public_key().as_ref());
    json!({"keys": [{"kty": "OKP", "crv": "Ed25519", "kid": kid, "x": x}]}).to_string()
}

async fn introspect(
    State(provider): State<Arc<Provider>>,
    headers: HeaderMap,
    form: String,
) -> (StatusCode, String) {
    provider.introspections.fetch_add(1, Ordering::SeqCst);
    drop(provider.held.acquire().await);
    if headers.get("authorization").is_none_or(|value| value != AUTHORIZATION) {
        return (StatusCode::UNAUTHORIZED, String::new());
    }
    let token = form
        .strip_prefix("token=")
        .and_then(|form| form.strip_suffix("&token_type_hint=access_token"))
        .unwrap();
    let active = json!({
        "active": true, "sub": "bob", "scope": "orders.read", "exp": in_seconds(600),
        "aud": "orders", "token_use": "access_token",
    });
    let with = |name: &str, value: Value| {
        let mut reply = active.clone();
        reply[name] = value;
        (StatusCode::OK, reply.to_string())
    };
    match token.split('.').next().unwrap() {
        "active" => (StatusCode::OK, active.to_string()),
        "refresh" => with("token_use", json!("refresh_token")),
        "noscope" => with("scope", json!("")),
        "expired" => with("exp", json!(now().saturating_sub(600))),
        "elsewhere" => with("aud", json!("billing")),
        "broken" => (StatusCode::INTERNAL_SERVER_ERROR, active.to_string()),
        "busy" => (StatusCode::TOO_MANY_REQUESTS, active.to_string()),
        "refused" => (StatusCode::UNAUTHORIZED, active.to_string()),
        "forbidden" => (StatusCode::FORBIDDEN, active.to_string()),
        "odd" => (StatusCode::BAD_REQUEST, active.to_string()),
        "large" => (StatusCode::PAYLOAD_TOO_LARGE, active.to_string()),
        "uri" => (StatusCode::URI_TOO_LONG, String::new()),
        "junk" => (StatusCode::OK, "<html>".to_owned()),
        "quoted" => with("active", json!("true")),
        "long" => with("pad", json!("x".repeat(300_000))),
        _ => (StatusCode::OK, json!({"active": false}).to_string()),
    }
}
