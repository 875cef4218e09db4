//! First answers and seen deliveries: what makes a repeat harmless.

use chrono::{DateTime, Utc};
use sea_orm::Value;

use super::entity::ArrivalRow;
use super::session::{Session, count, instant_or_none, micros, values};
use super::{Arrival, ArrivalQuestion, KnownContact, Save, StoreError, codes};
use crate::call::switch::SwitchKind;

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

/// One question, since a caller waits for each. What is counted depends on whether the caller has a number.
pub(super) async fn load_arrival(session: &Session<'_>, question: &ArrivalQuestion) -> Result<Arrival, StoreError> {
    let caller = question.caller.as_ref();
    let sql = if caller.is_some() { OF_A_NUMBER } else { WITHHELD };
    let mut values = values![
        question.key.as_deref().unwrap_or_default(),
        question.brand.as_str(),
        micros(question.since),
        micros(question.now),
        SwitchKind::Override.as_str(),
        SwitchKind::Flood.as_str(),
    ];
    values.extend(caller.map(|phone| Value::from(phone.as_e164())));
    let row: Option<ArrivalRow> = session.row("look up the caller", sql, values).await?;
    let Some(row) = row else { return Ok(Arrival::default()) };
    let contact = row.contact_id.zip(caller).map(|(contact_id, phone)| KnownContact {
        phone: phone.clone(),
        name: row.name,
        blocked: row.blocked == Some(1),
        contact_id,
    });
    Ok(Arrival {
        answer: row.answer,
        contact_made_at: instant_or_none(row.made_at)?.filter(|_| contact.is_some()),
        contact,
        recent_calls: count(row.recent_calls)?,
        talks: row.talks > 0,
        overridden_until: instant_or_none(row.overridden_until)?,
        flood_until: instant_or_none(row.flood_until)?,
        flood_since: instant_or_none(row.flood_since)?,
    })
}

/// What is asked of every caller: `$1` the request, `$2` the brand, `$3` since when, `$4` now, `$5` and `$6` the switches.
macro_rules! of_every_caller {
    ($calls:literal, $contact:literal) => {
        concat!(
            "SELECT (SELECT body FROM answers WHERE key = $1) AS answer, \
             (SELECT until FROM brand_switches WHERE brand = $2 AND kind = $5 AND ended_at IS NULL AND until > $4) \
             AS overridden_until, \
             (SELECT until FROM brand_switches WHERE brand = $2 AND kind = $6 AND ended_at IS NULL AND until > $4) \
             AS flood_until, \
             (SELECT began_at FROM brand_switches WHERE brand = $2 AND kind = $6 AND ended_at IS NULL AND until > $4) \
             AS flood_since, ",
            $calls,
            $contact
        )
    };
}

const OF_A_NUMBER: &str = of_every_caller!(
    "(SELECT count(*) FROM calls WHERE caller = $7 AND brand = $2 AND arrived_at >= $3 \
     AND arrived_at <= $4) AS recent_calls, \
     (SELECT count(*) FROM calls WHERE caller = $7 AND brand = $2 AND stage = 'talking') AS talks, ",
    "contacts.name AS name, contacts.blocked AS blocked, contacts.contact_id AS contact_id, \
     made_contacts.at AS made_at \
     FROM (SELECT 1 AS one) AS always LEFT JOIN contacts ON contacts.phone = $7 \
     LEFT JOIN made_contacts ON made_contacts.contact_id = contacts.contact_id"
);

const WITHHELD: &str = of_every_caller!(
    "(SELECT count(*) FROM calls WHERE caller IS NULL AND brand = $2 AND arrived_at >= $3 \
     AND arrived_at <= $4) AS recent_calls, \
     CAST(0 AS BIGINT) AS talks, ",
    "CAST(NULL AS TEXT) AS name, CAST(NULL AS BIGINT) AS blocked, CAST(NULL AS BIGINT) AS contact_id, \
     CAST(NULL AS BIGINT) AS made_at"
);

pub(super) async fn forget_before(session: &Session<'_>, before: DateTime<Utc>) -> Result<u64, StoreError> {
    let answers = session.run("forget answers", "DELETE FROM answers WHERE at < $1", values![micros(before)]).await?;
    let seen =
        session.run("forget deliveries", "DELETE FROM deliveries WHERE at < $1", values![micros(before)]).await?;
    let tries = codes::forget_before(session, before).await?;
    Ok(answers + seen + tries)
}

pub(super) async fn note_delivery(
    session: &Session<'_>,
    delivery: &str,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let sql = "INSERT INTO deliveries (id, at) VALUES ($1, $2) ON CONFLICT DO NOTHING";
    Ok(session.run("note the delivery", sql, values![delivery, micros(now)]).await? == 1)
}
