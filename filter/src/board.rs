//! Where the workers of one Envoy leave each other notes: keys and leases. With a `vm_id` of our own that is Envoy's
//! shared data; without one any other plugin could write there, so each worker keeps its own board and fetches itself.

use std::cell::RefCell;

use hashbrown::HashMap;

use crate::host;

/// Version of a note; 0: there is none yet.
pub(crate) type Version = u32;

/// Notes by name.
pub(crate) enum Board {
    /// Envoy's shared data.
    Shared,
    /// This worker's own.
    Own(RefCell<HashMap<String, (Vec<u8>, Version)>>),
}

impl Board {
    pub(crate) fn new(shared: bool) -> Self {
        if shared { Self::Shared } else { Self::Own(RefCell::default()) }
    }

    /// A note with its version.
    pub(crate) fn read(&self, name: &str) -> Option<(Vec<u8>, Version)> {
        match self {
            Self::Shared => host::shared_data(name),
            Self::Own(notes) => notes.borrow().get(name).cloned(),
        }
    }

    /// Writes a note unless somebody else wrote it since `version` was read.
    pub(crate) fn write(&self, name: &str, value: &[u8], version: Version) -> bool {
        match self {
            Self::Shared => host::set_shared_data(name, value, version),
            Self::Own(notes) => {
                let mut notes = notes.borrow_mut();
                let current = notes.get(name).map_or(0, |(_, version)| *version);
                if version != 0 && version != current {
                    return false;
                }
                notes.insert(name.to_owned(), (value.to_vec(), current.wrapping_add(1).max(1)));
                true
            }
        }
    }
}
