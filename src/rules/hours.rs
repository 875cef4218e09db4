//! Weekly hours on a wall clock, across the two days a year when that clock jumps.

use std::ops::Range;

use chrono::{DateTime, Datelike, NaiveDate, TimeDelta, Utc, Weekday};
use chrono_tz::Tz;

use super::timetable::{self, DAY_MIN, Timetable};

/// Minutes of a week.
const WEEK_MIN: u32 = 7 * 24 * 60;

/// How far ahead an opening is looked for: a weekly one that falls into a gap comes a week later.
const LOOK_AHEAD: TimeDelta = TimeDelta::days(15);

/// One stretch of a week, by the wall clock: it begins on `day` and may reach into the next one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Interval {
    day: Weekday,
    opens: u16,
    closes: u16,
}

impl Interval {
    /// From `opens` to before `closes`, in minutes after the day's midnight. `opens` is below 1440; `closes` is later
    /// by at most a day, so above 1440 it lies on the next day. Anything else is none.
    #[must_use]
    pub fn new(day: Weekday, opens: u16, closes: u16) -> Option<Self> {
        (opens < DAY_MIN && opens < closes && closes - opens <= DAY_MIN).then_some(Self { day, opens, closes })
    }

    /// The day on which it begins.
    #[must_use]
    pub fn day(&self) -> Weekday {
        self.day
    }

    /// Reads `09:00-17:30`, `20:00-02:00` (until the next day) or `00:00-24:00`.
    #[must_use]
    pub fn parse(day: Weekday, text: &str) -> Option<Self> {
        let (opens, closes) = text.split_once('-')?;
        let (opens, closes) = (parse_minute(opens.trim())?, parse_minute(closes.trim())?);
        // Equal ends could mean all day or nothing; we do not guess.
        if opens == closes {
            return None;
        }
        Self::new(day, opens, if closes < opens { closes + DAY_MIN } else { closes })
    }

    /// As [`Interval::parse`] reads it.
    #[must_use]
    pub fn to_text(&self) -> String {
        let clock = |minute: u16| format!("{:02}:{:02}", minute / 60, minute % 60);
        let closes = if self.closes > DAY_MIN { self.closes - DAY_MIN } else { self.closes };
        format!("{}-{}", clock(self.opens), clock(closes))
    }

    /// Minutes after the day's midnight: from, and until; above 1440 the end lies on the next day.
    #[must_use]
    pub fn minutes(&self) -> Range<u16> {
        self.opens..self.closes
    }

    fn minutes_of_week(&self) -> Range<u32> {
        let midnight = self.day.num_days_from_monday() * u32::from(DAY_MIN);
        midnight + u32::from(self.opens)..midnight + u32::from(self.closes)
    }

    /// Whether both claim a minute of the same week, also around its end.
    #[must_use]
    pub fn overlaps(&self, other: &Self) -> bool {
        let (a, b) = (self.minutes_of_week(), other.minutes_of_week());
        [0, WEEK_MIN].iter().any(|shift| {
            let meet = |x: &Range<u32>, y: &Range<u32>| x.start + shift < y.end && y.start < x.end + shift;
            meet(&a, &b) || meet(&b, &a)
        })
    }
}

/// One stretch of a single date, by the wall clock; it may reach into the next day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct DayInterval {
    opens: u16,
    closes: u16,
}

impl DayInterval {
    /// Reads what [`Interval::parse`] reads.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Interval::parse(Weekday::Mon, text).map(|interval| Self { opens: interval.opens, closes: interval.closes })
    }

    /// As [`DayInterval::parse`] reads it.
    #[must_use]
    pub fn to_text(&self) -> String {
        Interval { day: Weekday::Mon, opens: self.opens, closes: self.closes }.to_text()
    }

    /// Minutes after midnight: from, and until; above 1440 the end lies on the next day.
    #[must_use]
    pub fn minutes(&self) -> Range<u16> {
        self.opens..self.closes
    }
}

fn parse_minute(text: &str) -> Option<u16> {
    let (hour, minute) = text.split_once(':')?;
    let two =
        |text: &str| (text.len() == 2 && text.bytes().all(|b| b.is_ascii_digit())).then(|| text.parse::<u16>().ok())?;
    let (hour, minute) = (two(hour)?, two(minute)?);
    (minute < 60 && (hour < 24 || (hour == 24 && minute == 0))).then_some(hour * 60 + minute)
}

/// The hours of a week; empty means always. The intervals do not overlap; their order is the file's.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct WeeklyHours {
    /// Several a day, in the order in which they were written.
    pub intervals: Vec<Interval>,
}

/// The hours of a week as a timetable; none means always.
pub(super) struct Week<'a> {
    pub(super) hours: &'a WeeklyHours,
    pub(super) zone: Tz,
}

impl WeeklyHours {
    /// The hours that begin on a date, in minutes after its midnight; all of it if there are none at all.
    pub(super) fn on(&self, date: NaiveDate) -> impl Iterator<Item = Range<u16>> {
        let always = self.intervals.is_empty().then_some(0..DAY_MIN);
        let day = date.weekday();
        always.into_iter().chain(self.intervals.iter().filter(move |own| own.day == day).map(Interval::minutes))
    }
}

impl Timetable for Week<'_> {
    fn zone(&self) -> Tz {
        self.zone
    }

    fn hours_on(&self, date: NaiveDate) -> impl Iterator<Item = Range<u16>> {
        self.hours.on(date)
    }
}

/// Whether it is open at an instant. The wall clock decides: a time that the clock skips opens at the first real
/// instant after the gap, and one that it passes twice counts both times.
#[must_use]
pub fn is_open(hours: &WeeklyHours, zone: Tz, instant: DateTime<Utc>) -> bool {
    hours.intervals.is_empty() || timetable::is_on(&Week { hours, zone }, instant)
}

/// When it is next open: `instant` itself if it is open then. `None` if it does not open within fifteen days, which
/// can only be when every interval lies in a gap of the clock.
#[must_use]
pub fn next_opening(hours: &WeeklyHours, zone: Tz, instant: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let end = instant.checked_add_signed(LOOK_AHEAD)?;
    timetable::stretches(Week { hours, zone }, instant..end).next().map(|open| open.start)
}

#[cfg(test)]
#[path = "hours_tests.rs"]
mod tests;
