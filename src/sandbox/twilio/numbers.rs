//! The account's phone numbers, and what every webhook says about a call.

use super::call::{Call, Direction};
use super::engine::{Engine, Instant};
use super::wire::{Method, Target};

#[derive(Debug, Clone)]
pub(super) struct Number {
    pub(super) sid: String,
    pub(super) number: String,
    pub(super) friendly_name: String,
    pub(super) voice_url: String,
    pub(super) voice_method: Method,
    pub(super) fallback_url: String,
    pub(super) fallback_method: Method,
    pub(super) status_url: String,
    pub(super) status_method: Method,
    pub(super) caller_id_lookup: bool,
    pub(super) sms_url: String,
    pub(super) sms_fallback_url: String,
    pub(super) voice_application_sid: String,
    pub(super) trunk_sid: String,
    pub(super) updated_at: Instant,
}

impl Number {
    pub(super) fn new(sid: String, number: &str, now: Instant) -> Self {
        Self {
            sid,
            number: number.to_owned(),
            friendly_name: formatted(number),
            voice_url: String::new(),
            voice_method: Method::Post,
            fallback_url: String::new(),
            fallback_method: Method::Post,
            status_url: String::new(),
            status_method: Method::Post,
            caller_id_lookup: false,
            sms_url: String::new(),
            sms_fallback_url: String::new(),
            voice_application_sid: String::new(),
            trunk_sid: String::new(),
            updated_at: now,
        }
    }

    /// Nothing when an application or a trunk has the number: its URL is ignored then (contract 5.5).
    pub(super) fn voice(&self) -> Option<Target> {
        let taken = !self.voice_application_sid.is_empty() || !self.trunk_sid.is_empty();
        target(&self.voice_url, self.voice_method).filter(|_| !taken)
    }

    pub(super) fn fallback(&self) -> Option<Target> {
        target(&self.fallback_url, self.fallback_method)
    }

    pub(super) fn status(&self) -> Option<Target> {
        target(&self.status_url, self.status_method)
    }
}

fn target(url: &str, method: Method) -> Option<Target> {
    (!url.is_empty()).then(|| Target { url: url.to_owned(), method })
}

/// A number as Twilio prints it: `(555) 010-0002` for North America, unchanged elsewhere.
pub(super) fn formatted(number: &str) -> String {
    match number.strip_prefix("+1") {
        Some(digits) if digits.len() == 10 && digits.is_ascii() => {
            let (area, rest) = digits.split_at(3);
            let (office, line) = rest.split_at(3);
            format!("({area}) {office}-{line}")
        }
        _ => number.to_owned(),
    }
}

pub(super) type Params = Vec<(String, String)>;

pub(super) fn add(params: &mut Params, name: &str, value: impl Into<String>) {
    params.push((name.to_owned(), value.into()));
}

/// RFC 2822 in GMT, as Twilio writes dates (contract 4.5).
pub(super) fn rfc2822(at: Instant) -> String {
    at.format("%a, %d %b %Y %H:%M:%S +0000").to_string()
}

impl Engine {
    /// What every voice request says (contract 4.2).
    pub(super) fn common(&self, call: &Call) -> Params {
        let mut params = Params::new();
        add(&mut params, "AccountSid", &self.account_sid);
        add(&mut params, "ApiVersion", "2010-04-01");
        add(&mut params, "CallSid", &call.sid);
        add(&mut params, "CallStatus", call.status.name());
        add(&mut params, "Direction", call.direction.name());
        for (party, number, place) in [
            ("From", &call.from, ["AUSTIN", "TX", "73301"]),
            ("Caller", &call.from, ["AUSTIN", "TX", "73301"]),
            ("To", &call.to, ["", "NY", ""]),
            ("Called", &call.to, ["", "NY", ""]),
        ] {
            let (country, place) = match number.get(0..2) {
                Some("+1") => ("US", place),
                Some("+4") => ("GB", ["", "", ""]),
                _ => ("", ["", "", ""]),
            };
            add(&mut params, party, number.as_str());
            let [city, state, zip] = place;
            add(&mut params, &format!("{party}City"), city);
            add(&mut params, &format!("{party}State"), state);
            add(&mut params, &format!("{party}Zip"), zip);
            add(&mut params, &format!("{party}Country"), country);
        }
        if let Some(parent) = call.parent.as_ref().filter(|_| call.direction == Direction::OutboundDial) {
            add(&mut params, "ParentCallSid", parent);
        }
        params
    }

    pub(super) fn number(&self, number: &str) -> Option<&Number> {
        self.numbers.iter().find(|owned| owned.number == number)
    }

    pub(super) fn recording_url(&self, sid: &str) -> String {
        format!("{}/2010-04-01/Accounts/{}/Recordings/{sid}", self.base_url, self.account_sid)
    }
}
