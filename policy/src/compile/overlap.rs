//! Patterns of two routes that match the same request. None is narrower than another, so such a policy does not load, and
//! the error shows a path that both match. Decided exactly, by walking both automata at once over the paths that may be
//! judged; what would take too long is a warning, and `rule_ambiguous` when a request comes. Not part of the filter.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::sync::Arc;

use regex_automata::dfa::{Automaton, StartKind, dense};
use regex_automata::nfa::thompson;
use regex_automata::util::primitives::StateID;
use regex_automata::util::{start, syntax};
use regex_automata::{Anchored, MatchKind};

use crate::compile::path::PatternUse;
use crate::file::problem::Problems;
use crate::limits::{MAX_OVERLAP_AUTOMATON_BYTES, MAX_OVERLAP_STATES, MAX_OVERLAP_WORK};
use crate::request::path::CanonicalPath;
use crate::route::Route;
use crate::route::table::{HostPattern, Routes};

type Dfa = dense::DFA<Vec<u32>>;

/// Paths as requests have them: no empty segments and none of dots, escapes of characters that need them, UTF-8.
const CANONICAL: &str = "/(?:(?:NA*|[.]NA*|[.][.]A+)/)*(?:NA*|[.]NA*|[.][.]A+)?";
/// What a segment may hold, and what may stand where a dot could be misread.
const ANY: &str = "(?:[.]|N)";
const NO_DOT: &str = "(?:[^/.%;?#\\\\]|%2[0-46-9A-Ca-c]|%3[A-Fa-f]|%40|%5[BDEbde]|%60|%7[B-Db-d]|%[Cc][2-9A-Fa-f]T|%[Dd][0-9A-Fa-f]T|%[Ee][1-9A-Ca-cEFef]TT|%[Ff][1-3]TTT)";
const CONTINUATION: &str = "%[89ABab][0-9A-Fa-f]";

/// Bytes of a witness, those that are easy to read first.
const BYTES: &[u8] =
    b"abcdefghijklmnopqrstuvwxyz0123456789/-_.ABCDEFGHIJKLMNOPQRSTUVWXYZ~%!$&'()*+,:=@\"<>[]^`{|}";

/// What building an automaton costs, in states looked at.
const BUILDING: usize = 100;

/// What two patterns have in common.
enum Common {
    Nothing,
    Path(String),
    /// It would take too long to tell.
    Unknown,
}

pub(super) fn overlapping(uses: &[PatternUse], routes: &Routes, problems: &mut Problems) {
    let mut by_lead: BTreeMap<(&HostPattern, &[Box<str>]), Vec<usize>> = BTreeMap::new();
    for (index, this) in uses.iter().enumerate() {
        by_lead.entry((&this.host, this.pattern.lead())).or_default().push(index);
    }
    let mut comparison = Comparison::default();
    let mut told = BTreeSet::new();
    let mut unknown = 0_usize;
    for (index, this) in uses.iter().enumerate() {
        let lead = this.pattern.lead();
        for length in 0..=lead.len() {
            let Some(start) = lead.get(..length) else { continue };
            let others = by_lead.get(&(&this.host, start)).into_iter().flatten();
            for other in others.filter(|other| length < lead.len() || **other < index) {
                let Some(that) = uses.get(*other) else { continue };
                if that.method != this.method || that.route == this.route {
                    continue;
                }
                match comparison.common((index, this), (*other, that)) {
                    Common::Nothing => {}
                    Common::Unknown => unknown = unknown.saturating_add(1),
                    Common::Path(path) if told.insert((&*this.place, &*that.place)) => {
                        tell(this, that, &path, routes, problems);
                    }
                    Common::Path(_) => {}
                }
            }
        }
    }
    let mut seen = BTreeSet::new();
    for (index, this) in uses.iter().enumerate() {
        if suspicious(this.pattern.text())
            && seen.insert(this.route)
            && matches!(comparison.common((index, this), (index, this)), Common::Nothing)
        {
            problems.error(
                format!("{}.match", this.place),
                format!("`{}` matches no path that is judged", this.pattern.text()),
                "write the path as it is sent, without query and fragment; both ends are anchored",
            );
        }
    }
    if unknown > 0 {
        problems.warning(
            "routes",
            format!("{unknown} pairs of patterns were not compared, because it would take too long"),
            "where two match one request, it is denied as `rule_ambiguous`; start patterns with more literal segments",
        );
    }
}

/// Whether it is worth a look if any path matches. Parameters are judged, and the automaton of paths knows none.
fn suspicious(pattern: &str) -> bool {
    let odd = pattern.contains(['#', '$', '^']) || pattern.contains("\\?");
    odd && !pattern.contains(';') && !pattern.contains("\\x")
}

