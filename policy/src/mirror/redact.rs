//! Redaction: [`Exchange`] to [`Redacted`]. A name that sounds like a secret, or a value that looks like a token,
//! is blanked wherever it stands; what cannot be read cannot be redacted and is left out with a mark.

use std::fmt::Write as _;

use sallyport_jwt::{looks_like_jws, parse_json_leniently};
use serde_json::Value;

use super::exchange::{
    Body, BodyFate, BodyRecord, Exchange, Message, Record, Redacted, RequestRecord, ResponseRecord,
};
use super::rules::{BodyKind, MirrorRules};

/// What stands for a secret.
const BLANK: &str = "[REDACTED]";

/// Headers that carry credentials (RFC 9110, 6265, 9449 and common use).
const HEADERS: &[&str] = &[
    "authorization",
    "proxy-authorization",
    "cookie",
    "set-cookie",
    "cookie2",
    "set-cookie2",
    "dpop",
    "x-forwarded-client-cert",
    "x-amz-security-token",
    "x-auth",
    "x-auth-request-access-token",
];

/// Headers that hold addresses, whose queries may hold secrets.
const ADDRESSES: &[&str] = &[
    "location",
    "content-location",
    "referer",
    "link",
    "refresh",
    "x-envoy-original-path",
    "x-original-url",
    "x-original-uri",
    "x-rewrite-url",
    "x-forwarded-uri",
    "origin",
];

/// Names that are a secret as they stand, but not as parts of others.
const SECRET_NAMES: &[&str] = &["pin", "cvv", "cvc", "jwt", "sid", "sess", "sig", "signature"];

/// The same in addresses and forms alone: OAuth's codes and keys of signed addresses. In JSON these are common words.
const SECRET_KEYS: &[&str] = &["code", "key", "auth", "state", "nonce"];

/// Parts of names that sound like a secret, in headers, query keys, forms and JSON members.
const SECRET_WORDS: &[&str] = &[
    "password",
    "passwd",
    "passphrase",
    "pwd",
    "secret",
    "token",
    "apikey",
    "credential",
    "privatekey",
    "assertion",
    "authorization",
    "sessionid",
    "sessid",
    "otp",
];

impl MirrorRules {
    /// Blanks an exchange and writes it as one line of JSON.
    #[must_use]
    pub fn redact(&self, exchange: Exchange, service: &str, environment: Option<&str>) -> Redacted {
        let record = Record {
            id: &exchange.id,
            time_ms: exchange.time_ms,
            duration_us: exchange.duration_us,
            service,
            environment,
            rule: exchange.rule.as_deref(),
            reason: exchange.reason,
            would_deny: exchange.would_deny,
            door: exchange.door,
            request: RequestRecord {
                method: text(&exchange.method),
                scheme: text(&exchange.scheme),
                authority: without_user(text(&exchange.authority)),
                path: self.path(&exchange.path),
                headers: self.headers(&exchange.request),
                body: self.body(&exchange.request),
            },
            response: ResponseRecord {
                status: exchange.status,
                headers: self.headers(&exchange.response),
                body: self.body(&exchange.response),
            },
        };
        let line = serde_json::to_vec(&record).unwrap_or_default();
        Redacted { id: exchange.id, line }
    }

    fn headers(&self, message: &Message) -> Vec<(String, String)> {
        let blank = |(name, value): &(Vec<u8>, Vec<u8>)| {
            let name = text(name).to_ascii_lowercase();
            let secret = HEADERS.contains(&name.as_str())
                || self.headers.contains(&name)
                || sounds_secret(&name);
            let value = if secret {
                BLANK.to_owned()
            } else if ADDRESSES.contains(&name.as_str()) {
                self.path(value)
            } else {
                blank_tokens(text(value))
            };
            (name, value)
        };
        message.headers.iter().map(blank).collect()
    }

    /// A path or an address, with the values of secret query keys blanked. Fragments of addresses carry tokens too.
    fn path(&self, bytes: &[u8]) -> String {
        let path = without_user(text(bytes));
        let Some((path, query)) = path.split_once(['?', '#']) else { return blank_segments(&path) };
        let mut out = blank_segments(path);
        out.push('?');
        out.push_str(&self.pairs(query, &self.query, ['&', ';', '#', '?']));
        out
    }

    fn pairs(&self, text: &str, names: &hashbrown::HashSet<String>, between: [char; 4]) -> String {
        let mut out = String::new();
        for (index, pair) in text.split(between).enumerate() {
            if index > 0 {
                out.push('&');
            }
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let decoded =
                percent_encoding::percent_decode_str(name).decode_utf8_lossy().to_ascii_lowercase();
            let secret = names.contains(&*decoded)
                || SECRET_KEYS.contains(&&*decoded)
                || sounds_secret(&decoded);
            let plain = percent_encoding::percent_decode_str(value).decode_utf8_lossy();
            if pair.contains('=') && (secret || is_token(&plain)) {
                let _infallible = write!(out, "{name}={BLANK}");
            } else if is_token(&percent_encoding::percent_decode_str(pair).decode_utf8_lossy()) {
                out.push_str(BLANK);
            } else {
                out.push_str(pair);
            }
        }
        out
    }

