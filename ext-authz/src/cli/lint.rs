//! `sallyport lint`: load errors and warnings of a policy file. Exit code 1 for any error, 0 for warnings alone,
//! 2 for a file that cannot be read.

use std::io::Write as _;
use std::process::ExitCode;

use sallyport_policy::{Level, Problem};

use super::PolicyArgument;
use super::failure::{Failure, shown};
use super::policy_file::PolicyFile;

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    policy: PolicyArgument,
    /// Print one JSON object a line: level, path, message, fix.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(arguments: &Arguments) -> Result<ExitCode, Failure> {
    let file = PolicyFile::read(&arguments.policy.policy);
    let problems = match file.and_then(|file| file.compile()) {
        Ok((_, warnings)) => warnings,
        Err(Failure::Policy(problems)) => problems,
        Err(failure) => return Err(failure),
    };
    let mut out = std::io::stdout().lock();
    for problem in &problems {
        if arguments.json {
            writeln!(out, "{}", line(problem))?;
        } else {
            writeln!(out, "{}", shown(problem))?;
        }
    }
    let errors = problems.iter().any(|problem| problem.level == Level::Error);
    Ok(if errors { ExitCode::from(1) } else { ExitCode::SUCCESS })
}

fn line(problem: &Problem) -> String {
    serde_json::to_string(problem).unwrap_or_default()
}
