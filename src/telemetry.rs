//! How events are told: logs on standard error, and figures for Prometheus.
//!
//! No phone number, digit, transcript or secret is in either. Numbers print masked by their type, secrets not at all;
//! what a neighbour sent is never logged. Spans carry `call.id`, so that one call can be followed.

use std::error::Error;
use std::fmt;
use std::io::Write;
use std::sync::{Mutex, PoisonError};

use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::config::{Log, LogFormat};

/// Names of spans.
pub mod span {
    /// One HTTP request, with its route and never its query.
    pub const REQUEST: &str = "request";
    /// One signal on its way through the switchboard.
    pub const SIGNAL: &str = "signal";
    /// One delivery of the outbox.
    pub const DELIVERY: &str = "delivery";
}

/// Names of figures. Labels have few values: a path, a brand, an outcome; never a number or an id.
pub mod metric {
    /// Histogram, seconds: time to answer a request, by `path`.
    pub const REQUEST_SECONDS: &str = "offhook_request_seconds";
    /// Counter: requests answered, by `path` and `status`.
    pub const REQUESTS: &str = "offhook_http_requests_total";
    /// Counter: webhooks of Twilio answered as they should be, by `door`.
    pub const TWILIO_WEBHOOKS: &str = "offhook_twilio_webhooks_total";
    /// Counter: requests refused for their signature, by `door`.
    pub const SIGNATURES_REFUSED: &str = "offhook_signatures_refused_total";
    /// Counter: safe replies given, by `door`.
    pub const SAFE_REPLIES: &str = "offhook_safe_replies_total";
    /// Counter: calls ended, by `brand` and `ending`.
    pub const CALLS_ENDED: &str = "offhook_calls_ended_total";
    /// Gauge: calls that have not ended.
    pub const CALLS_LIVE: &str = "offhook_calls_live";
    /// Gauge: legs that the carrier may hold.
    pub const LEGS_LIVE: &str = "offhook_legs_live";
    /// Gauge: effects waiting to be delivered, by `neighbour`.
    pub const OUTBOX_WAITING: &str = "offhook_outbox_waiting";
    /// Gauge, seconds: age of the oldest effect that waits, by `neighbour`; 0 when none does.
    pub const OUTBOX_OLDEST_SECONDS: &str = "offhook_outbox_oldest_seconds";
    /// Gauge: effects that were given up and wait for a person.
    pub const OUTBOX_DEAD: &str = "offhook_outbox_dead";
    /// Counter: deliveries, by `kind` of effect and `outcome`: `done`, `again` or `dead`.
    pub const EFFECTS: &str = "offhook_effects_total";
    /// Histogram, seconds: one commit of the store.
    pub const COMMIT_SECONDS: &str = "offhook_store_commit_seconds";
    /// Gauge: the version of the rules in force; 0 before the first.
    pub const RULES_VERSION: &str = "offhook_rules_version";
    /// Gauge, 0 or 1: whether the newest version of the rules cannot be read, so that an earlier one is in force.
    pub const RULES_BROKEN: &str = "offhook_rules_broken";
    /// Gauge, 0 or 1: whether Chatwoot's websocket tells who is present.
    pub const CABLE_UP: &str = "offhook_chatwoot_cable_up";
    /// Gauge, 0 or 1, by `neighbour`: whether it answers, by the last few requests.
    pub const NEIGHBOUR_UP: &str = "offhook_neighbour_up";

    /// Those that a service shows once a call was answered.
    pub const AFTER_A_CALL: [&str; 15] = [
        REQUEST_SECONDS,
        REQUESTS,
        TWILIO_WEBHOOKS,
        CALLS_ENDED,
        CALLS_LIVE,
        LEGS_LIVE,
        OUTBOX_WAITING,
        OUTBOX_OLDEST_SECONDS,
        OUTBOX_DEAD,
        EFFECTS,
        COMMIT_SECONDS,
        RULES_VERSION,
        RULES_BROKEN,
        CABLE_UP,
        NEIGHBOUR_UP,
    ];

