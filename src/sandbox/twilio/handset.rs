//! What a person's verbs do to the exchange.

use serde_json::{Value, json};

use super::call::{By, Call, Direction, Doing, Frame, News, Place, Status};
use super::engine::Engine;
use super::journal::What;
use super::legs::NewLeg;
use super::numbers::{Params, add};
use super::phone::{PhoneAction, PhoneKind, Shown};
use super::schema::Context;

impl Engine {
    /// Does what a person wants; says why when it makes no sense now.
    pub(super) fn act(&mut self, number: &str, action: PhoneAction) -> Result<(), String> {
        if self.phone(number).is_none() {
            return Err(format!("there is no phone {number}"));
        }
        match action {
            PhoneAction::Dial { to } => self.phone_dials(number, number, &to, None),
            PhoneAction::DialWithheld { to } => self.phone_dials(number, "anonymous", &to, None),
            PhoneAction::DialForwarded { to, forwarded_from } => {
                self.phone_dials(number, number, &to, Some(forwarded_from))
            }
            PhoneAction::Answer => {
                let sid = self.ringing_leg(number).ok_or("it is not ringing")?;
                self.pick_up(&sid, false);
                Ok(())
            }
            PhoneAction::Decline => {
                let sid = self.ringing_leg(number).ok_or("it is not ringing")?;
                self.end(&sid, Status::Busy, By::Caller);
                Ok(())
            }
            PhoneAction::Voicemail => {
                let sid = self.ringing_leg(number).ok_or("it is not ringing")?;
                self.pick_up(&sid, true);
                Ok(())
            }
            PhoneAction::HangUp => {
                let sid = self.current_leg(number).ok_or("there is no call to hang up")?;
                self.hang_up_by_phone(&sid);
                Ok(())
            }
            PhoneAction::Keys(keys) => {
                if keys.is_empty() || !keys.chars().all(|key| key.is_ascii_digit() || matches!(key, '*' | '#')) {
                    return Err("keys are 0 to 9, * and #".to_owned());
                }
                let sid = self.talking_leg(number).ok_or("there is no call")?;
                self.press(&sid, &keys);
                Ok(())
            }
            PhoneAction::Speak(text) => {
                let sid = self.talking_leg(number).ok_or("there is no call")?;
                self.speak(&sid, &text, None);
                Ok(())
            }
            PhoneAction::SpeakFor { text, secs } => {
                let sid = self.talking_leg(number).ok_or("there is no call")?;
                self.speak(&sid, &text, Some(secs));
                Ok(())
            }
        }
    }

    fn legs_of(&self, number: &str) -> impl DoubleEndedIterator<Item = &Call> {
        let legs = self.phone(number).map(|phone| phone.legs.as_slice()).unwrap_or_default();
        legs.iter().filter_map(|sid| self.calls.get(sid)).filter(|call| call.is_live())
    }

    fn ringing_leg(&self, number: &str) -> Option<String> {
        self.legs_of(number)
            .find(|call| call.direction != Direction::Inbound && call.status == Status::Ringing)
            .map(|call| call.sid.clone())
    }

    /// The call in the person's ear: the one answered last.
    fn talking_leg(&self, number: &str) -> Option<String> {
        self.legs_of(number)
            .filter(|call| call.is_answered())
            .max_by_key(|call| call.answered_at)
            .map(|call| call.sid.clone())
    }

    fn current_leg(&self, number: &str) -> Option<String> {
        let dialling =
            self.legs_of(number).find(|call| call.direction == Direction::Inbound).map(|call| call.sid.clone());
        self.talking_leg(number).or(dialling).or_else(|| self.ringing_leg(number))
    }

