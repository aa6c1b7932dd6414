//! Runs targets, two at a time and each in a process of its own; tells what each did, and keeps the inputs that failed
//! with the command that runs them again.

use std::fs;
use std::hash::{DefaultHasher, Hasher};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};

use crate::bounds::GRACE;
use crate::command::Plan;
use crate::engine::{self, Failure, Stopped};
use crate::seeds;
use crate::targets::{self, ALL, Target};

/// Processes at a time.
const JOBS: usize = 2;
/// A process ended as it should, with a finding that it has told.
const FOUND: u8 = 1;

/// Shows the targets.
pub(crate) fn list() -> Result<ExitCode, String> {
    for target in ALL {
        say(&format!("{:10} {}", target.name, target.about));
    }
    Ok(ExitCode::SUCCESS)
}

/// Runs the plan: exit code 1 if anything was found.
pub(crate) fn run(plan: &Plan) -> Result<ExitCode, String> {
    let next = AtomicUsize::new(0);
    let failed = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..JOBS {
            scope.spawn(|| {
                while let Some(target) = plan.targets.get(next.fetch_add(1, Relaxed)) {
                    if let Err(message) = in_process(target, plan) {
                        say(&format!("{}: failed: {message}", target.name));
                        failed.fetch_add(1, Relaxed);
                    }
                }
            });
        }
    });
    let failed = failed.load(Relaxed);
    // In libtest's words, which xtask counts.
    let (word, passed) = (if failed == 0 { "ok" } else { "FAILED" }, plan.targets.len() - failed);
    say(&format!(
        "test result: {word}. {passed} passed; {failed} failed; 0 ignored; seed {}",
        plan.seed
    ));
    Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::from(FOUND) })
}

fn in_process(target: &Target, plan: &Plan) -> Result<(), String> {
    let program = std::env::current_exe().map_err(|error| error.to_string())?;
    let mut command = Command::new(program);
    command.args([
        target.name,
        "--alone",
        "--seconds",
        &plan.seconds.to_string(),
        "--seed",
        &plan.seed.to_string(),
    ]);
    let mut child = command.stdin(Stdio::null()).spawn().map_err(|error| error.to_string())?;
    let current = current(target, child.id());
    let code = wait(&mut child, Duration::from_secs(plan.seconds) + GRACE)
        .map_err(|error| error.to_string())?;
    match code {
        Some(0) => Ok(()),
        Some(code) if code == i32::from(FOUND) => Err("see above".to_owned()),
        // It died, or it hung: of the input that it was at.
        other => {
            let why = match other {
                Some(engine::HUNG) => "an input hangs".to_owned(),
                Some(code) => format!("the process ended with code {code}"),
                None => {
                    "the process was killed: a stack overflow, an abort, or too slow".to_owned()
                }
            };
            let input = engine::last_input(&current)
                .map_err(|error| format!("{why}; its input is lost: {error}"))?;
            fs::remove_file(&current).map_err(|error| error.to_string())?;
            Err(keep(target, &Failure { input, why })?)
        }
    }
}

/// The exit code; none: it was killed, perhaps by us after this time.
fn wait(child: &mut Child, most: Duration) -> io::Result<Option<i32>> {
    let end = Instant::now() + most;
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(status.code());
        }
        if Instant::now() > end {
            child.kill()?;
        }
        thread::sleep(Duration::from_millis(50));
    }
}

/// Runs one target in this process.
pub(crate) fn one(target: &Target, seconds: u64, seed: u64) -> Result<ExitCode, String> {
    engine::keep_panics();
    let started = Instant::now();
    let current = current(target, std::process::id());
    let result = engine::run(target, seconds, seed, &current);
    fs::remove_file(&current).ok();
    match result {
        Ok(report) => {
            let rate = report.runs / started.elapsed().as_secs().max(1);
            say(&format!(
                "{}: {} runs, {rate} a second, {} accepted, {} inputs kept, {} edges, seed {seed}",
                target.name, report.runs, report.accepted, report.corpus, report.edges
            ));
            Ok(ExitCode::SUCCESS)
        }
        Err(stopped) => tell(target, stopped),
    }
}

/// Runs an input that was kept; its target is the first word of its name.
pub(crate) fn replay(file: &Path) -> Result<ExitCode, String> {
    let name = file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let word = name.split(['-', '.']).next().unwrap_or_default();
    let target = targets::named(word)
        .ok_or_else(|| format!("`{name}` does not begin with the name of a target"))?;
    let input = fs::read(file).map_err(|error| format!("{}: {error}", file.display()))?;
    say(&format!("{}: {} bytes: {}", target.name, input.len(), input.escape_ascii()));
    engine::keep_panics();
    let current = current(target, std::process::id());
    let result = engine::replay(target, &input, &current);
    fs::remove_file(&current).ok();
    match result {
        Ok(accepted) => {
            say(if accepted { "accepted, as it may be" } else { "refused, as it may be" });
            Ok(ExitCode::SUCCESS)
        }
        Err(Stopped::Found(failure)) => Err(format!("failed: {}", failure.why)),
        Err(Stopped::Broken(message)) => Err(message),
    }
}

fn tell(target: &Target, stopped: Stopped) -> Result<ExitCode, String> {
    match stopped {
        Stopped::Found(failure) => {
            say(&format!("{}: {}", target.name, keep(target, &failure)?));
            Ok(ExitCode::from(FOUND))
        }
        Stopped::Broken(message) => Err(format!("{}: {message}", target.name)),
    }
}

/// Keeps the input, and gives what to tell of it.
fn keep(target: &Target, failure: &Failure) -> Result<String, String> {
    let mut hasher = DefaultHasher::new();
    hasher.write(&failure.input);
    let name = format!("fuzz/failures/{}-{:016x}", target.name, hasher.finish());
    let path = seeds::root().join(&name);
    let written = fs::create_dir_all(seeds::root().join("fuzz/failures"))
        .and_then(|()| fs::write(&path, &failure.input));
    written.map_err(|error| format!("{}: {error}", path.display()))?;
    Ok(format!(
        "{}\n  {} bytes in {name}; again: cargo xtask fuzz --replay {name}",
        failure.why,
        failure.input.len()
    ))
}

/// Where a process keeps the input that it is at.
fn current(target: &Target, process: u32) -> PathBuf {
    std::env::temp_dir().join(format!("sallyport-fuzz-{}-{process}", target.name))
}

/// A line for people; a closed standard output is no reason to stop.
fn say(line: &str) {
    writeln!(io::stdout(), "{line}").ok();
}