    /// Those that it shows once something went wrong.
    pub const AFTER_TROUBLE: [&str; 2] = [SIGNATURES_REFUSED, SAFE_REPLIES];
}

/// Bounds of the histograms, in seconds: from a fast commit to Twilio's own patience of 15 s.
const SECONDS_BUCKETS: [f64; 12] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.5, 5.0, 15.0];

/// Starts logging. A second call does nothing, so that tests may each ask for it.
///
/// Our own events come from `settings.level` on; of the crates we stand on only warnings.
pub fn start_logging(settings: &Log) {
    let filter = EnvFilter::new(format!("warn,offhook={}", settings.level.as_str()));
    let registry = tracing_subscriber::registry().with(filter);
    let _ = match settings.format {
        LogFormat::Json => registry
            .with(
                tracing_subscriber::fmt::layer()
                    .json()
                    .flatten_event(true)
                    .with_current_span(true)
                    .with_writer(std::io::stderr),
            )
            .try_init(),
        LogFormat::Text => registry.with(tracing_subscriber::fmt::layer().with_writer(std::io::stderr)).try_init(),
    };
}

/// From now on a panic says where it came about, and not what: its words may quote a caller. Source: threat T-26.
pub fn keep_panics_quiet() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map_or_else(|| "an unknown place".to_owned(), ToString::to_string);
        let thread = std::thread::current();
        let thread = thread.name().unwrap_or("unnamed");
        if tracing::dispatcher::has_been_set() {
            tracing::error!(place, thread, "the program broke off what it did: please report this");
        } else {
            // Nobody is left to tell if this cannot be written.
            let _ = writeln!(
                std::io::stderr(),
                "offhook: the program broke off what it did, at {place}, thread {thread}: please report this"
            );
        }
    }));
}

/// The figures could not be set up.
#[derive(Debug, thiserror::Error)]
#[error("could not set up the figures for Prometheus")]
pub struct MetricsUnavailable(#[source] metrics_exporter_prometheus::BuildError);

/// Starts counting, once a process; every further call returns the same handle. Its `render()` is what `/metrics` shows.
///
/// # Errors
/// The process already counts with another recorder.
pub fn start_metrics() -> Result<PrometheusHandle, MetricsUnavailable> {
    static HANDLE: Mutex<Option<PrometheusHandle>> = Mutex::new(None);
    let mut started = HANDLE.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(handle) = started.as_ref() {
        return Ok(handle.clone());
    }
    let builder = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &SECONDS_BUCKETS)
        .map_err(MetricsUnavailable)?;
    let handle = builder.install_recorder().map_err(MetricsUnavailable)?;
    Ok(started.insert(handle).clone())
}

/// Prints an error and all its causes in one line, each once.
pub struct Chain<'e>(pub &'e dyn Error);

impl fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        let mut cause = self.0.source();
        while let Some(err) = cause {
            write!(f, ": {err}")?;
            cause = err.source();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chain_says_each_cause_once() {
        #[derive(Debug, thiserror::Error)]
        #[error("could not read the file")]
        struct Outer(#[source] std::io::Error);
        let err = Outer(std::io::Error::other("disk gone"));
        assert_eq!(Chain(&err).to_string(), "could not read the file: disk gone");
    }

    #[test]
    fn counting_starts_once_and_shows_what_was_counted() {
        let handle = start_metrics().unwrap();
        metrics::counter!(metric::SAFE_REPLIES, "door" => "voice").increment(1);
        metrics::histogram!(metric::COMMIT_SECONDS).record(0.002);
        let shown = start_metrics().unwrap().render();
        assert!(shown.contains("offhook_safe_replies_total{door=\"voice\"} 1"), "{shown}");
        assert!(shown.contains("offhook_store_commit_seconds_bucket{le=\"0.0025\"}"), "{shown}");
        assert!(!handle.render().is_empty());
        start_logging(&Log::default());
        start_logging(&Log::default());
    }
}
