//! JSON text of a value, now and then in a way that strict and lax readers take differently: members twice, escapes,
//! whitespace, other spellings of a number, and things that are no JSON.

use serde_json::Value;

use crate::random::Random;

/// The text.
pub(super) fn render(random: &mut Random, value: &Value) -> Vec<u8> {
    // Most texts have no quirk at all, so that what is inside is reached.
    let quirks = random.once_in(4);
    let mut out = String::new();
    write(random, value, quirks, &mut out);
    if quirks {
        match random.below(12) {
            0 => out.insert(0, '\u{feff}'),
            1 => out.push_str(" x"),
            2 => out = format!("{out}{out}"),
            3 => out = format!(" \n{out}\r\t"),
            _ => {}
        }
    }
    out.into_bytes()
}

fn write(random: &mut Random, value: &Value, quirks: bool, out: &mut String) {
    match value {
        Value::Object(members) => {
            out.push('{');
            for (index, (name, value)) in members.iter().enumerate() {
                separator(random, index, quirks, out);
                member(random, name, value, quirks, out);
                if quirks && random.once_in(30) {
                    out.push(',');
                    member(random, name, &Value::Null, quirks, out);
                }
            }
            out.push('}');
        }
        Value::Array(items) => {
            out.push('[');
            for (index, value) in items.iter().enumerate() {
                separator(random, index, quirks, out);
                write(random, value, quirks, out);
            }
            out.push(']');
        }
        Value::Number(number) if quirks && random.once_in(10) => {
            let spelled = match random.below(6) {
                0 => format!("{number}.0"),
                1 => format!("{number}e0"),
                2 => format!("0{number}"),
                3 => format!("{number}E+1"),
                4 => "1e999".to_owned(),
                _ => format!("\"{number}\""),
            };
            out.push_str(&spelled);
        }
        Value::String(text) => string(random, text, quirks, out),
        Value::Null | Value::Bool(_) | Value::Number(_) => out.push_str(&value.to_string()),
    }
}

fn member(random: &mut Random, name: &str, value: &Value, quirks: bool, out: &mut String) {
    string(random, name, quirks, out);
    out.push(':');
    write(random, value, quirks, out);
}

fn separator(random: &mut Random, index: usize, quirks: bool, out: &mut String) {
    if index > 0 {
        out.push(',');
    }
    if quirks && random.once_in(20) {
        out.push_str(random.word(&[" ", "\n", "\u{a0}", "/**/", ",", "\u{b}"]));
    }
}

fn string(random: &mut Random, text: &str, quirks: bool, out: &mut String) {
    if !quirks || !random.once_in(8) {
        out.push_str(&Value::from(text).to_string());
        return;
    }
    out.push('"');
    for unit in text.encode_utf16() {
        out.push_str(&format!("\\u{unit:04x}"));
    }
    if random.once_in(20) {
        out.push_str("\\ud800");
    }
    out.push('"');
}
