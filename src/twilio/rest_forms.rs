//! The forms we send: the only place that spells Twilio's parameters. Source: contract section 5.

use super::rest::{EndAs, NewLeg, NumberSettings};
use crate::phone_number::PhoneNumber;
use crate::rules::DialTarget;

/// The longest text. Source: contract 5.5.
const TEXT_CHARS_MAX: usize = 1_600;

/// Names and values; a list is a repeated name.
pub(super) type Fields = Vec<(&'static str, String)>;

pub(super) fn place_call(leg: &NewLeg<'_>) -> Fields {
    let mut fields = vec![
        ("To", leg.to.number().as_e164().to_owned()),
        ("From", leg.from.as_e164().to_owned()),
        ("Url", leg.answer_url.to_owned()),
        ("Method", "POST".to_owned()),
        ("StatusCallback", leg.status_url.to_owned()),
        ("StatusCallbackMethod", "POST".to_owned()),
        ("Timeout", leg.ring_s.clamp(5, 600).to_string()),
        ("TimeLimit", leg.talk_limit_s.clamp(1, 14_400).to_string()),
    ];
    for event in ["initiated", "ringing", "answered", "completed"] {
        fields.push(("StatusCallbackEvent", event.to_owned()));
    }
    fields
}

pub(super) fn send_text(to: &DialTarget, from: &PhoneNumber, words: &str) -> Fields {
    vec![
        ("To", to.number().as_e164().to_owned()),
        ("From", from.as_e164().to_owned()),
        ("Body", words.chars().take(TEXT_CHARS_MAX).collect()),
    ]
}

pub(super) fn end_call(how: EndAs) -> Fields {
    let status = match how {
        EndAs::Canceled => "canceled",
        EndAs::Completed => "completed",
    };
    vec![("Status", status.to_owned())]
}

pub(super) fn redirect_call(url: &str) -> Fields {
    vec![("Url", url.to_owned()), ("Method", "POST".to_owned())]
}

pub(super) fn update_number(settings: &NumberSettings<'_>) -> Fields {
    let post = || "POST".to_owned();
    vec![
        ("VoiceUrl", settings.voice_url.to_owned()),
        ("VoiceMethod", post()),
        ("VoiceFallbackUrl", settings.fallback_url.to_owned()),
        ("VoiceFallbackMethod", post()),
        ("StatusCallback", settings.status_url.to_owned()),
        ("StatusCallbackMethod", post()),
        ("VoiceCallerIdLookup", settings.caller_name_lookup.to_string()),
    ]
}
