//! The judge: what the models saw is held against the invariants. Source: DESIGN.md section 11, by number.

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};

use super::brands::{can_move, is_on_shift};
use super::callers::Place;
use super::world::World;
use super::{COOLDOWN_MS, MAX_WAIT_MS, Ms, Violation, instant};
use crate::call::event::{Ending, Event};
use crate::call::state::Stage;
use crate::ids::AgentId;
use crate::shortlist::Place as Listing;
use crate::shortlist::facts::Presence;

/// Requests, decisions and REST take their time even when nothing is wrong.
const TRANSPORT_MS: Ms = 3_000;

/// Nobody is alone on a line for longer.
const ALONE_MAX_MS: Ms = 15_000;

/// A phone may ring so long after its call no longer needs it: the pace of REST and the lane before it.
const RINGS_ON_MAX_MS: Ms = 4_000;

/// The service's clock may be set so far during a call.
const CLOCK_STEP_MS: Ms = 2_000;

/// From arrival to a person or a recorder.
const WHOLE_MAX_MS: Ms = 120_000;

/// What the judge knows of one call.
#[derive(Default)]
pub(super) struct Case {
    /// The agent who met the caller, and since when, and until when.
    met: Option<(usize, Ms)>,
    longest_talk: Ms,
    pub(super) offered_at: Option<Ms>,
    reached_at: Option<Ms>,
    /// When an outside line of the path was rung: the wait for a phone is over by then.
    pub(super) line_rung_at: Option<Ms>,
    /// When phones had to stop.
    stop_at: Option<Ms>,
    lapsed: bool,
    extended_ms: i64,
    typed_ms: i64,
    /// How long the words before a dial took.
    pub(super) said_ms: Ms,
    owners: u32,
    endings: u32,
    dropped: bool,
    /// Under a simultaneous dial the winner's document was lost: whether the two were bridged, nothing tells.
    bridge_lost: bool,
    /// Answered without the store: what became of the caller, the call may not know.
    answered_safely: bool,
    /// How much longer things may take, since something was made to fail.
    allowance: Ms,
    troubled: bool,
    /// When the talk on an outside line began, and how long the longest was.
    pub(super) outside_since: Option<Ms>,
    pub(super) longest_outside: Ms,
}

/// What the judge knows of all calls.
#[derive(Default)]
pub(super) struct Judge {
    cases: Vec<Case>,
    /// By agent: the call of the last talk, until its leg is over.
    talked: HashMap<usize, usize>,
    /// By agent: when the leg of the last talk was over, by the service's clock and by the world's, and its call.
    rests_from: HashMap<usize, (DateTime<Utc>, Ms, usize)>,
    /// By agent: put aside until then, by the service's clock.
    paused_until: HashMap<usize, DateTime<Utc>>,
    /// When the service's clock was last set.
    pub(super) clock_stepped_at: Ms,
    pub(super) presence_changed_at: HashMap<usize, Ms>,
    pub(super) violation: Option<Violation>,
}

impl World {
    pub(super) fn open_case(&mut self) {
        self.judge.cases.push(Case::default());
    }

    /// Something was made to fail for this call: what follows may take so much longer.
    pub(super) fn trouble(&mut self, call: usize, allowance: Ms) {
        if let Some(case) = self.judge.cases.get_mut(call) {
            case.allowance += allowance;
            case.troubled = true;
            // Nothing reports the bridge of a simultaneous dial: with reports missing it can only be guessed.
            let is_dial = self.shelf.find(call).is_some_and(|call| call.method == crate::call::event::RingMethod::Dial);
            case.bridge_lost |= is_dial;
        }
    }

    pub(super) fn accuse(&mut self, call: usize, invariant: u8, what: &str) {
        if self.judge.violation.is_none() {
            self.judge.violation = Some(Violation {
                seed: self.options.seed,
                call,
                at_ms: self.now,
                invariant,
                what: what.to_owned(),
                ladder: Vec::new(),
            });
        }
    }

    pub(super) fn case(&mut self, call: usize) -> Option<&mut Case> {
        self.judge.cases.get_mut(call)
    }

