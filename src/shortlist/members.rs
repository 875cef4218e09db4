//! Who is looked at: the roster of the call's rules, and what a later publish made of it.

use std::borrow::Cow;
use std::cell::OnceCell;
use std::collections::{HashMap, HashSet};

use super::facts::AgentFacts;
use super::{Candidate, InForce, Question};
use crate::ids::AgentId;
use crate::rules::{Brand, Member};

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
        Self { question, ids, lines, facts: OnceCell::new(), since }
    }

    /// What is known of the member at a place, and their rank by id.
    pub(super) fn candidate(&self, place: usize, id: &AgentId) -> (Candidate<'a>, u32) {
        let line = self.lines.get(place).copied();
        let rules = self.question.rules;
        let member = line.and_then(|line| Some((line, rules.agent_of_member(line, id)?)));
        let own = member.map(|(_, agent)| agent).or_else(|| rules.agent(id));
        let facts = self.facts_of(place, id);
        let policy = self.question.destinations;
        match &self.since {
            None => {
                let rank = line.map_or(u32::MAX, |line| line.rank);
                let may_be_dialled = match member {
                    Some((line, agent)) => rules.may_dial(line, agent, policy),
                    None => own.is_some_and(|agent| policy.allows(&agent.phone)),
                };
                (Candidate { is_on_roster: true, agent: own, now: own, may_be_dialled, facts }, rank)
            }
            Some(since) => {
                let now = since.now.rules.agent(id);
                let is_on_roster = since.roster.contains(id);
                let rank = since.ranks.get(place).copied().unwrap_or(u32::MAX);
                let may_be_dialled = now.is_some_and(|agent| policy.allows(&agent.phone));
                (Candidate { is_on_roster, agent: own.or(now), now, may_be_dialled, facts }, rank)
            }
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
