//! What agents say of their phones in private notes: obeyed once, in the order in which the notes were written, and
//! answered once.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::StoreError;
use super::entity::PhoneWordRow;
use super::session::{Session, instant, job, micros, values};
use super::sql::{SqlStore, ask};
use crate::ids::AgentId;

/// A note of an agent about their phone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PhoneWord {
    /// Chatwoot's number of the note; later ones are greater.
    pub message: i64,
    /// The conversation it stands in.
    pub conversation: i64,
    /// What it switches; none if it was not understood or its writer takes no calls here.
    pub switch: Option<PhoneSwitched>,
    /// What is to be said to it, in plain words.
    pub reply: String,
    /// When we heard it.
    pub said_at: DateTime<Utc>,
}

/// An agent's own switch, as it is to stand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PhoneSwitched {
    /// Whose.
    pub agent: AgentId,
    /// Off until then; none is on, which also ends a pause by the system and begins the misses again.
    pub off_until: Option<DateTime<Utc>>,
}

/// What came of a note.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PhoneObeyed {
    /// The switch stands as the note says.
    Switched,
    /// A later note of the agent was obeyed before, or the note switches nothing.
    NotSwitched,
    /// The same note was heard before.
    Repeated,
}

/// A note that was not answered yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnansweredWord {
    /// Chatwoot's number of it.
    pub message: i64,
    /// Where it stands.
    pub conversation: i64,
    /// What is to be said.
    pub reply: String,
    /// When it was heard.
    pub said_at: DateTime<Utc>,
}

/// Where notes about phones are kept.
#[async_trait]
pub trait PhoneWords: Send + Sync {
    /// Obeys a note, unless it was heard before, or a later one of the same agent was.
    async fn obey_phone_word(&self, word: &PhoneWord) -> Result<PhoneObeyed, StoreError>;
    /// Notes that were not answered yet, oldest first, at most `limit`.
    async fn list_unanswered_words(&self, limit: u32) -> Result<Vec<UnansweredWord>, StoreError>;
    /// A note was answered, or never will be.
    async fn settle_phone_word(&self, message: i64) -> Result<(), StoreError>;
    /// Forgets notes from before `before`, answered or not; how many.
    async fn forget_phone_words(&self, before: DateTime<Utc>) -> Result<u64, StoreError>;
}

#[async_trait]
impl PhoneWords for SqlStore {
    async fn obey_phone_word(&self, word: &PhoneWord) -> Result<PhoneObeyed, StoreError> {
        self.write(ask!(session, word = word.clone() => obey(session, &word))).await
    }

    async fn list_unanswered_words(&self, limit: u32) -> Result<Vec<UnansweredWord>, StoreError> {
        self.read(ask!(session => list_unanswered(session, limit))).await
    }

    async fn settle_phone_word(&self, message: i64) -> Result<(), StoreError> {
        self.write(ask!(session => settle(session, message))).await
    }

    async fn forget_phone_words(&self, before: DateTime<Utc>) -> Result<u64, StoreError> {
        self.write(ask!(session => forget(session, before))).await
    }
}

async fn obey(session: &Session<'_>, word: &PhoneWord) -> Result<PhoneObeyed, StoreError> {
    if let Some(switch) = &word.switch {
        // The agent's row is the lock: of two notes at once the second sees the first.
        let sql = "INSERT INTO agents (agent) VALUES ($1) ON CONFLICT (agent) DO UPDATE SET agent = excluded.agent";
        session.run("lock the agent", sql, values![switch.agent.as_str()]).await?;
    }
    let agent = word.switch.as_ref().map(|switch| switch.agent.as_str().to_owned());
    let off_until = word.switch.as_ref().and_then(|switch| switch.off_until).map(micros);
    let sql = "SELECT max(message) FROM phone_words WHERE agent = $1 AND obeyed = 1";
    let last = session.number("find the last note", sql, values![agent.clone()]).await?;
    let is_obeyed = word.switch.is_some() && last.is_none_or(|last| last < word.message);
    let sql = "INSERT INTO phone_words (message, conversation, agent, off_until, obeyed, reply, said_at) \
        VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (message) DO NOTHING";
    let values = values![
        word.message,
        word.conversation,
        agent,
        off_until,
        i64::from(is_obeyed),
        word.reply.as_str(),
        micros(word.said_at),
    ];
    if session.run("save the note", sql, values).await? == 0 {
        return Ok(PhoneObeyed::Repeated);
    }
    let Some(switch) = word.switch.as_ref().filter(|_| is_obeyed) else { return Ok(PhoneObeyed::NotSwitched) };
    let sql = if off_until.is_some() {
        "UPDATE agents SET switched_off_until = $2 WHERE agent = $1"
    } else {
        "UPDATE agents SET switched_off_until = $2, paused_until = NULL, misses = 0, keyless = 0 WHERE agent = $1"
    };
    session.run("switch the phone", sql, values![switch.agent.as_str(), off_until]).await?;
    Ok(PhoneObeyed::Switched)
}

async fn list_unanswered(session: &Session<'_>, limit: u32) -> Result<Vec<UnansweredWord>, StoreError> {
    let sql =
        "SELECT message, conversation, reply, said_at FROM phone_words WHERE replied = 0 ORDER BY message LIMIT $1";
    let rows: Vec<PhoneWordRow> = session.rows("list the notes", sql, values![i64::from(limit)]).await?;
    rows.into_iter()
        .map(|row| {
            let said_at = instant(row.said_at)?;
            Ok(UnansweredWord { message: row.message, conversation: row.conversation, reply: row.reply, said_at })
        })
        .collect()
}

async fn settle(session: &Session<'_>, message: i64) -> Result<(), StoreError> {
    session.run("settle the note", "UPDATE phone_words SET replied = 1 WHERE message = $1", values![message]).await?;
    Ok(())
}

async fn forget(session: &Session<'_>, before: DateTime<Utc>) -> Result<u64, StoreError> {
    session.run("forget old notes", "DELETE FROM phone_words WHERE said_at < $1", values![micros(before)]).await
}
