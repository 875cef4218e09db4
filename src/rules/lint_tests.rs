use super::super::{file, generated};
use super::*;
use proptest::prelude::*;

/// Rules in which nothing is found.
const GOOD: &str = r#"
[[holidays]]
id = "us"
name = "Public"
public = "US"
[[brand]]
id = "acme"
name = "Acme"
inbox = "Acme"
time_zone = "America/New_York"
roster = ["ana", "ben"]
hours = { mon = ["08:00-18:00"], tue = ["08:00-18:00"] }
promise = { next_business_day = "12:00" }
menu = { prompt = "Press 1 for sales.", default = "other", option = [{ key = "1", intent = "sales" }] }
recording = { notice = "This call is recorded for training.", retention_days = 30 }
operator = { number = "+15550100009" }
calendar = { holidays = ["us"] }
after_hours = { path = "voicemail" }
intent = [{ id = "sales", name = "sales", skill = "sales" }, { id = "other", name = "general" }]
[[brand]]
id = "beta"
name = "Beta"
inbox = "Beta"
time_zone = "UTC"
roster = ["ana"]
operator = { number = "+15550100009" }
fallback = { path = "voicemail" }
[[number]]
number = "+15550100002"
brand = "acme"
[[number]]
number = "+15550100004"
brand = "beta"
[[agent]]
id = "ana"
name = "Ana"
chatwoot_user_id = 1
phone = "+15550100003"
phone_verified = true
skills = ["sales"]
[[agent]]
id = "ben"
name = "Ben"
chatwoot_user_id = 2
phone = "+15550100005"
phone_verified = true
[[supervisor]]
id = "dana"
name = "Dana"
chatwoot_user_id = 3
"#;

