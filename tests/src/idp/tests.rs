//! The provider over real HTTP: its tokens against its own JWKS, by two libraries; introspection,
//! rotation, faults, stop and restart.

use std::time::Duration;

use aws_lc_rs::signature::{self, RsaPublicKeyComponents, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jwt_simple::algorithms::{ECDSAP256PublicKeyLike as _, RSAPublicKeyLike as _};
use jwt_simple::prelude::{ES256PublicKey, NoCustomClaims, RS256PublicKey};

use super::*;
use crate::http1::{Request, Response};
use crate::{Error, wait};

const SECONDS: Duration = Duration::from_secs(5);

async fn get(idp: &Idp, path: &str) -> Result<Response, Error> {
    let request = Request::get("idp", format!("{BASE}{path}"));
    request.send_to_port(idp.port(), SECONDS).await
}

async fn introspect(idp: &Idp, credential: &str, form: &str) -> Response {
    let request = Request::post_form("idp", format!("{BASE}{}", endpoints::INTROSPECTION), form)
        .header("authorization", format!("Basic {}", STANDARD.encode(credential)));
    request.send_to_port(idp.port(), SECONDS).await.unwrap()
}

fn decode(text: &str) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(text).unwrap()
}

fn part(token: &str, at: usize) -> Value {
    serde_json::from_slice(&decode(token.split('.').nth(at).unwrap())).unwrap()
}

/// Whether a token's signature is right by the key of the JWKS that it names.
fn verifies(jwks: &Value, token: &str) -> bool {
    let header = part(token, 0);
    let keys = jwks["keys"].as_array().unwrap();
    let Some(key) = keys.iter().find(|key| key["kid"] == header["kid"]) else { return false };
    let field = |name: &str| decode(key[name].as_str().unwrap());
    let (input, signature) = token.rsplit_once('.').unwrap();
    let (input, signature) = (input.as_bytes(), decode(signature));
    let rsa = |how: &signature::RsaParameters| {
        let components = RsaPublicKeyComponents { n: field("n"), e: field("e") };
        components.verify(how, input, &signature).is_ok()
    };
    let ec = |how: &'static signature::EcdsaVerificationAlgorithm| {
        let point = [vec![4], field("x"), field("y")].concat();
        UnparsedPublicKey::new(how, point).verify(input, &signature).is_ok()
    };
    match header["alg"].as_str().unwrap() {
        "RS256" => rsa(&signature::RSA_PKCS1_2048_8192_SHA256),
        "RS384" => rsa(&signature::RSA_PKCS1_2048_8192_SHA384),
        "RS512" => rsa(&signature::RSA_PKCS1_2048_8192_SHA512),
        "PS256" => rsa(&signature::RSA_PSS_2048_8192_SHA256),
        "PS384" => rsa(&signature::RSA_PSS_2048_8192_SHA384),
        "PS512" => rsa(&signature::RSA_PSS_2048_8192_SHA512),
        "ES256" => ec(&signature::ECDSA_P256_SHA256_FIXED),
        "ES384" => ec(&signature::ECDSA_P384_SHA384_FIXED),
        "ES512" => ec(&signature::ECDSA_P521_SHA512_FIXED),
        "EdDSA" => UnparsedPublicKey::new(&signature::ED25519, field("x"))
            .verify(input, &signature)
            .is_ok(),
        _ => false,
    }
}

#[tokio::test]
async fn tokens_of_every_algorithm_verify_by_the_served_keys() {
    let idp = Idp::start(0).await.unwrap();
    for alg in Alg::ALL {
        if idp.current_kid(*alg).is_err() {
            idp.add_key(*alg, &format!("more-{}", alg.name())).unwrap();
        }
    }
    let jwks = get(&idp, endpoints::JWKS).await.unwrap().json().unwrap();
    assert_eq!(jwks, idp.jwks());
    for alg in Alg::ALL {
        let token = idp.access_token_with(*alg, |_| ()).unwrap();
        assert!(verifies(&jwks, &token), "{}", alg.name());
        let bad = idp.bad_signature(*alg, |_| ()).unwrap();
        assert!(!verifies(&jwks, &bad), "{}", alg.name());
    }
}

