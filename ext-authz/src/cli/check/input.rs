//! One line of input as a request, and what of it the policy judges. Strict: an unknown member is no request, because
//! a misspelt one would be judged as absent.

use std::net::{IpAddr, SocketAddr};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sallyport_policy::{Header, RawRequest};
use serde::Deserialize;
use serde_json::Value;

/// The line as it is written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    #[serde(default)]
    id: Value,
    method: String,
    #[serde(default)]
    scheme: String,
    host: String,
    path: String,
    #[serde(default)]
    headers: Vec<(String, Value)>,
    source: Option<String>,
    peer_certificate: Option<String>,
    body: Option<String>,
}

/// A readable request. Client certificate and body are read and not yet judged by any rule.
#[derive(Debug)]
pub(super) struct InputRequest {
    /// As given, for the output line: a string, a number or null.
    pub(super) id: Value,
    /// The path as sent.
    pub(super) path: String,
    method: String,
    scheme: String,
    host: String,
    headers: Vec<(String, Vec<u8>)>,
    peer: String,
}

impl InputRequest {
    /// Reads one line.
    ///
    /// # Errors
    /// What about it is no request.
    pub(super) fn parse(line: &[u8]) -> Result<Self, String> {
        let line: Line = serde_json::from_slice(line).map_err(|error| error.to_string())?;
        let Line { id, method, scheme, host, path, headers, source, peer_certificate, body } = line;
        if !matches!(id, Value::Null | Value::String(_) | Value::Number(_)) {
            return Err("`id` is neither a string nor a number".to_owned());
        }
        if let Some(body) = body {
            STANDARD.decode(body).map_err(|error| format!("`body` is not base64: {error}"))?;
        }
        if peer_certificate.is_some_and(|pem| !pem.contains("-----BEGIN CERTIFICATE-----")) {
            return Err("`peer_certificate` is not PEM".to_owned());
        }
        let headers = headers
            .into_iter()
            .map(|(name, value)| header_value(value).map(|value| (name, value)))
            .collect::<Result<_, _>>()?;
        let peer = source.map_or(Ok(String::new()), |source| peer(&source))?;
        Ok(Self { id, path, method, scheme, host, headers, peer })
    }

    /// The id as text, for the decision; empty where there is none.
    pub(super) fn decision_id(&self) -> String {
        match &self.id {
            Value::String(id) => id.clone(),
            Value::Number(id) => id.to_string(),
            Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => String::new(),
        }
    }

    /// Method, host and path for people.
    pub(super) fn summary(&self) -> String {
        format!("{} {}{}", self.method, self.host, self.path)
    }

    /// The headers as the core reads them.
    pub(super) fn headers(&self) -> Vec<Header<'_>> {
        self.headers.iter().map(|(name, value)| (name.as_bytes(), value.as_slice())).collect()
    }

    /// The request as a door would hand it to the core.
    pub(super) fn raw<'a>(&'a self, headers: &'a [Header<'a>]) -> RawRequest<'a> {
        RawRequest {
            method: self.method.as_bytes(),
            scheme: self.scheme.as_bytes(),
            authority: self.host.as_bytes(),
            path: self.path.as_bytes(),
            headers,
            peer: self.peer.as_bytes(),
        }
    }
}

/// Text, or `{"base64":"..."}` for bytes that are no UTF-8.
fn header_value(value: Value) -> Result<Vec<u8>, String> {
    let wrong = || "a header's value is neither text nor `{\"base64\":\"...\"}`".to_owned();
    match value {
        Value::String(text) => Ok(text.into_bytes()),
        Value::Object(object) if object.len() == 1 => {
            let text = object.get("base64").and_then(Value::as_str).ok_or_else(wrong)?;
            STANDARD.decode(text).map_err(|error| format!("a header's `base64` is none: {error}"))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
            Err(wrong())
        }
    }
}

/// `ip:port` or `ip`, without the port.
fn peer(source: &str) -> Result<String, String> {
    source
        .parse::<SocketAddr>()
        .map(|address| address.ip())
        .or_else(|_| source.parse::<IpAddr>())
        .map(|ip| ip.to_string())
        .map_err(|_| format!("`{source}` in `source` is no `ip:port`"))
}

#[cfg(test)]
mod tests {
    use super::InputRequest;

    const CASES: &[(&str, &str, Result<(), &str>)] = &[
        ("least", r#"{"method":"GET","host":"a","path":"/"}"#, Ok(())),
        (
            "all",
            r#"{"id":"1","method":"GET","scheme":"https","host":"a","path":"/","headers":[["a","b"],["c",{"base64":"/w=="}]],"source":"192.0.2.1:1","body":"e30="}"#,
            Ok(()),
        ),
        ("ipv6", r#"{"method":"GET","host":"a","path":"/","source":"[2001:db8::1]:1"}"#, Ok(())),
        ("numbered", r#"{"id":7,"method":"GET","host":"a","path":"/"}"#, Ok(())),
        ("no JSON", "GET /", Err("expected value")),
        ("no path", r#"{"method":"GET","host":"a"}"#, Err("missing field `path`")),
        ("misspelt", r#"{"method":"GET","host":"a","path":"/","header":[]}"#, Err("unknown field")),
        ("bad id", r#"{"id":[],"method":"GET","host":"a","path":"/"}"#, Err("`id`")),
        ("bad source", r#"{"method":"GET","host":"a","path":"/","source":"x"}"#, Err("`source`")),
        ("bad body", r#"{"method":"GET","host":"a","path":"/","body":"*"}"#, Err("`body`")),
        (
            "bad header",
            r#"{"method":"GET","host":"a","path":"/","headers":[["a",1]]}"#,
            Err("a header's value"),
        ),
        (
            "bad bytes",
            r#"{"method":"GET","host":"a","path":"/","headers":[["a",{"base64":"*"}]]}"#,
            Err("a header's `base64`"),
        ),
        (
            "bad certificate",
            r#"{"method":"GET","host":"a","path":"/","peer_certificate":"x"}"#,
            Err("`peer_certificate`"),
        ),
    ];

    #[test]
    fn lines_are_requests_or_refused() {
        for (name, line, expected) in CASES {
            match (InputRequest::parse(line.as_bytes()), expected) {
                (Ok(_), Ok(())) => {}
                (Err(error), Err(part)) => assert!(error.contains(part), "{name}: {error}"),
                (found, _) => panic!("{name}: {found:?}"),
            }
        }
    }

    #[test]
    fn bytes_come_through() {
        let line = r#"{"method":"GET","host":"a","path":"/","source":"192.0.2.1:9","headers":[["x",{"base64":"/w=="}]]}"#;
        let request = InputRequest::parse(line.as_bytes()).unwrap();
        assert_eq!(request.headers(), [(b"x".as_slice(), b"\xff".as_slice())]);
        let headers = request.headers();
        assert_eq!(request.raw(&headers).peer, b"192.0.2.1");
    }
}
