//! When calls outnumber phones: phones that several calls could use are dealt evenly among them.
//!
//! Chosen by simulation; the figures and the other candidates are in docs/sharing.md.
//!
//! Example: Acme's roster has six agents, Bolt's the last two of them, and a caller waits for each. Of the two phones that
//! either could use Acme's call takes the one whose turn is first and leaves the other; the four that only Acme could use
//! it takes besides.

use chrono::{DateTime, Utc};

use super::facts::WaitingCall;
use super::order::Standing;
use super::{Earlier, Question};
use crate::ids::{AgentId, BrandId, IntentId};
use crate::rules::{Agent, Brand, Rules};

/// Marks those in line whose phone is left to another call.
///
/// A rival is another waiting call that may take a phone now: its wave has room, and it is in no simultaneous dial. It wants
/// an agent who is on its roster, has its skill, works at the hour at which it arrived, and was not asked by it before.
/// A phone is contested if a rival wants its agent. The phones in line are dealt in their order, each to whoever wants it
/// and holds the fewest contested phones, those that ring for it already included; of several, to the call that looks, then
/// to the longest waiting. What the others would be dealt is left to them, and not offered to anybody else meanwhile.
///
/// Every call counts what each holds from the same facts. So of those who want a phone that is free, whoever holds the fewest
/// takes one when it looks: no phone is left to a call that leaves it in turn. Rosters, skills and shifts of rivals are read
/// from the rules in force.
pub(super) fn leave_to_others<E: Fn(&AgentId) -> Earlier>(
    question: &Question<'_>,
    line: &mut [Standing<'_>],
    ringing: &[&AgentId],
    earlier: &E,
) {
    let mut room = question.room();
    if line.is_empty() || room == 0 {
        return;
    }
    let mut rivals = Rivals::of(question);
    if rivals.kinds.is_empty() {
        return;
    }
    rivals.count_held(question, earlier);
    let mut held = ringing.iter().filter(|agent| rivals.is_anybody_else(None, agent)).count();
    for standing in line {
        let (is_wanted, poorer) = rivals.find_poorer(held, &standing.facts.agent);
        if let Some(rival) = poorer {
            rival.held += 1;
            rival.room -= 1;
            standing.is_left = true;
            continue;
        }
        held += usize::from(is_wanted);
        room -= 1;
        if room == 0 {
            return;
        }
    }
}

/// How many phones may ring for a call of the brand at this instant, by its waves alone.
#[must_use]
pub fn width_at(brand: &Brand, first_offered_at: Option<DateTime<Utc>>, at: DateTime<Utc>) -> u32 {
    let waves = u32::try_from(waves_begun(brand, first_offered_at, at)).unwrap_or(u32::MAX);
    brand.width().saturating_mul(waves)
}

/// Waves that have begun: one at the first offer, and one more every `wave_interval`.
#[must_use]
pub fn waves_begun(brand: &Brand, first_offered_at: Option<DateTime<Utc>>, at: DateTime<Utc>) -> i64 {
    first_offered_at.map_or(1, |first| {
        let interval = brand.wave_interval().num_milliseconds().max(1);
        1 + (at - first).num_milliseconds().max(0) / interval
    })
}

/// Whom calls of one brand about one thing may be offered to.
#[derive(Clone, Copy)]
struct Wants<'a> {
    brand: &'a Brand,
    /// The brand's roster, as places in the list of agents, ascending.
    roster: &'a [u32],
    skill: Option<&'a String>,
}

impl<'a> Wants<'a> {
    fn of(rules: &'a Rules, brand: &BrandId, intent: Option<&IntentId>) -> Option<Self> {
        let brand = rules.brand(brand)?;
        let intent = brand.intents.iter().find(|one| Some(&one.id) == intent);
        let skill = intent.and_then(|intent| intent.skill.as_ref());
        Some(Self { brand, roster: rules.places_on_roster(brand), skill })
    }

    fn has(&self, place: u32, agent: &Agent) -> bool {
        self.roster.binary_search(&place).is_ok() && self.skill.is_none_or(|skill| agent.skills.contains(skill))
    }

    fn is_on_shift(&self, agent: &Agent, arrived_at: DateTime<Utc>) -> bool {
        agent.is_on_shift(self.brand.time_zone, arrived_at)
    }
}

/// Another call that waits.
struct Rival<'a> {
    call: &'a WaitingCall,
    /// Its place among those who wait, from 1.
    order: usize,
    /// Contested phones that ring for it, and those dealt to it.
    held: usize,
    /// How many more may ring for it.
    room: usize,
}

