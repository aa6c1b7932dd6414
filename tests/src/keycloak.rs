//! A real Keycloak on loopback with the two realms of `tests/fixtures/keycloak`: its start and end, the grants, and
//! the administrator's key changes. It judges no token and knows no policy but the one of
//! `docs/providers/keycloak.md`. Called by the suite `keycloak` alone, which `--with keycloak` asks for.

use std::net::SocketAddr;

use serde_json::Value;
use tokio::process::Command;

use crate::http1::{Request, Response};
use crate::process::Process;
use crate::stage::SHIPPED_PORTS;
use crate::{Result, ports, wait};

mod guide;
mod home;
mod keys;
mod limits;
mod tokens;

pub use guide::stage;
pub use keys::KeyOf;
pub use tokens::{Grant, Tokens, claims, header, with_claim, with_kid, with_other_signature};

/// The realm whose tokens are signed with RS256.
pub const SHOP: &str = "shop";
/// The realm whose tokens are signed with ES256.
pub const PARTNERS: &str = "partners";

/// Where the server's paths begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Below {
    /// At `/realms`, as since Keycloak 17.
    Root,
    /// At `/auth/realms`: before that, and wherever `http-relative-path` keeps it.
    Auth,
}

impl Below {
    fn path(self) -> &'static str {
        match self {
            Self::Root => "",
            Self::Auth => "/auth",
        }
    }
}

/// A running Keycloak. Dropping it ends it with its whole process group and removes its files.
#[derive(Debug)]
pub struct Keycloak {
    // Before the files it uses.
    process: Process,
    home: home::Home,
    port: u16,
    below: Below,
}

impl Keycloak {
    /// Starts it on a free port with a fresh copy of the imported realms, and waits until both answer. The first call
    /// on a machine downloads, builds and imports, which takes minutes.
    ///
    /// # Errors
    /// When Java or Maven is missing, or the server does not start, with its last words.
    pub async fn start(below: Below) -> Result<Self> {
        let home = home::Home::ready(below).await?;
        Self::launch(home, below, &[]).await
    }

    /// Starts the server of this folder.
    async fn launch(home: home::Home, below: Below, more: &[&str]) -> Result<Self> {
        let port = free_port()?;
        let mut command = home.command();
        command.args(["start", "--optimized", "--http-enabled=true", "--hostname-strict=false"]);
        // Without it the server joins a cluster, on all addresses of the machine.
        command.args(["--cache=local", "--http-host=127.0.0.1"]);
        command.arg(format!("--http-port={port}")).args(["--http-access-log-enabled=true"]);
        command.args(more);
        let process = Process::spawn_logged("keycloak", command, &home.log())?;
        let mut keycloak = Self { process, home, port, below };
        keycloak.ready().await?;
        Ok(keycloak)
    }

    async fn ready(&mut self) -> Result<()> {
        let (begun, port, below) = (std::time::Instant::now(), self.port, self.below);
        while begun.elapsed() < limits::READY {
            if let Some(status) = self.process.exited()? {
                let tail = self.process.tail();
                return Err(format!("keycloak ended with {status}; its last lines:\n{tail}").into());
            }
            let mut answering = true;
            for realm in [SHOP, PARTNERS] {
                let path =
                    format!("{}/realms/{realm}/.well-known/openid-configuration", below.path());
                let request = Request::get(&host(port), path);
                let response = request.send_to_port(port, limits::ANSWER).await;
                answering &= response.is_ok_and(|response| response.status == 200);
            }
            if answering {
                return Ok(());
            }
            tokio::time::sleep(limits::LOOK).await;
        }
        let tail = self.process.tail();
        Err(format!("keycloak was not ready after {:?}; its last lines:\n{tail}", limits::READY)
            .into())
    }

    /// Ends it in good order and waits until it is gone.
    ///
    /// # Errors
    /// When it cannot be ended.
    pub async fn stop(&mut self) -> Result<()> {
        self.process.stop().await?;
        Ok(())
    }

    /// Its address as clients and policies write it, without a slash at the end.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}{}", host(self.port), self.below.path())
    }

    /// The keys that a realm publishes.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn jwks(&self, realm: &str) -> Result<Vec<Value>> {
        // The query tells this look from those of the gate in the access log.
        let path = format!("/realms/{realm}/protocol/openid-connect/certs?look");
        let set = ok(self.get(&path).await?, 200)?.json()?;
        Ok(set.get("keys").and_then(Value::as_array).cloned().unwrap_or_default())
    }

    /// The ids of a realm's published keys of one `use`, `sig` or `enc`.
    ///
    /// # Errors
    /// As [`Keycloak::jwks`].
    pub async fn key_ids(&self, realm: &str, usage: &str) -> Result<Vec<String>> {
        let keys = self.jwks(realm).await?;
        let text = |key: &Value, name: &str| key.get(name)?.as_str().map(str::to_owned);
        let wanted = keys.iter().filter(|key| text(key, "use").as_deref() == Some(usage));
        Ok(wanted.filter_map(|key| text(key, "kid")).collect())
    }

    /// How often anybody but [`Keycloak::jwks`] asked for a realm's keys, by the server's access log.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub fn key_requests(&self, realm: &str) -> Result<usize> {
        let asked = format!(
            "\"GET {}/realms/{realm}/protocol/openid-connect/certs HTTP",
            self.below.path()
        );
        let log = std::fs::read(self.home.log())?;
        Ok(String::from_utf8_lossy(&log).matches(&asked).count())
    }

    async fn get(&self, path: &str) -> Result<Response> {
        self.send(Request::get(&host(self.port), self.target(path))).await
    }

    async fn post_form(&self, path: &str, form: &[(&str, &str)]) -> Result<Response> {
        self.send(Request::post_form(&host(self.port), self.target(path), &tokens::form(form)))
            .await
    }

    fn request(&self, method: &str, path: &str) -> Request {
        Request::new(method, self.target(path)).header("host", host(self.port))
    }

    fn target(&self, path: &str) -> String {
        format!("{}{path}", self.below.path())
    }

    async fn send(&self, request: Request) -> Result<Response> {
        request.send(SocketAddr::from(([127, 0, 0, 1], self.port)), limits::ANSWER).await
    }
}

/// The issuer follows from the Host that is asked, so everybody must write the same one.
fn host(port: u16) -> String {
    format!("127.0.0.1:{port}")
}

/// A free port that the shipped files do not name, since those are moved in every file of a stage.
fn free_port() -> Result<u16> {
    loop {
        let port = ports::free_port()?;
        if !SHIPPED_PORTS.iter().any(|(_, shipped)| *shipped == port) {
            return Ok(port);
        }
    }
}

/// The response, if its status is this one.
fn ok(response: Response, status: u16) -> Result<Response> {
    if response.status == status {
        Ok(response)
    } else {
        Err(format!("keycloak answered {}: {}", response.status, response.text()).into())
    }
}

/// Waits until a command ended well.
async fn done(what: &str, command: Command, log: &std::path::Path) -> Result<()> {
    let mut process = Process::spawn_logged(what, command, log)?;
    let status = process.wait(limits::PREPARED).await?;
    if status.success() {
        Ok(())
    } else {
        Err(format!("{what} ended with {status}; its last lines:\n{}", process.tail()).into())
    }
}

/// Waits until no other process prepares the same folder.
async fn locked_file(path: &std::path::Path) -> Result<std::fs::File> {
    let file = std::fs::File::create(path)?;
    wait::until(limits::PREPARED, || async { file.try_lock().is_ok() }).await?;
    Ok(file)
}
