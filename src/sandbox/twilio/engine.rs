//! The exchange itself: a state machine that never waits and never sends.
//!
//! Everything that takes time is a timer in one queue; everything to be sent is put in an outbox. The driver
//! (`driver.rs`) turns the time, carries the outbox and brings the replies back.

use std::collections::{BTreeMap, VecDeque};

use chrono::{DateTime, TimeDelta, Utc};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use sha1::{Digest, Sha1};

use super::call::{Call, Doing};
use super::conference::Conference;
use super::journal::{Document, Entry, Journal, Violation, What};
use super::numbers::Number;
use super::phone::{Heard, Phone};
use super::queue::Queue;
use super::recording::{RecordingFile, Transcription};
use super::rest_messages::Text;
use super::schema::Context;
use super::switches::Switches;
use super::wire::{Exchange, Purpose, Sent, Target};

pub(super) type Instant = DateTime<Utc>;

/// Something to do later.
#[derive(Debug, Clone)]
pub(super) enum Timer {
    /// The next queued call may start.
    StartQueued,
    /// A dialled leg reaches its phone.
    Reach { call: String },
    /// A leg has rung long enough.
    RingTimeout { call: String },
    /// A Dial has rung long enough, or waited long enough for somebody in its queue.
    DialTimeout { call: String, serial: u64 },
    /// A Dial, or a call, has talked long enough.
    TimeLimit { call: String, serial: Option<u64> },
    /// The current verb's sound or pause is over.
    Step { call: String, epoch: u64 },
    /// Nobody pressed a key, spoke, or went on speaking.
    Quiet { call: String, epoch: u64 },
    /// A `<Record>` is as long as it may be.
    RecordFull { call: String, epoch: u64 },
    /// What a phone does by itself.
    Behave { call: String, deed: Deed },
    /// A recording's file is ready.
    RecordingReady { sid: String },
    /// A transcript is ready.
    TranscriptReady { sid: String },
    /// Voicemail or person has been told apart.
    AmdDone { call: String },
    /// A held back callback.
    Send(Box<Exchange>),
}

#[derive(Debug, Clone)]
pub(super) enum Deed {
    Answer,
    Press(String),
    Decline,
    MachineAnswers,
    MachineHangsUp,
}

pub(super) struct Engine {
    pub(super) account_sid: String,
    pub(super) auth_token: String,
    pub(super) base_url: String,
    pub(super) now: Instant,
    timers: BTreeMap<(Instant, u64), Timer>,
    serial: u64,
    pub(super) outbox: VecDeque<Exchange>,
    pub(super) calls: BTreeMap<String, Call>,
    pub(super) conferences: Vec<Conference>,
    pub(super) queues: Vec<Queue>,
    pub(super) recordings: Vec<RecordingFile>,
    pub(super) transcriptions: Vec<Transcription>,
    pub(super) numbers: Vec<Number>,
    pub(super) phones: Vec<Phone>,
    pub(super) journal: Journal,
    pub(super) switches: Switches,
    pub(super) refusals: BTreeMap<String, u32>,
    pub(super) texts: Vec<Text>,
    pub(super) starting: VecDeque<String>,
    pub(super) last_start: Option<Instant>,
    chance: StdRng,
    /// Sets this exchange's SIDs and tokens apart from those of every other.
    salt: u64,
    pub(super) version: tokio::sync::watch::Sender<u64>,
}

impl Engine {
    pub(super) fn new(account_sid: String, auth_token: String, now: Instant, seed: u64) -> Self {
        Self {
            account_sid,
            auth_token,
            base_url: String::new(),
            now,
            timers: BTreeMap::new(),
            serial: 0,
            outbox: VecDeque::new(),
            calls: BTreeMap::new(),
            conferences: Vec::new(),
            queues: Vec::new(),
            recordings: Vec::new(),
            transcriptions: Vec::new(),
            numbers: Vec::new(),
            phones: Vec::new(),
            journal: Journal::default(),
            switches: Switches::default(),
            refusals: BTreeMap::new(),
            texts: Vec::new(),
            starting: VecDeque::new(),
            last_start: None,
            chance: StdRng::seed_from_u64(seed),
            salt: seed,
            version: tokio::sync::watch::Sender::new(0),
        }
    }

    pub(super) fn next_serial(&mut self) -> u64 {
        self.serial = self.serial.saturating_add(1);
        self.serial
    }

