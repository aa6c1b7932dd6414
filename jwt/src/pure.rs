//! The backend that runs everywhere, wasm included: the `rsa`, `p256`, `p384`, `p521` and `curve25519-dalek` crates, and `hmac`.
//! It is slow in wasm (22 times native), so the filter uses Envoy's function where it can.
//! Verification only: no private key of these is ever in this crate, which is why `rsa`'s timing advisory does not apply.

use p256::ecdsa::signature::Verifier as _;
use rsa::RsaPublicKey;
use rsa::pkcs1v15::Pkcs1v15Sign;
use sha2::digest::FixedOutputReset;
use sha2::{Digest, Sha256, Sha384, Sha512};

use crate::algorithm::Algorithm;
use crate::key::Key;
use crate::material::Material;
use crate::signature::{SignatureBackend, SignatureInvalid};

/// All algorithms in Rust. HS* are computed here alone: other backends hand them on.
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
                let hash = Sha256::digest(signing_input);
                pkcs1(&key.key, Pkcs1v15Sign::new::<Sha256>(), &hash, signature)
            }
            (Algorithm::Rs384, Material::Rsa(key)) => {
                let hash = Sha384::digest(signing_input);
                pkcs1(&key.key, Pkcs1v15Sign::new::<Sha384>(), &hash, signature)
            }
            (Algorithm::Rs512, Material::Rsa(key)) => {
                let hash = Sha512::digest(signing_input);
                pkcs1(&key.key, Pkcs1v15Sign::new::<Sha512>(), &hash, signature)
            }
            (Algorithm::Ps256, Material::Rsa(key)) => {
                pss::<Sha256>(&key.key, signing_input, signature)
            }
            (Algorithm::Ps384, Material::Rsa(key)) => {
                pss::<Sha384>(&key.key, signing_input, signature)
            }
            (Algorithm::Ps512, Material::Rsa(key)) => {
                pss::<Sha512>(&key.key, signing_input, signature)
            }
            (Algorithm::Es256, Material::P256(key)) => es256(key, signing_input, signature),
            (Algorithm::Es384, Material::P384(key)) => es384(key, signing_input, signature),
            (Algorithm::Es512, Material::P521(key)) => es512(key, signing_input, signature),
            (Algorithm::EdDsa, Material::Ed25519(key)) => key.verifies(signing_input, signature),
            (Algorithm::Hs256 | Algorithm::Hs384 | Algorithm::Hs512, Material::Octets(secret)) => {
                secret.made(algorithm, signing_input, signature)
            }
            (_, _) => false,
        };
        if valid { Ok(()) } else { Err(SignatureInvalid) }
    }
}

// Not one function over the curve, and none of them inlined: each is kilobytes of wasm, and rarely runs there.

#[inline(never)]
fn es256(key: &p256::ecdsa::VerifyingKey, signing_input: &[u8], signature: &[u8]) -> bool {
    p256::ecdsa::Signature::from_slice(signature)
        .is_ok_and(|signature| key.verify(signing_input, &signature).is_ok())
}

#[inline(never)]
fn es384(key: &p384::ecdsa::VerifyingKey, signing_input: &[u8], signature: &[u8]) -> bool {
    p384::ecdsa::Signature::from_slice(signature)
        .is_ok_and(|signature| key.verify(signing_input, &signature).is_ok())
}

#[inline(never)]
fn es512(key: &p521::ecdsa::VerifyingKey, signing_input: &[u8], signature: &[u8]) -> bool {
    p521::ecdsa::Signature::from_slice(signature)
        .is_ok_and(|signature| key.verify(signing_input, &signature).is_ok())
}

/// The hash comes computed, so that the arithmetic is compiled once.
#[inline(never)]
fn pkcs1(key: &RsaPublicKey, scheme: Pkcs1v15Sign, hash: &[u8], signature: &[u8]) -> bool {
    key.verify(scheme, hash, signature).is_ok()
}

/// The salt is as long as the digest (RFC 7518 section 3.5). Through `VerifyingKey`, because `RsaPublicKey::verify` with
/// `Pss` does not compare the signature with the modulus, so that a second text of one signature would pass.
#[inline(never)]
fn pss<D: Digest + FixedOutputReset>(
    key: &RsaPublicKey,
    signing_input: &[u8],
    signature: &[u8],
) -> bool {
    let key = rsa::pss::VerifyingKey::<D>::new(key.clone());
    rsa::pss::Signature::try_from(signature)
        .is_ok_and(|signature| key.verify(signing_input, &signature).is_ok())
}
