//! A week and a day in the document: lists of intervals.

use chrono::Weekday;

use super::fault::Faults;
use super::hours::{DayInterval, Interval, WeeklyHours};
use super::reader::{Fields, shown};

/// The days, as the document writes them.
pub(super) const DAYS: [(&str, Weekday); 7] = [
    ("mon", Weekday::Mon),
    ("tue", Weekday::Tue),
    ("wed", Weekday::Wed),
    ("thu", Weekday::Thu),
    ("fri", Weekday::Fri),
    ("sat", Weekday::Sat),
    ("sun", Weekday::Sun),
];

const INTERVAL_FORM: &str = "\"09:00-17:30\", past midnight \"20:00-02:00\", all day \"00:00-24:00\"";

/// Most intervals of one day.
pub(super) const INTERVALS_A_DAY_MAX: usize = 24;

/// Reads a table of days; `None` if there is none. One without an interval is refused, since no table means always, and
/// whoever takes every interval away means never: `no_interval` tells what to write instead.
pub(super) fn read_hours(
    fields: &mut Fields<'_>,
    faults: &mut Faults<'_>,
    name: &'static str,
    no_interval: &str,
) -> Option<WeeklyHours> {
    let mut days = fields.table(faults, name)?;
    let faults_before = faults.count();
    let mut intervals: Vec<Interval> = Vec::new();
    for (day_name, day) in DAYS {
        let texts = days.texts(faults, day_name);
        if texts.len() > INTERVALS_A_DAY_MAX {
            days.refuse(
                faults,
                day_name,
                format!("`{day_name}` has too many intervals; allowed: {INTERVALS_A_DAY_MAX}"),
            );
            continue;
        }
        for text in texts {
            let Some(interval) = Interval::parse(day, text.value) else {
                let seen = shown(text.value);
                faults.add(&text.place, format!("`{seen}` is no interval; allowed: {INTERVAL_FORM}"));
                continue;
            };
            if let Some(other) = intervals.iter().find(|other| other.overlaps(&interval)) {
                faults.add(
                    &text.place,
                    format!("{day_name} {} overlaps {} {}", text.value, day_label(other.day()), other.to_text()),
                );
            }
            intervals.push(interval);
        }
    }
    let place = days.place().clone();
    days.finish(faults);
    // An interval that could not be read is told of already.
    if intervals.is_empty() && faults.count() == faults_before {
        faults.add(&place, format!("this `{name}` has no interval; {no_interval}"));
    }
    Some(WeeklyHours { intervals })
}

/// Reads the intervals of one date; none means not at all.
pub(super) fn read_day(fields: &mut Fields<'_>, faults: &mut Faults<'_>, name: &'static str) -> Vec<DayInterval> {
    let texts = fields.texts(faults, name);
    if texts.len() > INTERVALS_A_DAY_MAX {
        fields.refuse(faults, name, format!("`{name}` has too many intervals; allowed: {INTERVALS_A_DAY_MAX}"));
        return Vec::new();
    }
    let mut intervals: Vec<DayInterval> = Vec::new();
    for text in texts {
        let Some(interval) = DayInterval::parse(text.value) else {
            let seen = shown(text.value);
            faults.add(&text.place, format!("`{seen}` is no interval; allowed: {INTERVAL_FORM}"));
            continue;
        };
        let meets = |other: &&DayInterval| {
            let (a, b) = (interval.minutes(), other.minutes());
            a.start < b.end && b.start < a.end
        };
        if let Some(other) = intervals.iter().find(meets) {
            faults.add(&text.place, format!("{} overlaps {}", text.value, other.to_text()));
        }
        intervals.push(interval);
    }
    intervals
}

/// As the document writes the day.
fn day_label(day: Weekday) -> &'static str {
    DAYS.iter().find(|(_, known)| *known == day).map_or("", |(label, _)| *label)
}
