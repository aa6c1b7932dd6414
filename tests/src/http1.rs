//! A tiny HTTP/1.1 client that sends exactly what it is told: duplicates, odd paths, values that
//! are not UTF-8, a missing Host. It adds no header, follows no redirect and retries nothing.
//! Called wherever a test has to know which bytes reach a door.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::{Result, limits};

mod response;

pub use response::Response;

/// A request, written to the wire in the order in which it was built.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    method: String,
    target: Vec<u8>,
    headers: Vec<(String, Vec<u8>)>,
    body: Vec<u8>,
}

impl Request {
    /// A request without headers. The target goes out byte for byte.
    pub fn new(method: &str, target: impl AsRef<[u8]>) -> Self {
        Self {
            method: method.to_owned(),
            target: target.as_ref().to_vec(),
            headers: Vec::new(),
            body: Vec::new(),
        }
    }

    /// A GET with a Host.
    pub fn get(host: &str, target: impl AsRef<[u8]>) -> Self {
        Self::new("GET", target).header("host", host)
    }

    /// A POST of a form with a Host.
    pub fn post_form(host: &str, target: impl AsRef<[u8]>, form: &str) -> Self {
        Self::new("POST", target)
            .header("host", host)
            .header("content-type", "application/x-www-form-urlencoded")
            .body(form)
    }

    /// Adds a header line after those already there, also when the name is there.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.headers.push((name.to_owned(), value.as_ref().to_vec()));
        self
    }

    /// Adds `authorization: Bearer TOKEN`.
    #[must_use]
    pub fn bearer(self, token: &str) -> Self {
        self.header("authorization", format!("Bearer {token}"))
    }

    /// Sets the body and adds its `content-length`.
    #[must_use]
    pub fn body(self, body: impl AsRef<[u8]>) -> Self {
        let length = body.as_ref().len().to_string();
        self.header("content-length", length).unframed_body(body)
    }

    /// Sets the bytes after the head; the framing headers are the caller's.
    #[must_use]
    pub fn unframed_body(mut self, body: impl AsRef<[u8]>) -> Self {
        self.body = body.as_ref().to_vec();
        self
    }

    /// The bytes of the request.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        let mut out = Vec::new();
        out.extend_from_slice(self.method.as_bytes());
        out.push(b' ');
        out.extend_from_slice(&self.target);
        out.extend_from_slice(b" HTTP/1.1\r\n");
        for (name, value) in &self.headers {
            out.extend_from_slice(name.as_bytes());
            out.extend_from_slice(b": ");
            out.extend_from_slice(value);
            out.extend_from_slice(b"\r\n");
        }
        out.extend_from_slice(b"\r\n");
        out.extend_from_slice(&self.body);
        out
    }

    /// Sends the request over a connection of its own.
    ///
    /// # Errors
    /// When the connect fails, the answer is no HTTP/1.1, or the deadline passes.
    pub async fn send(&self, to: SocketAddr, deadline: Duration) -> Result<Response> {
        let exchange = async { Connection::open(to).await?.exchange(self).await };
        within(deadline, exchange).await
    }

    /// Sends the request to a port on 127.0.0.1.
    ///
    /// # Errors
    /// As [`Request::send`].
    pub async fn send_to_port(&self, port: u16, deadline: Duration) -> Result<Response> {
        self.send(SocketAddr::from(([127, 0, 0, 1], port)), deadline).await
    }
}

/// What a connection runs over.
pub trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

/// A connection that is kept between requests.
pub struct Connection {
    stream: Box<dyn Stream>,
    /// Bytes read beyond the last response.
    buffer: Vec<u8>,
}

impl Connection {
    /// Connects over TCP.
    ///
    /// # Errors
    /// When the connect fails.
    pub async fn open(to: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(to).await.map_err(|error| format!("{to}: {error}"))?;
        stream.set_nodelay(true)?;
        Ok(Self::over(stream))
    }

    /// Speaks over a stream that is there already, such as a Unix socket.
    pub fn over(stream: impl Stream + 'static) -> Self {
        Self { stream: Box::new(stream), buffer: Vec::new() }
    }

    /// Sends a request and reads its response.
    ///
    /// # Errors
    /// When the connection breaks, the answer is no HTTP/1.1, or the deadline passes.
    pub async fn send(&mut self, request: &Request, deadline: Duration) -> Result<Response> {
        within(deadline, self.exchange(request)).await
    }

    /// Sends bytes that may be no request at all, and reads the response to them.
    ///
    /// # Errors
    /// As [`Connection::send`].
    pub async fn send_bytes(&mut self, bytes: &[u8], deadline: Duration) -> Result<Response> {
        within(deadline, self.exchange_bytes(bytes, false)).await
    }

    async fn exchange(&mut self, request: &Request) -> Result<Response> {
        self.exchange_bytes(&request.bytes(), request.method == "HEAD").await
    }

    async fn exchange_bytes(&mut self, bytes: &[u8], head_only: bool) -> Result<Response> {
        let begun = Instant::now();
        // A server may answer and close before it has read everything: the answer counts.
        let sent = self.stream.write_all(bytes).await;
        let mut response = match response::read(self, head_only).await {
            Ok(response) => response,
            Err(error) => {
                sent?;
                return Err(error);
            }
        };
        response.elapsed = begun.elapsed();
        Ok(response)
    }

    /// Reads more bytes into the buffer; false at the end of the stream.
    async fn fill(&mut self) -> Result<bool> {
        if self.buffer.len() > limits::RESPONSE_BYTES {
            return Err("the response is larger than the test client takes".into());
        }
        Ok(self.stream.read_buf(&mut self.buffer).await? > 0)
    }
}

async fn within<T>(deadline: Duration, work: impl Future<Output = Result<T>>) -> Result<T> {
    match tokio::time::timeout(deadline, work).await {
        Ok(done) => done,
        Err(_) => Err(format!("no answer within {deadline:?}").into()),
    }
}

#[cfg(test)]
mod tests;
