//! A development identity provider in this process: discovery, JWKS with rotation, RFC 7662
//! introspection, tokens of every kind a test needs, good and bad, and faults per endpoint.
//! It has no login, no token endpoint and no persistence, and listens on 127.0.0.1 only.
//! Called by the demo, the suites and the benches.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use serde_json::{Map, Value, json};

use crate::server::{self, Bound, Restartable};
use crate::{Result, limits, locked};

mod attack;
mod endpoints;
mod fault;
mod introspection;
mod keys;
mod token;

pub use fault::Fault;
pub use keys::Alg;
pub use token::TokenSpec;

use introspection::Tokens;
use keys::KeyRing;

/// The claims of a token.
pub type Claims = Map<String, Value>;

/// The path below which everything is served.
pub const BASE: &str = "/realms/main";
/// The client that may introspect, until [`Idp::set_client`].
pub const CLIENT_ID: &str = "gate";
/// The secret of that client.
pub const CLIENT_SECRET: &str = "gate-secret";

/// What requests are counted and disturbed by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Endpoint {
    /// `/.well-known/openid-configuration`.
    Discovery,
    /// `/protocol/openid-connect/certs`.
    Jwks,
    /// `/protocol/openid-connect/token/introspect`.
    Introspection,
    /// Any other path, which is answered with 404.
    Other,
}

/// A request that came.
#[derive(Debug, Clone)]
struct Arrival {
    endpoint: Endpoint,
    query: Option<String>,
    at: Instant,
}

/// A running provider. Dropping it stops it.
#[derive(Debug)]
pub struct Idp {
    state: Arc<State>,
    server: Restartable,
}

#[derive(Debug)]
struct State {
    issuer: String,
    keys: Mutex<KeyRing>,
    tokens: Mutex<Tokens>,
    client: Mutex<(String, String)>,
    /// By endpoint and query; without a query for all of the endpoint.
    faults: Mutex<BTreeMap<(Endpoint, Option<String>), Fault>>,
    arrivals: Mutex<Vec<Arrival>>,
    discovery_count: AtomicU64,
    jwks_count: AtomicU64,
    introspection_count: AtomicU64,
    other_count: AtomicU64,
}

impl State {
    fn arrived(&self, endpoint: Endpoint, query: Option<&str>) {
        self.counter(endpoint).fetch_add(1, Ordering::SeqCst);
        let mut arrivals = locked(&self.arrivals);
        if arrivals.len() < limits::KEPT_ARRIVALS {
            let query = query.map(str::to_owned);
            arrivals.push(Arrival { endpoint, query, at: Instant::now() });
        }
    }

    fn fault(&self, endpoint: Endpoint, query: Option<&str>) -> Option<Fault> {
        let faults = locked(&self.faults);
        let own = query.and_then(|query| faults.get(&(endpoint, Some(query.to_owned()))));
        own.or_else(|| faults.get(&(endpoint, None))).cloned()
    }

    fn counter(&self, endpoint: Endpoint) -> &AtomicU64 {
        match endpoint {
            Endpoint::Discovery => &self.discovery_count,
            Endpoint::Jwks => &self.jwks_count,
            Endpoint::Introspection => &self.introspection_count,
            Endpoint::Other => &self.other_count,
        }
    }
}

impl Idp {
    /// Generates keys and listens on 127.0.0.1:`port`; port 0 takes a free one.
    ///
    /// # Errors
    /// When the port is taken.
    pub async fn start(port: u16) -> Result<Self> {
        let bound = Bound::new(port).await?;
        let port = bound.port();
        let state = State {
            issuer: format!("http://127.0.0.1:{port}{BASE}"),
            keys: Mutex::new(KeyRing::generate()?),
            tokens: Mutex::default(),
            client: Mutex::new((CLIENT_ID.to_owned(), CLIENT_SECRET.to_owned())),
            faults: Mutex::default(),
            arrivals: Mutex::default(),
            discovery_count: AtomicU64::new(0),
            jwks_count: AtomicU64::new(0),
            introspection_count: AtomicU64::new(0),
            other_count: AtomicU64::new(0),
        };
        let state = Arc::new(state);
        let own = Arc::clone(&state);
        let handler: server::Handler =
            Arc::new(move |request| Box::pin(endpoints::answer(Arc::clone(&own), request)));
        Ok(Self { state, server: Restartable::start(bound, handler) })
    }

