//! What a call keeps of its way to the ring and past it: menu, notice, operator line, path.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::event::Event;
use super::state::{Call, CallerAt, Stage};
use super::text_back::TextBack;
use crate::phone_number::PhoneNumber;

/// The recording notice as this caller heard it. Source: DESIGN.md section 2.5.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoticeSaid {
    /// Which text: the SHA-256 of its UTF-8 bytes, in hexadecimal.
    pub text: String,
    /// How often it was begun.
    pub turn: u32,
    /// When it was last begun.
    pub began_at: DateTime<Utc>,
    /// When it ended; until then nothing may be recorded.
    pub ended_at: Option<DateTime<Utc>>,
}

/// A line outside the roster that this call rings: the operator's, or another number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutsideLine {
    /// Counts from 1; a call may ring the operator by an override and once more by its fallback path.
    pub attempt: u32,
    /// Why it is rung, which says what follows if nobody takes it.
    pub purpose: LinePurpose,
    /// Its number.
    pub number: PhoneNumber,
    /// Whether whoever picks up has to press 1.
    pub confirm: bool,
    /// How long it may ring, in seconds.
    pub ring_s: u32,
    /// When the document that rings it was handed out.
    pub rung_at: Option<DateTime<Utc>>,
    /// When the carrier should have given up.
    pub give_up_at: Option<DateTime<Utc>>,
    /// When somebody or something picked up.
    pub answered_at: Option<DateTime<Utc>>,
    /// When somebody took the call: pressed 1, or picked up where no key is asked for.
    pub taken_at: Option<DateTime<Utc>>,
}

/// Why an outside line is rung.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LinePurpose {
    /// A supervisor sent everything there; if nobody takes it the caller goes the normal way.
    Override,
    /// The after-hours or fallback path; if nobody takes it, voicemail.
    Path,
}

/// Where a path leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Way {
    /// Greeting, tone, recording.
    #[default]
    Recorder,
    /// Words, and the call is over.
    Message,
    /// The operator line or another number.
    Line,
}

/// How a call came by its intent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChosenBy {
    /// The caller pressed its key.
    Key,
    /// The dialled number stands for it.
    Number,
    /// No key, the default.
    NoKey,
    /// A key of no option, the default.
    WrongKey,
    /// No time left to choose, the default.
    Deadline,
}

impl Call {
    /// Changes the call by an event of the way in.
    pub(super) fn apply_way_in(&mut self, event: &Event, now: DateTime<Utc>) {
        match event {
            Event::FoundClosed { kind } => self.closure = Some(*kind),
            Event::HoldBegan => self.hear_prompt(Stage::Hold, now),
            Event::MenuPlayed { turn, deadline_at } => {
                self.hear_prompt(Stage::Menu { turn: *turn, deadline_at: *deadline_at }, now);
            }
            Event::IntentChosen { intent, .. } => self.intent = Some(intent.clone()),
            Event::NoticeBegan { text, turn, deadline_at } => {
                self.hear_prompt(Stage::Notice { turn: *turn, deadline_at: *deadline_at }, now);
                self.notice = Some(NoticeSaid { text: text.clone(), turn: *turn, began_at: now, ended_at: None });
            }
            Event::NoticeEnded => {
                if let Some(notice) = &mut self.notice {
                    notice.ended_at.get_or_insert(now);
                }
            }
            Event::LineChosen { attempt, purpose, number, confirm, ring_s } => {
                self.stage = Stage::Line;
                self.line = Some(OutsideLine {
                    attempt: *attempt,
                    purpose: *purpose,
                    number: number.clone(),
                    confirm: *confirm,
                    ring_s: *ring_s,
                    rung_at: None,
                    give_up_at: None,
                    answered_at: None,
                    taken_at: None,
                });
            }
            Event::LineRung { give_up_at, .. } => {
                self.caller_at = CallerAt::Line;
                self.hand_document(now);
                self.change_line(|line| {
                    line.rung_at = Some(now);
                    line.give_up_at = Some(*give_up_at);
                });
            }
            Event::LineAnswered => self.change_line(|line| {
                line.answered_at.get_or_insert(now);
            }),
            Event::LineTaken => self.change_line(|line| {
                line.taken_at.get_or_insert(now);
            }),
            Event::LineOver => {
                self.hear_caller(now);
                self.caller_at = CallerAt::Leaving;
                self.stage = match self.line.as_ref().map(|line| line.purpose) {
                    Some(LinePurpose::Override) | None => Stage::New,
                    Some(LinePurpose::Path) => Stage::Voicemail,
                };
            }
            Event::TextAsked { words } => {
                self.text_back = Some(TextBack { words: words.clone(), sent: None, why: None });
            }
            Event::TextTold { sent, why } => {
                if let Some(text) = &mut self.text_back {
                    text.sent = Some(*sent);
                    text.why.clone_from(why);
                }
            }
            Event::MessageSaid => {
                self.hand_document(now);
                self.caller_at = CallerAt::Prompt;
            }
            Event::WordsBegan { until } => self.words_until = Some(*until),
            _ => {}
        }
    }

    /// The caller asked for a document, and was handed one.
    pub(super) fn hand_document(&mut self, now: DateTime<Utc>) {
        self.hear_caller(now);
        self.step += 1;
    }

    /// The caller was heard of.
    pub(super) fn hear_caller(&mut self, now: DateTime<Utc>) {
        self.caller_heard_at = now;
        self.words_until = None;
    }

    /// A document was handed out that speaks and listens, and asks what comes next by itself.
    pub(super) fn hear_prompt(&mut self, stage: Stage, now: DateTime<Utc>) {
        self.stage = stage;
        self.caller_at = CallerAt::Prompt;
        self.hand_document(now);
    }

    fn change_line(&mut self, change: impl FnOnce(&mut OutsideLine)) {
        if let Some(line) = &mut self.line {
            change(line);
        }
    }
}
