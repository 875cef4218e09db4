//! What colleagues read in a conversation: one function a message. Everything from outside is escaped by its type.

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;

use crate::call::event::{Ending, LegEnd};
use crate::call::state::Call;
use crate::call::text_back::TextBack;
use crate::call::way_in::OutsideLine;
use crate::chatwoot::ChatwootText;
use crate::chatwoot::escape::{Note, note};
use crate::ids::AgentId;
use crate::phone_number::Caller;
use crate::rules::{Brand, Rules, zone};

/// The note when a call arrives.
pub(super) fn on_arrival(call: &Call, brand: &Brand) -> ChatwootText {
    let text = caller(note().bold("Incoming call").plain(" from "), call);
    text.plain(" for ").text(&brand.name).plain(" · ").text(&local_time(call.arrived_at, brand.time_zone)).finish()
}

/// The note when an answered call ended, or a supervisor's.
pub(super) fn on_end(call: &Call, rules: &Rules, owned_at: Option<DateTime<Utc>>) -> ChatwootText {
    if call.ending == Some(Ending::Supervisor) {
        let who = rules.supervisors.iter().find(|known| Some(&known.id) == call.codes.supervisor.as_ref());
        let text = note().bold("A supervisor's own call").plain(", to send calls to the operator line, or back");
        let text = who.map_or(text.clone(), |who| text.plain(": ").text(&who.name));
        return text.plain(". Nobody has to call back.").finish();
    }
    let owner = call.owner.as_ref().and_then(|owner| rules.find_agent(owner));
    let mut text = note().bold("Call ended");
    if let (Some(owned_at), Some(ended_at)) = (owned_at, call.ended_at) {
        text = text.plain(" after ").text(&span(ended_at - owned_at));
    }
    text = text.plain(".");
    if let Some(line) = call.line.as_ref().filter(|line| line.taken_at.is_some()) {
        let who = if is_operator(call, rules, line) { "The operator line took it." } else { "Another number took it." };
        text = text.line().plain(who);
    }
    if let Some(owner) = owner {
        text = text.line().text(&owner.name).plain(" took it");
        if let Some(owned_at) = owned_at {
            text = text.plain(" after ").text(&span(owned_at - call.arrived_at)).plain(" of waiting");
        }
        text = text.plain(". How did it go? Set the call outcome in this conversation.");
    }
    text.finish()
}

fn is_operator(call: &Call, rules: &Rules, line: &OutsideLine) -> bool {
    let brand = rules.find_brand(&call.brand);
    brand.and_then(|brand| brand.operator.as_ref()).is_some_and(|operator| operator.number == line.number)
}

/// The item for a voicemail; the audio is attached, unless Chatwoot would not have it.
pub(super) fn on_voicemail(call: &Call, brand: &Brand, has_audio: bool) -> ChatwootText {
    let seconds = TimeDelta::seconds(i64::from(call.voicemail.seconds));
    let at = call.voicemail.taken_at.unwrap_or(call.arrived_at);
    let text = note().plain("Voicemail, ").text(&span(seconds)).plain(" · ").text(&brand.name).plain(" · ");
    let text = caller(text.text(&local_time(at, brand.time_zone)).plain(" · from "), call);
    if has_audio {
        return text.finish();
    }
    text.line().plain("The recording is too large for Chatwoot. Whoever runs the phone system has it.").finish()
}

/// The item for a call that nobody took and that left no message.
pub(super) fn on_missed(call: &Call, brand: &Brand) -> ChatwootText {
    let words = match call.ending {
        Some(Ending::Abandoned) => "Missed call, the caller hung up while waiting",
        Some(Ending::AfterHoursMessage) => "Call out of hours, the caller heard the closed message",
        Some(
            Ending::Answered
            | Ending::Voicemail
            | Ending::Missed
            | Ending::Redirected
            | Ending::Blocked
            | Ending::Failed
            | Ending::Supervisor,
        )
        | None => "Missed call, no message",
    };
    let text = note().plain(words).plain(" · ").text(&brand.name).plain(" · ");
    caller(text.text(&local_time(call.arrived_at, brand.time_zone)).plain(" · from "), call).finish()
}

/// Why each phone did not answer; none if no phone rang.
pub(super) fn on_nobody(call: &Call, rules: &Rules) -> Option<ChatwootText> {
    if call.legs.is_empty() {
        return None;
    }
    let mut text = note().bold("Nobody answered").plain(".").line();
    for (index, leg) in call.legs.iter().enumerate() {
        if index > 0 {
            text = text.plain(" · ");
        }
        text = text.text(&name_of(rules, &leg.agent)).plain(": ").plain(leg.end.map_or("still ringing", end_in_words));
    }
    Some(text.finish())
}