    /// The `iss` of its tokens, also the base of its endpoints.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.state.issuer
    }

    /// The port it listens on.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.server.port()
    }

    /// The URL of its JWKS.
    #[must_use]
    pub fn jwks_uri(&self) -> String {
        format!("{}{}", self.state.issuer, endpoints::JWKS)
    }

    /// The URL of its introspection endpoint.
    #[must_use]
    pub fn introspection_endpoint(&self) -> String {
        format!("{}{}", self.state.issuer, endpoints::INTROSPECTION)
    }

    /// The JWK set as it is served now (for `sallyport check --jwks`).
    #[must_use]
    pub fn jwks(&self) -> Value {
        locked(&self.state.keys).jwks()
    }

    /// Adds a new key for each of RS256, ES256 and EdDSA, which sign from now on. The old ones
    /// stay in the JWKS until [`Idp::retire`]. Returns the new key ids.
    ///
    /// # Errors
    /// When no key can be generated.
    pub fn rotate(&self) -> Result<Vec<String>> {
        locked(&self.state.keys).rotate()
    }

    /// Takes a key out of the JWKS. Tokens can still be minted with it by its id.
    ///
    /// # Errors
    /// When no key has that id.
    pub fn retire(&self, kid: &str) -> Result<()> {
        locked(&self.state.keys).retire(kid)
    }

    /// Adds a signing key of any algorithm to the JWKS; it signs that algorithm from now on.
    ///
    /// # Errors
    /// When the id is taken or no key can be generated.
    pub fn add_key(&self, alg: Alg, kid: &str) -> Result<()> {
        locked(&self.state.keys).add(alg, kid)
    }

    /// The key id that signs an algorithm when a spec names none.
    ///
    /// # Errors
    /// When there is no such key.
    pub fn current_kid(&self, alg: Alg) -> Result<String> {
        locked(&self.state.keys).current(alg).map(|key| key.kid().to_owned())
    }

    /// Good claims of an access token that is valid for 300 seconds from now: audience `orders`,
    /// scope `orders.read`, realm role `customer`, tenant `acme`.
    ///
    /// # Errors
    /// When the system gives no random bytes.
    pub fn claims(&self) -> Result<Claims> {
        let now = now();
        let claims = json!({
            "iss": self.state.issuer,
            "aud": "orders",
            "sub": "5f1c0c1e-alice",
            "azp": "shop",
            "scope": "orders.read",
            "iat": now,
            "exp": now.saturating_add(300),
            "jti": token::random()?,
            "realm_access": { "roles": ["customer"] },
            "preferred_username": "alice",
            "tenant": "acme",
        });
        claims.as_object().cloned().ok_or_else(|| format!("not an object: {claims}").into())
    }

    /// Signs a token as told. It is active at the introspection endpoint until its `exp` or
    /// [`Idp::revoke`], provided that its key is listed in the JWKS when it is minted.
    ///
    /// # Errors
    /// When there is no such key, or it cannot sign with that algorithm.
    pub fn mint(&self, spec: &TokenSpec) -> Result<String> {
        let (token, listed) = {
            let keys = locked(&self.state.keys);
            let key = match spec.key_id() {
                Some(kid) => keys.by_id(kid)?,
                None => keys.current(spec.alg())?,
            };
            (spec.sign_with(key)?, key.is_listed())
        };
        if listed {
            locked(&self.state.tokens).add_minted(&token, spec.claims());
        }
        Ok(token)
    }

    /// An RS256 access token with [`Idp::claims`], changed by `change`.
    ///
    /// # Errors
    /// As [`Idp::mint`].
    pub fn access_token(&self, change: impl FnOnce(&mut Claims)) -> Result<String> {
        self.access_token_with(Alg::Rs256, change)
    }

    /// The same with another algorithm.
    ///
    /// # Errors
    /// As [`Idp::mint`].
    pub fn access_token_with(&self, alg: Alg, change: impl FnOnce(&mut Claims)) -> Result<String> {
        let mut claims = self.claims()?;
        change(&mut claims);
        self.mint(&TokenSpec::new(alg, claims))
    }

    /// A new opaque token with its RFC 7662 reply, which is given word for word.
    ///
    /// # Errors
    /// When the system gives no random bytes.
    pub fn opaque(&self, reply: Value) -> Result<String> {
        let token = token::random()?;
        locked(&self.state.tokens).add_opaque(&token, reply);
        Ok(token)
    }

    /// A good reply for [`Idp::opaque`]: active, with [`Idp::claims`] and a `client_id`.
    ///
    /// # Errors
    /// When the system gives no random bytes.
    pub fn active_reply(&self) -> Result<Value> {
        let mut reply = self.claims()?;
        reply.insert("active".to_owned(), Value::Bool(true));
        reply.insert("client_id".to_owned(), Value::from("shop"));
        reply.insert("token_type".to_owned(), Value::from("Bearer"));
        Ok(Value::Object(reply))
    }

    /// Makes a token inactive, minted or opaque; a signature stays good, of course.
    pub fn revoke(&self, token: &str) {
        locked(&self.state.tokens).revoke(token);
    }

    /// Token to reply, for all tokens known (for `sallyport check --introspection`).
    #[must_use]
    pub fn introspections(&self) -> Value {
        locked(&self.state.tokens).replies(now())
    }

    /// Changes who may introspect.
    pub fn set_client(&self, id: &str, secret: &str) {
        *locked(&self.state.client) = (id.to_owned(), secret.to_owned());
    }

    /// Requests to an endpoint so far, disturbed and refused ones included.
    #[must_use]
    pub fn count(&self, endpoint: Endpoint) -> u64 {
        self.state.counter(endpoint).load(Ordering::SeqCst)
    }

    /// Disturbs an endpoint from now on.
    pub fn fault(&self, endpoint: Endpoint, fault: Fault) {
        locked(&self.state.faults).insert((endpoint, None), fault);
    }

    /// Disturbs the requests to an endpoint that have this query. The right answers heed no query, so one endpoint can
    /// stand for many providers.
    pub fn fault_query(&self, endpoint: Endpoint, query: &str, fault: Fault) {
        locked(&self.state.faults).insert((endpoint, Some(query.to_owned())), fault);
    }

    /// When requests came to an endpoint with this query, oldest first; only the first many thousands are kept.
    #[must_use]
    pub fn arrivals(&self, endpoint: Endpoint, query: Option<&str>) -> Vec<Instant> {
        let arrivals = locked(&self.state.arrivals);
        let own = |it: &&Arrival| it.endpoint == endpoint && it.query.as_deref() == query;
        arrivals.iter().filter(own).map(|it| it.at).collect()
    }

    /// Ends all faults. A request that hangs goes on hanging.
    pub fn heal(&self) {
        locked(&self.state.faults).clear();
    }

    /// Stops listening and closes all connections: the next connect is refused.
    ///
    /// # Errors
    /// When the server had failed.
    pub async fn stop(&self) -> Result<()> {
        self.server.stop().await
    }

    /// Listens again on the same port, with the same keys, tokens, faults and counts.
    ///
    /// # Errors
    /// When the port is taken.
    pub async fn restart(&self) -> Result<()> {
        self.server.restart().await
    }
}

/// Seconds since 1970 now.
#[must_use]
pub fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

#[cfg(test)]
mod tests;
