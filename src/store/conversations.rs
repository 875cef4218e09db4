//! What Chatwoot says of the conversations in the brands' inboxes: how much each agent has to do.
//!
//! Words about one conversation may come late, twice and out of order; the one with the greatest `updated_at` holds, and
//! of two with the same the one heard last. A reading of a whole inbox says which are open, and thereby that the others
//! are not, unless something newer was heard of them meanwhile.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::StoreError;
use super::session::{ROWS_MAX, Session, instant_or_none, job, micros, tuples, values};
use super::sql::{SqlStore, ask};
use crate::ids::{AgentId, BrandId};

/// One word about a conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConversationWord {
    /// The number people see.
    pub number: i64,
    /// Whose inbox it is in.
    pub brand: BrandId,
    /// The agent it is assigned to, if it is one of ours.
    pub agent: Option<AgentId>,
    /// Whether it is open; pending, snoozed and resolved are not.
    pub open: bool,
    /// By Chatwoot's clock: what orders two words.
    pub updated_at: DateTime<Utc>,
    /// When we heard it, by ours.
    pub heard_at: DateTime<Utc>,
}

/// Where it is kept. What it counts stands in [`AgentFacts`](super::AgentFacts).
#[async_trait]
pub trait Conversations: Send + Sync {
    /// Takes note of words, in whatever order they come.
    async fn note_conversations(&self, words: &[ConversationWord]) -> Result<(), StoreError>;
    /// A brand's inbox was read as a whole, from `began_at` on: `open` are its open conversations, and whatever else was
    /// open and was not heard of since is open no more.
    async fn reconcile_conversations(
        &self,
        brand: &BrandId,
        open: &[ConversationWord],
        began_at: DateTime<Utc>,
    ) -> Result<(), StoreError>;
    /// When the brand's inbox was last read as a whole.
    async fn find_reconciled(&self, brand: &BrandId) -> Result<Option<DateTime<Utc>>, StoreError>;
    /// Forgets conversations that are not open and were not heard of since `before`; how many.
    async fn forget_conversations(&self, before: DateTime<Utc>) -> Result<u64, StoreError>;
}

#[async_trait]
impl Conversations for SqlStore {
    async fn note_conversations(&self, words: &[ConversationWord]) -> Result<(), StoreError> {
        self.write(ask!(session, words = words.to_vec() => note(session, &words))).await
    }

    async fn reconcile_conversations(
        &self,
        brand: &BrandId,
        open: &[ConversationWord],
        began_at: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        self.write(ask!(session, brand = brand.clone(), open = open.to_vec() => {
            reconcile(session, &brand, &open, began_at)
        }))
        .await
    }

    async fn find_reconciled(&self, brand: &BrandId) -> Result<Option<DateTime<Utc>>, StoreError> {
        self.read(ask!(session, brand = brand.clone() => find_reconciled(session, &brand))).await
    }

    async fn forget_conversations(&self, before: DateTime<Utc>) -> Result<u64, StoreError> {
        self.write(ask!(session => forget(session, before))).await
    }
}

/// The last word on each conversation, in the order of their numbers, so that two writers lock them alike.
pub(super) fn last_words(words: &[ConversationWord]) -> BTreeMap<i64, &ConversationWord> {
    let mut last: BTreeMap<i64, &ConversationWord> = BTreeMap::new();
    for word in words {
        let kept = last.entry(word.number).or_insert(word);
        if word.updated_at >= kept.updated_at {
            *kept = word;
        }
    }
    last
}

async fn note(session: &Session<'_>, words: &[ConversationWord]) -> Result<(), StoreError> {
    let last: Vec<&ConversationWord> = last_words(words).into_values().collect();
    for part in last.chunks(ROWS_MAX) {
        let mut values = Vec::with_capacity(part.len() * COLUMNS);
        for word in part {
            values.extend(values![
                word.number,
                word.brand.as_str(),
                word.agent.as_ref().map(|agent| agent.as_str().to_owned()),
                i64::from(word.open),
                micros(word.updated_at),
                micros(word.heard_at),
            ]);
        }
        let newer = |column: &str| {
            format!(
                "{column} = CASE WHEN excluded.updated_at >= conversations.updated_at THEN excluded.{column} \
                 ELSE conversations.{column} END"
            )
        };
        let sql = format!(
            "INSERT INTO conversations (number, brand, agent, open, updated_at, heard_at) VALUES {} \
             ON CONFLICT (number) DO UPDATE SET {}, {}, {}, {}, heard_at = CASE WHEN \
             excluded.heard_at > conversations.heard_at THEN excluded.heard_at ELSE conversations.heard_at END",
            tuples(part.len(), COLUMNS),
            newer("brand"),
            newer("agent"),
            newer("open"),
            newer("updated_at"),
        );
        session.run("save the conversations", sql, values).await?;
    }
    Ok(())
}

const COLUMNS: usize = 6;

async fn reconcile(
    session: &Session<'_>,
    brand: &BrandId,
    open: &[ConversationWord],
    began_at: DateTime<Utc>,
) -> Result<(), StoreError> {
    note(session, open).await?;
    // What the reading names was heard of just now.
    let sql = "UPDATE conversations SET open = 0 WHERE brand = $1 AND open = 1 AND heard_at < $2";
    session.run("close the conversations", sql, values![brand.as_str(), micros(began_at)]).await?;
    let sql = "INSERT INTO inboxes_reconciled (brand, at) VALUES ($1, $2) ON CONFLICT (brand) DO UPDATE SET at = excluded.at \
        WHERE excluded.at > inboxes_reconciled.at";
    session.run("save the reading", sql, values![brand.as_str(), micros(began_at)]).await?;
    Ok(())
}

async fn find_reconciled(session: &Session<'_>, brand: &BrandId) -> Result<Option<DateTime<Utc>>, StoreError> {
    let sql = "SELECT at FROM inboxes_reconciled WHERE brand = $1";
    instant_or_none(session.number("find the last reading", sql, values![brand.as_str()]).await?)
}

async fn forget(session: &Session<'_>, before: DateTime<Utc>) -> Result<u64, StoreError> {
    let sql = "DELETE FROM conversations WHERE open = 0 AND heard_at < $1";
    session.run("forget old conversations", sql, values![micros(before)]).await
}
