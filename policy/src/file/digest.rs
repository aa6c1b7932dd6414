//! The digest of a policy: one name for the same policy in both doors, whatever the order of its members, which Envoy does
//! not keep. Of the filter's copy, so a secret's place is no part of it. `routes` is hashed element by element: the filter
//! never has all of it at once.

use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use crate::require::claim::whole;

/// Bytes of the hash that are written.
const WRITTEN_BYTES: usize = 16;

/// Texts that are shorter have one byte for their length.
const LONG_TEXT: u8 = 255;

/// The hash of a list, as its elements come.
pub(crate) struct ListHash {
    hash: Sha256,
    bytes: Vec<u8>,
}

impl ListHash {
    pub(crate) fn new() -> Self {
        let mut hash = Sha256::new();
        hash.update(b"[");
        Self { hash, bytes: Vec::new() }
    }

    /// Adds an element, the members of its objects sorted.
    pub(crate) fn add(&mut self, element: &Value) {
        self.bytes.clear();
        add(&mut self.bytes, element);
        self.hash.update(&self.bytes);
    }

    fn finish(mut self) -> Sha256 {
        self.hash.update(b"]");
        self.hash
    }
}

/// SHA-256 over the names of the members, in their order, each with the SHA-256 of its value; in hex. `routes` is the hash
/// of the member of that name, which is not looked at where it is a list.
pub(crate) fn of_policy(mut policy: Map<String, Value>, routes: ListHash) -> String {
    // Where maps keep the order of the file, as in the sidecar, it is that of the file's copy no longer.
    policy.sort_keys();
    policy.values_mut().for_each(Value::sort_all_objects);
    let mut routes = Some(routes);
    let mut hash = Sha256::new();
    let mut bytes = Vec::new();
    for (name, value) in &policy {
        bytes.clear();
        add_text(&mut bytes, name);
        hash.update(&bytes);
        let list = if name == "routes" && value.is_array() { routes.take() } else { None };
        let value = list.map_or_else(|| of_value(value), ListHash::finish);
        hash.update(value.finalize());
    }
    hash.finalize().iter().take(WRITTEN_BYTES).map(|byte| format!("{byte:02x}")).collect()
}

/// The same of a policy with all of its routes.
pub(crate) fn of_whole(mut policy: Value) -> String {
    let mut routes = ListHash::new();
    if let Some(list) = policy.get_mut("routes").and_then(Value::as_array_mut) {
        for route in list {
            route.sort_all_objects();
            routes.add(route);
        }
    }
    of_policy(policy.as_object_mut().map(std::mem::take).unwrap_or_default(), routes)
}

fn of_value(value: &Value) -> Sha256 {
    let mut bytes = Vec::new();
    add(&mut bytes, value);
    let mut hash = Sha256::new();
    hash.update(&bytes);
    hash
}

/// No two values are the same bytes: a letter says what follows, texts begin with their length, lists and objects end.
fn add(out: &mut Vec<u8>, value: &Value) {
    match value {
        Value::Null => out.push(b'n'),
        Value::Bool(false) => out.push(b'f'),
        Value::Bool(true) => out.push(b't'),
        // `1` and `1.0` are one number, and Envoy writes the one for the other.
        Value::Number(number) => match whole(number) {
            Some(integer) => {
                out.push(b'i');
                out.extend_from_slice(&integer.to_be_bytes());
            }
            None => {
                out.push(b'd');
                let float = number.as_f64().unwrap_or_default();
                out.extend_from_slice(&float.to_bits().to_be_bytes());
            }
        },
        Value::String(text) => add_text(out, text),
        Value::Array(items) => {
            out.push(b'[');
            items.iter().for_each(|item| add(out, item));
            out.push(b']');
        }
        Value::Object(members) => {
            out.push(b'{');
            for (name, member) in members {
                add_text(out, name);
                add(out, member);
            }
            out.push(b'}');
        }
    }
}

fn add_text(out: &mut Vec<u8>, text: &str) {
    out.push(b's');
    match u8::try_from(text.len()) {
        Ok(length) if length < LONG_TEXT => out.push(length),
        Ok(_) | Err(_) => {
            out.push(LONG_TEXT);
            out.extend_from_slice(&u64::try_from(text.len()).unwrap_or(u64::MAX).to_be_bytes());
        }
    }
    out.extend_from_slice(text.as_bytes());
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::of_whole as digest;

    /// Two values of a member, and whether they are one policy.
    #[test]
    fn what_differs_has_another_digest() {
        let cases = [
            (json!({"a": 1, "b": {"c": 2, "d": 3}}), json!({"b": {"d": 3, "c": 2}, "a": 1}), true),
            (json!({"a": 1}), json!({"a": 1.0}), true),
            (json!({"a": 0}), json!({"a": -0.0}), true),
            (json!({"routes": [], "a": []}), json!({"a": [], "routes": []}), true),
            (json!({"a": 0.1}), json!({"a": 0.2}), false),
            (
                json!({"a": 9_007_199_254_740_993_i64}),
                json!({"a": 9_007_199_254_740_992_i64}),
                false,
            ),
            (json!({"a": u64::MAX}), json!({"a": -1}), false),
            (json!({"a": 1}), json!({"a": "1"}), false),
            (json!({"a": true}), json!({"a": "true"}), false),
            (json!({"a": null}), json!({}), false),
            (json!({"a": []}), json!({"a": {}}), false),
            (json!({"a": [[1], 2]}), json!({"a": [[1, 2]]}), false),
            (json!({"a": ["b", "c"]}), json!({"a": ["bc"]}), false),
            (json!({"a": {"b": "c"}}), json!({"a": ["b", "c"]}), false),
            (json!({"a": {"b": {"c": 1}}}), json!({"a": {"b": {}, "c": 1}}), false),
            (json!({"a": "x".repeat(254)}), json!({"a": "x".repeat(255)}), false),
            (json!({"a": "x".repeat(255)}), json!({"a": "x".repeat(256)}), false),
            (json!({"routes": []}), json!({}), false),
            (json!({"routes": []}), json!({"routes": [[]]}), false),
            (json!({"routes": null}), json!({"routes": []}), false),
            (json!({"routes": [1, 2]}), json!({"routes": [2, 1]}), false),
        ];
        for (one, other, same) in cases {
            assert_eq!(digest(one.clone()) == digest(other.clone()), same, "{one} {other}");
        }
        // It is compared between versions that are rolled out one after the other.
        let policy =
            json!({"version": 1, "routes": [{"name": "a", "shadow": true}], "x": [0.5, null]});
        assert_eq!(digest(policy), "fd8775a3da63e8e54d0c5b3f71bb992b");
    }
}
