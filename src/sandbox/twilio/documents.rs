//! Fetches documents, judges them, and decides what follows when one fails (contract 4.1, 14.4, 14.7).

use super::call::{By, Doing, Frame, Status};
use super::engine::Engine;
use super::numbers::{Params, add};
use super::schema::{Context, Fault};
use super::switches::{FailedScreen, FallbackCovers};
use super::twiml;
use super::wire::{Exchange, Outcome, Purpose, Target};

/// What Twilio says when a document fails and there is no other.
const APPLICATION_ERROR: &str = "We are sorry, an application error has occurred. Goodbye.";

impl Engine {
    /// Asks for a document for a leg; everything it was doing before is void.
    pub(super) fn fetch(&mut self, sid: &str, target: Target, context: Context, extra: Params, kind: &'static str) {
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
        if let (Some(answered_by), false, 0) = (call.amd.answered_by, call.amd.asynchronous, call.documents) {
            add(&mut params, "AnsweredBy", answered_by);
            add(&mut params, "MachineDetectionDuration", "2310");
        }
        params.extend(extra);
        self.request(kind, target, params, Purpose::Document { call: sid.to_owned(), epoch, context, fallback });
    }

    /// Asks for a document whose reply is not run, since the call is over.
    pub(super) fn fetch_ignored(&mut self, sid: &str, target: Target, extra: Params, kind: &'static str) {
        let Some(call) = self.calls.get(sid) else {
            return;
        };
        let mut params = self.common(call);
        params.extend(extra);
        self.request(kind, target, params, Purpose::Ignored { context: Context::Call });
    }

    /// Runs the document of the `Twiml` parameter.
    pub(super) fn run_inline(&mut self, sid: &str, text: &str) {
        self.turn(sid, Doing::Nothing);
        self.keep_document(sid, Context::Call, "Twiml", text);
        match twiml::read(text, "", Context::Call, true) {
            Ok(verbs) => self.run_frame(sid, Frame { verbs, context: Context::Call, fresh: true }),
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
        let url = exchange.target.url.split('#').next().unwrap_or_default().to_owned();
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
                self.sound_arrived(call, *epoch, *loops, &url, outcome);
            }
            Purpose::Document { call, epoch, context, fallback } => {
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
                xml.root_element().tag_name().name() == "Response" && !xml.root_element().has_children()
            });
            if !is_empty_response {
                self.violate(
                    12200,
                    format!("the reply to the status callback {url} holds more than an empty <Response/>"),
                );
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
                let kind = reply.content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
                let body = String::from_utf8_lossy(&reply.body).into_owned();
                if matches!(kind.as_str(), "text/xml" | "application/xml" | "text/html") {
                    self.keep_document(sid, context, url, &body);
                    match twiml::read(&body, url, context, false) {
                        Ok(verbs) => {
                            if self.calls.get(sid).is_some_and(|call| call.is_live() && call.epoch == epoch) {
                                let frame = Frame { verbs, context, fresh: true };
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
        if self.calls.get(sid).is_some_and(|call| call.is_live() && call.epoch == epoch) {
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
            Context::Call => self.switches.fallback_covers == FallbackCovers::All || call.documents == 0,
            Context::Screen => self.switches.failed_screen == FailedScreen::Fallback,
            Context::EnqueueWait | Context::ConferenceWait | Context::QueueUrl => false,
        };
        let fallback = call.fallback.clone().filter(|_| covered && !was_fallback);
        if let (Some(target), Some(fault)) = (fallback, faults.first()) {
            let mut extra = Params::new();
            add(&mut extra, "ErrorCode", fault.code.to_string());
            add(&mut extra, "ErrorUrl", url);
            // A fallback never leads to bridging: it runs as the leg's own document, and the leg ends with it.
            self.fetch_as(sid, target, Context::Call, extra, "voice-fallback-request", true);
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
}
