//! Carries saved effects to the neighbours: claim a lease, deliver, wait and retry, give up loudly.
//!
//! An effect is delivered at least once, and the one who delivers looks before repeating, so that it shows once. Effects
//! of one lane go in order. No lock is held while the network is used. What comes of an effect returns to its call as a
//! signal. Example: `RingAgent { leg: 2 }` becomes one request to the carrier, and `LegPlaced` for the call.

mod carrier;
mod hold;
mod inbox;
mod legs;
mod links;
mod owners;
mod pauses;
mod phone_replies;
mod phrases;
mod recordings;
mod refusals;
mod schedule;
mod texts;
mod twins;
mod unseen;

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::future::join_all;
use tokio::task::{JoinError, JoinSet};
use tokio_util::sync::CancellationToken;

use crate::call::effect::Neighbour;
use crate::clock::Clock;
use crate::crash_point;
use crate::store::{Leased, Settled, Store, StoreError};
use crate::switchboard::Switchboard;
use crate::telemetry::{Chain, metric};

pub use carrier::CarrierDesk;
use hold::Hold;
pub use inbox::InboxDesk;
use refusals::Refusals;
use schedule::{GIVE_UP_AFTER, pause_after};
pub use unseen::UnseenCalls;

/// Effects delivered side by side.
const SIDE_BY_SIDE: u32 = 16;

/// The store is asked at least so often.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// And at most so often.
const LOOK_SOONEST: Duration = Duration::from_millis(5);

/// An effect over which the work broke off so often is not tried again: it panics, or takes the process with it. Counted
/// when it is taken, before the work. Many restarts within one delivery do not come to this. Source: threat T-35.
const BROKEN_OFF_MAX: u32 = 10;

/// A delivery that takes longer than its lease is taken over by somebody else, so a lease outlasts the time limits of
/// its requests; and a phone that nobody rang because a replica died must not wait for long. One at Chatwoot is a chain of
/// many requests: its lease is renewed while it lasts, and outlasts the longest single request and
/// [`LATE_COMMIT`](crate::store::LATE_COMMIT).
fn lease_for(neighbour: Neighbour) -> TimeDelta {
    match neighbour {
        Neighbour::Carrier | Neighbour::Recordings => TimeDelta::seconds(30),
        Neighbour::Inbox => TimeDelta::seconds(90),
    }
}

/// What came of one delivery.
#[derive(Debug)]
pub enum Delivery {
    /// Done.
    Done,
    /// Not now, and nobody is to blame: asks again at that time.
    Later(DateTime<Utc>),
    /// As [`Self::Later`], and surely nothing was asked of the neighbour. Counted, so that a lease whose holder died can be
    /// told from one that was given back.
    Postponed(DateTime<Utc>),
    /// The neighbour failed; asks again after the schedule's pause, or after this one.
    Failed { why: String, after: Option<TimeDelta> },
    /// Will never succeed.
    Hopeless { why: String },
}

/// The worker.
pub struct Outbox {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    switchboard: Arc<Switchboard>,
    carrier: CarrierDesk,
    inbox: InboxDesk,
    /// What this replica is called where replicas take turns.
    name: String,
    /// Chatwoot is asked to post no answer to a note before.
    replies_not_before: std::sync::Mutex<Option<DateTime<Utc>>>,
    /// Answers to notes that Chatwoot refuses.
    refused_replies: Refusals,
}

impl Outbox {
    /// Puts the parts together. No two replicas have the same `name`.
    #[must_use]
    pub fn new(
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        switchboard: Arc<Switchboard>,
        carrier: CarrierDesk,
        inbox: InboxDesk,
        name: String,
    ) -> Self {
        Self {
            store,
            clock,
            switchboard,
            carrier,
            inbox,
            name,
            replies_not_before: std::sync::Mutex::default(),
            refused_replies: Refusals::default(),
        }
    }

    /// Delivers what is due for one neighbour, side by side; how many effects were taken.
    ///
    /// # Errors
    /// When the store fails. A neighbour's failure is settled, not returned.
    pub async fn deliver_due(&self, neighbour: Neighbour) -> Result<usize, StoreError> {
        let leased = self.lease(neighbour, SIDE_BY_SIDE).await?;
        let count = leased.len();
        for settled in join_all(leased.into_iter().map(|leased| self.deliver(leased))).await {
            settled?;
        }
        Ok(count)
    }

    async fn lease(&self, neighbour: Neighbour, limit: u32) -> Result<Vec<Leased>, StoreError> {
        if neighbour == Neighbour::Carrier {
            self.carrier.probe_if_down().await;
        }
        let leased = self.store.lease_effects(neighbour, self.clock.now(), lease_for(neighbour), limit).await?;
        if !leased.is_empty() {
            crash_point!("outbox.after_lease");
        }
        Ok(leased)
    }

