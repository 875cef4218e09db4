//! What Chatwoot tells us without being asked, by webhook or by websocket, as one small enum.
//!
//! Lenient about fields we do not know, strict about the types of those we do.
//! Source: contracts/chatwoot.md 6.3 (webhooks) and 7.4 (websocket).

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::Value;

use super::conversations::ConversationStatus;
use super::messages::{MessageKind, Sender, SenderKind};

/// Something happened in Chatwoot. Events we have no use for are [`Other`](Self::Other).
#[derive(Debug, Clone, PartialEq)]
pub enum ChatwootEvent {
    /// A message or private note was posted, by anybody, us included.
    MessageCreated(MessageEvent),
    /// A message changed or was deleted; it does not say what changed.
    MessageUpdated(MessageEvent),
    /// A conversation began.
    ConversationCreated(ConversationEvent),
    /// A conversation changed: assignee, labels, attributes, priority, status. It does not say by whom.
    ConversationUpdated(ConversationEvent),
    /// A conversation's status changed; comes beside [`ConversationUpdated`](Self::ConversationUpdated).
    ConversationStatusChanged(ConversationEvent),
    /// A contact was created.
    ContactCreated(ContactEvent),
    /// A contact was saved, if only because a message arrived from it.
    ContactUpdated(ContactEvent),
    /// A contact was deleted; told by the websocket only.
    ContactDeleted(ContactEvent),
    /// Another contact was merged into this one and is gone; told by the websocket only, and not which it was.
    ContactMerged(ContactEvent),
    /// Anything else, by its name (cut to 80 letters).
    Other(String),
}

/// A message, as an event tells of it.
#[derive(Clone, PartialEq, Eq)]
pub struct MessageEvent {
    /// Account it belongs to.
    pub account_id: i64,
    /// Inbox it belongs to.
    pub inbox_id: i64,
    /// Its conversation, by the number people see.
    pub conversation_id: i64,
    /// Its own id.
    pub id: i64,
    /// Incoming, outgoing, activity or template.
    pub kind: MessageKind,
    /// Whether only colleagues see it.
    pub is_private: bool,
    /// Its Markdown; empty when it has none.
    pub content: String,
    /// What its creator called it; ours begin with `offhook:`.
    pub source_id: Option<String>,
    /// Who posted it, by Chatwoot's word; nobody for automations.
    pub sender: Option<Sender>,
}

impl std::fmt::Debug for MessageEvent {
    // Without the words: they are a customer's or an agent's.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MessageEvent")
            .field("account_id", &self.account_id)
            .field("conversation_id", &self.conversation_id)
            .field("id", &self.id)
            .field("kind", &self.kind)
            .field("is_private", &self.is_private)
            .field("sender", &self.sender)
            .finish_non_exhaustive()
    }
}

/// A conversation, as an event tells of it: possibly newer than the event itself (contract 6.5).
#[derive(Debug, Clone, PartialEq)]
pub struct ConversationEvent {
    /// Account it belongs to; webhooks do not say, their address must.
    pub account_id: Option<i64>,
    /// The number people see.
    pub id: i64,
    /// Inbox it belongs to.
    pub inbox_id: i64,
    /// Open, pending, snoozed or resolved.
    pub status: ConversationStatus,
    /// The agent it is assigned to; nobody when a bot has it.
    pub assignee_id: Option<i64>,
    /// Labels it carries.
    pub labels: Vec<String>,
    /// Its custom attributes.
    pub custom_attributes: serde_json::Map<String, Value>,
    /// Who it is with.
    pub contact_id: Option<i64>,
    /// What orders two events about it.
    pub updated_at: Option<DateTime<Utc>>,
}

/// A contact, as an event tells of it.
#[derive(Clone, PartialEq, Eq)]
pub struct ContactEvent {
    /// Account it belongs to.
    pub account_id: Option<i64>,
    /// Its id; merging may end it any time.
    pub id: i64,
    /// As Chatwoot keeps it, which need not be E.164.
    pub phone: Option<String>,
    /// Empty when it has none.
    pub name: String,
    /// Whether an agent muted this contact: check before ringing (contract 3.6).
    pub is_blocked: bool,
    /// Our own key for contacts without a number.
    pub identifier: Option<String>,
}

