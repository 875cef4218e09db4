//! A store that works, fails, hangs or panics on command, and counts what it is asked.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use offhook::call::effect::Neighbour;
use offhook::call::event::Event;
use offhook::call::state::{Call, NewCall};
use offhook::call::switch::{NewSwitch, SwitchKind, SwitchedBy};
use offhook::ids::{AgentId, BrandId, CallId, CarrierRef, DraftId, LegId, SupervisorId};
use offhook::phone_number::{Caller, PhoneNumber};
use offhook::store::model::ModelStore;
use offhook::store::{
    AnswerCounts, Arrival, ArrivalQuestion, Audit, AuditLine, BrandSwitch, CallbackTask, CallbackTasks, Carried,
    CodeGuard, CodeTry, Codes, ConversationWord, Conversations, DeadLetter, Draft, DraftHead, DraftSave, Endings,
    Figures, HistoryEntry, InboxLink, KnownContact, Leased, LoadedFacts, NewAuditLine, NewEffect, NewVersion,
    PacingSlot, PhoneObeyed, PhoneWord, PhoneWords, PresenceChange, PublishedRules, Publishing, Refusals, Save,
    Settled, Store, StoreError, StoredCode, StoredRecording, Switches, TaskEnd, TaskState, UnansweredWord, VersionHead,
};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mood {
    Works,
    Fails,
    Hangs,
    Panics,
    /// The next save happens, and nothing is heard of it; after that it works.
    SavesInSilence,
    /// Whenever phones are to be rung, another call has taken the first of them a moment before.
    OthersAreFaster,
}

pub struct FaultyStore {
    model: ModelStore,
    mood: Mutex<Mood>,
    questions: AtomicU32,
}

impl FaultyStore {
    pub fn new() -> Self {
        Self { model: ModelStore::new(), mood: Mutex::new(Mood::Works), questions: AtomicU32::new(0) }
    }

    pub fn set(&self, mood: Mood) {
        *self.mood.lock().unwrap() = mood;
    }

    /// How often it was asked anything since this was last called.
    pub fn take_count(&self) -> u32 {
        self.questions.swap(0, Ordering::SeqCst)
    }

    async fn gate(&self) -> Result<(), StoreError> {
        self.questions.fetch_add(1, Ordering::SeqCst);
        let mood = *self.mood.lock().unwrap();
        match mood {
            Mood::Works | Mood::SavesInSilence | Mood::OthersAreFaster => Ok(()),
            Mood::Fails => Err(StoreError::Unavailable {
                attempt: "answer",
                may_have_happened: false,
                cause: "it fails on command".into(),
            }),
            Mood::Hangs => std::future::pending().await,
            Mood::Panics => panic!("it panics on command"),
        }
    }

    /// Another call takes the first phone that this save would ring.
    async fn overtake(&self, save: &Save) {
        let first = save.events.iter().find(|event| matches!(event, Event::LegOffered { .. }));
        let Some(Event::LegOffered { agent, phone, give_up_at, .. }) = first else { return };
        let mut rival = Call::new(NewCall {
            id: CallId(uuid::Uuid::from_u128(0xFA57 + u128::from(self.questions.load(Ordering::SeqCst)))),
            caller_ref: CarrierRef::new(&format!("CA{}", agent.as_str())),
            caller: Caller::Withheld,
            brand: save.call.brand.clone(),
            number: save.call.number.clone(),
            caller_name: None,
            rules_version: save.call.rules_version,
            at: save.at,
        });
        let (agent, phone, give_up_at) = (agent.clone(), phone.clone(), *give_up_at);
        let taken = Event::LegOffered { leg: 1, agent, phone, round: 1, give_up_at, called_in: false };
        rival.apply(&taken, save.at);
        let (effects, marks, switches, tasks) = (vec![], vec![], vec![], vec![]);
        let events = vec![taken];
        let theirs = Save { call: rival, events, effects, marks, switches, tasks, answer: None, ..save.clone() };
        self.model.save(theirs).await.unwrap();
    }

    async fn leave(&self, asked: &str) {
        let is_silent = asked == "save" && *self.mood.lock().unwrap() == Mood::SavesInSilence;
        if is_silent {
            self.set(Mood::Works);
            std::future::pending::<()>().await;
        }
    }
}