/// What was said.
pub(super) fn on_transcript(transcript: &str) -> ChatwootText {
    note().bold("Transcript").paragraph().quote(transcript).finish()
}

/// The text to a caller who heard a message.
pub(super) fn on_text(text: &TextBack) -> ChatwootText {
    let note = match (text.sent, &text.why) {
        (Some(true), _) => note().bold("Text sent to the caller"),
        (_, Some(why)) => note().bold("No text sent to the caller").plain(": ").text(why),
        (_, None) => note().bold("No text sent to the caller"),
    };
    note.paragraph().quote(&text.words).finish()
}

/// To an agent whom the system put aside; in the conversation of the call that was the last they missed.
pub(super) fn on_pause(user: Option<i64>, name: &str, misses: u32, until: &str) -> ChatwootText {
    let text = match user {
        Some(user) => note().mention(user, name),
        None => note().text(name),
    };
    text.plain(" missed ")
        .text(&calls(misses))
        .plain(" in a row, so their phone is not rung until ")
        .text(until)
        .plain(". To take calls sooner, write `/phone on` as a private note in any conversation.")
        .finish()
}

/// To the supervisors: an agent keeps missing calls, and too few others take them.
pub(super) fn on_spared(supervisors: &[(i64, &str)], name: &str, misses: u32, brand: &Brand) -> ChatwootText {
    let mut text = note();
    for (user, name) in supervisors {
        text = text.mention(*user, name).plain(" ");
    }
    text.text(name)
        .plain(" missed ")
        .text(&calls(misses))
        .plain(" in a row and was not paused: too few others take calls for ")
        .text(&brand.name)
        .plain(" now.")
        .finish()
}

/// The name by which colleagues know an agent.
pub(super) fn name_of(rules: &Rules, agent: &AgentId) -> String {
    rules.find_agent(agent).map_or_else(|| agent.to_string(), |agent| agent.name.clone())
}

fn calls(number: u32) -> String {
    format!("{number} call{}", if number == 1 { "" } else { "s" })
}

fn end_in_words(end: LegEnd) -> &'static str {
    match end {
        LegEnd::Accepted => "took it",
        LegEnd::Declined => "declined",
        LegEnd::NoConfirm => "picked up, did not press 1",
        LegEnd::VoicemailSuspected => "went to a voicemail",
        LegEnd::NoAnswer => "no answer",
        LegEnd::Busy => "busy",
        LegEnd::Failed => "could not be reached",
        LegEnd::LostRace => "another was first",
        LegEnd::CallerLeft => "the caller left first",
    }
}

fn caller(text: Note, call: &Call) -> Note {
    let text = match &call.caller_name {
        Some(name) => text.text(name).plain(", "),
        None => text,
    };
    match &call.caller {
        Caller::Known(phone) => text.text(phone.as_e164()),
        Caller::Withheld | Caller::Other(_) => text.plain("a withheld number (cannot be called back)"),
    }
}

/// An instant as people in that zone say it: `Friday 20 November, 5:03 PM PST`.
pub(super) fn local_time(at: DateTime<Utc>, zone: Tz) -> String {
    let wall = zone::wall(zone, at).unwrap_or_else(|| at.naive_utc());
    format!("{} {}", wall.format("%A %-d %B, %-I:%M %p"), zone::abbreviation(zone, at))
}

/// A span in words: `9 s`, `1 min 05 s`, `1 h 02 min`.
pub(super) fn span(span: TimeDelta) -> String {
    let seconds = span.num_seconds().max(0);
    match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
        (0, 0, seconds) => format!("{seconds} s"),
        (0, minutes, seconds) => format!("{minutes} min {seconds:02} s"),
        (hours, minutes, _) => format!("{hours} h {minutes:02} min"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_and_instants_read_as_people_say_them() {
        assert_eq!(span(TimeDelta::seconds(9)), "9 s");
        assert_eq!(span(TimeDelta::seconds(65)), "1 min 05 s");
        assert_eq!(span(TimeDelta::seconds(3720)), "1 h 02 min");
        let at = "2026-11-21T01:03:00Z".parse().unwrap();
        assert_eq!(local_time(at, chrono_tz::America::Los_Angeles), "Friday 20 November, 5:03 PM PST");
    }
}
