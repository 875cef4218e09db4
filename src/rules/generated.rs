//! Random rules that keep every promise of the types, for the tests of this room.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc, Weekday};
use chrono_tz::{TZ_VARIANTS, Tz};
use proptest::collection::{btree_map, btree_set, vec};
use proptest::option;
use proptest::prelude::*;

use super::calendar::{SpecialDay, Until};
use super::hours::Interval;
use super::*;
use crate::ids::{HolidayListId, SupervisorId};
use crate::phone_number::parse_phone_number;

/// Intents of a brand, lists of holidays and agents, by number.
const INTENTS: usize = 3;
const LISTS: usize = 2;
const AGENTS: usize = 3;

fn words() -> impl Strategy<Value = String> {
    "[^\\p{C}]{1,40}".prop_filter("not blank", |text| !text.trim().is_empty() && !text.contains('{'))
}

fn phone() -> impl Strategy<Value = PhoneNumber> {
    "[1-9][0-9]{6,14}".prop_map(|digits| parse_phone_number(&format!("+{digits}")).unwrap())
}

fn zone() -> impl Strategy<Value = Tz> {
    (0..TZ_VARIANTS.len()).prop_map(|index| TZ_VARIANTS[index])
}

fn span(from: u64, to: u64) -> impl Strategy<Value = Duration> {
    (from..=to).prop_map(Duration::from_secs)
}

fn date() -> impl Strategy<Value = NaiveDate> {
    (0_i32..80_000).prop_map(|days| NaiveDate::from_num_days_from_ce_opt(719_200 + days).unwrap())
}

fn instant() -> impl Strategy<Value = DateTime<Utc>> {
    (0_i64..7_000_000_000).prop_map(|second| DateTime::from_timestamp(second, 0).unwrap())
}

fn hours() -> impl Strategy<Value = WeeklyHours> {
    vec((0_u8..7, 0_u16..1440, 1_u16..=1440), 1..6).prop_map(|drawn| {
        let mut intervals: Vec<Interval> = Vec::new();
        for (day, opens, length) in drawn {
            let interval = Interval::new(Weekday::try_from(day).unwrap(), opens, opens + length).unwrap();
            // Exactly a day that begins after midnight has equal ends, which the file does not write.
            if (length < 1440 || opens == 0) && !intervals.iter().any(|other| other.overlaps(&interval)) {
                intervals.push(interval);
            }
        }
        intervals.sort_by_key(|interval| interval.day().num_days_from_monday());
        WeeklyHours { intervals }
    })
}

fn day_hours() -> impl Strategy<Value = Vec<DayInterval>> {
    btree_set(0_u16..1440, 0..5).prop_map(|ends| {
        let ends: Vec<u16> = ends.into_iter().collect();
        let clock = |minute: u16| format!("{:02}:{:02}", minute / 60, minute % 60);
        ends.chunks_exact(2)
            .map(|pair| DayInterval::parse(&format!("{}-{}", clock(pair[0]), clock(pair[1]))).unwrap())
            .collect()
    })
}

fn until() -> impl Strategy<Value = Until> {
    (any::<bool>(), instant(), 1_i64..1_000_000, option::of(words())).prop_map(|(has_from, from, length, reason)| {
        Until { from: has_from.then_some(from), until: from + TimeDelta::seconds(length), reason }
    })
}

fn calendar() -> impl Strategy<Value = Calendar> {
    let days = btree_map(date(), (day_hours(), option::of(words())), 0..4);
    (vec(any::<bool>(), LISTS), days, option::of(until()), option::of(until())).prop_map(
        |(lists, days, closed_until, open_until)| Calendar {
            holidays: chosen(&lists).map(|list| HolidayListId::new(&format!("list-{list}"))).collect(),
            days: days.into_iter().map(|(on, (hours, name))| SpecialDay { on, hours, name }).collect(),
            closed_until,
            open_until,
        },
    )
}

/// The numbers of what was drawn.
fn chosen(drawn: &[bool]) -> impl Iterator<Item = usize> {
    drawn.iter().enumerate().filter(|(_, drawn)| **drawn).map(|(index, _)| index)
}

fn path(when_closed: bool) -> impl Strategy<Value = Path> {
    let ring = if when_closed { PathKind::RingAnyway } else { PathKind::Voicemail };
    let kind = prop_oneof![
        Just(PathKind::Voicemail),
        option::of(words()).prop_map(|text_back| PathKind::Message { text_back }),
        phone().prop_map(|number| PathKind::Number { number }),
        Just(PathKind::Operator),
        Just(ring),
    ];
    (kind, option::of(words())).prop_map(|(kind, words)| Path { kind, words })
}

fn after_hours() -> impl Strategy<Value = AfterHours> {
    (path(true), option::of(path(true)), option::of(path(true)), option::of(path(true)))
        .prop_map(|(path, holiday, special_day, closed_until)| AfterHours { path, holiday, special_day, closed_until })
}

