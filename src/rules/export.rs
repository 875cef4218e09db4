//! Writes rules as `routing.toml`: the inverse of [`super::file::parse`], always in the same order and form.

use super::calendar::{AfterHours, Calendar, HolidayList, SpecialDay, Until};
use super::forms::{minute_text, ring_method_text};
use super::hours::{DayInterval, WeeklyHours};
use super::menu::{Intent, Menu, MenuOption, Prompt};
use super::path::{OperatorLine, Path, PathKind};
use super::people::{Absence, Floods, Pausing, Promise, PromiseDue, ShiftDay, Supervisor};
use super::tree::{Branch, Tree, write_file};
use super::week::DAYS;
use super::{Agent, AvailabilitySource, Brand, Number, Recording, Rules, Texts, Voicemail};

/// Writes rules, every value spelled out. Reading the text gives the same rules again.
#[must_use]
pub fn export(rules: &Rules) -> String {
    write_file("# Offhook's routing. Schema: docs/routing.md.\n", &document(rules))
}

/// The fields of the whole document.
pub(super) fn document(rules: &Rules) -> Branch {
    vec![
        ("version", Tree::Integer(rules.version.into())),
        ("floods", Tree::Table(floods(&rules.floods))),
        ("pausing", Tree::Table(pausing(rules.pausing))),
        ("holidays", tables(&rules.holidays, holiday_list)),
        ("brand", tables(&rules.brands, brand)),
        ("number", tables(&rules.numbers, number)),
        ("agent", tables(&rules.agents, agent)),
        ("supervisor", tables(&rules.supervisors, supervisor)),
    ]
}

fn tables<T>(items: &[T], write: impl Fn(&T) -> Branch) -> Tree {
    Tree::Tables(items.iter().map(write).collect())
}

fn brand(brand: &Brand) -> Branch {
    vec![
        ("id", Tree::text(brand.id.as_str())),
        ("name", Tree::text(&brand.name)),
        ("inbox", Tree::text(&brand.inbox)),
        ("inbox_id", Tree::some(brand.inbox_id, Tree::Integer)),
        ("time_zone", Tree::text(brand.time_zone.name())),
        ("language", Tree::text(&brand.language)),
        ("voice", Tree::some(brand.voice.as_deref(), Tree::text)),
        ("max_wait_s", Tree::seconds(brand.max_wait)),
        ("ring_method", Tree::some(brand.ring_method, |method| Tree::text(ring_method_text(method)))),
        ("ring_width", Tree::some(brand.ring_width, |width| Tree::Integer(width.into()))),
        ("wave_interval_s", Tree::seconds(brand.wave_interval)),
        ("queue_bias", Tree::Integer(brand.queue_bias.into())),
        ("cooldown_s", Tree::seconds(brand.cooldown)),
        ("after_decline_s", Tree::seconds(brand.after_decline)),
        ("after_no_answer_s", Tree::seconds(brand.after_no_answer)),
        ("after_busy_s", Tree::seconds(brand.after_busy)),
        ("wait_for_on_call", Tree::Boolean(brand.wait_for_on_call)),
        ("emergency_numbers", Tree::texts(brand.emergency_numbers.iter().map(|number| number.as_e164()))),
        ("roster", Tree::texts(brand.roster.iter().map(|agent| agent.as_str()))),
        ("recording", recording(&brand.recording)),
        ("hours", weekly_hours(&brand.hours)),
        ("calendar", Tree::Table(calendar(&brand.calendar))),
        ("after_hours", after_hours(&brand.after_hours)),
        ("menu", Tree::some(brand.menu.as_ref(), |menu| Tree::Table(self::menu(menu)))),
        ("intent", tables(&brand.intents, intent)),
        ("fallback", Tree::Table(path(&brand.fallback))),
        ("operator", Tree::some(brand.operator.as_ref(), |operator| Tree::Table(self::operator(operator)))),
        ("promise", Tree::some(brand.promise.as_ref(), |promise| Tree::Table(self::promise(promise)))),
        ("texts", Tree::Table(texts(&brand.texts))),
        ("voicemail", Tree::Table(voicemail(&brand.voicemail))),
    ]
}

fn recording(recording: &Recording) -> Tree {
    match recording {
        Recording::Off => Tree::text("off"),
        Recording::On { notice, retention_days } => Tree::Table(vec![
            ("notice", Tree::text(notice)),
            ("retention_days", Tree::Integer((*retention_days).into())),
        ]),
    }
}

