//! The grants that the suite uses, and tokens that an attacker makes from their answers. The secrets are those of the
//! fixtures: a client's is `CLIENT-secret`, a user's password `USER-password`. Verifies nothing.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

use super::{Keycloak, ok};
use crate::Result;

/// Who asks for a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Grant {
    /// The client itself (RFC 6749 section 4.4).
    Client,
    /// A user by password (RFC 6749 section 4.3); with the scope `openid` there is an ID token too.
    Password(&'static str),
}

/// What a grant gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tokens {
    /// The access token.
    pub access: String,
    /// The ID token; empty where there is none.
    pub id: String,
    /// The refresh token; empty where there is none.
    pub refresh: String,
}

impl Keycloak {
    /// New tokens for a client of a realm, with these scopes, or with the default ones alone.
    ///
    /// # Errors
    /// When Keycloak refuses.
    pub async fn tokens(
        &self,
        realm: &str,
        client: &str,
        grant: Grant,
        scope: &str,
    ) -> Result<Tokens> {
        let secret = format!("{client}-secret");
        let mut form = vec![("client_id", client), ("client_secret", &secret)];
        if !scope.is_empty() {
            form.push(("scope", scope));
        }
        let password;
        match grant {
            Grant::Client => form.push(("grant_type", "client_credentials")),
            Grant::Password(user) => {
                password = format!("{user}-password");
                form.extend([("grant_type", "password"), ("username", user)]);
                form.push(("password", &password));
            }
        }
        self.granted(realm, &form).await
    }

    /// The answer of the token endpoint to a form.
    pub(super) async fn granted(&self, realm: &str, form: &[(&str, &str)]) -> Result<Tokens> {
        let path = format!("/realms/{realm}/protocol/openid-connect/token");
        let answer = ok(self.post_form(&path, form).await?, 200)?.json()?;
        let text =
            |name: &str| answer.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        let (access, id, refresh) = (text("access_token"), text("id_token"), text("refresh_token"));
        Ok(Tokens { access, id, refresh })
    }

    /// Revokes a token of a client (RFC 7009).
    ///
    /// # Errors
    /// When Keycloak refuses.
    pub async fn revoke(&self, realm: &str, client: &str, token: &str) -> Result<()> {
        let secret = format!("{client}-secret");
        let form = [("client_id", client), ("client_secret", &secret), ("token", token)];
        let path = format!("/realms/{realm}/protocol/openid-connect/revoke");
        ok(self.post_form(&path, &form).await?, 200).map(drop)
    }
}

pub(super) fn form(fields: &[(&str, &str)]) -> String {
    let encode = |text| utf8_percent_encode(text, NON_ALPHANUMERIC);
    let fields = fields.iter().map(|(name, value)| format!("{}={}", encode(name), encode(value)));
    fields.collect::<Vec<_>>().join("&")
}

/// The header of a JWT.
///
/// # Errors
/// When it is none.
pub fn header(token: &str) -> Result<Value> {
    part(token, 0)
}

/// The claims of a JWT.
///
/// # Errors
/// When it is none.
pub fn claims(token: &str) -> Result<Value> {
    part(token, 1)
}

fn part(token: &str, index: usize) -> Result<Value> {
    let part = token.split('.').nth(index).ok_or("no JWT")?;
    Ok(serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part)?)?)
}

/// The token with another key id, and the signature as it was.
///
/// # Errors
/// When it is no JWT.
pub fn with_kid(token: &str, kid: &str) -> Result<String> {
    changed(token, 0, "kid", Value::from(kid))
}

/// The token with another claim, and the signature as it was.
///
/// # Errors
/// When it is no JWT.
pub fn with_claim(token: &str, name: &str, value: Value) -> Result<String> {
    changed(token, 1, name, value)
}

/// The token with the first byte of its signature changed.
///
/// # Errors
/// When it is no JWT.
pub fn with_other_signature(token: &str) -> Result<String> {
    let (signed, signature) = token.rsplit_once('.').ok_or("no JWT")?;
    let mut bytes = URL_SAFE_NO_PAD.decode(signature)?;
    if let Some(first) = bytes.first_mut() {
        *first ^= 1;
    }
    Ok(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(bytes)))
}

fn changed(token: &str, index: usize, name: &str, value: Value) -> Result<String> {
    let mut object = part(token, index)?;
    if let Some(members) = object.as_object_mut() {
        members.insert(name.to_owned(), value);
    }
    let encoded = URL_SAFE_NO_PAD.encode(object.to_string());
    let parts = token.split('.').enumerate();
    let parts: Vec<&str> =
        parts.map(|(at, part)| if at == index { encoded.as_str() } else { part }).collect();
    Ok(parts.join("."))
}
