//! Agents, contacts, recordings and turns in memory.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chrono::{DateTime, TimeDelta, Utc};

use super::agents::MINUTE;
use super::model::ModelStore;
use super::{
    AgentFacts, AgentMark, Carried, Conflict, InboxLink, KnownContact, LoadedFacts, PacingSlot, Presence,
    PresenceChange, StoreError, StoredRecording,
};
use crate::ids::{AgentId, BrandId, CallId, CarrierRef};
use crate::phone_number::PhoneNumber;
use crate::shortlist::is_paused;

#[derive(Debug, Default)]
pub(super) struct FactTables {
    agents: HashMap<AgentId, AgentFacts>,
    pub(super) contacts: HashMap<PhoneNumber, KnownContact>,
    pub(super) made_contacts: HashMap<i64, DateTime<Utc>>,
    links: HashMap<CallId, InboxLink>,
    recordings: HashMap<CarrierRef, StoredRecording>,
    deliveries: HashMap<String, DateTime<Utc>>,
    next_slot_at: Option<DateTime<Utc>>,
    carried: Option<Carried>,
    served: HashMap<PhoneNumber, DateTime<Utc>>,
    leases: HashMap<String, (String, DateTime<Utc>)>,
}

impl FactTables {
    pub(super) fn agent(&mut self, agent: &AgentId) -> &mut AgentFacts {
        self.agents.entry(agent.clone()).or_insert_with(|| AgentFacts::unknown(agent.clone()))
    }

    pub(super) fn mark(&mut self, mark: &AgentMark, at: DateTime<Utc>) {
        mark.change(self.agent(mark.agent()), at);
    }

    /// Those whom a pause relies on must not have been put aside meanwhile.
    pub(super) fn check_pauses(&self, marks: &[AgentMark], at: DateTime<Utc>) -> Result<(), StoreError> {
        let is_aside = |agent: &AgentId| self.agents.get(agent).is_some_and(|facts| is_paused(facts, at));
        let is_refused = |mark: &AgentMark| match mark {
            AgentMark::Paused { stay, .. } => stay.iter().any(is_aside),
            _ => false,
        };
        if marks.iter().any(is_refused) { Err(StoreError::Conflict(Conflict::AgentNeeded)) } else { Ok(()) }
    }
}

impl ModelStore {
    /// As [`Store::load_facts`](super::Store::load_facts).
    ///
    /// # Errors
    /// Injected faults.
    pub fn load_facts_sync(
        &self,
        brand: &BrandId,
        agents: &[AgentId],
        now: DateTime<Utc>,
    ) -> Result<LoadedFacts, StoreError> {
        let tables = self.tables()?;
        let read = |agent: &AgentId| {
            let known = tables.facts.agents.get(agent).cloned();
            let live_leg = tables.calls.live_leg(agent);
            let open_conversations = tables.conversations.count(brand, agent);
            let open_conversations_at = tables.conversations.read_at(brand);
            let known = known.unwrap_or_else(|| AgentFacts::unknown(agent.clone()));
            AgentFacts { live_leg, open_conversations, open_conversations_at, ..known }
        };
        let agents: Vec<AgentFacts> = agents.iter().map(read).collect();
        let waiting = if LoadedFacts::has_phones_to_share(&agents) { tables.calls.sharing() } else { Vec::new() };
        Ok(LoadedFacts {
            agents,
            legs_live: u32::try_from(tables.calls.count_live()).unwrap_or(u32::MAX),
            legs_last_minute: u32::try_from(tables.calls.count_offered_after(now - MINUTE)).unwrap_or(u32::MAX),
            rings_pending: tables.outbox.rings(),
            carried: tables.facts.carried,
            waiting,
        })
    }

    /// As [`Store::note_presence`](super::Store::note_presence).
    ///
    /// # Errors
    /// Injected faults.
    pub fn note_presence_sync(&self, changes: &[PresenceChange]) -> Result<Vec<AgentId>, StoreError> {
        let mut tables = self.tables()?;
        let mut before: BTreeMap<AgentId, Presence> = BTreeMap::new();
        for change in changes {
            let facts = tables.facts.agent(&change.agent);
            before.entry(change.agent.clone()).or_insert(facts.presence);
            if facts.presence_at.is_none_or(|at| at <= change.at) {
                facts.presence = change.presence;
                facts.presence_at = Some(change.at);
            }
        }
        let mut is_changed = |agent: &AgentId, was: Presence| tables.facts.agent(agent).presence != was;
        let changed: BTreeSet<AgentId> =
            before.into_iter().filter(|(agent, was)| is_changed(agent, *was)).map(|(agent, _)| agent).collect();
        Ok(changed.into_iter().collect())
    }

    /// As [`Store::switch_phone`](super::Store::switch_phone).
    ///
    /// # Errors
    /// Injected faults.
    pub fn switch_phone_sync(&self, agent: &AgentId, off_until: Option<DateTime<Utc>>) -> Result<(), StoreError> {
        self.tables()?.facts.agent(agent).switched_off_until = off_until;
        Ok(())
    }

