//! What an input reached: the counters that the compiler adds to every edge (`coverage.toml`). This file gets their
//! addresses and copies them; nobody else touches them. Built without the flags, everything looks the same and the engine
//! goes on blind.

use std::sync::Mutex;

/// Start and length of each object file's counters.
static REGIONS: Mutex<Vec<(usize, usize)>> = Mutex::new(Vec::new());

/// Called before `main` by every object file, with its counters.
#[expect(unsafe_code, reason = "the name is what the compiler calls")]
#[unsafe(no_mangle)]
extern "C" fn __sanitizer_cov_8bit_counters_init(start: *mut u8, stop: *mut u8) {
    let region = (start.addr(), stop.addr().saturating_sub(start.addr()));
    if let Ok(mut regions) = REGIONS.lock()
        && !regions.contains(&region)
    {
        regions.push(region);
    }
}

/// Counters that are looked at together; most inputs reach few.
const CHUNK: usize = 64;

/// Which edges were reached so far, and about how often at once.
#[derive(Debug)]
pub(crate) struct Coverage {
    regions: Vec<(usize, usize)>,
    seen: Vec<u8>,
    edges: usize,
}

impl Coverage {
    /// Nothing is reached yet.
    pub(crate) fn new() -> Self {
        let regions = REGIONS.lock().map(|regions| regions.clone()).unwrap_or_default();
        let total = regions.iter().map(|(_, length)| length).sum();
        Self { regions, seen: vec![0; total], edges: 0 }
    }

    /// Edges that some input reached.
    pub(crate) fn edges(&self) -> usize {
        self.edges
    }

    /// Sets all counters to zero.
    pub(crate) fn reset(&mut self) {
        for counters in self.counters() {
            counters.fill(0);
        }
    }

    /// Whether the run since [`Coverage::reset`] reached an edge, or a class of how often, that is new.
    pub(crate) fn is_new(&mut self) -> bool {
        let mut seen = std::mem::take(&mut self.seen);
        let mut rest = seen.as_mut_slice();
        let mut new = false;
        for counters in self.counters() {
            let (places, after) = rest.split_at_mut(counters.len());
            rest = after;
            for (counters, places) in counters.chunks(CHUNK).zip(places.chunks_mut(CHUNK)) {
                if counters.iter().fold(0, |any, counter| any | counter) == 0 {
                    continue;
                }
                for (counter, place) in counters.iter().zip(places) {
                    let class = class(*counter);
                    if class & !*place != 0 {
                        self.edges += usize::from(*place == 0);
                        *place |= class;
                        new = true;
                    }
                }
            }
        }
        self.seen = seen;
        new
    }

    fn counters(&self) -> impl Iterator<Item = &'static mut [u8]> + use<> {
        self.regions.clone().into_iter().map(|(start, length)| {
            let start = std::ptr::with_exposed_provenance_mut::<u8>(start);
            #[expect(
                unsafe_code,
                reason = "static memory of this length, which only instrumented code writes"
            )]
            // SAFETY: the compiler handed the region over for exactly this. Targets run on one thread, not while this
            // slice lives; what this file's own edges write meanwhile is a count that nobody relies on.
            unsafe {
                std::slice::from_raw_parts_mut(start, length)
            }
        })
    }
}

/// How often, in classes: a loop that runs once more is news, one that runs 40 times instead of 39 is not.
fn class(count: u8) -> u8 {
    match count {
        0 => 0,
        1 => 1,
        2 => 2,
        3 => 4,
        4..8 => 8,
        8..16 => 16,
        16..32 => 32,
        32..128 => 64,
        128.. => 128,
    }
}
