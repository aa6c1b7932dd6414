//! One answer everywhere: policies and requests by chance, hostile ones among them, judged by a
//! reference evaluator written from the documents alone, by `sallyport check`, by the real filter in
//! Envoy, and by the sidecar over gRPC (both ways of carrying headers) and HTTP. All must agree on
//! status, reason, rule, the denial's answer, and on everything that the upstream gets.
//!
//! A case is data ([`case::Case`]), so that a failing one is cut down by deletion ([`shrink`]) and
//! written as a file to replay. A generator of our own with a seed instead of proptest: whether a
//! policy loads depends on all of it, and its shrinking would have to start an Envoy for each step.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::envoy::{Binary, CURRENT};
use crate::folder::Folder;
use crate::idp::Idp;
use crate::parts::Parts;
use crate::stage::{Setup, Stage};
use crate::{Result, idp, limits, wait};

pub mod case;
mod credential;
pub mod dice;
mod doors;
mod lint;
mod policy;
pub mod reference;
mod request;
pub mod shrink;
pub mod token;

use case::{Asked, Case, World};
use dice::Dice;
use doors::{Doors, Reach, Said};
use reference::{Expected, Reference};
use token::Truth;

/// The issuer whose keys cannot be fetched.
pub(crate) const UNREACHABLE: &str = "down";
/// Requests to each policy.
const REQUESTS: usize = 250;
/// Characters of a message that name the failure; values of the case come behind them.
const SAME_FAILURE: usize = 70;
/// Requests under way at once.
const AT_ONCE: usize = 4;

/// What a run found.
#[derive(Debug, Default)]
pub struct Report {
    /// Cases judged by every party.
    pub cases: usize,
    /// Cases that could not reach every door.
    pub partial: usize,
    /// How often each reason was given.
    pub reasons: BTreeMap<String, usize>,
    /// What went wrong, each with its case.
    pub failures: Vec<(Case, Vec<String>)>,
    /// What went wrong with the counters of a policy.
    pub miscounted: Vec<String>,
}

/// Runs `count` cases from a seed.
///
/// # Errors
/// When a part does not start, or a door cannot be asked at all.
pub async fn run(seed: u64, count: usize) -> Result<Report> {
    let mut report = Report::default();
    let mut dice = Dice::new(seed);
    let parts = Parts::find()?;
    while report.cases < count {
        let mut own = dice.fork();
        let world = lint::world(&parts, &mut own).await?;
        let left = count.saturating_sub(report.cases).min(REQUESTS);
        let asked: Vec<Asked> = (0..left).map(|_| request::request(&mut own, &world)).collect();
        judge(&world, &asked, &mut report).await?;
        if report.failures.len() > 20 {
            break;
        }
    }
    Ok(report)
}

/// Judges one case on a stage of its own; what is wrong with it.
///
/// # Errors
/// When the policy does not load, or a door cannot be asked at all.
pub async fn replay(case: &Case) -> Result<Vec<String>> {
    let mut report = Report::default();
    judge(&case.world, std::slice::from_ref(&case.asked), &mut report).await?;
    Ok(report.failures.into_iter().flat_map(|(_, wrong)| wrong).chain(report.miscounted).collect())
}

/// Cuts a failing case down and writes it to a file. Where the documents and `sallyport check`
/// differ already, they alone are asked, which is quick.
///
/// # Errors
/// When the file cannot be written.
pub async fn smallest(mut case: Case, deadline: std::time::Duration) -> Result<(Case, PathBuf)> {
    let started = std::time::Instant::now();
    let idp = Idp::start(0).await?;
    let quick = offline_failure(&idp, &case).await;
    let failure = match &quick {
        Some(failure) => failure.clone(),
        None => failure_of(&replay(&case).await?),
    };
    'again: while started.elapsed() < deadline {
        for candidate in shrink::smaller(&case) {
            let now = match &quick {
                Some(_) => offline_failure(&idp, &candidate).await.unwrap_or_default(),
                None => failure_of(&replay(&candidate).await.unwrap_or_default()),
            };
            // Another failure is another case.
            if now == failure {
                case = candidate;
                continue 'again;
            }
            if started.elapsed() >= deadline {
                break;
            }
        }
        break;
    }
    let path = kept("case.json", &case.to_text())?;
    Ok((case, path))
}

