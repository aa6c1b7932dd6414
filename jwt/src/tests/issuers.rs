//! Whose token it is: exact issuers, Entra's tenants, and keys that name the issuer they sign for.

use serde_json::{Value, json};

use super::mint;
use crate::{Algorithm, IssuerRule, Pure, TokenError, TokenRules, Unverified, tenant_template};

use Algorithm::Es256;

const TENANT: &str = "0d4dbd5a-6f0b-4d3b-9a8f-2f7c2a0d9c11";
const OTHER: &str = "9188040d-6c67-4c5b-b112-36a304b66dad";
const V2: &str = "https://login.microsoftonline.com/{tenantid}/v2.0";
const V1: &str = "https://sts.windows.net/{tenantid}/";

fn of(template: &str, tenant: &str) -> String {
    template.replace("{tenantid}", tenant)
}

/// A token of this `iss` and `tid`; null leaves a claim out.
fn token(iss: &str, tid: &Value) -> String {
    let mut claims = mint::claims();
    claims["iss"] = json!(iss);
    claims["tid"] = tid.clone();
    claims.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    mint::signed(Es256, &mint::header(Es256), &claims.to_string())
}

fn verify(issuer: IssuerRule, owner: Option<&str>, token: &str) -> Result<(), TokenError> {
    let mut jwk = mint::jwk(Es256);
    if let Some(owner) = owner {
        jwk["issuer"] = json!(owner);
    }
    let rules = TokenRules { issuer, ..mint::rules() };
    Unverified::parse(token.as_bytes())?
        .verify(&rules, &mint::set(&[jwk]), mint::NOW, &Pure)
        .map(drop)
}

