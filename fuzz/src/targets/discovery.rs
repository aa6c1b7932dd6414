//! Discovery documents, by the filter's own reader: whatever a document says, keys are fetched from where the policy allows
//! and from nowhere else. Cache-Control, which comes with them, keeps within its bounds.

use std::sync::LazyLock;

use sallyport_jwt::{JsonLimits, parse_json_object};
use sallyport_policy::{Document, Format, IssuerKind, JwtIssuer, KeyTimes, Policy};

use super::{Outcome, Target, must};
use crate::keys::discovered;
use crate::mutate::Mutator;
use crate::seeds;

pub(super) const DISCOVERY: Target = Target {
    name: "discovery",
    about: "discovery documents, where they lead, and Cache-Control",
    run,
    seeds: || seeds::folder("fuzz/seeds/discovery"),
    words: || WORDS.iter().map(ToString::to_string).collect(),
    mutate: Mutator::json,
    grows: true,
};

const WORDS: &[&str] = &[
    "https://idp.example/realms/main",
    "https://idp.example/keys",
    "https://keys.example:8443/k",
    "http://idp.example/k",
    "https://evil.example/k",
    "https://idp.example@evil.example/",
    "https://idp.example:443/",
    "//idp.example/k",
    "https://idp.example\\.evil.example/",
    "https://idp.example#@evil.example/",
    "https://[::1]/",
    "file:///etc/passwd",
    "https://idp.example/\r\nx: y",
    "https://IDP.example/k",
    "https://idp.example./k",
    "https://idp.example?k",
    "max-age=600",
    "no-store",
    "max-age=\"5\"",
    ",",
];

const POLICY: &str = r#"{"version":1,"service":"s","issuers":{"i":{"issuer":"https://idp.example/realms/main","jwks":
    {"discovery":true,"cluster":"c","clusters":{"keys.example:8443":"k"}},"audiences":["a"]}},
    "routes":[{"name":"r","match":{"path":"/"},"authenticate":[{"jwt":"i"}]}]}"#;

static ISSUER: LazyLock<Result<JwtIssuer, String>> = LazyLock::new(|| {
    let document = Document::parse(POLICY.as_bytes(), Format::Json)
        .map_err(|problems| format!("{problems:?}"))?;
    let (policy, _) =
        Policy::compile_filter_copy(&document).map_err(|problems| format!("{problems:?}"))?;
    match policy.issuers().first().map(sallyport_policy::Issuer::kind) {
        Some(IssuerKind::Jwt(jwt)) => Ok(jwt.clone()),
        _ => Err("the policy has no JWT issuer".to_owned()),
    }
});

fn run(input: &[u8]) -> Outcome {
    cache_control(input)?;
    let issuer = ISSUER.as_ref()?;
    let Some(uri) = discovered(issuer, input) else { return Ok(false) };
    let document =
        parse_json_object(input, JsonLimits::DOCUMENT).map_err(|error| error.to_string())?;
    let text = |name: &str| document.get(name).and_then(|value| value.as_str());
    must(text("issuer") == Some("https://idp.example/realms/main"), || {
        "another issuer's document".to_owned()
    })?;
    must(text("jwks_uri") == Some(uri.as_str()), || {
        format!("it leads to {uri}, which it does not name")
    })?;
    must(uri.bytes().all(|byte| byte.is_ascii_graphic()), || {
        format!("{uri:?} in a request's head")
    })?;
    // Hosts are compared without case (RFC 3986 section 3.2.2). The next character ends one for every reader of URLs.
    let lower = uri.to_ascii_lowercase();
    let allowed = ["https://idp.example", "https://keys.example:8443"]
        .iter()
        .filter_map(|start| lower.strip_prefix(start))
        .any(|rest| rest.is_empty() || rest.starts_with('/'));
    must(allowed, || format!("keys from {uri}"))?;
    Ok(true)
}

fn cache_control(input: &[u8]) -> Result<(), String> {
    let times = KeyTimes { refresh_ms: None, max_stale_ms: 7_200_000, cool_down_ms: 30_000 };
    let lifetime = times.lifetime_ms(Some(input));
    must((60_000..=3_600_000).contains(&lifetime), || format!("keys live {lifetime} ms"))?;
    let after = times.refresh_after_ms(lifetime, lifetime.rotate_left(31));
    must(after < lifetime, || format!("fetched anew after {after} of {lifetime} ms"))
}
