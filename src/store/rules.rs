//! Published versions of the rules.

use chrono::{DateTime, Utc};

use super::entity::{RulesRow, VersionRow};
use super::publishing::{BrokenMark, NewVersion, PublishedRules, VersionHead, marked_line, published_line};
use super::session::{Session, corrupt, count, instant, instant_or_none, micros, values};
use super::{Conflict, StoreError, audit, drafts};

/// Columns of a version without its body.
const HEAD: &str = "version, published_at, published_by, note, base, rolled_back_from, broken, broken_at, \
    CAST(octet_length(body) AS BIGINT) AS body_bytes";

/// Of two who publish the same number the second finds it taken, and is told.
pub(super) async fn publish(session: &Session<'_>, new: &NewVersion, now: DateTime<Utc>) -> Result<(), StoreError> {
    if let Some((id, revision)) = new.draft {
        drafts::take_away(session, id, revision).await?;
    }
    let sql = "INSERT INTO rules_versions (version, body, published_at, published_by, note, base, rolled_back_from) \
        SELECT $1, $2, $3, $4, $5, $6, $7 WHERE (SELECT COALESCE(max(version), 0) FROM rules_versions) = $8 \
        ON CONFLICT DO NOTHING";
    let values = values![
        i64::from(new.version),
        new.body.as_str(),
        micros(now),
        new.by.as_str(),
        new.note.clone(),
        new.base.map(i64::from),
        new.rolled_back_from.map(i64::from),
        i64::from(new.version) - 1,
    ];
    if session.run("publish the rules", sql, values).await? != 1 {
        return Err(StoreError::Conflict(Conflict::RulesPublished));
    }
    audit::write(session, &published_line(new), now).await
}

/// Two who publish at once get two versions: the second to write finds its number taken and is run again.
pub(super) async fn publish_next(
    session: &Session<'_>,
    body: &str,
    by: &str,
    now: DateTime<Utc>,
) -> Result<u32, StoreError> {
    let sql = "INSERT INTO rules_versions (version, body, published_at, published_by) \
        VALUES ((SELECT COALESCE(max(version), 0) + 1 FROM rules_versions), $1, $2, $3) RETURNING version";
    let version = session.number("publish the rules", sql, values![body, micros(now), by]).await?;
    let version = count(version.ok_or_else(|| corrupt("version", "none was returned"))?)?;
    let line = published_line(&NewVersion {
        version,
        base: None,
        body: String::new(),
        by: by.to_owned(),
        note: None,
        rolled_back_from: None,
        draft: None,
    });
    audit::write(session, &line, now).await?;
    Ok(version)
}

pub(super) async fn find_newest(session: &Session<'_>) -> Result<Option<VersionHead>, StoreError> {
    let sql = format!("SELECT {HEAD} FROM rules_versions ORDER BY version DESC LIMIT 1");
    session.row("look for newer rules", sql, Vec::new()).await?.map(read_head).transpose()
}

pub(super) async fn find_current(session: &Session<'_>) -> Result<Option<PublishedRules>, StoreError> {
    let sql = format!("SELECT {HEAD}, body FROM rules_versions WHERE broken IS NULL ORDER BY version DESC LIMIT 1");
    session.row("read the rules", sql, Vec::new()).await?.map(read).transpose()
}

pub(super) async fn find(session: &Session<'_>, version: u32) -> Result<Option<PublishedRules>, StoreError> {
    let sql = format!("SELECT {HEAD}, body FROM rules_versions WHERE version = $1");
    session.row("read the rules", sql, values![i64::from(version)]).await?.map(read).transpose()
}

pub(super) async fn list(
    session: &Session<'_>,
    before: Option<u32>,
    limit: u32,
) -> Result<Vec<VersionHead>, StoreError> {
    let sql = format!("SELECT {HEAD} FROM rules_versions WHERE version < $1 ORDER BY version DESC LIMIT $2");
    let values = values![before.map_or(i64::MAX, i64::from), i64::from(limit)];
    let rows: Vec<VersionRow> = session.rows("list the versions of the rules", sql, values).await?;
    rows.into_iter().map(read_head).collect()
}

pub(super) async fn mark(
    session: &Session<'_>,
    version: u32,
    broken: Option<&str>,
    by: &str,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let number = i64::from(version);
    let changed = match broken {
        Some(reason) => {
            let sql = "UPDATE rules_versions SET broken = $2, broken_at = $3 WHERE version = $1 AND broken IS NULL";
            session.run("mark the rules as broken", sql, values![number, reason, micros(now)]).await?
        }
        None => {
            let sql =
                "UPDATE rules_versions SET broken = NULL, broken_at = NULL WHERE version = $1 AND broken IS NOT NULL";
            session.run("mark the rules as good", sql, values![number]).await?
        }
    };
    if changed == 0 {
        return Ok(false);
    }
    audit::write(session, &marked_line(version, broken, by), now).await?;
    Ok(true)
}

fn read(row: RulesRow) -> Result<PublishedRules, StoreError> {
    Ok(PublishedRules { head: read_head(row.head)?, body: row.body })
}

fn read_head(row: VersionRow) -> Result<VersionHead, StoreError> {
    let broken_at = instant_or_none(row.broken_at)?;
    Ok(VersionHead {
        version: count(row.version)?,
        published_at: instant(row.published_at)?,
        published_by: row.published_by,
        note: row.note,
        base: row.base.map(count).transpose()?,
        rolled_back_from: row.rolled_back_from.map(count).transpose()?,
        broken: row.broken.zip(broken_at).map(|(reason, at)| BrokenMark { reason, at }),
        body_bytes: u64::try_from(row.body_bytes).map_err(|cause| corrupt("length", cause))?,
    })
}
