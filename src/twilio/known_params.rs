//! The parameters Twilio documents, and the form of those we act on. Source: contract section 4.

/// The form of a value we act on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pattern {
    /// Two letters and 32 hexadecimal digits.
    Sid(&'static str),
    /// One of these words.
    OneOf(&'static [&'static str]),
    /// Keys, or the word `hangup`; may be empty.
    Keys,
    /// Decimal digits; may be empty.
    Count,
    /// Decimal digits or −1; may be empty.
    Seconds,
    /// A number in E.164.
    Number,
    /// Small letters and dashes.
    Word,
    /// Small letters, digits and dashes, as `caller` and `leg-<n>`; may be another service's.
    Label,
    /// Text of at most so many characters.
    Text(usize),
}

const CALL_STATUS: Pattern = Pattern::OneOf(&[
    "queued",
    "initiated",
    "ringing",
    "in-progress",
    "completed",
    "busy",
    "failed",
    "no-answer",
    "canceled",
]);

/// Every name we act on, with its form.
const CORE: &[(&str, Pattern)] = &[
    ("AccountSid", Pattern::Sid("AC")),
    ("CallSid", Pattern::Sid("CA")),
    ("ParentCallSid", Pattern::Sid("CA")),
    ("CallStatus", CALL_STATUS),
    ("ParticipantCallStatus", CALL_STATUS),
    ("Direction", Pattern::OneOf(&["inbound", "outbound-api", "outbound-dial"])),
    ("From", Pattern::Text(128)),
    ("To", Pattern::Number),
    ("CallerName", Pattern::Text(128)),
    ("ForwardedFrom", Pattern::Text(128)),
    ("Digits", Pattern::Keys),
    ("DialCallSid", Pattern::Sid("CA")),
    ("DialCallStatus", Pattern::OneOf(&["completed", "answered", "busy", "no-answer", "failed", "canceled"])),
    ("DialBridged", Pattern::OneOf(&["true", "false"])),
    (
        "QueueResult",
        Pattern::OneOf(&[
            "bridged",
            "bridging-in-process",
            "error",
            "hangup",
            "leave",
            "redirected",
            "redirected-from-bridged",
            "queue-full",
            "system-error",
        ]),
    ),
    ("QueueSid", Pattern::Sid("QU")),
    ("QueueTime", Pattern::Count),
    ("ConferenceSid", Pattern::Sid("CF")),
    ("FriendlyName", Pattern::Text(64)),
    ("StatusCallbackEvent", Pattern::Word),
    ("ParticipantLabel", Pattern::Label),
    ("SequenceNumber", Pattern::Count),
    ("RecordingSid", Pattern::Sid("RE")),
    ("RecordingUrl", Pattern::Text(512)),
    (
        "RecordingStatus",
        Pattern::OneOf(&["in-progress", "paused", "stopped", "processing", "completed", "absent", "failed", "deleted"]),
    ),
    ("RecordingDuration", Pattern::Seconds),
    ("TranscriptionSid", Pattern::Sid("TR")),
    ("TranscriptionStatus", Pattern::OneOf(&["in-progress", "completed", "failed"])),
    ("TranscriptionText", Pattern::Text(16_384)),
    ("TranscriptionUrl", Pattern::Text(512)),
];

/// Every documented name, those we act on among them.
pub(super) const DOCUMENTED: &[&str] = &[
    "AccountSid",
    "AnsweredBy",
    "ApiVersion",
    "AvgQueueTime",
    "CallDuration",
    "CallSid",
    "CallSidEndingConference",
    "CallStatus",
    "CallToken",
    "CallbackSource",
    "Called",
    "CalledCity",
    "CalledCountry",
    "CalledState",
    "CalledZip",
    "Caller",
    "CallerCity",
    "CallerCountry",
    "CallerName",
    "CallerState",
    "CallerZip",
    "Coaching",
    "ConferenceSid",
    "Confidence",
    "CurrentQueueSize",
    "DequeingCallSid",
    "DequeueResult",
    "DequeuedCallDuration",
    "DequeuedCallQueueTime",
    "DequeuedCallSid",
    "DialBridged",
    "DialCallDuration",
    "DialCallSid",
    "DialCallStatus",
    "Digits",
    "Direction",
    "Duration",
    "EndConferenceOnExit",
    "ErrorCode",
    "ErrorUrl",
    "FinishedOnKey",
    "ForwardedFrom",
    "FriendlyName",
    "From",
    "FromCity",
    "FromCountry",
    "FromState",
    "FromZip",
    "Hold",
    "Language",
    "MachineDetectionDuration",
    "MaxQueueSize",
    "Muted",
    "ParentCallSid",
    "ParticipantCallStatus",
    "ParticipantLabel",
    "ParticipantLabelEndingConference",
    "QueuePosition",
    "QueueResult",
    "QueueSid",
    "QueueTime",
    "Reason",
    "ReasonConferenceEnded",
    "ReasonParticipantLeft",
    "RecordingChannels",
    "RecordingDuration",
    "RecordingSid",
    "RecordingSource",
    "RecordingStartTime",
    "RecordingStatus",
    "RecordingTrack",
    "RecordingUrl",
    "SequenceNumber",
    "SipResponseCode",
    "SpeechResult",
    "StartConferenceOnEnter",
    "StatusCallbackEvent",
    "StirVerstat",
    "Timestamp",
    "To",
    "ToCity",
    "ToCountry",
    "ToState",
    "ToZip",
    "TranscriptionSid",
    "TranscriptionStatus",
    "TranscriptionText",
    "TranscriptionType",
    "TranscriptionUrl",
];

/// The form of a name we act on; `None` for all others.
pub(super) fn find_core_pattern(name: &str) -> Option<Pattern> {
    CORE.iter().find(|(core, _)| *core == name).map(|(_, pattern)| *pattern)
}

impl Pattern {
    /// Whether the whole value is of this form.
    pub(super) fn accepts(self, value: &str) -> bool {
        match self {
            Self::Sid(prefix) => is_sid(prefix, value),
            Self::OneOf(words) => words.contains(&value),
            Self::Keys => {
                value == "hangup"
                    || (value.len() <= 32 && value.bytes().all(|key| key.is_ascii_digit() || b"*#ABCD".contains(&key)))
            }
            Self::Count => value.len() <= 15 && value.bytes().all(|digit| digit.is_ascii_digit()),
            Self::Seconds => value == "-1" || Self::Count.accepts(value),
            Self::Number => {
                value.strip_prefix('+').is_some_and(|digits| digits.len() >= 3 && Self::Count.accepts(digits))
            }
            Self::Word => !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-'),
            Self::Label => {
                !value.is_empty()
                    && value.len() <= 128
                    && value.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
            }
            Self::Text(max) => value.chars().count() <= max,
        }
    }

    /// Whether the form leaves no room for another parameter's name.
    pub(super) fn is_closed(self) -> bool {
        !matches!(self, Self::Text(_))
    }
}

/// Whether this is one of Twilio's identifiers of the kind `prefix`. Source: contract section 4.5.
pub(super) fn is_sid(prefix: &str, text: &str) -> bool {
    text.strip_prefix(prefix).is_some_and(|hex| hex.len() == 32 && hex.bytes().all(|digit| digit.is_ascii_hexdigit()))
}
