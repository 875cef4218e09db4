//! Drafts of the rules.

use chrono::{DateTime, Utc};

use super::entity::{DraftHeadRow, DraftRow};
use super::publishing::{Draft, DraftHead, DraftSave, draft_line};
use super::session::{Session, corrupt, count, instant, micros, values};
use super::{Conflict, StoreError, audit};
use crate::ids::DraftId;

/// Columns of a draft without its body.
const HEAD: &str = "id, name, base, revision, created_by, created_at, saved_by, saved_at";

const ABSENT: StoreError = StoreError::NotFound { what: "draft" };

pub(super) async fn create(
    session: &Session<'_>,
    id: DraftId,
    save: &DraftSave,
    now: DateTime<Utc>,
) -> Result<Draft, StoreError> {
    let sql = "INSERT INTO rules_drafts (id, name, body, base, revision, created_by, created_at, saved_by, saved_at) \
        VALUES ($1, $2, $3, $4, 1, $5, $6, $5, $6)";
    let (name, body, by) = (save.name.as_str(), save.body.as_str(), save.by.as_str());
    let values = values![id.to_string(), name, body, i64::from(save.base), by, micros(now)];
    session.run("keep the draft", sql, values).await?;
    audit::write(session, &draft_line("rules_draft_created", id, 1, by), now).await?;
    find(session, id).await?.ok_or(ABSENT)
}

pub(super) async fn save(
    session: &Session<'_>,
    id: DraftId,
    revision: u32,
    save: &DraftSave,
    now: DateTime<Utc>,
) -> Result<Draft, StoreError> {
    let sql = "UPDATE rules_drafts SET name = $3, body = $4, base = $5, revision = revision + 1, saved_by = $6, \
        saved_at = $7 WHERE id = $1 AND revision = $2";
    let (name, body, by) = (save.name.as_str(), save.body.as_str(), save.by.as_str());
    let values = values![id.to_string(), i64::from(revision), name, body, i64::from(save.base), by, micros(now)];
    if session.run("save the draft", sql, values).await? != 1 {
        return Err(refused(session, id).await?);
    }
    audit::write(session, &draft_line("rules_draft_saved", id, revision + 1, by), now).await?;
    find(session, id).await?.ok_or(ABSENT)
}

pub(super) async fn delete(
    session: &Session<'_>,
    id: DraftId,
    revision: u32,
    by: &str,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    take_away(session, id, revision).await?;
    audit::write(session, &draft_line("rules_draft_deleted", id, revision, by), now).await
}

/// Takes away a draft that has this revision.
pub(super) async fn take_away(session: &Session<'_>, id: DraftId, revision: u32) -> Result<(), StoreError> {
    let sql = "DELETE FROM rules_drafts WHERE id = $1 AND revision = $2";
    let gone = session.run("take the draft away", sql, values![id.to_string(), i64::from(revision)]).await?;
    if gone == 1 { Ok(()) } else { Err(refused(session, id).await?) }
}

/// Why a change of a draft met no row.
async fn refused(session: &Session<'_>, id: DraftId) -> Result<StoreError, StoreError> {
    let sql = "SELECT revision FROM rules_drafts WHERE id = $1";
    let stored = session.number("look for the draft", sql, values![id.to_string()]).await?;
    Ok(stored.map_or(ABSENT, |_| StoreError::Conflict(Conflict::DraftChanged)))
}

pub(super) async fn find(session: &Session<'_>, id: DraftId) -> Result<Option<Draft>, StoreError> {
    let sql = format!("SELECT {HEAD}, body FROM rules_drafts WHERE id = $1");
    let row: Option<DraftRow> = session.row("read the draft", sql, values![id.to_string()]).await?;
    row.map(read).transpose()
}

pub(super) async fn list(session: &Session<'_>, limit: u32) -> Result<Vec<DraftHead>, StoreError> {
    let sql = format!("SELECT {HEAD} FROM rules_drafts ORDER BY saved_at DESC, id LIMIT $1");
    let rows: Vec<DraftHeadRow> = session.rows("list the drafts", sql, values![i64::from(limit)]).await?;
    rows.into_iter().map(read_head).collect()
}

fn read(row: DraftRow) -> Result<Draft, StoreError> {
    Ok(Draft { head: read_head(row.head)?, body: row.body })
}

fn read_head(row: DraftHeadRow) -> Result<DraftHead, StoreError> {
    Ok(DraftHead {
        id: row.id.parse().map_err(|cause| corrupt("draft's id", cause))?,
        name: row.name,
        base: count(row.base)?,
        revision: count(row.revision)?,
        created_by: row.created_by,
        created_at: instant(row.created_at)?,
        saved_by: row.saved_by,
        saved_at: instant(row.saved_at)?,
    })
}
