//! P11: how large the filter is, and how much memory each worker of Envoy needs for it once it
//! has seen a thousand tokens. Envoy has no figure for that, so the system is asked: what the
//! process grows by for each worker more, and, inside of that, the linear memories of the workers'
//! VMs. The peers are the goals of DESIGN section 5; nothing is compared with another filter.

use std::time::{Duration, Instant};

use super::bootstrap::{self, Modules, Rung};
use super::decision::{GOAL_LOAD_MS, MILLISECONDS};
use super::figure::{BYTES, Figure, MEGABYTES};
use super::load::{Load, Width};
use super::policy::{PROBE, Rules};
use super::scale::Scale;
use super::{Plan, Setup, probe};
use crate::envoy::{Envoy, Options};
use crate::folder::Folder;
use crate::idp::{Alg, Idp};
use crate::{Result, limits, wait};

/// DESIGN section 5: 1.0 MB of wasm.
const GOAL_BYTES: f64 = 1_000_000.0;
/// DESIGN section 5: 8 MB for each worker.
const GOAL_MEGABYTES: f64 = 8.0;
/// The goal: 64 MB for the large policy.
const GOAL_SCALE_MEGABYTES: f64 = 64.0;
/// Workers of the smaller and of the larger Envoy. What both have once, such as the compiled code,
/// is no part of the difference.
const WORKERS: [u32; 2] = [1, 5];
/// Tokens that every worker has to have seen. The number of connections does not divide it, so that
/// each worker gets all of them in time.
const TOKENS: u64 = 1000;
const WIDTH: Width = Width { tokens: 1000, connections: 37 };
/// Look-ups that found nothing, of all workers.
const MISSES: &str = "wasmcustom.sallyport.token_cache.miss";
/// What all workers remember.
const ENTRIES: &str = "wasmcustom.sallyport.token_cache.entries";
/// Most times that a second of load is given; measured: 2 to 4 are enough for five workers.
const LOADS: u32 = 30;
/// The filter hands its counters over once a second.
const COUNTED: Duration = Duration::from_millis(1_200);
/// Times that the large policy is loaded in Envoy, at least.
const LEAST_LOADS: u32 = 3;
/// The smallest part of the address space that V8 keeps free for a 32-bit linear memory.
const RESERVED_KIB: u64 = 4 << 20;

/// What one Envoy needs.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Resident {
    /// The whole process, KiB.
    process: f64,
    /// The mean of the workers' linear memories, KiB.
    linear: f64,
    /// Tokens that each worker remembers.
    tokens: u64,
}

pub(super) async fn measure(setup: &Setup, say: &mut dyn FnMut(&str)) -> Result<Vec<Figure>> {
    let bytes = u32::try_from(std::fs::metadata(&setup.wasm)?.len())?;
    let mut growth = Vec::new();
    let mut linear = Vec::new();
    let Plan { processes, .. } = setup.plan;
    for round in 1..=processes {
        say(&format!("memory, round {round} of {processes}"));
        let [few, many] = WORKERS;
        let (small, large) = (resident(setup, few).await?, resident(setup, many).await?);
        if large.tokens < TOKENS {
            say(&format!("a worker remembers {} of the {TOKENS} tokens it has seen", large.tokens));
        }
        let more = f64::from(many.saturating_sub(few));
        growth.push(megabytes((large.process - small.process) / more));
        linear.push(megabytes(large.linear));
    }
    Ok(vec![
        Figure::to_goal("P11 wasm", BYTES, GOAL_BYTES, &[f64::from(bytes)])?,
        Figure::to_goal("P11 memory after 1000 tokens", MEGABYTES, GOAL_MEGABYTES, &growth)?,
        Figure::to_goal("P11 linear memory of it", MEGABYTES, GOAL_MEGABYTES, &linear)?,
    ])
}

/// P9: what the filter needs for the large policy, and how long it takes from the moment that a running Envoy is given
/// that to the first answer by it; the same with a filter that does nothing, which is Envoy's own part.
pub(super) async fn measure_scale(setup: &Setup, say: &mut dyn FnMut(&str)) -> Result<Vec<Figure>> {
    let mut memory = Vec::new();
    let mut milliseconds = Vec::new();
    let mut sides = Vec::new();
    let Plan { processes, .. } = setup.plan;
    let rounds = processes.max(LEAST_LOADS);
    for round in 1..=rounds {
        say(&format!("loading a large policy in Envoy, round {round} of {rounds}"));
        let ours = pushed(setup, Rung::OursScale).await?;
        let nothing = pushed(setup, Rung::NothingScale).await?;
        memory.push(megabytes(ours.linear));
        milliseconds.push(ours.milliseconds);
        sides.push((ours.milliseconds, nothing.milliseconds));
    }
    Ok(vec![
        Figure::to_goal("P9 load in Envoy", MILLISECONDS, GOAL_LOAD_MS, &milliseconds)?,
        Figure::less_is_better("P9 load over a filter with nothing", MILLISECONDS, &sides)?,
        Figure::to_goal("P9 linear memory", MEGABYTES, GOAL_SCALE_MEGABYTES, &memory)?,
    ])
}

