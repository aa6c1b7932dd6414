//! The backend that runs everywhere, wasm included: the `rsa`, `p256`, `p384`, `p521` and `ed25519-dalek` crates.
//! It is slow in wasm (22 times native), so the filter uses Envoy's function where it can.
//! Verification only: no private key is ever in this crate, which is why `rsa`'s timing advisory does not apply.

use ed25519_dalek::Verifier as _;
use rsa::RsaPublicKey;
use rsa::pkcs1v15::Pkcs1v15Sign;
use rsa::pkcs8::AssociatedOid;
use rsa::sha2::digest::FixedOutputReset;
use rsa::sha2::{Digest, Sha256, Sha384, Sha512};
use rsa::signature::Verifier as _;

use crate::algorithm::Algorithm;
use crate::key::Key;
use crate::material::Material;
use crate::signature::{SignatureBackend, SignatureInvalid};

/// All ten algorithms in Rust.
#[derive(Clone, Copy, Debug, Default)]
pub struct Pure;

impl SignatureBackend for Pure {
    fn verify(
        &self,
        key: &Key,
        algorithm: Algorithm,
        signing_input: &[u8],
        signature: &[u8],
    ) -> Result<(), SignatureInvalid> {
        let valid = match (algorithm, key.material()) {
            (Algorithm::Rs256, Material::Rsa(key)) => {
                pkcs1::<Sha256>(key, signing_input, signature)
            }
            (Algorithm::Rs384, Material::Rsa(key)) => {
                pkcs1::<Sha384>(key, signing_input, signature)
            }
            (Algorithm::Rs512, Material::Rsa(key)) => {
                pkcs1::<Sha512>(key, signing_input, signature)
            }
            (Algorithm::Ps256, Material::Rsa(key)) => pss::<Sha256>(key, signing_input, signature),
            (Algorithm::Ps384, Material::Rsa(key)) => pss::<Sha384>(key, signing_input, signature),
            (Algorithm::Ps512, Material::Rsa(key)) => pss::<Sha512>(key, signing_input, signature),
            (Algorithm::Es256, Material::P256(key)) => {
                p256::ecdsa::Signature::from_slice(signature)
                    .is_ok_and(|signature| key.verify(signing_input, &signature).is_ok())
            }
            (Algorithm::Es384, Material::P384(key)) => {
                p384::ecdsa::Signature::from_slice(signature)
                    .is_ok_and(|signature| key.verify(signing_input, &signature).is_ok())
            }
            (Algorithm::Es512, Material::P521(key)) => {
                p521::ecdsa::Signature::from_slice(signature)
                    .is_ok_and(|signature| key.verify(signing_input, &signature).is_ok())
            }
            // Not `verify_strict`: weak keys are refused when the set is read, and AWS-LC judges the rest this way.
            (Algorithm::EdDsa, Material::Ed25519(key)) => {
                ed25519_dalek::Signature::from_slice(signature)
                    .is_ok_and(|signature| key.verify(signing_input, &signature).is_ok())
            }
            (_, _) => false,
        };
        if valid { Ok(()) } else { Err(SignatureInvalid) }
    }
}

fn pkcs1<D: Digest + AssociatedOid>(
    key: &RsaPublicKey,
    signing_input: &[u8],
    signature: &[u8],
) -> bool {
    key.verify(Pkcs1v15Sign::new::<D>(), &D::digest(signing_input), signature).is_ok()
}

/// The salt is as long as the digest (RFC 7518 section 3.5). Through `VerifyingKey`, because `RsaPublicKey::verify` with
/// `Pss` does not compare the signature with the modulus, so that a second text of one signature would pass.
fn pss<D: Digest + FixedOutputReset>(
    key: &RsaPublicKey,
    signing_input: &[u8],
    signature: &[u8],
) -> bool {
    let key = rsa::pss::VerifyingKey::<D>::new(key.clone());
    rsa::pss::Signature::try_from(signature)
        .is_ok_and(|signature| key.verify(signing_input, &signature).is_ok())
}
