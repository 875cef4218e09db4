//! Answers agents who wrote about their phone: the answer was saved with what it changed, and is posted until it stands
//! there, once.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use tokio_util::sync::CancellationToken;

use super::Outbox;
use super::inbox::{InboxDesk, LATE_COMMIT, Trouble};
use crate::chatwoot::{ChatwootError, NewMessage, note};
use crate::store::{StoreError, UnansweredWord};

/// Answers posted at a time.
const AT_A_TIME: u32 = 20;

/// An answer that comes later than this says what may not be so any more, and is left out.
const ANSWER_WITHIN: TimeDelta = TimeDelta::hours(1);

/// The store is asked so often; the index holds nothing while nothing waits.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// One replica answers at a time; whoever dies in the middle is followed after so long, when a write of theirs cannot
/// land any more.
const TURN: TimeDelta = TimeDelta::seconds(60);

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
        if waiting.is_empty() || !self.store.take_lease("phone replies", &self.name, now, TURN).await? {
            return Ok(0);
        }
        let mut answered = 0;
        for word in waiting {
            if self.clock.now() - word.said_at > ANSWER_WITHIN {
                tracing::warn!(message.id = word.message, "a note about a phone was obeyed and never answered");
            } else if let Err(trouble) = self.inbox.answer(&word).await {
                tracing::warn!(message.id = word.message, error = %trouble, "a note about a phone could not be answered");
                if !is_hopeless(&trouble) {
                    self.postpone_replies(self.clock.now() + LATE_COMMIT);
                    return Ok(answered);
                }
            }
            self.store.settle_phone_word(word.message).await?;
            answered += 1;
        }
        Ok(answered)
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
                tracing::warn!(error = %error, "notes about phones could not be read");
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
        }
    }
}

impl InboxDesk {
    async fn answer(&self, word: &UnansweredWord) -> Result<(), Trouble> {
        let source_id = format!("offhook:phone:{}", word.message);
        let mut message = NewMessage::note(note().text(&word.reply).finish(), &source_id);
        if let Some(bot) = self.find_bot().await? {
            message = message.as_bot(bot);
        }
        if self.chatwoot.find_message_by_source_id(word.conversation, &source_id).await?.is_none() {
            self.chatwoot.create_message(word.conversation, message).await?;
        }
        Ok(())
    }
}

/// The conversation is gone.
fn is_hopeless(trouble: &Trouble) -> bool {
    matches!(trouble, Trouble::Chatwoot(ChatwootError::NotFound { .. }))
}
