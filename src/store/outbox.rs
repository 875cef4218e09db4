//! Effects on their way: saved with the decision, leased, settled.
//!
//! A lane hands out its first unfinished row only, so its effects arrive in the order in which they were decided. An
//! effect that was given up no longer holds up its lane.

use chrono::{DateTime, TimeDelta, Utc};

use super::audit::{self, NewAuditLine};
use super::calls::call_id;
use super::entity::{DeadRow, FiguresRow, LeasedRow, RevivedRow};
use super::session::{Session, corrupt, count, instant, instant_or_none, micros, parse, print, tuples, values};
use super::{Conflict, DeadLetter, Figures, LATE_COMMIT, Leased, NewEffect, Settled, StoreError, Waiting};
use crate::call::effect::Neighbour;
use crate::ids::CallId;

/// Adds the effects of a call; one whose key exists is left as it is.
pub(super) async fn write(
    session: &Session<'_>,
    call: CallId,
    effects: &[NewEffect],
    at: DateTime<Utc>,
) -> Result<(), StoreError> {
    if effects.is_empty() {
        return Ok(());
    }
    let mut values = Vec::with_capacity(effects.len() * COLUMNS);
    for new in effects {
        let due = micros(new.due_at);
        values.extend(values![
            new.effect.key(call),
            new.lane.as_str(),
            word(new.effect.neighbour()),
            new.effect.kind(),
            call.to_string(),
            print("effect", &new.effect)?,
            due,
            due,
            micros(at),
        ]);
    }
    let sql = format!("{INSERT} VALUES {} ON CONFLICT DO NOTHING", tuples(effects.len(), COLUMNS));
    session.run("save the effects", sql, values).await?;
    Ok(())
}

const COLUMNS: usize = 9;

const INSERT: &str = "INSERT INTO outbox (key, lane, neighbour, kind, call_id, body, due_at, ready_at, created_at)";

pub(super) async fn lease(
    session: &Session<'_>,
    neighbour: Neighbour,
    now: DateTime<Utc>,
    lease: TimeDelta,
    limit: u32,
) -> Result<Vec<Leased>, StoreError> {
    // Two replicas that ask at once do not wait for each other; the second look at `ready_at` is what keeps them apart.
    let skip = if session.is_shared() { " FOR UPDATE SKIP LOCKED" } else { "" };
    // Materialized: the planner of PostgreSQL may otherwise run the question once for each row and lease too many.
    let sql = format!(
        "WITH heads AS MATERIALIZED (SELECT mine.id FROM outbox AS mine WHERE mine.neighbour = $1 AND mine.state = 'due' \
         AND mine.ready_at <= $2 AND {HEAD} ORDER BY mine.ready_at, mine.id LIMIT $4{skip}) \
         UPDATE outbox SET lease = lease + 1, claimed_until = $3, ready_at = $3, \
         taken_over = taken_over + CASE WHEN claimed_until IS NULL THEN 0 ELSE 1 END \
         WHERE state = 'due' AND ready_at <= $2 AND id IN (SELECT id FROM heads) \
         RETURNING id, call_id, body, attempts, created_at, lease, taken_over, failed_at"
    );
    let values = values![word(neighbour), micros(now), micros(now + lease), i64::from(limit)];
    let mut rows: Vec<LeasedRow> = session.rows("lease effects", sql, values).await?;
    rows.sort_by_key(|row| row.id);
    rows.into_iter()
        .map(|row| {
            Ok(Leased {
                id: row.id,
                call: call_id(&row.call_id)?,
                effect: parse("effect", &row.body)?,
                attempts: count(row.attempts)?,
                created_at: instant(row.created_at)?,
                lease: row.lease,
                broken_off: count(row.taken_over)?,
                failing_since: instant_or_none(row.failed_at)?,
            })
        })
        .collect()
}

/// Holds of the first unfinished row of a lane.
const HEAD: &str = "NOT EXISTS (SELECT 1 FROM outbox AS earlier WHERE earlier.lane = mine.lane AND earlier.state = 'due' \
    AND earlier.id < mine.id)";

pub(super) async fn settle(
    session: &Session<'_>,
    id: i64,
    lease: i64,
    settled: &Settled,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    const MINE: &str = "WHERE id = $1 AND lease = $2 AND state = 'due' AND claimed_until IS NOT NULL";
    let (sql, values) = match settled {
        Settled::Done => (format!("UPDATE outbox SET state = 'done', claimed_until = NULL {MINE}"), values![id, lease]),
        Settled::Again { at, why, counts } => (
            format!(
                "UPDATE outbox SET claimed_until = NULL, due_at = $3, ready_at = $3, last_error = $4, \
                 attempts = attempts + $5, failed_at = COALESCE(failed_at, $6) {MINE}"
            ),
            values![id, lease, micros(*at), why.as_str(), i64::from(*counts), (!why.is_empty()).then(|| micros(now)),],
        ),
        Settled::Dead { why } => (
            format!("UPDATE outbox SET state = 'dead', claimed_until = NULL, last_error = $3 {MINE}"),
            values![id, lease, why.as_str()],
        ),
    };
    let written = session.run("settle the effect", sql, values).await?;
    if written == 1 { Ok(()) } else { Err(StoreError::Conflict(Conflict::Version)) }
}

pub(super) async fn renew(session: &Session<'_>, id: i64, lease: i64, until: DateTime<Utc>) -> Result<(), StoreError> {
    let sql = "UPDATE outbox SET claimed_until = $3, ready_at = $3 \
        WHERE id = $1 AND lease = $2 AND state = 'due' AND claimed_until IS NOT NULL";
    let written = session.run("renew the lease", sql, values![id, lease, micros(until)]).await?;
    if written == 1 { Ok(()) } else { Err(StoreError::Conflict(Conflict::Version)) }
}