    /// A fresh SID: two letters and 32 hexadecimal digits, the same in every run of one salt.
    pub(super) fn fresh_sid(&mut self, prefix: &str) -> String {
        let serial = self.next_serial();
        let hash = hex::encode(Sha1::digest(format!("{prefix}{serial} of {}", self.salt).as_bytes()));
        format!("{prefix}{}", hash.chars().take(32).collect::<String>())
    }

    pub(super) fn changed(&self) {
        self.version.send_modify(|version| *version = version.wrapping_add(1));
    }

    // Time.

    pub(super) fn after_ms(&mut self, millis: u64, timer: Timer) {
        let span = TimeDelta::milliseconds(i64::try_from(millis).unwrap_or(i64::MAX / 1000));
        self.at(self.now.checked_add_signed(span).unwrap_or(self.now), timer);
    }

    pub(super) fn at(&mut self, instant: Instant, timer: Timer) {
        let serial = self.next_serial();
        self.timers.insert((instant, serial), timer);
    }

    pub(super) fn after_s(&mut self, seconds: u64, timer: Timer) {
        self.after_ms(seconds.saturating_mul(1000), timer);
    }

    /// When something happens next; timers whose cause is gone do not count.
    pub(super) fn next_at(&mut self) -> Option<Instant> {
        while let Some(((at, serial), timer)) = self.timers.first_key_value() {
            if self.is_live(timer) {
                return Some(*at);
            }
            let key = (*at, *serial);
            self.timers.remove(&key);
        }
        None
    }

    /// Fires the first timer that is due at `limit` or before. False when there is none.
    pub(super) fn fire_one(&mut self, limit: Instant) -> bool {
        let Some(at) = self.next_at() else {
            return false;
        };
        if at > limit {
            return false;
        }
        let Some((_, timer)) = self.timers.pop_first() else {
            return false;
        };
        if at > self.now {
            self.now = at;
        }
        self.fire(timer);
        self.changed();
        true
    }

    fn is_live(&self, timer: &Timer) -> bool {
        let live = |sid: &str| self.calls.get(sid).is_some_and(Call::is_live);
        let same =
            |sid: &str, epoch: u64| self.calls.get(sid).is_some_and(|call| call.is_live() && call.epoch == epoch);
        match timer {
            Timer::StartQueued => !self.starting.is_empty(),
            Timer::Reach { call } | Timer::Behave { call, .. } | Timer::AmdDone { call } => live(call),
            Timer::RingTimeout { call } => {
                self.calls.get(call).is_some_and(|call| call.is_live() && !call.is_answered())
            }
            Timer::DialTimeout { call, serial } => {
                self.dialling(call).is_some_and(|dial| dial.serial == *serial && dial.bridged.is_none())
            }
            Timer::TimeLimit { call, serial: None } => live(call),
            Timer::TimeLimit { call, serial: Some(serial) } => {
                self.dialling(call).is_some_and(|dial| dial.serial == *serial)
                    || self.in_room(call).is_some_and(|room| room.serial == *serial)
            }
            Timer::Step { call, epoch } | Timer::Quiet { call, epoch } | Timer::RecordFull { call, epoch } => {
                same(call, *epoch)
            }
            Timer::RecordingReady { .. } | Timer::TranscriptReady { .. } | Timer::Send(_) => true,
        }
    }

    fn fire(&mut self, timer: Timer) {
        match timer {
            Timer::StartQueued => self.start_queued(),
            Timer::Reach { call } => self.reach(&call),
            Timer::RingTimeout { call } => self.ring_timeout(&call),
            Timer::DialTimeout { call, .. } => self.dial_timeout(&call),
            Timer::TimeLimit { call, serial } => self.time_limit(&call, serial.is_some()),
            Timer::Step { call, .. } => self.step(&call),
            Timer::Quiet { call, .. } => self.quiet(&call),
            Timer::RecordFull { call, .. } => self.record_ends(&call, None),
            Timer::Behave { call, deed } => self.behave(&call, deed),
            Timer::RecordingReady { sid } => self.recording_ready(&sid),
            Timer::TranscriptReady { sid } => self.transcript_ready(&sid),
            Timer::AmdDone { call } => self.amd_done(&call),
            Timer::Send(exchange) => self.outbox.push_back(*exchange),
        }
    }

    // The log.

