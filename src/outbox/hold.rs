//! The hold on an effect in hand: renewed while its delivery goes on, and asked for before every write.
//!
//! Chatwoot knows no repeated request, so of two who have the same effect one must not write. A write that begins while
//! the lease has its whole span has ended, for good or ill, before anybody else gets the row: the span outlasts the
//! longest time-out of the settings (60 s) and [`LATE_COMMIT`](crate::store::LATE_COMMIT).

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use crate::clock::Clock;
use crate::store::{Leased, Store, StoreError};
use crate::telemetry::Chain;

/// The clock is looked at so often; renewed is a hold whose half is over.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// A leased row, and for how long a renewal holds it.
pub(super) struct Hold {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    id: i64,
    lease: i64,
    span: TimeDelta,
}

impl Hold {
    pub(super) fn new(store: &Arc<dyn Store>, clock: &Arc<dyn Clock>, leased: &Leased, span: TimeDelta) -> Self {
        let (store, clock) = (Arc::clone(store), Arc::clone(clock));
        Self { store, clock, id: leased.id, lease: leased.lease, span }
    }

    pub(super) fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    /// Asks for leave to write: from now on the whole span is ours.
    ///
    /// # Errors
    /// When somebody else has the row, or the store cannot say who has it: nothing may be written.
    pub(super) async fn renew(&self) -> Result<(), StoreError> {
        self.store.renew_effect(self.id, self.lease, self.clock.now() + self.span).await
    }

    /// Keeps the row for as long as a delivery takes; ends only when somebody else has it.
    pub(super) async fn keep(&self) {
        let mut renewed_at = self.clock.now();
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            let now = self.clock.now();
            if now - renewed_at < self.span / 2 {
                continue;
            }
            match self.renew().await {
                Ok(()) => renewed_at = now,
                Err(StoreError::Conflict(_)) => return,
                Err(error) => tracing::warn!(error = %Chain(&error), "the lease of an effect could not be renewed"),
            }
        }
    }
}
