//! Calls, legs, history and answers in memory.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Bound;

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::calls::{is_waiting, number_of};
use super::legs::{LegChanges, is_line, line_number};
use super::model::{ModelStore, Tables};
use super::{
    AnswerCounts, Arrival, ArrivalQuestion, Conflict, Endings, HeldPhone, HistoryEntry, LiveLeg, Save, StoreError,
    WaitingCall,
};
use crate::call::event::{Ending, Event};
use crate::call::state::{Call, Stage};
use crate::call::switch::SwitchKind;
use crate::ids::{AgentId, BrandId, CallId, CarrierRef, LegId};
use crate::phone_number::PhoneNumber;
use crate::shortlist::facts::WAITING_MAX;

#[derive(Debug, Default)]
pub(super) struct CallTables {
    calls: HashMap<CallId, Call>,
    caller_refs: HashMap<CarrierRef, CallId>,
    recent: BTreeSet<(DateTime<Utc>, CallId)>,
    wakes: BTreeSet<(DateTime<Utc>, CallId)>,
    waiting: BTreeSet<(DateTime<Utc>, CallId)>,
    from: BTreeSet<(PhoneNumber, BrandId, DateTime<Utc>, CallId)>,
    withheld: BTreeSet<(BrandId, DateTime<Utc>, CallId)>,
    talking: BTreeSet<(PhoneNumber, BrandId, CallId)>,
    history: HashMap<CallId, Vec<HistoryEntry>>,
    shortlist_facts: HashMap<(CallId, u32), std::sync::Arc<[u8]>>,
    legs: HashMap<CallId, Vec<ModelLeg>>,
    live_agents: BTreeMap<AgentId, LegId>,
    live_phones: HashMap<PhoneNumber, LegId>,
    offered: BTreeSet<(DateTime<Utc>, LegId)>,
    pub(super) answers: HashMap<String, (String, DateTime<Utc>)>,
}

#[derive(Debug, Clone)]
struct ModelLeg {
    id: LegId,
    agent: AgentId,
    phone: PhoneNumber,
    live: bool,
    talking: bool,
    offered_at: DateTime<Utc>,
}

impl CallTables {
    pub(super) fn count_live_calls(&self, now: DateTime<Utc>) -> u32 {
        let since = now - super::outbox::LIVE_WITHIN;
        let live = self.calls.values().filter(|call| call.arrived_at > since && call.ending.is_none());
        u32::try_from(live.count()).unwrap_or(u32::MAX)
    }

    fn check(&self, call: &Call) -> Result<(), StoreError> {
        let stored = self.calls.get(&call.id);
        if call.version == 0 {
            if stored.is_some() || self.caller_refs.contains_key(&call.caller_ref) {
                return Err(StoreError::Conflict(Conflict::CallExists));
            }
        } else if stored.is_none_or(|stored| stored.version != call.version) {
            return Err(StoreError::Conflict(Conflict::Version));
        }
        Ok(())
    }

    /// That phones which the save would ring are held, and by which other calls.
    fn taken(&self, save: &Save) -> StoreError {
        let call = save.call.id;
        let others = |holder: Option<&LegId>| holder.copied().filter(|holder| holder.call != call);
        let offered = LegChanges::of(&save.events).offered;
        let held = offered.into_iter().filter(|leg| !leg.since.released).filter_map(|leg| {
            let by_agent = others(self.live_agents.get(&leg.agent));
            let id = by_agent.or_else(|| others(self.live_phones.get(&leg.phone)))?;
            let holder = self.legs.get(&id.call)?.iter().find(|holder| holder.id == id)?;
            let leg_of = LiveLeg { call: id.call, since: holder.offered_at, talking: holder.talking };
            Some(HeldPhone { agent: leg.agent, leg: leg_of })
        });
        StoreError::Conflict(Conflict::PhoneTaken(held.collect()))
    }

