//! The NDJSON exporter: appends lines to a file, one JSON object each. The file is opened for every batch, so that it may
//! be rotated by renaming. What cannot be written after some attempts is dropped and counted. A file that is created
//! here is its owner's alone: records tell who called what.

use std::fs::OpenOptions;
use std::io::{Result, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::limits::{EXPORT_ATTEMPTS, EXPORT_PAUSE};
use crate::metrics::Metrics;
use crate::queue::Queue;

/// Writes what comes out of the queue until it is closed and empty.
pub(crate) async fn run(path: PathBuf, queue: Arc<Queue>, metrics: Arc<Metrics>) {
    while let Some(lines) = queue.take().await {
        let count = lines.len();
        let mut text =
            Vec::with_capacity(lines.iter().map(|line| line.len().saturating_add(1)).sum());
        for line in lines {
            text.extend_from_slice(&line);
            text.push(b'\n');
        }
        if write(&path, text.into()).await {
            metrics.records("exported", count);
        } else {
            metrics.dropped("export_failed", count);
        }
        queue.done();
    }
}

async fn write(path: &Path, text: Arc<[u8]>) -> bool {
    let mut pause = EXPORT_PAUSE;
    for attempt in 1..=EXPORT_ATTEMPTS {
        let (path, text) = (path.to_owned(), Arc::clone(&text));
        let written = tokio::task::spawn_blocking(move || append(&path, &text)).await;
        match written {
            Ok(Ok(())) => return true,
            Ok(Err(error)) => tracing::warn!(%error, attempt, "records cannot be written"),
            Err(_) => tracing::warn!(attempt, "writing records was broken off"),
        }
        if attempt < EXPORT_ATTEMPTS {
            tokio::time::sleep(pause).await;
            pause = pause.saturating_mul(2);
        }
    }
    false
}

/// All or nothing: half a batch is taken back, because the next attempt writes the whole of it.
fn append(path: &Path, text: &[u8]) -> Result<()> {
    let mut file = OpenOptions::new().create(true).append(true).mode(0o600).open(path)?;
    let length = file.metadata()?.len();
    file.write_all(text).and_then(|()| file.flush()).inspect_err(|_| {
        if let Err(error) = file.set_len(length) {
            tracing::error!(%error, "half a batch of records may be in the file");
        }
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::run;
    use crate::metrics::Metrics;
    use crate::queue::Queue;

    async fn export(path: std::path::PathBuf) -> String {
        let metrics = Arc::new(Metrics::default());
        let queue = Arc::new(Queue::new(Arc::clone(&metrics)));
        queue.put("a", b"{\"id\":\"a\"}".to_vec());
        queue.put("b", b"{\"id\":\"b\"}".to_vec());
        queue.close();
        run(path, queue, Arc::clone(&metrics)).await;
        metrics.text()
    }

    #[tokio::test]
    async fn lines_are_appended_and_counted() {
        let file = std::env::temp_dir().join(format!("sallyport-export-{}", std::process::id()));
        std::fs::write(&file, "{}\n").unwrap();
        let text = export(file.clone()).await;
        let written = std::fs::read_to_string(&file).unwrap();
        std::fs::remove_file(&file).unwrap();
        assert_eq!(written, "{}\n{\"id\":\"a\"}\n{\"id\":\"b\"}\n");
        assert!(text.contains("result=\"exported\",reason=\"\"} 2"), "{text}");
    }

    #[tokio::test]
    async fn a_new_file_is_its_owners_alone() {
        use std::os::unix::fs::PermissionsExt as _;
        let file =
            std::env::temp_dir().join(format!("sallyport-export-new-{}", std::process::id()));
        export(file.clone()).await;
        let mode = std::fs::metadata(&file).unwrap().permissions().mode();
        std::fs::remove_file(&file).unwrap();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[tokio::test(start_paused = true)]
    async fn what_cannot_be_written_is_dropped_and_counted() {
        let text = export(std::env::temp_dir().join("sallyport-no-such-directory/x")).await;
        assert!(text.contains("result=\"dropped\",reason=\"export_failed\"} 2"), "{text}");
        assert!(text.contains("sallyport_mirror_queued 0"), "{text}");
    }
}
