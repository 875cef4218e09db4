//! A brand in the document.

use std::collections::BTreeSet;
use std::time::Duration;

use chrono_tz::Tz;

use super::fault::{Faults, Placed};
use super::file::{NAME_CHARS_MAX, TEXT_CHARS_MAX, read_id};
use super::file_calendar::{read_after_hours, read_calendar};
use super::file_menu::{read_intents, read_menu};
use super::file_path::{Occasion, read_path};
use super::forms::{
    KEY_FORM, MINUTE_FORM, NUMBER_FORM, ZONE_FORM, parse_key, parse_minute, parse_ring_method, parse_tag, parse_zone,
};
use super::node::Content;
use super::path::{OperatorLine, Path};
use super::people::{Promise, PromiseDue};
use super::reader::Fields;
use super::seen::Seen;
use super::week::read_hours;
use super::{Brand, Recording, Texts, Voicemail};
use crate::ids::{AgentId, BrandId};
use crate::phone_number::{PhoneNumber, parse_phone_number};

/// Most emergency numbers: one document rings at most ten. Source: Twilio, "TwiML Voice: Number".
const EMERGENCY_NUMBERS_MAX: usize = 10;
/// Longest time in which a call back is promised: 72 h.
const PROMISE_WITHIN_S_MAX: u32 = 259_200;
/// Longest time that a recording is kept: ten years.
const RETENTION_DAYS_MAX: u32 = 3650;

pub(super) fn read_brand(mut fields: Fields<'_>, faults: &mut Faults<'_>, seen: &mut Seen) -> Option<Brand> {
    let id = read_id(&mut fields, faults, seen, "brand");
    let name = fields.required(faults, "name", |fields, faults| fields.words(faults, "name", NAME_CHARS_MAX));
    let inbox = fields.required(faults, "inbox", |fields, faults| {
        let name = fields.words(faults, "inbox", NAME_CHARS_MAX)?;
        seen.claim(faults, "inbox", &Placed { value: name.clone(), place: fields.place_of("inbox") });
        Some(name)
    });
    let time_zone = fields
        .required(faults, "time_zone", |fields, faults| fields.parsed(faults, "time_zone", ZONE_FORM, parse_zone));
    // Every field is read even when a needed one is missing, so that all faults are told; the stand-ins go nowhere.
    let is_whole = id.is_some() && name.is_some() && inbox.is_some() && time_zone.is_some();
    let id = id.unwrap_or_default();
    let waits = read_waits(&mut fields, faults);
    // Read before the paths that lead there.
    let has_operator = fields.has("operator");
    let operator = read_operator(&mut fields, faults, seen);
    let intents = read_intents(&mut fields, faults, seen, &id, has_operator);
    let brand = Brand {
        id: BrandId::new(&id),
        name: name.unwrap_or_default(),
        inbox: inbox.unwrap_or_default(),
        inbox_id: fields.integer(faults, "inbox_id", 1..=i64::MAX),
        time_zone: time_zone.map_or(Tz::UTC, |zone| zone.value),
        hours: read_hours(&mut fields, faults, "hours", NO_HOURS).unwrap_or_default(),
        calendar: read_calendar(&mut fields, faults, seen),
        after_hours: read_after_hours(&mut fields, faults, has_operator),
        menu: read_menu(&mut fields, faults, seen, &id),
        intents,
        fallback: read_fallback(&mut fields, faults, has_operator),
        operator,
        promise: read_promise(&mut fields, faults),
        language: fields
            .parsed(faults, "language", "a language tag, such as \"en-US\"", parse_tag)
            .map_or_else(|| "en-US".to_owned(), |language| language.value),
        voice: fields.words(faults, "voice", NAME_CHARS_MAX),
        texts: read_texts(&mut fields, faults),
        max_wait: waits.max_wait,
        ring_method: fields
            .parsed(faults, "ring_method", "auto, legs or dial", parse_ring_method)
            .map(|method| method.value),
        ring_width: fields.integer(faults, "ring_width", 1..=100).and_then(|width| u32::try_from(width).ok()),
        wave_interval: waits.wave_interval,
        queue_bias: fields.count(faults, "queue_bias", 0..=10, 1),
        cooldown: waits.cooldown,
        after_decline: waits.after_decline,
        after_no_answer: waits.after_no_answer,
        after_busy: waits.after_busy,
        wait_for_on_call: fields.boolean(faults, "wait_for_on_call").unwrap_or(true),
        voicemail: read_voicemail(&mut fields, faults),
        recording: read_recording(&mut fields, faults),
        emergency_numbers: read_emergency_numbers(&mut fields, faults, seen),
        roster: read_roster(&mut fields, faults, seen),
    };
    fields.finish(faults);
    is_whole.then_some(brand)
}

