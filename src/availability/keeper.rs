//! Takes what is heard of Chatwoot to those whom it concerns: presence by agent, names and blocks by number, open
//! conversations, notes about phones.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};

use super::belief::Status;
use super::directory::Directory;
use super::feed::{AgentReport, AvailabilitySink, ContactReport, ContactSink};
use super::phone_desk::PhoneDesk;
use super::queue::QueueKeeper;
use crate::chatwoot::Agent as ChatwootAgent;
use crate::chatwoot::door::EventSink;
use crate::chatwoot::payload::ChatwootEvent;
use crate::ids::AgentId;
use crate::phone_number::PhoneNumber;
use crate::rules::{Agent, AvailabilitySource};
use crate::store::{KnownContact, Presence, PresenceChange, Store};
use crate::switchboard::Switchboard;
use crate::telemetry::Chain;

/// An agent who is missing in Chatwoot's lists for so long was removed: at least two lists, a minute apart.
const MISSING_FOR: TimeDelta = TimeDelta::seconds(45);

/// If all of them are missing, the list is more likely wrong than the team gone. Source of the bound of 10 min:
/// THREATS.md, "Ex-agent's handset".
const ALL_MISSING_FOR: TimeDelta = TimeDelta::minutes(5);

/// Ids of contacts read from the store at a time.
const KEPT_AT_A_TIME: u32 = 1_000;

/// The feed's sinks over the store.
pub struct Keeper {
    store: Arc<dyn Store>,
    switchboard: Arc<Switchboard>,
    directory: Arc<Directory>,
    queue: Arc<QueueKeeper>,
    phones: PhoneDesk,
    /// Since when agents are missing in Chatwoot's lists.
    missing_since: Mutex<HashMap<AgentId, DateTime<Utc>>>,
}

impl Keeper {
    /// Puts the parts together.
    #[must_use]
    pub fn new(
        store: Arc<dyn Store>,
        switchboard: Arc<Switchboard>,
        directory: Arc<Directory>,
        queue: Arc<QueueKeeper>,
        phones: PhoneDesk,
    ) -> Self {
        Self { store, switchboard, directory, queue, phones, missing_since: Mutex::default() }
    }

    /// Takes note of contacts; one without a number is forgotten, and with it whether it is blocked.
    async fn note_contacts(&self, contacts: Vec<ContactReport>) {
        let mut known = Vec::with_capacity(contacts.len());
        for contact in contacts {
            let phone = contact.phone.as_deref().and_then(|phone| phone.parse::<PhoneNumber>().ok());
            let Some(phone) = phone else {
                self.forget(contact.chatwoot_contact_id).await;
                continue;
            };
            let name = Some(contact.name).filter(|name| !name.trim().is_empty() && name != phone.as_e164());
            let (blocked, contact_id) = (contact.is_blocked, contact.chatwoot_contact_id);
            known.push(KnownContact { phone, name, blocked, contact_id });
        }
        if let Err(error) = self.store.note_contacts(&known).await {
            tracing::warn!(error = %Chain(&error), "contacts could not be kept");
        }
    }

    async fn keep_presence(&self, changes: Vec<PresenceChange>, withdrawn: Vec<AgentId>) {
        match self.store.note_presence(&changes).await {
            Ok(changed) => {
                if !changed.is_empty() {
                    self.switchboard.calls_stirred.notify_one();
                }
                for agent in withdrawn.into_iter().filter(|agent| changed.contains(agent)) {
                    if let Err(error) = self.switchboard.withdraw_agent(&agent).await {
                        tracing::warn!(agent.id = %agent, error = %Chain(&error), "the phone of an agent who went off could not be stopped");
                    }
                }
            }
            Err(error) => tracing::warn!(error = %Chain(&error), "presence could not be kept"),
        }
    }

