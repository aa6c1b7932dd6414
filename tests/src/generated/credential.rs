//! Credentials by chance: a good one of the route's in the place where the route reads it, or nearly
//! there, so that each check is the one that decides often enough.

use serde_json::{Value, json};

use super::case::{Asked, World};
use super::certificate;
use super::dice::Dice;
use super::policy::JWT_ISSUERS;
use super::token::Plan;

mod claims;
mod tokens;

/// Authorization headers that hold no token.
const ODD: &[&[u8]] = &[
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
    b"nobody-knows-this",
    b"a, b",
];

/// Puts credentials for a route with these settings into a request.
pub(crate) fn send(dice: &mut Dice, world: &World, route: &Value, asked: &mut Asked) {
    let list = route.get("authenticate").and_then(Value::as_array).cloned().unwrap_or_default();
    let reads_certificates = list.iter().any(|entry| entry.get("client_certificate").is_some());
    if dice.chance(if reads_certificates { 50 } else { 2 }) {
        let names: Vec<&str> = certificate::ALL.iter().map(|it| it.name).collect();
        asked.certificate = Some(dice.pick(&names).to_owned());
    }
    if route.get("allow").is_some() && dice.chance(60) {
        return;
    }
    match dice.below(60) {
        0..=2 => return,
        3..=5 => return put(asked, "authorization", dice.pick(ODD)),
        _ => {}
    }
    let is_token = |entry: &&Value| entry.get("jwt").or(entry.get("introspection")).is_some();
    let tokens: Vec<Value> = list.iter().filter(is_token).cloned().collect();
    let count = if dice.chance(8) { 2 } else { 1 };
    for at in 0..count {
        let entry = dice.pick(&tokens);
        let plan = token(dice, world, route, &entry, asked);
        asked.tokens.push(plan);
        let from = match dice.chance(96) {
            true => entry.get("from").cloned().unwrap_or_default(),
            false => Value::Null,
        };
        place(dice, &from, &format!("@T{at}@"), asked);
    }
}

fn put(asked: &mut Asked, name: &str, value: impl AsRef<[u8]>) {
    asked.headers.push((name.to_owned(), value.as_ref().to_vec()));
}

fn token(dice: &mut Dice, world: &World, route: &Value, entry: &Value, asked: &Asked) -> Plan {
    let text = |name: &str| entry.get(name).and_then(Value::as_str);
    let mut claims = claims::claims(dice, route, asked);
    match (text("jwt"), text("introspection")) {
        (Some(name), _) if dice.chance(93) => tokens::jwt(dice, world, name, claims),
        // An opaque one for a name of theirs, or for nobody's.
        (_, name) if dice.chance(80) => {
            if name == Some("reports") {
                claims.insert("aud".to_owned(), json!(["reports", "orders"]));
            }
            tokens::reply(dice, claims)
        }
        _ => {
            let name = dice.pick(JWT_ISSUERS);
            tokens::jwt(dice, world, name, claims)
        }
    }
}

/// Puts a token into a place, or spoils the place.
fn place(dice: &mut Dice, from: &Value, mark: &str, asked: &mut Asked) {
    let text = |name: &str| from.get(name).and_then(Value::as_str);
    if let Some(name) = text("header") {
        return header(dice, name, text("prefix").unwrap_or_default(), mark, asked);
    }
    if let Some(key) = text("query") {
        return query(dice, key, mark, asked);
    }
    if let Some(name) = text("cookie") {
        return cookie(dice, name, mark, asked);
    }
    let raw = text("authorization") == Some("raw");
    let whole = if raw { mark.to_owned() } else { format!("Bearer {mark}") };
    let mut send = |value: String| put(asked, "authorization", value);
    match dice.below(120) {
        0 => send(format!("bearer {mark}")),
        1 => send(format!("Bearer  {mark}")),
        2 | 3 => send(mark.to_owned()),
        4 => send(format!("Bearer {mark} x")),
        5 => {
            send(whole.clone());
            send(whole);
        }
        6 => send(format!("Bearer a, Bearer {mark}")),
        7 => send(format!("{whole},")),
        8 => {
            send("Basic dTpw".to_owned());
            send(whole);
        }
        9 => send(format!("Bearer {mark}")),
        _ => send(whole),
    }
}

fn header(dice: &mut Dice, name: &str, prefix: &str, mark: &str, asked: &mut Asked) {
    let name = if dice.chance(20) { name.to_uppercase() } else { name.to_owned() };
    let whole = format!("{prefix}{mark}");
    match dice.below(30) {
        0 => put(asked, &name, ""),
        1 => put(asked, &name, format!("{whole},")),
        2 => {
            put(asked, &name, &whole);
            put(asked, &name, &whole);
        }
        3 => put(asked, &name, prefix),
        4 => put(asked, &name, mark),
        5 => put(asked, &name, whole.replacen("Token", "TOKEN", 1)),
        6 => put(asked, &name.replace('-', "_"), &whole),
        7 => put(asked, &name, b"\xff"),
        8 => put(asked, &name, format!("{whole} x")),
        _ => put(asked, &name, whole),
    }
}

fn query(dice: &mut Dice, key: &str, mark: &str, asked: &mut Asked) {
    let own = format!("{key}={mark}");
    let first = key.get(..1).unwrap_or_default();
    let escaped = first.bytes().map(|byte| format!("%{byte:02x}")).collect::<String>();
    let hidden = format!("{escaped}{}", key.get(1..).unwrap_or_default());
    let pairs = match dice.below(30) {
        0 => format!("{key}="),
        1 => key.to_owned(),
        2 => format!("{own}&{own}"),
        3 => format!("{own}&{hidden}=x"),
        4 => format!("a=1;{own}"),
        5 => format!("a=1?{own}"),
        6 => format!("{hidden}={mark}"),
        7 => format!("{}={mark}", key.to_uppercase()),
        8 => format!("+{own}"),
        9 => format!("{own}%20"),
        10 => format!("{own}&"),
        11 => format!("{key}=%ff"),
        12..=16 => format!("a=1&{own}&b=%2F"),
        _ => own,
    };
    let between = if asked.path.contains('?') { '&' } else { '?' };
    asked.path = format!("{}{between}{pairs}", asked.path);
}

fn cookie(dice: &mut Dice, name: &str, mark: &str, asked: &mut Asked) {
    let own = format!("{name}={mark}");
    match dice.below(30) {
        0 => put(asked, "cookie", format!("{name}=")),
        1 => put(asked, "cookie", format!("{own}; a=1; {own}")),
        2 => {
            put(asked, "cookie", &own);
            put(asked, "Cookie", format!("b=2; {name}=x"));
        }
        3 => put(asked, "cookie", format!("a=1,{own}")),
        4 => put(asked, "cookie", format!("{name}=\"{mark}\"")),
        5 => put(asked, "cookie", format!(" a=1;{name} = {mark} ")),
        6 => put(asked, "cookie", format!("{}={mark}", name.to_uppercase())),
        7 => put(asked, "cookie", name),
        8..=12 => {
            put(asked, "cookie", "a=1; theme=dark");
            put(asked, "cookie", &own);
        }
        13..=18 => put(asked, "cookie", format!("a=1; {own}; tracking=2")),
        _ => put(asked, "cookie", own),
    }
}