    /// The legs after these events, if there is a difference.
    fn legs_after(&self, save: &Save) -> Result<Option<Vec<ModelLeg>>, StoreError> {
        let concerns = |event: &Event| {
            matches!(event, Event::LegOffered { .. } | Event::CallOwned { .. } | Event::LegReleased { .. })
                || (save.call.line.is_some()
                    && matches!(
                        event,
                        Event::LineRung { .. } | Event::LineTaken | Event::LineOver | Event::CallEnded { .. }
                    ))
        };
        if !save.events.iter().any(concerns) {
            return Ok(None);
        }
        let call = save.call.id;
        let mut legs = self.legs.get(&call).cloned().unwrap_or_default();
        let line = LegChanges::of(&save.events).line;
        for leg in legs.iter_mut().filter(|leg| is_line(leg.id.number)) {
            leg.talking |= line.is_taken;
            leg.live &= !line.is_over;
        }
        for event in &save.events {
            match event {
                Event::LegOffered { leg, agent, phone, .. } => {
                    let id = LegId { call, number: *leg };
                    if legs.iter().any(|leg| leg.id == id) {
                        return Err(self.taken(save));
                    }
                    let (agent, phone) = (agent.clone(), phone.clone());
                    legs.push(ModelLeg { id, agent, phone, live: true, talking: false, offered_at: save.at });
                }
                Event::CallOwned { leg, .. } => change(&mut legs, *leg, |leg| leg.talking = true),
                Event::LegReleased { leg } => change(&mut legs, *leg, |leg| leg.live = false),
                _ => {}
            }
        }
        let is_others = |holder: Option<&LegId>| holder.is_some_and(|holder| holder.call != call);
        for (place, leg) in legs.iter().enumerate().filter(|(_, leg)| leg.live) {
            let twice = legs
                .iter()
                .skip(place + 1)
                .any(|other| other.live && (other.agent == leg.agent || other.phone == leg.phone));
            if twice || is_others(self.live_agents.get(&leg.agent)) || is_others(self.live_phones.get(&leg.phone)) {
                return Err(self.taken(save));
            }
        }
        if let (Some(agent), Some(line_at)) = (line.rings, &save.call.line) {
            let id = LegId { call, number: line_number(line_at.attempt) };
            let is_held = self.live_agents.contains_key(&agent)
                || self.live_phones.contains_key(&line_at.number)
                || legs.iter().any(|leg| leg.id == id || (leg.live && leg.agent == agent));
            if !is_held {
                let (phone, talking) = (line_at.number.clone(), line.is_taken);
                legs.push(ModelLeg { id, agent, phone, live: true, talking, offered_at: save.at });
            }
        }
        Ok(Some(legs))
    }

    fn keep_legs(&mut self, call: CallId, after: Vec<ModelLeg>) {
        for leg in self.legs.get(&call).into_iter().flatten().filter(|leg| leg.live) {
            self.live_agents.remove(&leg.agent);
            self.live_phones.remove(&leg.phone);
        }
        for leg in &after {
            self.offered.insert((leg.offered_at, leg.id));
            if leg.live {
                self.live_agents.insert(leg.agent.clone(), leg.id);
                self.live_phones.insert(leg.phone.clone(), leg.id);
            }
        }
        self.legs.insert(call, after);
    }

    /// Calls that want phones, the longest waiting first.
    pub(super) fn sharing(&self) -> Vec<WaitingCall> {
        let calls = self.waiting.iter().filter_map(|(_, id)| self.calls.get(id)).filter(|call| call.wants_phones());
        calls.take(most(WAITING_MAX)).map(Call::as_waiting).collect()
    }

