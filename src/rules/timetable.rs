//! A timetable by the wall clock, laid along real time: whether it is on, and from when to when.
//!
//! A day's hours belong to the day on which they begin: what begins on Friday evening runs past midnight to its end,
//! whatever Saturday is. The wall clock decides: a time that it skips begins at the first real instant after the gap,
//! and one that it passes twice counts both times.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::ops::Range;

use chrono::{DateTime, NaiveDate, NaiveTime, TimeDelta, Timelike, Utc};
use chrono_tz::Tz;

use super::zone;

/// Minutes of a day on the wall clock.
pub(super) const DAY_MIN: u16 = 24 * 60;

/// What holds whatever the wall clock says.
pub(super) struct Forced {
    /// On or off; none if the wall clock decides.
    pub(super) on: Option<bool>,
    /// The first later instant at which this may be another; none if never.
    pub(super) changes_at: Option<DateTime<Utc>>,
}

/// When something is on.
pub(super) trait Timetable {
    /// Whose wall clock it is.
    fn zone(&self) -> Tz;

    /// The hours that begin on a date, in minutes after its midnight: they begin below 1440 and last at most a day.
    /// They may overlap and stand in any order.
    fn hours_on(&self, date: NaiveDate) -> impl Iterator<Item = Range<u16>>;

    /// What overrules the wall clock at `at`.
    fn forced(&self, _at: DateTime<Utc>) -> Forced {
        Forced { on: None, changes_at: None }
    }
}

/// What the wall clock shows: the date, and the whole minutes since its midnight.
pub(super) fn wall(zone: Tz, at: DateTime<Utc>) -> Option<(NaiveDate, u16)> {
    let known =
        WALLS.with(|walls| walls.borrow().iter().flatten().find(|known| (known.0, known.1) == (zone, at)).copied());
    if let Some((.., wall)) = known {
        return wall;
    }
    let wall = zone::wall(zone, at)
        .and_then(|wall| Some((wall.date(), u16::try_from(wall.hour() * 60 + wall.minute()).ok()?)));
    WALLS.with(|walls| {
        let mut walls = walls.borrow_mut();
        walls.rotate_right(1);
        if let Some(first) = walls.first_mut() {
            *first = Some((zone, at, wall));
        }
    });
    wall
}

/// What the wall clock of a zone showed at an instant.
type Wall = (Tz, DateTime<Utc>, Option<(NaiveDate, u16)>);

thread_local! {
    /// The last ones asked for: a whole roster is looked at at one instant, and its agents live in a few zones.
    static WALLS: RefCell<[Option<Wall>; 8]> = const { RefCell::new([None; 8]) };
}

/// The date whose hours cover this minute of `date`: itself, or the day before if that reaches past midnight.
pub(super) fn covered_by(timetable: &impl Timetable, date: NaiveDate, minute: u16) -> Option<NaiveDate> {
    if timetable.hours_on(date).any(|hours| hours.contains(&minute)) {
        return Some(date);
    }
    let eve = date.pred_opt()?;
    timetable.hours_on(eve).any(|hours| hours.contains(&(minute + DAY_MIN))).then_some(eve)
}

impl<T: Timetable> Timetable for &T {
    fn zone(&self) -> Tz {
        (*self).zone()
    }

    fn hours_on(&self, date: NaiveDate) -> impl Iterator<Item = Range<u16>> {
        (*self).hours_on(date)
    }

    fn forced(&self, at: DateTime<Utc>) -> Forced {
        (*self).forced(at)
    }
}

/// Whether it is on at `at`.
pub(super) fn is_on(timetable: &impl Timetable, at: DateTime<Utc>) -> bool {
    timetable.forced(at).on.unwrap_or_else(|| {
        wall(timetable.zone(), at).is_some_and(|(date, minute)| covered_by(timetable, date, minute).is_some())
    })
}

/// From when to when it is on, within a span: in order, apart from each other, as long as they can be, and cut where
/// the span begins and ends.
pub(super) fn stretches<T: Timetable>(timetable: T, span: Range<DateTime<Utc>>) -> Stretches<T> {
    Stretches { timetable, at: span.start, end: span.end, open: None, found: VecDeque::new(), day: Vec::new() }
}

/// See [`stretches`].
pub(super) struct Stretches<T> {
    timetable: T,
    /// Everything before it has been looked at.
    at: DateTime<Utc>,
    end: DateTime<Utc>,
    /// Found last; what follows may touch it.
    open: Option<Range<DateTime<Utc>>>,
    found: VecDeque<Range<DateTime<Utc>>>,
    /// The hours of one day; kept for its room.
    day: Vec<Range<u16>>,
}

impl<T: Timetable> Iterator for Stretches<T> {
    type Item = Range<DateTime<Utc>>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            while let Some(piece) = self.found.pop_front() {
                match &mut self.open {
                    Some(open) if piece.start <= open.end => open.end = open.end.max(piece.end),
                    open => {
                        if let Some(whole) = open.replace(piece) {
                            return Some(whole);
                        }
                    }
                }
            }
            if self.at >= self.end {
                return self.open.take();
            }
            // Past the end of the calendar there is nothing more to find.
            self.at = self.look_on().unwrap_or(self.end);
        }
    }
}

impl<T: Timetable> Stretches<T> {
    /// Looks at a piece of time in which the clock does not jump, on one date, and says where it ends.
    fn look_on(&mut self) -> Option<DateTime<Utc>> {
        let start = self.at;
        let forced = self.timetable.forced(start);
        let mut end = forced.changes_at.map_or(self.end, |changes_at| changes_at.min(self.end));
        if let Some(is_on) = forced.on {
            self.found.extend(is_on.then_some(start..end));
            return Some(end);
        }
        let zone = self.timetable.zone();
        let wall = zone::wall(zone, start)?;
        let midnight = start.checked_sub_signed(wall.time() - NaiveTime::MIN)?;
        end = end.min(midnight.checked_add_signed(TimeDelta::days(1))?);
        end = next_jump(zone, start..end).unwrap_or(end);

        self.day.clear();
        self.day.extend(self.timetable.hours_on(wall.date()));
        if let Some(eve) = wall.date().pred_opt() {
            let reaches_over =
                |hours: Range<u16>| hours.start.saturating_sub(DAY_MIN)..hours.end.saturating_sub(DAY_MIN);
            self.day.extend(self.timetable.hours_on(eve).map(reaches_over).filter(|hours| hours.end > 0));
        }
        self.day.sort_unstable_by_key(|hours| hours.start);
        for hours in &self.day {
            let instant = |minute: u16| midnight + TimeDelta::minutes(i64::from(minute));
            let piece = instant(hours.start).max(start)..instant(hours.end).min(end);
            if piece.start < piece.end {
                self.found.push_back(piece);
            }
        }
        Some(end)
    }
}

/// The first instant within at most a day at which the clock has jumped, if it does. Two jumps that undo each other
/// within that day are not seen; no zone has such.
fn next_jump(zone: Tz, span: Range<DateTime<Utc>>) -> Option<DateTime<Utc>> {
    let before = zone::offset(zone, span.start);
    let (mut low, mut high) = (span.start.timestamp(), span.end.timestamp());
    let is_before =
        |second: i64| DateTime::from_timestamp(second, 0).is_some_and(|at| zone::offset(zone, at) == before);
    // A jump at the very end is the next day's.
    if is_before(high - 1) {
        return None;
    }
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        if is_before(middle) {
            low = middle;
        } else {
            high = middle;
        }
    }
    DateTime::from_timestamp(high, 0)
}
