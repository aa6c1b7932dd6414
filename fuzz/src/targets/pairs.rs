//! The serialised header maps that Envoy hands to the filter, by the filter's own file.

use super::{Outcome, Target, must, no_words};
use crate::mutate::Mutator;
use crate::pairs::{Headers, Pair, parse, serialise};

pub(super) const PAIRS: Target = Target {
    name: "pairs",
    about: "the serialised header maps of proxy-wasm",
    run,
    seeds: || {
        let three: &[Pair<'_>] = &[(b":method", b"GET"), (b":path", b"/orders/1"), (b"x", b"")];
        Ok(vec![serialise(three.iter().copied()), serialise(std::iter::empty()), Vec::new()])
    },
    words: no_words,
    mutate: Mutator::bytes,
    grows: true,
};

fn run(input: &[u8]) -> Outcome {
    let Some(pairs) = parse(input) else { return Ok(false) };
    let inside: usize = pairs.iter().map(|(name, value)| name.len() + value.len() + 10).sum();
    must(inside <= input.len(), || "more than there was".to_owned())?;
    let block = serialise(pairs.iter().copied());
    must(parse(&block).as_ref() == Some(&pairs), || {
        "written and read, it is another map".to_owned()
    })?;
    let Some(headers) = Headers::parse(input) else { return Ok(false) };
    let removed = |name: &[u8]| name.len() % 2 == 1;
    let added: [Pair<'_>; 2] = [(b"x-user", b"alice"), (b"x", b"")];
    let expected = pairs.iter().filter(|(name, _)| !removed(name)).chain(&added);
    let edited = headers.edited(removed, added.iter().copied());
    must(parse(&edited).is_some_and(|edited| edited.iter().eq(expected)), || {
        "edited, it is another map".to_owned()
    })?;
    let nothing = Headers::NONE.edited(|_| false, std::iter::empty());
    must(nothing == serialise(std::iter::empty()), || "of nothing, it is something".to_owned())?;
    must(headers.pairs() == pairs, || "read twice, it is another map".to_owned())?;
    Ok(true)
}
