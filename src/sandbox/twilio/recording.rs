//! Recordings and their transcripts (contract 5.4, 7, 8).

use super::call::whole_seconds;
use super::engine::{Engine, Instant, Timer};
use super::numbers::{Params, add, rfc2822};
use super::twiml::RecordingWishes;
use super::wire::{Purpose, Target};

/// A recording as the judge sees it.
#[derive(Debug, Clone)]
pub struct RecordingFile {
    /// `RE…`.
    pub sid: String,
    /// The recorded leg; none for a conference.
    pub call_sid: Option<String>,
    /// The recorded conference.
    pub conference_sid: Option<String>,
    /// `RecordVerb`, `DialVerb`, `Conference`, `OutboundAPI`, `StartCallRecordingAPI`, `StartCallRecordingTwiML`.
    pub source: &'static str,
    /// `in-progress`, `paused`, `stopped`, `processing`, `completed`, `absent` or `deleted`.
    pub status: &'static str,
    /// 1 or 2.
    pub channels: u16,
    /// When it began.
    pub started_at: Instant,
    /// Whole seconds, once it is over.
    pub duration_s: i64,
    /// What was said on it.
    pub text: String,
    /// Seconds left out by pauses.
    pub(super) paused_s: i64,
    pub(super) paused_at: Option<Instant>,
    pub(super) track: String,
    pub(super) updated_at: Instant,
    pub(super) callback: Option<Target>,
    pub(super) events: Vec<String>,
    /// Wished for; with the callback, if any.
    pub(super) transcribe: Option<Option<Target>>,
}

#[derive(Debug, Clone)]
pub(super) struct Transcription {
    pub(super) sid: String,
    pub(super) recording: String,
    pub(super) status: &'static str,
    pub(super) text: String,
    pub(super) duration_s: i64,
    pub(super) created_at: Instant,
    pub(super) updated_at: Instant,
    pub(super) callback: Option<Target>,
}

impl Engine {
    pub(super) fn open_recording(
        &mut self,
        call: Option<&str>,
        conference: Option<&str>,
        source: &'static str,
        wishes: &RecordingWishes,
        from: Instant,
    ) -> String {
        let sid = self.fresh_sid("RE");
        self.recordings.push(RecordingFile {
            sid: sid.clone(),
            call_sid: call.map(str::to_owned),
            conference_sid: conference.map(str::to_owned),
            source,
            status: "in-progress",
            channels: wishes.channels.max(1),
            started_at: from,
            duration_s: 0,
            text: String::new(),
            paused_s: 0,
            paused_at: None,
            track: wishes.track.clone(),
            updated_at: self.now,
            callback: wishes.callback.clone(),
            events: wishes.events.clone(),
            transcribe: None,
        });
        self.recording_news(&sid, "in-progress");
        sid
    }

    /// Records a live leg in the background.
    pub(super) fn start_call_recording(
        &mut self,
        call: &str,
        source: &'static str,
        wishes: &RecordingWishes,
    ) -> String {
        let now = self.now;
        self.open_recording(Some(call), None, source, wishes, now)
    }

    pub(super) fn recording_mut(&mut self, sid: &str) -> Option<&mut RecordingFile> {
        self.recordings.iter_mut().find(|file| file.sid == sid)
    }

    fn is_running(file: &RecordingFile) -> bool {
        matches!(file.status, "in-progress" | "paused")
    }

    /// A recording is over; its length is the time it ran.
    pub(super) fn stop_recording(&mut self, sid: &str) {
        let now = self.now;
        let Some(file) = self.recording_mut(sid).filter(|file| Self::is_running(file)) else {
            return;
        };
        let until = file.paused_at.unwrap_or(now);
        let seconds = whole_seconds(until - file.started_at).saturating_sub(file.paused_s).max(0);
        self.finish_recording(sid, seconds, String::new(), None);
    }

    /// Stops what records this leg in the background.
    pub(super) fn stop_recordings_of(&mut self, call: &str) {
        let running: Vec<String> = self
            .recordings
            .iter()
            .filter(|file| {
                Self::is_running(file)
                    && file.call_sid.as_deref() == Some(call)
                    && !matches!(file.source, "RecordVerb" | "DialVerb")
            })
            .map(|file| file.sid.clone())
            .collect();
        for sid in running {
            self.stop_recording(&sid);
        }
    }

    pub(super) fn finish_recording(
        &mut self,
        sid: &str,
        seconds: i64,
        text: String,
        transcribe: Option<Option<Target>>,
    ) {
        let (now, millis) = (self.now, u64::from(self.switches.recording_ready_ms));
        let Some(file) = self.recording_mut(sid).filter(|file| Self::is_running(file)) else {
            return;
        };
        file.status = "processing";
        file.duration_s = seconds;
        file.text = text;
        file.transcribe = transcribe;
        file.updated_at = now;
        self.after_ms(millis, Timer::RecordingReady { sid: sid.to_owned() });
    }