    fn phone_dials(
        &mut self,
        number: &str,
        shown: &str,
        to: &str,
        forwarded_from: Option<String>,
    ) -> Result<(), String> {
        if self.legs_of(number).next().is_some() {
            return Err("it is in a call already".to_owned());
        }
        let Some(owned) = self.number(to).cloned() else {
            return Err(format!("nobody has the number {to}"));
        };
        let news = News { target: owned.status(), events: vec!["completed".to_owned()] };
        let leg = NewLeg {
            from: shown.to_owned(),
            to: to.to_owned(),
            direction: Direction::Inbound,
            parent: None,
            news,
            timeout_s: 0,
        };
        let sid = self.new_leg(leg);
        let now = self.now;
        let withheld = shown != number;
        let name = self.phone(number).map(|phone| phone.name.to_uppercase());
        if let Some(call) = self.calls.get_mut(&sid) {
            call.handset = Some(number.to_owned());
            call.started_at = Some(now);
            call.fallback = owned.fallback();
            call.withheld = withheld;
            call.forwarded_from.clone_from(&forwarded_from);
            call.caller_name = name.filter(|_| owned.caller_id_lookup && !withheld);
        }
        if let Some(phone) = self.phone_mut(number) {
            phone.legs.push(sid.clone());
            phone.since = now;
        }
        self.log(&sid, What::Dialled { to: to.to_owned() });
        self.hear(&sid, "ringback", "ringing");
        let caller_name = self.calls.get(&sid).and_then(|call| call.caller_name.clone());
        let mut extra = Params::new();
        let mut kind = "incoming-voice-request-anonymous";
        if let Some(forwarder) = forwarded_from {
            add(&mut extra, "ForwardedFrom", forwarder);
            kind = "incoming-voice-request-forwarded";
        } else if !withheld {
            add(&mut extra, "CallToken", format!("fake-call-token-{sid}"));
            add(&mut extra, "StirVerstat", "TN-Validation-Passed-A");
            if let Some(name) = caller_name {
                add(&mut extra, "CallerName", name);
            }
            kind = "incoming-voice-request";
        }
        match owned.voice() {
            Some(target) => self.fetch(&sid, target, Context::Call, extra, kind),
            None => {
                self.log(&sid, What::Warning("the number has no VoiceUrl".to_owned()));
                self.end(&sid, Status::Failed, By::Exchange);
            }
        }
        Ok(())
    }

    /// The `phones` array of the page's state.
    pub(super) fn phones_state(&self) -> Value {
        let phones = self.phones.iter().map(|phone| {
            let leg = self.current_leg(&phone.number).and_then(|sid| self.calls.get(&sid));
            let (state, with, wants) = match leg {
                None => ("idle", None, "nothing"),
                Some(call) if call.is_answered() => {
                    let other = if call.direction == Direction::Inbound { &call.to } else { &call.from };
                    ("in_call", Some(other.as_str()), Self::wants(call))
                }
                Some(call) if call.direction == Direction::Inbound => ("dialling", Some(call.to.as_str()), "nothing"),
                Some(call) => ("ringing", Some(call.from.as_str()), "nothing"),
            };
            phone.shown(&Shown { state, with, wants })
        });
        json!(phones.collect::<Vec<Value>>())
    }

    /// A leg that joins a conference by REST as soon as it is answered.
    pub(super) fn enter_when_answered(&mut self, sid: &str, document: String) {
        if let Some(call) = self.calls.get_mut(sid) {
            call.first_inline = Some(document);
            call.frame = Frame::empty(Context::Call);
            call.doing = Doing::Nothing;
            call.place = Place::Alone;
        }
    }

    /// Phones that are alone in a conference now, begun or not, and since when.
    pub(super) fn alone(&self) -> Vec<(String, super::engine::Instant)> {
        let mut alone = Vec::new();
        for conference in self.conferences.iter().filter(|conference| conference.status != "completed") {
            let [one] = conference.participants.as_slice() else {
                continue;
            };
            let left = self
                .journal
                .entries
                .iter()
                .rev()
                .find(|entry| entry.call_sid == one.call && entry.what == What::LeftAlone);
            let since = left.map_or(one.joined_at, |entry| entry.at.max(one.joined_at));
            if let Some(call) = self.calls.get(&one.call) {
                alone.push((super::engine::phone_number(call).to_owned(), since));
            }
        }
        alone
    }

    pub(super) fn add_phone(&mut self, number: &str, name: &str, kind: PhoneKind, behaviour: super::phone::Behaviour) {
        let since = self.now;
        self.phones.retain(|phone| phone.number != number);
        self.phones.push(super::phone::Phone {
            number: number.to_owned(),
            name: name.to_owned(),
            kind,
            agent_id: None,
            behaviour,
            legs: Vec::new(),
            since,
            heard: Vec::new(),
        });
        self.changed();
    }
}
