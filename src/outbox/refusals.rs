//! Effects that Chatwoot refuses for good: tried a few times more, then given up, so that the rest of their lane goes on.
//!
//! Kept in memory: after a restart a refused effect has its tries again, which delays its lane by some minutes and no more.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};

use super::Delivery;

/// Refusals in a row after which an effect is given up.
const REFUSALS_MAX: u32 = 5;

/// Between two of them. The limit of messages a minute and conversation is a refusal like any other, and is over by then.
/// Contract chatwoot.md 1.7.
const AGAIN_AFTER: TimeDelta = TimeDelta::seconds(60);

/// A row that was not refused for so long was finished by another replica.
const FORGOTTEN_AFTER: TimeDelta = TimeDelta::hours(1);

/// How often which rows were refused in a row, and when last.
#[derive(Default)]
pub(super) struct Refusals(Mutex<HashMap<i64, (u32, DateTime<Utc>)>>);

impl Refusals {
    /// Takes note of one more.
    pub(super) fn note(&self, row: i64, why: String, now: DateTime<Utc>) -> Delivery {
        let mut rows = self.rows();
        rows.retain(|_, (_, last)| now - *last < FORGOTTEN_AFTER);
        let (times, last) = rows.entry(row).or_insert((0, now));
        (*times, *last) = (*times + 1, now);
        if *times < REFUSALS_MAX {
            return Delivery::Failed { why, after: Some(AGAIN_AFTER) };
        }
        rows.remove(&row);
        Delivery::Hopeless { why }
    }

    /// It was not refused this time.
    pub(super) fn forget(&self, row: i64) {
        self.rows().remove(&row);
    }

    fn rows(&self) -> MutexGuard<'_, HashMap<i64, (u32, DateTime<Utc>)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_given_up_after_refusals_in_a_row_and_not_for_failures_between() {
        let refusals = Refusals::default();
        let now = DateTime::UNIX_EPOCH;
        let is_given_up = |row| matches!(refusals.note(row, "no".to_owned(), now), Delivery::Hopeless { .. });
        assert!((1..REFUSALS_MAX).all(|_| !is_given_up(7)));
        refusals.forget(7);
        assert!((1..REFUSALS_MAX).all(|_| !is_given_up(7)));
        assert!(!is_given_up(8), "another row counts for itself");
        assert!(is_given_up(7));
        assert!(!is_given_up(7), "put back by a person it has its tries again");
    }
}
