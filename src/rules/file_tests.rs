use chrono::Weekday;
use chrono_tz::TZ_VARIANTS;
use proptest::prelude::*;

use super::super::hours::{Interval, WeeklyHours};
use super::super::{Index, RingMethod, export};
use super::*;

const EXAMPLE: &str = include_str!("../../examples/routing.toml");

const SMALL: &str = r#"
[[brand]]
id = "acme"
name = "Acme"
inbox = "Acme"
time_zone = "America/New_York"
roster = ["ana"]
[[number]]
number = "+15550100002"
brand = "acme"
[[agent]]
id = "ana"
name = "Ana"
email = "ana@example.com"
phone = "+15550100003"
"#;

fn faults_of(text: &str) -> Vec<String> {
    parse("routing.toml", text).unwrap_err().to_string().lines().map(str::to_owned).collect()
}

#[test]
fn the_example_is_good_and_survives_an_export() {
    let rules = parse("routing.toml", EXAMPLE).unwrap();
    assert_eq!((rules.brands.len(), rules.numbers.len(), rules.agents.len()), (2, 2, 5));
    let text = export(&rules);
    assert_eq!(parse("routing.toml", &text).unwrap(), rules);
    assert_eq!(export(&parse("routing.toml", &text).unwrap()), text);
}

#[test]
fn absent_fields_have_their_defaults() {
    let rules = parse("routing.toml", SMALL).unwrap();
    let brand = &rules.brands[0];
    assert_eq!((rules.version, brand.max_wait.as_secs(), brand.cooldown.as_secs()), (1, 25, 15));
    assert_eq!((brand.voicemail.max_length.as_secs(), brand.voicemail.key, brand.ring_width), (120, Some('1'), None));
    assert!(brand.hours.intervals.is_empty() && brand.wait_for_on_call);
    assert!(!rules.agents[0].phone_verified, "nobody vouched");
    assert_eq!(rules.brand_of(&"+15550100002".parse().unwrap()).unwrap().id.as_str(), "acme");
}

/// What is replaced in [`SMALL`], by what, and the beginnings of the faults.
const FAULTS: &[(&str, &str, &[&str])] = &[
    (
        "inbox = \"Acme\"",
        "inbocks = \"Acme\"",
        &[
            "routing.toml:2: this brand has no `inbox`",
            "routing.toml:5: `inbocks` is unknown in a brand; allowed: id, ",
        ],
    ),
    ("America/New_York", "America/Gotham", &["routing.toml:6: `time_zone` is `America/Gotham`; allowed: a zone"]),
    ("[\"ana\"]", "[\"ana\", \"bob\"]", &["routing.toml:7: there is no agent `bob`"]),
    ("[\"ana\"]", "[\"ana\", \"ana\"]", &["routing.toml:7: agent `ana` stands twice"]),
    ("[\"ana\"]", "\"ana\"", &["routing.toml:7: `roster` is a text; allowed: a list"]),
    ("brand = \"acme\"", "brand = \"acne\"", &["routing.toml:10: there is no brand `acne`"]),
    ("+15550100003", "+15550100002", &["routing.toml:15: phone number `+15550100002` stands twice"]),
    ("+15550100003", "555 0100003", &["routing.toml:15: `phone` is `555 0100003`; allowed: + and 7"]),
    ("email = \"ana@example.com\"", "", &["routing.toml:11: this agent has neither `email` nor"]),
    (
        "id = \"acme\"",
        "id = \"Acme Movers\"",
        &["routing.toml:3: `id` is `Acme Movers`; allowed: 1 to 40", "routing.toml:10: there is no brand"],
    ),
    (
        "id = \"acme\"",
        "id = \"acme\"\nmax_wait_s = 1000",
        &["routing.toml:4: `max_wait_s` is 1000; allowed: a whole number from 5 to 90"],
    ),
    (
        "id = \"acme\"",
        "id = \"acme\"\nmax_wait_s = \"25\"",
        &["routing.toml:4: `max_wait_s` is a text; allowed: a whole number"],
    ),
    ("id = \"acme\"", "id = \"acme\"\nrecording = \"on\"", &["routing.toml:4: `recording` is `on`; allowed: off"]),
    (
        "id = \"acme\"",
        "id = \"acme\"\nvoicemail.key = \"*\"",
        &["routing.toml:4: `key` is `*`; allowed: one digit or #"],
    ),
    (
        "id = \"acme\"",
        "id = \"acme\"\nhours.mon = [\"09:00-12:00\", \"11:00-13:00\"]",
        &["routing.toml:4: mon 11:00-13:00 overlaps mon 09:00-12:00"],
    ),
    (
        "id = \"acme\"",
        "id = \"acme\"\nhours.sun = [\"22:00-02:00\"]\nhours.mon = [\"01:00-03:00\"]",
        &["routing.toml:4: sun 22:00-02:00 overlaps mon"],
    ),
    (
        "id = \"acme\"",
        "id = \"acme\"\nhours.mon = [\"9-5\"]\nhours.monday = []",
        &["routing.toml:4: `9-5` is no interval", "routing.toml:5: `monday` is unknown in a hours"],
    ),
    (
        "phone = ",
        "shift.mon = [\"09:00-17:00\"]\nphone = ",
        &["routing.toml:11: this agent has a `shift` but no `time_zone`"],
    ),
    (
        "[[number]]",
        "[[numbers]]",
        &["routing.toml:8: `numbers` is unknown in a file; allowed: version, brand, number, agent"],
    ),
    ("name = \"Acme\"", "name = \"Acme", &["routing.toml:4: "]),
    ("name = \"Acme\"", "name = \"\"", &["routing.toml:4: `name` has 0 characters; allowed: 1 to 80"]),
    ("name = \"Acme\"", "name = \"A\"\nname = \"B\"", &["routing.toml:5: duplicate key"]),
];

