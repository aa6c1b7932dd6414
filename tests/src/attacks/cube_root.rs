//! Whole cube roots of large numbers, for forging RSA signatures under the exponent 3. Numbers are digits of 16 bits,
//! the smallest first, so that nothing overflows.

/// The big-endian text of a number of `length` bytes whose cube, written in `length` bytes, begins with `start`.
pub(super) fn with_start(start: &[u8], length: usize) -> Option<Vec<u8>> {
    let mut highest = start.to_vec();
    highest.resize(length, 0xff);
    let mut lowest = start.to_vec();
    lowest.resize(length, 0);
    let (highest, lowest) = (digits(&highest), digits(&lowest));
    let mut root = vec![0_u16; highest.len().div_ceil(3)];
    for place in (0..root.len()).rev() {
        for bit in (0..16).rev() {
            let before = *root.get(place)?;
            *root.get_mut(place)? = before | (1 << bit);
            if is_above(&cube(&root), &highest) {
                *root.get_mut(place)? = before;
            }
        }
    }
    let found = !is_above(&lowest, &cube(&root));
    let bytes: Vec<u8> = root.iter().rev().flat_map(|digit| digit.to_be_bytes()).collect();
    let zeros = length.checked_sub(bytes.len())?;
    found.then(|| [vec![0; zeros], bytes].concat())
}

fn digits(bytes: &[u8]) -> Vec<u16> {
    bytes
        .rchunks(2)
        .map(|pair| pair.iter().fold(0, |digit, byte| (digit << 8) | u16::from(*byte)))
        .collect()
}

fn cube(number: &[u16]) -> Vec<u16> {
    product(&product(number, number), number)
}

fn product(a: &[u16], b: &[u16]) -> Vec<u16> {
    let mut out = vec![0_u16; a.len().saturating_add(b.len())];
    for (at, left) in a.iter().enumerate() {
        let mut carry = 0_u32;
        for (offset, digit) in out.iter_mut().skip(at).enumerate() {
            let right = b.get(offset).copied().unwrap_or(0);
            // At most (2^16 - 1)^2 + 2 (2^16 - 1), which is below 2^32.
            let sum = u32::from(*left)
                .saturating_mul(u32::from(right))
                .saturating_add(u32::from(*digit))
                .saturating_add(carry);
            let [low, high, carry_low, carry_high] = sum.to_le_bytes();
            *digit = u16::from_le_bytes([low, high]);
            carry = u32::from(u16::from_le_bytes([carry_low, carry_high]));
        }
    }
    out
}

fn is_above(a: &[u16], b: &[u16]) -> bool {
    let length = a.len().max(b.len());
    let digit = |number: &[u16], place: usize| number.get(place).copied().unwrap_or(0);
    (0..length)
        .rev()
        .map(|place| (digit(a, place), digit(b, place)))
        .find(|(a, b)| a != b)
        .is_some_and(|(a, b)| a > b)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roots_are_whole() {
        // 0x1234 to the third is 0x17_8fac_8540.
        assert_eq!(
            with_start(&[0, 0x17, 0x8f, 0xac, 0x85, 0x40], 6).unwrap(),
            [0, 0, 0, 0, 0x12, 0x34]
        );
        assert_eq!(with_start(&[0, 0x17, 0x8f, 0xac, 0x85, 0x41], 6), None);
        let root = with_start(&[0, 1, 0xff, 0xff], 48).unwrap();
        let cube = cube(&digits(&root));
        let bytes: Vec<u8> =
            cube.iter().take(24).rev().flat_map(|digit| digit.to_be_bytes()).collect();
        assert_eq!(bytes[..4], [0, 1, 0xff, 0xff]);
    }
}
