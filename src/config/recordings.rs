//! `[recordings]`: where fetched audio is kept.

use std::path::PathBuf;

use serde::Deserialize;

use super::checks::Checks;

/// Stored audio.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Recordings {
    /// Folder of the audio files, made when missing. Replicas must share it.
    pub directory: PathBuf,
    /// Largest file fetched, in bytes.
    pub file_max_bytes: u64,
}

impl Default for Recordings {
    fn default() -> Self {
        Self {
            directory: PathBuf::from("recordings"),
            file_max_bytes: 67_108_864,
        }
    }
}

impl Recordings {
    pub(super) fn check(&self, checks: &mut Checks) {
        if self.directory.as_os_str().is_empty() {
            checks.add(
                "recordings.directory",
                "an empty path",
                "the path of a folder",
            );
        }
        checks.range(
            "recordings.file_max_bytes",
            self.file_max_bytes,
            1_048_576..=1_073_741_824,
        );
    }
}
