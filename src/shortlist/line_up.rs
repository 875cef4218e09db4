//! The shortlist itself: everybody is looked at once, those eligible are put in line, and the record is written.

use chrono::{DateTime, Utc};

use super::eligible::{find_reason, is_paused};
use super::facts::{AgentFacts, Presence};
use super::members::Roster;
use super::order::{Standing, sort_by_turn};
use super::record::{Counted, LISTED_MAX, Listed, NotEligible, Place, ShortlistRecord};
use super::sharing::find_share;
use super::{Candidate, Earlier, Question, Shortlist};
use crate::ids::AgentId;

/// Takes the shortlist: every member of the roster with a position or one reason; of a large roster the far ones are
/// counted.
#[must_use]
pub fn take_shortlist(question: &Question<'_>, earlier: impl Fn(&AgentId) -> Earlier) -> Shortlist {
    take(question, earlier, LISTED_MAX)
}

/// The same, with a record that lists everybody however many they are.
#[must_use]
pub fn take_full_shortlist(question: &Question<'_>, earlier: impl Fn(&AgentId) -> Earlier) -> Shortlist {
    take(question, earlier, usize::MAX)
}

fn take(question: &Question<'_>, earlier: impl Fn(&AgentId) -> Earlier, listed_max: usize) -> Shortlist {
    let roster = Roster::of(question);
    let mut eligible: Vec<Standing<'_>> = Vec::new();
    let mut others = Others::new(listed_max.min(roster.ids.len()));
    let mut hope = Hope::default();
    for (place, id) in roster.ids.iter().enumerate() {
        let (candidate, rank) = roster.candidate(place, id);
        let found = match earlier(id) {
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
    let share = find_share(question, &eligible).unwrap_or(u32::MAX);
    let width = question.width.min(share);
    let lists = split(&eligible, width.saturating_sub(question.ringing));
    // Without the others so many more would ring.
    let unshared = count_room(question.width.saturating_sub(question.ringing)).min(eligible.len());
    let (agents, counted) = write_down(question, &eligible, lists.ring.len(), others, listed_max);
    let left_to_others = u32::try_from(unshared - lists.ring.len()).unwrap_or(u32::MAX);
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
            width: (width < u32::MAX).then_some(width),
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

fn split(eligible: &[Standing<'_>], room: u32) -> Lists {
    let (now, later) = eligible.split_at_checked(count_room(room)).unwrap_or((eligible, &[]));
    let ids = |line: &[Standing<'_>]| line.iter().map(|standing| standing.facts.agent.clone()).collect();
    let pushed = later.iter().filter(|standing| standing.pushed > 0);
    Lists {
        ring: ids(now),
        later: ids(later),
        passed_over: pushed.map(|standing| standing.facts.agent.clone()).collect(),
    }
}

fn count_room(room: u32) -> usize {
    usize::try_from(room).unwrap_or(usize::MAX)
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
    ring: usize,
    mut others: Others,
    listed_max: usize,
) -> (Vec<Listed>, Vec<Counted>) {
    let (near, far) = eligible.split_at_checked(listed_max).unwrap_or((eligible, &[]));
    let mut agents = Vec::with_capacity((near.len() + others.listed.len()).min(listed_max));
    let place_of = |index: usize| {
        let position = u32::try_from(index + 1).unwrap_or(u32::MAX);
        if index < ring { Place::Rings { position } } else { Place::WaitingForWave { position } }
    };
    agents.extend(near.iter().enumerate().map(|(index, standing)| list_eligible(question, standing, place_of(index))));
    let room = listed_max.saturating_sub(agents.len());
    let listed = std::mem::take(&mut others.listed);
    for (index, listed) in listed.into_iter().enumerate() {
        if index < room { agents.push(listed) } else { others.count(listed.place) }
    }
    let mut counted = Vec::new();
    let mut add = |place: Place, agents: usize| {
        if let Some(agents) = u32::try_from(agents).ok().filter(|agents| *agents > 0) {
            counted.push(Counted { place, agents });
        }
    };
    let far_ring = ring.saturating_sub(near.len()).min(far.len());
    add(place_of(near.len()), far_ring);
    add(place_of(near.len() + far_ring), far.len() - far_ring);
    add(Place::AlreadyOffered, usize::try_from(others.already_offered).unwrap_or(0));
    for (reason, agents) in NotEligible::ALL.into_iter().zip(others.by_reason) {
        add(Place::No { reason }, usize::try_from(agents).unwrap_or(0));
    }
    (agents, counted)
}

fn list_eligible(question: &Question<'_>, standing: &Standing<'_>, place: Place) -> Listed {
    Listed {
        turn: standing.turn.saturating_add(1),
        pushed: standing.pushed,
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
        passed_over: facts.map_or(0, |facts| facts.passed_over),
        open_conversations: facts.map_or(0, |facts| facts.open_conversations),
        open_conversations_age_ms: facts.and_then(|facts| facts.open_conversations_at).map(age),
        presence: None,
        until: None,
        held_by: None,
    }
}
