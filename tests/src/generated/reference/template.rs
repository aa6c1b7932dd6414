//! docs/answers.md, "Templates": texts with parts that come from the request and the caller.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{Asking, Identity, path, require, route, token, value};

/// docs/answers.md: a longer value is none.
const VALUE_BYTES: usize = 4096;

/// What templates read from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Context<'a> {
    pub(crate) route: &'a Value,
    pub(crate) asking: &'a Asking<'a>,
    pub(crate) identity: Option<&'a Identity>,
}

impl Context<'_> {
    /// The template's value; None where a part has none, or where the whole can be no header's.
    pub(crate) fn fill(&self, template: &str) -> Option<String> {
        let filled = self.each_part(template, |_, value| (!value.is_empty()).then_some(value))?;
        let good = !filled.is_empty()
            && filled.len() <= VALUE_BYTES
            && filled.trim() == filled
            && !filled.chars().any(char::is_control);
        good.then_some(filled)
    }

    /// The same of a path: each part is a piece of one segment, but for the path as sent.
    pub(crate) fn fill_path(&self, template: &str) -> Option<String> {
        self.each_part(template, |name, value| match name {
            "path" => Some(value),
            _ => (!value.is_empty() && !value.contains('/')).then(|| escaped(&value)),
        })
    }

    fn each_part(
        &self,
        template: &str,
        change: impl Fn(&str, String) -> Option<String>,
    ) -> Option<String> {
        let mut filled = String::new();
        let mut rest = template;
        while let Some((before, after)) = rest.split_once('{') {
            let (name, behind) = after.split_once('}')?;
            filled.push_str(before);
            filled.push_str(&change(name, self.variable(name)?)?);
            rest = behind;
        }
        filled.push_str(rest);
        Some(filled)
    }

    fn variable(&self, name: &str) -> Option<String> {
        let Asking { asked, request, .. } = self.asking;
        if let Some(variable) = name.strip_prefix("path.") {
            return route::variable(self.route, request, variable);
        }
        if let Some(header) = name.strip_prefix("header.") {
            let own = asked.headers.iter().filter(|(own, _)| own.eq_ignore_ascii_case(header));
            let values: Vec<&[u8]> = own.map(|(_, value)| value.as_slice()).collect();
            let joined = (!values.is_empty()).then(|| values.join(&b','))?;
            return String::from_utf8(joined).ok();
        }
        if let Some(key) = name.strip_prefix("query.") {
            return query(&asked.path, key);
        }
        match name {
            "method" => return Some(request.method.clone()),
            "host" => return Some(request.host.clone()),
            "path" => return Some(request.path.clone()),
            "scheme" => return self.asking.scheme.map(str::to_owned),
            _ => {}
        }
        let identity = self.identity?;
        match name {
            "subject" => value::text(&identity.claims, "sub").map(str::to_owned),
            "client" => token::client(&identity.claims).map(str::to_owned),
            "issuer" => Some(identity.issuer.clone()),
            "scopes" => {
                let scopes = require::granted(&identity.claims).into_iter();
                let scopes: BTreeSet<String> = scopes.collect();
                Some(scopes.into_iter().collect::<Vec<_>>().join(" "))
            }
            other => as_text(value::at(&identity.claims, other.strip_prefix("claims.")?)?),
        }
    }
}

/// Percent-encoded but for letters, digits and `-._~`.
pub(crate) fn escaped(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let one = |byte: u8| match plain(byte) {
        true => char::from(byte).to_string(),
        false => format!("%{byte:02X}"),
    };
    text.bytes().map(one).collect()
}

/// Percent-decoded once; none where the key stands twice or the query holds a `;`.
fn query(sent: &str, key: &str) -> Option<String> {
    let (_, query) = sent.split_once('?')?;
    let pairs = query.split('&').map(|pair| pair.split_once('=').unwrap_or((pair, "")));
    let own: Vec<&str> = pairs
        .filter(|(name, _)| path::decode_lossy(name) == key.as_bytes())
        .map(|(_, value)| value)
        .collect();
    match own.as_slice() {
        [one] if !query.contains(';') => String::from_utf8(path::decode_lossy(one)).ok(),
        _ => None,
    }
}

/// Scalars as they are, arrays of those with commas between.
fn as_text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        // Several beyond it read alike.
        Value::Number(number) if number.is_f64() => {
            let float = number.as_f64().filter(|float| float.abs() < 9_007_199_254_740_992.0)?;
            let written = number.to_string();
            // A whole number is one, however it is written; and there is no zero below zero.
            Some(if float.fract() == 0.0 { format!("{:.0}", float + 0.0) } else { written })
        }
        Value::Number(_) | Value::Bool(_) => Some(value.to_string()),
        Value::Array(items) => {
            let scalar = |item: &Value| {
                let text = as_text(item).filter(|_| !item.is_array());
                text.filter(|text| !text.contains(','))
            };
            let texts: Option<Vec<String>> = items.iter().map(scalar).collect();
            texts.map(|texts| texts.join(","))
        }
        Value::Null | Value::Object(_) => None,
    }
}
