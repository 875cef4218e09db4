//! What `connect` puts into an account once: bot, webhook, dashboard app, labels, attribute definitions, macros.
//!
//! None of the creating requests is idempotent: list first, and match by address, title, key or name.
//! Source: contracts/chatwoot.md section 2.

use reqwest::Method;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use url::Url;

use super::error::ChatwootError;
use super::rest::{ChatwootClient, Payload};

/// What our webhook is told of; the rest we poll. Source: contract 6.3.
pub const SUBSCRIPTIONS: [&str; 7] = [
    "conversation_created",
    "conversation_status_changed",
    "conversation_updated",
    "message_created",
    "message_updated",
    "contact_created",
    "contact_updated",
];

/// A label.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Label {
    /// Its id.
    pub id: i64,
    /// Lower-case, unique in the account.
    pub title: String,
}

/// A bot. Any agent can read its token, so we speak as it with our own and keep no token of it (contract 1.2, 5.2).
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct AgentBot {
    /// Its id.
    pub id: i64,
    /// Its name; not unique.
    #[serde(default)]
    pub name: String,
    /// Whether it belongs to the whole installation: not ours to use.
    #[serde(default, rename = "system_bot")]
    pub is_system: bool,
}

/// A webhook of the account.
#[derive(Debug, Clone, Deserialize)]
pub struct Webhook {
    /// Its id.
    pub id: i64,
    /// Where it posts; unique in the account.
    pub url: String,
    /// What it is told of.
    #[serde(default)]
    pub subscriptions: Vec<String>,
    /// Signs its deliveries; Chatwoot makes it and never changes it.
    #[serde(default)]
    pub secret: Option<SecretString>,
}

/// What an attribute belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AttributeOwner {
    /// Shown beside a conversation.
    ConversationAttribute,
    /// Shown with a contact.
    ContactAttribute,
    /// Shown with a company; not ours.
    CompanyAttribute,
}

/// A definition, without which an attribute is stored but not shown.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct AttributeDefinition {
    /// Its id.
    pub id: i64,
    /// Unique in the account and owner.
    #[serde(rename = "attribute_key")]
    pub key: String,
    /// What it belongs to.
    #[serde(rename = "attribute_model")]
    pub owner: AttributeOwner,
    /// What a list may hold.
    #[serde(default, rename = "attribute_values")]
    pub values: Vec<String>,
}

/// A definition to create.
#[derive(Debug, Clone)]
pub struct NewAttributeDefinition {
    /// As agents see it.
    pub name: String,
    /// Letters, digits, `_`, `.`, `-`; not one of the reserved names (contract 11.5).
    pub key: String,
    /// What it belongs to.
    pub owner: AttributeOwner,
    /// `text`, `number`, `link`, `date`, `list` or `checkbox`.
    pub display_type: &'static str,
    /// What a list may hold; Chatwoot does not check it.
    pub values: Vec<String>,
}

/// A tab beside the messages of a conversation.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct DashboardApp {
    /// Its id.
    pub id: i64,
    /// The tab's words.
    #[serde(default)]
    pub title: String,
    /// Its frames; we use one.
    #[serde(default)]
    pub content: Vec<Frame>,
}

/// A page in a tab.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Frame {
    /// Its address, the same for everybody.
    #[serde(default)]
    pub url: String,
}

/// A macro: the one thing in a conversation's sidebar an agent can click (contract 2.9).
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Macro {
    /// Its id.
    pub id: i64,
    /// Its name; not unique.
    #[serde(default)]
    pub name: String,
    /// `global` for everyone's.
    #[serde(default)]
    pub visibility: Option<String>,
}

impl ChatwootClient {
    /// Chatwoot's version, such as `4.13.0`; needs no token.
    ///
    /// # Errors
    /// [`ChatwootError`].
    pub async fn version(&self) -> Result<String, ChatwootError> {
        #[derive(Deserialize)]
        struct Root {
            version: String,
        }
        let root: Root = self.ask_outside("ask for the version", Method::GET, "api").answer().await?;
        Ok(root.version)
    }

    /// All labels of the account.
    ///
    /// # Errors
    /// [`ChatwootError`].
    pub async fn list_labels(&self) -> Result<Vec<Label>, ChatwootError> {
        let found: Payload<Vec<Label>> = self.ask("list labels", Method::GET, "labels").answer().await?;
        Ok(found.payload)
    }

    /// Creates a label. `title` has at least two letters, digits, `_` or `-`, and no colon (contract 11.4).
    ///
    /// # Errors
    /// [`ChatwootError`]; [objects to](ChatwootError::objects_to) `title` when it exists or is not allowed.
    pub async fn create_label(&self, title: &str, description: &str) -> Result<(), ChatwootError> {
        self.ask("create a label", Method::POST, "labels")
            .json(json!({"label": {"title": title, "description": description, "show_on_sidebar": true}}))
            .done()
            .await
    }

    /// All bots we may use, those of the installation included.
    ///
    /// # Errors
    /// [`ChatwootError`].
    pub async fn list_agent_bots(&self) -> Result<Vec<AgentBot>, ChatwootError> {
        self.ask("list agent bots", Method::GET, "agent_bots").answer().await
    }

    /// Creates a bot that receives nothing and is attached to no inbox: a name and a face (contract 2.4).
    ///
    /// # Errors
    /// [`ChatwootError`].
    pub async fn create_agent_bot(&self, name: &str, description: &str) -> Result<AgentBot, ChatwootError> {
        self.ask("create an agent bot", Method::POST, "agent_bots")
            .json(json!({"name": name, "description": description, "outgoing_url": "", "bot_type": "webhook",
                "bot_config": {}}))
            .answer()
            .await
    }

