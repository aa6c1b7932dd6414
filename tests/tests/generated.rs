//! Policies and requests by chance get one answer everywhere: from the documents, `sallyport check`,
//! the filter in Envoy, gRPC and HTTP. `SALLYPORT_CASES` is how many (2,000 where it is not set; `cargo xtask
//! test --long` says 100,000), `SALLYPORT_SEED` which; `SALLYPORT_REPLAY` is the file of one failing case.

use std::path::Path;
use std::time::Duration;

use sallyport_tests::generated::{self, reference};

/// As many as fit into two minutes.
const CASES: usize = 2_000;
/// The seed of the short run, so that it is the same run every time.
const SEED: u64 = 20_260_101;
/// How long a failing case is cut down.
const SHRINK: Duration = Duration::from_secs(180);

/// Reasons that no generated request can have, and why.
const NEVER: &[(&str, &str)] = &[
    ("token_revoked", "no rule of today gives it"),
    ("agent_denied", "no rule of today gives it"),
    (
        "policy_unavailable",
        "every generated policy loads; tests/tests/faults.rs has those that do not",
    ),
];

fn number(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

#[tokio::test(flavor = "multi_thread")]
#[expect(clippy::print_stdout, reason = "a long run is read: how often each reason came up")]
async fn one_answer_everywhere() {
    if let Ok(file) = std::env::var("SALLYPORT_REPLAY") {
        let wrong = generated::replay_file(Path::new(&file)).await.unwrap();
        assert!(wrong.is_empty(), "{file}:\n{}", wrong.join("\n"));
        return;
    }
    let cases = usize::try_from(number("SALLYPORT_CASES", 0)).unwrap_or(0);
    let cases = if cases == 0 { CASES } else { cases };
    let seed = number("SALLYPORT_SEED", SEED);
    let report = match std::env::var("SALLYPORT_OFFLINE") {
        Ok(_) => generated::run_offline(seed, cases).await.unwrap(),
        Err(_) => generated::run(seed, cases).await.unwrap(),
    };
    for (reason, count) in &report.reasons {
        println!("{count:6} {reason}");
    }
    for (feature, count) in &report.features {
        println!("{count:6} {feature}");
    }
    println!("{} cases from seed {seed}, {} not through every door", report.cases, report.partial);
    if let Some((case, wrong)) = report.failures.first() {
        for (at, (case, wrong)) in report.failures.iter().enumerate() {
            let file = generated::kept(&format!("failed-{at}.json"), &case.to_text()).unwrap();
            println!("{}: {}", file.display(), wrong.join("\n    "));
        }
        let (case, path) = generated::smallest(case.clone(), SHRINK).await.unwrap();
        panic!(
            "{} of {} cases have no one answer. The first:\n{}\ncut down, for `SALLYPORT_REPLAY={}`:\n{}",
            report.failures.len(),
            report.cases,
            wrong.join("\n"),
            path.display(),
            case.to_text(),
        );
    }
    assert!(report.miscounted.is_empty(), "{}", report.miscounted.join("\n"));
    assert!(report.partial * 6 < report.cases, "{} of {}", report.partial, report.cases);
    for (feature, count) in &report.features {
        // A few policies of another seed need not have every setting.
        let holds_all = seed == SEED && cases >= CASES || cases >= CASES.saturating_mul(10);
        assert!(!holds_all || *count > 0, "no case is like this: {feature}");
    }
    let least = (cases / 1000).max(1);
    for (reason, _) in reference::STATUS {
        let count = report.reasons.get(*reason).copied().unwrap_or(0);
        match NEVER.iter().find(|(own, _)| own == reason) {
            Some((_, why)) => assert_eq!(count, 0, "{reason} occurs, although {why}"),
            None => assert!(count >= least, "{reason} occurs {count} times of at least {least}"),
        }
    }
}

#[test]
fn the_reference_knows_every_reason_of_the_document() {
    let text = std::fs::read_to_string(sallyport_tests::parts::root().join("docs/status-codes.md"));
    let text = text.unwrap();
    let mut documented: Vec<(String, u16)> = Vec::new();
    for line in text.lines() {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        if let [_, reason, status, ..] = cells.as_slice()
            && let Ok(status) = status.parse()
        {
            documented.push((reason.trim_matches('`').to_owned(), status));
        }
    }
    let known: Vec<(String, u16)> =
        reference::STATUS.iter().map(|(reason, status)| ((*reason).to_owned(), *status)).collect();
    assert_eq!(documented, known);
}