/// What the documents have against `sallyport check` on a policy that loads.
async fn offline_failure(idp: &Idp, case: &Case) -> Option<String> {
    let asked = std::slice::from_ref(&case.asked);
    let (scene, _folder) = Scene::without_doors(&case.world, asked, idp).await.ok()?;
    let failure = failure_of(&scene.wrong.concat());
    (!failure.is_empty()).then_some(failure)
}

/// The beginning of the first message, by which a failure is known while its case gets smaller.
fn failure_of(wrong: &[String]) -> String {
    wrong.first().map_or_else(String::new, |first| first.chars().take(SAME_FAILURE).collect())
}

/// Writes a file that outlives the run.
fn kept(name: &str, text: &str) -> Result<PathBuf> {
    let folder = crate::parts::target().join("generated");
    std::fs::create_dir_all(&folder)?;
    let path = folder.join(name);
    std::fs::write(&path, text)?;
    Ok(path)
}

/// A stage with a policy. The request reaches the filter as it was sent: nothing before it refuses
/// or rewrites, so that what every door answers can be the same.
async fn stage(world: &World) -> Result<Stage> {
    let folder = lint::write(world)?;
    let mut setup = Setup::quickstart(Parts::find()?, Binary::locate(CURRENT).await?);
    setup.policy = Some(folder.path().to_owned());
    setup.paths_as_sent = true;
    Stage::open(setup).await
}

/// Requests with their tokens, what `sallyport check` said, and what the documents have against it.
struct Scene {
    asked: Vec<Asked>,
    said: Vec<Said>,
    wrong: Vec<Vec<String>>,
}

impl Scene {
    async fn new(world: &World, asked: &[Asked], idp: &Idp, folder: &Path) -> Result<Self> {
        let policy = std::fs::read_to_string(folder.join("policy.yaml"))?;
        let here = World { policy: serde_json::from_str(&policy)?, roles: world.roles.clone() };
        let mut tokens = Vec::new();
        let mut filled = Vec::new();
        for asked in asked {
            let own: Vec<Truth> =
                asked.tokens.iter().map(|plan| plan.mint(idp)).collect::<Result<_>>()?;
            let texts: Vec<String> = own.iter().map(|truth| truth.text.clone()).collect();
            filled.push(asked.with_tokens(&texts));
            tokens.extend(own);
        }
        let keys = keys(&idp.jwks());
        let now = i64::try_from(idp::now())?;
        let unreachable = &[UNREACHABLE];
        let reference = Reference { world: &here, tokens: &tokens, keys: &keys, unreachable, now };
        let said = doors::offline(folder, idp, &filled, &here.policy).await?;
        let pairs = filled.iter().zip(&said);
        let wrong = pairs.map(|(asked, said)| against_reference(&reference.judge(asked), said));
        Ok(Self { wrong: wrong.collect(), asked: filled, said })
    }

    /// The documents and `sallyport check` alone, without a stage.
    async fn without_doors(world: &World, asked: &[Asked], idp: &Idp) -> Result<(Self, Folder)> {
        let folder = lint::write(world)?;
        let policy = world.policy.to_string();
        let here = policy.replace("127.0.0.1:18080", &format!("127.0.0.1:{}", idp.port()));
        folder.write("policy.yaml", &here)?;
        Ok((Self::new(world, asked, idp, folder.path()).await?, folder))
    }
}

async fn judge(world: &World, asked: &[Asked], report: &mut Report) -> Result<()> {
    let stage = stage(world).await?;
    let mut scene = Scene::new(world, asked, &stage.idp, stage.scenario()).await?;
    let answers = ask_all(&stage, &scene.asked).await?;
    let mut pairs = scene.said.iter().zip(&scene.asked);
    for (own, answers) in scene.wrong.iter_mut().zip(answers) {
        let Some((said, asked)) = pairs.next() else { break };
        for (door, answer) in answers {
            own.extend(against_check(door, &answer, said, asked));
        }
    }
    report.miscounted.extend(counters(&stage, &scene.asked, &scene.said).await?);
    stage.close().await?;
    for ((asked, wrong), said) in asked.iter().zip(scene.wrong).zip(&scene.said) {
        report.cases = report.cases.saturating_add(1);
        let reach = Reach::of(asked);
        report.partial = report.partial.saturating_add(usize::from(!reach.http || !reach.envoy));
        for reason in [&said.reason, &said.would_deny].into_iter().flatten() {
            let count = report.reasons.entry(reason.clone()).or_insert(0);
            *count = count.saturating_add(1);
        }
        if !wrong.is_empty() {
            let case = Case { world: world.clone(), asked: asked.clone() };
            report.failures.push((case, wrong));
        }
    }
    Ok(())
}

