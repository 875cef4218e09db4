//! Runs documents: fetches them, judges them, and does verb after verb.

use super::call::{By, Call, Direction, Doing, Frame, Place, Status};
use super::engine::{Engine, Timer};
use super::journal::What;
use super::numbers::{Params, add};
use super::schema::{Context, Fault};
use super::switches::{FailedScreen, FallbackCovers, UnfetchablePlay};
use super::twiml::{self, Verb};
use super::wire::{Exchange, Method, Outcome, Purpose, Target};

/// What Twilio says when a document fails and there is no other.
const APPLICATION_ERROR: &str = "We are sorry, an application error has occurred. Goodbye.";

/// Milliseconds it takes to say one character, pauses included: some 150 words a minute.
const MS_PER_CHARACTER: u64 = 65;

/// Whether the next verb may follow at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Then {
    Next,
    Wait,
}

pub(super) fn speech_ms(text: &str) -> u64 {
    u64::try_from(text.chars().count())
        .unwrap_or(u64::MAX / 1000)
        .saturating_mul(MS_PER_CHARACTER)
        .max(1000)
}

impl Engine {
    /// Asks for a document for a leg; everything it was doing before is void.
    pub(super) fn fetch(
        &mut self,
        sid: &str,
        target: Target,
        context: Context,
        extra: Params,
        kind: &'static str,
    ) {
        self.fetch_as(sid, target, context, extra, kind, false);
    }

    fn fetch_as(
        &mut self,
        sid: &str,
        target: Target,
        context: Context,
        extra: Params,
        kind: &'static str,
        fallback: bool,
    ) {
        let epoch = self.turn(sid, Doing::Fetching);
        let Some(call) = self.calls.get(sid) else {
            return;
        };
        let mut params = self.common(call);
        if let (Some(answered_by), false, 0) =
            (call.amd.answered_by, call.amd.asynchronous, call.documents)
        {
            add(&mut params, "AnsweredBy", answered_by);
            add(&mut params, "MachineDetectionDuration", "2310");
        }
        params.extend(extra);
        self.request(
            kind,
            target,
            params,
            Purpose::Document {
                call: sid.to_owned(),
                epoch,
                context,
                fallback,
            },
        );
    }

    /// Asks for a document whose reply is not run, since the call is over.
    pub(super) fn fetch_ignored(
        &mut self,
        sid: &str,
        target: Target,
        extra: Params,
        kind: &'static str,
    ) {
        let Some(call) = self.calls.get(sid) else {
            return;
        };
        let mut params = self.common(call);
        params.extend(extra);
        self.request(
            kind,
            target,
            params,
            Purpose::Ignored {
                context: Context::Call,
            },
        );
    }

    /// Runs the document of the `Twiml` parameter.
    pub(super) fn run_inline(&mut self, sid: &str, text: &str) {
        self.turn(sid, Doing::Nothing);
        self.keep_document(sid, Context::Call, "Twiml", text);
        match twiml::read(text, "", Context::Call, true) {
            Ok(verbs) => self.run_frame(
                sid,
                Frame {
                    verbs,
                    context: Context::Call,
                    fresh: true,
                },
            ),
            Err(faults) => self.document_failed(sid, Context::Call, "Twiml", &faults, false),
        }
    }

    fn run_frame(&mut self, sid: &str, frame: Frame) {
        if let Some(call) = self.calls.get_mut(sid) {
            call.documents = call.documents.saturating_add(1);
            call.frame = frame;
            call.doing = Doing::Nothing;
        }
        self.run(sid);
    }

