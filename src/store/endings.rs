//! How the calls of a brand ended, as counts: what the answer rate is made of.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::StoreError;
use super::entity::EndingsRow;
use super::session::{Session, count, job, micros, values};
use super::sql::{SqlStore, ask};
use crate::ids::BrandId;

/// How many calls that agents could have answered there were, and how many of them they did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct AnswerCounts {
    /// Calls that ended answered, with a voicemail, missed or abandoned.
    pub offered: u32,
    /// Those that ended answered.
    pub answered: u32,
}

/// Counts calls by how they ended.
#[async_trait]
pub trait Endings: Send + Sync {
    /// Counts the brand's calls that arrived from `from` up to but not including `until` and are over.
    async fn count_answers(
        &self,
        brand: &BrandId,
        from: DateTime<Utc>,
        until: DateTime<Utc>,
    ) -> Result<AnswerCounts, StoreError>;
}

#[async_trait]
impl Endings for SqlStore {
    async fn count_answers(
        &self,
        brand: &BrandId,
        from: DateTime<Utc>,
        until: DateTime<Utc>,
    ) -> Result<AnswerCounts, StoreError> {
        self.read(ask!(session, brand = brand.clone() => count_answers(session, &brand, from, until))).await
    }
}

async fn count_answers(
    session: &Session<'_>,
    brand: &BrandId,
    from: DateTime<Utc>,
    until: DateTime<Utc>,
) -> Result<AnswerCounts, StoreError> {
    let sql = "SELECT count(*) AS offered, COALESCE(sum(CASE WHEN ending = 'answered' THEN 1 ELSE 0 END), 0) AS answered \
        FROM calls WHERE brand = $1 AND arrived_at >= $2 AND arrived_at < $3 AND ending IS NOT NULL \
        AND ending IN ('answered', 'voicemail', 'missed', 'abandoned')";
    let values = values![brand.as_str(), micros(from), micros(until)];
    let row: Option<EndingsRow> = session.row("count the endings", sql, values).await?;
    let Some(row) = row else { return Ok(AnswerCounts::default()) };
    Ok(AnswerCounts { offered: count(row.offered)?, answered: count(row.answered)? })
}
