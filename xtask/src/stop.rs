//! Why a command ends early: a message for people and who is to blame, which is the exit code.

use std::io;
use std::process::ExitCode;

/// Ends the command; printed once, by `main`.
#[derive(Debug)]
pub(crate) struct Stop {
    /// What happened and what to do about it.
    pub(crate) message: String,
    blame: Blame,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Blame {
    /// The command line, or a tool this machine lacks.
    Caller,
    /// A build or a run that failed.
    Run,
}

impl Stop {
    /// Wrong use, or something missing on this machine: exit code 2.
    pub(crate) fn usage(message: String) -> Self {
        Self { message, blame: Blame::Caller }
    }

    /// A step failed: exit code 1.
    pub(crate) fn failed(message: String) -> Self {
        Self { message, blame: Blame::Run }
    }

    /// The process's exit code.
    pub(crate) fn code(&self) -> ExitCode {
        match self.blame {
            Blame::Run => ExitCode::from(1),
            Blame::Caller => ExitCode::from(2),
        }
    }
}

impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Self {
        Self::failed(error.to_string())
    }
}
