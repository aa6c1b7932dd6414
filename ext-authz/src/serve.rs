//! The sidecar as a whole: loads the policy, binds every listener, serves until it is told to stop, lets the exporter
//! finish. `sallyport serve` calls [`serve`]; tests call [`Server::start`], which tells the addresses.

use std::future::Future;
use std::io::Write as _;
use std::path::PathBuf;
use std::sync::Arc;

use arc_swap::ArcSwap;
use axum::Router;
use envoy_types::pb::envoy::service::auth::v3::authorization_server::AuthorizationServer;
use sallyport_policy::Problem;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_stream::wrappers::UnixListenerStream;
use tonic::service::Routes;
use tonic::transport::server::TcpIncoming;

use crate::collector::Collector;
use crate::config::{Address, Config};
use crate::gate::Gate;
use crate::grpc::AuthorizationDoor;
use crate::introspection::Introspection;
use crate::key_fetch::KeyFetcher;
use crate::limits::{CONCURRENT_STREAMS, MAX_CHECK_BYTES, STOP_EXPORT, STOP_REQUESTS};
use crate::listen::Bound;
use crate::loaded::{Load, Loaded};
use crate::metrics::Metrics;
use crate::queue::Queue;
use crate::reload::Reloader;
use crate::tokens::Epoch;
use crate::{admin, export, fetch, http, key_care, logs};

/// What to serve.
#[derive(Debug, Clone)]
pub struct ServeOptions {
    /// The policy file.
    pub policy: PathBuf,
    /// The server's configuration.
    pub config: Config,
}

/// Why it does not start, or stopped.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The policy does not load.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
    Policy(Vec<Problem>),
    /// Listeners, signals, standard output.
    #[error("{0}")]
    Io(#[from] std::io::Error),
    /// TLS or another part of the HTTP client.
    #[error("cannot set up the HTTP client: {0}")]
    Client(#[from] reqwest::Error),
    /// The description of the gRPC services cannot be read.
    #[error("cannot set up reflection: {0}")]
    Reflection(#[from] tonic_reflection::server::Error),
}

impl ServeError {
    /// Exit code of the process: 2 for a policy that does not load, 1 for the rest.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Policy(_) => 2,
            Self::Io(_) | Self::Client(_) | Self::Reflection(_) => 1,
        }
    }
}

/// Where it listens, ports filled in.
#[derive(Debug, Clone, Default)]
pub struct Addresses {
    /// gRPC ext_authz and the collector.
    pub grpc: Vec<Address>,
    /// HTTP ext_authz.
    pub http: Vec<Address>,
    /// Metrics and probes.
    pub admin: Vec<Address>,
}

/// A server that has loaded its policy and bound its listeners, and serves.
pub struct Server {
    addresses: Addresses,
    stop: watch::Sender<bool>,
    listeners: JoinSet<()>,
    background: JoinSet<()>,
    exporter: Option<(Arc<Queue>, tokio::task::JoinHandle<()>)>,
    metrics: Arc<Metrics>,
}

