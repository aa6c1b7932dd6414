//! What `forward` changes besides setting headers, compiled.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::answer::permit::RemovedHeaders;
use crate::answer::reshape::Reshape;
use crate::compile::forward::header_name;
use crate::file::problem::Problems;
use crate::file::source::{ForwardSource, RouteSource, Source};
use crate::request::path::CanonicalPath;
use crate::require::template::Template;
use crate::route::Route;

/// What a template of `forward` may read, where it stands.
pub(super) struct Scope<'a> {
    pub(super) place: &'a str,
    pub(super) variables: &'a [Box<str>],
    /// The route has no identity, and the template is its own word.
    pub(super) nobody: bool,
}

impl Scope<'_> {
    /// Compiles a template; none where it is told as a problem.
    pub(super) fn template(
        &self,
        what: &str,
        text: &str,
        problems: &mut Problems,
    ) -> Option<Template> {
        let place = format!("{}.{what}", self.place);
        match Template::compile(text, self.variables) {
            // What an open route inherits of an identity has no value there, and is not sent.
            Ok(template) if self.nobody && template.reads_identity() => {
                problems.error(
                    &place,
                    format!("`{text}` reads an identity, and this route has none"),
                    "remove it, or remove `allow: unauthenticated`",
                );
                None
            }
            Ok(template) => Some(template),
            Err((message, fix)) => {
                problems.error(&place, message, fix);
                None
            }
        }
    }
}

/// None: the route wants nothing of it.
pub(super) fn reshape(
    scope: &Scope<'_>,
    open: bool,
    source: &ForwardSource,
    problems: &mut Problems,
) -> Option<Box<Reshape>> {
    let mut out = Reshape::default();
    for (name, text) in &source.append_headers {
        let what = format!("append_headers.{name}");
        let place = format!("{}.{what}", scope.place);
        if let Err(fix) = header_name(name) {
            problems.error(&place, format!("`{name}` is no header that a route may add to"), fix);
        }
        let Some(template) = scope.template(&what, text, problems) else { continue };
        if template.reads_identity() {
            problems.error(
                &place,
                format!("`{text}` reads the identity, and would stand beside what the client sent"),
                "set it with `headers`, so that the client's is removed",
            );
        }
        out.append.push((name.to_ascii_lowercase().into(), template));
    }
    out.remove = removed(scope.place, source, problems);
    out.cookies = named(scope, "cookies", &source.cookies, problems);
    out.query = named(scope, "query", &source.query, problems);
    out.remove_cookies =
        names(scope, "remove_cookies", &source.remove_cookies, &source.cookies, problems);
    out.remove_query = names(scope, "remove_query", &source.remove_query, &source.query, problems);
    out.path = source.path.as_deref().and_then(|text| path(scope, open, text, problems));
    let wanted = out.templates().next().is_some()
        || !out.remove.is_empty()
        || !out.remove_cookies.is_empty()
        || !out.remove_query.is_empty();
    wanted.then(|| Box::new(out))
}

/// What some route sets never comes from the client, so there is nothing to add to.
pub(super) fn check_appended(
    source: &Source,
    routes: &[Arc<Route>],
    set: &RemovedHeaders,
    problems: &mut Problems,
) {
    for route in routes {
        let Some(reshape) = &route.forward.reshape else { continue };
        for (name, _) in reshape.append.iter().filter(|(name, _)| set.contains(name.as_bytes())) {
            let own = |own: &RouteSource| own.name == *route.name && own.forward.is_some();
            let index = source.routes.iter().position(|it| own(it));
            let place = index.map(|index| format!("routes[{index}].")).unwrap_or_default();
            problems.error(
                format!("{place}forward.append_headers.{name}"),
                format!("`{name}`, which the route `{}` adds to, is set by the policy", route.name),
                "set it here too, or add to another header",
            );
        }
    }
}

/// Removing what frames or routes the message would make another one of it.
fn removed(place: &str, source: &ForwardSource, problems: &mut Problems) -> Vec<Arc<str>> {
    let mut out: Vec<Arc<str>> = Vec::new();
    for (index, name) in source.remove_headers.iter().enumerate() {
        let place = format!("{place}.remove_headers[{index}]");
        let lower = name.to_ascii_lowercase();
        let reserved = header_name(name).is_err() && !lower.starts_with("x-") && lower != "expect";
        if reserved {
            let fix = match lower.as_str() {
                "authorization" => "write `credential: none`",
                "cookie" => "name the cookies in `remove_cookies`",
                _ => {
                    "name one of letters, digits and `-` that neither frames nor routes the request"
                }
            };
            problems.error(&place, format!("`{name}` is no header that a route may remove"), fix);
        }
        let written =
            |map: &BTreeMap<String, String>| map.keys().any(|own| own.eq_ignore_ascii_case(name));
        if written(&source.headers)
            || written(&source.append_headers)
            || out.iter().any(|own| **own == *lower)
        {
            let message = format!("`{name}` is set or removed already");
            problems.error(&place, message, "write each header once");
        }
        out.push(lower.into());
    }
    out
}

/// Names of cookies and query keys: what needs no escaping in either.
fn is_name(name: &str) -> bool {
    !name.is_empty()
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte))
}

fn check_name(place: &str, name: &str, problems: &mut Problems) {
    if !is_name(name) {
        problems.error(
            place,
            format!("`{name}` is no name of a cookie or query key"),
            "use letters, digits, `-`, `_`, `.` and `~`",
        );
    }
}

fn named(
    scope: &Scope<'_>,
    what: &str,
    source: &BTreeMap<String, String>,
    problems: &mut Problems,
) -> Vec<(Box<str>, Template)> {
    let mut out = Vec::new();
    for (name, text) in source {
        let what = format!("{what}.{name}");
        check_name(&format!("{}.{what}", scope.place), name, problems);
        if let Some(template) = scope.template(&what, text, problems) {
            out.push((name.as_str().into(), template));
        }
    }
    out
}

/// Those to remove, and those that are set among them.
fn names(
    scope: &Scope<'_>,
    what: &str,
    removed: &[String],
    set: &BTreeMap<String, String>,
    problems: &mut Problems,
) -> Vec<Box<str>> {
    for (index, name) in removed.iter().enumerate() {
        let place = format!("{}.{what}[{index}]", scope.place);
        check_name(&place, name, problems);
        if set.contains_key(name) || removed.iter().take(index).any(|other| other == name) {
            let message = format!("`{name}` is set or removed already");
            problems.error(
                &place,
                message,
                "write each name once; what is set replaces the client's",
            );
        }
    }
    set.keys().chain(removed).map(|name| name.as_str().into()).collect()
}

fn path(scope: &Scope<'_>, open: bool, text: &str, problems: &mut Problems) -> Option<Template> {
    let place = format!("{}.path", scope.place);
    let template = scope.template("path", text, problems)?;
    // Unlike a header, a path cannot be left out.
    if open && template.reads_identity() {
        problems.error(
            &place,
            format!("`{text}` reads an identity, and an open route that inherits it has none"),
            "give the open route a `forward` of its own",
        );
    }
    let example = template.example();
    let canonical = CanonicalPath::parse(example.as_bytes());
    if !canonical.is_ok_and(|path| !path.has_escaped_slashes()) || example.contains('?') {
        problems.error(
            &place,
            format!("`{text}` makes no path that an upstream can rely on, like `{example}`"),
            "start with `/`, without a query, dot segments, empty segments or needless escapes",
        );
    }
    Some(template)
}
