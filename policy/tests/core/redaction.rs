//! No secret leaves in a record, whatever carries it; what cannot be read is left out and says so.

use sallyport_policy::mirror::{Body, Exchange, Message};
use sallyport_policy::{Document, Format, Policy};

const POLICY: &str = r#"
version: 1
mirror:
  sink: { sidecar: {} }
  bodies: { max_bytes: 1000, content_types: [json, x-www-form-urlencoded, xml] }
  redact: { headers: [x-internal], json: [card_number], query: [sig] }
"#;

const JWT: &str = "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJjYW5hcnkifQ.Y2FuYXJ5LXNpZ25hdHVyZQ";

fn redact(exchange: Exchange) -> (String, serde_json::Value) {
    let document = Document::parse(POLICY.as_bytes(), Format::Yaml).unwrap();
    let (policy, _) = Policy::compile(&document, &[]).unwrap();
    let record = policy.mirror().unwrap().redact(exchange, "orders", Some("test"));
    let line = String::from_utf8(record.line().to_vec()).unwrap();
    assert!(!line.contains('\n'));
    let value = serde_json::from_str(&line).unwrap();
    (line, value)
}

fn message(headers: &[(&str, &str)], body: &[u8]) -> Message {
    Message {
        headers: headers
            .iter()
            .map(|(n, v)| (n.as_bytes().to_vec(), v.as_bytes().to_vec()))
            .collect(),
        body: Body {
            bytes: body.to_vec(),
            total: u64::try_from(body.len()).unwrap(),
            wanted: true,
        },
    }
}

#[test]
fn a_canary_is_found_nowhere() {
    let bearer = format!("Bearer {JWT}");
    let headers = [
        ("Authorization", "Basic canary"),
        ("cookie", "s=canary"),
        ("Set-Cookie", "s=canary"),
        ("x-api-key", "canary"),
        ("X-Internal", "canary"),
        ("x-my-secret-thing", "canary"),
        ("x-access_token", "canary"),
        ("x-forwarded-authorization", "canary"),
        ("x-innocent", bearer.as_str()),
        ("location", "https://a/cb?code=1&access_token=canary#id_token=canary"),
        ("x-strange", "Basic canary"),
        ("referer", "https://u:canary@host/p;jsessionid=canary?code=canary"),
        ("x-forwarded-uri", "/p?sig=canary&key=canary"),
        ("x-plain", "kept"),
    ];
    let json = format!(
        r#"{{"password":"canary","user":{{"Card_Number":["canary"],"deep":[{{"clientSecret":{{"a":"canary"}}}}]}},"note":"{JWT}","kept":"yes","apiKey":"canary"}}"#
    );
    let mut exchange = Exchange {
        id: "1".to_owned(),
        authority: b"user:canary@host:80".to_vec(),
        path: format!("/a/{JWT}/b;sid=canary?code=canary&access_token=canary&x=1&sig=canary&api%5Fkey=canary&t={JWT}")
            .into_bytes(),
        request: message(&headers, json.as_bytes()),
        response: message(&headers, b"grant=x&client_secret=canary&card_number=canary&kept=yes"),
        ..Exchange::default()
    };
    exchange
        .request
        .headers
        .push((b"content-type".to_vec(), b"application/json; charset=utf-8".to_vec()));
    exchange
        .response
        .headers
        .push((b"content-type".to_vec(), b"application/x-www-form-urlencoded".to_vec()));
    let (line, value) = redact(exchange);
    for secret in ["canary", "eyJ", "Y2FuYXJ5"] {
        assert!(!line.contains(secret), "{secret} in {line}");
    }
    assert_eq!(value["request"]["body"]["fate"], "exported");
    assert_eq!(value["response"]["body"]["fate"], "exported");
    assert!(value["request"]["body"]["text"].as_str().unwrap().contains(r#""kept":"yes""#));
    assert!(value["response"]["body"]["text"].as_str().unwrap().contains("kept=yes"));
    assert!(value["request"]["path"].as_str().unwrap().contains("x=1"));
    assert!(line.contains(r#"["x-plain","kept"]"#));
}

#[test]
fn what_cannot_be_read_is_left_out_and_marked() {
    let json = ("content-type", "application/json");
    let cut = |bytes: &[u8], total: u64| {
        let mut message = message(&[json], bytes);
        message.body.total = total;
        message
    };
    let cases: Vec<(Message, &str)> = vec![
        (message(&[json], b""), "empty"),
        (message(&[json], b"{\"password\":\"canary\""), "unparsable"),
        (message(&[json, ("content-encoding", "gzip")], b"{}"), "encoded"),
        (message(&[("content-type", "image/png")], b"canary"), "not_wanted"),
        (message(&[], b"canary"), "not_wanted"),
        (message(&[("content-type", "text/xml")], b"<password>canary</password>"), "unparsable"),
        (message(&[("content-type", "application/problem+json")], b"{\"a\":1}"), "exported"),
        (cut(b"{\"a\":\"canary", 5000), "truncated"),
    ];
    for (message, fate) in cases {
        let (line, value) = redact(Exchange { request: message, ..Exchange::default() });
        assert_eq!(value["request"]["body"]["fate"], fate, "{line}");
        assert!(!line.contains("canary"));
    }
}

#[test]
fn bytes_that_are_no_text_do_no_harm() {
    let exchange = Exchange {
        path: b"/\xff\xfe?a=\xff".to_vec(),
        request: Message {
            headers: vec![(b"x-\xff".to_vec(), b"\xff\n\"".to_vec())],
            body: Body { bytes: b"\xff".to_vec(), total: 1, wanted: true },
        },
        ..Exchange::default()
    };
    redact(exchange);
}
