//! Conversations, callback tasks and notes about phones in memory.

use std::collections::{BTreeMap, HashMap};

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::StoreError;
use super::conversations::{ConversationWord, Conversations, last_words};
use super::model::ModelStore;
use super::model_calls::most;
use super::phone_words::{PhoneObeyed, PhoneWord, PhoneWords, UnansweredWord};
use super::tasks::{CallbackTask, CallbackTasks, TaskEnd, TaskState};
use crate::call::task::{MissedCall, TaskChange};
use crate::ids::{AgentId, BrandId, CallId};
use crate::phone_number::PhoneNumber;

#[derive(Debug, Default)]
pub(super) struct ConversationTable {
    known: HashMap<i64, ConversationWord>,
    read_at: HashMap<BrandId, DateTime<Utc>>,
}

impl ConversationTable {
    fn note(&mut self, words: &[ConversationWord]) {
        for (number, word) in last_words(words) {
            let kept = self.known.entry(number).or_insert_with(|| word.clone());
            let heard_at = kept.heard_at.max(word.heard_at);
            if word.updated_at >= kept.updated_at {
                *kept = word.clone();
            }
            kept.heard_at = heard_at;
        }
    }

    /// How many open conversations the agent has in the brand's inbox.
    pub(super) fn count(&self, brand: &BrandId, agent: &AgentId) -> u32 {
        let is_theirs =
            |word: &&ConversationWord| word.open && word.brand == *brand && word.agent.as_ref() == Some(agent);
        u32::try_from(self.known.values().filter(is_theirs).count()).unwrap_or(u32::MAX)
    }

    pub(super) fn read_at(&self, brand: &BrandId) -> Option<DateTime<Utc>> {
        self.read_at.get(brand).copied()
    }
}

#[async_trait]
impl Conversations for ModelStore {
    async fn note_conversations(&self, words: &[ConversationWord]) -> Result<(), StoreError> {
        self.tables()?.conversations.note(words);
        Ok(())
    }

    async fn reconcile_conversations(
        &self,
        brand: &BrandId,
        open: &[ConversationWord],
        began_at: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let mut tables = self.tables()?;
        tables.conversations.note(open);
        for word in tables.conversations.known.values_mut() {
            if word.brand == *brand && word.heard_at < began_at {
                word.open = false;
            }
        }
        let read_at = tables.conversations.read_at.entry(brand.clone()).or_insert(began_at);
        *read_at = began_at.max(*read_at);
        Ok(())
    }

    async fn find_reconciled(&self, brand: &BrandId) -> Result<Option<DateTime<Utc>>, StoreError> {
        Ok(self.tables()?.conversations.read_at(brand))
    }

    async fn forget_conversations(&self, before: DateTime<Utc>) -> Result<u64, StoreError> {
        let mut tables = self.tables()?;
        let held = tables.conversations.known.len();
        tables.conversations.known.retain(|_, word| word.open || word.heard_at >= before);
        Ok(u64::try_from(held - tables.conversations.known.len()).unwrap_or(u64::MAX))
    }
}

#[derive(Debug, Default)]
pub(super) struct TaskTable(BTreeMap<CallId, CallbackTask>);

impl TaskTable {
    pub(super) fn change(&mut self, change: &TaskChange, now: DateTime<Utc>) {
        match change {
            TaskChange::Missed(missed) => self.open_or_join(missed, now),
            TaskChange::Answered { brand, caller, call } => {
                if let Some(task) = self.open_of(brand, caller) {
                    task.closed = Some((now, TaskEnd::Answered { call: *call }));
                }
            }
        }
    }

    fn open_or_join(&mut self, missed: &MissedCall, now: DateTime<Utc>) {
        let joined = missed.caller.as_ref().and_then(|caller| self.open_of(&missed.brand, caller));
        if let Some(task) = joined {
            task.caller_name = missed.caller_name.clone().or_else(|| task.caller_name.take());
            task.due_at = [task.due_at, missed.due_at].into_iter().flatten().min();
            task.missed += 1;
            task.last_call = missed.call;
            task.last_missed_at = now;
            return;
        }
        let task = CallbackTask {
            id: missed.call,
            brand: missed.brand.clone(),
            caller: missed.caller.clone(),
            caller_name: missed.caller_name.clone(),
            opened_at: now,
            due_at: missed.due_at,
            missed: 1,
            last_call: missed.call,
            last_missed_at: now,
            attempts: 0,
            last_attempt_at: None,
            closed: None,
        };
        self.0.insert(missed.call, task);
    }

    fn open_of(&mut self, brand: &BrandId, caller: &PhoneNumber) -> Option<&mut CallbackTask> {
        self.0
            .values_mut()
            .find(|task| task.closed.is_none() && task.brand == *brand && task.caller.as_ref() == Some(caller))
    }

    fn open(&mut self, id: CallId) -> Option<&mut CallbackTask> {
        self.0.get_mut(&id).filter(|task| task.closed.is_none())
    }
}

