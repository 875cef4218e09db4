//! The carrier's legs to agents, and the people who hold the phones.

use super::agenda::{Happening, Listener, Step};
use super::callers::Place;
use super::words::DialToCome;
use super::world::World;
use super::{Arbiter, Ms};
use crate::call::reply::{Reply, RoomSeat};
use crate::call::signal::{LegOutcome, Party, Signal};
use crate::ids::{AgentId, CarrierRef};
use crate::rules::DialStopsAt;

/// A prompt takes so long to speak.
const PROMPT_MS: Ms = 2_500;

/// A sentence before the hang-up takes so long.
const SENTENCE_MS: Ms = 2_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LineState {
    Queued,
    Dialling,
    Ringing,
    /// Picked up, or between two documents.
    Asking,
    Prompted,
    Room,
    Bridged,
    /// Hears a closing sentence.
    Hearing,
    Done(LegOutcome),
}

pub(super) struct Line {
    pub(super) call: usize,
    pub(super) leg: u32,
    pub(super) agent: usize,
    pub(super) carrier_ref: CarrierRef,
    pub(super) round: u32,
    pub(super) state: LineState,
    pub(super) epoch: u32,
    pub(super) rings_since: Option<Ms>,
    pub(super) ring_for: Ms,
    pub(super) alone_since: Option<Ms>,
    machine: bool,
    /// Whether the agent pressed 1.
    pub(super) accepted: bool,
}

impl Line {
    pub(super) fn is_done(&self) -> bool {
        matches!(self.state, LineState::Done(_))
    }

    pub(super) fn is_unanswered(&self) -> bool {
        matches!(self.state, LineState::Queued | LineState::Dialling | LineState::Ringing)
    }

    pub(super) fn is_answered(&self) -> bool {
        !self.is_done() && !self.is_unanswered()
    }
}

impl World {
    pub(super) fn find_line(&self, call: usize, leg: u32) -> Option<usize> {
        let lines = &self.callers.get(call)?.lines;
        lines.iter().copied().find(|number| self.lines.get(*number).is_some_and(|line| line.leg == leg))
    }

    /// The carrier takes a leg.
    pub(super) fn place_line(&mut self, call: usize, leg: u32, agent: &AgentId, round: u32, left: Ms) -> CarrierRef {
        let number = self.lines.len();
        let carrier_ref = CarrierRef::new(&format!("CL{number}"));
        let agent = self.shelf.agents.iter().position(|facts| facts.agent == *agent).unwrap_or(usize::MAX);
        self.lines.push(Line {
            call,
            leg,
            agent,
            carrier_ref: carrier_ref.clone(),
            round,
            state: LineState::Queued,
            epoch: 0,
            rings_since: None,
            ring_for: left.max(5_000),
            alone_since: None,
            machine: false,
            accepted: false,
        });
        if let Some(caller) = self.callers.get_mut(call) {
            caller.lines.push(number);
        }
        let queued = if round > 0 { 0 } else { self.chance.between(0, 400) };
        self.line_later(number, queued, Step::LeavesQueue);
        carrier_ref
    }

    pub(super) fn line_later(&mut self, number: usize, after: Ms, step: Step) {
        let Some(line) = self.lines.get(number) else { return };
        let who = Listener::Line(number);
        self.agenda.put(self.now + after, Happening::Steps { who, epoch: line.epoch, step });
    }

    /// Every timer set for the leg before now is void.
    fn turn_line(&mut self, number: usize, state: LineState) {
        let now = self.now;
        if let Some(line) = self.lines.get_mut(number) {
            line.epoch += 1;
            line.state = state;
        }
        if state != LineState::Ringing {
            self.judge_ring_over(number, now);
        }
        if state != LineState::Room {
            self.judge_not_alone(number);
        }
    }

    /// A round of a simultaneous dial.
    pub(super) fn ring_together(&mut self, call: usize, dial: &DialToCome) {
        let DialToCome { round, ring_s, ref phones } = *dial;
        self.turn_caller(call, Place::Dial { round });
        for phone in phones {
            let ring_for = Ms::from(ring_s) * 1_000 + 6_000;
            self.place_line(call, phone.leg, &phone.agent, round, ring_for);
        }
        let buffer = self.chance.between(0, 5_000);
        self.caller_later(call, Ms::from(ring_s) * 1_000 + buffer, Step::DialOver);
        if phones.is_empty() {
            self.accuse(call, 3, "was handed a dial without phones");
        }
    }

