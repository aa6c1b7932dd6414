//! Everything of a scenario at once: identity provider, echo upstream, sidecar and Envoy, with the
//! files of `envoy/quickstart/` moved to free ports and a folder of its own. Used by the demo, the
//! suites and nothing else; it judges nothing. Whatever it started ends with it, on every way out.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde_json::Value;
use tokio::process::Command;

use crate::echo::Echo;
use crate::envoy::{Binary, CURRENT, Envoy, Options};
use crate::http1::{Connection, Request, Response};
use crate::idp::{CLIENT_ID, Idp};
use crate::parts::Parts;
use crate::ports::Ports;
use crate::process::Process;
use crate::prom::{self, Scrape};
use crate::{Result, limits, parts};

mod bootstrap;
mod files;

pub use bootstrap::Bootstrap;
use files::Files;
pub(crate) use files::run as run_program;

/// The ports that the quickstart's files name.
pub const SHIPPED_PORTS: &[(&str, u16)] = &[
    ("ask", 10_000),
    ("ext_authz", 10_001),
    ("grpc", 10_002),
    ("http", 10_003),
    ("envoy_admin", 9_901),
    ("upstream", 18_000),
    ("idp", 18_080),
    ("sidecar_http", 15_012),
    ("sidecar_admin", 15_013),
];

/// The quickstart's secret, below its folder.
const CLIENT_SECRET_FILE: &str = "secrets/introspection-client-secret";

/// A way through Envoy to the upstream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Way {
    /// Topology A: the filter asks the sidecar.
    Ask,
    /// Topology B: the filter, then Envoy's own ext_authz.
    ExtAuthz,
    /// Topology C over gRPC: the sidecar alone.
    Grpc,
    /// Topology C over HTTP.
    Http,
}

impl Way {
    /// The letter of DESIGN section 4.
    #[must_use]
    pub fn topology(self) -> &'static str {
        match self {
            Self::Ask => "A",
            Self::ExtAuthz => "B",
            Self::Grpc | Self::Http => "C",
        }
    }

    /// How the sidecar is reached.
    #[must_use]
    pub fn transport(self) -> &'static str {
        match self {
            Self::Ask | Self::ExtAuthz | Self::Grpc => "grpc",
            Self::Http => "http",
        }
    }

    fn port_name(self) -> &'static str {
        match self {
            Self::Ask => "ask",
            Self::ExtAuthz => "ext_authz",
            Self::Grpc => "grpc",
            Self::Http => "http",
        }
    }
}

/// What to bring up.
#[derive(Debug, Clone)]
pub struct Setup {
    /// The filter and the sidecar.
    pub parts: Parts,
    /// Which Envoy.
    pub binary: Binary,
    /// Envoy's worker threads.
    pub concurrency: u32,
    /// A folder whose files replace the quickstart's policy, in Envoy's filters too.
    pub policy: Option<PathBuf>,
    /// Envoy's bootstrap is what `sallyport render` writes for that policy, instead of the quickstart's with the policy
    /// in its filters.
    pub rendered: bool,
    /// Log level of Envoy.
    pub log_level: String,
    /// Texts of the bootstrap, as JSON, and what stands there instead.
    pub replaced: Vec<(String, String)>,
    /// Whether paths and header names reach the filters as they were sent: Envoy then refuses and
    /// rewrites none before, against what the quickstart ships.
    pub paths_as_sent: bool,
}

impl Setup {
    /// The quickstart as it is, with two workers.
    #[must_use]
    pub fn quickstart(parts: Parts, binary: Binary) -> Self {
        Self {
            parts,
            binary,
            concurrency: 2,
            policy: None,
            rendered: false,
            log_level: "info".to_owned(),
            replaced: Vec::new(),
            paths_as_sent: false,
        }
    }
}

/// A running scenario. Dropping it ends everything that it started.
#[derive(Debug)]
pub struct Stage {
    /// The real Envoy.
    pub envoy: Envoy,
    sidecar: tokio::sync::Mutex<Option<Process>>,
    /// The identity provider.
    pub idp: Idp,
    /// The upstream.
    pub echo: Echo,
    ports: Ports,
    parts: Parts,
    /// Last, so that all processes are gone before their files are.
    files: Files,
}

