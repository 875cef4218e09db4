//! `Recordings`, their media, and `Transcriptions` over REST (contract 5.4).

use serde_json::Value;

use super::audio;
use super::call::Call;
use super::engine::Engine;
use super::openapi::{Form, Refusal};
use super::recording::RecordingFile;
use super::rest::{Answer, Asked};
use super::rest_calls::{in_range, recording_wishes};

impl Engine {
    pub(super) fn create_recording(&mut self, call: &str, form: &Form) -> Result<Answer, Refusal> {
        if !self.calls.get(call).is_some_and(Call::is_answered) {
            return Err(Refusal::world(400, 21220, "Requested resource is not eligible for recording"));
        }
        let sid = self.start_call_recording(call, "StartCallRecordingAPI", &recording_wishes(form, false));
        let body = self
            .recordings
            .iter()
            .find(|file| file.sid == sid)
            .map(|file| self.recording_json(file, true))
            .unwrap_or_default();
        Ok(Answer::Json(201, body))
    }

    pub(super) fn update_recording(&mut self, call: &str, sid: &str, form: &Form) -> Option<Result<Answer, Refusal>> {
        let of_call = |file: &&RecordingFile| file.call_sid.as_deref() == Some(call);
        let running: Vec<String> = self
            .recordings
            .iter()
            .filter(of_call)
            .filter(|file| matches!(file.status, "in-progress" | "paused"))
            .map(|file| file.sid.clone())
            .collect();
        let sid = if sid == "Twilio.CURRENT" {
            if running.len() > 1 {
                return Some(Err(Refusal::bad(20409, "the call has several recordings")));
            }
            running.first()?.clone()
        } else {
            self.recordings.iter().filter(of_call).find(|file| file.sid == sid)?.sid.clone()
        };
        if !running.contains(&sid) {
            return Some(Err(Refusal::world(400, 21220, "the recording is over")));
        }
        let now = self.now;
        let skips = form.one("PauseBehavior") == Some("skip");
        match form.one("Status") {
            Some("stopped") => self.stop_recording(&sid),
            Some("paused") => {
                let file = self.recording_mut(&sid)?;
                file.status = "paused";
                file.paused_at = skips.then_some(now);
            }
            Some("in-progress") => {
                let file = self.recording_mut(&sid)?;
                file.status = "in-progress";
                if let Some(since) = file.paused_at.take() {
                    file.paused_s = file.paused_s.saturating_add(super::call::whole_seconds(now - since));
                }
            }
            _ => {
                return Some(Err(Refusal::bad(20422, "Status is paused, in-progress or stopped")));
            }
        }
        let file = self.recordings.iter().find(|file| file.sid == sid)?;
        Some(Ok(Answer::Json(200, self.recording_json(file, true))))
    }

    pub(super) fn list_recordings(&self, form: &Form, asked: &Asked<'_>, call: Option<&str>) -> Answer {
        let deleted = form.flag("IncludeSoftDeleted").unwrap_or(false);
        let call = call.or_else(|| form.one("CallSid"));
        let fits = |file: &&RecordingFile| {
            (deleted || file.status != "deleted")
                && call.is_none_or(|sid| file.call_sid.as_deref() == Some(sid))
                && form.one("ConferenceSid").is_none_or(|sid| file.conference_sid.as_deref() == Some(sid))
                && in_range(form, "DateCreated", Some(file.started_at))
        };
        let all: Vec<Value> =
            self.recordings.iter().rev().filter(fits).map(|file| self.recording_json(file, false)).collect();
        self.page(asked, "recordings", form, all)
    }

    pub(super) fn recording(&mut self, method: &str, sid: &str, form: &Form) -> Option<Result<Answer, Refusal>> {
        let deleted = form.flag("IncludeSoftDeleted").unwrap_or(false);
        let now = self.now;
        let file = self.recordings.iter_mut().find(|file| file.sid == sid && (deleted || file.status != "deleted"))?;
        if method == "delete" {
            if !matches!(file.status, "completed" | "absent") {
                return Some(Err(Refusal::world(400, 20409, "only completed recordings can be deleted")));
            }
            file.status = "deleted";
            file.updated_at = now;
            return Some(Ok(Answer::Empty(204)));
        }
        let file = self.recordings.iter().find(|file| file.sid == sid)?;
        Some(Ok(Answer::Json(200, self.recording_json(file, false))))
    }

    /// The sound of a recording: `.mp3`, `.wav` or no ending, which is WAV.
    pub(super) fn media(&self, asked: &Asked<'_>, name: &str) -> Option<Result<Answer, Refusal>> {
        if asked.method != "GET" {
            return Some(Err(Refusal::new(405, 20004, "Method not allowed")));
        }
        let (sid, ending) = name.split_once('.').unwrap_or((name, "wav"));
        let file = self.recordings.iter().find(|file| file.sid == sid && file.status == "completed")?;
        let wanted = url::form_urlencoded::parse(asked.query.as_bytes())
            .find(|(key, _)| key == "RequestedChannels")
            .map(|(_, value)| value.into_owned());
        if wanted.as_deref() == Some("2") && file.channels < 2 {
            return Some(Err(Refusal::world(400, 20422, "the recording has one channel")));
        }
        let channels = if wanted.as_deref() == Some("1") { 1 } else { file.channels };
        let seconds = u32::try_from(file.duration_s).unwrap_or(1);
        match ending {
            "wav" => Some(Ok(Answer::Sound("audio/x-wav", audio::wav(seconds, channels)))),
            "mp3" => Some(Ok(Answer::Sound("audio/mpeg", audio::mp3(seconds)))),
            _ => None,
        }
    }

    pub(super) fn list_transcriptions(&self, form: &Form, asked: &Asked<'_>, recording: Option<&str>) -> Answer {
        let of = self.transcriptions.iter().filter(|one| recording.is_none_or(|sid| one.recording == sid));
        let all: Vec<Value> = of.map(|one| self.transcription_json(one)).collect();
        self.page(asked, "transcriptions", form, all)
    }

    pub(super) fn transcription(&mut self, method: &str, sid: &str) -> Option<Result<Answer, Refusal>> {
        let found = self.transcriptions.iter().find(|one| one.sid == sid)?;
        if method == "delete" {
            self.transcriptions.retain(|one| one.sid != sid);
            return Some(Ok(Answer::Empty(204)));
        }
        Some(Ok(Answer::Json(200, self.transcription_json(found))))
    }
}
