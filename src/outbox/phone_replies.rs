//! Answers agents who wrote about their phone: the answer was saved with what it changed, and is posted until it stands
//! there, once.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use tokio_util::sync::CancellationToken;

use super::Delivery;
use super::Outbox;
use super::inbox::{InboxDesk, Trouble};
use crate::chatwoot::{ChatwootError, NewMessage, note};
use crate::store::{Conflict, LATE_COMMIT, StoreError, UnansweredWord};
use crate::telemetry::Chain;

/// Answers posted at a time.
const AT_A_TIME: u32 = 20;

/// An answer that comes later than this says what may not be so any more, and is left out.
const ANSWER_WITHIN: TimeDelta = TimeDelta::hours(1);

/// The store is asked so often; the index holds nothing while nothing waits.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// One replica answers at a time, and takes its turn anew before every write; whoever dies in the middle is followed after
/// so long, when a write of theirs cannot land any more: after the longest time-out of the settings and [`LATE_COMMIT`].
const TURN: TimeDelta = TimeDelta::seconds(90);

/// The turn of those who answer.
const TURN_NAME: &str = "phone replies";

impl Outbox {
    /// Posts the answers that wait; how many.
    ///
    /// # Errors
    /// When the store fails. What Chatwoot refuses is tried again later.
    pub async fn answer_phone_words(&self) -> Result<usize, StoreError> {
        let now = self.clock.now();
        if self.find_replies_not_before().is_some_and(|at| now < at) {
            return Ok(0);
        }
        let waiting = self.store.list_unanswered_words(AT_A_TIME).await?;
        if waiting.is_empty() || !self.take_turn().await? {
            return Ok(0);
        }
        let mut answered = 0;
        for word in waiting {
            if self.clock.now() - word.said_at > ANSWER_WITHIN {
                tracing::warn!(message.id = word.message, "a note about a phone was obeyed and never answered");
            } else if let Err(trouble) = self.answer(&word).await {
                tracing::warn!(message.id = word.message, error = %trouble, "a note about a phone could not be answered");
                match trouble {
                    // The conversation is gone.
                    Trouble::Chatwoot(ChatwootError::NotFound { .. }) => {}
                    // Refused for what it says: the others do not wait for it.
                    Trouble::Chatwoot(error @ ChatwootError::Refused { .. }) => {
                        let noted = self.refused_replies.note(word.message, error.to_string(), self.clock.now());
                        if !matches!(noted, Delivery::Hopeless { .. }) {
                            self.postpone_replies(self.clock.now() + LATE_COMMIT);
                            continue;
                        }
                    }
                    _ => {
                        self.postpone_replies(self.clock.now() + LATE_COMMIT);
                        return Ok(answered);
                    }
                }
            }
            self.store.settle_phone_word(word.message).await?;
            answered += 1;
        }
        Ok(answered)
    }

    async fn take_turn(&self) -> Result<bool, StoreError> {
        self.store.take_lease(TURN_NAME, &self.name, self.clock.now(), TURN).await
    }

    /// Posts an answer unless it is there already, or it is somebody else's turn by now.
    async fn answer(&self, word: &UnansweredWord) -> Result<(), Trouble> {
        let source_id = format!("offhook:phone:{}", word.message);
        let mut message = NewMessage::note(note().text(&word.reply).finish(), &source_id);
        if let Some(bot) = self.inbox.find_bot().await? {
            message = message.as_bot(bot);
        }
        if self.inbox.is_posted(word.conversation, &source_id).await? {
            return Ok(());
        }
        if !self.take_turn().await? {
            return Err(Trouble::Store(StoreError::Conflict(Conflict::Version)));
        }
        self.inbox.post(word.conversation, message).await
    }

    fn find_replies_not_before(&self) -> Option<DateTime<Utc>> {
        *self.replies_not_before.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn postpone_replies(&self, until: DateTime<Utc>) {
        *self.replies_not_before.lock().unwrap_or_else(PoisonError::into_inner) = Some(until);
    }

    /// Answers until `stop`.
    pub async fn run_phone_replies(self: Arc<Self>, stop: CancellationToken) {
        loop {
            if let Err(error) = self.answer_phone_words().await {
                tracing::warn!(error = %Chain(&error), "notes about phones could not be read");
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
        }
    }
}

impl InboxDesk {
    async fn is_posted(&self, conversation: i64, source_id: &str) -> Result<bool, Trouble> {
        Ok(self.chatwoot.find_message_by_source_id(conversation, source_id).await?.is_some())
    }

    async fn post(&self, conversation: i64, message: NewMessage) -> Result<(), Trouble> {
        self.chatwoot.create_message(conversation, message).await?;
        Ok(())
    }
}
