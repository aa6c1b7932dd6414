//! The one file that touches host calls. Bytes in and out, every status an `Option` or a `Result`: the SDK's own
//! wrappers panic on what a client, an identity provider or an upstream can cause. Calls that the SDK must know about
//! (callouts, whose answers its dispatcher routes) go through it.
#![expect(unsafe_code, reason = "the proxy-wasm ABI is raw pointers; nothing outside this file is")]

use std::time::Duration;

/// Header maps of the ABI that we read or write.
#[derive(Clone, Copy)]
pub(crate) enum Map {
    Request = 0,
    RequestTrailers = 1,
    Response = 2,
    CallResponse = 6,
}

/// Buffers of the ABI that we read.
#[derive(Clone, Copy)]
pub(crate) enum Buffer {
    RequestBody = 0,
    ResponseBody = 1,
    CallResponseBody = 4,
    GrpcReceive = 5,
    PluginConfiguration = 7,
}

/// Kinds of metrics.
#[derive(Clone, Copy)]
pub(crate) enum Metric {
    Counter = 0,
    Gauge = 1,
}

/// Id of a defined metric.
pub(crate) type MetricId = u32;

mod abi {
    #[cfg(target_arch = "wasm32")]
    #[link(wasm_import_module = "env")]
    unsafe extern "C" {
        pub(super) fn proxy_log(level: u32, data: *const u8, size: usize) -> u32;
        pub(super) fn proxy_get_current_time_nanoseconds(out: *mut u64) -> u32;
        pub(super) fn proxy_set_tick_period_milliseconds(period: u32) -> u32;
        pub(super) fn proxy_get_header_map_pairs(
            map: u32,
            data: *mut *mut u8,
            size: *mut usize,
        ) -> u32;
        pub(super) fn proxy_set_header_map_pairs(map: u32, data: *const u8, size: usize) -> u32;
        pub(super) fn proxy_get_buffer_bytes(
            buffer: u32,
            start: usize,
            max: usize,
            data: *mut *mut u8,
            size: *mut usize,
        ) -> u32;
        pub(super) fn proxy_get_property(
            path: *const u8,
            path_size: usize,
            data: *mut *mut u8,
            size: *mut usize,
        ) -> u32;
        pub(super) fn proxy_get_shared_data(
            key: *const u8,
            key_size: usize,
            data: *mut *mut u8,
            size: *mut usize,
            cas: *mut u32,
        ) -> u32;
        pub(super) fn proxy_set_shared_data(
            key: *const u8,
            key_size: usize,
            data: *const u8,
            size: usize,
            cas: u32,
        ) -> u32;
        pub(super) fn proxy_send_local_response(
            status: u32,
            details: *const u8,
            details_size: usize,
            body: *const u8,
            body_size: usize,
            headers: *const u8,
            headers_size: usize,
            grpc_status: i32,
        ) -> u32;
        pub(super) fn proxy_continue_stream(stream: u32) -> u32;
        pub(super) fn proxy_set_effective_context(id: u32) -> u32;
        pub(super) fn proxy_call_foreign_function(
            name: *const u8,
            name_size: usize,
            arguments: *const u8,
            arguments_size: usize,
            data: *mut *mut u8,
            size: *mut usize,
        ) -> u32;
        pub(super) fn proxy_define_metric(
            kind: u32,
            name: *const u8,
            size: usize,
            out: *mut u32,
        ) -> u32;
        pub(super) fn proxy_increment_metric(id: u32, offset: i64) -> u32;
    }

    #[cfg(not(target_arch = "wasm32"))]
    pub(super) use none::*;

    /// Outside a host there is none: every call fails, so native unit tests link and see failures.
    #[cfg(not(target_arch = "wasm32"))]
    #[expect(clippy::too_many_arguments, reason = "the ABI has that many")]
    mod none {
        macro_rules! absent {
            ($($name:ident($($type:ty),*);)*) => {
                $(pub(in super::super) unsafe fn $name($(_: $type),*) -> u32 { 10 })*
            };
        }
        absent! {
            proxy_log(u32, *const u8, usize);
            proxy_get_current_time_nanoseconds(*mut u64);
            proxy_set_tick_period_milliseconds(u32);
            proxy_get_header_map_pairs(u32, *mut *mut u8, *mut usize);
            proxy_set_header_map_pairs(u32, *const u8, usize);
            proxy_get_buffer_bytes(u32, usize, usize, *mut *mut u8, *mut usize);
            proxy_get_property(*const u8, usize, *mut *mut u8, *mut usize);
            proxy_get_shared_data(*const u8, usize, *mut *mut u8, *mut usize, *mut u32);
            proxy_set_shared_data(*const u8, usize, *const u8, usize, u32);
            proxy_send_local_response(u32, *const u8, usize, *const u8, usize, *const u8, usize, i32);
            proxy_continue_stream(u32);
            proxy_set_effective_context(u32);
            proxy_call_foreign_function(*const u8, usize, *const u8, usize, *mut *mut u8, *mut usize);
            proxy_define_metric(u32, *const u8, usize, *mut u32);
            proxy_increment_metric(u32, i64);
        }
    }
}