    fn keep_call(&mut self, next: Call) {
        let (id, arrived_at) = (next.id, next.arrived_at);
        if let Some(old) = self.calls.get(&id) {
            if let Some(wake_at) = old.wake_at() {
                self.wakes.remove(&(wake_at, id));
            }
        } else {
            self.caller_refs.insert(next.caller_ref.clone(), id);
            self.recent.insert((arrived_at, id));
            if let Some(phone) = number_of(&next) {
                self.from.insert((phone.clone(), next.brand.clone(), arrived_at, id));
            } else {
                self.withheld.insert((next.brand.clone(), arrived_at, id));
            }
        }
        if let Some(wake_at) = next.wake_at() {
            self.wakes.insert((wake_at, id));
        }
        if is_waiting(&next) {
            self.waiting.insert((arrived_at, id));
        } else {
            self.waiting.remove(&(arrived_at, id));
        }
        if let Some(phone) = number_of(&next) {
            let talk = (phone.clone(), next.brand.clone(), id);
            if matches!(next.stage, Stage::Talking { .. }) {
                self.talking.insert(talk);
            } else {
                self.talking.remove(&talk);
            }
        }
        self.calls.insert(id, next);
    }

    fn count_recent(&self, question: &ArrivalQuestion) -> usize {
        let (brand, nil) = (&question.brand, CallId(uuid::Uuid::nil()));
        match &question.caller {
            Some(phone) => {
                let from = (phone.clone(), brand.clone(), question.since, nil);
                self.from
                    .range(from..)
                    .take_while(|(of, at, when, _)| of == phone && at == brand && *when <= question.now)
                    .count()
            }
            None => {
                let from = (brand.clone(), question.since, nil);
                self.withheld.range(from..).take_while(|(at, when, _)| at == brand && *when <= question.now).count()
            }
        }
    }

    fn talks(&self, question: &ArrivalQuestion) -> bool {
        question.caller.as_ref().is_some_and(|phone| {
            let from = (phone.clone(), question.brand.clone(), CallId(uuid::Uuid::nil()));
            self.talking.range(from..).next().is_some_and(|(of, at, _)| of == phone && *at == question.brand)
        })
    }

    /// The leg that holds this agent.
    pub(super) fn live_leg(&self, agent: &AgentId) -> Option<LiveLeg> {
        let id = self.live_agents.get(agent)?;
        let leg = self.legs.get(&id.call)?.iter().find(|leg| leg.id == *id)?;
        Some(LiveLeg { call: id.call, since: leg.offered_at, talking: leg.talking })
    }

    pub(super) fn count_live(&self) -> usize {
        self.live_agents.len()
    }

    pub(super) fn count_offered_after(&self, instant: DateTime<Utc>) -> usize {
        self.offered.iter().rev().take_while(|(at, _)| *at > instant).count()
    }
}

fn change(legs: &mut [ModelLeg], number: u32, change: impl FnOnce(&mut ModelLeg)) {
    if let Some(leg) = legs.iter_mut().find(|leg| leg.id.number == number) {
        change(leg);
    }
}

impl ModelStore {
    /// As [`Store::save`](super::Store::save).
    ///
    /// # Errors
    /// The same, and injected faults.
    pub fn save_sync(&self, save: Save) -> Result<(), StoreError> {
        let mut guard = self.tables()?;
        let tables: &mut Tables = &mut guard;
        tables.calls.check(&save.call)?;
        let legs = tables.calls.legs_after(&save)?;
        tables.facts.check_pauses(&save.marks, save.at)?;
        // Nothing below can fail.
        let id = save.call.id;
        if let Some(legs) = legs {
            tables.calls.keep_legs(id, legs);
        }
        let mut next = save.call;
        next.version += 1;
        let mut events = save.events;
        if let Some(facts) = events.iter().find_map(Event::kept_facts) {
            tables.calls.shortlist_facts.insert((id, next.version), std::sync::Arc::clone(facts));
        }
        for event in &mut events {
            if let Event::ShortlistTaken { record } = event {
                record.snapshot = None;
            }
        }
        events.retain(Event::is_history);
        if !events.is_empty() {
            let entry = HistoryEntry { version: next.version, at: save.at, signal: save.signal, events };
            tables.calls.history.entry(id).or_default().push(entry);
        }
        tables.calls.keep_call(next);
        tables.outbox.add(id, save.effects, save.at);
        for change in &save.switches {
            tables.change_switch(change, save.at);
        }
        for mark in &save.marks {
            tables.facts.mark(mark, save.at);
        }
        for change in &save.tasks {
            tables.tasks.change(change, save.at);
        }
        if let Some(answer) = save.answer {
            tables.calls.answers.entry(answer.key).or_insert((answer.body, save.at));
        }
        Ok(())
    }