/// What to write instead of hours without an interval.
const NO_HOURS: &str = "leave it out (in JSON null) if the brand is always open; one that is closed until further notice has \
                        `closed_until` in its calendar";

/// The spans of a brand.
struct Waits {
    max_wait: Duration,
    wave_interval: Duration,
    cooldown: Duration,
    after_decline: Duration,
    after_no_answer: Duration,
    after_busy: Duration,
}

fn read_waits(fields: &mut Fields<'_>, faults: &mut Faults<'_>) -> Waits {
    Waits {
        max_wait: fields.seconds(faults, "max_wait_s", 5..=90, 25),
        wave_interval: fields.seconds(faults, "wave_interval_s", 3..=60, 8),
        cooldown: fields.seconds(faults, "cooldown_s", 0..=600, 15),
        after_decline: fields.seconds(faults, "after_decline_s", 0..=600, 10),
        after_no_answer: fields.seconds(faults, "after_no_answer_s", 0..=600, 5),
        after_busy: fields.seconds(faults, "after_busy_s", 0..=600, 10),
    }
}

fn read_texts(fields: &mut Fields<'_>, faults: &mut Faults<'_>) -> Texts {
    let mut texts = Texts {
        greeting: None,
        voicemail_greeting: "Nobody can take your call right now. Please leave a message after the tone.".to_owned(),
        waiting: None,
        closed: Texts::CLOSED.to_owned(),
        callback_promise: None,
    };
    if let Some(mut fields) = fields.table(faults, "texts") {
        texts.greeting = fields.words(faults, "greeting", TEXT_CHARS_MAX);
        texts.waiting = fields.words(faults, "waiting", TEXT_CHARS_MAX);
        texts.callback_promise = fields.words(faults, "callback_promise", TEXT_CHARS_MAX);
        if let Some(words) = fields.words_with_opening(faults, "voicemail_greeting", TEXT_CHARS_MAX) {
            texts.voicemail_greeting = words;
        }
        if let Some(words) = fields.words_with_opening(faults, "closed", TEXT_CHARS_MAX) {
            texts.closed = words;
        }
        fields.finish(faults);
    }
    texts
}

fn read_voicemail(fields: &mut Fields<'_>, faults: &mut Faults<'_>) -> Voicemail {
    let mut voicemail = Voicemail { max_length: Duration::from_secs(120), transcribe: false, key: Some('1') };
    if let Some(mut fields) = fields.table(faults, "voicemail") {
        voicemail.max_length = fields.seconds(faults, "max_length_s", 5..=600, 120);
        voicemail.transcribe = fields.boolean(faults, "transcribe").unwrap_or(false);
        let allowed = format!("{KEY_FORM}; or \"\" for none");
        if let Some(key) = fields.parsed(faults, "key", &allowed, parse_key) {
            voicemail.key = key.value;
        }
        fields.finish(faults);
    }
    voicemail
}

fn read_fallback(fields: &mut Fields<'_>, faults: &mut Faults<'_>, has_operator: bool) -> Path {
    let Some(mut fields) = fields.table(faults, "fallback") else {
        return Path::default();
    };
    let path = read_path(&mut fields, faults, Occasion::NobodyAnswers, has_operator);
    fields.finish(faults);
    path
}

fn read_operator(fields: &mut Fields<'_>, faults: &mut Faults<'_>, seen: &mut Seen) -> Option<OperatorLine> {
    let mut fields = fields.table(faults, "operator")?;
    let number = fields.required(faults, "number", |fields, faults| {
        fields.parsed(faults, "number", NUMBER_FORM, |text| parse_phone_number(text).ok())
    });
    if let Some(number) = &number {
        seen.must_not_be_ours("the operator line", number.value.clone(), number.place.clone());
    }
    let confirm = fields.boolean(faults, "confirm").unwrap_or(true);
    let ring = fields.seconds(faults, "ring_s", 5..=60, 20);
    fields.finish(faults);
    number.map(|number| OperatorLine { number: number.value, confirm, ring })
}

