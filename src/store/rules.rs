//! Published versions of the rules.

use chrono::{DateTime, Utc};

use super::entity::RulesRow;
use super::session::{Session, corrupt, count, instant, micros, values};
use super::{PublishedRules, StoreError};

/// Two who publish at once get two versions: the second to write finds its number taken and is run again.
pub(super) async fn publish(
    session: &Session<'_>,
    body: &str,
    by: &str,
    now: DateTime<Utc>,
) -> Result<u32, StoreError> {
    let sql = "INSERT INTO rules_versions (version, body, published_at, published_by) \
        VALUES ((SELECT COALESCE(max(version), 0) + 1 FROM rules_versions), $1, $2, $3) RETURNING version";
    let version = session.number("publish the rules", sql, values![body, micros(now), by]).await?;
    count(version.ok_or_else(|| corrupt("version", "none was returned"))?)
}

pub(super) async fn find_current(session: &Session<'_>) -> Result<Option<PublishedRules>, StoreError> {
    let sql = "SELECT version, body, published_at, published_by FROM rules_versions ORDER BY version DESC LIMIT 1";
    session.row("read the rules", sql, Vec::new()).await?.map(read).transpose()
}

pub(super) async fn find(session: &Session<'_>, version: u32) -> Result<Option<PublishedRules>, StoreError> {
    let sql = "SELECT version, body, published_at, published_by FROM rules_versions WHERE version = $1";
    session.row("read the rules", sql, values![i64::from(version)]).await?.map(read).transpose()
}

fn read(row: RulesRow) -> Result<PublishedRules, StoreError> {
    Ok(PublishedRules {
        version: count(row.version)?,
        body: row.body,
        published_at: instant(row.published_at)?,
        published_by: row.published_by,
    })
}
