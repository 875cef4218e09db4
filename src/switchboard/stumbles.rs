//! Calls that could not be looked at when they were due: each waits a little before it is tried again, so that no such call
//! keeps others from their deadlines.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};

use crate::ids::CallId;

/// The longest pause.
const PAUSE_MAX: TimeDelta = TimeDelta::seconds(60);

#[derive(Debug, Default)]
pub(super) struct Stumbles(Mutex<HashMap<CallId, Stumble>>);

#[derive(Debug)]
struct Stumble {
    times: u32,
    not_before: DateTime<Utc>,
}

impl Stumbles {
    /// How many calls there are that could not be looked at.
    pub(super) fn count(&self) -> u32 {
        u32::try_from(self.calls().len()).unwrap_or(u32::MAX)
    }

    pub(super) fn may_be_tried(&self, call: CallId, now: DateTime<Utc>) -> bool {
        self.calls().get(&call).is_none_or(|stumble| stumble.not_before <= now)
    }

    /// It could not be looked at: the next time is after 1 s, 2 s, 4 s … at most a minute.
    pub(super) fn note_failure(&self, call: CallId, now: DateTime<Utc>) {
        let mut calls = self.calls();
        let stumble = calls.entry(call).or_insert(Stumble { times: 0, not_before: now });
        let pause = TimeDelta::seconds(1_i64 << stumble.times.min(6));
        stumble.times = stumble.times.saturating_add(1);
        stumble.not_before = now + pause.min(PAUSE_MAX);
    }

    pub(super) fn note_success(&self, call: CallId) {
        self.calls().remove(&call);
    }

    fn calls(&self) -> std::sync::MutexGuard<'_, HashMap<CallId, Stumble>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pause_grows_to_a_minute_and_a_success_ends_it() {
        let (stumbles, call) = (Stumbles::default(), CallId(uuid::Uuid::from_u128(1)));
        let mut now = DateTime::UNIX_EPOCH;
        let mut pauses = Vec::new();
        for _ in 0..8 {
            stumbles.note_failure(call, now);
            let began = now;
            while !stumbles.may_be_tried(call, now) {
                now += TimeDelta::seconds(1);
            }
            pauses.push((now - began).num_seconds());
        }
        assert_eq!(pauses, [1, 2, 4, 8, 16, 32, 60, 60]);
        stumbles.note_failure(call, now);
        stumbles.note_success(call);
        assert!(stumbles.may_be_tried(call, now) && stumbles.count() == 0);
    }
}
