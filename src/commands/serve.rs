//! `offhook serve`: answers webhooks, the API and the dashboard app, and runs the workers.

use std::io::Write;
use std::net::TcpListener;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use listenfd::ListenFd;
use serde_json::json;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::app::App;
use crate::clock::{Clock, RandomIds, SystemClock};
use crate::config::Settings;
use crate::telemetry::Chain;

/// Nothing to say: everything is in the settings.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {}

/// Runs until SIGTERM or SIGINT, then lets requests under way and effects in hand come to their end.
///
/// A socket inherited by systemd's protocol (`LISTEN_FDS`) is taken over, so that a restart queues connections instead
/// of refusing them.
///
/// # Errors
/// The settings lack something, the database cannot be opened, or the port is in use; each is named.
pub async fn run(_: Args, settings: Settings) -> anyhow::Result<ExitCode> {
    settings.check_for_service()?;
    // The first parse of a number loads a table; a caller must not wait for it.
    crate::phone_number::warm_up();
    let clock = choose_clock(&settings)?;
    let store = super::open_store(&settings).await?;
    let released = store.release_leases(clock.now()).await?;
    if released > 0 {
        tracing::info!(released, "effects that an earlier process had in hand are taken up again");
    }
    let listener = take_socket(&settings)?;
    let app = App::build(settings, store, clock, Arc::new(RandomIds))?;
    let metrics = crate::telemetry::start_metrics()?;
    let address = listener.local_addr()?;
    let server = crate::server::serve(&app, metrics, listener)?;
    let handle = server.handle();
    let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
    let serving = tasks.spawn(server);
    tasks.spawn(look_after_live_calls(Arc::clone(&app)));
    if !has_test_clock() {
        app.start_workers(&tasks, &stop);
    }
    writeln!(std::io::stdout(), "{}", json!({ "listening": address.to_string() }))?;
    tracing::info!(%address, "listening");

    wait_for_the_end().await?;
    tracing::info!("stopping");
    handle.stop(true).await;
    stop.cancel();
    tasks.close();
    let drain: Duration = app.settings.server.drain;
    if tokio::time::timeout(drain, tasks.wait()).await.is_err() {
        tracing::warn!("effects in hand were cut off; they are taken up again at the next start");
    }
    serving.await.context("the server's task failed")?.context("the server failed")?;
    Ok(ExitCode::SUCCESS)
}

/// Whoever hung up while the service was away is found by asking the carrier.
async fn look_after_live_calls(app: Arc<App>) {
    match app.switchboard.look_after_live_calls().await {
        Ok(0) => {}
        Ok(calls) => tracing::info!(calls, "live calls are looked after"),
        Err(error) => tracing::warn!(error = %Chain(&error), "live calls could not be looked after"),
    }
}

fn take_socket(settings: &Settings) -> anyhow::Result<TcpListener> {
    let mut inherited = ListenFd::from_env();
    if let Some(listener) = inherited.take_tcp_listener(0).context("could not take over the inherited socket")? {
        return Ok(listener);
    }
    let bind = settings.server.bind;
    TcpListener::bind(bind).with_context(|| format!("could not listen on {bind} (server.bind); is the port in use?"))
}

pub(super) async fn wait_for_the_end() -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate()).context("could not listen for SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("could not listen for SIGINT")?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    Ok(())
}

#[cfg(feature = "test-seams")]
fn has_test_clock() -> bool {
    crate::seams::has_test_clock()
}

#[cfg(not(feature = "test-seams"))]
fn has_test_clock() -> bool {
    false
}

#[cfg(feature = "test-seams")]
fn choose_clock(settings: &Settings) -> anyhow::Result<Arc<dyn Clock>> {
    let Some(start) = crate::seams::find_test_clock_start(SystemClock.now()) else { return Ok(Arc::new(SystemClock)) };
    settings.check_for_test_switches()?;
    Ok(Arc::new(crate::seams::test_clock(start)))
}

#[cfg(not(feature = "test-seams"))]
#[expect(clippy::unnecessary_wraps, reason = "the other build may refuse")]
fn choose_clock(_: &Settings) -> anyhow::Result<Arc<dyn Clock>> {
    Ok(Arc::new(SystemClock))
}
