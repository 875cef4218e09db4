//! Runs documents: does verb after verb.

use super::call::{By, Call, Direction, Doing, Place, Status};
use super::engine::{Engine, Timer};
use super::journal::What;
use super::numbers::Params;
use super::schema::{Context, Fault};
use super::switches::UnfetchablePlay;
use super::twiml::Verb;
use super::wire::{Method, Outcome, Purpose, Target};

/// Milliseconds it takes to say one character, pauses included: some 150 words a minute.
const MS_PER_CHARACTER: u64 = 65;

/// Whether the next verb may follow at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Then {
    Next,
    Wait,
}

pub(super) fn speech_ms(text: &str) -> u64 {
    u64::try_from(text.chars().count()).unwrap_or(u64::MAX / 1000).saturating_mul(MS_PER_CHARACTER).max(1000)
}

impl Engine {
    pub(super) fn set_answered_if_inbound(&mut self, sid: &str) {
        if self.calls.get(sid).is_some_and(|call| call.direction == Direction::Inbound && !call.is_answered()) {
            self.set_answered(sid);
        }
    }

    /// Does verb after verb until one takes time.
    pub(super) fn run(&mut self, sid: &str) {
        loop {
            let Some(call) = self.calls.get_mut(sid) else {
                return;
            };
            if !call.is_live() || !matches!(call.doing, Doing::Nothing) {
                return;
            }
            let first = std::mem::replace(&mut call.frame.fresh, false) && call.documents <= 1;
            let Some(verb) = call.frame.verbs.pop_front() else {
                self.ran_out(sid);
                return;
            };
            self.answer_for(sid, &verb, first);
            if self.execute(sid, verb) == Then::Wait {
                return;
            }
        }
    }

    /// An inbound call is answered by its first verb, save for the three that keep it ringing (contract 2.2).
    fn answer_for(&mut self, sid: &str, verb: &Verb, first: bool) {
        let keeps_ringing = match verb {
            Verb::Reject { .. } => true,
            Verb::Dial(dial) => first && dial.answer_on_bridge,
            Verb::Pause { .. } => first,
            _ => false,
        };
        if !keeps_ringing {
            self.set_answered_if_inbound(sid);
        }
    }

    fn ran_out(&mut self, sid: &str) {
        let Some(call) = self.calls.get(sid) else {
            return;
        };
        match call.frame.context {
            Context::Call => {
                self.set_answered_if_inbound(sid);
                self.end(sid, Status::Completed, By::Service);
            }
            Context::Screen => self.accept(sid),
            Context::EnqueueWait => self.wait_again(sid),
            Context::ConferenceWait => {
                self.turn(sid, Doing::Playing);
                self.hear(sid, "silence", "waiting alone");
            }
            Context::QueueUrl => self.bridge_queued(sid),
        }
    }

    fn execute(&mut self, sid: &str, verb: Verb) -> Then {
        match verb {
            Verb::Say { text, loops } => {
                self.hear(sid, "say", &text);
                self.play_for(sid, speech_ms(&text).saturating_mul(loops))
            }
            Verb::PlayDigits { digits } => {
                self.hear(sid, "play", &format!("keys {digits}"));
                self.play_for(sid, 1000)
            }
            Verb::Play { url, loops } => {
                self.fetch_sound(sid, url, loops);
                Then::Wait
            }
            Verb::Pause { seconds } => self.play_for(sid, seconds.saturating_mul(1000)),
            Verb::Gather(gather) => self.gather(sid, *gather),
            Verb::Record(record) => self.record(sid, *record),
            Verb::Dial(dial) => self.dial(sid, *dial),
            Verb::Enqueue(enqueue) => self.enqueue(sid, enqueue),
            Verb::StartRecording(wishes) => {
                self.start_call_recording(sid, "StartCallRecordingTwiML", &wishes);
                Then::Next
            }
            Verb::StopRecording => {
                self.stop_recordings_of(sid);
                Then::Next
            }
            Verb::Leave => {
                self.leave_queue(sid, "leave");
                Then::Wait
            }
            Verb::Redirect(target) => {
                let context = self.calls.get(sid).map_or(Context::Call, |call| call.frame.context);
                let (kind, extra) = match context {
                    Context::EnqueueWait => ("enqueue-wait-url", self.wait_params(sid)),
                    Context::ConferenceWait => ("conference-wait-url", Params::new()),
                    Context::QueueUrl => ("queue-url-request", Params::new()),
                    Context::Call | Context::Screen => ("redirect-url-request", Params::new()),
                };
                self.fetch(sid, target, context, extra, kind);
                Then::Wait
            }
            Verb::Hangup => {
                self.hang_up_by_document(sid);
                Then::Wait
            }
            Verb::Reject { busy } => {
                let answered = self.calls.get(sid).is_some_and(Call::is_answered);
                if answered {
                    self.violate(12200, "<Reject> on a call that was answered");
                }
                let status = match (answered, busy) {
                    (true, _) => Status::Completed,
                    (false, true) => Status::Busy,
                    (false, false) => Status::NoAnswer,
                };
                self.end(sid, status, By::Service);
                Then::Wait
            }
        }
    }

