use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::rules::calendar::{self, SpecialDay, Until};
use crate::rules::{Interval, Promise, WeeklyHours};

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

/// A brand in New York with these hours on workdays, which promises `due`.
fn brand(hours: &[&str], due: PromiseDue) -> (Brand, Rules) {
    let text = include_str!("../../examples/routing.toml");
    let rules = crate::rules::file::parse("routing.toml", text).unwrap();
    let mut brand = rules.brands[0].clone();
    brand.time_zone = Tz::America__New_York;
    let days = (0..5).map(|day| chrono::Weekday::try_from(day).unwrap());
    let intervals = days.flat_map(|day| hours.iter().map(move |text| Interval::parse(day, text).unwrap())).collect();
    brand.hours = WeeklyHours { intervals };
    brand.promise = Some(Promise { due, spoken: true });
    brand.texts.callback_promise = None;
    (brand, rules)
}

fn hours(hours: u64) -> PromiseDue {
    PromiseDue::WithinOpen(Duration::from_secs(hours * 3600))
}

const NOON: PromiseDue = PromiseDue::NextBusinessDay { minute: 12 * 60 };

#[track_caller]
fn judge(brand: &Brand, rules: &Rules, cases: &[(&str, &str)]) {
    for (missed_at, due) in cases {
        assert_eq!(due_at(brand, rules, at(missed_at)), Some(at(due)), "{missed_at}");
    }
}

#[test]
fn open_time_alone_counts() {
    let (mut brand, rules) = brand(&["09:00-12:00", "13:00-17:00"], hours(4));
    brand.calendar.days = vec![SpecialDay { on: "2026-11-26".parse().unwrap(), hours: Vec::new(), name: None }];
    judge(
        &brand,
        &rules,
        &[
            ("2026-11-24T09:00:00-05:00", "2026-11-24T14:00:00-05:00"),
            ("2026-11-24T07:00:00-05:00", "2026-11-24T14:00:00-05:00"),
            // Exactly used up as it closes.
            ("2026-11-24T13:00:00-05:00", "2026-11-24T17:00:00-05:00"),
            ("2026-11-24T16:30:15-05:00", "2026-11-25T13:30:15-05:00"),
            // Over Thanksgiving, closed, and into Friday; and over a weekend.
            ("2026-11-25T16:00:00-05:00", "2026-11-27T12:00:00-05:00"),
            ("2026-11-27T15:00:00-05:00", "2026-11-30T11:00:00-05:00"),
        ],
    );
}

#[test]
fn the_next_business_day_is_the_next_that_has_not_begun() {
    let (mut brand, rules) = brand(&["09:00-12:00", "13:00-17:00"], NOON);
    judge(
        &brand,
        &rules,
        &[
            ("2026-11-24T10:00:00-05:00", "2026-11-25T12:00:00-05:00"),
            ("2026-11-24T18:00:00-05:00", "2026-11-25T12:00:00-05:00"),
            // In the lunch break, the day has begun.
            ("2026-11-24T12:30:00-05:00", "2026-11-25T12:00:00-05:00"),
            // Before opening, it has not.
            ("2026-11-25T00:30:00-05:00", "2026-11-25T12:00:00-05:00"),
            ("2026-11-25T08:59:59-05:00", "2026-11-25T12:00:00-05:00"),
            ("2026-11-25T09:00:00-05:00", "2026-11-26T12:00:00-05:00"),
            ("2026-11-27T09:00:00-05:00", "2026-11-30T12:00:00-05:00"),
        ],
    );
    brand.calendar.closed_until = Some(Until { from: None, until: at("2026-12-02T17:00:00-05:00"), reason: None });
    judge(&brand, &rules, &[("2026-11-24T10:00:00-05:00", "2026-12-03T12:00:00-05:00")]);
    brand.calendar.closed_until = Some(Until { from: None, until: at("2026-12-02T16:00:00-05:00"), reason: None });
    // It opens that day, though after the minute.
    judge(&brand, &rules, &[("2026-12-01T10:00:00-05:00", "2026-12-02T12:00:00-05:00")]);
}

#[test]
fn an_hour_that_has_passed_is_the_day_afters() {
    let (brand, rules) = brand(&["20:00-02:00"], NOON);
    judge(
        &brand,
        &rules,
        &[
            ("2026-11-24T10:00:00-05:00", "2026-11-24T12:00:00-05:00"),
            ("2026-11-24T12:00:00-05:00", "2026-11-25T12:00:00-05:00"),
            ("2026-11-24T21:00:00-05:00", "2026-11-25T12:00:00-05:00"),
            // Friday's night belongs to Friday; Saturday begins none.
            ("2026-11-28T01:00:00-05:00", "2026-11-30T12:00:00-05:00"),
        ],
    );
}

