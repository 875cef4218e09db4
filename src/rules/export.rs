//! Writes rules as `routing.toml`: the inverse of [`super::file::parse`], always in the same order and form.

use std::fmt::{Display, Write as _};
use std::time::Duration;

use toml::Value;

use super::hours::WeeklyHours;
use super::week::DAYS;
use super::{Agent, AvailabilitySource, Brand, Recording, RingMethod, Rules};

/// Writes rules, every value spelled out. Reading the text gives the same rules again.
#[must_use]
pub fn export(rules: &Rules) -> String {
    let mut out = Lines(format!("# Offhook's routing. Schema: docs/routing.md.\n\nversion = {}\n", rules.version));
    for brand in &rules.brands {
        write_brand(&mut out, brand);
    }
    for number in &rules.numbers {
        out.head("[[number]]");
        out.text("number", number.number.as_e164());
        out.text("brand", number.brand.as_str());
    }
    for agent in &rules.agents {
        write_agent(&mut out, agent);
    }
    out.0
}

fn write_brand(out: &mut Lines, brand: &Brand) {
    out.head("[[brand]]");
    out.text("id", brand.id.as_str());
    out.text("name", &brand.name);
    out.text("inbox", &brand.inbox);
    out.some("inbox_id", brand.inbox_id);
    out.text("time_zone", brand.time_zone.name());
    out.text("language", &brand.language);
    out.some_text("voice", brand.voice.as_deref());
    out.span("max_wait_s", brand.max_wait);
    out.some_text("ring_method", brand.ring_method.map(ring_method_label));
    out.some("ring_width", brand.ring_width);
    out.span("wave_interval_s", brand.wave_interval);
    out.span("cooldown_s", brand.cooldown);
    out.span("after_decline_s", brand.after_decline);
    out.span("after_no_answer_s", brand.after_no_answer);
    out.span("after_busy_s", brand.after_busy);
    out.field("wait_for_on_call", brand.wait_for_on_call);
    out.text(
        "recording",
        match brand.recording {
            Recording::Off => "off",
            Recording::On { .. } => "on",
        },
    );
    out.list("emergency_numbers", brand.emergency_numbers.iter().map(|number| number.as_e164()));
    out.list("roster", brand.roster.iter().map(|agent| agent.as_str()));
    out.hours("[brand.hours]", &brand.hours);
    out.head("[brand.texts]");
    out.some_text("greeting", brand.texts.greeting.as_deref());
    out.text("voicemail_greeting", &brand.texts.voicemail_greeting);
    out.some_text("waiting", brand.texts.waiting.as_deref());
    out.text("closed", &brand.texts.closed);
    out.some_text("callback_promise", brand.texts.callback_promise.as_deref());
    out.head("[brand.voicemail]");
    out.span("max_length_s", brand.voicemail.max_length);
    out.field("transcribe", brand.voicemail.transcribe);
    out.text("key", &brand.voicemail.key.map(String::from).unwrap_or_default());
}

fn write_agent(out: &mut Lines, agent: &Agent) {
    out.head("[[agent]]");
    out.text("id", agent.id.as_str());
    out.text("name", &agent.name);
    out.some_text("email", agent.email.as_deref());
    out.some("chatwoot_user_id", agent.chatwoot_user_id);
    out.text("phone", agent.phone.as_e164());
    out.field("phone_verified", agent.phone_verified);
    out.some_text("vouched_by", agent.vouched_by.as_deref());
    out.some_text("time_zone", agent.time_zone.map(|zone| zone.name()));
    out.text(
        "availability",
        match agent.availability {
            AvailabilitySource::Follow => "follow",
            AvailabilitySource::OwnSwitch => "own_switch",
        },
    );
    out.list("skills", agent.skills.iter().map(String::as_str));
    if let Some(shift) = &agent.shift {
        out.hours("[agent.shift]", shift);
    }
}

fn ring_method_label(method: RingMethod) -> &'static str {
    match method {
        RingMethod::Auto => "auto",
        RingMethod::Legs => "legs",
        RingMethod::Dial => "dial",
    }
}

struct Lines(String);

impl Lines {
    fn head(&mut self, head: &str) {
        let _ = writeln!(self.0, "\n{head}");
    }

    fn field(&mut self, name: &str, value: impl Display) {
        let _ = writeln!(self.0, "{name} = {value}");
    }

    fn text(&mut self, name: &str, value: &str) {
        self.field(name, Value::String(value.to_owned()));
    }

    fn some_text(&mut self, name: &str, value: Option<&str>) {
        if let Some(value) = value {
            self.text(name, value);
        }
    }

    fn some(&mut self, name: &str, value: Option<impl Display>) {
        if let Some(value) = value {
            self.field(name, value);
        }
    }

    /// Whole seconds: the file has no finer ones.
    fn span(&mut self, name: &str, value: Duration) {
        self.field(name, value.as_secs());
    }

    fn list<'a>(&mut self, name: &str, values: impl Iterator<Item = &'a str>) {
        self.field(name, Value::Array(values.map(|value| Value::String(value.to_owned())).collect()));
    }

    /// Days in the order of the week, intervals of a day in the order in which they were written.
    fn hours(&mut self, head: &str, hours: &WeeklyHours) {
        if hours.intervals.is_empty() {
            return;
        }
        self.head(head);
        for (label, day) in DAYS {
            let texts: Vec<String> = hours
                .intervals
                .iter()
                .filter(|interval| interval.day() == day)
                .map(|interval| interval.to_text())
                .collect();
            if !texts.is_empty() {
                self.list(label, texts.iter().map(String::as_str));
            }
        }
    }
}
