//! Judges REST requests by the description of Twilio's API (contract 5, 9.3).

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde_json::Value;

use super::schema::{is_e164, judge_url, matches_pattern, names};

static API: LazyLock<Value> = LazyLock::new(|| {
    serde_json::from_str(include_str!("../../../tests/fixtures/contracts/twilio/openapi-subset.json"))
        .unwrap_or_default()
});

/// Allowed values the description leaves open, though the contract names them.
const MORE_VALUES: [(&str, &[&str]); 11] = [
    ("MachineDetection", &["Enable", "DetectMessageEnd"]),
    ("RecordingChannels", &["mono", "dual"]),
    ("RecordingTrack", &["inbound", "outbound", "both"]),
    ("Trim", &["trim-silence", "do-not-trim"]),
    ("RecordingStatusCallbackEvent", &["in-progress", "completed", "absent"]),
    ("PauseBehavior", &["skip", "silence"]),
    ("AsyncAmd", &["true", "false"]),
    ("Beep", &["true", "false", "onEnter", "onExit"]),
    ("JitterBufferSize", &["large", "medium", "small", "off"]),
    ("ConferenceRecord", &["true", "false", "record-from-start", "do-not-record"]),
    ("ConferenceTrim", &["trim-silence", "do-not-trim"]),
];

/// Why a request is refused, in Twilio's shape.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) status: u16,
    pub(super) code: u32,
    pub(super) message: String,
    /// The request was wrong, rather than the world being the world: it is kept as a violation.
    pub(super) is_fault: bool,
}

impl Refusal {
    pub(super) fn new(status: u16, code: u32, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), is_fault: true }
    }

    /// Refused through no fault of whoever asks: a race, a limit, a phone that cannot be called.
    pub(super) fn world(status: u16, code: u32, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), is_fault: false }
    }

    pub(super) fn bad(code: u32, message: impl Into<String>) -> Self {
        Self::new(400, code, message)
    }
}

/// Checked parameters: one or more values a name.
#[derive(Debug, Clone, Default)]
pub(super) struct Form(BTreeMap<String, Vec<String>>);

impl Form {
    pub(super) fn one(&self, name: &str) -> Option<&str> {
        self.0.get(name)?.first().map(String::as_str)
    }

    /// A form that no description judges.
    pub(super) fn plain(body: &[u8]) -> Self {
        let mut form = Self::default();
        for (name, value) in url::form_urlencoded::parse(body) {
            form.0.entry(name.into_owned()).or_default().push(value.into_owned());
        }
        form
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    pub(super) fn all(&self, name: &str) -> Vec<String> {
        self.0.get(name).cloned().unwrap_or_default()
    }

    pub(super) fn number(&self, name: &str) -> Option<u64> {
        self.one(name)?.parse().ok()
    }

    pub(super) fn flag(&self, name: &str) -> Option<bool> {
        self.one(name).map(|value| value == "true")
    }
}

/// The path template of the description that fits, or none. Account and file ending are already gone: `Calls/CA…`.
pub(super) fn operation(template: &str, method: &str) -> Option<&'static Value> {
    API.get("paths")?.get(template)?.get(method)
}

/// Checks the parameters of a request; `in_body` says whether they are a form or a query.
pub(super) fn check(operation: &'static Value, pairs: Vec<(String, String)>, in_body: bool) -> Result<Form, Refusal> {
    let mut form = Form::default();
    for (name, value) in pairs {
        form.0.entry(name).or_default().push(value);
    }
    let schema = operation.pointer("/requestBody/content/application~1x-www-form-urlencoded/schema");
    for (name, values) in &form.0 {
        let rule = if in_body {
            schema.and_then(|schema| schema.get("properties")).and_then(|all| all.get(name))
        } else {
            query_rule(operation, name)
        };
        let Some(rule) = rule else {
            return Err(Refusal::bad(20422, format!("the parameter {name} is unknown here")));
        };
        let rule = resolved(rule);
        let repeats = rule.get("type").and_then(Value::as_str) == Some("array");
        if values.len() > 1 && !repeats {
            return Err(Refusal::bad(20422, format!("the parameter {name} is given more than once")));
        }
        let each = if repeats { rule.get("items").map_or(rule, resolved) } else { rule };
        for value in values {
            check_value(name, each, value)?;
        }
    }
    if let Some(schema) = schema.filter(|_| in_body) {
        check_presence(schema, &form)?;
    }
    Ok(form)
}

