//! Every bound of the fuzzing itself. Those of the product are in its own crates, and are what the targets look at.

use std::time::Duration;

/// Longest input; the longest thing that is read is a JWK set of 512 KiB, and the way to its bound is a seed's length.
pub(crate) const MAX_INPUT_BYTES: usize = 600 * 1024;
/// Mutations do not make an input longer than this, or than it was: long inputs are slow ones.
pub(crate) const MAX_GROWN_BYTES: usize = 24 * 1024;
/// Longest time for one input. Hundreds of times what the slowest takes; the machine may be busy.
pub(crate) const MAX_TIME: Duration = Duration::from_secs(5);
/// An input that is not done by then will not be.
pub(crate) const HANG: Duration = Duration::from_secs(30);
/// Most memory for one input, in bytes: a JWK set of 512 KiB as `Value`s takes 25 MiB.
pub(crate) const MAX_MEMORY: usize = 64 * 1024 * 1024;
/// Most inputs that are kept because they reached something new.
pub(crate) const MAX_CORPUS: usize = 4096;
/// Mutations of one input, at most.
pub(crate) const MAX_STEPS: usize = 4;
/// How much longer than asked a target's process may take: start, last input, a busy machine.
pub(crate) const GRACE: Duration = Duration::from_secs(60);