/// Key id and algorithm of the keys for signatures.
fn keys(jwks: &Value) -> Vec<(String, String)> {
    let keys = jwks.get("keys").and_then(Value::as_array);
    let signs = |key: &&Value| key.get("use").is_none_or(|it| it == "sig");
    let text = |key: &Value, name: &str| key.get(name).and_then(Value::as_str).map(str::to_owned);
    let pair = |key: &Value| Some((text(key, "kid")?, text(key, "alg")?));
    keys.into_iter().flatten().filter(signs).filter_map(pair).collect()
}

/// All requests through all doors, some at once.
async fn ask_all(stage: &Stage, asked: &[Asked]) -> Result<Vec<Vec<(&'static str, Said)>>> {
    let share = |worker: usize| async move {
        let mut doors = Doors::open(stage).await?;
        let mut answers = Vec::new();
        for (at, asked) in asked.iter().enumerate().skip(worker).step_by(AT_ONCE) {
            let answer = doors.ask(asked).await;
            answers.push((at, answer.map_err(|error| format!("{error}: {asked:?}"))?));
        }
        Ok::<_, crate::Error>(answers)
    };
    let (one, two, three, four) = tokio::join!(share(0), share(1), share(2), share(3));
    let mut all: Vec<_> = [one?, two?, three?, four?].concat();
    all.sort_by_key(|(at, _)| *at);
    Ok(all.into_iter().map(|(_, answer)| answer).collect())
}

fn against_reference(expected: &Expected, said: &Said) -> Vec<String> {
    let mut wrong = Vec::new();
    let is_one = |words: &[&str], word: Option<&str>| match word {
        Some(word) => words.contains(&word),
        None => words.is_empty(),
    };
    if !is_one(&expected.reasons, said.reason.as_deref()) {
        wrong.push(format!("check gave {:?}, the documents {:?}", said.reason, expected.reasons));
        return wrong;
    }
    let reason = said.reason.as_deref().unwrap_or_default();
    if said.status != reference::status(reason) {
        wrong.push(format!("check gave {} for {reason}", said.status));
    }
    if said.rule != expected.rule {
        wrong.push(format!("check gave rule {:?}, the documents {:?}", said.rule, expected.rule));
    }
    if !is_one(&expected.would_deny, said.would_deny.as_deref()) {
        let (own, wanted) = (&said.would_deny, &expected.would_deny);
        wrong.push(format!("check would deny {own:?}, the documents {wanted:?}"));
    }
    if let Some(upstream) = &said.upstream {
        let wanted = &expected.upstream;
        if upstream.headers != wanted.headers {
            wrong.push(differences("upstream", &upstream.headers, &wanted.headers));
        }
        if upstream.path != wanted.path {
            wrong.push(format!("check sends {}, the documents {}", upstream.path, wanted.path));
        }
    }
    if said.upstream.is_some() != expected.allowed {
        wrong.push(format!(
            "allowed: {}, the documents {}",
            said.upstream.is_some(),
            expected.allowed
        ));
    }
    wrong
}

