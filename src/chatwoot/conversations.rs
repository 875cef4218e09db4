//! Conversations: where a call is written down. Source: contracts/chatwoot.md section 4.
//!
//! Every id here is the number people see, which is per account (contract 11.1).

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use reqwest::Method;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::error::ChatwootError;
use super::rest::{ChatwootClient, Payload};

/// Status of a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ConversationStatus {
    /// Waiting for agents.
    Open,
    /// Put before a bot first; nobody is notified.
    Pending,
    /// Put aside until a time or the next incoming message.
    Snoozed,
    /// Done with.
    Resolved,
}

impl ConversationStatus {
    /// Chatwoot's word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Pending => "pending",
            Self::Snoozed => "snoozed",
            Self::Resolved => "resolved",
        }
    }
}

/// Priority of a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Priority {
    /// Lowest.
    Low,
    /// Above low.
    Medium,
    /// Above medium.
    High,
    /// Highest.
    Urgent,
}

/// A conversation, as far as we read it.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(from = "ConversationBody")]
pub struct Conversation {
    /// The number people see.
    pub id: i64,
    /// Account it belongs to, where the reply says so.
    pub account_id: Option<i64>,
    /// Inbox it belongs to.
    pub inbox_id: i64,
    /// Its status.
    pub status: ConversationStatus,
    /// The agent it is assigned to; nobody when a bot has it.
    pub assignee_id: Option<i64>,
    /// Who it is with.
    pub contact_id: Option<i64>,
    /// Labels it carries.
    pub labels: Vec<String>,
    /// Its custom attributes.
    pub custom_attributes: Map<String, Value>,
    /// Seconds since 1970 of its last message.
    pub last_activity_at: i64,
    /// What orders two readings of it.
    pub updated_at: Option<DateTime<Utc>>,
}

#[derive(Deserialize)]
struct ConversationBody {
    id: i64,
    account_id: Option<i64>,
    inbox_id: i64,
    status: ConversationStatus,
    #[serde(default)]
    meta: Meta,
    #[serde(default)]
    labels: Vec<String>,
    #[serde(default)]
    custom_attributes: Map<String, Value>,
    #[serde(default)]
    last_activity_at: i64,
    updated_at: Option<f64>,
}

#[derive(Deserialize, Default)]
struct Meta {
    sender: Option<Numbered>,
    assignee: Option<Numbered>,
    assignee_type: Option<String>,
}

#[derive(Deserialize)]
struct Numbered {
    id: i64,
}

impl From<ConversationBody> for Conversation {
    fn from(body: ConversationBody) -> Self {
        let is_bot = body.meta.assignee_type.as_deref() == Some("AgentBot");
        Self {
            id: body.id,
            account_id: body.account_id,
            inbox_id: body.inbox_id,
            status: body.status,
            assignee_id: body.meta.assignee.filter(|_| !is_bot).map(|agent| agent.id),
            contact_id: body.meta.sender.map(|contact| contact.id),
            labels: body.labels,
            custom_attributes: body.custom_attributes,
            last_activity_at: body.last_activity_at,
            updated_at: body.updated_at.and_then(instant),
        }
    }
}

/// An instant from Chatwoot's seconds with a fraction; none before 1970.
pub(super) fn instant(seconds: f64) -> Option<DateTime<Utc>> {
    let since = TimeDelta::from_std(Duration::try_from_secs_f64(seconds).ok()?).ok()?;
    DateTime::UNIX_EPOCH.checked_add_signed(since)
}

/// A page of an inbox's open conversations.
#[derive(Debug, Clone, PartialEq)]
pub struct OpenPage {
    /// At most 25, the oldest first.
    pub conversations: Vec<Conversation>,
    /// How many there are on all pages.
    pub all_count: u64,
}

#[derive(Deserialize)]
struct ListedPage {
    meta: Counts,
    payload: Vec<Conversation>,
}

#[derive(Deserialize)]
struct Counts {
    all_count: u64,
}

#[derive(Deserialize)]
struct ListedPages {
    data: ListedPage,
}

#[derive(Deserialize)]
struct Listed {
    data: Payload<Vec<Conversation>>,
}

