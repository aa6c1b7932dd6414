//! Every published attack of `docs/threats.md`, twice: through `sallyport check` and through the filter in Envoy. Each
//! token is refused for the reason that its case names, no upstream sees it, no address that it names is fetched, and a
//! good token passes before and after it all.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use sallyport_tests::attacks::{self, Forge};
use sallyport_tests::cases::HOST;
use sallyport_tests::failures::{Failures, told, unharmed};
use sallyport_tests::http1::Request;
use sallyport_tests::idp::{Endpoint, Fault};
use sallyport_tests::stage::{Stage, Way};
use sallyport_tests::{Result, threats};
use serde_json::{Value, json};

/// The section of `docs/threats.md` with one row for each case.
const SECTION: &str = "## Published attacks on token verifiers";
/// Longest that one token may take: the attacks on time and memory are among them. A request takes milliseconds.
const SLOW: Duration = Duration::from_secs(2);

/// A token and what it must be answered; an allow has no reason in Envoy's answer.
struct Ask {
    name: String,
    token: String,
    status: u16,
    reason: &'static str,
}

/// Good tokens, all attacks, good tokens again.
fn asks(forge: &Forge) -> Result<Vec<Ask>> {
    let good = |name: &str, token: &str| Ask {
        name: name.to_owned(),
        token: token.to_owned(),
        status: 200,
        reason: "allowed",
    };
    let mut asks = vec![good("before", forge.good()), good("remembered", forge.good())];
    for attack in attacks::all() {
        let tokens = (attack.forge)(forge).map_err(|error| format!("{}: {error}", attack.id))?;
        asks.extend(tokens.into_iter().enumerate().map(|(at, token)| Ask {
            name: format!("{} {at}", attack.id),
            token,
            status: attack.reason.status(),
            reason: attack.reason.word(),
        }));
    }
    asks.push(good("after", forge.good()));
    for token in forge.other_good()? {
        asks.push(good("after, another algorithm", &token));
    }
    Ok(asks)
}

async fn offline(
    stage: &Stage,
    forge: &Forge,
    asks: &[Ask],
    failures: &mut Failures,
) -> Result<()> {
    stage.write("jwks.json", &forge.jwks()?.to_string())?;
    let line = |ask: &Ask| {
        let credential = format!("Bearer {}", ask.token);
        json!({
            "id": ask.name, "method": "GET", "scheme": "http", "host": HOST, "path": "/orders/7",
            "headers": [["authorization", credential]], "source": "127.0.0.1:40000",
        })
    };
    let input: String = asks.iter().map(|ask| format!("{}\n", line(ask))).collect();
    let arguments = ["check", "--policy", "policy.yaml", "--jwks", "main=jwks.json", "--json"];
    let output = stage.sallyport(&arguments, &input).await?;
    let text = String::from_utf8(output.stdout)?;
    let lines: Vec<Value> = text.lines().map(serde_json::from_str).collect::<Result<_, _>>()?;
    if lines.len() != asks.len() {
        let complaint = String::from_utf8_lossy(&output.stderr);
        return Err(
            format!("{} lines for {} requests: {complaint}", lines.len(), asks.len()).into()
        );
    }
    for (ask, line) in asks.iter().zip(&lines) {
        let expected = json!([ask.status, ask.reason]);
        let actual = json!([line["status"], line["reason"]]);
        failures.same(&format!("check, {}", ask.name), actual, expected);
    }
    Ok(())
}

async fn online(stage: &Stage, asks: &[Ask], failures: &mut Failures) -> Result<()> {
    let mut client = stage.client(Way::Ask)?;
    let count = stage.echo.count();
    for ask in asks {
        let started = Instant::now();
        let request = Request::get(HOST, "/orders/7").bearer(&ask.token);
        let actual = client.send(&request).await.map(|response| told(&response));
        let reason = if ask.status == 200 { "" } else { ask.reason };
        failures.answer(&format!("Envoy, {}", ask.name), actual, ask.status, reason);
        if started.elapsed() > SLOW {
            failures.push(format!("Envoy, {}: took {:?}", ask.name, started.elapsed()));
        }
    }
    let allowed = asks.iter().filter(|ask| ask.status == 200).count();
    let seen = stage.echo.count().saturating_sub(count);
    failures.same("requests upstream", seen, u64::try_from(allowed)?);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn published_attacks_are_refused() {
    let stage = Stage::with_policy("agreement").await.unwrap();
    let forge = Forge::new(stage.idp.issuer()).unwrap();
    stage.idp.fault(Endpoint::Jwks, Fault::Body(forge.jwks().unwrap().to_string()));
    let asks = asks(&forge).unwrap();
    let mut failures = Failures::default();
    offline(&stage, &forge, &asks, &mut failures).await.unwrap();
    online(&stage, &asks, &mut failures).await.unwrap();
    // `jku`, `x5u` and `iss` with an address at the provider: nobody asked there.
    failures.same("fetches elsewhere", stage.idp.count(Endpoint::Other), 0);
    unharmed(&stage, &mut failures).await.unwrap();
    stage.close().await.unwrap();
    assert_eq!(failures.report(), None);
}

/// All of it once more against an issuer with a shared secret, which the sidecar judges: no token passes that was not made
/// with the secret, whatever the reason is called.
#[tokio::test(flavor = "multi_thread")]
async fn published_attacks_are_refused_where_a_secret_signs() {
    let stage = Stage::with_policy("attacks-hmac").await.unwrap();
    let secret = std::fs::read_to_string(stage.scenario().join("secrets/shared")).unwrap();
    let forge = Forge::new(stage.idp.issuer()).unwrap();
    let mut tokens = attacks::hmac::near(&forge, secret.trim_end());
    for attack in attacks::all() {
        tokens.extend((attack.forge)(&forge).unwrap());
    }
    tokens.extend(forge.other_good().unwrap());
    tokens.push(forge.good().to_owned());
    let good = attacks::hmac::good(&forge, secret.trim_end());
    let mut failures = Failures::default();
    for way in [Way::Ask, Way::Grpc] {
        let mut client = stage.client(way).unwrap();
        let ends = (good.clone(), 200);
        let all = tokens.iter().map(|token| (token.clone(), 401));
        for (at, (token, status)) in [ends.clone()].into_iter().chain(all).chain([ends]).enumerate()
        {
            let response =
                client.send(&Request::get(HOST, "/orders/7").bearer(&token)).await.unwrap();
            // Two dots are a token; what no header may hold is 400.
            let refused = status == 401 && matches!(response.status, 400 | 401);
            if response.status != status && !refused {
                failures.push(format!("{way:?}, token {at}: {} for {token}", response.status));
            }
        }
    }
    failures.same("requests upstream", stage.echo.count(), 4);
    unharmed(&stage, &mut failures).await.unwrap();
    stage.close().await.unwrap();
    assert_eq!(failures.report(), None);
}

#[test]
fn the_table_and_the_cases_are_the_same() {
    let rows = threats::ids(SECTION).unwrap();
    let ids: Vec<String> = attacks::all().iter().map(|attack| attack.id.to_owned()).collect();
    let unique: BTreeSet<&String> = ids.iter().collect();
    assert_eq!(unique.len(), ids.len(), "an id twice");
    let (table, cases): (BTreeSet<_>, BTreeSet<_>) = (rows.iter().collect(), ids.iter().collect());
    let missing: Vec<_> = table.symmetric_difference(&cases).collect();
    assert!(missing.is_empty(), "in one of table and cases alone: {missing:?}");
    assert_eq!(rows.len(), ids.len(), "a row twice");
}
