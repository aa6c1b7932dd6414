//! The messages of `envoy.service.auth.v3` that the filter sends and reads, field numbers as in Envoy's protos, and
//! their way from request and to [`Verdict`]. A reply that says two things at once is no verdict.
//! The sidecar has the whole of these protos; a test of the `tests` crate holds the two against each other.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use prost::Message;
use sallyport_policy::{
    Answer, CanonicalPath, Inputs, RawRequest, Reason, Verdict, VerdictHeaders,
};

pub(crate) const SERVICE: &str = "envoy.service.auth.v3.Authorization";
pub(crate) const METHOD: &str = "Check";

#[derive(Clone, PartialEq, Message)]
struct CheckRequest {
    #[prost(message, optional, tag = "1")]
    attributes: Option<AttributeContext>,
}

#[derive(Clone, PartialEq, Message)]
struct AttributeContext {
    #[prost(message, optional, tag = "1")]
    source: Option<Peer>,
    #[prost(message, optional, tag = "4")]
    request: Option<Request>,
    #[prost(map = "string, string", tag = "10")]
    context_extensions: HashMap<String, String>,
}

#[derive(Clone, PartialEq, Message)]
struct Peer {
    #[prost(message, optional, tag = "1")]
    address: Option<Address>,
}

#[derive(Clone, PartialEq, Message)]
struct Address {
    #[prost(message, optional, tag = "1")]
    socket_address: Option<SocketAddress>,
}

#[derive(Clone, PartialEq, Message)]
struct SocketAddress {
    #[prost(string, tag = "2")]
    address: String,
}

#[derive(Clone, PartialEq, Message)]
struct Request {
    #[prost(message, optional, tag = "2")]
    http: Option<HttpRequest>,
}

#[derive(Clone, PartialEq, Message)]
struct HttpRequest {
    #[prost(string, tag = "2")]
    method: String,
    #[prost(string, tag = "4")]
    path: String,
    #[prost(string, tag = "5")]
    host: String,
    #[prost(string, tag = "6")]
    scheme: String,
    #[prost(message, optional, tag = "13")]
    header_map: Option<HeaderMap>,
}

#[derive(Clone, PartialEq, Message)]
struct HeaderMap {
    #[prost(message, repeated, tag = "1")]
    headers: Vec<HeaderValue>,
}

#[derive(Clone, PartialEq, Message)]
struct HeaderValue {
    #[prost(string, tag = "1")]
    key: String,
    #[prost(string, tag = "2")]
    value: String,
    #[prost(bytes = "vec", tag = "3")]
    raw_value: Vec<u8>,
}

#[derive(Clone, PartialEq, Message)]
struct CheckResponse {
    #[prost(message, optional, tag = "1")]
    status: Option<Status>,
    #[prost(message, optional, tag = "2")]
    denied: Option<Denied>,
    #[prost(message, optional, tag = "3")]
    ok: Option<Allowed>,
    #[prost(message, optional, tag = "4")]
    dynamic_metadata: Option<Struct>,
    #[prost(message, optional, tag = "5")]
    error: Option<Denied>,
}

#[derive(Clone, PartialEq, Message)]
struct Status {
    #[prost(int32, tag = "1")]
    code: i32,
}

#[derive(Clone, PartialEq, Message)]
struct Denied {
    #[prost(message, optional, tag = "1")]
    status: Option<HttpStatus>,
    #[prost(message, repeated, tag = "2")]
    headers: Vec<HeaderOption>,
    #[prost(string, tag = "3")]
    body: String,
}

#[derive(Clone, PartialEq, Message)]
struct Allowed {
    #[prost(message, repeated, tag = "2")]
    headers: Vec<HeaderOption>,
    #[prost(string, repeated, tag = "5")]
    headers_to_remove: Vec<String>,
}

#[derive(Clone, PartialEq, Message)]
struct HttpStatus {
    #[prost(int32, tag = "1")]
    code: i32,
}

#[derive(Clone, PartialEq, Message)]
struct HeaderOption {
    #[prost(message, optional, tag = "1")]
    header: Option<HeaderValue>,
}

/// `google.protobuf.Struct`, with the kinds of values that we read.
#[derive(Clone, PartialEq, Message)]
struct Struct {
    #[prost(map = "string, message", tag = "1")]
    fields: HashMap<String, Value>,
}

#[derive(Clone, PartialEq, Message)]
struct Value {
    #[prost(double, optional, tag = "2")]
    number: Option<f64>,
    #[prost(string, optional, tag = "3")]
    string: Option<String>,
    #[prost(message, optional, tag = "6")]
    list: Option<ListValue>,
}

#[derive(Clone, PartialEq, Message)]
struct ListValue {
    #[prost(message, repeated, tag = "1")]
    values: Vec<Value>,
}