    pub(super) fn recording_ready(&mut self, sid: &str) {
        let (now, lost) = (self.now, self.switches.recordings_absent);
        let Some(file) = self.recording_mut(sid).filter(|file| file.status == "processing") else {
            return;
        };
        let status = if file.duration_s == 0 || lost { "absent" } else { "completed" };
        file.status = status;
        file.updated_at = now;
        let (transcribe, seconds, text) = (file.transcribe.clone(), file.duration_s, file.text.clone());
        self.recording_news(sid, status);
        if let (Some(callback), "completed") = (transcribe, status) {
            // Contract 7.1: longer than two and shorter than 120 seconds.
            if seconds <= 2 || seconds >= 120 {
                self.journal.entries.push(super::journal::Entry {
                    at: now,
                    call_sid: String::new(),
                    phone: String::new(),
                    what: super::journal::What::Warning(format!("13617 a recording of {seconds} s is not transcribed")),
                });
                return;
            }
            let transcription = self.fresh_sid("TR");
            self.transcriptions.push(Transcription {
                sid: transcription.clone(),
                recording: sid.to_owned(),
                status: "in-progress",
                text,
                duration_s: seconds,
                created_at: now,
                updated_at: now,
                callback,
            });
            let millis = u64::from(self.switches.transcript_ready_ms);
            self.after_ms(millis, Timer::TranscriptReady { sid: transcription });
        }
    }

    pub(super) fn transcript_ready(&mut self, sid: &str) {
        let (now, fails) = (self.now, self.switches.transcription_fails);
        let Some(transcript) = self.transcriptions.iter_mut().find(|one| one.sid == sid) else {
            return;
        };
        transcript.status = if fails || transcript.text.is_empty() { "failed" } else { "completed" };
        if transcript.status == "failed" {
            "(blank)".clone_into(&mut transcript.text);
        }
        transcript.updated_at = now;
        let transcript = transcript.clone();
        let Some(target) = transcript.callback else {
            return;
        };
        let call =
            self.recordings.iter().find(|file| file.sid == transcript.recording).and_then(|file| file.call_sid.clone());
        let Some(call) = call.and_then(|sid| self.calls.get(&sid)) else {
            return;
        };
        let mut params = self.common(call);
        add(&mut params, "RecordingSid", &transcript.recording);
        add(&mut params, "RecordingUrl", self.recording_url(&transcript.recording));
        add(&mut params, "TranscriptionSid", &transcript.sid);
        add(&mut params, "TranscriptionStatus", transcript.status);
        add(&mut params, "TranscriptionText", &transcript.text);
        add(&mut params, "TranscriptionType", "fast");
        let url =
            format!("{}/2010-04-01/Accounts/{}/Transcriptions/{}", self.base_url, self.account_sid, transcript.sid);
        add(&mut params, "TranscriptionUrl", url);
        self.request("transcribe-callback", target, params, Purpose::News);
    }

    fn recording_news(&mut self, sid: &str, event: &'static str) {
        let Some(file) = self.recordings.iter().find(|file| file.sid == sid) else {
            return;
        };
        let Some(target) = file.callback.clone().filter(|_| file.events.iter().any(|wanted| wanted == event)) else {
            return;
        };
        let mut params = Params::new();
        add(&mut params, "AccountSid", &self.account_sid);
        match (&file.call_sid, &file.conference_sid) {
            (_, Some(conference)) => add(&mut params, "ConferenceSid", conference),
            (Some(call), None) => add(&mut params, "CallSid", call),
            (None, None) => {}
        }
        add(&mut params, "RecordingChannels", file.channels.to_string());
        add(&mut params, "RecordingSid", &file.sid);
        add(&mut params, "RecordingSource", file.source);
        add(&mut params, "RecordingStartTime", rfc2822(file.started_at));
        add(&mut params, "RecordingStatus", event);
        add(&mut params, "RecordingUrl", self.recording_url(&file.sid));
        let of_call = file.conference_sid.is_none();
        if event == "completed" {
            add(&mut params, "RecordingDuration", file.duration_s.to_string());
        }
        if of_call && event != "absent" {
            add(&mut params, "RecordingTrack", &file.track);
        }
        if of_call && event == "completed" {
            add(&mut params, "ErrorCode", "0");
        }
        if event == "absent" {
            add(&mut params, "ErrorCode", "16102");
        }
        self.request("recording-status", target, params, Purpose::News);
    }

    /// Adds the recording made of this leg from its answer on, when there is one.
    pub(super) fn add_recording(&self, params: &mut Params, call: &str, source: &str) {
        if let Some(file) =
            self.recordings.iter().find(|file| file.call_sid.as_deref() == Some(call) && file.source == source)
        {
            add(params, "RecordingDuration", file.duration_s.to_string());
            add(params, "RecordingSid", &file.sid);
            add(params, "RecordingUrl", self.recording_url(&file.sid));
        }
    }
}
