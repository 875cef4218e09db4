use chrono::Weekday;
use proptest::prelude::*;

use super::*;
use crate::ids::IntentId;
use crate::rules::{Absence, Interval, ShiftDay, WeeklyHours, calendar};

fn gaps(rules: &Rules, brand: &Brand, intent: Option<&Intent>, from: DateTime<Utc>, days: u16) -> Vec<Gap> {
    Sheet::new(rules, from, days).gaps(brand, intent)
}

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn week(intervals: &[(Weekday, &str)]) -> WeeklyHours {
    WeeklyHours { intervals: intervals.iter().map(|(day, text)| Interval::parse(*day, text).unwrap()).collect() }
}

const WORKDAYS: [Weekday; 5] = [Weekday::Mon, Weekday::Tue, Weekday::Wed, Weekday::Thu, Weekday::Fri];

fn workdays(text: &str) -> WeeklyHours {
    week(&WORKDAYS.map(|day| (day, text)))
}

/// A brand in New York, open 08:00-18:00 on workdays, and as many agents as there are shifts, all on its roster.
fn world(shifts: &[Option<WeeklyHours>]) -> (Brand, Rules) {
    let text = include_str!("../../examples/routing.toml");
    let mut rules = crate::rules::file::parse("routing.toml", text).unwrap();
    let template = rules.agents[0].clone();
    rules.agents = shifts
        .iter()
        .enumerate()
        .map(|(number, shift)| {
            let id = AgentId::new(&format!("agent-{number}"));
            Agent {
                id,
                shift: shift.clone(),
                time_zone: None,
                phone_verified: true,
                skills: Vec::new(),
                ..template.clone()
            }
        })
        .collect();
    let mut brand = rules.brands[0].clone();
    brand.time_zone = Tz::America__New_York;
    brand.hours = workdays("08:00-18:00");
    brand.roster = rules.agents.iter().map(|agent| agent.id.clone()).collect();
    (brand, rules)
}

#[track_caller]
fn expect(found: &[Gap], expected: &[(&str, &str)]) {
    let expected: Vec<_> = expected.iter().map(|(from, until)| Gap { from: at(from), until: at(until) }).collect();
    assert_eq!(found, expected);
}

#[test]
fn hours_that_no_shift_reaches_are_gaps() {
    let (brand, rules) = world(&[Some(workdays("08:00-12:00")), Some(workdays("12:30-17:00"))]);
    let found = gaps(&rules, &brand, None, at("2026-11-27T08:30:00-05:00"), 4);
    expect(
        &found,
        &[
            ("2026-11-27T12:00:00-05:00", "2026-11-27T12:30:00-05:00"),
            ("2026-11-27T17:00:00-05:00", "2026-11-27T18:00:00-05:00"),
            ("2026-11-30T12:00:00-05:00", "2026-11-30T12:30:00-05:00"),
            ("2026-11-30T17:00:00-05:00", "2026-11-30T18:00:00-05:00"),
        ],
    );
    assert_eq!(gaps(&rules, &brand, None, at("2026-11-27T08:30:00-05:00"), LINT_DAYS).len(), 20);
}

#[test]
fn one_who_always_works_covers_everything_if_they_can_be_rung() {
    let (brand, mut rules) = world(&[None]);
    let from = at("2026-11-23T05:00:00Z");
    expect(&gaps(&rules, &brand, None, from, 14), &[]);
    rules.agents[0].phone_verified = false;
    assert_eq!(gaps(&rules, &brand, None, from, 14).len(), 10);
    rules.agents[0].phone_verified = true;
    let intent = Intent {
        id: IntentId::new("sales"),
        name: "sales".to_owned(),
        skill: Some("sales".to_owned()),
        greeting: None,
        fallback: None,
    };
    assert_eq!(gaps(&rules, &brand, Some(&intent), from, 14).len(), 10);
    rules.agents[0].skills = vec!["sales".to_owned()];
    expect(&gaps(&rules, &brand, Some(&intent), from, 14), &[]);
    let mut elsewhere = brand.clone();
    elsewhere.roster.clear();
    assert_eq!(gaps(&rules, &elsewhere, None, from, 14).len(), 10);
}