    /// What the service recorded, as it happens.
    pub(super) fn watch(&mut self, call: usize, events: &[Event]) {
        let now = self.now;
        let rest_down = self.rest_down_until;
        for event in events {
            match event {
                Event::ShortlistTaken { record } => {
                    for listed in &record.agents {
                        if let Listing::No { reason } = listed.place {
                            *self.reasons.entry(reason.as_str()).or_insert(0) += 1;
                        }
                    }
                }
                Event::AgentPaused { agent, until, .. } => {
                    if let Some(number) = self.number_of(agent) {
                        self.judge.paused_until.insert(number, *until);
                    }
                }
                Event::LegOffered { agent, .. } => {
                    self.judge_offer(call, agent);
                    if let Some(case) = self.case(call) {
                        case.offered_at.get_or_insert(now);
                    }
                }
                Event::CallClaimed { .. }
                | Event::FallbackBegan { .. }
                | Event::CallerLeft
                | Event::CallEnded { .. } => {
                    if let Some(case) = self.case(call) {
                        case.stop_at.get_or_insert(now);
                        if let Event::CallEnded { ending } = event {
                            case.endings += 1;
                            *self.endings.entry(ending.as_str()).or_insert(0) += 1;
                        }
                    }
                    if rest_down > now {
                        self.trouble(call, rest_down - now);
                    }
                }
                Event::ClaimLapsed { .. } => {
                    if let Some(case) = self.case(call) {
                        case.lapsed = true;
                        case.stop_at = None;
                    }
                }
                Event::DeadlineExtended { lost_ms, .. } => {
                    if let Some(case) = self.case(call) {
                        case.extended_ms += lost_ms;
                    }
                }
                Event::CallOwned { .. } => {
                    let owners = self.case(call).map_or(0, |case| {
                        case.owners += 1;
                        case.owners
                    });
                    if owners > 1 {
                        self.accuse(call, 1, "got an owner twice");
                    }
                }
                _ => {}
            }
        }
        if self.case(call).is_some_and(|case| case.endings > 1) {
            self.accuse(call, 8, "ended twice");
        }
    }

    fn number_of(&self, agent: &AgentId) -> Option<usize> {
        self.shelf.agents.iter().position(|facts| facts.agent == *agent)
    }

    /// 2: the agent may be rung at the moment of the offer.
    fn judge_offer(&mut self, call: usize, agent: &AgentId) {
        let Some(number) = self.number_of(agent) else { return };
        let away = self.shelf.agents.get(number).is_some_and(|facts| facts.presence != Presence::Online);
        let changed = self.judge.presence_changed_at.get(&number).copied().unwrap_or(0);
        if away && self.now - changed > 100 {
            self.accuse(call, 2, "was offered to an agent who is not available");
        }
        if self.rules.find_agent(agent).is_none_or(|agent| !agent.phone_verified) {
            self.accuse(call, 2, "was offered to a phone that nobody verified");
        }
        if self.lines_of_agent(number).next().is_some() {
            self.accuse(call, 2, "was offered to an agent whose phone another leg holds");
        }
        self.judge_offer_by_rules(call, number);
        self.judge_rest(call, number);
    }

    /// 2: shift and skill, by what the world was made of.
    fn judge_offer_by_rules(&mut self, call: usize, number: usize) {
        let (agent, seed) = (u32::try_from(number).unwrap_or(0), self.options.seed);
        let Some(offered) = self.shelf.find(call) else { return };
        let arrived_ms = (offered.arrived_at - instant(0)).num_milliseconds();
        let wants_mover = offered.intent.as_ref().is_some_and(|intent| intent.as_str() == "ops");
        if !is_on_shift(agent, seed, arrived_ms) {
            self.accuse(call, 2, "was offered to an agent who is off shift");
        }
        if wants_mover && !can_move(agent) {
            self.accuse(call, 2, "was offered to an agent without the skill");
        }
    }

