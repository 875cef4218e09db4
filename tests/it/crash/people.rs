//! People who do what people do, whatever the service makes of it: they look at their phone and act on what they see.

use chrono::{DateTime, TimeDelta, Utc};
use offhook::sandbox::stories::ACME;
use offhook::sandbox::twilio::PhoneAction;

use crate::exchange::town::Town;

/// A person talks, and speaks on a voicemail, so long.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    pub talks: TimeDelta,
    pub speaks_s: u32,
    /// A caller who hangs up does so after so long.
    pub patience: TimeDelta,
    /// Nobody stays longer, whatever happens.
    pub stays_max: TimeDelta,
}

/// What a customer is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wish {
    /// To talk, or else to leave a message.
    Stay,
    /// To hang up while it rings.
    GiveUp,
}

/// A customer, from the dialling to the end.
pub struct Customer {
    pub phone: &'static str,
    pub wish: Wish,
    pace: Pace,
    dialled_at: Option<DateTime<Utc>>,
    spoke_at: Option<DateTime<Utc>>,
    /// The phone was put down: whoever calls from it next is somebody else.
    is_over: bool,
    /// When a caller hung up who had held on for longer than anybody should have to.
    pub gave_up_at: Option<DateTime<Utc>>,
}

impl Customer {
    pub fn new(phone: &'static str, wish: Wish, pace: Pace) -> Self {
        Self { phone, wish, pace, dialled_at: None, spoke_at: None, is_over: false, gave_up_at: None }
    }

    /// Whether the call is over.
    pub fn is_done(&self, town: &Town) -> bool {
        self.is_over || (self.dialled_at.is_some() && town.look_at(self.phone).0 == "idle")
    }

    /// Looks at the phone and does what is to be done; whether anything was.
    pub async fn live(&mut self, town: &Town, agents: &[&str]) -> bool {
        if self.is_over {
            return false;
        }
        let now = town.now();
        let Some(dialled_at) = self.dialled_at else {
            let is_dialled = town.act(self.phone, PhoneAction::Dial { to: ACME.to_owned() }).await;
            self.dialled_at = is_dialled.then_some(now);
            return is_dialled;
        };
        let (state, wants) = town.look_at(self.phone);
        if state == "idle" {
            self.is_over = true;
            return false;
        }
        let talks = agents.iter().find_map(|agent| town.talk_since(self.phone, agent));
        let gives_up = self.wish == Wish::GiveUp && talks.is_none() && now - dialled_at >= self.pace.patience;
        if gives_up || talks.is_some_and(|since| now - since >= self.pace.talks) {
            return town.act(self.phone, PhoneAction::HangUp).await;
        }
        if let Some(spoke_at) = self.spoke_at {
            let has_spoken = now - spoke_at > TimeDelta::seconds(i64::from(self.pace.speaks_s));
            return has_spoken && town.act(self.phone, PhoneAction::HangUp).await;
        }
        if wants == "speech" && talks.is_none() {
            let words = PhoneAction::SpeakFor { text: "Please call me back.".to_owned(), secs: self.pace.speaks_s };
            let has_begun = town.act(self.phone, words).await;
            self.spoke_at = has_begun.then_some(now);
            return has_begun;
        }
        if talks.is_none() && now - dialled_at > self.pace.stays_max {
            self.gave_up_at = Some(now);
            return town.act(self.phone, PhoneAction::HangUp).await;
        }
        false
    }
}

/// An agent who takes every call.
pub struct Agent {
    pub phone: &'static str,
    answered_at: Option<DateTime<Utc>>,
    has_pressed: bool,
    /// From picking up to pressing the key.
    pub thinks: TimeDelta,
}

impl Agent {
    pub fn new(phone: &'static str, thinks: TimeDelta) -> Self {
        Self { phone, answered_at: None, has_pressed: false, thinks }
    }

    /// Looks at the phone and does what is to be done; whether anything was.
    pub async fn live(&mut self, town: &Town) -> bool {
        let now = town.now();
        match town.look_at(self.phone).0.as_str() {
            "ringing" => {
                let is_answered = town.act(self.phone, PhoneAction::Answer).await;
                (self.answered_at, self.has_pressed) = (is_answered.then_some(now), false);
                is_answered
            }
            "in_call" if !self.has_pressed && self.answered_at.is_some_and(|at| now - at >= self.thinks) => {
                self.has_pressed = true;
                town.act(self.phone, PhoneAction::Keys("1".to_owned())).await
            }
            _ => false,
        }
    }
}
