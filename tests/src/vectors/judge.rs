//! A key, what is asked about it, and the judging of it by a backend: the same lines for all, since
//! the filter in `tests/backend-filter` is compiled from this file too. What it reads and answers
//! inside Envoy is this, as JSON. It does not know what the right answers are.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sallyport_jwt::{Algorithm, Jws, KeySet, SignatureBackend, decode_base64url};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Keys, and questions about them.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Case {
    /// The keys of all the questions.
    pub keys: Keys,
    /// In the order of the answers.
    pub questions: Vec<Question>,
}

/// Where keys come from.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Keys {
    /// A JWK set.
    Set(Value),
    /// A shared secret, as base64url.
    Secret(String),
}

/// What a backend is asked.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Question {
    /// Whether the first key made this signature; bytes are base64url.
    Signature {
        /// The name of an algorithm of ours.
        algorithm: String,
        /// What was signed, which need not be a token's.
        input: String,
        /// As in a JWS.
        signature: String,
    },
    /// Whether this is a good JWS.
    Token(String),
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// A JWS's payload as base64url; empty for a bare signature.
    Accepted(String),
    /// Why.
    Refused(String),
}

/// What the filter in Envoy is sent.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Batch<C> {
    /// By whom the cases are judged, whatever the probe chooses.
    pub backend: Inside,
    /// The cases, or references to them.
    pub cases: Vec<C>,
}

/// The backends that our filter has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Inside {
    /// The host's function.
    Host,
    /// Pure Rust in wasm.
    Pure,
}

/// What it answers.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Reply {
    /// The backend that the probe chooses.
    pub probe: String,
    /// On all questions of all cases in order.
    pub verdicts: Vec<Verdict>,
}

impl Case {
    /// The backend's answers, in the order of the questions.
    pub fn judge(&self, backend: &dyn SignatureBackend) -> Vec<Verdict> {
        let keys = self.keys.read();
        let verdict = |question: &Question| {
            let accepted = keys.clone().and_then(|keys| question.judge(&keys, backend));
            accepted.map_or_else(Verdict::Refused, Verdict::Accepted)
        };
        self.questions.iter().map(verdict).collect()
    }
}

impl Keys {
    /// The keys as the product reads them.
    ///
    /// # Errors
    /// Why it does not.
    pub fn read(&self) -> Result<KeySet, String> {
        match self {
            Self::Set(set) => {
                KeySet::parse(set.to_string().as_bytes()).map_err(|error| error.to_string())
            }
            Self::Secret(secret) => {
                KeySet::from_secret(&bytes(secret)?).map_err(|error| error.to_string())
            }
        }
    }
}

impl Question {
    fn judge(&self, keys: &KeySet, backend: &dyn SignatureBackend) -> Result<String, String> {
        match self {
            Self::Token(token) => {
                let all = Algorithm::ALL.into_iter().collect();
                let payload = Jws::parse(token.as_bytes())
                    .and_then(|jws| jws.verify(all, keys, backend))
                    .map_err(|error| error.to_string())?;
                Ok(URL_SAFE_NO_PAD.encode(payload))
            }
            Self::Signature { algorithm, input, signature } => {
                let key = keys.keys().first().ok_or("no usable key")?;
                let algorithm: Algorithm =
                    algorithm.parse().map_err(|_| "no algorithm of ours".to_owned())?;
                let signature = bytes(signature)?;
                // As `Jws::verify` does before it asks a backend.
                if signature.len() != key.signature_bytes(algorithm) {
                    return Err("length".to_owned());
                }
                let verified = backend.verify(key, algorithm, &bytes(input)?, &signature);
                verified.map(|()| String::new()).map_err(|error| error.to_string())
            }
        }
    }
}

fn bytes(text: &str) -> Result<Vec<u8>, String> {
    decode_base64url(text.as_bytes()).ok_or_else(|| "not base64url".to_owned())
}
