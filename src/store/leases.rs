//! Turns that replicas take: who may do the work that only one may do, and who may ring next.

use chrono::{DateTime, TimeDelta, Utc};

use super::session::{Session, instant, instant_or_none, micros, values};
use super::{Carried, PacingSlot, StoreError};
use crate::phone_number::PhoneNumber;

/// The one row of the tables `pacing` and `carried`: the carrier counts calls by account.
const CARRIER: &str = "carrier";

pub(super) async fn take_pacing_slot(
    session: &Session<'_>,
    now: DateTime<Utc>,
    interval: TimeDelta,
) -> Result<PacingSlot, StoreError> {
    let sql = "INSERT INTO pacing (name, next_at) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET next_at = excluded.next_at \
        WHERE pacing.next_at <= $3";
    let values = values![CARRIER, micros(now + interval), micros(now)];
    if session.run("take a turn at the carrier", sql, values).await? == 1 {
        return Ok(PacingSlot::Taken);
    }
    let sql = "SELECT next_at FROM pacing WHERE name = $1";
    match session.number("read the next turn at the carrier", sql, values![CARRIER]).await? {
        Some(next) => Ok(PacingSlot::NotBefore(instant(next)?)),
        None => Ok(PacingSlot::NotBefore(now)),
    }
}

pub(super) async fn note_carried(session: &Session<'_>, carried: Carried) -> Result<(), StoreError> {
    let sql = "INSERT INTO carried (name, legs, at) VALUES ($1, $2, $3) ON CONFLICT (name) DO UPDATE SET \
        legs = excluded.legs, at = excluded.at";
    let values = values![CARRIER, i64::from(carried.legs), micros(carried.at)];
    session.run("note what the account carries", sql, values).await?;
    Ok(())
}

pub(super) async fn note_served(
    session: &Session<'_>,
    number: &PhoneNumber,
    now: DateTime<Utc>,
) -> Result<DateTime<Utc>, StoreError> {
    let sql = "INSERT INTO served (number, since) VALUES ($1, $2) ON CONFLICT DO NOTHING";
    session.run("note that a number is served", sql, values![number.as_e164(), micros(now)]).await?;
    let sql = "SELECT since FROM served WHERE number = $1";
    let since = session.number("look since when a number is served", sql, values![number.as_e164()]).await?;
    Ok(instant_or_none(since)?.unwrap_or(now))
}

pub(super) async fn take(
    session: &Session<'_>,
    name: &str,
    holder: &str,
    now: DateTime<Utc>,
    span: TimeDelta,
) -> Result<bool, StoreError> {
    let sql = "INSERT INTO leases (name, holder, until) VALUES ($1, $2, $3) ON CONFLICT (name) DO UPDATE SET \
        holder = excluded.holder, until = excluded.until WHERE leases.holder = excluded.holder OR leases.until <= $4";
    let written = session.run("take the lease", sql, values![name, holder, micros(now + span), micros(now)]).await?;
    Ok(written == 1)
}

/// Writes, and changes nothing.
pub(super) async fn touch(session: &Session<'_>) -> Result<(), StoreError> {
    session.run("write", "DELETE FROM leases WHERE name = $1", values![""]).await?;
    Ok(())
}
