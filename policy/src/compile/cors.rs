//! Who may ask across origins: `cors`, compiled.

use crate::compile::issuer::whole_seconds;
use crate::cors::Cors;
use crate::file::answer_source::CorsSource;
use crate::file::problem::Problems;
use crate::limits::{CORS_MAX_AGE_BOUNDS, MAX_METHOD_BYTES};
use crate::request::host::canonical_host;

pub(super) fn cors(place: &str, source: &CorsSource, problems: &mut Problems) -> Cors {
    let mut out = Cors { credentials: source.credentials, ..Cors::default() };
    if source.origins.is_empty() {
        let fix = "name the origins whose pages may ask, or remove `cors`";
        problems.error(format!("{place}.origins"), "is empty, so nobody is let in", fix);
    }
    for (index, text) in source.origins.iter().enumerate() {
        match origin(text) {
            Some(Origin::Any) => out.any = true,
            Some(Origin::Exact) => out.exact.push(text.as_str().into()),
            Some(Origin::Below(scheme, suffix)) => out.below.push((scheme.into(), suffix.into())),
            None => problems.error(
                format!("{place}.origins[{index}]"),
                format!("`{text}` is no origin"),
                "write it as browsers do, like `https://app.example.com`, `https://*.example.com` or `*`",
            ),
        }
    }
    if out.any && source.credentials {
        problems.error(
            format!("{place}.credentials"),
            "browsers refuse credentials beside the origin `*`",
            "name the origins, or remove `credentials`",
        );
    }
    if out.any && source.origins.len() > 1 {
        let fix = "remove the others, or `*`";
        problems.error(format!("{place}.origins"), "`*` holds all others already", fix);
    }
    out.methods = source.methods.as_ref().map(|methods| {
        let method = |name: &&String| {
            !name.is_empty()
                && name.len() <= MAX_METHOD_BYTES
                && name.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'-')
        };
        listed(
            &format!("{place}.methods"),
            methods,
            method,
            "write methods in upper case, like GET",
            problems,
        )
    });
    let header = |name: &&String| {
        !name.is_empty()
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
    };
    let fix = "write names of headers; `*` means nothing where credentials travel";
    let headers = listed(&format!("{place}.headers"), &source.headers, header, fix, problems);
    out.headers = headers.iter().map(|name| name.to_ascii_lowercase().into()).collect();
    let expose = listed(&format!("{place}.expose"), &source.expose, header, fix, problems);
    out.expose = Some(expose.join(", ")).filter(|all| !all.is_empty()).map(Into::into);
    let max_age = format!("{place}.max_age");
    out.max_age_seconds =
        whole_seconds(&max_age, source.max_age.as_deref(), CORS_MAX_AGE_BOUNDS, problems)
            .map(u64::from);
    out
}

fn listed(
    place: &str,
    names: &[String],
    valid: impl Fn(&&String) -> bool,
    fix: &str,
    problems: &mut Problems,
) -> Vec<Box<str>> {
    for name in names.iter().filter(|name| !valid(name)) {
        problems.error(place, format!("`{name}` cannot stand here"), fix);
    }
    names.iter().map(|name| name.as_str().into()).collect()
}

enum Origin<'a> {
    Any,
    Exact,
    Below(&'a str, &'a str),
}

/// `https://host`, `https://host:port`, `https://*.host`; as RFC 6454 section 6.2 serialises it, so without the scheme's
/// own port.
fn origin(text: &str) -> Option<Origin<'_>> {
    if text == "*" {
        return Some(Origin::Any);
    }
    let at = text.find("://")?.checked_add(3)?;
    let (scheme, authority) = text.split_at_checked(at)?;
    let default_port = match scheme {
        "https://" => ":443",
        "http://" => ":80",
        _ => return None,
    };
    let (host, wildcard) = match authority.strip_prefix("*.") {
        Some(host) => (host, true),
        None => (authority, false),
    };
    let name = host.rsplit_once(':').filter(|(_, port)| !port.contains(']'));
    let name = name.map_or(host, |(name, _)| name);
    let canonical = canonical_host(host.as_bytes()).is_some_and(|canonical| canonical == name);
    if !canonical || host.ends_with(default_port) || wildcard && host.starts_with('[') {
        return None;
    }
    Some(match authority.strip_prefix('*').filter(|_| wildcard) {
        Some(suffix) => Origin::Below(scheme, suffix),
        None => Origin::Exact,
    })
}
