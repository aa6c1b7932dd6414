//! Which paths a route judges: exactly one of `path`, `regex` and `glob`, compiled; and patterns that never judge.

use crate::file::problem::Problems;
use crate::file::source::{EncodedSlashes, MatchSource};
use crate::route::pattern::PathRegex;
#[cfg(feature = "lint")]
use crate::route::table::RouteIndex;
use crate::route::table::{HostPattern, RouteTable, Routes};
use crate::route::{PathPattern, RoutePath};

pub(super) fn path(
    place: &str,
    source: &MatchSource,
    problems: &mut Problems,
) -> Option<RoutePath> {
    let place = [place, ".match"].concat();
    let (field, compiled) = match (&source.path, &source.regex, &source.glob) {
        (Some(text), None, None) => ("path", PathPattern::compile(text).map(RoutePath::Segments)),
        (None, Some(text), None) => ("regex", PathRegex::from_regex(text).map(RoutePath::Pattern)),
        (None, None, Some(text)) => ("glob", PathRegex::from_glob(text).map(RoutePath::Pattern)),
        _ => {
            problems.error(
                place,
                "needs exactly one of `path`, `regex` and `glob`",
                "write `path`, and `{**}` at its end for everything below",
            );
            return None;
        }
    };
    let path = match compiled {
        Ok(path) => path,
        Err((message, fix)) => {
            problems.error(format!("{place}.{field}"), message, fix);
            return None;
        }
    };
    if source.encoded_slashes == EncodedSlashes::Allow
        && matches!(&path, RoutePath::Segments(path) if path.is_exact())
    {
        problems.error(
            format!("{place}.encoded_slashes"),
            "has no effect: the path has no variable that could hold a slash",
            "remove it",
        );
    }
    Some(path)
}

/// A pattern under one host and one method.
pub(super) struct PatternUse {
    pub(super) place: Box<str>,
    pub(super) host: HostPattern,
    pub(super) method: Option<Box<str>>,
    #[cfg(feature = "lint")]
    pub(super) route: RouteIndex,
    pub(super) pattern: PathRegex,
}

/// Patterns that a prefix keeps from ever being asked. Looked for when all routes are in the table.
pub(super) fn hidden(
    uses: &[PatternUse],
    table: &RouteTable,
    routes: &Routes,
    problems: &mut Problems,
) {
    for this in uses {
        let hiding = table.hiding(&this.host, this.method.as_deref(), this.pattern.lead());
        let Some(other) = hiding.and_then(|index| routes.get(index)) else { continue };
        problems.error(
            format!("{}.match", this.place),
            format!(
                "`{}` never judges: the prefix of `{}` comes before patterns, and holds whatever starts with `/{}/`",
                this.pattern.text(),
                other.name,
                this.pattern.lead().join("/")
            ),
            "write it as a path, or make the prefix longer",
        );
    }
}
