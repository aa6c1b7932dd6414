//! docs/routes.md, "Patterns": regular expressions and globs of whole paths, tried one way after the
//! other until one fits. For the part of the syntax that is generated; anything else fits nothing.

/// Names and texts of the groups that took part.
pub(crate) type Groups = Vec<(String, String)>;

#[derive(Debug, Clone)]
enum Node {
    /// One of these bytes, or none of them.
    Byte(Vec<(u8, u8)>, bool),
    /// One of these, perhaps under a name.
    Either(Option<String>, Vec<Vec<Node>>),
    /// At least, at most, and whether more comes before less.
    Repeat(Box<Node>, usize, usize, bool),
}

/// What the groups of a regular expression hold where it fits the whole path.
pub(crate) fn regex(pattern: &str, path: &str) -> Option<Groups> {
    let mut parser = Parser { rest: pattern.as_bytes() };
    let whole = parser.alternatives()?;
    if !parser.rest.is_empty() {
        return None;
    }
    let whole = [Node::Either(None, whole)];
    let mut found = None;
    let mut end = |at: usize, groups: &Groups| {
        let ends = at == path.len();
        if ends {
            found = Some(groups.clone());
        }
        ends
    };
    run(&whole, path.as_bytes(), 0, &Groups::new(), &mut end);
    found
}

/// What is done with a place that was reached; true: it is good.
type Then<'t> = dyn FnMut(usize, &Groups) -> bool + 't;

fn run(nodes: &[Node], text: &[u8], at: usize, groups: &Groups, then: &mut Then<'_>) -> bool {
    let Some((first, rest)) = nodes.split_first() else { return then(at, groups) };
    match first {
        Node::Byte(ranges, negated) => match text.get(at) {
            Some(byte) if among(ranges, *byte) != *negated => {
                run(rest, text, at.saturating_add(1), groups, then)
            }
            _ => false,
        },
        Node::Either(name, ways) => ways.iter().any(|way| {
            let mut behind = |to: usize, groups: &Groups| {
                let mut groups = groups.clone();
                if let Some(name) = name {
                    let text = text.get(at..to).unwrap_or_default();
                    groups.retain(|(own, _)| own != name);
                    groups.push((name.clone(), String::from_utf8_lossy(text).into_owned()));
                }
                run(rest, text, to, &groups, then)
            };
            run(way, text, at, groups, &mut behind)
        }),
        Node::Repeat(node, least, most, more_first) => {
            let again = |then: &mut Then<'_>| {
                if *most == 0 {
                    return false;
                }
                let fewer = Node::Repeat(
                    node.clone(),
                    least.saturating_sub(1),
                    most.saturating_sub(1),
                    *more_first,
                );
                let nodes: Vec<Node> = std::iter::once(fewer).chain(rest.to_vec()).collect();
                let one = std::slice::from_ref(&**node);
                // A round that reads nothing brings nothing.
                let mut behind =
                    |to: usize, groups: &Groups| to > at && run(&nodes, text, to, groups, then);
                run(one, text, at, groups, &mut behind)
            };
            if *least > 0 {
                return again(then);
            }
            let (first, last) = (*more_first, !*more_first);
            (first && again(then)) || run(rest, text, at, groups, then) || (last && again(then))
        }
    }
}

fn among(ranges: &[(u8, u8)], byte: u8) -> bool {
    ranges.iter().any(|(from, to)| (*from..=*to).contains(&byte))
}

struct Parser<'p> {
    rest: &'p [u8],
}