    pub(super) fn step_line(&mut self, number: usize, step: &Step) {
        let Some(line) = self.lines.get(number) else { return };
        let (call, leg, ring_for, machine) = (line.call, line.leg, line.ring_for, line.machine);
        let carrier_ref = line.carrier_ref.clone();
        match *step {
            Step::LeavesQueue => {
                self.turn_line(number, LineState::Dialling);
                let after = self.chance.between(300, 2_000);
                match self.chance.below(100) {
                    0..4 => self.line_later(number, after, Step::TurnsAway { busy: true, failed: false }),
                    4..6 => self.line_later(number, after, Step::TurnsAway { busy: false, failed: true }),
                    // Switched off: the voicemail answers at once.
                    6..9 => self.line_later(number, after, Step::PicksUp { machine: true }),
                    _ => self.line_later(number, after, Step::Rings),
                }
            }
            Step::Rings => {
                self.turn_line(number, LineState::Ringing);
                self.judge_ring(number);
                if !self.chance.hits(50) {
                    self.callback(call, Signal::LegRings { leg, carrier_ref: Some(carrier_ref) });
                }
                self.line_later(number, ring_for, Step::RangOut);
                self.plan_person(number);
            }
            Step::PicksUp { machine } => {
                self.turn_line(number, LineState::Asking);
                if let Some(line) = self.lines.get_mut(number) {
                    line.machine = machine;
                }
                self.ask(Listener::Line(number), Signal::LegAsks { leg, carrier_ref: Some(carrier_ref) });
                self.stop_others_at_answer(number);
            }
            Step::TurnsAway { busy, failed } => {
                let outcome = match (busy, failed) {
                    (true, _) => LegOutcome::Busy,
                    (_, true) => LegOutcome::Failed,
                    _ => LegOutcome::NoAnswer,
                };
                self.end_line(number, outcome, true);
            }
            Step::RangOut => self.end_line(number, LegOutcome::NoAnswer, true),
            Step::PromptOver => {
                self.turn_line(number, LineState::Asking);
                let key = (self.options.arbiter == Arbiter::TakesAnything).then_some('1');
                self.ask(Listener::Line(number), Signal::LegPressed { leg, key });
                if machine && self.chance.hits(100) {
                    self.line_later(number, 30, Step::HangsUp);
                }
            }
            Step::Presses { key } => {
                if let Some(line) = self.lines.get_mut(number) {
                    line.accepted |= key == '1';
                }
                self.turn_line(number, LineState::Asking);
                let key = if self.options.arbiter == Arbiter::TakesAnything { '1' } else { key };
                self.ask(Listener::Line(number), Signal::LegPressed { leg, key: Some(key) });
            }
            Step::HangsUp | Step::Said => self.end_line(number, LegOutcome::Completed, true),
            Step::TalkOver { caller_ends: true } => self.caller_gone(call),
            Step::TalkOver { caller_ends: false } => self.end_line(number, LegOutcome::Completed, true),
            Step::WordsOver
            | Step::WordsBeforeDialOver { .. }
            | Step::WaitOver
            | Step::ToneSounds
            | Step::MessageOver
            | Step::DialOver => {}
        }
    }

    /// What the person with the ringing phone does.
    fn plan_person(&mut self, number: usize) {
        let mood = self.chance.below(100);
        let soon = self.chance.between(500, 20_000);
        match mood {
            0..50 => self.line_later(number, soon, Step::PicksUp { machine: false }),
            50..62 => {
                let at = self.chance.between(0, 25_000);
                self.line_later(number, at, Step::PicksUp { machine: true });
            }
            62..70 => self.line_later(number, soon, Step::TurnsAway { busy: mood < 66, failed: false }),
            _ => {}
        }
    }

    /// One reading of the carrier's documentation: the first answer stops the others.
    fn stop_others_at_answer(&mut self, number: usize) {
        if self.options.dial_stops_at == DialStopsAt::Accept {
            return;
        }
        let Some((call, round)) = self.lines.get(number).map(|line| (line.call, line.round)) else { return };
        if round > 0 {
            self.stop_round(call, round, Some(number), true);
        }
    }

