//! Effects on their way: rows in lanes, delivered at least once, and what the neighbours say to them.

use std::collections::{HashMap, HashSet, VecDeque};

use super::agenda::Happening;
use super::callers::{Place, Recording};
use super::lines::{Line, LineState};
use super::world::World;
use super::{Arbiter, Ms};
use crate::call::effect::{Effect, Neighbour};
use crate::call::signal::{LegOutcome, Signal};
use crate::call::state::{Call, CallerAt, LegProgress};
use crate::ids::CarrierRef;

/// A lease of a dead replica runs out after so long, as the outbox's does. A single process that begins again is faster:
/// it ends at once the leases that it left.
fn lease_ms(effect: &Effect) -> Ms {
    match effect.neighbour() {
        Neighbour::Carrier | Neighbour::Recordings => 30_000,
        Neighbour::Inbox => 90_000,
    }
}

/// What came of a delivery, known some time later.
#[derive(Debug)]
pub(super) struct Outcome {
    signals: Vec<Signal>,
    /// Delivered again after so long.
    again: Option<Ms>,
}

struct Row {
    call: usize,
    effect: Effect,
    key: String,
    tries: u32,
}

#[derive(Default)]
pub(super) struct Outbox {
    names: HashMap<String, usize>,
    lanes: Vec<VecDeque<Row>>,
    keys: HashSet<String>,
    rings: u32,
    /// What Chatwoot holds, by source key, with how often.
    pub(super) posts: HashMap<String, u32>,
    pub(super) pending: Vec<u32>,
}

impl Outbox {
    pub(super) fn rings_pending(&self) -> u32 {
        self.rings
    }

    /// Rows of a call that are not delivered.
    pub(super) fn pending_of(&self, call: usize) -> u32 {
        self.pending.get(call).copied().unwrap_or(0)
    }
}

fn done(signals: Vec<Signal>) -> Outcome {
    Outcome { signals, again: None }
}

fn again(after: Ms) -> Outcome {
    Outcome { signals: Vec::new(), again: Some(after) }
}

impl World {
    /// Saves an effect with its decision; one that exists under its key is left as it is.
    pub(super) fn enqueue(&mut self, call: usize, effect: &Effect, state: &Call) {
        if self.options.arbiter == Arbiter::LosesEffects && self.chance.hits(20) {
            return;
        }
        let key = effect.key(state.id);
        if !self.outbox.keys.insert(key.clone()) {
            return;
        }
        let fresh = self.outbox.lanes.len();
        let lane = *self.outbox.names.entry(effect.lane(state)).or_insert(fresh);
        if lane == fresh {
            self.outbox.lanes.push(VecDeque::new());
        }
        if matches!(effect, Effect::RingAgent { .. }) {
            self.outbox.rings += 1;
        }
        while self.outbox.pending.len() <= call {
            self.outbox.pending.push(0);
        }
        if let Some(count) = self.outbox.pending.get_mut(call) {
            *count += 1;
        }
        let Some(rows) = self.outbox.lanes.get_mut(lane) else { return };
        rows.push_back(Row { call, effect: effect.clone(), key, tries: 0 });
        if rows.len() == 1 {
            let at = self.now + self.chance.between(1, 15);
            self.agenda.put(at, Happening::Delivers { lane });
        }
    }

    /// The first row of a lane is delivered.
    pub(super) fn deliver(&mut self, lane: usize) {
        let Some(row) = self.outbox.lanes.get_mut(lane).and_then(VecDeque::front_mut) else { return };
        row.tries += 1;
        let (call, effect, tries) = (row.call, row.effect.clone(), row.tries);
        if self.is_at_rest() {
            // Rows cannot be read before the store and a worker are back.
            let back = self.service_down_until.max(self.store_down_until);
            self.trouble(call, back - self.now);
            self.agenda.put(back, Happening::Delivers { lane });
            return;
        }
        if self.chance.hits(self.faults.dies_in_delivery) {
            // Dies before it asks: the row's lease has to run out.
            self.trouble(call, lease_ms(&effect));
            self.agenda.put(self.now + lease_ms(&effect), Happening::Delivers { lane });
            return;
        }
        let outcome = self.carry_out(call, &effect, tries);
        if self.chance.hits(self.faults.dies_in_delivery) {
            // Dies before it can write down what came of it: delivered again.
            self.trouble(call, lease_ms(&effect));
            self.agenda.put(self.now + lease_ms(&effect), Happening::Delivers { lane });
            return;
        }
        if self.ladder_of == Some(call) {
            self.rung(&format!("  delivered {effect:?}: {outcome:?}"));
        }
        let at = self.now + self.chance.between(60, 350);
        self.agenda.put(at, Happening::Settles { lane, outcome });
    }

