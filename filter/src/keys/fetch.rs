//! One fetch of an issuer's keys: what is called, and how the reply is judged. A reply that is no key set from the right
//! place is a [`Failure`] with a word for the log; nothing of it is kept. When fetches are due is `slot.rs`'s business.

use std::fmt;

use sallyport_jwt::{DiscoveryError, JsonLimits, KeySet, SkipReason, discovered_jwks_uri};
use sallyport_policy::{JwtIssuer, KeyLocation};

use super::address::Address;
use crate::host;
use crate::limits::FETCH_TIMEOUT_MS;
use crate::pairs::{self, Pair};

/// What a call under way is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Stage {
    /// The document that says where the keys are.
    Discovery(String),
    /// The keys, at this address.
    KeySet(String),
}

/// Why a fetch brought no keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Failure {
    /// The call could not begin.
    NotStarted,
    /// Nothing came within the time, or it broke off.
    NoAnswer,
    /// Another status than 200; redirects are not followed.
    Status(String),
    /// No body, or one beyond the bound.
    Size,
    /// No discovery document with an address of keys.
    NoDocument,
    /// OpenID Connect Discovery 1.0 section 4.3: its issuer must be the one asked.
    OtherIssuer,
    /// The keys are at this host, and no cluster is named for it.
    OtherHost(String),
    /// No key set, or none of its keys is usable.
    NoKeys,
}

impl fmt::Display for Failure {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotStarted => {
                out.write_str("the call could not be started; is the cluster there?")
            }
            Self::NoAnswer => out.write_str("no whole answer in time"),
            Self::Status(status) => write!(out, "status {status}"),
            Self::Size => out.write_str("an empty body, or one over the bound"),
            Self::NoDocument => out.write_str("no discovery document with a `jwks_uri`"),
            Self::OtherIssuer => out.write_str("the discovery document is another issuer's"),
            Self::OtherHost(host) => write!(
                out,
                "they are at another host; if that is right, add `jwks.clusters: {{ \"{host}\": CLUSTER }}` to the issuer"
            ),
            Self::NoKeys => out.write_str("no JWK set with a key that can be used"),
        }
    }
}

impl Stage {
    /// Where a whole fetch begins.
    pub(super) fn first(issuer: &JwtIssuer) -> Self {
        match &issuer.keys {
            KeyLocation::Discovery(url) => Self::Discovery(url.clone()),
            KeyLocation::Uri(url) => Self::KeySet(url.clone()),
        }
    }

    /// Starts the call.
    pub(super) fn call(&self, issuer: &JwtIssuer) -> Result<u32, Failure> {
        let (Self::Discovery(url) | Self::KeySet(url)) = self;
        let address = Address::parse(url).ok_or(Failure::NotStarted)?;
        let cluster = issuer
            .cluster_for(address.authority)
            .ok_or_else(|| Failure::OtherHost(address.authority.to_owned()))?;
        let Address { scheme, authority, path } = address;
        host::http_get(cluster, authority, scheme, path, FETCH_TIMEOUT_MS)
            .ok_or(Failure::NotStarted)
    }

    fn max_bytes(&self) -> usize {
        match self {
            Self::Discovery(_) => JsonLimits::DOCUMENT.max_bytes,
            Self::KeySet(_) => JsonLimits::JWKS.max_bytes,
        }
    }

    /// The reply of the call that ended just now.
    pub(super) fn reply(&self) -> Result<Reply, Failure> {
        // A call that failed has no headers.
        let block = host::header_pairs(host::Map::CallResponse).ok_or(Failure::NoAnswer)?;
        let head = pairs::parse(&block).ok_or(Failure::NoAnswer)?;
        let cache_control = judge_head(&head)?;
        let max = self.max_bytes();
        // One byte more than allowed tells a body that is too long; no more of it is copied here.
        let body = host::buffer(host::Buffer::CallResponseBody, max.saturating_add(1))
            .ok_or(Failure::Size)?;
        if body.is_empty() || body.len() > max {
            return Err(Failure::Size);
        }
        Ok(Reply { body, cache_control })
    }
}

