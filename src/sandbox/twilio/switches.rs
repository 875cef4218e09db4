//! Everything about the stand-in that may be turned while it runs.
//!
//! Twilio's documents are silent or contradict each other in places (contract section 14). Each such place is a
//! switch here, so that a service can be shown to behave under both readings.

use serde::{Deserialize, Serialize};

/// When the other phones of a simultaneous `<Dial>` stop ringing (contract 3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DialStopsAt {
    /// As soon as any phone answers, even a carrier's voicemail.
    Answer,
    /// Only when a leg has finished its screening document and is bridged.
    Accept,
}

/// How the REST server answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum RestHealth {
    /// As it should.
    #[serde(rename = "ok")]
    Ok,
    /// Every request is refused with 20429.
    #[serde(rename = "429")]
    TooMany,
    /// Every request is refused with 20003, as with a key that was revoked.
    #[serde(rename = "401")]
    Unauthorized,
    /// Every request fails with 20500 and has no effect.
    #[serde(rename = "500")]
    Failing,
    /// Every answer waits `rest_slow_ms` of real time.
    #[serde(rename = "slow")]
    Slow,
    /// Every request fails with 20503 and an empty body, as an edge does.
    #[serde(rename = "down")]
    Down,
}

/// Whether webhooks reach the service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Webhooks {
    /// They are sent.
    Ok,
    /// No connection can be made: error 11205 without a request.
    Unreachable,
}

/// What happens to keys nobody collects (contract 14.8).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StrayKeys {
    /// They are gone.
    Lost,
    /// The next `<Gather>` of that call gets them.
    Kept,
}

/// What a busy handset does with a second call (contract 14.9).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SecondCall {
    /// The second caller hears it engaged.
    Busy,
    /// The carrier's voicemail answers the second call.
    Voicemail,
    /// It rings as call waiting.
    CallWaiting,
}

/// What a screening document that fails does (contract 14.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FailedScreen {
    /// The leg is hung up.
    Drop,
    /// The leg runs into the number's fallback URL, and is hung up when that ends.
    Fallback,
}

/// What follows a `<Record>` in which nothing was said (contract 14.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EmptyRecord {
    /// The next verb of the document.
    NextVerb,
    /// The action, with an empty `RecordingUrl`.
    ActionEmptyUrl,
    /// The action, without any recording parameter.
    ActionWithoutUrl,
}

/// Which documents of a call the fallback URL covers (contract 14.7).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FallbackCovers {
    /// Every document the call itself runs.
    All,
    /// The first one alone.
    First,
}

/// What follows a `<Play>` that cannot be fetched (contract 14.10).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum UnfetchablePlay {
    /// A warning and the next verb.
    NextVerb,
    /// The fallback URL.
    Fallback,
}

/// A final status where the sources differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FinalStatus {
    /// `canceled`
    Canceled,
    /// `no-answer`
    NoAnswer,
    /// `completed`
    Completed,
    /// `failed`
    Failed,
}

impl FinalStatus {
    pub(super) fn as_status(self) -> super::call::Status {
        match self {
            Self::Canceled => super::call::Status::Canceled,
            Self::NoAnswer => super::call::Status::NoAnswer,
            Self::Completed => super::call::Status::Completed,
            Self::Failed => super::call::Status::Failed,
        }
    }
}

/// Mischief done to status callbacks; documents are never touched.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Callbacks {
    /// Chance in 0..=1 that a callback is never sent.
    pub drop: f64,
    /// Chance in 0..=1 that a callback is sent twice, with the same idempotency token.
    pub repeat: f64,
    /// Every callback is sent this much later, in milliseconds of the stand-in's time.
    pub delay_ms: u32,
    /// Chance in 0..=1 that a callback is held back for up to three seconds, so that later ones overtake it.
    pub reorder: f64,
}

impl Default for Callbacks {
    fn default() -> Self {
        Self { drop: 0.0, repeat: 0.0, delay_ms: 0, reorder: 0.0 }
    }
}

