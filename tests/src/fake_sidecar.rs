//! Something on the sidecar's socket that is no sidecar: it says nothing, says junk, or answers
//! Check calls with what it is told. For tests of what the doors in front of it make of that.

use std::path::Path;

use envoy_types::pb::envoy::service::auth::v3::authorization_server::{
    Authorization, AuthorizationServer,
};
use envoy_types::pb::envoy::service::auth::v3::{CheckRequest, CheckResponse};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::oneshot;
use tokio::task::{JoinHandle, JoinSet};
use tokio_stream::wrappers::UnixListenerStream;
use tonic::{Request, Response, Status, transport};

use crate::Result;

/// What it does.
#[derive(Debug, Clone)]
pub enum Talk {
    /// Takes connections and reads, and never answers.
    Silence,
    /// Sends these bytes at once and closes.
    Bytes(&'static [u8]),
    /// Answers every Check with an error.
    Error(tonic::Code),
    /// Answers every Check with this.
    Answer(Box<CheckResponse>),
}

/// A running one.
#[derive(Debug)]
pub struct FakeSidecar {
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl FakeSidecar {
    /// Listens on a socket, in place of what was there.
    ///
    /// # Errors
    /// When the socket cannot be bound.
    pub fn start(socket: &Path, talk: Talk) -> Result<Self> {
        if socket.exists() {
            std::fs::remove_file(socket)?;
        }
        let listener = UnixListener::bind(socket)?;
        let (stop, stopped) = oneshot::channel();
        let task = match talk {
            Talk::Silence => tokio::spawn(raw(listener, None, stopped)),
            Talk::Bytes(bytes) => tokio::spawn(raw(listener, Some(bytes), stopped)),
            Talk::Error(code) => tokio::spawn(grpc(listener, Err(code), stopped)),
            Talk::Answer(answer) => tokio::spawn(grpc(listener, Ok(*answer), stopped)),
        };
        Ok(Self { stop, task })
    }

    /// Stops it and closes its connections; the socket's file goes as well.
    ///
    /// # Errors
    /// When it had failed.
    pub async fn stop(self, socket: &Path) -> Result<()> {
        drop(self.stop);
        self.task.await?;
        Ok(std::fs::remove_file(socket)?)
    }
}

async fn raw(
    listener: UnixListener,
    bytes: Option<&'static [u8]>,
    mut stopped: oneshot::Receiver<()>,
) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            _ = &mut stopped => break,
            accepted = listener.accept() => if let Ok((stream, _)) = accepted {
                connections.spawn(talk(stream, bytes));
            }
        }
    }
    connections.shutdown().await;
}

async fn talk(mut stream: UnixStream, bytes: Option<&'static [u8]>) {
    match bytes {
        Some(bytes) => drop(stream.write_all(bytes).await),
        None => {
            let mut buffer = [0; 4096];
            while matches!(stream.read(&mut buffer).await, Ok(1..)) {}
        }
    }
}

async fn grpc(
    listener: UnixListener,
    answer: std::result::Result<CheckResponse, tonic::Code>,
    stopped: oneshot::Receiver<()>,
) {
    let service = AuthorizationServer::new(Fixed(answer));
    let stop = async { drop(stopped.await) };
    let incoming = UnixListenerStream::new(listener);
    let router = transport::Server::builder().add_service(service);
    drop(router.serve_with_incoming_shutdown(incoming, stop).await);
}

struct Fixed(std::result::Result<CheckResponse, tonic::Code>);

#[tonic::async_trait]
impl Authorization for Fixed {
    async fn check(
        &self,
        _request: Request<CheckRequest>,
    ) -> std::result::Result<Response<CheckResponse>, Status> {
        match &self.0 {
            Ok(answer) => Ok(Response::new(answer.clone())),
            Err(code) => Err(Status::new(*code, "no")),
        }
    }
}
