//! Three backends, one answer: the host's function inside a real Envoy, pure Rust here and in wasm,
//! and the sidecar's library judge every published vector alike, and as its source expects or the
//! exceptions file says.

use std::io::Write as _;
use std::sync::Arc;
use std::time::Instant;

use sallyport_ext_authz::crypto::Native;
use sallyport_jwt::{Algorithm, Jws, Pure, SignatureBackend};
use sallyport_tests::Result;
use sallyport_tests::envoy::{Binary, CURRENT, OLDEST};
use sallyport_tests::parts::Parts;
use sallyport_tests::vectors::judge::{Case, Inside, Question, Verdict};
use sallyport_tests::vectors::{
    self, Exceptions, Expected, FOLDER_VARIABLE, Label, Source, backend_filter,
};
use tokio::task::JoinHandle;

const IN_WASM: &str = "pure in wasm";

/// A backend's name and its answers to all the questions, in order; none where it was not asked.
type Party = (&'static str, Vec<Option<Verdict>>);

#[tokio::test(flavor = "multi_thread")]
async fn backends_agree_with_each_other_and_with_the_sources() {
    let (sources, has_folder) = Source::all().unwrap();
    let groups = || sources.iter().flat_map(|source| &source.groups);
    let cases: Arc<Vec<Case>> = Arc::new(groups().map(|group| group.case.clone()).collect());
    let labels: Vec<&Label> = groups().flat_map(|group| &group.labels).collect();

    let (parties, probes) = ask_all(&cases).await.unwrap();
    assert_eq!(parties.len(), 5);
    let wrong_probes = probes.iter().filter(|probe| *probe != "host").count();
    assert_eq!((wrong_probes, probes.is_empty()), (0, false), "the probe must choose the host");
    let mut complaints = disagreements(&labels, &parties);
    let agreed: Vec<Verdict> = parties[0].1.iter().flatten().cloned().collect();
    let exceptions = Exceptions::load().unwrap();
    let mut rest = agreed.as_slice();
    for source in &sources {
        let labels: Vec<&Label> = source.groups.iter().flat_map(|group| &group.labels).collect();
        let (own, others) = rest.split_at(labels.len());
        let answers: Vec<_> = labels.into_iter().zip(own).collect();
        complaints.extend(exceptions.complaints(source.section, &answers).unwrap());
        rest = others;
    }
    report(&cases, &labels, &parties, has_folder).unwrap();
    assert!(complaints.is_empty(), "{} complaints:\n{}", complaints.len(), complaints.join("\n"));
}

/// Every backend, here and in Envoy, with what the probes in Envoy chose.
async fn ask_all(cases: &Arc<Vec<Case>>) -> Result<(Vec<Party>, Vec<String>)> {
    let here = [judge_here("pure", Pure, cases), judge_here("native", Native, cases)];
    let filter = backend_filter(&Parts::find()?)?;
    let started = Instant::now();
    let oldest = Binary::locate(OLDEST).await?;
    let oldest = vectors::ask(&oldest, &filter, cases, &[Inside::Host]).await?;
    let current = Binary::locate(CURRENT).await?;
    let current = vectors::ask(&current, &filter, cases, &[Inside::Host, Inside::Pure]).await?;
    say(&format!("in Envoy: {:.1} s", started.elapsed().as_secs_f64()))?;
    let names = ["host", IN_WASM, "host, oldest Envoy"];
    let probes = [current.probes, oldest.probes].concat();
    let inside = current.verdicts.into_iter().chain(oldest.verdicts);
    let mut parties: Vec<Party> = names.into_iter().zip(inside).collect();
    for party in here {
        parties.push(party.await??);
    }
    Ok((parties, probes))
}

/// On a thread of its own.
fn judge_here(
    name: &'static str,
    backend: impl SignatureBackend + Send + 'static,
    cases: &Arc<Vec<Case>>,
) -> JoinHandle<std::io::Result<Party>> {
    let cases = Arc::clone(cases);
    tokio::task::spawn_blocking(move || {
        let started = Instant::now();
        let verdicts = cases.iter().flat_map(|case| case.judge(&backend)).map(Some).collect();
        say(&format!("{name}: {:.1} s", started.elapsed().as_secs_f64()))?;
        Ok((name, verdicts))
    })
}

/// No exception excuses these. Refusals must have the same reason too.
fn disagreements(labels: &[&Label], parties: &[Party]) -> Vec<String> {
    let mut found = Vec::new();
    for (name, verdicts) in parties {
        let missing = verdicts.iter().filter(|verdict| verdict.is_none()).count();
        assert_eq!(verdicts.len(), labels.len(), "{name}");
        // Only pure Rust in wasm is spared some, and the longest keys alone.
        assert!(*name == IN_WASM && missing < labels.len() / 2 || missing == 0, "{name}");
    }
    for (at, label) in labels.iter().enumerate() {
        let verdicts: Vec<_> = parties
            .iter()
            .map(|(name, verdicts)| (name, verdicts.get(at).and_then(Option::as_ref)))
            .collect();
        let answers = || verdicts.iter().filter_map(|(_, verdict)| verdict.as_ref());
        if answers().any(|verdict| Some(verdict) != answers().next()) {
            let name = format!("{} {} ({})", label.file, label.id, label.comment);
            found.push(format!("{name}: the backends disagree: {verdicts:?}"));
        }
    }
    found
}

/// Of those that are about a signature that gets to a backend, the host's function takes RS* and ES*.
fn by_the_host(cases: &[Case], verdicts: &[&Verdict]) -> usize {
    let questions = cases.iter().flat_map(|case| &case.questions);
    let asked = questions.zip(verdicts).filter(|(question, verdict)| {
        let algorithm = match question {
            Question::Signature { algorithm, .. } => algorithm.parse().ok(),
            Question::Token(token) => {
                Jws::parse(token.as_bytes()).ok().and_then(|jws| jws.algorithm())
            }
        };
        let by_host = algorithm.is_some_and(|algorithm: Algorithm| {
            algorithm.name().starts_with("RS") || algorithm.name().starts_with("ES")
        });
        let refused_before = matches!(verdict, Verdict::Refused(why) if why != "signature invalid");
        by_host && !refused_before
    });
    asked.count()
}

fn report(cases: &[Case], labels: &[&Label], parties: &[Party], has_folder: bool) -> Result<()> {
    for (name, verdicts) in parties {
        let verdicts: Vec<&Verdict> = verdicts.iter().flatten().collect();
        let accepted = verdicts.iter().filter(|one| matches!(one, Verdict::Accepted(_))).count();
        let asked = match *name {
            "host" | "host, oldest Envoy" => {
                format!(", {} of them by Envoy's function", by_the_host(cases, &verdicts))
            }
            _ => String::new(),
        };
        say(&format!("{name}: {} vectors, {accepted} accepted{asked}", verdicts.len()))?;
    }
    let either = labels.iter().filter(|label| label.expected == Expected::Acceptable).count();
    say(&format!("{either} vectors may be accepted or refused by their source"))?;
    if !has_folder {
        say(&format!(
            "json_web_signature and json_web_key of Wycheproof were not there: {FOLDER_VARIABLE} names no folder"
        ))?;
    }
    Ok(())
}

/// Past libtest, which hides what a good test prints.
fn say(line: &str) -> std::io::Result<()> {
    writeln!(std::io::stdout(), "vectors: {line}")
}

#[test]
fn a_backend_that_differs_is_a_complaint() {
    let (sources, _) = Source::all().unwrap();
    let labels: Vec<&Label> = sources[0].groups.iter().flat_map(|group| &group.labels).collect();
    let same: Vec<_> = labels.iter().map(|_| Some(Verdict::Refused("a".to_owned()))).collect();
    let mut other = same.clone();
    other[3] = Some(Verdict::Refused("b".to_owned()));
    assert_eq!(disagreements(&labels, &[("x", same.clone()), ("y", same.clone())]), [""; 0]);
    let found = disagreements(&labels, &[("x", same.clone()), ("y", same), ("z", other)]);
    assert_eq!(found.len(), 1);
    assert!(found[0].starts_with("rfc 4 (") && found[0].contains("disagree"), "{found:?}");
}
