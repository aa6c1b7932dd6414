//! Reloading: watches the directories of every file that was read (a ConfigMap is swapped by a symbolic link beside the
//! file), waits until they are quiet, and puts the new policy in force. A load that fails changes nothing but a counter.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use notify::event::{AccessKind, AccessMode};
use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher as _};
use sallyport_policy::Problem;
use tokio::sync::Notify;
use tokio::time::{Instant, timeout};

use crate::gate::Gate;
use crate::key_fetch::KeyFetcher;
use crate::limits::{RELOAD_POLL, RELOAD_QUIET, RELOAD_QUIET_MAX};
use crate::loaded::{Load, Loaded};

/// Keeps a gate's policy up to date.
pub(crate) struct Reloader {
    pub(crate) path: PathBuf,
    pub(crate) gate: Arc<Gate>,
    pub(crate) fetcher: KeyFetcher,
}

impl Reloader {
    /// Runs until it is dropped.
    pub(crate) async fn run(self) {
        let changed = Arc::new(Notify::new());
        let mut watched = Watched::new(Arc::clone(&changed));
        loop {
            watched.watch(&self.gate.loaded.load().files);
            // Between the last load and the watch just set a change may have passed unseen.
            self.reload().await;
            if timeout(RELOAD_POLL, changed.notified()).await.is_ok() {
                quiet(&changed).await;
            }
        }
    }

    async fn reload(&self) {
        let (path, fetcher, gate) =
            (self.path.clone(), self.fetcher.clone(), Arc::clone(&self.gate));
        let loading = tokio::task::spawn_blocking(move || {
            Loaded::read(&path, Some(&gate.loaded.load()), &fetcher)
        });
        match loading.await {
            Ok(Ok(Load::Unchanged)) => {}
            Ok(Ok(Load::New(loaded))) => {
                let (digest, generation) = (loaded.policy.digest().to_owned(), loaded.generation());
                self.gate.loaded.store(Arc::from(loaded));
                // Keys that it needs are fetched before somebody waits for them.
                self.fetcher.ended.notify_one();
                self.gate.metrics.loaded(&digest);
                tracing::info!(digest, generation, "policy loaded");
            }
            Ok(Err(problems)) => {
                self.gate.metrics.load_failed();
                tell(&problems);
            }
            Err(_) => {
                self.gate.metrics.load_failed();
                tracing::error!("loading the policy was broken off; the last good one stays");
            }
        }
    }
}

fn tell(problems: &[Problem]) {
    for problem in problems {
        let Problem { level: _, path, message, fix } = problem;
        tracing::error!(%path, %message, %fix, "policy does not load; the last good one stays");
    }
}

/// Waits until nothing has changed for a moment.
async fn quiet(changed: &Notify) {
    let Some(end) = Instant::now().checked_add(RELOAD_QUIET_MAX) else { return };
    while Instant::now() < end && timeout(RELOAD_QUIET, changed.notified()).await.is_ok() {}
}

/// The directories under watch.
struct Watched {
    watcher: Option<RecommendedWatcher>,
    directories: BTreeSet<PathBuf>,
}

impl Watched {
    fn new(changed: Arc<Notify>) -> Self {
        let told = move |event: notify::Result<Event>| {
            if event.is_ok_and(|event| changes(event.kind)) {
                changed.notify_one();
            }
        };
        let watcher = notify::recommended_watcher(told)
            .inspect_err(|error| tracing::warn!(%error, "files are polled: no watcher"))
            .ok();
        Self { watcher, directories: BTreeSet::new() }
    }

    fn watch(&mut self, files: &[PathBuf]) {
        let Some(watcher) = &mut self.watcher else { return };
        for file in files {
            let directory = match file.parent() {
                Some(parent) if !parent.as_os_str().is_empty() => parent,
                _ => Path::new("."),
            };
            if self.directories.contains(directory) {
                continue;
            }
            match watcher.watch(directory, RecursiveMode::NonRecursive) {
                Ok(()) => {
                    self.directories.insert(directory.to_owned());
                }
                Err(error) => {
                    tracing::warn!(directory = %directory.display(), %error, "polled: no watch");
                }
            }
        }
    }
}

/// Reading is an event too, and ours would wake us for ever.
fn changes(kind: EventKind) -> bool {
    match kind {
        EventKind::Access(AccessKind::Close(AccessMode::Write)) => true,
        EventKind::Access(_) => false,
        EventKind::Any
        | EventKind::Create(_)
        | EventKind::Modify(_)
        | EventKind::Remove(_)
        | EventKind::Other => true,
    }
}
