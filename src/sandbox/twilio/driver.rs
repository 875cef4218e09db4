//! Turns the stand-in's time and carries its webhooks.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::future::join_all;

use super::engine::{Engine, Instant};
use super::switches::Webhooks;
use super::wire::{Exchange, NoReply, Outcome, send};
use crate::clock::{Clock, ManualClock, SystemClock};

/// Most webhooks one instant may cause before the driver gives up: a document that leads to itself without time passing.
const EXCHANGES_AN_INSTANT_MAX: usize = 10_000;

#[derive(Clone)]
pub(super) struct Driver {
    pub(super) engine: Arc<Mutex<Engine>>,
    pub(super) client: reqwest::Client,
    /// Turned along with the stand-in when time is manual.
    pub(super) manual: Option<ManualClock>,
    /// One turner at a time.
    pub(super) turning: Arc<tokio::sync::Mutex<()>>,
}

impl Driver {
    pub(super) fn lock(&self) -> MutexGuard<'_, Engine> {
        self.engine.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The engine, at the present instant.
    pub(super) fn at_work(&self) -> MutexGuard<'_, Engine> {
        let mut engine = self.lock();
        if self.manual.is_none() {
            engine.now = SystemClock.now().max(engine.now);
        }
        engine
    }

    async fn carry(&self, exchange: &Exchange) -> (u32, Outcome) {
        let (token, reachable) = {
            let engine = self.lock();
            (engine.auth_token.clone(), engine.switches.webhooks == Webhooks::Ok)
        };
        if reachable {
            send(&self.client, &token, exchange).await
        } else {
            (0, Err(NoReply { code: 11205, message: "no connection could be made".to_owned() }))
        }
    }

    fn bring_back(&self, exchange: &Exchange, attempts: u32, outcome: Outcome) {
        let mut engine = self.at_work();
        let result = outcome.as_ref().map(|reply| reply.status).map_err(|failure| failure.code);
        engine.keep_sent(exchange, attempts, result);
        if let Err(failure) = &outcome
            && failure.code == 11100
        {
            let message = format!("{}: {}", exchange.target.url, failure.message);
            engine.violate(11100, message);
        }
        engine.apply(exchange, outcome);
    }

    /// Performs every exchange due now, one after the other, and what comes of them.
    pub(super) async fn settle(&self) {
        let _turn = self.turning.lock().await;
        self.settle_locked().await;
    }

    async fn settle_locked(&self) {
        for _ in 0..EXCHANGES_AN_INSTANT_MAX {
            let next = {
                let mut engine = self.lock();
                let now = engine.now;
                loop {
                    let next = engine.outbox.pop_front();
                    if next.is_some() || !engine.fire_one(now) {
                        break next;
                    }
                }
            };
            let Some(exchange) = next else { return };
            let (attempts, outcome) = self.carry(&exchange).await;
            self.bring_back(&exchange, attempts, outcome);
        }
        self.lock().violate(11215, "documents lead to each other without time passing");
    }

    /// Performs everything due now at once; the replies are applied as they come.
    pub(super) async fn settle_together(&self) {
        let _turn = self.turning.lock().await;
        let due: Vec<Exchange> = self.lock().outbox.drain(..).collect();
        join_all(due.into_iter().map(|exchange| async move {
            let (attempts, outcome) = self.carry(&exchange).await;
            self.bring_back(&exchange, attempts, outcome);
        }))
        .await;
        self.settle_locked().await;
    }

    /// Turns a manual clock up to `instant`, through everything that happens on the way.
    pub(super) async fn advance_to(&self, instant: Instant) {
        let _turn = self.turning.lock().await;
        loop {
            self.settle_locked().await;
            let next = self.lock().next_at().filter(|at| *at <= instant);
            let at = next.unwrap_or(instant);
            {
                let mut engine = self.lock();
                engine.now = engine.now.max(at);
                if let Some(clock) = &self.manual {
                    clock.set(engine.now);
                }
                if next.is_some() {
                    engine.fire_one(at);
                }
            }
            if next.is_none() {
                return;
            }
        }
    }

    /// Runs on the machine's own time until it is stopped.
    pub(super) async fn run(self, stop: tokio_util::sync::CancellationToken) {
        let mut changes = self.lock().version.subscribe();
        loop {
            changes.borrow_and_update();
            let (due, next): (Vec<Exchange>, Option<Instant>) = {
                let mut engine = self.at_work();
                let now = engine.now;
                while engine.fire_one(now) {}
                (engine.outbox.drain(..).collect(), engine.next_at())
            };
            for exchange in due {
                let driver = self.clone();
                // One task a webhook, as Twilio sends them: a slow one delays no other. It ends with its deadline.
                tokio::spawn(async move {
                    let (attempts, outcome) = driver.carry(&exchange).await;
                    driver.bring_back(&exchange, attempts, outcome);
                });
            }
            let now = SystemClock.now();
            let wait = next.and_then(|at| (at - now).to_std().ok()).unwrap_or(if next.is_some() {
                Duration::ZERO
            } else {
                Duration::from_secs(3600)
            });
            tokio::select! {
                () = stop.cancelled() => return,
                changed = changes.changed() => if changed.is_err() { return },
                () = tokio::time::sleep(wait) => {}
            }
        }
    }
}
