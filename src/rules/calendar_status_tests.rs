use chrono::{Datelike, Timelike, Weekday};
use proptest::prelude::*;

use super::*;
use crate::rules::{DayInterval, Interval, WeeklyHours, zone};

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn on(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

fn rules() -> Rules {
    crate::rules::file::parse("routing.toml", include_str!("../../examples/routing.toml")).unwrap()
}

/// A brand in New York with these hours every day, and a list of holidays.
fn brand(hours: &[&str]) -> (Brand, Rules) {
    let mut rules = rules();
    let list = HolidayListId::new("ours");
    rules.holidays.push(HolidayList {
        id: list.clone(),
        name: "Ours".to_owned(),
        public: None,
        dates: [(on("2026-12-25"), "Christmas Day".to_owned())].into(),
        except: Vec::new(),
    });
    let mut brand = rules.brands[0].clone();
    brand.time_zone = Tz::America__New_York;
    let days = (0..7).map(|day| Weekday::try_from(day).unwrap());
    let intervals = days.flat_map(|day| hours.iter().map(move |text| Interval::parse(day, text).unwrap())).collect();
    brand.hours = WeeklyHours { intervals };
    brand.calendar.holidays = vec![list];
    (brand, rules)
}

fn special(day: &str, hours: &[&str]) -> SpecialDay {
    let hours = hours.iter().map(|text| DayInterval::parse(text).unwrap()).collect();
    SpecialDay { on: on(day), hours, name: Some("Stocktaking".to_owned()) }
}

fn until(from: Option<&str>, until: &str) -> Until {
    Until { from: from.map(at), until: at(until), reason: Some("Storm".to_owned()) }
}

#[track_caller]
fn open(brand: &Brand, rules: &Rules, instant: &str, rule: OpenRule, until: Option<&str>) {
    assert_eq!(status(brand, rules, at(instant)), Status::Open { rule, until: until.map(at) }, "{instant}");
    assert!(is_open(brand, rules, at(instant)));
}

#[track_caller]
fn closed(brand: &Brand, rules: &Rules, instant: &str, kind: ClosureKind, name: Option<&str>, opens_at: Option<&str>) {
    let expected = Status::Closed { kind, name: name.map(str::to_owned), opens_at: opens_at.map(at) };
    assert_eq!(status(brand, rules, at(instant)), expected, "{instant}");
    assert!(!is_open(brand, rules, at(instant)));
}

#[test]
fn the_week_decides_when_nothing_else_does() {
    let (brand, rules) = brand(&["09:00-12:00", "13:00-17:00"]);
    open(&brand, &rules, "2026-11-24T09:00:00-05:00", OpenRule::WeeklyHours, Some("2026-11-24T12:00:00-05:00"));
    let next = Some("2026-11-24T13:00:00-05:00");
    closed(&brand, &rules, "2026-11-24T12:00:00-05:00", ClosureKind::OutsideHours, None, next);
    let next = Some("2026-11-25T09:00:00-05:00");
    closed(&brand, &rules, "2026-11-24T17:00:00.5-05:00", ClosureKind::OutsideHours, None, next);
}

#[test]
fn stretches_that_touch_are_one() {
    let (brand, rules) = brand(&["09:00-12:00", "12:00-24:00", "00:00-01:30"]);
    open(&brand, &rules, "2026-11-24T09:00:00-05:00", OpenRule::WeeklyHours, Some("2026-11-25T01:30:00-05:00"));
}

#[test]
fn a_brand_without_hours_is_open_but_for_its_calendar() {
    let (mut brand, rules) = brand(&[]);
    open(&brand, &rules, "2026-11-24T03:00:00Z", OpenRule::Always, Some("2026-12-25T00:00:00-05:00"));
    let next = Some("2026-12-26T00:00:00-05:00");
    closed(&brand, &rules, "2026-12-25T12:00:00-05:00", ClosureKind::Holiday, Some("Christmas Day"), next);
    brand.calendar.holidays.clear();
    open(&brand, &rules, "2026-11-24T03:00:00Z", OpenRule::Always, None);
}

#[test]
fn the_evening_before_a_holiday_runs_to_its_end_and_the_holidays_own_does_not_begin() {
    let (brand, rules) = brand(&["20:00-02:00"]);
    let rule = OpenRule::WeeklyHours;
    open(&brand, &rules, "2026-12-24T21:00:00-05:00", rule, Some("2026-12-25T02:00:00-05:00"));
    open(&brand, &rules, "2026-12-25T01:59:59-05:00", rule, Some("2026-12-25T02:00:00-05:00"));
    let next = Some("2026-12-26T20:00:00-05:00");
    let holiday = |instant| closed(&brand, &rules, instant, ClosureKind::Holiday, Some("Christmas Day"), next);
    holiday("2026-12-25T02:00:00-05:00");
    holiday("2026-12-25T21:00:00-05:00");
    // Past midnight it is still the holiday that keeps it closed; past two o'clock the week would too.
    holiday("2026-12-26T01:59:59-05:00");
    closed(&brand, &rules, "2026-12-26T02:00:00-05:00", ClosureKind::OutsideHours, None, next);
}

#[test]
fn a_single_date_wins_over_a_holiday_and_may_reach_past_midnight() {
    let (mut brand, rules) = brand(&["09:00-17:00"]);
    brand.calendar.days = vec![special("2026-12-24", &[]), special("2026-12-25", &["22:00-03:00"])];
    let closed_on = |instant, next| {
        closed(&brand, &rules, instant, ClosureKind::SpecialDay, Some("Stocktaking"), Some(next));
    };
    closed_on("2026-12-24T12:00:00-05:00", "2026-12-25T22:00:00-05:00");
    closed_on("2026-12-25T12:00:00-05:00", "2026-12-25T22:00:00-05:00");
    open(&brand, &rules, "2026-12-26T02:00:00-05:00", OpenRule::SpecialDay, Some("2026-12-26T03:00:00-05:00"));
    let next = Some("2026-12-26T09:00:00-05:00");
    closed(&brand, &rules, "2026-12-26T03:00:00-05:00", ClosureKind::OutsideHours, None, next);
}

#[test]
fn public_holidays_count_but_for_the_exceptions() {
    let (brand, mut rules) = brand(&["09:00-17:00"]);
    let list = rules.holidays.last_mut().unwrap();
    list.public = Some("US".to_owned());
    list.except = vec![on("2026-11-26"), on("2026-12-25")];
    // Open on Thanksgiving all the same, but an own date stays a holiday.
    open(&brand, &rules, "2026-11-26T12:00:00-05:00", OpenRule::WeeklyHours, Some("2026-11-26T17:00:00-05:00"));
    let christmas = Some("Christmas Day");
    let next = Some("2026-12-26T09:00:00-05:00");
    closed(&brand, &rules, "2026-12-25T12:00:00-05:00", ClosureKind::Holiday, christmas, next);
    let observed = Some("Independence Day (observed)");
    let next = Some("2026-07-05T09:00:00-04:00");
    closed(&brand, &rules, "2026-07-03T12:00:00-04:00", ClosureKind::Holiday, observed, next);
    // One of two lists is enough, and a code nobody knows closes nothing.
    let mut other = rules.holidays.last().unwrap().clone();
    other.id = HolidayListId::new("other");
    other.public = Some("XX".to_owned());
    other.dates = [(on("2026-11-26"), "Family".to_owned())].into();
    rules.holidays.push(other);
    let mut brand = brand;
    brand.calendar.holidays.push(HolidayListId::new("other"));
    let next = Some("2026-11-27T09:00:00-05:00");
    closed(&brand, &rules, "2026-11-26T12:00:00-05:00", ClosureKind::Holiday, Some("Family"), next);
}

#[test]
fn closed_until_wins_over_open_until_and_that_over_all_else() {
    let (mut brand, rules) = brand(&["09:00-17:00"]);
    brand.calendar.open_until = Some(until(Some("2026-12-25T06:00:00-05:00"), "2026-12-25T20:00:00-05:00"));
    brand.calendar.closed_until = Some(until(Some("2026-12-25T10:00:00-05:00"), "2026-12-25T15:00:00-05:00"));
    let name = Some("Christmas Day");
    let next = Some("2026-12-25T06:00:00-05:00");
    closed(&brand, &rules, "2026-12-25T05:59:59-05:00", ClosureKind::Holiday, name, next);
    open(&brand, &rules, "2026-12-25T06:00:00-05:00", OpenRule::OpenUntil, Some("2026-12-25T10:00:00-05:00"));
    let next = Some("2026-12-25T15:00:00-05:00");
    closed(&brand, &rules, "2026-12-25T10:00:00-05:00", ClosureKind::ClosedUntil, Some("Storm"), next);
    open(&brand, &rules, "2026-12-25T15:00:00-05:00", OpenRule::OpenUntil, Some("2026-12-25T20:00:00-05:00"));
    let next = Some("2026-12-26T09:00:00-05:00");
    closed(&brand, &rules, "2026-12-25T20:00:00-05:00", ClosureKind::Holiday, name, next);
    // Open until an instant within the hours: they go on, so nothing changes then.
    brand.calendar.open_until = Some(until(None, "2026-11-24T12:00:00-05:00"));
    open(&brand, &rules, "2026-11-24T08:00:00-05:00", OpenRule::OpenUntil, Some("2026-11-24T17:00:00-05:00"));
}

#[test]
fn one_that_is_over_or_the_wrong_way_round_changes_nothing() {
    let (mut brand, rules) = brand(&["09:00-17:00"]);
    brand.calendar.closed_until = Some(until(None, "2026-11-24T09:00:00-05:00"));
    brand.calendar.open_until = Some(until(Some("2026-11-25T00:00:00Z"), "2026-11-24T00:00:00Z"));
    open(&brand, &rules, "2026-11-24T09:00:00-05:00", OpenRule::WeeklyHours, Some("2026-11-24T17:00:00-05:00"));
}

#[test]
fn what_never_opens_says_so() {
    let (mut brand, rules) = brand(&["09:00-17:00"]);
    brand.calendar.closed_until = Some(until(None, "2030-01-01T00:00:00Z"));
    closed(&brand, &rules, "2026-11-24T09:00:00-05:00", ClosureKind::ClosedUntil, Some("Storm"), None);
    for edge in [DateTime::<Utc>::MIN_UTC, DateTime::<Utc>::MAX_UTC] {
        let _ = (status(&brand, &rules, edge), is_open(&brand, &rules, edge));
    }
}

#[test]
fn the_clocks_jumps_are_part_of_the_day() {
    // In New York the clock goes from 02:00 to 03:00 on 8 March 2026, and from 02:00 back to 01:00 on 1 November.
    let (brand, rules) = brand(&["01:15-02:30"]);
    open(&brand, &rules, "2026-03-08T06:20:00Z", OpenRule::WeeklyHours, Some("2026-03-08T07:00:00Z"));
    open(&brand, &rules, "2026-11-01T05:20:00Z", OpenRule::WeeklyHours, Some("2026-11-01T06:00:00Z"));
    let next = Some("2026-11-01T06:15:00Z");
    closed(&brand, &rules, "2026-11-01T06:00:00Z", ClosureKind::OutsideHours, None, next);
    open(&brand, &rules, "2026-11-01T06:15:00Z", OpenRule::WeeklyHours, Some("2026-11-01T07:30:00Z"));
}

fn any_text() -> impl Strategy<Value = String> {
    (0_u16..96, 0_u16..96).prop_filter("not equal", |(opens, closes)| opens != closes).prop_map(|(opens, closes)| {
        format!("{:02}:{:02}-{:02}:{:02}", opens / 4, opens % 4 * 15, closes / 4, closes % 4 * 15)
    })
}

/// Around the two jumps of 2026 in a zone that has them, with an instant to ask at.
fn any_instant() -> impl Strategy<Value = DateTime<Utc>> {
    prop_oneof![Just("2026-03-08T07:00:00Z"), Just("2026-11-01T06:00:00Z"), Just("2026-12-25T05:00:00Z")].prop_flat_map(
        |middle| (-3 * 86_400_i64..3 * 86_400).prop_map(move |seconds| at(middle) + TimeDelta::seconds(seconds)),
    )
}

prop_compose! {
    fn any_until()(from in proptest::option::of(any_instant()), until in any_instant()) -> Until {
        Until { from, until, reason: None }
    }
}

/// What [`crate::rules::Calendar`] says, word for word.
fn by_the_book(brand: &Brand, rules: &Rules, at: DateTime<Utc>) -> Result<(), ClosureKind> {
    let in_force = |until: &Option<Until>| {
        until.as_ref().is_some_and(|until| until.from.is_none_or(|from| at >= from) && at < until.until)
    };
    if in_force(&brand.calendar.closed_until) {
        return Err(ClosureKind::ClosedUntil);
    }
    if in_force(&brand.calendar.open_until) {
        return Ok(());
    }
    let wall = zone::wall(brand.time_zone, at).unwrap();
    let week = |date: NaiveDate| -> Vec<Range<u16>> {
        let intervals = &brand.hours.intervals;
        let own = intervals.iter().filter(|interval| interval.day() == date.weekday()).map(Interval::minutes).collect();
        if intervals.is_empty() { std::iter::once(0..1440).collect() } else { own }
    };
    let day = |date: NaiveDate| -> (Vec<Range<u16>>, Option<ClosureKind>) {
        if let Some(day) = brand.calendar.days.iter().find(|day| day.on == date) {
            return (day.hours.iter().map(DayInterval::minutes).collect(), Some(ClosureKind::SpecialDay));
        }
        if rules.holidays.iter().any(|list| list.find(date).is_some()) {
            return (Vec::new(), Some(ClosureKind::Holiday));
        }
        (week(date), None)
    };
    let minute = u16::try_from(wall.hour() * 60 + wall.minute()).unwrap();
    let (today, eve) = (wall.date(), wall.date() - TimeDelta::days(1));
    let covers =
        |hours: &[Range<u16>], minute: u16| hours.iter().any(|hours| hours.start <= minute && minute < hours.end);
    if covers(&day(today).0, minute) || covers(&day(eve).0, minute + 1440) {
        return Ok(());
    }
    let of_eve = day(eve).1.filter(|_| covers(&week(eve), minute + 1440));
    Err(day(today).1.or(of_eve).unwrap_or(ClosureKind::OutsideHours))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// The answer holds until the instant it names and changes at that instant, minute by minute.
    #[test]
    fn a_status_holds_exactly_until_it_says(
        week in proptest::collection::vec((0_u8..7, any_text()), 0..6),
        days in proptest::collection::btree_map(-4_i64..5, proptest::collection::vec(any_text(), 0..3), 0..4),
        closed_until in proptest::option::of(any_until()),
        open_until in proptest::option::of(any_until()),
        from in any_instant(),
    ) {
        let (mut brand, rules) = brand(&[]);
        let interval = |(day, text): &(u8, String)| Interval::parse(Weekday::try_from(*day).unwrap(), text).unwrap();
        brand.hours.intervals = week.iter().map(interval).collect();
        let today = zone::wall(brand.time_zone, from).unwrap().date();
        brand.calendar.days = days.iter().map(|(ahead, hours)| SpecialDay {
            on: today + TimeDelta::days(*ahead),
            hours: hours.iter().map(|text| DayInterval::parse(text).unwrap()).collect(),
            name: None,
        }).collect();
        brand.calendar.closed_until = closed_until;
        brand.calendar.open_until = open_until;

        let answer = status(&brand, &rules, from);
        prop_assert_eq!(answer.is_open(), is_open(&brand, &rules, from));
        let by_the_book = by_the_book(&brand, &rules, from);
        match &answer {
            Status::Open { .. } => prop_assert_eq!(by_the_book, Ok(())),
            Status::Closed { kind, .. } => prop_assert_eq!(by_the_book, Err(*kind)),
        }
        let (Status::Open { until: change, .. } | Status::Closed { opens_at: change, .. }) = &answer;
        let end = from + TimeDelta::days(9);
        let last = change.unwrap_or(end).min(end);
        let mut instant = from;
        while instant < last {
            prop_assert_eq!(is_open(&brand, &rules, instant), answer.is_open(), "{} {}", instant, from);
            instant += TimeDelta::minutes(1);
        }
        if let Some(change) = change {
            prop_assert_eq!(is_open(&brand, &rules, *change), !answer.is_open());
            prop_assert_eq!(is_open(&brand, &rules, *change - TimeDelta::nanoseconds(1)), answer.is_open());
            prop_assert_ne!(status(&brand, &rules, *change).is_open(), answer.is_open());
        }
    }
}
