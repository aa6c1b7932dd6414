//! Runs one target: seeds first, then mutants of whatever reached something new, until the time is up or one is bad.
//! The input under way is always in a file, so that one which kills the process (a stack overflow, an abort) is known.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt;
use std::panic::{self, AssertUnwindSafe};
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};

use crate::bounds::{
    HANG, MAX_CORPUS, MAX_GROWN_BYTES, MAX_INPUT_BYTES, MAX_MEMORY, MAX_STEPS, MAX_TIME,
};
use crate::coverage::Coverage;
use crate::memory;
use crate::mutate::Mutator;
use crate::random::Random;
use crate::targets::Target;

/// What a run did.
#[derive(Debug)]
pub(crate) struct Report {
    pub(crate) runs: u64,
    /// Inputs that the reader accepted: with none, the target tests nothing but refusals.
    pub(crate) accepted: u64,
    pub(crate) corpus: usize,
    pub(crate) edges: usize,
}

/// An input that must not be, and why.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) input: Vec<u8>,
    pub(crate) why: String,
}

/// Why a run ended early.
#[derive(Debug)]
pub(crate) enum Stopped {
    Found(Failure),
    Broken(String),
}

impl From<io::Error> for Stopped {
    fn from(error: io::Error) -> Self {
        Self::Broken(error.to_string())
    }
}

/// Runs the target for a time.
pub(crate) fn run(
    target: &Target,
    seconds: u64,
    seed: u64,
    current: &Path,
) -> Result<Report, Stopped> {
    let watch = Watch::start(current)?;
    let mut random = Random::new(seed, target.name);
    let seeds = (target.seeds)().map_err(Stopped::Broken)?;
    let mut mutator = Mutator::new(&seeds, (target.words)());
    let mut coverage = Coverage::new();
    let mut report = Report { runs: 0, accepted: 0, corpus: 0, edges: 0 };
    let mut corpus = Corpus::default();
    for input in &seeds {
        coverage.reset();
        let accepted = one(target, input, &watch).map_err(Stopped::Found)?;
        report.runs += 1;
        report.accepted += u64::from(accepted);
        coverage.is_new();
        corpus.push(input.clone(), accepted);
    }
    if report.accepted == 0 {
        return Err(Stopped::Broken("no seed is accepted: the target tests nothing".to_owned()));
    }
    let end = Instant::now() + Duration::from_secs(seconds);
    while Instant::now() < end {
        let mut input = corpus.pick(&mut random);
        let longest = input.len().clamp(MAX_GROWN_BYTES, MAX_INPUT_BYTES);
        let other = corpus.pick(&mut random);
        // Mostly one step: a text that is far from a good one is refused early.
        let steps = random.below(MAX_STEPS) + 1;
        for _ in 0..=random.below(steps) {
            input = (target.mutate)(&mut mutator, &mut random, &input, &other);
        }
        input.truncate(longest);
        coverage.reset();
        let accepted = one(target, &input, &watch).map_err(Stopped::Found)?;
        report.runs += 1;
        report.accepted += u64::from(accepted);
        if coverage.is_new() && target.grows && corpus.all.len() < MAX_CORPUS {
            corpus.push(input, accepted);
        }
    }
    report.corpus = corpus.all.len();
    report.edges = coverage.edges();
    Ok(report)
}

/// Runs one input alone.
pub(crate) fn replay(target: &Target, input: &[u8], current: &Path) -> Result<bool, Stopped> {
    let watch = Watch::start(current)?;
    one(target, input, &watch).map_err(Stopped::Found)
}

/// Inputs that reached something new.
#[derive(Default)]
struct Corpus {
    all: Vec<Vec<u8>>,
    /// Places of those that were accepted: a mutant of a refused one is seldom accepted again.
    accepted: Vec<usize>,
}

impl Corpus {
    fn push(&mut self, input: Vec<u8>, accepted: bool) {
        if accepted {
            self.accepted.push(self.all.len());
        }
        self.all.push(input);
    }

    /// An accepted one, one of those that came last, which lead on, or any.
    fn pick(&self, random: &mut Random) -> Vec<u8> {
        let length = self.all.len();
        let place = match random.below(4) {
            0 | 1 => random.pick(&self.accepted).copied().unwrap_or(0),
            2 => length - 1 - random.below(length.div_ceil(8)),
            _ => random.below(length),
        };
        self.all.get(place).cloned().unwrap_or_default()
    }
}

fn one(target: &Target, input: &[u8], watch: &Watch) -> Result<bool, Failure> {
    let failure = |why: String| Failure { input: input.to_vec(), why };
    watch.begin(input).map_err(|error| failure(error.to_string()))?;
    let memory = memory::start();
    let started = Instant::now();
    let outcome = panic::catch_unwind(AssertUnwindSafe(|| (target.run)(input)));
    let (time, memory) = (started.elapsed(), memory::peak_since(memory));
    watch.end();
    let accepted = match outcome {
        Ok(Ok(accepted)) => accepted,
        Ok(Err(why)) => return Err(failure(why)),
        Err(_) => return Err(failure(format!("panic: {}", last_panic()))),
    };
    if time > MAX_TIME {
        return Err(failure(format!("it took {:.1} s", time.as_secs_f64())));
    }
    if memory > MAX_MEMORY {
        return Err(failure(format!("it took {} MiB", memory / 1024 / 1024)));
    }
    Ok(accepted)
}

static LAST_PANIC: Mutex<String> = Mutex::new(String::new());

/// Keeps what a panic says instead of printing it.
pub(crate) fn keep_panics() {
    panic::set_hook(Box::new(|info| {
        if let Ok(mut last) = LAST_PANIC.lock() {
            *last = info.to_string();
        }
    }));
}

fn last_panic() -> String {
    LAST_PANIC.lock().map(|last| last.clone()).unwrap_or_default()
}

/// Milliseconds since the process began at which the input under way began; 0: none is.
static BEGAN: AtomicU64 = AtomicU64::new(0);

/// Keeps the input under way, and ends the process when it hangs.
struct Watch {
    file: File,
    origin: Instant,
}

/// The exit code of a process whose input hung; the parent reads the input from the file.
pub(crate) const HUNG: i32 = 3;

impl Watch {
    fn start(current: &Path) -> io::Result<Self> {
        let file = File::create(current)?;
        let origin = Instant::now();
        thread::spawn(move || {
            loop {
                thread::sleep(Duration::from_secs(1));
                let began = BEGAN.load(Relaxed);
                let hung = began != 0 && origin.elapsed() > Duration::from_millis(began) + HANG;
                if hung {
                    std::process::exit(HUNG);
                }
            }
        });
        Ok(Self { file, origin })
    }

    fn begin(&self, input: &[u8]) -> io::Result<()> {
        let length = u64::try_from(input.len()).unwrap_or(0).to_le_bytes();
        self.file.write_all_at(&[length.as_slice(), input].concat(), 0)?;
        let now = u64::try_from(self.origin.elapsed().as_millis()).unwrap_or(0);
        BEGAN.store(now.saturating_add(1), Relaxed);
        Ok(())
    }

    fn end(&self) {
        BEGAN.store(0, Relaxed);
    }
}

/// The input that a process died of.
pub(crate) fn last_input(current: &Path) -> io::Result<Vec<u8>> {
    let bytes = fs::read(current)?;
    let (length, rest) = bytes.split_first_chunk::<8>().ok_or(io::ErrorKind::UnexpectedEof)?;
    let length = usize::try_from(u64::from_le_bytes(*length)).unwrap_or(usize::MAX);
    Ok(rest.get(..length).unwrap_or(rest).to_vec())
}
