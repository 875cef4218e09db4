//! Takes what is heard of Chatwoot to those whom it concerns: presence by agent, names and blocks by number, open
//! conversations, notes about phones.

use std::sync::Arc;

use async_trait::async_trait;

use super::belief::Status;
use super::directory::Directory;
use super::feed::{AgentReport, AvailabilitySink, ContactReport, ContactSink};
use super::phone_desk::PhoneDesk;
use super::queue::QueueKeeper;
use crate::chatwoot::Agent as ChatwootAgent;
use crate::chatwoot::door::EventSink;
use crate::chatwoot::payload::{ChatwootEvent, ContactEvent};
use crate::phone_number::PhoneNumber;
use crate::rules::AvailabilitySource;
use crate::store::{KnownContact, Presence, PresenceChange, Store};
use crate::switchboard::Switchboard;

/// The feed's sinks over the store.
pub struct Keeper {
    store: Arc<dyn Store>,
    switchboard: Arc<Switchboard>,
    directory: Arc<Directory>,
    queue: Arc<QueueKeeper>,
    phones: PhoneDesk,
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
        Self { store, switchboard, directory, queue, phones }
    }

    /// Takes note of one contact.
    pub async fn note_contact(&self, contact: &ContactEvent) {
        let phone = contact.phone.as_deref().and_then(|phone| phone.parse::<PhoneNumber>().ok());
        let Some(phone) = phone else { return };
        let name = Some(contact.name.clone()).filter(|name| !name.trim().is_empty() && name != phone.as_e164());
        let known = KnownContact { phone, name, blocked: contact.is_blocked, contact_id: contact.id };
        if let Err(error) = self.store.note_contacts(&[known]).await {
            tracing::warn!(error = %error, "a contact could not be kept");
        }
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
        match self.store.note_presence(&changes).await {
            Ok(changed) => {
                if !changed.is_empty() {
                    self.switchboard.calls_stirred.notify_one();
                }
                for agent in withdrawn.into_iter().filter(|agent| changed.contains(agent)) {
                    if let Err(error) = self.switchboard.withdraw_agent(&agent).await {
                        tracing::warn!(agent.id = %agent, error = %error, "the phone of an agent who went off could not be stopped");
                    }
                }
            }
            Err(error) => tracing::warn!(error = %error, "presence could not be kept"),
        }
    }

    async fn agents(&self, agents: Vec<ChatwootAgent>) {
        self.directory.keep_users(&agents).await;
    }
}

#[async_trait]
impl ContactSink for Keeper {
    async fn report(&self, contacts: Vec<ContactReport>) {
        let known: Vec<KnownContact> = contacts
            .into_iter()
            .filter_map(|contact| {
                let phone: PhoneNumber = contact.phone?.parse().ok()?;
                let name = Some(contact.name).filter(|name| !name.trim().is_empty() && name != phone.as_e164());
                Some(KnownContact { phone, name, blocked: contact.is_blocked, contact_id: contact.chatwoot_contact_id })
            })
            .collect();
        if let Err(error) = self.store.note_contacts(&known).await {
            tracing::warn!(error = %error, "contacts could not be kept");
        }
    }
}

#[async_trait]
impl EventSink for Keeper {
    async fn event(&self, event: ChatwootEvent) {
        match event {
            ChatwootEvent::ContactCreated(contact) | ChatwootEvent::ContactUpdated(contact) => {
                self.note_contact(&contact).await;
            }
            ChatwootEvent::ConversationCreated(conversation)
            | ChatwootEvent::ConversationUpdated(conversation)
            | ChatwootEvent::ConversationStatusChanged(conversation) => self.queue.note(&conversation).await,
            ChatwootEvent::MessageCreated(message) => self.phones.note(&message).await,
            ChatwootEvent::MessageUpdated(_) | ChatwootEvent::Other(_) => {}
        }
    }
}