impl std::fmt::Debug for ContactEvent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ContactEvent")
            .field("id", &self.id)
            .field("is_blocked", &self.is_blocked)
            .finish_non_exhaustive()
    }
}

impl ChatwootEvent {
    /// The account it is about, where it says so.
    #[must_use]
    pub fn account_id(&self) -> Option<i64> {
        match self {
            Self::MessageCreated(message) | Self::MessageUpdated(message) => Some(message.account_id),
            Self::ConversationCreated(c) | Self::ConversationUpdated(c) | Self::ConversationStatusChanged(c) => {
                c.account_id
            }
            Self::ContactCreated(contact)
            | Self::ContactUpdated(contact)
            | Self::ContactDeleted(contact)
            | Self::ContactMerged(contact) => contact.account_id,
            Self::Other(_) => None,
        }
    }
}

type ParseError = serde_path_to_error::Error<serde_json::Error>;

/// Reads the body of a webhook.
///
/// # Errors
/// Where in the body what was expected, when it is not as the contract says.
pub fn parse_webhook(body: &[u8]) -> Result<ChatwootEvent, ParseError> {
    #[derive(Deserialize)]
    struct Named {
        event: String,
    }
    let Named { event } = read(body)?;
    Ok(match event.as_str() {
        "message_created" => ChatwootEvent::MessageCreated(read::<WebhookMessage>(body)?.into()),
        "message_updated" => ChatwootEvent::MessageUpdated(read::<WebhookMessage>(body)?.into()),
        "conversation_created" => ChatwootEvent::ConversationCreated(read::<ConversationBody>(body)?.into()),
        "conversation_updated" => ChatwootEvent::ConversationUpdated(read::<ConversationBody>(body)?.into()),
        "conversation_status_changed" => {
            ChatwootEvent::ConversationStatusChanged(read::<ConversationBody>(body)?.into())
        }
        "contact_created" => ChatwootEvent::ContactCreated(read::<ContactBody>(body)?.into()),
        "contact_updated" => ChatwootEvent::ContactUpdated(read::<ContactBody>(body)?.into()),
        other => ChatwootEvent::Other(other.chars().take(80).collect()),
    })
}

/// Reads what came over the websocket: the name of an event and its data.
///
/// # Errors
/// Where in the data what was expected, when it is not as the contract says.
pub fn parse_cable(event: &str, data: &Value) -> Result<ChatwootEvent, ParseError> {
    Ok(match event {
        "message.created" => ChatwootEvent::MessageCreated(take::<CableMessage>(data)?.into()),
        "message.updated" => ChatwootEvent::MessageUpdated(take::<CableMessage>(data)?.into()),
        "conversation.created" => ChatwootEvent::ConversationCreated(take::<ConversationBody>(data)?.into()),
        "conversation.updated" | "assignee.changed" => {
            ChatwootEvent::ConversationUpdated(take::<ConversationBody>(data)?.into())
        }
        "conversation.status_changed" => {
            ChatwootEvent::ConversationStatusChanged(take::<ConversationBody>(data)?.into())
        }
        "contact.created" => ChatwootEvent::ContactCreated(take::<ContactBody>(data)?.into()),
        "contact.updated" => ChatwootEvent::ContactUpdated(take::<ContactBody>(data)?.into()),
        "contact.deleted" => ChatwootEvent::ContactDeleted(take::<ContactBody>(data)?.into()),
        "contact.merged" => ChatwootEvent::ContactMerged(take::<ContactBody>(data)?.into()),
        other => ChatwootEvent::Other(other.chars().take(80).collect()),
    })
}

fn read<'b, T: Deserialize<'b>>(body: &'b [u8]) -> Result<T, ParseError> {
    serde_path_to_error::deserialize(&mut serde_json::Deserializer::from_slice(body))
}

