//! A message about to be written, and what Chatwoot asks of it (contract 5.1, 5.5).

use serde_json::Value;

use super::call::{Answer, Call, is_true, number};
use super::files;
use super::world::{Actor, Kind, Object, Sender, World};

/// The longest content, in characters.
const LONGEST: usize = 150_000;

/// The most files of a message.
const MOST_ATTACHMENTS: usize = 15;

/// Messages of any kind a conversation takes in a minute.
const MOST_PER_MINUTE: usize = 200;

/// The content types a message may have.
const CONTENT_TYPES: [&str; 12] = [
    "text",
    "input_text",
    "input_textarea",
    "input_email",
    "input_select",
    "cards",
    "form",
    "article",
    "incoming_email",
    "input_csat",
    "integrations",
    "sticker",
];

/// A message about to be written.
#[derive(Debug)]
pub(super) struct Draft {
    pub(super) content: Option<String>,
    pub(super) kind: Kind,
    pub(super) is_private: bool,
    pub(super) content_type: String,
    pub(super) content_attributes: Object,
    pub(super) source_id: Option<String>,
    pub(super) sender: Sender,
    pub(super) attachments: Vec<(String, String)>,
}

impl Draft {
    /// A public outgoing text by nobody.
    pub(super) fn new(content: Option<String>) -> Self {
        Self {
            content,
            kind: Kind::Outgoing,
            is_private: false,
            content_type: "text".to_owned(),
            content_attributes: Object::new(),
            source_id: None,
            sender: Sender::Nobody,
            attachments: Vec::new(),
        }
    }
}

/// Reads the parameters of a message; every fault is 422 (contract 5.1).
pub(super) fn read(world: &mut World, conversation: i64, call: &Call) -> Result<Draft, Answer> {
    let fault = |text: &str| Answer::error(422, text);
    let kind = match call.text("message_type") {
        None | Some("outgoing") => Kind::Outgoing,
        Some("incoming") => Kind::Incoming,
        Some("activity") => Kind::Activity,
        Some("template") => Kind::Template,
        Some(other) => return Err(fault(&format!("'{other}' is not a valid message_type"))),
    };
    let content = words(call, "content");
    check_content(content.as_deref())?;
    let minute_ago = world.now() - chrono::TimeDelta::minutes(1);
    let recent = world.messages_of(conversation).filter(|message| message.created_at > minute_ago);
    if recent.count() >= MOST_PER_MINUTE {
        return Err(fault("Validation failed: Too many messages"));
    }
    let content_type = call.text("content_type").unwrap_or("text").to_owned();
    if !CONTENT_TYPES.contains(&content_type.as_str()) {
        return Err(fault(&format!("'{content_type}' is not a valid content_type")));
    }
    let content_attributes = attributes(call);
    check_items(&content_type, &content_attributes)?;
    let attachments = files::of_message(world, call)?;
    if attachments.len() > MOST_ATTACHMENTS {
        return Err(fault("Validation failed: Attachments exceeded maximum allowed"));
    }
    let contact = world.conversations.get(&conversation).map(|one| one.contact_id);
    let sender = match (kind, contact) {
        (Kind::Outgoing, _) => outgoing_sender(world, call),
        (_, Some(contact)) => Sender::Contact(contact),
        (_, None) => Sender::Nobody,
    };
    Ok(Draft {
        content,
        kind,
        is_private: is_true(call.value("private")),
        content_type,
        content_attributes,
        source_id: words(call, "source_id"),
        sender,
        attachments,
    })
}

/// A value of the body as text.
fn words(call: &Call, name: &str) -> Option<String> {
    call.value(name).map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned))
}

/// Neither too long, nor with a character the database cannot keep.
fn check_content(content: Option<&str>) -> Result<(), Answer> {
    let Some(content) = content else {
        return Ok(());
    };
    if content.chars().count() > LONGEST {
        let text = "Validation failed: Content is too long (maximum is 150000 characters)";
        return Err(Answer::error(422, text));
    }
    if content.contains('\0') {
        return Err(Answer::error(422, "string contains null byte"));
    }
    Ok(())
}

/// The content attributes: an object, or the text of one in a form; `external_created_at` joins them.
fn attributes(call: &Call) -> Object {
    let mut found = match call.value("content_attributes") {
        Some(Value::Object(object)) => object.clone(),
        Some(Value::String(text)) => serde_json::from_str(text).unwrap_or_default(),
        _ => Object::new(),
    };
    if let Some(at) = call.value("external_created_at") {
        found.insert("external_created_at".to_owned(), at.clone());
    }
    found
}

/// The keys that interactive content may have (contract 5.5).
fn check_items(content_type: &str, attributes: &Object) -> Result<(), Answer> {
    let allowed: &[&str] = match content_type {
        "input_select" => &["title", "value"],
        "form" => &[
            "type",
            "placeholder",
            "label",
            "name",
            "options",
            "default",
            "required",
            "pattern",
            "title",
            "pattern_error",
        ],
        "cards" => &["title", "description", "media_url", "actions"],
        "article" => &["title", "description", "link"],
        _ => return Ok(()),
    };
    let Some(items) = attributes.get("items").and_then(Value::as_array) else {
        return Err(Answer::error(422, "undefined method `reject' for nil"));
    };
    let keys = items.iter().filter_map(Value::as_object).flat_map(Object::keys);
    let odd: Vec<String> = keys.filter(|key| !allowed.contains(&key.as_str())).map(|key| format!(":{key}")).collect();
    if odd.is_empty() {
        return Ok(());
    }
    let list = odd.join(", ");
    Err(Answer::error(
        422,
        &format!("Validation failed: Content attributes contains invalid keys for items : [{list}]"),
    ))
}

/// Who an outgoing message is from: the bot named in it, else whoever asks.
fn outgoing_sender(world: &World, call: &Call) -> Sender {
    let named = (call.text("sender_type") == Some("AgentBot")).then(|| call.number("sender_id")).flatten();
    match (named.filter(|id| world.bots.contains_key(id)), world.current) {
        (Some(bot), _) | (None, Some(Actor::Bot(bot))) => Sender::Bot(bot),
        (None, Some(Actor::User(user))) => Sender::User(user),
        (None, None) => Sender::Nobody,
    }
}

/// A message nested in the body of a new conversation, as a call of its own.
pub(super) fn nested(call: &Call) -> Option<Call> {
    let body = call.value("message")?.as_object()?.clone();
    (!body.is_empty()).then(|| Call { body, ..Call::default() })
}

/// An id of the body, for handlers that take numbers or text.
pub(super) fn id_of(body: &Object, key: &str) -> Option<i64> {
    body.get(key).and_then(number)
}