#[tokio::test]
async fn another_library_agrees() {
    let idp = Idp::start(0).await.unwrap();
    let jwks = idp.jwks();
    let key = |kid: &str| {
        let keys = jwks["keys"].as_array().unwrap();
        keys.iter().find(|key| key["kid"] == kid).unwrap().clone()
    };
    let field = |key: &Value, name: &str| decode(key[name].as_str().unwrap());
    let rs = key("rs-1");
    let rs = RS256PublicKey::from_components(&field(&rs, "n"), &field(&rs, "e")).unwrap();
    let token = idp.access_token(|_| ()).unwrap();
    let claims = rs.verify_token::<NoCustomClaims>(&token, None).unwrap();
    assert_eq!(claims.issuer.as_deref(), Some(idp.issuer()));
    let es = key("es-1");
    let point = [vec![4], field(&es, "x"), field(&es, "y")].concat();
    let es = ES256PublicKey::from_bytes(&point).unwrap();
    let token = idp.access_token_with(Alg::Es256, |_| ()).unwrap();
    assert!(es.verify_token::<NoCustomClaims>(&token, None).is_ok());
}

#[tokio::test]
async fn claims_and_headers_are_the_callers() {
    let idp = Idp::start(0).await.unwrap();
    let token = idp
        .access_token(|claims| {
            claims.insert("scope".to_owned(), Value::from("orders.write"));
            claims.remove("azp");
        })
        .unwrap();
    let claims = part(&token, 1);
    assert_eq!((&claims["scope"], &claims["aud"]), (&json!("orders.write"), &json!("orders")));
    assert!(claims.get("azp").is_none());
    assert!(claims["exp"].as_u64() > Some(now() + 290));
    assert_eq!(part(&token, 0), json!({ "alg": "RS256", "kid": "rs-1", "typ": "JWT" }));

    let spec = TokenSpec::new(Alg::Es256, idp.claims().unwrap())
        .header("jku", "http://evil.example/")
        .header("alg", "ES384")
        .header("typ", Value::Null);
    let header = part(&idp.mint(&spec).unwrap(), 0);
    assert_eq!(header, json!({ "alg": "ES384", "kid": "es-1", "jku": "http://evil.example/" }));
    let confused = TokenSpec::new(Alg::Es256, Claims::new()).kid("rs-1");
    assert!(idp.mint(&confused).is_err());
    assert!(idp.mint(&TokenSpec::new(Alg::Rs256, Claims::new()).kid("no")).is_err());
}

#[tokio::test]
async fn attack_tokens_are_what_they_say() {
    let idp = Idp::start(0).await.unwrap();
    let jwks = idp.jwks();
    let unsigned = idp.unsigned(|_| ()).unwrap();
    assert_eq!(part(&unsigned, 0), json!({ "alg": "none", "typ": "JWT" }));
    assert!(unsigned.ends_with('.'));
    let hmac = idp.hs256_with_public_key(|_| ()).unwrap();
    assert_eq!(part(&hmac, 0)["alg"], "HS256");
    let unknown = idp.unknown_kid(|_| ()).unwrap();
    assert!(part(&unknown, 0)["kid"].as_str().unwrap().starts_with("unknown-"));
    let by_enc = idp.signed_by_encryption_key(|_| ()).unwrap();
    assert!(verifies(&jwks, &by_enc), "a careless verifier takes it");
    let enc = jwks["keys"].as_array().unwrap().iter().find(|key| key["kid"] == "enc-1").unwrap();
    assert_eq!((&enc["use"], &enc["alg"]), (&json!("enc"), &json!("RSA-OAEP")));
    for token in [unsigned, hmac, unknown] {
        assert!(!verifies(&jwks, &token), "{token}");
    }
}

#[tokio::test]
async fn rotation_adds_before_it_takes_away() {
    let idp = Idp::start(0).await.unwrap();
    let old = idp.access_token(|_| ()).unwrap();
    assert_eq!(idp.rotate().unwrap(), ["rs-2", "es-2", "ed-2"]);
    let new = idp.access_token(|_| ()).unwrap();
    assert_eq!(part(&new, 0)["kid"], "rs-2");
    assert!(verifies(&idp.jwks(), &old) && verifies(&idp.jwks(), &new));
    idp.retire("rs-1").unwrap();
    let served = get(&idp, endpoints::JWKS).await.unwrap().json().unwrap();
    assert!(!verifies(&served, &old) && verifies(&served, &new));
    let spec = TokenSpec::new(Alg::Rs256, idp.claims().unwrap()).kid("rs-1");
    assert!(!verifies(&served, &idp.mint(&spec).unwrap()), "a retired key still signs");
    assert!(idp.retire("nobody").is_err());
    assert!(idp.add_key(Alg::Rs256, "rs-2").is_err());
}

