//! The HTTP door, for Envoy's HTTP ext_authz (Kyma): the original request comes as a request of ours, below `/check`,
//! without its body. It does not see all headers, so every name that must not reach the upstream is named for removal
//! on every allow. Nothing but the request's own method, host, path and headers is believed.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use http::header::{HOST, HeaderName, HeaderValue};
use http::{HeaderMap, StatusCode, Uri};
use sallyport_policy::{Answer, Denial, Header, Mutations, Outcome, RawRequest, Reason};

use crate::certificate::ClientCertificate;
use crate::gate::{Entrance, Gate};
use crate::swap::Channel;
use crate::upstream;

/// Envoy's `path_prefix`.
const PREFIX: &str = "/check";
/// What Envoy reads the names to remove from.
const REMOVE: &str = "x-envoy-auth-headers-to-remove";

/// The door as a service.
pub(crate) fn router(gate: Arc<Gate>, channel: Channel) -> Router {
    // One handler whatever the path: a router's own matching would decode and answer 404 and 405.
    Router::new().fallback(check).with_state((gate, channel))
}

async fn check(State((gate, channel)): State<(Arc<Gate>, Channel)>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    // Not read: nothing rests on it, and hyper bounds what it drains of it.
    drop(body);
    // Outside of the prefix there is nothing to judge; the empty path is refused as malformed, not as unknown.
    let Some(path) = original_path(&parts.uri) else {
        return answer(Answer::new(&Denial::new(Reason::NoRoute), "sallyport", None, ""));
    };
    let headers: Vec<Header<'_>> = parts
        .headers
        .iter()
        .map(|(name, value)| (name.as_str().as_bytes(), value.as_bytes()))
        .collect();
    let raw = RawRequest {
        method: parts.method.as_str().as_bytes(),
        // The connection to us is not the client's.
        scheme: &[],
        authority: authority(&parts.uri, &parts.headers),
        path: path.as_bytes(),
        headers: &headers,
        peer: &[],
    };
    // Envoy tells this door nothing of the client's certificate, and a header could be the client's own.
    let judged = gate.judge(raw, ClientCertificate::None, (Entrance::Http, channel)).await;
    match &judged.decision.outcome {
        Outcome::Allow(permit) => {
            let mut response = allow(permit.mutations(), &headers);
            for (name, value) in &judged.decision.response {
                if let Ok(value) = HeaderValue::from_str(value) {
                    response.headers_mut().insert(*name, value);
                }
            }
            response
        }
        Outcome::Deny(denial) => answer(judged.answer(denial, &raw)),
    }
}

/// Path and query as received, without the prefix; none: not below it.
fn original_path(uri: &Uri) -> Option<&str> {
    let path = uri.path_and_query()?.as_str().strip_prefix(PREFIX)?;
    path.starts_with('/').then_some(path)
}

/// The authority of HTTP/2, or the one Host header. Empty, and so refused, when there are two that differ.
fn authority<'r>(uri: &'r Uri, headers: &'r HeaderMap) -> &'r [u8] {
    let mut hosts = uri
        .authority()
        .map(|authority| authority.as_str().as_bytes())
        .into_iter()
        .chain(headers.get_all(HOST).iter().map(HeaderValue::as_bytes));
    let Some(first) = hosts.next() else { return &[] };
    if hosts.all(|host| host == first) { first } else { &[] }
}

fn allow(mutations: &Mutations, headers: &[Header<'_>]) -> Response {
    // The gate sees to it, and here is where it would be lost.
    if mutations.path.is_some() {
        return unwritable();
    }
    let mut response = Response::new(Body::empty());
    let names = upstream::removed_blindly(mutations, headers);
    let names = names.into_iter().collect::<Vec<_>>().join(",");
    let set = mutations.set.iter().map(|(name, value)| (&**name, value.as_str()));
    for (name, value) in set.chain([(REMOVE, names.as_str())]) {
        let (Ok(name), Ok(value)) =
            (HeaderName::try_from(name), HeaderValue::from_bytes(value.as_bytes()))
        else {
            // Left out, the client's own copy would stand.
            return unwritable();
        };
        response.headers_mut().insert(name, value);
    }
    response
}

/// What cannot be carried out is no allow.
fn unwritable() -> Response {
    answer(Answer::new(&Denial::new(Reason::DependencyUnavailable), "sallyport", None, ""))
}

fn answer(answer: Answer) -> Response {
    let Answer { status, headers, body } = answer;
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::FORBIDDEN);
    if response.status().is_success() {
        *response.status_mut() = StatusCode::FORBIDDEN;
    }
    for (name, value) in headers {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            response.headers_mut().insert(name, value);
        }
    }
    response
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderValue, Uri};

    use super::{authority, original_path};

    #[test]
    fn only_what_is_below_the_prefix_has_a_path() {
        const CASES: &[(&str, Option<&str>)] = &[
            ("/check/orders/1?a=%2f", Some("/orders/1?a=%2f")),
            ("/check/", Some("/")),
            ("/check//x/../y", Some("//x/../y")),
            ("/check/check/x", Some("/check/x")),
            ("http://api.example.com/check/x", Some("/x")),
            ("/check", None),
            ("/check?x", None),
            ("/checked/x", None),
            ("/orders", None),
            ("/", None),
            ("*", None),
            ("api.example.com:443", None),
        ];
        for (uri, expected) in CASES {
            assert_eq!(original_path(&uri.parse::<Uri>().unwrap()), *expected, "{uri}");
        }
    }

    #[test]
    fn two_hosts_that_differ_are_none() {
        let hosts = |values: &[&'static str]| {
            let mut map = HeaderMap::new();
            for value in values {
                map.append("host", HeaderValue::from_static(value));
            }
            map
        };
        let plain: Uri = "/check/x".parse().unwrap();
        let full: Uri = "http://a/check/x".parse().unwrap();
        assert_eq!(authority(&plain, &hosts(&["a"])), b"a");
        assert_eq!(authority(&plain, &hosts(&["a", "b"])), b"");
        assert_eq!(authority(&plain, &hosts(&[])), b"");
        assert_eq!(authority(&full, &hosts(&[])), b"a");
        assert_eq!(authority(&full, &hosts(&["b"])), b"");
        assert_eq!(authority(&full, &hosts(&["a"])), b"a");
    }
}
