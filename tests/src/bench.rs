//! The benches: our filter and Envoy's own filters under the same load in one Envoy process, round
//! by round in turn, so that whatever disturbs the machine disturbs both. Throughput comes from
//! wrk, CPU time from Envoy's own process, memory from what the system says of it. Nothing is asserted here beyond that both sides really
//! do the work; whether a ratio is good enough is for whoever reads it. Called by the bench program.

use std::path::PathBuf;
use std::str::FromStr;

use crate::Result;
use crate::envoy::{Binary, Envoy, Options};
use crate::idp::{Alg, Idp};

mod bootstrap;
mod comparison;
mod decision;
mod figure;
mod footprint;
mod load;
mod policy;
mod probe;
mod scale;

pub use figure::Figure;

use bootstrap::{Modules, Rung};
use comparison::{COMPARISONS, Comparison};
use load::{Crowd, Load, Sample};

/// What can be measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Measure {
    /// Every token is verified anew, against native jwt_authn with its cache off.
    ColdVerify,
    /// Rules with scope, claim and three identity headers on known tokens, against native jwt_authn
    /// with its cache on, claim_to_headers and rbac; without the headers, against a wasm filter
    /// that does nothing.
    WarmPolicy,
    /// Known tokens and no rules, against native jwt_authn as it is shipped.
    WarmToken,
    /// A decision with ten thousand routes, a thousand issuers and a hundred thousand bindings, against
    /// ten, one and ten; how long such a policy takes to load, and the memory that it takes.
    Scale,
    /// The size of the filter, and the memory that a worker needs for it, against their goals.
    Footprint,
}

impl Measure {
    /// All that exist.
    pub const ALL: &[Self] =
        &[Self::ColdVerify, Self::WarmPolicy, Self::WarmToken, Self::Scale, Self::Footprint];

    /// The name in DESIGN section 5.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::ColdVerify => "P1",
            Self::WarmPolicy => "P2",
            Self::WarmToken => "P3",
            Self::Scale => "P9",
            Self::Footprint => "P11",
        }
    }
}

impl FromStr for Measure {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.iter().find(|measure| measure.name() == text);
        found.copied().ok_or_else(|| {
            let names: Vec<&str> = Self::ALL.iter().map(|measure| measure.name()).collect();
            format!("no such measure; there are {}", names.join(", "))
        })
    }
}

/// How long to measure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Plan {
    /// Rounds; odd, so that the median is a value that was measured.
    rounds: u32,
    /// Seconds of load on one rung in one round. Linux counts CPU time in ticks of 10 ms, so a
    /// second of a busy worker is exact to one percent.
    seconds: u32,
    /// How often memory is measured, each time in new processes; odd as well.
    processes: u32,
}

impl Plan {
    /// For a look: less than three minutes for everything.
    pub const QUICK: Self = Self { rounds: 5, seconds: 1, processes: 1 };
    /// For a statement: twenty minutes. Many short rounds and not a few long ones: what disturbs a shared machine comes and
    /// goes in seconds, so that the two sides of a short round meet the same of it more often.
    pub const FULL: Self = Self { rounds: 41, seconds: 1, processes: 5 };
    /// Before the first round: keys are fetched on demand, caches fill, code is compiled.
    const WARM_UP_SECONDS: u32 = 2;
    /// So often at most, until every answer is a success.
    const WARM_UPS: u32 = 30;
}

/// What to measure, with what.
#[derive(Debug, Clone)]
pub struct Setup {
    /// The filter, built for release.
    pub wasm: PathBuf,
    /// The filter that does nothing, built likewise.
    pub nothing: PathBuf,
    /// Which Envoy.
    pub binary: Binary,
    /// Rounds and their length.
    pub plan: Plan,
    /// What to measure.
    pub measures: Vec<Measure>,
}

impl Setup {
    fn asks(&self, measure: Measure) -> bool {
        self.measures.contains(&measure)
    }
}

/// What came out.
#[derive(Debug)]
pub struct Results {
    /// Two lines for each comparison: throughput, and CPU; and those of P11.
    pub figures: Vec<Figure>,
    /// The same for an open route of ours beside no filter at all: what no filter can go below.
    pub floor: Vec<Figure>,
}

/// Starts an identity provider and Envoy, makes sure that every rung does its work, measures, and
/// ends both. `say` is told the progress.
///
/// # Errors
/// When something does not start, a rung answers what it should not, or any answer under load is
/// no success.
pub async fn run(setup: &Setup, say: &mut dyn FnMut(&str)) -> Result<Results> {
    let mut results = Results { figures: Vec::new(), floor: Vec::new() };
    // First, since it is short, and nothing is lost if it fails.
    let footprint = match setup.asks(Measure::Footprint) {
        true => footprint::measure(setup, say).await?,
        false => Vec::new(),
    };
    if setup.asks(Measure::Scale) {
        results.figures.extend(decision::measure(setup.plan, say).await?);
        results.figures.extend(footprint::measure_scale(setup, say).await?);
    }
    if setup.measures.iter().any(|measure| *measure != Measure::Footprint) {
        race(setup, &mut results, say).await?;
    }
    results.figures.extend(footprint);
    Ok(results)
}

async fn race(setup: &Setup, results: &mut Results, say: &mut dyn FnMut(&str)) -> Result<()> {
    let chosen: Vec<&Comparison> = COMPARISONS
        .iter()
        .filter(|one| one.measure.is_none_or(|measure| setup.asks(measure)))
        .collect();
    let mut bench = Bench::open(setup, &chosen).await?;
    bench.check(&chosen, say).await?;
    bench.warm_up(&chosen, say).await?;
    let samples = bench.rounds(setup.plan, &chosen, say).await?;
    bench.envoy.stop().await?;
    bench.idp.stop().await?;

    for (comparison, samples) in chosen.iter().zip(&samples) {
        let into = match comparison.measure {
            Some(_) => &mut results.figures,
            None => &mut results.floor,
        };
        into.extend(Figure::both(comparison.name, samples)?);
    }
    Ok(())
}

