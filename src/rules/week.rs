//! A week in the routing file: a list of intervals a day.

use chrono::Weekday;

use super::hours::{Interval, WeeklyHours};
use super::reader::{Faults, Fields, texts_of};

/// The days, as the file writes them.
pub(super) const DAYS: [(&str, Weekday); 7] = [
    ("mon", Weekday::Mon),
    ("tue", Weekday::Tue),
    ("wed", Weekday::Wed),
    ("thu", Weekday::Thu),
    ("fri", Weekday::Fri),
    ("sat", Weekday::Sat),
    ("sun", Weekday::Sun),
];

/// Reads a table of days; `None` if there is none.
pub(super) fn read_hours(
    fields: &mut Fields<'_, '_>,
    faults: &mut Faults<'_>,
    name: &'static str,
) -> Option<WeeklyHours> {
    let mut days = fields.table(faults, name)?;
    let mut intervals: Vec<Interval> = Vec::new();
    for (day_name, day) in DAYS {
        let Some(value) = days.value(day_name) else {
            continue;
        };
        for text in texts_of(faults, day_name, value) {
            let Some(interval) = Interval::parse(day, text.value) else {
                faults.add(&text.span, format!("`{}` is no interval; allowed: \"09:00-17:30\", past midnight \"20:00-02:00\", all day \"00:00-24:00\"", text.value));
                continue;
            };
            if let Some(other) = intervals.iter().find(|other| other.overlaps(&interval)) {
                faults.add(
                    &text.span,
                    format!("{day_name} {} overlaps {} {}", text.value, day_label(other.day()), other.to_text()),
                );
            }
            intervals.push(interval);
        }
    }
    let is_empty_shift = intervals.is_empty() && name == "shift";
    if is_empty_shift {
        faults.add(days.span(), "this `shift` has no interval; leave it out if the agent always works");
    }
    days.finish(faults);
    Some(WeeklyHours { intervals })
}

/// As the file writes the day.
fn day_label(day: Weekday) -> &'static str {
    DAYS.iter().find(|(_, known)| *known == day).map_or("", |(label, _)| *label)
}
