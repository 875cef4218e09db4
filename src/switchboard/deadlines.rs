//! Deadlines are rows: a worker looks which calls are due and tells them so.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use futures_util::FutureExt;
use tokio_util::sync::CancellationToken;

use super::{Switchboard, SwitchboardError};
use crate::call::signal::Signal;
use crate::ids::CallId;
use crate::telemetry::Chain;

/// Calls woken in one turn.
const WAKE_MAX: u32 = 200;

/// A call that somebody is on wants waking within so long: a talk is looked at every four minutes.
const LIVE_CALLS_WAKE_WITHIN: TimeDelta = TimeDelta::minutes(5);

/// Calls looked after at the start; more would be more than an account carries.
const LIVE_CALLS_MAX: u32 = 5_000;

/// The store is asked at least so often, since another replica may have saved an earlier deadline.
const LOOK_EVERY: Duration = Duration::from_millis(500);

impl Switchboard {
    /// Wakes every call that is due; how many.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn wake_due_calls(&self) -> Result<usize, SwitchboardError> {
        self.withdraw_again().await;
        let limit = WAKE_MAX.saturating_add(self.stumbles.count());
        let mut due = self.store.find_calls_to_wake(self.clock.now(), limit).await?;
        due.retain(|call| self.stumbles.may_be_tried(*call, self.clock.now()));
        for call in &due {
            self.wake(*call).await;
        }
        Ok(due.len())
    }

    /// Looks at one call. Whatever is wrong with it stays with it: all others wait behind it for their deadlines.
    async fn wake(&self, call: CallId) {
        let looked = AssertUnwindSafe(self.take_note(call, &Signal::Woken)).catch_unwind().await;
        match looked {
            Ok(Ok(_)) => return self.stumbles.note_success(call),
            Ok(Err(error)) => {
                tracing::warn!(call.id = %call, error = %Chain(&error), "a call that was due could not be looked at");
            }
            Err(_panic) => tracing::error!(call.id = %call, "looking at a call that was due broke off"),
        }
        self.stumbles.note_failure(call, self.clock.now());
    }

    /// Once, when the service begins: every live call is looked after, since what happened while nobody listened may never
    /// have been told. How many were.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn look_after_live_calls(&self) -> Result<usize, SwitchboardError> {
        let live = self.store.find_calls_to_wake(self.clock.now() + LIVE_CALLS_WAKE_WITHIN, LIVE_CALLS_MAX).await?;
        for call in &live {
            if let Err(error) = self.take_note(*call, &Signal::Restarted).await {
                tracing::warn!(call.id = %call, error = %Chain(&error), "a live call could not be looked after");
            }
        }
        Ok(live.len())
    }

    /// Wakes due calls and tells waiting ones of freed phones until told to stop.
    pub async fn run_deadlines(self: Arc<Self>, stop: CancellationToken) {
        loop {
            let freed = tokio::select! {
                () = stop.cancelled() => return,
                () = self.calls_stirred.notified() => true,
                () = tokio::time::sleep(LOOK_EVERY) => false,
            };
            let outcome = if freed { self.offer_freed_phones().await.map(|_| ()) } else { Ok(()) };
            let outcome = match outcome {
                Ok(()) => self.wake_due_calls().await.map(|_| ()),
                failed => failed,
            };
            if let Err(error) = outcome {
                tracing::warn!(error = %Chain(&error), "deadlines could not be looked at");
            }
        }
    }
}
