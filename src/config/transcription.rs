//! `[transcription]`: who writes voicemails down.

use serde::Deserialize;

use super::checks::Checks;

/// Transcripts of voicemails. A recording is never held back for one.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Transcription {
    /// Who writes them.
    pub provider: TranscriptionProvider,
}

/// Who writes a transcript. Source: DESIGN.md section 7.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TranscriptionProvider {
    /// The carrier's own: English, up to two minutes.
    Twilio,
    /// Nobody.
    #[default]
    None,
}

impl Transcription {
    /// Nothing to see: the key is a closed list.
    pub(super) fn check(&self, _: &mut Checks) {}
}
