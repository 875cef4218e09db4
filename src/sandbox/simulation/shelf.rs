//! A store in memory with the database's arbiters: the version of a call, one live leg of an agent and of a phone.

use std::collections::VecDeque;

use chrono::{DateTime, TimeDelta, Utc};

use super::Arbiter;
use crate::call::Decision;
use crate::call::event::Event;
use crate::call::mark::AgentMark;
use crate::call::state::Call;
use crate::ids::AgentId;
use crate::phone_number::PhoneNumber;
use crate::shortlist::facts::{AgentFacts, LiveLeg, LoadedFacts};

/// Why a save was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refused {
    Version,
    PhoneTaken,
}

struct Held {
    call: crate::ids::CallId,
    leg: u32,
    agent: AgentId,
    phone: PhoneNumber,
    since: DateTime<Utc>,
    talking: bool,
}

pub(super) struct Shelf {
    calls: Vec<Option<Call>>,
    held: Vec<Held>,
    pub(super) agents: Vec<AgentFacts>,
    offers: VecDeque<DateTime<Utc>>,
    arbiter: Arbiter,
}

impl Shelf {
    pub(super) fn new(agents: Vec<AgentFacts>, arbiter: Arbiter) -> Self {
        Self { calls: Vec::new(), held: Vec::new(), agents, offers: VecDeque::new(), arbiter }
    }

    pub(super) fn find(&self, call: usize) -> Option<&Call> {
        self.calls.get(call)?.as_ref()
    }

    /// The calls of these numbers that wait, the longest waiting first.
    pub(super) fn waiting(&self, from: usize) -> Vec<usize> {
        let is_waiting = |call: &Call| call.stage == crate::call::state::Stage::Waiting;
        let late = self.calls.iter().enumerate().skip(from);
        late.filter(|(_, call)| call.as_ref().is_some_and(is_waiting)).map(|(number, _)| number).collect()
    }

    pub(super) fn load_facts(
        &mut self,
        roster: &[AgentId],
        now: DateTime<Utc>,
        rings_pending: u32,
        oldest_open: usize,
    ) -> LoadedFacts {
        while self.offers.front().is_some_and(|at| now - *at > TimeDelta::seconds(60)) {
            self.offers.pop_front();
        }
        let agents: Vec<AgentFacts> = roster
            .iter()
            .filter_map(|id| {
                let mut facts = self.agents.iter().find(|facts| facts.agent == *id)?.clone();
                facts.live_leg = self.held.iter().find(|held| held.agent == *id).map(|held| LiveLeg {
                    call: held.call,
                    since: held.since,
                    talking: held.talking,
                });
                Some(facts)
            })
            .collect();
        let open = self.calls.iter().skip(oldest_open).flatten().filter(|call| call.wants_phones());
        let waiting =
            if LoadedFacts::has_phones_to_share(&agents) { open.map(Call::as_waiting).collect() } else { Vec::new() };
        LoadedFacts {
            agents,
            legs_live: u32::try_from(self.held.len()).unwrap_or(u32::MAX),
            legs_last_minute: u32::try_from(self.offers.len()).unwrap_or(u32::MAX),
            rings_pending,
            carried: None,
            waiting,
        }
    }

    /// Saves a decision wholly or not at all.
    pub(super) fn save(&mut self, number: usize, decision: &Decision, at: DateTime<Utc>) -> Result<(), Refused> {
        while self.calls.len() <= number {
            self.calls.push(None);
        }
        let stored = self.calls.get(number).and_then(Option::as_ref).map_or(0, |call| call.version);
        if stored != decision.call.version && self.arbiter != Arbiter::ForgetsVersions {
            return Err(Refused::Version);
        }
        for event in &decision.events {
            if let Event::LegOffered { agent, phone, .. } = event
                && self.held.iter().any(|held| held.agent == *agent || held.phone == *phone)
                && self.arbiter != Arbiter::ForgetsPhones
            {
                return Err(Refused::PhoneTaken);
            }
        }
        let mut call = decision.call.clone();
        for event in &decision.events {
            self.keep_leg(&call, event, at);
        }
        for mark in &decision.marks {
            self.keep_mark(mark, at);
        }
        call.version += 1;
        if let Some(slot) = self.calls.get_mut(number) {
            *slot = Some(call);
        }
        Ok(())
    }

    fn keep_leg(&mut self, call: &Call, event: &Event, at: DateTime<Utc>) {
        match event {
            Event::LegOffered { leg, agent, phone, .. } => {
                self.offers.push_back(at);
                let (agent, phone) = (agent.clone(), phone.clone());
                self.held.push(Held { call: call.id, leg: *leg, agent, phone, since: at, talking: false });
            }
            Event::LegReleased { leg } => self.held.retain(|held| held.call != call.id || held.leg != *leg),
            Event::CallOwned { leg, .. } => {
                let held = self.held.iter_mut().find(|held| held.call == call.id && held.leg == *leg);
                if let Some(held) = held {
                    held.talking = true;
                }
            }
            _ => {}
        }
    }

    fn keep_mark(&mut self, mark: &AgentMark, at: DateTime<Utc>) {
        let agent = mark.agent();
        let Some(facts) = self.agents.iter_mut().find(|facts| facts.agent == *agent) else { return };
        // A simulated phone is refused by chance; it is reachable again.
        if !matches!(mark, AgentMark::PhoneUnreachable { .. }) {
            mark.change(facts, at);
        }
    }
}