/// All switches. In JSON the field names are the switch names.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Switches {
    /// Contract 3.1. Default: `accept`.
    pub dial_stops_at: DialStopsAt,
    /// Outbound API calls started a second; 0 means no limit. Default: 1.
    pub calls_per_second: u32,
    /// How the REST server answers.
    pub rest: RestHealth,
    /// Real milliseconds every answer waits while `rest` is `slow`. Default: 3000.
    pub rest_slow_ms: u32,
    /// The next call created over REST exists, but its reply is lost. Switches itself off.
    pub created_reply_lost_once: bool,
    /// Mischief done to status callbacks.
    pub callbacks: Callbacks,
    /// Whether webhooks reach the service.
    pub webhooks: Webhooks,
    /// Most simultaneous legs of the account; 0 means no limit. Passing it gives 10004.
    pub concurrency_limit: u32,
    /// Contract 14.1: how a leg ends that another leg beat. Default: `canceled`.
    pub losing_leg_status: FinalStatus,
    /// Contract 14.1: `DialCallStatus` when phones answered but none was accepted. Default: `no-answer`.
    pub unaccepted_dial_status: FinalStatus,
    /// Contract 14.2: whether the Dial action is requested after the caller hung up. Default: true.
    pub dial_action_after_hangup: bool,
    /// Contract 14.2: whether the Enqueue action is requested after the caller hung up. Default: true.
    pub enqueue_action_after_hangup: bool,
    /// Contract 14.2: whether the Enqueue action is requested after a REST redirect. Default: true.
    pub enqueue_action_after_redirect: bool,
    /// Contract 14.3: final status of a ringing leg ended with `Status=completed`. Default: `canceled`.
    pub completed_while_ringing: FinalStatus,
    /// Final status of an inbound call whose caller left before it was answered. Default: `no-answer`.
    pub abandoned_inbound_status: FinalStatus,
    /// Contract 14.4. Default: `drop`.
    pub failed_screen: FailedScreen,
    /// Contract 14.5. Default: `next-verb`.
    pub empty_record: EmptyRecord,
    /// Contract 14.6: whether a busy or unreachable phone reports `ringing` first. Default: false.
    pub busy_phone_reports_ringing: bool,
    /// Contract 14.6: the first `SequenceNumber` of a call. Default: 0.
    pub first_call_sequence: u32,
    /// Contract 14.6: the first `SequenceNumber` of a conference. Default: 1.
    pub first_conference_sequence: u32,
    /// Contract 14.6: numbers skipped between two events. Default: 0.
    pub sequence_gap: u32,
    /// Contract 14.7. Default: `all`.
    pub fallback_covers: FallbackCovers,
    /// Contract 14.8. Default: `lost`.
    pub stray_keys: StrayKeys,
    /// Contract 14.9. Default: `busy`.
    pub second_call: SecondCall,
    /// Contract 14.10. Default: `next-verb`.
    pub unfetchable_play: UnfetchablePlay,
    /// Whether an empty `<Gather>` result carries `Digits=`. Default: true.
    pub empty_gather_has_digits: bool,
    /// Seconds 0..=5 that Twilio adds to every ring timeout. Default: 5.
    pub ring_timeout_buffer_s: u32,
    /// Milliseconds between dialling a phone and its ringing. Default: 2000.
    pub ring_after_ms: u32,
    /// Milliseconds between the end of a recording and its file being ready. Default: 2000.
    pub recording_ready_ms: u32,
    /// Milliseconds between a ready recording and its transcript. Default: 5000.
    pub transcript_ready_ms: u32,
    /// Whether `Twilio.RecordVerb` files get lost after the fact: status `absent`. Default: false.
    pub recordings_absent: bool,
    /// Whether transcription fails. Default: false.
    pub transcription_fails: bool,
}

impl Default for Switches {
    fn default() -> Self {
        Self {
            dial_stops_at: DialStopsAt::Accept,
            calls_per_second: 1,
            rest: RestHealth::Ok,
            rest_slow_ms: 3000,
            created_reply_lost_once: false,
            callbacks: Callbacks::default(),
            webhooks: Webhooks::Ok,
            concurrency_limit: 0,
            losing_leg_status: FinalStatus::Canceled,
            unaccepted_dial_status: FinalStatus::NoAnswer,
            dial_action_after_hangup: true,
            enqueue_action_after_hangup: true,
            enqueue_action_after_redirect: true,
            completed_while_ringing: FinalStatus::Canceled,
            abandoned_inbound_status: FinalStatus::NoAnswer,
            failed_screen: FailedScreen::Drop,
            empty_record: EmptyRecord::NextVerb,
            busy_phone_reports_ringing: false,
            first_call_sequence: 0,
            first_conference_sequence: 1,
            sequence_gap: 0,
            fallback_covers: FallbackCovers::All,
            stray_keys: StrayKeys::Lost,
            second_call: SecondCall::Busy,
            unfetchable_play: UnfetchablePlay::NextVerb,
            empty_gather_has_digits: true,
            ring_timeout_buffer_s: 5,
            ring_after_ms: 2000,
            recording_ready_ms: 2000,
            transcript_ready_ms: 5000,
            recordings_absent: false,
            transcription_fails: false,
        }
    }
}

impl Switches {
    /// A copy with the members of `part` laid over it.
    ///
    /// # Errors
    ///
    /// When a name is unknown or a value is not among those of its switch; the text names it.
    pub fn with(&self, part: &serde_json::Value) -> Result<Self, String> {
        let mut whole = serde_json::to_value(self).map_err(|cause| cause.to_string())?;
        let Some(changes) = part.as_object() else {
            return Err("switches are a JSON object".to_owned());
        };
        let Some(fields) = whole.as_object_mut() else {
            return Err("switches are a JSON object".to_owned());
        };
        for (name, value) in changes {
            match (fields.get_mut(name), value) {
                (Some(serde_json::Value::Object(inner)), serde_json::Value::Object(inner_changes)) => {
                    inner.extend(inner_changes.clone());
                }
                (Some(field), _) => *field = value.clone(),
                (None, _) => return Err(format!("there is no switch {name}")),
            }
        }
        let turned: Self = serde_json::from_value(whole).map_err(|cause| cause.to_string())?;
        let chances = [turned.callbacks.drop, turned.callbacks.repeat, turned.callbacks.reorder];
        if chances.iter().any(|chance| !(0.0..=1.0).contains(chance)) {
            return Err("a chance is a number from 0 to 1".to_owned());
        }
        if turned.ring_timeout_buffer_s > 5 {
            return Err("ring_timeout_buffer_s is 0 to 5".to_owned());
        }
        Ok(turned)
    }
}