impl ChatwootClient {
    /// Finds the conversation a new call of this caller joins: open, else pending, else snoozed; of several the one
    /// with the latest activity.
    ///
    /// # Errors
    /// [`ChatwootError`].
    pub async fn find_open_conversation(
        &self,
        inbox: i64,
        source_id: &str,
    ) -> Result<Option<Conversation>, ChatwootError> {
        use ConversationStatus::{Open, Pending, Snoozed};
        for status in [Open, Pending, Snoozed] {
            let attempt = "find a conversation";
            let Listed { data } = self
                .ask(attempt, Method::GET, "conversations")
                .query("inbox_id", &inbox.to_string())
                .query("source_id", source_id)
                .query("status", status.as_str())
                .answer()
                .await?;
            let fits = |c: &Conversation| c.inbox_id == inbox && c.status == status;
            if let Some(newest) = data.payload.into_iter().filter(fits).max_by_key(|c| (c.last_activity_at, c.id)) {
                self.expect_own(attempt, newest.account_id)?;
                return Ok(Some(newest));
            }
        }
        Ok(None)
    }

    /// Finds the conversation that was created or marked for this call, by its `offhook_call_id`, among the contact's
    /// last 20: what to do before creating one again. Source: contract 4.1, 4.2.
    ///
    /// # Errors
    /// [`ChatwootError`]; not found when the contact is gone.
    pub async fn find_conversation_by_call(
        &self,
        contact: i64,
        call_id: &str,
    ) -> Result<Option<Conversation>, ChatwootError> {
        let attempt = "find the conversation of a call";
        let found: Payload<Vec<Conversation>> =
            self.ask(attempt, Method::GET, &format!("contacts/{contact}/conversations")).answer().await?;
        let is_it =
            |c: &Conversation| c.custom_attributes.get("offhook_call_id").and_then(Value::as_str) == Some(call_id);
        let newest = found.payload.into_iter().filter(is_it).max_by_key(|c| c.id);
        self.expect_own(attempt, newest.as_ref().and_then(|c| c.account_id))?;
        Ok(newest)
    }

    /// Every conversation touched within the last `seconds`, whatever its status: what makes up for lost webhooks.
    /// Unpaginated. Source: contract 4.2.
    ///
    /// # Errors
    /// [`ChatwootError`]; too large when `seconds` is too many for a busy account.
    pub async fn list_conversations_updated(&self, seconds: u32) -> Result<Vec<Conversation>, ChatwootError> {
        let Listed { data } = self
            .ask("list conversations that changed", Method::GET, "conversations")
            .query("status", "all")
            .query("updated_within", &seconds.to_string())
            .answer()
            .await?;
        Ok(data.payload)
    }

    /// A page of the open conversations of an inbox, from page 1; empty behind the last. In the order in which they were
    /// created, so that a new message moves none from page to page. Source: contract 4.2, 11.2.
    ///
    /// # Errors
    /// [`ChatwootError`].
    pub async fn list_open_conversations(&self, inbox: i64, page: u32) -> Result<OpenPage, ChatwootError> {
        let attempt = "list open conversations";
        let ListedPages { data } = self
            .ask(attempt, Method::GET, "conversations")
            .query("inbox_id", &inbox.to_string())
            .query("status", ConversationStatus::Open.as_str())
            .query("assignee_type", "all")
            .query("sort_by", "created_at_asc")
            .query("page", &page.to_string())
            .answer()
            .await?;
        for one in &data.payload {
            self.expect_own(attempt, one.account_id)?;
        }
        Ok(OpenPage { conversations: data.payload, all_count: data.meta.all_count })
    }

    /// Loads a conversation.
    ///
    /// # Errors
    /// [`ChatwootError`]; not found when it was deleted.
    pub async fn load_conversation(&self, conversation: i64) -> Result<Conversation, ChatwootError> {
        let attempt = "load a conversation";
        let found: Conversation =
            self.ask(attempt, Method::GET, &format!("conversations/{conversation}")).answer().await?;
        self.expect_own(attempt, found.account_id)?;
        Ok(found)
    }

    /// Creates a conversation with status open. Not idempotent: put `offhook_call_id` among the attributes and look by
    /// it before doing this again. Source: contract 4.1.
    ///
    /// # Errors
    /// [`ChatwootError`]; refused when the source id is another contact's.
    pub async fn create_conversation(
        &self,
        inbox: i64,
        contact: i64,
        source_id: &str,
        custom_attributes: &Map<String, Value>,
    ) -> Result<Conversation, ChatwootError> {
        let attempt = "create a conversation";
        let created: Conversation = self
            .ask(attempt, Method::POST, "conversations")
            .json(json!({"inbox_id": inbox, "contact_id": contact, "source_id": source_id, "status": "open",
                "custom_attributes": custom_attributes, "additional_attributes": {"source": "offhook"}}))
            .answer()
            .await?;
        self.expect_own(attempt, created.account_id)?;
        Ok(created)
    }

