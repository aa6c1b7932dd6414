//! One request in the form of each door: a line for `sallyport check`, a CheckRequest as Envoy makes
//! it (headers as bytes one by one, or joined in a map), and bytes over HTTP/1.1. Called by the
//! suites that ask all doors; it decides nothing.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use envoy_types::pb::envoy::config::core::v3::{
    Address, HeaderMap, HeaderValue, HeaderValueOption, SocketAddress, address,
};
use envoy_types::pb::envoy::service::auth::v3::attribute_context::{HttpRequest, Peer, Request};
use envoy_types::pb::envoy::service::auth::v3::{AttributeContext, CheckRequest};
use serde_json::{Value, json};

use crate::http1;

/// A request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sent<'a> {
    pub(crate) method: &'a str,
    pub(crate) host: &'a str,
    pub(crate) path: &'a str,
    /// All but Host.
    pub(crate) headers: &'a [(String, Vec<u8>)],
}

impl Sent<'_> {
    /// A line of `sallyport check`.
    pub(crate) fn line(&self, id: &str) -> Value {
        let value = |bytes: &[u8]| match std::str::from_utf8(bytes) {
            Ok(text) => json!(text),
            Err(_) => json!({ "base64": STANDARD.encode(bytes) }),
        };
        let headers: Vec<Value> =
            self.headers.iter().map(|(name, bytes)| json!([name, value(bytes)])).collect();
        json!({
            "id": id,
            "method": self.method,
            "scheme": "http",
            "host": self.host,
            "path": self.path,
            "headers": headers,
            "source": "127.0.0.1:40000",
        })
    }

    /// A Check call, the headers as bytes one by one (`raw`), or as Envoy's map of text.
    pub(crate) fn check_request(&self, raw: bool) -> CheckRequest {
        let own = self.headers.iter().map(|(name, value)| (name.to_ascii_lowercase(), value));
        let mut http = HttpRequest {
            method: self.method.to_owned(),
            scheme: "http".to_owned(),
            host: self.host.to_owned(),
            path: self.path.to_owned(),
            protocol: "HTTP/1.1".to_owned(),
            ..HttpRequest::default()
        };
        if raw {
            let header = |(key, value): (String, &Vec<u8>)| HeaderValue {
                key,
                raw_value: value.clone(),
                ..HeaderValue::default()
            };
            http.header_map = Some(HeaderMap { headers: own.map(header).collect() });
        } else {
            for (name, value) in own {
                // As Envoy writes them: repeated ones joined, and `!` for what is no UTF-8.
                let text = String::from_utf8(value.clone()).unwrap_or_else(|_| "!".to_owned());
                http.headers
                    .entry(name)
                    .and_modify(|joined| {
                        joined.push(',');
                        joined.push_str(&text);
                    })
                    .or_insert(text);
            }
        }
        let socket = SocketAddress { address: "127.0.0.1".to_owned(), ..SocketAddress::default() };
        let address = Address { address: Some(address::Address::SocketAddress(socket)) };
        CheckRequest {
            attributes: Some(AttributeContext {
                source: Some(Peer { address: Some(address), ..Peer::default() }),
                request: Some(Request { http: Some(http), ..Request::default() }),
                ..AttributeContext::default()
            }),
        }
    }

    /// The request's bytes, to this path.
    pub(crate) fn http_request(&self, path: &str) -> http1::Request {
        let request = http1::Request::new(self.method, path).header("host", self.host);
        self.headers.iter().fold(request, |request, (name, value)| request.header(name, value))
    }
}

/// The name and value of a header in an answer over gRPC.
pub(crate) fn pair(option: &HeaderValueOption) -> (String, Vec<u8>) {
    let header = option.header.clone().unwrap_or_default();
    let value =
        if header.raw_value.is_empty() { header.value.into_bytes() } else { header.raw_value };
    (header.key, value)
}
