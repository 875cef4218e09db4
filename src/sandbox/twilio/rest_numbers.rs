//! `IncomingPhoneNumbers` over REST (contract 5.5).

use serde_json::Value;

use super::engine::Engine;
use super::openapi::{Form, Refusal};
use super::rest::{Answer, Asked};
use super::wire::Method;

impl Engine {
    pub(super) fn list_numbers(&self, form: &Form, asked: &Asked<'_>) -> Answer {
        let fits = |number: &&super::numbers::Number| {
            form.one("PhoneNumber").is_none_or(|wanted| wanted == number.number)
                && form.one("FriendlyName").is_none_or(|wanted| wanted == number.friendly_name)
        };
        let all: Vec<Value> = self.numbers.iter().filter(fits).map(|number| self.number_json(number)).collect();
        self.page(asked, "incoming_phone_numbers", form, all)
    }

    pub(super) fn update_number(&mut self, sid: &str, form: &Form) -> Option<Result<Answer, Refusal>> {
        let now = self.now;
        let number = self.numbers.iter_mut().find(|number| number.sid == sid)?;
        let voice = form.one("VoiceUrl").unwrap_or(&number.voice_url);
        if voice.is_empty() && form.one("VoiceFallbackUrl").is_some_and(|url| !url.is_empty()) {
            return Some(Err(Refusal::bad(21405, "a fallback URL needs a URL")));
        }
        for (parameter, field) in [
            ("VoiceUrl", &mut number.voice_url),
            ("VoiceFallbackUrl", &mut number.fallback_url),
            ("StatusCallback", &mut number.status_url),
            ("FriendlyName", &mut number.friendly_name),
            ("SmsUrl", &mut number.sms_url),
            ("SmsFallbackUrl", &mut number.sms_fallback_url),
            ("VoiceApplicationSid", &mut number.voice_application_sid),
            ("TrunkSid", &mut number.trunk_sid),
        ] {
            if let Some(value) = form.one(parameter) {
                value.clone_into(field);
            }
        }
        for (parameter, field) in [
            ("VoiceMethod", &mut number.voice_method),
            ("VoiceFallbackMethod", &mut number.fallback_method),
            ("StatusCallbackMethod", &mut number.status_method),
        ] {
            if let Some(value) = form.one(parameter) {
                *field = Method::named(Some(value));
            }
        }
        number.caller_id_lookup = form.flag("VoiceCallerIdLookup").unwrap_or(number.caller_id_lookup);
        number.updated_at = now;
        let number = self.numbers.iter().find(|number| number.sid == sid)?;
        Some(Ok(Answer::Json(200, self.number_json(number))))
    }
}