    /// As [`Store::find_contact`](super::Store::find_contact).
    ///
    /// # Errors
    /// Injected faults.
    pub fn find_contact_sync(&self, phone: &PhoneNumber) -> Result<Option<KnownContact>, StoreError> {
        Ok(self.tables()?.facts.contacts.get(phone).cloned())
    }

    /// As [`Store::note_contacts`](super::Store::note_contacts).
    ///
    /// # Errors
    /// Injected faults.
    pub fn note_contacts_sync(&self, contacts: &[KnownContact]) -> Result<(), StoreError> {
        let mut tables = self.tables()?;
        for contact in contacts {
            tables.facts.contacts.retain(|_, kept| kept.contact_id != contact.contact_id);
            tables.facts.contacts.insert(contact.phone.clone(), contact.clone());
        }
        Ok(())
    }

    /// As [`Store::take_pacing_slot`](super::Store::take_pacing_slot).
    ///
    /// # Errors
    /// Injected faults.
    pub fn take_pacing_slot_sync(&self, now: DateTime<Utc>, interval: TimeDelta) -> Result<PacingSlot, StoreError> {
        let mut tables = self.tables()?;
        match tables.facts.next_slot_at {
            Some(next) if next > now => Ok(PacingSlot::NotBefore(next)),
            _ => {
                tables.facts.next_slot_at = Some(now + interval);
                Ok(PacingSlot::Taken)
            }
        }
    }

    /// As [`Store::note_carried`](super::Store::note_carried).
    ///
    /// # Errors
    /// Injected faults.
    pub fn note_carried_sync(&self, carried: Carried) -> Result<(), StoreError> {
        self.tables()?.facts.carried = Some(carried);
        Ok(())
    }

    /// As [`Store::note_served`](super::Store::note_served).
    ///
    /// # Errors
    /// Injected faults.
    pub fn note_served_sync(&self, number: &PhoneNumber, now: DateTime<Utc>) -> Result<DateTime<Utc>, StoreError> {
        Ok(*self.tables()?.facts.served.entry(number.clone()).or_insert(now))
    }

    /// As [`Store::take_lease`](super::Store::take_lease).
    ///
    /// # Errors
    /// Injected faults.
    pub fn take_lease_sync(
        &self,
        name: &str,
        holder: &str,
        now: DateTime<Utc>,
        span: TimeDelta,
    ) -> Result<bool, StoreError> {
        let mut tables = self.tables()?;
        if tables.facts.leases.get(name).is_some_and(|(other, until)| other != holder && *until > now) {
            return Ok(false);
        }
        tables.facts.leases.insert(name.to_owned(), (holder.to_owned(), now + span));
        Ok(true)
    }

    /// As [`Store::find_inbox_link`](super::Store::find_inbox_link).
    ///
    /// # Errors
    /// Injected faults.
    pub fn find_inbox_link_sync(&self, call: CallId) -> Result<Option<InboxLink>, StoreError> {
        Ok(self.tables()?.facts.links.get(&call).copied())
    }

    /// As [`Store::save_inbox_link`](super::Store::save_inbox_link).
    ///
    /// # Errors
    /// Injected faults.
    pub fn save_inbox_link_sync(&self, call: CallId, link: InboxLink) -> Result<(), StoreError> {
        self.tables()?.facts.links.insert(call, link);
        Ok(())
    }

    /// As [`Store::save_recording`](super::Store::save_recording).
    ///
    /// # Errors
    /// Injected faults.
    pub fn save_recording_sync(&self, recording: StoredRecording, _now: DateTime<Utc>) -> Result<(), StoreError> {
        self.tables()?.facts.recordings.entry(recording.recording.clone()).or_insert(recording);
        Ok(())
    }

    /// As [`Store::find_recording`](super::Store::find_recording).
    ///
    /// # Errors
    /// Injected faults.
    pub fn find_recording_sync(&self, recording: &CarrierRef) -> Result<Option<StoredRecording>, StoreError> {
        Ok(self.tables()?.facts.recordings.get(recording).cloned())
    }

    /// As [`Store::note_delivery`](super::Store::note_delivery).
    ///
    /// # Errors
    /// Injected faults.
    pub fn note_delivery_sync(&self, delivery: &str, now: DateTime<Utc>) -> Result<bool, StoreError> {
        let mut tables = self.tables()?;
        let is_new = !tables.facts.deliveries.contains_key(delivery);
        if is_new {
            tables.facts.deliveries.insert(delivery.to_owned(), now);
        }
        Ok(is_new)
    }

    /// As [`Store::forget_before`](super::Store::forget_before).
    ///
    /// # Errors
    /// Injected faults.
    pub fn forget_before_sync(&self, before: DateTime<Utc>) -> Result<u64, StoreError> {
        let mut tables = self.tables()?;
        let held = tables.calls.answers.len() + tables.facts.deliveries.len();
        tables.calls.answers.retain(|_, (_, at)| *at >= before);
        tables.facts.deliveries.retain(|_, at| *at >= before);
        let left = tables.calls.answers.len() + tables.facts.deliveries.len();
        let forgotten = held - left + tables.codes.forget_before(before);
        Ok(u64::try_from(forgotten).unwrap_or(u64::MAX))
    }
}
