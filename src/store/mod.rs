//! Where calls, facts and promises are kept: the only room that knows SQL.
//!
//! One trait, three stores (a model in memory, SQLite, PostgreSQL), one conformance suite. The database is the arbiter:
//! a save that is not the next version of its call is refused, and so is a second live leg of one agent or one phone.
//! No other room reads a row; they see the types on this page.

pub mod audit;
pub mod model;
pub mod open;
pub mod publishing;
pub mod sql;

mod agents;
mod answers;
mod calls;
mod codes;
mod contacts;
mod conversations;
mod drafts;
mod endings;
mod entity;
mod figures;
mod leases;
mod legs;
mod model_calls;
mod model_facts;
mod model_inbox;
mod model_outbox;
mod model_publishing;
mod model_switches;
mod outbox;
mod phone_words;
#[cfg(test)]
mod plans;
mod postgres;
mod recordings;
mod refusals;
mod rules;
mod session;
mod sql_publishing;
mod sqlite;
mod switches;
mod tasks;
mod writer;

use async_trait::async_trait;
use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};

use crate::call::effect::{Effect, Neighbour};
use crate::call::event::Event;
use crate::call::signal::Signal;
use crate::call::state::Call;
use crate::ids::{AgentId, BrandId, CallId, CarrierRef, LegId};
use crate::phone_number::PhoneNumber;

/// A write to Chatwoot whose result is not known may still land so long afterwards; before that, looking proves nothing.
/// Source: RELIABILITY.md section 5, "commit 20 s late", with half of it to spare.
pub const LATE_COMMIT: TimeDelta = TimeDelta::seconds(30);

/// Why the store did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// There is no such row.
    #[error("there is no {what}")]
    NotFound { what: &'static str },
    /// Somebody was faster; read again and decide again.
    #[error("{0}")]
    Conflict(Conflict),
    /// The database cannot be reached, is locked or is full. The save may have happened if `may_have_happened`.
    #[error("the database could not {attempt}")]
    Unavailable {
        attempt: &'static str,
        may_have_happened: bool,
        #[source]
        cause: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A row does not read as what it should be.
    #[error("a stored {what} cannot be read")]
    Corrupt {
        what: &'static str,
        #[source]
        cause: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// Which promise the database kept against us.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Conflict {
    /// The call has changed since it was loaded.
    #[error("the call changed meanwhile")]
    Version,
    /// A call with this carrier reference exists.
    #[error("the call exists")]
    CallExists,
    /// Agents who, or whose phones, have live legs of other calls; none where the call would ring one phone twice.
    #[error("a phone is being rung for another call")]
    PhoneTaken(Vec<HeldPhone>),
    /// An agent was to be put aside, and one of those whom that relied on was put aside meanwhile.
    #[error("an agent on whom the brand relies was paused meanwhile")]
    AgentNeeded,
    /// Another supervisor has this code.
    #[error("the code is another supervisor's")]
    CodeTaken,
    /// Other rules were published meanwhile.
    #[error("other rules were published meanwhile")]
    RulesPublished,
    /// The draft was saved meanwhile.
    #[error("the draft was saved meanwhile")]
    DraftChanged,
}

/// Everything one decision changes; saved in one transaction or not at all.
#[derive(Debug, Clone)]
pub struct Save {
    /// The call as decided. Its `version` is the one it was loaded with (0 for a new call); the store writes the next.
    pub call: Call,
    /// When it was decided.
    pub at: DateTime<Utc>,
    /// What it was decided upon.
    pub signal: Signal,
    /// What happened, in order. `LegOffered` makes a leg, `LegPlaced` names it, `CallOwned` marks it as talking,
    /// `LegReleased` frees its agent and phone.
    pub events: Vec<Event>,
    /// What is to be done. One that exists under its key already is left as it is.
    pub effects: Vec<NewEffect>,
    /// What the decision means for agents.
    pub marks: Vec<AgentMark>,
    /// What it changes about the brand's switches.
    pub switches: Vec<SwitchChange>,
    /// What it means for those whom we owe a call back.
    pub tasks: Vec<TaskChange>,
    /// The answer given, to be repeated word for word.
    pub answer: Option<StoredAnswer>,
}

/// An effect on its way into the outbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewEffect {
    /// What.
    pub effect: Effect,
    /// Effects of one lane are delivered one after the other, in the order they were saved.
    pub lane: String,
    /// Not before.
    pub due_at: DateTime<Utc>,
}

/// The first answer to a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredAnswer {
    /// What makes a request the same request. DESIGN.md section 4, "Asked twice".
    pub key: String,
    /// The body that was sent.
    pub body: String,
}

pub use audit::{Audit, AuditLine, NewAuditLine};
pub use publishing::{BrokenMark, Draft, DraftHead, DraftSave, NewVersion, PublishedRules, Publishing, VersionHead};