fn against_check(door: &str, said: &Said, check: &Said, asked: &Asked) -> Vec<String> {
    let mut wrong = Vec::new();
    // An answer over HTTP cannot change the path (docs/credentials.md).
    let new_path = check.upstream.as_ref().is_some_and(|own| own.path != asked.path);
    if door == "HTTP" && new_path {
        return match said.status {
            503 => wrong,
            other => vec![format!("HTTP: {other}, although the path changes")],
        };
    }
    let mut same = |what: &str, own: String, wanted: String| {
        if own != wanted {
            wrong.push(format!("{door}: {what} {own}, check {wanted}"));
        }
    };
    same("status", said.status.to_string(), check.status.to_string());
    let tells = said.reason.is_some() || check.upstream.is_none();
    if tells {
        // The answer to a HEAD has no body.
        if said.body.is_some() || said.upstream.is_some() {
            // The plain form tells both in its sentence alone.
            if said.reason.is_some() {
                same("reason", format!("{:?}", said.reason), format!("{:?}", check.reason));
                same("rule", format!("{:?}", said.rule), format!("{:?}", check.rule));
            }
            same("body", format!("{:?}", said.body), format!("{:?}", check.body));
        }
        same("headers", format!("{:?}", said.headers), format!("{:?}", check.headers));
    }
    if door.starts_with("gRPC") {
        same("would deny", format!("{:?}", said.would_deny), format!("{:?}", check.would_deny));
    }
    match (&said.upstream, &check.upstream) {
        (Some(own), Some(wanted)) => {
            same("path", own.path.clone(), wanted.path.clone());
            if own.headers != wanted.headers {
                wrong.push(format!(
                    "{door}: {}",
                    differences("upstream", &own.headers, &wanted.headers)
                ));
            }
        }
        (own, wanted) => same("allowed", own.is_some().to_string(), wanted.is_some().to_string()),
    }
    wrong
}

type Headers = BTreeMap<String, Vec<u8>>;

fn differences(what: &str, own: &Headers, wanted: &Headers) -> String {
    let mut names: Vec<&String> = own.keys().chain(wanted.keys()).collect();
    names.sort();
    names.dedup();
    let text = |bytes: Option<&Vec<u8>>| bytes.map(|it| String::from_utf8_lossy(it).into_owned());
    let mut parts = Vec::new();
    for name in names {
        let (own, wanted) = (own.get(name), wanted.get(name));
        if own != wanted {
            parts.push(format!("{name}: {:?}, wanted {:?}", text(own), text(wanted)));
        }
    }
    format!("{what}: {}", parts.join("; "))
}

/// An allow through Envoy or over HTTP tells its rule and reason only in the counters.
async fn counters(stage: &Stage, asked: &[Asked], said: &[Said]) -> Result<Vec<String>> {
    let mut expected: BTreeMap<String, u64> = BTreeMap::new();
    for (asked, said) in asked.iter().zip(said) {
        if Reach::of(asked).envoy {
            let rule = said.rule.as_deref().unwrap_or("-");
            let name = format!("{rule}.{}", said.reason.as_deref().unwrap_or_default());
            let count = expected.entry(name).or_insert(0);
            *count = count.saturating_add(1);
        }
    }
    let prefix = "wasmcustom.sallyport.decisions.";
    let observed = || async {
        let mut counts: BTreeMap<String, u64> = BTreeMap::new();
        for (name, count) in stage.envoy.stats(prefix).await? {
            // Behind the door that decided: filter, sidecar or cache.
            let name = name.strip_prefix(prefix).and_then(|it| it.split_once('.'));
            if let (Some((_, name)), true) = (name, count > 0) {
                let sum = counts.entry(name.to_owned()).or_insert(0);
                *sum = sum.saturating_add(count);
            }
        }
        Ok::<_, crate::Error>(counts)
    };
    let all = || async { (observed().await.ok()? == expected).then_some(()) };
    if wait::value(limits::COUNTED, all).await.is_ok() {
        return Ok(Vec::new());
    }
    let observed = observed().await?;
    let names = expected.keys().chain(observed.keys());
    let mut wrong: Vec<String> = names
        .filter(|name| expected.get(*name) != observed.get(*name))
        .map(|name| {
            let (own, wanted) = (observed.get(name), expected.get(name));
            format!("Envoy counted `{name}` {own:?}, check gave it {wanted:?}")
        })
        .collect();
    wrong.sort();
    wrong.dedup();
    Ok(wrong)
}

/// A case from a file, judged again.
///
/// # Errors
/// When there is no such file, or the case cannot be judged.
pub async fn replay_file(path: &Path) -> Result<Vec<String>> {
    replay(&Case::read(path)?).await
}
