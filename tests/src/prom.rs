//! Reading Prometheus text (exposition format 0.0.4) from an admin port, so that tests can compare
//! counters. Histograms are read as the series they are written as; types and help are skipped.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use crate::http1::Request;
use crate::{Result, limits};

/// All series of one scrape.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Scrape {
    series: BTreeMap<String, Sample>,
}

#[derive(Debug, Clone, PartialEq)]
struct Sample {
    name: String,
    labels: BTreeMap<String, String>,
    value: f64,
}

/// Fetches and parses, `/metrics` or Envoy's `/stats/prometheus`.
///
/// # Errors
/// When the answer is not 200, or not the format.
pub async fn fetch(admin: SocketAddr, path: &str) -> Result<Scrape> {
    let response = Request::get("localhost", path).send(admin, limits::ADMIN).await?;
    if response.status != 200 {
        return Err(format!("{path}: {} {}", response.status, response.text()).into());
    }
    Scrape::parse(&response.text())
}

impl Scrape {
    /// Parses the text of a scrape.
    ///
    /// # Errors
    /// When a line is no comment and no sample, or a series is there twice.
    pub fn parse(text: &str) -> Result<Self> {
        let mut series = BTreeMap::new();
        for line in text.lines().map(str::trim) {
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let sample = sample(line).ok_or_else(|| format!("no metric sample: `{line}`"))?;
            if let Some(twice) = series.insert(key(&sample), sample) {
                return Err(format!("series `{}` is there twice", key(&twice)).into());
            }
        }
        Ok(Self { series })
    }

    /// The value of one series, named `name` or `name{a="1",b="2"}` with sorted labels.
    #[must_use]
    pub fn value(&self, series: &str) -> Option<f64> {
        self.series.get(series).map(|sample| sample.value)
    }

    /// The sum over all series of a name that have these labels, among others; 0 without any.
    #[must_use]
    pub fn sum(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        let wanted = |sample: &&Sample| {
            let has = |(label, value): &(&str, &str)| {
                sample.labels.get(*label).map(String::as_str) == Some(*value)
            };
            sample.name == name && labels.iter().all(has)
        };
        self.series.values().filter(wanted).map(|sample| sample.value).sum()
    }

    /// The different values that a label has among the series of a name.
    #[must_use]
    pub fn label_values(&self, name: &str, label: &str) -> Vec<String> {
        let own = self.series.values().filter(|sample| sample.name == name);
        let mut values: Vec<String> =
            own.filter_map(|sample| sample.labels.get(label).cloned()).collect();
        values.sort();
        values.dedup();
        values
    }

    /// All series with their values, for messages.
    pub fn iter(&self) -> impl Iterator<Item = (&str, f64)> {
        self.series.iter().map(|(series, sample)| (series.as_str(), sample.value))
    }
}

fn key(sample: &Sample) -> String {
    let labels: Vec<String> =
        sample.labels.iter().map(|(name, value)| format!("{name}=\"{value}\"")).collect();
    if labels.is_empty() {
        sample.name.clone()
    } else {
        format!("{}{{{}}}", sample.name, labels.join(","))
    }
}

fn sample(line: &str) -> Option<Sample> {
    let end = line.find(['{', ' ', '\t'])?;
    let (name, rest) = line.split_at_checked(end)?;
    let (labels, rest) = match rest.strip_prefix('{') {
        Some(rest) => labels(rest)?,
        None => (BTreeMap::new(), rest),
    };
    // A time stamp may follow the value.
    let value = match rest.split_ascii_whitespace().next()? {
        "+Inf" => f64::INFINITY,
        "-Inf" => f64::NEG_INFINITY,
        number => number.parse().ok()?,
    };
    if name.is_empty() { None } else { Some(Sample { name: name.to_owned(), labels, value }) }
}

/// The labels after `{`, and what follows the `}`.
fn labels(mut rest: &str) -> Option<(BTreeMap<String, String>, &str)> {
    let mut labels = BTreeMap::new();
    loop {
        rest = rest.trim_start_matches([' ', ',']);
        if let Some(after) = rest.strip_prefix('}') {
            return Some((labels, after));
        }
        let (name, after) = rest.split_once("=\"")?;
        let (value, after) = quoted(after)?;
        labels.insert(name.trim().to_owned(), value);
        rest = after;
    }
}

/// A label value up to its closing quote, and what follows that.
fn quoted(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut chars = text.chars();
    loop {
        match chars.next()? {
            '"' => return Some((value, chars.as_str())),
            '\\' => match chars.next()? {
                'n' => value.push('\n'),
                other => value.push(other),
            },
            other => value.push(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "# HELP decisions all of them\n# TYPE decisions counter\n\
        decisions_total{rule=\"a\",reason=\"allowed\"} 3\n\
        decisions_total{reason=\"no_route\",rule=\"\"} 4 1700000000\n\
        decisions_total{rule=\"b, \\\"}\\\\\",reason=\"allowed\",} 5.5\n\
        up 1\nlatency_bucket{le=\"+Inf\"} +Inf\n# EOF\n";

    /// Name, labels, expected sum.
    type Case = (&'static str, &'static [(&'static str, &'static str)], f64);

    const CASES: &[Case] = &[
        ("decisions_total", &[], 12.5),
        ("decisions_total", &[("reason", "allowed")], 8.5),
        ("decisions_total", &[("reason", "allowed"), ("rule", "a")], 3.0),
        ("decisions_total", &[("rule", "b, \"}\\")], 5.5),
        ("decisions_total", &[("nothing", "x")], 0.0),
        ("decisions", &[], 0.0),
        ("up", &[], 1.0),
        ("latency_bucket", &[], f64::INFINITY),
    ];

    #[test]
    fn sums_by_labels() {
        let scrape = Scrape::parse(TEXT).unwrap();
        for (name, labels, expected) in CASES {
            assert_eq!(scrape.sum(name, labels), *expected, "{name} {labels:?}");
        }
        assert_eq!(scrape.value("decisions_total{reason=\"no_route\",rule=\"\"}"), Some(4.0));
        assert_eq!(scrape.label_values("decisions_total", "reason"), ["allowed", "no_route"]);
        assert_eq!(scrape.iter().count(), 5);
    }

    #[test]
    fn other_text_is_refused() {
        for text in ["<html>", "a{b=\"c} 1", "a{b} 1", "a one", "{a=\"b\"} 1", "a 1\na 2"] {
            assert!(Scrape::parse(text).is_err(), "{text}");
        }
    }
}
