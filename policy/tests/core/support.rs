//! A policy, a request and a check with everything lent: fixed keys, a backend that accepts one signature, canned
//! introspection replies. No crypto, no I/O, no clock.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;

use sallyport_jwt::{Algorithm, Key, KeySet, SignatureBackend, SignatureInvalid, UnixTime};
use sallyport_policy::*;

pub(crate) const NOW: i64 = 1_800_000_000;
pub(crate) const GOOD: [u8; 64] = [1; 64];
pub(crate) const BAD: [u8; 64] = [2; 64];
const SECRET: &[u8] = &[7; 64];

/// Accepts signatures of the byte 1, like [`GOOD`].
impl SignatureBackend for World {
    fn verify(
        &self,
        _: &Key,
        algorithm: Algorithm,
        _: &[u8],
        signature: &[u8],
    ) -> Result<(), SignatureInvalid> {
        self.verified.borrow_mut().push(algorithm);
        if signature.iter().all(|byte| *byte == 1) { Ok(()) } else { Err(SignatureInvalid) }
    }
}

pub(crate) struct World {
    pub(crate) policy: Policy,
    pub(crate) state: KeyState,
    pub(crate) replies: HashMap<&'static str, Option<&'static str>>,
    pub(crate) verdict: Option<Verdict>,
    pub(crate) certificate: PeerCertificate,
    pub(crate) tokens: RefCell<TokenCache>,
    pub(crate) asked: RefCell<Vec<&'static str>>,
    pub(crate) verified: RefCell<Vec<Algorithm>>,
}

impl KeySource for World {
    fn keys(&self, issuer: IssuerId) -> KeyState {
        match self.policy.issuer(issuer).unwrap().kind() {
            IssuerKind::Hmac(_) => KeyState::Ready(Arc::new(KeySet::from_secret(SECRET).unwrap())),
            IssuerKind::Jwt(_) | IssuerKind::Introspection(_) => self.state.clone(),
        }
    }
}

impl TokenMemory for World {
    fn recall(&self, token: &[u8], now: UnixTime) -> Option<Remembered> {
        self.tokens.borrow_mut().recall(token, now)
    }
    fn remember(&self, token: &[u8], identity: &Arc<Identity>) {
        self.tokens.borrow_mut().remember(token, identity);
    }
    fn remember_refusal(&self, token: &[u8], issuer: IssuerId, now: UnixTime) {
        self.tokens.borrow_mut().remember_refusal(token, issuer, now);
    }
}

pub(crate) fn keys() -> KeyState {
    let set = br#"{"keys":[{"kty":"EC","kid":"k","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}]}"#;
    KeyState::Ready(Arc::new(KeySet::parse(set).unwrap()))
}

pub(crate) fn compile(yaml: &str, roles: &str) -> Result<(Policy, Vec<Problem>), Vec<Problem>> {
    let document = Document::parse(yaml.as_bytes(), Format::Yaml)?;
    let files: Vec<_> = document
        .role_files()
        .iter()
        .map(|name| RoleFile { name: name.clone(), text: roles.to_owned() })
        .collect();
    Policy::compile(&document, &files)
}

pub(crate) fn world(yaml: &str, roles: &str) -> World {
    let (policy, _) = compile(yaml, roles).unwrap_or_else(|problems| panic!("{problems:#?}"));
    World {
        policy,
        state: keys(),
        replies: HashMap::new(),
        verdict: None,
        certificate: PeerCertificate::Absent,
        tokens: RefCell::new(TokenCache::new(10, 100_000)),
        asked: RefCell::default(),
        verified: RefCell::default(),
    }
}

pub(crate) fn token(claims: serde_json::Value, signature: [u8; 64]) -> String {
    token_of(r#"{"alg":"ES256","kid":"k"}"#, claims, &signature)
}

pub(crate) fn token_of(header: &str, claims: serde_json::Value, signature: &[u8]) -> String {
    use base64::Engine;
    let encode = |bytes: &[u8]| base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes);
    let (header, claims) = (encode(header.as_bytes()), encode(claims.to_string().as_bytes()));
    format!("{header}.{claims}.{}", encode(signature))
}

