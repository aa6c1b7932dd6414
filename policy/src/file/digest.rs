//! The digest of a policy: one name for the same policy in both doors, whatever the order of its members, which Envoy does
//! not keep. Of the filter's copy, so a secret's place is no part of it. `routes` is hashed element by element: the filter
//! never has all of it at once.

use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use crate::require::claim::whole;

/// Bytes of the hash that are written.
const WRITTEN_BYTES: usize = 16;

/// The hash of a list, as its elements come.
pub(crate) struct ListHash(Sha256);

impl ListHash {
    pub(crate) fn new() -> Self {
        let mut hash = Sha256::new();
        hash.update(b"[");
        Self(hash)
    }

    /// Adds an element, the members of its objects sorted.
    pub(crate) fn add(&mut self, element: &Value) {
        add(&mut self.0, element);
    }

    fn finish(mut self) -> Sha256 {
        self.0.update(b"]");
        self.0
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
    for (name, value) in &policy {
        add_text(&mut hash, name);
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
    let mut hash = Sha256::new();
    add(&mut hash, value);
    hash
}

/// No two values are the same bytes: a letter says what follows, texts begin with their length, lists and objects end.
fn add(hash: &mut Sha256, value: &Value) {
    match value {
        Value::Null => hash.update(b"n"),
        Value::Bool(false) => hash.update(b"f"),
        Value::Bool(true) => hash.update(b"t"),
        // `1` and `1.0` are one number, and Envoy writes the one for the other.
        Value::Number(number) => match whole(number) {
            Some(integer) => {
                hash.update(b"i");
                hash.update(integer.to_be_bytes());
            }
            None => {
                hash.update(b"d");
                hash.update(number.as_f64().unwrap_or_default().to_bits().to_be_bytes());
            }
        },
        Value::String(text) => add_text(hash, text),
        Value::Array(items) => {
            hash.update(b"[");
            items.iter().for_each(|item| add(hash, item));
            hash.update(b"]");
        }
        Value::Object(members) => {
            hash.update(b"{");
            for (name, member) in members {
                add_text(hash, name);
                add(hash, member);
            }
            hash.update(b"}");
        }
    }
}

fn add_text(hash: &mut Sha256, text: &str) {
    hash.update(b"s");
    hash.update(u64::try_from(text.len()).unwrap_or(u64::MAX).to_be_bytes());
    hash.update(text.as_bytes());
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
        assert_eq!(digest(policy), "1faaec65bac648218277303dfa9a3464");
    }
}
