//! The table of calls, and the questions asked of it.

use chrono::{DateTime, Utc};
use sea_orm::Value;

use super::entity::{CallRow, FactsRow, HistoryRow, WaitingRow};
use super::session::{Session, corrupt, count, instant, instant_or_none, micros, parse, print, values};
use super::{Conflict, HistoryEntry, Save, StoreError, WaitingCall};
use crate::call::event::Event;
use crate::call::state::{Call, Stage};
use crate::ids::{AgentId, BrandId, CallId, CarrierRef, IntentId};
use crate::phone_number::{Caller, PhoneNumber};
use crate::shortlist::facts::{Asked, WAITING_MAX};

/// Writes the next version of the call, or refuses.
pub(super) async fn write(session: &Session<'_>, save: &Save) -> Result<(), StoreError> {
    let call = &save.call;
    let next = Call { version: call.version + 1, ..call.clone() };
    let body = print("call", &next)?;
    let stage = word(call.stage);
    let owner = call.owner.as_ref().map(|agent| agent.as_str().to_owned());
    let ending = call.ending.map(|ending| ending.as_str().to_owned());
    let wake_at = next.wake_at().map(micros);
    let waiting = i64::from(is_waiting(call));
    let wants_phones = i64::from(call.wants_phones());
    let intent = call.intent.as_ref().map(|intent| intent.as_str().to_owned());
    let ended_at = call.ended_at.map(micros);
    let asked = asked(call)?;
    let version = i64::from(next.version);
    if call.version == 0 {
        let caller = number_of(call).map(|phone| phone.as_e164().to_owned());
        let values = values![
            call.id.to_string(),
            call.brand.as_str(),
            call.number.as_e164(),
            caller,
            call.caller_ref.as_str(),
            stage,
            owner,
            ending,
            version,
            wake_at,
            waiting,
            micros(call.arrived_at),
            ended_at,
            body,
            wants_phones,
            intent,
            asked,
        ];
        let written = session.run("save the call", INSERT, values).await?;
        return if written == 1 { Ok(()) } else { Err(StoreError::Conflict(Conflict::CallExists)) };
    }
    let values = values![
        call.id.to_string(),
        i64::from(call.version),
        version,
        stage,
        owner,
        ending,
        wake_at,
        waiting,
        ended_at,
        body,
        wants_phones,
        intent,
        asked,
    ];
    let written = session.run("save the call", UPDATE, values).await?;
    if written == 1 { Ok(()) } else { Err(StoreError::Conflict(Conflict::Version)) }
}

const INSERT: &str = "INSERT INTO calls (id, brand, number, caller, caller_ref, stage, owner_agent, ending, version, wake_at, \
    waiting, arrived_at, ended_at, body, wants_phones, intent, asked) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, \
    $14, $15, $16, $17) \
    ON CONFLICT DO NOTHING";

const UPDATE: &str = "UPDATE calls SET version = $3, stage = $4, owner_agent = $5, ending = $6, wake_at = $7, waiting = $8, \
    ended_at = $9, body = $10, wants_phones = $11, intent = $12, asked = $13 WHERE id = $1 AND version = $2";

/// Writes a line of history, unless nothing happened that belongs there.
pub(super) async fn write_history(session: &Session<'_>, save: &Save) -> Result<(), StoreError> {
    let events: Vec<_> = save.events.iter().filter(|event| event.is_history()).collect();
    if events.is_empty() {
        return Ok(());
    }
    let values = values![
        save.call.id.to_string(),
        i64::from(save.call.version) + 1,
        micros(save.at),
        print("signal", &save.signal)?,
        print("event", &events)?,
    ];
    session
        .run(
            "save the history",
            "INSERT INTO history (call_id, version, at, signal, events) VALUES ($1, $2, $3, $4, $5)",
            values,
        )
        .await?;
    write_shortlist_facts(session, save).await
}

/// Beside the history, since it is read for itself alone.
async fn write_shortlist_facts(session: &Session<'_>, save: &Save) -> Result<(), StoreError> {
    if let Some(facts) = save.events.iter().find_map(Event::kept_facts) {
        let sql = "INSERT INTO shortlist_facts (call_id, version, facts) VALUES ($1, $2, $3)";
        let values = values![save.call.id.to_string(), i64::from(save.call.version) + 1, facts.to_vec()];
        session.run("save the facts of a shortlist", sql, values).await?;
    }
    Ok(())
}

pub(super) async fn find_shortlist_facts(
    session: &Session<'_>,
    id: CallId,
    version: u32,
) -> Result<Option<Vec<u8>>, StoreError> {
    let sql = "SELECT facts FROM shortlist_facts WHERE call_id = $1 AND version = $2";
    let values = values![id.to_string(), i64::from(version)];
    let row: Option<FactsRow> = session.row("read the facts of a shortlist", sql, values).await?;
    Ok(row.map(|row| row.facts))
}

pub(super) async fn find(session: &Session<'_>, id: CallId) -> Result<Option<Call>, StoreError> {
    one(session, "SELECT version, body FROM calls WHERE id = $1", values![id.to_string()]).await
}

pub(super) async fn find_by_caller_ref(session: &Session<'_>, caller: &CarrierRef) -> Result<Option<Call>, StoreError> {
    one(session, "SELECT version, body FROM calls WHERE caller_ref = $1", values![caller.as_str()]).await
}