/// A reply with status 200 and a body within bounds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reply {
    pub(super) body: Vec<u8>,
    pub(super) cache_control: Option<Vec<u8>>,
}

/// Refuses any status but 200; gives Cache-Control, several lines as one list (RFC 9110 section 5.3).
fn judge_head(head: &[Pair<'_>]) -> Result<Option<Vec<u8>>, Failure> {
    let values = |wanted: &'static [u8]| {
        head.iter().filter(move |(name, _)| name.eq_ignore_ascii_case(wanted))
    };
    match values(b":status").next() {
        None => return Err(Failure::NoAnswer),
        Some((_, b"200")) => {}
        Some((_, status)) => {
            let digits = status.iter().filter(|byte| byte.is_ascii_digit()).take(3);
            return Err(Failure::Status(digits.copied().map(char::from).collect()));
        }
    }
    let lines: Vec<&[u8]> = values(b"cache-control").map(|(_, value)| *value).collect();
    Ok((!lines.is_empty()).then(|| lines.join(&b',')))
}

/// Where the discovery document says that the keys are.
pub(super) fn discovered(issuer: &JwtIssuer, body: &[u8]) -> Result<Stage, Failure> {
    let (KeyLocation::Discovery(ours) | KeyLocation::Uri(ours)) = &issuer.keys;
    let uri =
        discovered_jwks_uri(body, ours, issuer.rules.issuer.as_str()).map_err(
            |error| match error {
                DiscoveryError::OtherIssuer => Failure::OtherIssuer,
                DiscoveryError::NoDocument | DiscoveryError::NoKeys | DiscoveryError::NotSecure => {
                    Failure::NoDocument
                }
            },
        )?;
    let address = Address::parse(&uri).ok_or(Failure::NoDocument)?;
    // A cluster reaches one host alone; anything else would be asked of the wrong server.
    if issuer.cluster_for(address.authority).is_none() {
        return Err(Failure::OtherHost(address.authority.to_owned()));
    }
    Ok(Stage::KeySet(uri))
}

/// The set in a reply; one without a usable key is none, since it would lock everybody out.
pub(super) fn key_set(body: &[u8]) -> Result<KeySet, Failure> {
    KeySet::parse(body).ok().filter(|set| !set.keys().is_empty()).ok_or(Failure::NoKeys)
}

/// The counter of keys that are left out for a reason.
pub(super) const fn skipped_counter(reason: SkipReason) -> &'static str {
    match reason {
        SkipReason::NotAnObject => "sallyport.jwks_keys_skipped.not_an_object",
        SkipReason::MemberMalformed => "sallyport.jwks_keys_skipped.member_malformed",
        SkipReason::KeyTypeUnsupported => "sallyport.jwks_keys_skipped.key_type_unsupported",
        SkipReason::CurveUnsupported => "sallyport.jwks_keys_skipped.curve_unsupported",
        SkipReason::PrivateMemberPresent => "sallyport.jwks_keys_skipped.private_member_present",
        SkipReason::UseNotSignature => "sallyport.jwks_keys_skipped.use_not_signature",
        SkipReason::OperationsWithoutVerify => {
            "sallyport.jwks_keys_skipped.operations_without_verify"
        }
        SkipReason::OperationsUnrelated => "sallyport.jwks_keys_skipped.operations_unrelated",
        SkipReason::AlgorithmUnsupported => "sallyport.jwks_keys_skipped.algorithm_unsupported",
        SkipReason::AlgorithmMismatch => "sallyport.jwks_keys_skipped.algorithm_mismatch",
        SkipReason::ModulusTooShort => "sallyport.jwks_keys_skipped.modulus_too_short",
        SkipReason::ModulusTooLong => "sallyport.jwks_keys_skipped.modulus_too_long",
        SkipReason::ModulusWeak => "sallyport.jwks_keys_skipped.modulus_weak",
        SkipReason::ExponentUnacceptable => "sallyport.jwks_keys_skipped.exponent_unacceptable",
        SkipReason::PointUnacceptable => "sallyport.jwks_keys_skipped.point_unacceptable",
    }
}