    /// 2: neither within the rest after a talk, to the millisecond, nor while put aside.
    fn judge_rest(&mut self, call: usize, number: usize) {
        let (clock, stepped_at) = (self.clock(), self.judge.clock_stepped_at);
        // A clock that is set meanwhile shortens or lengthens a rest by as much.
        let slack =
            |since: Ms| TimeDelta::milliseconds(if stepped_at >= since && stepped_at > 0 { CLOCK_STEP_MS } else { 0 });
        if let Some((over_at, since, earlier)) = self.judge.rests_from.get(&number).copied()
            && clock < over_at + TimeDelta::milliseconds(COOLDOWN_MS) - slack(since)
        {
            self.accuse(earlier, 2, &format!("gave its agent no rest: call {call} is offered to them"));
        }
        let until = self.judge.paused_until.get(&number).copied();
        if until.is_some_and(|until| clock < until - slack(self.now - 100)) {
            self.accuse(call, 2, "was offered to an agent who is put aside");
        }
    }

    /// The agent's leg is over: the rest begins, if there was a talk.
    pub(super) fn judge_line_over(&mut self, number: usize) {
        let Some((agent, call)) = self.lines.get(number).map(|line| (line.agent, line.call)) else { return };
        if self.judge.talked.get(&agent) == Some(&call) {
            self.judge.talked.remove(&agent);
            self.judge.rests_from.insert(agent, (self.clock(), self.now, call));
        }
    }

    /// 2: a phone begins to ring.
    pub(super) fn judge_ring(&mut self, number: usize) {
        self.rings += 1;
        let now = self.now;
        let Some(line) = self.lines.get_mut(number) else { return };
        line.rings_since = Some(now);
        let (call, agent) = (line.call, line.agent);
        let is_held = self.lines_of_agent(agent).any(|other| other != number);
        if is_held {
            self.accuse(call, 2, "rings a phone that another leg holds");
        }
    }

    /// 5: a phone stops ringing.
    pub(super) fn judge_ring_over(&mut self, number: usize, now: Ms) {
        let Some(line) = self.lines.get_mut(number) else { return };
        let Some(since) = line.rings_since.take() else { return };
        let call = line.call;
        let Some(case) = self.judge.cases.get(call) else { return };
        let gone = self.callers.get(call).and_then(|caller| caller.gone_at).map(|at| at + 25_000);
        let stop = match (case.stop_at, gone) {
            (Some(stop), Some(gone)) => Some(stop.min(gone)),
            (stop, gone) => stop.or(gone),
        };
        if stop.is_some_and(|stop| now > stop.max(since) + RINGS_ON_MAX_MS + case.allowance) {
            self.accuse(call, 5, "rings a phone though the call no longer needs it");
        }
    }

    fn lines_of_agent(&self, agent: usize) -> impl Iterator<Item = usize> {
        // The latest legs are the ones that may live.
        let recent = self.lines.iter().enumerate().rev().take(400);
        recent.filter(move |(_, line)| line.agent == agent && !line.is_done()).map(|(number, _)| number)
    }

    /// 1: the two can hear each other.
    pub(super) fn judge_met(&mut self, call: usize, number: usize) {
        let now = self.now;
        self.judge_not_alone(number);
        self.judge_caller_not_alone(call);
        self.judge_reached(call);
        let Some((agent, accepted)) = self.lines.get(number).map(|line| (line.agent, line.accepted)) else { return };
        if !accepted {
            self.accuse(call, 1, "met an agent who did not press 1");
        }
        let met_another = self.case(call).is_some_and(|case| {
            let met_another = case.met.is_some_and(|(earlier, _)| earlier != agent);
            case.met = Some((agent, now));
            met_another
        });
        let owned = self.shelf.find(call).is_some_and(|call| call.owner.is_some());
        if met_another && owned {
            self.accuse(call, 1, "met two agents");
        }
    }

    pub(super) fn judge_parted(&mut self, call: usize, number: usize) {
        let now = self.now;
        let Some(agent) = self.lines.get(number).map(|line| line.agent) else { return };
        let Some(case) = self.case(call) else { return };
        if let Some((_, since)) = case.met {
            case.longest_talk = case.longest_talk.max(now - since);
            // A moment that nobody noticed is no talk to rest after.
            if now - since > if case.troubled { 20_000 + case.allowance } else { 3_000 } {
                self.judge.talked.insert(agent, call);
            }
        }
    }

    pub(super) fn judge_not_alone(&mut self, number: usize) {
        let now = self.now;
        let Some(line) = self.lines.get_mut(number) else { return };
        let call = line.call;
        if let Some(since) = line.alone_since.take() {
            self.judge_alone(call, since, now, "leaves an agent alone on the line");
        }
    }

