//! The core's replies as documents. Source: contract section 2, DESIGN.md section 4.

use chrono::{DateTime, Utc};

use super::audio::ringback_path;
use super::urls::{Addresses, Door, Minted};
use super::verb::{Verb, write_document};
use crate::call::reply::{PhoneToRing, Reply, RoomSeat};
use crate::call::state::{Call, Stage};
use crate::phone_number::PhoneNumber;
use crate::rules::DialTarget;

/// The most phones of one simultaneous dial. Source: contract section 2.4.
pub const PHONES_TOGETHER_MAX: usize = 10;

/// Seconds to listen for a key after the words to an agent.
const KEY_AFTER_WORDS_S: u32 = 3;

/// What a document needs beyond the reply.
#[derive(Clone, Copy)]
pub struct RenderContext<'a> {
    /// The call, as saved.
    pub call: &'a Call,
    /// Mints the addresses.
    pub addresses: &'a Addresses,
    /// The brand's voice, such as `Polly.Joanna-Neural`.
    pub voice: &'a str,
    /// Its language, such as `en-US`.
    pub language: &'a str,
    /// The brand's number, which agents see.
    pub caller_id: &'a PhoneNumber,
    /// The longest talk, in seconds, 1 to 14400.
    pub talk_limit_s: u32,
    /// The destination policy; a phone it does not approve is left out.
    pub approve: &'a dyn Fn(&PhoneNumber) -> Option<DialTarget>,
}

/// The document for a reply, below 64 kB. `now` dates the addresses in it.
#[must_use]
pub fn render(reply: &Reply, context: &RenderContext<'_>, now: DateTime<Utc>) -> String {
    let page = Page { context, now };
    let verbs = match reply {
        Reply::Nothing | Reply::Bridge => Vec::new(),
        Reply::Refuse => vec![Verb::new("Reject")],
        Reply::Hold => page.hold(),
        Reply::Challenge { turn, words, listen_s } => page.challenge(*turn, words, *listen_s),
        Reply::AskCode { in_queue } => page.ask_code(*in_queue),
        Reply::AskSwitch { words } => page.ask_switch(words),
        Reply::AskMenu { turn, prompt, wait_s } => page.ask_menu(*turn, prompt, *wait_s),
        Reply::SayNotice { turn, words, is_cut_by_keys } => page.say_notice(*turn, words, *is_cut_by_keys),
        Reply::RingLine { attempt, number, ring_s, screened, words } => {
            page.ring_line(*attempt, number, *ring_s, *screened, words.as_deref())
        }
        Reply::AskLine { attempt, words, listen_s } => page.ask_line(*attempt, words, *listen_s),
        Reply::Wait { words, listens } => page.wait(words.as_deref(), *listens),
        Reply::KeepWaiting { seconds, listens, step } => vec![page.keep_waiting(*seconds, *listens, *step)],
        Reply::LeaveQueue => vec![Verb::new("Leave")],
        Reply::OneMoment => page.come_in_again(),
        Reply::RingTogether { round, ring_s, phones, words } => {
            let said = words.as_deref().and_then(|words| page.say(words));
            said.into_iter().chain([page.ring_together(*round, *ring_s, phones)]).collect()
        }
        Reply::AskToAccept { leg, words, listen_s, screening } => {
            page.ask_to_accept(*leg, words, *listen_s, *screening)
        }
        Reply::JoinRoom { who } => vec![page.join_room(*who)],
        Reply::TakeVoicemail { greeting, max_length_s, transcribe } => {
            page.take_voicemail(greeting, *max_length_s, *transcribe)
        }
        Reply::SayAndHangUp { words } => page.say(words).into_iter().chain([Verb::new("Hangup")]).collect(),
        Reply::HangUp => vec![Verb::new("Hangup")],
    };
    write_document(verbs)
}

/// Words and the end of the call, where no call is known.
#[must_use]
pub fn say_and_hang_up(words: &str, voice: &str, language: &str) -> String {
    write_document(Verb::say(words, voice, language).into_iter().chain([Verb::new("Hangup")]))
}

/// Words to an agent who dialled the brand, then the end of the call; a key pressed meanwhile is told at the door of the
/// number.
#[must_use]
pub fn say_and_hear_a_key(addresses: &Addresses, words: &str, voice: &str, language: &str) -> String {
    let gather = Verb::new("Gather")
        .with("input", "dtmf")
        .with("numDigits", 1)
        .with("timeout", KEY_AFTER_WORDS_S)
        .with("finishOnKey", "")
        .with("method", "POST")
        .with("action", addresses.plain(Door::Voice))
        .holding(Verb::say(words, voice, language));
    write_document([gather, Verb::new("Hangup")])
}