fn read_promise(fields: &mut Fields<'_>, faults: &mut Faults<'_>) -> Option<Promise> {
    let mut fields = fields.table(faults, "promise")?;
    let within = fields
        .integer(faults, "within_open_s", 60..=i64::from(PROMISE_WITHIN_S_MAX))
        .and_then(|span| u64::try_from(span).ok())
        .map(|span| PromiseDue::WithinOpen(Duration::from_secs(span)));
    let minute = fields
        .parsed(faults, "next_business_day", MINUTE_FORM, parse_minute)
        .map(|minute| PromiseDue::NextBusinessDay { minute: minute.value });
    let spoken = fields.boolean(faults, "spoken").unwrap_or(true);
    if fields.has("within_open_s") == fields.has("next_business_day") {
        faults.add(fields.place(), "a promise needs either `within_open_s` or `next_business_day`, not both");
    }
    fields.finish(faults);
    within.or(minute).map(|due| Promise { due, spoken })
}

/// `"off"`, or a table with the notice.
fn read_recording(fields: &mut Fields<'_>, faults: &mut Faults<'_>) -> Recording {
    const ALLOWED: &str = "\"off\", or a table with `notice` and `retention_days`";
    let Some(node) = fields.value("recording") else {
        return Recording::Off;
    };
    match node.content {
        Content::Text("off") => return Recording::Off,
        Content::Text(text) => {
            fields.refuse(faults, "recording", format!("`recording` is `{text}`; allowed: {ALLOWED}"));
            return Recording::Off;
        }
        Content::Table(_) => {}
        _ => {
            fields.refuse_kind(faults, "recording", node, ALLOWED);
            return Recording::Off;
        }
    }
    let Some(mut fields) = fields.table(faults, "recording") else {
        return Recording::Off;
    };
    let notice = fields.required(faults, "notice", |fields, faults| fields.words(faults, "notice", TEXT_CHARS_MAX));
    let retention_days = fields.required(faults, "retention_days", |fields, faults| {
        let days = fields.integer(faults, "retention_days", 1..=i64::from(RETENTION_DAYS_MAX))?;
        u32::try_from(days).ok()
    });
    fields.finish(faults);
    match (notice, retention_days) {
        (Some(notice), Some(retention_days)) => Recording::On { notice, retention_days },
        (None | Some(_), None) | (None, Some(_)) => Recording::Off,
    }
}

fn read_emergency_numbers(fields: &mut Fields<'_>, faults: &mut Faults<'_>, seen: &mut Seen) -> Vec<PhoneNumber> {
    let mut numbers = Vec::new();
    for text in fields.texts(faults, "emergency_numbers") {
        match parse_phone_number(text.value) {
            Ok(number) if numbers.contains(&number) => {
                faults.add(&text.place, "this emergency number stands twice");
            }
            Ok(_) if numbers.len() == EMERGENCY_NUMBERS_MAX => {
                faults.add(&text.place, format!("allowed: at most {EMERGENCY_NUMBERS_MAX} emergency numbers"));
            }
            Ok(number) => {
                seen.must_not_be_ours("this emergency number", number.clone(), text.place);
                numbers.push(number);
            }
            Err(_) => {
                faults.add(&text.place, format!("`{}` is no emergency number; allowed: {NUMBER_FORM}", text.value));
            }
        }
    }
    numbers
}

fn read_roster(fields: &mut Fields<'_>, faults: &mut Faults<'_>, seen: &mut Seen) -> Vec<AgentId> {
    let mut roster = Vec::new();
    let mut known = BTreeSet::new();
    for text in fields.texts(faults, "roster") {
        if known.insert(text.value) {
            roster.push(AgentId::new(text.value));
            seen.refer("agent", text.value, text.place);
        } else {
            faults.add(&text.place, format!("agent `{}` stands twice in this roster", text.value));
        }
    }
    roster
}
