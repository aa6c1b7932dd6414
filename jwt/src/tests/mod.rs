//! Tests of the whole chain through the public interface. What one module does alone is tested beside it.

mod algorithms;
mod arithmetic;
mod candidates;
mod issuers;
mod key_sets;
mod mint;
mod mutation;
mod refusals;
mod second_opinion;
mod secrets;
mod vectors;
