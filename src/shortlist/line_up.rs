//! The shortlist itself: everybody is looked at once, those eligible are put in line, and the record is written.

use chrono::{DateTime, Utc};

use super::eligible::{find_reason, is_paused};
use super::facts::{AgentFacts, Presence};
use super::members::Roster;
use super::order::{Standing, sort_by_turn};
use super::record::{Counted, LISTED_MAX, Listed, NotEligible, Place, ShortlistRecord};
use super::sharing::leave_to_others;
use super::{Candidate, Earlier, Question, Shortlist};
use crate::ids::AgentId;

/// So many in line need no memory asked for twice.
const FEW: usize = 64;

/// Takes the shortlist: every member of the roster with a position or one reason; of a large roster the far ones are
/// counted.
#[must_use]
pub fn take_shortlist(question: &Question<'_>, earlier: impl Fn(&AgentId) -> Earlier) -> Shortlist {
    take(question, earlier, LISTED_MAX, leave_to_others)
}

/// The same, with a record that lists everybody however many they are.
#[must_use]
pub fn take_full_shortlist(question: &Question<'_>, earlier: impl Fn(&AgentId) -> Earlier) -> Shortlist {
    take(question, earlier, usize::MAX, leave_to_others)
}

/// The full one once more, with the phones that were left to others then.
pub(super) fn take_full_shortlist_again(
    question: &Question<'_>,
    earlier: impl Fn(&AgentId) -> Earlier,
    is_left: impl Fn(&AgentId) -> bool,
) -> Shortlist {
    take(question, earlier, usize::MAX, |_, line, _, _| {
        line.iter_mut().for_each(|standing| standing.is_left = is_left(&standing.facts.agent));
    })
}

/// `share` marks those in line whose phone is left to others: of the question, the line, members whose phone rings for
/// this call, and what members had to do with it.
fn take<E: Fn(&AgentId) -> Earlier>(
    question: &Question<'_>,
    earlier: E,
    listed_max: usize,
    share: impl FnOnce(&Question<'_>, &mut [Standing<'_>], &[&AgentId], &E),
) -> Shortlist {
    let roster = Roster::of(question);
    let mut eligible: Vec<Standing<'_>> = Vec::with_capacity(roster.ids.len().min(FEW));
    let mut ringing: Vec<&AgentId> = Vec::new();
    let mut others = Others::new(listed_max.min(roster.ids.len()));
    let mut hope = Hope::default();
    for (place, id) in roster.ids.iter().enumerate() {
        let (candidate, rank) = roster.candidate(place, id);
        let found = match earlier(id) {
            Earlier::Rings => {
                ringing.push(id);
                Some(Place::AlreadyOffered)
            }
            Earlier::Offered => Some(Place::AlreadyOffered),
            // Held is one reason of the list: one that stands before it is given, and does not pass when the leg ends.
            Earlier::StillHeld => {
                let held = NotEligible::RingingOtherCall;
                Some(Place::No { reason: find_reason(question, &candidate).map_or(held, |first| first.min(held)) })
            }
            Earlier::Nothing => find_reason(question, &candidate).map(|reason| Place::No { reason }),
        };
        match (found, candidate.facts) {
            (None, Some(facts)) => eligible.push(Standing::new(facts, rank)),
            (found, _) => {
                let found = found.unwrap_or(Place::No { reason: NotEligible::Unavailable });
                hope.look_at(question, found, &candidate);
                others.add(found, || list_other(question, id, &candidate, found));
            }
        }
    }
    sort_by_turn(&mut eligible, question.brand.queue_bias, question.brand.roster.len());
    share(question, &mut eligible, &ringing, &earlier);
    let room = question.room();
    let lists = split(&eligible, room);
    // Without the others so many more would ring.
    let left_to_others = u32::try_from(room.min(eligible.len()) - lists.ring.len()).unwrap_or(u32::MAX);
    let (agents, counted) = write_down(question, &eligible, others, listed_max);
    Shortlist {
        is_hopeful: hope.is_hopeful || !lists.later.is_empty(),
        next_free_at: hope.next_free_at,
        ring: lists.ring,
        later: lists.later,
        passed_over: lists.passed_over,
        record: ShortlistRecord {
            at: question.at,
            rules_version: question.rules_version,
            agents,
            counted,
            roster_version: question.in_force.map(|now| now.version),
            intent: question.intent.map(|intent| intent.id.clone()),
            arrived_at: question.arrived_at,
            width: (question.width < u32::MAX).then_some(question.width),
            ringing: question.ringing,
            left_to_others,
            snapshot: None,
        },
    }
}

