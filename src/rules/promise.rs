//! When a caller whom nobody answered is called back, by the brand's promise.

use std::ops::Range;

use chrono::{DateTime, Days, NaiveDate, TimeDelta, Utc};
use chrono_tz::Tz;

use super::calendar_status::{BrandDays, LOOK_AHEAD};
use super::timetable::{self, DAY_MIN, Forced, Timetable};
use super::{Brand, PromiseDue, Rules, spoken};

/// How many days ahead a day on which the brand opens is looked for.
const DAYS_AHEAD: u64 = 400;

/// When the call back is due to a caller missed at `missed_at`, always later than that; none if the brand promises
/// nothing.
///
/// `WithinOpen` counts open time by the brand's whole calendar: what is missed at night counts from the next opening.
/// `NextBusinessDay` is the first date whose own hours begin after the call, so before opening it may be the same day,
/// and whose minute is still to come, even if it opens later than that minute; where the clock skips the minute, the
/// first instant after the gap. A brand that does not open for 400 days owes the call back after the bare span, or a day.
#[must_use]
pub fn due_at(brand: &Brand, rules: &Rules, missed_at: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let days = BrandDays::new(brand, rules);
    Some(match brand.promise.as_ref()?.due {
        PromiseDue::WithinOpen(span) => {
            let span = TimeDelta::from_std(span).unwrap_or(LOOK_AHEAD);
            within_open(&days, missed_at, span).unwrap_or_else(|| later(missed_at, span))
        }
        PromiseDue::NextBusinessDay { minute } => {
            next_business_day(&days, missed_at, minute).unwrap_or_else(|| later(missed_at, TimeDelta::days(1)))
        }
    })
}

/// What a caller missed at `missed_at` hears: "We will call you back tomorrow by noon, Pacific time."
///
/// The brand's own words, where it has some, come first. None if it promises nothing or does not say it, and for want of
/// words in its language, which we have in English alone.
#[must_use]
pub fn due_words(brand: &Brand, rules: &Rules, missed_at: DateTime<Utc>) -> Option<String> {
    if !brand.promise.as_ref()?.spoken {
        return None;
    }
    if let Some(own) = &brand.texts.callback_promise {
        return Some(own.clone());
    }
    let due_at = due_at(brand, rules, missed_at)?;
    spoken::call_back_words(due_at, brand.time_zone, missed_at, &brand.language)
}

fn later(at: DateTime<Utc>, span: TimeDelta) -> DateTime<Utc> {
    at.checked_add_signed(span).unwrap_or(DateTime::<Utc>::MAX_UTC)
}

/// The instant at which so much open time has passed.
fn within_open(days: &BrandDays<'_>, from: DateTime<Utc>, span: TimeDelta) -> Option<DateTime<Utc>> {
    let mut left = span;
    for open in timetable::stretches(days, from..from.checked_add_signed(LOOK_AHEAD)?) {
        let length = open.end - open.start;
        if left <= length {
            return Some(open.start + left);
        }
        left -= length;
    }
    None
}

fn next_business_day(days: &BrandDays<'_>, missed_at: DateTime<Utc>, minute: u16) -> Option<DateTime<Utc>> {
    let (today, _) = timetable::wall(days.zone(), missed_at)?;
    (0..DAYS_AHEAD).filter_map(|ahead| today.checked_add_days(Days::new(ahead))).find_map(|date| {
        let begins = first_instant(days.zone(), date, 0)?;
        let ends = first_instant(days.zone(), date.succ_opt()?, 0)?;
        let opens = timetable::stretches(OneDay { days, date }, begins..ends).next()?.start;
        // Open before the call: that day is under way.
        first_instant(days.zone(), date, minute).filter(|due_at| missed_at < opens && missed_at < *due_at)
    })
}

/// The first real instant of a date, in a zone, that is at or after this minute by the wall clock.
fn first_instant(zone: Tz, date: NaiveDate, minute: u16) -> Option<DateTime<Utc>> {
    // No zone is further from UTC than a day.
    let around = date.pred_opt()?.and_hms_opt(0, 0, 0)?.and_utc();
    let span = around..around.checked_add_signed(TimeDelta::days(4))?;
    timetable::stretches(FromMinute { zone, date, minute }, span).next().map(|from| from.start)
}

/// A day by the wall clock, from a minute of one date on.
struct FromMinute {
    zone: Tz,
    date: NaiveDate,
    minute: u16,
}

impl Timetable for FromMinute {
    fn zone(&self) -> Tz {
        self.zone
    }

    fn hours_on(&self, date: NaiveDate) -> impl Iterator<Item = Range<u16>> {
        (date == self.date).then_some(self.minute..self.minute.saturating_add(DAY_MIN)).into_iter()
    }
}

/// What of the brand's open time begins on one date.
struct OneDay<'a> {
    days: &'a BrandDays<'a>,
    date: NaiveDate,
}

impl Timetable for OneDay<'_> {
    fn zone(&self) -> Tz {
        self.days.zone()
    }

    fn hours_on(&self, date: NaiveDate) -> impl Iterator<Item = Range<u16>> {
        self.days.hours_on(date).filter(move |_| date == self.date)
    }

    fn forced(&self, at: DateTime<Utc>) -> Forced {
        self.days.forced(at)
    }
}

#[cfg(test)]
#[path = "promise_tests.rs"]
mod tests;
