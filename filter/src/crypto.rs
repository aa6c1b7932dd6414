//! Signatures at the host's speed: Envoy's foreign function `verify_signature`, probed once with signatures that are
//! known to be good and bad; pure Rust where the host has none, and for the algorithms it does not know.

use std::borrow::Cow;

use prost::Message;
use prost::encoding::{self, WireType};
use sallyport_jwt::{Algorithm, Key, KeySet, Pure, SignatureBackend, SignatureInvalid, ecdsa_der};

use crate::host;

/// Who computes RS* and ES* signatures in this worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Backend {
    /// The host.
    Host,
    /// We.
    Pure,
}

/// Envoy's `envoy.source.extensions.common.wasm.VerifySignatureArguments`, encoded from what others hold: a message struct
/// would have copies of it all.
fn arguments(hash: &str, public_key: &[u8], signature: &[u8], text: &[u8]) -> Vec<u8> {
    let fields = [hash.as_bytes(), public_key, signature, text];
    // A key and a length for each: a byte, and up to five.
    let size = fields.iter().map(|field| field.len().saturating_add(6)).sum();
    let mut message = Vec::with_capacity(size);
    for (tag, field) in (1..).zip(fields) {
        encoding::encode_key(tag, WireType::LengthDelimited, &mut message);
        encoding::encode_varint(u64::try_from(field.len()).unwrap_or(u64::MAX), &mut message);
        message.extend_from_slice(field);
    }
    message
}

/// Envoy's `VerifySignatureResult`.
#[derive(Clone, PartialEq, Message)]
struct Outcome {
    #[prost(bool, tag = "1")]
    result: bool,
    #[prost(string, tag = "2")]
    error: String,
}

impl Backend {
    /// Asks the host about two good signatures and two bad ones; it is used only if it knows them apart.
    pub(crate) fn probe() -> Self {
        let good = [(RS256, Algorithm::Rs256), (ES256, Algorithm::Es256)];
        let trusted =
            good.iter().all(|(vector, algorithm)| vector.told_apart(*algorithm).unwrap_or(false));
        if trusted { Self::Host } else { Self::Pure }
    }

    /// The word of metrics.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Host => "host",
            Self::Pure => "pure",
        }
    }
}

impl SignatureBackend for Backend {
    fn verify(
        &self,
        key: &Key,
        algorithm: Algorithm,
        input: &[u8],
        signature: &[u8],
    ) -> Result<(), SignatureInvalid> {
        use Algorithm::{
            EdDsa, Es256, Es384, Es512, Hs256, Hs384, Hs512, Ps256, Ps384, Ps512, Rs256, Rs384,
            Rs512,
        };
        let hash = match algorithm {
            Rs256 | Es256 => "sha256",
            Rs384 | Es384 => "sha384",
            Rs512 | Es512 => "sha512",
            Ps256 | Ps384 | Ps512 | EdDsa | Hs256 | Hs384 | Hs512 => {
                return Pure.verify(key, algorithm, input, signature);
            }
        };
        if *self == Self::Pure {
            return Pure.verify(key, algorithm, input, signature);
        }
        let signature = match algorithm {
            Es256 | Es384 | Es512 => ecdsa_der(signature).ok_or(SignatureInvalid)?.into(),
            Rs256 | Rs384 | Rs512 | Ps256 | Ps384 | Ps512 | EdDsa | Hs256 | Hs384 | Hs512 => {
                Cow::Borrowed(signature)
            }
        };
        match ask_host(hash, key.spki_der(), &signature, input) {
            Some(true) => Ok(()),
            Some(false) | None => Err(SignatureInvalid),
        }
    }
}

/// None: the host has no such function, or it failed.
fn ask_host(hash: &str, spki: &[u8], signature: &[u8], text: &[u8]) -> Option<bool> {
    let arguments = arguments(hash, spki, signature, text);
    let reply = host::call_foreign_function("verify_signature", &arguments)?;
    Outcome::decode(reply.as_slice()).ok().map(|outcome| outcome.result)
}

/// A signature that is known to be good.
struct Vector {
    key_set: &'static str,
    input: &'static str,
    /// base64url.
    signature: &'static str,
}

impl Vector {
    fn told_apart(&self, algorithm: Algorithm) -> Option<bool> {
        let set = KeySet::parse(self.key_set.as_bytes()).ok()?;
        let key = set.keys().first()?;
        let signature = sallyport_jwt::decode_base64url(self.signature.as_bytes())?;
        let good = Backend::Host.verify(key, algorithm, self.input.as_bytes(), &signature).is_ok();
        let mut forged = self.input.as_bytes().to_vec();
        *forged.last_mut()? ^= 1;
        let bad = Backend::Host.verify(key, algorithm, &forged, &signature).is_err();
        Some(good && bad)
    }
}

/// RFC 7515 appendix A.2.
const RS256: Vector = Vector {
    key_set: r#"{"keys":[{"kty":"RSA","n":"ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ","e":"AQAB"}]}"#,
    input: "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ",
    signature: "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw",
};

/// RFC 7515 appendix A.3.
const ES256: Vector = Vector {
    key_set: r#"{"keys":[{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}]}"#,
    input: "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ",
    signature: "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q",
};

#[cfg(test)]
mod tests {
    use prost::Message;

    use super::{Algorithm, Backend, ES256, KeySet, RS256, SignatureBackend};

    /// Envoy's message, as a library reads it.
    #[derive(Clone, PartialEq, Message)]
    struct Arguments {
        #[prost(string, tag = "1")]
        hash_function: String,
        #[prost(bytes = "vec", tag = "2")]
        public_key: Vec<u8>,
        #[prost(bytes = "vec", tag = "3")]
        signature: Vec<u8>,
        #[prost(bytes = "vec", tag = "4")]
        text: Vec<u8>,
    }

    #[test]
    fn the_host_reads_what_is_written() {
        for length in [1, 127, 128, 70_000] {
            let (key, signature, text) = (vec![1; length], vec![2; 64], vec![3; length]);
            let message = super::arguments("sha256", &key, &signature, &text);
            let read = Arguments::decode(message.as_slice()).unwrap();
            let hash_function = "sha256".to_owned();
            assert_eq!(read, Arguments { hash_function, public_key: key, signature, text });
        }
    }

    #[test]
    fn without_a_host_the_probe_chooses_pure() {
        assert_eq!(Backend::probe(), Backend::Pure);
    }

    #[test]
    fn the_probe_vectors_are_what_they_claim() {
        for (vector, algorithm) in [(RS256, Algorithm::Rs256), (ES256, Algorithm::Es256)] {
            let set = KeySet::parse(vector.key_set.as_bytes()).unwrap();
            let signature = sallyport_jwt::decode_base64url(vector.signature.as_bytes()).unwrap();
            let verify = |input: &str| {
                Backend::Pure.verify(&set.keys()[0], algorithm, input.as_bytes(), &signature)
            };
            assert!(verify(vector.input).is_ok());
            assert!(verify("forged").is_err());
        }
    }
}
