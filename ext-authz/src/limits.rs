//! Every bound of the sidecar, with the place it comes from.
//! Exceeding one is an unavailable dependency, a dropped and counted record, or a load error; never an allow.

use std::time::Duration;

/// Wait for a connection to a provider. A lost SYN is sent again after 1 s (RFC 6298 section 2.1), as in a burst that the
/// provider's queue does not hold; that must not look like a provider that is down.
pub const CONNECT_TIMEOUT: Duration = Duration::from_millis(1500);
/// Wait for a whole answer of a provider; Envoy's jwt_authn fetches with 1 s by default, istiod with 5 s.
pub const FETCH_TIMEOUT: Duration = Duration::from_secs(2);
/// Longest that a request waits for keys: one fetch. Discovery and set together may take twice as long, behind it.
pub const KEY_WAIT: Duration = FETCH_TIMEOUT;

/// Longest pause between two looks at the ages of all key sets; the next one that is due is looked at in time.
pub const KEYS_SWEEP: Duration = Duration::from_secs(30);
/// Pause after a failed fetch of keys, doubled by each further one; Envoy's jwt_authn `failed_refetch_duration`.
pub const KEYS_RETRY: Duration = Duration::from_secs(1);
/// Longest pause after failed fetches of keys.
pub const KEYS_RETRY_MAX: Duration = Duration::from_secs(30);
/// Key sets fetched at once ahead of requests. A request that has no keys to be judged by does not wait for its turn.
pub const KEYS_PREFETCH: usize = 8;

/// Verified tokens that are remembered.
pub const TOKEN_ENTRIES: usize = 64 * 1024;
/// Bytes of verified tokens that are remembered.
pub const TOKEN_BYTES: usize = 64 * 1024 * 1024;
/// Parts of the token memory, each behind its own lock.
pub const TOKEN_SHARDS: usize = 16;

/// Reuse of a refusal: short, because providers answer "inactive" when their own store fails (Hydra).
pub const NEGATIVE_SECONDS: u64 = 2;
/// Bytes of introspection replies that are kept.
pub const INTROSPECTION_BYTES: u64 = 64 * 1024 * 1024;
/// What one kept reply costs besides its own bytes.
pub const INTROSPECTION_ENTRY_BYTES: u32 = 256;
/// Introspection calls under way to one endpoint; a further request finds it unavailable. Waiting requests for one token
/// are one call, so this is the number of tokens that are new at once.
pub const INTROSPECTION_CALLS: usize = 256;
/// Failures in a row after which an endpoint is left alone.
pub const BREAKER_FAILURES: u32 = 5;
/// How long it is left alone; then one call tries again.
pub const BREAKER_OPEN: Duration = Duration::from_secs(1);
/// Pause between two log lines that say the same of one dependency.
pub const LOG_PAUSE: Duration = Duration::from_secs(60);

/// Questions that one request may lead to: each of its authenticators asks at most once, keys twice.
pub const MAX_STEPS: usize = 64;
/// Longest reuse of a verdict by the filter, in seconds, whatever the policy says.
pub const VERDICT_SECONDS: i64 = 30;

/// Longest secret file.
pub const MAX_SECRET_BYTES: u64 = 64 * 1024;
/// Longest server configuration file.
pub const MAX_CONFIG_BYTES: u64 = 1024 * 1024;
/// Attempts to read the policy with its files while they keep changing.
pub const LOAD_ATTEMPTS: usize = 5;
/// Quiet time after which changed files are read: a ConfigMap swap is several events.
pub const RELOAD_QUIET: Duration = Duration::from_millis(100);
/// Longest wait for that quiet.
pub const RELOAD_QUIET_MAX: Duration = Duration::from_secs(2);
/// Files are compared this often without any event: some file systems send none.
pub const RELOAD_POLL: Duration = Duration::from_secs(30);

/// Calls that one gRPC connection may have open; Envoy opens another connection beyond it.
pub const CONCURRENT_STREAMS: u32 = 1024;
/// Largest CheckRequest. Headers are at most 60 KiB in Envoy by default; a body may come along.
pub const MAX_CHECK_BYTES: usize = 4 * 1024 * 1024;
/// Largest batch of records and requests to judge.
pub const MAX_PUSH_BYTES: usize = 16 * 1024 * 1024;
/// Longest record: two bodies of 1 MiB, escaped, with their headers.
pub const MAX_RECORD_BYTES: usize = 8 * 1024 * 1024;
/// Longest record id.
pub const MAX_RECORD_ID_BYTES: usize = 128;
/// Record ids that are remembered, to know a repeated record.
pub const DEDUP_IDS: usize = 65_536;
/// Records that wait for the exporter.
pub const QUEUE_ENTRIES: usize = 16 * 1024;
/// Bytes that wait for the exporter.
pub const QUEUE_BYTES: usize = 64 * 1024 * 1024;
/// Records that are written at once.
pub const EXPORT_BATCH_ENTRIES: usize = 1024;
/// Attempts to write a batch before its records are dropped.
pub const EXPORT_ATTEMPTS: u32 = 6;
/// Pause after the first failed attempt; doubles with each.
pub const EXPORT_PAUSE: Duration = Duration::from_millis(100);
/// Requests that are judged in shadow at once; more are dropped and counted.
pub const JUDGE_CONCURRENCY: usize = 256;

/// Longest wait, at the end, for requests under way.
pub const STOP_REQUESTS: Duration = Duration::from_secs(5);
/// Longest wait, at the end, for the exporter.
pub const STOP_EXPORT: Duration = Duration::from_secs(5);
