//! Claims and how they are read. Values come from a verified token or from an introspection reply;
//! this type says nothing about which, and nothing about trust.
//! Readers never guess: a claim of the wrong type is as good as absent.

use std::collections::BTreeSet;
use std::fmt;

use serde_json::{Map, Value};

use crate::claim_path::ClaimPath;

/// The members of a claims set. `Debug` shows how many there are and none of them.
#[derive(Clone, PartialEq)]
pub struct Claims(Map<String, Value>);

impl Claims {
    /// Claims from an object read elsewhere, such as an introspection reply that is active. The reader must have been
    /// [`parse_json_object`](crate::parse_json_object).
    pub const fn from_json_object(object: Map<String, Value>) -> Self {
        Self(object)
    }

    /// All members.
    pub const fn as_object(&self) -> &Map<String, Value> {
        &self.0
    }

    /// All members.
    pub fn into_object(self) -> Map<String, Value> {
        self.0
    }

    /// One top-level claim by its whole name.
    pub fn member(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }

    /// The value at a path of object members; `None` where a name is absent or its parent is not an object.
    pub fn at(&self, path: &ClaimPath) -> Option<&Value> {
        let (first, rest) = path.names().split_first()?;
        rest.iter().try_fold(self.0.get(first)?, |value, name| value.as_object()?.get(name))
    }

    /// A top-level claim that is a string.
    pub fn str(&self, name: &str) -> Option<&str> {
        self.0.get(name)?.as_str()
    }

    /// `sub`.
    pub fn subject(&self) -> Option<&str> {
        self.str("sub")
    }

    /// `iss`.
    pub fn issuer(&self) -> Option<&str> {
        self.str("iss")
    }

    /// `aud`, a string or an array of strings.
    pub fn audiences(&self) -> impl Iterator<Item = &str> {
        self.0.get("aud").into_iter().flat_map(each_string)
    }

    /// The client: `azp` (OpenID Connect, Keycloak, Entra v2), else `client_id` (RFC 9068), else `appid` (Entra v1),
    /// else `cid` (Okta).
    pub fn client(&self) -> Option<&str> {
        ["azp", "client_id", "appid", "cid"].into_iter().find_map(|name| self.str(name))
    }

    /// The scopes of `scope`, `scp` and `scopes` together, each once, in order of appearance. A string is split at
    /// spaces (RFC 6749 section 3.3); an array holds one scope per string.
    pub fn scopes(&self) -> Vec<&str> {
        let mut seen = BTreeSet::new();
        self.each_scope().filter(|scope| seen.insert(*scope)).collect()
    }

    /// Whether [`Claims::scopes`] holds this one, without building the list.
    pub fn has_scope(&self, scope: &str) -> bool {
        self.each_scope().any(|held| held == scope)
    }

    fn each_scope(&self) -> impl Iterator<Item = &str> {
        ["scope", "scp", "scopes"].into_iter().filter_map(|name| self.0.get(name)).flat_map(
            |value| {
                let text = value.as_str().into_iter().flat_map(|text| text.split(' '));
                let list = value.as_array().into_iter().flatten().filter_map(Value::as_str);
                text.chain(list).filter(|scope| !scope.is_empty())
            },
        )
    }
}

impl fmt::Debug for Claims {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Claims({} members)", self.0.len())
    }
}

/// The strings of a claim that is a string or an array of strings. Not split at spaces; elements that are not strings
/// are left out.
pub fn strings(value: &Value) -> Vec<&str> {
    each_string(value).collect()
}

fn each_string(value: &Value) -> impl Iterator<Item = &str> {
    value
        .as_str()
        .into_iter()
        .chain(value.as_array().into_iter().flatten().filter_map(Value::as_str))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn claims(value: Value) -> Claims {
        Claims::from_json_object(value.as_object().unwrap().clone())
    }

    #[test]
    fn paths_are_followed_strictly() {
        let claims = claims(json!({
            "realm_access": {"roles": ["a"]}, "realm_access.roles": ["whole name"],
            "resource_access": {"my.client": {"roles": ["b"]}, "my": {"client": {"roles": ["c"]}}}, "list": [{"x": 1}]
        }));
        let cases = [
            ("realm_access.roles", Some(json!(["a"]))),
            ("\"realm_access.roles\"", Some(json!(["whole name"]))),
            ("resource_access.\"my.client\".roles", Some(json!(["b"]))),
            ("resource_access.my.client.roles", Some(json!(["c"]))),
            ("list.0.x", None),
            ("list.x", None),
            ("realm_access.roles.x", None),
            ("absent", None),
        ];
        for (path, expected) in cases {
            assert_eq!(claims.at(&path.parse().unwrap()), expected.as_ref(), "{path}");
        }
    }

    #[test]
    fn scopes_are_the_union() {
        let cases = [
            (json!({}), vec![]),
            (json!({"scope": "a b"}), vec!["a", "b"]),
            (json!({"scope": " a  b "}), vec!["a", "b"]),
            (json!({"scope": "a\tb"}), vec!["a\tb"]),
            (json!({"scp": ["a", "b c", 3, ""]}), vec!["a", "b c"]),
            (json!({"scope": "a b", "scp": "b c", "scopes": ["d"]}), vec!["a", "b", "c", "d"]),
            (json!({"scope": {"a": true}, "scp": null}), vec![]),
        ];
        for (value, expected) in cases {
            let claims = claims(value);
            assert_eq!(claims.scopes(), expected, "{:?}", claims.as_object());
            assert!(expected.iter().all(|scope| claims.has_scope(scope)));
            assert!(!claims.has_scope("z") && !claims.has_scope(""));
        }
    }

    #[test]
    fn clients_in_order() {
        let cases = [
            (json!({"azp": "a", "client_id": "b", "appid": "c", "cid": "d"}), Some("a")),
            (json!({"client_id": "b", "appid": "c", "cid": "d"}), Some("b")),
            (json!({"azp": 7, "appid": "c", "cid": "d"}), Some("c")),
            (json!({"cid": "d"}), Some("d")),
            (json!({}), None),
        ];
        for (value, expected) in cases {
            assert_eq!(claims(value).client(), expected);
        }
    }

    #[test]
    fn strings_of_a_string_or_an_array() {
        assert_eq!(strings(&json!("a b")), ["a b"]);
        assert_eq!(strings(&json!(["a", 1, null, "b"])), ["a", "b"]);
        assert!(strings(&json!({"a": "b"})).is_empty());
        assert!(strings(&json!(true)).is_empty());
    }

    #[test]
    fn debug_shows_no_claim() {
        assert_eq!(format!("{:?}", claims(json!({"sub": "secret"}))), "Claims(1 members)");
    }
}