/// An Envoy that answers by a policy.
struct Loaded {
    /// From the policy's coming to the first answer.
    milliseconds: f64,
    /// The linear memory of its worker, KiB.
    linear: f64,
}

/// An Envoy with the small policy is given the large one too. Compiling the module, which takes V8 seconds and has nothing
/// to do with the policy, is over by then.
async fn pushed(setup: &Setup, rung: fn(Scale) -> Rung) -> Result<Loaded> {
    let [small, large] = [rung(Scale::SMALL), rung(Scale::LARGE)];
    let idp = Idp::start(0).await?;
    let modules = Modules { ours: &setup.wasm, nothing: &setup.nothing };
    let folder = Folder::create("push")?;
    let watched = folder.write("lds.json", &bootstrap::render_push(&[small], &idp, modules)?)?;
    let next = folder.write("next", &bootstrap::render_push(&[small, large], &idp, modules)?)?;
    let options = Options { concurrency: 1, log_level: "warning".to_owned(), ..Options::default() };
    let config = bootstrap::render_pushed(&watched, &idp);
    let mut envoy = Envoy::start(&setup.binary, &config, options).await?;
    answers(&envoy, small).await?;
    let started = Instant::now();
    std::fs::rename(next, &watched)?;
    answers(&envoy, large).await?;
    let milliseconds = started.elapsed().as_secs_f64() * 1e3;
    let memories =
        linear_memories(&std::fs::read_to_string(format!("/proc/{}/smaps", envoy.pid()))?);
    let linear = mean_of_largest(memories, 1).ok_or("the worker has no linear memory")?;
    envoy.stop().await?;
    idp.stop().await?;
    Ok(Loaded { milliseconds, linear })
}

/// Waits for a listener, and for its worker's first answer.
async fn answers(envoy: &Envoy, rung: Rung) -> Result<()> {
    let port = wait::value(limits::ENVOY_READY, || async {
        envoy.listener_ports().await.ok()?.get(rung.listener()).copied()
    });
    probe::unproved(port.await?, rung).await
}

fn megabytes(kib: f64) -> f64 {
    kib * 1024.0 / 1e6
}

/// Starts an Envoy, has each of its workers remember all tokens, and looks at it.
async fn resident(setup: &Setup, workers: u32) -> Result<Resident> {
    let rung = Rung::OursFull(Rules::Ten);
    let idp = Idp::start(0).await?;
    let load = Load::mint(&idp, Alg::Rs256, rung.crowd(), WIDTH)?;
    let modules = Modules { ours: &setup.wasm, nothing: &setup.nothing };
    let config = bootstrap::render(&[rung], &idp, modules)?;
    let options =
        Options { concurrency: workers, log_level: "warning".to_owned(), ..Options::default() };
    let mut envoy = Envoy::start(&setup.binary, &config, options).await?;
    let port = envoy.listener_ports().await?.get(rung.listener()).copied();
    let port = port.ok_or("Envoy does not listen")?;
    // The keys are here once this is answered.
    let first = idp.access_token(|_| {})?;
    probe::allowed(port, PROBE, &first).await?;
    let tokens = fill(&envoy, &load, port, workers).await?;
    let memories =
        linear_memories(&std::fs::read_to_string(format!("/proc/{}/smaps", envoy.pid()))?);
    let resident = Resident {
        process: f64::from(u32::try_from(envoy.resident_kib()?)?),
        linear: mean_of_largest(memories, workers).ok_or("not every worker has a linear memory")?,
        tokens,
    };
    envoy.stop().await?;
    idp.stop().await?;
    Ok(resident)
}

