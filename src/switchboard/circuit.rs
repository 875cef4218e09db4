//! Whether a neighbour answers: opened by failures in a row, tried again after a pause.

use std::sync::Mutex;

use chrono::{DateTime, TimeDelta, Utc};

/// So many failures in a row open the circuit.
const FAILURES_MAX: u32 = 3;

/// So long after the last failure the neighbour is believed in again. A request that succeeds closes the circuit at once,
/// and those that wait in the outbox keep trying; the pause is for calls, whose phones a failing request may hold.
const PAUSE: TimeDelta = TimeDelta::seconds(30);

/// Remembers how a neighbour answered lately. One a neighbour and replica.
#[derive(Debug, Default)]
pub struct Circuit(Mutex<Lately>);

#[derive(Debug, Default)]
struct Lately {
    failures: u32,
    failed_at: Option<DateTime<Utc>>,
}

impl Circuit {
    /// Whether the neighbour is believed to answer.
    #[must_use]
    pub fn is_closed(&self, now: DateTime<Utc>) -> bool {
        let Ok(lately) = self.0.lock() else { return true };
        lately.failures < FAILURES_MAX || lately.failed_at.is_none_or(|at| now - at >= PAUSE)
    }

    /// It answered.
    pub fn note_success(&self) {
        if let Ok(mut lately) = self.0.lock() {
            *lately = Lately::default();
        }
    }

    /// It did not.
    pub fn note_failure(&self, now: DateTime<Utc>) {
        if let Ok(mut lately) = self.0.lock() {
            lately.failures = lately.failures.saturating_add(1);
            lately.failed_at = Some(now);
        }
    }
}
