//! The store over SQL: SQLite with its one writer, or PostgreSQL. Each method is a question in a file of its own subject.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::DatabaseConnection;

use super::session::{Job, Session, job};
use super::writer::Writer;
use super::{
    Arrival, ArrivalQuestion, Carried, DeadLetter, Figures, HistoryEntry, InboxLink, KnownContact, Leased, LoadedFacts,
    NewEffect, PacingSlot, PresenceChange, Save, Settled, Store, StoreError, StoredRecording, agents, answers, calls,
    contacts, leases, legs, outbox, postgres, recordings, switches, tasks,
};
use crate::call::effect::Neighbour;
use crate::call::state::Call;
use crate::ids::{AgentId, BrandId, CallId, CarrierRef, LegId};
use crate::phone_number::PhoneNumber;

/// A store over SQL. Made by [`open`](super::open::open).
pub struct SqlStore {
    engine: Engine,
}

/// Where reads and writes go.
pub(super) enum Engine {
    /// A file: one writer, readers that cannot write.
    Sqlite { writer: Writer, readers: DatabaseConnection },
    /// A database in memory, which has one connection only.
    Memory { writer: Writer },
    /// A pool.
    Postgres { pool: DatabaseConnection },
}

impl SqlStore {
    pub(super) fn new(engine: Engine) -> Self {
        Self { engine }
    }

    pub(super) async fn write<T: Send + 'static>(&self, job: Job<T>) -> Result<T, StoreError> {
        match &self.engine {
            Engine::Sqlite { writer, .. } | Engine::Memory { writer } => writer.run(job).await,
            Engine::Postgres { pool } => postgres::run(pool, job).await,
        }
    }

    pub(super) async fn read<T: Send + 'static>(&self, job: Job<T>) -> Result<T, StoreError> {
        match &self.engine {
            Engine::Sqlite { readers, .. } => job(&Session::new(readers)).await,
            Engine::Postgres { pool } => postgres::bounded(job(&Session::new(pool))).await,
            Engine::Memory { writer } => writer.run(job).await,
        }
    }
}

impl std::fmt::Debug for SqlStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self.engine {
            Engine::Sqlite { .. } => "SqlStore(SQLite)",
            Engine::Memory { .. } => "SqlStore(SQLite in memory)",
            Engine::Postgres { .. } => "SqlStore(PostgreSQL)",
        })
    }
}

/// One decision. The call comes first: whoever has the older version stops there, before taking any other lock.
async fn save(session: &Session<'_>, save: &Save) -> Result<(), StoreError> {
    calls::write(session, save).await?;
    legs::write(session, save).await?;
    calls::write_history(session, save).await?;
    outbox::write(session, save.call.id, &save.effects, save.at).await?;
    switches::write(session, save).await?;
    tasks::write(session, save).await?;
    agents::write_marks(session, save).await?;
    answers::write(session, save).await
}

/// A job over owned values, which it lends to the question it asks.
macro_rules! ask {
    ($session:ident $(, $name:ident = $value:expr)* => $question:expr) => {{
        $(let $name = Arc::new($value);)*
        job(move |$session| {
            $(let $name = Arc::clone(&$name);)*
            Box::pin(async move { $question.await })
        })
    }};
}
pub(super) use ask;

#[async_trait]
impl Store for SqlStore {
    async fn ping(&self) -> Result<(), StoreError> {
        // A write that changes nothing: it needs the write lock, which is what is asked about.
        self.write(ask!(session => leases::touch(session))).await
    }

    async fn save(&self, decided: Save) -> Result<(), StoreError> {
        self.write(ask!(session, decided = decided => save(session, &decided))).await
    }

    async fn find_call(&self, id: CallId) -> Result<Option<Call>, StoreError> {
        self.read(ask!(session => calls::find(session, id))).await
    }

    async fn find_call_by_caller_ref(&self, caller: &CarrierRef) -> Result<Option<Call>, StoreError> {
        self.read(ask!(session, caller = caller.clone() => calls::find_by_caller_ref(session, &caller))).await
    }

    async fn load_history(&self, id: CallId) -> Result<Vec<HistoryEntry>, StoreError> {
        self.read(ask!(session => calls::load_history(session, id))).await
    }

