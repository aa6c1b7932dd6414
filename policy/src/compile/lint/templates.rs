//! Templates that never have a value, and those that only a token gives one, where there is none.

use std::collections::BTreeMap;

use crate::compile::settings::Effective;
use crate::file::problem::Problems;
use crate::file::settings::Level;
use crate::file::source::{ForwardSource, RouteSource};
use crate::require::template::Template;
use crate::route::{Requirements, Route};

/// Whether a text holds something that would be read where templates are.
pub(super) fn known_template(text: &str) -> bool {
    const WORDS: &[&str] =
        &["subject", "client", "issuer", "scopes", "method", "host", "path", "scheme"];
    const FAMILIES: &[&str] = &["claims.", "path.", "header.", "query."];
    let mut names =
        text.split('{').skip(1).filter_map(|rest| rest.split_once('}').map(|(name, _)| name));
    names.any(|name| {
        WORDS.contains(&name)
            || FAMILIES.iter().any(|family| name.len() > family.len() && name.starts_with(family))
    })
}

/// What is around the braces.
fn literals(text: &str) -> impl Iterator<Item = &str> {
    let first = text.split('{').next();
    let others = text.split('{').skip(1).filter_map(|rest| Some(rest.split_once('}')?.1));
    first.into_iter().chain(others)
}

/// Text that no header's value begins or ends with, and text that no cookie holds.
pub(super) fn texts(effective: &Effective<'_>, source: &RouteSource, problems: &mut Problems) {
    let settings = effective.settings;
    let mut edges = |place: String, text: &str| {
        if text.trim() != text {
            problems.error(
                place,
                format!("`{text}` begins or ends with white space, and so never has a value"),
                "remove the white space",
            );
        }
    };
    if let Some(setting) = settings.claims {
        let place = effective.place("claims", setting);
        for (index, claim) in setting.value.iter().enumerate() {
            edges(format!("{place}[{index}].equals"), claim.equals.as_deref().unwrap_or_default());
        }
    }
    if let Some(rbac) = &source.rbac {
        let optional = |text: &'_ Option<String>| text.clone().unwrap_or_default();
        for (name, text) in [
            ("api", rbac.api.clone()),
            ("resource", rbac.resource.clone()),
            ("namespace", optional(&rbac.namespace)),
            ("user", optional(&rbac.user)),
        ] {
            edges(format!("{}.rbac.{name}", effective.route), &text);
        }
    }
    let Some(setting) = settings.forward else { return };
    let place = effective.place("forward", setting);
    for (list, name, text) in forwarded(setting.value) {
        edges(format!("{place}.{list}.{name}"), text);
    }
    let octet = |char: char| char.is_ascii_graphic() && !matches!(char, '"' | ',' | ';' | '\\');
    for (name, text) in &setting.value.cookies {
        if !literals(text).all(|literal| literal.trim().chars().all(octet)) {
            problems.error(
                format!("{place}.cookies.{name}"),
                format!("`{text}` holds what no cookie may, so it is never sent"),
                "write visible ASCII without quotes, `,`, `;` and `\\`",
            );
        }
    }
}

fn forwarded(source: &ForwardSource) -> impl Iterator<Item = (&'static str, &String, &String)> {
    let list = |list: &'static str, texts| {
        let texts: &BTreeMap<String, String> = texts;
        texts.iter().map(move |(name, text)| (list, name, text))
    };
    list("headers", &source.headers)
        .chain(list("append_headers", &source.append_headers))
        .chain(list("cookies", &source.cookies))
        .chain(list("query", &source.query))
}

/// The first place below a route where a template reads a header.
pub(super) fn reading(route: &RouteSource, header: &str) -> Option<String> {
    let wanted = format!("{{header.{header}}}");
    let reads = |text: &String| text.to_ascii_lowercase().contains(&wanted);
    let forward = route.forward.as_ref();
    let sent = || {
        let mut lists = forward.into_iter().flat_map(forwarded);
        lists.find(|(.., text)| reads(text)).map(|(list, name, _)| format!("forward.{list}.{name}"))
    };
    let path = || forward?.path.as_ref().filter(|text| reads(text)).map(|_| "forward.path".into());
    let claim = || {
        let mut claims = route.claims.iter().flatten();
        let at = claims.position(|claim| claim.equals.as_ref().is_some_and(reads))?;
        Some(format!("claims[{at}].equals"))
    };
    let rbac = || {
        let rbac = route.rbac.as_ref()?;
        let optional = [&rbac.namespace, &rbac.user].into_iter().flatten();
        [&rbac.api, &rbac.resource].into_iter().chain(optional).any(reads).then(|| "rbac".into())
    };
    sent().or_else(path).or_else(claim).or_else(rbac)
}

/// What only a token has, on a route that reads none.
pub(super) fn without_token(
    effective: &Effective<'_>,
    requirements: &Requirements,
    route: &Route,
    problems: &mut Problems,
) {
    let mut never = |place: String| {
        problems.error(
            place,
            "nobody could ever pass: it is made of what only a token has, and the route reads none",
            "remove it, or add an authenticator of tokens",
        );
    };
    if let Some(setting) = effective.settings.claims {
        for (index, rule) in requirements.demands.claims.iter().enumerate() {
            if rule.template().is_some_and(Template::needs_token) {
                never(format!("{}[{index}].equals", effective.place("claims", setting)));
            }
        }
    }
    if let Some(rbac) = &requirements.demands.rbac {
        let named = [
            ("api", Some(&rbac.api)),
            ("resource", Some(&rbac.resource)),
            ("namespace", rbac.namespace.as_ref()),
            ("user", Some(&rbac.user)),
        ];
        for (name, template) in named {
            if template.is_some_and(Template::needs_token) {
                never(format!("{}.rbac.{name}", effective.route));
            }
        }
    }
    let Some(setting) = effective.settings.forward else { return };
    let reshape = route.forward.reshape.iter();
    let others = reshape.flat_map(|reshape| {
        let cookies = reshape.cookies.iter().map(|(name, it)| ("cookies", &**name, it));
        cookies.chain(reshape.query.iter().map(|(name, it)| ("query", &**name, it)))
    });
    let headers = route.forward.set.iter().map(|(name, it)| ("headers", &**name, it));
    for (list, name, _) in headers.chain(others).filter(|(.., template)| template.needs_token()) {
        let place = format!("{}.{list}.{name}", effective.place("forward", setting));
        let message = format!(
            "`{name}` is never sent: it is made of what only a token has, and the route reads none"
        );
        let fix = "remove it, or add an authenticator of tokens";
        // What is inherited is meant for others too.
        if setting.level == Level::Route {
            problems.error(place, message, fix);
        } else {
            problems.warning(place, message, fix);
        }
    }
}
