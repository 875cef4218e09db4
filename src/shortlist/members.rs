//! Who is looked at: the roster of the call's rules, and what a later publish made of it.

use std::borrow::Cow;
use std::cell::OnceCell;
use std::collections::{HashMap, HashSet};

use super::facts::AgentFacts;
use super::{Candidate, InForce, Question};
use crate::ids::AgentId;
use crate::rules::{Agent, Brand, Member, ShiftsAt, Wanted};

/// Whom to load facts about: the roster of the call's rules, then whoever joined it since. Those who left it stay, since
/// the record says why they do not ring.
#[must_use]
pub fn members<'a>(brand: &'a Brand, in_force: Option<InForce<'a>>) -> Cow<'a, [AgentId]> {
    let now = in_force.map(|now| now.rules.brand(&brand.id).map_or(&[][..], |brand| &brand.roster));
    let Some(now) = now.filter(|now| *now != brand.roster) else { return Cow::Borrowed(&brand.roster) };
    let known: HashSet<&AgentId> = brand.roster.iter().collect();
    let joined = now.iter().filter(|agent| !known.contains(agent));
    brand.roster.iter().chain(joined).cloned().collect()
}

/// The members of one question, each found without looking through a list.
pub(super) struct Roster<'a> {
    question: &'a Question<'a>,
    /// Everybody, in the order of [`members`].
    pub(super) ids: Cow<'a, [AgentId]>,
    lines: &'a [Member],
    wanted: Wanted<'a>,
    shifts: ShiftsAt<'a>,
    /// Places in the facts, made when they do not stand in the order of the members.
    facts: OnceCell<HashMap<&'a AgentId, &'a AgentFacts>>,
    /// The roster in force, and everybody's rank by id, if rules were published since the call arrived.
    since: Option<Since<'a>>,
}

struct Since<'a> {
    now: InForce<'a>,
    roster: HashSet<&'a AgentId>,
    ranks: Vec<u32>,
}

impl<'a> Roster<'a> {
    pub(super) fn of(question: &'a Question<'a>) -> Self {
        let ids = members(question.brand, question.in_force);
        let since = question.in_force.map(|now| Since {
            now,
            // At once as large as the roster: a table that grows asks for memory again and again.
            roster: now.rules.brand(&question.brand.id).map(|brand| brand.roster.iter().collect()).unwrap_or_default(),
            ranks: ranks(&ids),
        });
        let lines = question.rules.members(question.brand);
        Self {
            question,
            ids,
            lines,
            wanted: question.rules.wanted(question.intent),
            shifts: question.rules.shifts_at(question.brand.time_zone, question.arrived_at),
            facts: OnceCell::new(),
            since,
        }
    }

    /// What is known of the member at a place, and their rank by id.
    pub(super) fn candidate(&self, place: usize, id: &AgentId) -> (Candidate<'a>, u32) {
        let line = self.lines.get(place).copied();
        let member = line.and_then(|line| Some((line, self.question.rules.agent_of_member(line, id)?)));
        let facts = self.facts_of(place, id);
        let (Some((line, (agent, traits))), None) = (member, &self.since) else {
            let own = member.map(|(_, (agent, _))| agent).or_else(|| self.question.rules.agent(id));
            return (self.look_up(own, id, facts), self.rank(place, line));
        };
        let candidate = Candidate {
            is_on_roster: true,
            now: Some(agent),
            may_be_dialled: self.question.rules.may_dial(line, agent, self.question.destinations),
            phone_verified: traits.phone_verified,
            is_skilled: self.wanted.is_met_by(traits, || Some(agent)),
            availability: traits.availability,
            is_on_shift: self.shifts.counts(traits),
            facts,
        };
        (candidate, line.rank)
    }

    /// The long way: of members who joined since the call arrived, or while other rules are in force. `own` is what the
    /// call's own rules say of them.
    fn look_up(&self, own: Option<&'a Agent>, id: &AgentId, facts: Option<&'a AgentFacts>) -> Candidate<'a> {
        let question = self.question;
        let now = self.since.as_ref().map_or(own, |since| since.now.rules.agent(id));
        let wanted = question.intent.and_then(|intent| intent.skill.as_ref());
        let agent = own.or(now);
        Candidate {
            is_on_roster: self.since.as_ref().is_none_or(|since| since.roster.contains(id)),
            now,
            may_be_dialled: now.is_some_and(|now| question.destinations.allows(&now.phone)),
            phone_verified: now.is_some_and(|now| now.phone_verified),
            is_skilled: agent.is_some_and(|agent| wanted.is_none_or(|skill| agent.skills.contains(skill))),
            availability: now.map(|now| now.availability).unwrap_or_default(),
            is_on_shift: agent.is_some_and(|agent| agent.is_on_shift(question.brand.time_zone, question.arrived_at)),
            facts,
        }
    }

    fn rank(&self, place: usize, line: Option<Member>) -> u32 {
        match &self.since {
            None => line.map_or(u32::MAX, |line| line.rank),
            Some(since) => since.ranks.get(place).copied().unwrap_or(u32::MAX),
        }
    }

    fn facts_of(&self, place: usize, id: &AgentId) -> Option<&'a AgentFacts> {
        let facts = self.question.facts;
        facts.get(place).filter(|facts| facts.agent == *id).or_else(|| {
            let by_id = || facts.iter().rev().map(|facts| (&facts.agent, facts)).collect();
            self.facts.get_or_init(by_id).get(id).copied()
        })
    }
}

fn ranks(ids: &[AgentId]) -> Vec<u32> {
    let mut by_id: Vec<(&AgentId, usize)> = ids.iter().zip(0..).collect();
    by_id.sort_unstable();
    let mut ranks = vec![u32::MAX; ids.len()];
    for (rank, (_, place)) in (0..).zip(by_id) {
        if let Some(slot) = ranks.get_mut(place) {
            *slot = rank;
        }
    }
    ranks
}