    /// What came of it is known.
    pub(super) fn settle(&mut self, lane: usize, outcome: Outcome) {
        if self.is_at_rest() {
            // What came of it could not be written down: delivered again.
            let Some(row) = self.outbox.lanes.get(lane).and_then(VecDeque::front) else { return };
            let (call, lease) = (row.call, lease_ms(&row.effect));
            self.trouble(call, lease);
            self.agenda.put(self.now + lease, Happening::Delivers { lane });
            return;
        }
        if let Some(pause) = outcome.again {
            self.agenda.put(self.now + pause, Happening::Delivers { lane });
            return;
        }
        let Some(rows) = self.outbox.lanes.get_mut(lane) else { return };
        let Some(row) = rows.pop_front() else { return };
        let more = !rows.is_empty();
        if matches!(row.effect, Effect::RingAgent { .. }) {
            self.outbox.rings = self.outbox.rings.saturating_sub(1);
        }
        if let Some(count) = self.outbox.pending.get_mut(row.call) {
            *count = count.saturating_sub(1);
        }
        for signal in outcome.signals {
            self.decide_and_save(row.call, &signal);
        }
        if more {
            self.agenda.put(self.now + 1, Happening::Delivers { lane });
        }
    }

    fn carry_out(&mut self, call: usize, effect: &Effect, tries: u32) -> Outcome {
        match effect {
            Effect::NoteArrival
            | Effect::AssignOwner
            | Effect::NoteEnd
            | Effect::NoteMissed
            | Effect::TextCaller
            | Effect::NoteText
            | Effect::NotePaused { .. }
            | Effect::NoteSpared { .. }
            | Effect::RemoveTwins { .. }
            | Effect::PostVoicemail { .. }
            | Effect::PostTranscript { .. } => self.post(call, effect),
            Effect::RingAgent { leg } => self.ring_agent(call, *leg),
            _ if !self.rest_answers() => {
                self.trouble(call, 10_000);
                match effect {
                    Effect::FetchCaller { .. } => self.fetch_caller(call, false),
                    Effect::CheckRoom { .. } if tries >= 3 => done(Vec::new()),
                    _ => again(1_000 * Ms::from(tries.min(10))),
                }
            }
            Effect::CancelLeg { leg } => self.cancel_leg(call, *leg, false),
            Effect::DropLeg { leg } => self.cancel_leg(call, *leg, true),
            Effect::TellCallerGone { leg } => self.tell_caller_gone(call, *leg),
            Effect::FetchCaller { .. } => self.fetch_caller(call, true),
            Effect::DropCaller => {
                self.judge_caller_dropped(call);
                self.caller_gone(call);
                done(Vec::new())
            }
            Effect::CheckLeg { leg, .. } => self.check_leg(call, *leg),
            Effect::CheckCaller { .. } => {
                let connected = self.callers.get(call).is_some_and(|caller| caller.place != Place::Gone);
                done(vec![Signal::CallerChecked { connected }])
            }
            Effect::CheckRoom { .. } => {
                let Some(claimed) = self.shelf.find(call).and_then(|call| call.stage.holder()) else {
                    return done(Vec::new());
                };
                let caller = self.callers.get(call);
                let caller_in =
                    caller.is_some_and(|caller| caller.place == Place::Room && caller.claim == Some(claimed));
                let leg_in = self.line_in_room(call, claimed).is_some();
                done(vec![Signal::RoomChecked { caller_in, leg_in }])
            }
            Effect::FindRecordings { .. } => self.find_recordings(call),
            Effect::FetchRecording { recording } => {
                done(vec![Signal::RecordingStored { recording: recording.clone() }])
            }
        }
    }

    fn post(&mut self, call: usize, effect: &Effect) -> Outcome {
        if self.now < self.inbox_down_until {
            return again(self.chance.between(1_000, 30_000));
        }
        let key = self.shelf.find(call).map(|state| effect.key(state.id)).unwrap_or_default();
        let is_lost = self.chance.hits(self.faults.inbox_reply_lost);
        let known = self.outbox.posts.contains_key(&key);
        if !known || self.options.arbiter == Arbiter::PostsTwice {
            *self.outbox.posts.entry(key).or_insert(0) += 1;
        }
        if is_lost { again(2_000) } else { done(Vec::new()) }
    }

    /// Whether REST answers now; remembered as the circuit does.
    fn rest_answers(&mut self) -> bool {
        let down = self.now < self.rest_down_until || self.chance.hits(self.faults.rest_fails);
        if down {
            self.rest_failures += 1;
            self.rest_failed_at = self.now;
        } else {
            self.rest_failures = 0;
        }
        !down
    }

