//! Steps about conversations, callback tasks and notes about phones.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use offhook::call::event::{Ending, Event};
use offhook::store::{
    ConversationWord, MissedCall, PhoneSwitched, PhoneWord, Save, Store, TaskChange, TaskEnd, TaskState,
};

use super::subject::{agent, brand, call_id, phone, show};
use super::trace::Dice;

/// A word about a conversation: its number, whose it is, whether it is open, and the ages of both its clocks in seconds.
#[derive(Debug, Clone, Copy)]
pub struct Said {
    number: i64,
    brand: u32,
    agent: Option<u32>,
    open: bool,
    updated_ago: i64,
    heard_ago: i64,
}

#[derive(Debug, Clone)]
pub enum InboxOp {
    Note { words: Vec<Said> },
    Reconcile { brand: u32, words: Vec<Said>, began_ago: i64 },
    Tasks { after: Option<u32> },
    CloseTask { call: u32, how: u32 },
    Attempt { call: u32 },
    PhoneNote { message: i64, who: Option<u32>, off: bool },
    Forget,
}

/// What a change does to tasks: a call that nobody took, with its caller and by when it is due, or one that was answered.
#[derive(Debug, Clone, Copy)]
pub enum TaskStep {
    Missed { brand: u32, caller: Option<u32>, due_in: Option<i64> },
    Answered { brand: u32, caller: u32 },
}

impl TaskStep {
    /// Puts it into a save. A call ends once, and opens at most one task.
    pub fn apply(self, save: &mut Save, now: DateTime<Utc>) {
        let call = save.call.id;
        match self {
            Self::Missed { brand: of, caller, due_in } if !save.call.has_ended() => {
                let ended = Event::CallEnded { ending: Ending::Missed };
                save.call.apply(&ended, now);
                save.events.push(ended);
                save.tasks.push(TaskChange::Missed(MissedCall {
                    brand: brand(of),
                    caller: caller.map(|n| phone(50 + n)),
                    caller_name: due_in.is_some().then(|| "Ines Okafor".to_owned()),
                    call,
                    due_at: due_in.map(|seconds| now + TimeDelta::seconds(seconds)),
                }));
            }
            Self::Missed { .. } => {}
            Self::Answered { brand: of, caller } => {
                save.tasks.push(TaskChange::Answered { brand: brand(of), caller: phone(50 + caller), call });
            }
        }
    }
}

impl Dice {
    pub fn task_step(&mut self) -> TaskStep {
        let (brand, caller) = (self.below(2), self.below(2));
        if self.below(4) == 0 {
            return TaskStep::Answered { brand, caller };
        }
        let due_in = (self.below(3) > 0).then(|| i64::from(self.below(100)));
        TaskStep::Missed { brand, caller: (self.below(5) > 0).then_some(caller), due_in }
    }

    pub fn inbox_op(&mut self) -> InboxOp {
        let call = [0, 1, 6, 7][usize::try_from(self.below(4)).unwrap()];
        match self.below(12) {
            0..4 => InboxOp::Note { words: (0..=self.below(4)).map(|_| self.said()).collect() },
            4 | 5 => {
                let brand = self.below(2);
                let mut words: Vec<Said> = (0..self.below(4)).map(|_| self.said()).collect();
                for word in &mut words {
                    (word.brand, word.open, word.heard_ago) = (brand, true, 0);
                }
                InboxOp::Reconcile { brand, words, began_ago: i64::from(self.below(3)) }
            }
            6 | 7 => InboxOp::Tasks { after: (self.below(2) == 0).then_some(call) },
            8 => InboxOp::CloseTask { call, how: self.below(3) },
            9 => InboxOp::Attempt { call },
            10 => InboxOp::PhoneNote {
                message: i64::from(self.below(12)),
                who: (self.below(5) > 0).then(|| self.below(4)),
                off: self.below(2) == 0,
            },
            _ => InboxOp::Forget,
        }
    }

    fn said(&mut self) -> Said {
        Said {
            number: i64::from(self.below(6)),
            brand: self.below(2),
            agent: (self.below(4) > 0).then(|| self.below(4)),
            open: self.below(3) > 0,
            updated_ago: i64::from(self.below(4)),
            heard_ago: i64::from(self.below(3)),
        }
    }
}

fn word(said: &Said, now: DateTime<Utc>) -> ConversationWord {
    ConversationWord {
        number: said.number,
        brand: brand(said.brand),
        agent: said.agent.map(agent),
        open: said.open,
        updated_at: now - TimeDelta::seconds(said.updated_ago),
        heard_at: now - TimeDelta::seconds(said.heard_ago),
    }
}

/// Does one of them and shows the answer.
pub async fn step(store: &Arc<dyn Store>, op: &InboxOp, now: DateTime<Utc>) -> String {
    match op {
        InboxOp::Note { words } => {
            let words: Vec<_> = words.iter().map(|said| word(said, now)).collect();
            show(store.note_conversations(&words).await) + &counts(store, now).await
        }
        InboxOp::Reconcile { brand: of, words, began_ago } => {
            let words: Vec<_> = words.iter().map(|said| word(said, now)).collect();
            let began_at = now - TimeDelta::seconds(*began_ago);
            show(store.reconcile_conversations(&brand(*of), &words, began_at).await) + &counts(store, now).await
        }
        InboxOp::Tasks { after } => tasks(store, *after).await,
        InboxOp::CloseTask { call, how } => {
            let why = match how {
                0 => TaskEnd::Reached,
                1 => TaskEnd::Outcome,
                _ => TaskEnd::ByHand { reason: "They wrote to us.".to_owned(), by: "Sam Carter".to_owned() },
            };
            show(store.close_callback_task(call_id(*call), &why, now).await) + &tasks(store, None).await
        }
        InboxOp::Attempt { call } => show(store.note_callback_attempt(call_id(*call), now).await),
        InboxOp::PhoneNote { message, who, off } => {
            let off_until = off.then_some(now + TimeDelta::hours(1));
            let said = PhoneWord {
                message: *message,
                conversation: 42,
                switch: who.map(|who| PhoneSwitched { agent: agent(who), off_until }),
                reply: format!("Note {message} at {now}"),
                said_at: now,
            };
            let mut shown = show(store.obey_phone_word(&said).await) + &counts(store, now).await;
            let unanswered = store.list_unanswered_words(3).await;
            if let Some(first) = unanswered.as_ref().ok().and_then(|words| words.first()) {
                shown += &show(store.settle_phone_word(first.message).await);
            }
            shown + &show(unanswered)
        }
        InboxOp::Forget => {
            let before = now - TimeDelta::seconds(5);
            show(store.forget_conversations(before).await) + &show(store.forget_phone_words(before).await)
        }
    }
}

async fn counts(store: &Arc<dyn Store>, now: DateTime<Utc>) -> String {
    let agents: Vec<_> = (0..4).map(agent).collect();
    let mut shown = String::new();
    for of in [brand(0), brand(1)] {
        shown += &show(store.find_reconciled(&of).await);
        shown += &show(store.load_facts(&of, &agents, now).await);
    }
    shown
}

async fn tasks(store: &Arc<dyn Store>, after: Option<u32>) -> String {
    let mut shown = String::new();
    for state in [TaskState::Open, TaskState::Closed] {
        for of in [None, Some(brand(0)), Some(brand(1))] {
            shown += &show(store.list_callback_tasks(of.as_ref(), state, after.map(call_id), 3).await);
        }
    }
    for n in 0..2 {
        shown += &show(store.find_open_callback_task(&brand(n), &phone(50 + n)).await);
    }
    shown + &show(store.find_callback_task(call_id(6)).await)
}
