//! The HTTP server under the identity provider and the echo upstream: HTTP/1.1 and HTTP/2 in clear
//! text on 127.0.0.1, with a stop that closes the listener and every connection before it
//! returns, and bodies that can break off. It knows no paths; those are its callers'.

use std::collections::VecDeque;
use std::net::Ipv4Addr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Frame, Incoming, SizeHint};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::{JoinHandle, JoinSet};

use crate::{Result, limits, ports};

/// The future of one answer.
pub type Answer = Pin<Box<dyn Future<Output = Response<Body>> + Send>>;
/// What answers requests.
pub type Handler = Arc<dyn Fn(Request<Incoming>) -> Answer + Send + Sync>;

/// A bound port that does not serve yet.
#[derive(Debug)]
pub struct Bound {
    listener: TcpListener,
    port: u16,
}

impl Bound {
    /// Binds 127.0.0.1:`port`; port 0 takes a free one.
    ///
    /// # Errors
    /// When the port is taken.
    pub async fn new(port: u16) -> Result<Self> {
        let port = if port == 0 { ports::free_port()? } else { port };
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))
            .await
            .map_err(|error| format!("cannot listen on 127.0.0.1:{port}: {error}"))?;
        Ok(Self { listener, port })
    }

    /// The port it is bound to.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Serves until the returned server is stopped or dropped.
    #[must_use]
    pub fn serve(self, handler: Handler) -> Server {
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(accept(self.listener, handler, stopped));
        Server { stop, task }
    }
}

/// A running server. Dropping it stops it too, without waiting until it has.
#[derive(Debug)]
pub struct Server {
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Server {
    /// Closes the listener and all connections. Afterwards a connect is refused.
    ///
    /// # Errors
    /// When the serving task had failed.
    pub async fn stop(self) -> Result<()> {
        drop(self.stop);
        Ok(self.task.await?)
    }
}

/// A server that can be away for a while: stopped and started again on its port, with the same handler.
pub struct Restartable {
    port: u16,
    handler: Handler,
    running: tokio::sync::Mutex<Option<Server>>,
}

impl std::fmt::Debug for Restartable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Restartable").field("port", &self.port).finish_non_exhaustive()
    }
}

impl Restartable {
    /// Serves.
    #[must_use]
    pub fn start(bound: Bound, handler: Handler) -> Self {
        let port = bound.port();
        let running = tokio::sync::Mutex::new(Some(bound.serve(Arc::clone(&handler))));
        Self { port, handler, running }
    }

    /// The port, also while nobody listens there.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Stops listening and closes all connections: the next connect is refused.
    ///
    /// # Errors
    /// When the server had failed.
    pub async fn stop(&self) -> Result<()> {
        match self.running.lock().await.take() {
            Some(server) => server.stop().await,
            None => Ok(()),
        }
    }

    /// Listens again on the same port.
    ///
    /// # Errors
    /// When the port is taken.
    pub async fn restart(&self) -> Result<()> {
        self.stop().await?;
        let bound = Bound::new(self.port).await?;
        *self.running.lock().await = Some(bound.serve(Arc::clone(&self.handler)));
        Ok(())
    }
}

async fn accept(listener: TcpListener, handler: Handler, mut stopped: oneshot::Receiver<()>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            _ = &mut stopped => break,
            _ = connections.join_next(), if !connections.is_empty() => {}
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(serve(stream, Arc::clone(&handler)));
                }
                // Out of descriptors, most likely: give the connections time to end.
                Err(_) => tokio::time::sleep(limits::POLL).await,
            }
        }
    }
    if let Ok(listener) = listener.into_std() {
        ports::close(listener);
    }
    connections.shutdown().await;
}

async fn serve(stream: TcpStream, handler: Handler) {
    // A client that goes away, or a body that breaks off on purpose, ends the connection with an
    // error that concerns nobody here.
    drop(stream.set_nodelay(true));
    let service = service_fn(move |request| {
        let answer = handler(request);
        async move { Ok::<_, std::convert::Infallible>(answer.await) }
    });
    let builder = auto::Builder::new(TokioExecutor::new());
    drop(builder.serve_connection(TokioIo::new(stream), service).await);
}

