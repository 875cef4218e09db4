//! The outbox in memory.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use chrono::{DateTime, TimeDelta, Utc};

use super::model::ModelStore;
use super::model_calls::most;
use super::{Conflict, DeadLetter, Figures, LATE_COMMIT, Leased, NewEffect, Settled, StoreError, Waiting};
use crate::call::effect::{Effect, Neighbour};
use crate::ids::CallId;

/// From when, and which.
type Ready = (DateTime<Utc>, i64);

#[derive(Debug, Default)]
pub(super) struct OutboxTable {
    rows: BTreeMap<i64, Row>,
    last_id: i64,
    keys: HashSet<String>,
    /// Unfinished rows of each lane that has any.
    lanes: HashMap<String, BTreeSet<i64>>,
    /// The first unfinished row of each lane, by whom it goes to and the instant from which it can be leased.
    heads: BTreeMap<Neighbour, BTreeSet<Ready>>,
    dead: BTreeSet<i64>,
    /// Unfinished rows for which somebody waits.
    due: u64,
    rings: u32,
}

#[derive(Debug)]
struct Row {
    call: CallId,
    effect: Effect,
    lane: String,
    ready_at: DateTime<Utc>,
    attempts: u32,
    lease: i64,
    is_leased: bool,
    broken_off: u32,
    failed_at: Option<DateTime<Utc>>,
    is_due: bool,
    last_error: Option<String>,
    created_at: DateTime<Utc>,
}

impl OutboxTable {
    pub(super) fn add(&mut self, call: CallId, effects: Vec<NewEffect>, at: DateTime<Utc>) {
        for NewEffect { effect, lane, due_at } in effects {
            if !self.keys.insert(effect.key(call)) {
                continue;
            }
            self.last_id += 1;
            let row = Row {
                call,
                effect,
                lane,
                ready_at: due_at,
                attempts: 0,
                lease: 0,
                is_leased: false,
                broken_off: 0,
                failed_at: None,
                is_due: false,
                last_error: None,
                created_at: at,
            };
            self.rows.insert(self.last_id, row);
            self.enter(self.last_id);
        }
    }

    pub(super) fn rings(&self) -> u32 {
        self.rings
    }

    /// Puts a row into its lane.
    fn enter(&mut self, id: i64) {
        let Some(row) = self.rows.get_mut(&id) else {
            return;
        };
        row.is_due = true;
        self.due += u64::from(row.effect.is_owed());
        self.rings += u32::from(matches!(row.effect, Effect::RingAgent { .. }));
        let lane = row.lane.clone();
        let old = self.head(&lane);
        self.lanes.entry(lane.clone()).or_default().insert(id);
        self.move_head(old, &lane);
    }

    /// Takes a row out of its lane, which hands out its next.
    fn leave(&mut self, id: i64) {
        let Some(row) = self.rows.get_mut(&id) else {
            return;
        };
        row.is_due = false;
        row.is_leased = false;
        self.due -= u64::from(row.effect.is_owed());
        self.rings -= u32::from(matches!(row.effect, Effect::RingAgent { .. }));
        let lane = row.lane.clone();
        let old = self.head(&lane);
        if let Some(rows) = self.lanes.get_mut(&lane) {
            rows.remove(&id);
            if rows.is_empty() {
                self.lanes.remove(&lane);
            }
        }
        self.move_head(old, &lane);
    }

    /// Sets from when the row, which is first of its lane, can be leased.
    fn set_ready(&mut self, id: i64, ready_at: DateTime<Utc>) {
        let Some(row) = self.rows.get_mut(&id) else {
            return;
        };
        if let Some(heads) = self.heads.get_mut(&row.effect.neighbour())
            && heads.remove(&(row.ready_at, id))
        {
            heads.insert((ready_at, id));
        }
        row.ready_at = ready_at;
    }

    fn head(&self, lane: &str) -> Option<(Neighbour, Ready)> {
        let id = self.lanes.get(lane)?.first()?;
        let row = self.rows.get(id)?;
        Some((row.effect.neighbour(), (row.ready_at, *id)))
    }

