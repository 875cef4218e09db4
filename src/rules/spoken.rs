//! Instants in spoken words: when a brand opens, and by when it calls back. English alone; in other languages nothing is
//! said rather than something wrong.

use chrono::{DateTime, Datelike, NaiveDateTime, TimeDelta, Timelike, Utc};
use chrono_tz::Tz;

use super::{Status, zone};

/// From so many days ahead on, a weekday alone could be this week's or the next.
const WEEK_DAYS: i64 = 7;
/// From so many days ahead on, a date alone could be this year's or the next.
const YEAR_DAYS: i64 = 330;
/// A promise is spoken to the next five minutes, so that it is easily heard, and never earlier than it is due.
const PROMISE_STEP_S: i64 = 300;

/// "We open tomorrow at 8 in the morning, Pacific time." None if it is open, if nobody knows when it opens, or if the
/// language, such as `en-US`, is not English.
#[must_use]
pub fn opens_words(status: &Status, zone: Tz, at: DateTime<Utc>, language: &str) -> Option<String> {
    let Status::Closed { opens_at: Some(opens_at), .. } = status else {
        return None;
    };
    // Calendars are kept to the minute; one that is not is rounded up, since it is closed until then.
    moment_words(*opens_at, zone, at, language, "at", 60).map(|moment| format!("We open {moment}."))
}

/// "We will call you back tomorrow by noon, Pacific time." None if the language is not English.
#[must_use]
pub fn call_back_words(due_at: DateTime<Utc>, zone: Tz, at: DateTime<Utc>, language: &str) -> Option<String> {
    moment_words(due_at, zone, at, language, "by", PROMISE_STEP_S)
        .map(|moment| format!("We will call you back {moment}."))
}

fn moment_words(
    moment: DateTime<Utc>,
    zone: Tz,
    at: DateTime<Utc>,
    language: &str,
    preposition: &str,
    step_s: i64,
) -> Option<String> {
    let is_english = language.split('-').next().is_some_and(|first| first.eq_ignore_ascii_case("en"));
    if !is_english {
        return None;
    }
    let wall = round_up(zone::wall(zone, moment)?, step_s)?;
    let now = zone::wall(zone, at)?;
    // "Tomorrow at midnight" is the beginning of that day to some and its end to others; the night before is neither.
    let is_night = wall.hour() == 0;
    let day = if is_night { wall.checked_sub_signed(TimeDelta::days(1))? } else { wall };
    let days_ahead = (day.date() - now.date()).num_days();
    let day = if is_night { night_words(day, days_ahead) } else { day_words(day, days_ahead) };
    Some(format!("{day} {preposition} {}, {}", time_words(wall), zone_words(zone)))
}

fn round_up(wall: NaiveDateTime, step_s: i64) -> Option<NaiveDateTime> {
    let into = i64::from(wall.num_seconds_from_midnight()) % step_s;
    let whole = wall.with_nanosecond(0)?;
    let is_whole = into == 0 && wall.nanosecond() == 0;
    if is_whole { Some(whole) } else { whole.checked_add_signed(TimeDelta::seconds(step_s - into)) }
}

fn day_words(day: NaiveDateTime, days_ahead: i64) -> String {
    match days_ahead {
        ..=0 => "today".to_owned(),
        1 => "tomorrow".to_owned(),
        2..WEEK_DAYS => format!("on {}", day.format("%A")),
        _ => format!("on {}", date_words(day, days_ahead)),
    }
}

/// The night that begins on the evening of `day`.
fn night_words(day: NaiveDateTime, days_ahead: i64) -> String {
    match days_ahead {
        ..0 => "today".to_owned(),
        0 => "tonight".to_owned(),
        1 => "tomorrow night".to_owned(),
        2..WEEK_DAYS => format!("on {} night", day.format("%A")),
        _ => format!("on the night of {}", date_words(day, days_ahead)),
    }
}

/// "Monday the 4th of January", with the year when it is far.
fn date_words(day: NaiveDateTime, days_ahead: i64) -> String {
    let ending = match day.day() {
        1 | 21 | 31 => "st",
        2 | 22 => "nd",
        3 | 23 => "rd",
        _ => "th",
    };
    let date = format!("{} the {}{ending} of {}", day.format("%A"), day.day(), day.format("%B"));
    if days_ahead < YEAR_DAYS { date } else { format!("{date} {}", day.year()) }
}

fn time_words(wall: NaiveDateTime) -> String {
    let (hour, minute) = (wall.hour(), wall.minute());
    match (hour, minute) {
        (0, 0) => return "midnight".to_owned(),
        (0, 30) => return "half past midnight".to_owned(),
        (0, 1) => return "1 minute past midnight".to_owned(),
        (0, minute) => return format!("{minute} minutes past midnight"),
        (12, 0) => return "noon".to_owned(),
        _ => {}
    }
    let (_, twelve) = wall.hour12();
    let part = match hour {
        0..12 => "in the morning",
        12..18 => "in the afternoon",
        18..22 => "in the evening",
        _ => "at night",
    };
    match minute {
        0 => format!("{twelve} {part}"),
        30 => format!("half past {twelve} {part}"),
        _ => format!("{twelve}:{minute:02} {part}"),
    }
}

