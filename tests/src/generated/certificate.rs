//! Client certificates of generated requests, with the names that stand in each. They are shown to
//! `sallyport check` and over gRPC; a real handshake with Envoy is tests/tests/certificates.rs.

/// A certificate.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Certificate {
    pub(crate) name: &'static str,
    pub(crate) pem: &'static str,
    pub(crate) uris: &'static [&'static str],
    pub(crate) names: &'static [&'static str],
    pub(crate) common_names: &'static [&'static str],
}

/// All of them.
pub(crate) const ALL: &[Certificate] = &[
    Certificate {
        name: "alice",
        pem: include_str!("../../fixtures/certificates/alice.pem"),
        uris: &["spiffe://example.org/alice", "spiffe://example.org/root"],
        names: &["alice.example.org"],
        common_names: &["alice"],
    },
    Certificate {
        name: "ops",
        pem: include_str!("../../fixtures/certificates/ops.pem"),
        uris: &["spiffe://example.org/ops"],
        names: &["ops.example.org"],
        common_names: &[],
    },
    Certificate {
        name: "bare",
        pem: include_str!("../../fixtures/certificates/bare.pem"),
        uris: &[],
        names: &[],
        common_names: &["bare"],
    },
    Certificate {
        name: "twice",
        pem: include_str!("../../fixtures/certificates/twice.pem"),
        uris: &[],
        names: &["twice.example.org"],
        common_names: &["alice", "root"],
    },
];

/// The certificate of a name.
pub(crate) fn named(name: &str) -> Option<&'static Certificate> {
    ALL.iter().find(|certificate| certificate.name == name)
}
