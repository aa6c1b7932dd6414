//! The HTTP context: Envoy's phases of one request, each a line or two over [`Flight`] and its capture.
//! Only the request's headers are ever paused; bodies and responses pass by.

use std::cell::RefCell;
use std::rc::Rc;

use proxy_wasm::traits::{Context, HttpContext};
use proxy_wasm::types::Action;

use crate::flight::{Flight, Now};
use crate::gate::Gate;
use crate::host::{self, Buffer, Map};
use crate::pairs;

/// One stream.
pub(crate) struct Stream {
    gate: Rc<Gate>,
    flight: Rc<RefCell<Flight>>,
}

impl Stream {
    pub(crate) fn new(gate: Rc<Gate>, id: u32) -> Self {
        let flight = Rc::new(RefCell::new(Flight::new(Rc::clone(&gate), id)));
        Self { gate, flight }
    }
}

/// What a gRPC call brought, if it ended well.
pub(crate) fn grpc_reply(status: u32, size: usize) -> Option<Vec<u8>> {
    if status == 0 { host::buffer(Buffer::GrpcReceive, size) } else { None }
}

impl Context for Stream {
    fn on_grpc_call_response(&mut self, token: u32, status: u32, size: usize) {
        if self.gate.asked.borrow_mut().remove(&token).is_none() {
            return;
        }
        let reply = grpc_reply(status, size);
        if Flight::verdict(&self.flight, reply) == Now::Continues {
            host::continue_request();
        }
    }
}

impl HttpContext for Stream {
    fn on_http_request_headers(&mut self, _: usize, _: bool) -> Action {
        match Flight::start(&self.flight) {
            Now::Continues => Action::Continue,
            Now::Waits | Now::Answered => Action::Pause,
        }
    }

    fn on_http_request_body(&mut self, size: usize, _: bool) -> Action {
        let mut flight = self.flight.borrow_mut();
        if let Some(capture) = &mut flight.capture {
            capture.request_body(size);
        }
        // Cannot be while headers are paused; if a host does it all the same, nothing slips by.
        if flight.passed() { Action::Continue } else { Action::Pause }
    }

    fn on_http_request_trailers(&mut self, _: usize) -> Action {
        let flight = self.flight.borrow();
        if !flight.passed() {
            return Action::Pause;
        }
        flight.trailers();
        Action::Continue
    }

    fn on_http_response_headers(&mut self, _: usize, _: bool) -> Action {
        let mut flight = self.flight.borrow_mut();
        flight.respond_with();
        if let (Some(capture), Some(rules)) = (&mut flight.capture, self.gate.policy.mirror())
            && let Some(block) = host::header_pairs(Map::Response)
            && let Some(pairs) = pairs::parse(&block)
        {
            capture.response_headers(rules, &pairs);
        }
        Action::Continue
    }

    fn on_http_response_body(&mut self, size: usize, _: bool) -> Action {
        if let Some(capture) = &mut self.flight.borrow_mut().capture {
            capture.response_body(size);
        }
        Action::Continue
    }

    fn on_log(&mut self) {
        let capture = self.flight.borrow_mut().capture.take();
        if let Some(capture) = capture {
            self.gate.captured(capture);
        }
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        if let Ok(mut flight) = self.flight.try_borrow_mut() {
            flight.end();
        }
    }
}
