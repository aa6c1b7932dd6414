//! Many identity providers in one, each below a path of its own and with its own way to fail once it is spoiled; counts
//! every request for keys.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as B64;
use serde_json::{Value, json};

use super::provider::{in_seconds, now};

pub(crate) struct KeyProvider {
    pub(crate) url: String,
    key: Mutex<(String, Ed25519KeyPair)>,
    /// From now on every issuer answers as its name says.
    spoiled: AtomicBool,
    /// Requests for the set of each issuer.
    fetches: Mutex<HashMap<String, usize>>,
    /// Answers take this long.
    delay: Duration,
    under_way: AtomicUsize,
    most_under_way: AtomicUsize,
}

impl KeyProvider {
    pub(crate) async fn start(delay: Duration) -> Arc<Self> {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let provider = Arc::new(Self {
            url: format!("http://{}", listener.local_addr().unwrap()),
            key: Mutex::new(("k1".to_owned(), Ed25519KeyPair::generate().unwrap())),
            spoiled: AtomicBool::new(false),
            fetches: Mutex::default(),
            delay,
            under_way: AtomicUsize::new(0),
            most_under_way: AtomicUsize::new(0),
        });
        let router = Router::new()
            .route("/{issuer}/.well-known/openid-configuration", get(discovery))
            .route("/{issuer}/elsewhere", get(discovery))
            .route("/{issuer}/jwks", get(jwks))
            .with_state(Arc::clone(&provider));
        tokio::spawn(async move { axum::serve(listener, router).await });
        provider
    }

    pub(crate) fn spoil(&self, spoiled: bool) {
        self.spoiled.store(spoiled, Ordering::SeqCst);
    }

    pub(crate) fn rotate(&self, kid: &str) {
        *self.key.lock().unwrap() = (kid.to_owned(), Ed25519KeyPair::generate().unwrap());
    }

    pub(crate) fn fetches(&self, issuer: &str) -> usize {
        self.fetches.lock().unwrap().get(issuer).copied().unwrap_or(0)
    }

    pub(crate) fn all_fetches(&self) -> Vec<usize> {
        self.fetches.lock().unwrap().values().copied().collect()
    }

    pub(crate) fn most_under_way(&self) -> usize {
        self.most_under_way.load(Ordering::SeqCst)
    }

    /// A token of an issuer for alice, different with each `id`, as signed by the key of now.
    pub(crate) fn token(&self, issuer: &str, id: &str) -> String {
        let kid = self.key.lock().unwrap().0.clone();
        self.token_with_kid(issuer, id, &kid)
    }

    pub(crate) fn token_with_kid(&self, issuer: &str, id: &str, kid: &str) -> String {
        let claims = json!({
            "iss": format!("{}/{issuer}", self.url), "aud": "orders", "sub": "alice", "jti": id,
            "exp": in_seconds(600), "iat": now(),
        });
        let header = json!({"alg": "EdDSA", "kid": kid, "typ": "at+jwt"});
        let part = |value: &Value| B64.encode(value.to_string());
        let input = format!("{}.{}", part(&header), part(&claims));
        let signature = self.key.lock().unwrap().1.sign(input.as_bytes());
        format!("{input}.{}", B64.encode(signature.as_ref()))
    }

    /// The set, with two keys that nobody can use.
    fn set(&self) -> String {
        let (kid, key) = &*self.key.lock().unwrap();
        let x = B64.encode(key.public_key().as_ref());
        json!({"keys": [
            {"kty": "RSA", "kid": "enc", "use": "enc", "n": "AQAB", "e": "AQAB"},
            {"kty": "OKP", "crv": "Ed25519", "kid": kid, "x": x},
            {"kty": "oct", "kid": "shared", "k": "AAAA"},
        ]})
        .to_string()
    }
}

async fn discovery(
    State(provider): State<Arc<KeyProvider>>,
    Path(issuer): Path<String>,
) -> Response {
    let spoiled = provider.spoiled.load(Ordering::SeqCst);
    let named = if spoiled && issuer == "wrong-issuer" { "mallory" } else { &issuer };
    let url = &provider.url;
    let jwks_uri = format!("{url}/{issuer}/jwks");
    json!({"issuer": format!("{url}/{named}"), "jwks_uri": jwks_uri}).to_string().into_response()
}

async fn jwks(
    State(provider): State<Arc<KeyProvider>>,
    Path(issuer): Path<String>,
    headers: HeaderMap,
) -> Response {
    // As the Kubernetes API server.
    if headers["accept"].to_str().unwrap().split(", ").all(|one| one != "application/jwk-set+json")
    {
        return StatusCode::NOT_ACCEPTABLE.into_response();
    }
    let under_way = provider.under_way.fetch_add(1, Ordering::SeqCst).saturating_add(1);
    provider.most_under_way.fetch_max(under_way, Ordering::SeqCst);
    {
        let mut fetches = provider.fetches.lock().unwrap();
        let count = fetches.entry(issuer.clone()).or_default();
        *count = count.saturating_add(1);
    }
    tokio::time::sleep(provider.delay).await;
    provider.under_way.fetch_sub(1, Ordering::SeqCst);
    let set = provider.set();
    if provider.spoiled.load(Ordering::SeqCst) { spoil(&issuer, set) } else { set.into_response() }
}

/// As the issuer's name says.
fn spoil(issuer: &str, set: String) -> Response {
    let half = || set.get(..set.len() / 2).unwrap().to_owned();
    match issuer {
        "redirect" => (StatusCode::FOUND, [("location", "/good/jwks")], set).into_response(),
        "html" => ([("content-type", "text/html")], "<html>maintenance</html>").into_response(),
        "truncated" => half().into_response(),
        "broken-off" => {
            let length = [("content-length", set.len().to_string())];
            (length, Body::from(half())).into_response()
        }
        "huge" => Body::from_stream(tokio_stream::iter(
            std::iter::repeat_n(Bytes::from(vec![b' '; 64 * 1024]), 800)
                .map(Ok::<_, std::io::Error>),
        ))
        .into_response(),
        "drip" => drip(),
        "empty" => json!({"keys": []}).to_string().into_response(),
        "error" => (StatusCode::INTERNAL_SERVER_ERROR, set).into_response(),
        _ => set.into_response(),
    }
}

/// A space now and then, for ever.
fn drip() -> Response {
    let (sender, receiver) = tokio::sync::mpsc::channel(1);
    tokio::spawn(async move {
        while sender.send(Ok::<_, std::io::Error>(Bytes::from_static(b" "))).await.is_ok() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    });
    Body::from_stream(tokio_stream::wrappers::ReceiverStream::new(receiver)).into_response()
}