/// Serves until SIGTERM or SIGINT. Prints `sallyport ready` on standard output when it does.
///
/// # Errors
/// See [`ServeError`]; [`ServeError::exit_code`] says what the process exits with.
pub async fn serve(options: ServeOptions) -> Result<(), ServeError> {
    use tokio::signal::unix::{SignalKind, signal};
    logs::init();
    let (mut terminate, mut interrupt) =
        (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let server = Server::start(options).await?;
    writeln!(std::io::stdout(), "sallyport ready")?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    tracing::info!("stopping");
    server.stop().await;
    Ok(())
}

impl Server {
    /// Loads, binds, and serves in tasks of the current runtime.
    ///
    /// # Errors
    /// See [`ServeError`].
    pub async fn start(options: ServeOptions) -> Result<Self, ServeError> {
        let ServeOptions { policy, config } = options;
        let metrics = Arc::new(Metrics::default());
        let client = fetch::client()?;
        let fetcher = KeyFetcher {
            client: client.clone(),
            metrics: Arc::clone(&metrics),
            epoch: Epoch::default(),
            ended: Arc::default(),
        };
        let loaded = match Loaded::read(&policy, None, &fetcher).map_err(ServeError::Policy)? {
            Load::New(loaded) => *loaded,
            // There is nothing that it could equal.
            Load::Unchanged => return Err(ServeError::Policy(Vec::new())),
        };
        metrics.loaded(loaded.policy.digest());
        let gate = Arc::new(Gate {
            loaded: ArcSwap::from_pointee(loaded),
            introspection: Introspection::new(client, Arc::clone(&metrics)),
            metrics: Arc::clone(&metrics),
        });
        let mut server = Self {
            addresses: Addresses::default(),
            stop: watch::Sender::new(false),
            listeners: JoinSet::new(),
            background: JoinSet::new(),
            exporter: None,
            metrics,
        };
        server.export(config.ndjson.clone());
        server.listen(&config, &gate).await?;
        server.background.spawn(key_care::run(Arc::clone(&gate), Arc::clone(&fetcher.ended)));
        server.background.spawn(Reloader { path: policy, gate, fetcher }.run());
        Ok(server)
    }

    /// Where it listens.
    #[must_use]
    pub fn addresses(&self) -> &Addresses {
        &self.addresses
    }

    /// What was counted so far, as the admin listener shows it.
    #[must_use]
    pub fn metrics(&self) -> &Arc<Metrics> {
        &self.metrics
    }

    /// Stops: no new connections, requests under way are answered, the exporter writes what it has; all within bounds.
    pub async fn stop(mut self) {
        self.stop.send_replace(true);
        let listeners = async { while self.listeners.join_next().await.is_some() {} };
        if tokio::time::timeout(STOP_REQUESTS, listeners).await.is_err() {
            tracing::warn!("requests under way are broken off");
        }
        self.listeners.shutdown().await;
        self.background.shutdown().await;
        if let Some((queue, exporter)) = self.exporter {
            queue.close();
            if tokio::time::timeout(STOP_EXPORT, exporter).await.is_err() {
                tracing::warn!("records are left unwritten");
            }
        }
    }

    fn export(&mut self, ndjson: Option<PathBuf>) {
        if let Some(path) = ndjson {
            let queue = Arc::new(Queue::new(Arc::clone(&self.metrics)));
            let exporter = export::run(path, Arc::clone(&queue), Arc::clone(&self.metrics));
            self.exporter = Some((queue, tokio::spawn(exporter)));
        }
    }

    /// Everything is bound before anything is served.
    async fn listen(&mut self, config: &Config, gate: &Arc<Gate>) -> Result<(), ServeError> {
        let grpc = bind(&config.listen.grpc, &mut self.addresses.grpc).await?;
        let http = bind(&config.listen.http, &mut self.addresses.http).await?;
        let admin = bind(&config.listen.admin, &mut self.addresses.admin).await?;
        let routes = self.routes(gate).await?;
        for bound in grpc {
            self.listeners.spawn(serve_grpc(bound, routes.clone(), stopped(&self.stop)));
        }
        for bound in http {
            let router = http::router(Arc::clone(gate), bound.channel());
            self.listeners.spawn(serve_http(bound, router, stopped(&self.stop)));
        }
        for bound in admin {
            let router = admin::router(Arc::clone(&self.metrics));
            self.listeners.spawn(serve_http(bound, router, stopped(&self.stop)));
        }
        Ok(())
    }

    /// ext_authz, collector, health, and reflection of health: envoy-types carries no descriptors of its messages.
    async fn routes(&self, gate: &Arc<Gate>) -> Result<Routes, ServeError> {
        type Door = AuthorizationServer<AuthorizationDoor>;
        let (health, health_service) = tonic_health::server::health_reporter();
        health.set_serving::<Door>().await;
        health.set_serving::<Collector>().await;
        let reflection = tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
            .build_v1()?;
        let queue = self.exporter.as_ref().map(|(queue, _)| Arc::clone(queue));
        let door = AuthorizationServer::new(AuthorizationDoor(Arc::clone(gate)))
            .max_decoding_message_size(MAX_CHECK_BYTES);
        Ok(Routes::new(door)
            .add_service(Collector::new(Arc::clone(gate), queue))
            .add_service(health_service)
            .add_service(reflection)
            .prepare())
    }
}

async fn bind(addresses: &[Address], bound_at: &mut Vec<Address>) -> std::io::Result<Vec<Bound>> {
    let mut all = Vec::with_capacity(addresses.len());
    for address in addresses {
        let bound = Bound::bind(address).await?;
        bound_at.push(bound.address()?);
        all.push(bound);
    }
    Ok(all)
}

fn stopped(stop: &watch::Sender<bool>) -> impl Future<Output = ()> + Send + 'static {
    let mut stop = stop.subscribe();
    // A sender that is gone has stopped, too.
    async move { drop(stop.wait_for(|stop| *stop).await) }
}

async fn serve_grpc(bound: Bound, routes: Routes, stopped: impl Future<Output = ()>) {
    let server = tonic::transport::Server::builder()
        .max_concurrent_streams(Some(CONCURRENT_STREAMS))
        .add_routes(routes);
    let served = match bound {
        Bound::Tcp(listener) => {
            let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
            server.serve_with_incoming_shutdown(incoming, stopped).await
        }
        Bound::Unix(listener, file) => {
            let incoming = UnixListenerStream::new(listener);
            let served = server.serve_with_incoming_shutdown(incoming, stopped).await;
            drop(file);
            served
        }
    };
    if let Err(error) = served {
        tracing::error!(%error, "a gRPC listener ended");
    }
}

async fn serve_http(
    bound: Bound,
    router: Router,
    stopped: impl Future<Output = ()> + Send + 'static,
) {
    let served = match bound {
        Bound::Tcp(listener) => axum::serve(listener, router).with_graceful_shutdown(stopped).await,
        Bound::Unix(listener, file) => {
            let served = axum::serve(listener, router).with_graceful_shutdown(stopped).await;
            drop(file);
            served
        }
    };
    if let Err(error) = served {
        tracing::error!(%error, "an HTTP listener ended");
    }
}
