//! Messages and private notes. Source: contracts/chatwoot.md section 5.

use std::ops::ControlFlow;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use reqwest::Method;
use reqwest::multipart::{Form, Part};
use serde::Deserialize;
use serde_json::{Value, json};

use super::error::ChatwootError;
use super::escape::ChatwootText;
use super::rest::{Body, ChatwootClient, Payload};

/// Pages of 20 looked through for a message of ours: three minutes at the most messages Chatwoot takes (contract 1.7).
const LOOK_BACK_PAGES: usize = 30;
/// Messages on one page of older ones. Source: contract 5.7.
const PAGE: usize = 20;

/// What sort of message it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(try_from = "KindWord")]
pub enum MessageKind {
    /// From the contact.
    Incoming,
    /// From an agent, a bot or us; private notes too.
    Outgoing,
    /// Chatwoot's own line: "Assigned to Sam".
    Activity,
    /// Chatwoot's own greeting or survey.
    Template,
}

/// A number over REST and the websocket, a word in webhooks.
#[derive(Deserialize)]
#[serde(untagged)]
enum KindWord {
    Number(u8),
    Word(String),
}

impl TryFrom<KindWord> for MessageKind {
    type Error = &'static str;

    fn try_from(word: KindWord) -> Result<Self, Self::Error> {
        match word {
            KindWord::Number(0) => Ok(Self::Incoming),
            KindWord::Number(1) => Ok(Self::Outgoing),
            KindWord::Number(2) => Ok(Self::Activity),
            KindWord::Number(3) => Ok(Self::Template),
            KindWord::Word(word) => match word.as_str() {
                "incoming" => Ok(Self::Incoming),
                "outgoing" => Ok(Self::Outgoing),
                "activity" => Ok(Self::Activity),
                "template" => Ok(Self::Template),
                _ => Err("expected incoming, outgoing, activity or template"),
            },
            KindWord::Number(_) => Err("expected a message type from 0 to 3"),
        }
    }
}

/// What a sender is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SenderKind {
    /// A person who works here.
    Agent,
    /// A bot, ours included.
    Bot,
    /// A customer.
    Contact,
}

/// Who posted a message, by Chatwoot's word.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(from = "SenderBody")]
pub struct Sender {
    /// What they are; ids of different kinds may be equal.
    pub kind: SenderKind,
    /// Id among their kind.
    pub id: i64,
    /// Their name; empty when they have none.
    pub name: String,
}

impl std::fmt::Debug for Sender {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?} {}", self.kind, self.id)
    }
}

#[derive(Deserialize)]
struct SenderBody {
    id: i64,
    name: Option<String>,
    #[serde(rename = "type")]
    kind: Option<String>,
}

impl From<SenderBody> for Sender {
    fn from(body: SenderBody) -> Self {
        let kind = match body.kind.as_deref() {
            Some("user") => SenderKind::Agent,
            Some("agent_bot") => SenderKind::Bot,
            // Webhooks leave the type out for contacts (contract 6.3). Anything unknown gets no more rights than they.
            _ => SenderKind::Contact,
        };
        Self { kind, id: body.id, name: body.name.unwrap_or_default() }
    }
}

/// A message, as Chatwoot keeps it.
#[derive(Clone, PartialEq, Eq, Deserialize)]
pub struct Message {
    /// Its id; later messages have greater ones.
    pub id: i64,
    /// The conversation, by the number people see.
    pub conversation_id: i64,
    /// Its kind.
    #[serde(rename = "message_type")]
    pub kind: MessageKind,
    /// Whether only colleagues see it.
    #[serde(default, rename = "private")]
    pub is_private: bool,
    /// Its Markdown, if any.
    #[serde(default)]
    pub content: Option<String>,
    /// What its creator called it.
    #[serde(default)]
    pub source_id: Option<String>,
    /// Who posted it; nobody for Chatwoot's own lines.
    #[serde(default)]
    pub sender: Option<Sender>,
    /// `sent`, `delivered`, `read` or `failed`.
    #[serde(default)]
    pub status: Option<String>,
    /// Seconds since 1970.
    #[serde(default)]
    pub created_at: i64,
    /// What is known of it besides.
    #[serde(default)]
    pub content_attributes: Option<ContentAttributes>,
}

/// Of the attributes of a message, what we look at.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct ContentAttributes {
    /// See [`Message::is_deleted`].
    #[serde(default)]
    pub deleted: bool,
}

