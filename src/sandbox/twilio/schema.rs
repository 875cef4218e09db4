//! Judges documents by the allow-list of verbs, attributes and values (contract sections 2 and 10).

use std::sync::LazyLock;

use regex::Regex;
use roxmltree::{Document as Xml, Node};
use serde_json::Value;

/// The allow-list, as the contract gives it.
static SCHEMA: LazyLock<Value> = LazyLock::new(|| {
    serde_json::from_str(include_str!("../../../tests/fixtures/contracts/twilio/twiml-schema.json")).unwrap_or_default()
});

/// Largest document, in bytes: 11750 beyond. Source: contract 2.1.
pub const DOCUMENT_BYTES_MAX: usize = 65_536;

/// Most characters of one `<Say>`: 13521 beyond. Source: contract 2.1.
pub const SAY_CHARS_MAX: usize = 4096;

/// Most nouns of one `<Dial>`. Source: contract 2.4.
pub const DIAL_NOUNS_MAX: usize = 10;

/// Whom a document is for: it decides which verbs are allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Context {
    /// The call's own document.
    Call,
    /// `<Number url>`: run on the called party before bridging.
    Screen,
    /// `<Enqueue waitUrl>`.
    EnqueueWait,
    /// `<Conference waitUrl>`, hold and announcements.
    ConferenceWait,
    /// `<Queue url>`: run on the queued caller before bridging.
    QueueUrl,
}

impl Context {
    fn schema_name(self) -> Option<&'static str> {
        match self {
            Self::Call => None,
            Self::Screen => Some("number_url_screen"),
            Self::EnqueueWait => Some("enqueue_wait"),
            Self::ConferenceWait => Some("conference_wait_hold_announce"),
            Self::QueueUrl => Some("queue_noun_url"),
        }
    }
}

/// A fault of a document, with the number Twilio gives it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Twilio's error code.
    pub code: u32,
    /// What is wrong, and where.
    pub message: String,
}

impl Fault {
    pub(super) fn new(code: u32, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }
}

/// Every fault of a parsed document; none when it may be run.
#[must_use]
pub fn judge(xml: &Xml<'_>, context: Context) -> Vec<Fault> {
    let mut faults = Vec::new();
    let root = xml.root_element();
    if root.tag_name().name() != "Response" {
        return vec![Fault::new(12102, format!("the root is <{}>, not <Response>", root.tag_name().name()))];
    }
    judge_element(root, &mut faults);
    if let Some(name) = context.schema_name() {
        let allowed = names(SCHEMA.pointer(&format!("/contexts/{name}/allowed_verbs")));
        for verb in root.children().filter(Node::is_element) {
            let tag = verb.tag_name().name();
            if !allowed.contains(&tag) {
                let code = match (context, tag) {
                    (Context::Screen, "Dial") => 13201,
                    (Context::ConferenceWait, _) => 13238,
                    _ => 12200,
                };
                faults.push(Fault::new(code, format!("<{tag}> may not stand in a document of {name}")));
            }
        }
    } else if root.children().any(|node| node.tag_name().name() == "Leave") {
        faults.push(Fault::new(12200, "<Leave> stands outside an Enqueue wait document"));
    }
    judge_order(root, &mut faults);
    faults
}

fn judge_element(node: Node<'_, '_>, faults: &mut Vec<Fault>) {
    let tag = node.tag_name().name();
    let Some(rules) = SCHEMA.get("elements").and_then(|elements| elements.get(tag)) else {
        // Marks of speech inside <Say> have no entry of their own.
        return;
    };
    for attribute in node.attributes() {
        match rules.get("attributes").and_then(|all| all.get(attribute.name())) {
            None => faults.push(Fault::new(12200, format!("<{tag}> has no attribute {}", attribute.name()))),
            Some(rule) => {
                if let Err(why) = judge_value(rule, attribute.value()) {
                    faults.push(Fault::new(
                        12200,
                        format!("<{tag} {}=\"{}\">: {why}", attribute.name(), attribute.value()),
                    ));
                }
            }
        }
    }
    let children = names(rules.get("children"));
    for child in node.children().filter(Node::is_element) {
        let name = child.tag_name().name();
        if children.contains(&name) {
            judge_element(child, faults);
        } else {
            faults.push(Fault::new(12200, format!("<{name}> may not stand in <{tag}>")));
        }
    }
    judge_text(node, tag, faults);
}

fn judge_text(node: Node<'_, '_>, tag: &str, faults: &mut Vec<Fault>) {
    let text = text_of(node);
    let text = text.trim();
    match tag {
        "Say" if text.chars().count() > SAY_CHARS_MAX => {
            faults.push(Fault::new(13521, "<Say> is too long"));
        }
        "Say" if text.is_empty() => faults.push(Fault::new(13520, "<Say> is empty")),
        "Play" if text.is_empty() != node.has_attribute("digits") => {
            faults.push(Fault::new(12200, "<Play> has either a URL or digits"));
        }
        "Number" if !is_e164(text) => faults.push(Fault::new(13223, format!("<Number> {text} is not in E.164"))),
        "Conference" if text.is_empty() => {
            faults.push(Fault::new(12200, "<Conference> has no name"));
        }
        "Queue" | "Enqueue" if text.is_empty() || text.chars().count() > 64 => {
            faults.push(Fault::new(12200, format!("<{tag}> has a name of 1 to 64 characters")));
        }
        "Response" | "Gather" | "Pause" | "Hangup" | "Leave" | "Reject" | "Record" | "Start" | "Stop" => {
            let stray = node.children().filter(Node::is_text).filter_map(|part| part.text()).collect::<String>();
            if !stray.trim().is_empty() {
                faults.push(Fault::new(12200, format!("text stands directly in <{tag}>")));
            }
        }
        "Dial" => judge_dial(node, faults),
        _ => {}
    }
}

