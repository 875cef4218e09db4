//! The carrier's side of a caller: documents, queue, room, recorder; and what callers do.

use super::Ms;
use super::agenda::{Happening, Listener, Step};
use super::outside::Outside;
use super::prompts::Prompt;
use super::words::{DialToCome, spoken_ms};
use super::world::World;
use crate::call::CallerFacts;
use crate::call::reply::{Reply, RoomSeat};
use crate::call::signal::{CallerDoor, Party, Signal};
use crate::ids::{BrandId, CarrierRef};
use crate::phone_number::Caller as CallerNumber;

/// Where a caller is, in truth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// A document was asked for outside the queue.
    Asking,
    /// Hears the words before the queue.
    Words,
    /// In the queue, hearing a wait document.
    Queue,
    /// In the queue, between two wait documents.
    QueueAsking,
    Dial {
        round: u32,
    },
    Bridged {
        line: usize,
        round: u32,
    },
    Room,
    /// Hears a document that speaks and listens.
    Prompt {
        prompt: Prompt,
    },
    /// Types a supervisor's code.
    Code {
        in_queue: bool,
    },
    /// Is asked what to do as a supervisor.
    Switch {
        in_queue: bool,
    },
    /// In the dial of an outside line.
    Outside {
        attempt: u32,
    },
    Greeting,
    Recording {
        since: Ms,
    },
    Hearing,
    Gone,
}

pub(super) struct Caller {
    pub(super) brand: BrandId,
    pub(super) phone: CallerNumber,
    pub(super) facts: CallerFacts,
    pub(super) place: Place,
    pub(super) epoch: u32,
    /// Every leg the carrier took for the call.
    pub(super) lines: Vec<usize>,
    /// The legs in the rooms of the call's claims, each in its own.
    pub(super) room: Vec<usize>,
    pub(super) outside: Option<Outside>,
    /// Whether the recording notice was heard to its end.
    pub(super) heard_notice: bool,
    /// The leg of the claim for which the caller entered the room last.
    pub(super) claim: Option<u32>,
    /// Fetched while words before the queue were said.
    pub(super) torn: bool,
    pub(super) alone_since: Option<Ms>,
    pub(super) arrived_at: Ms,
    pub(super) gone_at: Option<Ms>,
    pub(super) wake_at: Option<Ms>,
    pub(super) idle_wakes: u32,
}

/// A message the carrier recorded.
pub(super) struct Recording {
    pub(super) call: usize,
    pub(super) name: CarrierRef,
    pub(super) seconds: u32,
    pub(super) ready: bool,
    /// Whether the call was known when it was made.
    pub(super) is_known: bool,
}

impl World {
    /// Somebody dials a brand's number.
    pub(super) fn caller_dials(&mut self) {
        let call = self.callers.len();
        let brand = self.choose_brand();
        let facts = CallerFacts {
            is_blocked: self.chance.hits(10),
            is_contact: false,
            recent_calls: u32::from(self.chance.hits(15)) * 2,
            talks: false,
        };
        let number = format!("+44163296{:04}", call % 10_000);
        self.callers.push(Caller {
            brand,
            phone: crate::phone_number::parse_phone_number(&number).map_or(CallerNumber::Withheld, CallerNumber::Known),
            facts,
            place: Place::Asking,
            epoch: 0,
            lines: Vec::new(),
            room: Vec::new(),
            outside: None,
            heard_notice: false,
            claim: None,
            torn: false,
            alone_since: None,
            arrived_at: self.now,
            gone_at: None,
            wake_at: None,
            idle_wakes: 0,
        });
        self.open_case();
        self.ask(Listener::Caller(call), Signal::Arrived);
        let most = if self.chance.hits(300) { 45_000 } else { 900_000 };
        let patience = self.chance.between(0, most);
        self.agenda.put(self.now + patience, Happening::LosesPatience { call });
        if self.chance.hits(60) {
            let at = self.chance.between(1_000, 30_000);
            self.agenda.put(self.now + at, Happening::WantsRecorder { call });
        }
    }

    pub(super) fn caller_facts(&self, call: usize) -> CallerFacts {
        self.callers.get(call).map_or_else(CallerFacts::default, |caller| caller.facts)
    }

    pub(super) fn caller_later(&mut self, call: usize, after: Ms, step: Step) {
        let Some(caller) = self.callers.get(call) else { return };
        let who = Listener::Caller(call);
        self.agenda.put(self.now + after, Happening::Steps { who, epoch: caller.epoch, step });
    }

    /// The caller is elsewhere now: every timer and request from before is void.
    pub(super) fn turn_caller(&mut self, call: usize, place: Place) {
        if let Some(caller) = self.callers.get_mut(call) {
            caller.epoch += 1;
            caller.place = place;
        }
        if place != Place::Room {
            self.judge_caller_not_alone(call);
        }
    }

