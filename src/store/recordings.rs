//! Audio that we hold.

use chrono::{DateTime, Utc};

use super::calls::call_id;
use super::entity::RecordingRow;
use super::session::{Session, micros, values};
use super::{StoreError, StoredRecording};
use crate::ids::CarrierRef;

pub(super) async fn save(
    session: &Session<'_>,
    recording: &StoredRecording,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let sql = "INSERT INTO recordings (recording, call_id, content_type, stored_at, audio) VALUES ($1, $2, $3, $4, $5) \
        ON CONFLICT DO NOTHING";
    let values = values![
        recording.recording.as_str(),
        recording.call.to_string(),
        recording.content_type.as_str(),
        micros(now),
        recording.audio.to_vec(),
    ];
    session.run("save the recording", sql, values).await?;
    Ok(())
}

pub(super) async fn find(session: &Session<'_>, recording: &CarrierRef) -> Result<Option<StoredRecording>, StoreError> {
    let sql = "SELECT call_id, content_type, audio FROM recordings WHERE recording = $1";
    let row: Option<RecordingRow> = session.row("read the recording", sql, values![recording.as_str()]).await?;
    row.map(|row| {
        Ok(StoredRecording {
            recording: recording.clone(),
            call: call_id(&row.call_id)?,
            content_type: row.content_type,
            audio: row.audio.into(),
        })
    })
    .transpose()
}
