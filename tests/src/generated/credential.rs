//! Credentials by chance: a good one of the route's first, then perhaps with one thing wrong, so
//! that each check is the one that decides often enough.

use serde_json::{Map, Value, json};

use super::case::World;
use super::dice::Dice;
use super::policy::{CLAIMS, JWT_ISSUERS, SCOPES, TENANT_IDS, TENANTS, USERS};
use super::token::{IDP, Plan};

/// The `iss` of the first tenant.
const TENANT_ISSUER: &str = "https://login.example/00000000-0000-0000-0000-000000000001/v2.0";

type Headers = Vec<(String, Vec<u8>)>;

/// Puts credentials for a route among the headers, and says what their tokens are.
pub(crate) fn send(
    dice: &mut Dice,
    world: &World,
    route: &Value,
    headers: &mut Headers,
) -> Vec<Plan> {
    let mut send = |value: &[u8]| headers.push(("authorization".to_owned(), value.to_vec()));
    let odd: &[&[u8]] = &[
        b"",
        b"Bearer",
        b"Basic dTpw",
        b"Bearer \xff\xfe",
        b"Digest a=b, c=d",
        b"Basic eA==,Bearer x",
        b"Bearer a b",
        b"Bearer a,",
        b"bearer aaaa.bbbb.cccc",
        b"Token x",
        b"Bearer !",
        b"Bearer nobody-knows-this",
    ];
    if route.get("allow").is_some() && dice.chance(60) {
        return Vec::new();
    }
    match dice.below(40) {
        0..=2 => return Vec::new(),
        3..=5 => {
            send(odd.get(dice.below(odd.len())).copied().unwrap_or_default());
            return Vec::new();
        }
        _ => {}
    }
    let plan = token(dice, world, route);
    match dice.below(60) {
        0 => send(b"bearer @T0@"),
        1 => send(b"Bearer  @T0@"),
        2 => send(b"@T0@"),
        3 => send(b"Bearer @T0@ x"),
        4 => {
            send(b"Bearer @T0@");
            send(b"Bearer @T0@");
        }
        5 => send(b"Bearer a, Bearer @T0@"),
        6 => send(b"Bearer @T0@,"),
        7 => {
            send(b"Basic dTpw");
            send(b"Bearer @T0@");
        }
        _ => send(b"Bearer @T0@"),
    }
    vec![plan]
}

fn token(dice: &mut Dice, world: &World, route: &Value) -> Plan {
    let list = route.get("authenticate").and_then(Value::as_array).cloned().unwrap_or_default();
    let entry = dice.pick(&list);
    let text = |name: &str| entry.get(name).and_then(Value::as_str);
    let mut claims = claims(dice, route);
    match (text("jwt"), text("introspection")) {
        (Some(name), _) if dice.chance(93) => jwt(dice, world, name, claims),
        // An opaque one for a name of theirs, or for nobody's.
        (_, name) if dice.chance(80) => {
            if name == Some("reports") {
                claims.insert("aud".to_owned(), json!(["reports", "orders"]));
            }
            reply(dice, claims)
        }
        _ => {
            let name = dice.pick(JWT_ISSUERS);
            jwt(dice, world, name, claims)
        }
    }
}

