//! Switches of a brand: overrides and declared floods, those that are on and those that were.
//!
//! Nothing turns a switch off when its instant comes: a row whose `until` has passed reads as ended then. The next that
//! begins writes that down.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use serde_json::json;

use super::entity::SwitchRow;
use super::session::{Session, corrupt, instant, instant_or_none, job, micros, values};
use super::sql::{SqlStore, ask};
use super::{NewAuditLine, Save, StoreError, audit};
use crate::call::switch::{NewSwitch, SwitchChange, SwitchKind, SwitchedBy, SwitchedHow};
use crate::ids::BrandId;

/// A switch with what became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BrandSwitch {
    /// The row; later ones have greater numbers.
    pub id: i64,
    /// What was asked for.
    pub asked: NewSwitch,
    /// When it was turned on.
    pub began_at: DateTime<Utc>,
    /// When it ended, and who ended it; none while it is on.
    pub ended: Option<(DateTime<Utc>, SwitchedBy)>,
}

impl BrandSwitch {
    /// The same as it stands at `now`: one whose instant has come has ended by itself.
    #[must_use]
    pub(super) fn seen_at(mut self, now: DateTime<Utc>) -> Self {
        if self.ended.is_none() && self.asked.until <= now {
            self.ended = Some((self.asked.until, SwitchedBy::Time));
        }
        self
    }
}

/// Where switches of brands are kept.
#[async_trait]
pub trait Switches: Send + Sync {
    /// Turns a switch on. One of the kind that is on already ends now, by the same person.
    async fn begin_switch(&self, new: &NewSwitch, now: DateTime<Utc>) -> Result<BrandSwitch, StoreError>;
    /// Turns a switch off; the one that was on, or none.
    async fn end_switch(
        &self,
        brand: &BrandId,
        kind: SwitchKind,
        by: &SwitchedBy,
        now: DateTime<Utc>,
    ) -> Result<Option<BrandSwitch>, StoreError>;
    /// The switch that is on.
    async fn find_switch(
        &self,
        brand: &BrandId,
        kind: SwitchKind,
        now: DateTime<Utc>,
    ) -> Result<Option<BrandSwitch>, StoreError>;
    /// Every switch there was, the newest first, with a number below `before`, at most `limit`.
    async fn list_switches(
        &self,
        brand: &BrandId,
        kind: SwitchKind,
        before: Option<i64>,
        limit: u32,
        now: DateTime<Utc>,
    ) -> Result<Vec<BrandSwitch>, StoreError>;
    /// Switches that are on, of all brands, in order of brand and kind, at most `limit`.
    async fn list_switches_on(&self, now: DateTime<Utc>, limit: u32) -> Result<Vec<BrandSwitch>, StoreError>;
}

#[async_trait]
impl Switches for SqlStore {
    async fn begin_switch(&self, new: &NewSwitch, now: DateTime<Utc>) -> Result<BrandSwitch, StoreError> {
        self.write(ask!(session, new = new.clone() => begin(session, &new, now))).await
    }

    async fn end_switch(
        &self,
        brand: &BrandId,
        kind: SwitchKind,
        by: &SwitchedBy,
        now: DateTime<Utc>,
    ) -> Result<Option<BrandSwitch>, StoreError> {
        self.write(ask!(session, brand = brand.clone(), by = by.clone() => end(session, &brand, kind, &by, now))).await
    }

    async fn find_switch(
        &self,
        brand: &BrandId,
        kind: SwitchKind,
        now: DateTime<Utc>,
    ) -> Result<Option<BrandSwitch>, StoreError> {
        self.read(ask!(session, brand = brand.clone() => find(session, &brand, kind, now))).await
    }

    async fn list_switches(
        &self,
        brand: &BrandId,
        kind: SwitchKind,
        before: Option<i64>,
        limit: u32,
        now: DateTime<Utc>,
    ) -> Result<Vec<BrandSwitch>, StoreError> {
        self.read(ask!(session, brand = brand.clone() => list(session, &brand, kind, before, limit, now))).await
    }

    async fn list_switches_on(&self, now: DateTime<Utc>, limit: u32) -> Result<Vec<BrandSwitch>, StoreError> {
        self.read(ask!(session => list_on(session, now, limit))).await
    }
}

/// Carries out what a decision changes about switches.
pub(super) async fn write(session: &Session<'_>, save: &Save) -> Result<(), StoreError> {
    for change in &save.switches {
        match change {
            SwitchChange::Begin { switch } => {
                begin(session, switch, save.at).await?;
            }
            SwitchChange::End { brand, kind, by } => {
                end(session, brand, *kind, by, save.at).await?;
            }
        }
    }
    Ok(())
}

/// What the audit says of a switch that is turned on.
pub(super) fn begun_line(new: &NewSwitch) -> NewAuditLine {
    let action = match new.kind {
        SwitchKind::Override => "override_begun",
        SwitchKind::Flood => "flood_declared",
    };
    let detail = json!({
        "until": new.until, "how": new.how.as_str(), "reason": new.reason, "include_waiting": new.include_waiting,
    });
    NewAuditLine { by: new.by.to_string(), action, subject: subject(&new.brand, new.kind), detail }
}

/// What the audit says of one that is turned off.
pub(super) fn ended_line(brand: &BrandId, kind: SwitchKind, by: &SwitchedBy) -> NewAuditLine {
    let action = match kind {
        SwitchKind::Override => "override_ended",
        SwitchKind::Flood => "flood_ended",
    };
    NewAuditLine { by: by.to_string(), action, subject: subject(brand, kind), detail: json!({}) }
}

