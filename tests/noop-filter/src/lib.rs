//! A filter that lets every request pass and looks at nothing: the price of a proxy-wasm filter as
//! such. It has the same entry points as ours, from the same SDK, so that the host calls it as
//! often. It makes no host call, unless its configuration is `headers`: then it reads the headers of
//! each request, as one block, and drops them, which is the price of a filter that could know
//! anything. It is no part of the product; `cargo xtask bench` alone loads it.

#[cfg(target_arch = "wasm32")]
mod entry {
    use std::cell::Cell;

    use proxy_wasm::traits::{Context, HttpContext, RootContext};
    use proxy_wasm::types::{Action, ContextType};

    const READS: &[u8] = b"headers";

    struct Root {
        reads: Cell<bool>,
    }

    impl Context for Root {}

    impl RootContext for Root {
        fn on_configure(&mut self, size: usize) -> bool {
            // A configuration of another length may have megabytes, and is none of its business.
            let own =
                size == READS.len() && self.get_plugin_configuration().as_deref() == Some(READS);
            self.reads.set(own);
            true
        }

        fn create_http_context(&self, _: u32) -> Option<Box<dyn HttpContext>> {
            Some(Box::new(Stream { reads: self.reads.get() }))
        }

        fn get_type(&self) -> Option<ContextType> {
            Some(ContextType::HttpContext)
        }
    }

    struct Stream {
        reads: bool,
    }

    impl Context for Stream {}

    impl HttpContext for Stream {
        fn on_http_request_headers(&mut self, _: usize, _: bool) -> Action {
            if self.reads {
                drop(request_headers());
            }
            Action::Continue
        }
    }

    #[expect(unsafe_code, reason = "the proxy-wasm ABI is raw pointers")]
    #[link(wasm_import_module = "env")]
    unsafe extern "C" {
        fn proxy_get_header_map_pairs(map: u32, data: *mut *mut u8, size: *mut usize) -> u32;
    }

    /// The block, unread: the SDK would make a text of each name.
    #[expect(unsafe_code, reason = "the proxy-wasm ABI is raw pointers")]
    fn request_headers() -> Vec<u8> {
        let (mut data, mut size) = (std::ptr::null_mut(), 0);
        // SAFETY: the out-pointers are valid for writes during the call.
        let status = unsafe { proxy_get_header_map_pairs(0, &raw mut data, &raw mut size) };
        if status != 0 || data.is_null() {
            return Vec::new();
        }
        // SAFETY: the host wrote `size` bytes into a block of that size, allocated by `proxy_on_memory_allocate`.
        unsafe { Vec::from_raw_parts(data, size, size) }
    }

    proxy_wasm::main! {{
        proxy_wasm::set_root_context(|_| Box::new(Root { reads: Cell::new(false) }));
    }}
}
