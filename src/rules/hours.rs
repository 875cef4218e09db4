//! Weekly hours on a wall clock, across the two days a year when that clock jumps.

use std::ops::Range;

use chrono::{DateTime, Datelike, Days, NaiveDate, Offset, TimeDelta, TimeZone, Timelike, Utc, Weekday};
use chrono_tz::Tz;

/// Minutes of a day and of a week.
const DAY_MIN: u16 = 24 * 60;
const WEEK_MIN: u32 = 7 * 24 * 60;

/// How far ahead an opening is looked for: a weekly one that falls into a gap comes a week later.
const LOOK_AHEAD_DAYS: u64 = 15;

/// One stretch of a week, by the wall clock: it begins on `day` and may reach into the next one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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

    fn covers(&self, day: Weekday, minute: u16) -> bool {
        (self.day == day && (self.opens..self.closes).contains(&minute))
            || (self.day.succ() == day && (self.opens..self.closes).contains(&(minute + DAY_MIN)))
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
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct WeeklyHours {
    /// Several a day, in the order in which they were written.
    pub intervals: Vec<Interval>,
}

/// Whether it is open at an instant. The wall clock decides: a time that the clock skips opens at the first real
/// instant after the gap, and one that it passes twice counts both times.
#[must_use]
pub fn is_open(hours: &WeeklyHours, zone: Tz, instant: DateTime<Utc>) -> bool {
    if hours.intervals.is_empty() {
        return true;
    }
    let wall = instant.with_timezone(&zone);
    let minute = u16::try_from(wall.hour() * 60 + wall.minute()).unwrap_or_default();
    hours.intervals.iter().any(|interval| interval.covers(wall.weekday(), minute))
}

/// When it is next open: `instant` itself if it is open then. `None` if it does not open within fifteen days, which
/// can only be when every interval lies in a gap of the clock.
#[must_use]
pub fn next_opening(hours: &WeeklyHours, zone: Tz, instant: DateTime<Utc>) -> Option<DateTime<Utc>> {
    if is_open(hours, zone, instant) {
        return Some(instant);
    }
    let today = instant.with_timezone(&zone).date_naive();
    let openings = (0..=LOOK_AHEAD_DAYS)
        .filter_map(|ahead| today.checked_add_days(Days::new(ahead)))
        .flat_map(|date| openings_on(hours, zone, date));
    // Where the clock jumps, it may open though no interval begins: out of a gap, or back into an interval.
    let jumps = clock_jumps(zone, instant);
    openings.chain(jumps).filter(|candidate| *candidate >= instant && is_open(hours, zone, *candidate)).min()
}

fn openings_on(hours: &WeeklyHours, zone: Tz, date: NaiveDate) -> impl Iterator<Item = DateTime<Utc>> {
    hours.intervals.iter().filter(move |interval| interval.day == date.weekday()).flat_map(move |interval| {
        let begins = date.and_hms_opt(u32::from(interval.opens / 60), u32::from(interval.opens % 60), 0);
        let at = begins.map(|begins| zone.from_local_datetime(&begins));
        [at.and_then(|at| at.earliest()), at.and_then(|at| at.latest())].into_iter().flatten().map(|at| at.to_utc())
    })
}

/// The instants, to the second, at which the zone's clock jumps within the time we look ahead.
fn clock_jumps(zone: Tz, from: DateTime<Utc>) -> Vec<DateTime<Utc>> {
    let offset =
        |at: i64| DateTime::from_timestamp(at, 0).map(|at| zone.offset_from_utc_datetime(&at.naive_utc()).fix());
    let hour = TimeDelta::hours(1).num_seconds();
    let start = from.timestamp();
    let hours_ahead = i64::try_from(LOOK_AHEAD_DAYS).unwrap_or_default() * 24;
    let mut jumps = Vec::new();
    for step in 0..hours_ahead {
        let (mut before, mut after) = (start + step * hour, start + (step + 1) * hour);
        if offset(before) == offset(after) {
            continue;
        }
        while after - before > 1 {
            let middle = before + (after - before) / 2;
            if offset(middle) == offset(before) {
                before = middle;
            } else {
                after = middle;
            }
        }
        jumps.extend(DateTime::from_timestamp(after, 0));
    }
    jumps
}

#[cfg(test)]
#[path = "hours_tests.rs"]
mod tests;
