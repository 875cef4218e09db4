//! `routing.toml`: reads rules from the file that ops keep. [`super::export`] is its inverse. Schema: docs/routing.md.

use std::time::Duration;

use chrono_tz::Tz;
use toml::de::DeTable;

use super::forms::{
    ID_FORM, NUMBER_FORM, ZONE_FORM, is_email, is_id, parse_key, parse_ring_method, parse_tag, parse_zone,
};
use super::reader::{Faults, Fields, Placed};
use super::seen::Seen;
use super::week::read_hours;
use super::{
    AfterHours, Agent, AvailabilitySource, Brand, Calendar, Floods, Number, Path, Pausing, Recording, Rules, Texts,
    Voicemail,
};
use crate::ids::{AgentId, BrandId};
use crate::phone_number::{PhoneNumber, parse_phone_number};

pub use super::forms::ID_CHARS_MAX;
pub use super::reader::{Fault, RoutingFileError};

/// Longest spoken text.
pub const TEXT_CHARS_MAX: usize = 500;
/// Longest name.
pub const NAME_CHARS_MAX: usize = 80;
/// Most emergency numbers: one document rings at most ten. Source: Twilio, "TwiML Voice: Number".
pub const EMERGENCY_NUMBERS_MAX: usize = 10;
/// Largest file, in bytes: thousands of agents, and no more than a mistake should cost.
pub const FILE_BYTES_MAX: usize = 4_194_304;

/// Reads rules. `file` names the text in messages.
///
/// # Errors
/// Every fault, each with its line: what is no TOML, unknown and missing fields, wrong types and forms, values out of
/// range, overlapping intervals, ids, numbers, phones and inboxes that stand twice, and names that lead nowhere.
pub fn parse(file: &str, text: &str) -> Result<Rules, RoutingFileError> {
    let mut faults = Faults::new(text);
    let mut rules = None;
    if text.len() > FILE_BYTES_MAX {
        faults.add(&(0..0), format!("the file has {} bytes; allowed: at most {FILE_BYTES_MAX}", text.len()));
    } else {
        let (table, errors) = DeTable::parse_recoverable(text);
        for error in &errors {
            faults.add(&error.span().unwrap_or(0..0), error.message());
        }
        // A broken text would only add faults that are none.
        if errors.is_empty() {
            rules = read_rules(Fields::new(table.get_ref(), 0..0, "file"), &mut faults);
        }
    }
    faults.list.sort_by_key(|fault| fault.line);
    match rules {
        Some(rules) if faults.list.is_empty() => Ok(rules),
        _ => Err(RoutingFileError { file: file.to_owned(), faults: faults.list }),
    }
}

fn read_rules(mut fields: Fields<'_, '_>, faults: &mut Faults<'_>) -> Option<Rules> {
    let mut seen = Seen::default();
    let version = fields
        .integer(faults, "version", 1..=i64::from(u32::MAX))
        .and_then(|version| u32::try_from(version).ok())
        .unwrap_or(1);
    let brands: Vec<_> =
        fields.tables(faults, "brand").into_iter().map(|brand| read_brand(brand, faults, &mut seen)).collect();
    let numbers: Vec<_> =
        fields.tables(faults, "number").into_iter().map(|number| read_number(number, faults, &mut seen)).collect();
    let agents: Vec<_> =
        fields.tables(faults, "agent").into_iter().map(|agent| read_agent(agent, faults, &mut seen)).collect();
    fields.finish(faults);
    seen.check_references(faults);
    Some(Rules {
        version,
        brands: brands.into_iter().collect::<Option<_>>()?,
        numbers: numbers.into_iter().collect::<Option<_>>()?,
        agents: agents.into_iter().collect::<Option<_>>()?,
        holidays: Vec::new(),
        supervisors: Vec::new(),
        floods: Floods::default(),
        pausing: Pausing::default(),
        index: super::Index::default(),
    })
}

fn read_brand(mut fields: Fields<'_, '_>, faults: &mut Faults<'_>, seen: &mut Seen) -> Option<Brand> {
    let id = read_id(&mut fields, faults, seen, "brand");
    let name = fields.required(faults, "name", |fields, faults| fields.words(faults, "name", NAME_CHARS_MAX));
    let inbox = fields.required(faults, "inbox", |fields, faults| {
        let span = fields.value("inbox")?.span();
        let name = fields.words(faults, "inbox", NAME_CHARS_MAX)?;
        seen.claim(faults, "inbox", &Placed { value: name.clone(), span });
        Some(name)
    });
    let time_zone = fields
        .required(faults, "time_zone", |fields, faults| fields.parsed(faults, "time_zone", ZONE_FORM, parse_zone));
    // Every field is read even when a needed one is missing, so that all faults are told; the stand-ins go nowhere.
    let is_whole = id.is_some() && name.is_some() && inbox.is_some() && time_zone.is_some();
    let waits = read_waits(&mut fields, faults);
    let brand = Brand {
        id: id.unwrap_or_else(|| BrandId::new("")),
        name: name.unwrap_or_default(),
        inbox: inbox.unwrap_or_default(),
        inbox_id: fields.integer(faults, "inbox_id", 1..=i64::MAX),
        time_zone: time_zone.map_or(Tz::UTC, |zone| zone.value),
        hours: read_hours(&mut fields, faults, "hours").unwrap_or_default(),
        calendar: Calendar::default(),
        after_hours: AfterHours::default(),
        menu: None,
        intents: Vec::new(),
        fallback: Path::default(),
        operator: None,
        promise: None,
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
        queue_bias: 1,
        cooldown: waits.cooldown,
        after_decline: waits.after_decline,
        after_no_answer: waits.after_no_answer,
        after_busy: waits.after_busy,
        wait_for_on_call: fields.boolean(faults, "wait_for_on_call").unwrap_or(true),
        voicemail: read_voicemail(&mut fields, faults),
        recording: fields
            .parsed(faults, "recording", "off", |text| (text == "off").then_some(Recording::Off))
            .map_or(Recording::Off, |recording| recording.value),
        emergency_numbers: read_emergency_numbers(&mut fields, faults),
        roster: read_roster(&mut fields, faults, seen),
    };
    fields.finish(faults);
    is_whole.then_some(brand)
}