fn take<'v, T: Deserialize<'v>>(data: &'v Value) -> Result<T, ParseError> {
    serde_path_to_error::deserialize(data)
}

#[derive(Deserialize)]
struct Numbered {
    id: i64,
}

#[derive(Deserialize)]
struct WebhookMessage {
    account: Numbered,
    inbox: Numbered,
    conversation: Numbered,
    id: i64,
    message_type: MessageKind,
    #[serde(default)]
    private: bool,
    content: Option<String>,
    source_id: Option<String>,
    sender: Option<Sender>,
}

impl From<WebhookMessage> for MessageEvent {
    fn from(body: WebhookMessage) -> Self {
        Self {
            account_id: body.account.id,
            inbox_id: body.inbox.id,
            conversation_id: body.conversation.id,
            id: body.id,
            kind: body.message_type,
            is_private: body.private,
            content: body.content.unwrap_or_default(),
            source_id: body.source_id,
            sender: body.sender,
        }
    }
}

#[derive(Deserialize)]
struct CableMessage {
    account_id: i64,
    inbox_id: i64,
    conversation_id: i64,
    id: i64,
    message_type: MessageKind,
    #[serde(default)]
    private: bool,
    content: Option<String>,
    source_id: Option<String>,
    sender: Option<Sender>,
}

impl From<CableMessage> for MessageEvent {
    fn from(body: CableMessage) -> Self {
        Self {
            account_id: body.account_id,
            inbox_id: body.inbox_id,
            conversation_id: body.conversation_id,
            id: body.id,
            kind: body.message_type,
            is_private: body.private,
            content: body.content.unwrap_or_default(),
            source_id: body.source_id,
            sender: body.sender,
        }
    }
}

#[derive(Deserialize)]
struct ConversationBody {
    account_id: Option<i64>,
    id: i64,
    inbox_id: i64,
    status: ConversationStatus,
    #[serde(default)]
    labels: Vec<String>,
    #[serde(default)]
    custom_attributes: serde_json::Map<String, Value>,
    #[serde(default)]
    meta: ConversationMeta,
    updated_at: Option<f64>,
}

#[derive(Deserialize, Default)]
struct ConversationMeta {
    sender: Option<Numbered>,
    assignee: Option<Numbered>,
    assignee_type: Option<String>,
}

impl From<ConversationBody> for ConversationEvent {
    fn from(body: ConversationBody) -> Self {
        let is_bot = body.meta.assignee_type.as_deref() == Some("AgentBot");
        Self {
            account_id: body.account_id,
            id: body.id,
            inbox_id: body.inbox_id,
            status: body.status,
            assignee_id: body.meta.assignee.filter(|_| !is_bot).map(|agent| agent.id),
            labels: body.labels,
            custom_attributes: body.custom_attributes,
            contact_id: body.meta.sender.map(|contact| contact.id),
            updated_at: body.updated_at.and_then(super::conversations::instant),
        }
    }
}

#[derive(Deserialize)]
struct ContactBody {
    account: Option<Numbered>,
    account_id: Option<i64>,
    id: i64,
    phone_number: Option<String>,
    name: Option<String>,
    #[serde(default)]
    blocked: bool,
    identifier: Option<String>,
}

impl From<ContactBody> for ContactEvent {
    fn from(body: ContactBody) -> Self {
        Self {
            account_id: body.account.map(|account| account.id).or(body.account_id),
            id: body.id,
            phone: body.phone_number,
            name: body.name.unwrap_or_default(),
            is_blocked: body.blocked,
            identifier: body.identifier,
        }
    }
}

impl MessageEvent {
    /// The agent who wrote it in person: what sign-in and the callback note rest on. Nobody for contacts, bots and
    /// automations.
    #[must_use]
    pub fn written_by_agent(&self) -> Option<i64> {
        self.sender.as_ref().filter(|sender| sender.kind == SenderKind::Agent).map(|sender| sender.id)
    }
}

#[cfg(test)]
#[path = "payload_tests.rs"]
mod tests;
