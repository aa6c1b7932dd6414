//! An upstream that answers with what reached it, so that a test sees what a door let through,
//! added and removed; the answer to a HEAD has it in the header `x-seen`, as base64. It has no switches that a request could reach; a path that contains
//! `/secret-response` is answered with a password for the mirroring tests to look for, and one that
//! starts with `/notes` with that password alone, so that no secret of the request comes back.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http_body_util::{BodyExt as _, Limited};
use hyper::body::Incoming;
use hyper::header::HeaderValue;
use hyper::{Request, Response};
use serde_json::{Value, json};

use crate::server::{self, Body, Bound, Restartable};
use crate::{Result, limits, locked};

/// The password in answers to `/secret-response`.
pub const RESPONSE_SECRET: &str = "canary-response-secret";

/// Where paths start that are not answered with what was seen.
pub const NOTES: &str = "/notes";

/// A request as it reached the upstream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// The method.
    pub method: String,
    /// The path with its query.
    pub path: String,
    /// The headers, names in lower case, in order of first appearance; repeats of a name follow
    /// its first line. Over HTTP/2 the authority stands first, as `host`.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The whole body.
    pub body: Bytes,
}

impl Seen {
    /// All values of a header; a value that is not UTF-8 has replacement characters.
    #[must_use]
    pub fn values(&self, name: &str) -> Vec<String> {
        let own = self.headers.iter().filter(|(own, _)| own.eq_ignore_ascii_case(name));
        own.map(|(_, value)| String::from_utf8_lossy(value).into_owned()).collect()
    }

    /// The answer's JSON: `{"method","path","headers":[[name,value],...],"body"}`, where bytes
    /// that are not UTF-8 are `{"base64":"..."}`.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let headers: Vec<Value> =
            self.headers.iter().map(|(name, value)| json!([name, text(value)])).collect();
        let mut answer = json!({
            "method": self.method,
            "path": self.path,
            "headers": headers,
            "body": text(&self.body),
        });
        if let (true, Some(fields)) =
            (self.path.contains("/secret-response"), answer.as_object_mut())
        {
            fields.insert("password".to_owned(), Value::from(RESPONSE_SECRET));
        }
        answer
    }
}

fn text(bytes: &[u8]) -> Value {
    match std::str::from_utf8(bytes) {
        Ok(text) => Value::from(text),
        Err(_) => json!({ "base64": STANDARD.encode(bytes) }),
    }
}

/// A running echo upstream. Dropping it stops it.
#[derive(Debug)]
pub struct Echo {
    state: Arc<State>,
    server: Restartable,
}

#[derive(Debug, Default)]
struct State {
    count: AtomicU64,
    kept: Mutex<VecDeque<Seen>>,
}

impl Echo {
    /// Listens on 127.0.0.1:`port`; port 0 takes a free one.
    ///
    /// # Errors
    /// When the port is taken.
    pub async fn start(port: u16) -> Result<Self> {
        let bound = Bound::new(port).await?;
        let state: Arc<State> = Arc::default();
        let own = Arc::clone(&state);
        let handler: server::Handler =
            Arc::new(move |request| Box::pin(answer(Arc::clone(&own), request)));
        Ok(Self { state, server: Restartable::start(bound, handler) })
    }

    /// The port it listens on.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.server.port()
    }

    /// Requests that reached it so far, those with a broken body included.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.state.count.load(Ordering::Relaxed)
    }

    /// The last requests, oldest first.
    #[must_use]
    pub fn requests(&self) -> Vec<Seen> {
        locked(&self.state.kept).iter().cloned().collect()
    }

    /// The last request.
    #[must_use]
    pub fn last(&self) -> Option<Seen> {
        locked(&self.state.kept).back().cloned()
    }

    /// Forgets the kept requests; the count goes on.
    pub fn forget(&self) {
        locked(&self.state.kept).clear();
    }

    /// Stops listening and closes all connections.
    ///
    /// # Errors
    /// When the server had failed.
    pub async fn stop(&self) -> Result<()> {
        self.server.stop().await
    }

    /// Listens again on the same port after [`Echo::stop`].
    ///
    /// # Errors
    /// When the port is taken.
    pub async fn restart(&self) -> Result<()> {
        self.server.restart().await
    }
}

