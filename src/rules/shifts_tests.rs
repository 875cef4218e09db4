use chrono::{TimeDelta, Weekday};

use super::*;
use crate::rules::{Interval, ShiftDay, WeeklyHours};

const NEW_YORK: Tz = Tz::America__New_York;

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn agent(shift: &[(Weekday, &str)]) -> Agent {
    let text = include_str!("../../examples/routing.toml");
    let mut agent = crate::rules::file::parse("routing.toml", text).unwrap().agents[0].clone();
    agent.time_zone = None;
    let intervals: Vec<_> = shift.iter().map(|(day, text)| Interval::parse(*day, text).unwrap()).collect();
    agent.shift = (!intervals.is_empty()).then_some(WeeklyHours { intervals });
    agent
}

fn swap(on: &str, hours: &[&str]) -> ShiftDay {
    ShiftDay { on: on.parse().unwrap(), hours: hours.iter().map(|text| DayInterval::parse(text).unwrap()).collect() }
}

fn absence(from: &str, until: &str) -> Absence {
    Absence { from: at(from), until: at(until), reason: None }
}

#[track_caller]
fn judge(agent: &Agent, cases: &[(&str, bool, Option<&str>)]) {
    for (instant, works, change) in cases {
        assert_eq!(is_on_shift(agent, NEW_YORK, at(instant)), *works, "{instant}");
        assert_eq!(counts_for_call(agent, NEW_YORK, at(instant)), *works, "{instant}");
        assert_eq!(next_change(agent, NEW_YORK, at(instant)), change.map(at), "{instant}");
    }
}

#[test]
fn without_a_shift_an_agent_always_works_but_for_absences_and_dates() {
    let mut agent = agent(&[]);
    judge(&agent, &[("2026-11-24T03:00:00Z", true, None)]);
    agent.absences = vec![absence("2026-11-24T10:00:00Z", "2026-11-24T12:00:00Z")];
    agent.shift_days = vec![swap("2026-11-25", &["09:00-17:00"])];
    judge(
        &agent,
        &[
            ("2026-11-24T09:59:59Z", true, Some("2026-11-24T10:00:00Z")),
            ("2026-11-24T10:00:00Z", false, Some("2026-11-24T12:00:00Z")),
            ("2026-11-24T12:00:00Z", true, Some("2026-11-25T00:00:00-05:00")),
            ("2026-11-25T08:00:00-05:00", false, Some("2026-11-25T09:00:00-05:00")),
            ("2026-11-25T16:59:59-05:00", true, Some("2026-11-25T17:00:00-05:00")),
            ("2026-11-25T23:00:00-05:00", false, Some("2026-11-26T00:00:00-05:00")),
            ("2026-11-26T00:00:00-05:00", true, None),
        ],
    );
}

#[test]
fn an_overnight_shift_is_swapped_as_a_whole() {
    let mut agent = agent(&[(Weekday::Mon, "22:00-06:00"), (Weekday::Tue, "22:00-06:00")]);
    agent.shift_days = vec![swap("2026-11-24", &[]), swap("2026-11-26", &["23:00-03:00"])];
    judge(
        &agent,
        &[
            // Monday's goes on through the morning of the day that is off.
            ("2026-11-24T05:59:59-05:00", true, Some("2026-11-24T06:00:00-05:00")),
            ("2026-11-24T22:30:00-05:00", false, Some("2026-11-26T23:00:00-05:00")),
            ("2026-11-27T02:00:00-05:00", true, Some("2026-11-27T03:00:00-05:00")),
            ("2026-11-27T03:00:00-05:00", false, Some("2026-11-30T22:00:00-05:00")),
        ],
    );
}

#[test]
fn absences_that_touch_or_overlap_are_one_time_away() {
    let mut agent = agent(&[]);
    agent.absences = vec![
        absence("2026-11-24T10:00:00Z", "2026-11-24T12:00:00Z"),
        absence("2026-11-24T11:00:00Z", "2026-11-24T13:00:00Z"),
        absence("2026-11-24T13:00:00Z", "2026-11-24T14:00:00Z"),
        // The wrong way round: never.
        absence("2026-11-24T20:00:00Z", "2026-11-24T19:00:00Z"),
    ];
    judge(
        &agent,
        &[
            ("2026-11-24T09:00:00Z", true, Some("2026-11-24T10:00:00Z")),
            ("2026-11-24T10:30:00Z", false, Some("2026-11-24T14:00:00Z")),
            ("2026-11-24T15:00:00Z", true, None),
        ],
    );
}

#[test]
fn the_agents_zone_wins_over_the_brands() {
    let mut agent = agent(&[(Weekday::Tue, "09:00-17:00")]);
    judge(&agent, &[("2026-11-24T09:00:00-05:00", true, Some("2026-11-24T17:00:00-05:00"))]);
    agent.time_zone = Some(Tz::Europe__Berlin);
    judge(&agent, &[("2026-11-24T09:00:00-05:00", true, Some("2026-11-24T17:00:00+01:00"))]);
    judge(&agent, &[("2026-11-24T11:00:00-05:00", false, Some("2026-12-01T09:00:00+01:00"))]);
}

#[test]
fn a_shift_across_the_clocks_jump_is_shorter_or_longer() {
    // In New York the clock goes from 02:00 to 03:00 on 8 March 2026, and from 02:00 back to 01:00 on 1 November.
    let agent = agent(&[(Weekday::Sat, "22:00-06:00")]);
    for (begins, hours) in [("2026-03-07T22:00:00-05:00", 7), ("2026-10-31T22:00:00-04:00", 9)] {
        let until = next_change(&agent, NEW_YORK, at(begins)).unwrap();
        assert_eq!(until - at(begins), TimeDelta::hours(hours));
    }
}