    async fn find_call_offered_to(
        &self,
        agent: &AgentId,
        brand: &BrandId,
        since: DateTime<Utc>,
    ) -> Result<Option<CallId>, StoreError> {
        self.read(ask!(session, agent = agent.clone(), brand = brand.clone() => {
            legs::find_call_offered_to(session, &agent, &brand, since)
        }))
        .await
    }

    async fn find_live_leg(&self, carrier_ref: &CarrierRef) -> Result<Option<LegId>, StoreError> {
        self.read(ask!(session, name = carrier_ref.clone() => legs::find_live(session, &name))).await
    }

    async fn find_shortlist_facts(&self, id: CallId, version: u32) -> Result<Option<Vec<u8>>, StoreError> {
        self.read(ask!(session => calls::find_shortlist_facts(session, id, version))).await
    }

    async fn find_calls_to_wake(&self, now: DateTime<Utc>, limit: u32) -> Result<Vec<CallId>, StoreError> {
        self.read(ask!(session => calls::find_to_wake(session, now, limit))).await
    }

    async fn find_next_wake(&self) -> Result<Option<DateTime<Utc>>, StoreError> {
        self.read(ask!(session => calls::find_next_wake(session))).await
    }

    async fn find_waiting_calls(&self, limit: u32) -> Result<Vec<CallId>, StoreError> {
        self.read(ask!(session => calls::find_waiting(session, limit))).await
    }

    async fn find_calls_ringing(&self, agent: &AgentId) -> Result<Vec<CallId>, StoreError> {
        self.read(ask!(session, agent = agent.clone() => calls::find_ringing(session, &agent))).await
    }

    async fn list_calls(&self, before: Option<DateTime<Utc>>, limit: u32) -> Result<Vec<Call>, StoreError> {
        self.read(ask!(session => calls::list(session, before, limit))).await
    }

    async fn find_answer(&self, key: &str) -> Result<Option<String>, StoreError> {
        self.read(ask!(session, key = key.to_owned() => answers::find(session, &key))).await
    }

    async fn load_arrival(&self, question: &ArrivalQuestion) -> Result<Arrival, StoreError> {
        self.read(ask!(session, question = question.clone() => answers::load_arrival(session, &question))).await
    }

    async fn forget_before(&self, before: DateTime<Utc>) -> Result<u64, StoreError> {
        self.write(ask!(session => answers::forget_before(session, before))).await
    }

    async fn load_facts(
        &self,
        brand: &BrandId,
        asked: &[AgentId],
        now: DateTime<Utc>,
    ) -> Result<LoadedFacts, StoreError> {
        self.read(ask!(session, brand = brand.clone(), asked = asked.to_vec() => {
            agents::load_facts(session, &brand, &asked, now)
        }))
        .await
    }

    async fn note_presence(&self, changes: &[PresenceChange]) -> Result<Vec<AgentId>, StoreError> {
        self.write(ask!(session, changes = changes.to_vec() => agents::note_presence(session, &changes))).await
    }

    async fn switch_phone(&self, agent: &AgentId, off_until: Option<DateTime<Utc>>) -> Result<(), StoreError> {
        self.write(ask!(session, agent = agent.clone() => agents::switch_phone(session, &agent, off_until))).await
    }

    async fn find_contact(&self, phone: &PhoneNumber) -> Result<Option<KnownContact>, StoreError> {
        self.read(ask!(session, phone = phone.clone() => contacts::find(session, &phone))).await
    }

    async fn note_contacts(&self, noted: &[KnownContact]) -> Result<(), StoreError> {
        self.write(ask!(session, noted = noted.to_vec() => contacts::note(session, &noted))).await
    }

    async fn note_made_contact(&self, contact_id: i64, at: DateTime<Utc>) -> Result<(), StoreError> {
        self.write(ask!(session => contacts::note_made(session, contact_id, at))).await
    }

    async fn forget_contact(&self, contact_id: i64) -> Result<(), StoreError> {
        self.write(ask!(session => contacts::forget(session, contact_id))).await
    }

    async fn list_contact_ids(&self, after: i64, limit: u32) -> Result<Vec<i64>, StoreError> {
        self.read(ask!(session => contacts::list_ids(session, after, limit))).await
    }

