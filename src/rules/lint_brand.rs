//! Lint of a brand's name, waits, recording and promise.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc, Weekday};

use super::lint::{BrandPlace, Code, Findings};
use super::menu::Prompt;
use super::path::PathKind;
use super::people::PromiseDue;
use super::{Brand, Recording, promise, zone};

/// Personal voicemail answers after 20 to 30 s: up to this long a phone may ring. Source: DESIGN.md section 9.
const RING_MAX: Duration = Duration::from_secs(25);
/// Longest time that an operator line rings before its voicemail may answer.
const OPERATOR_RING_MAX: Duration = Duration::from_secs(20);
/// Longest time from arriving to an agent, a voicemail or a message. Source: DESIGN.md section 11, invariant 4.
const ARRIVAL_TO_END: Duration = Duration::from_secs(120);
/// Letters that a voice speaks in a second, slowly.
const LETTERS_PER_S: u64 = 14;
/// Fewest words of an English sentence that can tell somebody of a recording: "Calls are recorded."
const NOTICE_WORDS_MIN: usize = 3;
/// Fewest in another language, some of which put a sentence into two: "Puhelu nauhoitetaan."
const NOTICE_WORDS_ELSEWHERE_MIN: usize = 2;
/// Fewest letters where words are not spaced, or a letter is a syllable: "通話を録音します".
const NOTICE_LETTERS_MIN: usize = 5;
/// Languages whose words are not spaced, and Korean, whose letters are syllables: Japanese, the Chinese ones, Thai, Lao,
/// Khmer, Burmese, Tibetan. Source: BCP 47 tags of ISO 639.
const COUNTED_BY_LETTERS: [&str; 13] =
    ["ja", "zh", "cmn", "yue", "wuu", "nan", "hak", "th", "lo", "km", "my", "bo", "ko"];

/// A call back that is further away is no promise.
const PROMISE_FAR: TimeDelta = TimeDelta::days(14);
const WEEK: [Weekday; 7] =
    [Weekday::Mon, Weekday::Tue, Weekday::Wed, Weekday::Thu, Weekday::Fri, Weekday::Sat, Weekday::Sun];

/// Longest caller name. Source: contract twilio.md section 6.
const CNAM_CHARS_MAX: usize = 15;
/// Names that say nothing of who calls. Source: contract twilio.md section 6, "not generic".
const CNAM_GENERIC: [&str; 12] = [
    "business",
    "call center",
    "company",
    "customer care",
    "customer service",
    "help desk",
    "office",
    "sales",
    "service",
    "services",
    "support",
    "unknown",
];
/// Area codes of toll-free numbers, which have no caller name.
const TOLL_FREE: [&str; 7] = ["800", "833", "844", "855", "866", "877", "888"];

pub(super) fn look_at_name(findings: &mut Findings, place: &BrandPlace<'_>) {
    let BrandPlace { rules, brand, .. } = place;
    let has_name_service = rules.numbers.iter().any(|number| {
        let area = number.number.as_e164().get(2..5).unwrap_or_default();
        number.brand == brand.id
            && number.number.region().is_some_and(|region| region.as_str() == "US")
            && !TOLL_FREE.contains(&area)
    });
    if !has_name_service {
        return;
    }
    let name = brand.name.as_str();
    let fits = |letter: char| letter.is_ascii_alphanumeric() || ['.', ',', ' '].contains(&letter);
    let fault = if name.chars().count() > CNAM_CHARS_MAX {
        "is longer than 15 characters"
    } else if !name.starts_with(|letter: char| letter.is_ascii_alphabetic()) {
        "does not begin with a letter"
    } else if !name.chars().all(fits) {
        "has characters other than letters, digits, period, comma and space"
    } else if CNAM_GENERIC.iter().any(|generic| name.eq_ignore_ascii_case(generic)) {
        "is generic"
    } else if rules.brands.iter().any(|other| other.id != brand.id && other.name.eq_ignore_ascii_case(name)) {
        "is another brand's too"
    } else {
        return;
    };
    findings.add(
        Code::CnamName,
        place.at("name"),
        format!("`{name}` {fault}, so it could not be registered as the caller name (CNAM) of this brand's numbers"),
    );
}

pub(super) fn look_at_waits(findings: &mut Findings, place: &BrandPlace<'_>) {
    let brand = place.brand;
    if brand.max_wait > RING_MAX {
        let (wait_s, ring_s) = (brand.max_wait.as_secs(), RING_MAX.as_secs());
        findings.add(
            Code::RingsPastVoicemail,
            place.at("max_wait_s"),
            format!(
                "agents' phones ring up to {wait_s} s; personal voicemail answers after 20 to 30 s, and the call counts as missed; {ring_s} s or less avoids it"
            ),
        );
    }
    if let Some(line) = &brand.operator
        && !line.confirm
        && line.ring > OPERATOR_RING_MAX
    {
        let ring_s = line.ring.as_secs();
        findings.add(
            Code::OperatorVoicemail,
            place.at("operator/ring_s"),
            format!(
                "the operator line rings {ring_s} s and nobody has to confirm, so its own voicemail may take callers"
            ),
        );
    }
    let before = longest_before_ringing(brand);
    if before + brand.max_wait > ARRIVAL_TO_END {
        let (before_s, wait_s) = (before.as_secs(), brand.max_wait.as_secs());
        findings.add(
            Code::TooLong,
            place.at(if brand.menu.is_some() { "menu" } else { "recording" }),
            format!(
                "a caller who presses nothing may hear about {before_s} s of greeting, menu and notice, and then wait {wait_s} s; a call has 120 s for all of it"
            ),
        );
    }
}

