//! The tokens that verify, and everything that must not: what the targets `token` and `mutation` hold an answer against.

use std::collections::BTreeSet;
use std::sync::{Arc, LazyLock};

use sallyport_jwt::{
    Algorithm, AlgorithmSet, Jws, KeySet, Pure, SignatureBackend, TokenError, TokenRules, UnixTime,
    Unverified, decode_base64url,
};

use crate::native::Native;
use crate::seeds;

/// When the seeds are valid.
pub(crate) const NOW: UnixTime = UnixTime(1_800_000_000);

/// The seeds and the keys that made them.
pub(crate) struct World {
    texts: BTreeSet<Vec<u8>>,
    public: KeySet,
    secret: KeySet,
    rules: TokenRules,
    algorithms: AlgorithmSet,
}

static WORLD: LazyLock<Result<Arc<World>, String>> = LazyLock::new(|| World::read().map(Arc::new));

/// Orders of P-256, P-384 and P-521 (SEC 2).
const ORDERS: [&str; 3] = [
    "_____wAAAAD__________7zm-q2nF56E87nKwvxjJVE",
    "________________________________x2NNgfQ3Ld9YGg2ySLCneuzsGWrMxSlz",
    "Af__________________________________________-lGGh4O_L5Zrf8wBSPcJpdA7tcm4iZxHrrtvtx6ROGQJ",
];

/// What both backends said, for the JWS alone and for the token: the same, or it is a finding.
type Answer = Result<Vec<u8>, TokenError>;

impl World {
    /// Read once.
    pub(crate) fn get() -> Result<Arc<Self>, String> {
        WORLD.clone()
    }

    fn read() -> Result<Self, String> {
        let texts = seeds::folder("fuzz/seeds/token")?.into_iter().collect();
        let public = KeySet::parse(&seeds::file("fuzz/seeds/keys/jwks.json")?)
            .map_err(|error| error.to_string())?;
        let secret = decode_base64url(&seeds::file("fuzz/seeds/keys/secret")?)
            .ok_or("the secret is not base64url")?;
        let secret = KeySet::from_secret(&secret).map_err(|error| error.to_string())?;
        let algorithms: AlgorithmSet = Algorithm::ALL.into_iter().collect();
        let rules = TokenRules {
            audiences: vec!["orders".to_owned()],
            algorithms,
            ..TokenRules::new("https://idp.example/realms/main")
        };
        Ok(Self { texts, public, secret, rules, algorithms })
    }

    /// Whether any set of keys accepts it as a token.
    ///
    /// # Errors
    /// It is accepted and is neither a seed nor one with its second signature; it is one and is refused; the backends
    /// disagree; a JWS is refused whose token is accepted.
    pub(crate) fn judge(&self, text: &[u8]) -> Result<bool, String> {
        let known = self.is_known(text);
        let mut accepted = false;
        for (name, keys) in [("public keys", &self.public), ("the secret", &self.secret)] {
            let token = same(name, self.token(text, keys, &Pure), self.token(text, keys, &Native))?;
            let jws = same(name, self.jws(text, keys, &Pure), self.jws(text, keys, &Native))?;
            if (token.is_ok() || jws.is_ok()) && !known {
                return Err(format!("accepted with {name}, and is none of the seeds"));
            }
            if token.is_ok() && token != jws {
                return Err(format!("a token with {name}, and as a JWS {jws:?}"));
            }
            accepted |= token.is_ok();
        }
        if known && !accepted {
            return Err("a seed is refused".to_owned());
        }
        Ok(accepted)
    }

    fn token(&self, text: &[u8], keys: &KeySet, backend: &dyn SignatureBackend) -> Answer {
        let unverified = Unverified::parse(text)?;
        unverified.clone().verify(&self.rules, keys, NOW, backend)?;
        Ok(payload(text))
    }

    fn jws(&self, text: &[u8], keys: &KeySet, backend: &dyn SignatureBackend) -> Answer {
        Jws::parse(text)?.verify(self.algorithms, keys, backend)
    }

    /// A seed, or one with its second signature.
    fn is_known(&self, text: &[u8]) -> bool {
        if self.texts.contains(text) {
            return true;
        }
        let Some(dot) = text.iter().rposition(|byte| *byte == b'.') else { return false };
        let (input, signature) = text.split_at(dot + 1);
        // One text for one signature: another would not decode.
        let Some(first) = decode_base64url(signature).and_then(|bytes| second_signature(&bytes))
        else {
            return false;
        };
        self.texts.iter().filter(|seed| is_ecdsa(seed)).any(|seed| {
            seed.strip_prefix(input).and_then(decode_base64url).is_some_and(|bytes| bytes == first)
        })
    }
}

fn same<T: PartialEq + std::fmt::Debug>(keys: &str, pure: T, native: T) -> Result<T, String> {
    if pure == native {
        Ok(pure)
    } else {
        Err(format!("with {keys}, Pure says {pure:?} and Native {native:?}"))
    }
}

fn is_ecdsa(text: &[u8]) -> bool {
    let algorithm = Jws::parse(text).ok().and_then(|jws| jws.algorithm());
    matches!(algorithm, Some(Algorithm::Es256 | Algorithm::Es384 | Algorithm::Es512))
}

fn payload(text: &[u8]) -> Vec<u8> {
    text.split(|byte| *byte == b'.').nth(1).and_then(decode_base64url).unwrap_or_default()
}

/// (r, n - s) for (r, s): of one key over one text, both are signatures. None where n is not larger than s.
pub(crate) fn second_signature(bytes: &[u8]) -> Option<Vec<u8>> {
    let (r, s) = bytes.split_at_checked(bytes.len() / 2)?;
    let order = ORDERS
        .iter()
        .filter_map(|order| decode_base64url(order.as_bytes()))
        .find(|n| n.len() == s.len())?;
    let mut out = r.to_vec();
    let mut difference = vec![0; s.len()];
    let mut borrow = 0;
    for ((place, n), s) in difference.iter_mut().zip(&order).zip(s).rev() {
        let value = i16::from(*n) - i16::from(*s) - borrow;
        borrow = i16::from(value < 0);
        *place = u8::try_from(value.rem_euclid(256)).ok()?;
    }
    out.append(&mut difference);
    (borrow == 0).then_some(out)
}
