//! The ABI's serialised header maps: a count, the lengths, then names and values, each with a NUL. Read in place.

use std::ops::Range;

use smallvec::SmallVec;

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
    push_number(&mut out, count);
    for (name, value) in pairs.clone() {
        push_number(&mut out, name.len());
        push_number(&mut out, value.len());
    }
    for (name, value) in pairs {
        push_text(&mut out, name);
        push_text(&mut out, value);
    }
    out
}

/// A block with its headers.
pub(crate) struct Headers<'b> {
    block: &'b [u8],
    pairs: Vec<Pair<'b>>,
}

impl<'b> Headers<'b> {
    /// No headers, where there are none to be had.
    pub(crate) const NONE: Self = Self { block: &[], pairs: Vec::new() };

    /// Reads a block; one that is cut short gives none.
    pub(crate) fn parse(block: &'b [u8]) -> Option<Self> {
        Some(Self { block, pairs: parse(block)? })
    }

    /// In their order.
    pub(crate) fn pairs(&self) -> &[Pair<'b>] {
        &self.pairs
    }

    /// The block without some of its headers, and with others at its end. What stays is copied in as few pieces as there are
    /// gaps: each piece is a call out of the VM.
    pub(crate) fn edited<'a>(
        &self,
        removed: impl Fn(&[u8]) -> bool,
        added: impl ExactSizeIterator<Item = Pair<'a>> + Clone,
    ) -> Vec<u8> {
        let (head, data) = self
            .block
            .split_at_checked(self.pairs.len().saturating_mul(8).saturating_add(4))
            .unwrap_or_default();
        let lengths = head.get(4..).unwrap_or_default();
        // Of the lengths and of the data: where a piece begins and ends.
        let mut pieces: SmallVec<[(Range<usize>, Range<usize>); 4]> = SmallVec::new();
        let (mut at, mut offset, mut kept) = (0_usize, 0_usize, 0_usize);
        for (name, value) in &self.pairs {
            let next = at.saturating_add(8);
            let end =
                offset.saturating_add(name.len()).saturating_add(value.len()).saturating_add(2);
            if !removed(name) {
                kept = kept.saturating_add(1);
                match pieces.last_mut() {
                    Some((lengths, data)) if lengths.end == at => {
                        lengths.end = next;
                        data.end = end;
                    }
                    Some(_) | None => pieces.push((at..next, offset..end)),
                }
            }
            (at, offset) = (next, end);
        }
        let of_added =
            |(name, value): Pair<'_>| name.len().saturating_add(value.len()).saturating_add(10);
        let size = added.clone().map(of_added).fold(self.block.len(), usize::saturating_add);
        let mut out = Vec::with_capacity(size);
        push_number(&mut out, kept.saturating_add(added.len()));
        for (piece, _) in &pieces {
            out.extend_from_slice(lengths.get(piece.clone()).unwrap_or_default());
        }
        for (name, value) in added.clone() {
            push_number(&mut out, name.len());
            push_number(&mut out, value.len());
        }
        for (_, piece) in &pieces {
            out.extend_from_slice(data.get(piece.clone()).unwrap_or_default());
        }
        for (name, value) in added {
            push_text(&mut out, name);
            push_text(&mut out, value);
        }
        out
    }
}

fn push_number(out: &mut Vec<u8>, number: usize) {
    out.extend_from_slice(&u32::try_from(number).unwrap_or(u32::MAX).to_le_bytes());
}

fn push_text(out: &mut Vec<u8>, text: &[u8]) {
    out.extend_from_slice(text);
    out.push(0);
}

#[cfg(test)]
mod tests {
    use super::{Headers, Pair, parse, serialise};

    #[test]
    fn what_is_edited_is_what_is_written_anew() {
        let pairs: Vec<Pair<'_>> =
            vec![(b":path", b"/"), (b"x", b""), (b"y", b"1"), (b"x", b"2"), (b"z", b"\xff")];
        let added: Vec<Pair<'_>> = vec![(b"new", b"value"), (b"empty", b"")];
        for count in 0..=pairs.len() {
            let pairs = &pairs[..count];
            let block = serialise(pairs.iter().copied());
            for removed in [&[][..], b"x", b":", b"z", b":z", b"xy", b":xyz"] {
                let removed = |name: &[u8]| removed.contains(&name[0]);
                for added in [&added[..], &[]] {
                    let kept = pairs.iter().filter(|(name, _)| !removed(name));
                    let anew = serialise(kept.chain(added).copied());
                    let headers = Headers::parse(&block).unwrap();
                    assert_eq!(headers.edited(removed, added.iter().copied()), anew, "{count}");
                }
            }
        }
        let of_none = Headers::NONE.edited(|_| false, added.iter().copied());
        assert_eq!(of_none, serialise(added.iter().copied()));
    }

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