    pub(super) fn judge_caller_not_alone(&mut self, call: usize) {
        let now = self.now;
        if let Some(since) = self.callers.get_mut(call).and_then(|caller| caller.alone_since.take()) {
            self.judge_alone(call, since, now, "leaves the caller alone in the room");
        }
    }

    fn judge_alone(&mut self, call: usize, since: Ms, now: Ms, what: &str) {
        let allowed = ALONE_MAX_MS + self.judge.cases.get(call).map_or(0, |case| case.allowance);
        if now - since > allowed {
            self.accuse(call, 1, &format!("{what} for {} ms", now - since));
        }
    }

    /// 4: the caller has an agent, a recorder or a spoken message.
    pub(super) fn judge_reached(&mut self, call: usize) {
        let now = self.now;
        let arrived = self.callers.get(call).map_or(0, |caller| caller.arrived_at);
        let faults = self.options.faults;
        let Some(case) = self.case(call) else { return };
        if case.reached_at.is_some() {
            return;
        }
        case.reached_at = Some(now);
        let lapse = if case.lapsed { 35_000 } else { 0 };
        let since_offer =
            MAX_WAIT_MS + 8_000 + TRANSPORT_MS + lapse + case.extended_ms.min(20_000) + case.typed_ms + case.said_ms;
        let since_offer = since_offer + if faults { CLOCK_STEP_MS } else { 0 };
        let ring_over = case.line_rung_at.unwrap_or(now);
        let late_for_offer = case.offered_at.is_some_and(|at| ring_over - at > since_offer + case.allowance);
        let late_at_all = now - arrived > WHOLE_MAX_MS + case.allowance;
        if late_for_offer || late_at_all {
            let waited = now - case.offered_at.unwrap_or(arrived);
            self.accuse(call, 4, &format!("kept its caller waiting for {waited} ms"));
        }
    }

    /// The ring clock stops while a code is typed, at most so long on one call.
    pub(super) fn judge_code_asked(&mut self, call: usize) {
        if let Some(case) = self.case(call) {
            case.typed_ms = 30_000;
        }
    }

    pub(super) fn judge_bridge_lost(&mut self, call: usize) {
        if let Some(case) = self.case(call) {
            case.bridge_lost = true;
        }
    }

    pub(super) fn judge_answered_safely(&mut self, call: usize) {
        if let Some(case) = self.case(call) {
            case.answered_safely = true;
        }
    }

    pub(super) fn judge_dropped(&mut self, call: usize) {
        if let Some(case) = self.case(call) {
            case.dropped = true;
        }
    }

    /// Long after the last fault: everything is over and nothing is lost.
    pub(super) fn judge_all(&mut self) {
        for call in 0..self.callers.len() {
            self.judge_end(call);
        }
        if let Some((call, key)) = self.first_undelivered() {
            self.accuse(call, 6, &format!("has an undelivered effect: {key}"));
        }
        for (key, count) in &self.outbox.posts {
            if *count != 1 && self.judge.violation.is_none() {
                let (what, seed) = (format!("{key} stands in the inbox {count} times"), self.options.seed);
                let violation =
                    Violation { seed, call: usize::MAX, at_ms: self.now, invariant: 8, what, ladder: Vec::new() };
                self.judge.violation = Some(violation);
            }
        }
    }

