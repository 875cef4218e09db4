//! Who gets which phone when calls outnumber phones: the candidates. Each call looks as a live one does, by
//! [`take_shortlist`]; what differs is what it is told of the others.

use std::fmt::Write as _;

use anyhow::Context;
use chrono::{DateTime, TimeDelta, Utc};

use super::surge_world::Ms;
use crate::ids::{AgentId, BrandId, CallId};
use crate::rules::{DestinationPolicy, Rules, file};
use crate::shortlist::facts::{AgentFacts, Asked, LiveLeg, WaitingCall};
use crate::shortlist::{Earlier, Question, take_shortlist};

/// A ring of so long is never taken back. Source: DESIGN.md section 3.
const KEPT_AFTER_MS: Ms = 6_000;

/// A way of sharing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Policy {
    /// Whoever came first is offered every free phone.
    FirstCome,
    /// Free phones are dealt one by one to whoever holds the fewest; nothing is taken back.
    EvenSplit,
    /// As the even split; and whoever holds more gives rings that are young enough to whoever holds less.
    GiveBack,
}

impl Policy {
    pub(super) const ALL: [Self; 3] = [Self::FirstCome, Self::EvenSplit, Self::GiveBack];

    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::FirstCome => "first_come",
            Self::EvenSplit => "even_split",
            Self::GiveBack => "give_back",
        }
    }
}

/// How a phone stands that a waiting call holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// It rings, or is about to.
    Rings { for_ms: Ms },
    /// Picked up.
    Answered,
}

/// The phones of one waiting call.
#[derive(Debug, Clone, Default)]
pub(super) struct Holding {
    pub(super) phones: Vec<(usize, Standing)>,
    /// Agents who did not take this very call.
    pub(super) asked: Vec<usize>,
}

/// What is to be done.
#[derive(Debug, Clone, Default)]
pub(super) struct Moves {
    /// Phone and call.
    pub(super) offered: Vec<(usize, usize)>,
    pub(super) taken_back: Vec<usize>,
}

/// One brand and its agents, whose ids stand in the order of their numbers.
pub(super) struct Floor {
    rules: Rules,
    destinations: DestinationPolicy,
    ids: Vec<AgentId>,
    begins_at: DateTime<Utc>,
}

impl Floor {
    /// With so many agents, at most 100.
    pub(super) fn new(agents: u32) -> anyhow::Result<Self> {
        let ids: Vec<AgentId> = (0..agents).map(|number| AgentId::new(&format!("agent-{number:02}"))).collect();
        let roster: Vec<String> = ids.iter().map(|id| format!("\"{id}\"")).collect();
        let mut text = format!(
            "[[brand]]\nid = \"acme\"\nname = \"Acme\"\ninbox = \"Acme\"\ntime_zone = \"UTC\"\nroster = [{}]\n\
             [[number]]\nnumber = \"+15550100000\"\nbrand = \"acme\"\n",
            roster.join(","),
        );
        for (number, id) in ids.iter().enumerate() {
            writeln!(
                text,
                "[[agent]]\nid = \"{id}\"\nname = \"Agent\"\nemail = \"{id}@example.com\"\n\
                 phone = \"+155501001{number:02}\"\nphone_verified = true"
            )?;
        }
        let rules = file::parse("surge.toml", &text)?;
        rules.warm_up();
        let begins_at = DateTime::from_timestamp(1_795_626_000, 0).context("that is an instant")?;
        Ok(Self { rules, destinations: DestinationPolicy::new(["US"], [], []), ids, begins_at })
    }

    fn at(&self, ms: Ms) -> DateTime<Utc> {
        self.begins_at + TimeDelta::milliseconds(i64::try_from(ms).unwrap_or(i64::MAX))
    }

    /// Shares the phones among the waiting calls, longest waiting first. `free` says of each agent who is free when they
    /// were last offered a call.
    pub(super) fn share(&self, policy: Policy, now: Ms, holdings: &[Holding], free: &[Option<Ms>]) -> Moves {
        let mut moves = Moves::default();
        let known = |(id, free): (&AgentId, &Option<Ms>)| AgentFacts {
            last_offered_at: free.filter(|at| *at > 0).map(|at| self.at(at)),
            live_leg: if free.is_some() { None } else { Some(self.leg(holdings.len(), now)) },
            ..AgentFacts::unknown(id.clone())
        };
        let mut facts: Vec<AgentFacts> = self.ids.iter().zip(free).map(known).collect();
        let mut waiting: Vec<WaitingCall> =
            (0..).zip(holdings).map(|(call, holding)| self.waiting(call, holding)).collect();
        for call in 0..holdings.len() {
            for agent in self.look(policy, now, &facts, &waiting, call) {
                let Some(number) = self.ids.iter().position(|id| *id == agent) else { continue };
                moves.offered.push((number, call));
                if let (Some(facts), Some(waiting)) = (facts.get_mut(number), waiting.get_mut(call)) {
                    facts.live_leg = Some(self.leg(call, now));
                    note(&mut waiting.asked.agents, &agent);
                    note(&mut waiting.asked.ringing, &agent);
                }
            }
        }
        if policy == Policy::GiveBack {
            let mut counts: Vec<usize> = waiting.iter().map(|waiting| waiting.asked.ringing.len()).collect();
            give_back(holdings, &mut counts, &mut moves);
        }
        moves
    }

