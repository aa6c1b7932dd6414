//! Secrets of HS* issuers as keys: read where the policy says, decoded, long enough for every algorithm that the policy
//! allows. No message quotes one, nor tells its length. Called when a policy is loaded, and by `sallyport check`.

use std::path::Path;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use sallyport_jwt::{AlgorithmSet, KeySet};
use sallyport_policy::{HmacIssuer, SecretEncoding};

use crate::secret::{self, Secret, SecretError};
use crate::source_file::Sources;

/// Where a policy says it, below `issuers.NAME`.
pub(crate) const PLACE: &str = "hmac.secret";
/// What to do about it.
pub(crate) const FIX: &str = "put the secret there, readable by the sidecar: at least 32 bytes for HS256, 48 for HS384, 64 for HS512";

/// With and without padding.
const CONFIG: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
const BASE64: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, CONFIG);
const BASE64URL: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, CONFIG);

/// The issuer's one key; none: its policy is a copy without secrets.
///
/// # Errors
/// See [`SecretError`].
pub(crate) fn key_set(
    issuer: &HmacIssuer,
    directory: &Path,
    sources: &mut Sources,
) -> Result<Option<KeySet>, SecretError> {
    let Some(source) = &issuer.secret else { return Ok(None) };
    let secret = secret::read(source, directory, sources)?;
    key(&secret, issuer.encoding, issuer.rules.algorithms).map(Some)
}

fn key(
    secret: &Secret,
    encoding: SecretEncoding,
    algorithms: AlgorithmSet,
) -> Result<KeySet, SecretError> {
    let unusable = |what: &str| SecretError::Unusable(format!("the secret {what}"));
    let bytes = match encoding {
        SecretEncoding::Utf8 => secret.expose().as_bytes().to_vec(),
        SecretEncoding::Base64 => {
            decode(&BASE64, secret).ok_or_else(|| unusable("is not base64"))?
        }
        SecretEncoding::Base64url => {
            decode(&BASE64URL, secret).ok_or_else(|| unusable("is not base64url"))?
        }
    };
    let set = KeySet::from_secret(&bytes)
        .map_err(|_| unusable("is shorter than 32 bytes (RFC 7518 section 3.2)"))?;
    let allows = |algorithm| set.keys().iter().any(|key| key.allows(algorithm));
    match algorithms.iter().find(|algorithm| !allows(*algorithm)) {
        None => Ok(set),
        Some(algorithm) => Err(SecretError::Unusable(format!(
            "the secret is too short for {algorithm} (RFC 7518 section 3.2)"
        ))),
    }
}

/// Tools break long base64 into lines.
fn decode(engine: &GeneralPurpose, secret: &Secret) -> Option<Vec<u8>> {
    let text: String =
        secret.expose().chars().filter(|char| !matches!(char, '\n' | '\r')).collect();
    engine.decode(text).ok()
}

#[cfg(test)]
mod tests {
    use sallyport_jwt::Algorithm;
    use sallyport_policy::SecretEncoding;

    use super::key;
    use crate::secret::{Secret, SecretError};

    const A: &str = "canary-canary-canary-canary-cana";

    /// Name, secret, encoding, algorithms, what the message says; none: it is a key.
    type Case =
        (&'static str, &'static str, SecretEncoding, &'static [Algorithm], Option<&'static str>);
    const CASES: &[Case] = &[
        ("32 bytes", A, SecretEncoding::Utf8, &[Algorithm::Hs256], None),
        (
            "31 bytes",
            "canary-canary-canary-canary-can",
            SecretEncoding::Utf8,
            &[Algorithm::Hs256],
            Some("is shorter than 32 bytes"),
        ),
        (
            "too short for one of them",
            A,
            SecretEncoding::Utf8,
            &[Algorithm::Hs256, Algorithm::Hs512],
            Some("too short for HS512"),
        ),
        (
            "base64",
            "Y2FuYXJ5LWNhbmFyeS1jYW5hcnktY2FuYXJ5LWNhbmE=",
            SecretEncoding::Base64,
            &[Algorithm::Hs256],
            None,
        ),
        (
            "base64 without padding, in lines",
            "Y2FuYXJ5LWNhbmFyeS1j\nYW5hcnktY2FuYXJ5LWNhbmE\n",
            SecretEncoding::Base64,
            &[Algorithm::Hs256],
            None,
        ),
        (
            "base64url",
            "__________________________________________8",
            SecretEncoding::Base64url,
            &[Algorithm::Hs256],
            None,
        ),
        (
            "base64url is not base64",
            "__________________________________________8",
            SecretEncoding::Base64,
            &[Algorithm::Hs256],
            Some("is not base64"),
        ),
        (
            "the decoded bytes count",
            "Y2FuYXJ5LWNhbmFyeS1jYW5hcnktY2FuYXJ5LWNhbg==",
            SecretEncoding::Base64,
            &[Algorithm::Hs256],
            Some("is shorter than 32 bytes"),
        ),
        ("not base64", A, SecretEncoding::Base64, &[Algorithm::Hs256], Some("is not base64")),
    ];

    #[test]
    fn secrets_become_keys_or_are_refused_without_being_told() {
        for (name, text, encoding, algorithms, expected) in CASES {
            let secret = Secret::from_bytes(text.as_bytes().to_vec()).unwrap();
            let made = key(&secret, *encoding, algorithms.iter().copied().collect());
            match (made, expected) {
                (Ok(set), None) => {
                    assert_eq!(set.keys().len(), 1, "{name}");
                    assert!(!format!("{set:?}").contains("canary"), "{name}");
                }
                (Err(SecretError::Unusable(what)), Some(part)) => {
                    assert!(what.contains(part), "{name}: {what}");
                    assert!(!what.contains("canary") && !what.contains("Y2Fu"), "{name}: {what}");
                }
                (made, _) => panic!("{name}: {made:?}"),
            }
        }
    }
}
