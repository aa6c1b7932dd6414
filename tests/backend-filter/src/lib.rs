//! A filter that judges published vectors in place of requests: it reads cases from the request's
//! body, has them judged by the host or by pure Rust, and answers with the verdicts. It is
//! compiled from the very files by which our filter reaches the host, so that what is tested is
//! what is shipped. It is no part of the product; the suite `vectors` alone loads it.

#[cfg(target_arch = "wasm32")]
#[path = "../../../filter/src/crypto.rs"]
mod crypto;
#[cfg(target_arch = "wasm32")]
#[path = "../../../filter/src/host.rs"]
#[expect(dead_code, reason = "the filter's whole door to the host; three of its calls are used")]
mod host;
#[cfg(target_arch = "wasm32")]
#[path = "../../src/vectors/judge.rs"]
pub mod judge;

#[cfg(target_arch = "wasm32")]
mod entry {
    use proxy_wasm::traits::{Context, HttpContext, RootContext};
    use proxy_wasm::types::{Action, ContextType};

    use crate::crypto::Backend;
    use crate::host;
    use crate::judge::{Batch, Case, Inside, Reply};

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

    impl HttpContext for Stream {
        fn on_http_request_headers(&mut self, _: usize, _: bool) -> Action {
            // Nothing behind us answers before the body is here.
            Action::Pause
        }

        fn on_http_request_body(&mut self, size: usize, end: bool) -> Action {
            if end {
                let (status, body) = answer(size).map_or((400, Vec::new()), |body| (200, body));
                host::send_local_response(status, &[], &body);
            }
            Action::Pause
        }
    }

    /// None: the body is not what we read.
    fn answer(size: usize) -> Option<Vec<u8>> {
        let body = host::buffer(host::Buffer::RequestBody, size)?;
        let Batch::<Case> { backend, cases } = serde_json::from_slice(&body).ok()?;
        let backend = match backend {
            Inside::Host => Backend::Host,
            Inside::Pure => Backend::Pure,
        };
        let verdicts = cases.iter().flat_map(|case| case.judge(&backend)).collect();
        let reply = Reply { probe: Backend::probe().word().to_owned(), verdicts };
        serde_json::to_vec(&reply).ok()
    }

    proxy_wasm::main! {{
        proxy_wasm::set_root_context(|_| Box::new(Root));
    }}
}
