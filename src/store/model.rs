//! The store as plain maps in memory: what the other two have to agree with, and what the simulation runs on.
//!
//! Every question also has a plain method that ends in `_sync`, so that a simulation in one thread needs no runtime.

use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};

use super::model_calls::CallTables;
use super::model_facts::FactTables;
use super::model_inbox::{ConversationTable, PhoneWordTable, TaskTable};
use super::model_outbox::OutboxTable;
use super::model_publishing::PublishingTables;
use super::model_switches::{CodeTables, SwitchTable};
use super::{
    Arrival, ArrivalQuestion, Carried, DeadLetter, Figures, HistoryEntry, InboxLink, KnownContact, Leased, LoadedFacts,
    NewEffect, PacingSlot, PresenceChange, Save, Settled, Store, StoreError, StoredRecording,
};
use crate::call::effect::Neighbour;
use crate::call::state::Call;
use crate::ids::{AgentId, BrandId, CallId, CarrierRef, LegId};
use crate::phone_number::PhoneNumber;

/// A store in memory. Nothing is serialised; a call comes back as it was saved, with the next version.
#[derive(Debug, Default)]
pub struct ModelStore {
    tables: Mutex<Tables>,
}

#[derive(Debug, Default)]
pub(super) struct Tables {
    pub(super) calls: CallTables,
    pub(super) facts: FactTables,
    pub(super) outbox: OutboxTable,
    pub(super) switches: SwitchTable,
    pub(super) codes: CodeTables,
    pub(super) publishing: PublishingTables,
    pub(super) conversations: ConversationTable,
    pub(super) tasks: TaskTable,
    pub(super) phone_words: PhoneWordTable,
    faults: Faults,
}

#[derive(Debug, Default)]
struct Faults {
    fail_next: u32,
    is_unavailable: bool,
}

impl ModelStore {
    /// An empty store.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Makes the next `n` questions fail; nothing of them happens.
    pub fn fail_next(&self, n: u32) {
        self.lock().faults.fail_next = n;
    }

    /// Makes every question fail until it is called with `false`.
    pub fn set_unavailable(&self, is_unavailable: bool) {
        self.lock().faults.is_unavailable = is_unavailable;
    }

    /// The tables, or the fault that was asked for.
    pub(super) fn tables(&self) -> Result<MutexGuard<'_, Tables>, StoreError> {
        let mut tables = self.lock();
        if tables.faults.fail_next > 0 {
            tables.faults.fail_next -= 1;
            return Err(injected());
        }
        if tables.faults.is_unavailable {
            return Err(injected());
        }
        Ok(tables)
    }

    fn lock(&self) -> MutexGuard<'_, Tables> {
        self.tables.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// As [`Store::ping`].
    ///
    /// # Errors
    /// An injected fault.
    pub fn ping_sync(&self) -> Result<(), StoreError> {
        self.tables().map(drop)
    }
}

fn injected() -> StoreError {
    StoreError::Unavailable { attempt: "answer", may_have_happened: false, cause: "a fault was injected".into() }
}

#[async_trait]
impl Store for ModelStore {
    async fn ping(&self) -> Result<(), StoreError> {
        self.ping_sync()
    }
    async fn save(&self, save: Save) -> Result<(), StoreError> {
        self.save_sync(save)
    }
    async fn find_call(&self, id: CallId) -> Result<Option<Call>, StoreError> {
        self.find_call_sync(id)
    }
    async fn find_call_by_caller_ref(&self, caller: &CarrierRef) -> Result<Option<Call>, StoreError> {
        self.find_call_by_caller_ref_sync(caller)
    }
    async fn load_history(&self, id: CallId) -> Result<Vec<HistoryEntry>, StoreError> {
        self.load_history_sync(id)
    }
    async fn find_call_offered_to(
        &self,
        agent: &AgentId,
        brand: &BrandId,
        since: DateTime<Utc>,
    ) -> Result<Option<CallId>, StoreError> {
        self.find_call_offered_to_sync(agent, brand, since)
    }

    async fn find_live_leg(&self, carrier_ref: &CarrierRef) -> Result<Option<LegId>, StoreError> {
        self.find_live_leg_sync(carrier_ref)
    }

    async fn find_shortlist_facts(&self, id: CallId, version: u32) -> Result<Option<Vec<u8>>, StoreError> {
        self.find_shortlist_facts_sync(id, version)
    }