fn check_presence(schema: &Value, form: &Form) -> Result<(), Refusal> {
    for name in names(schema.get("required")) {
        if form.one(name).is_none_or(str::is_empty) {
            return Err(match name {
                "To" => Refusal::bad(21201, "No 'To' number is specified"),
                "From" => Refusal::bad(21213, "No 'From' number is specified"),
                _ => Refusal::bad(20422, format!("the parameter {name} is missing")),
            });
        }
    }
    let has = |name: &str| form.one(name).is_some_and(|value| !value.is_empty());
    let choices = schema.get("anyOf").and_then(Value::as_array);
    if choices.is_some_and(|all| !all.iter().any(|choice| names(choice.get("required")).iter().all(|name| has(name)))) {
        return Err(Refusal::bad(21205, "one of Url, Twiml and ApplicationSid is required"));
    }
    Ok(())
}

fn query_rule(operation: &'static Value, name: &str) -> Option<&'static Value> {
    let parameters = operation.get("parameters")?.as_array()?;
    let found = parameters.iter().find(|one| {
        one.get("in").and_then(Value::as_str) == Some("query") && one.get("name").and_then(Value::as_str) == Some(name)
    });
    found?.get("schema")
}

fn resolved(rule: &'static Value) -> &'static Value {
    let reference = rule.get("$ref").and_then(Value::as_str).and_then(|path| path.strip_prefix('#'));
    reference.and_then(|path| API.pointer(path)).unwrap_or(rule)
}

fn check_value(name: &str, rule: &Value, value: &str) -> Result<(), Refusal> {
    let wrong = |why: &str| Err(Refusal::bad(20422, format!("{name}={value}: {why}")));
    match rule.get("type").and_then(Value::as_str) {
        Some("integer") => {
            let Ok(number) = value.parse::<i64>() else {
                return wrong("not a whole number");
            };
            let low = rule.get("minimum").and_then(Value::as_i64).is_some_and(|min| number < min);
            let high = rule.get("maximum").and_then(Value::as_i64).is_some_and(|max| number > max);
            if low || high {
                return wrong("out of range");
            }
        }
        Some("boolean") if !matches!(value, "true" | "false") => return wrong("not true or false"),
        _ => {}
    }
    let listed = names(rule.get("enum"));
    if !listed.is_empty() && !listed.contains(&value) {
        return wrong("not among the allowed values");
    }
    if MORE_VALUES.iter().any(|(known, values)| *known == name && !values.contains(&value)) {
        return wrong("not among the allowed values");
    }
    if rule.get("pattern").and_then(Value::as_str).is_some_and(|pattern| !matches_pattern(pattern, value)) {
        return wrong("not a SID of that kind");
    }
    let longest = rule.get("maxLength").and_then(Value::as_u64).and_then(|max| usize::try_from(max).ok());
    if longest.is_some_and(|max| value.chars().count() > max) {
        return wrong("too long");
    }
    match rule.get("format").and_then(Value::as_str) {
        Some("uri") if !value.is_empty() => {
            let absolute = value.starts_with("http://") || value.starts_with("https://");
            if !absolute || judge_url(value).is_err() {
                return Err(Refusal::bad(21205, format!("Url is not a valid URL: {value}")));
            }
            if let Err(why) = super::wire::Overrides::split(value) {
                return Err(Refusal::bad(21205, format!("{name}: {why}")));
            }
        }
        Some("phone-number") if !is_e164(value) => return wrong("not a phone number in E.164"),
        Some("date" | "date-time") if parse_date(value).is_none() => return wrong("not a date"),
        _ => {}
    }
    Ok(())
}

/// A day, or an instant in RFC 3339.
pub(super) fn parse_date(value: &str) -> Option<chrono::DateTime<chrono::Utc>> {
    if let Ok(instant) = chrono::DateTime::parse_from_rfc3339(value) {
        return Some(instant.to_utc());
    }
    let day = chrono::NaiveDate::parse_from_str(value, "%Y-%m-%d").ok()?;
    day.and_hms_opt(0, 0, 0).map(|start| start.and_utc())
}
