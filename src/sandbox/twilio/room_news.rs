//! What conferences tell the service (contract 4.4).

use super::engine::Engine;
use super::numbers::{Params, add, rfc2822};
use super::wire::Purpose;

impl Engine {
    /// Sends an event of a conference to the URL its first participant set.
    pub(super) fn room_news(
        &mut self,
        conference_sid: &str,
        event: &str,
        name: &'static str,
        sid: Option<&str>,
        extra: Params,
    ) {
        let (account, now, gap) = (self.account_sid.clone(), self.now, self.switches.sequence_gap);
        let Some(conference) = self.conference_mut(conference_sid) else {
            return;
        };
        let sequence = conference.sequence;
        conference.sequence = sequence.saturating_add(1).saturating_add(gap);
        let Some(target) =
            conference.callback.clone().filter(|_| conference.events.iter().any(|wanted| wanted == event))
        else {
            return;
        };
        let mut params = Params::new();
        add(&mut params, "AccountSid", account);
        add(&mut params, "ConferenceSid", conference_sid);
        add(&mut params, "FriendlyName", &conference.name);
        add(&mut params, "SequenceNumber", sequence.to_string());
        add(&mut params, "StatusCallbackEvent", name);
        add(&mut params, "Timestamp", rfc2822(now));
        if let Some(one) = sid.and_then(|sid| conference.participants.iter().find(|one| one.call == sid)) {
            add(&mut params, "CallSid", &one.call);
            add(&mut params, "Coaching", one.coach.is_some().to_string());
            add(&mut params, "EndConferenceOnExit", one.end_on_exit.to_string());
            add(&mut params, "Hold", one.hold.to_string());
            add(&mut params, "Muted", one.muted.to_string());
            add(&mut params, "StartConferenceOnEnter", one.start_on_enter.to_string());
            if let Some(label) = &one.label {
                add(&mut params, "ParticipantLabel", label);
            }
        }
        params.extend(extra);
        self.request(name, target, params, Purpose::News);
    }
}

/// `Reason` of the end of a conference.
pub(super) fn reason_in_words(reason: &str) -> &'static str {
    match reason {
        "conference-ended-via-api" => "Conference ended via API",
        "last-participant-left" => "Last participant left",
        "last-participant-kicked" => "Last participant kicked",
        _ => "Participant with endConferenceOnExit left",
    }
}

/// What the Dial action says after a conference: no leg, no duration (contract 4.3).
pub(super) fn conference_action(talked: bool) -> Params {
    let mut extra = Params::new();
    add(&mut extra, "DialBridged", talked.to_string());
    add(&mut extra, "DialCallStatus", "answered");
    extra
}
