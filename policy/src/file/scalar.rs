//! Texts of the policy file that have a shape of their own: durations, names, addresses, Envoy clusters.
//! Each reader reports what is wrong with its place, its value and its fix. Called by the compilers alone.

use crate::file::problem::Problems;
use crate::limits::{MAX_CLUSTER_BYTES, MAX_TIMEOUT_MS};

/// A wait in milliseconds, within bounds.
pub(crate) fn timeout(place: &str, text: Option<&str>, problems: &mut Problems) -> Option<u64> {
    let milliseconds = duration(place, text, problems)?;
    if milliseconds == 0 || milliseconds > MAX_TIMEOUT_MS {
        problems.error(
            place,
            format!("`{}` is no possible wait", text.unwrap_or_default()),
            "write between `1ms` and `60s`",
        );
    }
    Some(milliseconds)
}

/// A duration in milliseconds from `least` to `most`, which are written as an operator writes them.
pub(crate) fn within(
    place: &str,
    text: Option<&str>,
    (least, most): (&str, &str),
    problems: &mut Problems,
) -> Option<u64> {
    let milliseconds = duration(place, text, problems)?;
    let inside = parse(least).is_some_and(|least| milliseconds >= least)
        && parse(most).is_some_and(|most| milliseconds <= most);
    if !inside {
        problems.error(
            place,
            format!("`{}` is out of bounds", text.unwrap_or_default()),
            format!("write between `{least}` and `{most}`"),
        );
    }
    Some(milliseconds)
}

/// `200ms`, `2s`, `5m`, `1h`, `7d` in milliseconds. Five units do not need a library.
fn parse(text: &str) -> Option<u64> {
    const UNITS: [(&str, u64); 5] =
        [("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)];
    let (number, factor) =
        UNITS.iter().find_map(|(unit, factor)| Some((text.strip_suffix(unit)?, *factor)))?;
    let digits = number.bytes().all(|byte| byte.is_ascii_digit());
    number.parse::<u64>().ok().filter(|_| digits).and_then(|number| number.checked_mul(factor))
}

fn duration(place: &str, text: Option<&str>, problems: &mut Problems) -> Option<u64> {
    let text = text?;
    let milliseconds = parse(text);
    if milliseconds.is_none() {
        problems.error(
            place,
            format!("`{text}` is no duration"),
            "write a whole number with `ms`, `s`, `m`, `h` or `d`, like `200ms`",
        );
    }
    milliseconds
}

/// A duration in whole seconds.
pub(crate) fn seconds(place: &str, text: Option<&str>, problems: &mut Problems) -> Option<u64> {
    let milliseconds = duration(place, text, problems)?;
    if milliseconds.checked_rem(1000) != Some(0) {
        problems.error(
            place,
            format!("`{milliseconds}ms` is no whole number of seconds"),
            "write whole seconds, like `1s`",
        );
    }
    milliseconds.checked_div(1000)
}

/// Names end up in metrics, logs and challenges.
pub(crate) fn label(place: &str, name: &str, problems: &mut Problems) {
    let valid = !name.is_empty()
        && name.len() <= 63
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'));
    if !valid {
        problems.error(
            place,
            format!("`{name}` is no name"),
            "use 1 to 63 letters, digits, `-`, `_` or `.`",
        );
    }
}

/// Host and port of an address as they stand there; empty where it is none.
pub(crate) fn authority(url: &str) -> &str {
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
    rest.and_then(|rest| rest.split(['/', '?', '#']).next()).unwrap_or_default()
}

pub(crate) fn url(place: &str, text: &str, problems: &mut Problems) {
    let authority = authority(text);
    if crate::request::host::canonical_host(authority.as_bytes()).is_none() {
        problems.error(
            place,
            // Not quoted where it may hold a password.
            if text.contains('@') {
                "is no http or https address of a host".to_owned()
            } else {
                format!("`{text}` is no http or https address of a host")
            },
            "write `https://HOST/PATH`, without user information",
        );
    }
    if text.bytes().any(|byte| byte.is_ascii_control() || byte == b' ') {
        problems.error(place, "holds a space or a control character", "remove it");
    }
    let host = authority.rsplit_once(':').map_or(authority, |(host, _)| host);
    let local = matches!(host, "127.0.0.1" | "localhost" | "[::1]");
    if text.starts_with("http://") && !local {
        problems.warning(place, format!("`{text}` is not encrypted"), "write `https://`");
    }
}

/// Names of Envoy clusters.
pub(crate) fn cluster(place: &str, name: &str, problems: &mut Problems) {
    if name.is_empty()
        || name.len() > MAX_CLUSTER_BYTES
        || !name.bytes().all(|byte| byte.is_ascii_graphic())
    {
        problems.error(
            place,
            format!("`{name}` is no name of an Envoy cluster"),
            format!("write 1 to {MAX_CLUSTER_BYTES} visible characters without spaces"),
        );
    }
}
