//! The demo's cases as tests: all of them on the current Envoy and on the oldest one that is
//! supported. One stage serves all cases of a version, since they build on each other; what fails is
//! named case by case.

use sallyport_tests::Result;
use sallyport_tests::cases;
use sallyport_tests::envoy::{Binary, CURRENT, OLDEST};
use sallyport_tests::failures::{Failures, unharmed};
use sallyport_tests::parts::Parts;
use sallyport_tests::stage::{Setup, Stage};

/// Runs all cases and gives what failed.
async fn failures(version: &str) -> Result<Vec<String>> {
    let binary = Binary::locate(version).await?;
    let stage = Stage::open(Setup::quickstart(Parts::find()?, binary)).await?;
    let (mut count, mut failures) = (0_usize, Vec::new());
    let run = cases::run(&stage, &mut |outcome| {
        count = count.saturating_add(1);
        failures.extend(outcome.failure());
    })
    .await;
    if let Err(error) = run {
        failures.push(format!("the run broke off: {error}"));
    }
    if count != cases::all().len() {
        failures.push(format!("{count} of {} cases were run", cases::all().len()));
    }
    // Records that waited for the sidecar have gone out since.
    if let Err(error) = cases::mirror_is_balanced(&stage).await {
        failures.push(format!("after all: {error}"));
    }
    let mut harm = Failures::default();
    unharmed(&stage, &mut harm).await?;
    failures.extend(harm.report());
    if !failures.is_empty() {
        failures.push(format!("the sidecar's last lines:\n{}", stage.sidecar_tail().await));
    }
    stage.close().await?;
    Ok(failures)
}

#[tokio::test(flavor = "multi_thread")]
async fn all_cases_on_the_current_envoy() {
    let failures = failures(CURRENT).await.unwrap();
    assert!(failures.is_empty(), "{} differ:\n{}", failures.len(), failures.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn all_cases_on_the_oldest_envoy() {
    let failures = failures(OLDEST).await.unwrap();
    assert!(failures.is_empty(), "{} differ:\n{}", failures.len(), failures.join("\n"));
}

#[test]
fn steps_have_different_names_within_a_door() {
    let cases = cases::all();
    let mut names: Vec<_> = cases.iter().map(|case| (case.step, case.way)).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), cases.len());
}