/// What somebody alone in the room hears: ringback, then the same address again, since Twilio does not ask by itself.
#[must_use]
pub fn room_wait(addresses: &Addresses, minted: Minted, now: DateTime<Utc>) -> String {
    let again = addresses.mint(Door::RoomWait, minted, now);
    write_document([play_ringback(addresses, 6), Verb::new("Redirect").with("method", "POST").text(&again)])
}

/// What an agent alone in the room hears after the caller has gone, in words; the room takes no hang-up. After a while the
/// same address again.
#[must_use]
pub fn room_wait_for_nobody(
    addresses: &Addresses,
    minted: Minted,
    now: DateTime<Utc>,
    words: (&str, &str, &str),
) -> String {
    let (words, voice, language) = words;
    let again = addresses.mint(Door::RoomWait, minted, now);
    let pause = Verb::new("Pause").with("length", 5);
    let ask_again = Verb::new("Redirect").with("method", "POST").text(&again);
    write_document(Verb::say(words, voice, language).into_iter().chain([pause, ask_again]))
}

/// The room of a claim on a call, by the name the carrier knows it under. `leg`: the leg that claimed; 0 for none.
#[must_use]
pub fn room_name(call: &Call, leg: u32) -> String {
    format!("call-{}-{leg}", call.id)
}

/// Ringback of 1 to 6 seconds.
pub(super) fn play_ringback(addresses: &Addresses, seconds: u32) -> Verb {
    Verb::new("Play").text(&addresses.file(ringback_path(seconds)))
}

/// One document while it is written.
pub(super) struct Page<'a> {
    pub(super) context: &'a RenderContext<'a>,
    now: DateTime<Utc>,
}

