//! Arithmetic modulo an odd number of any length, in Montgomery's form (Mathematics of Computation 44, 1985): a number x
//! stands for x * R, where R is 2^32 to the number of limbs. Limbs of 32 bits, least significant first, since wasm
//! multiplies no more than that into one register.
//!
//! For public data alone: time and memory accesses depend on the numbers.

use std::cell::Cell;
use std::cmp::Ordering;

/// An odd modulus above 2.
#[derive(Clone, Debug)]
pub(crate) struct Modulus {
    limbs: Vec<u32>,
    /// `-1 / limbs[0]` modulo 2^32.
    inverse: u32,
    /// R * R: what brings a number into the form.
    square: Vec<u32>,
}

impl Modulus {
    /// From its big-endian bytes. None: it is even, or below 3.
    pub(crate) fn new(bytes: &[u8]) -> Option<Self> {
        let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
        let bytes = bytes.get(zeros..)?;
        let limbs = limbs(bytes, bytes.len().div_ceil(4))?;
        let lowest = *limbs.first()?;
        if lowest & 1 == 0 || bytes == [1] {
            return None;
        }
        let mut modulus = Self { square: Vec::new(), inverse: inverse(lowest), limbs };
        modulus.square = modulus.square_of_r();
        Some(modulus)
    }

    /// How many limbs it has.
    pub(crate) const fn len(&self) -> usize {
        self.limbs.len()
    }

    /// Its own limbs.
    pub(crate) fn limbs(&self) -> &[u32] {
        &self.limbs
    }

    /// R * R.
    pub(crate) fn square(&self) -> &[u32] {
        &self.square
    }

    /// A big-endian number below it. None: it is not below it.
    pub(crate) fn number(&self, bytes: &[u8]) -> Option<Vec<u32>> {
        let number = limbs(bytes, self.len())?;
        (compare(&number, &self.limbs) == Ordering::Less).then_some(number)
    }

    /// `out` becomes a * b / R. All three have this modulus' length; one of a and b is below it, the other below R.
    // Two sums run along the limbs: of a with a digit of b, and of the modulus with the factor that makes the lowest limb
    // zero, so that the sum can be shifted down by one. None of them overflows: (2^32 - 1)^2 + 2 * (2^32 - 1) is 2^64 - 1.
    pub(crate) fn multiply(&self, out: &mut [u32], a: &[u32], b: &[u32]) {
        out.fill(0);
        let mut top = 0_u64;
        let sum = Cell::from_mut(&mut *out).as_slice_of_cells();
        let (Some((sum_0, sum_rest)), Some((a_0, a_rest))) = (sum.split_first(), a.split_first())
        else {
            return;
        };
        let (Some((m_0, m_rest)), Some(last)) = (self.limbs.split_first(), sum.last()) else {
            return;
        };
        for digit in b {
            let x = multiply_add(*a_0, *digit, sum_0.get(), 0);
            let factor = low(x).wrapping_mul(self.inverse);
            let y = multiply_add(*m_0, factor, low(x), 0);
            let (mut carry_a, mut carry_m) = (high(x), high(y));
            for (((to, from), a), m) in sum.iter().zip(sum_rest).zip(a_rest).zip(m_rest) {
                let x = multiply_add(*a, *digit, from.get(), carry_a);
                let y = multiply_add(*m, factor, low(x), carry_m);
                (carry_a, carry_m) = (high(x), high(y));
                to.set(low(y));
            }
            top = top.wrapping_add(u64::from(carry_a)).wrapping_add(u64::from(carry_m));
            last.set(low(top));
            top = u64::from(high(top));
        }
        self.reduce(out, top != 0);
    }

    /// a + b, modulo this.
    pub(crate) fn add(&self, out: &mut [u32], a: &[u32], b: &[u32]) {
        out.copy_from_slice(a);
        let above = add(out, b);
        self.reduce(out, above);
    }

    /// a - b, modulo this.
    pub(crate) fn subtract(&self, out: &mut [u32], a: &[u32], b: &[u32]) {
        out.copy_from_slice(a);
        if subtract(out, b) {
            add(out, &self.limbs);
        }
    }

