//! Which route judges a request: the most specific one that matches, whatever the order in the file.
//! Host exact before wildcard (longest first) before any; path exact before template before prefix, segment by
//! segment a literal before a variable; a named method before any; patterns last. Lookup walks a trie.

use std::num::NonZeroUsize;
use std::sync::Arc;

use hashbrown::{HashMap, HashSet};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use smol_str::SmolStr;

use crate::answer::reason::Reason;
use crate::request::Request;
use crate::request::path::{CanonicalPath, decoded};
use crate::route::leaf::Leaf;
use crate::route::pattern::PathRegex;
use crate::route::pattern_table::PatternTable;
use crate::route::{PathPattern, Route, SegmentPattern};

/// Index of a route.
pub(crate) type RouteIndex = usize;

/// A route that crosses another one, and a method of its own for which it does; none: it names none.
pub(crate) type Crossing = (RouteIndex, Option<Arc<str>>);

/// All routes by host and path.
#[derive(Debug, Default)]
pub(crate) struct RouteTable {
    exact: HashMap<Box<str>, HostRoutes>,
    /// By suffix without `*.`.
    wildcard: HashMap<Box<str>, HostRoutes>,
    any: HostRoutes,
    methods: Vec<Arc<str>>,
}

/// The routes of one host.
#[derive(Debug, Default)]
struct HostRoutes {
    paths: PathTrie,
    patterns: Option<Box<PatternTable>>,
}

impl HostRoutes {
    #[inline]
    fn find(&self, path: CanonicalPath<'_>, method: &str) -> Result<Option<RouteIndex>, Reason> {
        match (self.paths.find(path, method), &self.patterns) {
            (None, Some(patterns)) => patterns.find(path, method),
            (found, _) => Ok(found),
        }
    }
}

/// Which hosts a route names.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum HostPattern {
    Exact(Box<str>),
    Wildcard(Box<str>),
    Any,
}

impl HostPattern {
    /// A host that this pattern matches, for messages.
    #[inline]
    pub(crate) fn example(&self) -> String {
        match self {
            Self::Exact(host) => host.to_string(),
            Self::Wildcard(suffix) => format!("a.{suffix}"),
            Self::Any => "any.example".to_owned(),
        }
    }
}

#[derive(Debug, Default)]
struct PathTrie {
    nodes: Vec<Node>,
    /// Of a node, those literals below which there is a variable or a prefix: what a variable beside them may cross.
    /// Asked for while routes are added, and given back then.
    wide: HashMap<usize, Vec<usize>>,
    /// The nodes that are one of those.
    is_wide: HashSet<usize>,
}

/// One place of the trie. Small: of ten thousand, those that a request walks through are in no processor's cache.
#[derive(Debug, Default)]
struct Node {
    here: Leaf,
    below: Option<Box<Leaf>>,
    literal: Option<Box<HashMap<SmolStr, usize>>>,
    variable: Option<NonZeroUsize>,
}

impl RouteTable {
    /// Adds one route for one host and one method; gives the route that matches the same requests, if there is one.
    #[inline]
    pub(crate) fn insert(
        &mut self,
        host: &HostPattern,
        method: Option<&str>,
        path: &PathPattern,
        route: RouteIndex,
    ) -> Option<RouteIndex> {
        let method = method.map(|method| self.method(method));
        self.host_mut(host).paths.leaf(path)?.insert(method, route)
    }

    /// A method's name, the same memory for all places.
    #[inline]
    fn method(&mut self, name: &str) -> Arc<str> {
        if let Some(known) = self.methods.iter().find(|known| ***known == *name) {
            return Arc::clone(known);
        }
        let name: Arc<str> = name.into();
        self.methods.push(Arc::clone(&name));
        name
    }

    /// Adds a pattern for one host and one method.
    #[inline]
    pub(crate) fn insert_pattern(
        &mut self,
        host: &HostPattern,
        method: Option<&str>,
        pattern: &PathRegex,
        route: RouteIndex,
    ) {
        let patterns = self.host_mut(host).patterns.get_or_insert_default();
        patterns.insert(method, pattern.clone(), route);
    }

    /// Gives back what it does not need; nothing is added any more.
    #[inline]
    pub(crate) fn shrink(&mut self) {
        let hosts = self.exact.values_mut().chain(self.wildcard.values_mut());
        hosts.chain([&mut self.any]).for_each(|host| {
            host.paths.nodes.shrink_to_fit();
            host.paths.wide = HashMap::default();
            host.paths.is_wide = HashSet::default();
        });
    }