macro_rules! through {
    ($kind_of_store:ident: $({ $($own:tt)* })? $(fn $name:ident(&self $(, $argument:ident: $kind:ty)*) -> $answer:ty;)+) => {
        #[async_trait]
        impl $kind_of_store for FaultyStore {
            $($($own)*)?
            $(async fn $name(&self $(, $argument: $kind)*) -> Result<$answer, StoreError> {
                self.gate().await?;
                let answer = self.model.$name($($argument),*).await;
                self.leave(stringify!($name)).await;
                answer
            })+
        }
    };
}

through! {
    Publishing:
    fn publish(&self, new: NewVersion, now: DateTime<Utc>) -> ();
    fn publish_rules(&self, body: &str, by: &str, now: DateTime<Utc>) -> u32;
    fn find_newest_rules(&self) -> Option<VersionHead>;
    fn find_current_rules(&self) -> Option<PublishedRules>;
    fn find_rules(&self, version: u32) -> Option<PublishedRules>;
    fn list_rules(&self, before: Option<u32>, limit: u32) -> Vec<VersionHead>;
    fn mark_rules(&self, version: u32, broken: Option<&str>, by: &str, now: DateTime<Utc>) -> bool;
    fn create_draft(&self, id: DraftId, save: DraftSave, now: DateTime<Utc>) -> Draft;
    fn save_draft(&self, id: DraftId, revision: u32, save: DraftSave, now: DateTime<Utc>) -> Draft;
    fn delete_draft(&self, id: DraftId, revision: u32, by: &str, now: DateTime<Utc>) -> ();
    fn find_draft(&self, id: DraftId) -> Option<Draft>;
    fn list_drafts(&self, limit: u32) -> Vec<DraftHead>;
}

through! {
    Audit:
    fn note_audit(&self, line: NewAuditLine, now: DateTime<Utc>) -> ();
    fn list_audit(&self, before: Option<i64>, limit: u32) -> Vec<AuditLine>;
}

through! {
    Store:
    {
        async fn save(&self, save: Save) -> Result<(), StoreError> {
            self.gate().await?;
            if *self.mood.lock().unwrap() == Mood::OthersAreFaster {
                self.overtake(&save).await;
            }
            let answer = self.model.save(save).await;
            self.leave("save").await;
            answer
        }
    }
    fn ping(&self) -> ();
    fn find_call_offered_to(&self, agent: &AgentId, brand: &BrandId, since: DateTime<Utc>) -> Option<CallId>;
    fn find_live_leg(&self, carrier_ref: &CarrierRef) -> Option<LegId>;
    fn find_shortlist_facts(&self, id: CallId, version: u32) -> Option<Vec<u8>>;
    fn find_call(&self, id: CallId) -> Option<Call>;
    fn find_call_by_caller_ref(&self, caller: &CarrierRef) -> Option<Call>;
    fn load_history(&self, id: CallId) -> Vec<HistoryEntry>;
    fn find_calls_to_wake(&self, now: DateTime<Utc>, limit: u32) -> Vec<CallId>;
    fn find_next_wake(&self) -> Option<DateTime<Utc>>;
    fn find_waiting_calls(&self, limit: u32) -> Vec<CallId>;
    fn find_calls_ringing(&self, agent: &AgentId) -> Vec<CallId>;
    fn list_calls(&self, before: Option<DateTime<Utc>>, limit: u32) -> Vec<Call>;
    fn load_arrival(&self, question: &ArrivalQuestion) -> Arrival;
    fn find_answer(&self, key: &str) -> Option<String>;
    fn forget_before(&self, before: DateTime<Utc>) -> u64;
    fn load_facts(&self, brand: &BrandId, agents: &[AgentId], now: DateTime<Utc>) -> LoadedFacts;
    fn note_presence(&self, changes: &[PresenceChange]) -> Vec<AgentId>;
    fn switch_phone(&self, agent: &AgentId, off_until: Option<DateTime<Utc>>) -> ();
    fn find_contact(&self, phone: &PhoneNumber) -> Option<KnownContact>;
    fn note_contacts(&self, contacts: &[KnownContact]) -> ();
    fn note_made_contact(&self, contact_id: i64, at: DateTime<Utc>) -> ();
    fn add_effect(&self, call: CallId, effect: NewEffect, at: DateTime<Utc>) -> ();
    fn lease_effects(&self, neighbour: Neighbour, now: DateTime<Utc>, lease: TimeDelta, limit: u32) -> Vec<Leased>;
    fn settle_effect(&self, id: i64, lease: i64, settled: Settled, now: DateTime<Utc>) -> ();
    fn renew_effect(&self, id: i64, lease: i64, until: DateTime<Utc>) -> ();
    fn release_leases(&self, now: DateTime<Utc>) -> u64;
    fn find_next_effect(&self) -> Option<DateTime<Utc>>;
    fn count_effects_due(&self) -> u64;
    fn list_dead_letters(&self, limit: u32) -> Vec<DeadLetter>;
    fn load_figures(&self, now: DateTime<Utc>) -> Figures;
    fn forget_contact(&self, contact_id: i64) -> ();
    fn list_contact_ids(&self, after: i64, limit: u32) -> Vec<i64>;
    fn revive_effect(&self, id: i64, by: &str, now: DateTime<Utc>) -> ();
    fn take_pacing_slot(&self, now: DateTime<Utc>, interval: TimeDelta) -> PacingSlot;
    fn note_carried(&self, carried: Carried) -> ();
    fn note_served(&self, number: &PhoneNumber, now: DateTime<Utc>) -> DateTime<Utc>;
    fn take_lease(&self, name: &str, holder: &str, now: DateTime<Utc>, span: TimeDelta) -> bool;
    fn find_inbox_link(&self, call: CallId) -> Option<InboxLink>;
    fn save_inbox_link(&self, call: CallId, link: InboxLink) -> ();
    fn save_recording(&self, recording: StoredRecording, now: DateTime<Utc>) -> ();
    fn find_recording(&self, recording: &CarrierRef) -> Option<StoredRecording>;
    fn note_delivery(&self, delivery: &str, now: DateTime<Utc>) -> bool;
}

