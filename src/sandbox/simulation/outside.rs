//! A line outside the roster: the operator's phone, or another number, and whoever picks up there.

use super::Ms;
use super::agenda::{Happening, Listener, Step};
use super::callers::Place;
use super::words::spoken_ms;
use super::world::World;
use crate::call::reply::Reply;
use crate::call::signal::Signal;

/// A prompt takes so long to speak.
const PROMPT_MS: Ms = 2_500;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    Ringing,
    /// Picked up, or between two documents.
    Asking,
    Prompted,
    Bridged,
    /// Hears a closing sentence.
    Hearing,
    Done,
}

/// The outside line of a caller, the last one that was rung.
pub(super) struct Outside {
    attempt: u32,
    screened: bool,
    standing: Standing,
    pub(super) epoch: u32,
    machine: bool,
}

impl World {
    fn outside(&mut self, call: usize) -> Option<&mut Outside> {
        self.callers.get_mut(call)?.outside.as_mut()
    }

    fn outside_later(&mut self, call: usize, after: Ms, step: Step) {
        let Some(epoch) = self.outside(call).map(|line| line.epoch) else { return };
        self.agenda.put(self.now + after, Happening::Steps { who: Listener::Outside(call), epoch, step });
    }

    fn turn_outside(&mut self, call: usize, standing: Standing) {
        if let Some(line) = self.outside(call) {
            line.epoch += 1;
            line.standing = standing;
        }
    }

    pub(super) fn talks_outside(&self, call: usize) -> bool {
        let line = self.callers.get(call).and_then(|caller| caller.outside.as_ref());
        line.is_some_and(|line| line.standing == Standing::Bridged)
    }

    /// The caller's document rings the line.
    pub(super) fn ring_outside(&mut self, call: usize, attempt: u32, ring_s: u32, screened: bool, words: &str) {
        self.turn_caller(call, Place::Outside { attempt });
        self.judge_line_rung(call);
        if let Some(caller) = self.callers.get_mut(call) {
            let epoch = caller.outside.as_ref().map_or(0, |line| line.epoch + 1);
            caller.outside = Some(Outside { attempt, screened, standing: Standing::Ringing, epoch, machine: false });
        }
        let words = spoken_ms(words);
        let buffer = self.chance.between(0, 5_000);
        self.outside_later(call, words + Ms::from(ring_s) * 1_000 + buffer, Step::RangOut);
        let soon = words + self.chance.between(1_000, 25_000);
        match self.chance.below(100) {
            0..55 => self.outside_later(call, soon, Step::PicksUp { machine: false }),
            55..75 => self.outside_later(call, soon, Step::PicksUp { machine: true }),
            75..85 => self.outside_later(call, soon, Step::TurnsAway { busy: true, failed: false }),
            _ => {}
        }
    }

    pub(super) fn step_outside(&mut self, call: usize, step: &Step) {
        let Some((attempt, screened)) = self.outside(call).map(|line| (line.attempt, line.screened)) else { return };
        match *step {
            Step::PicksUp { machine } => {
                self.turn_outside(call, Standing::Asking);
                if let Some(line) = self.outside(call) {
                    line.machine = machine;
                }
                self.callback(call, Signal::LineAnswered { attempt });
                if screened {
                    self.ask(Listener::Outside(call), Signal::LineAsks { attempt });
                } else {
                    self.bridge_outside(call);
                }
            }
            Step::PromptOver => {
                self.turn_outside(call, Standing::Asking);
                self.ask(Listener::Outside(call), Signal::LinePressed { attempt, key: None });
            }
            Step::Presses { key } => {
                self.turn_outside(call, Standing::Asking);
                self.ask(Listener::Outside(call), Signal::LinePressed { attempt, key: Some(key) });
            }
            Step::TalkOver { caller_ends: true } => self.caller_gone(call),
            _ => self.end_outside(call),
        }
    }

    /// The document reaches whoever picked up.
    pub(super) fn outside_hears(&mut self, call: usize, reply: &Reply) {
        match reply {
            Reply::AskLine { listen_s, .. } => {
                self.turn_outside(call, Standing::Prompted);
                let whole = PROMPT_MS + Ms::from(*listen_s) * 1_000;
                self.outside_later(call, whole, Step::PromptOver);
                if self.outside(call).is_some_and(|line| !line.machine) {
                    let at = self.chance.between(300, whole - 1);
                    match self.chance.below(100) {
                        0..75 => self.outside_later(call, at, Step::Presses { key: '1' }),
                        75..85 => self.outside_later(call, at, Step::Presses { key: '2' }),
                        85..92 => self.outside_later(call, at, Step::HangsUp),
                        _ => {}
                    }
                }
            }
            Reply::Bridge => {
                if self.outside(call).is_some_and(|line| line.machine) {
                    self.accuse(call, 1, "was handed to a voicemail that nobody confirmed");
                }
                self.bridge_outside(call);
            }
            Reply::SayAndHangUp { .. } => {
                self.turn_outside(call, Standing::Hearing);
                self.outside_later(call, 2_000, Step::Said);
            }
            Reply::HangUp => self.end_outside(call),
            _ => self.accuse(call, 3, "an outside line was handed a document that is not for it"),
        }
    }

    fn bridge_outside(&mut self, call: usize) {
        let Some(attempt) = self.outside(call).map(|line| line.attempt) else { return };
        if self.callers.get(call).is_none_or(|caller| caller.place != Place::Outside { attempt }) {
            return self.end_outside(call);
        }
        self.turn_outside(call, Standing::Bridged);
        self.judge_reached(call);
        self.judge_talks_outside(call);
        let most = if self.chance.hits(100) { 400_000 } else { 40_000 };
        let span = self.chance.between(1_000, most);
        let caller_ends = self.chance.hits(500);
        self.outside_later(call, span, Step::TalkOver { caller_ends });
    }

    /// The line is over; the dial with it, if the caller is still in it.
    pub(super) fn end_outside(&mut self, call: usize) {
        let Some((attempt, standing)) = self.outside(call).map(|line| (line.attempt, line.standing)) else { return };
        if standing == Standing::Done {
            return;
        }
        let bridged = standing == Standing::Bridged;
        self.judge_parted_outside(call);
        self.turn_outside(call, Standing::Done);
        if self.callers.get(call).is_some_and(|caller| caller.place == Place::Outside { attempt }) {
            self.ask_caller_anew(call, Signal::LineEnded { attempt, bridged });
        }
    }

    /// The caller is taken out of the dial, or hung up: whether they had talked.
    pub(super) fn cut_outside(&mut self, call: usize) -> bool {
        let bridged = self.talks_outside(call);
        self.judge_parted_outside(call);
        self.turn_outside(call, Standing::Done);
        bridged
    }
}

// What the judge notes of it.
impl World {
    /// An outside line is rung for the caller.
    pub(super) fn judge_line_rung(&mut self, call: usize) {
        let now = self.now;
        if let Some(case) = self.case(call)
            && case.offered_at.is_some()
        {
            case.line_rung_at.get_or_insert(now);
        }
    }

    /// The caller talks on an outside line.
    pub(super) fn judge_talks_outside(&mut self, call: usize) {
        let now = self.now;
        if let Some(case) = self.case(call) {
            case.outside_since = Some(now);
        }
    }

    pub(super) fn judge_parted_outside(&mut self, call: usize) {
        let now = self.now;
        if let Some(case) = self.case(call)
            && let Some(since) = case.outside_since.take()
        {
            case.longest_outside = case.longest_outside.max(now - since);
        }
    }
}