/// What every decision may have read; a verdict that read anything else cannot be reused, unless it is what its route
/// reads.
const REPRODUCIBLE: &[&str] = &["scheme", "authority", "method", "path", "authorization", "peer"];

/// A verdict with how long it stands.
pub(crate) struct Received {
    pub(crate) verdict: Verdict,
    /// Seconds; 0: it may not be reused.
    pub(crate) ttl_seconds: u64,
    /// The sidecar's generation.
    pub(crate) generation: Option<u64>,
}

/// The question, as bytes. None: the request holds something that the message cannot carry (a method, path or
/// authority that is not UTF-8), which no canonical request does.
/// `certificate`: what the client's certificate says, as more context extensions.
pub(crate) fn question(
    raw: &RawRequest<'_>,
    policy_digest: &str,
    certificate: Vec<(String, String)>,
) -> Option<Vec<u8>> {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).ok();
    let headers = raw
        .headers
        .iter()
        .filter(|(name, _)| !name.starts_with(b":"))
        .map(|(name, value)| {
            Some(HeaderValue { key: text(name)?, value: String::new(), raw_value: value.to_vec() })
        })
        .collect::<Option<Vec<_>>>()?;
    let http = HttpRequest {
        method: text(raw.method)?,
        path: text(raw.path)?,
        host: text(raw.authority)?,
        scheme: text(raw.scheme)?,
        header_map: Some(HeaderMap { headers }),
    };
    let source = text(raw.peer).map(|address| Peer {
        address: Some(Address { socket_address: Some(SocketAddress { address }) }),
    });
    let mut context_extensions = HashMap::from([
        ("sallyport.door".to_owned(), "filter".to_owned()),
        ("sallyport.policy_digest".to_owned(), policy_digest.to_owned()),
    ]);
    context_extensions.extend(certificate);
    let attributes = AttributeContext {
        source,
        request: Some(Request { http: Some(http) }),
        context_extensions,
    };
    Some(CheckRequest { attributes: Some(attributes) }.encode_to_vec())
}

/// The answer; none: junk. `inputs`: what of the request besides was compared, should the answer be reused.
pub(crate) fn answer(
    bytes: &[u8],
    policy_digest: &str,
    inputs: Option<&Inputs>,
) -> Option<Received> {
    let reply = CheckResponse::decode(bytes).ok()?;
    if reply.error.is_some() {
        return None;
    }
    let metadata = Metadata(reply.dynamic_metadata.as_ref()?);
    let reason = metadata.reason("reason")?;
    let would_deny = metadata.reason("would_deny");
    let code = reply.status.as_ref().map_or(0, |status| status.code);
    let outcome = match (code, reply.ok, reply.denied) {
        (0, Some(allowed), None) if reason.allows() => Ok(headers(allowed)?),
        (1.., None, Some(denied)) if !reason.allows() => Err(refusal(denied)?),
        _ => return None,
    };
    let same_policy = metadata.string("policy_digest") == Some(policy_digest);
    let reusable = outcome.is_ok() && same_policy && metadata.reproducible(inputs);
    let ttl_seconds = if reusable { metadata.whole("ttl").unwrap_or(0) } else { 0 };
    let generation = metadata.whole("generation");
    Some(Received {
        verdict: Verdict { outcome, reason, would_deny, cached: false },
        ttl_seconds,
        generation,
    })
}

fn headers(allowed: Allowed) -> Option<VerdictHeaders> {
    let (mut set, mut path) = (Vec::with_capacity(allowed.headers.len()), None);
    for option in allowed.headers {
        match header(option)? {
            (name, value) if name == ":path" => path = Some(target(value)?),
            (name, value) => set.push((Arc::from(name), value)),
        }
    }
    let remove = allowed
        .headers_to_remove
        .into_iter()
        .map(|name| name.to_ascii_lowercase().into())
        .collect();
    Some(VerdictHeaders { remove, set, path })
}

/// A path that a request can have.
fn target(path: String) -> Option<String> {
    CanonicalPath::parse(path.as_bytes()).is_ok().then_some(path)
}

fn refusal(denied: Denied) -> Option<Answer> {
    let status = u16::try_from(denied.status?.code).ok()?;
    if !matches!(status, 301 | 302 | 303 | 307 | 400..=599) {
        return None;
    }
    let headers = denied.headers.into_iter().map(header).collect::<Option<Vec<_>>>()?;
    if headers.iter().any(|(name, _)| name.starts_with(':')) {
        return None;
    }
    Some(Answer { status, headers, body: denied.body })
}