    /// As [`Store::find_call`](super::Store::find_call).
    ///
    /// # Errors
    /// Injected faults.
    pub fn find_call_sync(&self, id: CallId) -> Result<Option<Call>, StoreError> {
        Ok(self.tables()?.calls.calls.get(&id).cloned())
    }

    /// As [`Store::find_call_by_caller_ref`](super::Store::find_call_by_caller_ref).
    ///
    /// # Errors
    /// Injected faults.
    pub fn find_call_by_caller_ref_sync(&self, caller: &CarrierRef) -> Result<Option<Call>, StoreError> {
        let tables = self.tables()?;
        let id = tables.calls.caller_refs.get(caller);
        Ok(id.and_then(|id| tables.calls.calls.get(id)).cloned())
    }

    /// As [`Store::find_call_offered_to`](super::Store::find_call_offered_to).
    ///
    /// # Errors
    /// Injected faults.
    pub fn find_call_offered_to_sync(
        &self,
        agent: &AgentId,
        brand: &BrandId,
        since: DateTime<Utc>,
    ) -> Result<Option<CallId>, StoreError> {
        let tables = self.tables()?;
        let calls = &tables.calls;
        let is_of_agent = |id: &LegId| {
            let mut legs = calls.legs.get(&id.call).into_iter().flatten();
            legs.any(|leg| leg.id == *id && leg.agent == *agent)
        };
        let is_of_brand = |id: &LegId| calls.calls.get(&id.call).is_some_and(|call| call.brand == *brand);
        let recent = calls.offered.iter().rev().take_while(|(at, _)| *at > since);
        Ok(recent.map(|(_, id)| id).find(|id| is_of_agent(id) && is_of_brand(id)).map(|id| id.call))
    }

    /// As [`Store::find_live_leg`](super::Store::find_live_leg).
    ///
    /// # Errors
    /// Injected faults.
    pub fn find_live_leg_sync(&self, carrier_ref: &CarrierRef) -> Result<Option<LegId>, StoreError> {
        let tables = self.tables()?;
        let live = |id: &LegId| {
            let call = tables.calls.calls.get(&id.call);
            let leg = call.and_then(|call| call.find_leg(id.number));
            leg.is_some_and(|leg| leg.carrier_ref.as_ref() == Some(carrier_ref))
        };
        Ok(tables.calls.live_agents.values().find(|id| live(id)).copied())
    }

