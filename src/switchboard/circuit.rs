//! Whether a neighbour answers: opened by failures in a row, closed by the first success.

use std::sync::Mutex;

use chrono::{DateTime, TimeDelta, Utc};

/// So many failures in a row open the circuit.
const FAILURES_MAX: u32 = 3;

/// A neighbour that fails is asked so often whether it answers again.
const PROBE_EVERY: TimeDelta = TimeDelta::seconds(5);

/// Remembers how a neighbour answered lately. One a neighbour and replica.
///
/// It stays open until a request succeeds, however long nothing is asked: a call that believed too early in the
/// neighbour would find out by the phones that its failing requests hold.
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
    pub fn is_closed(&self) -> bool {
        self.0.lock().map_or(true, |lately| lately.failures < FAILURES_MAX)
    }

    /// Whether it is time to ask a failing neighbour something harmless.
    #[must_use]
    pub fn wants_probe(&self, now: DateTime<Utc>) -> bool {
        let Ok(lately) = self.0.lock() else { return false };
        lately.failures >= FAILURES_MAX && lately.failed_at.is_none_or(|at| now - at >= PROBE_EVERY)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_opens_at_the_third_failure_and_stays_open_until_a_success() {
        let circuit = Circuit::default();
        let now = DateTime::UNIX_EPOCH;
        for _ in 0..2 {
            circuit.note_failure(now);
        }
        assert!(circuit.is_closed() && !circuit.wants_probe(now + PROBE_EVERY));
        circuit.note_failure(now);
        assert!(!circuit.is_closed() && !circuit.wants_probe(now));
        assert!(circuit.wants_probe(now + PROBE_EVERY));
        circuit.note_success();
        assert!(circuit.is_closed() && !circuit.wants_probe(now + TimeDelta::hours(1)));
    }
}