    async fn add_effect(&self, call: CallId, effect: NewEffect, at: DateTime<Utc>) -> Result<(), StoreError> {
        self.write(ask!(session, effect = effect => outbox::write(session, call, std::slice::from_ref(&effect), at)))
            .await
    }

    async fn lease_effects(
        &self,
        neighbour: Neighbour,
        now: DateTime<Utc>,
        lease: TimeDelta,
        limit: u32,
    ) -> Result<Vec<Leased>, StoreError> {
        self.write(ask!(session => outbox::lease(session, neighbour, now, lease, limit))).await
    }

    async fn settle_effect(&self, id: i64, lease: i64, settled: Settled, now: DateTime<Utc>) -> Result<(), StoreError> {
        self.write(ask!(session, settled = settled => outbox::settle(session, id, lease, &settled, now))).await
    }

    async fn renew_effect(&self, id: i64, lease: i64, until: DateTime<Utc>) -> Result<(), StoreError> {
        self.write(ask!(session => outbox::renew(session, id, lease, until))).await
    }

    async fn release_leases(&self, now: DateTime<Utc>) -> Result<u64, StoreError> {
        self.write(ask!(session => outbox::release(session, now))).await
    }

    async fn find_next_effect(&self) -> Result<Option<DateTime<Utc>>, StoreError> {
        self.read(ask!(session => outbox::find_next(session))).await
    }

    async fn count_effects_due(&self) -> Result<u64, StoreError> {
        self.read(ask!(session => outbox::count_due(session))).await
    }

    async fn load_figures(&self, now: DateTime<Utc>) -> Result<Figures, StoreError> {
        self.read(ask!(session => outbox::load_figures(session, now))).await
    }

    async fn list_dead_letters(&self, limit: u32) -> Result<Vec<DeadLetter>, StoreError> {
        self.read(ask!(session => outbox::list_dead(session, limit))).await
    }

    async fn revive_effect(&self, id: i64, by: &str, now: DateTime<Utc>) -> Result<(), StoreError> {
        self.write(ask!(session, by = by.to_owned() => outbox::revive(session, id, &by, now))).await
    }

    async fn take_pacing_slot(&self, now: DateTime<Utc>, interval: TimeDelta) -> Result<PacingSlot, StoreError> {
        self.write(ask!(session => leases::take_pacing_slot(session, now, interval))).await
    }

    async fn note_carried(&self, carried: Carried) -> Result<(), StoreError> {
        self.write(ask!(session => leases::note_carried(session, carried))).await
    }

    async fn note_served(&self, number: &PhoneNumber, now: DateTime<Utc>) -> Result<DateTime<Utc>, StoreError> {
        self.write(ask!(session, number = number.clone() => leases::note_served(session, &number, now))).await
    }

    async fn take_lease(
        &self,
        name: &str,
        holder: &str,
        now: DateTime<Utc>,
        span: TimeDelta,
    ) -> Result<bool, StoreError> {
        self.write(ask!(session, name = name.to_owned(), holder = holder.to_owned() => {
            leases::take(session, &name, &holder, now, span)
        }))
        .await
    }

    async fn find_inbox_link(&self, call: CallId) -> Result<Option<InboxLink>, StoreError> {
        self.read(ask!(session => contacts::find_link(session, call))).await
    }

    async fn save_inbox_link(&self, call: CallId, link: InboxLink) -> Result<(), StoreError> {
        self.write(ask!(session => contacts::save_link(session, call, link))).await
    }

    async fn save_recording(&self, recording: StoredRecording, now: DateTime<Utc>) -> Result<(), StoreError> {
        self.write(ask!(session, recording = recording => recordings::save(session, &recording, now))).await
    }

    async fn find_recording(&self, recording: &CarrierRef) -> Result<Option<StoredRecording>, StoreError> {
        self.read(ask!(session, recording = recording.clone() => recordings::find(session, &recording))).await
    }

    async fn note_delivery(&self, delivery: &str, now: DateTime<Utc>) -> Result<bool, StoreError> {
        self.write(ask!(session, delivery = delivery.to_owned() => answers::note_delivery(session, &delivery, now)))
            .await
    }
}