    fn hang_up_by_document(&mut self, sid: &str) {
        self.set_answered_if_inbound(sid);
        self.end(sid, Status::Completed, By::Service);
    }

    fn play_for(&mut self, sid: &str, millis: u64) -> Then {
        let epoch = self.turn(sid, Doing::Playing);
        self.after_ms(millis, Timer::Step { call: sid.to_owned(), epoch });
        Then::Wait
    }

    pub(super) fn fetch_sound(&mut self, sid: &str, url: String, loops: u64) {
        let gathering = self.calls.get(sid).is_some_and(|call| matches!(call.doing, Doing::Gathering(_)));
        let epoch =
            if gathering { self.calls.get(sid).map_or(0, |call| call.epoch) } else { self.turn(sid, Doing::Fetching) };
        let target = Target { url, method: Method::Get };
        let purpose = Purpose::Sound { call: sid.to_owned(), epoch, loops };
        self.request("sound", target, Params::new(), purpose);
    }

    pub(super) fn sound_arrived(&mut self, sid: &str, epoch: u64, loops: u64, url: &str, outcome: Outcome) {
        if !self.calls.get(sid).is_some_and(|call| call.is_live() && call.epoch == epoch) {
            return;
        }
        let problem = match &outcome {
            Err(failure) => Some(failure.message.clone()),
            Ok(reply) if !(200..300).contains(&reply.status) => Some(format!("HTTP status {}", reply.status)),
            Ok(reply) if !reply.content_type.starts_with("audio/") => {
                Some(format!("content type {:?}", reply.content_type))
            }
            Ok(_) => None,
        };
        let gathering = self.calls.get(sid).is_some_and(|call| matches!(call.doing, Doing::Gathering(_)));
        if let Some(problem) = problem {
            self.log(sid, What::Warning(format!("the sound {url} cannot be played: {problem}")));
            if self.switches.unfetchable_play == UnfetchablePlay::Fallback && !gathering {
                let context = self.calls.get(sid).map_or(Context::Call, |call| call.frame.context);
                self.document_failed(sid, context, url, &[Fault::new(11200, problem)], false);
            } else if gathering {
                self.step(sid);
            } else {
                if let Some(call) = self.calls.get_mut(sid) {
                    call.doing = Doing::Nothing;
                }
                self.run(sid);
            }
            return;
        }
        self.hear(sid, "play", url);
        // Without a WAV header the length is unknown; three seconds are as good as any.
        let millis = outcome.ok().and_then(|reply| super::audio::wav_millis(&reply.body)).unwrap_or(3000);
        let millis = millis.saturating_mul(loops);
        if gathering {
            self.after_ms(millis, Timer::Step { call: sid.to_owned(), epoch });
        } else {
            self.play_for(sid, millis);
        }
    }

    /// The sound or pause of the current verb is over.
    pub(super) fn step(&mut self, sid: &str) {
        let Some(call) = self.calls.get_mut(sid) else {
            return;
        };
        match call.doing {
            Doing::Gathering(_) => self.next_prompt(sid),
            Doing::Recording(_) => self.beep_over(sid),
            Doing::Playing | Doing::Nothing | Doing::Fetching => {
                call.doing = Doing::Nothing;
                self.run(sid);
            }
        }
    }

    /// A leg comes back from a Dial, a queue or a room: the action takes over, or the next verb.
    pub(super) fn come_back(&mut self, sid: &str, action: Option<Target>, extra: Params, kind: &'static str) {
        let Some(call) = self.calls.get_mut(sid).filter(|call| call.is_live()) else {
            return;
        };
        call.place = Place::Alone;
        if let Some(saved) = call.saved.take() {
            call.frame = saved;
        }
        self.turn(sid, Doing::Nothing);
        match action {
            Some(target) => self.fetch(sid, target, Context::Call, extra, kind),
            None => self.run(sid),
        }
    }
}
