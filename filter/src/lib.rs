//! The proxy-wasm door: Envoy's phases and callouts around the pure core. Decides nothing itself, and knows neither
//! tokens nor rules; `host.rs` alone touches the host. Loaded as wasm by Envoy and Istio; built natively for unit tests.
// Natively nothing reaches the contexts: the SDK's entry points exist in the wasm alone.
#![cfg_attr(
    not(target_arch = "wasm32"),
    expect(dead_code, reason = "reached from the wasm entry points only")
)]

mod board;
mod capture;
mod certificate;
mod crypto;
mod ext_authz;
mod flight;
mod gate;
mod host;
mod keys;
mod limits;
mod metrics;
mod pairs;
mod queue;
mod root;
mod stream;
mod verdicts;

#[cfg(target_arch = "wasm32")]
mod entry {
    use crate::{host, root};

    proxy_wasm::main! {{
        std::panic::set_hook(Box::new(|info| {
            let place = info.location().map_or_else(String::new, |place| format!("{}:{}", place.file(), place.line()));
            host::log(host::Level::Critical, &format!("sallyport: panic at {place}"));
        }));
        proxy_wasm::set_root_context(|id| Box::new(root::Root::new(id)));
    }}
}