/// Name, template, tenants, `iss`, `tid`, expected.
type Case<'t> = (&'t str, &'t str, &'t [&'t str], String, Value, Result<(), TokenError>);

#[test]
fn tenants() {
    const UNKNOWN: Result<(), TokenError> = Err(TokenError::IssuerUnknown);
    let upper = TENANT.to_uppercase();
    let cases: &[Case<'_>] = &[
        ("v2, any", V2, &[], of(V2, TENANT), json!(TENANT), Ok(())),
        ("v1, any", V1, &[], of(V1, TENANT), json!(TENANT), Ok(())),
        ("listed", V2, &[OTHER, TENANT], of(V2, TENANT), json!(TENANT), Ok(())),
        ("not listed", V2, &[OTHER], of(V2, TENANT), json!(TENANT), UNKNOWN),
        ("listed in capitals", V2, &[&upper], of(V2, TENANT), json!(TENANT), UNKNOWN),
        ("in capitals", V2, &[TENANT], of(V2, &upper), json!(upper), UNKNOWN),
        ("tid of another", V2, &[], of(V2, TENANT), json!(OTHER), UNKNOWN),
        ("tid of a listed one", V2, &[OTHER], of(V2, TENANT), json!(OTHER), UNKNOWN),
        ("tid in capitals", V2, &[], of(V2, TENANT), json!(upper), UNKNOWN),
        ("no tid", V2, &[], of(V2, TENANT), json!(null), UNKNOWN),
        ("tid is a list", V2, &[], of(V2, TENANT), json!([TENANT]), UNKNOWN),
        ("v1 token for v2", V2, &[], of(V1, TENANT), json!(TENANT), UNKNOWN),
        ("the template itself", V2, &[], V2.to_owned(), json!("{tenantid}"), UNKNOWN),
        ("common", V2, &[], of(V2, "common"), json!("common"), UNKNOWN),
        ("no tenant", V2, &[], of(V2, ""), json!(""), UNKNOWN),
        ("more than a tenant", V2, &[], of(V2, &format!("{TENANT}/x")), json!(TENANT), UNKNOWN),
        (
            "a character too many",
            V2,
            &[],
            of(V2, &format!("{TENANT}0")),
            json!(format!("{TENANT}0")),
            UNKNOWN,
        ),
        ("text after", V2, &[], format!("{}/", of(V2, TENANT)), json!(TENANT), UNKNOWN),
        ("text before", V2, &[], format!("x{}", of(V2, TENANT)), json!(TENANT), UNKNOWN),
        ("no iss", V2, &[], String::new(), json!(TENANT), UNKNOWN),
        ("no place", "https://x/", &[], "https://x/".to_owned(), json!(TENANT), UNKNOWN),
        (
            "two places",
            "https://{tenantid}.x/{tenantid}",
            &[],
            format!("https://{TENANT}.x/{TENANT}"),
            json!(TENANT),
            UNKNOWN,
        ),
    ];
    for (name, template, tenants, iss, tid, expected) in cases {
        let rule = IssuerRule::Tenants {
            template: (*template).to_owned(),
            tenants: tenants.iter().map(|tenant| (*tenant).to_owned()).collect(),
        };
        assert_eq!(rule.as_str(), *template);
        assert_eq!(verify(rule, None, &token(iss, tid)), *expected, "{name}");
    }
}

/// Entra: the key names the issuer it signs for.
#[test]
fn a_key_of_another_issuer() {
    const UNKNOWN: Result<(), TokenError> = Err(TokenError::KeyUnknown);
    let cases = [
        ("literal", of(V2, TENANT), of(V2, TENANT), json!(TENANT), Ok(())),
        ("literal, no tid", of(V2, TENANT), of(V2, TENANT), json!(null), Ok(())),
        ("template", V2.to_owned(), of(V2, TENANT), json!(TENANT), Ok(())),
        ("another literal", of(V2, OTHER), of(V2, TENANT), json!(TENANT), UNKNOWN),
        ("template, other tid", V2.to_owned(), of(V2, TENANT), json!(OTHER), UNKNOWN),
        ("template, no tid", V2.to_owned(), of(V2, TENANT), json!(null), UNKNOWN),
        ("template, not a tenant", V2.to_owned(), of(V2, "x/y"), json!("x/y"), UNKNOWN),
        ("template, empty", V2.to_owned(), of(V2, ""), json!(""), UNKNOWN),
        ("template of v1", V1.to_owned(), of(V2, TENANT), json!(TENANT), UNKNOWN),
        (
            "other host",
            "https://evil.example/{tenantid}".into(),
            of(V2, TENANT),
            json!(TENANT),
            UNKNOWN,
        ),
    ];
    for (name, owner, iss, tid, expected) in cases {
        let rule = IssuerRule::Exact(iss.clone());
        assert_eq!(verify(rule, Some(&owner), &token(&iss, &tid)), expected, "{name}");
    }
}

/// The keys of `common` are of all tenants but those that name one: personal accounts have their own.
#[test]
fn a_key_of_one_tenant_among_all() {
    let any = || IssuerRule::Tenants { template: V2.to_owned(), tenants: vec![] };
    let personal = of(V2, OTHER);
    let tokens = [TENANT, OTHER].map(|tenant| token(&of(V2, tenant), &json!(tenant)));
    let unknown = Err(TokenError::KeyUnknown);
    assert_eq!(tokens.each_ref().map(|token| verify(any(), Some(V2), token)), [Ok(()), Ok(())]);
    assert_eq!(
        tokens.each_ref().map(|token| verify(any(), Some(&personal), token)),
        [unknown, Ok(())]
    );
}

#[test]
fn templates_of_issuers() {
    let cases = [
        (of(V2, TENANT), Some(V2.to_owned())),
        (of(V1, OTHER), Some(V1.to_owned())),
        (of(V2, &TENANT.to_uppercase()), Some(V2.to_owned())),
        (
            format!("https://{TENANT}.ciamlogin.com/{TENANT}/v2.0"),
            Some(format!("https://{{tenantid}}.ciamlogin.com/{TENANT}/v2.0")),
        ),
        (TENANT.to_owned(), Some("{tenantid}".to_owned())),
        (format!("é{TENANT}é"), Some("é{tenantid}é".to_owned())),
        (TENANT.replace('-', ""), None),
        (TENANT.replacen('0', "g", 1), None),
        (mint::ISSUER.to_owned(), None),
        (String::new(), None),
        (V2.to_owned(), None),
    ];
    for (iss, expected) in cases {
        assert_eq!(tenant_template(&iss), expected, "{iss}");
    }
}
