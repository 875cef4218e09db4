//! Inboxes: one per brand, and who belongs to it. Source: contracts/chatwoot.md 2.5, 2.6.

use reqwest::Method;
use serde::Deserialize;
use serde_json::json;

use super::agents::Agent;
use super::error::ChatwootError;
use super::rest::{ChatwootClient, Payload};

/// An inbox.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Inbox {
    /// Its id.
    pub id: i64,
    /// Its name; not unique.
    #[serde(default)]
    pub name: String,
    /// `Channel::Api` is the only kind that takes incoming messages from us.
    #[serde(default)]
    pub channel_type: String,
    /// Must be off for a brand: Chatwoot would take a ringing call away (contract 11.8).
    #[serde(default)]
    pub enable_auto_assignment: bool,
    /// Must be off for a brand: an old conversation would be reused unopened (contract 4.1).
    #[serde(default)]
    pub lock_to_single_conversation: bool,
    /// Its number, for inboxes that speak Twilio themselves.
    #[serde(default)]
    pub phone_number: Option<String>,
    /// Whether Chatwoot's own voice feature holds the number: it conflicts with us (contract 11.10).
    #[serde(default, rename = "voice_enabled")]
    pub is_voice_enabled: Option<bool>,
}

impl Inbox {
    /// Whether we can write calls into it as we should.
    #[must_use]
    pub fn is_api(&self) -> bool {
        self.channel_type == "Channel::Api"
    }
}

/// A brand's inbox to create.
#[derive(Debug, Clone)]
pub struct NewInbox {
    /// The brand's name.
    pub name: String,
}

impl ChatwootClient {
    /// All inboxes of the account; not paginated.
    ///
    /// # Errors
    /// [`ChatwootError`].
    pub async fn list_inboxes(&self) -> Result<Vec<Inbox>, ChatwootError> {
        let found: Payload<Vec<Inbox>> = self.ask("list inboxes", Method::GET, "inboxes").answer().await?;
        Ok(found.payload)
    }

    /// Creates a brand's inbox, with everything off that would act on a call by itself. Not idempotent: list and match
    /// by name first.
    ///
    /// # Errors
    /// [`ChatwootError`]; refused with 402 when the plan has no room.
    pub async fn create_inbox(&self, inbox: &NewInbox) -> Result<Inbox, ChatwootError> {
        self.ask("create an inbox", Method::POST, "inboxes")
            .json(json!({"name": inbox.name, "enable_auto_assignment": false, "lock_to_single_conversation": false,
                "allow_messages_after_resolved": true, "greeting_enabled": false, "csat_survey_enabled": false,
                "working_hours_enabled": false,
                "channel": {"type": "api", "webhook_url": "", "hmac_mandatory": false, "additional_attributes": {}}}))
            .answer()
            .await
    }

    /// Switches off what would act on a call by itself, in an inbox that was adopted.
    ///
    /// # Errors
    /// [`ChatwootError`].
    pub async fn quieten_inbox(&self, inbox: i64) -> Result<(), ChatwootError> {
        self.ask("set up an inbox", Method::PATCH, &format!("inboxes/{inbox}"))
            .json(json!({"enable_auto_assignment": false, "lock_to_single_conversation": false,
                "greeting_enabled": false, "csat_survey_enabled": false}))
            .done()
            .await
    }

    /// The members of an inbox. Administrators need not be members to be assigned.
    ///
    /// # Errors
    /// [`ChatwootError`].
    pub async fn list_inbox_members(&self, inbox: i64) -> Result<Vec<Agent>, ChatwootError> {
        let found: Payload<Vec<Agent>> =
            self.ask("list an inbox's members", Method::GET, &format!("inbox_members/{inbox}")).answer().await?;
        Ok(found.payload)
    }

    /// Adds members and keeps the others; those already there stay.
    ///
    /// # Errors
    /// [`ChatwootError`].
    pub async fn add_inbox_members(&self, inbox: i64, agents: &[i64]) -> Result<(), ChatwootError> {
        if agents.is_empty() {
            return Ok(());
        }
        // As integers: texts do not match what Chatwoot subtracts, and fail (contract 2.6).
        self.ask("add members to an inbox", Method::POST, "inbox_members")
            .json(json!({"inbox_id": inbox, "user_ids": agents}))
            .done()
            .await
    }
}
