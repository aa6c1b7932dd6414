//! An introspection endpoint as we know it: address, our credentials, its breaker, the calls under way.
//! `introspection.rs` asks it.

use std::sync::{Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::header::HeaderValue;
use sallyport_policy::IntrospectionEndpoint;
use tokio::sync::Semaphore;
use tokio::time::Instant;

use crate::breaker::Breaker;
use crate::limits::{INTROSPECTION_CALLS, LOG_PAUSE};
use crate::secret::Secret;

/// SHA-256 of endpoint, client and token: no token is kept.
pub(crate) type Key = [u8; 32];

/// One introspection endpoint with our credentials.
pub(crate) struct Endpoint {
    pub(crate) url: String,
    client_id: String,
    pub(crate) authorization: HeaderValue,
    pub(crate) breaker: Breaker,
    /// One permit a call.
    pub(crate) calls: Semaphore,
    pub(crate) failure_log: Seldom,
    /// Its own, so that odd tokens of a client cannot keep a failure out of the log.
    pub(crate) refusal_log: Seldom,
}

/// Lets a log line through now and then.
#[derive(Debug, Default)]
pub(crate) struct Seldom(Mutex<Option<Instant>>);

impl Seldom {
    /// Whether to log now.
    pub(crate) fn now(&self) -> bool {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let may = last.is_none_or(|at| at.elapsed() >= LOG_PAUSE);
        if may {
            *last = Some(Instant::now());
        }
        may
    }
}

impl Endpoint {
    /// RFC 6749 section 2.3.1: id and secret are form-encoded before they are joined for HTTP Basic.
    pub(crate) fn new(endpoint: &IntrospectionEndpoint, secret: &Secret) -> Option<Self> {
        let pair = format!("{}:{}", form(&endpoint.client_id), form(secret.expose()));
        let mut authorization =
            HeaderValue::from_str(&format!("Basic {}", STANDARD.encode(pair))).ok()?;
        authorization.set_sensitive(true);
        Some(Self {
            url: endpoint.url.clone(),
            client_id: endpoint.client_id.clone(),
            authorization,
            breaker: Breaker::default(),
            calls: Semaphore::new(INTROSPECTION_CALLS),
            failure_log: Seldom::default(),
            refusal_log: Seldom::default(),
        })
    }

    /// Under which a reply about this token is kept.
    pub(crate) fn key(&self, token: &str) -> Key {
        let mut digest = aws_lc_rs::digest::Context::new(&aws_lc_rs::digest::SHA256);
        for part in [&self.url, &self.client_id] {
            // With its length before it, so that no two pairs are the same text.
            digest.update(&part.len().to_be_bytes());
            digest.update(part.as_bytes());
        }
        digest.update(token.as_bytes());
        let mut key = Key::default();
        for (to, from) in key.iter_mut().zip(digest.finish().as_ref()) {
            *to = *from;
        }
        key
    }
}

/// application/x-www-form-urlencoded, as RFC 6749 appendix B says.
fn form(text: &str) -> String {
    const ENCODED: &AsciiSet =
        &NON_ALPHANUMERIC.remove(b'*').remove(b'-').remove(b'.').remove(b'_');
    utf8_percent_encode(text, ENCODED).to_string().replace("%20", "+")
}

#[cfg(test)]
mod tests {
    use super::form;

    #[test]
    fn credentials_are_form_encoded() {
        for (text, expected) in [
            ("gate", "gate"),
            ("a-b_c.d*e", "a-b_c.d*e"),
            ("a b", "a+b"),
            ("p:w%+~", "p%3Aw%25%2B%7E"),
            ("\u{fc}", "%C3%BC"),
        ] {
            assert_eq!(form(text), expected);
        }
    }
}
