//! Headers that are no credentials: forged identities, what templates read, cookies, origins and
//! preflights, and how the client wants to be answered.

use serde_json::{Value, json};

use super::super::case::Asked;
use super::super::dice::Dice;

type Sent = (&'static str, &'static [u8]);

/// Headers that nobody asked for.
const OTHERS: &[Sent] = &[
    ("x-other", b"\xff\x80"),
    ("x-other", b"a,b"),
    ("x-other", b""),
    ("user-agent", b"generated"),
    ("x-debug", b"1"),
    ("X_Debug", b"2"),
    ("x-in", b"acme"),
    ("x-in", b"x y"),
    ("x-in", b"caf\xc3\xa9"),
    ("x-in", b"a,b"),
    ("x-trace", b"one"),
    ("X-Trace", b"two , three"),
    ("x_trace", b"other"),
    ("x-hops", b""),
    ("cookie", b"a=1; theme=dark"),
    ("cookie", b"tracking=x; user=mallory; b=2"),
    ("cookie", b"way=mallory;;  at = x ;asked"),
    ("cookie", b"user=\"mallory\""),
    ("cookie", b"c=\xff; tracking=1; d=4"),
    ("x-forwarded-client-cert", b"URI=spiffe://example.org/root"),
];

const ACCEPTS: &[&[u8]] = &[
    b"*/*",
    b"text/html",
    b"text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
    b"text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
    b"text/html, application/json;q=0.5",
    b"application/json",
    b"APPLICATION/JSON;charset=utf-8",
    b"application/problem+json;q=0.2, application/*;q=0.7",
    b"text/*;q=0.4, application/json;q=0.3",
    b"text/plain",
    b"text/html;q=0",
    b"text/html;q=0.0, */*",
    b"text/html;level=1;q=1.0",
    b"text/html;q=1.5, application/json;q=0.1",
    b"*/*;q=0",
    b"",
    b"garbage",
    b";;q=,, text/plain;q=9",
    b"\xff, application/json",
    b"image/png",
    b"application/json;q=0.5, text/plain;q=0.5",
];

const CONTENT_TYPES: &[&[u8]] = &[
    b"application/grpc",
    b"application/grpc+proto",
    b"application/grpc",
    b"application/grpc-web",
    b"application/json",
    b"application/grpc;x",
];

const ORIGINS: &[&[u8]] = &[
    b"https://app.example.com",
    b"https://app.example.com",
    b"https://a.b.apps.example",
    b"https://x.apps.example",
    b"http://localhost:3000",
    b"https://apps.example",
    b"https://evil.example",
    b"https://app.example.com.evil.example",
    b"https://evil.example/.apps.example",
    b"https://APP.example.com",
    b"https://app.example.com:443",
    b"https://x.apps.example:8443",
    b"https://a@x.apps.example",
    b"null",
    b"",
    b"https://\xff",
    b"https://app.example.com, https://app.example.com",
];

/// Adds headers to a request of a route with these settings, and makes some of them preflights.
pub(crate) fn add(dice: &mut Dice, settings: &Value, asked: &mut Asked) {
    for _ in 0..dice.below(4) {
        if let Some((name, value)) = OTHERS.get(dice.below(OTHERS.len())) {
            asked.headers.push(((*name).to_owned(), value.to_vec()));
        }
    }
    let set = settings.pointer("/forward/headers").and_then(Value::as_object);
    for (name, _) in set.into_iter().flatten() {
        if dice.chance(25) {
            spoof(dice, asked, name);
        }
    }
    if dice.chance(10) {
        spoof(dice, asked, "x-user");
    }
    if settings.pointer("/on_deny/redirect").is_some() && dice.chance(40) {
        put(asked, "accept", b"text/html,application/xhtml+xml,*/*;q=0.8");
    }
    answers(dice, asked);
    let speaks = settings.get("cors").is_some_and(|it| !it.is_null());
    if dice.chance(if speaks { 40 } else { 4 }) {
        origins(dice, settings, asked);
    }
}

fn put(asked: &mut Asked, name: &str, value: &[u8]) {
    asked.headers.push((name.to_owned(), value.to_vec()));
}

fn answers(dice: &mut Dice, asked: &mut Asked) {
    if dice.chance(45) {
        put(asked, "accept", dice.pick(ACCEPTS));
        // Envoy joins two, but drops an empty one.
        let second = dice.pick(ACCEPTS);
        if dice.chance(10) && !second.is_empty() && asked.headers.iter().all(|it| !it.1.is_empty())
        {
            put(asked, "Accept", second);
        }
    }
    if dice.chance(10) {
        put(asked, "content-type", dice.pick(CONTENT_TYPES));
    }
}

fn origins(dice: &mut Dice, settings: &Value, asked: &mut Asked) {
    let own = format!("http://{}", asked.host.to_lowercase());
    match dice.below(12) {
        0 => put(asked, "origin", own.as_bytes()),
        1 => put(asked, "origin", own.replacen("http:", "https:", 1).as_bytes()),
        2 => {
            // Envoy drops an empty one.
            let all: Vec<&[u8]> = ORIGINS.iter().copied().filter(|it| !it.is_empty()).collect();
            put(asked, "origin", dice.pick(&all));
            put(asked, "Origin", dice.pick(&all));
        }
        _ => {
            let all = settings.pointer("/cors/origins").and_then(Value::as_array).cloned();
            let listed = dice.pick(&all.unwrap_or_default());
            let listed = listed.as_str().unwrap_or_default().replace("*.", "a.");
            match listed.as_str() {
                "" | "*" => put(asked, "origin", dice.pick(ORIGINS)),
                listed if dice.chance(75) => put(asked, "origin", listed.as_bytes()),
                _ => put(asked, "origin", dice.pick(ORIGINS)),
            }
        }
    }
    if !dice.chance(45) {
        return;
    }
    // The method that the route judges is the one that is announced.
    let announced = std::mem::replace(&mut asked.method, "OPTIONS".to_owned());
    put(asked, "access-control-request-method", announced.as_bytes());
    if dice.chance(4) {
        put(asked, "access-control-request-method", b"GET");
    }
    let all: &[&[u8]] = &[
        b"authorization",
        b"Authorization, x-trace",
        b"x-trace",
        b"x-evil",
        b"",
        b"authorization,,",
        b"authorization, \xff",
    ];
    if dice.chance(60) {
        put(asked, "access-control-request-headers", dice.pick(all));
    }
    if dice.chance(4) {
        put(asked, "Access-Control-Request-Headers", dice.pick(all));
    }
}

/// The client says itself who it is, in a spelling that upstreams read as the same.
fn spoof(dice: &mut Dice, asked: &mut Asked, name: &str) {
    let name = match dice.below(4) {
        0 => name.to_uppercase(),
        1 => name.replace('-', "_"),
        _ => name.to_owned(),
    };
    let value = dice.pick(&[json!("mallory"), json!(""), json!("root,admin")]);
    put(asked, &name, value.as_str().unwrap_or_default().as_bytes());
}
