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

use serde_json::{Value, json};

use crate::envoy::{Binary, CURRENT};
use crate::folder::Folder;
use crate::idp::Idp;
use crate::parts::Parts;
use crate::stage::{Setup, Stage};
use crate::{Result, idp};

pub mod case;
mod certificate;
mod compare;
mod count;
mod credential;
pub mod dice;
mod doors;
mod features;
mod lint;
mod policy;
pub mod reference;
mod request;
pub mod shrink;
pub mod token;

use case::{Asked, Case, World};
use compare::{against_check, against_reference};
use dice::Dice;
use doors::{Doors, Reach, Said};
use features::Seen;
use reference::{Entrance, Expected, Reference};
use token::{Plan, Truth};

/// The issuer whose keys cannot be fetched.
pub(crate) const UNREACHABLE: &str = "down";
/// Requests to each policy in a short run: of many policies, for features are theirs.
const REQUESTS: usize = 125;
/// Requests to each policy in a long run, whose policies are many anyway. An Envoy takes 5 s to start.
const LONG_REQUESTS: usize = 500;
/// How many cases make a long run.
const LONG: usize = 20_000;
/// Characters of a message that name the failure; values of the case come behind them.
const SAME_FAILURE: usize = 70;
/// For the reference evaluator.
const STACK: usize = 512 << 20;
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
    /// How often each feature came up.
    pub features: BTreeMap<&'static str, usize>,
    /// What went wrong, each with its case.
    pub failures: Vec<(Case, Vec<String>)>,
    /// What went wrong with the counters of a policy.
    pub miscounted: Vec<String>,
}

fn requests(count: usize) -> usize {
    if count < LONG { REQUESTS } else { LONG_REQUESTS }
}

/// Requests to one policy. Where it introspects, at most one of them brings a token of which the provider says nothing useful:
/// five such answers in a row open the sidecar's breaker, and what that refuses depends on the clock. Each door asks once.
fn requests_to(world: &World, dice: &mut Dice, count: usize) -> Vec<Asked> {
    let mut asked: Vec<Asked> = (0..count).map(|_| request::request(dice, world)).collect();
    // An authenticator's; an issuer's is a mapping.
    if world.policy.to_string().contains("\"introspection\":\"") {
        let plans = asked.iter_mut().flat_map(|asked| &mut asked.tokens);
        let useless = plans.filter(|plan| plan.is_useless()).skip(1);
        useless.for_each(|plan| *plan = Plan(json!({ "kind": "text", "text": "strange" })));
    }
    asked
}

/// Runs `count` cases from a seed.
///
/// # Errors
/// When a part does not start, or a door cannot be asked at all.
pub async fn run(seed: u64, count: usize) -> Result<Report> {
    let mut report = Report::default();
    let requests = requests(count);
    let mut dice = Dice::new(seed);
    let parts = Parts::find()?;
    while report.cases < count {
        let mut own = dice.fork();
        let world = lint::world(&parts, &mut own).await?;
        let left = count.saturating_sub(report.cases).min(requests);
        let asked = requests_to(&world, &mut own, left);
        judge(&world, &asked, &mut report).await?;
        if report.failures.len() > 20 {
            break;
        }
    }
    Ok(report)
}