fn intent_id(number: usize) -> IntentId {
    IntentId::new(&format!("intent-{number}"))
}

fn menu() -> impl Strategy<Value = Menu> {
    let prompt = prop_oneof![
        words().prop_map(Prompt::Words),
        "https://audio\\.example/[a-z0-9%_-]{1,30}\\.mp3".prop_map(Prompt::Audio)
    ];
    let options = btree_map("[0-9#]", 0..INTENTS, 1..=9);
    (prompt, options, 0..INTENTS, 0_u32..=3, span(1, 10)).prop_map(|(prompt, options, default, retries, wait)| Menu {
        prompt,
        options: options
            .into_iter()
            .map(|(key, intent)| MenuOption { key: key.chars().next().unwrap(), intent: intent_id(intent) })
            .collect(),
        default: intent_id(default),
        retries,
        wait,
    })
}

fn skill() -> impl Strategy<Value = String> {
    "[a-z0-9][a-z0-9-]{0,39}"
}

fn intents() -> impl Strategy<Value = Vec<Intent>> {
    let intent = (words(), option::of(skill()), option::of(words()), option::of(path(false)));
    vec(intent, INTENTS).prop_map(|drawn| {
        let intent = |(number, (name, skill, greeting, fallback))| Intent {
            id: intent_id(number),
            name,
            skill,
            greeting,
            fallback,
        };
        drawn.into_iter().enumerate().map(intent).collect()
    })
}

fn operator() -> impl Strategy<Value = OperatorLine> {
    (phone(), any::<bool>(), span(5, 60)).prop_map(|(number, confirm, ring)| OperatorLine { number, confirm, ring })
}

fn promise() -> impl Strategy<Value = Promise> {
    let due = prop_oneof![
        span(60, 259_200).prop_map(PromiseDue::WithinOpen),
        (0_u16..1440).prop_map(|minute| PromiseDue::NextBusinessDay { minute }),
    ];
    (due, any::<bool>()).prop_map(|(due, spoken)| Promise { due, spoken })
}

fn recording() -> impl Strategy<Value = Recording> {
    prop_oneof![
        Just(Recording::Off),
        (words(), 1_u32..=3650).prop_map(|(notice, retention_days)| Recording::On { notice, retention_days }),
    ]
}

fn texts() -> impl Strategy<Value = Texts> {
    (option::of(words()), words(), option::of(words()), words(), option::of(words())).prop_map(
        |(greeting, voicemail_greeting, waiting, closed, callback_promise)| Texts {
            greeting,
            voicemail_greeting,
            waiting,
            closed,
            callback_promise,
        },
    )
}

fn voicemail() -> impl Strategy<Value = Voicemail> {
    (span(5, 600), any::<bool>(), option::of("[0-9#]")).prop_map(|(max_length, transcribe, key)| Voicemail {
        max_length,
        transcribe,
        key: key.and_then(|key| key.chars().next()),
    })
}

fn method() -> impl Strategy<Value = Option<RingMethod>> {
    prop_oneof![Just(None), Just(Some(RingMethod::Auto)), Just(Some(RingMethod::Legs)), Just(Some(RingMethod::Dial))]
}

prop_compose! {
    fn brand()(
        named in (words(), option::of(1..=i64::MAX), zone(), option::of(words())),
        open in (prop_oneof![Just(WeeklyHours::default()), hours()], calendar(), after_hours()),
        asked in (option::of(menu()), intents(), path(false), operator(), option::of(promise())),
        spans in (span(5, 90), span(3, 60), span(0, 600), span(0, 600), span(0, 600), span(0, 600)),
        parts in (texts(), voicemail(), method(), option::of(1_u32..=100), any::<bool>(), recording(), 0_u32..=10),
        emergency_numbers in btree_set(phone(), 0..4),
        roster in vec(any::<bool>(), AGENTS),
    ) -> Brand {
        let (name, inbox_id, time_zone, voice) = named;
        let (hours, calendar, after_hours) = open;
        let (menu, intents, fallback, operator, promise) = asked;
        let (max_wait, wave_interval, cooldown, after_decline, after_no_answer, after_busy) = spans;
        let (texts, voicemail, ring_method, ring_width, wait_for_on_call, recording, queue_bias) = parts;
        Brand {
            id: BrandId::new("later"), inbox: String::new(), name, inbox_id, time_zone, hours, calendar, after_hours, menu,
            intents, fallback, operator: Some(operator), promise, queue_bias, language: "de-CH".into(), voice, texts, max_wait,
            ring_method, ring_width, wave_interval, cooldown, after_decline, after_no_answer, after_busy, wait_for_on_call,
            voicemail, recording, emergency_numbers: emergency_numbers.into_iter().collect(),
            roster: chosen(&roster).map(|agent| AgentId::new(&format!("agent-{agent}"))).collect(),
        }
    }
}

