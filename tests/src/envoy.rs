//! A real Envoy as a child process: start with a configuration and wait until it is live, ask its
//! admin port, measure its CPU time, and have it gone afterwards. Configurations are the
//! caller's; nothing is added to them.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::time::Duration;

use tokio::process::Command;

use crate::folder::Folder;
use crate::http1::{Request, Response};
use crate::process::Process;
use crate::{Result, limits, wait};

mod binary;

pub use binary::{Binary, CURRENT, OLDEST};

/// How to run an Envoy.
#[derive(Debug, Clone)]
pub struct Options {
    /// Worker threads.
    pub concurrency: u32,
    /// Where its log goes; by default into the run's own folder, which is removed.
    pub log: Option<PathBuf>,
    /// `--log-level`, such as `info` or `debug`.
    pub log_level: String,
    /// A base id for hot restart; by default hot restart is off, and any number can run.
    pub base_id: Option<u32>,
    /// The folder to run in, for relative file names in the configuration.
    pub current_dir: Option<PathBuf>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            concurrency: 2,
            log: None,
            log_level: "info".to_owned(),
            base_id: None,
            current_dir: None,
        }
    }
}

/// A running Envoy. Dropping it kills it, waits for its exit and removes its folder.
#[derive(Debug)]
pub struct Envoy {
    process: Process,
    admin: SocketAddr,
    log: PathBuf,
    /// Last, so that the process is gone before its folder is.
    _folder: Folder,
}

impl Envoy {
    /// Starts Envoy and waits until its admin port says that it is live. The configuration needs
    /// an `admin` section on 127.0.0.1; its port may be 0.
    ///
    /// # Errors
    /// When it ends early or is not live within 30 s, with the last lines of its log.
    pub async fn start(binary: &Binary, config_yaml: &str, options: Options) -> Result<Self> {
        let folder = Folder::create("envoy")?;
        let config = folder.write("envoy.yaml", config_yaml)?;
        let address = folder.path().join("admin");
        let log = options.log.clone().unwrap_or_else(|| folder.path().join("envoy.log"));
        let mut command = command(binary, &config, options.current_dir.as_deref());
        command.arg("--concurrency").arg(options.concurrency.to_string());
        command.arg("--log-level").arg(&options.log_level);
        command.arg("--admin-address-path").arg(&address);
        match options.base_id {
            Some(id) => command.arg("--base-id").arg(id.to_string()),
            None => command.arg("--disable-hot-restart"),
        };
        let mut process = Process::spawn_logged("envoy", command, &log)?;
        let ready = tokio::time::timeout(limits::ENVOY_READY, live(&mut process, &address)).await;
        let failure = match ready {
            Ok(Ok(admin)) => return Ok(Self { process, admin, log, _folder: folder }),
            Ok(Err(error)) => error.to_string(),
            Err(_) => format!("it is not live after {:?}", limits::ENVOY_READY),
        };
        let log = complaints(&process.tail());
        Err(format!("envoy did not start: {failure}; its last lines:\n{log}").into())
    }

    /// Whether Envoy takes a configuration (`--mode validate`).
    ///
    /// # Errors
    /// What Envoy says against it.
    pub async fn validate(binary: &Binary, config_yaml: &str) -> Result<(), String> {
        Self::validate_in(binary, config_yaml, None).await
    }

    /// The same, run in a folder for relative file names.
    ///
    /// # Errors
    /// What Envoy says against it.
    pub async fn validate_in(
        binary: &Binary,
        config_yaml: &str,
        current_dir: Option<&Path>,
    ) -> Result<(), String> {
        let run = async {
            let folder = Folder::create("envoy")?;
            let config = folder.write("envoy.yaml", config_yaml)?;
            let mut command = command(binary, &config, current_dir);
            command.args(["--mode", "validate", "--disable-hot-restart"]);
            let mut process = Process::spawn_logged("envoy", command, &folder.path().join("log"))?;
            let status = process.wait(limits::ENVOY_READY).await?;
            Ok((status, process.tail()))
        };
        match run.await {
            Ok((status, _)) if ExitStatus::success(&status) => Ok(()),
            Ok((_, log)) => Err(log),
            Err(error) => Err(crate::Error::to_string(&error)),
        }
    }

    /// Where its admin port is.
    #[must_use]
    pub fn admin(&self) -> SocketAddr {
        self.admin
    }

    /// The number of its admin port.
    #[must_use]
    pub fn admin_port(&self) -> u16 {
        self.admin.port()
    }

    /// Its process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// Where its log is.
    #[must_use]
    pub fn log_path(&self) -> &Path {
        &self.log
    }

