//! The root context: configuration, ticks, and the requests that wait for what ticks bring.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::ContextType;
use sallyport_policy::{Problem, Reply};

use crate::crypto::Backend;
use crate::flight::{Flight, Now};
use crate::gate::Gate;
use crate::host::{self, Buffer, Level};
use crate::limits::{BUSY_TICK_MS, GOOD_NOTE_MS, MAX_RELEASES, SLOW_TICK_MS, TICK_MS};
use crate::stream::{Stream, grpc_reply};

/// One plugin configuration of one worker.
pub(crate) struct Root {
    id: u32,
    gate: Rc<Gate>,
    /// When the slow work was last done, in milliseconds since 1970.
    slow_ms: Cell<u64>,
    /// Whether ticks come at the busy pace.
    busy: Cell<bool>,
    /// Whether the policy at work is one that was loaded, not the one that denies everything.
    loaded: Cell<bool>,
    told: Cell<bool>,
}

impl Root {
    pub(crate) fn new(id: u32) -> Self {
        Self {
            id,
            gate: Rc::new(Gate::deny_all()),
            slow_ms: Cell::new(0),
            busy: Cell::new(false),
            loaded: Cell::new(false),
            told: Cell::new(false),
        }
    }

    /// Lets requests go on whose keys are here, or whose wait is over: a few now, the rest with the next ticks.
    fn release_parked(&self) {
        let now_ms = self.gate.now_ms();
        let due: Vec<(u32, Rc<RefCell<Flight>>)> = {
            let mut parked = self.gate.parked.borrow_mut();
            let keys = &self.gate.keys;
            parked
                .extract_if(|_, parked| {
                    keys.epoch(parked.issuer) != parked.epoch || now_ms >= parked.until_ms
                })
                .take(MAX_RELEASES)
                .map(|(id, parked)| (id, parked.flight))
                .collect()
        };
        let busy = due.len() == MAX_RELEASES;
        if self.busy.replace(busy) != busy {
            host::set_tick_period(if busy { BUSY_TICK_MS } else { TICK_MS });
        }
        for (id, flight) in due {
            self.within(id, || Flight::resume(&flight, Reply::Keys));
        }
    }

    /// The gauge that tells who computes signatures in this filter instance.
    fn gauge(&self) -> &'static str {
        match self.gate.backend {
            Backend::Host => "sallyport.signature_backend.host",
            Backend::Pure => "sallyport.signature_backend.pure",
        }
    }

    /// Runs a step of a flight in its own context: host calls act on the effective one.
    fn within(&self, id: u32, step: impl FnOnce() -> Now) {
        if !host::set_effective_context(id) {
            return;
        }
        if step() == Now::Continues {
            host::continue_request();
        }
        host::set_effective_context(self.id);
    }

    fn configure(&mut self) -> bool {
        let configuration =
            host::buffer(Buffer::PluginConfiguration, usize::MAX).unwrap_or_default();
        match Gate::new(configuration) {
            Ok((gate, warnings)) => {
                tell(Level::Warn, &warnings);
                let digest = gate.policy.digest().to_owned();
                host::log(
                    Level::Info,
                    &format!(
                        "sallyport: policy {digest} loaded, signatures by {}",
                        gate.backend.word()
                    ),
                );
                self.gate = Rc::new(gate);
                self.loaded.set(true);
                true
            }
            Err(problems) => {
                tell(Level::Error, &problems);
                if self.loaded.get() || good_policy_seen() {
                    host::log(
                        Level::Error,
                        "sallyport: the new policy does not load; the last good one stays",
                    );
                    return false;
                }
                // Answering false at the first load would drop the listener, or leave the one before without a gate.
                host::log(
                    Level::Critical,
                    "sallyport: no policy could be loaded; every request is denied",
                );
                true
            }
        }
    }
}

fn tell(level: Level, problems: &[Problem]) {
    for problem in problems {
        host::log(level, &format!("sallyport: {problem}"));
    }
}

/// Name of the note by which a VM tells its successors that a good policy is at work under this plugin's name. A canary
/// VM is always fresh, so it cannot know by itself.
fn good_policy_note() -> Option<String> {
    let name = host::property(b"plugin_name")?;
    Some(format!("sallyport/good/{}", String::from_utf8_lossy(&name)))
}

/// The note is written under the same condition, and renewed: one that is old is of a filter that is gone, and counting
/// it would leave a listener without a gate in place.
fn good_policy_seen() -> bool {
    let Some((text, _)) =
        own_vm_id().then(good_policy_note).flatten().and_then(|note| host::shared_data(&note))
    else {
        return false;
    };
    let written = text.try_into().map(u64::from_le_bytes).unwrap_or(0);
    host::now_ms() <= written.saturating_add(GOOD_NOTE_MS)
}

/// Whether this VM has an id of its own, so that its shared data is ours.
fn own_vm_id() -> bool {
    host::property(b"plugin_vm_id").is_some_and(|id| !id.is_empty())
}

impl Context for Root {
    fn on_done(&mut self) -> bool {
        if self.told.get() {
            self.gate.end(self.gauge());
        }
        true
    }

    fn on_http_call_response(&mut self, token: u32, _: usize, _: usize, _: usize) {
        self.gate.keys_answered(token);
    }

    fn on_grpc_call_response(&mut self, token: u32, status: u32, size: usize) {
        let reply = grpc_reply(status, size);
        let flight = self.gate.asked.borrow_mut().remove(&token);
        match flight {
            Some(flight) => {
                let id = flight.borrow().id();
                self.within(id, || Flight::verdict(&flight, reply));
            }
            None => {
                self.gate.pushed(token, reply.as_deref());
            }
        }
    }
}

impl RootContext for Root {
    fn on_configure(&mut self, _: usize) -> bool {
        let accepted = self.configure();
        if accepted {
            host::set_tick_period(TICK_MS);
        }
        accepted
    }

    fn on_tick(&mut self) {
        let now_ms = host::now_ms();
        let slow = now_ms >= self.slow_ms.get().saturating_add(SLOW_TICK_MS);
        if slow {
            self.slow_ms.set(now_ms);
        }
        if !self.told.replace(true) && self.loaded.get() {
            // From here, not from `on_configure`: that also runs in a canary VM.
            self.gate.metrics.gauge(self.gauge(), 1);
        }
        if slow
            && self.loaded.get()
            && own_vm_id()
            && let Some(note) = good_policy_note()
        {
            host::set_shared_data(&note, &now_ms.to_le_bytes(), 0);
        }
        self.gate.tick(now_ms, slow);
        self.release_parked();
    }

    fn create_http_context(&self, id: u32) -> Option<Box<dyn HttpContext>> {
        Some(Box::new(Stream::new(Rc::clone(&self.gate), id)))
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }
}
