//! What the upstream gets on allow: `forward`, compiled.

use std::sync::Arc;

use crate::answer::permit::{Forward, SetHeaders};
use crate::compile::Half;
use crate::compile::credential::Place;
use crate::compile::reshape::{Scope, reshape};
use crate::compile::settings::Effective;
use crate::file::problem::Problems;
use crate::file::settings::Level;
use crate::file::source::ForwardSource;
use crate::route::Access;

pub(super) fn forward(
    effective: &Effective<'_>,
    access: &Access,
    half: Half,
    variables: &[Box<str>],
    problems: &mut Problems,
) -> Forward {
    let empty = ForwardSource::default();
    let (source, place, own) = match effective.settings.forward {
        Some(setting) => {
            let own = setting.level == Level::Route;
            (setting.value, effective.place("forward", setting), own)
        }
        None => (&empty, String::new(), true),
    };
    let open = matches!(access, Access::Open);
    let scope = Scope { place: &place, variables, nobody: open && own };
    let mut set = SetHeaders::with_capacity(source.headers.len());
    for (name, text) in &source.headers {
        let what = format!("headers.{name}");
        let place = format!("{place}.{what}");
        if let Err(fix) = header_name(name) {
            problems.error(&place, format!("`{name}` is no header that a route may set"), fix);
        }
        let Some(template) = scope.template(&what, text, problems) else { continue };
        let lower = name.to_ascii_lowercase();
        if set.iter().any(|(known, _)| **known == *lower) {
            problems.error(&place, format!("`{name}` is set twice"), "write each header once");
        }
        set.push((lower.into(), template));
    }
    let reshape = reshape(&scope, open, source, problems);
    let credential = Place { place: &place, open, own, half }.credential(source, problems);
    Forward { set: Arc::new(set), credential, reshape }
}

/// RFC 9110 tokens, less those that frame or route the request, carry credentials, or are Envoy's own.
pub(super) fn header_name(name: &str) -> Result<(), &'static str> {
    const RESERVED: &[&str] = &[
        "authorization",
        "connection",
        "content-encoding",
        "content-length",
        "content-type",
        "cookie",
        "expect",
        "host",
        "keep-alive",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "x-forwarded-client-cert",
        "x-forwarded-for",
        "x-forwarded-host",
        "x-forwarded-proto",
        "x-request-id",
    ];
    let lower = name.to_ascii_lowercase();
    let token = !name.is_empty()
        && name.len() <= 128
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    if !token {
        return Err("use letters, digits and `-`");
    }
    if RESERVED.contains(&lower.as_str()) || lower.starts_with("x-envoy-") {
        return Err("choose a name that HTTP and Envoy do not use themselves, like `x-user`");
    }
    Ok(())
}