    /// `base` to the power of `exponent`, both as they are: neither the base nor what comes of it is in Montgomery's form.
    pub(crate) fn power(&self, base: &[u32], exponent: &[u32]) -> Vec<u32> {
        let mut one = vec![0; self.len()];
        if let Some(lowest) = one.first_mut() {
            *lowest = 1;
        }
        let (mut result, mut formed, mut next) = (one.clone(), one.clone(), one.clone());
        self.multiply(&mut formed, base, &self.square);
        self.multiply(&mut result, &one, &self.square);
        for bit in bits(exponent).skip_while(|bit| !bit) {
            self.multiply(&mut next, &result, &result);
            std::mem::swap(&mut next, &mut result);
            if bit {
                self.multiply(&mut next, &result, &formed);
                std::mem::swap(&mut next, &mut result);
            }
        }
        self.multiply(&mut next, &result, &one);
        next
    }

    /// Takes the modulus off once, if the number, with what is above it, is not below.
    fn reduce(&self, number: &mut [u32], above: bool) {
        if above || compare(number, &self.limbs) != Ordering::Less {
            subtract(number, &self.limbs);
        }
    }

    /// By doubling from the highest power of two below the modulus to R * 2^length, and from there by squaring: each squaring
    /// doubles what is above R.
    fn square_of_r(&self) -> Vec<u32> {
        let mut number = vec![0; self.len()];
        let unused = self.limbs.last().map_or(0, |highest| highest.leading_zeros());
        if let Some(highest) = number.last_mut() {
            *highest = 0x8000_0000_u32.checked_shr(unused).unwrap_or(0);
        }
        let mut doubled = number.clone();
        // The power is 2^(32 * length - unused - 1).
        let unused = usize::try_from(unused).unwrap_or(0);
        for _ in 0..self.len().saturating_add(unused).saturating_add(1) {
            self.add(&mut doubled, &number, &number);
            std::mem::swap(&mut number, &mut doubled);
        }
        for _ in 0..5 {
            self.multiply(&mut doubled, &number, &number);
            std::mem::swap(&mut number, &mut doubled);
        }
        number
    }
}

/// Big-endian bytes as so many limbs. None: it is longer.
pub(crate) fn limbs(bytes: &[u8], length: usize) -> Option<Vec<u32>> {
    let mut limbs: Vec<u32> = bytes
        .rchunks(4)
        .map(|chunk| chunk.iter().fold(0, |limb, byte| limb << 8 | u32::from(*byte)))
        .collect();
    while limbs.len() > length && limbs.last() == Some(&0) {
        limbs.pop();
    }
    if limbs.len() > length {
        return None;
    }
    limbs.resize(length, 0);
    Some(limbs)
}

/// So many big-endian bytes. What does not fit is cut off above.
pub(crate) fn bytes(limbs: &[u32], length: usize) -> Vec<u8> {
    let mut bytes: Vec<u8> = limbs.iter().flat_map(|limb| limb.to_le_bytes()).collect();
    bytes.resize(length, 0);
    bytes.reverse();
    bytes
}

/// The bits, highest first.
pub(crate) fn bits(limbs: &[u32]) -> impl Iterator<Item = bool> {
    limbs.iter().rev().flat_map(|limb| (0..32).rev().map(move |at| limb >> at & 1 == 1))
}

pub(crate) fn compare(a: &[u32], b: &[u32]) -> Ordering {
    a.iter().rev().cmp(b.iter().rev())
}

/// a + b. True: the sum is that much below what it should be, R.
pub(crate) fn add(a: &mut [u32], b: &[u32]) -> bool {
    let mut carry = false;
    for (a, b) in a.iter_mut().zip(b) {
        let (sum, above) = a.overflowing_add(*b);
        let (sum, still) = sum.overflowing_add(u32::from(carry));
        *a = sum;
        carry = above || still;
    }
    carry
}

/// a - b. True: b is the larger one, and what is left is that much above R.
fn subtract(a: &mut [u32], b: &[u32]) -> bool {
    let mut borrow = false;
    for (a, b) in a.iter_mut().zip(b) {
        let (difference, below) = a.overflowing_sub(*b);
        let (difference, still) = difference.overflowing_sub(u32::from(borrow));
        *a = difference;
        borrow = below || still;
    }
    borrow
}

/// -1 / odd modulo 2^32: five of Newton's steps, each of which doubles the bits that are right, from one.
fn inverse(odd: u32) -> u32 {
    let mut inverse = 1_u32;
    for _ in 0..5 {
        inverse = inverse.wrapping_mul(2_u32.wrapping_sub(odd.wrapping_mul(inverse)));
    }
    inverse.wrapping_neg()
}

