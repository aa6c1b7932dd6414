//! Words of a route that mean something else than they look like, or nothing where they stand: variables of other
//! languages in paths, scopes that are in effect already, answers that nobody gets.

use crate::compile::lint::templates::known_template;
use crate::compile::settings::Effective;
use crate::file::problem::Problems;
use crate::file::require_source::ScopeStrategy;
use crate::file::settings::Level;
use crate::file::source::{Allow, MatchSource, RouteSource};
use crate::require::scopes::satisfies;
use crate::route::Route;

/// `/orders/:id` and `/orders/<id>` are literals here, and `{id}` in a glob is `id`.
pub(super) fn path(route: &str, source: &MatchSource, problems: &mut Problems) {
    for (name, list) in [("hosts", &source.hosts), ("methods", &source.methods)] {
        if list.as_ref().is_some_and(Vec::is_empty) {
            problems.error(
                format!("{route}.match.{name}"),
                "is an empty list, which would mean all and looks like none",
                "leave it out for all",
            );
        }
    }
    let foreign = |part: &&str| {
        part.starts_with(':') && part.len() > 1 || part.starts_with('<') && part.ends_with('>')
    };
    if let Some(path) = &source.path
        && let Some(part) = path.split('/').find(foreign)
    {
        let name = part.trim_matches([':', '<', '>']);
        problems.warning(
            format!("{route}.match.path"),
            format!("`{part}` is a segment that reads just so, and no variable"),
            format!("write `{{{name}}}`"),
        );
    }
    let Some(glob) = &source.glob else { return };
    let mut braces = glob.split('{').skip(1).filter_map(|rest| rest.split('}').next());
    if let Some(inner) =
        braces.find(|inner| !inner.is_empty() && !inner.contains([',', '{', '*', '?', '[']))
    {
        problems.warning(
            format!("{route}.match.glob"),
            format!("`{{{inner}}}` in a glob is `{inner}` alone, and no variable"),
            "write `path` with variables, or `*` for a part of a segment",
        );
    }
}

/// Scopes that others ask for already, and patterns where none are read.
pub(super) fn scopes(effective: &Effective<'_>, problems: &mut Problems) {
    let Some(setting) = effective.settings.scopes else { return };
    let place = effective.place("scopes", setting);
    let source = setting.value;
    let all = &source.all_of;
    for (name, list) in [("all_of", all), ("any_of", &source.any_of), ("none_of", &source.none_of)]
    {
        let twice = list
            .iter()
            .enumerate()
            .find(|(index, scope)| list.iter().take(*index).any(|known| known == *scope));
        for (index, scope) in list.iter().enumerate().filter(|(_, scope)| known_template(scope)) {
            problems.error(
                format!("{place}.{name}[{index}]"),
                format!("`{scope}`: a template is not read here"),
                "name the scope; a claim may be compared with a template, by `equals`",
            );
        }
        if let Some((_, scope)) = twice {
            problems.error(
                format!("{place}.{name}"),
                format!("`{scope}` is named twice"),
                "name it once",
            );
        }
    }
    let met = source
        .any_of
        .iter()
        .find(|any| all.iter().any(|scope| satisfies(source.strategy, scope, any)));
    if let Some(scope) = met {
        problems.error(
            format!("{place}.any_of"),
            format!("asks for nothing more: whoever has what `all_of` names has `{scope}`"),
            "remove `any_of`, or what `all_of` names of it",
        );
    }
    let scopes = || all.iter().chain(&source.any_of).chain(&source.none_of);
    if source.strategy != ScopeStrategy::Wildcard
        && let Some(scope) = scopes().find(|scope| scope.contains('*'))
    {
        problems.warning(
            &place,
            format!("`{scope}` is one scope with a `*` in its name"),
            "name the scopes; `strategy: hierarchic` and `wildcard` are about what is granted",
        );
    }
    if let Some(scope) = scopes().find(|scope| scope.contains(',')) {
        problems.warning(
            &place,
            format!("`{scope}` is one scope with a comma in its name"),
            "write one scope an entry",
        );
    }
}

/// Pages of a whole top-level name: of everybody who registers one below it.
pub(super) fn origins(effective: &Effective<'_>, problems: &mut Problems) {
    let Some(setting) = effective.settings.cors else { return };
    for (index, origin) in setting.value.origins.iter().enumerate() {
        let below = origin.split_once("://*.").map_or("", |(_, suffix)| suffix);
        let name = below.split(':').next().unwrap_or_default();
        if !name.is_empty() && !name.contains('.') && name != "localhost" {
            problems.error(
                format!("{}.origins[{index}]", effective.place("cors", setting)),
                format!("`{origin}` is everybody who has a name below `{name}`"),
                "name your own domain, like `https://*.example.com`",
            );
        }
    }
}

/// Answers that no request of the route gets. What a route inherits is meant for others too.
pub(super) fn answers(
    effective: &Effective<'_>,
    source: &RouteSource,
    route: &Route,
    problems: &mut Problems,
) {
    let settings = effective.settings;
    let methods = source.r#match.methods();
    if let Some(own) = settings.on_deny.filter(|own| own.level == Level::Route)
        && let Some(redirect) = &own.value.redirect
    {
        let place = format!("{}.redirect", effective.place("on_deny", own));
        if !methods.is_empty() && !methods.iter().any(|method| matches!(&**method, "GET" | "HEAD"))
        {
            problems.error(
                &place,
                format!("redirects GET and HEAD, and the route judges `{}`", methods.join("`, `")),
                "remove it",
            );
        }
        let on = redirect.on.as_deref().unwrap_or(&[401]);
        let refused = source.allow == Some(Allow::Nobody) || route.cors.is_some();
        if source.allow.is_some() && !(refused && on.contains(&403)) {
            problems.error(
                &place,
                "redirects nobody: such a denial is none of this route's",
                "remove it, or write `on: [403]` where the route denies so",
            );
        }
    }
    let Some(own) = settings.cors.filter(|own| own.level == Level::Route) else { return };
    let listed = own.value.methods.iter().flatten();
    let foreign = |method: &&String| !methods.is_empty() && !methods.contains(method);
    if let Some(method) = listed.filter(|method| **method != "OPTIONS").find(foreign) {
        problems.error(
            format!("{}.methods", effective.place("cors", own)),
            format!("`{method}` is no method of this route, and a preflight is judged by the route of the method that it announces"),
            "remove it, or write `cors` where that method is judged",
        );
    }
}
