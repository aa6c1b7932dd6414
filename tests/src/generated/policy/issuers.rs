//! Issuers: one of each kind, their rules by chance.

use serde_json::{Value, json};

use super::super::dice::Dice;

/// Tenants of the issuer `tenants` that are accepted, and one that is not.
pub(crate) const TENANT_IDS: (&str, &str, &str) = (
    "00000000-0000-0000-0000-000000000001",
    "00000000-0000-0000-0000-000000000002",
    "00000000-0000-0000-0000-000000000003",
);
/// Names of authenticators' issuers by kind.
pub(crate) const JWT_ISSUERS: &[&str] = &["main", "partner", "tenants", "lax", "down", "hs"];
pub(crate) const INTROSPECTIONS: &[&str] = &["opaque", "reports"];

/// All issuers; those that no route names are taken away.
pub(crate) fn issuers(dice: &mut Dice) -> Value {
    const CERTS: &str = "http://127.0.0.1:18080/realms/main/protocol/openid-connect/certs";
    let keys = json!({ "uri": CERTS, "cluster": "idp" });
    let introspection = json!({
        "url": "http://127.0.0.1:18080/realms/main/protocol/openid-connect/token/introspect",
        "client_id": "gate",
        "client_secret": { "file": "secrets/introspection-client-secret" },
    });
    let mut main = json!({
        "issuer": "http://127.0.0.1:18080/realms/main",
        "jwks": { "discovery": true, "cluster": "idp" },
        "audiences": ["orders"],
        "algorithms": ["RS256", "ES256", "EdDSA"],
        "leeway": "5s",
    });
    if let Some(main) = main.as_object_mut() {
        if dice.chance(85) {
            main.insert("clients".to_owned(), json!(["shop", "web"]));
        }
        if dice.chance(85) {
            main.insert("max_lifetime".to_owned(), json!("10m"));
        }
        if dice.chance(25) {
            main.insert("token_type".to_owned(), json!("at+jwt"));
        }
    }
    let both = dice.pick(&["any", "all"]);
    json!({
        "main": main,
        "partner": {
            "issuer": "https://partner.example", "jwks": keys, "audiences": ["orders", "partners"],
            "audience_match": both, "algorithms": ["ES256"],
        },
        "tenants": {
            "issuer": "https://login.example/{tenantid}/v2.0", "tenants": [TENANT_IDS.0, TENANT_IDS.1],
            "jwks": keys, "audiences": ["orders"], "algorithms": ["ES256", "EdDSA"],
        },
        "lax": {
            "issuer": "urn:lax", "jwks": keys, "token_type": "any", "require_exp": false,
            "algorithms": ["EdDSA"],
        },
        "down": {
            "issuer": "https://down.example", "audiences": ["orders"], "algorithms": ["ES256"],
            "jwks": { "uri": "http://127.0.0.1:18080/nothing", "cluster": "idp" },
        },
        "hs": {
            "issuer": "https://legacy.example", "hmac": { "secret": { "file": "secrets/hs" } },
            "audiences": ["orders"], "algorithms": ["HS256", "HS512"],
        },
        "opaque": { "introspection": introspection, "audiences": ["orders"] },
        "reports": { "introspection": introspection, "audiences": ["reports"] },
    })
}
