//! Where a token stands: `from`, compiled.

use crate::compile::forward::header_name;
use crate::compile::route::RouteCompiler;
use crate::file::problem::Problems;
use crate::file::source::{AuthorizationScheme, PlaceSource};
use crate::limits::MAX_PLACE_NAME_BYTES;
use crate::request::place::Place;

pub(super) fn place(
    compiler: &mut RouteCompiler<'_>,
    at: &str,
    source: Option<&PlaceSource>,
    problems: &mut Problems,
) -> Option<Place> {
    let Some(source) = source else { return Some(Place::Bearer) };
    let at = format!("{at}.from");
    if source.prefix.is_some() && source.header.is_none() {
        problems.error(
            format!("{at}.prefix"),
            "has no effect without `header`",
            "remove it, or name the header",
        );
    }
    let PlaceSource { authorization, header, prefix, query, cookie } = source;
    match (authorization, header, query, cookie) {
        (Some(AuthorizationScheme::Bearer), None, None, None) => Some(Place::Bearer),
        (Some(AuthorizationScheme::Raw), None, None, None) => Some(Place::Raw),
        (None, Some(name), None, None) => {
            Some(header_place(compiler, &at, name, prefix.as_deref(), problems))
        }
        (None, None, Some(key), None) => {
            // What separates and encodes parameters cannot be part of a key that is compared decoded.
            name(&format!("{at}.query"), key, "&=;#?%+", "query key", problems);
            Some(Place::Query(key.as_str().into()))
        }
        (None, None, None, Some(own)) => {
            // RFC 6265 section 4.1.1: a token, RFC 9110 section 5.6.2.
            name(&format!("{at}.cookie"), own, "()<>@,;:\\\"/[]?={}", "cookie name", problems);
            Some(Place::Cookie(own.as_str().into()))
        }
        _ => {
            problems.error(
                at,
                "needs exactly one of `authorization`, `header`, `query` and `cookie`",
                "name one place; another authenticator may read another one",
            );
            None
        }
    }
}

fn header_place(
    compiler: &mut RouteCompiler<'_>,
    at: &str,
    name: &str,
    prefix: Option<&str>,
    problems: &mut Problems,
) -> Place {
    let place = format!("{at}.header");
    if let Err(fix) = header_name(name) {
        problems.error(&place, format!("`{name}` is no header that a token can stand in"), fix);
    }
    if let Some(prefix) = prefix {
        let valid = !prefix.trim_ascii().is_empty()
            && prefix.len() <= MAX_PLACE_NAME_BYTES
            && !prefix.starts_with(' ')
            && prefix.bytes().all(|byte| matches!(byte, 0x20..=0x7e) && byte != b',');
        if !valid {
            problems.error(
                format!("{at}.prefix"),
                format!("`{prefix}` is no prefix"),
                "write what stands before the token, like `Token `, without a comma; none: leave it out",
            );
        }
    }
    let name: Box<str> = name.to_ascii_lowercase().into();
    compiler.credential_headers.push((place, name.clone()));
    Place::Header { name, prefix: prefix.unwrap_or_default().into() }
}

fn name(at: &str, name: &str, reserved: &str, what: &str, problems: &mut Problems) {
    let valid = !name.is_empty()
        && name.len() <= MAX_PLACE_NAME_BYTES
        && name.chars().all(|char| char.is_ascii_graphic() && !reserved.contains(char));
    if !valid {
        problems.error(
            at,
            format!("`{name}` is no {what}"),
            "use letters, digits, `-`, `_` and `.`",
        );
    }
}