    async fn deliver(&self, leased: Leased) -> Result<(), StoreError> {
        crash_point!("outbox.before_request");
        let delivery = match leased.effect.neighbour() {
            _ if leased.broken_off >= BROKEN_OFF_MAX => {
                Delivery::Hopeless { why: format!("the work on it broke off {} times", leased.broken_off) }
            }
            Neighbour::Carrier | Neighbour::Recordings => self.carrier.carry_out(&leased).await,
            Neighbour::Inbox => match self.carry_to_inbox(&leased).await {
                Some(delivery) => delivery,
                None => return Ok(()),
            },
        };
        crash_point!("outbox.after_request");
        let now = self.clock.now();
        let settled = settle(&leased, delivery, now);
        let kind = leased.effect.kind();
        match &settled {
            Settled::Done => {
                metrics::counter!(metric::EFFECTS, "kind" => kind, "outcome" => "done").increment(1);
            }
            Settled::Again { why, counts: true, .. } if !why.is_empty() => {
                metrics::counter!(metric::EFFECTS, "kind" => kind, "outcome" => "again").increment(1);
                tracing::warn!(call.id = %leased.call, effect = kind, attempts = leased.attempts + 1, why, "an effect failed and will be tried again");
            }
            Settled::Again { .. } => {}
            Settled::Dead { why } => {
                metrics::counter!(metric::EFFECTS, "kind" => kind, "outcome" => "dead").increment(1);
                tracing::error!(call.id = %leased.call, effect = kind, why, "an effect was given up; a person has to look at it");
            }
        }
        match self.store.settle_effect(leased.id, leased.lease, settled, now).await {
            // The lease passed to another worker, which looks before it repeats.
            Err(StoreError::Conflict(_)) => Ok(()),
            other => {
                crash_point!("outbox.after_settle");
                other
            }
        }
    }

    /// Carries an effect out for as long as it is held; nothing when somebody else has it.
    async fn carry_to_inbox(&self, leased: &Leased) -> Option<Delivery> {
        let hold = Hold::new(&self.store, &self.clock, leased, lease_for(Neighbour::Inbox));
        tokio::select! {
            delivery = self.inbox.carry_out(leased, &hold) => Some(delivery),
            () = hold.keep() => {
                tracing::warn!(call.id = %leased.call, "an effect was taken over while it was being carried out");
                None
            }
        }
    }

    /// How long until something may be due.
    async fn pause(&self) -> Duration {
        let next = self.store.find_next_effect().await.ok().flatten();
        let left = next.and_then(|at| (at - self.clock.now()).to_std().ok());
        left.map_or(LOOK_EVERY, |left| left.clamp(LOOK_SOONEST, LOOK_EVERY))
    }

    /// Delivers until told to stop; what is in hand then comes to its end.
    ///
    /// A delivery that takes long holds up its own lane and no other: the phone that has to stop ringing does not wait
    /// for a recording that comes slowly.
    pub async fn run(self: Arc<Self>, neighbour: Neighbour, stop: CancellationToken) {
        let mut under_way = JoinSet::new();
        let mut saved = self.switchboard.effects_saved.subscribe();
        while !stop.is_cancelled() {
            let free = SIDE_BY_SIDE.saturating_sub(u32::try_from(under_way.len()).unwrap_or(u32::MAX));
            if free > 0 {
                match self.lease(neighbour, free).await {
                    Ok(leased) => {
                        for leased in leased {
                            let outbox = Arc::clone(&self);
                            under_way.spawn(async move { outbox.deliver(leased).await });
                        }
                    }
                    Err(error) => tracing::warn!(error = %Chain(&error), "the outbox could not be read"),
                }
            }
            tokio::select! {
                () = stop.cancelled() => break,
                Some(ended) = under_way.join_next() => self.note_end(ended),
                Ok(()) = saved.changed(), if free > 0 => {}
                () = async { tokio::time::sleep(self.pause().await).await }, if free > 0 => {}
            }
        }
        while let Some(ended) = under_way.join_next().await {
            self.note_end(ended);
        }
    }

    /// What was delivered may have made room for more of its lane, here and at the other neighbour.
    fn note_end(&self, ended: Result<Result<(), StoreError>, JoinError>) {
        match ended {
            Ok(Ok(())) => self.switchboard.effects_saved.send_replace(()),
            Ok(Err(error)) => {
                tracing::warn!(error = %Chain(&error), "what came of an effect could not be written down");
            }
            // Not the panic's own words, which may quote what a caller said.
            Err(error) => tracing::error!(panicked = error.is_panic(), "a delivery broke off"),
        }
    }
}

fn settle(leased: &Leased, delivery: Delivery, now: DateTime<Utc>) -> Settled {
    match delivery {
        Delivery::Done => Settled::Done,
        Delivery::Later(at) => Settled::Again { at, why: String::new(), counts: false },
        Delivery::Postponed(at) => Settled::Again { at, why: String::new(), counts: true },
        Delivery::Hopeless { why } => Settled::Dead { why },
        Delivery::Failed { why, .. } if now - leased.created_at > GIVE_UP_AFTER => Settled::Dead { why },
        Delivery::Failed { why, after } => {
            let pause = after.unwrap_or_else(|| pause_after(leased.attempts, leased.id));
            Settled::Again { at: now + pause, why, counts: true }
        }
    }
}