    fn ring_agent(&mut self, call: usize, leg: u32) -> Outcome {
        let Some(state) = self.shelf.find(call).and_then(|state| state.find_leg(leg)).cloned() else {
            return done(Vec::new());
        };
        if let Some(line) = self.find_line(call, leg) {
            // Tried before with a result nobody knows: it is there.
            let carrier_ref =
                self.lines.get(line).map_or_else(|| CarrierRef::new("?"), |line| line.carrier_ref.clone());
            return done(vec![Signal::LegPlaced { leg, carrier_ref }]);
        }
        let left = (state.give_up_at - self.clock()).num_milliseconds();
        if state.end.is_some() || left <= 0 {
            return done(vec![Signal::LegRefused { leg, unreachable: false }]);
        }
        if self.now < self.pace_free_at {
            return again(self.pace_free_at - self.now);
        }
        if !self.rest_answers() {
            self.trouble(call, 40_000);
            if self.chance.hits(200) {
                // No answer came; the carrier may have taken it.
                if self.chance.hits(500) {
                    self.place_line(call, leg, &state.agent, state.round, left);
                }
                return done(Vec::new());
            }
            return again(1_000);
        }
        self.pace_free_at = self.now + self.pace_ms;
        if self.chance.hits(self.faults.rest_refuses) {
            return done(vec![Signal::LegRefused { leg, unreachable: self.chance.hits(300) }]);
        }
        let carrier_ref = self.place_line(call, leg, &state.agent, state.round, left);
        if self.chance.hits(self.faults.rest_unknown) {
            self.trouble(call, 60_000);
            return done(Vec::new());
        }
        done(vec![Signal::LegPlaced { leg, carrier_ref }])
    }

    fn cancel_leg(&mut self, call: usize, leg: u32, even_answered: bool) -> Outcome {
        let Some(number) = self.find_line(call, leg) else {
            return done(vec![Signal::LegFinished { leg, outcome: LegOutcome::Failed }]);
        };
        match self.lines.get(number).map(|line| line.state) {
            Some(LineState::Queued) => {
                self.end_line(number, LegOutcome::Canceled, false);
                done(vec![Signal::LegFinished { leg, outcome: LegOutcome::Canceled }])
            }
            Some(LineState::Dialling | LineState::Ringing) => {
                let outcome = if self.chance.hits(500) { LegOutcome::Canceled } else { LegOutcome::Completed };
                self.end_line(number, outcome, true);
                done(Vec::new())
            }
            Some(
                LineState::Asking | LineState::Prompted | LineState::Room | LineState::Bridged | LineState::Hearing,
            ) if even_answered => {
                self.end_line(number, LegOutcome::Completed, true);
                done(Vec::new())
            }
            _ => done(Vec::new()),
        }
    }

    fn tell_caller_gone(&mut self, call: usize, leg: u32) -> Outcome {
        if let Some(number) = self.find_line(call, leg)
            && self.lines.get(number).is_some_and(Line::is_answered)
        {
            self.leave_room_quietly(number);
            self.let_line_hear(number);
        }
        done(Vec::new())
    }

    fn fetch_caller(&mut self, call: usize, works: bool) -> Outcome {
        let now = self.clock();
        self.decide_and_save(call, &Signal::FetchBegins);
        let may = self.shelf.find(call).is_some_and(|state| state.caller_at == CallerAt::BeingFetched { since: now });
        if !may {
            return done(Vec::new());
        }
        if works && self.redirect_caller(call) {
            // Done, and now and then nobody hears that it was.
            let is_known = !self.chance.hits(self.faults.rest_unknown);
            return done(if is_known { Vec::new() } else { vec![Signal::FetchFailed] });
        }
        done(vec![Signal::FetchFailed])
    }

    fn check_leg(&mut self, call: usize, leg: u32) -> Outcome {
        let Some(number) = self.find_line(call, leg) else {
            return done(vec![Signal::LegFinished { leg, outcome: LegOutcome::Failed }]);
        };
        let Some(line) = self.lines.get(number) else { return done(Vec::new()) };
        let carrier_ref = line.carrier_ref.clone();
        match line.state {
            LineState::Done(outcome) => done(vec![Signal::LegFinished { leg, outcome }]),
            LineState::Queued | LineState::Dialling => done(vec![Signal::LegPlaced { leg, carrier_ref }]),
            LineState::Ringing => done(vec![Signal::LegRings { leg, carrier_ref: Some(carrier_ref) }]),
            LineState::Asking | LineState::Prompted | LineState::Room | LineState::Bridged | LineState::Hearing => {
                let state = self.shelf.find(call);
                let is_over = state.is_some_and(|call| {
                    call.has_ended()
                        || call
                            .find_leg(leg)
                            .is_some_and(|leg| leg.end.is_some() && leg.progress != LegProgress::InRoom)
                });
                if is_over {
                    self.end_line(number, LegOutcome::Completed, true);
                }
                done(Vec::new())
            }
        }
    }

    fn find_recordings(&mut self, call: usize) -> Outcome {
        let found: Vec<_> = self.recordings.iter().filter(|recording| recording.call == call).collect();
        if found.is_empty() {
            return done(vec![Signal::RecordingAbsent { recording: None }]);
        }
        let tell = |one: &Recording| {
            let (recording, seconds) = (one.name.clone(), one.seconds);
            if one.ready {
                Signal::RecordingReady { recording, seconds }
            } else {
                Signal::VoicemailTaken { recording: Some(recording), seconds: None }
            }
        };
        done(found.into_iter().map(tell).collect())
    }

    /// What stands in the outbox at the end, for the judge.
    pub(super) fn first_undelivered(&self) -> Option<(usize, String)> {
        self.outbox.lanes.iter().flatten().next().map(|row| (row.call, row.key.clone()))
    }
}