#[test]
fn a_minute_that_the_clock_skips_is_the_first_after_the_gap() {
    let (mut brand, rules) = brand(&[], PromiseDue::NextBusinessDay { minute: 150 });
    judge(
        &brand,
        &rules,
        &[
            ("2026-03-07T10:00:00-05:00", "2026-03-08T07:00:00Z"),
            ("2026-03-08T10:00:00-04:00", "2026-03-09T02:30:00-04:00"),
        ],
    );
    // Passed twice: the first.
    brand.promise = Some(Promise { due: PromiseDue::NextBusinessDay { minute: 90 }, spoken: true });
    judge(&brand, &rules, &[("2026-10-31T10:00:00-04:00", "2026-11-01T05:30:00Z")]);
}

#[test]
fn a_brand_that_never_opens_owes_the_bare_span() {
    let (mut brand, rules) = brand(&["09:00-17:00"], hours(4));
    brand.calendar.closed_until = Some(Until { from: None, until: at("2036-01-01T00:00:00Z"), reason: None });
    judge(&brand, &rules, &[("2026-11-24T10:00:00Z", "2026-11-24T14:00:00Z")]);
    brand.promise = Some(Promise { due: NOON, spoken: true });
    judge(&brand, &rules, &[("2026-11-24T10:00:00Z", "2026-11-25T10:00:00Z")]);
    brand.promise = None;
    assert_eq!(due_at(&brand, &rules, at("2026-11-24T10:00:00Z")), None);
}

#[test]
fn the_promise_is_spoken_in_the_brands_words_or_in_ours() {
    let (mut brand, rules) = brand(&["09:00-17:00"], NOON);
    let missed_at = at("2026-11-24T18:00:00-05:00");
    let say = |brand: &Brand| due_words(brand, &rules, missed_at);
    assert_eq!(say(&brand).unwrap(), "We will call you back tomorrow by noon, Eastern time.");
    brand.promise = Some(Promise { due: hours(4), spoken: true });
    assert_eq!(say(&brand).unwrap(), "We will call you back tomorrow by 1 in the afternoon, Eastern time.");
    let later = at("2026-11-24T16:57:01-05:00");
    let said = due_words(&brand, &rules, later).unwrap();
    assert_eq!(said, "We will call you back tomorrow by 1 in the afternoon, Eastern time.");
    brand.language = "de-DE".to_owned();
    assert_eq!(say(&brand), None);
    brand.texts.callback_promise = Some("Wir rufen morgen an.".to_owned());
    assert_eq!(say(&brand).unwrap(), "Wir rufen morgen an.");
    brand.promise = Some(Promise { due: NOON, spoken: false });
    assert_eq!(say(&brand), None);
    brand.promise = None;
    assert_eq!(say(&brand), None);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    /// As many open minutes lie between the call and its due time as were promised.
    #[test]
    fn the_span_is_open_time_to_the_minute(
        opens in 0_u16..23,
        length in 1_u16..=24,
        span in 1_u64..600,
        zone in 0..chrono_tz::TZ_VARIANTS.len(),
        start in 1_772_000_000_i64..1_775_000_000,
    ) {
        let (mut brand, rules) = brand(&[], PromiseDue::WithinOpen(Duration::from_secs(span * 60)));
        let interval = |day| Interval::new(day, opens * 60, (opens + length) * 60).unwrap();
        let days = [chrono::Weekday::Sat, chrono::Weekday::Sun, chrono::Weekday::Wed];
        brand.hours.intervals = days.map(interval).to_vec();
        brand.time_zone = chrono_tz::TZ_VARIANTS[zone];
        let missed_at = DateTime::from_timestamp(start / 60 * 60, 0).unwrap();
        let due = due_at(&brand, &rules, missed_at).unwrap();
        let minutes = (due - missed_at).num_minutes();
        let is_open = |minute: &i64| calendar::is_open(&brand, &rules, missed_at + TimeDelta::minutes(*minute));
        prop_assert_eq!(u64::try_from((0..minutes).filter(is_open).count()).unwrap(), span);
        prop_assert!(is_open(&(minutes - 1)));
    }
}
