//! Switches, codes and tries in memory.

use std::collections::{BTreeMap, HashMap};
use std::ops::Bound;

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::codes::{
    CodeGuard, CodeTry, Codes, StoredCode, TRIES_WINDOW, caller_key, good_line, removed_line, set_line, tried_line,
};
use super::model::{ModelStore, Tables};
use super::model_calls::most;
use super::switches::{BrandSwitch, Switches, begun_line, ended_line};
use super::{Conflict, StoreError};
use crate::call::switch::{NewSwitch, SwitchChange, SwitchKind, SwitchedBy};
use crate::ids::{BrandId, CallId, SupervisorId};
use crate::phone_number::Caller;

#[derive(Debug, Default)]
pub(super) struct SwitchTable(Vec<BrandSwitch>);

impl SwitchTable {
    fn begin(&mut self, new: &NewSwitch, now: DateTime<Utc>) -> BrandSwitch {
        self.close(&new.brand, new.kind, &new.by, now);
        let id = i64::try_from(self.0.len()).unwrap_or(i64::MAX).saturating_add(1);
        let begun = BrandSwitch { id, asked: new.clone(), began_at: now, ended: None };
        self.0.push(begun.clone());
        begun
    }

    fn end(&mut self, brand: &BrandId, kind: SwitchKind, by: &SwitchedBy, now: DateTime<Utc>) -> Option<BrandSwitch> {
        let on = self.find(brand, kind, now)?;
        self.close(brand, kind, by, now);
        Some(BrandSwitch { ended: Some((now, by.clone())), ..on })
    }

    fn close(&mut self, brand: &BrandId, kind: SwitchKind, by: &SwitchedBy, now: DateTime<Utc>) {
        let open = self.0.iter_mut().filter(|row| row.ended.is_none() && is_of(row, brand, kind));
        for row in open {
            let has_run_out = row.asked.until <= now;
            row.ended = Some(if has_run_out { (row.asked.until, SwitchedBy::Time) } else { (now, by.clone()) });
        }
    }

    pub(super) fn find(&self, brand: &BrandId, kind: SwitchKind, now: DateTime<Utc>) -> Option<BrandSwitch> {
        let mut on = self.0.iter().filter(|row| is_of(row, brand, kind) && is_on(row, now));
        on.next().cloned()
    }
}

impl Tables {
    pub(super) fn change_switch(&mut self, change: &SwitchChange, now: DateTime<Utc>) {
        match change {
            SwitchChange::Begin { switch } => drop(self.begin_switch(switch, now)),
            SwitchChange::End { brand, kind, by } => drop(self.end_switch(brand, *kind, by, now)),
        }
    }

    fn begin_switch(&mut self, new: &NewSwitch, now: DateTime<Utc>) -> BrandSwitch {
        self.publishing.note(begun_line(new), now);
        self.switches.begin(new, now)
    }

    fn end_switch(
        &mut self,
        brand: &BrandId,
        kind: SwitchKind,
        by: &SwitchedBy,
        now: DateTime<Utc>,
    ) -> Option<BrandSwitch> {
        let ended = self.switches.end(brand, kind, by, now)?;
        self.publishing.note(ended_line(brand, kind, by), now);
        Some(ended)
    }
}

fn is_of(row: &BrandSwitch, brand: &BrandId, kind: SwitchKind) -> bool {
    row.asked.brand == *brand && row.asked.kind == kind
}

fn is_on(row: &BrandSwitch, now: DateTime<Utc>) -> bool {
    row.ended.is_none() && row.asked.until > now
}

#[async_trait]
impl Switches for ModelStore {
    async fn begin_switch(&self, new: &NewSwitch, now: DateTime<Utc>) -> Result<BrandSwitch, StoreError> {
        Ok(self.tables()?.begin_switch(new, now))
    }

    async fn end_switch(
        &self,
        brand: &BrandId,
        kind: SwitchKind,
        by: &SwitchedBy,
        now: DateTime<Utc>,
    ) -> Result<Option<BrandSwitch>, StoreError> {
        Ok(self.tables()?.end_switch(brand, kind, by, now))
    }

    async fn find_switch(
        &self,
        brand: &BrandId,
        kind: SwitchKind,
        now: DateTime<Utc>,
    ) -> Result<Option<BrandSwitch>, StoreError> {
        Ok(self.tables()?.switches.find(brand, kind, now))
    }

    async fn list_switches(
        &self,
        brand: &BrandId,
        kind: SwitchKind,
        before: Option<i64>,
        limit: u32,
        now: DateTime<Utc>,
    ) -> Result<Vec<BrandSwitch>, StoreError> {
        let tables = self.tables()?;
        let older = tables.switches.0.iter().rev().filter(|row| before.is_none_or(|before| row.id < before));
        let found = older.filter(|row| is_of(row, brand, kind)).take(most(limit));
        Ok(found.map(|row| row.clone().seen_at(now)).collect())
    }