    async fn find_calls_to_wake(&self, now: DateTime<Utc>, limit: u32) -> Result<Vec<CallId>, StoreError> {
        self.find_calls_to_wake_sync(now, limit)
    }
    async fn find_next_wake(&self) -> Result<Option<DateTime<Utc>>, StoreError> {
        self.find_next_wake_sync()
    }
    async fn find_waiting_calls(&self, limit: u32) -> Result<Vec<CallId>, StoreError> {
        self.find_waiting_calls_sync(limit)
    }
    async fn find_calls_ringing(&self, agent: &AgentId) -> Result<Vec<CallId>, StoreError> {
        self.find_calls_ringing_sync(agent)
    }
    async fn list_calls(&self, before: Option<DateTime<Utc>>, limit: u32) -> Result<Vec<Call>, StoreError> {
        self.list_calls_sync(before, limit)
    }
    async fn find_answer(&self, key: &str) -> Result<Option<String>, StoreError> {
        self.find_answer_sync(key)
    }
    async fn load_arrival(&self, question: &ArrivalQuestion) -> Result<Arrival, StoreError> {
        self.load_arrival_sync(question)
    }
    async fn forget_before(&self, before: DateTime<Utc>) -> Result<u64, StoreError> {
        self.forget_before_sync(before)
    }
    async fn load_facts(
        &self,
        brand: &BrandId,
        agents: &[AgentId],
        now: DateTime<Utc>,
    ) -> Result<LoadedFacts, StoreError> {
        self.load_facts_sync(brand, agents, now)
    }
    async fn note_presence(&self, changes: &[PresenceChange]) -> Result<Vec<AgentId>, StoreError> {
        self.note_presence_sync(changes)
    }
    async fn switch_phone(&self, agent: &AgentId, off_until: Option<DateTime<Utc>>) -> Result<(), StoreError> {
        self.switch_phone_sync(agent, off_until)
    }
    async fn find_contact(&self, phone: &PhoneNumber) -> Result<Option<KnownContact>, StoreError> {
        self.find_contact_sync(phone)
    }
    async fn note_contacts(&self, contacts: &[KnownContact]) -> Result<(), StoreError> {
        self.note_contacts_sync(contacts)
    }
    async fn forget_contact(&self, contact_id: i64) -> Result<(), StoreError> {
        self.tables()?.facts.contacts.retain(|_, kept| kept.contact_id != contact_id);
        Ok(())
    }
    async fn list_contact_ids(&self, after: i64, limit: u32) -> Result<Vec<i64>, StoreError> {
        let tables = self.tables()?;
        let ids: std::collections::BTreeSet<i64> =
            tables.facts.contacts.values().map(|kept| kept.contact_id).filter(|id| *id > after).collect();
        Ok(ids.into_iter().take(usize::try_from(limit).unwrap_or(usize::MAX)).collect())
    }
    async fn note_made_contact(&self, contact_id: i64, at: DateTime<Utc>) -> Result<(), StoreError> {
        self.tables()?.facts.made_contacts.entry(contact_id).or_insert(at);
        Ok(())
    }
    async fn add_effect(&self, call: CallId, effect: NewEffect, at: DateTime<Utc>) -> Result<(), StoreError> {
        self.add_effect_sync(call, effect, at)
    }
    async fn lease_effects(
        &self,
        neighbour: Neighbour,
        now: DateTime<Utc>,
        lease: TimeDelta,
        limit: u32,
    ) -> Result<Vec<Leased>, StoreError> {
        self.lease_effects_sync(neighbour, now, lease, limit)
    }
    async fn settle_effect(&self, id: i64, lease: i64, settled: Settled, now: DateTime<Utc>) -> Result<(), StoreError> {
        self.settle_effect_sync(id, lease, settled, now)
    }
    async fn renew_effect(&self, id: i64, lease: i64, until: DateTime<Utc>) -> Result<(), StoreError> {
        self.renew_effect_sync(id, lease, until)
    }
    async fn release_leases(&self, now: DateTime<Utc>) -> Result<u64, StoreError> {
        self.release_leases_sync(now)
    }
    async fn find_next_effect(&self) -> Result<Option<DateTime<Utc>>, StoreError> {
        self.find_next_effect_sync()
    }
    async fn count_effects_due(&self) -> Result<u64, StoreError> {
        self.count_effects_due_sync()
    }
    async fn load_figures(&self, now: DateTime<Utc>) -> Result<Figures, StoreError> {
        self.load_figures_sync(now)
    }
    async fn list_dead_letters(&self, limit: u32) -> Result<Vec<DeadLetter>, StoreError> {
        self.list_dead_letters_sync(limit)
    }
    async fn revive_effect(&self, id: i64, by: &str, now: DateTime<Utc>) -> Result<(), StoreError> {
        self.revive_effect_sync(id, by, now)
    }
    async fn take_pacing_slot(&self, now: DateTime<Utc>, interval: TimeDelta) -> Result<PacingSlot, StoreError> {
        self.take_pacing_slot_sync(now, interval)
    }
    async fn note_carried(&self, carried: Carried) -> Result<(), StoreError> {
        self.note_carried_sync(carried)
    }
    async fn note_served(&self, number: &PhoneNumber, now: DateTime<Utc>) -> Result<DateTime<Utc>, StoreError> {
        self.note_served_sync(number, now)
    }
    async fn take_lease(
        &self,
        name: &str,
        holder: &str,
        now: DateTime<Utc>,
        span: TimeDelta,
    ) -> Result<bool, StoreError> {
        self.take_lease_sync(name, holder, now, span)
    }
    async fn find_inbox_link(&self, call: CallId) -> Result<Option<InboxLink>, StoreError> {
        self.find_inbox_link_sync(call)
    }
    async fn save_inbox_link(&self, call: CallId, link: InboxLink) -> Result<(), StoreError> {
        self.save_inbox_link_sync(call, link)
    }
    async fn save_recording(&self, recording: StoredRecording, now: DateTime<Utc>) -> Result<(), StoreError> {
        self.save_recording_sync(recording, now)
    }
    async fn find_recording(&self, recording: &CarrierRef) -> Result<Option<StoredRecording>, StoreError> {
        self.find_recording_sync(recording)
    }
    async fn note_delivery(&self, delivery: &str, now: DateTime<Utc>) -> Result<bool, StoreError> {
        self.note_delivery_sync(delivery, now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_come_as_often_as_asked_for() {
        let store = ModelStore::new();
        store.fail_next(2);
        assert!(store.ping_sync().is_err() && store.ping_sync().is_err() && store.ping_sync().is_ok());
        store.set_unavailable(true);
        assert!(store.find_next_wake_sync().is_err() && store.count_effects_due_sync().is_err());
        store.set_unavailable(false);
        assert!(store.ping_sync().is_ok());
    }
}