/// In the order in which they are due; those without a promise last.
fn due_order(task: &CallbackTask) -> (bool, Option<DateTime<Utc>>, CallId) {
    (task.due_at.is_none(), task.due_at, task.id)
}

#[async_trait]
impl CallbackTasks for ModelStore {
    async fn list_callback_tasks(
        &self,
        brand: Option<&BrandId>,
        state: TaskState,
        after: Option<CallId>,
        limit: u32,
    ) -> Result<Vec<CallbackTask>, StoreError> {
        let tables = self.tables()?;
        let behind = after.and_then(|after| tables.tasks.0.get(&after)).map(due_order);
        let is_wanted = |task: &&CallbackTask| {
            brand.is_none_or(|brand| task.brand == *brand)
                && task.closed.is_some() == (state == TaskState::Closed)
                && behind.is_none_or(|behind| due_order(task) > behind)
        };
        let mut found: Vec<CallbackTask> = tables.tasks.0.values().filter(is_wanted).cloned().collect();
        found.sort_by_key(due_order);
        found.truncate(most(limit));
        Ok(found)
    }

    async fn find_callback_task(&self, id: CallId) -> Result<Option<CallbackTask>, StoreError> {
        Ok(self.tables()?.tasks.0.get(&id).cloned())
    }

    async fn find_open_callback_task(
        &self,
        brand: &BrandId,
        caller: &PhoneNumber,
    ) -> Result<Option<CallbackTask>, StoreError> {
        Ok(self.tables()?.tasks.open_of(brand, caller).cloned())
    }

    async fn close_callback_task(&self, id: CallId, why: &TaskEnd, now: DateTime<Utc>) -> Result<bool, StoreError> {
        let mut tables = self.tables()?;
        let Some(task) = tables.tasks.open(id) else { return Ok(false) };
        task.closed = Some((now, why.clone()));
        if let Some(line) = why.audit_line(id) {
            tables.publishing.note(line, now);
        }
        Ok(true)
    }

    async fn note_callback_attempt(&self, id: CallId, now: DateTime<Utc>) -> Result<bool, StoreError> {
        let mut tables = self.tables()?;
        let Some(task) = tables.tasks.open(id) else { return Ok(false) };
        task.attempts += 1;
        task.last_attempt_at = Some(now);
        Ok(true)
    }
}

#[derive(Debug, Default)]
pub(super) struct PhoneWordTable(BTreeMap<i64, KeptWord>);

#[derive(Debug)]
struct KeptWord {
    word: PhoneWord,
    is_obeyed: bool,
    is_settled: bool,
}

#[async_trait]
impl PhoneWords for ModelStore {
    async fn obey_phone_word(&self, word: &PhoneWord) -> Result<PhoneObeyed, StoreError> {
        let mut tables = self.tables()?;
        if let Some(switch) = &word.switch {
            tables.facts.agent(&switch.agent);
        }
        if tables.phone_words.0.contains_key(&word.message) {
            return Ok(PhoneObeyed::Repeated);
        }
        let agent = word.switch.as_ref().map(|switch| &switch.agent);
        let is_later = |kept: &KeptWord| {
            let other = kept.word.switch.as_ref().map(|switch| &switch.agent);
            kept.is_obeyed && other == agent && kept.word.message > word.message
        };
        let is_obeyed = agent.is_some() && !tables.phone_words.0.values().any(is_later);
        let kept = KeptWord { word: word.clone(), is_obeyed, is_settled: false };
        tables.phone_words.0.insert(word.message, kept);
        let Some(switch) = word.switch.as_ref().filter(|_| is_obeyed) else { return Ok(PhoneObeyed::NotSwitched) };
        let facts = tables.facts.agent(&switch.agent);
        facts.switched_off_until = switch.off_until;
        if switch.off_until.is_none() {
            (facts.paused_until, facts.misses, facts.keyless) = (None, 0, 0);
        }
        Ok(PhoneObeyed::Switched)
    }

    async fn list_unanswered_words(&self, limit: u32) -> Result<Vec<UnansweredWord>, StoreError> {
        let tables = self.tables()?;
        let unanswered = tables.phone_words.0.values().filter(|kept| !kept.is_settled).take(most(limit));
        Ok(unanswered
            .map(|kept| UnansweredWord {
                message: kept.word.message,
                conversation: kept.word.conversation,
                reply: kept.word.reply.clone(),
                said_at: kept.word.said_at,
            })
            .collect())
    }

    async fn settle_phone_word(&self, message: i64) -> Result<(), StoreError> {
        if let Some(kept) = self.tables()?.phone_words.0.get_mut(&message) {
            kept.is_settled = true;
        }
        Ok(())
    }

    async fn forget_phone_words(&self, before: DateTime<Utc>) -> Result<u64, StoreError> {
        let mut tables = self.tables()?;
        let held = tables.phone_words.0.len();
        tables.phone_words.0.retain(|_, kept| kept.word.said_at >= before);
        Ok(u64::try_from(held - tables.phone_words.0.len()).unwrap_or(u64::MAX))
    }
}
