//! Who changed what, and when. Lines are added, in the transaction of the change itself, and never changed or taken away.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use serde_json::Value;

use super::StoreError;
use super::entity::AuditRow;
use super::session::{Session, instant, micros, parse, print, values};

/// A line to be added.
#[derive(Debug, Clone, PartialEq)]
pub struct NewAuditLine {
    /// Who did it, in the words of the door that let them in.
    pub by: String,
    /// What was done, stable: `rules_published`.
    pub action: &'static str,
    /// To what, as a path below the API: `rules/versions/7`.
    pub subject: String,
    /// Further words, an object; no secret, no whole phone number.
    pub detail: Value,
}

/// A line.
#[derive(Debug, Clone, PartialEq)]
pub struct AuditLine {
    /// Counts upwards, with gaps.
    pub id: i64,
    /// When.
    pub at: DateTime<Utc>,
    /// Who.
    pub by: String,
    /// What was done.
    pub action: String,
    /// To what.
    pub subject: String,
    /// Further words, an object.
    pub detail: Value,
}

/// The audit. Changes of other tables add their line themselves; [`Audit::note_audit`] is for what changes no table.
#[async_trait]
pub trait Audit: Send + Sync {
    /// Adds a line.
    async fn note_audit(&self, line: NewAuditLine, now: DateTime<Utc>) -> Result<(), StoreError>;
    /// The newest lines, newest first, of those before line `before`; at most `limit`.
    async fn list_audit(&self, before: Option<i64>, limit: u32) -> Result<Vec<AuditLine>, StoreError>;
}

/// Adds a line within the transaction of the change.
pub(super) async fn write(session: &Session<'_>, line: &NewAuditLine, now: DateTime<Utc>) -> Result<(), StoreError> {
    let sql = "INSERT INTO audit (at, by_whom, action, subject, detail) VALUES ($1, $2, $3, $4, $5)";
    let detail = print("audit", &line.detail)?;
    let values = values![micros(now), line.by.as_str(), line.action, line.subject.as_str(), detail];
    session.run("write the audit", sql, values).await?;
    Ok(())
}

pub(super) async fn list(session: &Session<'_>, before: Option<i64>, limit: u32) -> Result<Vec<AuditLine>, StoreError> {
    let sql = "SELECT id, at, by_whom, action, subject, detail FROM audit WHERE id < $1 ORDER BY id DESC LIMIT $2";
    let values = values![before.unwrap_or(i64::MAX), i64::from(limit)];
    let rows: Vec<AuditRow> = session.rows("read the audit", sql, values).await?;
    rows.into_iter()
        .map(|row| {
            Ok(AuditLine {
                id: row.id,
                at: instant(row.at)?,
                by: row.by_whom,
                action: row.action,
                subject: row.subject,
                detail: parse("audit", &row.detail)?,
            })
        })
        .collect()
}