/// a * b + c + d.
#[inline]
fn multiply_add(a: u32, b: u32, c: u32, d: u32) -> u64 {
    u64::from(a).wrapping_mul(u64::from(b)).wrapping_add(u64::from(c)).wrapping_add(u64::from(d))
}

#[inline]
fn low(x: u64) -> u32 {
    u32::try_from(x & u64::from(u32::MAX)).unwrap_or_default()
}

#[inline]
fn high(x: u64) -> u32 {
    u32::try_from(x >> 32).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rsa::BoxedUint;

    use super::{Modulus, bytes, high, limbs, low};

    proptest! {
        /// Against another library's plain arithmetic: a * b, a + b, a - b and a^e modulo m.
        #[test]
        fn it_is_arithmetic(
            mut m in proptest::collection::vec(any::<u8>(), 1..70),
            a in proptest::collection::vec(any::<u8>(), 1..90),
            b in proptest::collection::vec(any::<u8>(), 1..90),
            exponent in any::<u64>(),
        ) {
            *m.last_mut().unwrap() |= 1;
            let Some(modulus) = Modulus::new(&m) else {
                prop_assert!(m.iter().rev().skip(1).all(|byte| *byte == 0) && m.last() == Some(&1));
                return Ok(());
            };
            let wide = |x: &[u8]| {
                let mut whole = x.to_vec();
                whole.reverse();
                whole.resize(100, 0);
                whole.reverse();
                BoxedUint::from_be_slice_vartime(&whole)
            };
            let m = wide(&m).to_nz().unwrap();
            let (a, b) = (wide(&a).rem_vartime(&m), wide(&b).rem_vartime(&m));
            let own = |x: &BoxedUint| modulus.number(&x.to_be_bytes()).unwrap();
            let theirs = |x: &[u32]| wide(&bytes(x, 80));
            let mut out = vec![0; modulus.len()];
            let mut formed = out.clone();
            modulus.multiply(&mut formed, &own(&a), modulus.square());
            modulus.multiply(&mut out, &formed, &own(&b));
            prop_assert_eq!(theirs(&out), a.mul_mod(&b, &m));
            // One of two factors may be above the modulus.
            let most = vec![u32::MAX; modulus.len()];
            modulus.multiply(&mut formed, &own(&b), modulus.square());
            modulus.multiply(&mut out, &most, &formed);
            let rest = wide(&bytes(&most, 80)).rem_vartime(&m);
            prop_assert_eq!(theirs(&out), rest.mul_mod(&b, &m));
            modulus.multiply(&mut out, &formed, &most);
            prop_assert_eq!(theirs(&out), rest.mul_mod(&b, &m));
            modulus.add(&mut out, &own(&a), &own(&b));
            prop_assert_eq!(theirs(&out), a.add_mod(&b, &m));
            modulus.subtract(&mut out, &own(&a), &own(&b));
            prop_assert_eq!(theirs(&out), a.sub_mod(&b, &m));
            let mut power = wide(&[1]).rem_vartime(&m);
            for bit in (0..64).rev() {
                power = power.mul_mod(&power, &m);
                if exponent >> bit & 1 == 1 {
                    power = power.mul_mod(&a, &m);
                }
            }
            let own_power = modulus.power(&own(&a), &[low(exponent), high(exponent)]);
            prop_assert_eq!(theirs(&own_power), power);
        }
    }

    #[test]
    fn numbers_and_bytes() {
        let modulus = Modulus::new(&[1, 0, 0, 0, 1]).unwrap();
        assert_eq!(modulus.number(&[1, 0, 0, 0, 0]).unwrap(), [0, 1]);
        assert_eq!(modulus.number(&[1, 0, 0, 0, 1]), None);
        assert_eq!(modulus.number(&[0, 0, 0, 0, 0, 0, 0, 0, 0, 7]).unwrap(), [7, 0]);
        assert_eq!(modulus.number(&[1, 0, 0, 0, 0, 0, 0, 0, 0, 7]), None);
        assert_eq!(bytes(&[0x0102_0304, 5], 6), [0, 5, 1, 2, 3, 4]);
        assert_eq!(limbs(&[1, 2, 3, 4, 5], 1), None);
        for refused in [&[][..], &[0], &[1], &[0, 0, 0, 1], &[2], &[255, 254]] {
            assert!(Modulus::new(refused).is_none(), "{refused:?}");
        }
    }
}