fn tell(
    this: &PatternUse,
    that: &PatternUse,
    path: &str,
    routes: &Routes,
    problems: &mut Problems,
) {
    let name = |index| routes.get(index).map_or("", |route: &Arc<Route>| &*route.name);
    let (one, other) = if this.route < that.route { (that, this) } else { (this, that) };
    problems.error(
        format!("{}.match", one.place),
        format!(
            "`{}` and `{}` match the same requests, like {} https://{}{path}",
            name(one.route),
            name(other.route),
            this.method.as_deref().unwrap_or("GET"),
            this.host.example(),
        ),
        "patterns have no order: narrow one of them, or write it as a path, which comes before patterns",
    );
}

/// Automata that were built, and the work that was done.
#[derive(Default)]
struct Comparison {
    canonical: Option<Option<Dfa>>,
    built: HashMap<usize, Option<Dfa>>,
    work: usize,
}

impl Comparison {
    fn common(
        &mut self,
        (one, this): (usize, &PatternUse),
        (other, that): (usize, &PatternUse),
    ) -> Common {
        if self.work >= MAX_OVERLAP_WORK {
            return Common::Unknown;
        }
        for (index, pattern) in [(one, this), (other, that)] {
            if let Entry::Vacant(entry) = self.built.entry(index) {
                entry.insert(automaton(pattern.pattern.expression()));
                self.work = self.work.saturating_add(BUILDING);
            }
        }
        let canonical = self.canonical.get_or_insert_with(|| automaton(&canonical()));
        let find = |index| self.built.get(&index).and_then(Option::as_ref);
        let (Some(one), Some(other), Some(canonical)) = (find(one), find(other), &*canonical)
        else {
            return Common::Unknown;
        };
        let (common, work) = walk([one, other, canonical]);
        self.work = self.work.saturating_add(work);
        common
    }
}

fn canonical() -> String {
    CANONICAL.replace('A', ANY).replace('N', &NO_DOT.replace('T', CONTINUATION))
}

fn automaton(expression: &str) -> Option<Dfa> {
    let limit = Some(MAX_OVERLAP_AUTOMATON_BYTES);
    dense::Builder::new()
        .configure(
            dense::Config::new()
                .start_kind(StartKind::Anchored)
                .match_kind(MatchKind::All)
                .dfa_size_limit(limit)
                .determinize_size_limit(limit),
        )
        .syntax(syntax::Config::new().unicode(false).utf8(false))
        .thompson(thompson::Config::new().utf8(false).nfa_size_limit(limit))
        .build(&format!("(?:{expression})$"))
        .ok()
}

/// The shortest path that all three match, and how many states were looked at.
fn walk(automata: [&Dfa; 3]) -> (Common, usize) {
    let anchored = start::Config::new().anchored(Anchored::Yes);
    let [Ok(one), Ok(other), Ok(canonical)] = automata.map(|dfa| dfa.start_state(&anchored)) else {
        return (Common::Unknown, 1);
    };
    // Each state with the one before it and the byte between them.
    let mut seen: Vec<([StateID; 3], usize, u8)> = vec![([one, other, canonical], 0, 0)];
    let mut known = HashSet::from([[one, other, canonical]]);
    let mut next: VecDeque<usize> = VecDeque::from([0]);
    while let Some(at) = next.pop_front() {
        let Some((states, _, _)) = seen.get(at).copied() else { break };
        let pairs = || automata.iter().zip(states);
        if pairs().all(|(dfa, state)| dfa.is_match_state(dfa.next_eoi_state(state))) {
            return (witness(&seen, at), seen.len());
        }
        if seen.len() > MAX_OVERLAP_STATES {
            return (Common::Unknown, seen.len());
        }
        for byte in BYTES {
            let mut to = states;
            for (to, dfa) in to.iter_mut().zip(&automata) {
                *to = dfa.next_state(*to, *byte);
            }
            let dead = automata.iter().zip(to).any(|(dfa, state)| dfa.is_dead_state(state));
            if !dead && known.insert(to) {
                next.push_back(seen.len());
                seen.push((to, at, *byte));
            }
        }
    }
    (Common::Nothing, seen.len())
}

fn witness(seen: &[([StateID; 3], usize, u8)], mut at: usize) -> Common {
    let mut path = Vec::new();
    while at > 0 {
        let Some((_, before, byte)) = seen.get(at) else { break };
        path.push(*byte);
        at = *before;
    }
    path.reverse();
    match (CanonicalPath::parse(&path), String::from_utf8(path.clone())) {
        (Ok(_), Ok(path)) => Common::Path(path),
        _ => Common::Unknown,
    }
}
