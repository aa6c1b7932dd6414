//! Runs one command, shows on standard error that it is alive, and keeps what it said.
//!
//! On a terminal one line is redrawn with the elapsed seconds and the command's latest line;
//! elsewhere a line appears at the start, every half minute and at the end. Standard output is
//! never written: with `--json` it belongs to the program that we start last.

use std::io::{self, BufRead, BufReader, IsTerminal, PipeReader, Write};
use std::process::{Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

const TICK: Duration = Duration::from_millis(500);
const REPORT_EVERY: Duration = Duration::from_secs(30);
/// Columns of the redrawn line, so that it does not wrap on a terminal of 80.
const WIDTH: usize = 79;

/// How a watched command ended.
pub(crate) struct Outcome {
    /// It exited with code 0.
    pub(crate) success: bool,
    /// Its standard output and standard error, in the order of writing.
    pub(crate) output: String,
}

/// A line for people, on standard error. A closed standard error is no reason to stop.
pub(crate) fn say(line: &str) {
    writeln!(io::stderr(), "{line}").ok();
}

/// Runs `command` to its end under the name `label`. The error is that it could not be started.
pub(crate) fn watch(label: &str, mut command: Command) -> io::Result<Outcome> {
    let mut line = Line::start(label);
    let (reader, writer) = io::pipe()?;
    command.stdin(Stdio::null()).stdout(writer.try_clone()?).stderr(writer);
    let mut child = command.spawn()?;
    // The command holds the pipe's writing end; while it does, the reader sees no end.
    drop(command);

    let lines = read_in_background(reader);
    let mut output = String::new();
    loop {
        match lines.recv_timeout(TICK) {
            Ok(text) => {
                output.push_str(&text);
                line.draw(&text);
            }
            Err(RecvTimeoutError::Disconnected) => break,
            // A process that outlives the command may hold the pipe open: do not wait for it.
            Err(RecvTimeoutError::Timeout) if child.try_wait()?.is_some() => break,
            Err(RecvTimeoutError::Timeout) => line.draw(""),
        }
    }
    let success = child.wait()?.success();
    line.clear();
    Ok(Outcome { success, output })
}

/// Lines as they come, each with its end; bytes that are not UTF-8 are replaced.
fn read_in_background(reader: PipeReader) -> mpsc::Receiver<String> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let mut reader = BufReader::new(reader);
        let mut bytes = Vec::new();
        while matches!(reader.read_until(b'\n', &mut bytes), Ok(1..)) {
            if sender.send(String::from_utf8_lossy(&bytes).into_owned()).is_err() {
                break;
            }
            bytes.clear();
        }
    });
    receiver
}

struct Line<'a> {
    label: &'a str,
    started: Instant,
    drawn: Instant,
    latest: String,
    terminal: bool,
}

impl<'a> Line<'a> {
    fn start(label: &'a str) -> Self {
        let now = Instant::now();
        let terminal = io::stderr().is_terminal();
        let line = Self { label, started: now, drawn: now, latest: String::new(), terminal };
        if terminal {
            line.redraw();
        } else {
            say(&format!("{label} ..."));
        }
        line
    }

    fn draw(&mut self, text: &str) {
        let text = text.trim();
        if !text.is_empty() {
            text.clone_into(&mut self.latest);
        }
        let pause = if self.terminal { TICK } else { REPORT_EVERY };
        if self.drawn.elapsed() < pause {
            return;
        }
        self.drawn = Instant::now();
        if self.terminal {
            self.redraw();
        } else {
            say(&self.text());
        }
    }

    fn text(&self) -> String {
        let text =
            format!("{}: {} s  {}", self.label, self.started.elapsed().as_secs(), self.latest);
        text.chars().filter(|c| !c.is_control()).take(WIDTH).collect()
    }

    fn redraw(&self) {
        write!(io::stderr(), "\r\x1b[K{}", self.text()).ok();
    }

    fn clear(&self) {
        if self.terminal {
            write!(io::stderr(), "\r\x1b[K").ok();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_streams_and_the_exit_code_are_kept() {
        let mut command = Command::new("sh");
        command.args(["-c", "echo out; echo err >&2; printf tail; exit 3"]);
        let outcome = watch("sh", command).unwrap();
        assert!(!outcome.success);
        assert_eq!(outcome.output, "out\nerr\ntail");
    }

    #[test]
    fn a_command_that_does_not_exist_is_an_error() {
        assert!(watch("nothing", Command::new("./no-such-program")).is_err());
    }
}