pub use crate::call::mark::AgentMark;
pub use crate::call::switch::SwitchChange;
pub use crate::call::task::{MissedCall, TaskChange};
pub use codes::{
    CodeGuard, CodeTry, Codes, StoredCode, TRIES_PER_ACCOUNT, TRIES_PER_CALL, TRIES_PER_CALLER, TRIES_WINDOW,
    TryRefusal,
};
pub use conversations::{ConversationWord, Conversations};
pub use endings::{AnswerCounts, Endings};
pub use figures::{Figures, Waiting};
pub use phone_words::{PhoneObeyed, PhoneSwitched, PhoneWord, PhoneWords, UnansweredWord};
pub use refusals::Refusals;
pub use switches::{BrandSwitch, Switches};
pub use tasks::{CallbackTask, CallbackTasks, TaskEnd, TaskState};

pub use crate::shortlist::facts::{AgentFacts, Carried, LiveLeg, LoadedFacts, Presence, WaitingCall};

/// What is known of a phone number from Chatwoot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownContact {
    /// The number.
    pub phone: PhoneNumber,
    /// The name, if it has one.
    pub name: Option<String>,
    /// Whether the team blocked it.
    pub blocked: bool,
    /// Chatwoot's id of it.
    pub contact_id: i64,
}

/// What is asked at once when a caller arrives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArrivalQuestion {
    /// What makes the request the same request; none where every request is answered afresh.
    pub key: Option<String>,
    /// The caller's number, if there is one.
    pub caller: Option<PhoneNumber>,
    /// Whom the caller dialled.
    pub brand: BrandId,
    /// Since when calls are counted.
    pub since: DateTime<Utc>,
    /// Now, or when a rehearsed call arrives: calls that come later are not counted.
    pub now: DateTime<Utc>,
}

/// What the store says to an [`ArrivalQuestion`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Arrival {
    /// The first answer to this request, if it was answered before.
    pub answer: Option<String>,
    /// What is known of the caller's number.
    pub contact: Option<KnownContact>,
    /// When a call of ours made that contact; none if somebody else did.
    pub contact_made_at: Option<DateTime<Utc>>,
    /// How many calls the number began at this brand lately; for a caller without a number, all such callers together.
    pub recent_calls: u32,
    /// Whether somebody at the number is talking with an agent of the brand.
    pub talks: bool,
    /// The brand's override is on until then.
    pub overridden_until: Option<DateTime<Utc>>,
    /// A flood of the brand is declared until then.
    pub flood_until: Option<DateTime<Utc>>,
    /// Since when.
    pub flood_since: Option<DateTime<Utc>>,
}

/// An effect taken from the outbox under a lease.
#[derive(Debug, Clone)]
pub struct Leased {
    /// The row.
    pub id: i64,
    /// The call it belongs to.
    pub call: CallId,
    /// What is to be done.
    pub effect: Effect,
    /// How often it was tried before.
    pub attempts: u32,
    /// When it was saved.
    pub created_at: DateTime<Utc>,
    /// Which lease; only its holder may settle the row.
    pub lease: i64,
    /// How often an earlier holder let its lease run out without a word: the work broke off, or its replica died.
    pub broken_off: u32,
    /// Since when the neighbour fails, if it ever did; postponing is no failure.
    pub failing_since: Option<DateTime<Utc>>,
}

impl Leased {
    /// Whether an earlier holder may have asked the neighbour, and died before it could say so.
    #[must_use]
    pub fn is_taken_over(&self) -> bool {
        self.broken_off > 0
    }
}

/// What became of a leased effect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Settled {
    /// Done.
    Done,
    /// Again, not before then. With `why` it failed, without it was postponed.
    Again { at: DateTime<Utc>, why: String, counts: bool },
    /// Given up; a person is asked.
    Dead { why: String },
}

/// An agent who was to be rung, and the leg of another call that holds them or their phone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldPhone {
    /// Who.
    pub agent: AgentId,
    /// What holds them.
    pub leg: LiveLeg,
}

/// A row of the outbox that was given up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetter {
    /// The row.
    pub id: i64,
    /// The call.
    pub call: CallId,
    /// The kind of effect.
    pub kind: String,
    /// The last failure.
    pub why: String,
    /// When the effect was decided, or last put back.
    pub created_at: DateTime<Utc>,
}

/// Where a call stands in Chatwoot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InboxLink {
    /// The contact.
    pub contact_id: i64,
    /// The conversation's display id.
    pub conversation_id: i64,
}

/// Audio that we hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredRecording {
    /// The carrier's name of it.
    pub recording: CarrierRef,
    /// The call it belongs to.
    pub call: CallId,
    /// Media type.
    pub content_type: String,
    /// The bytes.
    pub audio: Bytes,
}

