//! Patterns of one host, found by the literal segments that they start with: only those below segments that the request
//! has are tried. None of them is narrower than another, so where two routes match, nobody can say which one judges.

use hashbrown::HashMap;

use crate::answer::reason::Reason;
use crate::limits::MAX_PATTERN_PATH_BYTES;
use crate::request::path::CanonicalPath;
use crate::route::pattern::PathRegex;
use crate::route::table::RouteIndex;

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct PatternTable {
    nodes: Vec<Node>,
}

#[derive(Debug, Default)]
struct Node {
    literal: HashMap<Box<str>, usize>,
    entries: Vec<Entry>,
}

#[derive(Debug)]
struct Entry {
    pattern: PathRegex,
    /// None: any.
    method: Option<Box<str>>,
    route: RouteIndex,
}

/// How many routes match, of one rank.
#[derive(Clone, Copy)]
enum Matching {
    None,
    One(RouteIndex),
    Several,
}

impl Matching {
    fn and(self, route: RouteIndex) -> Self {
        match self {
            Self::None => Self::One(route),
            Self::One(known) if known == route => self,
            Self::One(_) | Self::Several => Self::Several,
        }
    }
}

impl PatternTable {
    pub(crate) fn insert(&mut self, method: Option<&str>, pattern: PathRegex, route: RouteIndex) {
        if self.nodes.is_empty() {
            self.nodes.push(Node::default());
        }
        let mut at = 0;
        for segment in pattern.lead() {
            let fresh = self.nodes.len();
            let Some(node) = self.nodes.get_mut(at) else { return };
            at = *node.literal.entry(segment.clone()).or_insert(fresh);
            if at == fresh {
                self.nodes.push(Node::default());
            }
        }
        if let Some(node) = self.nodes.get_mut(at) {
            node.entries.push(Entry { pattern, method: method.map(Into::into), route });
        }
    }

    /// The one route of which a pattern matches; a named method comes before any.
    ///
    /// # Errors
    /// [`Reason::RuleAmbiguous`] where there are several; [`Reason::RequestMalformed`] for a path that is too long to try.
    pub(crate) fn find(
        &self,
        path: CanonicalPath<'_>,
        method: &str,
    ) -> Result<Option<RouteIndex>, Reason> {
        let (mut named, mut any) = (Matching::None, Matching::None);
        let mut segments = path.segments();
        let mut at = Some(0);
        while let Some(node) = at.and_then(|at| self.nodes.get(at)) {
            for entry in &node.entries {
                let rank = match &entry.method {
                    Some(own) if **own == *method => &mut named,
                    Some(_) => continue,
                    None => &mut any,
                };
                if path.as_str().len() > MAX_PATTERN_PATH_BYTES {
                    return Err(Reason::RequestMalformed);
                }
                if entry.pattern.matches(path) {
                    *rank = rank.and(entry.route);
                }
            }
            at = segments.next().and_then(|segment| node.literal.get(segment).copied());
        }
        let found = if matches!(named, Matching::None) { any } else { named };
        match found {
            Matching::None => Ok(None),
            Matching::One(route) => Ok(Some(route)),
            Matching::Several => Err(Reason::RuleAmbiguous),
        }
    }
}