    /// Brings a reply back.
    pub(super) fn apply(&mut self, exchange: &Exchange, outcome: Outcome) {
        let url = exchange
            .target
            .url
            .split('#')
            .next()
            .unwrap_or_default()
            .to_owned();
        match &exchange.purpose {
            Purpose::News => self.judge_news_reply(&url, &outcome),
            Purpose::Ignored { context } => {
                if let Ok(reply) = outcome {
                    let body = String::from_utf8_lossy(&reply.body).into_owned();
                    if !body.trim().is_empty() {
                        self.keep_document("", *context, &url, &body);
                        if let Err(faults) = twiml::read(&body, &url, *context, false) {
                            self.violate_all(&url, &faults);
                        }
                    }
                }
            }
            Purpose::Sound { call, epoch, loops } => {
                self.sound_arrived(call, *epoch, *loops, &url, outcome)
            }
            Purpose::Document {
                call,
                epoch,
                context,
                fallback,
            } => {
                self.document_arrived(call, *epoch, *context, &url, outcome, *fallback);
            }
        }
        self.changed();
    }

    fn judge_news_reply(&mut self, url: &str, outcome: &Outcome) {
        if let Ok(reply) = outcome
            && (200..300).contains(&reply.status)
            && !reply.body.is_empty()
        {
            let body = String::from_utf8_lossy(&reply.body);
            let is_empty_response = roxmltree::Document::parse(&body).is_ok_and(|xml| {
                xml.root_element().tag_name().name() == "Response"
                    && !xml.root_element().has_children()
            });
            if !is_empty_response {
                self.violate(12200, format!("the reply to the status callback {url} holds more than an empty <Response/>"));
            }
        }
    }

    fn violate_all(&mut self, url: &str, faults: &[Fault]) {
        for fault in faults {
            self.violate(fault.code, format!("{}: {}", url, fault.message));
        }
    }

    fn document_arrived(
        &mut self,
        sid: &str,
        epoch: u64,
        context: Context,
        url: &str,
        outcome: Outcome,
        fallback: bool,
    ) {
        let faults = match outcome {
            Err(failure) => vec![Fault::new(failure.code, failure.message)],
            Ok(reply) if !(200..300).contains(&reply.status) => {
                vec![Fault::new(11200, format!("HTTP status {}", reply.status))]
            }
            Ok(reply) => {
                let kind = reply
                    .content_type
                    .split(';')
                    .next()
                    .unwrap_or_default()
                    .trim()
                    .to_ascii_lowercase();
                let body = String::from_utf8_lossy(&reply.body).into_owned();
                if matches!(kind.as_str(), "text/xml" | "application/xml" | "text/html") {
                    self.keep_document(sid, context, url, &body);
                    match twiml::read(&body, url, context, false) {
                        Ok(verbs) => {
                            if self
                                .calls
                                .get(sid)
                                .is_some_and(|call| call.is_live() && call.epoch == epoch)
                            {
                                let frame = Frame {
                                    verbs,
                                    context,
                                    fresh: true,
                                };
                                self.run_frame(sid, frame);
                            }
                            return;
                        }
                        Err(faults) => faults,
                    }
                } else {
                    vec![Fault::new(12300, format!("the content type is {kind:?}"))]
                }
            }
        };
        if self
            .calls
            .get(sid)
            .is_some_and(|call| call.is_live() && call.epoch == epoch)
        {
            self.document_failed(sid, context, url, &faults, fallback);
        } else {
            self.violate_all(url, &faults);
        }
    }

    /// A document could not be had or run (contract 4.1, 14.4, 14.7).
    pub(super) fn document_failed(
        &mut self,
        sid: &str,
        context: Context,
        url: &str,
        faults: &[Fault],
        was_fallback: bool,
    ) {
        self.violate_all(url, faults);
        let Some(call) = self.calls.get(sid) else {
            return;
        };
        let covered = match context {
            Context::Call => {
                self.switches.fallback_covers == FallbackCovers::All || call.documents == 0
            }
            Context::Screen => self.switches.failed_screen == FailedScreen::Fallback,
            Context::EnqueueWait | Context::ConferenceWait | Context::QueueUrl => false,
        };
        let fallback = call.fallback.clone().filter(|_| covered && !was_fallback);
        if let (Some(target), Some(fault)) = (fallback, faults.first()) {
            let mut extra = Params::new();
            add(&mut extra, "ErrorCode", fault.code.to_string());
            add(&mut extra, "ErrorUrl", url);
            // A fallback never leads to bridging: it runs as the leg's own document, and the leg ends with it.
            self.fetch_as(
                sid,
                target,
                Context::Call,
                extra,
                "voice-fallback-request",
                true,
            );
            return;
        }
        match context {
            Context::Call => {
                self.set_answered_if_inbound(sid);
                self.hear(sid, "say", APPLICATION_ERROR);
                self.end(sid, Status::Completed, By::Exchange);
            }
            Context::Screen => self.end(sid, Status::Completed, By::Exchange),
            Context::EnqueueWait => self.leave_queue(sid, "error"),
            Context::ConferenceWait => self.leave_room(sid, "participant_add_failed"),
            Context::QueueUrl => self.leave_queue(sid, "error"),
        }
    }

