//! Tokens that must not pass, one table per step: reading, rules, keys. All are properly signed unless the row is about
//! the signature, so that each is refused for its own reason.

use serde_json::{Value, json};

use super::mint;
use crate::{
    Algorithm, AudienceMatch, Pure, TokenError, TokenRules, TokenTypeRule, UnixTime, Unverified,
    limits, looks_like_jws,
};

const ES256: Algorithm = Algorithm::Es256;

fn malformed(why: &'static str) -> TokenError {
    TokenError::Malformed(why)
}

#[test]
fn headers() {
    let cases: &[(&str, &str, TokenError)] = &[
        ("none", r#"{"alg":"none"}"#, TokenError::AlgorithmNotAllowed),
        ("none in capitals", r#"{"alg":"NONE"}"#, TokenError::AlgorithmNotAllowed),
        ("HS256", r#"{"alg":"HS256","kid":"RSA"}"#, TokenError::AlgorithmNotAllowed),
        ("unknown", r#"{"alg":"ES256K"}"#, TokenError::AlgorithmNotAllowed),
        ("empty alg", r#"{"alg":""}"#, TokenError::AlgorithmNotAllowed),
        ("no alg", r#"{"kid":"P-256"}"#, malformed("alg is missing")),
        ("alg list", r#"{"alg":["ES256"]}"#, malformed("alg is not a string")),
        ("alg null", r#"{"alg":null}"#, malformed("alg is not a string")),
        (
            "alg twice",
            r#"{"alg":"none","alg":"ES256"}"#,
            malformed("header has a duplicate member"),
        ),
        ("kid number", r#"{"alg":"ES256","kid":1}"#, malformed("kid is not a string")),
        ("kid null", r#"{"alg":"ES256","kid":null}"#, malformed("kid is not a string")),
        ("typ number", r#"{"alg":"ES256","typ":1}"#, malformed("typ is not a string")),
        ("crit", r#"{"alg":"ES256","crit":["exp"],"exp":1}"#, malformed("crit is not supported")),
        ("crit empty", r#"{"alg":"ES256","crit":[]}"#, malformed("crit is not supported")),
        ("b64", r#"{"alg":"ES256","b64":false}"#, malformed("b64 and zip are not supported")),
        ("zip", r#"{"alg":"ES256","zip":"DEF"}"#, malformed("b64 and zip are not supported")),
        ("array", r#"["ES256"]"#, malformed("header is not an object")),
        ("empty", "", malformed("header is not JSON")),
        ("text after", r#"{"alg":"ES256"} x"#, malformed("header is not JSON")),
        ("other kid", r#"{"alg":"ES256","kid":"p-256"}"#, TokenError::KeyUnknown),
        ("empty kid", r#"{"alg":"ES256","kid":""}"#, TokenError::KeyUnknown),
        (
            "typ of a logout token",
            r#"{"alg":"ES256","typ":"logout+jwt"}"#,
            TokenError::TypeMismatch,
        ),
    ];
    for (name, header, expected) in cases {
        let token = mint::signed(ES256, header, &mint::claims().to_string());
        assert_eq!(mint::verify(token).unwrap_err(), *expected, "{name}");
    }
}

#[test]
fn headers_that_bring_their_own_key_change_nothing() {
    let jwk = mint::jwk(ES256);
    for (name, value) in [
        ("jwk", jwk.clone()),
        ("jku", json!("https://evil.example/jwks")),
        ("x5u", json!("https://evil.example/x5u")),
        ("x5c", json!(["MIIB"])),
    ] {
        let mut header = json!({"alg": "ES256"});
        header[name] = value;
        let token = mint::signed(ES256, &header.to_string(), &mint::claims().to_string());
        assert!(mint::verify(&token).is_ok(), "{name}");
        // Without the key in the set, the one in the header does not help.
        let others = mint::set(&[mint::jwk(Algorithm::Rs256)]);
        assert_eq!(
            mint::verify_with(token.as_bytes(), &others).unwrap_err(),
            TokenError::KeyUnknown
        );
    }
}

#[test]
fn claims() {
    let cases: &[(&str, Value, TokenError)] = &[
        ("iss", json!("https://idp.example/realms/other"), TokenError::IssuerUnknown),
        ("iss", json!("https://idp.example/realms/main/"), TokenError::IssuerUnknown),
        ("iss", json!("HTTPS://idp.example/realms/main"), TokenError::IssuerUnknown),
        ("iss", json!(1), malformed("iss is not a string")),
        ("iss", json!([mint::ISSUER]), malformed("iss is not a string")),
        ("sub", json!(1), malformed("sub is not a string")),
        ("aud", json!("account"), TokenError::AudienceMismatch),
        ("aud", json!(["account"]), TokenError::AudienceMismatch),
        ("aud", json!([]), TokenError::AudienceMismatch),
        ("aud", json!("Orders"), TokenError::AudienceMismatch),
        ("aud", json!("orders account"), TokenError::AudienceMismatch),
        ("aud", json!(null), malformed("aud is not a string or an array of strings")),
        ("aud", json!(["orders", 1]), malformed("aud is not a string or an array of strings")),
        ("aud", json!({"orders": true}), malformed("aud is not a string or an array of strings")),
        ("exp", json!(mint::NOW.0 - 30), TokenError::Expired),
        ("exp", json!(0), TokenError::Expired),
        ("exp", json!("1800000000"), malformed("exp is not a date")),
        ("exp", json!(-1), malformed("exp is not a date")),
        ("exp", json!(1e18), malformed("exp is not a date")),
        ("nbf", json!(mint::NOW.0 + 31), TokenError::NotYetValid),
        ("nbf", json!("0"), malformed("nbf is not a date")),
        ("iat", json!(mint::NOW.0 + 31), TokenError::NotYetValid),
        ("iat", json!(true), malformed("iat is not a date")),
        ("typ", json!("ID"), TokenError::TypeMismatch),
        ("typ", json!("Refresh"), TokenError::TypeMismatch),
        ("token_use", json!("id"), TokenError::TypeMismatch),
        ("at_hash", json!("x"), TokenError::TypeMismatch),
    ];
    for (name, value, expected) in cases {
        let token = mint::with_claim(name, value.clone());
        assert_eq!(mint::verify(token).unwrap_err(), *expected, "{name}: {value}");
    }
}

#[test]
fn absent_claims() {
    for (name, expected) in [
        ("iss", TokenError::IssuerUnknown),
        ("aud", TokenError::AudienceMismatch),
        ("exp", malformed("exp is missing")),
    ] {
        let mut claims = mint::claims();
        claims.as_object_mut().unwrap().remove(name);
        let token = mint::signed(ES256, &mint::header(ES256), &claims.to_string());
        assert_eq!(mint::verify(token).unwrap_err(), expected, "{name}");
    }
}

#[test]
fn payloads() {
    let deep = format!(
        "{{\"a\":{}{}}}",
        "[".repeat(limits::MAX_JSON_DEPTH),
        "]".repeat(limits::MAX_JSON_DEPTH)
    );
    let very_deep = format!("{{\"a\":{}}}", "[".repeat(5000));
    let cases = [
        ("duplicate", r#"{"iss":"a","iss":"b"}"#, "payload has a duplicate member"),
        ("duplicate inside", r#"{"cnf":{"jkt":"a","jkt":"b"}}"#, "payload has a duplicate member"),
        ("array", "[]", "payload is not an object"),
        ("string", "\"x\"", "payload is not an object"),
        ("empty", "", "payload is not JSON"),
        ("deep", &deep, "payload is nested too deeply"),
        ("very deep", &very_deep, "payload is nested too deeply"),
    ];
    for (name, payload, expected) in cases {
        let token = mint::signed(ES256, &mint::header(ES256), payload);
        assert_eq!(mint::verify(token).unwrap_err(), malformed(expected), "{name}");
    }
}

#[test]
fn texts() {
    let good = mint::good(ES256);
    let (input, signature) = good.rsplit_once('.').unwrap();
    // 64 bytes are 86 characters: the last four bits of the last one mean nothing and must be zero.
    let last = signature.chars().last().unwrap();
    let twin = if last == 'A' { 'B' } else { char::from(u8::try_from(last).unwrap() ^ 1) };
    let twin = format!("{input}.{}{twin}", signature.strip_suffix(last).unwrap());
    let too_long = format!("{good}{}", "A".repeat(limits::MAX_TOKEN_BYTES));

    let cases: &[(&str, String, &str)] = &[
        ("empty", String::new(), "not three parts"),
        ("two parts", input.to_owned(), "not three parts"),
        ("one part", "abc".to_owned(), "not three parts"),
        ("four parts", format!("{good}.x"), "not three parts"),
        ("five parts", format!("{good}.x.y"), "not three parts"),
        ("leading dot", format!(".{good}"), "not three parts"),
        ("padding on the signature", format!("{good}="), "signature is not base64url"),
        ("two paddings", format!("{good}=="), "signature is not base64url"),
        ("trailing bits", twin, "signature is not base64url"),
        ("trailing space", format!("{good} "), "signature is not base64url"),
        ("trailing newline", format!("{good}\n"), "signature is not base64url"),
        ("leading space", format!(" {good}"), "header is not base64url"),
        ("space inside", good.replacen('.', " .", 1), "header is not base64url"),
        ("newline after the dot", good.replacen('.', ".\n", 1), "payload is not base64url"),
        ("padding on the header", good.replacen('.', "=.", 1), "header is not base64url"),
        ("comma and another token", format!("{good},{good}"), "not three parts"),
        ("too long", too_long, "too long"),
    ];
    for (name, token, expected) in cases {
        assert_eq!(mint::verify(token).unwrap_err(), malformed(expected), "{name}");
    }
    assert!(mint::verify([good.as_bytes(), &[0xff]].concat()).is_err());
}

#[test]
fn headers_are_bounded() {
    let header = json!({"alg": "ES256", "x": "a".repeat(limits::MAX_HEADER_BYTES)}).to_string();
    let token = mint::signed(ES256, &header, "{}");
    assert_eq!(mint::verify(token).unwrap_err(), malformed("header is too long"));
}

/// A header says what a token is before anything else of it is believed; none of these reaches a key.
#[test]
fn tokens_of_a_mebibyte() {
    let good = mint::good(ES256);
    let (input, signature) = good.rsplit_once('.').unwrap();
    let (header, payload) = input.split_once('.').unwrap();
    let long = "A".repeat(1 << 20);
    let claims = json!({"iss": mint::ISSUER, "x": long}).to_string();
    let dots = ".".repeat(1 << 20);
    let cases: &[(&str, String)] = &[
        ("no dot", long.clone()),
        ("dots", dots),
        ("header", format!("{long}.{payload}.{signature}")),
        ("payload", format!("{header}.{long}.{signature}")),
        ("signature", format!("{input}.{long}")),
        ("signed claims", mint::signed(ES256, &mint::header(ES256), &claims)),
        ("good, then spaces", format!("{good}{}", " ".repeat(1 << 20))),
    ];
    for (name, token) in cases {
        assert!(token.len() >= 1 << 20);
        assert_eq!(mint::verify(token).unwrap_err(), malformed("too long"), "{name}");
    }
    let at_the_bound = "A".repeat(limits::MAX_TOKEN_BYTES);
    assert_eq!(mint::verify(&at_the_bound).unwrap_err(), malformed("not three parts"));
    assert_eq!(mint::verify(at_the_bound + "A").unwrap_err(), malformed("too long"));
}

#[test]
fn headers_are_read_as_strictly_as_payloads() {
    let deep =
        |open: &str, levels: usize| format!("{{\"alg\":\"ES256\",\"x\":{}", open.repeat(levels));
    let cases = [
        ("arrays", deep("[", 2500), "header is nested too deeply"),
        ("objects", deep("{\"a\":", 1000), "header is nested too deeply"),
        ("duplicate", r#"{"alg":"ES256","alg":"ES256"}"#.into(), "header has a duplicate member"),
        (
            "by escape",
            r#"{"alg":"ES256","\u0061lg":"none"}"#.into(),
            "header has a duplicate member",
        ),
        ("of no meaning", r#"{"alg":"ES256","x":1,"x":1}"#.into(), "header has a duplicate member"),
        ("inside", r#"{"alg":"ES256","x":{"a":1,"a":1}}"#.into(), "header has a duplicate member"),
        ("number", r#"{"alg":"ES256","x":01}"#.into(), "header is not JSON"),
        ("comment", r#"{"alg":"ES256"/**/}"#.into(), "header is not JSON"),
        ("two", r#"{"alg":"none"}{"alg":"ES256"}"#.into(), "header is not JSON"),
        ("byte order mark", "\u{feff}{\"alg\":\"ES256\"}".into(), "header is not JSON"),
    ];
    for (name, header, expected) in cases {
        let token = mint::signed(ES256, &header, &mint::claims().to_string());
        assert_eq!(mint::verify(&token).unwrap_err(), malformed(expected), "{name}");
        assert_eq!(
            crate::Jws::parse(token.as_bytes()).unwrap_err(),
            malformed(expected),
            "{name}: a JWS that is no token too"
        );
    }
}

#[test]
fn clients() {
    let none: &[&str] = &[];
    let cases: &[(&str, Value, &[&str], bool)] = &[
        ("unchecked", json!({}), none, true),
        ("azp", json!({"azp": "web"}), &["app", "web"], true),
        ("client_id", json!({"client_id": "web"}), &["web"], true),
        ("appid", json!({"appid": "web"}), &["web"], true),
        ("cid", json!({"cid": "web"}), &["web"], true),
        ("none", json!({}), &["web"], false),
        ("another", json!({"azp": "app"}), &["web"], false),
        ("the first counts", json!({"azp": "app", "client_id": "web"}), &["web"], false),
        ("by case", json!({"azp": "Web"}), &["web"], false),
        ("by part", json!({"azp": "web app"}), &["web"], false),
        ("list", json!({"azp": ["web"]}), &["web"], false),
        ("empty", json!({"azp": ""}), &["web"], false),
        ("audience is no client", json!({"aud": ["orders", "web"]}), &["web"], false),
    ];
    for (name, members, clients, accepted) in cases {
        let mut claims = mint::claims();
        claims.as_object_mut().unwrap().remove("azp");
        for (name, value) in members.as_object().unwrap() {
            claims[name] = value.clone();
        }
        let token = mint::signed(ES256, &mint::header(ES256), &claims.to_string());
        let clients = clients.iter().map(|client| (*client).to_owned()).collect();
        let rules = TokenRules { clients, ..mint::rules() };
        let expected = if *accepted { Ok(()) } else { Err(TokenError::ClientMismatch) };
        let unverified = Unverified::parse(token.as_bytes()).unwrap();
        assert_eq!(unverified.check(&rules, mint::NOW).map(drop), expected, "{name}");
    }
}

#[test]
fn lifetimes_bind_when_verified_and_when_kept() {
    let token = mint::good(ES256);
    let verified = mint::verify(&token).unwrap();
    for (max_lifetime, expected) in
        [(None, Ok(())), (Some(300), Ok(())), (Some(299), Err(TokenError::LifetimeExceeded))]
    {
        let rules = TokenRules { max_lifetime, ..mint::rules() };
        let unverified = Unverified::parse(token.as_bytes()).unwrap();
        assert_eq!(unverified.check(&rules, mint::NOW).map(drop), expected);
        assert_eq!(verified.still_valid(&rules, mint::NOW), expected);
    }
}

#[test]
fn audiences() {
    const BOTH: &[&str] = &["orders", "account"];
    const ONE_OF_OURS: &[&str] = &["orders", "other"];
    let cases: &[(&[&str], AudienceMatch, bool)] = &[
        (&[], AudienceMatch::Any, false),
        (&[], AudienceMatch::All, false),
        (&[], AudienceMatch::Unchecked, true),
        (BOTH, AudienceMatch::Any, true),
        (BOTH, AudienceMatch::All, true),
        (ONE_OF_OURS, AudienceMatch::Any, true),
        (ONE_OF_OURS, AudienceMatch::All, false),
        (&["other"], AudienceMatch::Unchecked, true),
    ];
    let token = mint::good(ES256);
    let unverified = Unverified::parse(token.as_bytes()).unwrap();
    for (audiences, audience_match, accepted) in cases {
        let audiences = audiences.iter().map(|audience| (*audience).to_owned()).collect();
        let rules = TokenRules { audiences, audience_match: *audience_match, ..mint::rules() };
        let expected = if *accepted { Ok(()) } else { Err(TokenError::AudienceMismatch) };
        assert_eq!(unverified.check(&rules, mint::NOW).map(drop), expected, "{rules:?}");
    }
}

#[test]
fn rules_that_are_not_filled_in_refuse_everything() {
    let token = mint::good(ES256);
    let unverified = Unverified::parse(token.as_bytes()).unwrap();
    let empty = TokenRules::new(mint::ISSUER);
    assert_eq!(unverified.check(&empty, mint::NOW).map(drop), Err(TokenError::AlgorithmNotAllowed));
    let no_audience = TokenRules { audiences: vec![], ..mint::rules() };
    assert_eq!(
        unverified.check(&no_audience, mint::NOW).map(drop),
        Err(TokenError::AudienceMismatch)
    );
    let at_jwt = TokenRules { token_type: TokenTypeRule::AtJwt, ..mint::rules() };
    assert_eq!(unverified.check(&at_jwt, mint::NOW).map(drop), Err(TokenError::TypeMismatch));
}

#[test]
fn a_kept_token_is_valid_until_it_expires() {
    let verified = mint::verify(mint::good(ES256)).unwrap();
    let rules = mint::rules();
    assert_eq!(verified.still_valid(&rules, mint::NOW.after(329)), Ok(()));
    assert_eq!(verified.still_valid(&rules, mint::NOW.after(330)), Err(TokenError::Expired));
    assert_eq!(
        verified.still_valid(&rules, UnixTime(mint::NOW.0 - 31)),
        Err(TokenError::NotYetValid)
    );
    assert_eq!(verified.into_claims().client(), Some("web"));
}

#[test]
fn what_looks_like_a_jws() {
    let good = mint::good(ES256);
    let none = format!("{}.e30.", mint::encode(r#"{"alg":"none"}"#));
    let duplicate = format!("{}.e30.x", mint::encode(r#"{"alg":"a","alg":"b"}"#));
    let padded = format!("{}==.e30.x", mint::encode(r#"{"alg":"RS256"} "#));
    let jwe = format!("{}.a.b.c.d", mint::encode(r#"{"alg":"RSA-OAEP","enc":"A128GCM"}"#));
    let no_alg = format!("{}.e30.x", mint::encode(r#"{"typ":"JWT"}"#));
    let no_payload = format!("{}..x", mint::encode(r#"{"alg":"RS256"}"#));
    let cases = [
        (good.as_str(), true),
        (&none, true),
        (&duplicate, true),
        (&padded, true),
        (&jwe, false),
        (&no_alg, false),
        (&no_payload, false),
        ("", false),
        ("..", false),
        ("a.b.c", false),
        ("gAAAAABm-fernet-token", false),
        ("ory_at_x.y", false),
    ];
    for (token, expected) in cases {
        assert_eq!(looks_like_jws(token.as_bytes()), expected, "{token}");
    }
}

#[test]
fn debug_shows_nothing_of_a_token() {
    let token = mint::good(ES256);
    let unverified = Unverified::parse(token.as_bytes()).unwrap();
    let verified =
        unverified.clone().verify(&mint::rules(), mint::keys(), mint::NOW, &Pure).unwrap();
    for shown in [format!("{unverified:?}"), format!("{verified:?}")] {
        assert!(!shown.contains("alice") && !shown.contains("orders"), "{shown}");
    }
}
