//! docs/routes.md: every route is looked at, and the most specific one wins.

use std::cmp::Ordering;

use serde_json::Value;

use super::path::{self, Request};
use super::value;

/// What the routes say.
pub(crate) enum Found<'v> {
    /// The route, and the host pattern through which it was found.
    Route(&'v Value, Option<&'v str>),
    Nothing,
    /// Cutting path parameters off leads to another route.
    Malformed,
}

/// How specific a match is. Lists compare element by element, and more is more specific.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Rank {
    /// Exact 2, wildcard 1, any 0; then the length of the wildcard.
    host: (u8, usize),
    /// Exact 2, template 1, prefix 0.
    path: u8,
    /// A literal segment before a variable.
    literals: Vec<bool>,
    /// A named method before any.
    method: bool,
}

/// Finds the route of a request.
pub(crate) fn find<'v>(routes: &'v [Value], request: &Request) -> Found<'v> {
    let found = best(routes, request, &request.segments);
    let cut = request.without_parameters();
    let other = best(routes, request, &cut);
    let name =
        |route: Option<&Value>| route.and_then(|it| value::text(it, "name")).map(str::to_owned);
    if name(found) != name(other) {
        return Found::Malformed;
    }
    found.map_or(Found::Nothing, |route| Found::Route(route, through(route, request)))
}

/// The pattern of the route that fits the request's host best.
fn through<'v>(route: &'v Value, request: &Request) -> Option<&'v str> {
    let hosts = value::words(route.get("match")?, "hosts");
    let ranked = hosts.into_iter().filter_map(|host| Some((host_rank(host, &request.host)?, host)));
    ranked.max().map(|(_, host)| host)
}

fn best<'v>(routes: &'v [Value], request: &Request, segments: &[String]) -> Option<&'v Value> {
    let mut best: Option<(Rank, &Value)> = None;
    for route in routes {
        let Some(rank) = rank(route, request, segments) else { continue };
        let wins = best.as_ref().is_none_or(|(own, _)| rank.cmp(own) == Ordering::Greater);
        if wins {
            best = Some((rank, route));
        }
    }
    best.map(|(_, route)| route)
}

fn rank(route: &Value, request: &Request, segments: &[String]) -> Option<Rank> {
    let rule = route.get("match")?;
    let methods = value::words(rule, "methods");
    if !methods.is_empty() && !methods.contains(&request.method.as_str()) {
        return None;
    }
    let hosts = value::words(rule, "hosts");
    let host = match hosts.is_empty() {
        true => (0, 0),
        false => hosts.iter().filter_map(|host| host_rank(host, &request.host)).max()?,
    };
    let (path, literals) = path_rank(value::text(rule, "path")?, segments)?;
    Some(Rank { host, path, literals, method: !methods.is_empty() })
}

fn host_rank(pattern: &str, host: &str) -> Option<(u8, usize)> {
    let pattern = pattern.to_ascii_lowercase();
    match pattern.strip_prefix('*') {
        // `*.example.org` is what is below it, and not `example.org`.
        Some(end) => (host.ends_with(end) && host.len() > end.len()).then_some((1, end.len())),
        None => (pattern == host).then_some((2, 0)),
    }
}

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

/// The value of a variable of the route's path.
pub(crate) fn variable(route: &Value, request: &Request, name: &str) -> Option<String> {
    let pattern = value::text(route.get("match")?, "path")?;
    let parts = pattern.strip_prefix('/')?.split('/');
    let wanted = format!("{{{name}}}");
    parts.zip(&request.segments).find(|(part, _)| *part == wanted).map(|(_, it)| it.clone())
}
