//! Child processes that do not outlive the test: each runs in a process group of its own with a
//! small shell beside it, which kills the group as soon as our end of a pipe closes, whatever
//! ended us. Its output is kept for messages and can be waited for. Nothing is restarted.

use std::collections::VecDeque;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::io::{AsyncBufReadExt as _, AsyncRead, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::watch;

use crate::{Result, limits, locked};

mod guard;
mod usage;

use guard::Guard;

/// A running child process. Dropping it kills it and waits until it is gone.
#[derive(Debug)]
pub struct Process {
    name: String,
    pid: u32,
    child: Child,
    guard: Guard,
    output: Output,
}

#[derive(Debug)]
enum Output {
    Kept(Arc<Mutex<VecDeque<String>>>, watch::Receiver<u64>),
    File(std::path::PathBuf),
}

impl Process {
    /// Starts a command whose output is kept in memory. `name` is for messages.
    ///
    /// # Errors
    /// When the program cannot be started.
    pub fn spawn(name: &str, mut command: Command) -> Result<Self> {
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = start(name, &mut command)?;
        let lines = Arc::new(Mutex::new(VecDeque::new()));
        let (sender, changes) = watch::channel(0);
        let sender = Arc::new(sender);
        if let Some(stdout) = child.stdout.take() {
            tokio::spawn(keep_lines(stdout, Arc::clone(&lines), Arc::clone(&sender)));
        }
        if let Some(stderr) = child.stderr.take() {
            tokio::spawn(keep_lines(stderr, Arc::clone(&lines), sender));
        }
        Self::guarded(name, child, Output::Kept(lines, changes))
    }

    /// Starts a command whose output goes to a file, which is overwritten.
    ///
    /// # Errors
    /// When the file cannot be written or the program cannot be started.
    pub fn spawn_logged(name: &str, mut command: Command, log: &Path) -> Result<Self> {
        let file = std::fs::File::create(log)
            .map_err(|error| format!("cannot write {}: {error}", log.display()))?;
        command.stdout(file.try_clone()?).stderr(file);
        let child = start(name, &mut command)?;
        Self::guarded(name, child, Output::File(log.to_owned()))
    }

    fn guarded(name: &str, child: Child, output: Output) -> Result<Self> {
        let pid = child.id().ok_or_else(|| format!("{name} ended at once"))?;
        let guard = Guard::over(pid)?;
        Ok(Self { name: name.to_owned(), pid, child, guard, output })
    }

    /// The process id, which also is the id of its group.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Waits for a line of output that starts with `prefix`, and returns it. Lines from before
    /// the call count.
    ///
    /// # Errors
    /// When the deadline passes or the output ends before, with the last lines; and when the
    /// output goes to a file.
    pub async fn wait_ready_line(&mut self, prefix: &str, deadline: Duration) -> Result<String> {
        let Output::Kept(lines, changes) = &mut self.output else {
            return Err(format!("the output of {} goes to a file", self.name).into());
        };
        let search = async {
            loop {
                let ended = changes.has_changed().is_err();
                changes.mark_unchanged();
                if let Some(line) = locked(lines).iter().find(|line| line.starts_with(prefix)) {
                    return Some(line.clone());
                }
                if ended || changes.changed().await.is_err() {
                    // The last lines may have come together with the end.
                    return locked(lines).iter().find(|line| line.starts_with(prefix)).cloned();
                }
            }
        };
        let why = match tokio::time::timeout(deadline, search).await {
            Ok(Some(line)) => return Ok(line),
            Ok(None) => "ended",
            Err(_) => "was too slow",
        };
        let tail = self.tail();
        Err(format!("{} {why} before it said `{prefix}`; its last lines:\n{tail}", self.name)
            .into())
    }

    /// The last lines of its output.
    #[must_use]
    pub fn tail(&self) -> String {
        match &self.output {
            Output::Kept(lines, _) => {
                let lines = locked(lines);
                let skip = lines.len().saturating_sub(limits::SHOWN_LINES);
                lines.iter().skip(skip).cloned().collect::<Vec<_>>().join("\n")
            }
            Output::File(path) => match std::fs::read(path) {
                Ok(bytes) => {
                    let text = String::from_utf8_lossy(&bytes).into_owned();
                    let skip = text.lines().count().saturating_sub(limits::SHOWN_LINES);
                    text.lines().skip(skip).collect::<Vec<_>>().join("\n")
                }
                Err(error) => format!("{}: {error}", path.display()),
            },
        }
    }

    /// Its exit status if it has ended.
    ///
    /// # Errors
    /// When the system does not say.
    pub fn exited(&mut self) -> Result<Option<ExitStatus>> {
        Ok(self.child.try_wait()?)
    }

    /// Waits until it ends by itself.
    ///
    /// # Errors
    /// When it has not ended at the deadline.
    pub async fn wait(&mut self, deadline: Duration) -> Result<ExitStatus> {
        match tokio::time::timeout(deadline, self.child.wait()).await {
            Ok(status) => Ok(status?),
            Err(_) => Err(format!("{} did not end within {deadline:?}", self.name).into()),
        }
    }

    /// Asks it to end (SIGTERM), kills its group when it takes too long, and waits for the exit.
    ///
    /// # Errors
    /// When it cannot be signalled or outlives SIGKILL.
    pub async fn stop(&mut self) -> Result<ExitStatus> {
        if let Some(status) = self.exited()? {
            return Ok(status);
        }
        guard::signal_group("TERM", self.pid)?;
        if let Ok(status) = self.wait(limits::GRACE).await {
            return Ok(status);
        }
        self.kill().await
    }

    /// Kills its group at once (SIGKILL) and waits for the exit: a crash, as far as others see.
    ///
    /// # Errors
    /// When it cannot be signalled.
    pub async fn kill(&mut self) -> Result<ExitStatus> {
        if let Some(status) = self.exited()? {
            return Ok(status);
        }
        guard::signal_group("KILL", self.pid)?;
        self.wait(limits::KILLED).await
    }

    /// CPU time used so far in clock ticks (100 a second on Linux), user and system, all threads.
    ///
    /// # Errors
    /// When the process is gone.
    pub fn cpu_ticks(&self) -> Result<u64> {
        usage::cpu_ticks(self.pid)
    }

    /// Resident memory in KiB.
    ///
    /// # Errors
    /// When the process is gone.
    pub fn resident_kib(&self) -> Result<u64> {
        usage::resident_kib(self.pid)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            // Either way of killing is enough, and the guard is a third.
            drop(guard::signal_group("KILL", self.pid));
            drop(self.child.start_kill());
            let give_up = Instant::now().checked_add(limits::KILLED);
            while matches!(self.child.try_wait(), Ok(None))
                && give_up.is_some_and(|at| Instant::now() < at)
            {
                std::thread::sleep(Duration::from_millis(2));
            }
        }
        self.guard.dismiss();
    }
}

fn start(name: &str, command: &mut Command) -> Result<Child> {
    command.stdin(Stdio::null()).process_group(0).kill_on_drop(true);
    command.spawn().map_err(|error| {
        let program = command.as_std().get_program().to_string_lossy().into_owned();
        format!("cannot start {name} (`{program}`): {error}").into()
    })
}

async fn keep_lines(
    from: impl AsyncRead + Unpin,
    lines: Arc<Mutex<VecDeque<String>>>,
    changes: Arc<watch::Sender<u64>>,
) {
    let mut reader = BufReader::new(from);
    let mut line = Vec::new();
    while matches!(reader.read_until(b'\n', &mut line).await, Ok(1..)) {
        let text = String::from_utf8_lossy(&line).trim_end().to_owned();
        line.clear();
        {
            let mut lines = locked(&lines);
            if lines.len() >= limits::KEPT_LINES {
                lines.pop_front();
            }
            lines.push_back(text);
        }
        changes.send_modify(|count| *count = count.saturating_add(1));
    }
}

#[cfg(test)]
mod tests;
