//! RFC 7515 appendix A, RFC 7520 section 4 and RFC 8037 appendix A, from the file that the jwt
//! crate's own tests read. What has no payload there must be refused.

use serde::Deserialize;
use serde_json::Value;

use super::judge::Question;
use super::{Expected, Group, Label, keys_of};
use crate::Result;

const TEXT: &str = include_str!("../../../jwt/testdata/rfc.json");

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Vector {
    name: String,
    source: String,
    jwk: Value,
    jws: String,
    payload: Option<String>,
}

/// Each with a key of its own. They are numbered from 1.
pub(super) fn groups() -> Result<Vec<Group>> {
    let vectors: Vec<Vector> = serde_json::from_str(TEXT)?;
    let group = |(id, vector): (u64, Vector)| {
        let label = Label {
            file: "rfc".to_owned(),
            id,
            comment: format!("{}: {}", vector.source, vector.name),
            expected: if vector.payload.is_some() { Expected::Valid } else { Expected::Invalid },
            payload: vector.payload,
        };
        let mut group = Group::new(keys_of(&vector.jwk));
        group.push(label, Question::Token(vector.jws));
        group
    };
    Ok((1..).zip(vectors).map(group).collect())
}