async fn answer(state: Arc<State>, request: Request<Incoming>) -> Response<Body> {
    state.count.fetch_add(1, Ordering::Relaxed);
    let (parts, body) = request.into_parts();
    let mut headers: Vec<(String, Vec<u8>)> = Vec::new();
    if let (Some(authority), false) = (parts.uri.authority(), parts.headers.contains_key("host")) {
        headers.push(("host".to_owned(), authority.as_str().as_bytes().to_vec()));
    }
    headers.extend(
        parts.headers.iter().map(|(name, value)| (name.to_string(), value.as_bytes().to_vec())),
    );
    let path = parts.uri.path_and_query().map_or("", |path| path.as_str()).to_owned();
    let Ok(body) = Limited::new(body, limits::REQUEST_BYTES).collect().await else {
        return server::json(400, &json!({ "error": "the body broke off or is too large" }));
    };
    let seen = Seen { method: parts.method.to_string(), path, headers, body: body.to_bytes() };
    let json = if seen.path.starts_with(NOTES) {
        json!({ "stored": true, "password": RESPONSE_SECRET })
    } else {
        seen.to_json()
    };
    let mut response = server::json(200, &json);
    response.headers_mut().insert("x-echo", HeaderValue::from_static("1"));
    if seen.method == "HEAD"
        && let Ok(text) = HeaderValue::from_str(&STANDARD.encode(seen.to_json().to_string()))
    {
        response.headers_mut().insert("x-seen", text);
    }
    keep(&mut locked(&state.kept), seen);
    response
}

fn keep(kept: &mut VecDeque<Seen>, seen: Seen) {
    if kept.len() >= limits::KEPT_REQUESTS {
        kept.pop_front();
    }
    kept.push_back(seen);
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::http1::Request;

    const SECONDS: Duration = Duration::from_secs(5);

    #[tokio::test]
    async fn answers_with_what_it_saw() {
        let echo = Echo::start(0).await.unwrap();
        let request = Request::new("POST", "/orders/%2F7?a=b&a=c")
            .header("Host", "api.example.com")
            .header("X-Two", "1")
            .header("x-other", b"\xff")
            .header("x-two", "2")
            .body("hi");
        let response = request.send_to_port(echo.port(), SECONDS).await.unwrap();
        assert_eq!((response.status, response.header("x-echo")), (200, Some("1")));
        let expected = json!({
            "method": "POST",
            "path": "/orders/%2F7?a=b&a=c",
            "headers": [
                ["host", "api.example.com"], ["x-two", "1"], ["x-two", "2"],
                ["x-other", { "base64": "/w==" }], ["content-length", "2"],
            ],
            "body": "hi",
        });
        assert_eq!(response.json().unwrap(), expected);
        assert_eq!(echo.count(), 1);
        assert_eq!(echo.last().unwrap().values("X-TWO"), ["1", "2"]);
    }

    #[tokio::test]
    async fn keeps_the_last_requests_only() {
        let echo = Echo::start(0).await.unwrap();
        for at in 0..limits::KEPT_REQUESTS + 2 {
            let request = Request::get("h", format!("/{at}"));
            request.send_to_port(echo.port(), SECONDS).await.unwrap();
        }
        let kept = echo.requests();
        assert_eq!(kept.len(), limits::KEPT_REQUESTS);
        assert_eq!(kept.first().unwrap().path, "/2");
        echo.forget();
        assert_eq!(echo.last(), None);
        assert_eq!(echo.count(), u64::try_from(limits::KEPT_REQUESTS + 2).unwrap());
    }

    #[tokio::test]
    async fn the_secret_is_on_its_path_only_and_bodies_may_be_bytes() {
        let echo = Echo::start(0).await.unwrap();
        for (path, expected) in [("/x/secret-response/y", Some(RESPONSE_SECRET)), ("/x", None)] {
            let request = Request::new("PUT", path).header("host", "h").body([0xff, 0x00]);
            let answer = request.send_to_port(echo.port(), SECONDS).await.unwrap().json().unwrap();
            assert_eq!(answer["password"].as_str(), expected, "{path}");
            assert_eq!(answer["body"], json!({ "base64": "/wA=" }), "{path}");
        }
    }

    #[tokio::test]
    async fn notes_are_not_echoed() {
        let echo = Echo::start(0).await.unwrap();
        let request = Request::new("POST", "/notes?n=1").header("host", "h").body("mine");
        let answer = request.send_to_port(echo.port(), SECONDS).await.unwrap().json().unwrap();
        assert_eq!(answer, json!({ "stored": true, "password": RESPONSE_SECRET }));
        assert_eq!(echo.last().unwrap().body, "mine");
    }

    #[tokio::test]
    async fn stops_and_comes_back() {
        let echo = Echo::start(0).await.unwrap();
        let request = Request::get("h", "/");
        echo.stop().await.unwrap();
        assert!(request.send_to_port(echo.port(), SECONDS).await.is_err());
        echo.restart().await.unwrap();
        assert_eq!(request.send_to_port(echo.port(), SECONDS).await.unwrap().status, 200);
    }
}
