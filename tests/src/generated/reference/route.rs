//! docs/routes.md, "Which one wins": every route is looked at for every host, and the most specific
//! one is taken; and each way in which an upstream could read the path has to end at the same.

use serde_json::Value;

use super::path::{self, Request};
use super::{pattern, value};

/// Patterns are not tried on longer paths.
const PATTERN_PATH_BYTES: usize = 2048;

/// What the routes say.
pub(crate) enum Found<'v> {
    /// The route, and the host pattern through which it was found.
    Route(&'v Value, Option<&'v str>),
    Nothing,
    /// Two patterns, neither of which is narrower.
    Ambiguous,
    /// Another reading of the path leads to another route, or the path is too long for patterns.
    Malformed,
}

/// The best route of one reading.
#[derive(Debug, Clone, Copy)]
enum Best<'v> {
    Nothing,
    One(&'v Value, Option<&'v str>),
    Several,
    TooLong,
}

impl Best<'_> {
    /// The name of the route, or a word for what is none.
    fn name(&self) -> Option<&str> {
        match self {
            Self::One(route, _) => value::text(route, "name"),
            Self::Nothing => None,
            Self::Several => Some("(several)"),
            Self::TooLong => Some("(too long)"),
        }
    }
}

/// Finds the route of a request for a method.
pub(crate) fn find<'v>(routes: &'v [Value], request: &Request, method: &str) -> Found<'v> {
    let best = |path: &str| best(routes, method, &request.host, path);
    let sent = best(&request.path);
    let allows = match sent {
        Best::One(route, _) => {
            route.pointer("/match/encoded_slashes").is_some_and(|it| it == "allow")
        }
        Best::Nothing | Best::Several | Best::TooLong => false,
    };
    if let Best::Several = sent {
        return Found::Ambiguous;
    }
    if request.has_escaped_slash() && !allows {
        return Found::Malformed;
    }
    if best(&path::cut(&request.path)).name() != sent.name() {
        return Found::Malformed;
    }
    for reading in request.plain_readings() {
        let is_new_end = reading.ends_with('/') && !request.path.ends_with('/');
        let other = best(&reading);
        let fits = other.name().is_none() || other.name() == sent.name();
        if path::segments(&reading).is_none() || is_new_end || !fits {
            return Found::Malformed;
        }
    }
    match sent {
        Best::One(route, host) => Found::Route(route, host),
        Best::Nothing => Found::Nothing,
        Best::Several => Found::Ambiguous,
        Best::TooLong => Found::Malformed,
    }
}

/// Host by host: the routes that name it exactly, those of the longest wildcard, shorter ones, the rest.
fn best<'v>(routes: &'v [Value], method: &str, host: &str, path: &str) -> Best<'v> {
    let mut tiers: Vec<(u8, usize, Option<&str>)> = vec![(0, 0, None)];
    for route in routes {
        for pattern in hosts(route) {
            if let Some((kind, length)) = host_rank(pattern, host) {
                tiers.push((kind, length, Some(pattern)));
            }
        }
    }
    tiers.sort();
    tiers.dedup();
    for (_, _, tier) in tiers.into_iter().rev() {
        let is_own = |route: &&Value| match tier {
            Some(pattern) => hosts(route).contains(&pattern),
            None => hosts(route).is_empty(),
        };
        let own: Vec<&Value> = routes.iter().filter(is_own).collect();
        match of_host(&own, method, path, tier) {
            Best::Nothing => {}
            found @ (Best::One(..) | Best::Several | Best::TooLong) => return found,
        }
    }
    Best::Nothing
}

fn of_host<'v>(routes: &[&'v Value], method: &str, path: &str, host: Option<&'v str>) -> Best<'v> {
    let segments = path::decoded(path);
    let own = || routes.iter().copied().filter(|route| takes(route, method));
    let ranked = own().filter_map(|route| {
        let rank = path_rank(value::text(route.get("match")?, "path")?, &segments)?;
        Some((rank, names_methods(route), route))
    });
    let by_path = ranked
        .max_by(|(one, named, _), (other, other_named, _)| (one, named).cmp(&(other, other_named)));
    if let Some((_, _, route)) = by_path {
        return Best::One(route, host);
    }
    let patterns: Vec<&Value> = own().filter(|route| starts(route, &segments)).collect();
    if path.len() > PATTERN_PATH_BYTES && !patterns.is_empty() {
        return Best::TooLong;
    }
    let fitting: Vec<&Value> =
        patterns.into_iter().filter(|route| groups(route, path).is_some()).collect();
    let named: Vec<&Value> = fitting.iter().copied().filter(|it| names_methods(it)).collect();
    match if named.is_empty() { fitting } else { named }.as_slice() {
        [] => Best::Nothing,
        [one] => Best::One(one, host),
        _ => Best::Several,
    }
}