/// Claims that the route's requirements are met by, but for some.
fn claims(dice: &mut Dice, route: &Value) -> Map<String, Value> {
    let user = dice.weighted(&[(45, "alice"), (15, "bob"), (30, "root"), (10, "nobody")]);
    debug_assert!(USERS.contains(&user));
    let mut claims = json!({
        "sub": user, "azp": "shop", "aud": "orders", "tenant": dice.pick(TENANTS), "level": 1,
        "iat": { "@now": -20 }, "exp": { "@now": 400 },
    });
    let mut scopes = Vec::new();
    let wanted = route.get("scopes").cloned().unwrap_or_default();
    let words = |name: &str| -> Vec<String> {
        let list = wanted.get(name).and_then(Value::as_array);
        list.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
    };
    scopes.extend(words("all_of"));
    scopes.push(dice.pick(&words("any_of")));
    if dice.chance(20) {
        scopes.push(dice.pick(&["frozen", "orders", "orders.*", "*", "frozen.*"]).to_owned());
    }
    if dice.chance(18) {
        scopes = dice.some(SCOPES, 3).into_iter().map(str::to_owned).collect();
    }
    let own = claims.as_object_mut().cloned().unwrap_or_default();
    let mut own = own;
    scope(dice, &mut own, &scopes);
    for wanted in route.get("claims").and_then(Value::as_array).into_iter().flatten() {
        let path = wanted.get("claim").and_then(Value::as_str).unwrap_or_default();
        let any = wanted.get("any_of").and_then(Value::as_array).cloned().unwrap_or_default();
        if path == "groups" && dice.chance(25) {
            own.insert("_claim_names".to_owned(), json!({ "groups": "src1" }));
            continue;
        }
        let value = match dice.below(20) {
            0 => continue,
            1..=3 => odd_value(dice, &dice.clone().pick(&any)),
            4..=8 => json!([dice.pick(&any), "other", 3, null]),
            _ => dice.pick(&any),
        };
        put(&mut own, path, value);
    }
    if dice.chance(6) {
        let path = dice.pick(CLAIMS);
        let value = odd_value(dice, &json!("staff"));
        put(&mut own, path, value);
    }
    if dice.chance(4) {
        own.insert("_claim_names".to_owned(), json!({ "groups": "src1" }));
    }
    own
}

fn scope(dice: &mut Dice, claims: &mut Map<String, Value>, scopes: &[String]) {
    match dice.below(12) {
        0 => drop(claims.insert("scp".to_owned(), json!(scopes))),
        1 => drop(claims.insert("scopes".to_owned(), json!(scopes))),
        2 => {
            claims.insert("scp".to_owned(), json!(scopes.join(" ")));
            claims.insert("scope".to_owned(), json!("z"));
        }
        3 => drop(claims.insert("scope".to_owned(), json!(7))),
        4 => {
            let near: Vec<String> = scopes.iter().map(|scope| format!("{scope}x")).collect();
            claims.insert("scope".to_owned(), json!(near.join(" ")));
        }
        _ => drop(claims.insert("scope".to_owned(), json!(scopes.join(" ")))),
    }
}

/// Almost what is asked for.
fn odd_value(dice: &mut Dice, value: &Value) -> Value {
    match dice.below(6) {
        0 => Value::Null,
        1 => json!([]),
        2 => json!({ "a": value }),
        3 => json!(value.to_string()),
        4 => json!([[value]]),
        _ => value.as_str().map_or(json!(2), |text| json!(text.to_uppercase())),
    }
}

/// Puts a value at a path; names with dots stand in quotes.
fn put(claims: &mut Map<String, Value>, path: &str, value: Value) {
    let names: Vec<String> = if path.contains('"') {
        vec!["resource_access".to_owned(), "my.client".to_owned(), "roles".to_owned()]
    } else {
        path.split('.').map(str::to_owned).collect()
    };
    let Some((first, rest)) = names.split_first() else { return };
    let value = rest.iter().rev().fold(value, |value, name| json!({ name.clone(): value }));
    claims.insert(first.clone(), value);
}

fn jwt(dice: &mut Dice, world: &World, name: &str, mut claims: Map<String, Value>) -> Plan {
    let issuer = world.policy.pointer(&format!("/issuers/{name}"));
    let (iss, alg, kid) = match name {
        "partner" => ("https://partner.example", "ES256", "es-1"),
        "tenants" => (TENANT_ISSUER, "EdDSA", "ed-1"),
        "lax" => ("urn:lax", "EdDSA", "ed-1"),
        "down" => ("https://down.example", "ES256", "es-1"),
        "hs" => ("https://legacy.example", "HS256", ""),
        _ => dice.pick(&[(IDP, "ES256", "es-1"), (IDP, "RS256", "rs-1"), (IDP, "EdDSA", "ed-1")]),
    };
    claims.insert("iss".to_owned(), json!(iss));
    if name == "tenants" {
        claims.insert("tid".to_owned(), json!(TENANT_IDS.0));
    }
    let all = issuer.and_then(|it| it.get("audience_match")).is_some_and(|it| *it == "all");
    if all {
        claims.insert("aud".to_owned(), json!(["partners", "x", "orders"]));
    }
    let wanted = issuer.and_then(|it| it.get("token_type")).and_then(Value::as_str);
    let header = match wanted {
        Some("at+jwt") => json!({ "typ": dice.pick(&["at+jwt", "AT+JWT"]) }),
        _ => dice.pick(&[json!({}), json!({ "typ": null }), json!({ "typ": "at+jwt" })]),
    };
    let mut plan = json!({
        "kind": "jwt", "alg": alg, "kid": kid, "header": header, "claims": claims,
    });
    // Keys that are out of reach are told before or after what is wrong with the token.
    if name != "down" && dice.chance(45) {
        spoil(dice, &mut plan);
    }
    Plan(plan)
}