    fn judge_end(&mut self, number: usize) {
        let Some(case) = self.judge.cases.get(number) else { return };
        let Some(call) = self.shelf.find(number) else {
            if !case.dropped && !case.answered_safely {
                self.accuse(number, 3, "was never heard of");
            }
            return;
        };
        let faults = [
            (!call.has_ended() || call.stage != Stage::Ended, 4, "never ended"),
            (call.has_ended() && !call.is_settled(), 5, "ended and never settled"),
            (self.callers.get(number).is_some_and(|caller| caller.place != Place::Gone), 3, "still holds its caller"),
            (self.holds_phone(number), 5, "still holds a phone"),
            (self.outbox.pending_of(number) > 0, 6, "has effects that were not delivered"),
            (
                call.owner.is_some() && case.met.is_none() && !case.bridge_lost,
                1,
                "has an owner who never met the caller",
            ),
            (
                call.owner.is_some() != (call.ending == Some(Ending::Answered)),
                1,
                "has an ending that does not fit its owner",
            ),
            (call.owner.is_none() && case.longest_talk > 20_000 + case.allowance, 1, "was talked on and has no owner"),
            (
                case.longest_outside > 20_000 && !case.troubled && call.ending != Some(Ending::Redirected),
                4,
                "was talked on by an outside line and does not say so",
            ),
            (
                call.notice.as_ref().is_some_and(|notice| notice.ended_at.is_some())
                    && self.callers.get(number).is_some_and(|caller| !caller.heard_notice),
                7,
                "says that the notice was heard to its end where it was not",
            ),
            (
                call.closure.is_some() && !call.legs.is_empty() && call.brand.as_str() != "anyway",
                2,
                "rang agents of a closed brand",
            ),
        ];
        let agent = call.owner.as_ref();
        let met = case.met.and_then(|(agent, _)| self.shelf.agents.get(agent)).map(|facts| &facts.agent);
        let wrong_owner = agent.is_some() && met.is_some() && agent != met;
        let has_unasked_owner = agent.is_some_and(|owner| !self.has_accepted(number, owner));
        let found = faults.iter().find(|(is_so, _, _)| *is_so).map(|(_, invariant, what)| (*invariant, *what));
        let found = found.or(wrong_owner.then_some((1, "has an owner who is not the agent who met the caller")));
        let found = found.or(has_unasked_owner.then_some((1, "has an owner who did not press 1")));
        let found = found.or_else(|| self.judge_inbox(number));
        if let Some((invariant, what)) = found {
            self.accuse(number, invariant, what);
        }
    }

    /// 1: whether the agent pressed 1 on some leg of the call.
    fn has_accepted(&self, call: usize, agent: &AgentId) -> bool {
        let number = self.number_of(agent);
        let lines = self.callers.get(call).map_or(&[][..], |caller| &caller.lines);
        lines.iter().filter_map(|line| self.lines.get(*line)).any(|line| line.accepted && Some(line.agent) == number)
    }

    fn holds_phone(&self, call: usize) -> bool {
        let held = |number: &usize| self.lines.get(*number).is_some_and(|line| !line.is_done());
        self.callers.get(call).is_some_and(|caller| caller.lines.iter().any(held))
    }

    /// 6 and 8: what stands in the inbox.
    fn judge_inbox(&self, number: usize) -> Option<(u8, &'static str)> {
        use crate::call::effect::Effect;
        let call = self.shelf.find(number)?;
        let stands = |effect: Effect| self.outbox.posts.contains_key(&effect.key(call.id));
        for recording in self.recordings.iter().filter(|recording| recording.call == number && recording.is_known) {
            if !stands(Effect::PostVoicemail { recording: recording.name.clone() }) {
                return Some((6, "left a message that is not in the inbox"));
            }
        }
        let recorded = self.recordings.iter().any(|recording| recording.call == number);
        let knows = self.judge.cases.get(number).is_some_and(|case| !case.answered_safely);
        if recorded && knows && call.ending != Some(Ending::Voicemail) && call.owner.is_none() {
            return Some((6, "left a message and does not say so"));
        }
        if !recorded && call.ending == Some(Ending::Voicemail) {
            return Some((6, "says that there is a message where there is none"));
        }
        let (end, missed) = (stands(Effect::NoteEnd), stands(Effect::NoteMissed));
        let wants_end = matches!(call.ending, Some(Ending::Answered | Ending::Redirected | Ending::Supervisor));
        let wants_missed = matches!(call.ending, Some(Ending::Missed | Ending::Abandoned | Ending::AfterHoursMessage));
        if end != wants_end || missed != wants_missed {
            return Some((8, "has notes in the inbox that do not fit its ending"));
        }
        let refused = call.ending == Some(Ending::Blocked);
        if stands(Effect::NoteArrival) == refused || stands(Effect::AssignOwner) != call.owner.is_some() {
            return Some((8, "has an arrival or an owner in the inbox that does not fit"));
        }
        None
    }
}