/// The spans of a brand.
struct Waits {
    max_wait: Duration,
    wave_interval: Duration,
    cooldown: Duration,
    after_decline: Duration,
    after_no_answer: Duration,
    after_busy: Duration,
}

fn read_waits(fields: &mut Fields<'_, '_>, faults: &mut Faults<'_>) -> Waits {
    Waits {
        max_wait: seconds(fields, faults, "max_wait_s", 5..=90, 25),
        wave_interval: seconds(fields, faults, "wave_interval_s", 3..=60, 8),
        cooldown: seconds(fields, faults, "cooldown_s", 0..=600, 15),
        after_decline: seconds(fields, faults, "after_decline_s", 0..=600, 10),
        after_no_answer: seconds(fields, faults, "after_no_answer_s", 0..=600, 5),
        after_busy: seconds(fields, faults, "after_busy_s", 0..=600, 10),
    }
}

fn read_texts(fields: &mut Fields<'_, '_>, faults: &mut Faults<'_>) -> Texts {
    let mut texts = Texts {
        greeting: None,
        voicemail_greeting: "Nobody can take your call right now. Please leave a message after the tone.".to_owned(),
        waiting: None,
        closed: "We are closed right now. Please leave a message after the tone.".to_owned(),
        callback_promise: None,
    };
    if let Some(mut fields) = fields.table(faults, "texts") {
        texts.greeting = fields.words(faults, "greeting", TEXT_CHARS_MAX);
        texts.waiting = fields.words(faults, "waiting", TEXT_CHARS_MAX);
        texts.callback_promise = fields.words(faults, "callback_promise", TEXT_CHARS_MAX);
        if let Some(words) = fields.words(faults, "voicemail_greeting", TEXT_CHARS_MAX) {
            texts.voicemail_greeting = words;
        }
        if let Some(words) = fields.words(faults, "closed", TEXT_CHARS_MAX) {
            texts.closed = words;
        }
        fields.finish(faults);
    }
    texts
}

fn read_voicemail(fields: &mut Fields<'_, '_>, faults: &mut Faults<'_>) -> Voicemail {
    let mut voicemail = Voicemail { max_length: Duration::from_secs(120), transcribe: false, key: Some('1') };
    if let Some(mut fields) = fields.table(faults, "voicemail") {
        voicemail.max_length = seconds(&mut fields, faults, "max_length_s", 5..=600, 120);
        voicemail.transcribe = fields.boolean(faults, "transcribe").unwrap_or(false);
        let allowed = "one digit or #, or \"\" for none; * is the supervisor's";
        if let Some(key) = fields.parsed(faults, "key", allowed, parse_key) {
            voicemail.key = key.value;
        }
        fields.finish(faults);
    }
    voicemail
}

fn read_number(mut fields: Fields<'_, '_>, faults: &mut Faults<'_>, seen: &mut Seen) -> Option<Number> {
    let number = fields.required(faults, "number", |fields, faults| read_phone(fields, faults, seen, "number"));
    let brand = fields.required(faults, "brand", |fields, faults| fields.text(faults, "brand"));
    if let Some(brand) = &brand {
        seen.to_brand.push(Placed { value: brand.value.to_owned(), span: brand.span.clone() });
    }
    fields.finish(faults);
    Some(Number { number: number?, brand: BrandId::new(brand?.value), intent: None })
}