/// What is replaced in [`GOOD`], by what, and what is found then: code, pointer, words of the message.
type Case = (&'static str, &'static str, &'static [(Code, &'static str, &'static str)]);

const CASES: &[Case] = &[
    ("name = \"Acme\"", "name = \"Acme Movers\"", &[]),
    ("name = \"Acme\"", "name = \"Acme Movers & Co\"", &[(Code::CnamName, "/brand/0/name", "longer than 15")]),
    ("name = \"Acme\"", "name = \"Acme & Co\"", &[(Code::CnamName, "/brand/0/name", "other than letters")]),
    ("name = \"Acme\"", "name = \"1Acme\"", &[(Code::CnamName, "/brand/0/name", "begin with a letter")]),
    ("name = \"Acme\"", "name = \"Sales\"", &[(Code::CnamName, "/brand/0/name", "generic")]),
    (
        "name = \"Acme\"",
        "name = \"BETA\"",
        &[(Code::CnamName, "/brand/0/name", "another"), (Code::CnamName, "/brand/1/name", "another")],
    ),
    ("roster = [\"ana\", \"ben\"]", "roster = [\"ana\", \"ben\"]\nmax_wait_s = 25", &[]),
    (
        "roster = [\"ana\", \"ben\"]",
        "roster = [\"ana\", \"ben\"]\nmax_wait_s = 26",
        &[(Code::RingsPastVoicemail, "/brand/0/max_wait_s", "26 s")],
    ),
    ("\"+15550100009\" }\ncal", "\"+15550100009\", confirm = false, ring_s = 20 }\ncal", &[]),
    (
        "\"+15550100009\" }\ncal",
        "\"+15550100009\", confirm = false, ring_s = 21 }\ncal",
        &[(Code::OperatorVoicemail, "/brand/0/operator/ring_s", "21 s")],
    ),
    (
        "This call is recorded for training.",
        "Beep beep",
        &[(Code::RecordingWithoutNotice, "/brand/0/recording/notice", "cannot tell")],
    ),
    // Three words of English make a sentence, one of Japanese has no spaces, one of Finnish has two words.
    ("This call is recorded for training.", "Calls are recorded.", &[]),
    (
        "This call is recorded for training.\", retention_days = 30 }",
        "この通話は録音されます。\", retention_days = 30 }\nlanguage = \"ja-JP\"",
        &[],
    ),
    (
        "This call is recorded for training.\", retention_days = 30 }",
        "通話\", retention_days = 30 }\nlanguage = \"cmn-CN\"",
        &[(Code::RecordingWithoutNotice, "/brand/0/recording/notice", "cannot tell")],
    ),
    (
        "This call is recorded for training.\", retention_days = 30 }",
        "Puhelu nauhoitetaan.\", retention_days = 30 }\nlanguage = \"fi-FI\"",
        &[],
    ),
    (
        "This call is recorded for training.\", retention_days = 30 }",
        "Piip.\", retention_days = 30 }\nlanguage = \"fi-FI\"",
        &[(Code::RecordingWithoutNotice, "/brand/0/recording/notice", "cannot tell")],
    ),
    (
        "This call is recorded for training.",
        "Thank you for calling us today.",
        &[(Code::NoticeSaysNoRecording, "/brand/0/recording/notice", "does not say")],
    ),
    (
        "roster = [\"ana\"]",
        "roster = [\"ana\"]\ntexts.voicemail_greeting = \"Sorry.\"",
        &[(Code::VoicemailWithoutNotice, "/brand/1/texts/voicemail_greeting", "before the tone")],
    ),
    (
        "roster = [\"ana\"]",
        "roster = [\"ana\"]\nlanguage = \"de-DE\"\ntexts.voicemail_greeting = \"Bitte sprechen Sie.\"",
        &[],
    ),
    (
        "fallback = { path = \"voicemail\" }",
        "fallback = { path = \"voicemail\", words = \"Sorry.\" }",
        &[(Code::VoicemailWithoutNotice, "/brand/1/fallback/words", "before the tone")],
    ),
    (
        "id = \"other\", name",
        "id = \"other\", skill = \"moves\", name",
        &[(Code::SkillNobodyHas, "/brand/0/intent/1/skill", "`moves`")],
    ),
    ("default = \"other\"", "default = \"sales\"", &[(Code::UnreachableIntent, "/brand/0/intent/1", "`other`")]),
    (
        "brand = \"acme\"",
        "brand = \"acme\"\nintent = \"sales\"",
        &[(Code::UnreachableMenu, "/brand/0/menu", "names an intent")],
    ),
    (
        "number = \"+15550100004\"\nbrand = \"beta\"",
        "number = \"+15550100004\"\nbrand = \"acme\"",
        &[(Code::BrandWithoutNumber, "/brand/1", "`beta`")],
    ),
    ("calendar = { holidays = [\"us\"] }", "", &[(Code::UnusedHolidays, "/holidays/0", "`us`")]),
    ("public = \"US\"", "", &[(Code::EmptyHolidays, "/holidays/0", "neither `public` nor `dates`")]),
    ("public = \"US\"", "dates = { 2026-12-31 = \"Inventory\" }", &[]),
    (
        "public = \"US\"",
        "public = \"US\"\nexcept = [2026-12-24, 2026-12-25, 2041-12-25]",
        &[
            (Code::ExceptNoHoliday, "/holidays/0/except/0", "2026-12-24 is no public holiday of US"),
            (Code::ExceptNoHoliday, "/holidays/0/except/2", "not known, only those of 2020 to 2040"),
        ],
    ),
    (
        "roster = [\"ana\"]",
        "roster = [\"ana\"]\nafter_hours = { holiday = { path = \"voicemail\" }, special_day = { path = \"voicemail\" } }",
        &[
            (Code::UnreachablePath, "/brand/1/after_hours/holiday", "no holidays"),
            (Code::UnreachablePath, "/brand/1/after_hours/special_day", "no single dates"),
        ],
    ),
    (
        "calendar = { holidays = [\"us\"] }",
        "calendar = { holidays = [\"us\"], closed_until = { until = 2026-11-24T10:00:00Z }, open_until = { until = 2026-11-24T10:00:01Z } }",
        &[(Code::Over, "/brand/0/calendar/closed_until", "`closed_until`")],
    ),
    (
        "after_hours = { path = \"voicemail\" }",
        "after_hours = { path = \"number\", number = \"+15550100002\" }",
        &[(Code::Loop, "/brand/0/after_hours/number", "itself: calls are not sent in a circle, so it is never rung")],
    ),
    (
        "after_hours = { path = \"voicemail\" }",
        "after_hours = { path = \"voicemail\", holiday = { path = \"number\", number = \"+15550100004\" } }",
        &[(
            Code::PathToOwnNumber,
            "/brand/0/after_hours/holiday/number",
            "`beta`: calls are not sent back to ourselves",
        )],
    ),
    (
        "id = \"other\", name",
        "id = \"other\", fallback = { path = \"number\", number = \"+15550100005\" }, name",
        &[(Code::PathToAgent, "/brand/0/intent/1/fallback/number", "`ben`")],
    ),
    (
        "after_hours = { path = \"voicemail\" }",
        "after_hours = { path = \"message\" }",
        &[(
            Code::MessageWithoutWords,
            "/brand/0/after_hours/words",
            "hear ours: \"We are closed right now. … Goodbye.\"",
        )],
    ),
    ("after_hours = { path = \"voicemail\" }", "after_hours = { path = \"message\", words = \"We are closed.\" }", &[]),
    (
        "operator = { number = \"+15550100009\" }\nfallback",
        "fallback",
        &[(Code::OverrideWithoutOperator, "/brand/1/operator", "`beta`")],
    ),
    (
        "number = \"+15550100009\" }\nfallback",
        "number = \"+15550100005\" }\nfallback",
        &[(Code::OperatorIsAgent, "/brand/1/operator/number", "`ben`")],
    ),
    ("chatwoot_user_id = 3", "brands = [\"acme\"]", &[(Code::UnusedOperator, "/brand/1/operator", "no path leads")]),
    (
        "chatwoot_user_id = 2",
        "chatwoot_user_id = 1",
        &[(Code::OneAgentTwoPhones, "/agent/1/chatwoot_user_id", "`ana` and `ben`")],
    ),
    ("name = \"Ben\"", "name = \"ana \"", &[(Code::SameName, "/agent/1/name", "`ana` and `ben`")]),
    (
        "chatwoot_user_id = 3",
        "chatwoot_user_id = 3\n[[supervisor]]\nid = \"dora\"\nname = \"Dora\"\nchatwoot_user_id = 3",
        &[(Code::OneSupervisorTwice, "/supervisor/1/chatwoot_user_id", "`dana` and `dora`")],
    ),
    (
        "\"+15550100005\"\nphone_verified = true",
        "\"+15550100005\"\nphone_verified = false",
        &[(Code::PhoneUnverified, "/brand/0/roster/1", "`ben`")],
    ),
    ("[\"ana\", \"ben\"]", "[\"ana\"]", &[(Code::OnNoRoster, "/agent/1", "`ben`")]),
    (
        "next_business_day = \"12:00\"",
        "next_business_day = \"08:00\"",
        &[(Code::PromiseImpossible, "/brand/0/promise/next_business_day", "on Mon")],
    ),
    ("next_business_day = \"12:00\"", "next_business_day = \"08:01\"", &[]),
    (
        "calendar = { holidays = [\"us\"] }",
        "calendar = { holidays = [\"us\"], closed_until = { until = 2027-01-31T10:00:00Z } }",
        &[(Code::PromiseImpossible, "/brand/0/promise", "2027-02-01")],
    ),
    (
        "roster = [\"ana\"]",
        "roster = [\"ana\"]\npromise = { within_open_s = 3600 }\ntexts.callback_promise = \"We call back.\"",
        &[(Code::PromiseInOwnWords, "/brand/1/texts/callback_promise", "not the time")],
    ),
    (
        "default = \"other\"",
        "default = \"other\", retries = 3, wait_s = 10, audio = \"https://audio.example/a.mp3\"",
        &[],
    ),
    (
        "roster = [\"ana\"]",
        "roster = []",
        &[(Code::NoCoverage, "/brand/1/roster", "nobody is on the roster: Tue 24 Nov 10:00 to Tue 8 Dec 10:00, 336 h")],
    ),
    // British Columbia keeps its summer time from 2026 on: seven hours from UTC, also in November.
    (
        "time_zone = \"UTC\"\nroster = [\"ana\"]",
        "time_zone = \"America/Vancouver\"\nroster = []",
        &[(Code::NoCoverage, "/brand/1/roster", "Tue 24 Nov 03:00 to Tue 8 Dec 03:00, 336 h")],
    ),
    (
        "skills = [\"sales\"]",
        "skills = [\"sales\"]\ntime_zone = \"America/New_York\"\nshift = { mon = [\"08:00-18:00\"] }\n",
        &[
            (Code::NoCoverage, "/brand/0/intent/0/skill", "Tue 24 Nov 08:00 to Tue 24 Nov 18:00 and once more"),
            (Code::NoCoverage, "/brand/1/roster", "nobody on the roster covers it"),
        ],
    ),
];

fn found(text: &str) -> Vec<Finding> {
    let rules = file::parse("routing.toml", text).unwrap_or_else(|err| panic!("{err}\n{text}"));
    let report = lint(&rules, "2026-11-24T10:00:00Z".parse().unwrap());
    assert_eq!(report.total, report.findings.len());
    report.findings
}

#[test]
fn each_finding_has_its_place() {
    assert_eq!(found(GOOD), []);
    for (from, to, expected) in CASES {
        assert!(GOOD.contains(from), "{from}");
        let mut text = GOOD.replacen(from, to, 1);
        // A menu has one or the other.
        if to.contains("audio =") {
            text = text.replace("prompt = \"Press 1 for sales.\", ", "");
        }
        let found = found(&text);
        assert_eq!(found.len(), expected.len(), "{to}: {found:#?}");
        for (code, pointer, words) in *expected {
            let is_there = |one: &Finding| {
                one.code == *code
                    && one.pointer == *pointer
                    && one.message.contains(words)
                    && one.severity == code.severity()
            };
            assert!(found.iter().any(is_there), "{to}: {code:?} at {pointer}: {found:#?}");
        }
    }
}

#[test]
fn a_loop_over_two_brands_is_told_at_both() {
    let there = "after_hours = { path = \"number\", number = \"+15550100004\" }";
    let back = "fallback = { path = \"number\", number = \"+15550100002\" }";
    let text = GOOD
        .replace("after_hours = { path = \"voicemail\" }", there)
        .replace("fallback = { path = \"voicemail\" }", back);
    let found = found(&text);
    let places: Vec<_> = found.iter().map(|one| (one.code, one.pointer.as_str())).collect();
    assert_eq!(places, [(Code::Loop, "/brand/0/after_hours/number"), (Code::Loop, "/brand/1/fallback/number")]);
}

#[test]
fn a_menu_that_takes_all_the_time_is_found() {
    let prompt = "a".repeat(480);
    let text = GOOD.replace("Press 1 for sales.\"", &format!("{prompt}\", retries = 3"));
    let found = found(&text);
    assert_eq!((found[0].code, found[0].pointer.as_str()), (Code::TooLong, "/brand/0/menu"));
}

#[test]
fn every_code_is_in_the_manual() {
    let manual = include_str!("../../docs/routing.md");
    for code in CASES
        .iter()
        .flat_map(|(_, _, found)| found.iter().map(|(code, _, _)| *code))
        .chain([Code::TooLong, Code::NoNumbers])
    {
        assert!(manual.contains(&format!("| `{}` |", code.as_str())), "{}", code.as_str());
        assert_eq!(serde_json::to_value(code).unwrap(), code.as_str());
    }
}

#[test]
fn rules_without_a_number_are_an_error_told_once() {
    let (text, _) = GOOD.split_once("[[number]]").unwrap();
    let (_, people) = GOOD.split_once("[[agent]]").unwrap();
    for text in [String::new(), format!("{text}[[agent]]{people}")] {
        let found = found(&text);
        assert_eq!(found.len(), 1, "{found:#?}");
        assert_eq!((found[0].code, found[0].pointer.as_str()), (Code::NoNumbers, "/number"));
        assert_eq!(found[0].severity, Severity::Error);
    }
}

#[test]
fn findings_that_are_cut_are_counted() {
    let mut text = GOOD.to_owned();
    for number in 0..600 {
        text.push_str(&format!("[[agent]]\nid = \"x{number}\"\nname = \"X {number}\"\nemail = \"x{number}@example.com\"\nphone = \"+1555011{number:04}\"\n"));
    }
    let rules = file::parse("routing.toml", &text).unwrap();
    let report = lint(&rules, "2026-11-24T10:00:00Z".parse().unwrap());
    assert_eq!((report.findings.len(), report.total), (FINDINGS_MAX, 600));
}

#[test]
fn the_example_has_no_errors() {
    let found = found(include_str!("../../examples/routing.toml"));
    assert!(found.iter().all(|one| one.severity == Severity::Hint), "{found:#?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn every_finding_points_into_the_document(rules in generated::rules(), second in 0_i64..4_000_000_000) {
        let at = DateTime::from_timestamp(second, 0).unwrap();
        let document = super::super::json::to_json(&rules);
        for finding in lint(&rules, at).findings {
            prop_assert!(document.pointer(&finding.pointer).is_some(), "{finding:?}");
        }
    }
}