/// Absent for a brand that is always open, since a table without an interval would look like one that never is.
fn weekly_hours(weekly: &WeeklyHours) -> Tree {
    if weekly.intervals.is_empty() { Tree::Absent } else { hours(weekly) }
}

/// Days in the order of the week, intervals of a day in the order in which they were written.
fn hours(hours: &WeeklyHours) -> Tree {
    let day = |(label, day)| {
        let texts: Vec<String> = hours
            .intervals
            .iter()
            .filter(|interval| interval.day() == day)
            .map(|interval| interval.to_text())
            .collect();
        let tree = if texts.is_empty() { Tree::Absent } else { Tree::texts(texts.iter().map(String::as_str)) };
        (label, tree)
    };
    Tree::Table(DAYS.into_iter().map(day).collect())
}

fn day_hours(hours: &[DayInterval]) -> Tree {
    Tree::List(hours.iter().map(|interval| Tree::text(interval.to_text())).collect())
}

fn calendar(calendar: &Calendar) -> Branch {
    vec![
        ("holidays", Tree::texts(calendar.holidays.iter().map(|list| list.as_str()))),
        ("closed_until", Tree::some(calendar.closed_until.as_ref(), |until| Tree::Inline(self::until(until)))),
        ("open_until", Tree::some(calendar.open_until.as_ref(), |until| Tree::Inline(self::until(until)))),
        ("day", tables(&calendar.days, special_day)),
    ]
}

fn special_day(day: &SpecialDay) -> Branch {
    vec![
        ("on", Tree::date(day.on)),
        ("hours", day_hours(&day.hours)),
        ("name", Tree::some(day.name.as_deref(), Tree::text)),
    ]
}

fn until(until: &Until) -> Branch {
    vec![
        ("from", Tree::some(until.from, Tree::instant)),
        ("until", Tree::instant(until.until)),
        ("reason", Tree::some(until.reason.as_deref(), Tree::text)),
    ]
}

fn after_hours(after_hours: &AfterHours) -> Tree {
    let own = |own: &Option<Path>| Tree::some(own.as_ref(), |own| Tree::Table(path(own)));
    let mut fields = path(&after_hours.path);
    fields.push(("holiday", own(&after_hours.holiday)));
    fields.push(("special_day", own(&after_hours.special_day)));
    fields.push(("closed_until", own(&after_hours.closed_until)));
    Tree::Table(fields)
}

fn path(path: &Path) -> Branch {
    let (kind, text_back, number) = match &path.kind {
        PathKind::Voicemail => ("voicemail", None, None),
        PathKind::Message { text_back } => ("message", text_back.as_deref(), None),
        PathKind::Number { number } => ("number", None, Some(number)),
        PathKind::Operator => ("operator", None, None),
        PathKind::RingAnyway => ("ring_anyway", None, None),
    };
    vec![
        ("path", Tree::text(kind)),
        ("words", Tree::some(path.words.as_deref(), Tree::text)),
        ("text_back", Tree::some(text_back, Tree::text)),
        ("number", Tree::some(number, |number| Tree::text(number.as_e164()))),
    ]
}

fn menu(menu: &Menu) -> Branch {
    let (prompt, audio) = match &menu.prompt {
        Prompt::Words(words) => (Some(words), None),
        Prompt::Audio(audio) => (None, Some(audio)),
    };
    vec![
        ("prompt", Tree::some(prompt, Tree::text)),
        ("audio", Tree::some(audio, Tree::text)),
        ("default", Tree::text(menu.default.as_str())),
        ("retries", Tree::Integer(menu.retries.into())),
        ("wait_s", Tree::seconds(menu.wait)),
        ("option", tables(&menu.options, menu_option)),
    ]
}

fn menu_option(option: &MenuOption) -> Branch {
    vec![("key", Tree::text(option.key)), ("intent", Tree::text(option.intent.as_str()))]
}

fn intent(intent: &Intent) -> Branch {
    vec![
        ("id", Tree::text(intent.id.as_str())),
        ("name", Tree::text(&intent.name)),
        ("skill", Tree::some(intent.skill.as_deref(), Tree::text)),
        ("greeting", Tree::some(intent.greeting.as_deref(), Tree::text)),
        ("fallback", Tree::some(intent.fallback.as_ref(), |own| Tree::Table(path(own)))),
    ]
}

fn operator(operator: &OperatorLine) -> Branch {
    vec![
        ("number", Tree::text(operator.number.as_e164())),
        ("confirm", Tree::Boolean(operator.confirm)),
        ("ring_s", Tree::seconds(operator.ring)),
    ]
}

