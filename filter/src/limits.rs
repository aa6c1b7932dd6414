//! Every bound of the filter, per worker, with the place it comes from.

/// Milliseconds between ticks: how long a parked request waits at most after its answer arrived in another worker.
pub(crate) const TICK_MS: u32 = 50;
/// Milliseconds between ticks while released requests still wait for their turn.
pub(crate) const BUSY_TICK_MS: u32 = 1;
/// Milliseconds between two rounds of slow work (metrics, key age, contact with the sidecar).
pub(crate) const SLOW_TICK_MS: u64 = 1_000;
/// Requests that one tick lets go on. The host runs what a call asked for after the call, and each of these runs calls
/// the VM again, within the one before: hundreds at once exhaust the host's stack and kill the VM.
pub(crate) const MAX_RELEASES: usize = 16;
/// Most requests of a worker that wait for keys; more are answered at once as the route's failure mode says.
pub(crate) const MAX_PARKED: usize = 1024;
/// Longest that a request waits for keys, in milliseconds. Envoy's jwt_authn waits up to its `http_uri.timeout`, usually 5 s.
pub(crate) const KEY_WAIT_MS: u64 = 2_000;
/// Bound of one fetch of a discovery document or key set, in milliseconds.
pub(crate) const FETCH_TIMEOUT_MS: u64 = 1_500;
/// A lease on fetching ends by itself after this; longer than two fetches.
pub(crate) const LEASE_MS: u64 = 4_000;
/// Age at which keys are fetched again; Envoy's `cache_duration` default is 10 minutes.
pub(crate) const KEYS_FRESH_MS: u64 = 600_000;
/// Age at which keys that could not be refreshed are no longer used.
pub(crate) const KEYS_STALE_MS: u64 = 3_600_000;
/// Between two fetches for unknown key ids, whatever clients send.
pub(crate) const UNKNOWN_KEY_COOL_DOWN_MS: u64 = 30_000;
/// Between two tries after a failed fetch.
pub(crate) const RETRY_MS: u64 = 1_000;
/// Without contact to the sidecar for this long, no verdict of it is reused (DESIGN section 4).
pub(crate) const CONTACT_MS: u64 = 2_000;
/// Bound of one push to the collector, in milliseconds.
pub(crate) const PUSH_TIMEOUT_MS: u64 = 2_000;
/// Bytes of verified tokens that a worker remembers.
pub(crate) const TOKEN_CACHE_BYTES: usize = 2 * 1024 * 1024;
/// Longest key (all inputs of a decision) of a remembered verdict.
pub(crate) const MAX_VERDICT_KEY_BYTES: usize = 32 * 1024;
/// Bytes of all remembered verdicts.
pub(crate) const VERDICT_CACHE_BYTES: usize = 1024 * 1024;
/// Records waiting for the collector, in flight included.
pub(crate) const MAX_QUEUED_RECORDS: usize = 1_024;
/// Bytes of these records.
pub(crate) const MAX_QUEUED_BYTES: usize = 4 * 1024 * 1024;
/// Records in one push.
pub(crate) const MAX_BATCH_RECORDS: usize = 128;
/// Bytes in one push.
pub(crate) const MAX_BATCH_BYTES: usize = 512 * 1024;
/// Pushes under way at once.
pub(crate) const MAX_PUSHES: usize = 2;
/// Tries for one record before it is dropped and counted.
pub(crate) const MAX_PUSH_TRIES: u8 = 30;
/// Bytes of bodies that are being captured, over all open streams: clients choose how many these are. Beyond it bodies
/// are counted, not copied.
pub(crate) const MAX_CAPTURING_BYTES: usize = 4 * 1024 * 1024;
/// Age at which the note of a good policy at work no longer counts; it is renewed every second.
pub(crate) const GOOD_NOTE_MS: u64 = 10_000;