fn read_agent(mut fields: Fields<'_, '_>, faults: &mut Faults<'_>, seen: &mut Seen) -> Option<Agent> {
    let id = read_id(&mut fields, faults, seen, "agent");
    let name = fields.required(faults, "name", |fields, faults| fields.words(faults, "name", NAME_CHARS_MAX));
    let email = fields.parsed(faults, "email", "an e-mail address", |text| is_email(text).then(|| text.to_owned()));
    let chatwoot_user_id = fields.integer(faults, "chatwoot_user_id", 1..=i64::MAX);
    if email.is_none() && chatwoot_user_id.is_none() {
        faults.add(
            fields.span(),
            "this agent has neither `email` nor `chatwoot_user_id`; one must say who it is in Chatwoot",
        );
    }
    if let Some(email) = &email {
        seen.claim(faults, "email", &Placed { value: email.value.to_ascii_lowercase(), span: email.span.clone() });
    }
    let phone = fields.required(faults, "phone", |fields, faults| read_phone(fields, faults, seen, "phone"));
    let time_zone = fields.parsed(faults, "time_zone", ZONE_FORM, parse_zone).map(|zone| zone.value);
    let shift = read_hours(&mut fields, faults, "shift");
    if shift.is_some() && time_zone.is_none() {
        faults.add(fields.span(), "this agent has a `shift` but no `time_zone`");
    }
    let phone_verified = fields.boolean(faults, "phone_verified").unwrap_or(false);
    let vouched_by = fields.words(faults, "vouched_by", NAME_CHARS_MAX);
    let availability = fields.parsed(faults, "availability", "follow or own_switch", |text| match text {
        "follow" => Some(AvailabilitySource::Follow),
        "own_switch" => Some(AvailabilitySource::OwnSwitch),
        _ => None,
    });
    let skills = read_skills(&mut fields, faults);
    fields.finish(faults);
    Some(Agent {
        id: AgentId::new(id?.as_str()),
        name: name?,
        email: email.map(|email| email.value),
        chatwoot_user_id,
        phone: phone?,
        phone_verified,
        vouched_by,
        time_zone,
        shift,
        shift_days: Vec::new(),
        absences: Vec::new(),
        availability: availability.map(|source| source.value).unwrap_or_default(),
        skills,
    })
}

fn read_id(
    fields: &mut Fields<'_, '_>,
    faults: &mut Faults<'_>,
    seen: &mut Seen,
    kind: &'static str,
) -> Option<BrandId> {
    fields.required(faults, "id", |fields, faults| {
        let id = fields.parsed(faults, "id", ID_FORM, |text| is_id(text).then(|| text.to_owned()))?;
        seen.claim(faults, kind, &id);
        Some(BrandId::new(&id.value))
    })
}

/// Phones and our own numbers are one space: a phone that is a number of ours would ring ourselves.
fn read_phone(
    fields: &mut Fields<'_, '_>,
    faults: &mut Faults<'_>,
    seen: &mut Seen,
    name: &'static str,
) -> Option<PhoneNumber> {
    let phone = fields.parsed(faults, name, NUMBER_FORM, |text| parse_phone_number(text).ok())?;
    seen.claim(faults, "phone number", &Placed { value: phone.value.as_e164().to_owned(), span: phone.span });
    Some(phone.value)
}

fn read_emergency_numbers(fields: &mut Fields<'_, '_>, faults: &mut Faults<'_>) -> Vec<PhoneNumber> {
    let mut numbers = Vec::new();
    for text in fields.texts(faults, "emergency_numbers") {
        match parse_phone_number(text.value) {
            Ok(number) if numbers.contains(&number) => {
                faults.add(&text.span, "this emergency number stands twice");
            }
            Ok(_) if numbers.len() == EMERGENCY_NUMBERS_MAX => {
                faults.add(&text.span, format!("allowed: at most {EMERGENCY_NUMBERS_MAX} emergency numbers"));
            }
            Ok(number) => numbers.push(number),
            Err(_) => {
                faults.add(&text.span, format!("`{}` is no emergency number; allowed: {NUMBER_FORM}", text.value));
            }
        }
    }
    numbers
}

fn read_roster(fields: &mut Fields<'_, '_>, faults: &mut Faults<'_>, seen: &mut Seen) -> Vec<AgentId> {
    let mut roster = Vec::new();
    for text in fields.texts(faults, "roster") {
        let id = AgentId::new(text.value);
        if roster.contains(&id) {
            faults.add(&text.span, format!("agent `{id}` stands twice in this roster"));
        } else {
            roster.push(id);
            seen.to_agent.push(Placed { value: text.value.to_owned(), span: text.span });
        }
    }
    roster
}

fn read_skills(fields: &mut Fields<'_, '_>, faults: &mut Faults<'_>) -> Vec<String> {
    let mut skills: Vec<String> = Vec::new();
    for text in fields.texts(faults, "skills") {
        if !is_id(text.value) {
            faults.add(&text.span, format!("`{}` is no skill; allowed: {ID_FORM}", text.value));
        } else if skills.iter().any(|skill| skill == text.value) {
            faults.add(&text.span, format!("skill `{}` stands twice", text.value));
        } else {
            skills.push(text.value.to_owned());
        }
    }
    skills
}

fn seconds(
    fields: &mut Fields<'_, '_>,
    faults: &mut Faults<'_>,
    name: &'static str,
    allowed: std::ops::RangeInclusive<i64>,
    default_s: u64,
) -> Duration {
    let seconds = fields.integer(faults, name, allowed).and_then(|seconds| u64::try_from(seconds).ok());
    Duration::from_secs(seconds.unwrap_or(default_s))
}

#[cfg(test)]
#[path = "file_tests.rs"]
mod tests;
