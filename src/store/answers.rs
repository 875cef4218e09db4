//! First answers and seen deliveries: what makes a repeat harmless.

use chrono::{DateTime, Utc};

use super::entity::ArrivalRow;
use super::session::{Session, count, micros, values};
use super::{Arrival, KnownContact, Save, StoreError};
use crate::ids::BrandId;
use crate::phone_number::PhoneNumber;

/// Keeps the answer, unless there is one.
pub(super) async fn write(session: &Session<'_>, save: &Save) -> Result<(), StoreError> {
    if let Some(answer) = &save.answer {
        let sql = "INSERT INTO answers (key, body, at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING";
        session
            .run("save the answer", sql, values![answer.key.as_str(), answer.body.as_str(), micros(save.at)])
            .await?;
    }
    Ok(())
}

pub(super) async fn find(session: &Session<'_>, key: &str) -> Result<Option<String>, StoreError> {
    let found = session.texts("find the answer", "SELECT body FROM answers WHERE key = $1", values![key]).await?;
    Ok(found.into_iter().next())
}

/// One question, since a caller waits for each.
pub(super) async fn load_arrival(
    session: &Session<'_>,
    key: &str,
    caller: &PhoneNumber,
    brand: &BrandId,
    since: DateTime<Utc>,
) -> Result<Arrival, StoreError> {
    let sql = "SELECT (SELECT body FROM answers WHERE key = $1) AS answer, \
        (SELECT count(*) FROM calls WHERE caller = $2 AND brand = $3 AND arrived_at >= $4) AS recent_calls, \
        contacts.name AS name, contacts.blocked AS blocked, contacts.contact_id AS contact_id \
        FROM (SELECT 1 AS one) AS always LEFT JOIN contacts ON contacts.phone = $2";
    let values = values![key, caller.as_e164(), brand.as_str(), micros(since)];
    let row: Option<ArrivalRow> = session.row("look up the caller", sql, values).await?;
    let Some(row) = row else { return Ok(Arrival::default()) };
    let contact = row.contact_id.map(|contact_id| KnownContact {
        phone: caller.clone(),
        name: row.name,
        blocked: row.blocked == Some(1),
        contact_id,
    });
    Ok(Arrival { answer: row.answer, contact, recent_calls: count(row.recent_calls)? })
}

pub(super) async fn forget_before(session: &Session<'_>, before: DateTime<Utc>) -> Result<u64, StoreError> {
    let answers = session.run("forget answers", "DELETE FROM answers WHERE at < $1", values![micros(before)]).await?;
    let seen =
        session.run("forget deliveries", "DELETE FROM deliveries WHERE at < $1", values![micros(before)]).await?;
    Ok(answers + seen)
}

pub(super) async fn note_delivery(
    session: &Session<'_>,
    delivery: &str,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let sql = "INSERT INTO deliveries (id, at) VALUES ($1, $2) ON CONFLICT DO NOTHING";
    Ok(session.run("note the delivery", sql, values![delivery, micros(now)]).await? == 1)
}
