//! A real Keycloak before a real Envoy, judged by the policy of `docs/providers/keycloak.md`: what each kind of token
//! gives, keys that change while traffic flows, and a server below `/auth`. Needs Java, and Maven once; runs with
//! `cargo xtask test --with keycloak`.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use sallyport_tests::cases::HOST;
use sallyport_tests::failures::{Failures, told, unharmed};
use sallyport_tests::http1::Request;
use sallyport_tests::keycloak::{
    Below, Grant, Keycloak, PARTNERS, SHOP, claims, header, stage, with_claim, with_kid,
    with_other_signature,
};
use sallyport_tests::stage::{Client, Stage, Way};
use sallyport_tests::{Result, limits, wait};
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tokio::time::MissedTickBehavior;

/// Who got the token, and what became of it.
#[derive(Debug, Clone, Copy)]
enum Token {
    /// An access token as Keycloak gave it: realm, client, grant, scopes asked for.
    Access(&'static str, &'static str, Grant, &'static str),
    /// The ID token of alice by this client.
    Id(&'static str),
    /// Alice's refresh token.
    Refresh,
    /// Alice's access token with another signature.
    OtherSignature,
    /// Bob's access token, to which he added a role.
    RaisedRoles,
    /// Alice's access token, which names the realm's encryption key.
    EncryptionKey,
    /// The administrator's, of the realm `master`.
    Master,
}

use Token::{Access, EncryptionKey, Id, Master, OtherSignature, RaisedRoles, Refresh};

const ALICE: Token = Access(SHOP, "shop-app", Grant::Password("alice"), "openid");
const BOB: Token = Access(SHOP, "shop-app", Grant::Password("bob"), "openid");
const CAROL: Token = Access(PARTNERS, "partner-app", Grant::Password("carol"), "openid");
const SHOP_APP: Token = Access(SHOP, "shop-app", Grant::Client, "");
const PARTNER_APP: Token = Access(PARTNERS, "partner-app", Grant::Client, "");
/// Its tokens do not name `gate`.
const BATCH: Token = Access(SHOP, "shop-batch", Grant::Client, "");
/// Its tokens do not name `orders`.
const OTHER: Token = Access(SHOP, "other-app", Grant::Client, "");
const ALICE_READS: Token = Access(SHOP, "shop-app", Grant::Password("alice"), "orders.read");
const CAROL_READS: Token = Access(PARTNERS, "partner-app", Grant::Password("carol"), "orders.read");

const READ: &str = "GET /orders/1";
const LIST: &str = "GET /orders";
const WRITE: &str = "PUT /orders/1";
const REFUND: &str = "POST /orders/1/refund";
const PAYMENTS: &str = "GET /payments";
const PAY: &str = "POST /orders/1/payment";

/// Name, token, request, status, reason.
const CASES: &[(&str, Token, &str, u16, &str)] = &[
    ("client credentials, RS256", SHOP_APP, READ, 200, ""),
    ("client credentials, ES256", PARTNER_APP, READ, 200, ""),
    ("password, RS256", ALICE, READ, 200, ""),
    ("password, ES256", CAROL, READ, 200, ""),
    ("scope asked for", ALICE_READS, LIST, 200, ""),
    ("scope asked for, ES256", CAROL_READS, LIST, 200, ""),
    ("scope not asked for", ALICE, LIST, 403, "scope_missing"),
    ("realm role", ALICE, WRITE, 200, ""),
    ("realm role, ES256", CAROL, WRITE, 200, ""),
    ("realm role of a service account", SHOP_APP, WRITE, 200, ""),
    ("no realm role", BOB, WRITE, 403, "claim_mismatch"),
    ("no realm role, ES256", PARTNER_APP, WRITE, 403, "claim_mismatch"),
    ("client role", ALICE, REFUND, 200, ""),
    ("client role, ES256", CAROL, REFUND, 200, ""),
    ("no client role", BOB, REFUND, 403, "claim_mismatch"),
    ("a realm role is no client role", SHOP_APP, REFUND, 403, "claim_mismatch"),
    ("no audience mapper", OTHER, READ, 401, "audience_mismatch"),
    ("ID token", Id("shop-app"), READ, 401, "audience_mismatch"),
    ("ID token with the audience", Id("shop-web"), READ, 401, "token_type_mismatch"),
    ("refresh token", Refresh, READ, 401, "algorithm_not_allowed"),
    ("another signature", OtherSignature, READ, 401, "signature_invalid"),
    ("roles added", RaisedRoles, WRITE, 401, "signature_invalid"),
    ("another realm", Master, READ, 401, "issuer_unknown"),
    ("signed with the encryption key", EncryptionKey, READ, 401, "key_unknown"),
    ("asked about", ALICE, PAY, 200, ""),
    ("asked about, no realm role", BOB, PAY, 403, "claim_mismatch"),
    ("asked about, scope", ALICE_READS, PAYMENTS, 200, ""),
    ("asked about, scope not asked for", ALICE, PAYMENTS, 403, "scope_missing"),
    ("asked about, no audience mapper", OTHER, PAY, 401, "audience_mismatch"),
    ("the gate is not in aud, signature", BATCH, READ, 200, ""),
    ("the gate is not in aud, asked about", BATCH, PAY, 401, "token_inactive"),
    ("asked about, ID token", Id("shop-web"), PAY, 401, "token_inactive"),
    ("asked about, refresh token", Refresh, PAY, 401, "token_inactive"),
    ("asked about, another signature", OtherSignature, PAY, 401, "token_inactive"),
    ("asked about, roles added", RaisedRoles, PAY, 401, "token_inactive"),
    ("asked about, encryption key", EncryptionKey, PAY, 401, "token_inactive"),
    ("asked about, another realm", CAROL, PAY, 401, "token_inactive"),
    ("asked about, administrator", Master, PAY, 401, "token_inactive"),
];

/// The same by the sidecar alone, and behind Envoy's own ext_authz.
const WAYS: &[Way] = &[Way::Ask, Way::ExtAuthz, Way::Grpc, Way::Http];

async fn mint(keycloak: &Keycloak, token: Token) -> Result<String> {
    let alice = |client| keycloak.tokens(SHOP, client, Grant::Password("alice"), "openid");
    Ok(match token {
        Access(realm, client, grant, scope) => {
            keycloak.tokens(realm, client, grant, scope).await?.access
        }
        Id(client) => alice(client).await?.id,
        Refresh => alice("shop-app").await?.refresh,
        OtherSignature => with_other_signature(&alice("shop-app").await?.access)?,
        RaisedRoles => {
            let bob = keycloak.tokens(SHOP, "shop-app", Grant::Password("bob"), "").await?;
            with_claim(&bob.access, "realm_access", json!({ "roles": ["clerk"] }))?
        }
        EncryptionKey => {
            let keys = keycloak.key_ids(SHOP, "enc").await?;
            let key = keys.first().ok_or("the realm publishes no encryption key")?;
            with_kid(&alice("shop-app").await?.access, key)?
        }
        Master => keycloak.admin().await?.access,
    })
}

fn request(line: &str, token: &str) -> Request {
    let (method, path) = line.split_once(' ').unwrap_or(("GET", line));
    Request::new(method, path).header("host", HOST).bearer(token)
}

async fn answer(stage: &Stage, way: Way, line: &str, token: &str) -> Result<(u16, String)> {
    Ok(told(&stage.send(way, &request(line, token)).await?))
}

#[tokio::test(flavor = "multi_thread")]
async fn what_each_token_gives() {
    let mut keycloak = Keycloak::start(Below::Root).await.unwrap();
    let begun = Instant::now();
    let stage = stage(&keycloak).await.unwrap();
    let mut failures = Failures::default();
    for (name, token, line, status, reason) in CASES {
        let token = mint(&keycloak, *token).await.unwrap();
        for way in WAYS {
            let actual = answer(&stage, *way, line, &token).await;
            failures.answer(&format!("{name}, {way:?}"), actual, *status, reason);
        }
    }
    for way in WAYS {
        identity_reaches_the_upstream(&keycloak, &stage, *way, &mut failures).await.unwrap();
    }
    revoked(&keycloak, &stage, &mut failures).await.unwrap();
    encryption_keys_are_skipped(&keycloak, &stage, &mut failures).await.unwrap();
    wrong_secret(&keycloak, &stage, &mut failures).await.unwrap();
    // `shop` has the one unknown key of the cases.
    key_requests(&keycloak, SHOP, begun, 1, &mut failures).unwrap();
    key_requests(&keycloak, PARTNERS, begun, 0, &mut failures).unwrap();
    unharmed(&stage, &mut failures).await.unwrap();
    stage.close().await.unwrap();
    keycloak.stop().await.unwrap();
    assert_eq!(failures.report(), None);
}

/// The names of the policy's headers, in ours and in the client's spelling.
const IDENTITY: &[&str] = &["x-user", "x-subject", "x-client", "x-roles"];

async fn identity_reaches_the_upstream(
    keycloak: &Keycloak,
    stage: &Stage,
    way: Way,
    failures: &mut Failures,
) -> Result<()> {
    for (token, user, client, roles) in [
        (ALICE, "alice", "shop-app", Some("clerk")),
        (BOB, "bob", "shop-app", None),
        (SHOP_APP, "service-account-shop-app", "shop-app", Some("clerk")),
        (CAROL, "carol", "partner-app", Some("clerk")),
    ] {
        let token = mint(keycloak, token).await?;
        let subject =
            claims(&token)?.get("sub").and_then(Value::as_str).unwrap_or_default().to_owned();
        let spoofed = IDENTITY
            .iter()
            .fold(request(READ, &token), |request, name| request.header(name, "mallory"));
        stage.echo.forget();
        let actual = stage.send(way, &spoofed).await.map(|response| told(&response));
        failures.answer(&format!("{user}, {way:?}"), actual, 200, "");
        let seen = stage.echo.last().ok_or("nothing reached the upstream")?;
        let expected = [Some(user), Some(&subject), Some(client), roles];
        for (name, value) in IDENTITY.iter().zip(expected) {
            let value: Vec<String> = value.into_iter().map(str::to_owned).collect();
            failures.same(&format!("{user}, {way:?}, {name}"), seen.values(name), value);
        }
        failures.same("the credential", seen.values("authorization"), Vec::new());
    }
    Ok(())
}

/// A revoked token is inactive once the reply that is kept is too old, and good by its signature.
async fn revoked(keycloak: &Keycloak, stage: &Stage, failures: &mut Failures) -> Result<()> {
    let token = mint(keycloak, ALICE).await?;
    failures.answer("not revoked", answer(stage, Way::Ask, PAY, &token).await, 200, "");
    keycloak.revoke(SHOP, "shop-app", &token).await?;
    for way in WAYS {
        // Each of Envoy's workers remembers verdicts of its own, and connections reach either.
        let refused = || async {
            for _ in 0..8 {
                if answer(stage, *way, PAY, &token).await.is_ok_and(|(status, _)| status == 200) {
                    return false;
                }
            }
            true
        };
        if wait::until(limits::ANSWER, refused).await.is_err() {
            failures.push(format!("revoked, {way:?}: still accepted"));
        }
        let asked = answer(stage, *way, PAY, &token).await;
        failures.answer(&format!("revoked, {way:?}"), asked, 401, "token_inactive");
    }
    failures.answer("revoked, signature", answer(stage, Way::Ask, READ, &token).await, 200, "");
    Ok(())
}

/// Keycloak refuses the gate itself: that is no client's fault, and no token is judged by it.
async fn wrong_secret(keycloak: &Keycloak, stage: &Stage, failures: &mut Failures) -> Result<()> {
    let token = mint(keycloak, ALICE).await?;
    failures.answer("the right secret", answer(stage, Way::Grpc, PAY, &token).await, 200, "");
    stage.write("secrets/keycloak-gate", "another")?;
    // The sidecar reads it soon, and what it was told of the token is kept for a while.
    let refused = || async {
        answer(stage, Way::Grpc, PAY, &token).await.is_ok_and(|(status, _)| status != 200)
    };
    failures.same("it was read", wait::until(limits::ANSWER, refused).await.is_ok(), true);
    for way in [Way::Ask, Way::ExtAuthz, Way::Grpc] {
        let token = mint(keycloak, ALICE).await?;
        let actual = answer(stage, way, PAY, &token).await;
        failures.answer(&format!("wrong secret, {way:?}"), actual, 503, "dependency_unavailable");
        let inline = answer(stage, way, READ, &token).await;
        failures.answer(&format!("wrong secret, signature, {way:?}"), inline, 200, "");
    }
    Ok(())
}

/// Each realm publishes an encryption key, and each door leaves it out and counts it.
async fn encryption_keys_are_skipped(
    keycloak: &Keycloak,
    stage: &Stage,
    failures: &mut Failures,
) -> Result<()> {
    const SKIPPED: &str = "wasmcustom.sallyport.jwks_keys_skipped.";
    let reason = format!("{SKIPPED}use_not_signature");
    stage.envoy.wait_stat(&reason, 2, limits::COUNTED).await?;
    let reasons: Vec<String> = stage.envoy.stats(SKIPPED).await?.into_keys().collect();
    failures.same("reasons of the filter", reasons, vec![reason]);
    let metrics = stage.sidecar_metrics().await?;
    let counter = "sallyport_jwks_keys_skipped_total";
    let reasons = metrics.label_values(counter, "reason");
    failures.same("reasons of the sidecar", reasons, vec!["use_not_signature".to_owned()]);
    for realm in [SHOP, PARTNERS] {
        for usage in ["sig", "enc"] {
            let count = keycloak.key_ids(realm, usage).await?.len();
            failures.same(&format!("{realm}'s keys with use {usage}"), count, 1);
        }
        let skipped = metrics.sum(counter, &[("issuer", realm)]);
        failures.same(&format!("the sidecar skipped one of {realm}"), skipped >= 1.0, true);
    }
    Ok(())
}

/// The gate asked for a realm's keys as often as it may: filter and sidecar each at first, for these unknown keys, and
/// when the keys' life is over. Keycloak forbids to cache them, so that is a minute, of which 45 s pass at least.
fn key_requests(
    keycloak: &Keycloak,
    realm: &str,
    begun: Instant,
    unknown: u64,
    failures: &mut Failures,
) -> Result<()> {
    let asked = u64::try_from(keycloak.key_requests(realm)?)?;
    let refreshed = begun.elapsed().as_secs().div_ceil(45);
    let most = refreshed.saturating_add(unknown).saturating_add(1).saturating_mul(2);
    if !(2..=most).contains(&asked) {
        failures.push(format!("keys of {realm}: asked for {asked} times, not 2 to {most}"));
    }
    Ok(())
}

/// What came back for one request of the traffic.
#[derive(Debug, Clone)]
struct Answered {
    at: Instant,
    client: usize,
    /// The number of the key that signed the token.
    key: usize,
    status: u16,
    reason: String,
}

/// What the clients of the traffic share with the test.
#[derive(Debug, Default)]
struct Shared {
    tokens: Mutex<Vec<String>>,
    answers: Mutex<Vec<Answered>>,
    stop: AtomicBool,
}

/// The data of a lock, also after a panic of another client.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Clients that send all tokens in turn until they are told to stop.
struct Traffic {
    shared: Arc<Shared>,
    clients: Vec<JoinHandle<Result<()>>>,
}

impl Traffic {
    /// Between two requests of a client: six of them send some hundred requests a second.
    const PACE: Duration = Duration::from_millis(10);

    fn start(stage: &Stage, ways: &[Way], token: String) -> Result<Self> {
        let shared = Arc::new(Shared::default());
        locked(&shared.tokens).push(token);
        let mut clients = Vec::new();
        for (number, way) in ways.iter().enumerate() {
            let client = stage.client(*way)?;
            clients.push(tokio::spawn(flow(client, number, Arc::clone(&shared))));
        }
        Ok(Self { shared, clients })
    }

    /// Sends this token too, from now on.
    fn add(&self, token: String) {
        locked(&self.shared.tokens).push(token);
    }

    fn answers(&self) -> Vec<Answered> {
        locked(&self.shared.answers).clone()
    }

    /// Waits until every client had this many more answers to the token of this key.
    async fn go_on(&self, key: usize, count: usize) -> Result<()> {
        let begun = Instant::now();
        let enough = || async {
            let answers = self.answers();
            (0..self.clients.len()).all(|client| {
                let own = |answer: &&Answered| {
                    answer.client == client && answer.key == key && answer.at > begun
                };
                answers.iter().filter(own).count() >= count
            })
        };
        wait::until(limits::COMMAND, enough).await
    }

    /// Ends the clients and gives every answer.
    async fn stop(self) -> Result<Vec<Answered>> {
        self.shared.stop.store(true, Ordering::Relaxed);
        let mut ends = Vec::new();
        for client in self.clients {
            ends.push(client.await?);
        }
        ends.into_iter().collect::<Result<()>>()?;
        Ok(std::mem::take(&mut *locked(&self.shared.answers)))
    }
}

async fn flow(mut client: Client, number: usize, shared: Arc<Shared>) -> Result<()> {
    let mut pace = tokio::time::interval(Traffic::PACE);
    pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while !shared.stop.load(Ordering::Relaxed) {
        let tokens = locked(&shared.tokens).clone();
        for (key, token) in tokens.iter().enumerate() {
            pace.tick().await;
            let at = Instant::now();
            let (status, reason) = told(&client.send(&request(READ, token)).await?);
            let answered = Answered { at, client: number, key, status, reason };
            locked(&shared.answers).push(answered);
        }
    }
    Ok(())
}

/// How long the gate may go on with a key that is gone: the keys live for a minute, and a worker of Envoy looks for what
/// another one fetched every 15 s at least.
const REFRESH: Duration = Duration::from_secs(90);

#[tokio::test(flavor = "multi_thread")]
async fn keys_change_while_traffic_flows() {
    let mut keycloak = Keycloak::start(Below::Root).await.unwrap();
    let begun = Instant::now();
    let stage = stage(&keycloak).await.unwrap();
    let mut failures = Failures::default();
    let mint = || mint(&keycloak, SHOP_APP);
    let kid = |token: &str| header(token).unwrap()["kid"].as_str().unwrap_or_default().to_owned();
    let first = mint().await.unwrap();
    let first_key = keycloak.key(SHOP, "signing-1").await.unwrap();
    let ways = [Way::Ask, Way::Ask, Way::Ask, Way::ExtAuthz, Way::Grpc, Way::Http];
    let traffic = Traffic::start(&stage, &ways, first.clone()).unwrap();
    traffic.go_on(0, 20).await.unwrap();

    keycloak.add_rsa_key(SHOP, "signing-2", 200).await.unwrap();
    let second = mint().await.unwrap();
    assert_ne!(kid(&first), kid(&second), "the new key does not sign");
    traffic.add(second.clone());
    traffic.go_on(1, 20).await.unwrap();

    keycloak.make_passive(&first_key).await.unwrap();
    let published = keycloak.key_ids(SHOP, "sig").await.unwrap();
    failures.same("a passive key is published", published.contains(&kid(&first)), true);
    traffic.go_on(0, 20).await.unwrap();
    failures.answer("passive, asked", answer(&stage, Way::Ask, PAY, &first).await, 200, "");

    let deleted = Instant::now();
    keycloak.delete_key(&first_key).await.unwrap();
    let published = keycloak.key_ids(SHOP, "sig").await.unwrap();
    failures.same("published after the deletion", published, vec![kid(&second)]);
    let inactive = || async {
        answer(&stage, Way::Ask, PAY, &first).await.is_ok_and(|(status, _)| status == 401)
    };
    failures.same("inactive when asked", wait::until(REFRESH, inactive).await.is_ok(), true);

    let all_refuse = || async {
        let answers = traffic.answers();
        (0..ways.len()).all(|client| {
            let last = answers.iter().rfind(|answer| answer.client == client && answer.key == 0);
            last.is_some_and(|last| last.status != 200)
        })
    };
    failures.same("refused at last", wait::until(REFRESH, all_refuse).await.is_ok(), true);
    traffic.go_on(0, 20).await.unwrap();
    traffic.go_on(1, 20).await.unwrap();

    let answers = traffic.stop().await.unwrap();
    judge(&answers, ways.len(), deleted, &mut failures);
    // For the second key, and for the first one when it was gone.
    key_requests(&keycloak, SHOP, begun, 2, &mut failures).unwrap();
    unharmed(&stage, &mut failures).await.unwrap();
    stage.close().await.unwrap();
    keycloak.stop().await.unwrap();
    assert_eq!(failures.report(), None);
}

/// No answer but these: every token is accepted, and the first key's are `key_unknown` some time after its deletion,
/// and then for good.
fn judge(answers: &[Answered], clients: usize, deleted: Instant, failures: &mut Failures) {
    for client in 0..clients {
        let (mut first, mut second, mut refused) = (0_u32, 0_u32, 0_u32);
        let mut wrong = Vec::new();
        for answer in answers.iter().filter(|answer| answer.client == client) {
            let count = match (answer.key, answer.status, answer.reason.as_str()) {
                (0, 200, _) if refused == 0 => &mut first,
                (0, 401, "key_unknown") if answer.at > deleted => &mut refused,
                (1, 200, _) => &mut second,
                _ => {
                    wrong.push(answer);
                    continue;
                }
            };
            *count = count.saturating_add(1);
        }
        if first < 40 || second < 40 || refused < 20 {
            let counts = format!("{first} and {second} accepted, {refused} refused");
            failures.push(format!("client {client}: {counts}"));
        }
        if let Some(example) = wrong.first() {
            failures.push(format!("client {client}: {} wrong, first {example:?}", wrong.len()));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_below_auth() {
    let mut keycloak = Keycloak::start(Below::Auth).await.unwrap();
    let stage = stage(&keycloak).await.unwrap();
    let mut failures = Failures::default();
    let cases = [("RS256", SHOP_APP, READ), ("ES256", CAROL, READ), ("asked about", ALICE, PAY)];
    for (name, token, line) in cases {
        let token = mint(&keycloak, token).await.unwrap();
        let issuer = claims(&token).unwrap()["iss"].as_str().unwrap().to_owned();
        failures.same("iss has /auth", issuer.contains("/auth/realms/"), true);
        for way in [Way::Ask, Way::Grpc] {
            failures.answer(name, answer(&stage, way, line, &token).await, 200, "");
        }
    }
    unharmed(&stage, &mut failures).await.unwrap();
    stage.close().await.unwrap();
    keycloak.stop().await.unwrap();
    assert_eq!(failures.report(), None);
}