fn promise(promise: &Promise) -> Branch {
    let (within, minute) = match promise.due {
        PromiseDue::WithinOpen(span) => (Tree::seconds(span), Tree::Absent),
        PromiseDue::NextBusinessDay { minute } => (Tree::Absent, Tree::text(minute_text(minute))),
    };
    vec![("within_open_s", within), ("next_business_day", minute), ("spoken", Tree::Boolean(promise.spoken))]
}

fn texts(texts: &Texts) -> Branch {
    vec![
        ("greeting", Tree::some(texts.greeting.as_deref(), Tree::text)),
        ("voicemail_greeting", Tree::text(&texts.voicemail_greeting)),
        ("waiting", Tree::some(texts.waiting.as_deref(), Tree::text)),
        ("closed", Tree::text(&texts.closed)),
        ("callback_promise", Tree::some(texts.callback_promise.as_deref(), Tree::text)),
    ]
}

fn voicemail(voicemail: &Voicemail) -> Branch {
    vec![
        ("max_length_s", Tree::seconds(voicemail.max_length)),
        ("transcribe", Tree::Boolean(voicemail.transcribe)),
        ("key", Tree::text(voicemail.key.map(String::from).unwrap_or_default())),
    ]
}

fn number(number: &Number) -> Branch {
    vec![
        ("number", Tree::text(number.number.as_e164())),
        ("brand", Tree::text(number.brand.as_str())),
        ("intent", Tree::some(number.intent.as_ref(), |intent| Tree::text(intent.as_str()))),
    ]
}

fn agent(agent: &Agent) -> Branch {
    let availability = match agent.availability {
        AvailabilitySource::Follow => "follow",
        AvailabilitySource::OwnSwitch => "own_switch",
    };
    vec![
        ("id", Tree::text(agent.id.as_str())),
        ("name", Tree::text(&agent.name)),
        ("email", Tree::some(agent.email.as_deref(), Tree::text)),
        ("chatwoot_user_id", Tree::some(agent.chatwoot_user_id, Tree::Integer)),
        ("phone", Tree::text(agent.phone.as_e164())),
        ("phone_verified", Tree::Boolean(agent.phone_verified)),
        ("vouched_by", Tree::some(agent.vouched_by.as_deref(), Tree::text)),
        ("time_zone", Tree::some(agent.time_zone, |zone| Tree::text(zone.name()))),
        ("availability", Tree::text(availability)),
        ("skills", Tree::texts(agent.skills.iter().map(String::as_str))),
        ("shift", Tree::some(agent.shift.as_ref(), hours)),
        ("shift_day", tables(&agent.shift_days, shift_day)),
        ("absence", tables(&agent.absences, absence)),
    ]
}

fn shift_day(day: &ShiftDay) -> Branch {
    vec![("on", Tree::date(day.on)), ("hours", day_hours(&day.hours))]
}

fn absence(absence: &Absence) -> Branch {
    vec![
        ("from", Tree::instant(absence.from)),
        ("until", Tree::instant(absence.until)),
        ("reason", Tree::some(absence.reason.as_deref(), Tree::text)),
    ]
}

fn supervisor(supervisor: &Supervisor) -> Branch {
    vec![
        ("id", Tree::text(supervisor.id.as_str())),
        ("name", Tree::text(&supervisor.name)),
        ("chatwoot_user_id", Tree::some(supervisor.chatwoot_user_id, Tree::Integer)),
        ("brands", Tree::texts(supervisor.brands.iter().map(|brand| brand.as_str()))),
    ]
}

fn floods(floods: &Floods) -> Branch {
    vec![
        ("calls_per_caller", Tree::Integer(floods.calls_per_caller.into())),
        ("calls_withheld", Tree::Integer(floods.calls_withheld.into())),
        ("window_s", Tree::seconds(floods.window)),
        ("challenge", Tree::Boolean(floods.challenge)),
        ("calls_per_caller_declared", Tree::Integer(floods.calls_per_caller_declared.into())),
    ]
}

fn pausing(pausing: Pausing) -> Branch {
    vec![("after_misses", Tree::Integer(pausing.after_misses.into())), ("pause_s", Tree::seconds(pausing.span))]
}

fn holiday_list(list: &HolidayList) -> Branch {
    vec![
        ("id", Tree::text(list.id.as_str())),
        ("name", Tree::text(&list.name)),
        ("public", Tree::some(list.public.as_deref(), Tree::text)),
        ("except", Tree::List(list.except.iter().copied().map(Tree::date).collect())),
        ("dates", Tree::Dates(list.dates.clone())),
    ]
}
