//! Every bound of the policy crate, with the place it comes from.
//! Exceeding one is a named reason or a load error, never a truncation.

/// Longest path with query that is judged. Envoy's `max_request_headers_kb` default is 60 KiB for all headers.
pub const MAX_PATH_BYTES: usize = 8 * 1024;
/// Most segments a path may have; bounds the route lookup.
pub const MAX_PATH_SEGMENTS: usize = 128;
/// Longest host name, RFC 1035 section 2.3.4.
pub const MAX_HOST_BYTES: usize = 253;
/// Longest method token; the longest registered one (`UPDATEREDIRECTREF`) has 17.
pub const MAX_METHOD_BYTES: usize = 32;
/// Most request headers that are judged; proxy-wasm hosts stop at 1024 pairs (proxy-wasm-cpp-host limits.h).
pub const MAX_HEADERS: usize = 1024;
/// Longest bearer credential; the same bound as `sallyport_jwt::limits::MAX_TOKEN_BYTES` wants, opaque or not.
pub const MAX_CREDENTIAL_BYTES: usize = 16 * 1024;
/// Longest value that a header template may produce; longer ones are not sent.
pub const MAX_HEADER_VALUE_BYTES: usize = 4 * 1024;
/// Largest policy file; a Kubernetes ConfigMap holds 1 MiB.
pub const MAX_POLICY_BYTES: usize = 16 * 1024 * 1024;
/// Longest wait for a dependency that a policy may ask for, in milliseconds.
pub const MAX_TIMEOUT_MS: u64 = 60_000;
/// Wait for the sidecar when the policy names none; Envoy's own ext_authz default (200 ms).
pub const DEFAULT_TIMEOUT_MS: u64 = 200;
/// Longest that a verdict of the sidecar is reused, in seconds, whatever the token says.
pub const DEFAULT_VERDICT_TTL_SECONDS: i64 = 30;
/// Bytes of one mirrored body when the policy names none (Traceable's default).
pub const DEFAULT_MIRROR_BODY_BYTES: usize = 128 * 1024;
/// Largest mirrored body a policy may ask for; Envoy's default buffer limit is 1 MiB.
pub const MAX_MIRROR_BODY_BYTES: usize = 1024 * 1024;
/// Deepest JSON that is parsed for redaction; serde_json stops at 128.
pub const MAX_JSON_DEPTH: usize = 64;
/// Longest name of an Envoy cluster that the filter can call: longer ones do not fit the message that names them.
pub const MAX_CLUSTER_BYTES: usize = 125;
/// Longest reuse of an active introspection reply when the policy names none, in seconds.
pub const DEFAULT_INTROSPECTION_CACHE_SECONDS: u64 = 60;