/// What one round found on both sides.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Pair {
    ours: Sample,
    peer: Sample,
}

struct Bench {
    envoy: Envoy,
    idp: Idp,
    /// One load for each algorithm and crowd in use.
    loads: Vec<((Alg, Crowd), Load)>,
}

impl Bench {
    async fn open(setup: &Setup, chosen: &[&Comparison]) -> Result<Self> {
        let idp = Idp::start(0).await?;
        idp.add_key(Alg::Ps256, "ps-1")?;
        let mut rungs: Vec<Rung> = Vec::new();
        let mut loads: Vec<((Alg, Crowd), Load)> = Vec::new();
        for comparison in chosen {
            for rung in [comparison.peer, comparison.ours] {
                if !rungs.contains(&rung) {
                    rungs.push(rung);
                }
                let (alg, crowd) = (comparison.alg, rung.crowd());
                if loads.iter().all(|(of, _)| *of != (alg, crowd)) {
                    loads.push(((alg, crowd), Load::mint(&idp, alg, crowd, crowd.width())?));
                }
            }
        }
        let modules = Modules { ours: &setup.wasm, nothing: &setup.nothing };
        let config = bootstrap::render(&rungs, &idp, modules)?;
        let options =
            Options { concurrency: 1, log_level: "warning".to_owned(), ..Options::default() };
        let envoy = Envoy::start(&setup.binary, &config, options).await?;
        Ok(Self { envoy, idp, loads })
    }

    /// Whoever lets everything pass would win every measure.
    async fn check(&self, chosen: &[&Comparison], say: &mut dyn FnMut(&str)) -> Result<()> {
        for comparison in chosen {
            for rung in [comparison.peer, comparison.ours] {
                say(&format!("checking {} with {}", rung.title(), comparison.alg.name()));
                probe::check(rung, self.port(rung).await?, &self.idp, comparison.alg).await?;
            }
        }
        Ok(())
    }

    async fn warm_up(&self, chosen: &[&Comparison], say: &mut dyn FnMut(&str)) -> Result<()> {
        say("warming up");
        for comparison in chosen {
            for rung in [comparison.peer, comparison.ours] {
                // A thousand issuers' keys take their time.
                for _ in 0..Plan::WARM_UPS {
                    if self.sample(rung, comparison.alg, Plan::WARM_UP_SECONDS).await.is_ok() {
                        break;
                    }
                }
            }
        }
        Ok(())
    }

    /// The samples of each comparison. Both sides of one follow each other directly, and every
    /// second round goes the other way round.
    async fn rounds(
        &self,
        plan: Plan,
        chosen: &[&Comparison],
        say: &mut dyn FnMut(&str),
    ) -> Result<Vec<Vec<Pair>>> {
        let mut samples: Vec<Vec<Pair>> = vec![Vec::new(); chosen.len()];
        for round in 1..=plan.rounds {
            say(&format!("round {round} of {}", plan.rounds));
            let backward = round.is_multiple_of(2);
            let mut order: Vec<_> = chosen.iter().zip(&mut samples).collect();
            if backward {
                order.reverse();
            }
            for (comparison, into) in order {
                let [first, second] = match backward {
                    false => [comparison.peer, comparison.ours],
                    true => [comparison.ours, comparison.peer],
                };
                let first = self.sample(first, comparison.alg, plan.seconds).await?;
                let second = self.sample(second, comparison.alg, plan.seconds).await?;
                let (ours, peer) = if backward { (first, second) } else { (second, first) };
                into.push(Pair { ours, peer });
            }
        }
        Ok(samples)
    }

    async fn sample(&self, rung: Rung, alg: Alg, seconds: u32) -> Result<Sample> {
        let found = self.loads.iter().find(|(of, _)| *of == (alg, rung.crowd()));
        let (_, load) = found.ok_or_else(|| format!("no load has {} tokens", alg.name()))?;
        let sample = load.run(&self.envoy, self.port(rung).await?, seconds).await;
        sample.map_err(|error| format!("{}: {error}", rung.title()).into())
    }

    async fn port(&self, rung: Rung) -> Result<u16> {
        let ports = self.envoy.listener_ports().await?;
        let port = ports.get(rung.listener()).copied();
        port.ok_or_else(|| format!("Envoy does not listen for `{}`", rung.listener()).into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMES: &[(&str, Option<Measure>)] = &[
        ("P1", Some(Measure::ColdVerify)),
        ("P2", Some(Measure::WarmPolicy)),
        ("P3", Some(Measure::WarmToken)),
        ("P9", Some(Measure::Scale)),
        ("P11", Some(Measure::Footprint)),
        ("P7", None),
        ("p1", None),
        ("", None),
    ];

    #[test]
    fn measures_are_known_by_name() {
        for (text, expected) in NAMES {
            let read = text.parse::<Measure>();
            assert_eq!(read.as_ref().ok(), expected.as_ref(), "{text}");
            if let Err(error) = read {
                assert!(error.contains("P1, P2, P3, P9, P11"), "{error}");
            }
        }
    }

    #[test]
    fn every_measure_has_a_comparison_and_every_median_is_a_round() {
        for measure in Measure::ALL {
            let compared = COMPARISONS.iter().any(|one| one.measure == Some(*measure));
            assert_eq!(compared, *measure != Measure::Footprint);
        }
        for plan in [Plan::QUICK, Plan::FULL] {
            assert!(!plan.rounds.is_multiple_of(2) && !plan.processes.is_multiple_of(2));
        }
    }
}
