//! Legs to agents. Who may be rung is decided by two unique indexes, not by this code.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use sea_orm::Value;

use super::calls::call_id;
use super::entity::{HeldRow, LegRow};
use super::session::{Session, count, instant, micros, places, tuples, values};
use super::{Conflict, HeldPhone, LiveLeg, Save, StoreError};
use crate::call::event::Event;
use crate::ids::{AgentId, BrandId, CallId, CarrierRef, LegId};
use crate::phone_number::PhoneNumber;

/// What the events of one decision mean for legs, taken together: only the state after the last of them counts.
#[derive(Debug, Default)]
pub(super) struct LegChanges {
    /// Legs that begin, in the order of their agents, so that two decisions lock them in the same order.
    pub offered: Vec<Offered>,
    /// Legs that were there before, by number.
    pub changed: BTreeMap<u32, Changed>,
    /// The line outside the roster.
    pub line: LineChange,
}

/// What became of the line outside the roster. If it is an agent's phone, the agent is rung for nobody else meanwhile:
/// one handset, one call. Source: DESIGN.md section 3.
#[derive(Debug, Default)]
pub(super) struct LineChange {
    /// Whose phone rings from now on.
    pub rings: Option<AgentId>,
    /// Somebody there took the call.
    pub is_taken: bool,
    /// What rang before rings no more, and nobody talks there.
    pub is_over: bool,
}

impl LineChange {
    fn note(&mut self, event: &Event) {
        match event {
            Event::LineRung { agent, .. } => self.rings.clone_from(agent),
            Event::LineTaken => self.is_taken = true,
            Event::LineOver | Event::CallEnded { .. } => {
                *self = Self { is_over: true, ..Self::default() };
            }
            _ => {}
        }
    }
}

/// A leg that begins.
#[derive(Debug)]
pub(super) struct Offered {
    pub number: u32,
    pub agent: AgentId,
    pub phone: PhoneNumber,
    pub since: Changed,
}

/// What became of a leg.
#[derive(Debug, Default, Clone)]
pub(super) struct Changed {
    pub carrier_ref: Option<CarrierRef>,
    pub talking: bool,
    pub released: bool,
}

impl LegChanges {
    pub(super) fn of(events: &[Event]) -> Self {
        let mut changes = Self::default();
        for event in events {
            changes.line.note(event);
            match event {
                Event::LegOffered { leg, agent, phone, .. } => changes.offered.push(Offered {
                    number: *leg,
                    agent: agent.clone(),
                    phone: phone.clone(),
                    since: Changed::default(),
                }),
                Event::LegPlaced { leg, carrier_ref } => {
                    changes.at(*leg).carrier_ref = Some(carrier_ref.clone());
                }
                Event::CallOwned { leg, .. } => changes.at(*leg).talking = true,
                Event::LegReleased { leg } => changes.at(*leg).released = true,
                _ => {}
            }
        }
        changes.offered.sort_by(|one, other| one.agent.cmp(&other.agent));
        changes
    }

    fn at(&mut self, number: u32) -> &mut Changed {
        match self.offered.iter().position(|leg| leg.number == number) {
            Some(place) => self.offered.get_mut(place).map(|leg| &mut leg.since),
            None => None,
        }
        .unwrap_or_else(|| self.changed.entry(number).or_default())
    }
}

pub(super) async fn find_call_offered_to(
    session: &Session<'_>,
    agent: &AgentId,
    brand: &BrandId,
    since: DateTime<Utc>,
) -> Result<Option<CallId>, StoreError> {
    let sql = "SELECT legs.call_id FROM legs JOIN calls ON calls.id = legs.call_id \
        WHERE legs.offered_at > $1 AND legs.agent = $2 AND calls.brand = $3 ORDER BY legs.offered_at DESC LIMIT 1";
    let values = values![micros(since), agent.as_str(), brand.as_str()];
    let found = session.texts("find the call that rang", sql, values).await?;
    found.first().map(|text| call_id(text)).transpose()
}

pub(super) async fn find_live(session: &Session<'_>, carrier_ref: &CarrierRef) -> Result<Option<LegId>, StoreError> {
    let sql = "SELECT call_id, number FROM legs WHERE live = 1 AND carrier_ref = $1";
    let row: Option<LegRow> = session.row("find the leg", sql, values![carrier_ref.as_str()]).await?;
    row.map(|row| Ok(LegId { call: call_id(&row.call_id)?, number: count(row.number)? })).transpose()
}

