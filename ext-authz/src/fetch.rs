//! The HTTP client for identity providers: rustls, short timeouts, no redirects, no proxies, bodies bounded while they
//! are read. Errors are words without addresses or contents. Used by `key_fetch.rs` and `introspection.rs` alone.

use std::time::Duration;

use reqwest::header::{CACHE_CONTROL, HeaderValue};
use reqwest::{Client, RequestBuilder, StatusCode};

use crate::limits::{CONNECT_TIMEOUT, FETCH_TIMEOUT};

/// Why there is no answer to use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum FetchError {
    #[error("no connection")]
    Connect,
    #[error("no answer in time")]
    Timeout,
    #[error("broken answer")]
    Broken,
    #[error("answer with status {0}")]
    Status(u16),
    #[error("answer too long")]
    TooLong,
    #[error("answer is not what was asked for: {0}")]
    Content(&'static str),
}

/// The client that all fetches share.
///
/// # Errors
/// When TLS cannot be set up.
pub(crate) fn client() -> Result<Client, reqwest::Error> {
    Client::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .timeout(FETCH_TIMEOUT)
        // A redirect would carry credentials to another place.
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .referer(false)
        .user_agent("sallyport")
        .pool_idle_timeout(Duration::from_secs(60))
        .build()
}

/// A 200 answer.
#[derive(Debug)]
pub(crate) struct Fetched {
    pub(crate) body: Vec<u8>,
    /// The field `Cache-Control`, its lines joined as RFC 9110 section 5.2 says.
    pub(crate) cache_control: Option<Vec<u8>>,
}

/// Sends a request and reads a 200 answer with a body of at most `max_bytes`.
pub(crate) async fn send(request: RequestBuilder, max_bytes: usize) -> Result<Fetched, FetchError> {
    let mut response = request.send().await.map_err(|error| blame(&error))?;
    if response.status() != StatusCode::OK {
        return Err(FetchError::Status(response.status().as_u16()));
    }
    let lines: Vec<&[u8]> =
        response.headers().get_all(CACHE_CONTROL).iter().map(HeaderValue::as_bytes).collect();
    let cache_control = (!lines.is_empty()).then(|| lines.join(&b", "[..]));
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| blame(&error))? {
        if body.len().saturating_add(chunk.len()) > max_bytes {
            return Err(FetchError::TooLong);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Fetched { body, cache_control })
}

fn blame(error: &reqwest::Error) -> FetchError {
    if error.is_timeout() {
        FetchError::Timeout
    } else if error.is_connect() {
        FetchError::Connect
    } else {
        FetchError::Broken
    }
}
