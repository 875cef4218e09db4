//! How much each agent has to do: the open conversations in the brands' inboxes.
//!
//! Chatwoot tells of each change by webhook and websocket, and may lose what it tells; so every inbox is also read as a
//! whole every few minutes. What is between two pages may move from one to the other while they are read: a reading is
//! whole when it holds as many conversations as Chatwoot counts at its beginning and at its end.
//! Source: DESIGN.md section 3, "Order"; contracts/chatwoot.md 4.2, 6.5, 11.2.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use tokio_util::sync::CancellationToken;

use super::directory::Directory;
use crate::chatwoot::payload::ConversationEvent;
use crate::chatwoot::{ChatwootClient, ChatwootError, Conversation, ConversationStatus};
use crate::clock::Clock;
use crate::ids::AgentId;
use crate::rules::{Brand, Rules};
use crate::store::{ConversationWord, Store, StoreError};
use crate::switchboard::Switchboard;
use crate::telemetry::Chain;

/// Inboxes are read so often. Of several replicas one does it: an inbox that was read a moment ago is left alone.
const READ_EVERY: Duration = Duration::from_secs(180);

/// Between two pages, so that all readings together take at most a fifth of Chatwoot's 3000 requests a minute.
const PAGE_PACE: Duration = Duration::from_millis(100);

/// Pages of one inbox at most: 10,000 open conversations. Source of 25 a page: contract 11.2.
const PAGES_MAX: u32 = 400;

/// A reading that was disturbed is taken again so often in a row.
const READINGS_MAX: u32 = 3;

/// Why an inbox was not read.
#[derive(Debug, thiserror::Error)]
pub enum QueueError {
    /// Chatwoot did not answer as it should.
    #[error(transparent)]
    Chatwoot(#[from] ChatwootError),
    /// What was read could not be kept.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// There is nothing to read.
    #[error("Chatwoot has no inbox named {0:?}")]
    NoInbox(String),
    /// It kept changing, or holds more than is read.
    #[error("the inbox could not be read as a whole")]
    Disturbed,
}

/// Keeps what agents have open.
pub struct QueueKeeper {
    store: Arc<dyn Store>,
    switchboard: Arc<Switchboard>,
    clock: Arc<dyn Clock>,
    chatwoot: ChatwootClient,
    directory: Arc<Directory>,
}

impl QueueKeeper {
    /// Puts the parts together.
    #[must_use]
    pub fn new(
        store: Arc<dyn Store>,
        switchboard: Arc<Switchboard>,
        clock: Arc<dyn Clock>,
        chatwoot: ChatwootClient,
        directory: Arc<Directory>,
    ) -> Self {
        Self { store, switchboard, clock, chatwoot, directory }
    }

    /// Takes note of what an event says of a conversation, if it is in a brand's inbox. What cannot be kept is learnt by
    /// the next reading.
    pub async fn note(&self, event: &ConversationEvent) {
        let Some(updated_at) = event.updated_at else { return };
        let Ok(Some((_, rules))) = self.switchboard.rulebook().load_current().await else { return };
        let now = self.clock.now();
        let found = async {
            let Some(brand) = self.directory.find_brand(&rules, event.inbox_id, now).await? else { return Ok(None) };
            let agent = match event.assignee_id {
                Some(user) => self.directory.find_agent(&rules, user, now).await?.map(|agent| agent.id.clone()),
                None => None,
            };
            Ok::<_, ChatwootError>(Some((brand.id.clone(), agent)))
        };
        let (brand, agent) = match found.await {
            Ok(Some(found)) => found,
            Ok(None) => return,
            Err(error) => {
                tracing::warn!(error = %Chain(&error), "whose a conversation is could not be found out");
                return;
            }
        };
        let open = event.status == ConversationStatus::Open;
        let word = ConversationWord { number: event.id, brand, agent, open, updated_at, heard_at: now };
        if let Err(error) = self.store.note_conversations(&[word]).await {
            tracing::warn!(error = %Chain(&error), "a conversation could not be kept");
        }
    }