#[test]
fn an_absence_and_a_swap_leave_gaps_and_a_closed_day_none() {
    let (mut brand, mut rules) = world(&[Some(workdays("08:00-18:00"))]);
    rules.agents[0].absences =
        vec![Absence { from: at("2026-11-24T15:00:00Z"), until: at("2026-11-24T15:00:30Z"), reason: None }];
    rules.agents[0].shift_days = vec![ShiftDay { on: "2026-11-25".parse().unwrap(), hours: Vec::new() }];
    let from = at("2026-11-23T05:00:00Z");
    expect(
        &gaps(&rules, &brand, None, from, 14),
        &[("2026-11-24T15:00:00Z", "2026-11-24T15:00:30Z"), ("2026-11-25T08:00:00-05:00", "2026-11-25T18:00:00-05:00")],
    );
    brand.calendar.closed_until = Some(calendar::Until { from: None, until: at("2026-11-26T05:00:00Z"), reason: None });
    expect(&gaps(&rules, &brand, None, from, 14), &[]);
}

#[test]
fn shifts_end_to_end_past_midnight_leave_no_gap() {
    let (mut brand, rules) = world(&[
        Some(week(&[(Weekday::Fri, "20:00-02:00"), (Weekday::Sat, "02:00-10:00")])),
        Some(week(&[(Weekday::Fri, "09:00-20:00")])),
    ]);
    brand.hours = week(&[(Weekday::Fri, "09:00-05:00")]);
    expect(&gaps(&rules, &brand, None, at("2026-11-23T05:00:00Z"), 14), &[]);
}

#[test]
fn ten_thousand_agents_are_swept_in_a_moment() {
    let shift = |number: usize| Some(workdays(if number == 9_999 { "08:00-17:59" } else { "09:00-17:00" }));
    let (brand, rules) = world(&(0..10_000).map(shift).collect::<Vec<_>>());
    let found = gaps(&rules, &brand, None, at("2026-11-23T05:00:00Z"), 14);
    assert_eq!(found.len(), 10);
    assert!(found.iter().all(|gap| gap.until - gap.from == TimeDelta::minutes(1)));
}

#[test]
fn an_agent_without_a_zone_works_by_the_clocks_of_each_brand() {
    let (brand, rules) = world(&[Some(workdays("08:00-18:00"))]);
    let mut western = brand.clone();
    western.time_zone = Tz::America__Los_Angeles;
    let mut sheet = Sheet::new(&rules, at("2026-11-23T05:00:00Z"), LINT_DAYS);
    for brand in [&brand, &western, &brand] {
        expect(&sheet.gaps(brand, None), &[]);
    }
}

fn any_hours() -> impl Strategy<Value = WeeklyHours> {
    let interval = (0_u8..7, 0_u16..24, 1_u16..24).prop_map(|(day, opens, length)| {
        Interval::new(Weekday::try_from(day).unwrap(), opens * 60, opens * 60 + length * 60).unwrap()
    });
    proptest::collection::vec(interval, 1..5).prop_map(|intervals| WeeklyHours { intervals })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    /// A minute lies in a gap if and only if the brand is open and nobody is on shift.
    #[test]
    fn gaps_are_the_minutes_nobody_covers(
        hours in any_hours(),
        agents in proptest::collection::vec(any_hours(), 0..4),
        zones in proptest::collection::vec(0..chrono_tz::TZ_VARIANTS.len(), 4),
        start in 1_772_000_000_i64..1_775_000_000,
    ) {
        let (mut brand, mut rules) = world(&agents.into_iter().map(Some).collect::<Vec<_>>());
        brand.hours = hours;
        for (agent, zone) in rules.agents.iter_mut().zip(&zones) {
            agent.time_zone = Some(chrono_tz::TZ_VARIANTS[*zone]);
        }
        let from = DateTime::from_timestamp(start / 60 * 60, 0).unwrap();
        let found = gaps(&rules, &brand, None, from, 3);
        prop_assert!(found.windows(2).all(|pair| pair[0].until < pair[1].from));
        prop_assert!(found.iter().all(|gap| gap.from < gap.until));
        for minute in 0..3 * 24 * 60 {
            let now = from + TimeDelta::minutes(minute);
            let bare = calendar::is_open(&brand, &rules, now)
                && !rules.agents.iter().any(|agent| agent.is_on_shift(brand.time_zone, now));
            prop_assert_eq!(found.iter().any(|gap| gap.from <= now && now < gap.until), bare, "{}", now);
        }
    }
}