/// Loads until every worker has seen every token, and a while longer. Returns how many tokens a worker
/// remembers then: fewer where the filter's bounds do not let it keep all.
async fn fill(envoy: &Envoy, load: &Load, port: u16, workers: u32) -> Result<u64> {
    let least = u64::from(workers).saturating_mul(TOKENS);
    for _ in 0..LOADS {
        load.run(envoy, port, 1).await?;
        if envoy.wait_stat(MISSES, least, COUNTED).await.is_ok() {
            load.run(envoy, port, 1).await?;
            let remembered = envoy.wait_stat(ENTRIES, 1, COUNTED).await?;
            return Ok(remembered.checked_div(u64::from(workers)).unwrap_or(0));
        }
    }
    Err(format!("after {LOADS} loads not every worker has seen every token").into())
}

/// Resident KiB of each linear memory in a process, by proc(5) `smaps`: V8 keeps at least 4 GiB of
/// addresses for one, of which all but the memory itself is out of bounds.
fn linear_memories(smaps: &str) -> Vec<u64> {
    let mut found = Vec::new();
    let mut writable: Option<Mapping<'_>> = None;
    let mut lines = smaps.lines().peekable();
    while let Some(line) = lines.next() {
        let Some(mut mapping) = Mapping::read(line) else { continue };
        while let Some(field) = lines.next_if(|line| Mapping::read(line).is_none()) {
            let rest = field.strip_prefix("Rss:").and_then(|rest| rest.trim().strip_suffix(" kB"));
            mapping.resident = rest.and_then(|kib| kib.parse().ok()).unwrap_or(mapping.resident);
        }
        let before = writable.take().filter(|before| before.to == mapping.from);
        match (mapping.access, before) {
            ("---p", Some(before))
                if mapping.kib().saturating_add(before.kib()) >= RESERVED_KIB =>
            {
                found.push(before.resident);
            }
            ("rw-p", _) => writable = Some(mapping),
            _ => {}
        }
    }
    found
}

#[derive(Debug, Clone, Copy)]
struct Mapping<'a> {
    from: u64,
    to: u64,
    access: &'a str,
    resident: u64,
}

impl<'a> Mapping<'a> {
    /// The first line of a mapping: `FROM-TO ACCESS ...`.
    fn read(line: &'a str) -> Option<Self> {
        let (range, rest) = line.split_once(' ')?;
        let (from, to) = range.split_once('-')?;
        let number = |text| u64::from_str_radix(text, 16).ok();
        let access = rest.split(' ').next()?;
        Some(Self { from: number(from)?, to: number(to)?, access, resident: 0 })
    }

    fn kib(&self) -> u64 {
        self.to.saturating_sub(self.from) >> 10
    }
}

/// The main thread has VMs too, but no requests, so theirs are the smallest.
fn mean_of_largest(mut memories: Vec<u64>, workers: u32) -> Option<f64> {
    memories.sort_unstable_by(|a, b| b.cmp(a));
    let largest = memories.get(..usize::try_from(workers).ok()?)?;
    let sum = u32::try_from(largest.iter().sum::<u64>()).ok()?;
    (workers > 0).then(|| f64::from(sum) / f64::from(workers))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMAPS: &str = "\
100000000-100110000 rw-p 00000000 00:00 0
Size:               1088 kB
Rss:                 300 kB
100110000-300000000 ---p 00000000 00:00 0
Size:            8387520 kB
Rss:                   0 kB
400000000-400110000 rw-p 00000000 00:00 0
Rss:                 200 kB
500000000-800000000 ---p 00000000 00:00 0
Rss:                   0 kB
900000000-900110000 rw-p 00000000 00:00 0
Rss:                 100 kB
900110000-900210000 ---p 00000000 00:00 0
Rss:                   0 kB
a00000000-a00110000 rw-p 00000000 00:00 0                   [heap]
Rss:                  50 kB
a00110000-c00000000 ---p 00000000 00:00 0
VmFlags: mr mw me
";

    #[test]
    fn a_linear_memory_is_what_4_gib_are_kept_for() {
        assert_eq!(linear_memories(SMAPS), [300, 50]);
        assert_eq!(linear_memories(""), Vec::<u64>::new());
    }

    const MEANS: &[(&str, &[u64], u32, Option<f64>)] = &[
        ("one of three", &[10, 300, 12], 1, Some(300.0)),
        ("two of three", &[10, 300, 200], 2, Some(250.0)),
        ("too few", &[10], 2, None),
        ("none asked", &[10], 0, None),
    ];

    #[test]
    fn the_mean_is_of_the_workers() {
        for (name, memories, workers, expected) in MEANS {
            assert_eq!(mean_of_largest(memories.to_vec(), *workers), *expected, "{name}");
        }
    }
}
