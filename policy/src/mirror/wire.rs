//! The collector's protocol, `sallyport.mirror.v1.Collector/Push`: a batch has two typed parts, records that may be
//! stored and exported, and requests to judge that may not. Written by hand: six messages need no generator.

use prost::Message;

/// Path of the one method.
pub const PUSH_PATH: &str = "/sallyport.mirror.v1.Collector/Push";
/// Service of [`PUSH_PATH`].
pub const SERVICE: &str = "sallyport.mirror.v1.Collector";
/// Method of [`PUSH_PATH`].
pub const METHOD: &str = "Push";

/// What the filter sends: also with nothing in it, to hear of the sidecar's generation.
#[derive(Clone, PartialEq, Message)]
pub struct Batch {
    /// Redacted records, each one JSON object; storable, exportable.
    #[prost(message, repeated, tag = "1")]
    pub records: Vec<Record>,
    /// Requests to judge in shadow. Only over a Unix socket or mTLS; never stored.
    #[prost(message, repeated, tag = "2")]
    pub judge: Vec<Judge>,
    /// Digest of the filter's policy.
    #[prost(string, tag = "3")]
    pub policy_digest: String,
}

/// One record.
#[derive(Clone, PartialEq, Message)]
pub struct Record {
    /// Its id, for deduplication.
    #[prost(string, tag = "1")]
    pub id: String,
    /// JSON text.
    #[prost(bytes = "vec", tag = "2")]
    pub line: Vec<u8>,
}

/// One request as it came, with its credential.
#[derive(Clone, PartialEq, Message)]
pub struct Judge {
    /// Id of its record.
    #[prost(string, tag = "1")]
    pub id: String,
    /// Method.
    #[prost(bytes = "vec", tag = "2")]
    pub method: Vec<u8>,
    /// Scheme.
    #[prost(bytes = "vec", tag = "3")]
    pub scheme: Vec<u8>,
    /// Authority.
    #[prost(bytes = "vec", tag = "4")]
    pub authority: Vec<u8>,
    /// Path with query.
    #[prost(bytes = "vec", tag = "5")]
    pub path: Vec<u8>,
    /// Headers in order.
    #[prost(message, repeated, tag = "6")]
    pub headers: Vec<Header>,
    /// IP address of the peer.
    #[prost(bytes = "vec", tag = "7")]
    pub peer: Vec<u8>,
}

/// One header.
#[derive(Clone, PartialEq, Message)]
pub struct Header {
    /// Name.
    #[prost(bytes = "vec", tag = "1")]
    pub name: Vec<u8>,
    /// Value.
    #[prost(bytes = "vec", tag = "2")]
    pub value: Vec<u8>,
}

/// What the sidecar answers.
#[derive(Clone, Copy, PartialEq, Eq, Message)]
pub struct Receipt {
    /// Records taken, duplicates of earlier ones included: the filter may forget them.
    #[prost(uint64, tag = "1")]
    pub accepted: u64,
    /// Advances when verdicts given before must no longer be reused (policy, roles, revocations).
    #[prost(uint64, tag = "2")]
    pub generation: u64,
}
