//! Reading a policy as plain JSON: members, and lists that may be absent.

use serde_json::Value;

/// The elements of a list; none where there is no list.
pub(crate) fn list<'v>(value: &'v Value, name: &str) -> &'v [Value] {
    value.get(name).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// The texts of a list.
pub(crate) fn words<'v>(value: &'v Value, name: &str) -> Vec<&'v str> {
    list(value, name).iter().filter_map(Value::as_str).collect()
}

/// A member that is text.
pub(crate) fn text<'v>(value: &'v Value, name: &str) -> Option<&'v str> {
    value.get(name).and_then(Value::as_str)
}

/// A member that is true or false.
pub(crate) fn flag(value: &Value, name: &str, otherwise: bool) -> bool {
    value.get(name).and_then(Value::as_bool).unwrap_or(otherwise)
}

/// A length of time as the policy writes it: `30s`, `1h`; 0 for what is none.
pub(crate) fn seconds(value: &Value, name: &str) -> Option<i64> {
    let text = text(value, name)?;
    let units = [("ms", 0), ("s", 1), ("m", 60), ("h", 3600), ("d", 86_400)];
    for (unit, factor) in units {
        if let Some(number) = text.strip_suffix(unit).and_then(|text| text.parse::<i64>().ok()) {
            return Some(number.saturating_mul(factor));
        }
    }
    Some(0)
}

/// A value inside nested objects: `realm_access.roles`, `resource_access."my.client".roles`.
pub(crate) fn at<'v>(claims: &'v Value, path: &str) -> Option<&'v Value> {
    let mut names = Vec::new();
    let mut name = String::new();
    let mut quoted = false;
    for character in path.chars() {
        match character {
            '"' => quoted = !quoted,
            '.' if !quoted => names.push(std::mem::take(&mut name)),
            other => name.push(other),
        }
    }
    names.push(name);
    let mut value = claims;
    for name in names {
        value = value.as_object()?.get(&name)?;
    }
    Some(value)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn claims_are_found_by_their_path() {
        let claims = json!({ "a": { "b.c": { "d": 1 } } });
        assert_eq!(at(&claims, "a.\"b.c\".d"), Some(&json!(1)));
        assert_eq!(at(&claims, "a.b.c.d"), None);
    }

    #[test]
    fn durations_have_units() {
        let value = json!({ "a": "30s", "b": "2h", "c": "200ms" });
        assert_eq!(seconds(&value, "a"), Some(30));
        assert_eq!(seconds(&value, "b"), Some(7200));
        assert_eq!(seconds(&value, "c"), Some(0));
        assert_eq!(seconds(&value, "d"), None);
    }
}