through! { Switches:
    fn begin_switch(&self, new: &NewSwitch, now: DateTime<Utc>) -> BrandSwitch;
    fn end_switch(&self, brand: &BrandId, kind: SwitchKind, by: &SwitchedBy, now: DateTime<Utc>) -> Option<BrandSwitch>;
    fn find_switch(&self, brand: &BrandId, kind: SwitchKind, now: DateTime<Utc>) -> Option<BrandSwitch>;
    fn list_switches(
        &self, brand: &BrandId, kind: SwitchKind, before: Option<i64>, limit: u32, now: DateTime<Utc>
    ) -> Vec<BrandSwitch>;
    fn list_switches_on(&self, now: DateTime<Utc>, limit: u32) -> Vec<BrandSwitch>;
}

through! { Codes:
    fn set_code(&self, code: &StoredCode) -> ();
    fn remove_code(&self, supervisor: &SupervisorId, by: &str, now: DateTime<Utc>) -> bool;
    fn list_codes(&self) -> Vec<StoredCode>;
    fn take_code_try(&self, call: CallId, caller: &Caller, now: DateTime<Utc>) -> CodeTry;
    fn note_good_code(&self, call: CallId, supervisor: &SupervisorId, now: DateTime<Utc>) -> ();
    fn find_code_guard(&self, now: DateTime<Utc>) -> CodeGuard;
}

through! { Endings:
    fn count_answers(&self, brand: &BrandId, from: DateTime<Utc>, until: DateTime<Utc>) -> AnswerCounts;
}

through! { Conversations:
    fn note_conversations(&self, words: &[ConversationWord]) -> ();
    fn reconcile_conversations(&self, brand: &BrandId, open: &[ConversationWord], began_at: DateTime<Utc>) -> ();
    fn find_reconciled(&self, brand: &BrandId) -> Option<DateTime<Utc>>;
    fn forget_conversations(&self, before: DateTime<Utc>) -> u64;
}

through! { CallbackTasks:
    fn list_callback_tasks(
        &self, brand: Option<&BrandId>, state: TaskState, after: Option<CallId>, limit: u32
    ) -> Vec<CallbackTask>;
    fn find_callback_task(&self, id: CallId) -> Option<CallbackTask>;
    fn find_open_callback_task(&self, brand: &BrandId, caller: &PhoneNumber) -> Option<CallbackTask>;
    fn close_callback_task(&self, id: CallId, why: &TaskEnd, now: DateTime<Utc>) -> bool;
    fn note_callback_attempt(&self, id: CallId, now: DateTime<Utc>) -> bool;
}

through! { PhoneWords:
    fn obey_phone_word(&self, word: &PhoneWord) -> PhoneObeyed;
    fn list_unanswered_words(&self, limit: u32) -> Vec<UnansweredWord>;
    fn settle_phone_word(&self, message: i64) -> ();
    fn forget_phone_words(&self, before: DateTime<Utc>) -> u64;
}

through! { Refusals:
    fn trust_phone(&self, agent: &AgentId, by: &str, now: DateTime<Utc>) -> bool;
}
