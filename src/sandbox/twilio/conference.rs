//! Conferences: who is in, who waits, who hears whom (contract 2.6, 4.4).

use super::call::{By, Doing, Frame, InRoom, Place};
use super::engine::{Engine, Instant, Timer, phone_number};
use super::journal::What;
use super::numbers::{Params, add};
use super::room_news::{conference_action, reason_in_words};
use super::schema::Context;
use super::twiml::{Dial, Room};
use super::wire::Target;

#[derive(Debug, Clone)]
pub(super) struct Participant {
    pub(super) call: String,
    pub(super) label: Option<String>,
    pub(super) muted: bool,
    pub(super) hold: bool,
    pub(super) start_on_enter: bool,
    pub(super) end_on_exit: bool,
    pub(super) coach: Option<String>,
    pub(super) joined_at: Instant,
}

#[derive(Debug, Clone)]
pub(super) struct Conference {
    pub(super) sid: String,
    pub(super) name: String,
    pub(super) status: &'static str,
    pub(super) participants: Vec<Participant>,
    pub(super) callback: Option<Target>,
    pub(super) events: Vec<String>,
    pub(super) sequence: u32,
    pub(super) created_at: Instant,
    pub(super) updated_at: Instant,
    pub(super) record: Option<super::twiml::RecordingWishes>,
    pub(super) recording: Option<String>,
    pub(super) reason_ended: Option<&'static str>,
    pub(super) ended_by: Option<String>,
    pub(super) max: usize,
}

impl Engine {
    pub(super) fn conference(&self, sid: &str) -> Option<&Conference> {
        self.conferences.iter().find(|conference| conference.sid == sid)
    }

    pub(super) fn conference_mut(&mut self, sid: &str) -> Option<&mut Conference> {
        self.conferences.iter_mut().find(|conference| conference.sid == sid)
    }

    pub(super) fn in_room(&self, sid: &str) -> Option<&InRoom> {
        match &self.calls.get(sid)?.place {
            Place::InRoom(room) => Some(room),
            Place::Alone | Place::Dialling(_) | Place::Queued(_) | Place::Bridged { .. } => None,
        }
    }

    pub(super) fn enter_room(&mut self, sid: &str, dial: Dial, room: &Room) {
        let conference_sid = self.open_conference(room);
        let Some(conference) = self.conference(&conference_sid) else {
            return;
        };
        if let Some((code, why)) = refusal(conference, room) {
            self.violate(code, format!("{}: {why}", room.name));
            // A doubled label goes on with the next verb (contract 2.6).
            let action = dial.action.filter(|_| code != 16025);
            self.come_back(sid, action, conference_action(false), "dial-action");
            return;
        }
        let (joined_at, number) = (self.now, sid.to_owned());
        let participant = Participant {
            call: number,
            label: room.label.clone(),
            muted: room.muted,
            hold: false,
            start_on_enter: room.start_on_enter,
            end_on_exit: room.end_on_exit,
            coach: room.coach.clone(),
            joined_at,
        };
        if let Some(conference) = self.conference_mut(&conference_sid) {
            conference.participants.push(participant);
            conference.updated_at = joined_at;
        }
        self.turn(sid, Doing::Playing);
        let serial = self.next_serial();
        self.after_s(dial.time_limit_s, Timer::TimeLimit { call: sid.to_owned(), serial: Some(serial) });
        if let Some(call) = self.calls.get_mut(sid) {
            call.saved = Some(std::mem::replace(&mut call.frame, Frame::empty(Context::ConferenceWait)));
            call.place = Place::InRoom(Box::new(InRoom {
                serial,
                conference: conference_sid.clone(),
                room: room.clone(),
                dial: dial.clone(),
                recording: None,
                talked: false,
            }));
        }
        if let Some(wishes) = dial.record {
            let recording = self.open_recording(Some(sid), None, "DialVerb", &wishes, joined_at);
            if let Some(Place::InRoom(place)) = self.calls.get_mut(sid).map(|call| &mut call.place) {
                place.recording = Some(recording);
            }
        }
        self.room_news(&conference_sid, "join", "participant-join", Some(sid), Params::new());
        self.beep(&conference_sid, sid, &room.beep, "onEnter");
        self.begin_or_wait(&conference_sid, sid);
    }