/// `claimed_until` stays, so that whoever leases the row next knows that it takes over.
pub(super) async fn release(session: &Session<'_>, now: DateTime<Utc>) -> Result<u64, StoreError> {
    if session.is_shared() {
        return Ok(0);
    }
    let sql = "UPDATE outbox SET ready_at = CASE WHEN neighbour = $3 THEN $2 ELSE $1 END WHERE state = 'due' \
        AND claimed_until IS NOT NULL AND ready_at > CASE WHEN neighbour = $3 THEN $2 ELSE $1 END";
    let values = values![micros(now), micros(now + LATE_COMMIT), word(Neighbour::Inbox)];
    session.run("release leases", sql, values).await
}

pub(super) async fn find_next(session: &Session<'_>) -> Result<Option<DateTime<Utc>>, StoreError> {
    let sql = format!(
        "SELECT mine.ready_at FROM outbox AS mine WHERE mine.state = 'due' AND {HEAD} ORDER BY mine.ready_at, mine.id LIMIT 1"
    );
    instant_or_none(session.number("find the next effect", sql, Vec::new()).await?)
}

/// Holds of what somebody waits for. [`Effect::is_owed`](crate::call::effect::Effect::is_owed).
const OWED: &str = "state = 'due' AND kind <> 'remove_twins'";

pub(super) async fn count_due(session: &Session<'_>) -> Result<u64, StoreError> {
    // Names both neighbours, so that only what is due is gone through.
    let sql = format!("SELECT count(*) FROM outbox WHERE {OWED} AND neighbour IN ('carrier', 'recordings', 'inbox')");
    let found = session.number("count the effects", sql, Vec::new()).await?.unwrap_or(0);
    u64::try_from(found).map_err(|cause| corrupt("count", cause))
}

pub(super) async fn list_dead(session: &Session<'_>, limit: u32) -> Result<Vec<DeadLetter>, StoreError> {
    let sql = "SELECT id, call_id, kind, last_error, created_at FROM outbox WHERE state = 'dead' ORDER BY id LIMIT $1";
    let rows: Vec<DeadRow> = session.rows("list dead letters", sql, values![i64::from(limit)]).await?;
    rows.into_iter()
        .map(|row| {
            Ok(DeadLetter {
                id: row.id,
                call: call_id(&row.call_id)?,
                kind: row.kind,
                why: row.last_error.unwrap_or_default(),
                created_at: instant(row.created_at)?,
            })
        })
        .collect()
}

/// As if it were saved now, so that it has all its time again.
pub(super) async fn revive(session: &Session<'_>, id: i64, by: &str, now: DateTime<Utc>) -> Result<(), StoreError> {
    let sql = "UPDATE outbox SET state = 'due', due_at = $2, ready_at = $2, created_at = $2, attempts = 0, \
         taken_over = CASE WHEN taken_over > 0 THEN 1 ELSE 0 END, failed_at = NULL \
         WHERE id = $1 AND state = 'dead' RETURNING call_id, kind";
    let rows: Vec<RevivedRow> = session.rows("revive the effect", sql, values![id, micros(now)]).await?;
    let row = rows.into_iter().next().ok_or(StoreError::NotFound { what: "dead letter" })?;
    audit::write(session, &replayed(call_id(&row.call_id)?, &row.kind, by), now).await
}

/// What the audit says of a dead letter that was put back.
pub(super) fn replayed(call: CallId, kind: &str, by: &str) -> NewAuditLine {
    let (subject, detail) = (format!("calls/{call}"), serde_json::json!({ "effect": kind }));
    NewAuditLine { by: by.to_owned(), action: "effect_replayed", subject, detail }
}

/// How far back a call that has not ended may have begun; longer than any call takes.
pub(super) const LIVE_WITHIN: TimeDelta = TimeDelta::days(1);

pub(super) async fn load_figures(session: &Session<'_>, now: DateTime<Utc>) -> Result<Figures, StoreError> {
    let waiting = |which: &str, name: &str| {
        format!(
            "(SELECT count(*) FROM outbox WHERE {which}) AS {name}, \
             (SELECT min(created_at) FROM outbox WHERE {which}) AS {name}_oldest"
        )
    };
    let sql = format!(
        "SELECT (SELECT count(*) FROM calls WHERE arrived_at > $1 AND ending IS NULL) AS calls_live, \
         (SELECT count(*) FROM legs WHERE live = 1) AS legs_live, {}, {}, {}",
        waiting(&format!("{OWED} AND neighbour IN ('carrier', 'recordings')"), "carrier"),
        waiting(&format!("{OWED} AND neighbour = 'inbox'"), "inbox"),
        waiting("state = 'dead'", "dead"),
    );
    let row: Option<FiguresRow> = session.row("count everything", sql, values![micros(now - LIVE_WITHIN)]).await?;
    let row = row.ok_or_else(|| corrupt("count", "there is no row"))?;
    let waiting = |found: i64, oldest: Option<i64>| {
        Ok::<_, StoreError>(Waiting { count: count(found)?, oldest: instant_or_none(oldest)? })
    };
    Ok(Figures {
        calls_live: count(row.calls_live)?,
        legs_live: count(row.legs_live)?,
        carrier: waiting(row.carrier, row.carrier_oldest)?,
        inbox: waiting(row.inbox, row.inbox_oldest)?,
        dead: waiting(row.dead, row.dead_oldest)?,
    })
}

fn word(neighbour: Neighbour) -> &'static str {
    match neighbour {
        Neighbour::Carrier => "carrier",
        Neighbour::Recordings => "recordings",
        Neighbour::Inbox => "inbox",
    }
}
