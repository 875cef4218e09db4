//! `Conferences` and their `Participants` over REST (contract 5.3).

use serde_json::Value;

use super::call::{Direction, News};
use super::conference::{Conference, Participant};
use super::engine::Engine;
use super::legs::NewLeg;
use super::numbers::Params;
use super::openapi::{Form, Refusal};
use super::rest::{Answer, Asked};
use super::rest_calls::{in_range, target};
use super::schema::is_e164;

impl Engine {
    pub(super) fn list_conferences(&self, form: &Form, asked: &Asked<'_>) -> Answer {
        let fits = |one: &&Conference| {
            form.one("FriendlyName").is_none_or(|name| name == one.name)
                && form.one("Status").is_none_or(|status| status == one.status)
                && in_range(form, "DateCreated", Some(one.created_at))
                && in_range(form, "DateUpdated", Some(one.updated_at))
        };
        let all: Vec<Value> = self.conferences.iter().rev().filter(fits).map(|one| self.conference_json(one)).collect();
        self.page(asked, "conferences", form, all)
    }

    pub(super) fn update_conference(&mut self, sid: &str, form: &Form) -> Option<Result<Answer, Refusal>> {
        let conference = self.conference(sid)?;
        if form.one("Status") == Some("completed") {
            if conference.status == "completed" {
                return Some(Err(Refusal::world(400, 20409, "the conference is over")));
            }
            self.end_conference(sid, "conference-ended-via-api", None);
        }
        Some(Ok(Answer::Json(200, self.conference_json(self.conference(sid)?))))
    }

    pub(super) fn list_participants(
        &self,
        sid: &str,
        form: &Form,
        asked: &Asked<'_>,
    ) -> Option<Result<Answer, Refusal>> {
        let conference = self.conference(sid)?;
        let fits = |one: &&Participant| {
            let same = |name: &str, value: bool| form.flag(name).is_none_or(|wanted| wanted == value);
            same("Muted", one.muted) && same("Hold", one.hold) && same("Coaching", one.coach.is_some())
        };
        let all: Vec<Value> =
            conference.participants.iter().filter(fits).map(|one| self.participant_json(sid, one)).collect();
        Some(Ok(self.page(asked, "participants", form, all)))
    }

    /// Rings a phone into a conference; it joins on answer, without being asked.
    pub(super) fn create_participant(&mut self, room: &str, form: &Form) -> Result<Answer, Refusal> {
        let (to, from) =
            (form.one("To").unwrap_or_default().to_owned(), form.one("From").unwrap_or_default().to_owned());
        if !is_e164(&to) {
            return Err(Refusal::bad(
                21211,
                format!("The phone number you are attempting to call, {to}, is not valid."),
            ));
        }
        if self.number(&from).is_none() {
            return Err(Refusal::bad(
                21210,
                format!("The source phone number provided, {from}, is not yet verified for your account."),
            ));
        }
        let name = self.conference(room).map_or_else(|| room.to_owned(), |conference| conference.name.clone());
        let news = News {
            target: target(form, "StatusCallback", "StatusCallbackMethod"),
            events: form.all("StatusCallbackEvent"),
        };
        let timeout_s = form.number("Timeout").unwrap_or(60);
        let sid = self.new_leg(NewLeg { from, to, direction: Direction::OutboundApi, parent: None, news, timeout_s });
        let document = room_document(form, &name);
        self.enter_when_answered(&sid, document);
        let participant = Participant {
            call: sid.clone(),
            label: form.one("Label").map(str::to_owned),
            muted: form.flag("Muted").unwrap_or(false),
            hold: false,
            start_on_enter: form.flag("StartConferenceOnEnter").unwrap_or(true),
            end_on_exit: form.flag("EndConferenceOnExit").unwrap_or(false),
            coach: None,
            joined_at: self.now,
        };
        self.queue_start(&sid);
        let conference = self
            .conferences
            .iter()
            .find(|one| one.name == name && one.status != "completed")
            .map(|one| one.sid.clone());
        let mut body = self.participant_json(&conference.unwrap_or_default(), &participant);
        if let Some(fields) = body.as_object_mut() {
            fields.insert("status".to_owned(), Value::from("queued"));
            fields.insert("queue_time".to_owned(), Value::from("0"));
        }
        Ok(Answer::Json(201, body))
    }

    pub(super) fn participant(
        &mut self,
        method: &str,
        sid: &str,
        who: &str,
        form: &Form,
    ) -> Option<Result<Answer, Refusal>> {
        let conference = self.conference(sid)?;
        let found =
            conference.participants.iter().find(|one| one.call == who || one.label.as_deref() == Some(who))?.clone();
        match method {
            "delete" => {
                self.leave_room(&found.call, "participant_updated_via_api");
                Some(Ok(Answer::Empty(204)))
            }
            "post" => {
                self.update_participant(sid, &found.call, form);
                let one = self.conference(sid)?.participants.iter().find(|one| one.call == found.call)?;
                Some(Ok(Answer::Json(200, self.participant_json(sid, one))))
            }
            _ => Some(Ok(Answer::Json(200, self.participant_json(sid, &found)))),
        }
    }

    fn update_participant(&mut self, sid: &str, call: &str, form: &Form) {
        let (muted, hold, ends) = (form.flag("Muted"), form.flag("Hold"), form.flag("EndConferenceOnExit"));
        let Some(one) =
            self.conference_mut(sid).and_then(|room| room.participants.iter_mut().find(|one| one.call == call))
        else {
            return;
        };
        one.muted = muted.unwrap_or(one.muted);
        one.hold = hold.unwrap_or(one.hold);
        one.end_on_exit = ends.unwrap_or(one.end_on_exit);
        if let Some(muted) = muted {
            let name = if muted { "participant-mute" } else { "participant-unmute" };
            self.room_news(sid, "mute", name, Some(call), Params::new());
        }
        if let Some(hold) = hold {
            let name = if hold { "participant-hold" } else { "participant-unhold" };
            self.room_news(sid, "hold", name, Some(call), Params::new());
            self.hear(call, "play", if hold { "hold music" } else { "the conference again" });
        }
        if ends.is_some() {
            self.room_news(sid, "modify", "participant-modify", Some(call), Params::new());
        }
    }
}

/// The document that takes a leg into a conference as the request wishes.
fn room_document(form: &Form, name: &str) -> String {
    let escaped = |text: &str| text.replace('&', "&amp;").replace('"', "&quot;").replace('<', "&lt;");
    let mut attributes = String::new();
    for (parameter, attribute) in [
        ("Label", "participantLabel"),
        ("StartConferenceOnEnter", "startConferenceOnEnter"),
        ("EndConferenceOnExit", "endConferenceOnExit"),
        ("Muted", "muted"),
        ("Beep", "beep"),
        ("WaitUrl", "waitUrl"),
        ("MaxParticipants", "maxParticipants"),
        ("ConferenceStatusCallback", "statusCallback"),
    ] {
        if let Some(value) = form.one(parameter) {
            attributes.push_str(&format!(" {attribute}=\"{}\"", escaped(value)));
        }
    }
    format!("<Response><Dial><Conference{attributes}>{}</Conference></Dial></Response>", escaped(name))
}