#[tokio::test]
async fn discovery_names_the_endpoints() {
    let idp = Idp::start(0).await.unwrap();
    let found = get(&idp, "/.well-known/openid-configuration").await.unwrap().json().unwrap();
    assert_eq!(found["issuer"], idp.issuer());
    assert_eq!(idp.issuer(), format!("http://127.0.0.1:{}/realms/main", idp.port()));
    assert_eq!(found["jwks_uri"], idp.jwks_uri());
    assert_eq!(found["introspection_endpoint"], idp.introspection_endpoint());
    assert_eq!(get(&idp, "/elsewhere").await.unwrap().status, 404);
    let counts = [Endpoint::Discovery, Endpoint::Jwks, Endpoint::Introspection, Endpoint::Other];
    assert_eq!(counts.map(|endpoint| idp.count(endpoint)), [1, 0, 0, 1]);
}

#[tokio::test]
async fn introspection_follows_rfc_7662() {
    let idp = Idp::start(0).await.unwrap();
    let minted = idp.access_token(|_| ()).unwrap();
    let opaque = idp.opaque(idp.active_reply().unwrap()).unwrap();
    let bad = idp.bad_signature(Alg::Rs256, |_| ()).unwrap();
    let cases: &[(&str, &str, String, u16, Value)] = &[
        ("opaque", "gate:gate-secret", format!("token={opaque}"), 200, json!(true)),
        ("minted", "gate:gate-secret", format!("token={minted}"), 200, json!(true)),
        ("forged", "gate:gate-secret", format!("token={bad}"), 200, json!(false)),
        ("unknown", "gate:gate-secret", "token=nothing".to_owned(), 200, json!(false)),
        ("no token", "gate:gate-secret", String::new(), 400, Value::Null),
        ("wrong secret", "gate:wrong", format!("token={opaque}"), 401, Value::Null),
        ("wrong client", "gat:gate-secret", format!("token={opaque}"), 401, Value::Null),
    ];
    for (name, credential, form, status, active) in cases {
        let response = introspect(&idp, credential, form).await;
        let reply = response.json().unwrap();
        assert_eq!((response.status, &reply["active"]), (*status, active), "{name}: {reply}");
        if *status == 401 {
            assert_eq!(reply["error"], "invalid_client", "{name}");
            assert!(response.header("www-authenticate").is_some(), "{name}");
        }
    }
    idp.set_client("other", "secret");
    let form = format!("token={opaque}&client_id=other&client_secret=secret");
    let path = format!("{BASE}{}", endpoints::INTROSPECTION);
    let request = Request::post_form("idp", path, &form);
    let reply = request.send_to_port(idp.port(), SECONDS).await.unwrap().json().unwrap();
    assert_eq!(reply["scope"], "orders.read");
    idp.revoke(&opaque);
    let reply = request.send_to_port(idp.port(), SECONDS).await.unwrap().json().unwrap();
    assert_eq!(reply, json!({ "active": false }));
    assert_eq!(idp.count(Endpoint::Introspection), 9);
}

