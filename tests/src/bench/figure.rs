//! From the samples of all rounds to one line: the medians of both sides, the median of the ratios
//! of each round, and how far those ratios lie apart. A ratio compares two runs that followed each
//! other directly, so it is steadier than either side.

use serde_json::{Value, json};

use super::{Pair, Sample};
use crate::Result;

/// The unit of throughput.
const RATE: &str = "req/s";
/// The unit of cost.
const CPU: &str = "Envoy CPU us per request";

/// The unit of size.
pub(super) const BYTES: &str = "bytes";
/// The unit of memory, of a million bytes.
pub(super) const MEGABYTES: &str = "MB per worker";

/// One line of the result (DESIGN section 10). In every unit a higher ratio is better for us: for
/// throughput it is `ours / peer`, for CPU time, where less is better, it is `peer / ours`.
#[derive(Debug, Clone, PartialEq)]
pub struct Figure {
    measure: String,
    unit: &'static str,
    ours: f64,
    peer: f64,
    ratio: f64,
    least: f64,
    most: f64,
    rounds: usize,
}

impl Figure {
    /// Throughput and CPU time of one comparison.
    pub(super) fn both(measure: &str, samples: &[Pair]) -> Result<[Self; 2]> {
        let rate = |sample: &Sample| sample.rate;
        let cpu = |sample: &Sample| sample.cpu_us;
        let missing = || format!("{measure}: nothing was measured");
        Ok([
            Self::of(measure, RATE, samples, rate, |ours, peer| ours / peer).ok_or_else(missing)?,
            Self::of(measure, CPU, samples, cpu, |ours, peer| peer / ours).ok_or_else(missing)?,
        ])
    }

    /// A measure whose peer is a goal that it should stay below.
    pub(super) fn to_goal(
        measure: &str,
        unit: &'static str,
        goal: f64,
        values: &[f64],
    ) -> Result<Self> {
        let sides = values.iter().map(|value| (*value, goal));
        Self::of_sides(measure, unit, sides, |ours, goal| goal / ours)
            .ok_or_else(|| format!("{measure}: nothing was measured").into())
    }

    /// A measure of which both sides want little: pairs of ours and the peer's, one for each round.
    pub(super) fn less_is_better(
        measure: &str,
        unit: &'static str,
        sides: &[(f64, f64)],
    ) -> Result<Self> {
        Self::of_sides(measure, unit, sides.iter().copied(), |ours, peer| peer / ours)
            .ok_or_else(|| format!("{measure}: nothing was measured").into())
    }

    fn of(
        measure: &str,
        unit: &'static str,
        samples: &[Pair],
        value: impl Fn(&Sample) -> f64,
        ratio: impl Fn(f64, f64) -> f64,
    ) -> Option<Self> {
        let sides = samples.iter().map(|pair| (value(&pair.ours), value(&pair.peer)));
        Self::of_sides(measure, unit, sides, ratio)
    }

    /// None without samples, or where a ratio is no number.
    fn of_sides(
        measure: &str,
        unit: &'static str,
        sides: impl Iterator<Item = (f64, f64)> + Clone,
        ratio: impl Fn(f64, f64) -> f64,
    ) -> Option<Self> {
        let ours = sorted(sides.clone().map(|(ours, _)| ours));
        let peer = sorted(sides.clone().map(|(_, peer)| peer));
        let ratios = sorted(sides.map(|(ours, peer)| ratio(ours, peer)));
        if !ratios.iter().all(|ratio| ratio.is_finite()) {
            return None;
        }
        Some(Self {
            measure: measure.to_owned(),
            unit,
            ours: median(&ours)?,
            peer: median(&peer)?,
            ratio: median(&ratios)?,
            least: *ratios.first()?,
            most: *ratios.last()?,
            rounds: ratios.len(),
        })
    }

