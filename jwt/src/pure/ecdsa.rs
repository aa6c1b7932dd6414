//! ECDSA on the NIST curves (FIPS 186-5 section 6.4.2). Points are added by the complete formulas of Renes, Costello and
//! Batina (<https://eprint.iacr.org/2015/1060>, algorithm 4): they hold for every pair of points of these curves, equal,
//! opposite and infinite ones too, so there is no case to forget.

use crate::pure::curve::Curve;
use crate::pure::hash::Hash;
use crate::pure::modular::{self, Modulus};

/// Limbs of the longest curve.
const LIMBS: usize = 17;

/// A public key: a point of its curve, and not the infinite one, which has no coordinates.
#[derive(Clone, Debug)]
pub(crate) struct EcKey {
    curve: &'static Curve,
    /// Big-endian, of the curve's length.
    x: Vec<u8>,
    y: Vec<u8>,
}

impl EcKey {
    /// None: a coordinate is not below the field's order, or the point is not on the curve (SEC 1 section 3.2.2.1). It is in
    /// the right group then: all points are, the cofactor is 1.
    pub(crate) fn new(curve: &'static Curve, x: Vec<u8>, y: Vec<u8>) -> Option<Self> {
        let field = Field::of(curve)?;
        let (Some(a), Some(b)) = (field.read(&x), field.read(&y)) else { return None };
        // y^2 = x^3 - 3x + b
        let three = field.sum(&a, &field.sum(&a, &a));
        let cube = field.product(&field.product(&a, &a), &a);
        let right = field.sum(&field.difference(&cube, &three), &field.b);
        (field.product(&b, &b) == right).then_some(Self { curve, x, y })
    }

    /// Its curve.
    pub(crate) const fn curve(&self) -> &'static Curve {
        self.curve
    }

    /// Whether a signature, `r || s`, is of this input. None is as much as false.
    pub(crate) fn verifies(&self, hash: Hash, input: &[u8], signature: &[u8]) -> Option<bool> {
        let order = Modulus::new(self.curve.order)?;
        // Each half is as long as the order: a number has one spelling.
        let (r, s) = signature.split_at_checked(self.curve.bytes())?;
        if s.len() != r.len() {
            return None;
        }
        let (r, s) = (order.number(r)?, order.number(s)?);
        if r.iter().all(|limb| *limb == 0) || s.iter().all(|limb| *limb == 0) {
            return None;
        }
        // No hash is longer than its curve's order, so none is cut.
        let digest = modular::limbs(&hash.of(&[input]), order.len())?;
        // 1 / s by Fermat: the order is prime.
        let mut exponent = order.limbs().to_vec();
        *exponent.first_mut()? = exponent.first()?.checked_sub(2)?;
        let inverse = order.power(&s, &exponent);
        let mut formed = vec![0; order.len()];
        order.multiply(&mut formed, &inverse, order.square());
        let (mut u1, mut u2) = (vec![0; order.len()], vec![0; order.len()]);
        order.multiply(&mut u1, &digest, &formed);
        order.multiply(&mut u2, &r, &formed);

        let field = Field::of(self.curve)?;
        let base = field.point(self.curve.x, self.curve.y)?;
        let sum = field.combine(&u1, &base, &u2, &field.point(&self.x, &self.y)?);
        if sum.z == Element::ZERO {
            return None;
        }
        // Its x modulo the order is r: x itself is r, or r and the order. Compared without dividing by z.
        let is_x = |x: &[u32]| {
            let x = field.formed(x);
            field.product(&x, &sum.z) == sum.x
        };
        let mut wrapped = r.clone();
        let overflow = modular::add(&mut wrapped, order.limbs());
        let below = !overflow && modular::compare(&wrapped, field.modulus.limbs()).is_lt();
        Some(is_x(&r) || (below && is_x(&wrapped)))
    }
}

/// A number of the field, in Montgomery's form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Element([u32; LIMBS]);

impl Element {
    const ZERO: Self = Self([0; LIMBS]);
}

/// x / z and y / z; infinite where z is zero.
#[derive(Clone, Copy, Debug)]
struct Point {
    x: Element,
    y: Element,
    z: Element,
}

/// The field that a curve's coordinates are of.
struct Field {
    modulus: Modulus,
    b: Element,
    one: Element,
}