    /// The caller asks for a document, having left where they were.
    pub(super) fn ask_caller_anew(&mut self, call: usize, signal: Signal) {
        if self.callers.get(call).is_some_and(|caller| caller.place == Place::Gone) {
            return;
        }
        self.turn_caller(call, Place::Asking);
        self.ask(Listener::Caller(call), signal);
    }

    /// The document reaches the caller.
    pub(super) fn caller_hears(&mut self, call: usize, reply: Reply) {
        if self.ladder_of == Some(call) {
            self.rung(&format!("  caller hears {reply:?}"));
        }
        let in_queue = self.callers.get(call).is_some_and(|caller| caller.place == Place::QueueAsking);
        if in_queue {
            return self.hear_in_queue(call, &reply);
        }
        self.judge_torn(call, &reply);
        match reply {
            Reply::Refuse => {
                self.judge_reached(call);
                self.caller_gone(call);
            }
            Reply::Wait { words: Some(words), .. } => {
                self.turn_caller(call, Place::Words);
                self.caller_later(call, spoken_ms(&words), Step::WordsOver);
            }
            Reply::Wait { words: None, .. } => self.poll(call),
            Reply::RingTogether { round, ring_s, phones, words } => {
                self.hear_words_before_dial(call, DialToCome { round, ring_s, phones }, words.as_deref());
            }
            Reply::JoinRoom { who: RoomSeat::Caller } => self.caller_enters(call),
            Reply::TakeVoicemail { greeting, .. } => {
                self.judge_reached(call);
                self.turn_caller(call, Place::Greeting);
                self.caller_later(call, spoken_ms(&greeting), Step::ToneSounds);
            }
            Reply::SayAndHangUp { words } => self.hear_goodbye(call, &words),
            Reply::HangUp => self.caller_gone(call),
            Reply::Hold => self.hear_prompt(call, Prompt::Hold, 1, true),
            Reply::AskMenu { turn, wait_s, .. } => self.hear_prompt(call, Prompt::Menu { turn }, wait_s, true),
            Reply::SayNotice { turn, is_cut_by_keys, .. } => {
                self.hear_prompt(call, Prompt::Notice { turn }, 1, is_cut_by_keys);
            }
            Reply::RingLine { attempt, ring_s, screened, words, .. } => {
                self.ring_outside(call, attempt, ring_s, screened, &words.unwrap_or_default());
            }
            Reply::Challenge { turn, words, listen_s } => self.hear_challenge(call, turn, &words, listen_s),
            Reply::AskCode { .. } => self.hear_code_prompt(call, false),
            Reply::AskSwitch { .. } => self.hear_switch_prompt(call, false),
            Reply::Nothing
            | Reply::AskLine { .. }
            | Reply::KeepWaiting { .. }
            | Reply::LeaveQueue
            | Reply::OneMoment
            | Reply::AskToAccept { .. }
            | Reply::Bridge
            | Reply::JoinRoom { .. } => {
                self.accuse(call, 3, "a caller was handed a document that is not for callers there");
            }
        }
    }

    fn hear_in_queue(&mut self, call: usize, reply: &Reply) {
        match reply {
            Reply::KeepWaiting { seconds, listens, .. } => {
                self.turn_caller(call, Place::Queue);
                let listening = if *listens { 1_000 } else { 0 };
                self.caller_later(call, Ms::from(*seconds) * 1_000 + listening, Step::WaitOver);
                if *listens && self.chance.hits(25) {
                    let at = self.chance.between(100, Ms::from(*seconds) * 1_000);
                    self.caller_later(call, at, Step::Presses { key: '*' });
                }
            }
            Reply::AskCode { in_queue: true } => self.hear_code_prompt(call, true),
            Reply::AskSwitch { .. } => self.hear_switch_prompt(call, true),
            Reply::SayAndHangUp { words } => self.hear_goodbye(call, words),
            Reply::LeaveQueue => self.ask_caller_anew(call, Signal::CallerAsks { at: CallerDoor::Queue }),
            _ => self.accuse(call, 3, "a caller in the queue was handed a document that is not for queues"),
        }
    }

    fn poll(&mut self, call: usize) {
        self.turn_caller(call, Place::QueueAsking);
        self.ask(Listener::Caller(call), Signal::WaitPolled);
    }