    /// The running conference of this name, or a new one with the first participant's wishes.
    fn open_conference(&mut self, room: &Room) -> String {
        if let Some(running) = self.conferences.iter().find(|one| one.name == room.name && one.status != "completed") {
            return running.sid.clone();
        }
        let sid = self.fresh_sid("CF");
        self.conferences.push(Conference {
            sid: sid.clone(),
            name: room.name.clone(),
            status: "init",
            participants: Vec::new(),
            callback: room.status.clone(),
            events: room.events.clone(),
            sequence: self.switches.first_conference_sequence,
            created_at: self.now,
            updated_at: self.now,
            record: room.record.clone(),
            recording: None,
            reason_ended: None,
            ended_by: None,
            max: room.max_participants,
        });
        sid
    }

    fn beep(&mut self, conference: &str, sid: &str, beep: &str, moment: &str) {
        if beep == "true" || beep == moment {
            for other in self.others_in_room(conference, sid) {
                self.hear(&other, "beep", "somebody came or went");
            }
        }
    }

    /// Starts the conference when it can, joins a started one, or lets the newcomer wait.
    fn begin_or_wait(&mut self, conference_sid: &str, newcomer: &str) {
        let Some(conference) = self.conference(conference_sid) else {
            return;
        };
        let calls: Vec<String> = conference.participants.iter().map(|one| one.call.clone()).collect();
        let may_start = conference.participants.iter().any(|one| one.start_on_enter) && calls.len() >= 2;
        if !may_start {
            self.wait_in_room(newcomer);
            return;
        }
        let starts = conference.status == "init";
        let (now, wishes, recorded) = (self.now, conference.record.clone(), conference.recording.is_some());
        if starts {
            if let Some(conference) = self.conference_mut(conference_sid) {
                conference.status = "in-progress";
            }
            self.room_news(conference_sid, "start", "conference-start", None, Params::new());
        }
        if let Some(wishes) = wishes.filter(|_| !recorded) {
            let recording = self.open_recording(None, Some(conference_sid), "Conference", &wishes, now);
            if let Some(conference) = self.conference_mut(conference_sid) {
                conference.recording = Some(recording);
            }
        }
        self.talk(conference_sid, &calls);
    }

    fn talk(&mut self, conference_sid: &str, calls: &[String]) {
        let name = self.conference(conference_sid).map(|conference| conference.name.clone());
        for sid in calls {
            self.turn(sid, Doing::Playing);
            let with: Vec<String> = calls
                .iter()
                .filter(|other| *other != sid)
                .filter_map(|other| self.calls.get(other))
                .map(|call| phone_number(call).to_owned())
                .collect();
            if let Some(Place::InRoom(place)) = self.calls.get_mut(sid).map(|call| &mut call.place) {
                place.talked = true;
            }
            self.log(sid, What::Bridged { with, conference: name.clone() });
        }
    }

    fn wait_in_room(&mut self, sid: &str) {
        let wait = self.in_room(sid).and_then(|place| place.room.wait.clone());
        match wait {
            None => self.hear(sid, "play", "Twilio's hold music"),
            Some(target) if target.url.is_empty() => self.hear(sid, "silence", "waiting alone"),
            Some(target) => self.fetch(sid, target, Context::ConferenceWait, Params::new(), "conference-wait-url"),
        }
    }

    pub(super) fn others_in_room(&self, conference: &str, sid: &str) -> Vec<String> {
        let started = self.conference(conference).filter(|conference| conference.status == "in-progress");
        started
            .map(|conference| {
                let hears = |call: &str| conference.participants.iter().any(|one| one.call == call && !one.hold);
                let speaks = conference.participants.iter().any(|one| one.call == sid && !one.muted && !one.hold);
                conference
                    .participants
                    .iter()
                    .map(|one| one.call.clone())
                    .filter(|call| call != sid && speaks && hears(call))
                    .collect()
            })
            .unwrap_or_default()
    }

    /// A live leg is put out of its room; its Dial goes on with the action or the next verb.
    pub(super) fn leave_room(&mut self, sid: &str, reason: &str) {
        let Some(Place::InRoom(room)) =
            self.calls.get_mut(sid).map(|call| std::mem::replace(&mut call.place, Place::Alone))
        else {
            return;
        };
        self.out_of_room(sid, &room, reason);
        let extra = conference_action(room.talked);
        self.come_back(sid, room.dial.action, extra, "dial-action");
    }