pub(crate) fn claims(extra: serde_json::Value) -> serde_json::Value {
    let mut claims = serde_json::json!({
        "iss": "https://idp.example", "aud": "orders", "sub": "alice", "azp": "web", "exp": NOW + 60,
        "scope": "orders.read profile", "tenant": "t1", "realm_access": {"roles": ["customer"]}
    });
    for (name, value) in extra.as_object().unwrap() {
        claims[name] = value.clone();
    }
    claims
}

#[derive(Clone)]
pub(crate) struct Ask<'a> {
    pub(crate) method: &'a str,
    pub(crate) host: &'a str,
    pub(crate) path: &'a str,
    pub(crate) headers: Vec<(&'a str, String)>,
}

pub(crate) fn get(path: &str) -> Ask<'_> {
    Ask { method: "GET", host: "api.example.com", path, headers: Vec::new() }
}

impl<'a> Ask<'a> {
    pub(crate) fn method(self, method: &'a str) -> Self {
        Self { method, ..self }
    }
    pub(crate) fn host(self, host: &'a str) -> Self {
        Self { host, ..self }
    }
    pub(crate) fn header(mut self, name: &'a str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
    pub(crate) fn bearer(self, token: &str) -> Self {
        self.header("authorization", format!("Bearer {token}"))
    }
}

impl World {
    pub(crate) fn decide(&self, ask: &Ask<'_>, side: Side) -> Decision {
        self.decide_at(ask, side, NOW)
    }

    pub(crate) fn decide_at(&self, ask: &Ask<'_>, side: Side, now: i64) -> Decision {
        let headers: Vec<Header<'_>> =
            ask.headers.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes())).collect();
        let raw = RawRequest {
            method: ask.method.as_bytes(),
            scheme: b"https",
            authority: ask.host.as_bytes(),
            path: ask.path.as_bytes(),
            headers: &headers,
            peer: b"127.0.0.1",
        };
        let request = match Request::parse(raw) {
            Ok(request) => request,
            Err(reason) => return Decision::refused(reason, Door::Filter),
        };
        let context = Context {
            policy: &self.policy,
            keys: self,
            tokens: self,
            backend: self,
            now: UnixTime(now),
            side,
        };
        let (mut check, mut step) = Check::start(&context, &request);
        for _ in 0..20 {
            let reply = match step {
                Step::Decided(decision) => return *decision,
                Step::Ask(Call::Keys { .. }) => {
                    self.asked.borrow_mut().push("keys");
                    Reply::Keys
                }
                Step::Ask(Call::Sidecar { .. }) => {
                    self.asked.borrow_mut().push("sidecar");
                    Reply::Verdict(self.verdict.clone())
                }
                Step::Ask(Call::PeerCertificate { subject }) => {
                    self.asked.borrow_mut().push(subject.word());
                    Reply::PeerCertificate(self.certificate.clone())
                }
                Step::Ask(Call::Introspect { issuer, token, .. }) => {
                    self.asked.borrow_mut().push("introspection");
                    Reply::Introspection(self.introspect(issuer, &token, now))
                }
            };
            step = check.resume(&context, &request, reply);
        }
        panic!("the check does not end");
    }

    fn introspect(&self, issuer: IssuerId, token: &[u8], now: i64) -> Option<Introspected> {
        let reply = self.replies.get(std::str::from_utf8(token).unwrap()).copied().flatten()?;
        let issuer = self.policy.issuer(issuer).unwrap();
        let IssuerKind::Introspection(kind) = issuer.kind() else {
            panic!("asked the wrong issuer")
        };
        Some(Identity::from_introspection(issuer, &kind.rules, reply.as_bytes(), UnixTime(now)))
    }
}

pub(crate) fn set(decision: &Decision) -> Vec<(String, String)> {
    let Outcome::Allow(permit) = &decision.outcome else { panic!("denied: {}", decision.reason) };
    permit.mutations().set.iter().map(|(name, value)| (name.to_string(), value.clone())).collect()
}
