//! The forms of single values in a routing file, and how a message spells them.

use chrono_tz::Tz;

use super::RingMethod;

/// Longest id; `brand-<id>` must fit a Chatwoot label.
pub const ID_CHARS_MAX: usize = 40;

pub(super) const ID_FORM: &str = "1 to 40 lower-case letters, digits and dashes, a letter or digit first";
pub(super) const NUMBER_FORM: &str = "+ and 7 to 15 digits, such as \"+15550100001\"";
pub(super) const ZONE_FORM: &str = "a zone of the IANA list, such as \"America/New_York\"";

pub(super) fn parse_zone(text: &str) -> Option<Tz> {
    text.parse().ok()
}

pub(super) fn parse_ring_method(text: &str) -> Option<RingMethod> {
    match text {
        "auto" => Some(RingMethod::Auto),
        "legs" => Some(RingMethod::Legs),
        "dial" => Some(RingMethod::Dial),
        _ => None,
    }
}

/// The outer level is whether the text is right, the inner whether there is a key.
#[expect(clippy::option_option, reason = "an empty text is right, and means no key")]
pub(super) fn parse_key(text: &str) -> Option<Option<char>> {
    let mut chars = text.chars();
    match (chars.next(), chars.next()) {
        (None, None) => Some(None),
        (Some(key), None) if key.is_ascii_digit() || key == '#' => Some(Some(key)),
        _ => None,
    }
}

pub(super) fn is_id(text: &str) -> bool {
    let fits = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    (1..=ID_CHARS_MAX).contains(&text.len()) && text.bytes().all(fits) && !text.starts_with('-')
}

pub(super) fn parse_tag(text: &str) -> Option<String> {
    let part_fits = |part: &str| (2..=8).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_alphanumeric());
    (text.len() <= 12 && text.split('-').all(part_fits)).then(|| text.to_owned())
}

pub(super) fn is_email(text: &str) -> bool {
    let whole = text.len() <= 254 && text.chars().all(|c| !c.is_whitespace() && !c.is_control());
    whole
        && text.split_once('@').is_some_and(|(name, host)| !name.is_empty() && !host.is_empty() && !host.contains('@'))
}
