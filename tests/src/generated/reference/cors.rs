//! docs/answers.md, "Other origins": preflights, pages of other origins, and what they are told.

use serde_json::Value;

use super::{Asking, path, value};

/// What a route with `cors` says of a request.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Cors {
    /// It is no business of `cors`.
    Silent,
    /// The page may read the answer, by these headers.
    Told(Vec<(String, String)>),
    Refused,
}

/// The one value of a header; None where there is none, or more than one.
fn one<'a>(asking: &'a Asking<'_>, name: &str) -> Option<&'a [u8]> {
    let mut own = asking.asked.headers.iter().filter(|(own, _)| own.eq_ignore_ascii_case(name));
    let (_, value) = own.next()?;
    // Proxies join two with a comma.
    (own.next().is_none() && !value.contains(&b',')).then_some(value.as_slice())
}

/// The method that a preflight announces.
pub(crate) fn announced(asking: &Asking<'_>) -> Option<String> {
    if asking.request.method != "OPTIONS" {
        return None;
    }
    one(asking, "origin")?;
    let method = one(asking, "access-control-request-method")?;
    let method = std::str::from_utf8(method).ok()?;
    path::is_method(method).then(|| method.to_owned())
}

/// A preflight for a route with `cors`.
pub(crate) fn preflight(cors: &Value, asking: &Asking<'_>, method: &str) -> Cors {
    let methods = value::words(cors, "methods");
    let allowed = value::words(cors, "headers");
    let Some(mut told) = listed(cors, asking) else { return Cors::Refused };
    let wanted = |(name, value): &(String, Vec<u8>)| {
        let is_own = name.eq_ignore_ascii_case("access-control-request-headers");
        is_own.then(|| String::from_utf8_lossy(value).into_owned())
    };
    let wanted: Vec<String> = asking.asked.headers.iter().filter_map(wanted).collect();
    let names = wanted.iter().flat_map(|line| line.split(','));
    let mut names = names.map(str::trim).filter(|name| !name.is_empty());
    let fits = names.all(|name| allowed.iter().any(|own| own.eq_ignore_ascii_case(name)));
    if !fits || !(methods.is_empty() || methods.contains(&method)) {
        return Cors::Refused;
    }
    let methods = if methods.is_empty() { vec![method] } else { methods };
    let mut tell = |name: &str, value: String| {
        if !value.is_empty() {
            told.push((format!("access-control-{name}"), value));
        }
    };
    tell("allow-methods", methods.join(", "));
    tell("allow-headers", allowed.join(", ").to_ascii_lowercase());
    let age = value::seconds(cors, "max_age").map(|age| age.to_string());
    tell("max-age", age.unwrap_or_default());
    told.sort();
    Cors::Told(told)
}

/// Any other request on a route with `cors`.
pub(crate) fn page(cors: &Value, asking: &Asking<'_>) -> Cors {
    let mut all = asking.asked.headers.iter().filter(|(own, _)| own.eq_ignore_ascii_case("origin"));
    if all.next().is_none() {
        return Cors::Silent;
    }
    if one(asking, "origin").is_some_and(|origin| is_own(origin, asking)) {
        return Cors::Silent;
    }
    let Some(mut told) = listed(cors, asking) else { return Cors::Refused };
    let expose = value::words(cors, "expose").join(", ");
    if !expose.is_empty() {
        told.push(("access-control-expose-headers".to_owned(), expose));
    }
    told.sort();
    Cors::Told(told)
}

/// Scheme and authority of the request itself; a scheme's own port counts as none.
fn is_own(origin: &[u8], asking: &Asking<'_>) -> bool {
    let Ok(origin) = std::str::from_utf8(origin) else { return false };
    let (scheme, authority) = origin.split_once("://").unwrap_or_default();
    let usual = match scheme {
        "https" => ":443",
        "http" => ":80",
        _ => return false,
    };
    let own = asking.asked.host.to_ascii_lowercase();
    let own = own.strip_suffix(usual).unwrap_or(&own);
    asking.scheme.is_none_or(|own| own == scheme) && authority.to_ascii_lowercase() == own
}

/// What a page of a listed origin is told; None: it is not listed.
fn listed(cors: &Value, asking: &Asking<'_>) -> Option<Vec<(String, String)>> {
    let origins = value::words(cors, "origins");
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let origin = one(asking, "origin")?;
    if origins.contains(&"*") {
        return Some(vec![pair("access-control-allow-origin", "*")]);
    }
    let origin = std::str::from_utf8(origin).ok()?;
    let fits = |own: &&str| match own.split_once("*.") {
        Some((scheme, end)) => {
            let name = origin.strip_prefix(scheme).and_then(|it| it.strip_suffix(end));
            // A name below it, and nothing but a name.
            name.is_some_and(|name| {
                let label = |label: &str| {
                    let good = |byte: u8| {
                        byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_".contains(&byte)
                    };
                    !label.is_empty() && label.bytes().all(good)
                };
                name.strip_suffix('.').is_some_and(|name| name.split('.').all(label))
            })
        }
        None => **own == *origin,
    };
    if !origins.iter().any(fits) {
        return None;
    }
    let mut told = vec![pair("access-control-allow-origin", origin), pair("vary", "origin")];
    if value::flag(cors, "credentials", false) {
        told.push(pair("access-control-allow-credentials", "true"));
    }
    Some(told)
}
