//! A scenario's files in a folder of the run: copied whole, with ports and run-time paths moved.

use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};

use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

use crate::folder::Folder;
use crate::ports::Ports;
use crate::{Result, limits, parts};

/// Where the shipped files put sockets and exports.
const SHIPPED_RUN: &str = "/tmp/sallyport-quickstart";

/// The copied files.
#[derive(Debug)]
pub(super) struct Files {
    scenario: PathBuf,
    run: PathBuf,
    _folder: Folder,
}

impl Files {
    /// Copies the quickstart, and over it the files of `policy`.
    pub(super) fn copy(ports: &Ports, policy: Option<&Path>) -> Result<Self> {
        let folder = Folder::create("stage")?;
        let (scenario, run) = (folder.path().join("scenario"), folder.path().join("run"));
        std::fs::create_dir(&run)?;
        let files = Self { scenario, run, _folder: folder };
        files.copy_folder(&parts::root().join("envoy/quickstart"), &files.scenario, ports)?;
        if let Some(policy) = policy {
            files.copy_folder(policy, &files.scenario, ports)?;
        }
        Ok(files)
    }

    fn copy_folder(&self, from: &Path, to: &Path, ports: &Ports) -> Result<()> {
        std::fs::create_dir_all(to)?;
        let entries =
            std::fs::read_dir(from).map_err(|error| format!("{}: {error}", from.display()))?;
        for entry in entries {
            let entry = entry?;
            let target = to.join(entry.file_name());
            if entry.file_type()?.is_dir() {
                self.copy_folder(&entry.path(), &target, ports)?;
                continue;
            }
            let bytes = std::fs::read(entry.path())?;
            match String::from_utf8(bytes) {
                Ok(text) => std::fs::write(&target, self.moved(&text, ports))?,
                Err(error) => std::fs::write(&target, error.into_bytes())?,
            }
        }
        Ok(())
    }

    fn moved(&self, text: &str, ports: &Ports) -> String {
        ports.apply(&text.replace(SHIPPED_RUN, &self.run.to_string_lossy()))
    }

    /// What `sallyport render` writes for the scenario's policy, at this run's ports.
    pub(super) async fn rendered(&self, sallyport: &Path, ports: &Ports) -> Result<String> {
        let arguments = ["render", "envoy", "--policy", "policy.yaml", "--topology", "all"];
        let output = run(sallyport, &arguments, "", &self.scenario).await?;
        if !output.status.success() {
            return Err(format!("render: {}", String::from_utf8_lossy(&output.stderr)).into());
        }
        Ok(self.moved(&String::from_utf8(output.stdout)?, ports))
    }

    /// The scenario's folder.
    pub(super) fn scenario(&self) -> &Path {
        &self.scenario
    }

    /// The folder of sockets and exports.
    pub(super) fn run(&self) -> &Path {
        &self.run
    }

    /// A file of the scenario.
    pub(super) fn text(&self, name: &str) -> Result<String> {
        let path = self.scenario.join(name);
        std::fs::read_to_string(&path)
            .map_err(|error| format!("{}: {error}", path.display()).into())
    }
}

/// Runs a program to its end with an input.
pub(crate) async fn run(
    program: &Path,
    arguments: &[&str],
    input: &str,
    folder: &Path,
) -> Result<Output> {
    let mut command = Command::new(program);
    command.args(arguments).current_dir(folder).kill_on_drop(true);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(|error| format!("{}: {error}", program.display()))?;
    let stdin = child.stdin.take();
    let feed = async {
        if let Some(mut stdin) = stdin {
            // A program that refuses its arguments reads nothing.
            drop(stdin.write_all(input.as_bytes()).await);
        }
    };
    let whole = async { tokio::join!(feed, child.wait_with_output()).1 };
    match tokio::time::timeout(limits::COMMAND, whole).await {
        Ok(output) => Ok(output?),
        Err(_) => Err(format!("`{}` did not end", program.display()).into()),
    }
}