    pub(super) fn log(&mut self, sid: &str, what: What) {
        let phone = self.calls.get(sid).map(|call| phone_number(call).to_owned()).unwrap_or_default();
        self.journal.entries.push(Entry { at: self.now, call_sid: sid.to_owned(), phone, what });
        self.changed();
    }

    /// The phone at the leg's other end hears something.
    pub(super) fn hear(&mut self, sid: &str, kind: &'static str, text: &str) {
        self.log(sid, What::Heard { kind, text: text.to_owned() });
        let now = self.now;
        let handset = self.calls.get(sid).and_then(|call| call.handset.clone());
        if let Some(phone) = handset.and_then(|number| self.phone_mut(&number)) {
            phone.heard.push(Heard { at: now, kind, text: text.to_owned() });
        }
    }

    pub(super) fn violate(&mut self, code: u32, message: impl Into<String>) {
        self.journal.violations.push(Violation { at: self.now, code, message: message.into() });
        self.changed();
    }

    pub(super) fn keep_document(&mut self, sid: &str, context: Context, url: &str, body: &str) {
        self.journal.documents.push(Document {
            context,
            url: url.to_owned(),
            call_sid: sid.to_owned(),
            at: self.now,
            body: body.to_owned(),
        });
    }

    pub(super) fn keep_sent(&mut self, exchange: &Exchange, attempts: u32, result: Result<u16, u32>) {
        let url = exchange.target.url.split('#').next().unwrap_or_default().to_owned();
        self.journal.sent.push(Sent {
            at: self.now,
            kind: exchange.kind,
            method: exchange.target.method.name(),
            url,
            params: exchange.params.clone(),
            token: exchange.token.clone(),
            attempts,
            result,
        });
    }

    // Sending.

    pub(super) fn request(
        &mut self,
        kind: &'static str,
        target: Target,
        params: Vec<(String, String)>,
        purpose: Purpose,
    ) {
        let serial = self.next_serial();
        let hash = hex::encode(Sha1::digest(format!("token{serial} of {}", self.salt).as_bytes()));
        let token: String = hash.chars().take(36).collect();
        let exchange = Exchange { target, params, token, purpose, kind };
        if matches!(exchange.purpose, Purpose::News) {
            self.send_news(&exchange);
        } else {
            self.outbox.push_back(exchange);
        }
    }

    /// Status callbacks, with whatever mischief is switched on.
    fn send_news(&mut self, exchange: &Exchange) {
        let mischief = self.switches.callbacks;
        if self.chance.random_bool(mischief.drop.clamp(0.0, 1.0)) {
            let sid = exchange
                .params
                .iter()
                .find(|(name, _)| name == "CallSid")
                .map(|(_, sid)| sid.clone())
                .unwrap_or_default();
            self.log(&sid, What::CallbackDropped(exchange.kind.to_owned()));
            return;
        }
        let times = if self.chance.random_bool(mischief.repeat.clamp(0.0, 1.0)) { 2 } else { 1 };
        for _ in 0..times {
            let mut delay = u64::from(mischief.delay_ms);
            if self.chance.random_bool(mischief.reorder.clamp(0.0, 1.0)) {
                delay = delay.saturating_add(self.chance.random_range(500..3000));
            }
            if delay == 0 {
                self.outbox.push_back(exchange.clone());
            } else {
                self.after_ms(delay, Timer::Send(Box::new(exchange.clone())));
            }
        }
    }

    // Finding.

    pub(super) fn phone_mut(&mut self, number: &str) -> Option<&mut Phone> {
        self.phones.iter_mut().find(|phone| phone.number == number)
    }

    pub(super) fn phone(&self, number: &str) -> Option<&Phone> {
        self.phones.iter().find(|phone| phone.number == number)
    }

    /// A new epoch of a leg: every timer and reply of the old one is void.
    pub(super) fn turn(&mut self, sid: &str, doing: Doing) -> u64 {
        let Some(call) = self.calls.get_mut(sid) else {
            return 0;
        };
        call.epoch = call.epoch.saturating_add(1);
        call.doing = doing;
        call.epoch
    }
}

/// The number of the phone at a leg's other end, whether or not it is a virtual one.
pub(super) fn phone_number(call: &Call) -> &str {
    match call.direction {
        super::call::Direction::Inbound => call.handset.as_deref().unwrap_or(&call.from),
        super::call::Direction::OutboundApi | super::call::Direction::OutboundDial => &call.to,
    }
}