    /// The line for programs.
    #[must_use]
    pub fn to_json(&self) -> Value {
        json!({
            "measure": self.measure,
            "ours": rounded(self.ours, 100.0),
            "peer": rounded(self.peer, 100.0),
            "ratio": rounded(self.ratio, 1000.0),
            "unit": self.unit,
            "rounds": self.rounds,
            "spread": [rounded(self.least, 1000.0), rounded(self.most, 1000.0)],
        })
    }

    /// The head of the table for people.
    #[must_use]
    pub fn head() -> String {
        format!(
            "{:<34} {:>9} {:>9} {:>6}  {:<14} {:>6}  unit",
            "measure", "ours", "peer", "ratio", "spread", "rounds"
        )
    }

    /// The line for people.
    #[must_use]
    pub fn to_row(&self) -> String {
        let digits = match self.unit {
            RATE | BYTES => 0,
            MEGABYTES => 2,
            _ => 1,
        };
        format!(
            "{:<34} {:>9.digits$} {:>9.digits$} {:>6.3}  {:<14} {:>6}  {}",
            self.measure,
            self.ours,
            self.peer,
            self.ratio,
            format!("{:.3} - {:.3}", self.least, self.most),
            self.rounds,
            self.unit,
        )
    }
}

fn sorted(values: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values
}

/// The middle one; of an even number the higher of the two in the middle.
fn median(sorted: &[f64]) -> Option<f64> {
    sorted.get(sorted.len().checked_div(2)?).copied()
}

fn rounded(value: f64, steps: f64) -> f64 {
    (value * steps).round() / steps
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(ours: (f64, f64), peer: (f64, f64)) -> Pair {
        let sample = |(rate, cpu_us)| Sample { rate, cpu_us };
        Pair { ours: sample(ours), peer: sample(peer) }
    }

    #[test]
    fn the_ratio_is_the_median_of_the_rounds() {
        // The medians of the sides are 110 and 100; no round has their ratio.
        let samples = [
            pair((90.0, 50.0), (100.0, 40.0)),
            pair((110.0, 40.0), (88.0, 40.0)),
            pair((120.0, 20.0), (120.0, 40.0)),
        ];
        let [rate, cpu] = Figure::both("P1 RS256", &samples).unwrap();
        assert_eq!(
            rate.to_json(),
            json!({
                "measure": "P1 RS256", "ours": 110.0, "peer": 100.0, "ratio": 1.0,
                "unit": "req/s", "rounds": 3, "spread": [0.9, 1.25],
            })
        );
        assert_eq!(
            cpu.to_json(),
            json!({
                "measure": "P1 RS256", "ours": 40.0, "peer": 40.0, "ratio": 1.0,
                "unit": "Envoy CPU us per request", "rounds": 3, "spread": [0.8, 2.0],
            })
        );
        assert!(rate.to_row().contains("0.900 - 1.250"), "{}", rate.to_row());
    }

    #[test]
    fn a_goal_is_a_peer_to_stay_below() {
        let figure = Figure::to_goal("P11 memory", MEGABYTES, 8.0, &[5.0, 4.0, 16.0]).unwrap();
        assert_eq!(
            figure.to_json(),
            json!({
                "measure": "P11 memory", "ours": 5.0, "peer": 8.0, "ratio": 1.6,
                "unit": "MB per worker", "rounds": 3, "spread": [0.5, 2.0],
            })
        );
        assert!(Figure::to_goal("P11", BYTES, 1.0, &[]).is_err());
        assert!(Figure::to_goal("P11", BYTES, 1.0, &[0.0]).is_err());
    }

    #[test]
    fn nothing_measured_is_no_figure() {
        assert!(Figure::both("P1", &[]).is_err());
        assert!(Figure::both("P1", &[pair((1.0, 1.0), (0.0, 1.0))]).is_err());
        assert!(Figure::both("P1", &[pair((1.0, 0.0), (1.0, 0.0))]).is_err());
    }
}