fn judge_dial(node: Node<'_, '_>, faults: &mut Vec<Fault>) {
    let nouns: Vec<&str> = node.children().filter(Node::is_element).map(|child| child.tag_name().name()).collect();
    let rooms = nouns.iter().filter(|noun| matches!(**noun, "Conference" | "Queue")).count();
    if rooms > 1 || (rooms == 1 && nouns.len() > 1) {
        faults.push(Fault::new(13000, "<Conference> and <Queue> do not mix with other nouns"));
    }
    if nouns.len() > DIAL_NOUNS_MAX {
        faults.push(Fault::new(12200, format!("<Dial> rings {} phones, more than {DIAL_NOUNS_MAX}", nouns.len())));
    }
    if nouns.is_empty() && !is_e164(text_of(node).trim()) {
        faults.push(Fault::new(13223, "<Dial> has neither a noun nor a number in E.164"));
    }
}

/// Verbs nobody will ever run are a mistake of their author.
fn judge_order(root: Node<'_, '_>, faults: &mut Vec<Fault>) {
    let verbs: Vec<Node<'_, '_>> = root.children().filter(Node::is_element).collect();
    for (place, verb) in verbs.iter().enumerate() {
        let tag = verb.tag_name().name();
        if tag == "Reject" && place > 0 {
            faults.push(Fault::new(12200, "<Reject> is not the first verb"));
        }
        let ends = matches!(tag, "Hangup" | "Redirect" | "Reject" | "Leave");
        if ends && place + 1 < verbs.len() {
            faults.push(Fault::new(12200, format!("verbs after <{tag}> are never run")));
        }
    }
}

fn judge_value(rule: &Value, value: &str) -> Result<(), String> {
    match rule.get("type").and_then(Value::as_str).unwrap_or("string") {
        "boolean" if !matches!(value, "true" | "false") => return Err("true or false".to_owned()),
        "integer" => {
            let number: i64 = value.parse().map_err(|_| "a whole number".to_owned())?;
            if rule.get("min").and_then(Value::as_i64).is_some_and(|min| number < min)
                || rule.get("max").and_then(Value::as_i64).is_some_and(|max| number > max)
            {
                return Err("out of range".to_owned());
            }
        }
        "enum" if !names(rule.get("values")).contains(&value) => {
            return Err("not among the allowed values".to_owned());
        }
        "enum-list" => {
            let allowed = names(rule.get("values"));
            if value.is_empty() || !value.split(' ').all(|part| allowed.contains(&part)) {
                return Err("not among the allowed values".to_owned());
            }
        }
        "url" => {
            let may_be_empty = rule.get("allowEmpty").and_then(Value::as_bool).unwrap_or(false);
            if !(value.is_empty() && may_be_empty) {
                judge_url(value)?;
            }
        }
        _ => {}
    }
    if let Some(pattern) = rule.get("pattern").and_then(Value::as_str)
        && !matches_pattern(pattern, value)
    {
        return Err(format!("does not match {pattern}"));
    }
    if rule
        .get("maxLength")
        .and_then(Value::as_u64)
        .is_some_and(|max| value.chars().count() > usize::try_from(max).unwrap_or(usize::MAX))
    {
        return Err("too long".to_owned());
    }
    Ok(())
}

/// An absolute http or https URL whose host has no underscore (contract 2.1), or a relative one.
pub(super) fn judge_url(value: &str) -> Result<(), String> {
    if value.is_empty() || value.contains(char::is_whitespace) {
        return Err("not a URL".to_owned());
    }
    match url::Url::parse(value) {
        Ok(parsed) if !matches!(parsed.scheme(), "http" | "https") => Err("not an http URL".to_owned()),
        Ok(parsed) if parsed.host_str().is_none_or(|host| host.contains('_')) => {
            Err("host names have no underscore".to_owned())
        }
        Ok(_) | Err(url::ParseError::RelativeUrlWithoutBase) => Ok(()),
        Err(cause) => Err(cause.to_string()),
    }
}

/// Whether `text` is a phone number in E.164.
pub(super) fn is_e164(text: &str) -> bool {
    text.strip_prefix('+').is_some_and(|digits| {
        (7..=15).contains(&digits.len())
            && !digits.starts_with('0')
            && digits.chars().all(|digit| digit.is_ascii_digit())
    })
}

pub(super) fn matches_pattern(pattern: &str, value: &str) -> bool {
    Regex::new(pattern).is_ok_and(|expression| expression.is_match(value))
}

/// All text inside an element, marks of speech included.
pub(super) fn text_of(node: Node<'_, '_>) -> String {
    node.descendants().filter(Node::is_text).filter_map(|part| part.text()).collect()
}

pub(super) fn names(list: Option<&Value>) -> Vec<&str> {
    list.and_then(Value::as_array).map(|all| all.iter().filter_map(Value::as_str).collect()).unwrap_or_default()
}
