//! Agents and ourselves: who works here, and who the token belongs to. Source: contracts/chatwoot.md 1.4, 7.

use reqwest::Method;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::error::ChatwootError;
use super::rest::ChatwootClient;

/// What an agent's status says. Over REST, offline also means "the browser is closed" (contract 7.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Availability {
    /// Takes calls.
    Online,
    /// At work, takes none.
    Busy,
    /// Away.
    Offline,
}

/// An agent of the account.
#[derive(Clone, PartialEq, Eq, Deserialize)]
pub struct Agent {
    /// Chatwoot's id of the user, the same in all accounts.
    pub id: i64,
    /// Account the entry is about.
    #[serde(default)]
    pub account_id: Option<i64>,
    /// As agents see them.
    #[serde(default)]
    pub name: String,
    /// For finding a person, never as proof of one.
    #[serde(default)]
    pub email: Option<String>,
    /// `administrator` or `agent`; a custom role keeps `agent`.
    #[serde(default)]
    pub role: Option<String>,
    /// Whether the invitation was accepted; skip those who have not.
    #[serde(default, rename = "confirmed")]
    pub is_confirmed: bool,
    /// Whether they count as offline once their browser is silent for 20 s.
    #[serde(default)]
    pub auto_offline: Option<bool>,
    /// Their status as Chatwoot computes it.
    pub availability_status: Availability,
}

impl std::fmt::Debug for Agent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Agent")
            .field("id", &self.id)
            .field("role", &self.role)
            .field("availability_status", &self.availability_status)
            .finish_non_exhaustive()
    }
}

impl Agent {
    /// Whether they administer the account.
    #[must_use]
    pub fn is_administrator(&self) -> bool {
        self.role.as_deref() == Some("administrator")
    }
}

/// The user a token belongs to.
#[derive(Debug, Clone, Deserialize)]
pub struct Profile {
    /// Chatwoot's id of the user.
    pub id: i64,
    /// Their name.
    #[serde(default)]
    pub name: String,
    /// Opens the websocket as this user; renewed when the password changes (contract 7.4).
    pub pubsub_token: SecretString,
    /// The accounts they belong to; the top-level role is of the one opened last, so it is not read.
    #[serde(default)]
    pub accounts: Vec<Membership>,
}

/// A user's place in one account.
#[derive(Debug, Clone, Deserialize)]
pub struct Membership {
    /// The account.
    pub id: i64,
    /// `administrator` or `agent`.
    #[serde(default)]
    pub role: Option<String>,
    /// What the user chose, whatever their browser does.
    #[serde(default)]
    pub availability: Option<Availability>,
    /// Whether they count as offline once their browser is silent.
    #[serde(default)]
    pub auto_offline: Option<bool>,
}

/// What our token is still good for: what to find out after a 401. Source: contract 1.6, 11.11.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Administrator of our account: the 401 was about something else.
    Administrator,
    /// Still a member, no longer an administrator: most requests will be refused.
    Demoted,
    /// No longer a member of our account.
    Removed,
    /// The token itself is not known any more.
    TokenGone,
}

impl Profile {
    /// The user's place in an account, if they have one.
    #[must_use]
    pub fn membership(&self, account_id: i64) -> Option<&Membership> {
        self.accounts.iter().find(|membership| membership.id == account_id)
    }

    /// Whether the user administers the account. Source: contract 1.2.
    #[must_use]
    pub fn is_administrator_of(&self, account_id: i64) -> bool {
        self.membership(account_id).is_some_and(|m| m.role.as_deref() == Some("administrator"))
    }
}

impl ChatwootClient {
    /// The user our token belongs to; what tells a withdrawn token from a missing permission after a 401.
    ///
    /// # Errors
    /// [`ChatwootError`]; unauthorised means that the token itself is no longer good.
    pub async fn profile(&self) -> Result<Profile, ChatwootError> {
        self.ask_outside("read our own profile", Method::GET, "api/v1/profile").answer().await
    }

    /// What our token is still good for. Anything but [`Standing::Administrator`] is for the operator to mend: stop
    /// asking, and say so.
    ///
    /// # Errors
    /// [`ChatwootError`] when Chatwoot could not be asked.
    pub async fn find_standing(&self) -> Result<Standing, ChatwootError> {
        let profile = match self.profile().await {
            Ok(profile) => profile,
            Err(ChatwootError::Unauthorised { .. }) => return Ok(Standing::TokenGone),
            Err(error) => return Err(error),
        };
        if profile.is_administrator_of(self.account_id()) {
            return Ok(Standing::Administrator);
        }
        let is_member = profile.membership(self.account_id()).is_some();
        Ok(if is_member { Standing::Demoted } else { Standing::Removed })
    }

    /// Sets our own user offline. The websocket marks it present, and it would be assigned conversations otherwise.
    /// Once is enough: the choice is kept. Source: contract 7.4, 7.6.
    ///
    /// # Errors
    /// [`ChatwootError`].
    pub async fn set_own_availability_offline(&self) -> Result<(), ChatwootError> {
        self.ask_outside("set ourselves offline", Method::POST, "api/v1/profile/availability")
            .json(json!({"profile": {"account_id": self.account_id(), "availability": "offline"}}))
            .done()
            .await
    }

    /// All agents of the account, administrators and our own user included; not paginated.
    ///
    /// # Errors
    /// [`ChatwootError`].
    pub async fn list_agents(&self) -> Result<Vec<Agent>, ChatwootError> {
        let attempt = "list agents";
        let agents: Vec<Agent> = self.ask(attempt, Method::GET, "agents").answer().await?;
        agents.iter().try_for_each(|agent| self.expect_own(attempt, agent.account_id))?;
        Ok(agents)
    }
}