    /// A leg is gone from its room, by hanging up or by a redirect.
    pub(super) fn room_left(&mut self, sid: &str, room: InRoom, by: By) {
        let live = self.calls.get(sid).is_some_and(|call| call.is_live());
        let reason = match (live, by) {
            (true, _) => "participant_updated_via_api",
            (false, By::Caller) => "participant_hung_up",
            (false, By::Service | By::Exchange) => "participant_updated_via_api",
        };
        self.out_of_room(sid, &room, reason);
        if !live
            && self.switches.dial_action_after_hangup
            && let Some(target) = room.dial.action
        {
            let extra = conference_action(room.talked);
            self.ask_after_hangup(sid, target, extra, "dial-action-caller-hung-up");
        }
    }

    fn out_of_room(&mut self, sid: &str, room: &InRoom, reason: &str) {
        if room.talked {
            self.log(sid, What::Unbridged);
        }
        if let Some(recording) = &room.recording {
            self.stop_recording(recording);
        }
        let mut extra = Params::new();
        let status = self.calls.get(sid).map_or("completed", |call| call.status.name());
        add(&mut extra, "ParticipantCallStatus", status);
        add(&mut extra, "ReasonParticipantLeft", reason);
        self.room_news(&room.conference, "leave", "participant-leave", Some(sid), extra);
        self.beep(&room.conference, sid, &room.room.beep, "onExit");
        let now = self.now;
        let Some(conference) = self.conference_mut(&room.conference) else {
            return;
        };
        let ends = conference.participants.iter().any(|one| one.call == sid && one.end_on_exit);
        let label = conference.participants.iter().find(|one| one.call == sid).and_then(|one| one.label.clone());
        conference.participants.retain(|one| one.call != sid);
        conference.updated_at = now;
        let left: Vec<String> = conference.participants.iter().map(|one| one.call.clone()).collect();
        if conference.status == "completed" {
            return;
        }
        if ends || left.is_empty() {
            let reason = if ends { "participant-with-end-conference-on-exit-left" } else { "last-participant-left" };
            self.end_conference(&room.conference, reason, Some((sid, label)));
        } else {
            self.rearrange(&left);
        }
    }

    /// Who is left talks on, or waits alone.
    fn rearrange(&mut self, left: &[String]) {
        let Some(first) = left.first() else { return };
        let Some(place) = self.in_room(first).cloned() else {
            return;
        };
        if left.len() >= 2 {
            if self.conference(&place.conference).is_some_and(|conference| conference.status == "in-progress") {
                self.talk(&place.conference, left);
            }
            return;
        }
        if place.talked {
            self.log(first, What::LeftAlone);
            self.wait_in_room(first);
        }
    }

    /// Ends a conference; whoever is in it goes on with their own document.
    pub(super) fn end_conference(
        &mut self,
        conference_sid: &str,
        reason: &'static str,
        by: Option<(&str, Option<String>)>,
    ) {
        let now = self.now;
        let Some(conference) =
            self.conference_mut(conference_sid).filter(|conference| conference.status != "completed")
        else {
            return;
        };
        conference.status = "completed";
        conference.reason_ended = Some(reason);
        conference.ended_by = by.as_ref().map(|(sid, _)| (*sid).to_owned());
        conference.updated_at = now;
        let recording = conference.recording.clone();
        let left: Vec<String> = conference.participants.iter().map(|one| one.call.clone()).collect();
        let why = if reason == "conference-ended-via-api" {
            "conference_ended_via_api"
        } else {
            "moderator_ended_conference"
        };
        for sid in left {
            self.leave_room(&sid, why);
        }
        if let Some(recording) = recording {
            self.stop_recording(&recording);
        }
        let mut extra = Params::new();
        let (sid, label) = by.map(|(sid, label)| (sid.to_owned(), label.unwrap_or_default())).unwrap_or_default();
        add(&mut extra, "CallSidEndingConference", sid);
        add(&mut extra, "ParticipantLabelEndingConference", label);
        add(&mut extra, "Reason", reason_in_words(reason));
        add(&mut extra, "ReasonConferenceEnded", reason);
        self.room_news(conference_sid, "end", "conference-end", None, extra);
    }
}

/// Why nobody may enter with these wishes.
fn refusal(conference: &Conference, room: &Room) -> Option<(u32, &'static str)> {
    let others = &conference.participants;
    if room.label.is_some() && others.iter().any(|other| other.label == room.label) {
        return Some((16025, "the participant label is taken"));
    }
    if room.coach.as_ref().is_some_and(|coach| !others.iter().any(|other| &other.call == coach)) {
        return Some((13240, "the call to coach is not in the conference"));
    }
    (others.len() >= conference.max).then_some((12200, "the conference is full"))
}
