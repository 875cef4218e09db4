//! `<Gather>` and `<Record>`: what the person at the phone gives (contract 2.3, 2.8).

use chrono::TimeDelta;

use super::call::{Call, Doing, Gathering, Recording, whole_seconds};
use super::engine::{Engine, Instant, Timer};
use super::interpreter::{Then, speech_ms};
use super::journal::What;
use super::numbers::{Params, add};
use super::schema::Context;
use super::switches::{EmptyRecord, StrayKeys};
use super::twiml::{Gather, Record, Verb};

/// Milliseconds of the beep before a recording.
const BEEP_MS: u64 = 500;

impl Engine {
    pub(super) fn gather(&mut self, sid: &str, verb: Gather) -> Then {
        self.turn(sid, Doing::Gathering(Box::new(Gathering { verb, digits: String::new() })));
        let kept = self.calls.get_mut(sid).map(|call| std::mem::take(&mut call.kept_keys)).unwrap_or_default();
        self.next_prompt(sid);
        for key in kept.chars() {
            self.gathered(sid, key);
        }
        Then::Wait
    }

    fn gathering(&mut self, sid: &str) -> Option<&mut Gathering> {
        match &mut self.calls.get_mut(sid)?.doing {
            Doing::Gathering(gathering) => Some(gathering),
            Doing::Nothing | Doing::Playing | Doing::Fetching | Doing::Recording(_) => None,
        }
    }

    /// Plays the next prompt; after the last, waits for keys.
    pub(super) fn next_prompt(&mut self, sid: &str) {
        let Some(gathering) = self.gathering(sid) else {
            return;
        };
        let timeout = gathering.verb.timeout_s;
        let prompt = gathering.verb.prompts.pop_front();
        let Some(epoch) = self.calls.get(sid).map(|call| call.epoch) else {
            return;
        };
        let millis = match prompt {
            None => {
                self.after_s(timeout, Timer::Quiet { call: sid.to_owned(), epoch });
                return;
            }
            Some(Verb::Say { text, loops }) => {
                self.hear(sid, "say", &text);
                speech_ms(&text).saturating_mul(loops)
            }
            Some(Verb::Play { url, loops }) => {
                self.fetch_sound(sid, url, loops);
                return;
            }
            Some(Verb::Pause { seconds }) => seconds.saturating_mul(1000),
            Some(_) => 0,
        };
        self.after_ms(millis, Timer::Step { call: sid.to_owned(), epoch });
    }

    /// Keys are pressed on the phone at the leg's end.
    pub(super) fn press(&mut self, sid: &str, keys: &str) {
        self.log(sid, What::Pressed(keys.to_owned()));
        for key in keys.chars() {
            self.press_one(sid, key);
        }
    }

    fn press_one(&mut self, sid: &str, key: char) {
        let star_hangs_up = self
            .dialling(sid)
            .filter(|dial| dial.verb.hangup_on_star && key == '*')
            .and_then(|dial| dial.bridged.clone());
        if let Some((other, _)) = star_hangs_up {
            self.end(&other, super::call::Status::Completed, super::call::By::Exchange);
            return;
        }
        if key == '*' && self.in_room(sid).is_some_and(|room| room.dial.hangup_on_star) {
            self.leave_room(sid, "participant_hung_up");
            return;
        }
        match self.calls.get(sid).map(|call| &call.doing) {
            Some(Doing::Gathering(gathering)) if gathering.verb.dtmf => self.gathered(sid, key),
            Some(Doing::Recording(recording))
                if self.now >= recording.from && recording.verb.finish_on_key.contains(key) =>
            {
                self.record_ends(sid, Some(key));
            }
            // A key that does not end a recording is a sound on it.
            Some(Doing::Recording(_)) => {}
            Some(_) => {
                if self.switches.stray_keys == StrayKeys::Kept
                    && let Some(call) = self.calls.get_mut(sid)
                {
                    call.kept_keys.push(key);
                }
            }
            None => {}
        }
    }

    fn gathered(&mut self, sid: &str, key: char) {
        let Some(gathering) = self.gathering(sid) else {
            return;
        };
        let finishes = gathering.verb.finish_on_key == Some(key);
        if !finishes {
            gathering.digits.push(key);
        }
        // A key stops the prompt.
        gathering.verb.prompts.clear();
        let full = gathering.verb.num_digits.is_some_and(|wanted| gathering.digits.chars().count() >= wanted);
        let timeout = gathering.verb.timeout_s;
        if finishes || full {
            self.gather_ends(sid);
            return;
        }
        let Some(call) = self.calls.get_mut(sid) else {
            return;
        };
        // A new epoch voids the prompt's timer and the wait before this key.
        call.epoch = call.epoch.saturating_add(1);
        let epoch = call.epoch;
        self.after_s(timeout, Timer::Quiet { call: sid.to_owned(), epoch });
    }