    fn move_head(&mut self, old: Option<(Neighbour, Ready)>, lane: &str) {
        if let Some((neighbour, old)) = old
            && let Some(heads) = self.heads.get_mut(&neighbour)
        {
            heads.remove(&old);
        }
        if let Some((neighbour, head)) = self.head(lane) {
            self.heads.entry(neighbour).or_default().insert(head);
        }
    }
}

impl ModelStore {
    /// As [`Store::add_effect`](super::Store::add_effect).
    ///
    /// # Errors
    /// Injected faults.
    pub fn add_effect_sync(&self, call: CallId, effect: NewEffect, at: DateTime<Utc>) -> Result<(), StoreError> {
        self.tables()?.outbox.add(call, vec![effect], at);
        Ok(())
    }

    /// As [`Store::lease_effects`](super::Store::lease_effects).
    ///
    /// # Errors
    /// Injected faults.
    pub fn lease_effects_sync(
        &self,
        neighbour: Neighbour,
        now: DateTime<Utc>,
        lease: TimeDelta,
        limit: u32,
    ) -> Result<Vec<Leased>, StoreError> {
        let mut guard = self.tables()?;
        let outbox = &mut guard.outbox;
        let heads = outbox.heads.get(&neighbour).into_iter().flatten();
        let ready = heads.take_while(|(at, _)| *at <= now).map(|(_, id)| *id);
        let mut ids: Vec<i64> = ready.take(most(limit)).collect();
        ids.sort_unstable();
        let mut leased = Vec::with_capacity(ids.len());
        for id in ids {
            outbox.set_ready(id, now + lease);
            if let Some(row) = outbox.rows.get_mut(&id) {
                row.lease += 1;
                row.broken_off += u32::from(row.is_leased);
                row.is_leased = true;
                leased.push(Leased {
                    id,
                    call: row.call,
                    effect: row.effect.clone(),
                    attempts: row.attempts,
                    created_at: row.created_at,
                    lease: row.lease,
                    broken_off: row.broken_off,
                    failing_since: row.failed_at,
                });
            }
        }
        Ok(leased)
    }

    /// As [`Store::settle_effect`](super::Store::settle_effect).
    ///
    /// # Errors
    /// The same, and injected faults.
    pub fn settle_effect_sync(
        &self,
        id: i64,
        lease: i64,
        settled: Settled,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let mut guard = self.tables()?;
        let outbox = &mut guard.outbox;
        let mine = outbox.rows.get_mut(&id).filter(|row| row.is_due && row.is_leased && row.lease == lease);
        let Some(row) = mine else {
            return Err(StoreError::Conflict(Conflict::Version));
        };
        match settled {
            Settled::Done => outbox.leave(id),
            Settled::Again { at, why, counts } => {
                row.is_leased = false;
                row.attempts += u32::from(counts);
                if !why.is_empty() {
                    row.failed_at.get_or_insert(now);
                }
                row.last_error = Some(why);
                outbox.set_ready(id, at);
            }
            Settled::Dead { why } => {
                row.last_error = Some(why);
                outbox.leave(id);
                outbox.dead.insert(id);
            }
        }
        Ok(())
    }

    /// As [`Store::renew_effect`](super::Store::renew_effect).
    ///
    /// # Errors
    /// The same, and injected faults.
    pub fn renew_effect_sync(&self, id: i64, lease: i64, until: DateTime<Utc>) -> Result<(), StoreError> {
        let mut guard = self.tables()?;
        let mine = guard.outbox.rows.get(&id).is_some_and(|row| row.is_due && row.is_leased && row.lease == lease);
        if !mine {
            return Err(StoreError::Conflict(Conflict::Version));
        }
        guard.outbox.set_ready(id, until);
        Ok(())
    }

