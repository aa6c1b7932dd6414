//! JSON values as YAML in block style, in their own order: what people review before they apply it. Text that a reader
//! could take for something else is quoted as JSON quotes it, which YAML 1.2 reads the same; text of several lines is a
//! literal block. By hand, because serde-saphyr's serializer (which reads back the same) is a feature that no crate of the
//! workspace builds, and quotes less: `30s` and `.*` come out plain.

use serde_json::Value;

/// A document, ending in a line end.
pub(super) fn document(value: &Value) -> String {
    let mut text = lines(value).join("\n");
    text.push('\n');
    text
}

fn lines(value: &Value) -> Vec<String> {
    match value {
        Value::Object(members) if !members.is_empty() => {
            members.iter().flat_map(|(name, value)| member(&text(name), value)).collect()
        }
        Value::Array(items) if !items.is_empty() => items.iter().flat_map(item).collect(),
        Value::String(string) => literal(string).unwrap_or_else(|| vec![text(string)]),
        Value::Object(_) => vec!["{}".to_owned()],
        Value::Array(_) => vec!["[]".to_owned()],
        Value::Null | Value::Bool(_) | Value::Number(_) => vec![value.to_string()],
    }
}

fn member(name: &str, value: &Value) -> Vec<String> {
    let mut inner = lines(value).into_iter();
    let nested = match value {
        Value::Object(members) => !members.is_empty(),
        Value::Array(items) => !items.is_empty(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    };
    let first = if nested {
        format!("{name}:")
    } else {
        format!("{name}: {}", inner.next().unwrap_or_default())
    };
    std::iter::once(first).chain(inner.map(|line| indented(&line))).collect()
}

fn item(value: &Value) -> Vec<String> {
    let mut inner = lines(value).into_iter();
    let first = format!("- {}", inner.next().unwrap_or_default());
    std::iter::once(first).chain(inner.map(|line| indented(&line))).collect()
}

fn indented(line: &str) -> String {
    if line.is_empty() { String::new() } else { format!("  {line}") }
}

/// A literal block, for text of several lines that has no trouble in it: none for any other.
fn literal(text: &str) -> Option<Vec<String>> {
    let (body, head) = match text.strip_suffix('\n') {
        Some(body) => (body, "|"),
        None => (text, "|-"),
    };
    let starts = body.chars().next().is_some_and(|char| !char.is_whitespace());
    let plain = body.chars().all(|char| char == '\n' || !char.is_control() && char != '\u{feff}');
    if !text.contains('\n') || !starts || !plain || body.ends_with('\n') {
        return None;
    }
    Some(std::iter::once(head).chain(body.split('\n')).map(str::to_owned).collect())
}

/// One line of text, plain where nobody can misread it.
fn text(text: &str) -> String {
    let starts = text.starts_with(|char: char| char.is_ascii_alphabetic() || char == '/');
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-./:@".contains(&byte);
    let word = matches!(
        text.to_ascii_lowercase().as_str(),
        "true" | "false" | "null" | "yes" | "no" | "on" | "off" | "y" | "n"
    );
    if starts && text.bytes().all(plain) && !text.ends_with(':') && !word {
        text.to_owned()
    } else {
        Value::from(text).to_string()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::document;

    fn check(value: &Value) {
        let text = document(value);
        let read: Value = serde_saphyr::from_str(&text).unwrap();
        assert_eq!(&read, value, "{text}");
    }

    #[test]
    fn what_is_written_reads_the_same() {
        let strings = [
            "",
            " ",
            "a",
            "a b",
            "yes",
            "No",
            "null",
            "~",
            "1",
            "1.5",
            "0x1",
            "1s",
            "-",
            "- a",
            "a: b",
            "a:",
            "a #b",
            "#",
            "@type",
            "*",
            "&a",
            "!a",
            "{",
            "[",
            "\"",
            "'",
            "\\",
            "\t",
            "\u{e9}",
            "\u{85}",
            "\r",
            "a\nb",
            "a\n\nb\n",
            "\na",
            " a\nb",
            "a\n ",
            "a\n\n",
            "a\r\nb",
            "{\n  \"a\": 1\n}",
            "# a\nb: c\n",
            "---\na",
            "x\n---\ny\n",
            "..",
        ];
        for string in strings {
            check(&json!({ "a": string }));
            check(&json!({ "a": [string, { "b": string, "c": [string] }, [string, [string]]] }));
            check(&json!({ string: string }));
        }
        check(
            &json!({ "a": { "b": {}, "c": [], "d": [[], {}], "e": null, "f": true, "g": -1.5 } }),
        );
    }

    #[test]
    fn the_look_of_it() {
        let value = json!({ "a": [{ "b": "c", "d": ["e"] }], "f": "x\ny", "g": {} });
        assert_eq!(document(&value), "a:\n  - b: c\n    d:\n      - e\nf: |-\n  x\n  y\ng: {}\n");
    }
}