impl Stage {
    /// Starts everything and waits until each part says that it is ready.
    ///
    /// # Errors
    /// When a part does not start, with its last words.
    pub async fn open(mut setup: Setup) -> Result<Self> {
        // The processes run in other folders than the caller.
        setup.parts.wasm = std::path::absolute(&setup.parts.wasm)?;
        setup.parts.sidecar = std::path::absolute(&setup.parts.sidecar)?;
        let ports = Ports::moved(SHIPPED_PORTS)?;
        let files = Files::copy(&ports, setup.policy.as_deref())?;
        let idp = Idp::start(ports.port("idp")?).await?;
        idp.set_client(CLIENT_ID, files.text(CLIENT_SECRET_FILE)?.trim());
        let echo = Echo::start(ports.port("upstream")?).await?;
        let bootstrap = if setup.rendered {
            files.rendered(&setup.parts.sidecar, &ports).await?
        } else {
            files.text("bootstrap.yaml")?
        };
        let mut bootstrap = Bootstrap::parse(&bootstrap)?;
        bootstrap.set_wasm(&setup.parts.wasm);
        if setup.policy.is_some() && !setup.rendered {
            bootstrap.set_policy(&files.text("policy.yaml")?)?;
        }
        if setup.paths_as_sent {
            bootstrap.keep_paths();
        }
        let sidecar = start_sidecar(&setup.parts, &files).await?;
        let options = Options {
            concurrency: setup.concurrency,
            current_dir: Some(files.scenario().to_owned()),
            log_level: setup.log_level,
            ..Options::default()
        };
        let mut text = bootstrap.to_text();
        for (old, new) in &setup.replaced {
            if !text.contains(old) {
                return Err(format!("the bootstrap has no `{old}`").into());
            }
            text = text.replace(old, new);
        }
        let envoy = Envoy::start(&setup.binary, &text, options).await?;
        let sidecar = tokio::sync::Mutex::new(Some(sidecar));
        Ok(Self { envoy, sidecar, idp, echo, ports, parts: setup.parts, files })
    }

    /// The current Envoy and the quickstart, with the policy of a folder in `tests/fixtures`.
    ///
    /// # Errors
    /// When a part is missing or does not start.
    pub async fn with_policy(name: &str) -> Result<Self> {
        let mut setup = Setup::quickstart(Parts::find()?, Binary::locate(CURRENT).await?);
        setup.policy = Some(parts::root().join("tests/fixtures").join(name));
        Self::open(setup).await
    }

    /// The port of a way's listener.
    ///
    /// # Errors
    /// Never, unless the list of ports has a hole.
    pub fn port(&self, way: Way) -> Result<u16> {
        self.ports.port(way.port_name())
    }