fn subject(brand: &BrandId, kind: SwitchKind) -> String {
    format!("brands/{brand}/{}", kind.as_str())
}

const COLUMNS: &str = "id, brand, kind, began_at, until, began_by, how, reason, include_waiting, ended_at, ended_by";

async fn begin(session: &Session<'_>, new: &NewSwitch, now: DateTime<Utc>) -> Result<BrandSwitch, StoreError> {
    close(session, &new.brand, new.kind, &new.by, now).await?;
    let sql = "INSERT INTO brand_switches (brand, kind, began_at, until, began_by, how, reason, include_waiting) \
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8) RETURNING id";
    let values = values![
        new.brand.as_str(),
        new.kind.as_str(),
        micros(now),
        micros(new.until),
        new.by.to_string(),
        new.how.as_str(),
        new.reason.as_str(),
        i64::from(new.include_waiting),
    ];
    let id = session.number("turn the switch on", sql, values).await?;
    let id = id.ok_or_else(|| corrupt("switch", "no number was returned"))?;
    audit::write(session, &begun_line(new), now).await?;
    Ok(BrandSwitch { id, asked: new.clone(), began_at: now, ended: None })
}

/// Writes down the end of the one that is on, or whose instant has come.
async fn close(
    session: &Session<'_>,
    brand: &BrandId,
    kind: SwitchKind,
    by: &SwitchedBy,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let sql = "UPDATE brand_switches SET ended_at = CASE WHEN until <= $3 THEN until ELSE $3 END, \
        ended_by = CASE WHEN until <= $3 THEN $5 ELSE $4 END WHERE brand = $1 AND kind = $2 AND ended_at IS NULL";
    let values = values![brand.as_str(), kind.as_str(), micros(now), by.to_string(), SwitchedBy::Time.to_string()];
    session.run("turn the switch off", sql, values).await?;
    Ok(())
}

async fn end(
    session: &Session<'_>,
    brand: &BrandId,
    kind: SwitchKind,
    by: &SwitchedBy,
    now: DateTime<Utc>,
) -> Result<Option<BrandSwitch>, StoreError> {
    let Some(on) = find(session, brand, kind, now).await? else { return Ok(None) };
    close(session, brand, kind, by, now).await?;
    audit::write(session, &ended_line(brand, kind, by), now).await?;
    Ok(Some(BrandSwitch { ended: Some((now, by.clone())), ..on }))
}

async fn find(
    session: &Session<'_>,
    brand: &BrandId,
    kind: SwitchKind,
    now: DateTime<Utc>,
) -> Result<Option<BrandSwitch>, StoreError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM brand_switches WHERE brand = $1 AND kind = $2 AND ended_at IS NULL AND until > $3"
    );
    let values = values![brand.as_str(), kind.as_str(), micros(now)];
    session.row("read the switch", sql, values).await?.map(|row| read(row, now)).transpose()
}

async fn list(
    session: &Session<'_>,
    brand: &BrandId,
    kind: SwitchKind,
    before: Option<i64>,
    limit: u32,
    now: DateTime<Utc>,
) -> Result<Vec<BrandSwitch>, StoreError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM brand_switches WHERE brand = $1 AND kind = $2 AND id < $3 ORDER BY id DESC LIMIT $4"
    );
    let values = values![brand.as_str(), kind.as_str(), before.unwrap_or(i64::MAX), i64::from(limit)];
    let rows: Vec<SwitchRow> = session.rows("list the switches", sql, values).await?;
    rows.into_iter().map(|row| read(row, now)).collect()
}

async fn list_on(session: &Session<'_>, now: DateTime<Utc>, limit: u32) -> Result<Vec<BrandSwitch>, StoreError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM brand_switches WHERE ended_at IS NULL AND until > $1 ORDER BY brand, kind LIMIT $2"
    );
    let rows: Vec<SwitchRow> = session.rows("list the switches", sql, values![micros(now), i64::from(limit)]).await?;
    rows.into_iter().map(|row| read(row, now)).collect()
}

fn read(row: SwitchRow, now: DateTime<Utc>) -> Result<BrandSwitch, StoreError> {
    let kind = match row.kind.as_str() {
        "override" => SwitchKind::Override,
        "flood" => SwitchKind::Flood,
        other => return Err(corrupt("switch", format!("{other} is no kind"))),
    };
    let how = match row.how.as_str() {
        "api" => SwitchedHow::Api,
        "keypad" => SwitchedHow::Keypad,
        other => return Err(corrupt("switch", format!("{other} is no way"))),
    };
    let who = |text: &str| text.parse::<SwitchedBy>().map_err(|cause| corrupt("switch", cause));
    let ended = match (instant_or_none(row.ended_at)?, row.ended_by) {
        (Some(at), Some(by)) => Some((at, who(&by)?)),
        (None, None) => None,
        (_, _) => return Err(corrupt("switch", "half an end")),
    };
    let asked = NewSwitch {
        brand: BrandId::new(&row.brand),
        kind,
        until: instant(row.until)?,
        by: who(&row.began_by)?,
        how,
        reason: row.reason,
        include_waiting: row.include_waiting == 1,
    };
    Ok(BrandSwitch { id: row.id, asked, began_at: instant(row.began_at)?, ended }.seen_at(now))
}