impl Parser<'_> {
    fn take(&mut self) -> Option<u8> {
        let (first, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(*first)
    }

    fn eat(&mut self, text: &str) -> bool {
        let rest = self.rest.strip_prefix(text.as_bytes());
        rest.map(|rest| self.rest = rest).is_some()
    }

    fn until(&mut self, end: char) -> Option<String> {
        let mut text = String::new();
        loop {
            match self.take()?.into() {
                byte if byte == end => return Some(text),
                byte => text.push(byte),
            }
        }
    }

    fn alternatives(&mut self) -> Option<Vec<Vec<Node>>> {
        let mut ways = vec![Vec::new()];
        loop {
            match self.rest.first() {
                None | Some(b')') => return Some(ways),
                Some(b'|') => {
                    self.take();
                    ways.push(Vec::new());
                }
                Some(_) => {
                    let node = self.repeated()?;
                    ways.last_mut()?.push(node);
                }
            }
        }
    }

    fn repeated(&mut self) -> Option<Node> {
        let node = self.atom()?;
        let (least, most) = match self.rest.first() {
            Some(b'*') => (0, usize::MAX),
            Some(b'+') => (1, usize::MAX),
            Some(b'?') => (0, 1),
            Some(b'{') => {
                self.take();
                let text = self.until('}')?;
                let (least, most) = text.split_once(',').unwrap_or((&text, &text));
                let most = if most.is_empty() { usize::MAX } else { most.parse().ok()? };
                let lazy = self.eat("?");
                return Some(Node::Repeat(Box::new(node), least.parse().ok()?, most, !lazy));
            }
            _ => return Some(node),
        };
        self.take();
        let lazy = self.eat("?");
        Some(Node::Repeat(Box::new(node), least, most, !lazy))
    }

    fn atom(&mut self) -> Option<Node> {
        if self.eat("(") {
            let name = match () {
                () if self.eat("?:") => None,
                () if self.eat("?P<") || self.eat("?<") => Some(self.until('>')?),
                () => None,
            };
            let ways = self.alternatives()?;
            return self.eat(")").then_some(Node::Either(name, ways));
        }
        match self.take()? {
            b'.' => Some(Node::Byte(vec![(b'\n', b'\n')], true)),
            b'[' => self.class(),
            b'\\' => Some(Node::Byte(self.escape()?, false)),
            byte => Some(Node::Byte(vec![(byte, byte)], false)),
        }
    }

    fn escape(&mut self) -> Option<Vec<(u8, u8)>> {
        Some(match self.take()? {
            b'd' => vec![(b'0', b'9')],
            b'w' => vec![(b'0', b'9'), (b'A', b'Z'), (b'a', b'z'), (b'_', b'_')],
            b's' => vec![(b'\t', b'\r'), (b' ', b' ')],
            byte => vec![(byte, byte)],
        })
    }

    fn class(&mut self) -> Option<Node> {
        let negated = self.eat("^");
        let mut ranges = Vec::new();
        loop {
            match self.take()? {
                b']' => return Some(Node::Byte(ranges, negated)),
                b'\\' => ranges.extend(self.escape()?),
                from => match self.rest {
                    [b'-', to, ..] if *to != b']' => {
                        ranges.push((from, *to));
                        self.rest = self.rest.get(2..)?;
                    }
                    _ => ranges.push((from, from)),
                },
            }
        }
    }
}

/// Whether a glob fits the whole path.
pub(crate) fn glob(pattern: &str, path: &str) -> bool {
    match split_braces(pattern) {
        Some((before, ways, after)) => {
            ways.iter().any(|way| glob(&format!("{before}{way}{after}"), path))
        }
        None => plain_glob(pattern.as_bytes(), path.as_bytes()),
    }
}

/// What stands before the first braces, in them, and behind.
fn split_braces(pattern: &str) -> Option<(String, Vec<String>, String)> {
    let (before, rest) = pattern.split_once('{')?;
    let mut depth = 1_usize;
    let mut ways = vec![String::new()];
    let mut characters = rest.chars();
    while let Some(character) = characters.next() {
        match character {
            '{' => depth = depth.saturating_add(1),
            '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        match (character, depth) {
            (_, 0) => return Some((before.to_owned(), ways, characters.collect())),
            (',', 1) => ways.push(String::new()),
            _ => ways.last_mut()?.push(character),
        }
    }
    None
}