    /// Reads inboxes until `stop`: all of them at the start, then those that nobody read lately.
    pub async fn run(self: Arc<Self>, stop: CancellationToken) {
        let mut fresh = None;
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = self.read_inboxes(fresh, PAGE_PACE) => {}
            }
            fresh = TimeDelta::from_std(READ_EVERY / 2).ok();
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(READ_EVERY) => {}
            }
        }
    }

    /// Reads the inbox of every brand that was not read within `fresh`, with `pace` between two pages.
    pub async fn read_inboxes(&self, fresh: Option<TimeDelta>, pace: Duration) {
        let Ok(Some((_, rules))) = self.switchboard.rulebook().load_current().await else { return };
        for brand in &rules.brands {
            let read_at = self.store.find_reconciled(&brand.id).await.ok().flatten();
            let is_fresh = |fresh| read_at.is_some_and(|read_at| self.clock.now() - read_at < fresh);
            if fresh.is_some_and(is_fresh) {
                continue;
            }
            if let Err(error) = self.read_inbox(&rules, brand, pace).await {
                tracing::warn!(brand.id = %brand.id, error = %Chain(&error), "the open conversations of a brand could not be read; the last known figures hold");
            }
        }
    }

    async fn read_inbox(&self, rules: &Rules, brand: &Brand, pace: Duration) -> Result<(), QueueError> {
        let inbox = self.directory.find_inbox(brand, self.clock.now()).await?;
        let inbox = inbox.ok_or_else(|| QueueError::NoInbox(brand.inbox.clone()))?;
        for _ in 0..READINGS_MAX {
            let began_at = self.clock.now();
            let (found, is_whole) = self.read_pages(inbox, pace).await?;
            let words = self.words(rules, brand, found).await?;
            if is_whole {
                return Ok(self.store.reconcile_conversations(&brand.id, &words, began_at).await?);
            }
            // What was seen is true all the same.
            self.store.note_conversations(&words).await?;
        }
        Err(QueueError::Disturbed)
    }

    /// Every page, and whether they are all there is.
    async fn read_pages(
        &self,
        inbox: i64,
        pace: Duration,
    ) -> Result<(Vec<(Conversation, DateTime<Utc>)>, bool), QueueError> {
        let mut found: BTreeMap<i64, (Conversation, DateTime<Utc>)> = BTreeMap::new();
        let mut counted = None;
        for page in 1..=PAGES_MAX {
            if page > 1 && !pace.is_zero() {
                tokio::time::sleep(pace).await;
            }
            let listed = self.chatwoot.list_open_conversations(inbox, page).await?;
            let heard_at = self.clock.now();
            let is_empty = listed.conversations.is_empty();
            let is_steady = *counted.get_or_insert(listed.all_count) == listed.all_count;
            found.extend(listed.conversations.into_iter().map(|one| (one.id, (one, heard_at))));
            let is_all = u64::try_from(found.len()).is_ok_and(|found| found >= listed.all_count);
            if is_empty || is_all || !is_steady {
                return Ok((found.into_values().collect(), is_all && is_steady));
            }
        }
        Ok((found.into_values().collect(), false))
    }

    async fn words(
        &self,
        rules: &Rules,
        brand: &Brand,
        found: Vec<(Conversation, DateTime<Utc>)>,
    ) -> Result<Vec<ConversationWord>, QueueError> {
        let mut agents: HashMap<i64, Option<AgentId>> = HashMap::new();
        let mut words = Vec::with_capacity(found.len());
        for (one, heard_at) in found {
            let agent = match one.assignee_id {
                None => None,
                Some(user) => match agents.get(&user) {
                    Some(known) => known.clone(),
                    None => {
                        let agent = self.directory.find_agent(rules, user, heard_at).await?;
                        agents.entry(user).or_insert(agent.map(|agent| agent.id.clone())).clone()
                    }
                },
            };
            let updated_at = one.updated_at.or_else(|| DateTime::from_timestamp(one.last_activity_at, 0));
            words.push(ConversationWord {
                number: one.id,
                brand: brand.id.clone(),
                agent,
                open: one.status == ConversationStatus::Open,
                updated_at: updated_at.unwrap_or(DateTime::UNIX_EPOCH),
                heard_at,
            });
        }
        Ok(words)
    }
}

#[cfg(test)]
#[path = "queue_tests.rs"]
mod tests;
