//! Who is who: which of our agents a Chatwoot user is, and which brand an inbox belongs to.
//!
//! The routing file may name both by Chatwoot's numbers, or by e-mail address and by name; then Chatwoot's lists are
//! needed. They are kept, and read again when somebody is asked about who is not in them, at most once a minute.

use chrono::{DateTime, TimeDelta, Utc};
use tokio::sync::Mutex;

use crate::chatwoot::{Agent as ChatwootAgent, ChatwootClient, ChatwootError, Inbox};
use crate::rules::{Agent, Brand, Rules};

/// A list is read again no sooner, so that a stranger in many events does not flood Chatwoot.
const READ_AGAIN_AFTER: TimeDelta = TimeDelta::seconds(60);

/// Chatwoot's lists of users and inboxes.
pub struct Directory {
    chatwoot: ChatwootClient,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    users: Vec<(i64, Option<String>)>,
    users_read_at: Option<DateTime<Utc>>,
    inboxes: Vec<Inbox>,
    inboxes_read_at: Option<DateTime<Utc>>,
}

impl Directory {
    /// An empty one; the lists are read when they are first needed.
    #[must_use]
    pub fn new(chatwoot: ChatwootClient) -> Self {
        Self { chatwoot, known: Mutex::default() }
    }

    /// The list of users was read, for another reason.
    pub async fn keep_users(&self, users: &[ChatwootAgent]) {
        self.known.lock().await.users = emails(users);
    }

    /// The agent whom Chatwoot knows by this number, by what is known already.
    pub async fn known_agent<'r>(&self, rules: &'r Rules, user: i64) -> Option<&'r Agent> {
        by_number(rules, user).or(by_email(rules, &self.known.lock().await.users, user))
    }

    /// The agent whom Chatwoot knows by this number; none if it is nobody of ours.
    ///
    /// # Errors
    /// When a list has to be read and Chatwoot does not answer: then nothing is known.
    pub async fn find_agent<'r>(
        &self,
        rules: &'r Rules,
        user: i64,
        now: DateTime<Utc>,
    ) -> Result<Option<&'r Agent>, ChatwootError> {
        if let Some(agent) = by_number(rules, user) {
            return Ok(Some(agent));
        }
        let mut known = self.known.lock().await;
        if !known.users.iter().any(|(id, _)| *id == user) && is_old(known.users_read_at, now) {
            known.users = emails(&self.chatwoot.list_agents().await?);
            known.users_read_at = Some(now);
        }
        Ok(by_email(rules, &known.users, user))
    }

    /// The brand whose inbox this is; none if it is no brand's.
    ///
    /// # Errors
    /// As [`Self::find_agent`].
    pub async fn find_brand<'r>(
        &self,
        rules: &'r Rules,
        inbox: i64,
        now: DateTime<Utc>,
    ) -> Result<Option<&'r Brand>, ChatwootError> {
        if let Some(brand) = rules.brands.iter().find(|brand| brand.inbox_id == Some(inbox)) {
            return Ok(Some(brand));
        }
        let mut known = self.known.lock().await;
        if !known.inboxes.iter().any(|one| one.id == inbox) && is_old(known.inboxes_read_at, now) {
            known.read_inboxes(&self.chatwoot, now).await?;
        }
        let Some(named) = known.inboxes.iter().find(|one| one.id == inbox && one.is_api()) else { return Ok(None) };
        Ok(rules.brands.iter().find(|brand| brand.inbox_id.is_none() && brand.inbox == named.name))
    }

    /// The number of a brand's inbox; none if Chatwoot has none of that name. The list is read anew.
    ///
    /// # Errors
    /// As [`Self::find_agent`].
    pub async fn find_inbox(&self, brand: &Brand, now: DateTime<Utc>) -> Result<Option<i64>, ChatwootError> {
        if brand.inbox_id.is_some() {
            return Ok(brand.inbox_id);
        }
        let mut known = self.known.lock().await;
        let find =
            |known: &Known| known.inboxes.iter().find(|one| one.name == brand.inbox && one.is_api()).map(|one| one.id);
        if find(&known).is_none() && is_old(known.inboxes_read_at, now) {
            known.read_inboxes(&self.chatwoot, now).await?;
        }
        Ok(find(&known))
    }
}

impl Known {
    async fn read_inboxes(&mut self, chatwoot: &ChatwootClient, now: DateTime<Utc>) -> Result<(), ChatwootError> {
        self.inboxes = chatwoot.list_inboxes().await?;
        self.inboxes_read_at = Some(now);
        Ok(())
    }
}

fn is_old(read_at: Option<DateTime<Utc>>, now: DateTime<Utc>) -> bool {
    read_at.is_none_or(|read_at| now - read_at >= READ_AGAIN_AFTER)
}

fn emails(users: &[ChatwootAgent]) -> Vec<(i64, Option<String>)> {
    users.iter().map(|user| (user.id, user.email.clone())).collect()
}

fn by_number(rules: &Rules, user: i64) -> Option<&Agent> {
    rules.agents.iter().find(|agent| agent.chatwoot_user_id == Some(user))
}

fn by_email<'r>(rules: &'r Rules, users: &[(i64, Option<String>)], user: i64) -> Option<&'r Agent> {
    let email = users.iter().find(|(id, _)| *id == user)?.1.as_deref()?;
    let is_it = |agent: &&Agent| agent.email.as_deref().is_some_and(|known| known.eq_ignore_ascii_case(email));
    rules.agents.iter().find(is_it)
}
