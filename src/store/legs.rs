//! Legs to agents. Who may be rung is decided by two unique indexes, not by this code.

use std::collections::BTreeMap;

use super::session::{Session, micros, tuples, values};
use super::{Conflict, Save, StoreError};
use crate::call::event::Event;
use crate::ids::{AgentId, CarrierRef};
use crate::phone_number::PhoneNumber;

/// What the events of one decision mean for legs, taken together: only the state after the last of them counts.
#[derive(Debug, Default)]
pub(super) struct LegChanges {
    /// Legs that begin, in the order of their agents, so that two decisions lock them in the same order.
    pub offered: Vec<Offered>,
    /// Legs that were there before, by number.
    pub changed: BTreeMap<u32, Changed>,
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
        Err(StoreError::Conflict(Conflict::PhoneTaken))
    }
}

const COLUMNS: usize = 8;

const INSERT: &str = "INSERT INTO legs (call_id, number, agent, phone, carrier_ref, live, talking, offered_at)";

const UPDATE: &str = "UPDATE legs SET carrier_ref = COALESCE($3, carrier_ref), \
    talking = CASE WHEN $4 = 1 THEN 1 ELSE talking END, live = CASE WHEN $5 = 1 THEN 0 ELSE live END \
    WHERE call_id = $1 AND number = $2";