    /// Gives the conversation to an agent, and makes sure that it is theirs: an id Chatwoot does not know leaves the
    /// conversation with nobody (contract 4.5). Assigns again without harm.
    ///
    /// # Errors
    /// [`ChatwootError::NotAssigned`] when the answer names another; else as everywhere.
    pub async fn assign(&self, conversation: i64, agent: i64) -> Result<(), ChatwootError> {
        let answer: Option<Numbered> = self
            .ask("assign a conversation", Method::POST, &format!("conversations/{conversation}/assignments"))
            .json(json!({"assignee_id": agent}))
            .answer()
            .await?;
        match answer.map(|assigned| assigned.id) {
            Some(id) if id == agent => Ok(()),
            got => Err(ChatwootError::NotAssigned { wanted: agent, got }),
        }
    }

    /// Hands the conversation to a team; its agent is taken off when not in it, so assign the agent afterwards.
    ///
    /// # Errors
    /// [`ChatwootError::NotAssigned`] when the answer names another team or none; else as everywhere.
    pub async fn assign_team(&self, conversation: i64, team: i64) -> Result<(), ChatwootError> {
        let answer: Option<Numbered> = self
            .ask("hand a conversation to a team", Method::POST, &format!("conversations/{conversation}/assignments"))
            .json(json!({"team_id": team}))
            .answer()
            .await?;
        match answer.map(|assigned| assigned.id) {
            Some(id) if id == team => Ok(()),
            got => Err(ChatwootError::NotAssigned { wanted: team, got }),
        }
    }

    /// Sets the status.
    ///
    /// # Errors
    /// [`ChatwootError`].
    pub async fn toggle_status(&self, conversation: i64, status: ConversationStatus) -> Result<(), ChatwootError> {
        self.ask("set a conversation's status", Method::POST, &format!("conversations/{conversation}/toggle_status"))
            .json(json!({"status": status}))
            .done()
            .await
    }

    /// Sets the priority, or clears it.
    ///
    /// # Errors
    /// [`ChatwootError`].
    pub async fn set_priority(&self, conversation: i64, priority: Option<Priority>) -> Result<(), ChatwootError> {
        self.ask(
            "set a conversation's priority",
            Method::POST,
            &format!("conversations/{conversation}/toggle_priority"),
        )
        .json(json!({"priority": priority}))
        .done()
        .await
    }

    /// The labels a conversation carries.
    ///
    /// # Errors
    /// [`ChatwootError`].
    pub async fn load_labels(&self, conversation: i64) -> Result<Vec<String>, ChatwootError> {
        let found: Payload<Vec<String>> = self
            .ask("read a conversation's labels", Method::GET, &format!("conversations/{conversation}/labels"))
            .answer()
            .await?;
        Ok(found.payload)
    }

    /// Adds labels and leaves the others alone. Chatwoot does it in the background: reading them at once may not show
    /// them. Titles must exist, or no screen shows them. Source: contract 4.6.
    ///
    /// # Errors
    /// [`ChatwootError`].
    pub async fn add_labels(&self, conversation: i64, titles: &[&str]) -> Result<(), ChatwootError> {
        if titles.is_empty() {
            return Ok(());
        }
        self.ask("label a conversation", Method::POST, "bulk_actions")
            .json(json!({"type": "Conversation", "ids": [conversation], "labels": {"add": titles}}))
            .done()
            .await
    }

    /// Sets some custom attributes and keeps the others, by reading, merging and writing: Chatwoot only replaces them
    /// all, so a change made in between by someone else is lost (contract 4.4). Writes nothing when all are set already.
    ///
    /// # Errors
    /// [`ChatwootError`].
    pub async fn merge_custom_attributes(
        &self,
        conversation: i64,
        attributes: &Map<String, Value>,
    ) -> Result<(), ChatwootError> {
        let mut merged = self.load_conversation(conversation).await?.custom_attributes;
        if attributes.iter().all(|(key, value)| merged.get(key) == Some(value)) {
            return Ok(());
        }
        merged.extend(attributes.iter().map(|(key, value)| (key.clone(), value.clone())));
        let path = format!("conversations/{conversation}/custom_attributes");
        self.ask("set a conversation's attributes", Method::POST, &path)
            .json(json!({"custom_attributes": merged}))
            .done()
            .await
    }
}
