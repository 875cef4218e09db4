//! First answers and seen deliveries: what makes a repeat harmless.

use chrono::{DateTime, Utc};

use super::session::{Session, micros, values};
use super::{Save, StoreError};

/// Keeps the answer, unless there is one.
pub(super) async fn write(session: &Session<'_>, save: &Save) -> Result<(), StoreError> {
    if let Some(answer) = &save.answer {
        let sql = "INSERT INTO answers (key, body, at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING";
        session
            .run(
                "save the answer",
                sql,
                values![answer.key.as_str(), answer.body.as_str(), micros(save.at)],
            )
            .await?;
    }
    Ok(())
}

pub(super) async fn find(session: &Session<'_>, key: &str) -> Result<Option<String>, StoreError> {
    let found = session
        .texts(
            "find the answer",
            "SELECT body FROM answers WHERE key = $1",
            values![key],
        )
        .await?;
    Ok(found.into_iter().next())
}

pub(super) async fn forget_before(
    session: &Session<'_>,
    before: DateTime<Utc>,
) -> Result<u64, StoreError> {
    let answers = session
        .run(
            "forget answers",
            "DELETE FROM answers WHERE at < $1",
            values![micros(before)],
        )
        .await?;
    let seen = session
        .run(
            "forget deliveries",
            "DELETE FROM deliveries WHERE at < $1",
            values![micros(before)],
        )
        .await?;
    Ok(answers + seen)
}

pub(super) async fn note_delivery(
    session: &Session<'_>,
    delivery: &str,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let sql = "INSERT INTO deliveries (id, at) VALUES ($1, $2) ON CONFLICT DO NOTHING";
    Ok(session
        .run("note the delivery", sql, values![delivery, micros(now)])
        .await?
        == 1)
}
