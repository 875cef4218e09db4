//! What the carrier recorded: found, brought here, and kept.

use std::time::Duration;

use super::Delivery;
use super::carrier::{CarrierDesk, Trouble};
use crate::call::signal::Signal;
use crate::call::state::Call;
use crate::crash_point;
use crate::ids::CarrierRef;
use crate::store::StoredRecording;
use crate::twilio::rest::AudioFormat;

/// A download ends before its lease does, so that nobody else begins the same one. The longest message, 600 s, is 2.4 MB.
/// Contract twilio.md 5.4.
const DOWNLOADED_WITHIN: Duration = Duration::from_secs(25);

impl CarrierDesk {
    /// Asks the carrier which recordings the call left, and tells the call of each.
    pub(super) async fn find_recordings(&self, call: &Call) -> Result<Delivery, Trouble> {
        let found = self.note(self.twilio.list_recordings(&call.caller_ref).await)?;
        for ready in found.iter().filter(|recording| recording.status.as_deref() == Some("completed")) {
            let seconds = ready.duration.as_deref().and_then(|seconds| seconds.parse().ok()).unwrap_or(0);
            let recording = CarrierRef::new(&ready.sid);
            self.switchboard.take_note(call.id, &Signal::RecordingReady { recording, seconds }).await?;
        }
        let is_in_the_making =
            |status: Option<&str>| !matches!(status, Some("completed" | "absent" | "failed" | "deleted"));
        for unready in found.iter().filter(|recording| is_in_the_making(recording.status.as_deref())) {
            // Named, so that the call looks for it again.
            let recording = Some(CarrierRef::new(&unready.sid));
            self.switchboard.take_note(call.id, &Signal::VoicemailTaken { recording, seconds: None }).await?;
        }
        let is_gone = |status: Option<&str>| matches!(status, Some("absent" | "failed" | "deleted"));
        if found.iter().any(|recording| !is_gone(recording.status.as_deref())) {
            return Ok(Delivery::Done);
        }
        self.tell(call.id, Signal::RecordingAbsent { recording: None }).await
    }

    /// Brings the audio here.
    pub(super) async fn fetch_recording(&self, call: &Call, recording: &CarrierRef) -> Result<Delivery, Trouble> {
        let download = self.twilio.download_recording(recording, AudioFormat::Mp3);
        let Ok(answer) = tokio::time::timeout(DOWNLOADED_WITHIN, download).await else {
            return Ok(Delivery::Failed { why: "the recording came too slowly".to_owned(), after: None });
        };
        let audio = self.note(answer)?;
        crash_point!("recording.after_download");
        let stored = StoredRecording {
            recording: recording.clone(),
            call: call.id,
            content_type: media_type(&audio).to_owned(),
            audio,
        };
        self.store.save_recording(stored, self.clock.now()).await?;
        crash_point!("recording.after_store");
        self.tell(call.id, Signal::RecordingStored { recording: recording.clone() }).await
    }
}

/// What the bytes are, whatever was asked for: a RIFF file or MPEG audio.
fn media_type(audio: &[u8]) -> &'static str {
    if audio.starts_with(b"RIFF") { "audio/wav" } else { "audio/mpeg" }
}
