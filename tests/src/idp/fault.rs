//! How an endpoint can misbehave. A fault replaces or spoils the answer; the request is counted.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::BodyExt as _;
use hyper::Response;
use hyper::header::{CONTENT_LENGTH, HeaderValue, LOCATION};
use hyper::http::response::Parts;

use crate::server::{self, Body};

/// A fault of an endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// This status with a JSON error.
    Status(u16),
    /// The right answer, later.
    Delay(Duration),
    /// No answer until the client goes away or the provider stops.
    Hang,
    /// 200 with a login page.
    Html,
    /// The head of the right answer and half of its body, then a closed connection.
    Truncated,
    /// The right answer, valid JSON, with about this many bytes of padding in an unused member.
    Huge(usize),
    /// The right answer, one byte after the other with this pause between them.
    Drip(Duration),
    /// 302 to this URL.
    Redirect(String),
    /// 200 with this text as `application/json`.
    Body(String),
}

impl Fault {
    /// Spoils an answer.
    pub(super) async fn apply(self, right: Response<Body>) -> Response<Body> {
        match self {
            Self::Status(status) => {
                server::json(status, &serde_json::json!({ "error": "temporarily_unavailable" }))
            }
            Self::Delay(duration) => {
                tokio::time::sleep(duration).await;
                right
            }
            Self::Hang => std::future::pending().await,
            Self::Html => server::response(
                200,
                "text/html; charset=utf-8",
                Body::full("<!DOCTYPE html><title>Sign in</title><form>Sign in</form>"),
            ),
            Self::Truncated => truncated(right).await,
            Self::Huge(bytes) => padded(right, bytes).await,
            Self::Drip(pause) => dripping(right, pause).await,
            Self::Redirect(url) => redirect(&url),
            Self::Body(text) => server::response(200, "application/json", Body::full(text)),
        }
    }
}

async fn truncated(right: Response<Body>) -> Response<Body> {
    let (mut parts, whole) = split(right).await;
    parts.headers.insert(CONTENT_LENGTH, HeaderValue::from(whole.len()));
    let half = whole.len().checked_div(2).unwrap_or(0);
    Response::from_parts(parts, Body::broken_off(whole.slice(..half)))
}

async fn padded(right: Response<Body>, bytes: usize) -> Response<Body> {
    let (parts, whole) = split(right).await;
    let body = match whole.strip_suffix(b"}") {
        Some(open) => {
            let head = [open, b",\"padding\":\""].concat();
            Body::padded(Bytes::from(head), bytes, Bytes::from_static(b"\"}"))
        }
        None => Body::padded(whole, bytes, Bytes::new()),
    };
    Response::from_parts(parts, body)
}

async fn dripping(right: Response<Body>, pause: Duration) -> Response<Body> {
    let (parts, whole) = split(right).await;
    Response::from_parts(parts, Body::dripping(whole, pause))
}

fn redirect(url: &str) -> Response<Body> {
    let mut response = server::response(302, "text/plain", Body::default());
    if let Ok(url) = HeaderValue::from_str(url) {
        response.headers_mut().insert(LOCATION, url);
    }
    response
}

async fn split(right: Response<Body>) -> (Parts, Bytes) {
    let (parts, body) = right.into_parts();
    // Our own whole bodies do not break off.
    let whole = body.collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
    (parts, whole)
}
