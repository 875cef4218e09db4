//! Reads contacts: all of them at the start and every day, those who were active lately every minute.
//!
//! Events tell of changes at once, and may be lost; Chatwoot lists by activity only who wrote or was written to, so a
//! name or a block that was set while nobody listened is found by reading all. Deleted contacts are in no list: those that
//! are kept and were not seen are asked for one by one. Source: contracts/chatwoot.md 3.5, 3.6, 11.2.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use tokio::time::{Instant, Interval, sleep, sleep_until};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::feed::{ContactReport, ContactSink, every};
use crate::chatwoot::{ChatwootClient, ChatwootError};
use crate::clock::Clock;

/// After a failure without a word on when to ask again.
const AGAIN_AFTER: Duration = Duration::from_secs(30);

/// The rhythm of reading contacts.
#[derive(Debug, Clone, Copy)]
pub struct ContactSettings {
    /// How often those with recent activity are read.
    pub recent_every: Duration,
    /// Most pages of 15 read for that; if there are more, all are read.
    pub recent_pages_max: u32,
    /// How often all are read.
    pub all_every: Duration,
    /// Between two requests of that, so that it takes at most a fifth of Chatwoot's 3000 requests a minute.
    pub all_pace: Duration,
    /// Most pages of 15 read of all: 600,000 contacts, at the pace above in an hour and a quarter.
    pub all_pages_max: u32,
}

impl Default for ContactSettings {
    fn default() -> Self {
        Self {
            recent_every: Duration::from_secs(60),
            recent_pages_max: 20,
            all_every: Duration::from_secs(24 * 3_600),
            all_pace: Duration::from_millis(100),
            all_pages_max: 40_000,
        }
    }
}

/// Reads contacts and tells the sink.
pub(super) struct ContactSync<'c> {
    client: &'c ChatwootClient,
    clock: Arc<dyn Clock>,
    settings: ContactSettings,
    sink: Arc<dyn ContactSink>,
    recent: Interval,
    /// Up to when recent activity was read.
    recent_until: DateTime<Utc>,
    /// Whether the last request failed; a failure is logged once.
    is_refused: bool,
}

impl<'c> ContactSync<'c> {
    pub(super) fn new(
        client: &'c ChatwootClient,
        clock: Arc<dyn Clock>,
        settings: ContactSettings,
        sink: Arc<dyn ContactSink>,
    ) -> Self {
        let recent_until = clock.now();
        Self { client, clock, settings, sink, recent: every(settings.recent_every), recent_until, is_refused: false }
    }

    /// Reads until `stop`.
    pub(super) async fn run(mut self, stop: CancellationToken) {
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = self.read_all() => {}
            }
            let all_at = Instant::now() + self.settings.all_every;
            loop {
                tokio::select! {
                    () = stop.cancelled() => return,
                    () = sleep_until(all_at) => break,
                    _ = self.recent.tick() => {}
                }
                let is_whole = tokio::select! {
                    () = stop.cancelled() => return,
                    is_whole = self.read_recent() => is_whole,
                };
                if !is_whole {
                    break;
                }
            }
        }
    }

    /// Reads every page, and asks for those that are kept and were on none. What fails is asked again until it succeeds.
    pub(super) async fn read_all(&mut self) {
        let mut seen = HashSet::new();
        let mut page = 1;
        let is_whole = loop {
            let Some(listed) = self.ask(self.client.list_contacts(page).await).await else { continue };
            seen.extend(listed.contacts.iter().map(|contact| contact.id));
            self.tell(listed.contacts.iter().map(ContactReport::from).collect()).await;
            if !listed.has_more {
                break true;
            }
            if page == self.settings.all_pages_max {
                break false;
            }
            page += 1;
            self.pause().await;
        };
        info!(contacts = seen.len(), "the contacts of Chatwoot were read");
        if !is_whole {
            warn!(
                pages = page,
                "there are more contacts in Chatwoot than are read; the rest is known once it is active"
            );
            return;
        }
        let mut after = 0;
        loop {
            let kept = self.sink.list_kept(after).await;
            let Some(last) = kept.last() else { return };
            after = *last;
            for id in kept.into_iter().filter(|id| !seen.contains(id)) {
                self.look_at(id).await;
                self.pause().await;
            }
        }
    }

    /// Asks for one contact; gone is gone.
    async fn look_at(&mut self, id: i64) {
        loop {
            match self.client.load_contact(id).await {
                Err(ChatwootError::NotFound { .. }) => return self.sink.forget(id).await,
                answer => {
                    if let Some(contact) = self.ask(answer).await {
                        return self.tell(vec![ContactReport::from(&contact)]).await;
                    }
                }
            }
        }
    }

    /// Reads who was active lately; whether that is all.
    async fn read_recent(&mut self) -> bool {
        let now = self.clock.now();
        // Twice the rhythm, so that nothing falls between two readings.
        let overlap = TimeDelta::from_std(self.settings.recent_every).unwrap_or(TimeDelta::minutes(1));
        let since = (self.recent_until - overlap).timestamp();
        let answer = self.client.list_contacts_updated(since, self.settings.recent_pages_max).await;
        let Some(listed) = self.ask(answer).await else { return true };
        self.recent_until = now;
        self.tell(listed.contacts.iter().map(ContactReport::from).collect()).await;
        !listed.has_more
    }

    async fn tell(&self, reports: Vec<ContactReport>) {
        if !reports.is_empty() {
            self.sink.report(reports).await;
        }
    }

    /// Between two requests of many; those who were active lately do not wait for the others.
    async fn pause(&mut self) {
        let end = Instant::now() + self.settings.all_pace;
        loop {
            tokio::select! {
                () = sleep_until(end) => return,
                _ = self.recent.tick() => {}
            }
            self.read_recent().await;
        }
    }

    /// The answer; after a failure none, once the time to ask again has come.
    async fn ask<T>(&mut self, answer: Result<T, ChatwootError>) -> Option<T> {
        let was_refused = std::mem::replace(&mut self.is_refused, answer.is_err());
        match answer {
            Ok(answer) => Some(answer),
            Err(error) => {
                if !was_refused {
                    warn!(%error, "Chatwoot does not list its contacts; the last known names and blocks hold");
                }
                sleep(error.retry_after().unwrap_or(AGAIN_AFTER)).await;
                None
            }
        }
    }
}