/// About how long a caller who presses nothing listens before phones ring.
fn longest_before_ringing(brand: &Brand) -> Duration {
    let menu = brand.menu.as_ref().map_or(Duration::ZERO, |menu| {
        // How long an audio file plays is not known here.
        let prompt = match &menu.prompt {
            Prompt::Words(words) => spoken(words),
            Prompt::Audio(_) => Duration::from_secs(10),
        };
        (prompt + menu.wait) * (menu.retries + 1)
    });
    let notice = match &brand.recording {
        Recording::Off => Duration::ZERO,
        Recording::On { notice, .. } => spoken(notice),
    };
    let greeting =
        brand.intents.iter().map(|intent| intent.greeting.as_deref()).chain([brand.texts.greeting.as_deref()]);
    let greeting = greeting.flatten().map(spoken).max().unwrap_or_default();
    greeting + menu + notice
}

fn spoken(words: &str) -> Duration {
    let letters = u64::try_from(words.chars().count()).unwrap_or(u64::MAX);
    Duration::from_secs(letters.div_ceil(LETTERS_PER_S))
}

pub(super) fn look_at_recording(findings: &mut Findings, place: &BrandPlace<'_>) {
    let brand = place.brand;
    if let Recording::On { notice, .. } = &brand.recording {
        let pointer = place.at("recording/notice");
        if !can_be_notice(brand, notice) {
            findings.add(
                Code::RecordingWithoutNotice,
                pointer,
                format!("`{notice}` cannot tell a caller that the call is recorded; say so in a sentence"),
            );
        } else if is_english(brand) && !says_one_of(notice, &["record", "monitor", "tape"]) {
            findings.add(
                Code::NoticeSaysNoRecording,
                pointer,
                "the notice does not say that the call is recorded".to_owned(),
            );
        }
    }
    // The greeting and the tone are the notice of a voicemail. Source: DESIGN.md section 7.
    let takes_message = ["message", "record", "tone", "beep", "voicemail", "voice mail"];
    let mut spoken = vec![(place.at("texts/voicemail_greeting"), brand.texts.voicemail_greeting.as_str())];
    if brand.after_hours.path.kind == PathKind::Voicemail && brand.after_hours.path.words.is_none() {
        spoken.push((place.at("texts/closed"), brand.texts.closed.as_str()));
    }
    for (field, path) in super::outbound::paths(brand) {
        if let (PathKind::Voicemail, Some(words)) = (&path.kind, &path.words) {
            spoken.push((place.at(&format!("{field}/words")), words));
        }
    }
    for (pointer, words) in spoken {
        if is_english(brand) && !says_one_of(words, &takes_message) {
            let message = "this is all that callers hear before the tone, and it does not say that a message is taken";
            findings.add(Code::VoicemailWithoutNotice, pointer, message.to_owned());
        }
    }
}

/// Whether the text is long enough to tell somebody that they are recorded.
fn can_be_notice(brand: &Brand, notice: &str) -> bool {
    let language = brand.language.split('-').next().unwrap_or_default();
    if COUNTED_BY_LETTERS.iter().any(|known| language.eq_ignore_ascii_case(known)) {
        return notice.chars().filter(|letter| letter.is_alphabetic()).count() >= NOTICE_LETTERS_MIN;
    }
    let words = notice.split_whitespace().filter(|word| word.chars().any(char::is_alphabetic)).count();
    words >= if is_english(brand) { NOTICE_WORDS_MIN } else { NOTICE_WORDS_ELSEWHERE_MIN }
}

/// Whether we can read what is said at all.
fn is_english(brand: &Brand) -> bool {
    brand.language.get(..2).is_some_and(|language| language.eq_ignore_ascii_case("en"))
}

fn says_one_of(words: &str, wanted: &[&str]) -> bool {
    let words = words.to_lowercase();
    wanted.iter().any(|wanted| words.contains(wanted))
}

pub(super) fn look_at_promise(findings: &mut Findings, place: &BrandPlace<'_>, at: DateTime<Utc>) {
    let BrandPlace { rules, brand, .. } = place;
    let Some(promise) = &brand.promise else {
        return;
    };
    if promise.spoken && brand.texts.callback_promise.is_some() {
        findings.add(
            Code::PromiseInOwnWords,
            place.at("texts/callback_promise"),
            "callers hear these words and not the time that is due; leave them out, and the time is spoken".to_owned(),
        );
    }
    if let Some(due_at) = promise::due_at(brand, rules, at).filter(|due_at| *due_at - at > PROMISE_FAR) {
        let due_on = zone::wall(brand.time_zone, due_at).unwrap_or_else(|| due_at.naive_utc()).date();
        let message = format!("who calls now would be called back on {due_on}");
        findings.add(Code::PromiseImpossible, place.at("promise"), message);
    }
    let PromiseDue::NextBusinessDay { minute } = promise.due else {
        return;
    };
    let week = WEEK.into_iter().filter_map(|day| {
        let own = brand.hours.intervals.iter().filter(|interval| interval.day() == day);
        Some((format!("{day:?}"), own.map(|interval| interval.minutes().start).min()?))
    });
    let dates =
        brand.calendar.days.iter().filter_map(|day| {
            Some((day.on.to_string(), day.hours.iter().map(|interval| interval.minutes().start).min()?))
        });
    if let Some((day, _)) = week.chain(dates).find(|(_, opens)| minute <= *opens) {
        let message = format!("on {day} it is due before the brand has been open at all");
        findings.add(Code::PromiseImpossible, place.at("promise/next_business_day"), message);
    }
}
