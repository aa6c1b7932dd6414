//! One request with its response, as captured ([`Exchange`]) and as it may leave the proxy ([`Redacted`]).

use serde::Serialize;

use crate::answer::reason::Reason;

/// What the filter captured. Holds secrets: it has no serialisation, only [`super::MirrorRules::redact`].
#[derive(Clone, Default)]
pub struct Exchange {
    /// Unique id of the record; the sidecar deduplicates by it.
    pub id: String,
    /// Milliseconds since 1970.
    pub time_ms: u64,
    /// Microseconds from the request's headers to the end of the stream.
    pub duration_us: u64,
    /// Name of the route; none: no route.
    pub rule: Option<String>,
    /// Why it was allowed or denied; none: it ended before it was decided.
    pub reason: Option<Reason>,
    /// In shadow: why it would have been denied.
    pub would_deny: Option<Reason>,
    /// Which door decided; see [`crate::Door::word`].
    pub door: &'static str,
    /// Method, as sent.
    pub method: Vec<u8>,
    /// Scheme.
    pub scheme: Vec<u8>,
    /// Authority, as sent.
    pub authority: Vec<u8>,
    /// Path with query, as sent.
    pub path: Vec<u8>,
    /// The request.
    pub request: Message,
    /// Response status; 0: there was no response.
    pub status: u16,
    /// The response.
    pub response: Message,
}

/// Headers and body of one direction.
#[derive(Clone, Default)]
pub struct Message {
    /// Headers in order, without pseudo-headers.
    pub headers: Vec<(Vec<u8>, Vec<u8>)>,
    /// What was copied of the body.
    pub body: Body,
}

/// What was copied of a body.
#[derive(Clone, Default)]
pub struct Body {
    /// The bytes, at most as many as the rules say.
    pub bytes: Vec<u8>,
    /// Bytes that went by.
    pub total: u64,
    /// Whether bytes were wanted at all (by the rules and the content type).
    pub wanted: bool,
}

/// A record that may be stored and exported: JSON, one line. One constructor: [`super::MirrorRules::redact`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redacted {
    pub(super) id: String,
    pub(super) line: Vec<u8>,
}

impl Redacted {
    /// Its id.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The JSON text, without a line end.
    #[must_use]
    pub fn line(&self) -> &[u8] {
        &self.line
    }

    /// The JSON text.
    #[must_use]
    pub fn into_line(self) -> Vec<u8> {
        self.line
    }
}

/// What became of a body in the record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum BodyFate {
    /// It is in the record, redacted.
    Exported,
    /// There was none.
    Empty,
    /// The rules or its content type do not ask for it.
    NotWanted,
    /// It was longer than the cap; half a body cannot be redacted safely.
    Truncated,
    /// It has a content encoding.
    Encoded,
    /// It is not what its content type says, or of a type that cannot be redacted.
    Unparsable,
}

/// The record's shape on the wire and in files. Field order is the file's order.
#[derive(Serialize)]
pub(super) struct Record<'a> {
    pub(super) id: &'a str,
    pub(super) time_ms: u64,
    pub(super) duration_us: u64,
    pub(super) service: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) environment: Option<&'a str>,
    pub(super) rule: Option<&'a str>,
    pub(super) reason: Option<Reason>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) would_deny: Option<Reason>,
    pub(super) door: &'a str,
    pub(super) request: RequestRecord,
    pub(super) response: ResponseRecord,
}

#[derive(Serialize)]
pub(super) struct RequestRecord {
    pub(super) method: String,
    pub(super) scheme: String,
    pub(super) authority: String,
    pub(super) path: String,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: BodyRecord,
}

#[derive(Serialize)]
pub(super) struct ResponseRecord {
    pub(super) status: u16,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: BodyRecord,
}

#[derive(Serialize)]
pub(super) struct BodyRecord {
    pub(super) fate: BodyFate,
    pub(super) bytes: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) text: Option<String>,
}