    /// Sends a request over a connection of its own.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn send(&self, way: Way, request: &Request) -> Result<Response> {
        request.send_to_port(self.port(way)?, limits::ANSWER).await
    }

    /// A client that keeps its connection, and so stays with one of Envoy's workers.
    ///
    /// # Errors
    /// As [`Stage::port`].
    pub fn client(&self, way: Way) -> Result<Client> {
        Ok(Client::to_port(self.port(way)?))
    }

    /// The sidecar's socket for gRPC.
    #[must_use]
    pub fn socket(&self) -> PathBuf {
        self.files.run().join("sallyport.sock")
    }

    /// The folder with the scenario's files as they are used.
    #[must_use]
    pub fn scenario(&self) -> &Path {
        self.files.scenario()
    }

    /// The port of the sidecar's HTTP ext_authz.
    ///
    /// # Errors
    /// As [`Stage::port`].
    pub fn sidecar_http_port(&self) -> Result<u16> {
        self.ports.port("sidecar_http")
    }

    /// The sidecar's metrics.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn sidecar_metrics(&self) -> Result<Scrape> {
        let admin = SocketAddr::from(([127, 0, 0, 1], self.ports.port("sidecar_admin")?));
        prom::fetch(admin, "/metrics").await
    }

    /// What the sidecar exported so far, as the file's text; empty when there is no file yet.
    #[must_use]
    pub fn exported(&self) -> String {
        std::fs::read_to_string(self.files.run().join("mirror.ndjson")).unwrap_or_default()
    }

    /// The exported records, complete lines only.
    #[must_use]
    pub fn records(&self) -> Vec<Value> {
        let text = self.exported();
        text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }

    /// Kills the sidecar as a crash would, and waits until it is gone.
    ///
    /// # Errors
    /// When it cannot be killed.
    pub async fn kill_sidecar(&self) -> Result<()> {
        if let Some(mut sidecar) = self.sidecar.lock().await.take() {
            sidecar.kill().await?;
        }
        Ok(())
    }

    /// Starts the sidecar again after [`Stage::kill_sidecar`] and waits until it is ready.
    ///
    /// # Errors
    /// When it does not start.
    pub async fn start_sidecar(&self) -> Result<()> {
        let started = start_sidecar(&self.parts, &self.files).await?;
        *self.sidecar.lock().await = Some(started);
        Ok(())
    }

    /// The last lines that the sidecar said.
    pub async fn sidecar_tail(&self) -> String {
        self.sidecar.lock().await.as_ref().map(Process::tail).unwrap_or_default()
    }

    /// Runs `sallyport` with these arguments in the scenario's folder, with an input.
    ///
    /// # Errors
    /// When it cannot be run or its output cannot be read.
    pub async fn sallyport(&self, arguments: &[&str], input: &str) -> Result<std::process::Output> {
        files::run(&self.parts.sidecar, arguments, input, self.scenario()).await
    }

    /// Writes a file into the scenario's folder.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, name: &str, text: &str) -> Result<PathBuf> {
        let path = self.scenario().join(name);
        std::fs::write(&path, text)?;
        Ok(path)
    }

    /// Ends everything in good order: Envoy first, so that nobody asks a sidecar that is leaving.
    ///
    /// # Errors
    /// When a part did not end as it should.
    pub async fn close(mut self) -> Result<()> {
        let envoy = self.envoy.stop().await?;
        let sidecar = match self.sidecar.lock().await.as_mut() {
            Some(sidecar) => Some(sidecar.stop().await?),
            None => None,
        };
        self.idp.stop().await?;
        self.echo.stop().await?;
        match sidecar {
            _ if !envoy.success() => Err(format!("envoy ended with {envoy}").into()),
            Some(status) if !status.success() => {
                Err(format!("the sidecar ended with {status}").into())
            }
            Some(_) | None => Ok(()),
        }
    }
}

async fn start_sidecar(parts: &Parts, files: &Files) -> Result<Process> {
    let mut command = Command::new(&parts.sidecar);
    command.arg("serve").arg("--policy").arg(files.scenario().join("policy.yaml"));
    command.arg("--config").arg(files.scenario().join("sidecar.yaml"));
    let mut process = Process::spawn("sallyport", command)?;
    process.wait_ready_line("sallyport ready", limits::SIDECAR_READY).await?;
    Ok(process)
}

/// A client over one connection, opened when needed and again after the server closed it.
pub struct Client {
    to: SocketAddr,
    kept: Option<Connection>,
}

impl Client {
    /// A client of a port on 127.0.0.1.
    pub(crate) fn to_port(port: u16) -> Self {
        Self { to: SocketAddr::from(([127, 0, 0, 1], port)), kept: None }
    }

    /// Sends a request and reads its response.
    ///
    /// # Errors
    /// When there is no answer. The next request opens a new connection.
    pub async fn send(&mut self, request: &Request) -> Result<Response> {
        let mut connection = match self.kept.take() {
            Some(connection) => connection,
            None => Connection::open(self.to).await?,
        };
        let response = connection.send(request, limits::ANSWER).await?;
        // Envoy closes after requests that it refuses itself, and does not always say so.
        let closes = response.header("connection").is_some_and(|value| value == "close");
        if !closes && response.status != 400 {
            self.kept = Some(connection);
        }
        Ok(response)
    }
}
