//! Claims that a careless verifier compares wrongly. All signatures are right.

use sallyport_policy::Reason::{
    AudienceMismatch, BindingMismatch, IssuerUnknown, TokenExpired, TokenMalformed,
    TokenNotYetValid, TokenTypeMismatch,
};
use serde_json::{Value, json};

use super::forge::{Change, Forge, changed};
use super::{Attack, attack};
use crate::Result;
use crate::idp::now;

pub(super) const CASES: &[Attack] = &[
    attack("aud-list", aud_list, AudienceMismatch),
    attack("aud-missing", aud_missing, AudienceMismatch),
    attack("aud-part", aud_part, AudienceMismatch),
    attack("aud-type", aud_type, TokenMalformed),
    attack("iss-part", iss_part, IssuerUnknown),
    attack("iss-list", iss_list, TokenMalformed),
    attack("iss-foreign", iss_foreign, IssuerUnknown),
    attack("exp-past", exp_past, TokenExpired),
    attack("exp-missing", exp_missing, TokenMalformed),
    attack("date-type", date_type, TokenMalformed),
    attack("nbf-future", nbf_future, TokenNotYetValid),
    attack("type-confusion", type_confusion, TokenTypeMismatch),
    attack("type-header", type_header, TokenTypeMismatch),
    attack("bound-token", bound_token, BindingMismatch),
];

/// One token for each value of a claim.
fn each(forge: &Forge, name: &str, values: Vec<Value>) -> Result<Vec<String>> {
    values.into_iter().map(|value| forge.with_claims(&[(name, value)])).collect()
}

/// An array, which a verifier that wants a text reads as empty, and takes for absent.
fn aud_list(forge: &Forge) -> Result<Vec<String>> {
    each(
        forge,
        "aud",
        vec![json!(["invoices"]), json!(["invoices", "payroll"]), json!([]), json!([""])],
    )
}

fn aud_missing(forge: &Forge) -> Result<Vec<String>> {
    each(forge, "aud", vec![Value::Null, json!("")])
}

fn aud_part(forge: &Forge) -> Result<Vec<String>> {
    let audiences = [
        "order",
        "orders2",
        "Orders",
        "orders ",
        " orders",
        "orders invoices",
        "orders\0",
        "orders,invoices",
        "https://orders",
        "[\"orders\"]",
        "*",
        "\u{43e}rders",
    ];
    let mut values: Vec<Value> = audiences.iter().map(|audience| json!(audience)).collect();
    values.push(json!(["orders "]));
    each(forge, "aud", values)
}

fn aud_type(forge: &Forge) -> Result<Vec<String>> {
    let values = vec![
        json!(1),
        json!(true),
        json!({ "orders": true }),
        json!([["orders"]]),
        json!(["orders", 1]),
        json!([null]),
    ];
    each(forge, "aud", values)
}

fn iss_part(forge: &Forge) -> Result<Vec<String>> {
    let issuer = forge.issuer();
    let (start, _) = issuer.split_at_checked(issuer.len().saturating_sub(1)).unwrap_or_default();
    let values = [
        start.to_owned(),
        issuer.replace("http://", ""),
        format!("{issuer}/"),
        format!("{issuer}\0"),
        format!("{issuer}@evil.example"),
        format!(" {issuer}"),
        issuer.to_uppercase(),
        String::new(),
    ];
    each(forge, "iss", values.into_iter().map(Value::from).collect())
}

fn iss_list(forge: &Forge) -> Result<Vec<String>> {
    let issuer = forge.issuer();
    let values = vec![
        json!(["https://attacker.example/", issuer]),
        json!([issuer]),
        json!({ issuer: 1 }),
        json!(true),
    ];
    each(forge, "iss", values)
}

/// Another realm of the same provider, a tenant elsewhere, and nobody: an issuer that is not listed is not "no token".
fn iss_foreign(forge: &Forge) -> Result<Vec<String>> {
    let other_realm = forge.issuer().replace("/main", "/other");
    let template = forge.issuer().replace("main", "{tenantid}");
    // An address that would be fetched, if keys were looked for where the token says.
    let url = format!("{}/evil", forge.issuer());
    each(
        forge,
        "iss",
        vec![
            json!(other_realm),
            json!(template),
            json!(url),
            json!("https://attacker.example/"),
            Value::Null,
        ],
    )
}

fn exp_past(forge: &Forge) -> Result<Vec<String>> {
    let values = [0, 1, 1_000_000_000, now().saturating_sub(60)];
    each(forge, "exp", values.map(Value::from).to_vec())
}

fn exp_missing(forge: &Forge) -> Result<Vec<String>> {
    each(forge, "exp", vec![Value::Null])
}

/// Dates of a wrong type, which a verifier that cannot read them takes for absent.
fn date_type(forge: &Forge) -> Result<Vec<String>> {
    let later = now().saturating_add(300);
    let mut tokens = Vec::new();
    for name in ["exp", "nbf", "iat"] {
        for value in [
            json!(later.to_string()),
            json!("tomorrow"),
            json!([later]),
            json!({ "$date": later }),
            json!(true),
            json!(-1),
            json!(1e300),
            json!(u64::MAX),
        ] {
            tokens.push(forge.with_claims(&[(name, value)])?);
        }
        // `null`, and a number no float holds: not through the helper, which takes nulls away.
        for raw in ["null", "1e999", "NaN", "0x7fffffff"] {
            let rest = changed(forge.claims(), &[(name, Value::Null)]);
            let rest = Value::Object(rest).to_string();
            let rest = rest.strip_suffix('}').unwrap_or_default();
            tokens.push(forge.signed_payload(format!("{rest},\"{name}\":{raw}}}").as_bytes())?);
        }
    }
    Ok(tokens)
}

fn nbf_future(forge: &Forge) -> Result<Vec<String>> {
    let later = json!(now().saturating_add(120));
    let far = [("iat", json!(4_000_000_000_u64)), ("exp", json!(4_000_000_300_u64))];
    Ok(vec![
        forge.with_claims(&[("nbf", later.clone())])?,
        forge.with_claims(&[("iat", later)])?,
        forge.with_claims(&far)?,
    ])
}

/// Other tokens of the same issuer: ID, refresh, logout, and what has another purpose by its own claims.
fn type_confusion(forge: &Forge) -> Result<Vec<String>> {
    let logout = json!({ "http://schemas.openid.net/event/backchannel-logout": {} });
    let changes: [Change<'_>; 8] = [
        ("typ", json!("ID")),
        ("typ", json!("Refresh")),
        ("typ", json!("Offline")),
        ("typ", json!(1)),
        ("token_use", json!("id")),
        ("token_use", json!(["access"])),
        ("at_hash", json!("HK6E_P6Dh8Y93mRNtsDB1Q")),
        ("events", logout),
    ];
    changes.into_iter().map(|change| forge.with_claims(&[change])).collect()
}

fn type_header(forge: &Forge) -> Result<Vec<String>> {
    let types = [
        "dpop+jwt",
        "logout+jwt",
        "secevent+jwt",
        "oauth-authz-req+jwt",
        "client-authentication+jwt",
        "vp+jwt",
        "jose",
        "",
    ];
    types.iter().map(|typ| forge.with_header("RS256", &[("typ", json!(typ))])).collect()
}

fn bound_token(forge: &Forge) -> Result<Vec<String>> {
    each(
        forge,
        "cnf",
        vec![
            json!({ "jkt": "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I" }),
            json!({ "x5t#S256": "x" }),
        ],
    )
}
