//! The serialised header maps that Envoy hands to the filter, by the filter's own file.

use super::{Outcome, Target, must, no_words};
use crate::mutate::Mutator;
use crate::pairs::{Pair, parse, serialise};

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
    Ok(true)
}