    fn body(&self, message: &Message) -> BodyRecord {
        let (fate, text) = self.body_text(message);
        BodyRecord { fate, bytes: message.body.total, text }
    }

    fn body_text(&self, message: &Message) -> (BodyFate, Option<String>) {
        let Body { bytes, total, wanted } = &message.body;
        if *total == 0 {
            return (BodyFate::Empty, None);
        }
        let header = |wanted: &[u8]| {
            message
                .headers
                .iter()
                .find(|(name, _)| name.eq_ignore_ascii_case(wanted))
                .map(|(_, value)| value.as_slice())
        };
        let kind = header(b"content-type").and_then(|value| self.kind(value));
        let Some(kind) = kind.filter(|_| *wanted) else { return (BodyFate::NotWanted, None) };
        if u64::try_from(bytes.len()) != Ok(*total) {
            return (BodyFate::Truncated, None);
        }
        if header(b"content-encoding")
            .is_some_and(|value| !value.trim_ascii().eq_ignore_ascii_case(b"identity"))
        {
            return (BodyFate::Encoded, None);
        }
        let text = match kind {
            BodyKind::Json => self.json(bytes),
            BodyKind::Form => std::str::from_utf8(bytes)
                .ok()
                .map(|form| self.pairs(form, &self.members, ['&'; 4])),
            BodyKind::Other => None,
        };
        match text {
            Some(text) => (BodyFate::Exported, Some(text)),
            None => (BodyFate::Unparsable, None),
        }
    }

    fn json(&self, bytes: &[u8]) -> Option<String> {
        let mut value = parse_json_leniently(bytes)?;
        self.blank_json(&mut value);
        serde_json::to_string(&value).ok()
    }

    /// Recursion is bounded: what is nested more deeply was not read.
    fn blank_json(&self, value: &mut Value) {
        match value {
            Value::Object(members) => {
                for (name, value) in members.iter_mut() {
                    let lower = name.to_ascii_lowercase();
                    if self.members.contains(&lower) || sounds_secret(&lower) {
                        *value = Value::String(BLANK.to_owned());
                    } else {
                        self.blank_json(value);
                    }
                }
            }
            Value::Array(items) => items.iter_mut().for_each(|item| self.blank_json(item)),
            Value::String(text) if is_token(text) => BLANK.clone_into(text),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
}

/// `api_key`, `X-Api-Key` and `apiKey` are one name; so are all words of the list, wherever they stand in it.
fn sounds_secret(lower: &str) -> bool {
    let plain: String = lower.chars().filter(|char| char.is_ascii_alphanumeric()).collect();
    SECRET_NAMES.contains(&plain.as_str()) || SECRET_WORDS.iter().any(|word| plain.contains(word))
}

/// A JWT, alone or among other text; or a credential with its scheme (RFC 9110 section 11.4).
fn is_token(text: &str) -> bool {
    let scheme = text.split_once(' ').is_some_and(|(scheme, rest)| {
        ["bearer", "basic", "digest", "dpop", "token", "negotiate"]
            .iter()
            .any(|known| scheme.eq_ignore_ascii_case(known))
            && !rest.trim().is_empty()
    });
    scheme
        || text
            .split([' ', ',', '"', '\'', '=', ';'])
            .any(|part| part.len() > 16 && looks_like_jws(part.as_bytes()))
}

/// User information of an address (`https://user:password@host`), and of an authority.
fn without_user(text: String) -> String {
    let start = text.find("://").map_or(0, |at| at.saturating_add(3));
    let (before, rest) = text.split_at_checked(start).unwrap_or(("", &text));
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, after) = rest.split_at_checked(end).unwrap_or((rest, ""));
    match authority.rsplit_once('@') {
        Some((_, host)) => format!("{before}{BLANK}@{host}{after}"),
        None => text,
    }
}

fn blank_tokens(text: String) -> String {
    if is_token(&text) { BLANK.to_owned() } else { text }
}

/// Tokens in segments, and values of path parameters (`;jsessionid=..`).
fn blank_segments(path: &str) -> String {
    if !path.contains(['.', ';']) {
        return path.to_owned();
    }
    let blank = |segment: &str| {
        let (name, parameters) =
            segment.split_once(';').map_or((segment, false), |(name, _)| (name, true));
        let name = if is_token(name) { BLANK } else { name };
        if parameters { format!("{name};{BLANK}") } else { name.to_owned() }
    };
    path.split('/').map(blank).collect::<Vec<_>>().join("/")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
