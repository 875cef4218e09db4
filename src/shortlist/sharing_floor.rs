//! Brands, their agents and the calls that want them; for the tests of sharing.

use std::fmt::Write as _;

use chrono::{DateTime, TimeDelta, Utc};

use super::facts::{AgentFacts, Asked, LiveLeg, WaitingCall};
use super::{Earlier, Question, Shortlist, take_shortlist, width_at};
use crate::ids::{AgentId, BrandId, CallId, IntentId};
use crate::rules::{self, Brand, DestinationPolicy, Rules};

pub(super) fn noon() -> DateTime<Utc> {
    "2026-11-24T12:00:00Z".parse().unwrap()
}

pub(super) fn call(number: usize) -> CallId {
    CallId(uuid::Uuid::from_u128(u128::try_from(number).unwrap() + 1))
}

pub(super) fn agent(number: usize) -> AgentId {
    AgentId::new(&format!("a{number}"))
}

pub(super) fn waiting(number: usize, brand: &str, intent: Option<&str>) -> WaitingCall {
    let (brand, intent) = (BrandId::new(brand), intent.map(IntentId::new));
    WaitingCall { call: call(number), brand, intent, arrived_at: noon(), asked: Asked::default() }
}

/// Rules, line by line.
pub(super) struct Text {
    text: String,
    brands: u32,
}

impl Text {
    pub(super) fn new() -> Self {
        Self { text: String::new(), brands: 0 }
    }

    /// A brand with two intents, of which `moves` asks for a skill of that name.
    pub(super) fn brand(&mut self, id: &str, roster: impl IntoIterator<Item = usize>, more: &str) {
        self.brands += 1;
        let roster: Vec<String> = roster.into_iter().map(|number| format!("\"a{number}\"")).collect();
        let (roster, number) = (roster.join(","), self.brands);
        let _ = write!(
            self.text,
            "[[brand]]\nid = \"{id}\"\nname = \"{id}\"\ninbox = \"{id}\"\ntime_zone = \"UTC\"\nroster = [{roster}]\n{more}\n\
             [[brand.intent]]\nid = \"sales\"\nname = \"Sales\"\n[[brand.intent]]\nid = \"moves\"\nname = \"Moves\"\nskill = \"moves\"\n\
             [[number]]\nnumber = \"+155501000{number:02}\"\nbrand = \"{id}\"\n"
        );
    }

    pub(super) fn agent(&mut self, number: usize, can_move: bool, more: &str) {
        let skills = if can_move { "\"moves\"" } else { "" };
        let _ = writeln!(
            self.text,
            "[[agent]]\nid = \"a{number}\"\nname = \"A{number}\"\nemail = \"a{number}@example.com\"\n\
             phone = \"+155501001{number:02}\"\nphone_verified = true\nskills = [{skills}]\n{more}"
        );
    }

    pub(super) fn rules(&self) -> Rules {
        rules::file::parse("rules.toml", &self.text).unwrap()
    }
}

/// Agents and the calls that want them.
pub(super) struct Floor {
    pub(super) rules: Rules,
    pub(super) facts: Vec<AgentFacts>,
    pub(super) waiting: Vec<WaitingCall>,
    pub(super) at: DateTime<Utc>,
}

impl Floor {
    pub(super) fn of(rules: Rules, waiting: Vec<WaitingCall>) -> Self {
        let facts = rules.agents.iter().map(|agent| AgentFacts::unknown(agent.id.clone())).collect();
        Self { rules, facts, waiting, at: noon() }
    }

    pub(super) fn brand(&self, number: usize) -> &Brand {
        self.rules.brand(&self.waiting[number].brand).unwrap()
    }

    pub(super) fn held(&self, number: usize) -> usize {
        self.waiting[number].asked.ringing.len()
    }

    /// How many more may ring for the call by its waves.
    pub(super) fn room(&self, number: usize) -> usize {
        let width = width_at(self.brand(number), self.waiting[number].asked.first_offered_at, self.at);
        usize::try_from(width).unwrap().saturating_sub(self.held(number))
    }

    pub(super) fn take(&self, number: usize) -> Shortlist {
        let asks = &self.waiting[number];
        let brand = self.brand(number);
        let facts: Vec<AgentFacts> =
            self.facts.iter().filter(|facts| brand.roster.contains(&facts.agent)).cloned().collect();
        let question = Question {
            rules: &self.rules,
            rules_version: 1,
            in_force: None,
            destinations: &DestinationPolicy::new(["US"], [], []),
            brand,
            intent: asks.intent.as_ref().and_then(|id| brand.intents.iter().find(|intent| intent.id == *id)),
            facts: &facts,
            arrived_at: asks.arrived_at,
            at: self.at,
            width: width_at(brand, asks.asked.first_offered_at, self.at),
            ringing: u32::try_from(self.held(number)).unwrap(),
            call: Some(asks.call),
            waiting: &self.waiting,
        };
        take_shortlist(&question, |agent| {
            if asks.asked.ringing.contains(agent) {
                Earlier::Rings
            } else if asks.asked.agents.contains(agent) {
                Earlier::Offered
            } else {
                Earlier::Nothing
            }
        })
    }

    /// Offers the call what its shortlist says; whose phones.
    pub(super) fn offer(&mut self, number: usize) -> Vec<AgentId> {
        let ring = self.take(number).ring;
        ring.iter().for_each(|agent| self.ring(number, agent));
        ring
    }

    pub(super) fn facts_of(&mut self, agent: &AgentId) -> &mut AgentFacts {
        self.facts.iter_mut().find(|facts| facts.agent == *agent).unwrap()
    }

    /// The phone rings for the call, whatever the shortlist says.
    pub(super) fn ring(&mut self, number: usize, agent: &AgentId) {
        let (since, call) = (self.at, self.waiting[number].call);
        let facts = self.facts_of(agent);
        assert_eq!(facts.live_leg, None, "{agent} is rung for two calls");
        facts.live_leg = Some(LiveLeg { call, since, talking: false });
        let asked = &mut self.waiting[number].asked;
        asked.first_offered_at.get_or_insert(since);
        for list in [&mut asked.agents, &mut asked.ringing] {
            if let Err(place) = list.binary_search(agent) {
                list.insert(place, agent.clone());
            }
        }
    }

    /// The phone stops; its agent is not asked again.
    pub(super) fn decline(&mut self, number: usize, agent: &AgentId) {
        self.facts_of(agent).live_leg = None;
        self.waiting[number].asked.ringing.retain(|one| one != agent);
    }

    /// The call waits no more, and its phones are free.
    pub(super) fn leave(&mut self, number: usize) {
        let gone = self.waiting.remove(number);
        gone.asked.ringing.iter().for_each(|agent| self.facts_of(agent).live_leg = None);
    }

    pub(super) fn wait_for(&mut self, span: TimeDelta) {
        self.at += span;
    }
}