fn hosts(route: &Value) -> Vec<&str> {
    route.get("match").map(|rule| value::words(rule, "hosts")).unwrap_or_default()
}

fn names_methods(route: &Value) -> bool {
    route.get("match").is_some_and(|rule| !value::list(rule, "methods").is_empty())
}

fn takes(route: &Value, method: &str) -> bool {
    let methods = route.get("match").map(|rule| value::words(rule, "methods")).unwrap_or_default();
    methods.is_empty() || methods.contains(&method)
}

fn host_rank(pattern: &str, host: &str) -> Option<(u8, usize)> {
    let pattern = pattern.to_ascii_lowercase();
    match pattern.strip_prefix('*') {
        // `*.example.org` is what is below it, and not `example.org`.
        Some(end) => (host.ends_with(end) && host.len() > end.len()).then_some((1, end.len())),
        None => (pattern == host).then_some((2, 0)),
    }
}

/// Exact 2, template 1, prefix 0; then for each segment whether it is a literal.
fn path_rank(pattern: &str, segments: &[String]) -> Option<(u8, Vec<bool>)> {
    let mut parts: Vec<&str> = pattern.strip_prefix('/')?.split('/').collect();
    let is_prefix = parts.last() == Some(&"{**}");
    if is_prefix {
        parts.pop();
    }
    let fits = if is_prefix {
        // What is below it, and `/files/` itself is.
        segments.len() > parts.len()
    } else {
        segments.len() == parts.len()
    };
    if !fits {
        return None;
    }
    let mut literals = Vec::new();
    for (part, segment) in parts.iter().zip(segments) {
        if is_variable(part) {
            // A variable holds something.
            if segment.is_empty() {
                return None;
            }
        } else if path::decode(part).as_ref() != Some(segment) {
            return None;
        }
        literals.push(!is_variable(part));
    }
    let kind = match (is_prefix, literals.iter().all(|literal| *literal)) {
        (true, _) => 0,
        (false, true) => 2,
        (false, false) => 1,
    };
    Some((kind, literals))
}

fn is_variable(part: &str) -> bool {
    part.starts_with('{') && part.ends_with('}')
}

/// The groups of a route's pattern on a path; None where there is no pattern or it does not fit.
fn groups(route: &Value, path: &str) -> Option<pattern::Groups> {
    let rule = route.get("match")?;
    if let Some(regex) = value::text(rule, "regex") {
        return pattern::regex(regex, path);
    }
    pattern::glob(value::text(rule, "glob")?, path).then(Vec::new)
}

/// Whether a route's pattern starts with whole segments that the path has.
fn starts(route: &Value, segments: &[String]) -> bool {
    let Some(rule) = route.get("match") else { return false };
    let Some(pattern) = value::text(rule, "regex").or_else(|| value::text(rule, "glob")) else {
        return false;
    };
    let literal = pattern.split(|it| "\\.[](){}*+?|^$".contains(it)).next().unwrap_or_default();
    // What stands before a repetition belongs to it; the last segment may go on.
    let mut parts: Vec<&str> = literal.split('/').skip(1).collect();
    parts.pop();
    let own = parts.iter().map(|part| path::decode(part));
    parts.len() <= segments.len() && own.zip(segments).all(|(own, it)| own.as_ref() == Some(it))
}

/// The value of a variable of the route's path.
pub(crate) fn variable(route: &Value, request: &Request, name: &str) -> Option<String> {
    let Some(pattern) = value::text(route.get("match")?, "path") else {
        let groups = groups(route, &request.path)?;
        let (_, text) = groups.into_iter().find(|(own, _)| own == name)?;
        // A group may cut an escape in two: what is none stays as it is.
        return String::from_utf8(path::decode_lossy(&text)).ok();
    };
    let parts = pattern.strip_prefix('/')?.split('/');
    let wanted = format!("{{{name}}}");
    let segments = path::decoded(&request.path);
    parts.zip(segments).find(|(part, _)| *part == wanted).map(|(_, it)| it)
}
