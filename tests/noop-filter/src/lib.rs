//! A filter that lets every request pass and looks at nothing: the price of a proxy-wasm filter as
//! such. It has the same entry points as ours, from the same SDK, so that the host calls it as
//! often. It makes no host call and is no part of the product; `cargo xtask bench` alone loads it.

#[cfg(target_arch = "wasm32")]
mod entry {
    use proxy_wasm::traits::{Context, HttpContext, RootContext};
    use proxy_wasm::types::ContextType;

    struct Root;

    impl Context for Root {}

    impl RootContext for Root {
        fn create_http_context(&self, _: u32) -> Option<Box<dyn HttpContext>> {
            Some(Box::new(Stream))
        }

        fn get_type(&self) -> Option<ContextType> {
            Some(ContextType::HttpContext)
        }
    }

    struct Stream;

    impl Context for Stream {}

    impl HttpContext for Stream {}

    proxy_wasm::main! {{
        proxy_wasm::set_root_context(|_| Box::new(Root));
    }}
}