    pub(super) fn step_caller(&mut self, call: usize, step: &Step) {
        match step {
            Step::WordsOver | Step::WaitOver => self.poll(call),
            Step::WordsBeforeDialOver { dial } => self.ring_together(call, dial),
            Step::PromptOver => match self.callers.get(call).map(|caller| caller.place) {
                Some(Place::Code { in_queue }) => self.code_over(call, in_queue),
                Some(Place::Switch { in_queue }) => self.switch_over(call, in_queue),
                _ => self.prompt_over(call, None),
            },
            Step::Presses { key: '*' } if self.callers.get(call).is_some_and(|it| it.place == Place::Queue) => {
                self.press_star(call);
            }
            Step::Presses { key } => self.prompt_over(call, Some(*key)),
            Step::ToneSounds => {
                let since = self.now;
                self.turn_caller(call, Place::Recording { since });
                let speaks = if self.chance.hits(250) { 0 } else { self.chance.between(1_000, 60_000) };
                self.caller_later(call, speaks + 500, Step::MessageOver);
            }
            Step::MessageOver => self.message_over(call),
            Step::Said => self.caller_gone(call),
            Step::DialOver => {
                if let Some(Place::Dial { round }) = self.callers.get(call).map(|caller| caller.place) {
                    self.stop_round(call, round, None, true);
                    self.end_dial_if_over(call, round);
                }
            }
            Step::LeavesQueue
            | Step::TalkOver { .. }
            | Step::Rings
            | Step::PicksUp { .. }
            | Step::TurnsAway { .. }
            | Step::RangOut
            | Step::HangsUp => {}
        }
    }

    fn caller_enters(&mut self, call: usize) {
        self.turn_caller(call, Place::Room);
        // The address for the room's news names the leg whose claim it was.
        let claim = self.shelf.find(call).and_then(|call| call.stage.holder());
        if let Some(caller) = self.callers.get_mut(call) {
            caller.claim = claim;
        }
        self.callback(call, Signal::RoomEntered { who: Party::Caller, claim });
        let inside = self.whom_caller_meets(call);
        if let Some(line) = inside {
            self.judge_not_alone(line);
            self.begin_talk(call, line);
        } else {
            let now = self.now;
            if let Some(caller) = self.callers.get_mut(call) {
                caller.alone_since = Some(now);
            }
        }
    }

    /// The leg in the room where the caller is.
    pub(super) fn whom_caller_meets(&self, call: usize) -> Option<usize> {
        let caller = self.callers.get(call).filter(|caller| caller.place == Place::Room)?;
        self.line_in_room(call, caller.claim?)
    }

    /// The leg in the room of its claim, if it is there.
    pub(super) fn line_in_room(&self, call: usize, claim: u32) -> Option<usize> {
        let is_of_claim = |number: &&usize| self.lines.get(**number).is_some_and(|line| line.leg == claim);
        self.callers.get(call)?.room.iter().find(is_of_claim).copied()
    }

    fn tell_caller_left_room(&mut self, call: usize) {
        let claim = self.callers.get(call).and_then(|caller| caller.claim);
        self.callback(call, Signal::RoomLeft { who: Party::Caller, claim });
    }

    /// The agent left the room, which ends it: the caller comes out.
    pub(super) fn send_caller_out(&mut self, call: usize, leg: u32) {
        if self.callers.get(call).is_some_and(|caller| caller.place == Place::Room && caller.claim == Some(leg)) {
            self.tell_caller_left_room(call);
            self.ask_caller_anew(call, Signal::CallerAsks { at: CallerDoor::Room });
        }
    }

    /// Takes the caller out of wherever they are, to the join document; false if they are not connected.
    pub(super) fn redirect_caller(&mut self, call: usize) -> bool {
        let Some(place) = self.callers.get(call).map(|caller| caller.place) else { return false };
        if place == Place::Gone {
            return false;
        }
        if self.ladder_of == Some(call) {
            self.rung(&format!("  carrier: fetched out of {place:?}"));
        }
        if let Some(caller) = self.callers.get_mut(call) {
            caller.torn = place == Place::Words;
        }
        self.leave_place(call, place);
        let in_queue = matches!(
            place,
            Place::Queue | Place::QueueAsking | Place::Code { in_queue: true } | Place::Switch { in_queue: true }
        );
        if in_queue && self.chance.hits(300) {
            // The queue's action may be requested all the same; its answer is ignored, as the caller is elsewhere.
            self.ask(Listener::Caller(call), Signal::CallerAsks { at: CallerDoor::Queue });
        }
        self.ask_caller_anew(call, Signal::CallerAsks { at: CallerDoor::Join });
        true
    }

    fn leave_place(&mut self, call: usize, place: Place) {
        match place {
            Place::Dial { round } => {
                self.turn_caller(call, Place::Asking);
                self.stop_round(call, round, None, false);
            }
            Place::Bridged { line, .. } => {
                self.judge_parted(call, line);
                self.turn_caller(call, Place::Asking);
                self.end_line(line, crate::call::signal::LegOutcome::Completed, true);
            }
            Place::Room => {
                self.turn_caller(call, Place::Asking);
                self.tell_caller_left_room(call);
                self.send_lines_out(call);
            }
            Place::Recording { since } => {
                self.stop_recording(call, since);
            }
            Place::Outside { .. } => {
                self.cut_outside(call);
            }
            Place::Asking
            | Place::Prompt { .. }
            | Place::Code { .. }
            | Place::Switch { .. }
            | Place::Words
            | Place::Queue
            | Place::QueueAsking
            | Place::Greeting
            | Place::Hearing
            | Place::Gone => {}
        }
    }