const OK: u32 = 0;

/// What the host allocated for us through the SDK's exported allocator.
fn taken(status: u32, data: *mut u8, size: usize) -> Option<Vec<u8>> {
    if status != OK {
        return None;
    }
    if data.is_null() || size == 0 {
        return Some(Vec::new());
    }
    // SAFETY: the host wrote `size` bytes into a block of exactly that size, allocated by `proxy_on_memory_allocate`
    // with the global allocator, and handed over its ownership.
    Some(unsafe { Vec::from_raw_parts(data, size, size) })
}

/// Runs a call that returns bytes.
fn receive(call: impl FnOnce(*mut *mut u8, *mut usize) -> u32) -> Option<Vec<u8>> {
    let mut data = std::ptr::null_mut();
    let mut size = 0;
    let status = call(&raw mut data, &raw mut size);
    taken(status, data, size)
}

/// A header map, as the host serialised it; see [`crate::pairs`].
pub(crate) fn header_pairs(map: Map) -> Option<Vec<u8>> {
    // SAFETY: the out-pointers are valid for writes during the call.
    receive(|data, size| unsafe { abi::proxy_get_header_map_pairs(code(map), data, size) })
}

/// Replaces a whole header map.
pub(crate) fn set_header_pairs(map: Map, pairs: &[u8]) -> bool {
    // SAFETY: pointer and length are of one live slice.
    unsafe { abi::proxy_set_header_map_pairs(code(map), pairs.as_ptr(), pairs.len()) == OK }
}

const fn code(map: Map) -> u32 {
    match map {
        Map::Request => 0,
        Map::RequestTrailers => 1,
        Map::Response => 2,
        Map::CallResponse => 6,
    }
}

/// Up to `max` bytes of a buffer from its start.
pub(crate) fn buffer(buffer: Buffer, max: usize) -> Option<Vec<u8>> {
    let code = match buffer {
        Buffer::RequestBody => 0,
        Buffer::ResponseBody => 1,
        Buffer::CallResponseBody => 4,
        Buffer::GrpcReceive => 5,
        Buffer::PluginConfiguration => 7,
    };
    // SAFETY: the out-pointers are valid for writes during the call.
    receive(|data, size| unsafe { abi::proxy_get_buffer_bytes(code, 0, max, data, size) })
}

/// A property, by its path with NUL between the parts.
pub(crate) fn property(path: &[u8]) -> Option<Vec<u8>> {
    // SAFETY: as above.
    receive(|data, size| unsafe { abi::proxy_get_property(path.as_ptr(), path.len(), data, size) })
}

/// A value shared between the workers of one `vm_id`, with its version.
pub(crate) fn shared_data(key: &str) -> Option<(Vec<u8>, u32)> {
    let mut version = 0;
    let value = receive(|data, size| {
        // SAFETY: as above; `version` outlives the call.
        unsafe { abi::proxy_get_shared_data(key.as_ptr(), key.len(), data, size, &raw mut version) }
    })?;
    Some((value, version))
}

/// Writes a shared value if its version is still `version`; 0 writes in any case.
pub(crate) fn set_shared_data(key: &str, value: &[u8], version: u32) -> bool {
    // SAFETY: pointers and lengths are of live slices.
    let status = unsafe {
        abi::proxy_set_shared_data(key.as_ptr(), key.len(), value.as_ptr(), value.len(), version)
    };
    status == OK
}

/// Milliseconds since 1970.
pub(crate) fn now_ms() -> u64 {
    let mut nanoseconds = 0_u64;
    // SAFETY: the out-pointer is valid for writes during the call.
    unsafe { abi::proxy_get_current_time_nanoseconds(&raw mut nanoseconds) };
    nanoseconds.checked_div(1_000_000).unwrap_or(0)
}

/// Microseconds since 1970.
pub(crate) fn now_us() -> u64 {
    let mut nanoseconds = 0_u64;
    // SAFETY: as above.
    unsafe { abi::proxy_get_current_time_nanoseconds(&raw mut nanoseconds) };
    nanoseconds.checked_div(1_000).unwrap_or(0)
}

/// How often `on_tick` runs.
pub(crate) fn set_tick_period(milliseconds: u32) {
    // SAFETY: no pointers.
    unsafe { abi::proxy_set_tick_period_milliseconds(milliseconds) };
}

/// Ends the request here. `headers` are serialised pairs.
pub(crate) fn send_local_response(status: u16, headers: &[u8], body: &[u8]) -> bool {
    const DETAILS: &str = "sallyport_denied";
    // SAFETY: pointers and lengths are of live slices. -1: no gRPC status of our own.
    let status = unsafe {
        abi::proxy_send_local_response(
            u32::from(status),
            DETAILS.as_ptr(),
            DETAILS.len(),
            body.as_ptr(),
            body.len(),
            headers.as_ptr(),
            headers.len(),
            -1,
        )
    };
    status == OK
}

