//! Claims and the paths into them: a path in the first line, a JSON object in the rest. Each reading is held against a plain
//! one of the same value.

use sallyport_jwt::{ClaimPath, Claims, JsonLimits, UnixTime, limits, parse_json_object, strings};
use serde_json::Value;

use super::{Outcome, Target, must, no_words};
use crate::mutate::Mutator;
use crate::random::Random;
use crate::seeds;

pub(super) const CLAIMS: Target = Target {
    name: "claims",
    about: "claim paths, scopes, dates and the strict JSON reader",
    run,
    seeds: || seeds::folder("fuzz/seeds/claims"),
    words: no_words,
    mutate,
    grows: true,
};

fn mutate(mutator: &mut Mutator, random: &mut Random, input: &[u8], other: &[u8]) -> Vec<u8> {
    let (path, json) = halves(input);
    let (other_path, other_json) = halves(other);
    if random.once_in(3) {
        return [mutator.bytes(random, path, other_path).as_slice(), json].join(&b'\n');
    }
    [path, mutator.json(random, json, other_json).as_slice()].join(&b'\n')
}

fn halves(input: &[u8]) -> (&[u8], &[u8]) {
    let end = input.iter().position(|byte| *byte == b'\n').unwrap_or(input.len());
    let (path, rest) = input.split_at(end);
    (path, rest.get(1..).unwrap_or_default())
}

fn run(input: &[u8]) -> Outcome {
    let (path, json) = halves(input);
    let path = std::str::from_utf8(path).ok().and_then(|path| path.parse::<ClaimPath>().ok());
    if let Some(path) = &path {
        let again = path.to_string().parse::<ClaimPath>();
        must(again.as_ref() == Ok(path), || format!("{path} reads back as {again:?}"))?;
        must(path.names().len() <= limits::MAX_CLAIM_PATH_NAMES, || "too many names".to_owned())?;
    }
    let Ok(object) = parse_json_object(json, JsonLimits::CLAIMS) else { return Ok(false) };
    let plain: Value =
        serde_json::from_slice(json).map_err(|error| format!("accepted, but no JSON: {error}"))?;
    must(plain == Value::Object(object.clone()), || "serde_json reads another object".to_owned())?;
    must(depth(&plain) <= limits::MAX_JSON_DEPTH + 1, || format!("{} levels", depth(&plain)))?;
    let claims = Claims::from_json_object(object);
    if let Some(path) = &path {
        let expected =
            path.names().iter().try_fold(&plain, |value, name| value.as_object()?.get(name));
        must(claims.at(path) == expected, || format!("{path} leads elsewhere"))?;
    }
    scopes(&claims)?;
    for value in claims.as_object().values() {
        if let Some(date) = UnixTime::from_numeric_date(value) {
            must((0..=limits::MAX_NUMERIC_DATE).contains(&date.0), || {
                format!("{value} is {date:?}")
            })?;
        }
        let plain = value.as_array().map_or(usize::from(value.is_string()), |items| {
            items.iter().filter(|item| item.is_string()).count()
        });
        must(strings(value).len() == plain, || "strings that are none".to_owned())?;
    }
    Ok(true)
}

fn scopes(claims: &Claims) -> Result<(), String> {
    let scopes = claims.scopes();
    for (index, scope) in scopes.iter().enumerate() {
        must(!scope.is_empty(), || "an empty scope".to_owned())?;
        must(!scopes[..index].contains(scope), || "a scope twice".to_owned())?;
        must(claims.has_scope(scope), || "listed, and not held".to_owned())?;
    }
    must(!claims.has_scope(""), || "the empty scope is held".to_owned())
}

fn depth(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        Value::Object(members) => 1 + members.values().map(depth).max().unwrap_or(0),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => 0,
    }
}
