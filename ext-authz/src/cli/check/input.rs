//! One line of input as a request, and what of it the policy judges. Strict: a member that is unknown or given twice is
//! no request, because a misspelt one would be judged as absent. A refusal names a place and what was expected there,
//! never what was found: that may be a token.

use std::net::{IpAddr, SocketAddr};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sallyport_jwt::{JsonLimits, parse_json_object};
use sallyport_policy::{Header, RawRequest};
use serde_json::{Map, Value};

use crate::certificate::{ClientCertificate, is_chain};
use crate::cli::limits::LINE_JSON;

/// The members of a line.
const MEMBERS: &[&str] =
    &["id", "method", "scheme", "host", "path", "headers", "source", "peer_certificate", "body"];

/// A readable request. The body is read and not yet judged by any rule.
#[derive(Debug)]
pub(in crate::cli) struct InputRequest {
    /// As given, for the output line: a string, an integer of 64 bits (the reader keeps no longer one, and no fraction,
    /// as it was written) or null.
    pub(in crate::cli) id: Value,
    /// The path as sent.
    pub(in crate::cli) path: String,
    method: String,
    scheme: String,
    host: String,
    headers: Vec<(String, Vec<u8>)>,
    peer: String,
    certificate: Option<String>,
}

impl InputRequest {
    /// Reads one line.
    ///
    /// # Errors
    /// What about it is no request.
    pub(in crate::cli) fn parse(line: &[u8]) -> Result<Self, String> {
        let limits = JsonLimits { max_bytes: line.len(), ..LINE_JSON };
        let mut line = parse_json_object(line, limits).map_err(|error| error.to_string())?;
        if line.keys().any(|name| !MEMBERS.contains(&name.as_str())) {
            return Err(format!("a member that is none of `{}`", MEMBERS.join("`, `")));
        }
        if let Some(body) = text(&mut line, "body")? {
            STANDARD.decode(body).map_err(|_| "`body`: expected base64".to_owned())?;
        }
        let certificate = text(&mut line, "peer_certificate")?;
        if certificate.as_ref().is_some_and(|pem| !is_chain(pem)) {
            return Err("`peer_certificate`: expected PEM certificates".to_owned());
        }
        Ok(Self {
            id: id(&mut line)?,
            method: required(&mut line, "method")?,
            scheme: text(&mut line, "scheme")?.unwrap_or_default(),
            host: required(&mut line, "host")?,
            path: required(&mut line, "path")?,
            headers: headers(line.get("headers"))?,
            certificate,
            peer: text(&mut line, "source")?.map_or(Ok(String::new()), |source| peer(&source))?,
        })
    }

    /// The id as text, for the decision; empty where there is none.
    pub(in crate::cli) fn decision_id(&self) -> String {
        match &self.id {
            Value::String(id) => id.clone(),
            Value::Number(id) => id.to_string(),
            Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => String::new(),
        }
    }

    /// Method, host and path for people. Without the query: a token may stand in it.
    pub(in crate::cli) fn summary(&self) -> String {
        let path = self.path.split(['?', '#']).next().unwrap_or_default();
        format!("{} {}{path}", self.method, self.host)
    }

    /// The certificate that the client showed.
    pub(super) fn certificate(&self) -> ClientCertificate<'_> {
        self.certificate.as_deref().map_or(ClientCertificate::None, ClientCertificate::Pem)
    }

    /// The headers as the core reads them.
    pub(in crate::cli) fn headers(&self) -> Vec<Header<'_>> {
        self.headers.iter().map(|(name, value)| (name.as_bytes(), value.as_slice())).collect()
    }

    /// The request as a door would hand it to the core.
    pub(in crate::cli) fn raw<'a>(&'a self, headers: &'a [Header<'a>]) -> RawRequest<'a> {
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

/// A member that is text; none where it is absent or null.
fn text(line: &mut Map<String, Value>, name: &str) -> Result<Option<String>, String> {
    match line.remove(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_)) => {
            Err(format!("`{name}`: expected text"))
        }
    }
}

fn required(line: &mut Map<String, Value>, name: &str) -> Result<String, String> {
    text(line, name)?.ok_or_else(|| format!("`{name}` is missing: expected text"))
}

fn id(line: &mut Map<String, Value>) -> Result<Value, String> {
    match line.remove("id").unwrap_or_default() {
        id @ (Value::Null | Value::String(_)) => Ok(id),
        Value::Number(id) if id.is_i64() || id.is_u64() => Ok(Value::Number(id)),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
            Err("`id`: expected text, an integer of 64 bits or null".to_owned())
        }
    }
}

fn headers(headers: Option<&Value>) -> Result<Vec<(String, Vec<u8>)>, String> {
    let Some(headers) = headers.filter(|headers| !headers.is_null()) else {
        return Ok(Vec::new());
    };
    let list = headers.as_array().ok_or("`headers`: expected an array")?;
    let pair = |(index, pair): (usize, &Value)| {
        let place = format!("headers[{index}]");
        match pair.as_array().map(Vec::as_slice) {
            Some([Value::String(name), value]) => Ok((name.clone(), header_value(&place, value)?)),
            Some([_, _]) => Err(format!("`{place}[0]`: expected text")),
            Some(_) | None => Err(format!("`{place}`: expected an array of name and value")),
        }
    };
    list.iter().enumerate().map(pair).collect()
}

/// Text, or `{"base64":"..."}` for bytes that are no UTF-8.
fn header_value(place: &str, value: &Value) -> Result<Vec<u8>, String> {
    if let Value::String(text) = value {
        return Ok(text.clone().into_bytes());
    }
    let object = value.as_object().filter(|object| object.len() == 1);
    let text = object.and_then(|object| object.get("base64")).and_then(Value::as_str);
    let text =
        text.ok_or_else(|| format!("`{place}[1]`: expected text or `{{\"base64\":\"...\"}}`"))?;
    STANDARD.decode(text).map_err(|_| format!("`{place}[1].base64`: expected base64"))
}

/// `ip:port` or `ip`, without the port.
fn peer(source: &str) -> Result<String, String> {
    source
        .parse::<SocketAddr>()
        .map(|address| address.ip())
        .or_else(|_| source.parse::<IpAddr>())
        .map(|ip| ip.to_string())
        .map_err(|_| "`source`: expected `ip:port`".to_owned())
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
        ("no JSON", "GET /", Err("not JSON")),
        ("no path", r#"{"method":"GET","host":"a"}"#, Err("`path` is missing")),
        (
            "misspelt",
            r#"{"method":"GET","host":"a","path":"/","header":[]}"#,
            Err("a member that is none of `id`"),
        ),
        ("bad id", r#"{"id":[],"method":"GET","host":"a","path":"/"}"#, Err("`id`")),
        ("bad source", r#"{"method":"GET","host":"a","path":"/","source":"x"}"#, Err("`source`")),
        ("bad body", r#"{"method":"GET","host":"a","path":"/","body":"*"}"#, Err("`body`")),
        (
            "bad header",
            r#"{"method":"GET","host":"a","path":"/","headers":[["a",1]]}"#,
            Err("`headers[0][1]`: expected text or"),
        ),
        (
            "bad bytes",
            r#"{"method":"GET","host":"a","path":"/","headers":[["a",{"base64":"*"}]]}"#,
            Err("`headers[0][1].base64`: expected base64"),
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