    /// The wait of a `<Gather>` or the silence of a `<Record>` is long enough.
    pub(super) fn quiet(&mut self, sid: &str) {
        match self.calls.get(sid).map(|call| &call.doing) {
            Some(Doing::Gathering(_)) => self.gather_ends(sid),
            Some(Doing::Recording(recording)) => {
                if self.now >= silent_long_enough_at(recording) {
                    self.record_ends(sid, None);
                }
            }
            Some(Doing::Nothing | Doing::Playing | Doing::Fetching) | None => {}
        }
    }

    fn gather_ends(&mut self, sid: &str) {
        let Some(gathering) = self.gathering(sid).map(|gathering| gathering.clone()) else {
            return;
        };
        let context = self.calls.get(sid).map_or(Context::Call, |call| call.frame.context);
        let empty = gathering.digits.is_empty();
        if empty && !gathering.verb.action_on_empty {
            self.turn(sid, Doing::Nothing);
            self.run(sid);
            return;
        }
        let mut extra = Params::new();
        if !empty || self.switches.empty_gather_has_digits {
            add(&mut extra, "Digits", gathering.digits);
        }
        let kind = if context == Context::Screen {
            add(&mut extra, "FinishedOnKey", "");
            add(&mut extra, "msg", "Gather End");
            "number-screen-gather-action"
        } else if empty {
            "gather-action-empty"
        } else {
            "gather-action-digits"
        };
        self.fetch(sid, gathering.verb.action, context, extra, kind);
    }

    /// The person at the phone says something, which takes `secs`, or as long as the words take.
    pub(super) fn speak(&mut self, sid: &str, text: &str, secs: Option<u32>) {
        self.log(sid, What::Spoke(text.to_owned()));
        let millis = secs.map_or_else(|| speech_ms(text), |secs| u64::from(secs).saturating_mul(1000));
        match self.calls.get(sid).map(|call| &call.doing) {
            Some(Doing::Recording(_)) => self.speak_into_recording(sid, text, millis),
            Some(Doing::Gathering(gathering)) if gathering.verb.speech => {
                let (action, language) = (gathering.verb.action.clone(), gathering.verb.language.clone());
                let context = self.calls.get(sid).map_or(Context::Call, |call| call.frame.context);
                let mut extra = Params::new();
                add(&mut extra, "Confidence", "0.9128");
                add(&mut extra, "Language", language);
                add(&mut extra, "SpeechResult", text);
                self.fetch(sid, action, context, extra, "gather-action-speech");
            }
            Some(_) => {
                for other in self.listeners(sid) {
                    self.hear(&other, "party", text);
                }
            }
            None => {}
        }
    }

    fn speak_into_recording(&mut self, sid: &str, text: &str, millis: u64) {
        let now = self.now;
        let Some(call) = self.calls.get_mut(sid) else {
            return;
        };
        let epoch = call.epoch;
        let Doing::Recording(recording) = &mut call.doing else {
            return;
        };
        // Words before the beep are lost.
        let begins = now.max(recording.from).max(recording.heard_until.unwrap_or(now));
        let until = begins + TimeDelta::milliseconds(i64::try_from(millis).unwrap_or(0));
        recording.heard_from.get_or_insert(begins);
        recording.heard_until = Some(until);
        if !recording.text.is_empty() {
            recording.text.push(' ');
        }
        recording.text.push_str(text);
        if recording.verb.timeout_s > 0 {
            // To the microsecond: a timer that is early by a fraction of a millisecond finds no silence and never comes again.
            let ends = silent_long_enough_at(recording);
            self.at(ends, Timer::Quiet { call: sid.to_owned(), epoch });
        }
    }

    pub(super) fn record(&mut self, sid: &str, verb: Record) -> Then {
        let beep_ms = if verb.beep { BEEP_MS } else { 0 };
        let from = self.now + TimeDelta::milliseconds(i64::try_from(beep_ms).unwrap_or(0));
        let recording_sid = self.open_recording(Some(sid), None, "RecordVerb", &verb.wishes, from);
        if verb.beep {
            self.hear(sid, "beep", "a tone");
        }
        let recording =
            Recording { verb, sid: recording_sid, from, heard_from: None, heard_until: None, text: String::new() };
        let epoch = self.turn(sid, Doing::Recording(Box::new(recording)));
        self.after_ms(beep_ms, Timer::Step { call: sid.to_owned(), epoch });
        Then::Wait
    }

    pub(super) fn beep_over(&mut self, sid: &str) {
        let Some(call) = self.calls.get(sid) else {
            return;
        };
        let Doing::Recording(recording) = &call.doing else {
            return;
        };
        let (epoch, max, timeout) = (call.epoch, recording.verb.max_length_s, recording.verb.timeout_s);
        self.after_s(max, Timer::RecordFull { call: sid.to_owned(), epoch });
        if timeout > 0 {
            self.after_s(timeout, Timer::Quiet { call: sid.to_owned(), epoch });
        }
    }