#[tokio::test]
async fn faults_spoil_one_endpoint_until_healed() {
    let idp = Idp::start(0).await.unwrap();
    let jwks = || get(&idp, endpoints::JWKS);
    idp.fault(Endpoint::Jwks, Fault::Status(503));
    assert_eq!(jwks().await.unwrap().status, 503);
    assert_eq!(get(&idp, "/.well-known/openid-configuration").await.unwrap().status, 200);
    idp.fault(Endpoint::Jwks, Fault::Delay(Duration::from_millis(60)));
    let late = jwks().await.unwrap();
    assert!(late.status == 200 && late.elapsed >= Duration::from_millis(60));
    idp.fault(Endpoint::Jwks, Fault::Html);
    let page = jwks().await.unwrap();
    assert!(page.status == 200 && page.json().is_err());
    idp.fault(Endpoint::Jwks, Fault::Truncated);
    let error = jwks().await.unwrap_err().to_string();
    assert!(error.contains("the body ended after"), "{error}");
    idp.fault(Endpoint::Jwks, Fault::Huge(1 << 20));
    let huge = jwks().await.unwrap();
    assert!(huge.body.len() > 1 << 20);
    assert_eq!(huge.json().unwrap()["keys"], idp.jwks()["keys"]);
    idp.fault(Endpoint::Jwks, Fault::Redirect("http://evil.example/keys".to_owned()));
    let redirect = jwks().await.unwrap();
    assert_eq!(
        (redirect.status, redirect.header("location")),
        (302, Some("http://evil.example/keys"))
    );
    idp.fault(Endpoint::Jwks, Fault::Body("{\"keys\":[]}".to_owned()));
    assert_eq!(jwks().await.unwrap().text(), "{\"keys\":[]}");
    idp.heal();
    assert_eq!(jwks().await.unwrap().json().unwrap(), idp.jwks());
    assert_eq!(idp.count(Endpoint::Jwks), 8);
}

#[tokio::test]
async fn a_fault_may_be_for_one_query_and_every_arrival_is_kept() {
    let idp = Idp::start(0).await.unwrap();
    let ask = |query: &str| {
        let path = format!("{}{query}", endpoints::JWKS);
        let idp = &idp;
        async move { get(idp, &path).await.unwrap() }
    };
    idp.fault_query(Endpoint::Jwks, "bad", Fault::Status(500));
    idp.fault(Endpoint::Jwks, Fault::Drip(Duration::from_millis(1)));
    // Some thousand bytes, and a busy machine wakes late for each.
    let request = Request::get("idp", format!("{BASE}{}", endpoints::JWKS));
    let dripped = request.send_to_port(idp.port(), SECONDS * 12).await.unwrap();
    assert_eq!(dripped.json().unwrap(), idp.jwks());
    assert!(dripped.elapsed >= Duration::from_millis(u64::try_from(dripped.body.len()).unwrap()));
    assert_eq!(ask("?bad").await.status, 500, "the fault of the query goes before");
    idp.heal();
    assert_eq!((ask("?bad").await.status, ask("?good").await.status), (200, 200));
    let arrivals = |query| idp.arrivals(Endpoint::Jwks, query).len();
    assert_eq!((arrivals(None), arrivals(Some("bad")), arrivals(Some("other"))), (1, 2, 0));
}

#[tokio::test]
async fn a_hanging_request_ends_with_the_provider() {
    let idp = Idp::start(0).await.unwrap();
    idp.fault(Endpoint::Jwks, Fault::Hang);
    let hanging = get(&idp, endpoints::JWKS);
    let stop = async {
        wait::until(SECONDS, || async { idp.count(Endpoint::Jwks) == 1 }).await.unwrap();
        idp.stop().await.unwrap();
    };
    let (answer, ()) = tokio::join!(hanging, stop);
    assert!(!answer.unwrap_err().to_string().contains("no answer within"), "it was closed");
}

#[tokio::test]
async fn a_restart_keeps_port_keys_and_tokens() {
    let idp = Idp::start(0).await.unwrap();
    let opaque = idp.opaque(json!({ "active": true })).unwrap();
    let before = get(&idp, endpoints::JWKS).await.unwrap().json().unwrap();
    let mut kept =
        crate::http1::Connection::open(([127, 0, 0, 1], idp.port()).into()).await.unwrap();
    let request = Request::get("idp", format!("{BASE}{}", endpoints::JWKS));
    assert_eq!(kept.send(&request, SECONDS).await.unwrap().status, 200);
    idp.stop().await.unwrap();
    assert!(kept.send(&request, SECONDS).await.is_err(), "the kept connection is closed");
    let refused = get(&idp, endpoints::JWKS).await.unwrap_err().to_string();
    assert!(refused.contains("refused"), "{refused}");
    idp.restart().await.unwrap();
    assert_eq!(get(&idp, endpoints::JWKS).await.unwrap().json().unwrap(), before);
    let reply = introspect(&idp, "gate:gate-secret", &format!("token={opaque}")).await;
    assert_eq!(reply.json().unwrap(), json!({ "active": true }));
}
