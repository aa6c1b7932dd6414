//! RSA moduli of the generator with CVE-2017-15361 ("ROCA"): smart cards and TPMs whose keys of 2048 bits can be factored
//! from the public half alone. Their primes are powers of 65537 modulo a product of small primes, and so is the modulus,
//! which hardly any other modulus is (Nemec et al., "The Return of Coppersmith's Attack", 2017): by chance one in 2^27.

/// The odd primes of the smallest product that the generator used.
const PRIMES: [u32; 38] = [
    3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97,
    101, 103, 107, 109, 113, 127, 131, 137, 139, 149, 151, 157, 163, 167,
];

/// Whether the modulus, big-endian, looks like one of that generator.
pub(crate) fn is_weak(modulus: &[u8]) -> bool {
    PRIMES.iter().all(|prime| {
        let residue = modulus.iter().fold(0, |residue, byte| step(residue, 256, *byte, *prime));
        is_power(residue, *prime)
    })
}

/// Whether it is one of the powers of 65537, which return to 1 after at most `prime - 1` steps.
fn is_power(residue: u32, prime: u32) -> bool {
    let mut power = 1;
    for _ in 1..prime {
        if power == residue {
            return true;
        }
        power = step(power, 65537, 0, prime);
    }
    false
}

/// `(number * factor + summand) mod prime` for a number below the prime.
fn step(number: u32, factor: u32, summand: u8, prime: u32) -> u32 {
    // At most 166 * 65537 + 255: nothing wraps.
    number.wrapping_mul(factor).wrapping_add(u32::from(summand)).checked_rem(prime).unwrap_or(0)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A number of 2048 bits that is a power of 65537 modulo each of the primes; nobody's key.
    pub(crate) const WEAK: &str = "wAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAhRNadlSiRLOtog2ncyT5VEiZmYxDGqlBI0eZQ";

    #[test]
    fn a_weak_modulus_and_its_neighbours() {
        let weak = crate::base64url::decode(WEAK.as_bytes()).unwrap();
        assert_eq!((weak.len(), weak[255] & 1), (256, 1));
        assert!(is_weak(&weak));
        assert!(is_weak(&[&[0, 0], weak.as_slice()].concat()), "leading zeros change nothing");
        for bit in 1..8u8 {
            let mut other = weak.clone();
            other[255] ^= 1 << bit;
            assert!(!is_weak(&other), "{bit}");
        }
    }

    #[test]
    fn small_numbers() {
        assert!(is_weak(&[1]) && is_weak(&[1, 0, 1]), "powers of 65537");
        for other in [&[0][..], &[2], &[3], &[1, 0, 3], &[0xff; 256], &[]] {
            assert!(!is_weak(other), "{other:?}");
        }
    }
}