    /// A `<Record>` ends while the call lives.
    pub(super) fn record_ends(&mut self, sid: &str, key: Option<char>) {
        let Some(Doing::Recording(recording)) = self.calls.get(sid).map(|call| call.doing.clone()) else {
            return;
        };
        self.turn(sid, Doing::Nothing);
        let heard = self.close_record(&recording);
        let mut extra = Params::new();
        if heard || self.switches.empty_record != EmptyRecord::NextVerb {
            self.record_params(&mut extra, &recording, heard);
            add(&mut extra, "Digits", key.map(String::from).unwrap_or_default());
            let context = self.calls.get(sid).map_or(Context::Call, |call| call.frame.context);
            self.fetch(sid, recording.verb.action.clone(), context, extra, "record-action");
        } else {
            self.run(sid);
        }
    }

    /// The caller hung up during a `<Record>`: the action is still asked for (contract 2.8).
    pub(super) fn record_ended_by_hangup(&mut self, sid: &str, recording: Recording) {
        let heard = self.close_record(&recording);
        if !heard && self.switches.empty_record == EmptyRecord::NextVerb {
            return;
        }
        let mut extra = Params::new();
        self.record_params(&mut extra, &recording, heard);
        add(&mut extra, "Digits", "hangup");
        self.fetch_ignored(sid, recording.verb.action, extra, "record-action-hangup");
    }

    /// A redirect takes the call out of a `<Record>`.
    pub(super) fn record_abandoned(&mut self, _sid: &str, recording: &Recording) {
        self.close_record(recording);
    }

    fn record_params(&self, extra: &mut Params, recording: &Recording, heard: bool) {
        if heard {
            let seconds =
                self.recordings.iter().find(|file| file.sid == recording.sid).map_or(0, |file| file.duration_s);
            add(extra, "RecordingDuration", seconds.to_string());
            add(extra, "RecordingSid", &recording.sid);
            add(extra, "RecordingUrl", self.recording_url(&recording.sid));
        } else if self.switches.empty_record == EmptyRecord::ActionEmptyUrl {
            add(extra, "RecordingDuration", "0");
            add(extra, "RecordingSid", "");
            add(extra, "RecordingUrl", "");
        }
    }

    /// Stops the recording; says whether there is anything on it.
    fn close_record(&mut self, recording: &Recording) -> bool {
        let spoken = spoken_s(recording, self.now);
        let elapsed = whole_seconds(self.now - recording.from);
        let seconds = if recording.verb.wishes.trim { spoken } else { elapsed };
        let heard = seconds > 0;
        let text = if spoken > 0 { recording.text.clone() } else { String::new() };
        let transcribe = recording.verb.transcribe.then(|| recording.verb.transcribe_callback.clone());
        self.finish_recording(&recording.sid, seconds, text, transcribe);
        heard
    }

    /// The other legs that hear what this one says.
    pub(super) fn listeners(&self, sid: &str) -> Vec<String> {
        let Some(call) = self.calls.get(sid) else {
            return Vec::new();
        };
        match &call.place {
            super::call::Place::Bridged { with, .. } => vec![with.clone()],
            super::call::Place::Dialling(dial) => dial.bridged.iter().map(|(other, _)| other.clone()).collect(),
            super::call::Place::InRoom(room) => self.others_in_room(&room.conference, sid),
            super::call::Place::Queued(queued) => {
                queued.bridged_since.and(queued.taken_by.clone()).into_iter().collect()
            }
            super::call::Place::Alone => Vec::new(),
        }
    }

    /// What a phone's person could usefully do now: `nothing`, `keys` or `speech`.
    pub(super) fn wants(call: &Call) -> &'static str {
        match &call.doing {
            Doing::Gathering(gathering) if gathering.verb.dtmf => "keys",
            Doing::Gathering(_) | Doing::Recording(_) => "speech",
            Doing::Nothing | Doing::Playing | Doing::Fetching => "nothing",
        }
    }
}

/// When the silence after the last word, or after the tone, ends a recording.
fn silent_long_enough_at(recording: &Recording) -> Instant {
    let timeout = i64::try_from(recording.verb.timeout_s).unwrap_or(i64::MAX / 1000);
    recording.heard_until.unwrap_or(recording.from) + TimeDelta::seconds(timeout)
}

/// Whole seconds from the first word to the last, as far as `now`; 0 when nothing was said.
fn spoken_s(recording: &Recording, now: Instant) -> i64 {
    match (recording.heard_from, recording.heard_until) {
        (Some(from), Some(until)) => whole_seconds(until.min(now) - from),
        _ => 0,
    }
}
