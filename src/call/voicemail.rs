//! The fallback path: greeting, tone, recording, and what becomes of it.

use super::effect::Effect;
use super::event::{Ending, Event, LegEnd};
use super::reply::Reply;
use super::state::Stage;
use super::turn::Turn;
use super::words;
use crate::ids::CarrierRef;

/// The carrier's list of recordings is believed at the second look: the first may come before the recording is listed.
const LOOKS_MIN: u32 = 2;

impl Turn<'_> {
    /// Greets and records. Asked again, it offers the recorder again: a caller who stands here has not been recorded.
    pub(super) fn offer_recorder(&mut self) -> Reply {
        if self.call.voicemail.taken_at.is_some() {
            return self.thank();
        }
        self.record(Event::RecorderOffered { greeted: true });
        self.recorder()
    }

    /// The document that greets and records.
    pub(super) fn recorder(&self) -> Reply {
        Reply::TakeVoicemail {
            greeting: self.recorder_greeting(),
            max_length_s: self.brand.voicemail_max_length_s(),
            transcribe: self.brand.voicemail.transcribe,
        }
    }

    /// The recorder let go of the caller.
    pub(super) fn on_voicemail_taken(&mut self, recording: Option<&CarrierRef>, seconds: Option<u32>) -> Reply {
        if let Some(recording) = recording {
            if !self.call.voicemail.named.contains(recording) {
                let seconds = seconds.unwrap_or(0);
                self.record(Event::VoicemailRecorded { recording: recording.clone(), seconds });
            }
            match self.call.stage {
                Stage::Voicemail => self.end(Ending::Voicemail),
                // Recorded by a door that could not reach us.
                Stage::New
                | Stage::Hold
                | Stage::Challenge { .. }
                | Stage::Supervisor
                | Stage::Menu { .. }
                | Stage::Notice { .. }
                | Stage::Line
                | Stage::Message
                | Stage::Waiting => {
                    self.close_open_legs(LegEnd::CallerLeft);
                    self.end(Ending::Voicemail);
                }
                Stage::Claimed { .. } | Stage::Talking { .. } | Stage::Ended => {}
            }
        } else if self.call.may_have_left_several() {
            // Nothing this time; whether an earlier time left a message, the carrier knows.
        } else if self.call.voicemail.recording.is_none() && !self.call.voicemail.absent {
            self.record(Event::RecordingAbsent);
            if self.call.stage == Stage::Voicemail {
                self.end(Ending::Missed);
            }
        }
        self.thank()
    }

    /// Thanks. Whoever was greeted by a safe reply has not heard the brand's promise to call back.
    fn thank(&mut self) -> Reply {
        let is_due = self.call.voicemail.recording.is_some() && !self.call.voicemail.greeted;
        let promise = self.promise_words().filter(|_| is_due);
        self.say_goodbye(words::join([promise.as_deref(), Some(words::THANKS)]))
    }

    pub(super) fn on_recording_ready(&mut self, recording: &CarrierRef, seconds: u32) {
        let is_known = self.call.voicemail.ready && self.call.voicemail.recording.as_ref() == Some(recording);
        if is_known || self.call.voicemail.kept.contains(recording) {
            return;
        }
        self.record(Event::RecordingReady { recording: recording.clone(), seconds });
        self.ask(Effect::FetchRecording { recording: recording.clone() });
        // The recorder's own document may never be asked for; there is a message all the same.
        if self.call.stage == Stage::Voicemail {
            self.end(Ending::Voicemail);
        }
    }

    pub(super) fn on_recording_absent(&mut self, recording: Option<&CarrierRef>) {
        let is_ours = recording.is_none()
            || self.call.voicemail.recording.is_none()
            || self.call.voicemail.recording.as_ref() == recording;
        if !is_ours || self.call.voicemail.ready || self.call.voicemail.absent {
            return;
        }
        if self.call.stage == Stage::Voicemail && self.call.caller_left_at.is_none() {
            // The caller may be recording now: what is absent may be what an earlier offer of the recorder left.
            return;
        }
        let mut named = self.call.voicemail.named.iter();
        let (is_of_list, is_early) = (recording.is_none(), self.call.voicemail.checks < LOOKS_MIN);
        let is_of_several =
            if is_of_list { is_early && named.next().is_some() } else { named.any(|name| Some(name) != recording) };
        let may_be_several = self.call.stage == Stage::Voicemail && self.call.may_have_left_several();
        if is_of_several || (may_be_several && is_early) {
            // One of several is absent; whether another holds a message, the carrier's list tells.
            return;
        }
        self.record(Event::RecordingAbsent);
        if self.call.stage == Stage::Voicemail {
            self.end(Ending::Missed);
        } else if self.call.ending == Some(Ending::Voicemail) {
            // The message was taken and got lost at the carrier: the call must not vanish with it.
            self.ask(Effect::NoteMissed);
        }
    }

    pub(super) fn on_recording_stored(&mut self, recording: &CarrierRef) {
        if self.call.voicemail.kept.contains(recording) {
            return;
        }
        self.record(Event::RecordingStored { recording: recording.clone() });
        self.ask(Effect::PostVoicemail { recording: recording.clone() });
        if self.call.voicemail.transcript.is_some() {
            self.ask(Effect::PostTranscript { recording: recording.clone() });
        }
    }

    pub(super) fn on_transcribed(&mut self, recording: &CarrierRef, text: Option<&str>) {
        let text = text.map(str::trim).filter(|text| !text.is_empty() && *text != "(blank)");
        if self.call.voicemail.transcript.is_some() {
            return;
        }
        self.record(Event::Transcribed { recording: recording.clone(), text: text.map(str::to_owned) });
        // Posted after the voicemail, never instead of it.
        if text.is_some() && self.call.voicemail.stored {
            self.ask(Effect::PostTranscript { recording: recording.clone() });
        }
    }

    /// The caller left before anybody answered; perhaps with a message, taken by a door that could not reach us.
    pub(super) fn end_without_agent(&mut self) {
        if self.call.is_agents {
            return self.end(Ending::Supervisor);
        }
        let has_message = self.call.voicemail.recording.is_some();
        self.end(if has_message { Ending::Voicemail } else { Ending::Abandoned });
    }

    pub(super) fn on_caller_gone_at_recorder(&mut self) {
        if self.call.voicemail.offers == 0 {
            // Never reached the recorder, so there is nothing to wait for.
            self.end(Ending::Missed);
        }
    }
}
