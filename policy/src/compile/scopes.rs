//! Scopes that a route needs: `scopes`, compiled. One that can never be granted, or never without another that is refused,
//! is an error.

use crate::file::problem::Problems;
use crate::file::require_source::{ScopeStrategy, ScopesSource};
use crate::file::settings::Setting;
use crate::require::scopes::{Scopes, satisfies};

pub(super) fn scopes(
    place: &str,
    setting: Setting<'_, ScopesSource>,
    problems: &mut Problems,
) -> Scopes {
    let source = setting.value;
    let strategy = source.strategy;
    let needed = || source.all_of.iter().chain(&source.any_of);
    // `scopes: {}` takes back what an outer place asks for.
    if needed().chain(&source.none_of).next().is_none() {
        if !setting.replaces {
            problems.error(place, "asks for no scope", "add `all_of`, `any_of` or `none_of`");
        }
        return Scopes::default();
    }
    let lists =
        [("all_of", &source.all_of), ("any_of", &source.any_of), ("none_of", &source.none_of)];
    for (name, list) in lists {
        for (index, scope) in list.iter().enumerate() {
            check(&|| format!("{place}.{name}[{index}]"), scope, strategy, problems);
        }
    }
    for scope in needed() {
        // Every granted scope that satisfies the one satisfies the other too.
        let refused = source.none_of.iter().find(|other| satisfies(strategy, scope, other));
        if let Some(other) = refused {
            problems.error(
                format!("{place}.none_of"),
                format!("`{other}` is refused, and whoever has `{scope}` has it"),
                "remove one of the two",
            );
        }
    }
    let named: Vec<&str> = needed().map(String::as_str).collect();
    let boxed =
        |scopes: &[String]| scopes.iter().map(|scope| scope.as_str().into()).collect::<Vec<_>>();
    Scopes {
        all_of: boxed(&source.all_of),
        any_of: boxed(&source.any_of),
        none_of: boxed(&source.none_of),
        strategy,
        challenge: Some(named.join(" ").into()),
    }
}

fn check(
    place: &dyn Fn() -> String,
    scope: &str,
    strategy: ScopeStrategy,
    problems: &mut Problems,
) {
    // RFC 6749 section 3.3: scope-token.
    let valid = !scope.is_empty()
        && scope.bytes().all(|byte| (0x21..=0x7e).contains(&byte) && byte != b'"' && byte != b'\\');
    if !valid {
        problems.error(
            place(),
            format!("`{scope}` is no scope"),
            "write one scope an entry, without spaces and quotes",
        );
    }
    if strategy == ScopeStrategy::Wildcard && scope.split('.').any(|segment| segment == "*") {
        problems.error(
            place(),
            format!("`{scope}` is a pattern, and patterns stand in tokens alone"),
            "name the scopes themselves; a granted pattern satisfies each that fits it",
        );
    }
}
