//! The answers we read, leniently: only what is used, and nothing that may be missing is required. Source: contract 5.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::Deserialize;

/// A leg, as Twilio keeps it.
#[derive(Debug, Clone, Deserialize)]
pub struct CallResource {
    /// Its identifier.
    pub sid: String,
    /// `queued`, `ringing`, `in-progress`, `completed` …
    #[serde(default)]
    pub status: Option<String>,
    /// The number it goes to.
    #[serde(default)]
    pub to: Option<String>,
    /// The number it comes from.
    #[serde(default)]
    pub from: Option<String>,
    /// The leg that dialled it.
    #[serde(default)]
    pub parent_call_sid: Option<String>,
    /// When it was made, RFC 2822; missing right after it was made.
    #[serde(default)]
    pub date_created: Option<String>,
    /// When it ended, RFC 2822; missing for a leg that nobody answered.
    #[serde(default)]
    pub end_time: Option<String>,
    /// `inbound`, `outbound-api` or `outbound-dial`.
    #[serde(default)]
    pub direction: Option<String>,
    /// Milliseconds it waited at Twilio, as text.
    #[serde(default)]
    pub queue_time: Option<String>,
}

impl CallResource {
    /// How long it waited at Twilio for its second.
    #[must_use]
    pub fn queued_for(&self) -> Option<Duration> {
        self.queue_time.as_deref()?.parse().ok().map(Duration::from_millis)
    }

    /// When it was made.
    #[must_use]
    pub fn began_at(&self) -> Option<DateTime<Utc>> {
        parse_instant(self.date_created.as_deref()?)
    }

    /// When it ended.
    #[must_use]
    pub fn ended_at(&self) -> Option<DateTime<Utc>> {
        parse_instant(self.end_time.as_deref()?)
    }

    /// Whether the leg is over; an unknown status is not.
    #[must_use]
    pub fn is_over(&self) -> bool {
        matches!(self.status.as_deref(), Some("completed" | "busy" | "failed" | "no-answer" | "canceled"))
    }
}

fn parse_instant(text: &str) -> Option<DateTime<Utc>> {
    DateTime::parse_from_rfc2822(text).ok().map(|at| at.to_utc())
}

/// A text that was made.
#[derive(Debug, Clone, Deserialize)]
pub struct MessageResource {
    /// Its identifier.
    pub sid: String,
}

/// A room.
#[derive(Debug, Clone, Deserialize)]
pub struct RoomResource {
    /// Its identifier.
    pub sid: String,
    /// Its name.
    #[serde(default)]
    pub friendly_name: Option<String>,
    /// `init`, `in-progress` or `completed`.
    #[serde(default)]
    pub status: Option<String>,
}

/// Somebody in a room.
#[derive(Debug, Clone, Deserialize)]
pub struct ParticipantResource {
    /// The leg.
    pub call_sid: String,
    /// `caller` or `leg-<n>`.
    #[serde(default)]
    pub label: Option<String>,
    /// `connected` once inside.
    #[serde(default)]
    pub status: Option<String>,
}

/// A recording.
#[derive(Debug, Clone, Deserialize)]
pub struct RecordingResource {
    /// Its identifier.
    pub sid: String,
    /// The caller's leg.
    #[serde(default)]
    pub call_sid: Option<String>,
    /// `completed` once its file is ready.
    #[serde(default)]
    pub status: Option<String>,
    /// Seconds, as text.
    #[serde(default)]
    pub duration: Option<String>,
    /// What recorded it.
    #[serde(default)]
    pub source: Option<String>,
}

/// A transcription.
#[derive(Debug, Clone, Deserialize)]
pub struct TranscriptionResource {
    /// Its identifier.
    pub sid: String,
    /// `in-progress`, `completed` or `failed`.
    #[serde(default)]
    pub status: Option<String>,
    /// What was said.
    #[serde(default)]
    pub transcription_text: Option<String>,
}

/// One of our numbers.
#[derive(Debug, Clone, Deserialize)]
pub struct NumberResource {
    /// Its identifier.
    pub sid: String,
    /// In E.164.
    #[serde(default)]
    pub phone_number: Option<String>,
    /// Where calls are announced.
    #[serde(default)]
    pub voice_url: Option<String>,
    /// Where a failed document is asked for instead.
    #[serde(default)]
    pub voice_fallback_url: Option<String>,
    /// Where the end of a call is told.
    #[serde(default)]
    pub status_callback: Option<String>,
    /// If set, `voice_url` is ignored.
    #[serde(default)]
    pub voice_application_sid: Option<String>,
    /// If set, `voice_url` is ignored.
    #[serde(default)]
    pub trunk_sid: Option<String>,
}

/// The account.
#[derive(Debug, Clone, Deserialize)]
pub struct AccountResource {
    /// Its identifier.
    pub sid: String,
    /// `active`, `suspended` or `closed`.
    #[serde(default)]
    pub status: Option<String>,
    /// `Trial` or `Full`.
    #[serde(default, rename = "type")]
    pub kind: Option<String>,
}