    #[inline]
    fn host_mut(&mut self, host: &HostPattern) -> &mut HostRoutes {
        match host {
            HostPattern::Exact(name) => self.exact.entry(name.clone()).or_default(),
            HostPattern::Wildcard(suffix) => self.wildcard.entry(suffix.clone()).or_default(),
            HostPattern::Any => &mut self.any,
        }
    }

    #[inline]
    fn host(&self, host: &HostPattern) -> Option<&HostRoutes> {
        match host {
            HostPattern::Exact(name) => self.exact.get(name),
            HostPattern::Wildcard(suffix) => self.wildcard.get(suffix),
            HostPattern::Any => Some(&self.any),
        }
    }

    /// The prefix that judges whatever starts with these segments and has this method, before any pattern is asked.
    #[inline]
    pub(crate) fn hiding(
        &self,
        host: &HostPattern,
        method: Option<&str>,
        lead: &[Box<str>],
    ) -> Option<RouteIndex> {
        self.host(host)?.paths.covering(0, lead, method)
    }

    /// The routes of the same host, kind of path and method that match some requests of this one while neither matches
    /// all of the other's (`/a/{x}` and `/{y}/b`): which of them should judge, the file does not say.
    #[inline]
    pub(crate) fn crossing(
        &self,
        host: &HostPattern,
        method: Option<&str>,
        path: &PathPattern,
    ) -> Vec<Crossing> {
        let mut found = Vec::new();
        if let Some(routes) = self.host(host)
            && !path.is_exact()
        {
            let trie = &routes.paths;
            trie.crossing(0, &path.segments, path.rest, Wider::default(), method, &mut found);
        }
        found
    }

    /// The route that judges this request, with this reading of its path.
    ///
    /// # Errors
    /// As [`PatternTable::find`].
    #[inline]
    pub(crate) fn find(
        &self,
        request: &Request<'_>,
        path: CanonicalPath<'_>,
    ) -> Result<Option<RouteIndex>, Reason> {
        let find = |routes: &HostRoutes| routes.find(path, request.method());
        if !self.exact.is_empty()
            && let Some(routes) = self.exact.get(request.host())
            && let Some(route) = find(routes)?
        {
            return Ok(Some(route));
        }
        if !self.wildcard.is_empty() {
            let mut rest = request.host();
            while let Some((_, suffix)) = rest.split_once('.') {
                if let Some(routes) = self.wildcard.get(suffix)
                    && let Some(route) = find(routes)?
                {
                    return Ok(Some(route));
                }
                rest = suffix;
            }
        }
        find(&self.any)
    }
}

impl PathTrie {
    /// The place of a pattern, made if it is not there. None cannot happen: indices come from this trie.
    #[inline]
    fn leaf(&mut self, path: &PathPattern) -> Option<&mut Leaf> {
        if self.nodes.is_empty() {
            self.nodes.push(Node::default());
        }
        let is_variable = |segment: &SegmentPattern| matches!(segment, SegmentPattern::Variable(_));
        let widest = if path.rest {
            path.segments.len()
        } else {
            path.segments.iter().rposition(is_variable).unwrap_or(0)
        };
        let mut at = 0;
        for (index, segment) in path.segments.iter().enumerate() {
            let fresh = self.nodes.len();
            let node = self.nodes.get_mut(at)?;
            let next = match segment {
                SegmentPattern::Literal(text) => {
                    *node.literal.get_or_insert_default().entry(SmolStr::new(text)).or_insert(fresh)
                }
                // The first node is nobody's.
                SegmentPattern::Variable(_) => {
                    node.variable.get_or_insert(NonZeroUsize::new(fresh)?).get()
                }
            };
            if next == fresh {
                self.nodes.push(Node::default());
            }
            if index < widest
                && matches!(segment, SegmentPattern::Literal(text) if !text.is_empty())
                && self.is_wide.insert(next)
            {
                self.wide.entry(at).or_default().push(next);
            }
            at = next;
        }
        let node = self.nodes.get_mut(at)?;
        Some(if path.rest { node.below.get_or_insert_default() } else { &mut node.here })
    }

    #[inline]
    fn find(&self, path: CanonicalPath<'_>, method: &str) -> Option<RouteIndex> {
        self.whole(0, path.segments(), method).or_else(|| self.prefix(0, path.segments(), method))
    }

