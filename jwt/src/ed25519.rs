//! Ed25519 (RFC 8032 section 5.1.7): the key, and verification that needs two fifths of the usual time in wasm.
//!
//! Verification computes [s]B - [k]A, and nearly all of its time goes into 253 doublings. Both points are known long before
//! the signature, so multiples of them are kept and 15 doublings remain. Measured with V8 and 700 bytes of input: 107 us
//! without tables, 45 us with them; AWS-LC, native, 44 us. With overflow checks inside `curve25519-dalek` they take 125 and 52.
//! Point and scalar arithmetic is all that crate's; its 64-bit backend takes 188 us in wasm, 32 bits are its default.
//!
//! Only public data is handled, so time and memory accesses may depend on it. `material` makes keys, `pure` asks them.

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, OnceLock};

use curve25519_dalek::constants::ED25519_BASEPOINT_POINT;
use curve25519_dalek::edwards::{CompressedEdwardsY, EdwardsPoint};
use curve25519_dalek::scalar::Scalar;
use curve25519_dalek::traits::Identity as _;
use sha2::{Digest as _, Sha512};

use crate::limits::MAX_ED25519_COMBS;

/// A public key. Clones share the table.
#[derive(Clone, Debug)]
pub(crate) struct Ed25519Key {
    bytes: [u8; 32],
    /// The inverse of the key's point, as the equation needs it.
    minus: EdwardsPoint,
    comb: Arc<OnceLock<KeyComb>>,
}

impl Ed25519Key {
    /// Absent where the bytes are no point, one of small order, or not the canonical encoding (RFC 8032 section 5.1.3):
    /// libraries judge the last two differently.
    pub(crate) fn from_bytes(bytes: &[u8; 32]) -> Option<Self> {
        let point = CompressedEdwardsY(*bytes).decompress()?;
        if point.is_small_order() || point.compress().as_bytes() != bytes {
            return None;
        }
        let minus = subtract(&EdwardsPoint::identity(), &point);
        Some(Self { bytes: *bytes, minus, comb: Arc::default() })
    }

    /// Whether `signature` is valid: `s` is below the order, and the encoding of [s]B - [k]A is the signature's R byte
    /// for byte. That is the equation without the cofactor, which AWS-LC and `BoringSSL` check.
    pub(crate) fn verifies(&self, input: &[u8], signature: &[u8]) -> bool {
        let Some((r, s)) = signature.split_first_chunk::<32>() else { return false };
        let Some(s) = s.try_into().ok().and_then(|s| Scalar::from_canonical_bytes(s).into()) else {
            return false;
        };
        let hash = Sha512::new_with_prefix(r).chain_update(self.bytes).chain_update(input);
        let k = Scalar::from_bytes_mod_order_wide(&hash.finalize().into());
        let valid = self.combine(&s, &k).is_some_and(|sum| sum.compress().as_bytes() == r);
        if valid {
            self.grow_comb();
        }
        valid
    }

    /// [s]B - [k]A.
    fn combine(&self, s: &Scalar, k: &Scalar) -> Option<EdwardsPoint> {
        match self.comb.get() {
            Some(KeyComb { comb, .. }) => Comb::combine(&BASE, s, comb, k),
            None => Some(EdwardsPoint::vartime_double_scalar_mul_basepoint(k, &self.minus, s)),
        }
    }

    /// Makes the table, 40 KiB and the time of three verifications. Called after a valid signature only, so that nobody
    /// but the issuer can cause it.
    fn grow_comb(&self) {
        if self.comb.get().is_none()
            && let Some(place) = Place::take(&PLACES_TAKEN)
        {
            // Where another thread was faster, this gives the place back.
            self.comb.get_or_init(|| KeyComb { comb: Comb::new(self.minus), _place: place });
        }
    }
}

/// A key's table, and its place among the [`MAX_ED25519_COMBS`].
struct KeyComb {
    comb: Comb,
    _place: Place,
}

impl fmt::Debug for KeyComb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyComb").finish_non_exhaustive()
    }
}

