//! Tokens that every door has to refuse. All carry good claims, so that nothing but the attack is
//! wrong with them.

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::keys::ENCRYPTION_KID;
use super::{Alg, Claims, Idp, TokenSpec, token};
use crate::{Result, locked};

impl Idp {
    /// `alg: none` and an empty signature (RFC 8725, 2.1).
    ///
    /// # Errors
    /// When the system gives no random bytes.
    pub fn unsigned(&self, change: impl FnOnce(&mut Claims)) -> Result<String> {
        let spec = self.spec(change)?;
        let input = spec.header("kid", serde_json::Value::Null).signing_input("none", "");
        Ok(token::join(&input, &[]))
    }

    /// `alg: HS256`, with the PEM text of the RS256 public key as the secret (RFC 8725, 2.1).
    ///
    /// # Errors
    /// When the key has no PEM form.
    pub fn hs256_with_public_key(&self, change: impl FnOnce(&mut Claims)) -> Result<String> {
        let spec = self.spec(change)?;
        let keys = locked(&self.state.keys);
        let key = keys.current(Alg::Rs256)?;
        let input = spec.signing_input("HS256", key.kid());
        let secret = hmac::Key::new(hmac::HMAC_SHA256, key.spki_pem()?.as_bytes());
        Ok(token::join(&input, hmac::sign(&secret, input.as_bytes()).as_ref()))
    }

    /// A good token with one bit of its signature flipped.
    ///
    /// # Errors
    /// As [`Idp::mint`].
    pub fn bad_signature(&self, alg: Alg, change: impl FnOnce(&mut Claims)) -> Result<String> {
        flip_signature(&self.access_token_with(alg, change)?)
    }

    /// A token by the current key whose header names a key that nobody has.
    ///
    /// # Errors
    /// As [`Idp::mint`].
    pub fn unknown_kid(&self, change: impl FnOnce(&mut Claims)) -> Result<String> {
        let spec = self.spec(change)?.header("kid", format!("unknown-{}", token::random()?));
        spec.sign_with(locked(&self.state.keys).current(Alg::Rs256)?)
    }

    /// A token whose signature is right, by the key that the JWKS lists for encryption only.
    ///
    /// # Errors
    /// As [`Idp::mint`].
    pub fn signed_by_encryption_key(&self, change: impl FnOnce(&mut Claims)) -> Result<String> {
        self.mint(&self.spec(change)?.kid(ENCRYPTION_KID))
    }

    fn spec(&self, change: impl FnOnce(&mut Claims)) -> Result<TokenSpec> {
        let mut claims = self.claims()?;
        change(&mut claims);
        Ok(TokenSpec::new(Alg::Rs256, claims))
    }
}

/// The same token with one bit of its signature flipped.
///
/// # Errors
/// When it is no compact JWS with a signature.
fn flip_signature(token: &str) -> Result<String> {
    let (input, signature) = token.rsplit_once('.').ok_or("not a compact JWS")?;
    let mut signature = URL_SAFE_NO_PAD.decode(signature)?;
    let middle = signature.len().checked_div(2).unwrap_or(0);
    *signature.get_mut(middle).ok_or("no signature")? ^= 1;
    Ok(token::join(input, &signature))
}
