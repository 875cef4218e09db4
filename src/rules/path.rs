//! Where a call goes that agents do not take: after hours, and when nobody answers.

use crate::phone_number::PhoneNumber;

/// One way on for a caller. Source: DESIGN.md section 2.3 and 2.12.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Path {
    /// What becomes of the call.
    pub kind: PathKind,
    /// Said first; the brand's own words for the occasion if absent. 1 to 500 characters.
    pub words: Option<String>,
}

/// What becomes of the call.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum PathKind {
    /// The caller may leave a message.
    #[default]
    Voicemail,
    /// The caller hears the words and the call is over; `text_back` is sent to a caller who can get one.
    Message { text_back: Option<String> },
    /// Another number is rung, through the destination policy; voicemail if nobody takes it.
    Number { number: PhoneNumber },
    /// The operator line is rung; voicemail if nobody takes it.
    Operator,
    /// Phones are rung as if it were open; after hours only.
    RingAnyway,
}

/// The line to which a supervisor sends everything. Source: DESIGN.md section 8.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OperatorLine {
    /// Its number.
    pub number: PhoneNumber,
    /// Whether a person there has to press 1; without a confirmation the normal path follows.
    pub confirm: bool,
    /// How long it rings; 5 to 60 s.
    pub ring: std::time::Duration,
}
