//! Reading a response: head, then a body by content-length, in chunks or until the close.
//! Interim (1xx) responses are skipped. It checks only what it needs to find the end.

use std::time::Duration;

use super::Connection;
use crate::{Result, limits};

/// A response as it came, header names and order included.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// The header lines in order.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The body without its framing.
    pub body: Vec<u8>,
    /// From the first byte sent to the last one read.
    pub elapsed: Duration,
}

impl Response {
    /// The first value of a header, by name without regard to case; none if it is not UTF-8.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut found = self.headers.iter().filter(|(own, _)| own.eq_ignore_ascii_case(name));
        found.next().and_then(|(_, value)| std::str::from_utf8(value).ok())
    }

    /// How often a header is there.
    #[must_use]
    pub fn header_count(&self, name: &str) -> usize {
        self.headers.iter().filter(|(own, _)| own.eq_ignore_ascii_case(name)).count()
    }

    /// The body as text, for messages and searches.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON.
    ///
    /// # Errors
    /// When it is none.
    pub fn json(&self) -> Result<serde_json::Value> {
        serde_json::from_slice(&self.body)
            .map_err(|error| format!("not JSON ({error}): {}", self.text()).into())
    }
}

struct Head {
    status: u16,
    headers: Vec<(String, Vec<u8>)>,
}

/// Reads the next final response.
pub(super) async fn read(connection: &mut Connection, head_only: bool) -> Result<Response> {
    let head = loop {
        let head = read_head(connection).await?;
        if !(100..200).contains(&head.status) || head.status == 101 {
            break head;
        }
    };
    let mut response = Response {
        status: head.status,
        headers: head.headers,
        body: Vec::new(),
        elapsed: Duration::ZERO,
    };
    if head_only || matches!(response.status, 101 | 204 | 304) {
        return Ok(response);
    }
    let chunked = response.header("transfer-encoding").is_some_and(|coding| {
        coding.rsplit(',').next().is_some_and(|last| last.trim().eq_ignore_ascii_case("chunked"))
    });
    let length = response.header("content-length").map(|value| value.trim().parse::<usize>());
    response.body = match length {
        _ if chunked => read_chunks(connection).await?,
        Some(Ok(length)) => take(connection, length).await?,
        Some(Err(error)) => return Err(format!("content-length: {error}").into()),
        None => {
            while connection.fill().await? {}
            std::mem::take(&mut connection.buffer)
        }
    };
    Ok(response)
}

async fn read_head(connection: &mut Connection) -> Result<Head> {
    let mut lines = Vec::new();
    let mut size: usize = 0;
    loop {
        let line = take_line(connection).await?;
        size = size.saturating_add(line.len());
        if size > limits::HEAD_BYTES {
            return Err("the response head is larger than the test client takes".into());
        }
        if line.is_empty() {
            break;
        }
        lines.push(line);
    }
    let mut lines = lines.into_iter();
    let first = lines.next().unwrap_or_default();
    let status = status_of(&first)
        .ok_or_else(|| format!("no status line: `{}`", String::from_utf8_lossy(&first)))?;
    let mut headers = Vec::new();
    for line in lines {
        let Some(colon) = line.iter().position(|byte| *byte == b':') else {
            return Err(format!("no header: `{}`", String::from_utf8_lossy(&line)).into());
        };
        let (name, value) = line.split_at(colon);
        let value = value.strip_prefix(b":").unwrap_or(value).trim_ascii().to_vec();
        headers.push((String::from_utf8_lossy(name).into_owned(), value));
    }
    Ok(Head { status, headers })
}

fn status_of(line: &[u8]) -> Option<u16> {
    let line = std::str::from_utf8(line).ok()?;
    let rest = line.strip_prefix("HTTP/1.1 ").or_else(|| line.strip_prefix("HTTP/1.0 "))?;
    rest.split(' ').next()?.parse().ok()
}

async fn read_chunks(connection: &mut Connection) -> Result<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let line = take_line(connection).await?;
        let text = String::from_utf8_lossy(&line);
        let digits = text.split(';').next().unwrap_or_default().trim();
        let size = usize::from_str_radix(digits, 16)
            .map_err(|error| format!("chunk size `{digits}`: {error}"))?;
        if size == 0 {
            break;
        }
        body.extend(take(connection, size).await?);
        if body.len() > limits::RESPONSE_BYTES {
            return Err("the response is larger than the test client takes".into());
        }
        if !take_line(connection).await?.is_empty() {
            return Err("no line end after a chunk".into());
        }
    }
    // Trailers: nothing here asks for them.
    while !take_line(connection).await?.is_empty() {}
    Ok(body)
}

/// The next line without its CRLF (or bare LF).
async fn take_line(connection: &mut Connection) -> Result<Vec<u8>> {
    let mut searched: usize = 0;
    loop {
        let unseen = connection.buffer.get(searched..).unwrap_or_default();
        if let Some(at) = unseen.iter().position(|byte| *byte == b'\n') {
            let end = searched.saturating_add(at);
            let mut line: Vec<u8> = connection.buffer.drain(..=end).collect();
            line.pop();
            if line.last() == Some(&b'\r') {
                line.pop();
            }
            return Ok(line);
        }
        searched = connection.buffer.len();
        if searched > limits::HEAD_BYTES {
            return Err("a line is longer than the test client takes".into());
        }
        if !connection.fill().await? {
            return Err("the connection ended inside a response".into());
        }
    }
}

async fn take(connection: &mut Connection, size: usize) -> Result<Vec<u8>> {
    while connection.buffer.len() < size {
        if !connection.fill().await? {
            let got = connection.buffer.len();
            return Err(format!("the body ended after {got} of {size} bytes").into());
        }
    }
    let rest = connection.buffer.split_off(size);
    Ok(std::mem::replace(&mut connection.buffer, rest))
}
