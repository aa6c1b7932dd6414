//! Keys that live; see the suite.

#[cfg(test)]
#[path = "keys/rig.rs"]
mod rig;
#[cfg(test)]
#[path = "keys/suite.rs"]
mod suite;
