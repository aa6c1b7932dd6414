//! Every bound of the policy crate, with the place it comes from.
//! Exceeding one is a named reason or a load error, never a truncation.

/// Longest path with query that is judged. Envoy's `max_request_headers_kb` default is 60 KiB for all headers.
pub const MAX_PATH_BYTES: usize = 8 * 1024;
/// Most segments a path may have; bounds the route lookup.
pub const MAX_PATH_SEGMENTS: usize = 128;
/// Longest regular expression or glob of a route. Oathkeeper's and Kyma's fit many times.
pub const MAX_PATTERN_BYTES: usize = 1024;
/// Largest program of a regular expression, which bounds its states and so the time for one byte of a path.
pub const MAX_PATTERN_PROGRAM_BYTES: usize = 32 * 1024;
/// Deepest nesting of groups in a regular expression; they are compiled by recursion.
pub const MAX_PATTERN_DEPTH: u32 = 20;
/// Largest automaton that is built to compare patterns; larger ones are left to `rule_ambiguous`, with a warning.
pub const MAX_OVERLAP_AUTOMATON_BYTES: usize = 1024 * 1024;
/// Most states that one comparison of two patterns looks at.
pub const MAX_OVERLAP_STATES: usize = 20_000;
/// Most states that all comparisons of one policy look at together: less than a second.
pub const MAX_OVERLAP_WORK: usize = 200_000;
/// Longest path that patterns are tried on: time is its length times their states. Common advice for links is 2,048.
pub const MAX_PATTERN_PATH_BYTES: usize = 2048;
/// Longest host name, RFC 1035 section 2.3.4.
pub const MAX_HOST_BYTES: usize = 253;
/// Longest method token; the longest registered one (`UPDATEREDIRECTREF`) has 17.
pub const MAX_METHOD_BYTES: usize = 32;
/// Most request headers that are judged; proxy-wasm hosts stop at 1024 pairs (proxy-wasm-cpp-host limits.h).
pub const MAX_HEADERS: usize = 1024;
/// Longest bearer credential; the same bound as `sallyport_jwt::limits::MAX_TOKEN_BYTES` wants, opaque or not.
pub const MAX_CREDENTIAL_BYTES: usize = 16 * 1024;
/// Longest name of a header's prefix, a query key or a cookie that a token is read from; real ones have at most 40.
pub const MAX_PLACE_NAME_BYTES: usize = 128;
/// Longest subject that stands in a policy (`anonymous`) or in a certificate; RFC 5280 bounds a common name to 64, and
/// SPIFFE an id to 2048.
pub const MAX_SUBJECT_BYTES: usize = 2048;
/// Longest value that a header template may produce; longer ones are not sent.
pub const MAX_HEADER_VALUE_BYTES: usize = 4 * 1024;
/// Largest policy file; a Kubernetes ConfigMap holds 1 MiB.
pub const MAX_POLICY_BYTES: usize = 16 * 1024 * 1024;
/// Mistakes of shape that are told at once; nobody reads more, and each is a reading of the whole file.
pub const MAX_SHAPE_PROBLEMS: usize = 50;
/// Readings for that: most mistakes take one, a list that holds something else than rules a dozen for each.
pub const MAX_SHAPE_REPAIRS: usize = 600;
/// Most documents in a file of roles and bindings; P9 asks for 100,000 (DESIGN section 5).
pub const MAX_YAML_DOCUMENTS: usize = 1_000_000;
/// Most values in a YAML file, what aliases repeat included: more than a file of [`MAX_POLICY_BYTES`] that is not made of
/// commas holds.
pub const MAX_YAML_NODES: usize = 4_000_000;
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
/// Deepest JSON in the filter's configuration, which is the operator's own: where serde_json stops.
pub const MAX_PLUGIN_JSON_DEPTH: usize = 128;
/// Parts of routes of one kind that are compared with that of the next route, to hold equal ones once.
pub const MAX_SHARED_PARTS: usize = 32;
/// Longest name of an Envoy cluster that the filter can call: longer ones do not fit the message that names them.
pub const MAX_CLUSTER_BYTES: usize = 125;
/// Longest reuse of an active introspection reply when the policy names none, in seconds.
pub const DEFAULT_INTROSPECTION_CACHE_SECONDS: u64 = 60;
/// How long an issuer's keys are fresh when neither the policy nor their Cache-Control says it (Envoy's jwt_authn: 10 minutes).
pub const DEFAULT_KEY_LIFETIME_MS: u64 = 600_000;
/// Shortest life that Cache-Control gives keys: a provider that forbids caching is asked once a minute.
pub const MIN_CACHE_CONTROL_LIFETIME_MS: u64 = 60_000;
/// Longest life that Cache-Control gives keys (Google's says 6 hours): a withdrawn key is gone within it.
pub const MAX_CACHE_CONTROL_LIFETIME_MS: u64 = 3_600_000;
/// How old keys may become while newer ones cannot be fetched, when the policy does not say.
pub const DEFAULT_KEY_STALE_MS: u64 = 3_600_000;
/// Time between two fetches because of keys that are not known, when the policy does not say.
pub const DEFAULT_KEY_COOL_DOWN_MS: u64 = 30_000;
/// What `jwks.refresh` may be.
pub const KEY_REFRESH_BOUNDS: (&str, &str) = ("1s", "24h");
/// What `jwks.max_stale` may be.
pub const KEY_STALE_BOUNDS: (&str, &str) = ("1s", "7d");
/// What `jwks.cool_down` may be: less is no protection of the provider, more keeps rotated keys out.
pub const KEY_COOL_DOWN_BOUNDS: (&str, &str) = ("1s", "10m");
/// What `issuers.*.max_lifetime` may be.
pub const TOKEN_LIFETIME_BOUNDS: (&str, &str) = ("1s", "365d");
/// What `issuers.*.cache` may be.
pub const TOKEN_MEMORY_BOUNDS: (&str, &str) = ("0s", "24h");
/// How long a verified token is remembered when the policy does not say, in seconds.
pub const DEFAULT_TOKEN_MEMORY_SECONDS: u32 = 3600;
/// How long a bad signature is remembered, in seconds: long enough for a client that retries in a loop.
pub const REFUSAL_SECONDS: i64 = 10;
/// Most bad signatures that are remembered at once.
pub const MAX_REFUSALS: usize = 256;
/// Most bytes that they may take.
pub const MAX_REFUSAL_BYTES: usize = 512 * 1024;
/// Longest address, escaped, that a redirect carries as `return_to`; RFC 9110 section 4.1 has 8,000 octets for all of it.
pub const MAX_RETURN_TO_BYTES: usize = 4 * 1024;
/// Most Role and RoleBinding documents that a policy may hold itself; each worker of Envoy has its own copy.
pub const MAX_INLINE_ROLE_DOCUMENTS: usize = 1_000;
/// Most grants and bound users that these may come to: 1 MiB in each worker.
pub const MAX_INLINE_GRANTS: usize = 64 * 1024;
/// The same for role files, in the sidecar: 128 MiB.
pub const MAX_ROLE_GRANTS: usize = 8 * 1024 * 1024;
/// Most roles of one user or group that are searched one by one; the grants of more are joined when they are loaded.
pub const MAX_ROLES_APART: usize = 8;
/// What `cors.max_age` may be; Firefox's own bound is 24 hours, Chromium's 2.
pub const CORS_MAX_AGE_BOUNDS: (&str, &str) = ("0s", "24h");
/// Grants that lint looks through, over all routes that ask the roles: some 10 ms. Most routes find theirs among the first.
#[cfg(feature = "lint")]
pub(crate) const MAX_LINTED_GRANTS: usize = 4_000_000;