    async fn list_switches_on(&self, now: DateTime<Utc>, limit: u32) -> Result<Vec<BrandSwitch>, StoreError> {
        let tables = self.tables()?;
        let mut on: Vec<BrandSwitch> = tables.switches.0.iter().filter(|row| is_on(row, now)).cloned().collect();
        on.sort_by_key(|row| (row.asked.brand.clone(), row.asked.kind.as_str()));
        on.truncate(most(limit));
        Ok(on)
    }
}

#[derive(Debug, Default)]
pub(super) struct CodeTables {
    codes: BTreeMap<SupervisorId, StoredCode>,
    tries: BTreeMap<(DateTime<Utc>, u64), (CallId, String)>,
    drawn: u64,
    of_calls: HashMap<CallId, u32>,
    guard: CodeGuard,
}

impl CodeTables {
    /// Tries within the window.
    fn recent(&self, now: DateTime<Utc>) -> impl Iterator<Item = &(CallId, String)> {
        let since = (Bound::Excluded((now - TRIES_WINDOW, u64::MAX)), Bound::Unbounded);
        self.tries.range(since).map(|(_, of)| of)
    }

    fn guard(&self, now: DateTime<Utc>) -> CodeGuard {
        CodeGuard { tries: u32::try_from(self.recent(now).count()).unwrap_or(u32::MAX), ..self.guard }
    }

    fn take(&mut self, call: CallId, caller: &Caller, now: DateTime<Utc>) -> CodeTry {
        let key = caller_key(caller);
        let of_call = self.of_calls.get(&call).copied().unwrap_or(0);
        let of_caller = u32::try_from(self.recent(now).filter(|(_, of)| of == key).count()).unwrap_or(u32::MAX);
        match self.guard(now).take(of_call, of_caller, now) {
            Ok(after) => {
                self.guard = after;
                self.drawn += 1;
                self.tries.insert((now, self.drawn), (call, key.to_owned()));
                *self.of_calls.entry(call).or_default() += 1;
                CodeTry::Taken
            }
            Err((why, until)) => CodeTry::Refused { why, until },
        }
    }

    /// Forgets old tries; how many.
    pub(super) fn forget_before(&mut self, before: DateTime<Utc>) -> usize {
        let kept = self.tries.split_off(&(before, 0));
        let forgotten = std::mem::replace(&mut self.tries, kept);
        for (call, _) in forgotten.values() {
            if let Some(of_call) = self.of_calls.get_mut(call) {
                *of_call = of_call.saturating_sub(1);
            }
        }
        self.of_calls.retain(|_, tries| *tries > 0);
        forgotten.len()
    }
}

impl ModelStore {
    /// As [`Codes::take_code_try`].
    ///
    /// # Errors
    /// Injected faults.
    pub fn take_code_try_sync(&self, call: CallId, caller: &Caller, now: DateTime<Utc>) -> Result<CodeTry, StoreError> {
        let mut guard = self.tables()?;
        let tables: &mut Tables = &mut guard;
        let taken = tables.codes.take(call, caller, now);
        if taken == CodeTry::Taken {
            tables.publishing.note(tried_line(call, &tables.codes.guard), now);
        }
        Ok(taken)
    }
}

#[async_trait]
impl Codes for ModelStore {
    async fn set_code(&self, code: &StoredCode) -> Result<(), StoreError> {
        let mut tables = self.tables()?;
        let is_taken = |other: &StoredCode| other.hash == code.hash && other.supervisor != code.supervisor;
        if tables.codes.codes.values().any(is_taken) {
            return Err(StoreError::Conflict(Conflict::CodeTaken));
        }
        tables.codes.codes.insert(code.supervisor.clone(), code.clone());
        tables.publishing.note(set_line(code), code.set_at);
        Ok(())
    }

    async fn remove_code(&self, supervisor: &SupervisorId, by: &str, now: DateTime<Utc>) -> Result<bool, StoreError> {
        let mut tables = self.tables()?;
        let is_gone = tables.codes.codes.remove(supervisor).is_some();
        if is_gone {
            tables.publishing.note(removed_line(supervisor, by), now);
        }
        Ok(is_gone)
    }

    async fn list_codes(&self) -> Result<Vec<StoredCode>, StoreError> {
        Ok(self.tables()?.codes.codes.values().cloned().collect())
    }

    async fn take_code_try(&self, call: CallId, caller: &Caller, now: DateTime<Utc>) -> Result<CodeTry, StoreError> {
        self.take_code_try_sync(call, caller, now)
    }

    async fn note_good_code(
        &self,
        call: CallId,
        supervisor: &SupervisorId,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let mut tables = self.tables()?;
        tables.codes.guard.lockouts = 0;
        tables.publishing.note(good_line(call, supervisor), now);
        Ok(())
    }

    async fn find_code_guard(&self, now: DateTime<Utc>) -> Result<CodeGuard, StoreError> {
        Ok(self.tables()?.codes.guard(now))
    }
}