/// What people call the time of a zone; "local time", the brand's, where we do not know.
fn zone_words(zone: Tz) -> &'static str {
    match zone.name() {
        "America/New_York"
        | "America/Detroit"
        | "America/Toronto"
        | "America/Montreal"
        | "America/Nassau"
        | "America/Indiana/Indianapolis"
        | "America/Indianapolis"
        | "America/Kentucky/Louisville"
        | "America/Louisville"
        | "US/Eastern"
        | "US/Michigan"
        | "Canada/Eastern"
        | "America/Iqaluit" => "Eastern time",
        "America/Chicago"
        | "America/Winnipeg"
        | "America/Menominee"
        | "America/Indiana/Knox"
        | "America/Indiana/Tell_City"
        | "America/North_Dakota/Center"
        | "US/Central"
        | "Canada/Central" => "Central time",
        "America/Denver" | "America/Boise" | "America/Edmonton" | "US/Mountain" | "Canada/Mountain" => "Mountain time",
        "America/Los_Angeles" | "America/Vancouver" | "America/Tijuana" | "US/Pacific" | "Canada/Pacific" => {
            "Pacific time"
        }
        "America/Phoenix" | "US/Arizona" => "Arizona time",
        "America/Anchorage" | "America/Juneau" | "America/Sitka" | "America/Nome" | "US/Alaska" => "Alaska time",
        "Pacific/Honolulu" | "US/Hawaii" => "Hawaii time",
        "America/Halifax" | "America/Moncton" | "Canada/Atlantic" => "Atlantic time",
        "America/St_Johns" | "Canada/Newfoundland" => "Newfoundland time",
        "America/Regina" | "Canada/Saskatchewan" => "Saskatchewan time",
        "America/Whitehorse" | "Canada/Yukon" => "Yukon time",
        "Europe/London" | "Europe/Belfast" | "GB" => "UK time",
        "Europe/Dublin" | "Eire" => "Irish time",
        "Europe/Berlin" | "Europe/Paris" | "Europe/Madrid" | "Europe/Rome" | "Europe/Amsterdam" | "Europe/Brussels"
        | "Europe/Vienna" | "Europe/Zurich" | "Europe/Luxembourg" | "Europe/Copenhagen" | "Europe/Oslo"
        | "Europe/Stockholm" | "Europe/Warsaw" | "Europe/Prague" | "Europe/Budapest" | "Europe/Zagreb"
        | "Europe/Ljubljana" | "Europe/Bratislava" => "Central European time",
        "Europe/Athens" | "Europe/Helsinki" | "Europe/Bucharest" | "Europe/Sofia" | "Europe/Riga"
        | "Europe/Tallinn" | "Europe/Vilnius" => "Eastern European time",
        "Australia/Sydney" | "Australia/ACT" | "Australia/Canberra" | "Australia/NSW" => "Sydney time",
        "Australia/Melbourne" | "Australia/Victoria" => "Melbourne time",
        "Australia/Brisbane" | "Australia/Queensland" => "Brisbane time",
        "Australia/Adelaide" | "Australia/South" => "Adelaide time",
        "Australia/Perth" | "Australia/West" => "Perth time",
        "Australia/Darwin" | "Australia/North" => "Darwin time",
        "Australia/Hobart" | "Australia/Tasmania" => "Hobart time",
        "Pacific/Auckland" | "NZ" => "New Zealand time",
        "Asia/Kolkata" | "Asia/Calcutta" => "India time",
        "Asia/Singapore" | "Singapore" => "Singapore time",
        "Asia/Hong_Kong" | "Hongkong" => "Hong Kong time",
        "Asia/Tokyo" | "Japan" => "Japan time",
        "Asia/Manila" => "Philippine time",
        "Asia/Dubai" => "Dubai time",
        "Africa/Johannesburg" => "South Africa time",
        _ => "local time",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::{ClosureKind, OpenRule};

    const PACIFIC: Tz = Tz::America__Los_Angeles;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    fn closed(opens_at: Option<&str>) -> Status {
        Status::Closed { kind: ClosureKind::OutsideHours, name: None, opens_at: opens_at.map(at) }
    }

    #[test]
    fn openings_are_spoken_as_people_say_them() {
        // It is Tuesday, 24 November 2026, six in the evening.
        let now = at("2026-11-24T18:00:00-08:00");
        for (opens_at, words) in [
            ("2026-11-24T20:00:00-08:00", "today at 8 in the evening"),
            ("2026-11-24T21:30:00-08:00", "today at half past 9 in the evening"),
            ("2026-11-24T22:00:00-08:00", "today at 10 at night"),
            ("2026-11-25T00:00:00-08:00", "tonight at midnight"),
            ("2026-11-25T00:01:00-08:00", "tonight at 1 minute past midnight"),
            ("2026-11-25T00:15:00-08:00", "tonight at 15 minutes past midnight"),
            ("2026-11-25T00:30:00-08:00", "tonight at half past midnight"),
            ("2026-11-25T01:00:00-08:00", "tomorrow at 1 in the morning"),
            ("2026-11-25T08:00:00-08:00", "tomorrow at 8 in the morning"),
            ("2026-11-25T08:30:00-08:00", "tomorrow at half past 8 in the morning"),
            ("2026-11-25T08:45:00-08:00", "tomorrow at 8:45 in the morning"),
            ("2026-11-25T09:05:00-08:00", "tomorrow at 9:05 in the morning"),
            ("2026-11-25T12:00:00-08:00", "tomorrow at noon"),
            ("2026-11-25T12:30:00-08:00", "tomorrow at half past 12 in the afternoon"),
            ("2026-11-25T17:59:01-08:00", "tomorrow at 6 in the evening"),
            ("2026-11-26T00:00:00-08:00", "tomorrow night at midnight"),
            ("2026-11-26T08:00:00-08:00", "on Thursday at 8 in the morning"),
            ("2026-11-27T00:00:00-08:00", "on Thursday night at midnight"),
            ("2026-11-30T13:00:00-08:00", "on Monday at 1 in the afternoon"),
            ("2026-12-01T08:00:00-08:00", "on Tuesday the 1st of December at 8 in the morning"),
            ("2026-12-02T00:00:00-08:00", "on the night of Tuesday the 1st of December at midnight"),
            ("2026-12-22T08:00:00-08:00", "on Tuesday the 22nd of December at 8 in the morning"),
            ("2026-12-23T08:00:00-08:00", "on Wednesday the 23rd of December at 8 in the morning"),
            ("2026-12-11T08:00:00-08:00", "on Friday the 11th of December at 8 in the morning"),
            ("2027-01-04T08:00:00-08:00", "on Monday the 4th of January at 8 in the morning"),
            ("2027-11-24T08:00:00-08:00", "on Wednesday the 24th of November 2027 at 8 in the morning"),
        ] {
            let said = opens_words(&closed(Some(opens_at)), PACIFIC, now, "en-US");
            assert_eq!(said, Some(format!("We open {words}, Pacific time.")), "{opens_at}");
        }
    }

    #[test]
    fn today_and_tomorrow_are_the_brands_and_not_greenwichs() {
        // 23:30 in Los Angeles is the next morning in Greenwich, in either half of the year.
        for (now, opens_at) in [
            ("2026-11-24T23:30:00-08:00", "2026-11-25T08:00:00-08:00"),
            ("2026-07-24T23:30:00-07:00", "2026-07-25T08:00:00-07:00"),
            // The clock jumps that night.
            ("2026-03-07T23:30:00-08:00", "2026-03-08T08:00:00-07:00"),
        ] {
            let said = opens_words(&closed(Some(opens_at)), PACIFIC, at(now), "en-US");
            assert_eq!(said.unwrap(), "We open tomorrow at 8 in the morning, Pacific time.");
        }
    }

    #[test]
    fn nothing_is_said_that_is_not_known() {
        let now = at("2026-11-24T18:00:00Z");
        let closed_for_good = closed(None);
        let open = Status::Open { rule: OpenRule::Always, until: None };
        for status in [&closed_for_good, &open] {
            assert_eq!(opens_words(status, PACIFIC, now, "en-US"), None);
        }
        let tomorrow = closed(Some("2026-11-25T18:00:00Z"));
        for language in ["de-DE", "fr", "es-US", "enm", ""] {
            assert_eq!(opens_words(&tomorrow, PACIFIC, now, language), None, "{language}");
        }
        for language in ["en", "en-GB", "EN-AU"] {
            assert!(opens_words(&tomorrow, PACIFIC, now, language).is_some(), "{language}");
        }
    }

    #[test]
    fn zones_are_called_what_people_call_them() {
        for (zone, words) in [
            (Tz::America__New_York, "Eastern time"),
            (Tz::America__Chicago, "Central time"),
            (Tz::America__Edmonton, "Mountain time"),
            (Tz::America__Phoenix, "Arizona time"),
            (Tz::Europe__London, "UK time"),
            (Tz::Europe__Berlin, "Central European time"),
            (Tz::Australia__Sydney, "Sydney time"),
            (Tz::Asia__Kathmandu, "local time"),
            (Tz::UTC, "local time"),
        ] {
            let said = opens_words(&closed(Some("2026-11-25T18:00:00Z")), zone, at("2026-11-24T18:00:00Z"), "en");
            assert!(said.unwrap().ends_with(&format!(", {words}.")), "{zone}");
        }
    }

    #[test]
    fn no_instant_breaks_the_words() {
        for moment in (0..100_000).step_by(61).map(|minute| at("2026-12-31T22:59:30Z") + TimeDelta::minutes(minute)) {
            let said = call_back_words(moment, PACIFIC, at("2026-12-31T23:00:00Z"), "en").unwrap();
            assert!(said.len() < 120 && said.ends_with(", Pacific time."), "{said}");
        }
    }
}