/// The same without the doors: the documents and `sallyport check` alone, which is quick.
///
/// # Errors
/// When the provider does not start.
pub async fn run_offline(seed: u64, count: usize) -> Result<Report> {
    let mut report = Report::default();
    let requests = requests(count);
    let mut dice = Dice::new(seed);
    let (parts, idp) = (Parts::find()?, Idp::start(0).await?);
    while report.cases < count && report.failures.len() <= 20 {
        let mut own = dice.fork();
        let world = lint::world(&parts, &mut own).await?;
        let left = count.saturating_sub(report.cases).min(requests);
        let asked = requests_to(&world, &mut own, left);
        let (scene, _folder) = Scene::without_doors(&world, &asked, &idp).await?;
        report.add(&world, &asked, scene);
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
    let (parts, idp) = (Parts::find()?, Idp::start(0).await?);
    let quick = offline_failure(&idp, &case).await;
    let failure = match &quick {
        Some(failure) => failure.clone(),
        None => failure_of(&replay(&case).await?),
    };
    'again: while started.elapsed() < deadline {
        for mut candidate in shrink::smaller(&case) {
            // What does not load fails in another way.
            let Ok(world) = lint::mended(&parts, candidate.world).await else { continue };
            candidate.world = world;
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
///
/// # Errors
/// When it cannot be written.
pub fn kept(name: &str, text: &str) -> Result<PathBuf> {
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

/// Requests with their tokens, what the documents and `sallyport check` said, and how they differ.
struct Scene {
    asked: Vec<Asked>,
    said: Vec<Said>,
    /// For all doors, and for HTTP.
    expected: Vec<(Expected, Expected)>,
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
        let expected = judged(&reference, &filled)?;
        let pairs = expected.iter().zip(&said);
        let wrong = pairs.map(|((whole, _), said)| against_reference("check", whole, said));
        Ok(Self { wrong: wrong.collect(), asked: filled, said, expected })
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
    let mut pairs = scene.said.iter().zip(&scene.expected);
    for (own, answers) in scene.wrong.iter_mut().zip(answers) {
        let Some((said, (whole, over_http))) = pairs.next() else { break };
        for (door, answer) in answers {
            // Where the documents tell this door apart, it has to be as they say.
            own.extend(match door == doors::HTTP && whole != over_http {
                true => against_reference(door, over_http, &answer),
                false => against_check(door, &answer, said),
            });
        }
    }
    report.miscounted.extend(count::wrong(&stage, &scene.asked, &scene.said).await?);
    stage.close().await?;
    report.add(world, asked, scene);
    Ok(())
}

impl Report {
    fn add(&mut self, world: &World, asked: &[Asked], scene: Scene) {
        let expected = scene.expected.iter().map(|(whole, _)| whole);
        let said = scene.said.iter().zip(expected);
        for ((asked, wrong), (said, expected)) in asked.iter().zip(scene.wrong).zip(said) {
            let seen = Seen { policy: &world.policy, asked, expected, said };
            for (name, is) in features::ALL {
                let count = self.features.entry(name).or_insert(0);
                *count = count.saturating_add(usize::from(is(&seen)));
            }
            self.cases = self.cases.saturating_add(1);
            let reach = Reach::of(asked);
            let partial = usize::from(!reach.http || !reach.envoy);
            self.partial = self.partial.saturating_add(partial);
            for reason in [&said.reason, &said.would_deny].into_iter().flatten() {
                let count = self.reasons.entry(reason.clone()).or_insert(0);
                *count = count.saturating_add(1);
            }
            if !wrong.is_empty() {
                let case = Case { world: world.clone(), asked: asked.clone() };
                self.failures.push((case, wrong));
            }
        }
    }
}

/// What the documents say, for all doors and for HTTP. On a stack of its own: trying a regular
/// expression goes one call deeper for each character.
fn judged(reference: &Reference<'_>, asked: &[Asked]) -> Result<Vec<(Expected, Expected)>> {
    let both = |asked: &Asked| {
        (reference.judge(asked, Entrance::Whole), reference.judge(asked, Entrance::Http))
    };
    std::thread::scope(|scope| {
        let deep = std::thread::Builder::new().stack_size(STACK);
        let own = deep.spawn_scoped(scope, || asked.iter().map(both).collect())?;
        own.join().map_err(|_| "the reference evaluator panicked".into())
    })
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

/// A case from a file, judged again.
///
/// # Errors
/// When there is no such file, or the case cannot be judged.
pub async fn replay_file(path: &Path) -> Result<Vec<String>> {
    replay(&Case::read(path)?).await
}
