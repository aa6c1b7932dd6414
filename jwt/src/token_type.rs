//! Tells access tokens from ID, refresh and logout tokens of the same issuer: they are signed with the same keys and a
//! client may hold all of them (RFC 8725 section 3.11, RFC 9068 section 2.1).
//! Marks: header `typ`, Keycloak's `typ` claim, Cognito's `token_use`, the hashes and events of OpenID Connect.

use serde_json::Value;

use crate::claims::Claims;
use crate::error::TokenError;
use crate::rules::TokenTypeRule;

/// OpenID Connect Back-Channel Logout 1.0 section 2.4.
const LOGOUT_EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";

/// Keycloak's `typ` of what is no access token (its `TokenUtil` and client registration).
const KEYCLOAK_OTHERS: [&str; 8] = [
    "ID",
    "Serialized-ID",
    "Refresh",
    "Offline",
    "Logout",
    "logout+jwt",
    "InitialAccessToken",
    "RegistrationAccessToken",
];

/// Compares the header's `typ` and the claims with the rule.
pub(crate) fn check(
    rule: TokenTypeRule,
    header_typ: Option<&str>,
    claims: &Claims,
) -> Result<(), TokenError> {
    let header = match rule {
        TokenTypeRule::Unchecked => return Ok(()),
        TokenTypeRule::AccessToken => header_typ.is_none_or(|typ| is_jwt(typ) || is_at_jwt(typ)),
        TokenTypeRule::AtJwt => header_typ.is_some_and(is_at_jwt),
    };
    if header && !marked_otherwise(claims) { Ok(()) } else { Err(TokenError::TypeMismatch) }
}

// Media types compare without case (RFC 7515 section 4.1.9).
fn is_jwt(typ: &str) -> bool {
    typ.eq_ignore_ascii_case("JWT") || typ.eq_ignore_ascii_case("application/jwt")
}

fn is_at_jwt(typ: &str) -> bool {
    typ.eq_ignore_ascii_case("at+jwt") || typ.eq_ignore_ascii_case("application/at+jwt")
}

/// Whether the claims say that this is something else than an access token.
fn marked_otherwise(claims: &Claims) -> bool {
    let keycloak = claims.member("typ").is_some_and(|typ| match typ.as_str() {
        Some(typ) => KEYCLOAK_OTHERS.iter().any(|other| typ.eq_ignore_ascii_case(other)),
        None => true,
    });
    let token_use = claims.member("token_use").is_some_and(|token_use| {
        token_use.as_str().is_none_or(|token_use| !matches!(token_use, "access" | "access_token"))
    });
    let hashes = ["at_hash", "c_hash"].iter().any(|name| claims.member(name).is_some());
    let logout = claims
        .member("events")
        .and_then(Value::as_object)
        .is_some_and(|events| events.contains_key(LOGOUT_EVENT));
    keycloak || token_use || hashes || logout
}

#[cfg(test)]
mod tests {
    use super::*;

    // Name, header typ, claims, accepted as AccessToken, as AtJwt.
    const CASES: &[(&str, Option<&str>, &str, bool, bool)] = &[
        ("no typ", None, "{}", true, false),
        ("JWT", Some("JWT"), "{}", true, false),
        ("lower case", Some("jwt"), "{}", true, false),
        ("at+jwt", Some("at+jwt"), "{}", true, true),
        ("at+jwt in capitals", Some("AT+JWT"), "{}", true, true),
        ("with application/", Some("application/at+jwt"), "{}", true, true),
        ("logout", Some("logout+jwt"), "{}", false, false),
        ("dpop proof", Some("dpop+jwt"), "{}", false, false),
        ("empty", Some(""), "{}", false, false),
        ("Keycloak access", Some("JWT"), r#"{"typ":"Bearer"}"#, true, false),
        ("Keycloak DPoP access", Some("JWT"), r#"{"typ":"DPoP"}"#, true, false),
        ("Keycloak ID", Some("JWT"), r#"{"typ":"ID"}"#, false, false),
        ("Keycloak refresh", Some("JWT"), r#"{"typ":"Refresh"}"#, false, false),
        ("Keycloak offline", Some("JWT"), r#"{"typ":"Offline"}"#, false, false),
        ("Keycloak logout", Some("JWT"), r#"{"typ":"Logout"}"#, false, false),
        ("Keycloak logout token", Some("JWT"), r#"{"typ":"logout+jwt"}"#, false, false),
        ("client registration", None, r#"{"typ":"RegistrationAccessToken"}"#, false, false),
        ("first client registration", None, r#"{"typ":"InitialAccessToken"}"#, false, false),
        ("security event", Some("secevent+jwt"), "{}", false, false),
        ("JWT by its whole name", Some("application/jwt"), "{}", true, false),
        ("with a parameter", Some("at+jwt; x=1"), "{}", false, false),
        ("typ null", None, r#"{"typ":null}"#, false, false),
        ("Cognito access under at+jwt", Some("at+jwt"), r#"{"token_use":"access"}"#, true, true),
        ("token_use in capitals", None, r#"{"token_use":"ACCESS"}"#, false, false),
        ("typ is a number", Some("JWT"), r#"{"typ":1}"#, false, false),
        ("Cognito access", None, r#"{"token_use":"access"}"#, true, false),
        ("Cognito ID", None, r#"{"token_use":"id"}"#, false, false),
        ("refresh", None, r#"{"token_use":"refresh_token"}"#, false, false),
        ("token_use is a list", None, r#"{"token_use":["access"]}"#, false, false),
        ("ID by at_hash", None, r#"{"at_hash":"x"}"#, false, false),
        ("ID by c_hash under at+jwt", Some("at+jwt"), r#"{"c_hash":"x"}"#, false, false),
        ("nonce alone is no mark", None, r#"{"nonce":"x"}"#, true, false),
        (
            "back-channel logout",
            None,
            r#"{"events":{"http://schemas.openid.net/event/backchannel-logout":{}}}"#,
            false,
            false,
        ),
        ("other events", None, r#"{"events":{"x":{}}}"#, true, false),
    ];

    #[test]
    fn cases() {
        for (name, header, text, access, at_jwt) in CASES {
            let claims = Claims::from_json_object(serde_json::from_str(text).unwrap());
            let accepted = |rule| check(rule, *header, &claims).is_ok();
            assert_eq!(accepted(TokenTypeRule::AccessToken), *access, "{name}");
            assert_eq!(accepted(TokenTypeRule::AtJwt), *at_jwt, "{name}");
            assert!(accepted(TokenTypeRule::Unchecked), "{name}");
        }
    }
}
