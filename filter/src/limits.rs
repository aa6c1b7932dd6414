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
/// Requests of one issuer among several that begin to wait within [`KEY_WAIT_MS`]: half of [`MAX_PARKED`], so that
/// tokens which name an issuer that is down leave those of others room to wait.
pub(crate) const MAX_WAITS: usize = 512;
/// Calls for keys under way in one worker; each holds a connection for up to [`FETCH_TIMEOUT_MS`].
pub(crate) const MAX_FETCHES: usize = 8;
/// Those of them for issuers that no request waits for.
pub(crate) const MAX_BACKGROUND_FETCHES: usize = 6;
/// Issuers that one tick looks at; a look is one host call.
pub(crate) const MAX_LOOKS: usize = 64;
/// Between the first fetches of two issuers: 1,000 of them take 20 s, and whoever is asked for comes first.
pub(crate) const START_PACE_MS: u64 = 20;
/// Shortest pause between two looks at the board for an issuer that nobody waits for.
pub(crate) const MIN_LOOK_MS: u64 = 1_000;
/// Longest such pause: how late a worker notices that another one, for an unknown key, fetched a set that lacks a key.
/// Refreshes it notices within a second, since it knows when they are due.
pub(crate) const MAX_LOOK_MS: u64 = 30_000;
/// Pause of an issuer whose fetch is due while too many others are under way.
pub(crate) const CROWDED_MS: u64 = 250;
/// How far ahead of its own clock a worker believes times on the board: ticks and leases, not a clock that stepped.
pub(crate) const CLOCK_SLACK_MS: u64 = 5_000;
/// Longest address of keys; RFC 9110 section 4.1 asks for 8,000, no provider's has 200.
pub(crate) const MAX_ADDRESS_BYTES: usize = 4_096;
/// Longest authority in it: RFC 1035 section 2.3.4, and a port.
pub(crate) const MAX_AUTHORITY_BYTES: usize = 261;
/// Between two tries after a failure; between fetches of keys that nobody waits for it doubles, up to [`MAX_RETRY_MS`].
pub(crate) const RETRY_MS: u64 = 1_000;
/// Longest pause between two tries to fetch keys.
pub(crate) const MAX_RETRY_MS: u64 = 30_000;
/// Without contact to the sidecar for this long, no verdict of it is reused (DESIGN section 4).
pub(crate) const CONTACT_MS: u64 = 2_000;
/// Bound of one push to the collector, in milliseconds.
pub(crate) const PUSH_TIMEOUT_MS: u64 = 2_000;
/// Bytes of verified tokens that a worker remembers, by an estimate that is about twice the truth. Half of it is one
/// generation: 1,000 tokens of 1 KiB fit, in whatever order they come.
pub(crate) const TOKEN_CACHE_BYTES: usize = 10 * 1024 * 1024;
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
/// Statistics of decisions that a worker defines, by door, rule and reason. Envoy keeps each of them for good, in some
/// 200 bytes; what comes after is counted in `sallyport.decisions.other`.
pub(crate) const MAX_DECISION_METRICS: usize = 4_096;
/// Statistics of denials in shadow that a worker defines, by rule and reason; then `sallyport.would_deny.other`.
pub(crate) const MAX_WOULD_DENY_METRICS: usize = 1_024;