pub(super) async fn load_history(session: &Session<'_>, id: CallId) -> Result<Vec<HistoryEntry>, StoreError> {
    let sql = "SELECT version, at, signal, events FROM history WHERE call_id = $1 ORDER BY version";
    let rows: Vec<HistoryRow> = session.rows("read the history", sql, values![id.to_string()]).await?;
    rows.into_iter()
        .map(|row| {
            Ok(HistoryEntry {
                version: count(row.version)?,
                at: instant(row.at)?,
                signal: parse("signal", &row.signal)?,
                events: parse("event", &row.events)?,
            })
        })
        .collect()
}

pub(super) async fn find_to_wake(
    session: &Session<'_>,
    now: DateTime<Utc>,
    limit: u32,
) -> Result<Vec<CallId>, StoreError> {
    let sql = "SELECT id FROM calls WHERE wake_at <= $1 ORDER BY wake_at, id LIMIT $2";
    ids(session, sql, values![micros(now), i64::from(limit)]).await
}

pub(super) async fn find_next_wake(session: &Session<'_>) -> Result<Option<DateTime<Utc>>, StoreError> {
    let sql = "SELECT wake_at FROM calls WHERE wake_at IS NOT NULL ORDER BY wake_at, id LIMIT 1";
    instant_or_none(session.number("find the next deadline", sql, Vec::new()).await?)
}

pub(super) async fn find_waiting(session: &Session<'_>, limit: u32) -> Result<Vec<CallId>, StoreError> {
    let sql = "SELECT id FROM calls WHERE waiting = 1 ORDER BY arrived_at, id LIMIT $1";
    ids(session, sql, values![i64::from(limit)]).await
}

/// Calls that want phones, the longest waiting first.
pub(super) async fn find_sharing(session: &Session<'_>) -> Result<Vec<WaitingCall>, StoreError> {
    let sql = "SELECT id, brand, intent, arrived_at, asked FROM calls WHERE waiting = 1 AND wants_phones = 1 \
        ORDER BY arrived_at, id LIMIT $1";
    let rows: Vec<WaitingRow> = session.rows("read who waits", sql, values![i64::from(WAITING_MAX)]).await?;
    rows.into_iter()
        .map(|row| {
            let intent = row.intent.as_deref().map(IntentId::new);
            let asked = row.asked.as_deref().map(|asked| parse("asked", asked)).transpose()?.unwrap_or_default();
            let (call, brand, arrived_at) = (call_id(&row.id)?, BrandId::new(&row.brand), instant(row.arrived_at)?);
            Ok(WaitingCall { call, brand, intent, arrived_at, asked })
        })
        .collect()
}

/// What other calls must know of one that wants phones; absent if there is nothing to tell, as of most.
fn asked(call: &Call) -> Result<Option<String>, StoreError> {
    let asked = if call.wants_phones() { call.asked() } else { Asked::default() };
    if asked.is_nothing() { Ok(None) } else { print("asked", &asked).map(Some) }
}

pub(super) async fn find_ringing(session: &Session<'_>, agent: &AgentId) -> Result<Vec<CallId>, StoreError> {
    ids(session, "SELECT call_id FROM legs WHERE agent = $1 AND live = 1", values![agent.as_str()]).await
}

pub(super) async fn list(
    session: &Session<'_>,
    before: Option<DateTime<Utc>>,
    limit: u32,
) -> Result<Vec<Call>, StoreError> {
    let sql = "SELECT version, body FROM calls WHERE arrived_at < $1 ORDER BY arrived_at DESC, id DESC LIMIT $2";
    let before = before.map_or(i64::MAX, micros);
    let rows: Vec<CallRow> = session.rows("list the calls", sql, values![before, i64::from(limit)]).await?;
    rows.iter().map(read).collect()
}

/// Whether the call waits for a phone.
pub(super) fn is_waiting(call: &Call) -> bool {
    matches!(call.stage, Stage::Waiting)
}

/// The number the call comes from, if it has one.
pub(super) fn number_of(call: &Call) -> Option<&PhoneNumber> {
    if let Caller::Known(phone) = &call.caller { Some(phone) } else { None }
}

/// The call's identifier, out of a column.
pub(super) fn call_id(text: &str) -> Result<CallId, StoreError> {
    text.parse().map_err(|cause: uuid::Error| corrupt("call id", cause))
}

async fn one(session: &Session<'_>, sql: &'static str, values: Vec<Value>) -> Result<Option<Call>, StoreError> {
    let row: Option<CallRow> = session.row("read the call", sql, values).await?;
    row.as_ref().map(read).transpose()
}

async fn ids(session: &Session<'_>, sql: &'static str, values: Vec<Value>) -> Result<Vec<CallId>, StoreError> {
    session.texts("find the calls", sql, values).await?.iter().map(|text| call_id(text)).collect()
}

fn read(row: &CallRow) -> Result<Call, StoreError> {
    let call: Call = parse("call", &row.body)?;
    if i64::from(call.version) == row.version {
        Ok(call)
    } else {
        Err(corrupt("call", format!("version {} inside, {} outside", call.version, row.version)))
    }
}

fn word(stage: Stage) -> &'static str {
    match stage {
        Stage::New => "new",
        Stage::Hold => "hold",
        Stage::Challenge { .. } => "challenge",
        Stage::Supervisor => "supervisor",
        Stage::Menu { .. } => "menu",
        Stage::Notice { .. } => "notice",
        Stage::Line => "line",
        Stage::Message => "message",
        Stage::Waiting => "waiting",
        Stage::Claimed { .. } => "claimed",
        Stage::Talking { .. } => "talking",
        Stage::Voicemail => "voicemail",
        Stage::Ended => "ended",
    }
}
