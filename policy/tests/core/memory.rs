//! The memory of tokens: bounded in entries and in bytes that are counted, forgeries apart from good tokens, and nothing
//! remembered for longer than it may be.

use std::sync::Arc;

use sallyport_jwt::UnixTime;
use sallyport_policy::{
    Identity, Introspected, IssuerId, IssuerKind, Remembered, TokenCache, limits,
};

use crate::support::{NOW, world};

const POLICY: &str = "version: 1
issuers: { opaque: { introspection: { url: 'https://i', client_id: a, client_secret: { env: S } } } }";

/// An identity with a claim of this many bytes, and its issuer.
fn identity(bytes: usize) -> (Arc<Identity>, IssuerId) {
    of_claims(&format!(r#""note":"{}""#, "x".repeat(bytes)))
}

fn of_claims(members: &str) -> (Arc<Identity>, IssuerId) {
    let world = world(POLICY, "");
    let issuer = world.policy.issuer_named("opaque").unwrap();
    let IssuerKind::Introspection(kind) = issuer.kind() else { panic!() };
    let reply = format!(r#"{{"active":true,"sub":"alice",{members}}}"#);
    let read = Identity::from_introspection(issuer, &kind.rules, reply.as_bytes(), UnixTime(NOW));
    match read {
        Introspected::Active(identity) => (identity, issuer.id()),
        Introspected::Refused(_) | Introspected::Junk => panic!("refused"),
    }
}

fn token(number: usize, length: usize) -> Vec<u8> {
    let mut token = format!("{number:08}").into_bytes();
    token.resize(length, b'x');
    token
}

fn verified(cache: &mut TokenCache, token: &[u8]) -> bool {
    matches!(cache.recall(token, UnixTime(NOW)), Some(Remembered::Verified(_)))
}

fn refused(cache: &mut TokenCache, token: &[u8], now: i64) -> bool {
    matches!(cache.recall(token, UnixTime(now)), Some(Remembered::BadSignature(_)))
}

#[test]
fn entries_are_bounded() {
    let (identity, _) = identity(10);
    for bound in [0, 1, 2, 3, 10, 100] {
        let mut cache = TokenCache::new(bound, 10_000_000);
        for number in 0..1000 {
            cache.remember(&token(number, 100), &identity);
            assert!(cache.entries() <= bound, "{bound}: {}", cache.entries());
            assert_eq!(verified(&mut cache, &token(number, 100)), bound > 0, "{bound}");
        }
        assert!(cache.entries() * 2 >= bound, "{bound}: {}", cache.entries());
    }
}

#[test]
fn bytes_are_bounded_and_counted_with_what_the_token_says() {
    for (claim, length) in [(10, 1000), (4000, 100), (200_000, 10), (10, 200_000)] {
        let (identity, _) = identity(claim);
        let each = claim + length;
        let bound = 100_000;
        let mut cache = TokenCache::new(1000, bound);
        for number in 0..200 {
            cache.remember(&token(number, length), &identity);
            assert!(cache.bytes() <= bound, "{}", cache.bytes());
            assert!(cache.bytes() >= cache.entries() * each, "less than the bytes themselves");
        }
        let expected = if each > bound / 2 { 0 } else { bound / 2 / (each + 2000) };
        assert!(cache.entries() >= expected, "{claim} {length}: {}", cache.entries());
        assert_eq!(cache.entries() == 0, each > bound / 2);
        cache.clear();
        assert_eq!((cache.entries(), cache.bytes()), (0, 0));
    }
}

/// Counted with pointers of 64 bits; a worker's are of 32, and what P11 of the design allows it is 8 MB.
#[test]
fn a_thousand_tokens_of_keycloaks_shape_are_held() {
    let (identity, _) = of_claims(
        r#""exp":1800000300,"iat":1800000000,"jti":"6f1c9f0a-5d0e-4b6e-9a57-2f1b7c0d8e11","iss":"https://idp.example/realms/main",
        "aud":["orders","account"],"typ":"Bearer","azp":"web","sid":"6f1c9f0a-5d0e-4b6e-9a57-2f1b7c0d8e12","acr":"1",
        "allowed-origins":["https://web.example"],"realm_access":{"roles":["offline_access","uma_authorization","customer"]},
        "resource_access":{"account":{"roles":["manage-account","view-profile"]}},"scope":"openid email profile orders.read",
        "email_verified":true,"name":"Alice Example","preferred_username":"alice","email":"alice@example.com""#,
    );
    // Of the sidecar's maps, which keep their order and are larger than the filter's.
    let mut cache = TokenCache::new(1000, 32 * 1024 * 1024);
    for number in 0..1000 {
        cache.remember(&token(number, 1024), &identity);
    }
    assert_eq!(cache.entries(), 1000);
    assert!((3_000_000..16_000_000).contains(&cache.bytes()), "{}", cache.bytes());
}

#[test]
fn many_small_members_count_more_than_their_text() {
    let (flat, _) = identity(1000);
    let nested: Vec<String> = (0..50).map(|n| format!(r#""m{n:02}":{{"a":{{"b":1}}}}"#)).collect();
    let (nested, _) = of_claims(&nested.join(","));
    assert!(nested.estimated_bytes() > 20 * flat.estimated_bytes(), "{}", nested.estimated_bytes());
}

#[test]
fn the_same_token_again_counts_once() {
    let (identity, issuer) = identity(10);
    let mut cache = TokenCache::new(10, 100_000);
    cache.remember(b"token", &identity);
    cache.remember_refusal(b"bad", issuer, UnixTime(NOW));
    let bytes = cache.bytes();
    for _ in 0..100 {
        cache.remember(b"token", &identity);
        cache.remember_refusal(b"bad", issuer, UnixTime(NOW));
        assert!(verified(&mut cache, b"token") && refused(&mut cache, b"bad", NOW));
    }
    assert_eq!((cache.entries(), cache.bytes()), (2, bytes));
}

#[test]
fn what_is_used_stays() {
    let (identity, _) = identity(10);
    let mut cache = TokenCache::new(10, 100_000);
    cache.remember(b"used", &identity);
    for number in 0..1000 {
        cache.remember(&token(number, 20), &identity);
        assert!(verified(&mut cache, b"used"), "{number}");
    }
    assert!(!verified(&mut cache, &token(0, 20)));
    assert!(!verified(&mut cache, b"use") && !verified(&mut cache, b"usedx"));
}

#[test]
fn forgeries_are_bounded_and_push_no_good_token_out() {
    let (identity, issuer) = identity(10);
    let mut cache = TokenCache::new(10, 100_000);
    cache.remember(b"good", &identity);
    let good = cache.bytes();
    for length in [20, 16 * 1024] {
        for number in 0..2000 {
            let token = token(number, length);
            cache.remember_refusal(&token, issuer, UnixTime(NOW));
            assert!(refused(&mut cache, &token, NOW));
            assert!(cache.entries() <= 1 + limits::MAX_REFUSALS, "{}", cache.entries());
            assert!(cache.bytes() <= good + limits::MAX_REFUSAL_BYTES, "{}", cache.bytes());
        }
        assert!(cache.entries() > 16);
    }
    assert!(verified(&mut cache, b"good"));
    cache.clear();
    assert!(!refused(&mut cache, &token(1999, 20), NOW) && !verified(&mut cache, b"good"));
    let mut off = TokenCache::new(0, 100_000);
    off.remember_refusal(b"bad", issuer, UnixTime(NOW));
    assert_eq!(off.entries(), 0, "no memory, no forgeries either");
}

#[test]
fn a_forgery_is_remembered_for_ten_seconds_and_no_clock_makes_it_longer() {
    let (_, issuer) = identity(10);
    for (now, expected) in [
        (NOW, true),
        (NOW + 9, true),
        (NOW + 10, false),
        (NOW - 1, false),
        (i64::MAX, false),
        (i64::MIN, false),
    ] {
        let mut cache = TokenCache::new(10, 100_000);
        cache.remember_refusal(b"bad", issuer, UnixTime(NOW));
        // Asking does not prolong it.
        assert!(refused(&mut cache, b"bad", NOW));
        assert_eq!(refused(&mut cache, b"bad", now), expected, "{now}");
        assert_eq!(cache.entries(), usize::from(expected), "what is over is forgotten");
    }
    let mut cache = TokenCache::new(10, 100_000);
    cache.remember_refusal(b"bad", issuer, UnixTime(i64::MAX));
    assert!(!refused(&mut cache, b"bad", i64::MAX), "the end of time is no time");
}