    /// All webhooks of the account, with their secrets.
    ///
    /// # Errors
    /// [`ChatwootError`].
    pub async fn list_webhooks(&self) -> Result<Vec<Webhook>, ChatwootError> {
        #[derive(Deserialize)]
        struct Webhooks {
            webhooks: Vec<Webhook>,
        }
        let found: Payload<Webhooks> = self.ask("list webhooks", Method::GET, "webhooks").answer().await?;
        Ok(found.payload.webhooks)
    }

    /// Registers our webhook for [`SUBSCRIPTIONS`]; the answer has its secret.
    ///
    /// # Errors
    /// [`ChatwootError`]; [objects to](ChatwootError::objects_to) `url` when one with this address exists: adopt it.
    pub async fn create_webhook(&self, name: &str, url: &Url) -> Result<Webhook, ChatwootError> {
        #[derive(Deserialize)]
        struct Created {
            webhook: Webhook,
        }
        let created: Payload<Created> = self
            .ask("register a webhook", Method::POST, "webhooks")
            .json(json!({"webhook": {"name": name, "url": url.as_str(), "subscriptions": SUBSCRIPTIONS}}))
            .answer()
            .await?;
        Ok(created.payload.webhook)
    }

    /// Makes an adopted webhook hear of [`SUBSCRIPTIONS`] again.
    ///
    /// # Errors
    /// [`ChatwootError`].
    pub async fn subscribe_webhook(&self, webhook: &Webhook) -> Result<(), ChatwootError> {
        self.ask("set up a webhook", Method::PATCH, &format!("webhooks/{}", webhook.id))
            .json(json!({"webhook": {"url": webhook.url, "subscriptions": SUBSCRIPTIONS}}))
            .done()
            .await
    }

    /// Removes a webhook; done already when it is gone.
    ///
    /// # Errors
    /// [`ChatwootError`].
    pub async fn delete_webhook(&self, webhook: i64) -> Result<(), ChatwootError> {
        self.delete("remove a webhook", &format!("webhooks/{webhook}")).await
    }

    /// Attribute definitions of one owner.
    ///
    /// # Errors
    /// [`ChatwootError`].
    pub async fn list_attribute_definitions(
        &self,
        owner: AttributeOwner,
    ) -> Result<Vec<AttributeDefinition>, ChatwootError> {
        let word = serde_json::to_value(owner).unwrap_or(Value::Null);
        self.ask("list attribute definitions", Method::GET, "custom_attribute_definitions")
            .query("attribute_model", word.as_str().unwrap_or_default())
            .answer()
            .await
    }

    /// Defines an attribute, so that it is shown.
    ///
    /// # Errors
    /// [`ChatwootError`]; [objects to](ChatwootError::objects_to) `attribute_key` when it is defined.
    pub async fn create_attribute_definition(&self, new: &NewAttributeDefinition) -> Result<(), ChatwootError> {
        let definition = json!({"attribute_display_name": new.name, "attribute_key": new.key,
            "attribute_model": new.owner, "attribute_display_type": new.display_type,
            "attribute_values": new.values, "attribute_description": "Set by Offhook"});
        self.ask("define an attribute", Method::POST, "custom_attribute_definitions")
            .json(json!({"custom_attribute_definition": definition}))
            .done()
            .await
    }

    /// All dashboard apps. Any agent can change them: nothing in them is proof of anything (contract 2.2).
    ///
    /// # Errors
    /// [`ChatwootError`].
    pub async fn list_dashboard_apps(&self) -> Result<Vec<DashboardApp>, ChatwootError> {
        self.ask("list dashboard apps", Method::GET, "dashboard_apps").answer().await
    }

    /// Adds the tab.
    ///
    /// # Errors
    /// [`ChatwootError`].
    pub async fn create_dashboard_app(&self, title: &str, url: &Url) -> Result<DashboardApp, ChatwootError> {
        self.ask("add a dashboard app", Method::POST, "dashboard_apps")
            .json(json!({"dashboard_app": {"title": title, "content": [{"type": "frame", "url": url.as_str()}]}}))
            .answer()
            .await
    }

    /// Removes a tab; done already when it is gone.
    ///
    /// # Errors
    /// [`ChatwootError`].
    pub async fn delete_dashboard_app(&self, app: i64) -> Result<(), ChatwootError> {
        self.delete("remove a dashboard app", &format!("dashboard_apps/{app}")).await
    }

    /// All macros we may see.
    ///
    /// # Errors
    /// [`ChatwootError`].
    pub async fn list_macros(&self) -> Result<Vec<Macro>, ChatwootError> {
        let found: Payload<Vec<Macro>> = self.ask("list macros", Method::GET, "macros").answer().await?;
        Ok(found.payload)
    }

    /// Adds a macro for everyone that posts `note` as the agent who clicks: the signed webhook of that note names them.
    ///
    /// # Errors
    /// [`ChatwootError`].
    pub async fn create_note_macro(&self, name: &str, note: &'static str) -> Result<Macro, ChatwootError> {
        let created: Payload<Macro> = self
            .ask("add a macro", Method::POST, "macros")
            .json(json!({"name": name, "visibility": "global",
                "actions": [{"action_name": "add_private_note", "action_params": [note]}]}))
            .answer()
            .await?;
        Ok(created.payload)
    }

    async fn delete(&self, attempt: &'static str, path: &str) -> Result<(), ChatwootError> {
        match self.ask(attempt, Method::DELETE, path).done().await {
            Err(ChatwootError::NotFound { .. }) => Ok(()),
            other => other,
        }
    }
}

#[cfg(test)]
#[path = "registration_tests.rs"]
mod tests;
