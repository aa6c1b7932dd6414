//! Tokens: a plan says what one shall be, minting makes it with the provider's keys of this run, and
//! the truth about it is what the reference evaluator is told, so that it need not verify anything.

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value, json};

use super::reference::has_wrong_types;
use crate::Result;
use crate::idp::{Alg, Idp, TokenSpec, now};

/// The secret of the policies' `hmac` issuer.
pub const HMAC_SECRET: &str =
    "a secret of sixty-four bytes, which is the length of a SHA-512 hash.";
/// Stands for the provider's issuer in plans.
pub const IDP: &str = "@idp@";

/// What a token shall be:
/// `{"kind":"jwt","alg","kid","header","claims","spoil"}`, where `kid` is the key that signs,
/// `header` changes the header, and `spoil` is `flip` (the signature), `cut` or `add` (the text);
/// `{"kind":"opaque","reply"}`; or `{"kind":"text","text"}`, which no provider knows.
/// `{"@now": 60}` is the time in a minute.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan(pub Value);

/// What is true of a token.
#[derive(Debug, Clone, PartialEq)]
pub struct Truth {
    /// The token.
    pub text: String,
    /// Whether it is a JWS in compact form.
    pub is_jwt: bool,
    /// The JWS's header.
    pub header: Value,
    /// The JWS's claims.
    pub claims: Value,
    /// The key id and algorithm of a right signature; None: it is by nobody's key.
    pub signed: Option<(String, String)>,
    /// What the provider says of it (RFC 7662).
    pub reply: Value,
}

impl Plan {
    /// Whether a provider that is asked about it says nothing that is an answer (RFC 7662 section 2.2).
    pub(crate) fn is_useless(&self) -> bool {
        let plan = resolved(&self.0, "");
        let reply = plan.get("reply");
        let vague = reply.is_some_and(|it| !it.get("active").is_some_and(Value::is_boolean));
        vague || reply.or(plan.get("claims")).is_some_and(has_wrong_types)
    }

    /// Makes the token.
    ///
    /// # Errors
    /// When the provider has no such key.
    pub fn mint(&self, idp: &Idp) -> Result<Truth> {
        let plan = resolved(&self.0, idp.issuer());
        let member = |name: &str| plan.get(name).and_then(Value::as_str).unwrap_or_default();
        let object = |name: &str| plan.get(name).cloned().unwrap_or(Value::Object(Map::new()));
        let inactive = json!({ "active": false });
        match member("kind") {
            "text" => return Ok(Truth::unknown(member("text"))),
            "opaque" => {
                let text = idp.opaque(object("reply"))?;
                return Ok(Truth { reply: object("reply"), ..Truth::unknown(&text) });
            }
            _ => {}
        }
        let (name, kid) = (member("alg"), member("kid"));
        let (header, claims) = (object("header"), object("claims"));
        let (mut text, listed) = match Alg::ALL.iter().find(|alg| alg.name() == name) {
            Some(alg) => (signed(idp, *alg, kid, &header, &claims)?, true),
            None => (unlisted(name, &header, &claims), false),
        };
        let before = text.clone();
        match member("spoil") {
            "flip" => text = flipped(&text)?,
            "cut" => text = text.rsplit_once('.').map_or("", |(head, _)| head).to_owned(),
            "add" => text.push_str(".x"),
            _ => {}
        }
        let is_jwt = text == before || member("spoil") == "flip";
        let whole = text == before;
        let parts = text.split('.').next().unwrap_or_default();
        let header = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(parts)?)?;
        // The provider knows what it minted, until it has expired.
        let active = claims.get("exp").and_then(Value::as_u64) > Some(now()) && whole && listed;
        let reply = match (active, &claims) {
            (true, Value::Object(claims)) => {
                let mut reply = claims.clone();
                reply.insert("active".to_owned(), json!(true));
                Value::Object(reply)
            }
            _ => inactive,
        };
        let signed = whole.then(|| (kid.to_owned(), name.to_owned()));
        Ok(Truth { text, is_jwt, header, claims, signed, reply })
    }
}

