//! Changes of a JSON value: members and elements come, go, move and get other values; base64url inside strings is changed
//! as the bytes that it stands for.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::base64;
use crate::random::Random;

/// Collects what a seed is made of.
pub(super) fn harvest(value: &Value, words: &mut BTreeSet<String>, values: &mut Vec<Value>) {
    match value {
        Value::Object(members) => {
            words.extend(members.keys().cloned());
            members.values().for_each(|value| harvest(value, words, values));
        }
        Value::Array(items) => items.iter().for_each(|value| harvest(value, words, values)),
        Value::String(text) if text.len() < 100 => drop(words.insert(text.clone())),
        Value::String(_) | Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
    if values.len() < 512 {
        values.push(value.clone());
    }
}

/// One change somewhere inside.
pub(super) fn change(random: &mut Random, value: &mut Value, words: &[String], values: &[Value]) {
    let inner = match value {
        Value::Object(members) if !members.is_empty() && !random.once_in(3) => {
            let index = random.below(members.len());
            members.values_mut().nth(index)
        }
        Value::Array(items) if !items.is_empty() && !random.once_in(3) => {
            let index = random.below(items.len());
            items.get_mut(index)
        }
        _ => None,
    };
    if let Some(inner) = inner {
        return change(random, inner, words, values);
    }
    if random.once_in(8) {
        *value = any(random, value, words, values);
        return;
    }
    match value {
        Value::Object(members) => object(random, members, words, values),
        Value::Array(items) => array(random, items, words, values),
        Value::String(text) => *text = string(random, text, words),
        Value::Null | Value::Bool(_) | Value::Number(_) => {
            *value = any(random, value, words, values)
        }
    }
}

fn object(
    random: &mut Random,
    members: &mut Map<String, Value>,
    words: &[String],
    values: &[Value],
) {
    let nth = |random: &mut Random, members: &Map<String, Value>| {
        members.keys().nth(random.below(members.len())).cloned().unwrap_or_default()
    };
    match random.below(5) {
        0 => drop(members.remove(&nth(random, members))),
        1 => {
            if let Some(value) = members.remove(&nth(random, members)) {
                members.insert(random.word(words).to_owned(), value);
            }
        }
        2 => {
            let (one, other) = (nth(random, members), nth(random, members));
            if let (Some(first), Some(second)) =
                (members.get(&one).cloned(), members.get(&other).cloned())
            {
                members.insert(one, second);
                members.insert(other, first);
            }
        }
        _ => {
            let value = any(random, &Value::Null, words, values);
            members.insert(random.word(words).to_owned(), value);
        }
    }
}

fn array(random: &mut Random, items: &mut Vec<Value>, words: &[String], values: &[Value]) {
    let place = random.below(items.len());
    match random.below(5) {
        0 if !items.is_empty() => drop(items.remove(place)),
        1 if !items.is_empty() => {
            let other = random.below(items.len());
            items.swap(place, other);
        }
        // Up to the bounds on elements.
        2 if !items.is_empty() => {
            let copies = 1 << random.below(8);
            let copy = items[place].clone();
            items.extend(std::iter::repeat_n(copy, copies));
        }
        _ => items.insert(place, any(random, &Value::Null, words, values)),
    }
}

/// A string that is likely to be base64url is changed as bytes: a modulus, a coordinate, a certificate.
fn string(random: &mut Random, text: &str, words: &[String]) -> String {
    let bytes = base64::decode(text.as_bytes());
    if bytes.len() >= 16 && !random.once_in(4) {
        let bytes = number(random, bytes);
        return String::from_utf8_lossy(&base64::encode_somehow(random, &bytes)).into_owned();
    }
    match random.below(4) {
        0 => random.word(words).to_owned(),
        1 => format!("{text}{}", random.word(words)),
        2 => text.repeat(1 << random.below(7)),
        _ => {
            let changed = super::bytes::change(random, text.as_bytes(), b"", words);
            String::from_utf8_lossy(&changed).into_owned()
        }
    }
}

/// What happens to big numbers: other lengths, leading zeros, one bit, all ones.
fn number(random: &mut Random, mut bytes: Vec<u8>) -> Vec<u8> {
    let place = random.below(bytes.len());
    match random.below(8) {
        0 => bytes.insert(0, 0),
        1 => bytes[0] = 0,
        2 => drop(bytes.pop()),
        3 => bytes.push(random.byte()),
        4 => bytes.fill(0xff),
        5 => bytes = bytes.repeat(1 << random.below(4)),
        6 => bytes.truncate(place),
        _ => bytes[place] ^= 1 << random.below(8),
    }
    bytes
}

/// Any value, near or far.
fn any(random: &mut Random, old: &Value, words: &[String], values: &[Value]) -> Value {
    match random.below(14) {
        0 => Value::Null,
        1 => json!(random.once_in(2)),
        2 => json!(0),
        3 => json!(random.next()),
        4 => json!(-1),
        5 => json!(1_800_000_000.5),
        6 => json!(253_402_300_800_u64),
        7 => json!([old]),
        8 => json!({random.word(words): old}),
        9 => json!([]),
        10 => json!({}),
        11 => deep(random, old),
        12 => json!(random.word(words)),
        _ => random.pick(values).cloned().unwrap_or(Value::Null),
    }
}

fn deep(random: &mut Random, inner: &Value) -> Value {
    let levels = random.below(40);
    (0..levels).fold(inner.clone(), |value, _| {
        if random.once_in(2) { json!([value]) } else { json!({"a": value}) }
    })
}