impl Page<'_> {
    pub(super) fn place(&self) -> Minted {
        Minted::of(self.context.call.id).step(self.context.call.step)
    }

    pub(super) fn address(&self, door: Door, minted: Minted) -> String {
        self.context.addresses.mint(door, minted, self.now)
    }

    pub(super) fn say(&self, words: &str) -> Option<Verb> {
        Verb::say(words, self.context.voice, self.context.language)
    }

    fn wait(&self, words: Option<&str>, listens: bool) -> Vec<Verb> {
        let queue: String = format!("offhook-{}", self.context.call.brand).chars().take(64).collect();
        let enqueue = Verb::new("Enqueue")
            .with("action", self.address(Door::Left, self.place()))
            .with("method", "POST")
            .with("waitUrl", self.address(Door::Wait, self.place()))
            .with("waitUrlMethod", "POST")
            .text(&queue);
        let said = words.and_then(|words| if listens { Some(self.say_and_listen(words)) } else { self.say(words) });
        said.into_iter().chain([enqueue]).collect()
    }

    fn come_in_again(&self) -> Vec<Verb> {
        let pause = Verb::new("Pause").with("length", 2);
        let again = Verb::new("Redirect").with("method", "POST").text(&self.context.addresses.plain(Door::Voice));
        vec![pause, again]
    }

    fn keep_waiting(&self, seconds: u32, listens: bool, step: u32) -> Verb {
        let play = play_ringback(self.context.addresses, seconds);
        if !listens {
            return play;
        }
        Verb::new("Gather")
            .with("input", "dtmf")
            .with("numDigits", 1)
            .with("timeout", 1)
            .with("finishOnKey", "")
            .with("method", "POST")
            .with("action", self.address(Door::WaitKey, self.place().step(step)))
            .holding([play])
    }

    fn ring_together(&self, round: u32, ring_s: u32, phones: &[PhoneToRing]) -> Verb {
        let ended = self.address(Door::DialEnded, self.place().round(round));
        let approved = phones.iter().filter_map(|phone| Some((phone.leg, (self.context.approve)(&phone.phone)?)));
        let numbers: Vec<Verb> =
            approved.take(PHONES_TOGETHER_MAX).map(|(leg, target)| self.screened_number(leg, round, &target)).collect();
        if numbers.is_empty() {
            // A dial of nobody is an error; the round is over at once instead.
            return Verb::new("Redirect").with("method", "POST").text(&ended);
        }
        Verb::new("Dial")
            .with("action", ended)
            .with("method", "POST")
            .with("timeout", ring_s.clamp(5, 600))
            .with("answerOnBridge", true)
            .with("callerId", self.context.caller_id.as_e164())
            .with("timeLimit", self.context.talk_limit_s.clamp(1, 14_400))
            .holding(numbers)
    }

    fn screened_number(&self, leg: u32, round: u32, target: &DialTarget) -> Verb {
        let place = self.place().leg(leg).round(round);
        Verb::new("Number")
            .with("url", self.address(Door::Screen, place))
            .with("method", "POST")
            .with("statusCallback", self.address(Door::AgentStatus, place))
            .with("statusCallbackMethod", "POST")
            .with("statusCallbackEvent", "initiated ringing answered completed")
            .text(target.number().as_e164())
    }

    /// Every path ends in a hang-up: a document that ran out would let a phone through that nobody accepted on.
    fn ask_to_accept(&self, leg: u32, words: &str, listen_s: u32, screening: bool) -> Vec<Verb> {
        let door = if screening { Door::ScreenKey } else { Door::AgentAccept };
        let address = self.address(door, self.place().leg(leg));
        vec![self.ask_at(address, listen_s, self.say(words)), Verb::new("Hangup")]
    }

    /// The same settings for both seats, since only those of the first to enter count. Source: contract section 2.6.
    fn join_room(&self, who: RoomSeat) -> Verb {
        let call = self.context.call;
        let (action, label) = match who {
            RoomSeat::Caller => (self.address(Door::RoomLeft, self.place()), "caller".to_owned()),
            RoomSeat::Leg(leg) => (self.address(Door::AgentLeftRoom, self.place().leg(leg)), format!("leg-{leg}")),
        };
        // Both seats of a claim name its leg, so that what is told late of an earlier room is not taken for this one.
        let claim = match (who, call.stage) {
            (RoomSeat::Leg(leg), _) | (RoomSeat::Caller, Stage::Claimed { leg, .. } | Stage::Talking { leg, .. }) => {
                Minted::of(call.id).leg(leg)
            }
            (
                RoomSeat::Caller,
                Stage::New
                | Stage::Hold
                | Stage::Challenge { .. }
                | Stage::Supervisor
                | Stage::Menu { .. }
                | Stage::Notice { .. }
                | Stage::Waiting
                | Stage::Line
                | Stage::Message
                | Stage::Voicemail
                | Stage::Ended,
            ) => Minted::of(call.id),
        };
        let conference = Verb::new("Conference")
            .with("beep", false)
            .with("startConferenceOnEnter", true)
            .with("endConferenceOnExit", true)
            .with("maxParticipants", 3)
            .with("jitterBufferSize", "small")
            .with("participantLabel", label)
            .with("waitUrl", self.address(Door::RoomWait, Minted::of(call.id)))
            .with("waitMethod", "POST")
            .with("statusCallback", self.address(Door::RoomEvents, claim))
            .with("statusCallbackMethod", "POST")
            .with("statusCallbackEvent", "start end join leave")
            .text(&room_name(call, claim.leg.unwrap_or(0)));
        Verb::new("Dial")
            .with("action", action)
            .with("method", "POST")
            .with("timeLimit", self.context.talk_limit_s.clamp(1, 14_400))
            .holding([conference])
    }

    fn take_voicemail(&self, greeting: &str, max_length_s: u32, transcribe: bool) -> Vec<Verb> {
        let done = self.address(Door::VoicemailDone, self.place());
        let place = Minted::of(self.context.call.id);
        // Longer recordings are not transcribed. Source: contract section 7.1.
        let longest = if transcribe { 120 } else { 14_400 };
        let mut record = Verb::new("Record")
            .with("action", &done)
            .with("method", "POST")
            .with("maxLength", max_length_s.clamp(2, longest))
            .with("timeout", 10)
            .with("finishOnKey", "#")
            .with("playBeep", true)
            .with("trim", "trim-silence")
            .with("recordingStatusCallback", self.address(Door::Recording, place))
            .with("recordingStatusCallbackMethod", "POST")
            .with("recordingStatusCallbackEvent", "completed absent");
        if transcribe {
            record = record.with("transcribe", true).with("transcribeCallback", self.address(Door::Transcript, place));
        }
        // A recording of nothing may run on to the next verb. Source: contract section 14, item 5.
        let onwards = Verb::new("Redirect").with("method", "POST").text(&done);
        self.say(greeting).into_iter().chain([record, onwards]).collect()
    }
}