/// Those in line, parted into who rings and who waits.
#[derive(Default)]
struct Lists {
    ring: Vec<AgentId>,
    later: Vec<AgentId>,
    passed_over: Vec<AgentId>,
}

fn split(eligible: &[Standing<'_>], room: usize) -> Lists {
    let mut lists = Lists { ring: Vec::with_capacity(room.min(eligible.len())), ..Lists::default() };
    for standing in eligible {
        let agent = &standing.facts.agent;
        if !standing.is_left && lists.ring.len() < room {
            lists.ring.push(agent.clone());
            continue;
        }
        if lists.later.is_empty() {
            lists.later.reserve_exact(eligible.len() - lists.ring.len());
        }
        lists.later.push(agent.clone());
        if standing.pushed > 0 {
            lists.passed_over.push(agent.clone());
        }
    }
    lists
}

/// Whether it is worth waiting, and until when.
#[derive(Default)]
struct Hope {
    is_hopeful: bool,
    next_free_at: Option<DateTime<Utc>>,
}

impl Hope {
    fn look_at(&mut self, question: &Question<'_>, place: Place, candidate: &Candidate<'_>) {
        let Place::No { reason } = place else { return };
        let waits = reason != NotEligible::OnCall || question.brand.wait_for_on_call;
        // Whoever is put aside besides does not come free when the first reason ends.
        let is_aside = candidate.facts.is_some_and(|facts| is_paused(facts, question.at));
        self.is_hopeful |= waits && reason.is_passing() && !is_aside;
        let until = candidate.facts.and_then(|facts| free_at(facts, reason, question.at));
        self.next_free_at = [self.next_free_at, until].into_iter().flatten().min();
    }
}

/// When an agent who rests, is put aside or has switched off may ring again by themselves.
fn free_at(facts: &AgentFacts, reason: NotEligible, at: DateTime<Utc>) -> Option<DateTime<Utc>> {
    match reason {
        NotEligible::Cooldown | NotEligible::Paused => facts.rests_until.max(facts.paused_until),
        NotEligible::Unavailable => facts.switched_off_until,
        NotEligible::NotOnRoster
        | NotEligible::NoPhone
        | NotEligible::PhoneUnverified
        | NotEligible::MissingSkill
        | NotEligible::OffShift
        | NotEligible::OnCall
        | NotEligible::RingingOtherCall => None,
    }
    .filter(|until| *until > at)
}

/// Those who do not ring: the first are listed, the rest counted.
struct Others {
    listed: Vec<Listed>,
    listed_max: usize,
    already_offered: u32,
    by_reason: [u32; NotEligible::ALL.len()],
}

impl Others {
    fn new(listed_max: usize) -> Self {
        Self {
            listed: Vec::with_capacity(listed_max),
            listed_max,
            already_offered: 0,
            by_reason: [0; NotEligible::ALL.len()],
        }
    }

    fn add(&mut self, place: Place, listed: impl FnOnce() -> Listed) {
        if self.listed.len() < self.listed_max { self.listed.push(listed()) } else { self.count(place) }
    }

    fn count(&mut self, place: Place) {
        match place {
            Place::No { reason } => {
                let slot = NotEligible::ALL.iter().position(|one| *one == reason);
                if let Some(slot) = slot.and_then(|slot| self.by_reason.get_mut(slot)) {
                    *slot += 1;
                }
            }
            Place::AlreadyOffered | Place::Rings { .. } | Place::WaitingForWave { .. } => self.already_offered += 1,
        }
    }
}

/// The lines of the record: those in line first.
fn write_down(
    question: &Question<'_>,
    eligible: &[Standing<'_>],
    mut others: Others,
    listed_max: usize,
) -> (Vec<Listed>, Vec<Counted>) {
    let mut agents = Vec::with_capacity((eligible.len() + others.listed.len()).min(listed_max));
    let (mut far_ring, mut far_later) = (Far::default(), Far::default());
    let mut room = question.room();
    for (position, standing) in (1..).zip(eligible) {
        let rings = !standing.is_left && room > 0;
        room -= usize::from(rings);
        let place = if rings { Place::Rings { position } } else { Place::WaitingForWave { position } };
        if agents.len() < listed_max {
            agents.push(list_eligible(question, standing, place));
        } else {
            let far = if rings { &mut far_ring } else { &mut far_later };
            far.agents += 1;
            far.first.get_or_insert(place);
        }
    }
    let room = listed_max.saturating_sub(agents.len());
    let listed = std::mem::take(&mut others.listed);
    for (index, listed) in listed.into_iter().enumerate() {
        if index < room { agents.push(listed) } else { others.count(listed.place) }
    }
    let mut counted = Vec::new();
    let mut add = |place: Option<Place>, agents: u32| {
        if let Some(place) = place.filter(|_| agents > 0) {
            counted.push(Counted { place, agents });
        }
    };
    add(far_ring.first, far_ring.agents);
    add(far_later.first, far_later.agents);
    add(Some(Place::AlreadyOffered), others.already_offered);
    for (reason, agents) in NotEligible::ALL.into_iter().zip(others.by_reason) {
        add(Some(Place::No { reason }), agents);
    }
    (agents, counted)
}

/// Those in line beyond the ones listed, who came out alike: the place of the first, and how many.
#[derive(Default)]
struct Far {
    first: Option<Place>,
    agents: u32,
}

fn list_eligible(question: &Question<'_>, standing: &Standing<'_>, place: Place) -> Listed {
    Listed {
        turn: standing.turn.saturating_add(1),
        pushed: standing.pushed,
        is_left: standing.is_left,
        ..list(question, &standing.facts.agent, Some(standing.facts), place)
    }
}

fn list_other(question: &Question<'_>, id: &AgentId, candidate: &Candidate<'_>, place: Place) -> Listed {
    let facts = candidate.facts;
    let reason = if let Place::No { reason } = place { Some(reason) } else { None };
    let is_held = matches!(reason, Some(NotEligible::OnCall | NotEligible::RingingOtherCall));
    let is_away = reason == Some(NotEligible::Unavailable);
    Listed {
        presence: facts.map(|facts| facts.presence).filter(|presence| is_away && *presence != Presence::Unknown),
        until: facts.zip(reason).and_then(|(facts, reason)| match reason {
            NotEligible::Cooldown => facts.rests_until,
            _ => free_at(facts, reason, question.at),
        }),
        held_by: facts.and_then(|facts| facts.live_leg).filter(|_| is_held).map(|leg| leg.call),
        ..list(question, id, facts, place)
    }
}

fn list(question: &Question<'_>, agent: &AgentId, facts: Option<&AgentFacts>, place: Place) -> Listed {
    let age = |at: DateTime<Utc>| (question.at - at).num_milliseconds();
    Listed {
        agent: agent.clone(),
        place,
        last_offered_at: facts.and_then(|facts| facts.last_offered_at),
        presence_age_ms: facts.and_then(|facts| facts.presence_at).map(age),
        turn: 0,
        pushed: 0,
        is_left: false,
        passed_over: facts.map_or(0, |facts| facts.passed_over),
        open_conversations: facts.map_or(0, |facts| facts.open_conversations),
        open_conversations_age_ms: facts.and_then(|facts| facts.open_conversations_at).map(age),
        presence: None,
        until: None,
        held_by: None,
    }
}
