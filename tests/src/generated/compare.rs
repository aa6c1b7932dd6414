//! What two parties say of one request, side by side: `sallyport check` against the documents, and
//! each door against `sallyport check`, or against the documents where they tell doors apart.

use std::collections::BTreeMap;

use super::doors::Said;
use super::reference::{Answer, Expected};

/// What a party says that the documents do not.
pub(crate) fn against_reference(party: &str, expected: &Expected, said: &Said) -> Vec<String> {
    let mut wrong = Vec::new();
    let is_one = |words: &[&str], word: Option<&str>| match word {
        Some(word) => words.contains(&word),
        None => words.is_empty(),
    };
    // An allow over HTTP tells no reason, and the answer to a HEAD has no body.
    let tells = said.reason.is_some();
    if tells && !is_one(&expected.reasons, said.reason.as_deref()) {
        let (own, wanted) = (&said.reason, &expected.reasons);
        wrong.push(format!("{party} gave {own:?} by {:?}, the documents {wanted:?}", said.rule));
        return wrong;
    }
    if said.upstream.is_some() != expected.allowed {
        let (own, wanted) = (said.upstream.is_some(), expected.allowed);
        wrong.push(format!("{party} allowed: {own}, the documents {wanted}"));
        return wrong;
    }
    let Some(upstream) = &said.upstream else {
        wrong.extend(answers(party, expected, said));
        return wrong;
    };
    if tells && said.rule != expected.rule {
        let (own, wanted) = (&said.rule, &expected.rule);
        wrong.push(format!("{party} gave rule {own:?}, the documents {wanted:?}"));
    }
    if tells && !is_one(&expected.would_deny, said.would_deny.as_deref()) {
        let (own, wanted) = (&said.would_deny, &expected.would_deny);
        wrong.push(format!("{party} would deny {own:?}, the documents {wanted:?}"));
    }
    let wanted = &expected.upstream;
    if !alike(&upstream.headers, &wanted.headers) {
        wrong.push(differences(party, "upstream", &upstream.headers, &wanted.headers));
    }
    if upstream.path != wanted.path {
        wrong.push(format!("{party} sends {}, the documents {}", upstream.path, wanted.path));
    }
    if said.response != expected.response {
        let (own, wanted) = (&said.response, &expected.response);
        wrong.push(format!("{party} tells the client {own:?}, the documents {wanted:?}"));
    }
    wrong
}

/// A denial: it looks as the documents say for one of the reasons that they allow.
fn answers(party: &str, expected: &Expected, said: &Said) -> Option<String> {
    let mut own = Answer::said(said.status, &said.headers, said.body.as_ref());
    let told = |reason: &&&str| said.reason.as_deref().is_none_or(|told| told == **reason);
    let wanted: Vec<Answer> =
        expected.reasons.iter().filter(told).map(|reason| expected.shape.of(reason)).collect();
    let fits = |wanted: &Answer| {
        if said.body.is_none() {
            own.body = wanted.body.clone();
        }
        own == *wanted
    };
    let good = wanted.iter().any(fits);
    (!good).then(|| format!("{party} answers {own:?}, the documents {wanted:?}"))
}

/// What a door says that `sallyport check` does not.
pub(crate) fn against_check(door: &str, said: &Said, check: &Said) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut same = |what: &str, own: String, wanted: String| {
        if own != wanted {
            wrong.push(format!("{door}: {what} {own}, check {wanted}"));
        }
    };
    same("status", said.status.to_string(), check.status.to_string());
    if said.reason.is_some() {
        same("reason", format!("{:?}", said.reason), format!("{:?}", check.reason));
    }
    if said.rule.is_some() {
        same("rule", format!("{:?}", said.rule), format!("{:?}", check.rule));
    }
    if check.upstream.is_none() {
        // The answer to a HEAD has no body.
        if said.body.is_some() {
            same("body", format!("{:?}", said.body), format!("{:?}", check.body));
        }
        same("headers", format!("{:?}", said.headers), format!("{:?}", check.headers));
    }
    same("response", format!("{:?}", said.response), format!("{:?}", check.response));
    if door.starts_with("gRPC") {
        same("rule", format!("{:?}", said.rule), format!("{:?}", check.rule));
        same("would deny", format!("{:?}", said.would_deny), format!("{:?}", check.would_deny));
    }
    match (&said.upstream, &check.upstream) {
        (Some(own), Some(wanted)) => {
            same("path", own.path.clone(), wanted.path.clone());
            if !alike(&own.headers, &wanted.headers) {
                wrong.push(differences(door, "upstream", &own.headers, &wanted.headers));
            }
        }
        (own, wanted) => same("allowed", own.is_some().to_string(), wanted.is_some().to_string()),
    }
    wrong
}

type Headers = BTreeMap<String, Vec<u8>>;

/// Whether two say the same: elements of a list that are empty count for nothing (RFC 9110 section
/// 5.6.1), and Envoy drops an empty line of some headers that it joins; white space around a line
/// does not go on the wire (section 5.5).
fn alike(own: &Headers, wanted: &Headers) -> bool {
    let elements = |name: &str, value: &[u8]| -> Vec<Vec<u8>> {
        let end = if name == "cookie" { b';' } else { b',' };
        let all: Vec<&[u8]> = value.split(|byte| *byte == end).map(<[u8]>::trim_ascii).collect();
        let own = all.iter().filter(|it| all.len() == 1 || !it.is_empty());
        own.map(|it| it.to_vec()).collect()
    };
    own.len() == wanted.len()
        && own.iter().zip(wanted).all(|((name, own), (other, wanted))| {
            name == other && elements(name, own) == elements(name, wanted)
        })
}

fn differences(party: &str, what: &str, own: &Headers, wanted: &Headers) -> String {
    let mut names: Vec<&String> = own.keys().chain(wanted.keys()).collect();
    names.sort();
    names.dedup();
    let text = |bytes: Option<&Vec<u8>>| bytes.map(|it| String::from_utf8_lossy(it).into_owned());
    let mut parts = Vec::new();
    for name in names {
        let (own, wanted) = (own.get(name), wanted.get(name));
        if own != wanted {
            parts.push(format!("{name}: {:?}, wanted {:?}", text(own), text(wanted)));
        }
    }
    format!("{party}: {what}: {}", parts.join("; "))
}
