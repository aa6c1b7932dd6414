//! The ABI's serialised header maps: a count, the lengths, then names and values, each with a NUL. Read in place.

/// A header: name and value, borrowed from the block they came in.
pub(crate) type Pair<'a> = (&'a [u8], &'a [u8]);

/// Reads a block; one that is cut short gives none.
pub(crate) fn parse(block: &[u8]) -> Option<Vec<Pair<'_>>> {
    if block.is_empty() {
        return Some(Vec::new());
    }
    let (count, rest) = number(block)?;
    let (lengths, mut data) = rest.split_at_checked(count.checked_mul(8)?)?;
    let mut pairs = Vec::with_capacity(count);
    for chunk in lengths.chunks_exact(8) {
        let (name, after) = number(chunk)?;
        let (value, _) = number(after)?;
        pairs.push((cut(&mut data, name)?, cut(&mut data, value)?));
    }
    Some(pairs)
}

fn number(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let (head, rest) = bytes.split_first_chunk::<4>()?;
    Some((usize::try_from(u32::from_le_bytes(*head)).ok()?, rest))
}

fn cut<'a>(data: &mut &'a [u8], size: usize) -> Option<&'a [u8]> {
    let (part, rest) = data.split_at_checked(size)?;
    *data = rest.split_first()?.1;
    Some(part)
}

/// Writes a block. Sizes beyond 32 bits cannot come up: the whole block is bounded by the host to 1 MiB.
pub(crate) fn serialise<'a>(pairs: impl Iterator<Item = Pair<'a>> + Clone) -> Vec<u8> {
    let (count, size) = pairs.clone().fold((0_usize, 4_usize), |(count, size), (name, value)| {
        (
            count.saturating_add(1),
            size.saturating_add(name.len()).saturating_add(value.len()).saturating_add(10),
        )
    });
    let mut out = Vec::with_capacity(size);
    let length = |out: &mut Vec<u8>, size: usize| {
        out.extend_from_slice(&u32::try_from(size).unwrap_or(u32::MAX).to_le_bytes());
    };
    length(&mut out, count);
    for (name, value) in pairs.clone() {
        length(&mut out, name.len());
        length(&mut out, value.len());
    }
    for (name, value) in pairs {
        out.extend_from_slice(name);
        out.push(0);
        out.extend_from_slice(value);
        out.push(0);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{parse, serialise};

    #[test]
    fn what_is_written_is_read() {
        let pairs: Vec<(&[u8], &[u8])> =
            vec![(b":path", b"/"), (b"x", b""), (b"bytes", b"\xff\x00\xfe")];
        let block = serialise(pairs.iter().copied());
        assert_eq!(parse(&block).unwrap(), pairs);
        assert_eq!(parse(&[]).unwrap(), vec![]);
    }

    #[test]
    fn a_short_block_is_refused_not_read_beyond() {
        let block = serialise([(b"name".as_slice(), b"value".as_slice())].into_iter());
        for end in 1..block.len() {
            assert_eq!(parse(&block[..end]), None, "{end}");
        }
        assert_eq!(parse(&[255, 255, 255, 255]), None);
        assert_eq!(parse(&[1, 0, 0, 0, 255, 255, 255, 255, 1, 0, 0, 0, 0, 0]), None);
    }
}
