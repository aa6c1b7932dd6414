//! The tokens that the provider knows, and RFC 7662: who may ask, and what is answered.

use std::collections::HashMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};

use super::Claims;

/// Known tokens. A token that is not here is inactive.
#[derive(Debug, Default)]
pub(super) struct Tokens {
    by_token: HashMap<String, Known>,
}

#[derive(Debug)]
enum Known {
    Minted(Claims),
    Opaque(Value),
}

impl Tokens {
    pub(super) fn add_minted(&mut self, token: &str, claims: &Claims) {
        self.by_token.insert(token.to_owned(), Known::Minted(claims.clone()));
    }

    pub(super) fn add_opaque(&mut self, token: &str, reply: Value) {
        self.by_token.insert(token.to_owned(), Known::Opaque(reply));
    }

    pub(super) fn revoke(&mut self, token: &str) {
        self.by_token.remove(token);
    }

    pub(super) fn reply(&self, token: &str, now: u64) -> Value {
        self.by_token.get(token).map_or_else(inactive, |known| known.reply(now))
    }

    pub(super) fn replies(&self, now: u64) -> Value {
        self.by_token.iter().map(|(token, known)| (token.clone(), known.reply(now))).collect()
    }
}

impl Known {
    fn reply(&self, now: u64) -> Value {
        match self {
            Self::Opaque(reply) => reply.clone(),
            Self::Minted(claims) if claims.get("exp").and_then(Value::as_u64) > Some(now) => {
                let mut reply = claims.clone();
                reply.insert("active".to_owned(), Value::Bool(true));
                Value::Object(reply)
            }
            Self::Minted(_) => inactive(),
        }
    }
}

fn inactive() -> Value {
    json!({ "active": false })
}

/// The client that a request names, by HTTP Basic or in its form (RFC 6749, 2.3.1).
pub(super) fn client(authorization: Option<&str>, form: &Form) -> Option<(String, String)> {
    let Some(authorization) = authorization else {
        return Some((form.field("client_id")?, form.field("client_secret")?));
    };
    let (scheme, encoded) = authorization.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let (id, secret) = decoded.split_once(':')?;
    Some((form_decode(id), form_decode(secret)))
}

/// A form body.
#[derive(Debug)]
pub(super) struct Form {
    fields: Vec<(String, String)>,
}

impl Form {
    pub(super) fn parse(body: &[u8]) -> Self {
        let text = String::from_utf8_lossy(body);
        let pairs = text.split('&').filter(|pair| !pair.is_empty());
        let fields = pairs.map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (form_decode(name), form_decode(value))
        });
        Self { fields: fields.collect() }
    }

    /// The value of a field that is there exactly once (RFC 6749, 3.2).
    pub(super) fn field(&self, name: &str) -> Option<String> {
        let mut found = self.fields.iter().filter(|(own, _)| own == name);
        let value = found.next()?.1.clone();
        found.next().is_none().then_some(value)
    }
}

fn form_decode(text: &str) -> String {
    percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Name, `authorization`, form, expected client.
    type Case =
        (&'static str, Option<&'static str>, &'static str, Option<(&'static str, &'static str)>);

    const CASES: &[Case] = &[
        ("basic", Some("Basic Z2F0ZTpzZWNyZXQ="), "", Some(("gate", "secret"))),
        ("encoded basic", Some("basic YSUzQWI6YytkJTI1"), "", Some(("a:b", "c d%"))),
        ("form", None, "client_id=gate&client_secret=s%2Bx", Some(("gate", "s+x"))),
        ("twice in the form", None, "client_id=a&client_id=b&client_secret=s", None),
        ("half a form", None, "client_id=gate", None),
        ("bearer", Some("Bearer x"), "client_id=gate&client_secret=secret", None),
        ("broken base64", Some("Basic !"), "", None),
        ("no colon", Some("Basic Z2F0ZQ=="), "", None),
        ("nothing", None, "", None),
    ];

    #[test]
    fn clients_are_read_from_basic_or_form() {
        for (name, authorization, form, expected) in CASES {
            let got = client(*authorization, &Form::parse(form.as_bytes()));
            let expected = expected.map(|(id, secret)| (id.to_owned(), secret.to_owned()));
            assert_eq!(got, expected, "{name}");
        }
    }

    #[test]
    fn minted_tokens_expire_and_opaque_ones_speak_for_themselves() {
        let mut tokens = Tokens::default();
        let claims = json!({ "exp": 100, "sub": "a" });
        tokens.add_minted("t", claims.as_object().unwrap());
        tokens.add_opaque("o", json!({ "active": "yes" }));
        assert_eq!(tokens.reply("t", 99), json!({ "active": true, "exp": 100, "sub": "a" }));
        assert_eq!(tokens.reply("t", 100), inactive());
        assert_eq!(tokens.reply("o", 100), json!({ "active": "yes" }));
        tokens.revoke("t");
        assert_eq!(tokens.reply("t", 99), inactive());
        assert_eq!(tokens.replies(99), json!({ "o": { "active": "yes" } }));
    }
}
