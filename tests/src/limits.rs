//! Every bound of test support, with where it comes from. They keep a broken test from hanging or
//! from filling the memory; none of them is a limit of the product.

use std::time::Duration;

/// Largest response that the HTTP/1.1 client takes. Ours: above any fault the tests send.
pub const RESPONSE_BYTES: usize = 64 << 20;
/// Largest response head that the HTTP/1.1 client takes. Ours: above Envoy's 60 KiB default.
pub const HEAD_BYTES: usize = 256 << 10;
/// Largest request body that our own servers take. Ours: above any body the suites send.
pub const REQUEST_BYTES: usize = 16 << 20;
/// Requests that the echo upstream keeps for assertions.
pub const KEPT_REQUESTS: usize = 256;
/// Requests of which the identity provider keeps when they came. Ours: above what any test counts.
pub const KEPT_ARRIVALS: usize = 20_000;
/// Lines of a child process that are kept for messages.
pub const KEPT_LINES: usize = 2_000;
/// Lines of a log that an error message shows.
pub const SHOWN_LINES: usize = 30;
/// Size of one piece of a large body.
pub const PIECE_BYTES: usize = 64 << 10;

/// How long Envoy may take until its admin port says that it is live. Measured: 0.1 s idle; a
/// wasm filter is compiled before that, on a busy machine in seconds.
pub const ENVOY_READY: Duration = Duration::from_secs(30);
/// How long a process may take to leave after SIGTERM, before SIGKILL.
pub const GRACE: Duration = Duration::from_secs(5);
/// How long a killed process may take to be gone.
pub const KILLED: Duration = Duration::from_secs(5);
/// Deadline of a request to an admin port on this machine.
pub const ADMIN: Duration = Duration::from_secs(10);
/// Pause between two looks at a condition that has no event.
pub const POLL: Duration = Duration::from_millis(10);

/// Ports to hand out: below the range from which Linux takes the source ports of connections
/// (`ip_local_port_range`, from 32768), so that no client of ours sits on a port just released.
pub const FIRST_PORT: u16 = 15_000;
/// The first port that is not handed out any more.
pub const END_PORT: u16 = 32_000;
/// How long the sidecar may take until it says that it is ready. Measured: well under a second.
pub const SIDECAR_READY: Duration = Duration::from_secs(15);
/// How long a request through Envoy may take: above the longest wait that a tested policy has.
pub const ANSWER: Duration = Duration::from_secs(15);
/// How long a command of ours may take.
pub const COMMAND: Duration = Duration::from_secs(30);
/// How long counters may take to show what has happened: the filter sends them once a second.
pub const COUNTED: Duration = Duration::from_secs(8);
/// How long an access log may take to show what has happened: Envoy writes it once in ten seconds.
pub const LOGGED: Duration = Duration::from_secs(25);