    fn set_answered_if_inbound(&mut self, sid: &str) {
        if self
            .calls
            .get(sid)
            .is_some_and(|call| call.direction == Direction::Inbound && !call.is_answered())
        {
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
            Verb::Gather(gather) => self.gather(sid, gather),
            Verb::Record(record) => self.record(sid, record),
            Verb::Dial(dial) => self.dial(sid, dial),
            Verb::Enqueue(enqueue) => self.enqueue(sid, enqueue),
            Verb::StartRecording(wishes) => {
                self.start_call_recording(sid, "StartCallRecordingTwiML", wishes);
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
                let context = self
                    .calls
                    .get(sid)
                    .map_or(Context::Call, |call| call.frame.context);
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
        self.after_ms(
            millis,
            Timer::Step {
                call: sid.to_owned(),
                epoch,
            },
        );
        Then::Wait
    }

    pub(super) fn fetch_sound(&mut self, sid: &str, url: String, loops: u64) {
        let gathering = self
            .calls
            .get(sid)
            .is_some_and(|call| matches!(call.doing, Doing::Gathering(_)));
        let epoch = if gathering {
            self.calls.get(sid).map_or(0, |call| call.epoch)
        } else {
            self.turn(sid, Doing::Fetching)
        };
        let target = Target {
            url,
            method: Method::Get,
        };
        let purpose = Purpose::Sound {
            call: sid.to_owned(),
            epoch,
            loops,
        };
        self.request("sound", target, Params::new(), purpose);
    }

    fn sound_arrived(&mut self, sid: &str, epoch: u64, loops: u64, url: &str, outcome: Outcome) {
        if !self
            .calls
            .get(sid)
            .is_some_and(|call| call.is_live() && call.epoch == epoch)
        {
            return;
        }
        let problem = match &outcome {
            Err(failure) => Some(failure.message.clone()),
            Ok(reply) if !(200..300).contains(&reply.status) => {
                Some(format!("HTTP status {}", reply.status))
            }
            Ok(reply) if !reply.content_type.starts_with("audio/") => {
                Some(format!("content type {:?}", reply.content_type))
            }
            Ok(_) => None,
        };
        let gathering = self
            .calls
            .get(sid)
            .is_some_and(|call| matches!(call.doing, Doing::Gathering(_)));
        if let Some(problem) = problem {
            self.log(
                sid,
                What::Warning(format!("the sound {url} cannot be played: {problem}")),
            );
            if self.switches.unfetchable_play == UnfetchablePlay::Fallback && !gathering {
                let context = self
                    .calls
                    .get(sid)
                    .map_or(Context::Call, |call| call.frame.context);
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
        let millis = outcome
            .ok()
            .and_then(|reply| super::audio::wav_millis(&reply.body))
            .unwrap_or(3000);
        let millis = millis.saturating_mul(loops);
        if gathering {
            self.after_ms(
                millis,
                Timer::Step {
                    call: sid.to_owned(),
                    epoch,
                },
            );
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
    pub(super) fn come_back(
        &mut self,
        sid: &str,
        action: Option<Target>,
        extra: Params,
        kind: &'static str,
    ) {
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