#[cfg(test)]
mod tests {
    use sallyport_policy::{Document, Format, IssuerKind, Policy};

    use super::*;

    fn issuer() -> JwtIssuer {
        let policy = r#"{"version":1,"service":"s","issuers":{"i":{"issuer":"https://idp/r","jwks":
            {"discovery":true,"cluster":"c","clusters":{"keys.example:8443":"k"}}}},
            "routes":[{"name":"r","match":{"path":"/"},"authenticate":[{"jwt":"i"}]}]}"#;
        let document = Document::parse(policy.as_bytes(), Format::Json).unwrap();
        let (policy, _) = Policy::compile_filter_copy(&document).unwrap();
        let IssuerKind::Jwt(jwt) = policy.issuers()[0].kind() else { panic!("no JWT issuer") };
        jwt.clone()
    }

    #[test]
    fn discovery_leads_only_where_the_policy_says() {
        type Case = (&'static str, &'static str, Result<&'static str, Failure>);
        let cases: &[Case] = &[
            ("https://idp/r", "https://idp/keys", Ok("https://idp/keys")),
            ("https://idp/r", "https://keys.example:8443/k", Ok("https://keys.example:8443/k")),
            ("https://idp/other", "https://idp/keys", Err(Failure::OtherIssuer)),
            ("https://idp/r/", "https://idp/keys", Err(Failure::OtherIssuer)),
            (
                "https://idp/r",
                "https://evil.example/k",
                Err(Failure::OtherHost("evil.example".to_owned())),
            ),
            (
                "https://idp/r",
                "https://keys.example/k",
                Err(Failure::OtherHost("keys.example".to_owned())),
            ),
            ("https://idp/r", "http://idp/keys", Err(Failure::NoDocument)),
            ("https://idp/r", "https://idp/a\\r\\nb: c", Err(Failure::NoDocument)),
        ];
        for (iss, uri, expected) in cases {
            let body = format!("{{\"issuer\":\"{iss}\",\"jwks_uri\":\"{uri}\"}}");
            let expected = expected.clone().map(|uri| Stage::KeySet(uri.to_owned()));
            assert_eq!(discovered(&issuer(), body.as_bytes()), expected, "{iss} {uri}");
        }
        for body in ["", "<html>", "[]", "{}", r#"{"issuer":"https://idp/r"}"#] {
            assert!(discovered(&issuer(), body.as_bytes()).is_err(), "{body}");
        }
    }

    #[test]
    fn a_refused_host_says_which_line_to_add() {
        let said = Failure::OtherHost("keys.example:8443".to_owned()).to_string();
        assert!(said.contains(r#"`jwks.clusters: { "keys.example:8443": CLUSTER }`"#), "{said}");
    }

    #[test]
    fn only_status_200_is_an_answer_and_cache_control_may_come_in_lines() {
        let status = |value: &'static [u8]| (&b":status"[..], value);
        let line = |value: &'static [u8]| (&b"Cache-Control"[..], value);
        assert_eq!(judge_head(&[]), Err(Failure::NoAnswer));
        assert_eq!(judge_head(&[status(b"302")]), Err(Failure::Status("302".to_owned())));
        assert_eq!(judge_head(&[status(b"304")]), Err(Failure::Status("304".to_owned())));
        assert_eq!(judge_head(&[status(b"200")]), Ok(None));
        assert_eq!(
            judge_head(&[status(b"200"), line(b"public"), line(b"max-age=9")]),
            Ok(Some(b"public,max-age=9".to_vec()))
        );
    }

    #[test]
    fn a_set_without_a_usable_key_is_none() {
        for body in ["", "<html>", "{}", r#"{"keys":[]}"#, r#"{"keys":[{"kty":"oct","k":"AA"}]}"#] {
            assert_eq!(key_set(body.as_bytes()).err(), Some(Failure::NoKeys), "{body}");
        }
    }

    #[test]
    fn every_reason_has_its_counter() {
        for reason in SkipReason::ALL {
            let name = format!("sallyport.jwks_keys_skipped.{}", reason.name());
            assert_eq!(skipped_counter(reason), name);
        }
    }
}
