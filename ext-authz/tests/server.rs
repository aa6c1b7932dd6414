//! The whole sidecar in this process, on free ports, with a small identity provider beside it.
//! What is checked here is the doors; what they decide is checked in `policy`.

#[cfg(test)]
mod server {
    mod collector;
    mod decisions;
    mod hmac;
    mod introspection;
    mod key_provider;
    mod keys;
    mod provider;
    mod reload;
    mod sidecar;
}