/// Makes one thing wrong.
fn spoil(dice: &mut Dice, plan: &mut Value) {
    let set = |plan: &mut Value, of: &str, name: &str, value: Value| {
        if let Some(object) = plan.get_mut(of).and_then(Value::as_object_mut) {
            object.insert(name.to_owned(), value);
        }
    };
    let hour = json!({ "@now": 3600 });
    let ago = json!({ "@now": -3600 });
    match dice.below(31) {
        0 => set(plan, "claims", "exp", ago),
        1 => set(plan, "claims", "nbf", hour),
        2 => set(plan, "claims", "iat", hour),
        3 => set(plan, "claims", "aud", json!(["invoices", "orders2"])),
        4 => set(plan, "claims", "aud", json!(7)),
        5 => set(plan, "claims", "iss", json!("https://nobody.example")),
        6 => set(plan, "claims", "iss", json!(format!("{IDP}/"))),
        7 | 8 | 25 | 26 => set(plan, "claims", "azp", json!("evil")),
        9 | 10 | 27 | 28 => set(plan, "claims", "iat", json!({ "@now": -7200 })),
        11 => set(plan, "claims", "cnf", json!({ "jkt": "x" })),
        12 => set(plan, "claims", "typ", json!("Refresh")),
        13 => set(plan, "claims", "token_use", json!("id")),
        14 => set(plan, "claims", "sub", json!("alice\r\nx-user: root")),
        15 => set(plan, "claims", "sub", json!("ålice")),
        16 => set(plan, "claims", "exp", json!("tomorrow")),
        17 => set(plan, "header", "typ", json!("logout+jwt")),
        18 | 19 => set(plan, "header", "kid", json!("nobody")),
        29 => set(plan, "header", "kid", json!("rs-1")),
        20 => set(plan, "header", "crit", json!(["x"])),
        21 => plan["spoil"] = json!("flip"),
        22 => plan["spoil"] = json!(dice.pick(&["cut", "add", "flip"])),
        23 => set(plan, "claims", "tid", json!(TENANT_IDS.2)),
        24 => {
            plan["alg"] = json!("HS256");
            set(plan, "header", "kid", Value::Null);
        }
        _ => {
            plan["alg"] = json!("RS512");
            plan["kid"] = json!("rs-1");
        }
    }
}

fn reply(dice: &mut Dice, mut reply: Map<String, Value>) -> Plan {
    reply.insert("active".to_owned(), json!(true));
    reply.insert("client_id".to_owned(), json!("shop"));
    match dice.below(18) {
        0 | 1 => drop(reply.insert("active".to_owned(), json!(false))),
        2 => drop(reply.insert("active".to_owned(), json!("yes"))),
        3 => drop(reply.remove("active")),
        4 => drop(reply.insert("token_type".to_owned(), json!("refresh_token"))),
        5 => drop(reply.insert("token_use".to_owned(), json!("id"))),
        6 => drop(reply.insert("exp".to_owned(), json!({ "@now": -3600 }))),
        7 => drop(reply.insert("nbf".to_owned(), json!({ "@now": 3600 }))),
        8 => drop(reply.insert("aud".to_owned(), json!(["invoices"]))),
        9 => drop(reply.remove("aud")),
        10 => drop(reply.insert("azp".to_owned(), json!("evil"))),
        11 => drop(reply.insert("cnf".to_owned(), json!({ "x5t#S256": "x" }))),
        _ => {}
    }
    Plan(json!({ "kind": "opaque", "reply": reply }))
}
