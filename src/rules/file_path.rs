//! A way on for a caller in the document: `path`, and the fields that belong to it.

use super::fault::Faults;
use super::file::TEXT_CHARS_MAX;
use super::forms::NUMBER_FORM;
use super::path::{Path, PathKind};
use super::reader::Fields;
use crate::phone_number::parse_phone_number;

/// When the path is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Occasion {
    /// The brand is closed.
    Closed,
    /// Nobody takes the call.
    NobodyAnswers,
}

/// The words of the kinds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Voicemail,
    Message,
    Number,
    Operator,
    RingAnyway,
}

/// Reads the fields of a path; the table may have more of them.
pub(super) fn read_path(
    fields: &mut Fields<'_>,
    faults: &mut Faults<'_>,
    occasion: Occasion,
    has_operator: bool,
) -> Path {
    let kind = read_kind(fields, faults, occasion);
    let words = fields.words_with_opening(faults, "words", TEXT_CHARS_MAX);
    let mut text_back = None;
    if kind == Kind::Message {
        text_back = fields.words(faults, "text_back", TEXT_CHARS_MAX);
    } else {
        fields.refuse_if_there(faults, "text_back", "`path = \"message\"`");
    }
    let mut number = None;
    if kind == Kind::Number {
        number = fields.required(faults, "number", |fields, faults| {
            fields.parsed(faults, "number", NUMBER_FORM, |text| parse_phone_number(text).ok())
        });
    } else {
        fields.refuse_if_there(faults, "number", "`path = \"number\"`");
    }
    if kind == Kind::Operator && !has_operator {
        fields.refuse(faults, "path", "`path` is `operator`, but this brand has no operator line, [brand.operator]");
    }
    let kind = match (kind, number) {
        (Kind::Message, _) => PathKind::Message { text_back },
        (Kind::Number, Some(number)) => PathKind::Number { number: number.value },
        (Kind::Operator, _) => PathKind::Operator,
        (Kind::RingAnyway, _) => PathKind::RingAnyway,
        // A number that could not be read is a fault, and this goes nowhere.
        (Kind::Voicemail, _) | (Kind::Number, None) => PathKind::Voicemail,
    };
    Path { kind, words }
}

fn read_kind(fields: &mut Fields<'_>, faults: &mut Faults<'_>, occasion: Occasion) -> Kind {
    let (allowed, may_ring) = match occasion {
        Occasion::Closed => ("voicemail, message, number, operator or ring_anyway", true),
        Occasion::NobodyAnswers => ("voicemail, message, number or operator", false),
    };
    let kind = fields.parsed(faults, "path", allowed, |text| match text {
        "voicemail" => Some(Kind::Voicemail),
        "message" => Some(Kind::Message),
        "number" => Some(Kind::Number),
        "operator" => Some(Kind::Operator),
        "ring_anyway" if may_ring => Some(Kind::RingAnyway),
        _ => None,
    });
    kind.map_or(Kind::Voicemail, |kind| kind.value)
}
