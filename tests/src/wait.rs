//! Waiting for a condition that has no event to wait for, such as a counter in another process.
//! Whatever can be awaited (a reply, an exit, a line of output) is awaited instead.

use std::time::Duration;

use crate::{Result, limits};

/// Waits until `condition` is true, looking every few milliseconds.
///
/// # Errors
/// When it is still false after `deadline`.
pub async fn until<F, Fut>(deadline: Duration, mut condition: F) -> Result<()>
where
    F: FnMut() -> Fut,
    Fut: Future<Output = bool>,
{
    value(deadline, || {
        let holds = condition();
        async move { holds.await.then_some(()) }
    })
    .await
}

/// Waits until `look` finds something, and returns it.
///
/// # Errors
/// When there still is nothing after `deadline`.
pub async fn value<T, F, Fut>(deadline: Duration, mut look: F) -> Result<T>
where
    F: FnMut() -> Fut,
    Fut: Future<Output = Option<T>>,
{
    let search = async {
        loop {
            if let Some(found) = look().await {
                return found;
            }
            tokio::time::sleep(limits::POLL).await;
        }
    };
    tokio::time::timeout(deadline, search)
        .await
        .map_err(|_| format!("the condition did not hold within {deadline:?}").into())
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    #[tokio::test]
    async fn returns_as_soon_as_it_holds() {
        let looks = AtomicU32::new(0);
        let third = || async { looks.fetch_add(1, Ordering::Relaxed) == 2 };
        until(Duration::from_secs(5), third).await.unwrap();
        assert_eq!(looks.load(Ordering::Relaxed), 3);
    }

    #[tokio::test]
    async fn gives_up_at_the_deadline() {
        let error = until(Duration::from_millis(30), || async { false }).await.unwrap_err();
        assert!(error.to_string().contains("30ms"), "{error}");
    }

    #[tokio::test]
    async fn a_look_that_hangs_is_given_up_too() {
        let never = std::future::pending::<Option<()>>;
        assert!(value(Duration::from_millis(30), never).await.is_err());
    }
}