/// Lets a paused request go on. After it the request's headers can no longer be touched.
pub(crate) fn continue_request() {
    // SAFETY: no pointers.
    unsafe { abi::proxy_continue_stream(0) };
}

/// Makes the following calls those of another context of this worker.
pub(crate) fn set_effective_context(id: u32) -> bool {
    // SAFETY: no pointers.
    unsafe { abi::proxy_set_effective_context(id) == OK }
}

/// Calls a function that the host offers besides the ABI; none where it has no such function or it fails.
pub(crate) fn call_foreign_function(name: &str, arguments: &[u8]) -> Option<Vec<u8>> {
    receive(|data, size| {
        // SAFETY: pointers and lengths are of live slices; out-pointers are valid during the call.
        unsafe {
            abi::proxy_call_foreign_function(
                name.as_ptr(),
                name.len(),
                arguments.as_ptr(),
                arguments.len(),
                data,
                size,
            )
        }
    })
}

/// Defines a metric, or finds it.
pub(crate) fn define_metric(kind: Metric, name: &str) -> Option<MetricId> {
    let kind = match kind {
        Metric::Counter => 0,
        Metric::Gauge => 1,
    };
    let mut id = 0;
    // SAFETY: pointers valid during the call.
    let status = unsafe { abi::proxy_define_metric(kind, name.as_ptr(), name.len(), &raw mut id) };
    (status == OK).then_some(id)
}

/// Adds to a counter or gauge.
pub(crate) fn increment_metric(id: MetricId, by: i64) {
    // SAFETY: no pointers.
    unsafe { abi::proxy_increment_metric(id, by) };
}

/// Levels of the host's log.
#[derive(Clone, Copy)]
pub(crate) enum Level {
    Info = 2,
    Warn = 3,
    Error = 4,
    Critical = 5,
}

/// Writes to Envoy's log. Never a header's value, a token or a body.
pub(crate) fn log(level: Level, message: &str) {
    let level = match level {
        Level::Info => 2,
        Level::Warn => 3,
        Level::Error => 4,
        Level::Critical => 5,
    };
    // SAFETY: pointer and length are of one live slice.
    unsafe { abi::proxy_log(level, message.as_ptr(), message.len()) };
}

/// Starts an HTTP call on a cluster; its answer comes to the context that is running now. None where it could not start.
pub(crate) fn http_get(
    cluster: &str,
    authority: &str,
    scheme: &str,
    path: &str,
    timeout_ms: u64,
) -> Option<u32> {
    let headers = vec![
        (":method", "GET"),
        (":scheme", scheme),
        (":authority", authority),
        (":path", path),
        // The Kubernetes API server answers 406 for its keys to whoever does not take their own type (RFC 7517 section 8.5.2).
        ("accept", "application/jwk-set+json, application/json"),
        ("user-agent", "sallyport"),
    ];
    let timeout = Duration::from_millis(timeout_ms);
    proxy_wasm::hostcalls::dispatch_http_call(cluster, headers, None, vec![], timeout).ok()
}

/// Starts a gRPC call on a cluster, as above. None also for a name that the message cannot carry.
pub(crate) fn grpc_call(
    cluster: &str,
    service: &str,
    method: &str,
    message: &[u8],
    timeout_ms: u64,
) -> Option<u32> {
    let timeout = Duration::from_millis(timeout_ms);
    let target = grpc_service(cluster)?;
    proxy_wasm::hostcalls::dispatch_grpc_call(
        &target,
        service,
        method,
        vec![],
        Some(message),
        timeout,
    )
    .ok()
}

/// The cluster as `envoy.config.core.v3.GrpcService{envoy_grpc{cluster_name}}`. Envoy takes the bare name too, but only
/// after it failed to read it as this message: a name like `authz-svc` is one, of unknown fields, and ends the process.
fn grpc_service(cluster: &str) -> Option<String> {
    let inner = u8::try_from(cluster.len()).ok().filter(|length| *length <= 125 && *length > 0)?;
    let outer = inner.checked_add(2)?;
    let head = [0x0a, outer, 0x0a, inner];
    Some(head.iter().map(|byte| char::from(*byte)).chain(cluster.chars()).collect())
}

#[cfg(test)]
mod tests {
    use super::grpc_service;

    #[test]
    fn a_cluster_is_named_by_a_message() {
        assert_eq!(grpc_service("authz-svc").unwrap().as_bytes(), b"\x0a\x0b\x0a\x09authz-svc");
        assert!(grpc_service(&"x".repeat(125)).unwrap().len() == 129);
        assert_eq!(grpc_service(&"x".repeat(126)), None);
        assert_eq!(grpc_service(""), None);
    }
}
