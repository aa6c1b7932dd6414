//! The curves of RFC 7518 section 6.2.1.1 by their numbers: y^2 = x^3 - 3x + b. From NIST SP 800-186 section 3.2.1, as in SEC 2.

use crate::key::KeyType;

/// A curve. Big-endian, all of one length.
#[derive(Debug)]
pub(crate) struct Curve {
    pub(crate) key_type: KeyType,
    /// The order of the field that coordinates are of.
    pub(crate) field: &'static [u8],
    pub(crate) b: &'static [u8],
    /// How many points there are; a prime.
    pub(crate) order: &'static [u8],
    /// The base point.
    pub(crate) x: &'static [u8],
    pub(crate) y: &'static [u8],
}

impl Curve {
    /// The length of a coordinate, and of each half of a signature.
    pub(crate) const fn bytes(&self) -> usize {
        self.field.len()
    }
}

/// NIST P-256.
pub(crate) static P256: Curve = Curve {
    key_type: KeyType::P256,
    field: &hex::<32>(b"ffffffff00000001000000000000000000000000ffffffffffffffffffffffff"),
    b: &hex::<32>(b"5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604b"),
    order: &hex::<32>(b"ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551"),
    x: &hex::<32>(b"6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296"),
    y: &hex::<32>(b"4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5"),
};

/// NIST P-384.
pub(crate) static P384: Curve = Curve {
    key_type: KeyType::P384,
    field: &hex::<48>(b"fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffeffffffff0000000000000000ffffffff"),
    b: &hex::<48>(b"b3312fa7e23ee7e4988e056be3f82d19181d9c6efe8141120314088f5013875ac656398d8a2ed19d2a85c8edd3ec2aef"),
    order: &hex::<48>(b"ffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973"),
    x: &hex::<48>(b"aa87ca22be8b05378eb1c71ef320ad746e1d3b628ba79b9859f741e082542a385502f25dbf55296c3a545e3872760ab7"),
    y: &hex::<48>(b"3617de4a96262c6f5d9e98bf9292dc29f8f41dbd289a147ce9da3113b5f0b8c00a60b1ce1d7e819d7a431d7c90ea0e5f"),
};

/// NIST P-521.
pub(crate) static P521: Curve = Curve {
    key_type: KeyType::P521,
    field: &hex::<66>(b"01ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"),
    b: &hex::<66>(b"0051953eb9618e1c9a1f929a21a0b68540eea2da725b99b315f3b8b489918ef109e156193951ec7e937b1652c0bd3bb1bf073573df883d2c34f1ef451fd46b503f00"),
    order: &hex::<66>(b"01fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffa51868783bf2f966b7fcc0148f709a5d03bb5c9b8899c47aebb6fb71e91386409"),
    x: &hex::<66>(b"00c6858e06b70404e9cd9e3ecb662395b4429c648139053fb521f828af606b4d3dbaa14b5e77efe75928fe1dc127a2ffa8de3348b3c1856a429bf97e7e31c2e5bd66"),
    y: &hex::<66>(b"011839296a789a3bc0045c8a5fb42c7d1bd998f54449579b446817afbd17273e662c97ee72995ef42640c550b9013fad0761353c7086a272c24088be94769fd16650"),
};

/// The bytes that hexadecimal digits stand for.
#[expect(
    clippy::indexing_slicing,
    clippy::as_conversions,
    clippy::arithmetic_side_effects,
    clippy::panic,
    reason = "evaluated at compile time, where each of them is an error"
)]
const fn hex<const N: usize>(digits: &[u8]) -> [u8; N] {
    const fn digit(of: u8) -> u8 {
        match (of as char).to_digit(16) {
            Some(value) => value as u8,
            None => panic!("no digit"),
        }
    }
    assert!(digits.len() == 2 * N, "another length");
    let mut bytes = [0; N];
    let mut at = 0;
    while at < N {
        bytes[at] = digit(digits[2 * at]) << 4 | digit(digits[2 * at + 1]);
        at += 1;
    }
    bytes
}
