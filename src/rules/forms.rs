//! The forms of single values in a document, and how a message spells them.

use chrono::{DateTime, Datelike, NaiveDate, SecondsFormat, Timelike, Utc};
use chrono_tz::Tz;

use super::RingMethod;
use super::holidays::Region;

/// Longest id; `brand-<id>` must fit a Chatwoot label.
pub const ID_CHARS_MAX: usize = 40;

pub(super) const ID_FORM: &str = "1 to 40 lower-case letters, digits and dashes, a letter or digit first";
pub(super) const NUMBER_FORM: &str = "+ and 7 to 15 digits, such as \"+15550100001\"";
pub(super) const ZONE_FORM: &str = "a zone of the IANA list, such as \"America/New_York\"";

pub(super) const DATE_FORM: &str = "a date from 1970 to 2199, such as 2026-12-24";
pub(super) const INSTANT_FORM: &str =
    "an instant with its offset, in whole seconds, from 1970 to 2199, such as 2026-12-24T12:00:00Z";
pub(super) const KEY_FORM: &str = "one digit or #; * is the supervisor's";
pub(super) const MINUTE_FORM: &str = "a time of the day, such as \"12:00\"";
pub(super) const AUDIO_FORM: &str = "a public https address of at most 500 characters";
pub(super) const PUBLIC_FORM: &str = "US, CA, GB, AU, DE or FR, or a region of it such as \"CA-ON\"";

/// Longest address of an audio file.
const AUDIO_CHARS_MAX: usize = 500;

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

/// As [`parse_ring_method`] reads it.
pub(super) fn ring_method_text(method: RingMethod) -> &'static str {
    match method {
        RingMethod::Auto => "auto",
        RingMethod::Legs => "legs",
        RingMethod::Dial => "dial",
    }
}

/// A key of a menu.
pub(super) fn parse_menu_key(text: &str) -> Option<char> {
    parse_key(text).flatten()
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

/// Years that a date or an instant may lie in: what is outside is a slip of the keys.
const YEARS: std::ops::RangeInclusive<i32> = 1970..=2199;

/// Reads `2026-12-24`, and nothing shorter or longer.
pub(super) fn parse_date(text: &str) -> Option<NaiveDate> {
    let fits = text.len() == 10 && text.bytes().all(|b| b.is_ascii_digit() || b == b'-');
    let date = fits.then(|| NaiveDate::parse_from_str(text, "%Y-%m-%d").ok())??;
    YEARS.contains(&date.year()).then_some(date)
}

/// Reads an instant with its offset, in whole seconds, as it lies in UTC.
pub(super) fn parse_instant(text: &str) -> Option<DateTime<Utc>> {
    let at = DateTime::parse_from_rfc3339(text).ok()?.to_utc();
    (at.nanosecond() == 0 && YEARS.contains(&at.year())).then_some(at)
}

/// As [`parse_instant`] reads it.
pub(super) fn instant_text(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// Reads a time of the day, `09:30`, as minutes after midnight.
pub(super) fn parse_minute(text: &str) -> Option<u16> {
    let (hour, minute) = text.split_once(':')?;
    let two =
        |part: &str| (part.len() == 2 && part.bytes().all(|b| b.is_ascii_digit())).then(|| part.parse::<u16>().ok())?;
    let (hour, minute) = (two(hour)?, two(minute)?);
    (hour < 24 && minute < 60).then_some(hour * 60 + minute)
}

/// As [`parse_minute`] reads it.
pub(super) fn minute_text(minute: u16) -> String {
    format!("{:02}:{:02}", minute / 60, minute % 60)
}

/// Reads the public address of an audio file.
pub(super) fn parse_audio(text: &str) -> Option<String> {
    let address = url::Url::parse(text).ok().filter(|_| text.chars().count() <= AUDIO_CHARS_MAX)?;
    let fits = address.scheme() == "https"
        && address.has_host()
        && address.username().is_empty()
        && address.password().is_none()
        && !text.chars().any(|c| c.is_control() || c.is_whitespace());
    fits.then(|| text.to_owned())
}

/// Reads a country whose public holidays are kept, with or without a region.
pub(super) fn parse_public(text: &str) -> Option<String> {
    Region::parse(text).map(|_| text.to_owned())
}