fn plain_glob(pattern: &[u8], text: &[u8]) -> bool {
    let separates = |byte: &u8| matches!(byte, b'/' | b'.');
    match pattern {
        [] => text.is_empty(),
        [b'*', b'*', rest @ ..] => {
            (0..=text.len()).any(|at| plain_glob(rest, text.get(at..).unwrap_or_default()))
        }
        [b'*', rest @ ..] => {
            let run = text.iter().position(separates).unwrap_or(text.len());
            (0..=run).any(|at| plain_glob(rest, text.get(at..).unwrap_or_default()))
        }
        [b'?', rest @ ..] => match text.split_first() {
            Some((byte, text)) => !separates(byte) && plain_glob(rest, text),
            None => false,
        },
        [b'[', rest @ ..] => {
            let Some(end) = rest.iter().position(|byte| *byte == b']') else { return false };
            let (class, behind) = rest.split_at(end);
            let (class, negated) = match class.strip_prefix(b"!") {
                Some(class) => (class, true),
                None => (class, false),
            };
            let ranges = match class {
                [from, b'-', to] => vec![(*from, *to)],
                bytes => bytes.iter().map(|byte| (*byte, *byte)).collect(),
            };
            match text.split_first() {
                Some((byte, text)) => {
                    among(&ranges, *byte) != negated
                        && plain_glob(behind.get(1..).unwrap_or_default(), text)
                }
                None => false,
            }
        }
        [own, rest @ ..] => match text.split_first() {
            Some((byte, text)) => own == byte && plain_glob(rest, text),
            None => false,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Held = Option<&'static [(&'static str, &'static str)]>;

    const REGEXES: &[(&str, &str, Held)] = &[
        ("/a", "/a", Some(&[])),
        ("/a", "/ab", None),
        ("/a/(?<id>[0-9]+)", "/a/42", Some(&[("id", "42")])),
        ("/a/(?<id>[0-9]+)", "/a/x", None),
        ("/a(?:/(?P<x>[^/]+))?", "/a", Some(&[])),
        ("/a(?:/(?P<x>[^/]+))?", "/a/b", Some(&[("x", "b")])),
        ("/(?<a>.+?)(?<b>\\d*)", "/x12", Some(&[("a", "x"), ("b", "12")])),
        ("/(?<a>.+)(?<b>\\d*)", "/x12", Some(&[("a", "x12"), ("b", "")])),
        ("/(?:a|b){2}", "/ab", Some(&[])),
        ("/(?:a|b){2}", "/a", None),
        ("/.*\\.(?:png|jpg)", "/x.y.jpg", Some(&[])),
        ("/.*\\.png", "/xpng", None),
    ];

    const GLOBS: &[(&str, &str, bool)] = &[
        ("/a/*", "/a/x", true),
        ("/a/*", "/a/", true),
        ("/a/*", "/a/x/y", false),
        ("/a/*", "/a/x.y", false),
        ("/a/**", "/a/x/y.z", true),
        ("/a/**.{png,jpg}", "/a/x/y.jpg", true),
        ("/a/**.{png,jpg}", "/a/x/y.gif", false),
        ("/a/?", "/a/x", true),
        ("/a/?", "/a/.", false),
        ("/[!a-c]*", "/d", true),
        ("/[!a-c]*", "/b", false),
        ("/[abc]", "/b", true),
        ("/{a,b{c,}}", "/bc", true),
        ("/{a,b{c,}}", "/b", true),
        ("/{a,}", "/", true),
    ];

    #[test]
    fn patterns_fit_as_the_document_says() {
        for (pattern, path, expected) in REGEXES {
            let found = regex(pattern, path);
            let own = |pair: &(&str, &str)| (pair.0.to_owned(), pair.1.to_owned());
            let expected = expected.map(|groups| groups.iter().map(own).collect::<Groups>());
            assert_eq!(found, expected, "{pattern} {path}");
        }
        for (pattern, path, expected) in GLOBS {
            assert_eq!(glob(pattern, path), *expected, "{pattern} {path}");
        }
    }
}