impl Message {
    /// Whether somebody deleted it: the row stays, its words and files are gone. Contract 5.7.
    #[must_use]
    pub fn is_deleted(&self) -> bool {
        self.content_attributes.as_ref().is_some_and(|attributes| attributes.deleted)
    }
}

impl std::fmt::Debug for Message {
    // Without the words: they are a customer's or an agent's.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Message")
            .field("id", &self.id)
            .field("conversation_id", &self.conversation_id)
            .field("kind", &self.kind)
            .field("source_id", &self.source_id)
            .finish_non_exhaustive()
    }
}

/// A file to post with a message: below 40 MB, or Chatwoot's own uploader and most proxies refuse it (contract 5.4).
#[derive(Clone)]
pub struct Attachment {
    /// With its extension: `voicemail.mp3`.
    pub file_name: String,
    /// `audio/mpeg` for MP3, `audio/wav` for WAV: the type decides whether Chatwoot shows a player.
    pub content_type: String,
    /// The file.
    pub bytes: Bytes,
}

/// A message to post.
#[derive(Clone)]
pub struct NewMessage {
    /// What it says; may be empty beside an attachment.
    pub content: ChatwootText,
    /// Whether only colleagues see it.
    pub is_private: bool,
    /// Whether it comes from the contact: only in API inboxes, and never read as a template.
    pub is_incoming: bool,
    /// Bot whose name and face it carries; only for outgoing messages and notes.
    pub bot: Option<i64>,
    /// Our name for it, to find it by before posting again: `offhook:<call>:<what>`.
    pub source_id: String,
    /// A file to go with it.
    pub attachment: Option<Attachment>,
}

impl NewMessage {
    /// A private note.
    #[must_use]
    pub fn note(content: ChatwootText, source_id: &str) -> Self {
        let source_id = source_id.to_owned();
        Self { content, is_private: true, is_incoming: false, bot: None, source_id, attachment: None }
    }

    /// A message from the contact: opens the conversation again and notifies.
    #[must_use]
    pub fn incoming(content: ChatwootText, source_id: &str) -> Self {
        let source_id = source_id.to_owned();
        Self { content, is_private: false, is_incoming: true, bot: None, source_id, attachment: None }
    }

    /// Under the bot's name and face.
    #[must_use]
    pub fn as_bot(self, bot: i64) -> Self {
        Self { bot: Some(bot), ..self }
    }

    /// With a file.
    #[must_use]
    pub fn with(self, attachment: Attachment) -> Self {
        Self { attachment: Some(attachment), ..self }
    }

    fn kind(&self) -> &'static str {
        if self.is_incoming { "incoming" } else { "outgoing" }
    }

    /// The bot, where Chatwoot heeds it.
    fn speaker(&self) -> Option<i64> {
        self.bot.filter(|_| !self.is_incoming)
    }
}

impl ChatwootClient {
    /// Posts a message. Not idempotent: after an error that [may have happened](ChatwootError::may_have_happened), look
    /// with [`find_message_by_source_id`](Self::find_message_by_source_id) first.
    ///
    /// # Errors
    /// [`ChatwootError`]. Every fault in the message is a refusal with 422, and so are too many messages within a minute
    /// (contract 1.7): a refused message deserves a second attempt a minute later before it is given up.
    pub async fn create_message(&self, conversation: i64, message: NewMessage) -> Result<Message, ChatwootError> {
        let attempt = if message.attachment.is_some() { "post a file" } else { "post a message" };
        let body = body_of(attempt, message)?;
        self.ask(attempt, Method::POST, &format!("conversations/{conversation}/messages")).body(body).answer().await
    }

    /// Finds a message of ours by its source id, looking back through the last 600 messages.
    ///
    /// # Errors
    /// [`ChatwootError`]; not found when the conversation is gone.
    pub async fn find_message_by_source_id(
        &self,
        conversation: i64,
        source_id: &str,
    ) -> Result<Option<Message>, ChatwootError> {
        let mut found = None;
        self.look_back(conversation, |page| {
            found = page.into_iter().find(|message| message.source_id.as_deref() == Some(source_id));
            if found.is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })
        .await?;
        Ok(found)
    }

