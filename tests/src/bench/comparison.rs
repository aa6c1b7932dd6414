//! What is compared with what. Both sides of a line are asked the same requests; the name of each
//! line is the measure's in DESIGN section 5 and what is special about it.

use super::Measure;
use super::bootstrap::Rung;
use super::policy::Rules;
use super::scale::Scale;
use crate::idp::Alg;

/// Two rungs under the same load. `measure` is none for the floor, which is shown and no measure.
#[derive(Debug)]
pub(super) struct Comparison {
    pub(super) measure: Option<Measure>,
    pub(super) name: &'static str,
    pub(super) alg: Alg,
    pub(super) ours: Rung,
    pub(super) peer: Rung,
}

const fn cold(name: &'static str, alg: Alg) -> Comparison {
    Comparison {
        measure: Some(Measure::ColdVerify),
        name,
        alg,
        ours: Rung::OursCold,
        peer: Rung::NativeCold,
    }
}

const fn warm(measure: Measure, name: &'static str, ours: Rung, peer: Rung) -> Comparison {
    Comparison { measure: Some(measure), name, alg: Alg::Rs256, ours, peer }
}

/// All of them, in the order of the output.
pub(super) const COMPARISONS: &[Comparison] = &[
    Comparison {
        measure: None,
        name: "floor: open route, no filter",
        alg: Alg::Rs256,
        ours: Rung::Open,
        peer: Rung::NoFilter,
    },
    Comparison {
        measure: None,
        name: "floor: headers read, nothing done",
        alg: Alg::Rs256,
        ours: Rung::Reading,
        peer: Rung::Nothing,
    },
    cold("P1 RS256", Alg::Rs256),
    cold("P1 ES256", Alg::Es256),
    cold("P1 EdDSA", Alg::EdDsa),
    cold("P1 PS256", Alg::Ps256),
    warm(
        Measure::WarmPolicy,
        "P2 10 rules",
        Rung::OursFull(Rules::Ten),
        Rung::NativeFull(Rules::Ten),
    ),
    warm(
        Measure::WarmPolicy,
        "P2 1000 rules",
        Rung::OursFull(Rules::Thousand),
        Rung::NativeFull(Rules::Thousand),
    ),
    warm(Measure::WarmPolicy, "P2 over a filter that does nothing", Rung::OursPlain, Rung::Nothing),
    warm(Measure::WarmPolicy, "P2 over one that reads the headers", Rung::OursPlain, Rung::Reading),
    warm(
        Measure::Scale,
        "P9 on Envoy",
        Rung::OursScale(Scale::LARGE),
        Rung::OursScale(Scale::SMALL),
    ),
    warm(Measure::WarmToken, "P3", Rung::OursToken, Rung::NativeCold),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_bears_the_name_of_its_measure_and_no_other() {
        for (at, one) in COMPARISONS.iter().enumerate() {
            let (measure, _) = one.name.split_once(' ').unwrap_or((one.name, ""));
            assert_eq!(one.measure.map_or("floor:", Measure::name), measure);
            assert!(COMPARISONS[..at].iter().all(|before| before.name != one.name), "{}", one.name);
        }
    }
}