    /// Exact paths and templates. Literals come first, so an exact path wins over every template.
    #[inline]
    fn whole<'p>(
        &self,
        at: usize,
        mut segments: impl Iterator<Item = &'p str> + Clone,
        method: &str,
    ) -> Option<RouteIndex> {
        let node = self.nodes.get(at)?;
        let Some(first) = segments.next() else { return node.here.find(method) };
        node.literal_for(first).and_then(|next| self.whole(next, segments.clone(), method)).or_else(
            || node.variable_for(first).and_then(|next| self.whole(next, segments, method)),
        )
    }

    /// Prefixes, the longest first. A prefix `/files/{**}` holds `/files/` and what is below it, not `/files`.
    #[inline]
    fn prefix<'p>(
        &self,
        at: usize,
        mut segments: impl Iterator<Item = &'p str> + Clone,
        method: &str,
    ) -> Option<RouteIndex> {
        let node = self.nodes.get(at)?;
        let first = segments.next()?;
        node.literal_for(first)
            .and_then(|next| self.prefix(next, segments.clone(), method))
            .or_else(|| {
                node.variable_for(first).and_then(|next| self.prefix(next, segments, method))
            })
            .or_else(|| node.below()?.find(method))
    }
}

impl PathTrie {
    /// The prefix that matches every path below these segments, for this method or any.
    #[inline]
    fn covering(&self, at: usize, lead: &[Box<str>], method: Option<&str>) -> Option<RouteIndex> {
        let node = self.nodes.get(at)?;
        let here = match method {
            Some(method) => node.below().and_then(|below| below.find(method)),
            None => node.below().and_then(Leaf::of_any_method),
        };
        here.or_else(|| {
            let (first, tail) = lead.split_first()?;
            let below = |next: Option<usize>| self.covering(next?, tail, method);
            below(node.literal_for(first)).or_else(|| below(node.variable_for(first)))
        })
    }
}

/// Where two patterns that overlap differ: at which side a variable stands for the other's literal.
#[derive(Clone, Copy, Default)]
struct Wider {
    ours: bool,
    theirs: bool,
}

impl PathTrie {
    /// Collects routes that cross this pattern; see [`RouteTable::crossing`].
    #[inline]
    fn crossing(
        &self,
        at: usize,
        segments: &[SegmentPattern],
        rest: bool,
        wider: Wider,
        method: Option<&str>,
        found: &mut Vec<Crossing>,
    ) {
        let Some(node) = self.nodes.get(at) else { return };
        let Some((first, tail)) = segments.split_first() else {
            return self.crossing_end(node, rest, wider, method, found);
        };
        if rest {
            // A shorter prefix holds ours, unless ours is wider before it ends.
            found.extend(node.overlapping_below(method).filter(|_| wider.ours));
        }
        let mut go =
            |next: usize, wider: Wider| self.crossing(next, tail, rest, wider, method, found);
        match first {
            SegmentPattern::Literal(text) => {
                if let Some(next) = node.child(text) {
                    go(next, wider);
                }
                if let Some(next) = node.variable_for(text) {
                    go(next, Wider { theirs: true, ..wider });
                }
            }
            SegmentPattern::Variable(_) => {
                let narrower = |next| go(next, Wider { ours: true, ..wider });
                // Below the other literals, of which there may be ten thousand, nothing is wider than ours.
                if wider.theirs {
                    let literals = node.literals().filter(|(text, _)| !text.is_empty());
                    literals.map(|(_, next)| next).for_each(narrower);
                } else {
                    self.wide.get(&at).into_iter().flatten().copied().for_each(narrower);
                }
                if let Some(next) = node.variable {
                    go(next.get(), wider);
                }
            }
        }
    }

    #[inline]
    fn crossing_end(
        &self,
        node: &Node,
        rest: bool,
        wider: Wider,
        method: Option<&str>,
        found: &mut Vec<Crossing>,
    ) {
        if !rest {
            found.extend(node.here.overlapping(method).filter(|_| wider.ours && wider.theirs));
            return;
        }
        found.extend(node.overlapping_below(method).filter(|_| wider.ours && wider.theirs));
        if wider.theirs {
            // Longer prefixes below: narrower by their length, wider by a variable.
            node.children().for_each(|next| self.all_below(next, method, found));
        }
    }

    #[inline]
    fn all_below(&self, at: usize, method: Option<&str>, found: &mut Vec<Crossing>) {
        let Some(node) = self.nodes.get(at) else { return };
        found.extend(node.overlapping_below(method));
        node.children().for_each(|next| self.all_below(next, method, found));
    }
}

/// What is escaped in a path, as RFC 3986 section 3.3 has it; `;` too, which would begin a parameter.
const SENT: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'%')
    .add(b'/')
    .add(b';')
    .add(b'<')
    .add(b'>')
    .add(b'?')
    .add(b'[')
    .add(b'\\')
    .add(b']')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