/// A response body in pieces, which may break off.
#[derive(Debug, Default)]
pub struct Body {
    pieces: VecDeque<Piece>,
    sleep: Option<Pin<Box<tokio::time::Sleep>>>,
}

#[derive(Debug)]
enum Piece {
    Data(Bytes),
    /// Lets the connection flush what it has.
    Pause,
    /// Nothing for this long.
    Sleep(Duration),
    Fail,
}

impl Body {
    /// A whole body.
    #[must_use]
    pub fn full(bytes: impl Into<Bytes>) -> Self {
        let bytes = bytes.into();
        let pieces = if bytes.is_empty() { VecDeque::new() } else { [Piece::Data(bytes)].into() };
        Self { pieces, sleep: None }
    }

    /// A body that sends these bytes and then closes the connection. The caller announces a
    /// larger `content-length`.
    #[must_use]
    pub fn broken_off(bytes: impl Into<Bytes>) -> Self {
        let mut body = Self::full(bytes);
        body.pieces.extend([Piece::Pause, Piece::Fail]);
        body
    }

    /// A body that comes byte by byte, with this pause before each.
    #[must_use]
    pub fn dripping(bytes: impl Into<Bytes>, pause: Duration) -> Self {
        let bytes = bytes.into();
        let one = |at: usize| bytes.slice(at..at.saturating_add(1));
        let drops = (0..bytes.len()).flat_map(|at| [Piece::Sleep(pause), Piece::Data(one(at))]);
        Self { pieces: drops.collect(), sleep: None }
    }

    /// A body of `head`, that many letters and `tail`; the filler costs no memory of its size.
    #[must_use]
    pub fn padded(head: Bytes, filler: usize, tail: Bytes) -> Self {
        let piece = Bytes::from(vec![b'a'; limits::PIECE_BYTES]);
        let whole = filler.checked_div(limits::PIECE_BYTES).unwrap_or(0);
        let rest = filler.checked_rem(limits::PIECE_BYTES).unwrap_or(0);
        let mut body = Self::full(head);
        body.pieces.extend(std::iter::repeat_n(piece.clone(), whole).map(Piece::Data));
        body.pieces.push_back(Piece::Data(piece.slice(..rest)));
        body.pieces.push_back(Piece::Data(tail));
        body
    }
}

impl hyper::body::Body for Body {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        if let Some(sleep) = &mut self.sleep {
            std::task::ready!(sleep.as_mut().poll(context));
            self.sleep = None;
        }
        match self.pieces.pop_front() {
            None => Poll::Ready(None),
            Some(Piece::Data(bytes)) => Poll::Ready(Some(Ok(Frame::data(bytes)))),
            Some(Piece::Pause) => {
                context.waker().wake_by_ref();
                Poll::Pending
            }
            Some(Piece::Sleep(pause)) => {
                self.sleep = Some(Box::pin(tokio::time::sleep(pause)));
                self.poll_frame(context)
            }
            Some(Piece::Fail) => Poll::Ready(Some(Err(std::io::Error::other("broken off")))),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.pieces.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        let mut total: u64 = 0;
        for piece in &self.pieces {
            match piece {
                Piece::Data(bytes) => {
                    total = total.saturating_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
                }
                Piece::Pause | Piece::Sleep(_) | Piece::Fail => return SizeHint::default(),
            }
        }
        SizeHint::with_exact(total)
    }
}

/// A response with a content type and a body.
#[must_use]
pub fn response(status: u16, content_type: &'static str, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    // A number that is no status can only come from a test; 500 shows it there.
    *response.status_mut() =
        hyper::StatusCode::from_u16(status).unwrap_or(hyper::StatusCode::INTERNAL_SERVER_ERROR);
    response
        .headers_mut()
        .insert(hyper::header::CONTENT_TYPE, hyper::header::HeaderValue::from_static(content_type));
    response
}

/// A JSON response.
#[must_use]
pub fn json(status: u16, value: &serde_json::Value) -> Response<Body> {
    response(status, "application/json", Body::full(value.to_string()))
}