    /// As [`Store::release_leases`](super::Store::release_leases).
    ///
    /// # Errors
    /// Injected faults.
    pub fn release_leases_sync(&self, now: DateTime<Utc>) -> Result<u64, StoreError> {
        let mut guard = self.tables()?;
        let until = |row: &Row| match row.effect.neighbour() {
            Neighbour::Carrier | Neighbour::Recordings => now,
            Neighbour::Inbox => now + LATE_COMMIT,
        };
        let held = guard.outbox.rows.iter().filter(|(_, row)| row.is_due && row.is_leased && row.ready_at > until(row));
        let ids: Vec<(i64, DateTime<Utc>)> = held.map(|(id, row)| (*id, until(row))).collect();
        for (id, until) in &ids {
            guard.outbox.set_ready(*id, *until);
        }
        Ok(u64::try_from(ids.len()).unwrap_or(u64::MAX))
    }

    /// As [`Store::find_next_effect`](super::Store::find_next_effect).
    ///
    /// # Errors
    /// Injected faults.
    pub fn find_next_effect_sync(&self) -> Result<Option<DateTime<Utc>>, StoreError> {
        Ok(self.tables()?.outbox.heads.values().filter_map(BTreeSet::first).map(|(at, _)| *at).min())
    }

    /// As [`Store::count_effects_due`](super::Store::count_effects_due).
    ///
    /// # Errors
    /// Injected faults.
    pub fn count_effects_due_sync(&self) -> Result<u64, StoreError> {
        Ok(self.tables()?.outbox.due)
    }

    /// As [`Store::load_figures`](super::Store::load_figures).
    ///
    /// # Errors
    /// Injected faults.
    pub fn load_figures_sync(&self, now: DateTime<Utc>) -> Result<Figures, StoreError> {
        let tables = self.tables()?;
        let waiting = |is_one: &dyn Fn(&i64, &Row) -> bool| {
            let rows = tables.outbox.rows.iter().filter(|(id, row)| is_one(id, row));
            let ages: Vec<DateTime<Utc>> = rows.map(|(_, row)| row.created_at).collect();
            Waiting { count: u32::try_from(ages.len()).unwrap_or(u32::MAX), oldest: ages.into_iter().min() }
        };
        let is_due_for = |is_inbox: bool| {
            move |_: &i64, row: &Row| {
                row.is_due && row.effect.is_owed() && (row.effect.neighbour() == Neighbour::Inbox) == is_inbox
            }
        };
        Ok(Figures {
            calls_live: tables.calls.count_live_calls(now),
            legs_live: u32::try_from(tables.calls.count_live()).unwrap_or(u32::MAX),
            carrier: waiting(&is_due_for(false)),
            inbox: waiting(&is_due_for(true)),
            dead: waiting(&|id, _| tables.outbox.dead.contains(id)),
        })
    }

    /// As [`Store::list_dead_letters`](super::Store::list_dead_letters).
    ///
    /// # Errors
    /// Injected faults.
    pub fn list_dead_letters_sync(&self, limit: u32) -> Result<Vec<DeadLetter>, StoreError> {
        let tables = self.tables()?;
        let rows = tables.outbox.dead.iter().filter_map(|id| Some((id, tables.outbox.rows.get(id)?)));
        let letter = |(id, row): (&i64, &Row)| DeadLetter {
            id: *id,
            call: row.call,
            kind: row.effect.kind().to_owned(),
            why: row.last_error.clone().unwrap_or_default(),
            created_at: row.created_at,
        };
        Ok(rows.take(most(limit)).map(letter).collect())
    }

    /// As [`Store::revive_effect`](super::Store::revive_effect).
    ///
    /// # Errors
    /// The same, and injected faults.
    pub fn revive_effect_sync(&self, id: i64, by: &str, now: DateTime<Utc>) -> Result<(), StoreError> {
        let mut guard = self.tables()?;
        let outbox = &mut guard.outbox;
        if !outbox.dead.remove(&id) {
            return Err(StoreError::NotFound { what: "dead letter" });
        }
        let line = outbox.rows.get_mut(&id).map(|row| {
            row.attempts = 0;
            row.broken_off = row.broken_off.min(1);
            row.failed_at = None;
            row.ready_at = now;
            row.created_at = now;
            super::outbox::replayed(row.call, row.effect.kind(), by)
        });
        outbox.enter(id);
        if let Some(line) = line {
            guard.publishing.note(line, now);
        }
        Ok(())
    }
}