    /// Whom the call rings, by the live code.
    fn look(
        &self,
        policy: Policy,
        now: Ms,
        facts: &[AgentFacts],
        waiting: &[WaitingCall],
        call: usize,
    ) -> Vec<AgentId> {
        let (Some(brand), Some(asks)) = (self.rules.brands.first(), waiting.get(call)) else { return Vec::new() };
        // Only to save time: nobody would be eligible.
        let may_ask = |facts: &AgentFacts| facts.live_leg.is_none() && !asks.asked.agents.contains(&facts.agent);
        if !facts.iter().any(may_ask) {
            return Vec::new();
        }
        let question = Question {
            rules: &self.rules,
            rules_version: 1,
            in_force: None,
            destinations: &self.destinations,
            brand,
            intent: None,
            facts,
            arrived_at: asks.arrived_at,
            at: self.at(now),
            width: brand.width(),
            ringing: u32::try_from(asks.asked.ringing.len()).unwrap_or(u32::MAX),
            call: Some(asks.call),
            waiting: if policy == Policy::FirstCome { &[] } else { waiting },
        };
        let earlier = |agent: &AgentId| {
            if asks.asked.ringing.contains(agent) {
                Earlier::Rings
            } else if asks.asked.agents.contains(agent) {
                Earlier::Offered
            } else {
                Earlier::Nothing
            }
        };
        take_shortlist(&question, earlier).ring
    }

    fn waiting(&self, call: usize, holding: &Holding) -> WaitingCall {
        let mut asked = Asked::default();
        for agent in holding.asked.iter().filter_map(|agent| self.ids.get(*agent)) {
            note(&mut asked.agents, agent);
        }
        for agent in holding.phones.iter().filter_map(|(agent, _)| self.ids.get(*agent)) {
            note(&mut asked.agents, agent);
            note(&mut asked.ringing, agent);
        }
        let (call, brand) = (call_id(call), BrandId::new("acme"));
        WaitingCall { call, brand, intent: None, arrived_at: self.begins_at, asked }
    }

    fn leg(&self, call: usize, now: Ms) -> LiveLeg {
        LiveLeg { call: call_id(call), since: self.at(now), talking: false }
    }
}

fn call_id(call: usize) -> CallId {
    CallId(uuid::Uuid::from_u128(u128::try_from(call).unwrap_or(0) + 1))
}

/// Adds to a list in order.
fn note(agents: &mut Vec<AgentId>, agent: &AgentId) {
    if let Err(place) = agents.binary_search(agent) {
        agents.insert(place, agent.clone());
    }
}

/// While one call holds at least two more than another, it gives up the youngest ring; the poorer one is offered the
/// phone when it is free.
fn give_back(holdings: &[Holding], counts: &mut [usize], moves: &mut Moves) {
    loop {
        let poorest = counts.iter().copied().min().unwrap_or(0);
        let mut given = None;
        for (call, holding) in holdings.iter().enumerate() {
            let count = counts.get(call).copied().unwrap_or(0);
            if count < poorest + 2 {
                continue;
            }
            let young = holding.phones.iter().filter_map(|(agent, standing)| match standing {
                Standing::Rings { for_ms } if *for_ms <= KEPT_AFTER_MS && !moves.taken_back.contains(agent) => {
                    Some((*for_ms, *agent))
                }
                Standing::Rings { .. } | Standing::Answered => None,
            });
            if let Some((_, agent)) = young.min() {
                given = Some((call, agent));
                break;
            }
        }
        let Some((call, agent)) = given else { return };
        moves.taken_back.push(agent);
        if let Some(count) = counts.get_mut(call) {
            *count -= 1;
        }
        // It goes to whoever holds least.
        if let Some(count) = counts.iter_mut().min() {
            *count += 1;
        }
    }
}
