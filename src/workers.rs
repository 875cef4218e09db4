//! What the service does beside answering: each worker begins again should it break off.

use std::future::Future;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::telemetry::{Chain, start_metrics};

/// A worker that broke off begins again after so long.
const BEGINS_AGAIN_AFTER: Duration = if cfg!(test) { Duration::from_millis(5) } else { Duration::from_secs(1) };

/// Starts a worker that goes on until `stop` says so. `begin` makes its future, and makes another one if that panics:
/// without its deadlines, say, a service would look well and let every phone ring on.
pub fn start<F>(
    tasks: &TaskTracker,
    stop: &CancellationToken,
    name: &'static str,
    begin: impl Fn(CancellationToken) -> F + Send + 'static,
) where
    F: Future<Output = ()> + Send + 'static,
{
    let stop = stop.clone();
    tasks.spawn(async move {
        while !stop.is_cancelled() {
            let Err(error) = tokio::spawn(begin(stop.clone())).await else { return };
            metrics::counter!("offhook_workers_broken_off_total", "worker" => name).increment(1);
            // Not the panic's own words, which may quote what a caller said.
            tracing::error!(worker = name, panicked = error.is_panic(), "a worker broke off and begins again");
            stop.run_until_cancelled(tokio::time::sleep(BEGINS_AGAIN_AFTER)).await;
        }
    });
}

/// Gives back what lies unused in the heaps: once the start is over, which leaves some megabytes, and from time to time,
/// since rules that are read leave several times their size.
pub async fn keep_memory(stop: CancellationToken) {
    /// The service is ready by then, and has read its rules.
    const START: Duration = Duration::from_secs(1);
    const EVERY: Duration = Duration::from_secs(60);
    let mut wait = START;
    while stop.run_until_cancelled(tokio::time::sleep(wait)).await.is_some() {
        // Looks through whole heaps, so it is kept away from the threads that answer.
        match tokio::task::spawn_blocking(offhook_heap::give_back).await {
            Ok(released) => tracing::trace!(released, "unused memory was asked back"),
            Err(error) => tracing::warn!(error = %Chain(&error), "unused memory could not be given back"),
        }
        wait = EVERY;
    }
}

/// Sums up what was measured. The figures keep every single measurement until then, and nobody may ever ask for them.
pub async fn sum_up_figures(stop: CancellationToken) {
    const EVERY: Duration = Duration::from_secs(5);
    while stop.run_until_cancelled(tokio::time::sleep(EVERY)).await.is_some() {
        match start_metrics() {
            Ok(figures) => figures.run_upkeep(),
            Err(error) => tracing::debug!(error = %Chain(&error), "there are no figures to sum up"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    #[tokio::test]
    async fn a_worker_that_panics_begins_again_and_one_that_ends_does_not() {
        let (tasks, stop, begun) = (TaskTracker::new(), CancellationToken::new(), Arc::new(AtomicU32::new(0)));
        let count = Arc::clone(&begun);
        start(&tasks, &stop, "trial", move |_| {
            let count = Arc::clone(&count);
            async move {
                assert!(count.fetch_add(1, Ordering::SeqCst) >= 2, "it breaks off twice");
            }
        });
        tasks.close();
        tasks.wait().await;
        assert_eq!(begun.load(Ordering::SeqCst), 3);
    }

    #[tokio::test]
    async fn a_worker_that_always_panics_ends_with_the_service() {
        let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
        start(&tasks, &stop, "trial", |_| async { panic!("always") });
        tokio::time::sleep(Duration::from_millis(50)).await;
        stop.cancel();
        tasks.close();
        tasks.wait().await;
    }
}