/// A path that both patterns match, for messages, as it is sent.
#[inline]
pub(crate) fn common_path(one: &PathPattern, other: &PathPattern) -> String {
    let longest = one.segments.len().max(other.segments.len());
    let mut out = String::new();
    for at in 0..longest {
        let literal = [one, other].into_iter().find_map(|pattern| match pattern.segments.get(at) {
            Some(SegmentPattern::Literal(text)) => Some(&**text),
            Some(SegmentPattern::Variable(_)) | None => None,
        });
        out.push('/');
        out.extend(utf8_percent_encode(literal.unwrap_or("x"), SENT));
    }
    if one.rest || other.rest {
        out.push_str("/x");
    }
    out
}

impl Node {
    #[inline]
    fn literal_for(&self, segment: &str) -> Option<usize> {
        self.child(&decoded(segment))
    }

    /// The node of a literal, which is decoded already.
    #[inline]
    fn child(&self, literal: &str) -> Option<usize> {
        self.literal.as_deref()?.get(literal).copied()
    }

    /// A variable never stands for an empty segment: `/orders/` is not an order.
    #[inline]
    fn variable_for(&self, segment: &str) -> Option<usize> {
        self.variable.filter(|_| !segment.is_empty()).map(NonZeroUsize::get)
    }

    #[inline]
    fn below(&self) -> Option<&Leaf> {
        self.below.as_deref()
    }

    #[inline]
    fn overlapping_below(&self, method: Option<&str>) -> impl Iterator<Item = Crossing> {
        self.below().into_iter().flat_map(move |below| below.overlapping(method))
    }

    #[inline]
    fn literals(&self) -> impl Iterator<Item = (&SmolStr, usize)> {
        self.literal.as_deref().into_iter().flatten().map(|(text, next)| (text, *next))
    }

    #[inline]
    fn children(&self) -> impl Iterator<Item = usize> {
        self.literals().map(|(_, next)| next).chain(self.variable.map(NonZeroUsize::get))
    }
}

/// The routes themselves.
pub(crate) type Routes = Vec<Arc<Route>>;

#[cfg(test)]
mod tests {
    use super::{HostPattern, PathPattern, RouteTable, SegmentPattern};

    /// All patterns of up to three segments of two literals and a variable, whole paths and prefixes.
    fn patterns() -> Vec<PathPattern> {
        let mut lists: Vec<Vec<SegmentPattern>> = vec![Vec::new()];
        for at in 0..40 {
            let Some(list) = lists.get(at).filter(|list| list.len() < 3).cloned() else { continue };
            for segment in [
                SegmentPattern::Literal("a".into()),
                SegmentPattern::Literal("b".into()),
                SegmentPattern::Variable("x".into()),
            ] {
                lists.push(list.iter().cloned().chain([segment]).collect());
            }
        }
        let both = |segments: Vec<SegmentPattern>| {
            [false, true].map(|rest| PathPattern { segments: segments.clone(), rest })
        };
        lists.into_iter().flat_map(both).collect()
    }

    /// Whether some path fits both, and each fits one that the other does not.
    fn cross(ours: &PathPattern, theirs: &PathPattern) -> bool {
        let (mut wider, mut narrower) = (false, false);
        for (own, other) in ours.segments.iter().zip(&theirs.segments) {
            match (own, other) {
                (SegmentPattern::Literal(own), SegmentPattern::Literal(other)) if own != other => {
                    return false;
                }
                (SegmentPattern::Variable(_), SegmentPattern::Literal(_)) => wider = true,
                (SegmentPattern::Literal(_), SegmentPattern::Variable(_)) => narrower = true,
                _ => {}
            }
        }
        let (own, other) = (ours.segments.len(), theirs.segments.len());
        let comparable = ours.rest == theirs.rest && (ours.rest || own == other);
        comparable && (wider || own < other) && (narrower || own > other)
    }

    #[test]
    fn what_crosses_is_found() {
        let all = patterns();
        assert_eq!(all.len(), 80);
        let mut table = RouteTable::default();
        for (index, path) in all.iter().enumerate() {
            assert!(table.insert(&HostPattern::Any, None, path, index).is_none());
        }
        for path in &all {
            let found = table.crossing(&HostPattern::Any, Some("GET"), path);
            let mut found: Vec<usize> = found.into_iter().map(|(route, _)| route).collect();
            found.sort_unstable();
            let expected: Vec<usize> =
                (0..all.len()).filter(|other| cross(path, &all[*other])).collect();
            assert_eq!(found, expected, "{path:?}");
        }
    }
}