    /// Its log so far.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn log(&self) -> Result<String> {
        Ok(String::from_utf8_lossy(&std::fs::read(&self.log)?).into_owned())
    }

    /// Counters and gauges that were used and whose names start with `prefix`.
    ///
    /// # Errors
    /// When the admin port does not answer.
    pub async fn stats(&self, prefix: &str) -> Result<BTreeMap<String, u64>> {
        let text = self.admin_get("/stats?usedonly").await?.text();
        let lines = text.lines().filter_map(|line| line.rsplit_once(": "));
        let own = lines.filter(|(name, _)| name.starts_with(prefix));
        // What is no number is a text or a histogram.
        Ok(own.filter_map(|(name, value)| Some((name.to_owned(), value.parse().ok()?))).collect())
    }

    /// One counter or gauge; 0 when it was never used.
    ///
    /// # Errors
    /// When the admin port does not answer.
    pub async fn stat(&self, name: &str) -> Result<u64> {
        Ok(self.stats(name).await?.get(name).copied().unwrap_or(0))
    }

    /// Waits until a counter or gauge is at least `least`, and returns it.
    ///
    /// # Errors
    /// When it is less at the deadline.
    pub async fn wait_stat(&self, name: &str, least: u64, deadline: Duration) -> Result<u64> {
        let look = || async { self.stat(name).await.ok().filter(|value| *value >= least) };
        let found = wait::value(deadline, look).await;
        found.map_err(|_| format!("`{name}` is below {least} after {deadline:?}").into())
    }

    /// The ports that its listeners are bound to, by listener name: for listeners on port 0.
    ///
    /// # Errors
    /// When the admin port does not answer.
    pub async fn listener_ports(&self) -> Result<BTreeMap<String, u16>> {
        let listeners = self.admin_get("/listeners?format=json").await?.json()?;
        let statuses = listeners.get("listener_statuses").and_then(serde_json::Value::as_array);
        let port = |status: &serde_json::Value| {
            let name = status.get("name")?.as_str()?.to_owned();
            let port = status.pointer("/local_address/socket_address/port_value")?.as_u64()?;
            Some((name, u16::try_from(port).ok()?))
        };
        Ok(statuses.into_iter().flatten().filter_map(port).collect())
    }

    /// GET from the admin port, any path.
    ///
    /// # Errors
    /// When the answer is not 200.
    pub async fn admin_get(&self, path: &str) -> Result<Response> {
        admin(self.admin, "GET", path).await
    }

    /// POST to the admin port, such as `/logging?wasm=debug`.
    ///
    /// # Errors
    /// When the answer is not 200.
    pub async fn admin_post(&self, path: &str) -> Result<Response> {
        admin(self.admin, "POST", path).await
    }

    /// CPU time so far in clock ticks, user and system, all threads.
    ///
    /// # Errors
    /// When it has ended.
    pub fn cpu_ticks(&self) -> Result<u64> {
        self.process.cpu_ticks()
    }

    /// Resident memory in KiB.
    ///
    /// # Errors
    /// When it has ended.
    pub fn resident_kib(&self) -> Result<u64> {
        self.process.resident_kib()
    }

    /// Its exit status if it has ended: a test of faults looks whether it crashed.
    ///
    /// # Errors
    /// When the system does not say.
    pub fn exited(&mut self) -> Result<Option<ExitStatus>> {
        self.process.exited()
    }

    /// Ends it in good order and waits for the exit.
    ///
    /// # Errors
    /// When it cannot be ended.
    pub async fn stop(&mut self) -> Result<ExitStatus> {
        self.process.stop().await
    }
}

fn command(binary: &Binary, config: &Path, current_dir: Option<&Path>) -> Command {
    let mut command = Command::new(binary.path());
    command.arg("--config-path").arg(config);
    if let Some(folder) = current_dir {
        command.current_dir(folder);
    }
    command
}

/// The lines that say more than that all is well, if there are any.
fn complaints(log: &str) -> String {
    let lines: Vec<&str> = log.lines().filter(|line| !line.contains("[info]")).collect();
    if lines.is_empty() { log.to_owned() } else { lines.join("\n") }
}

/// Waits for the file that names the admin address, then for `/ready`.
async fn live(process: &mut Process, address: &Path) -> Result<SocketAddr> {
    loop {
        if let Some(status) = process.exited()? {
            return Err(format!("it ended with {status}").into());
        }
        let named = std::fs::read_to_string(address).ok();
        if let Some(admin) = named.and_then(|text| text.trim().parse::<SocketAddr>().ok()) {
            let ready = Request::get("localhost", "/ready").send(admin, limits::ADMIN).await;
            if ready.is_ok_and(|response| response.status == 200) {
                return Ok(admin);
            }
        }
        tokio::time::sleep(limits::POLL).await;
    }
}

async fn admin(to: SocketAddr, method: &str, path: &str) -> Result<Response> {
    let request = Request::new(method, path).header("host", "localhost");
    let request = if method == "POST" { request.body("") } else { request };
    let response = request.send(to, limits::ADMIN).await?;
    if response.status == 200 {
        Ok(response)
    } else {
        Err(format!("admin {path}: {} {}", response.status, response.text()).into())
    }
}

#[cfg(test)]
mod tests;
