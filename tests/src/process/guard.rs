//! The shell beside a child process: it waits for a line on a pipe that only we hold. A line means
//! that the child is gone; the end of the pipe means that we are, and it kills the child's group.

use std::io::Write as _;
use std::os::unix::process::CommandExt as _;
use std::process::{Child, ChildStdin, Command, Stdio};

use crate::Result;

/// A guard that is on duty until it is dismissed, or dropped.
#[derive(Debug)]
pub(super) struct Guard {
    shell: Child,
    pipe: Option<ChildStdin>,
}

impl Guard {
    /// Watches the process group `pid`. The guard has a group of its own, so that Ctrl-C in the
    /// terminal reaches us and not it.
    pub(super) fn over(pid: u32) -> Result<Self> {
        let mut shell = Command::new("sh")
            .args(["-c", "read -r _ || kill -s KILL -- \"-$1\"", "sh"])
            .arg(pid.to_string())
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| format!("cannot start sh: {error}"))?;
        let pipe = shell.stdin.take();
        Ok(Self { shell, pipe })
    }

    /// Sends the guard home after the child's exit, so that it kills no later process of that id.
    pub(super) fn dismiss(&mut self) {
        if let Some(mut pipe) = self.pipe.take() {
            // When the guard is gone already, nothing is left to dismiss.
            drop(pipe.write_all(b"\n"));
            drop(pipe);
            drop(self.shell.wait());
        }
    }
}

#[cfg(test)]
impl Guard {
    /// Our end of the pipe.
    pub(super) fn pipe_for_test(&mut self) -> Option<ChildStdin> {
        self.pipe.take()
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        if self.pipe.take().is_some() {
            drop(self.shell.wait());
        }
    }
}

/// Sends a signal to a process group, through the shell's own `kill`.
pub(super) fn signal_group(signal: &str, pid: u32) -> Result<()> {
    let status = Command::new("sh")
        .args(["-c", "kill -s \"$1\" -- \"-$2\"", "sh", signal])
        .arg(pid.to_string())
        .stderr(Stdio::null())
        .status()?;
    if status.success() { Ok(()) } else { Err(format!("no process group {pid}").into()) }
}