    /// As [`Store::find_shortlist_facts`](super::Store::find_shortlist_facts).
    ///
    /// # Errors
    /// Injected faults.
    pub fn find_shortlist_facts_sync(&self, id: CallId, version: u32) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.tables()?.calls.shortlist_facts.get(&(id, version)).map(|facts| facts.to_vec()))
    }

    /// As [`Store::load_history`](super::Store::load_history).
    ///
    /// # Errors
    /// Injected faults.
    pub fn load_history_sync(&self, id: CallId) -> Result<Vec<HistoryEntry>, StoreError> {
        Ok(self.tables()?.calls.history.get(&id).cloned().unwrap_or_default())
    }

    /// As [`Store::find_calls_to_wake`](super::Store::find_calls_to_wake).
    ///
    /// # Errors
    /// Injected faults.
    pub fn find_calls_to_wake_sync(&self, now: DateTime<Utc>, limit: u32) -> Result<Vec<CallId>, StoreError> {
        let tables = self.tables()?;
        let due = tables.calls.wakes.iter().take_while(|(at, _)| *at <= now);
        Ok(due.take(most(limit)).map(|(_, id)| *id).collect())
    }

    /// As [`Store::find_next_wake`](super::Store::find_next_wake).
    ///
    /// # Errors
    /// Injected faults.
    pub fn find_next_wake_sync(&self) -> Result<Option<DateTime<Utc>>, StoreError> {
        Ok(self.tables()?.calls.wakes.first().map(|(at, _)| *at))
    }

    /// As [`Store::find_waiting_calls`](super::Store::find_waiting_calls).
    ///
    /// # Errors
    /// Injected faults.
    pub fn find_waiting_calls_sync(&self, limit: u32) -> Result<Vec<CallId>, StoreError> {
        Ok(self.tables()?.calls.waiting.iter().take(most(limit)).map(|(_, id)| *id).collect())
    }

    /// As [`Store::find_calls_ringing`](super::Store::find_calls_ringing).
    ///
    /// # Errors
    /// Injected faults.
    pub fn find_calls_ringing_sync(&self, agent: &AgentId) -> Result<Vec<CallId>, StoreError> {
        Ok(self.tables()?.calls.live_agents.get(agent).map(|leg| leg.call).into_iter().collect())
    }

    /// As [`Store::list_calls`](super::Store::list_calls).
    ///
    /// # Errors
    /// Injected faults.
    pub fn list_calls_sync(&self, before: Option<DateTime<Utc>>, limit: u32) -> Result<Vec<Call>, StoreError> {
        let tables = self.tables()?;
        let end = before.map_or(Bound::Unbounded, |at| Bound::Excluded((at, CallId(uuid::Uuid::nil()))));
        let newest = tables.calls.recent.range((Bound::Unbounded, end)).rev().take(most(limit));
        Ok(newest.filter_map(|(_, id)| tables.calls.calls.get(id)).cloned().collect())
    }

    /// As [`Store::load_arrival`](super::Store::load_arrival).
    ///
    /// # Errors
    /// Injected faults.
    pub fn load_arrival_sync(&self, question: &ArrivalQuestion) -> Result<Arrival, StoreError> {
        let tables = self.tables()?;
        let answered = question.key.as_ref().and_then(|key| tables.calls.answers.get(key));
        let until = |kind| tables.switches.find(&question.brand, kind, question.now).map(|on| on.asked.until);
        let flood = tables.switches.find(&question.brand, SwitchKind::Flood, question.now);
        let contact = question.caller.as_ref().and_then(|phone| tables.facts.contacts.get(phone)).cloned();
        let made_at = contact.as_ref().and_then(|contact| tables.facts.made_contacts.get(&contact.contact_id));
        Ok(Arrival {
            answer: answered.map(|(body, _)| body.clone()),
            contact_made_at: made_at.copied(),
            contact,
            recent_calls: u32::try_from(tables.calls.count_recent(question)).unwrap_or(u32::MAX),
            talks: tables.calls.talks(question),
            overridden_until: until(SwitchKind::Override),
            flood_until: until(SwitchKind::Flood),
            flood_since: flood.map(|on| on.began_at),
        })
    }

    /// As [`Store::find_answer`](super::Store::find_answer).
    ///
    /// # Errors
    /// Injected faults.
    pub fn find_answer_sync(&self, key: &str) -> Result<Option<String>, StoreError> {
        Ok(self.tables()?.calls.answers.get(key).map(|(body, _)| body.clone()))
    }
}

#[async_trait]
impl Endings for ModelStore {
    async fn count_answers(
        &self,
        brand: &BrandId,
        from: DateTime<Utc>,
        until: DateTime<Utc>,
    ) -> Result<AnswerCounts, StoreError> {
        let tables = self.tables()?;
        let nil = CallId(uuid::Uuid::nil());
        let arrived = tables.calls.recent.range((from, nil)..(until, nil));
        let mut counts = AnswerCounts::default();
        for call in arrived.filter_map(|(_, id)| tables.calls.calls.get(id)).filter(|call| call.brand == *brand) {
            match call.ending {
                Some(Ending::Answered) => {
                    counts.offered += 1;
                    counts.answered += 1;
                }
                Some(Ending::Voicemail | Ending::Missed | Ending::Abandoned) => counts.offered += 1,
                _ => {}
            }
        }
        Ok(counts)
    }
}

/// A limit as a number of things.
pub(super) fn most(limit: u32) -> usize {
    usize::try_from(limit).unwrap_or(usize::MAX)
}
