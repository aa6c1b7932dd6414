//! Whole tokens as keys of a table. In wasm the host has no fast `memcmp` and no wide multiplication, so hashing and
//! comparing a kilobyte as bytes would be most of a warm request: tokens are compared in words, and those that verified
//! are told apart by their last bytes, which are of a signature.

use std::hash::{Hash, Hasher};

use hashbrown::Equivalent;

/// Bytes of a verified token that its hash reads: 24 bytes of a signature in base64url.
const SAMPLE: usize = 32;

/// What of a token is hashed; equality is always of the whole.
pub(crate) trait Sampling {
    /// The part that the hash reads.
    fn sample(token: &[u8]) -> &[u8];
}

/// For tokens of which an issuer's signature is the end: nobody else chooses it, so nobody can make two collide.
#[derive(Debug)]
pub(crate) struct Signed;

/// For tokens that anybody may have made up.
#[derive(Debug)]
pub(crate) struct MadeUp;

impl Sampling for Signed {
    #[inline]
    fn sample(token: &[u8]) -> &[u8] {
        token.last_chunk::<SAMPLE>().map_or(token, |end| end.as_slice())
    }
}

impl Sampling for MadeUp {
    #[inline]
    fn sample(token: &[u8]) -> &[u8] {
        token
    }
}

/// A token in a table.
#[derive(Debug)]
pub(crate) struct TokenKey<S>(Box<[u8]>, std::marker::PhantomData<S>);

impl<S> TokenKey<S> {
    #[inline]
    pub(crate) fn new(token: &[u8]) -> Self {
        Self(token.into(), std::marker::PhantomData)
    }
}

/// A token that is looked for.
pub(crate) struct Wanted<'t, S>(&'t [u8], std::marker::PhantomData<S>);

impl<'t, S> Wanted<'t, S> {
    #[inline]
    pub(crate) fn new(token: &'t [u8]) -> Self {
        Self(token, std::marker::PhantomData)
    }
}

impl<S: Sampling> Hash for TokenKey<S> {
    #[inline]
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write(S::sample(&self.0));
    }
}

impl<S: Sampling> Hash for Wanted<'_, S> {
    #[inline]
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write(S::sample(self.0));
    }
}

impl<S> PartialEq for TokenKey<S> {
    #[inline]
    fn eq(&self, other: &Self) -> bool {
        same(&self.0, &other.0)
    }
}

impl<S> Eq for TokenKey<S> {}

impl<S> Equivalent<TokenKey<S>> for Wanted<'_, S> {
    #[inline]
    fn equivalent(&self, key: &TokenKey<S>) -> bool {
        same(self.0, &key.0)
    }
}

/// Equality, in words of eight bytes. Stops at the first difference, as `memcmp` does.
#[inline]
fn same(one: &[u8], other: &[u8]) -> bool {
    let ((ones, one_end), (others, other_end)) = (one.as_chunks::<8>(), other.as_chunks::<8>());
    let word = |bytes: &[u8; 8]| u64::from_ne_bytes(*bytes);
    one.len() == other.len()
        && ones.iter().zip(others).all(|(one, other)| word(one) == word(other))
        && one_end == other_end
}

#[cfg(test)]
mod tests {
    use super::same;

    #[test]
    fn equal_is_equal_in_every_byte() {
        let token: Vec<u8> = (0..=100).collect();
        for length in 0..token.len() {
            let one = &token[..length];
            assert!(same(one, one.to_vec().as_slice()));
            for at in 0..length {
                let mut other = one.to_vec();
                other[at] ^= 1;
                assert!(!same(one, &other), "{length} {at}");
            }
            assert!(!same(one, &token[..=length]));
        }
    }
}