    /// Who follows Chatwoot's status and is nobody there any more takes no calls. Said again at every reading, since what
    /// was said long ago is not believed.
    async fn note_missing(&self, agents: &[ChatwootAgent], at: DateTime<Utc>) {
        let Ok(Some((_, rules))) = self.switchboard.rulebook().load_current().await else { return };
        let follow: Vec<&Agent> =
            rules.agents.iter().filter(|agent| agent.availability == AvailabilitySource::Follow).collect();
        let missing: Vec<&Agent> =
            follow.iter().copied().filter(|agent| !agents.iter().any(|user| is_user_of(agent, user))).collect();
        let patience = if missing.len() == follow.len() { ALL_MISSING_FOR } else { MISSING_FOR };
        let gone: Vec<AgentId> = {
            let mut since = self.missing_since.lock().unwrap_or_else(PoisonError::into_inner);
            since.retain(|agent, _| missing.iter().any(|one| one.id == *agent));
            let is_gone = |agent: &&&Agent| at - *since.entry(agent.id.clone()).or_insert(at) >= patience;
            missing.iter().filter(is_gone).map(|agent| agent.id.clone()).collect()
        };
        if gone.is_empty() {
            return;
        }
        let names: Vec<&str> = gone.iter().map(AgentId::as_str).collect();
        tracing::warn!(
            agents = names.join(", "),
            "these agents are no confirmed users of Chatwoot; they take no calls"
        );
        let off = |agent: &AgentId| PresenceChange { agent: agent.clone(), presence: Presence::Offline, at };
        self.keep_presence(gone.iter().map(off).collect(), gone).await;
    }
}

/// Whether this user of Chatwoot is the agent.
fn is_user_of(agent: &Agent, user: &ChatwootAgent) -> bool {
    match (agent.chatwoot_user_id, &agent.email, &user.email) {
        (Some(id), _, _) => user.id == id,
        (None, Some(email), Some(theirs)) => theirs.eq_ignore_ascii_case(email),
        (None, _, _) => false,
    }
}

#[async_trait]
impl AvailabilitySink for Keeper {
    async fn report(&self, reports: Vec<AgentReport>) {
        let Ok(Some((_, rules))) = self.switchboard.rulebook().load_current().await else { return };
        let mut changes = Vec::new();
        let mut withdrawn = Vec::new();
        for report in &reports {
            let Some(agent) = self.directory.known_agent(&rules, report.chatwoot_user_id).await else { continue };
            if agent.availability != AvailabilitySource::Follow {
                continue;
            }
            let presence = match report.status {
                Status::Online => Presence::Online,
                Status::Busy => Presence::Busy,
                Status::Offline => Presence::Offline,
            };
            if presence == Presence::Online {
                self.switchboard.readmit_agent(&agent.id);
            }
            changes.push(PresenceChange { agent: agent.id.clone(), presence, at: report.at });
            // An explicit off stops a phone that rings; an absence only stops new offers. DESIGN.md section 3.
            if presence != Presence::Online && !report.is_absence {
                withdrawn.push(agent.id.clone());
            }
        }
        self.keep_presence(changes, withdrawn).await;
    }

    async fn agents(&self, agents: Vec<ChatwootAgent>, at: DateTime<Utc>) {
        // Our own user is always in it: an empty list is no list.
        if agents.is_empty() {
            tracing::warn!("Chatwoot's list of agents is empty; the last one holds");
            return;
        }
        self.directory.keep_users(&agents).await;
        self.note_missing(&agents, at).await;
    }
}

#[async_trait]
impl ContactSink for Keeper {
    async fn report(&self, contacts: Vec<ContactReport>) {
        self.note_contacts(contacts).await;
    }

    async fn forget(&self, contact: i64) {
        if let Err(error) = self.store.forget_contact(contact).await {
            tracing::warn!(error = %Chain(&error), "a contact could not be forgotten");
        }
    }

    async fn list_kept(&self, after: i64) -> Vec<i64> {
        self.store.list_contact_ids(after, KEPT_AT_A_TIME).await.unwrap_or_else(|error| {
            tracing::warn!(error = %Chain(&error), "the contacts that are kept could not be listed");
            Vec::new()
        })
    }
}

#[async_trait]
impl EventSink for Keeper {
    async fn event(&self, event: ChatwootEvent) {
        match event {
            ChatwootEvent::ContactCreated(contact)
            | ChatwootEvent::ContactUpdated(contact)
            | ChatwootEvent::ContactMerged(contact) => self.note_contacts(vec![ContactReport::from(&contact)]).await,
            ChatwootEvent::ContactDeleted(contact) => self.forget(contact.id).await,
            ChatwootEvent::ConversationCreated(conversation)
            | ChatwootEvent::ConversationUpdated(conversation)
            | ChatwootEvent::ConversationStatusChanged(conversation) => self.queue.note(&conversation).await,
            ChatwootEvent::MessageCreated(message) => self.phones.note(&message).await,
            ChatwootEvent::MessageUpdated(_) | ChatwootEvent::Other(_) => {}
        }
    }
}
