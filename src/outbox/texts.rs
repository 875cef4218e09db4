//! Texts to callers who heard a message.
//!
//! Twilio has no key by which a text that is asked for twice is sent once, so a request whose result is unknown is not
//! repeated: better no text than two. Contract twilio.md 5.5.

use chrono::TimeDelta;

use super::Delivery;
use super::carrier::{CarrierDesk, Trouble};
use crate::call::signal::Signal;
use crate::call::state::Call;
use crate::phone_number::Caller;
use crate::store::Leased;
use crate::twilio::error::TwilioError;

/// A text that is so late would surprise more than it helps.
const TRIED_FOR: TimeDelta = TimeDelta::hours(1);

impl CarrierDesk {
    pub(super) async fn text_caller(&self, call: &Call, leased: &Leased) -> Result<Delivery, Trouble> {
        let (Some(text), Caller::Known(number)) = (&call.text_back, &call.caller) else { return Ok(Delivery::Done) };
        if text.sent.is_some() {
            return Ok(Delivery::Done);
        }
        let told = |sent: bool, why: Option<String>| self.tell(call.id, Signal::TextTold { sent, why });
        let Ok(target) = self.switchboard.destinations().approve(number) else {
            return told(false, Some("the number may not be called".to_owned())).await;
        };
        if leased.is_taken_over() {
            return told(false, Some("whether it was sent is not known".to_owned())).await;
        }
        match self.note(self.twilio.send_text(&target, &call.number, &text.words).await) {
            Ok(_) => told(true, None).await,
            Err(error) if error.may_have_happened() => {
                told(false, Some("whether it was sent is not known".to_owned())).await
            }
            Err(error) if error.is_transient() && self.clock.now() - leased.created_at < TRIED_FOR => Err(error.into()),
            Err(error) => told(false, Some(in_words(&error))).await,
        }
    }
}

fn in_words(error: &TwilioError) -> String {
    match error.code() {
        Some(21_610) => "they have opted out of texts".to_owned(),
        Some(21_211 | 21_614) => "the number takes no texts".to_owned(),
        Some(21_408) => "the account may not text that country".to_owned(),
        Some(21_606) => "the brand's number cannot send texts".to_owned(),
        _ => error.to_string(),
    }
}