#[test]
fn each_fault_points_at_its_line() {
    for (from, to, expected) in FAULTS {
        let told = faults_of(&SMALL.replacen(from, to, 1));
        assert_eq!(told.len(), expected.len(), "{to}: {told:#?}");
        for (told, expected) in told.iter().zip(*expected) {
            assert!(told.starts_with(expected), "{to}:\n{told}\n{expected}");
        }
    }
}

#[test]
fn all_faults_of_a_file_are_told_at_once() {
    let text = SMALL
        .replace("America/New_York", "x")
        .replace("+15550100003", "y")
        .replace("ana@example.com", "z")
        .replace("\"acme\"\n[[agent", "\"w\"\n[[agent");
    let told = faults_of(&text);
    assert_eq!(told.len(), 5, "{told:#?}");
}

#[test]
fn an_empty_file_is_rules_of_nothing() {
    let rules = parse("routing.toml", "").unwrap();
    assert!(rules.brands.is_empty() && rules.agents.is_empty());
    assert!(parse("routing.toml", &"#\n".repeat(FILE_BYTES_MAX)).is_err());
}

fn words() -> impl Strategy<Value = String> {
    "[^\\p{C}]{1,40}".prop_filter("not blank", |text| !text.trim().is_empty())
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

fn hours() -> impl Strategy<Value = WeeklyHours> {
    proptest::collection::vec((0_u8..7, 0_u16..1440, 1_u16..=1440), 1..6).prop_map(|drawn| {
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

fn texts() -> impl Strategy<Value = Texts> {
    (proptest::option::of(words()), words(), proptest::option::of(words()), words(), proptest::option::of(words()))
        .prop_map(|(greeting, voicemail_greeting, waiting, closed, callback_promise)| Texts {
            greeting,
            voicemail_greeting,
            waiting,
            closed,
            callback_promise,
        })
}

fn voicemail() -> impl Strategy<Value = Voicemail> {
    (span(5, 600), any::<bool>(), proptest::option::of("[0-9#]")).prop_map(|(max_length, transcribe, key)| Voicemail {
        max_length,
        transcribe,
        key: key.and_then(|key| key.chars().next()),
    })
}

fn method() -> impl Strategy<Value = Option<RingMethod>> {
    prop_oneof![Just(None), Just(Some(RingMethod::Auto)), Just(Some(RingMethod::Legs)), Just(Some(RingMethod::Dial))]
}

prop_compose! {
    fn brand(agents: usize)(
        named in (words(), proptest::option::of(1..=i64::MAX), zone(), prop_oneof![Just(WeeklyHours::default()), hours()], proptest::option::of(words())),
        spans in (span(5, 90), span(3, 60), span(0, 600), span(0, 600), span(0, 600), span(0, 600)),
        parts in (texts(), voicemail(), method(), proptest::option::of(1_u32..=100), any::<bool>()),
        emergency in proptest::collection::btree_set(phone(), 0..4),
        on_roster in proptest::collection::vec(any::<bool>(), agents),
    ) -> Brand {
        let (name, inbox_id, time_zone, hours, voice) = named;
        let (max_wait, wave_interval, cooldown, after_decline, after_no_answer, after_busy) = spans;
        let (texts, voicemail, ring_method, ring_width, wait_for_on_call) = parts;
        Brand {
            id: BrandId::new("later"), inbox: String::new(), name, inbox_id, time_zone, hours, calendar: Calendar::default(), after_hours: AfterHours::default(), menu: None, intents: Vec::new(), fallback: Path::default(), operator: None, promise: None, queue_bias: 1, language: "de-CH".into(), voice, texts, max_wait, ring_method,
            ring_width, wave_interval, cooldown, after_decline, after_no_answer, after_busy, wait_for_on_call, voicemail, recording: Recording::Off,
            emergency_numbers: emergency.into_iter().collect(),
            roster: on_roster.iter().enumerate().filter(|(_, on)| **on).map(|(index, _)| AgentId::new(&format!("agent-{index}"))).collect(),
        }
    }
}

prop_compose! {
    fn agent()(
        named in (words(), any::<bool>(), 1..=i64::MAX, any::<bool>(), proptest::option::of(words())),
        zone in zone(), shift in proptest::option::of(hours().prop_filter("a shift has an interval", |shift| !shift.intervals.is_empty())), own in any::<bool>(),
        skills in proptest::collection::btree_set("[a-z0-9][a-z0-9-]{0,39}", 0..3),
    ) -> Agent {
        let (name, has_email, user, phone_verified, vouched_by) = named;
        Agent {
            id: AgentId::new("later"), name, email: has_email.then(|| "later".into()), chatwoot_user_id: Some(user), phone: "+15550100001".parse().unwrap(),
            phone_verified, vouched_by, time_zone: Some(zone), shift, shift_days: Vec::new(), absences: Vec::new(), skills: skills.into_iter().collect(),
            availability: if own { AvailabilitySource::OwnSwitch } else { AvailabilitySource::Follow },
        }
    }
}

prop_compose! {
    fn rules()(
        version in 1_u32.., brands in proptest::collection::vec(brand(3), 1..4), agents in proptest::collection::vec(agent(), 3),
        phones in proptest::collection::btree_set(phone(), 8),
    ) -> Rules {
        let mut phones = phones.into_iter();
        let brands: Vec<Brand> = brands.into_iter().enumerate().map(|(index, brand)| Brand { id: BrandId::new(&format!("brand-{index}")), inbox: format!("Inbox {index}"), ..brand }).collect();
        let agents = agents.into_iter().enumerate().map(|(index, agent)| Agent {
            id: AgentId::new(&format!("agent-{index}")),
            email: agent.email.as_ref().map(|_| format!("a{index}@example.com")),
            phone: phones.next().unwrap(),
            ..agent
        }).collect();
        let numbers = brands.iter().map(|brand| Number { number: phones.next().unwrap(), brand: brand.id.clone(), intent: None }).collect();
        Rules { version, brands, numbers, agents, holidays: Vec::new(), supervisors: Vec::new(), floods: Floods::default(), pausing: Pausing::default(), index: Index::default() }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn what_is_exported_is_read_as_the_same_rules(rules in rules()) {
        let text = export(&rules);
        let read = parse("routing.toml", &text).map_err(|err| TestCaseError::fail(format!("{err}\n{text}")))?;
        prop_assert_eq!(&read, &rules);
        prop_assert_eq!(export(&read), text);
    }

    #[test]
    fn no_text_breaks_the_reader(text in "[\\[\\]a-z=\"0-9\n.# {}',+-]{0,200}") {
        let _ = parse("routing.toml", &text);
    }
}