/// Rivals who ask for the same agents, apart from those they asked before.
struct Kind<'a> {
    wants: Wants<'a>,
    intent: Option<&'a IntentId>,
    rivals: Vec<Rival<'a>>,
}

impl Rival<'_> {
    /// Of an agent of the kind.
    fn wants(&self, kind: &Wants<'_>, id: &AgentId, agent: &Agent) -> bool {
        self.call.asked.agents.binary_search(id).is_err() && kind.is_on_shift(agent, self.call.arrived_at)
    }
}

struct Rivals<'a> {
    rules: &'a Rules,
    kinds: Vec<Kind<'a>>,
}

impl<'a> Rivals<'a> {
    fn of(question: &Question<'a>) -> Self {
        let rules = question.in_force.map_or(question.rules, |now| now.rules);
        let mut rivals = Self { rules, kinds: Vec::new() };
        let others = (1..).zip(question.waiting).filter(|(_, call)| Some(call.call) != question.call);
        for (order, call) in others.filter(|(_, call)| call.asked.closes_at.is_none_or(|at| question.at < at)) {
            rivals.add(order, call, question.at);
        }
        rivals
    }

    fn add(&mut self, order: usize, call: &'a WaitingCall, at: DateTime<Utc>) {
        let intent = call.intent.as_ref();
        let known = self.kinds.iter_mut().position(|kind| kind.wants.brand.id == call.brand && kind.intent == intent);
        let Some(wants) = known
            .and_then(|known| self.kinds.get(known).map(|kind| kind.wants))
            .or_else(|| Wants::of(self.rules, &call.brand, intent))
        else {
            return;
        };
        let width = usize::try_from(width_at(wants.brand, call.asked.first_offered_at, at)).unwrap_or(usize::MAX);
        let room = width.saturating_sub(call.asked.ringing.len());
        if room == 0 {
            return;
        }
        let rival = Rival { call, order, held: 0, room };
        match known.and_then(|known| self.kinds.get_mut(known)) {
            Some(kind) => kind.rivals.push(rival),
            None => self.kinds.push(Kind { wants, intent, rivals: vec![rival] }),
        }
    }

    /// Counts what each holds, by what the others want: the rivals, and the call that looks.
    fn count_held(&mut self, question: &Question<'_>, earlier: impl Fn(&AgentId) -> Earlier) {
        let own = Wants::of(self.rules, &question.brand.id, question.intent.map(|intent| &intent.id));
        let do_we = |id: &AgentId| {
            let Some((own, (place, agent))) = own.zip(self.rules.agent_with_place(id)) else { return false };
            own.has(place, agent) && earlier(id) == Earlier::Nothing && own.is_on_shift(agent, question.arrived_at)
        };
        let held = |rival: &Rival<'_>| {
            let rings = rival.call.asked.ringing.iter();
            rings.filter(|id| do_we(id) || self.is_anybody_else(Some(rival.order), id)).count()
        };
        let counts: Vec<Vec<usize>> = self.kinds.iter().map(|kind| kind.rivals.iter().map(held).collect()).collect();
        for (kind, counts) in self.kinds.iter_mut().zip(counts) {
            for (rival, held) in kind.rivals.iter_mut().zip(counts) {
                rival.held = held;
            }
        }
    }

    /// Whether a rival other than the one of that order wants the agent.
    fn is_anybody_else(&self, order: Option<usize>, id: &AgentId) -> bool {
        let Some((place, agent)) = self.rules.agent_with_place(id) else { return false };
        let kinds = self.kinds.iter().filter(|kind| kind.wants.has(place, agent));
        kinds
            .flat_map(|kind| kind.rivals.iter().map(move |rival| (kind, rival)))
            .any(|(kind, rival)| Some(rival.order) != order && rival.wants(&kind.wants, id, agent))
    }

    /// Whether any rival wants the agent, and of those who do and hold less than `held` the one who holds the least.
    fn find_poorer(&mut self, held: usize, id: &AgentId) -> (bool, Option<&mut Rival<'a>>) {
        let Some((place, agent)) = self.rules.agent_with_place(id) else { return (false, None) };
        // Ties go to the call that looks, which stands before all orders.
        let (mut is_wanted, mut least, mut poorer) = (false, (held, 0), None);
        for kind in self.kinds.iter_mut().filter(|kind| kind.wants.has(place, agent)) {
            let Kind { wants, rivals, .. } = kind;
            for rival in rivals {
                let stands = (rival.held, rival.order);
                let is_less = rival.room > 0 && stands < least;
                if (is_less || !is_wanted) && rival.wants(wants, id, agent) {
                    is_wanted = true;
                    if is_less {
                        (least, poorer) = (stands, Some(rival));
                    }
                }
            }
        }
        (is_wanted, poorer)
    }
}