/// Frees, names and takes phones, in this order.
pub(super) async fn write(session: &Session<'_>, save: &Save) -> Result<(), StoreError> {
    let changes = LegChanges::of(&save.events);
    let call = save.call.id.to_string();
    for (number, changed) in &changes.changed {
        let values = values![
            call.as_str(),
            i64::from(*number),
            changed.carrier_ref.as_ref().map(|name| name.as_str().to_owned()),
            i64::from(changed.talking),
            i64::from(changed.released),
        ];
        session.run("save the leg", UPDATE, values).await?;
    }
    write_line(session, save, &changes.line).await?;
    if changes.offered.is_empty() {
        return Ok(());
    }
    let mut values = Vec::with_capacity(changes.offered.len() * COLUMNS);
    for leg in &changes.offered {
        values.extend(values![
            call.as_str(),
            i64::from(leg.number),
            leg.agent.as_str(),
            leg.phone.as_e164(),
            leg.since.carrier_ref.as_ref().map(|name| name.as_str().to_owned()),
            i64::from(!leg.since.released),
            i64::from(leg.since.talking),
            micros(save.at),
        ]);
    }
    let sql = format!("{INSERT} VALUES {} ON CONFLICT DO NOTHING", tuples(changes.offered.len(), COLUMNS));
    let written = session.run("save the legs", sql, values).await?;
    if usize::try_from(written).is_ok_and(|written| written == changes.offered.len()) {
        Ok(())
    } else {
        Err(StoreError::Conflict(Conflict::PhoneTaken(find_held(session, save.call.id, &changes.offered).await?)))
    }
}

/// Which of these agents, or their phones, other calls hold.
async fn find_held(session: &Session<'_>, call: CallId, offered: &[Offered]) -> Result<Vec<HeldPhone>, StoreError> {
    let sql = format!(
        "SELECT agent, phone, call_id, offered_at, talking FROM legs \
         WHERE live = 1 AND (agent IN ({}) OR phone IN ({}))",
        places(1, offered.len()),
        places(1 + offered.len(), offered.len()),
    );
    let agents = offered.iter().map(|leg| Value::from(leg.agent.as_str()));
    let phones = offered.iter().map(|leg| Value::from(leg.phone.as_e164()));
    let rows: Vec<HeldRow> = session.rows("find who holds the phones", sql, agents.chain(phones).collect()).await?;
    let own = call.to_string();
    let others: Vec<&HeldRow> = rows.iter().filter(|row| row.call_id != own).collect();
    let held = offered.iter().filter(|leg| !leg.since.released).filter_map(|leg| {
        let by_agent = others.iter().find(|row| row.agent == leg.agent.as_str());
        let holder = by_agent.or_else(|| others.iter().find(|row| row.phone == leg.phone.as_e164()))?;
        Some((leg.agent.clone(), holder))
    });
    held.map(|(agent, row)| {
        let leg = LiveLeg { call: call_id(&row.call_id)?, since: instant(row.offered_at)?, talking: row.talking != 0 };
        Ok(HeldPhone { agent, leg })
    })
    .collect()
}

/// Frees and takes the phone of a line outside the roster. Whoever holds the phone already keeps it: the caller is on the
/// way there, and only the carrier can say that it is busy.
async fn write_line(session: &Session<'_>, save: &Save, change: &LineChange) -> Result<(), StoreError> {
    let Some(line) = &save.call.line else { return Ok(()) };
    let call = save.call.id.to_string();
    if change.is_taken || change.is_over {
        let (taken, over) = (i64::from(change.is_taken), i64::from(change.is_over));
        let values = values![call.as_str(), i64::from(LINES_FROM), taken, over];
        session.run("save the outside line", UPDATE_LINE, values).await?;
    }
    let Some(agent) = &change.rings else { return Ok(()) };
    let values = values![
        call.as_str(),
        i64::from(line_number(line.attempt)),
        agent.as_str(),
        line.number.as_e164(),
        None::<String>,
        1_i64,
        i64::from(change.is_taken),
        micros(save.at),
    ];
    let sql = format!("{INSERT} VALUES {} ON CONFLICT DO NOTHING", tuples(1, COLUMNS));
    session.run("save the outside line", sql, values).await.map(|_| ())
}

/// Above the numbers of legs: no call comes to ring a million phones.
const LINES_FROM: u32 = 1_000_000;

/// Whether a phone is held under this number by an outside line.
pub(super) fn is_line(number: u32) -> bool {
    number > LINES_FROM
}

/// The number under which an outside line holds its phone.
pub(super) fn line_number(attempt: u32) -> u32 {
    LINES_FROM.saturating_add(attempt)
}

const UPDATE_LINE: &str = "UPDATE legs SET talking = CASE WHEN $3 = 1 THEN 1 ELSE talking END, \
    live = CASE WHEN $4 = 1 THEN 0 ELSE live END WHERE call_id = $1 AND number > $2";

const COLUMNS: usize = 8;

const INSERT: &str = "INSERT INTO legs (call_id, number, agent, phone, carrier_ref, live, talking, offered_at)";

const UPDATE: &str = "UPDATE legs SET carrier_ref = COALESCE($3, carrier_ref), \
    talking = CASE WHEN $4 = 1 THEN 1 ELSE talking END, live = CASE WHEN $5 = 1 THEN 0 ELSE live END \
    WHERE call_id = $1 AND number = $2";