    /// The caller's connection ends, wherever they are.
    pub(super) fn caller_gone(&mut self, call: usize) {
        let Some(caller) = self.callers.get_mut(call) else { return };
        if caller.place == Place::Gone {
            return;
        }
        let place = caller.place;
        caller.place = Place::Gone;
        caller.epoch += 1;
        caller.gone_at = Some(self.now);
        if self.ladder_of == Some(call) {
            self.rung(&format!("  carrier: the caller hangs up, from {place:?}"));
        }
        self.judge_caller_not_alone(call);
        match place {
            Place::Recording { since } => {
                let (recording, seconds) = self.stop_recording(call, since);
                if self.chance.hits(700) {
                    // The action is requested though nobody listens any more.
                    self.ask(Listener::Caller(call), Signal::VoicemailTaken { recording, seconds });
                }
            }
            Place::Queue | Place::QueueAsking if self.chance.hits(500) => self.callback(call, Signal::CallerGone),
            Place::Dial { round } => {
                self.stop_round(call, round, None, false);
                if self.chance.hits(500) {
                    self.ask(Listener::Caller(call), Signal::DialEnded { round, bridged: false });
                }
            }
            Place::Bridged { line, round } => {
                self.judge_parted(call, line);
                self.end_bridged(line);
                if self.chance.hits(500) {
                    self.ask(Listener::Caller(call), Signal::DialEnded { round, bridged: true });
                }
            }
            Place::Room => {
                self.tell_caller_left_room(call);
                self.send_lines_out(call);
            }
            Place::Outside { attempt } => {
                let bridged = self.cut_outside(call);
                if bridged && self.chance.hits(500) {
                    self.ask(Listener::Caller(call), Signal::LineEnded { attempt, bridged });
                }
            }
            Place::Asking
            | Place::Prompt { .. }
            | Place::Code { .. }
            | Place::Switch { .. }
            | Place::Words
            | Place::Queue
            | Place::QueueAsking
            | Place::Greeting
            | Place::Hearing
            | Place::Gone => {}
        }
        self.callback(call, Signal::CallerGone);
    }

    fn end_bridged(&mut self, line: usize) {
        self.end_line(line, crate::call::signal::LegOutcome::Completed, true);
    }

    /// A caller who has waited long enough hangs up; one who talks does so when the talk is over.
    pub(super) fn lose_patience(&mut self, call: usize) {
        let talks = self.callers.get(call).is_some_and(|caller| match caller.place {
            Place::Bridged { .. } => true,
            Place::Room => self.whom_caller_meets(call).is_some(),
            Place::Outside { .. } => self.talks_outside(call),
            _ => false,
        });
        if !talks {
            self.caller_gone(call);
        }
    }

    pub(super) fn want_recorder(&mut self, call: usize) {
        let Some(caller) = self.callers.get(call) else { return };
        let key = self.rules.find_brand(&caller.brand).and_then(|brand| brand.voicemail.key);
        if let (Place::Queue, Some(key)) = (caller.place, key) {
            self.turn_caller(call, Place::QueueAsking);
            self.ask(Listener::Caller(call), Signal::CallerPressed { key });
        }
    }

    /// The caller's document could not be had: the carrier takes its own way.
    pub(super) fn caller_fails(&mut self, call: usize, signal: &Signal, is_second: bool) {
        let in_queue = matches!(signal, Signal::WaitPolled | Signal::CallerPressed { .. });
        if in_queue {
            return self.ask_caller_anew(call, Signal::CallerAsks { at: CallerDoor::Queue });
        }
        let is_code = matches!(signal, Signal::CodeTried { .. } | Signal::SwitchChosen { .. });
        if is_code && self.callers.get(call).is_some_and(|caller| caller.place == Place::QueueAsking) {
            // Ringback, and the queue asks again by itself.
            return self.poll(call);
        }
        if is_second {
            self.judge_dropped(call);
            return self.caller_gone(call);
        }
        let next = if self.shelf.find(call).is_some() {
            Signal::CallerAsks { at: CallerDoor::Elsewhere }
        } else {
            Signal::Arrived
        };
        self.turn_caller(call, Place::Asking);
        let epoch = self.callers.get(call).map_or(0, |caller| caller.epoch);
        let at = self.now + self.chance.between(15, 90);
        self.agenda.put(at, Happening::Asked { who: Listener::Caller(call), epoch, signal: next, is_second: true });
    }
}