impl Field {
    fn of(curve: &Curve) -> Option<Self> {
        let modulus = Modulus::new(curve.field).filter(|modulus| modulus.len() <= LIMBS)?;
        let mut field = Self { modulus, b: Element::ZERO, one: Element::ZERO };
        field.b = field.read(curve.b)?;
        field.one = field.read(&[1])?;
        Some(field)
    }

    /// None: it is not below the field's order.
    fn read(&self, bytes: &[u8]) -> Option<Element> {
        Some(self.formed(&self.modulus.number(bytes)?))
    }

    fn formed(&self, number: &[u32]) -> Element {
        self.computed(|out| self.modulus.multiply(out, number, self.modulus.square()))
    }

    fn point(&self, x: &[u8], y: &[u8]) -> Option<Point> {
        Some(Point { x: self.read(x)?, y: self.read(y)?, z: self.one })
    }

    fn computed(&self, compute: impl FnOnce(&mut [u32])) -> Element {
        let mut element = Element::ZERO;
        if let Some(out) = element.0.get_mut(..self.modulus.len()) {
            compute(out);
        }
        element
    }

    fn limbs<'e>(&self, element: &'e Element) -> &'e [u32] {
        element.0.get(..self.modulus.len()).unwrap_or_default()
    }

    fn product(&self, a: &Element, b: &Element) -> Element {
        self.computed(|out| self.modulus.multiply(out, self.limbs(a), self.limbs(b)))
    }

    fn sum(&self, a: &Element, b: &Element) -> Element {
        self.computed(|out| self.modulus.add(out, self.limbs(a), self.limbs(b)))
    }

    fn difference(&self, a: &Element, b: &Element) -> Element {
        self.computed(|out| self.modulus.subtract(out, self.limbs(a), self.limbs(b)))
    }

    /// `u1` times P and `u2` times Q, bit by bit of both (Straus).
    fn combine(&self, u1: &[u32], p: &Point, u2: &[u32], q: &Point) -> Point {
        let both = self.add(p, q);
        let mut sum = Point { x: Element::ZERO, y: self.one, z: Element::ZERO };
        for bits in modular::bits(u1).zip(modular::bits(u2)) {
            sum = self.add(&sum, &sum);
            match bits {
                (false, false) => {}
                (true, false) => sum = self.add(&sum, p),
                (false, true) => sum = self.add(&sum, q),
                (true, true) => sum = self.add(&sum, &both),
            }
        }
        sum
    }

    /// P + Q. The names are the paper's.
    fn add(&self, p: &Point, q: &Point) -> Point {
        let (mul, plus, minus) = (Self::product, Self::sum, Self::difference);
        let (t0, t1, t2) = (mul(self, &p.x, &q.x), mul(self, &p.y, &q.y), mul(self, &p.z, &q.z));
        // Of a pair of coordinates: a1 * b2 + a2 * b1.
        let crossed =
            |a: (&Element, &Element), b: (&Element, &Element), own: (&Element, &Element)| {
                let whole = mul(self, &plus(self, a.0, b.0), &plus(self, a.1, b.1));
                minus(self, &whole, &plus(self, own.0, own.1))
            };
        let t3 = crossed((&p.x, &q.x), (&p.y, &q.y), (&t0, &t1));
        let t4 = crossed((&p.y, &q.y), (&p.z, &q.z), (&t1, &t2));
        let xz = crossed((&p.x, &q.x), (&p.z, &q.z), (&t0, &t2));
        let triple = |a: &Element| plus(self, &plus(self, a, a), a);
        let x3 = triple(&minus(self, &xz, &mul(self, &self.b, &t2)));
        let (z3, x3) = (minus(self, &t1, &x3), plus(self, &t1, &x3));
        let t2 = triple(&t2);
        let y3 = minus(self, &minus(self, &mul(self, &self.b, &xz), &t2), &t0);
        let y3 = triple(&y3);
        let t0 = minus(self, &triple(&t0), &t2);
        Point {
            x: minus(self, &mul(self, &t3, &x3), &mul(self, &t4, &y3)),
            y: plus(self, &mul(self, &x3, &z3), &mul(self, &t0, &y3)),
            z: plus(self, &mul(self, &t4, &z3), &mul(self, &t3, &t0)),
        }
    }
}