/// A report on an agent's presence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PresenceChange {
    /// Who.
    pub agent: AgentId,
    /// The belief.
    pub presence: Presence,
    /// As of.
    pub at: DateTime<Utc>,
}

/// What came of asking for a slot at the carrier.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PacingSlot {
    /// Go.
    Taken,
    /// Ask again then.
    NotBefore(DateTime<Utc>),
}

/// A line of a call's history.
#[derive(Debug, Clone, PartialEq)]
pub struct HistoryEntry {
    /// The version the save made.
    pub version: u32,
    /// When.
    pub at: DateTime<Utc>,
    /// Upon what.
    pub signal: Signal,
    /// What happened.
    pub events: Vec<Event>,
}

/// Where everything durable is kept.
///
/// Every method may be called from several replicas at once. A method that is dropped half-way has either happened
/// wholly or not at all.
#[async_trait]
pub trait Store:
    Publishing
    + Audit
    + Switches
    + Codes
    + Endings
    + Conversations
    + CallbackTasks
    + PhoneWords
    + Refusals
    + Send
    + Sync
    + 'static
{
    /// Whether the store can be written to now.
    async fn ping(&self) -> Result<(), StoreError>;

    /// Saves one decision: call, legs, history, effects, marks and answer, in one transaction.
    ///
    /// # Errors
    /// `Conflict` when the call's version is not the stored one, when the call exists, or when a leg would take a phone
    /// or an agent that has a live leg; then nothing is saved. A save whose decision has no events and no answer is
    /// the caller's to leave out.
    async fn save(&self, save: Save) -> Result<(), StoreError>;

    /// The call, as last saved.
    async fn find_call(&self, id: CallId) -> Result<Option<Call>, StoreError>;
    /// The call whose caller's leg has this name.
    async fn find_call_by_caller_ref(&self, caller: &CarrierRef) -> Result<Option<Call>, StoreError>;
    /// The history of a call, oldest first.
    async fn load_history(&self, id: CallId) -> Result<Vec<HistoryEntry>, StoreError>;
    /// The newest call of the brand that was offered to the agent's phone after `since`.
    async fn find_call_offered_to(
        &self,
        agent: &AgentId,
        brand: &BrandId,
        since: DateTime<Utc>,
    ) -> Result<Option<CallId>, StoreError>;
    /// The leg that the carrier still holds under this name.
    async fn find_live_leg(&self, carrier_ref: &CarrierRef) -> Result<Option<LegId>, StoreError>;
    /// What the shortlist of that version of the call was taken from; none unless its roster was a large one.
    async fn find_shortlist_facts(&self, id: CallId, version: u32) -> Result<Option<Vec<u8>>, StoreError>;
    /// Calls whose `wake_at` is not after `now`, the longest due first, at most `limit`.
    async fn find_calls_to_wake(&self, now: DateTime<Utc>, limit: u32) -> Result<Vec<CallId>, StoreError>;
    /// The earliest `wake_at` of all calls.
    async fn find_next_wake(&self) -> Result<Option<DateTime<Utc>>, StoreError>;
    /// Calls that wait for a phone, the longest waiting first, at most `limit`.
    async fn find_waiting_calls(&self, limit: u32) -> Result<Vec<CallId>, StoreError>;
    /// Calls that hold a live leg of this agent.
    async fn find_calls_ringing(&self, agent: &AgentId) -> Result<Vec<CallId>, StoreError>;
    /// The most recent calls, newest first, before `before`, at most `limit`.
    async fn list_calls(&self, before: Option<DateTime<Utc>>, limit: u32) -> Result<Vec<Call>, StoreError>;
    /// The first answer to this request, if it was answered before.
    async fn find_answer(&self, key: &str) -> Result<Option<String>, StoreError>;
    /// Everything that is asked of the store when a caller arrives, in one question, since the caller waits for each.
    async fn load_arrival(&self, question: &ArrivalQuestion) -> Result<Arrival, StoreError>;
    /// Forgets answers, delivery ids and tries at codes from before `before`; returns how many.
    async fn forget_before(&self, before: DateTime<Utc>) -> Result<u64, StoreError>;

    /// The facts about these agents, with what they have open in this brand's inbox, and the account's legs.
    async fn load_facts(
        &self,
        brand: &BrandId,
        agents: &[AgentId],
        now: DateTime<Utc>,
    ) -> Result<LoadedFacts, StoreError>;
    /// Takes note of agents' presence; returns those whose presence changed.
    async fn note_presence(&self, changes: &[PresenceChange]) -> Result<Vec<AgentId>, StoreError>;
    /// Sets an agent's own phone switch: off until then, or on.
    async fn switch_phone(&self, agent: &AgentId, off_until: Option<DateTime<Utc>>) -> Result<(), StoreError>;

    /// What is known of this number.
    async fn find_contact(&self, phone: &PhoneNumber) -> Result<Option<KnownContact>, StoreError>;
    /// Takes note of contacts; the newest word on a number wins. A contact whose number changed is forgotten under the old.
    async fn note_contacts(&self, contacts: &[KnownContact]) -> Result<(), StoreError>;

    /// Forgets what is known of this contact: it is gone, or has no number any more.
    async fn forget_contact(&self, contact_id: i64) -> Result<(), StoreError>;
    /// Ids of known contacts above `after`, in order, at most `limit`.
    async fn list_contact_ids(&self, after: i64, limit: u32) -> Result<Vec<i64>, StoreError>;

    /// Takes note that a call of ours made this contact; once noted it stays as it was.
    async fn note_made_contact(&self, contact_id: i64, at: DateTime<Utc>) -> Result<(), StoreError>;

    /// Saves an effect of a call beside those that its decisions asked for: what a delivery finds out that it needs. One
    /// that exists under its key already is left as it is.
    async fn add_effect(&self, call: CallId, effect: NewEffect, at: DateTime<Utc>) -> Result<(), StoreError>;
    /// Leases up to `limit` due effects for this neighbour until `now + lease`: the first unfinished row of each lane only.
    async fn lease_effects(
        &self,
        neighbour: Neighbour,
        now: DateTime<Utc>,
        lease: TimeDelta,
        limit: u32,
    ) -> Result<Vec<Leased>, StoreError>;
    /// Settles a leased effect.
    ///
    /// # Errors
    /// `Conflict(Version)` when the lease has passed to somebody else.
    async fn settle_effect(&self, id: i64, lease: i64, settled: Settled, now: DateTime<Utc>) -> Result<(), StoreError>;
    /// Makes a lease last until `until`; asked before every write to a neighbour that does not know a repeated request.
    ///
    /// # Errors
    /// `Conflict(Version)` when the lease has passed to somebody else: nothing may be written any more.
    async fn renew_effect(&self, id: i64, lease: i64, until: DateTime<Utc>) -> Result<(), StoreError>;
    /// Ends the leases that an earlier process of this node left behind; how many. Asked once, before anything is leased.
    /// Those for Chatwoot end [`LATE_COMMIT`] from now, since what the dead one wrote may still land. A database that
    /// replicas share leaves them to run out, since their holders may live.
    async fn release_leases(&self, now: DateTime<Utc>) -> Result<u64, StoreError>;
    /// When the next effect is due, or its lease ends.
    async fn find_next_effect(&self) -> Result<Option<DateTime<Utc>>, StoreError>;
    /// How many effects wait.
    async fn count_effects_due(&self) -> Result<u64, StoreError>;
    /// What there is of everything now, for those who watch.
    async fn load_figures(&self, now: DateTime<Utc>) -> Result<Figures, StoreError>;
    /// Effects that were given up, the oldest first.
    async fn list_dead_letters(&self, limit: u32) -> Result<Vec<DeadLetter>, StoreError>;
    /// Puts a dead letter back as if it were saved now, and says so in the audit.
    ///
    /// # Errors
    /// `NotFound` when there is no such dead letter.
    async fn revive_effect(&self, id: i64, by: &str, now: DateTime<Utc>) -> Result<(), StoreError>;

    /// Asks for leave to start one outbound call; at most one per `interval`, shared by all replicas.
    async fn take_pacing_slot(&self, now: DateTime<Utc>, interval: TimeDelta) -> Result<PacingSlot, StoreError>;
    /// Keeps what the carrier's account was found to carry, for all replicas; the last word counts.
    async fn note_carried(&self, carried: Carried) -> Result<(), StoreError>;
    /// Since when the number is served; one that is new is from now on.
    async fn note_served(&self, number: &PhoneNumber, now: DateTime<Utc>) -> Result<DateTime<Utc>, StoreError>;
    /// Takes or renews a named lease; false when another holder has it.
    async fn take_lease(
        &self,
        name: &str,
        holder: &str,
        now: DateTime<Utc>,
        span: TimeDelta,
    ) -> Result<bool, StoreError>;

    /// Where the call stands in Chatwoot.
    async fn find_inbox_link(&self, call: CallId) -> Result<Option<InboxLink>, StoreError>;
    /// Keeps it.
    async fn save_inbox_link(&self, call: CallId, link: InboxLink) -> Result<(), StoreError>;

    /// Keeps audio; the same recording twice is kept once.
    async fn save_recording(&self, recording: StoredRecording, now: DateTime<Utc>) -> Result<(), StoreError>;
    /// The audio.
    async fn find_recording(&self, recording: &CarrierRef) -> Result<Option<StoredRecording>, StoreError>;

    /// Remembers a Chatwoot delivery; false when it was seen before.
    async fn note_delivery(&self, delivery: &str, now: DateTime<Utc>) -> Result<bool, StoreError>;
}