fn absences() -> impl Strategy<Value = Vec<Absence>> {
    vec((1_i64..5_000_000, 1_i64..5_000_000, option::of(words())), 0..4).prop_map(|drawn| {
        let mut at = DateTime::UNIX_EPOCH;
        let absence = |(pause, length, reason)| {
            let from = at + TimeDelta::seconds(pause);
            at = from + TimeDelta::seconds(length);
            Absence { from, until: at, reason }
        };
        drawn.into_iter().map(absence).collect()
    })
}

prop_compose! {
    fn agent()(
        named in (words(), any::<bool>(), 1..=i64::MAX, any::<bool>(), option::of(words())),
        zone in zone(),
        shift in option::of(hours().prop_filter("a shift has an interval", |shift| !shift.intervals.is_empty())),
        shift_days in btree_map(date(), day_hours(), 0..3),
        absences in absences(),
        own in any::<bool>(),
        skills in btree_set(skill(), 0..3),
    ) -> Agent {
        let (name, has_email, user, phone_verified, vouched_by) = named;
        Agent {
            id: AgentId::new("later"), name, email: has_email.then(|| "later".into()), chatwoot_user_id: Some(user),
            phone: "+15550100001".parse().unwrap(), phone_verified, vouched_by, time_zone: Some(zone), shift,
            shift_days: shift_days.into_iter().map(|(on, hours)| ShiftDay { on, hours }).collect(), absences,
            skills: skills.into_iter().collect(),
            availability: if own { AvailabilitySource::OwnSwitch } else { AvailabilitySource::Follow },
        }
    }
}

fn holiday_list() -> impl Strategy<Value = HolidayList> {
    let public = prop_oneof![Just(None), "(US|CA-ON|GB|AU|DE|FR)".prop_map(Some)];
    (words(), public, btree_map(date(), words(), 0..4), btree_set(date(), 0..3)).prop_map(
        |(name, public, dates, except)| HolidayList {
            id: HolidayListId::new("later"),
            name,
            except: if public.is_some() { except.into_iter().collect() } else { Vec::new() },
            public,
            dates: dates.into_iter().collect::<BTreeMap<_, _>>(),
        },
    )
}

fn floods() -> impl Strategy<Value = Floods> {
    (1_u32..=100, 1_u32..=1000, span(60, 3600), any::<bool>(), 1_u32..=100).prop_map(
        |(calls_per_caller, calls_withheld, window, challenge, calls_per_caller_declared)| Floods {
            calls_per_caller,
            calls_withheld,
            window,
            challenge,
            calls_per_caller_declared,
        },
    )
}

prop_compose! {
    /// Rules that the reader takes.
    pub(super) fn rules()(
        version in 1_u32..,
        brands in vec(brand(), 1..4),
        agents in vec(agent(), AGENTS),
        // Long ones, so that none is equal to a phone drawn elsewhere.
        phones in btree_set("[1-9]00000[0-9]{9}".prop_map(|digits| format!("+{digits}")), 8),
        lists in vec(holiday_list(), LISTS),
        supervisors in vec((words(), option::of(1..=i64::MAX), any::<bool>()), 0..3),
        intents in vec(option::of(0..INTENTS), 3),
        floods in floods(),
        pausing in (0_u32..=20, span(60, 86_400)),
    ) -> Rules {
        let mut phones = phones.into_iter().map(|phone| parse_phone_number(&phone).unwrap());
        let brands: Vec<Brand> = brands.into_iter().enumerate()
            .map(|(index, brand)| Brand { id: BrandId::new(&format!("brand-{index}")), inbox: format!("Inbox {index}"), ..brand })
            .collect();
        let agents = agents.into_iter().enumerate().map(|(index, agent)| Agent {
            id: AgentId::new(&format!("agent-{index}")),
            email: agent.email.as_ref().map(|_| format!("a{index}@example.com")),
            phone: phones.next().unwrap(),
            ..agent
        }).collect();
        let numbers = brands.iter().zip(intents)
            .map(|(brand, intent)| Number { number: phones.next().unwrap(), brand: brand.id.clone(), intent: intent.map(intent_id) })
            .collect();
        let holidays = lists.into_iter().enumerate()
            .map(|(index, list)| HolidayList { id: HolidayListId::new(&format!("list-{index}")), ..list })
            .collect();
        let supervisors = supervisors.into_iter().enumerate().map(|(index, (name, chatwoot_user_id, all))| Supervisor {
            id: SupervisorId::new(&format!("supervisor-{index}")),
            name,
            chatwoot_user_id,
            brands: if all { Vec::new() } else { vec![brands[0].id.clone()] },
        }).collect();
        Rules { version, brands, numbers, agents, holidays, supervisors, floods, index: Index::default(), pausing: Pausing { after_misses: pausing.0, span: pausing.1 } }
    }
}