impl Truth {
    /// Text that nobody minted.
    #[must_use]
    pub fn unknown(text: &str) -> Self {
        Self {
            text: text.to_owned(),
            is_jwt: false,
            header: Value::Null,
            claims: Value::Null,
            signed: None,
            reply: json!({ "active": false }),
        }
    }
}

fn signed(idp: &Idp, alg: Alg, kid: &str, header: &Value, claims: &Value) -> Result<String> {
    let claims = claims.as_object().cloned().unwrap_or_default();
    let mut spec = TokenSpec::new(alg, claims).kid(kid);
    for (name, value) in header.as_object().into_iter().flatten() {
        spec = spec.header(name, value.clone());
    }
    idp.mint(&spec)
}

/// `HS*` with the policies' secret, and `none`.
fn unlisted(alg: &str, changes: &Value, claims: &Value) -> String {
    let mut header = json!({ "alg": alg, "typ": "JWT" });
    for (name, value) in changes.as_object().into_iter().flatten() {
        if let (Some(own), false) = (header.as_object_mut(), value.is_null()) {
            own.insert(name.clone(), value.clone());
        }
    }
    let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let input = format!("{}.{}", encode(&header), encode(claims));
    let hash = match alg {
        "HS256" => hmac::HMAC_SHA256,
        "HS384" => hmac::HMAC_SHA384,
        "HS512" => hmac::HMAC_SHA512,
        _ => return format!("{input}."),
    };
    let tag = hmac::sign(&hmac::Key::new(hash, HMAC_SECRET.as_bytes()), input.as_bytes());
    format!("{input}.{}", URL_SAFE_NO_PAD.encode(tag.as_ref()))
}

/// The same token with one bit of its signature flipped.
fn flipped(token: &str) -> Result<String> {
    let (input, signature) = token.rsplit_once('.').ok_or("not a compact JWS")?;
    let mut bytes = URL_SAFE_NO_PAD.decode(signature)?;
    let middle = bytes.len().checked_div(2).unwrap_or(0);
    *bytes.get_mut(middle).ok_or("no signature")? ^= 1;
    Ok(format!("{input}.{}", URL_SAFE_NO_PAD.encode(bytes)))
}

/// The plan with this run's times and issuer.
fn resolved(value: &Value, issuer: &str) -> Value {
    match value {
        Value::Object(members) => {
            if let Some(offset) = members.get("@now").and_then(Value::as_i64) {
                let now = i64::try_from(now()).unwrap_or(i64::MAX);
                return json!(now.saturating_add(offset));
            }
            let own = |(name, value): (&String, &Value)| (name.clone(), resolved(value, issuer));
            Value::Object(members.iter().map(own).collect())
        }
        Value::Array(items) => items.iter().map(|item| resolved(item, issuer)).collect(),
        Value::String(text) => json!(text.replace(IDP, issuer)),
        Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_plan_becomes_a_token_and_its_truth() {
        let idp = Idp::start(0).await.unwrap();
        let good = json!({
            "kind": "jwt", "alg": "ES256", "kid": "es-1",
            "claims": { "iss": "@idp@", "exp": { "@now": 600 } },
        });
        let truth = Plan(good.clone()).mint(&idp).unwrap();
        assert_eq!(truth.signed, Some(("es-1".to_owned(), "ES256".to_owned())));
        assert_eq!(truth.claims["iss"], idp.issuer());
        assert_eq!(truth.reply["active"], true);
        assert_eq!(idp.introspections()[&truth.text], truth.reply);
        let mut bad = good;
        bad["spoil"] = json!("flip");
        let truth = Plan(bad).mint(&idp).unwrap();
        assert_eq!((truth.signed, truth.is_jwt), (None, true));
        assert_eq!(truth.reply["active"], false);
    }
}