    /// Ends the legs of a round, apart from one; only those nobody answered, if so asked.
    pub(super) fn stop_round(&mut self, call: usize, round: u32, apart_from: Option<usize>, only_unanswered: bool) {
        let lines = self.callers.get(call).map(|caller| caller.lines.clone()).unwrap_or_default();
        for number in lines {
            let Some(line) = self.lines.get(number) else { continue };
            let concerned = line.round == round && Some(number) != apart_from && !line.is_done();
            if !concerned || (only_unanswered && !line.is_unanswered()) {
                continue;
            }
            let outcome = match self.chance.below(3) {
                0 => LegOutcome::Canceled,
                1 => LegOutcome::NoAnswer,
                _ => LegOutcome::Completed,
            };
            self.end_line(number, outcome, true);
        }
    }

    /// The document reaches a leg.
    pub(super) fn line_hears(&mut self, number: usize, reply: &Reply) {
        let Some(line) = self.lines.get(number) else { return };
        let (call, round, machine) = (line.call, line.round, line.machine);
        match reply {
            Reply::AskToAccept { listen_s, .. } => {
                self.turn_line(number, LineState::Prompted);
                let whole = PROMPT_MS + Ms::from(*listen_s) * 1_000;
                self.line_later(number, whole, Step::PromptOver);
                if !machine {
                    self.plan_press(number, whole);
                }
            }
            Reply::Bridge if round > 0 => self.bridge(number),
            Reply::JoinRoom { who: RoomSeat::Leg(_) } if round == 0 => self.line_enters(number),
            Reply::SayAndHangUp { .. } => self.let_line_hear(number),
            Reply::HangUp => self.end_line(number, LegOutcome::Completed, true),
            Reply::Nothing
            | Reply::Refuse
            | Reply::Hold
            | Reply::Challenge { .. }
            | Reply::AskCode { .. }
            | Reply::AskSwitch { .. }
            | Reply::AskMenu { .. }
            | Reply::SayNotice { .. }
            | Reply::RingLine { .. }
            | Reply::AskLine { .. }
            | Reply::Wait { .. }
            | Reply::KeepWaiting { .. }
            | Reply::LeaveQueue
            | Reply::OneMoment
            | Reply::RingTogether { .. }
            | Reply::Bridge
            | Reply::JoinRoom { .. }
            | Reply::TakeVoicemail { .. } => {
                self.accuse(call, 3, "an agent was handed a document that is not for agents");
            }
        }
    }

    fn plan_press(&mut self, number: usize, whole: Ms) {
        let at = self.chance.between(300, whole - 1);
        // People press together now and then: to the same millisecond.
        let at = if self.chance.hits(300) { at + (1_000 - (self.now + at).rem_euclid(1_000)) } else { at };
        match self.chance.below(100) {
            0..72 => self.line_later(number, at, Step::Presses { key: '1' }),
            72..80 => self.line_later(number, at, Step::Presses { key: '2' }),
            80..90 => self.line_later(number, at, Step::HangsUp),
            _ => {}
        }
    }

    pub(super) fn let_line_hear(&mut self, number: usize) {
        self.turn_line(number, LineState::Hearing);
        self.line_later(number, SENTENCE_MS, Step::Said);
    }

    /// The screened leg meets the caller; under a simultaneous dial.
    fn bridge(&mut self, number: usize) {
        let Some((call, round)) = self.lines.get(number).map(|line| (line.call, line.round)) else { return };
        let is_dialling = self.callers.get(call).is_some_and(|caller| caller.place == Place::Dial { round });
        if !is_dialling {
            return self.end_line(number, LegOutcome::Completed, true);
        }
        self.turn_line(number, LineState::Bridged);
        self.turn_caller(call, Place::Bridged { line: number, round });
        self.stop_round(call, round, Some(number), false);
        self.begin_talk(call, number);
    }

