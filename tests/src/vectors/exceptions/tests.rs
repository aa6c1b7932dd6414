//! What the exceptions file can and cannot excuse.

use super::*;

fn label(id: u64, expected: Expected) -> Label {
    let payload = (expected == Expected::Valid).then(|| "cGF5".to_owned());
    Label { file: "file".to_owned(), id, comment: "about".to_owned(), expected, payload }
}

fn exceptions(tests: &str, expected: &str, ours: &str) -> Exceptions {
    let exception = serde_json::json!({
        "file": "file", "tests": tests, "expected": expected, "ours": ours, "reason": "why",
    });
    let file = serde_json::json!({ "rfc": [exception] });
    Exceptions::parse(&file.to_string()).unwrap()
}

/// Name, what the source says, whether we accept, the exception, what is complained about.
type Case =
    (&'static str, Expected, bool, Option<(&'static str, &'static str)>, Option<&'static str>);
const CASES: &[Case] = &[
    ("good", Expected::Valid, true, None, None),
    ("bad", Expected::Invalid, false, None, None),
    ("either, accepted", Expected::Acceptable, true, None, None),
    ("either, refused", Expected::Acceptable, false, None, None),
    ("not listed", Expected::Valid, false, None, Some("valid, but Refused")),
    ("not listed, accepted", Expected::Invalid, true, None, Some("invalid, but Accepted")),
    ("listed", Expected::Valid, false, Some(("valid", "refused")), None),
    ("stale", Expected::Valid, true, Some(("valid", "refused")), Some("no longer an exception")),
    ("stale too", Expected::Invalid, false, Some(("invalid", "accepted")), Some("no longer")),
    ("either, listed", Expected::Acceptable, true, Some(("valid", "refused")), Some("no longer")),
    ("the wrong way", Expected::Invalid, true, Some(("valid", "refused")), Some("listed as valid")),
];

#[test]
fn deviations_must_be_listed_and_listed_ones_deviate() {
    for (name, expected, accepted, exception, complaint) in CASES {
        let list = match exception {
            Some((expected, ours)) => exceptions("7", expected, ours),
            None => Exceptions::parse("{}").unwrap(),
        };
        let verdict = if *accepted {
            Verdict::Accepted("cGF5".to_owned())
        } else {
            Verdict::Refused("no".to_owned())
        };
        let found = list.complaints(Section::Rfc, &[(&label(7, *expected), &verdict)]).unwrap();
        match complaint {
            None => assert_eq!(found, Vec::<String>::new(), "{name}"),
            Some(words) => {
                assert!(found.len() == 1 && found[0].contains(words), "{name}: {found:?}");
            }
        }
    }
}

#[test]
fn another_payload_and_a_vector_that_is_not_there_are_complaints() {
    let list = exceptions("8-9", "valid", "refused");
    let (seven, eight) = (label(7, Expected::Valid), label(8, Expected::Valid));
    let (other, refused) =
        (Verdict::Accepted("b3Ro".to_owned()), Verdict::Refused("no".to_owned()));
    let found = list.complaints(Section::Rfc, &[(&seven, &other), (&eight, &refused)]).unwrap();
    assert_eq!(found, ["file 7 (about): another payload", "file 9: listed, but no vector"]);
    // The entries of a section are about its own vectors alone.
    assert_eq!(list.complaints(Section::WycheproofCrate, &[]).unwrap(), Vec::<String>::new());
}

#[test]
fn numbers_and_ranges_are_read() {
    assert_eq!(ids("3, 7-9").unwrap(), [3, 7, 8, 9].into());
    for text in ["", "3,", "9-7", "a", "1-", "-1"] {
        assert!(ids(text).is_err(), "{text}");
    }
    Exceptions::load().unwrap();
}
