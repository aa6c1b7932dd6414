//! Tokens by chance: a good one of an issuer, then perhaps with one thing wrong.

use serde_json::{Map, Value, json};

use super::super::case::World;
use super::super::dice::Dice;
use super::super::policy::TENANT_IDS;
use super::super::token::{IDP, Plan};

/// The `iss` of the first tenant.
const TENANT_ISSUER: &str = "https://login.example/00000000-0000-0000-0000-000000000001/v2.0";

/// A JWT of an issuer.
pub(super) fn jwt(
    dice: &mut Dice,
    world: &World,
    name: &str,
    mut claims: Map<String, Value>,
) -> Plan {
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

/// An opaque token, with what the provider says of it.
pub(super) fn reply(dice: &mut Dice, mut reply: Map<String, Value>) -> Plan {
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