/// One of the [`MAX_ED25519_COMBS`] places, given back on drop.
struct Place(&'static AtomicUsize);

static PLACES_TAKEN: AtomicUsize = AtomicUsize::new(0);

impl Place {
    fn take(taken: &'static AtomicUsize) -> Option<Self> {
        let one_more = |taken: usize| taken.checked_add(1).filter(|now| *now <= MAX_ED25519_COMBS);
        // Not `then_some`, which would make a place, and give it back, where there is none.
        taken.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more).ok().map(|_| Self(taken))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The table of the base point, made with the first key's.
static BASE: LazyLock<Comb> = LazyLock::new(|| Comb::new(ED25519_BASEPOINT_POINT));

/// Rows that [`Comb::combine`] walks, with a doubling between them.
const ROWS: usize = 16;

/// The bit of a column that says whether the entry is added or subtracted.
const SIGN: u8 = 0x80;

/// A signed comb of eight teeth, 32 bits apart, for one point P (Lim and Lee, CRYPTO '94; the signs: Hamburg,
/// <https://eprint.iacr.org/2012/309>, section 3.3). More tables cost 20 KiB and spare doublings: one table took 51 us,
/// two 45, four 43.5, eight 41.
struct Comb {
    point: EdwardsPoint,
    /// Table t holds 128 points: 2^(16 t) (2^(7 * 32) P +- 2^(6 * 32) P +- ... +- P), with a plus for tooth i where bit i of
    /// the index is set.
    tables: [Vec<EdwardsPoint>; 2],
}

impl Comb {
    fn new(point: EdwardsPoint) -> Self {
        let mut teeth = [Vec::new(), Vec::new()];
        let mut power = point;
        for _tooth in 0..8 {
            for teeth in &mut teeth {
                teeth.push(power);
                for _row in 0..ROWS {
                    power = add(&power, &power);
                }
            }
        }
        Self { point, tables: teeth.map(table) }
    }

    /// [s]P + [k]Q for scalars that are reduced. `None` cannot happen: every index is masked to its array.
    fn combine(p: &Self, s: &Scalar, q: &Self, k: &Scalar) -> Option<EdwardsPoint> {
        let (s_columns, k_columns) = (columns(s), columns(k));
        let mut sum = EdwardsPoint::identity();
        for row in (0..ROWS).rev() {
            sum = add(&sum, &sum);
            sum = p.add_row(sum, &s_columns, row)?;
            sum = q.add_row(sum, &k_columns, row)?;
        }
        sum = p.even_out(sum, s);
        Some(q.even_out(sum, k))
    }

    fn add_row(
        &self,
        mut sum: EdwardsPoint,
        columns: &[u8; 32],
        row: usize,
    ) -> Option<EdwardsPoint> {
        for (table, columns) in self.tables.iter().zip(columns.as_chunks::<ROWS>().0) {
            let column = *columns.get(row)?;
            sum = if column & SIGN != 0 {
                add(&sum, table.get(usize::from(column & !SIGN))?)
            } else {
                subtract(&sum, table.get(usize::from(!column & !SIGN))?)
            };
        }
        Some(sum)
    }

    /// Takes away what [`columns`] added to an even scalar. Not the order instead, which would be odd too: a key may have a
    /// part of small order, on which the order's multiple is not nothing.
    fn even_out(&self, sum: EdwardsPoint, scalar: &Scalar) -> EdwardsPoint {
        let even = scalar.as_bytes().first().is_some_and(|byte| byte & 1 == 0);
        if even { subtract(&sum, &self.point) } else { sum }
    }
}

/// All sums of the last tooth plus or minus the others. A later tooth doubles the list, which makes it the index's higher bit.
fn table(mut teeth: Vec<EdwardsPoint>) -> Vec<EdwardsPoint> {
    let mut sums: Vec<_> = teeth.pop().into_iter().collect();
    for tooth in &teeth {
        let less = sums.iter().map(|sum| subtract(sum, tooth));
        let more = sums.iter().map(|sum| add(sum, tooth));
        sums = less.chain(more).collect();
    }
    sums
}

/// The scalar, or the one above it where it is even, as a sum of +2^i and -2^i for all i below 256. Bit t of column c tells
/// the sign of i = 32 t + c.
///
/// With +-1 = 2b - 1 the bits b of an odd x are (x + 2^256 - 1) / 2 = floor(x / 2) + 2^255, as x is below 2^253.
fn columns(scalar: &Scalar) -> [u8; 32] {
    let mut columns = [0; 32];
    let mut above = 1;
    for word in scalar.as_bytes().as_chunks::<4>().0.iter().rev() {
        let word = u32::from_le_bytes(*word);
        let mut signs = (word >> 1) | (above << 31);
        above = word;
        for column in &mut columns {
            *column = (*column << 1) | u8::from(signs & 1 == 1);
            signs >>= 1;
        }
    }
    columns
}

/// Addition is complete on this curve: it has no exceptional points and cannot fail. Not inlined: V8 compiles this small
/// function well and a loop with four copies of it less so.
#[inline(never)]
#[expect(clippy::arithmetic_side_effects, reason = "curve25519-dalek's addition is total")]
fn add(a: &EdwardsPoint, b: &EdwardsPoint) -> EdwardsPoint {
    a + b
}

/// See [`add`].
#[inline(never)]
#[expect(clippy::arithmetic_side_effects, reason = "curve25519-dalek's subtraction is total")]
fn subtract(a: &EdwardsPoint, b: &EdwardsPoint) -> EdwardsPoint {
    a - b
}

#[cfg(test)]
mod tests {
    use curve25519_dalek::constants::EIGHT_TORSION;
    use ed25519_dalek::{Signer as _, SigningKey};

    use super::*;

    fn scalar(seed: u8) -> Scalar {
        Scalar::from_bytes_mod_order_wide(&Sha512::digest([seed]).into())
    }

    #[test]
    fn a_comb_computes_what_dalek_does() {
        let mut scalars: Vec<_> = (0..10).map(scalar).collect();
        scalars.extend((0_u64..6).map(Scalar::from));
        scalars.extend((1_u64..6).map(|below| Scalar::ZERO - Scalar::from(below)));
        scalars.extend([u64::MAX, 1 << 15, 1 << 16, 1 << 31, 1 << 32].map(Scalar::from));
        scalars.extend([Scalar::from(u128::MAX), Scalar::from(1_u128 << 127)]);
        // The last has a part of order 8, which a key may have.
        let point = ED25519_BASEPOINT_POINT * scalar(77);
        for point in [ED25519_BASEPOINT_POINT, point, point + EIGHT_TORSION[1]] {
            let comb = Comb::new(point);
            for (place, k) in scalars.iter().enumerate() {
                for s in [k, &scalars[scalars.len() - 1 - place]] {
                    let expected = EdwardsPoint::vartime_double_scalar_mul_basepoint(k, &point, s);
                    assert_eq!(Comb::combine(&BASE, s, &comb, k), Some(expected), "{s:?} {k:?}");
                }
            }
        }
    }

    #[test]
    fn every_bit_of_a_signature_counts_with_a_comb_and_without() {
        let signing = SigningKey::from_bytes(&[7; 32]);
        let key = || Ed25519Key::from_bytes(signing.verifying_key().as_bytes()).unwrap();
        let valid = signing.sign(b"input").to_bytes();
        let (plain, with_comb) = (key(), key());
        with_comb.grow_comb();
        assert!(with_comb.comb.get().is_some());
        for bit in 0..512 {
            let mut signature = valid;
            signature[bit / 8] ^= 1 << (bit % 8);
            assert!(!with_comb.verifies(b"input", &signature), "bit {bit}");
            // Slow without optimisation.
            assert!(bit % 17 != 0 || !plain.verifies(b"input", &signature), "bit {bit}");
        }
        // s + L is the same number to whoever forgets to compare: RFC 8032 section 5.1.7.
        let mut signature = valid;
        let mut carry = 0;
        for (byte, order) in signature[32..].iter_mut().zip(ORDER) {
            let sum = u16::from(*byte).wrapping_add(u16::from(order)).wrapping_add(carry);
            (*byte, carry) = (sum.to_le_bytes()[0], sum >> 8);
        }
        for wrong in [&signature, &valid[..63], &[valid.as_slice(), &[0]].concat(), &[]] {
            assert!(!plain.verifies(b"input", wrong) && !with_comb.verifies(b"input", wrong));
        }
        assert!(plain.comb.get().is_none());
        for key in [&plain, &with_comb] {
            assert!(key.verifies(b"input", &valid) && !key.verifies(b"inputs", &valid));
        }
        assert!(plain.comb.get().is_some(), "the first valid signature makes it");
        assert!(plain.verifies(b"input", &valid) && !plain.verifies(b"inputs", &valid));
    }

    /// L = 2^252 + 27742317777372353535851937790883648493 (RFC 8032 section 5.1).
    const ORDER: [u8; 32] = [
        0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde,
        0x14, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
    ];

    #[test]
    fn only_so_many_combs_exist() {
        static TAKEN: AtomicUsize = AtomicUsize::new(0);
        let mut places: Vec<_> = std::iter::from_fn(|| Place::take(&TAKEN)).collect();
        assert_eq!(places.len(), MAX_ED25519_COMBS);
        places.pop();
        assert!(Place::take(&TAKEN).is_some() && Place::take(&TAKEN).is_some());
        drop(places);
        assert_eq!(TAKEN.load(Ordering::Relaxed), 0);
    }
}