    fn line_enters(&mut self, number: usize) {
        let Some((call, leg)) = self.lines.get(number).map(|line| (line.call, line.leg)) else { return };
        self.turn_line(number, LineState::Room);
        let Some(caller) = self.callers.get_mut(call) else { return };
        caller.room.push(number);
        let caller_in = caller.place == Place::Room && caller.claim == Some(leg);
        self.callback(call, Signal::RoomEntered { who: Party::Leg(leg), claim: Some(leg) });
        if caller_in {
            self.begin_talk(call, number);
        } else {
            let now = self.now;
            if let Some(line) = self.lines.get_mut(number) {
                line.alone_since = Some(now);
            }
            if self.chance.hits(40) {
                let at = self.chance.between(0, 3_000);
                self.line_later(number, at, Step::HangsUp);
            }
        }
    }

    /// Both can hear each other.
    pub(super) fn begin_talk(&mut self, call: usize, number: usize) {
        self.judge_met(call, number);
        if self.callers.get(call).is_some_and(|caller| caller.place == Place::Room) {
            let leg = self.lines.get(number).map_or(0, |line| line.leg);
            self.callback(call, Signal::RoomStarted { leg });
        }
        let caller_ends = self.chance.hits(500);
        let span = if self.chance.hits(20) {
            self.chance.between(240_000, 600_000)
        } else {
            self.chance.between(1_000, 40_000)
        };
        self.line_later(number, span, Step::TalkOver { caller_ends });
    }

    /// Takes a leg out of the room by request, so that nothing more is asked for it.
    pub(super) fn leave_room_quietly(&mut self, number: usize) {
        let Some((call, leg)) = self.lines.get(number).map(|line| (line.call, line.leg)) else { return };
        let was_in = self.callers.get_mut(call).is_some_and(|caller| {
            let before = caller.room.len();
            caller.room.retain(|line| *line != number);
            caller.room.len() < before
        });
        if was_in {
            self.callback(call, Signal::RoomLeft { who: Party::Leg(leg), claim: Some(leg) });
            self.judge_parted(call, number);
            self.send_caller_out(call, leg);
        }
    }

    /// The caller left the room, which ends it: the agent comes out.
    pub(super) fn send_lines_out(&mut self, call: usize) {
        let Some(leg) = self.callers.get(call).and_then(|caller| caller.claim) else { return };
        let Some(number) = self.line_in_room(call, leg) else { return };
        if let Some(caller) = self.callers.get_mut(call) {
            caller.room.retain(|line| *line != number);
        }
        self.judge_parted(call, number);
        self.turn_line(number, LineState::Asking);
        self.callback(call, Signal::RoomLeft { who: Party::Leg(leg), claim: Some(leg) });
        self.ask(Listener::Line(number), Signal::LegLeftRoom { leg });
    }

    /// The leg is over at the carrier.
    pub(super) fn end_line(&mut self, number: usize, outcome: LegOutcome, is_told: bool) {
        let Some(line) = self.lines.get(number) else { return };
        if line.is_done() {
            return;
        }
        let (call, leg, round) = (line.call, line.leg, line.round);
        let was_bridged = line.state == LineState::Bridged;
        self.turn_line(number, LineState::Done(outcome));
        if self.ladder_of == Some(call) {
            self.rung(&format!("  carrier: leg {leg} over, {outcome:?}"));
        }
        if is_told {
            self.callback(call, Signal::LegFinished { leg, outcome });
        }
        self.leave_room_quietly(number);
        if was_bridged {
            self.judge_parted(call, number);
            self.ask_caller_anew(call, Signal::DialEnded { round, bridged: true });
        } else if round > 0 {
            self.end_dial_if_over(call, round);
        }
        self.judge_line_over(number);
    }

    /// A leg's document could not be had: the carrier lets go of it.
    pub(super) fn line_fails(&mut self, number: usize) {
        self.end_line(number, LegOutcome::Completed, true);
    }

    pub(super) fn end_dial_if_over(&mut self, call: usize, round: u32) {
        let Some(caller) = self.callers.get(call) else { return };
        if caller.place != (Place::Dial { round }) {
            return;
        }
        let is_over = caller
            .lines
            .iter()
            .all(|number| self.lines.get(*number).is_none_or(|line| line.round != round || line.is_done()));
        if is_over {
            self.ask_caller_anew(call, Signal::DialEnded { round, bridged: false });
        }
    }

    pub(super) fn call_of(&self, who: Listener) -> usize {
        match who {
            Listener::Caller(call) | Listener::Outside(call) => call,
            Listener::Line(number) => self.lines.get(number).map_or(usize::MAX, |line| line.call),
        }
    }
}