/// Name in lower case, and value; none where it could split or route the message. `:path` is one of the names.
fn header(option: HeaderOption) -> Option<(String, String)> {
    let HeaderValue { key, value, raw_value } = option.header?;
    let value = if value.is_empty() { String::from_utf8(raw_value).ok()? } else { value };
    let token = key == ":path"
        || !key.is_empty()
            && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
    (token && !value.chars().any(char::is_control)).then(|| (key.to_ascii_lowercase(), value))
}

struct Metadata<'a>(&'a Struct);

impl Metadata<'_> {
    fn string(&self, name: &str) -> Option<&str> {
        self.0.fields.get(name)?.string.as_deref()
    }

    fn reason(&self, name: &str) -> Option<Reason> {
        self.string(name).and_then(Reason::from_word)
    }

    fn whole(&self, name: &str) -> Option<u64> {
        let number = self.0.fields.get(name)?.number?;
        if !(0.0..=9.0e15).contains(&number) {
            return None;
        }
        // Through text: a float has no checked conversion to an integer.
        // By way of a duration, which holds each of them: to write a fraction as text takes 17 KB of wasm.
        Duration::try_from_secs_f64(number.floor()).ok().map(|duration| duration.as_secs())
    }

    fn reproducible(&self, inputs: Option<&Inputs>) -> bool {
        let Some(list) = self.0.fields.get("inputs").and_then(|value| value.list.as_ref()) else {
            return false;
        };
        let known = |input: &str| {
            REPRODUCIBLE.contains(&input)
                || inputs.is_some_and(|inputs| inputs.words().any(|word| word == input))
        };
        list.values.iter().all(|value| value.string.as_deref().is_some_and(known))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metadata(pairs: &[(&str, &str)]) -> Option<Struct> {
        let string = |text: &str| Value { string: Some(text.to_owned()), ..Value::default() };
        let mut fields: HashMap<_, _> =
            pairs.iter().map(|(k, v)| ((*k).to_owned(), string(v))).collect();
        fields.insert("ttl".to_owned(), Value { number: Some(30.0), ..Value::default() });
        let inputs = ListValue { values: vec![string("method"), string("path")] };
        fields.insert("inputs".to_owned(), Value { list: Some(inputs), ..Value::default() });
        Some(Struct { fields })
    }

    fn allow() -> CheckResponse {
        CheckResponse {
            status: Some(Status { code: 0 }),
            ok: Some(Allowed::default()),
            dynamic_metadata: metadata(&[("reason", "allowed"), ("policy_digest", "d")]),
            ..CheckResponse::default()
        }
    }

    fn deny() -> CheckResponse {
        CheckResponse {
            status: Some(Status { code: 7 }),
            denied: Some(Denied { status: Some(HttpStatus { code: 403 }), ..Denied::default() }),
            dynamic_metadata: metadata(&[("reason", "role_missing"), ("policy_digest", "d")]),
            ..CheckResponse::default()
        }
    }

    fn read(reply: &CheckResponse) -> Option<Received> {
        answer(&reply.encode_to_vec(), "d", None)
    }

    #[test]
    fn allows_and_denials_are_read() {
        let received = read(&allow()).unwrap();
        assert!(received.verdict.outcome.is_ok());
        assert_eq!(received.ttl_seconds, 30);
        let received = read(&deny()).unwrap();
        assert_eq!(received.verdict.outcome.unwrap_err().status, 403);
        assert_eq!(received.ttl_seconds, 0);
    }

    #[test]
    fn a_reply_that_says_two_things_is_no_verdict() {
        let contradictions = [
            CheckResponse { denied: deny().denied, ..allow() },
            CheckResponse { denied: deny().denied, ok: None, ..allow() },
            CheckResponse { error: deny().denied, ..allow() },
            CheckResponse { ok: allow().ok, ..deny() },
            CheckResponse { status: Some(Status { code: 7 }), ..allow() },
            CheckResponse { status: Some(Status { code: -1 }), ..deny() },
            CheckResponse { dynamic_metadata: None, ..allow() },
            CheckResponse { dynamic_metadata: deny().dynamic_metadata, ..allow() },
            CheckResponse { dynamic_metadata: allow().dynamic_metadata, ..deny() },
            CheckResponse::default(),
        ];
        for (index, reply) in contradictions.iter().enumerate() {
            assert!(read(reply).is_none(), "{index}");
        }
        assert!(answer(b"\xff\xff\xff", "d", None).is_none());
    }

    #[test]
    fn a_verdict_of_another_policy_or_with_unknown_inputs_is_not_reused() {
        assert_eq!(answer(&allow().encode_to_vec(), "other", None).unwrap().ttl_seconds, 0);
        let mut reply = allow();
        reply.dynamic_metadata.as_mut().unwrap().fields.remove("inputs");
        assert_eq!(read(&reply).unwrap().ttl_seconds, 0);
    }
}
