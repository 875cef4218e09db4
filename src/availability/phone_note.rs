//! What an agent may write about their phone in a private note: `/phone on`, `/phone off`, `/phone off until 14:30`.

use chrono::{DateTime, Datelike, Days, NaiveDate, TimeDelta, Utc};
use chrono_tz::Tz;

use crate::rules::zone;

/// What a note asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PhoneNote {
    /// Ring me.
    On,
    /// Do not ring me until I say so.
    Off,
    /// Do not ring me until that minute of the day, 0 to 1439, comes next.
    OffUntil { minute: u32 },
    /// It begins like one of these and is none.
    NotUnderstood,
}

/// A clock that skips an hour leaves no wider gap.
const GAP_MAX_MIN: u32 = 180;

/// Off without an end. The last year that is still written with four digits.
#[must_use]
pub fn for_good() -> DateTime<Utc> {
    let last = NaiveDate::from_ymd_opt(9999, 12, 31).and_then(|day| day.and_hms_opt(0, 0, 0));
    last.map_or(DateTime::<Utc>::MAX_UTC, |last| last.and_utc())
}

/// Whether this is [`for_good`].
#[must_use]
pub fn is_for_good(until: DateTime<Utc>) -> bool {
    until.year() >= 9999
}

/// Reads a note; none if it is about something else.
#[must_use]
pub fn parse(content: &str) -> Option<PhoneNote> {
    let lower = content.trim().to_lowercase();
    let mut words = lower.split_whitespace();
    if words.next()? != "/phone" {
        return None;
    }
    let rest: Vec<&str> = words.collect();
    Some(match rest.as_slice() {
        ["on"] => PhoneNote::On,
        ["off"] => PhoneNote::Off,
        ["off", "until", time @ ..] => {
            minute_of_day(&time.concat()).map_or(PhoneNote::NotUnderstood, |minute| PhoneNote::OffUntil { minute })
        }
        _ => PhoneNote::NotUnderstood,
    })
}

/// `14:30`, `9:05`, `2:30pm`, `2pm`.
fn minute_of_day(time: &str) -> Option<u32> {
    let (clock, half) = match (time.strip_suffix("am"), time.strip_suffix("pm")) {
        (Some(clock), _) => (clock, Some(0)),
        (_, Some(clock)) => (clock, Some(12)),
        (None, None) => (time, None),
    };
    let (hour, minute) = match clock.split_once(':') {
        Some((hour, minute)) if minute.len() == 2 => (number(hour)?, number(minute)?),
        None if half.is_some() => (number(clock)?, 0),
        Some(_) | None => return None,
    };
    let hour = match half {
        Some(half) if (1..=12).contains(&hour) => hour % 12 + half,
        Some(_) => return None,
        None => hour,
    };
    (hour < 24 && minute < 60).then_some(hour * 60 + minute)
}

fn number(digits: &str) -> Option<u32> {
    let is_short = (1..=2).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_short.then(|| digits.parse().ok()).flatten()
}

/// The next instant after `now` at which clocks in the zone show that minute of the day; where they skip it, the first
/// minute after the gap.
#[must_use]
pub fn next_at(zone: Tz, minute: u32, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let today = zone::wall(zone, now)?.date();
    (0..3).filter_map(|ahead| on_date(zone, today.checked_add_days(Days::new(ahead))?, minute)).find(|at| *at > now)
}

fn on_date(zone: Tz, date: NaiveDate, minute: u32) -> Option<DateTime<Utc>> {
    let wanted = date.and_hms_opt(minute / 60, minute % 60, 0)?;
    (0..=GAP_MAX_MIN).find_map(|later| {
        let shown = wanted + TimeDelta::minutes(later.into());
        zone::instant(zone, shown).filter(|at| zone::wall(zone, *at) == Some(shown))
    })
}

#[cfg(test)]
mod tests {
    use chrono_tz::America::New_York;

    use super::*;

    #[test]
    fn notes_are_read_as_people_write_them() {
        for (content, wanted) in [
            ("/phone on", Some(PhoneNote::On)),
            ("  /Phone  OFF \n", Some(PhoneNote::Off)),
            ("/phone off until 14:30", Some(PhoneNote::OffUntil { minute: 870 })),
            ("/phone off until 9:05", Some(PhoneNote::OffUntil { minute: 545 })),
            ("/phone off until 2:30 pm", Some(PhoneNote::OffUntil { minute: 870 })),
            ("/phone off until 12am", Some(PhoneNote::OffUntil { minute: 0 })),
            ("/phone off until 12:15pm", Some(PhoneNote::OffUntil { minute: 735 })),
            ("/phone off until 24:00", Some(PhoneNote::NotUnderstood)),
            ("/phone off until 14:3", Some(PhoneNote::NotUnderstood)),
            ("/phone off until 14", Some(PhoneNote::NotUnderstood)),
            ("/phone off until 0:15pm", Some(PhoneNote::NotUnderstood)),
            ("/phone off until +1:30", Some(PhoneNote::NotUnderstood)),
            ("/phone off until", Some(PhoneNote::NotUnderstood)),
            ("/phone", Some(PhoneNote::NotUnderstood)),
            ("/phone on and off", Some(PhoneNote::NotUnderstood)),
            ("/phones on", None),
            ("please /phone on", None),
            ("", None),
        ] {
            assert_eq!(parse(content), wanted, "{content:?}");
        }
    }

    #[test]
    fn a_time_is_the_next_one_in_the_agents_zone() {
        let at = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
        let noon = at("2026-11-24T17:00:00Z");
        assert_eq!(next_at(New_York, 870, noon), Some(at("2026-11-24T19:30:00Z")));
        assert_eq!(next_at(New_York, 720, noon), Some(at("2026-11-25T17:00:00Z")), "that very minute is over");
        assert_eq!(next_at(New_York, 0, noon), Some(at("2026-11-25T05:00:00Z")));
        // The night on which half past two is skipped, and the one on which half past one comes twice.
        assert_eq!(next_at(New_York, 150, at("2027-03-14T05:00:00Z")), Some(at("2027-03-14T07:00:00Z")));
        assert_eq!(next_at(New_York, 90, at("2026-11-01T05:00:00Z")), Some(at("2026-11-01T05:30:00Z")));
        assert_eq!(next_at(New_York, 90, at("2026-11-01T05:30:00Z")), Some(at("2026-11-02T06:30:00Z")));
    }

    /// British Columbia keeps its summer time from 2026 on, which older releases of the zone data do not know.
    #[test]
    fn a_time_in_vancouver_is_that_of_its_clocks_this_winter() {
        let at = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
        let vancouver = chrono_tz::America::Vancouver;
        assert_eq!(next_at(vancouver, 870, at("2026-11-24T17:00:00Z")), Some(at("2026-11-24T21:30:00Z")));
    }

    #[test]
    fn off_without_an_end_outlasts_everybody() {
        assert!(is_for_good(for_good()) && !is_for_good("2126-01-01T00:00:00Z".parse().unwrap()));
    }
}