    /// Messages of ours by their source id, oldest first, looking back to `since` and through the last 600 at most: more
    /// than one if Chatwoot took late what was then posted again.
    ///
    /// # Errors
    /// [`ChatwootError`]; not found when the conversation is gone.
    pub async fn list_messages_by_source_id(
        &self,
        conversation: i64,
        source_id: &str,
        since: DateTime<Utc>,
    ) -> Result<Vec<Message>, ChatwootError> {
        let mut found = Vec::new();
        self.look_back(conversation, |page| {
            let reaches_back = page.iter().any(|message| message.created_at < since.timestamp());
            found.extend(page.into_iter().filter(|message| message.source_id.as_deref() == Some(source_id)));
            if reaches_back { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })
        .await?;
        found.sort_by_key(|message| message.id);
        Ok(found)
    }

    /// Shows the pages of a conversation to `look`, the newest first, until that has seen enough or there are no more.
    async fn look_back(
        &self,
        conversation: i64,
        mut look: impl FnMut(Vec<Message>) -> ControlFlow<()>,
    ) -> Result<(), ChatwootError> {
        let mut before: Option<i64> = None;
        for _ in 0..LOOK_BACK_PAGES {
            let mut ask =
                self.ask("look for a message", Method::GET, &format!("conversations/{conversation}/messages"));
            if let Some(before) = before {
                ask = ask.query("before", &before.to_string());
            }
            let page: Payload<Vec<Message>> = ask.answer().await?;
            let oldest = page.payload.iter().map(|message| message.id).min();
            let is_last = page.payload.len() < PAGE;
            // Without progress the same page would come again.
            let is_stuck = oldest.is_none() || before.is_some_and(|b| oldest.is_some_and(|o| o >= b));
            if look(page.payload).is_break() || is_last || is_stuck {
                break;
            }
            before = oldest;
        }
        Ok(())
    }

    /// Messages after this id, oldest first, at most 100: ask again from the last one for more.
    ///
    /// # Errors
    /// [`ChatwootError`].
    pub async fn list_messages_after(&self, conversation: i64, after: i64) -> Result<Vec<Message>, ChatwootError> {
        let page: Payload<Vec<Message>> = self
            .ask("list messages", Method::GET, &format!("conversations/{conversation}/messages"))
            .query("after", &after.to_string())
            .answer()
            .await?;
        let mut messages = page.payload;
        messages.sort_by_key(|message| message.id);
        Ok(messages)
    }

    /// Empties a message and destroys its attachments; done already when it is gone.
    ///
    /// # Errors
    /// [`ChatwootError`].
    pub async fn delete_message(&self, conversation: i64, message: i64) -> Result<(), ChatwootError> {
        let path = format!("conversations/{conversation}/messages/{message}");
        match self.ask("delete a message", Method::DELETE, &path).done().await {
            Err(ChatwootError::NotFound { .. }) => Ok(()),
            other => other,
        }
    }

    /// Shows an agent's public message as failed, with the reason: it reached nobody (contract 13, point 14).
    ///
    /// # Errors
    /// [`ChatwootError`]; refused outside API inboxes.
    pub async fn mark_message_failed(
        &self,
        conversation: i64,
        message: i64,
        reason: &'static str,
    ) -> Result<(), ChatwootError> {
        let path = format!("conversations/{conversation}/messages/{message}");
        self.ask("mark a message as failed", Method::PATCH, &path)
            .json(json!({"status": "failed", "external_error": reason}))
            .done()
            .await
    }
}

fn body_of(attempt: &'static str, mut message: NewMessage) -> Result<Body, ChatwootError> {
    let Some(file) = message.attachment.take() else {
        let mut body = json!({"content": message.content.as_str(), "message_type": message.kind(),
            "private": message.is_private, "source_id": message.source_id});
        if let (Some(bot), Value::Object(fields)) = (message.speaker(), &mut body) {
            fields.insert("sender_type".to_owned(), json!("AgentBot"));
            fields.insert("sender_id".to_owned(), json!(bot));
        }
        return Ok(Body::Json(body));
    };
    let part = Part::stream(file.bytes)
        .file_name(file.file_name)
        .mime_str(&file.content_type)
        .map_err(|source| ChatwootError::Unsendable { attempt, source })?;
    let mut form = Form::new()
        .text("message_type", message.kind())
        .text("private", message.is_private.to_string())
        .text("source_id", message.source_id.clone())
        .part("attachments[]", part);
    // A file without words shows as a player alone (contract 5.4).
    if !message.content.is_empty() {
        form = form.text("content", message.content.as_str().to_owned());
    }
    if let Some(bot) = message.speaker() {
        form = form.text("sender_type", "AgentBot").text("sender_id", bot.to_string());
    }
    Ok(Body::Parts(form))
}
