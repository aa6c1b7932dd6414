//! The tokens of the cases, minted by the identity provider when they are needed.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::Result;
use crate::idp::{Alg, Claims, Idp, now};

/// A credential of a case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Token {
    /// None at all.
    No,
    /// A new one.
    Fresh(Kind),
    /// The one that was used before under this name, minted at its first use.
    Known(Kind),
    /// Two Authorization headers with good tokens.
    Two,
}

/// What a token is like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "their words say it")]
pub enum Kind {
    Rs256,
    Es256,
    Expired,
    WrongAudience,
    WrongIssuer,
    UnknownKid,
    BadSignature,
    AlgNone,
    Hs256,
    NoScope,
    Opaque,
    OpaqueInactive,
    OpaqueRefresh,
    OpaqueNoScope,
}

impl Kind {
    fn words(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256 token",
            Self::Es256 => "ES256 token",
            Self::Expired => "expired token",
            Self::WrongAudience => "token for another audience",
            Self::WrongIssuer => "token of another issuer",
            Self::UnknownKid => "token with an unknown kid",
            Self::BadSignature => "token with a bad signature",
            Self::AlgNone => "token with alg none",
            Self::Hs256 => "HS256 token signed with the public key",
            Self::NoScope => "token without the scope",
            Self::Opaque => "opaque token",
            Self::OpaqueInactive => "inactive opaque token",
            Self::OpaqueRefresh => "opaque refresh token",
            Self::OpaqueNoScope => "opaque token without the scope",
        }
    }

    /// Mints one.
    ///
    /// # Errors
    /// When the provider cannot.
    pub fn mint(self, idp: &Idp) -> Result<String> {
        let nothing = |_: &mut Claims| {};
        let set = |name: &'static str, value: Value| {
            move |claims: &mut Claims| {
                claims.insert(name.to_owned(), value);
            }
        };
        match self {
            Self::Rs256 => idp.access_token(nothing),
            Self::Es256 => idp.access_token_with(Alg::Es256, nothing),
            Self::Expired => idp.access_token(set("exp", json!(now().saturating_sub(3600)))),
            Self::WrongAudience => idp.access_token(set("aud", json!("invoices"))),
            Self::WrongIssuer => idp.access_token(set("iss", json!("https://idp.example/other"))),
            Self::UnknownKid => idp.unknown_kid(nothing),
            Self::BadSignature => idp.bad_signature(Alg::Rs256, nothing),
            Self::AlgNone => idp.unsigned(nothing),
            Self::Hs256 => idp.hs256_with_public_key(nothing),
            Self::NoScope => idp.access_token(set("scope", json!("orders.write"))),
            Self::Opaque => opaque(idp, &[("scope", json!("reports.read"))]),
            Self::OpaqueInactive => idp.opaque(json!({ "active": false })),
            Self::OpaqueRefresh => opaque(
                idp,
                &[("scope", json!("reports.read")), ("token_type", json!("refresh_token"))],
            ),
            Self::OpaqueNoScope => opaque(idp, &[]),
        }
    }
}

fn opaque(idp: &Idp, changes: &[(&str, Value)]) -> Result<String> {
    let mut reply = idp.active_reply()?;
    if let Some(members) = reply.as_object_mut() {
        for (name, value) in changes {
            members.insert((*name).to_owned(), value.clone());
        }
    }
    idp.opaque(reply)
}

impl Token {
    /// The credential as the demo prints it.
    #[must_use]
    pub fn words(self) -> String {
        match self {
            Self::No => "no token".to_owned(),
            Self::Two => "two Authorization headers".to_owned(),
            Self::Fresh(kind) => kind.words().to_owned(),
            Self::Known(kind) => format!("{} seen before", kind.words()),
        }
    }
}

/// The tokens used so far.
#[derive(Debug, Default)]
pub struct Wallet {
    known: BTreeMap<Kind, String>,
}

impl Wallet {
    /// The tokens to send, one for each Authorization header.
    ///
    /// # Errors
    /// When the provider cannot mint.
    pub fn tokens(&mut self, idp: &Idp, token: Token) -> Result<Vec<String>> {
        Ok(match token {
            Token::No => Vec::new(),
            Token::Two => vec![Kind::Rs256.mint(idp)?, Kind::Rs256.mint(idp)?],
            Token::Fresh(kind) => {
                let token = kind.mint(idp)?;
                self.known.insert(kind, token.clone());
                vec![token]
            }
            Token::Known(kind) => match self.known.get(&kind) {
                Some(token) => vec![token.clone()],
                None => return self.tokens(idp, Token::Fresh(kind)),
            },
        })
    }
}
