//! Contacts: whom a caller is in Chatwoot. Source: contracts/chatwoot.md section 3.

use reqwest::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use super::error::ChatwootError;
use super::rest::{ChatwootClient, Payload};

/// Contacts on one page of a list. Source: contract 11.2.
const PAGE: usize = 15;

/// A contact. Its id may end in a merge at any time: keep the source id and the number too (contract 3.5).
#[derive(Clone, PartialEq, Eq, Deserialize)]
pub struct Contact {
    /// Chatwoot's id.
    pub id: i64,
    /// What agents call them; absent or empty for a stranger.
    #[serde(default)]
    pub name: Option<String>,
    /// As Chatwoot keeps it: meant to be E.164, not always so.
    #[serde(default)]
    pub phone_number: Option<String>,
    /// Our own key of contacts without a number.
    #[serde(default)]
    pub identifier: Option<String>,
    /// Whether an agent muted them: do not ring (contract 3.6).
    #[serde(default, rename = "blocked")]
    pub is_blocked: bool,
    /// Seconds since 1970 of the last message either way.
    #[serde(default)]
    pub last_activity_at: Option<i64>,
}

impl std::fmt::Debug for Contact {
    // Names and numbers are not for logs.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Contact").field("id", &self.id).field("is_blocked", &self.is_blocked).finish_non_exhaustive()
    }
}

/// A contact to create.
#[derive(Clone)]
pub struct NewContact {
    /// Inbox it first writes to.
    pub inbox_id: i64,
    /// Our key of it in that inbox: its E.164 number, or what stands for a withheld one. Always the same for the same
    /// caller, since Chatwoot invents a random one otherwise (contract 3.4).
    pub source_id: String,
    /// Clean E.164, or none if withheld: Chatwoot normalises nothing.
    pub phone: Option<String>,
    /// What to call them; posted as plain text, not as Markdown.
    pub name: String,
    /// Unique key of a contact without a number.
    pub identifier: Option<String>,
}

/// Some contacts.
#[derive(Debug, Clone)]
pub struct ContactPage {
    /// As asked.
    pub contacts: Vec<Contact>,
    /// Whether more follow.
    pub has_more: bool,
}

impl ChatwootClient {
    /// Finds the contact that owns this source id in this inbox: the first thing to try for a caller.
    ///
    /// # Errors
    /// [`ChatwootError`]; a contact that does not exist is none.
    pub async fn find_contact_by_source(&self, inbox: i64, source_id: &str) -> Result<Option<Contact>, ChatwootError> {
        self.ask("find a contact by its source id", Method::POST, "contact_inboxes/filter")
            .json(json!({"inbox_id": inbox, "source_id": source_id}))
            .answer_if_found()
            .await
    }

    /// Finds a contact by its exact E.164 number, in no inbox in particular. The oldest, if parallel requests once made
    /// two (contract 3.1).
    ///
    /// # Errors
    /// [`ChatwootError`].
    pub async fn find_contact_by_phone(&self, phone: &str) -> Result<Option<Contact>, ChatwootError> {
        let filter = json!({"payload": [{"attribute_key": "phone_number", "filter_operator": "equal_to",
            "values": [phone], "query_operator": null}]});
        let found: Payload<Vec<Contact>> = self
            .ask("find a contact by its number", Method::POST, "contacts/filter")
            .query("include_contact_inboxes", "false")
            .json(filter)
            .answer()
            .await?;
        // The filter is Chatwoot's; that it held is ours to check.
        let same = |contact: &Contact| contact.phone_number.as_deref() == Some(phone);
        Ok(found.payload.into_iter().filter(same).min_by_key(|contact| contact.id))
    }

    /// Creates a contact, together with its place in the inbox. Not idempotent: find first, and find again when this
    /// [objects to](ChatwootError::objects_to) `phone_number` or `identifier`.
    ///
    /// # Errors
    /// [`ChatwootError`].
    pub async fn create_contact(&self, contact: &NewContact) -> Result<Contact, ChatwootError> {
        #[derive(Deserialize)]
        struct Created {
            contact: Contact,
        }
        let mut body = json!({"inbox_id": contact.inbox_id, "source_id": contact.source_id, "name": contact.name});
        if let Value::Object(fields) = &mut body {
            fields.extend(contact.phone.iter().map(|phone| ("phone_number".to_owned(), json!(phone))));
            fields.extend(contact.identifier.iter().map(|key| ("identifier".to_owned(), json!(key))));
        }
        let created: Payload<Created> =
            self.ask("create a contact", Method::POST, "contacts").json(body).answer().await?;
        Ok(created.payload.contact)
    }

    /// Gives an existing contact its place in an inbox, under our source id; does nothing where it has it.
    ///
    /// # Errors
    /// [`ChatwootError`]; 5xx when the source id is another contact's (contract 3.4).
    pub async fn place_contact_in_inbox(&self, contact: i64, inbox: i64, source_id: &str) -> Result<(), ChatwootError> {
        self.ask("place a contact in an inbox", Method::POST, &format!("contacts/{contact}/contact_inboxes"))
            .json(json!({"inbox_id": inbox, "source_id": source_id}))
            .done()
            .await
    }

    /// Loads a contact, to see whether it still exists and is blocked.
    ///
    /// # Errors
    /// [`ChatwootError`]; not found after a merge or deletion.
    pub async fn load_contact(&self, contact: i64) -> Result<Contact, ChatwootError> {
        let found: Payload<Contact> = self
            .ask("load a contact", Method::GET, &format!("contacts/{contact}"))
            .query("include_contact_inboxes", "false")
            .answer()
            .await?;
        Ok(found.payload)
    }

    /// One page (from 1) of all contacts, in the order of their numbers, so that a message moves none from page to page;
    /// those without a number are somewhere, and may come twice or not at all.
    ///
    /// # Errors
    /// [`ChatwootError`].
    pub async fn list_contacts(&self, page: u32) -> Result<ContactPage, ChatwootError> {
        self.list_contacts_by("phone_number", page).await
    }

    async fn list_contacts_by(&self, order: &str, page: u32) -> Result<ContactPage, ChatwootError> {
        let found: Payload<Vec<Contact>> = self
            .ask("list contacts", Method::GET, "contacts")
            .query("sort", order)
            .query("include_contact_inboxes", "false")
            .query("page", &page.to_string())
            .answer()
            .await?;
        let has_more = found.payload.len() >= PAGE;
        Ok(ContactPage { contacts: found.payload, has_more })
    }

    /// Contacts active since `since` (seconds since 1970), latest first, at most `pages_max` pages of 15, and whether more
    /// were not read: what makes up for lost events. A rename or a block without a message does not move a contact up.
    ///
    /// # Errors
    /// [`ChatwootError`] of the page that failed; earlier pages are lost.
    pub async fn list_contacts_updated(&self, since: i64, pages_max: u32) -> Result<ContactPage, ChatwootError> {
        let mut all = Vec::new();
        for page in 1..=pages_max {
            let ContactPage { contacts, has_more } = self.list_contacts_by("-last_activity_at", page).await?;
            let is_recent = |contact: &Contact| contact.last_activity_at.is_some_and(|at| at >= since);
            let reached_older = contacts.iter().any(|c| c.last_activity_at.is_some_and(|at| at < since));
            all.extend(contacts.into_iter().filter(is_recent));
            if reached_older || !has_more {
                return Ok(ContactPage { contacts: all, has_more: false });
            }
        }
        Ok(ContactPage { contacts: all, has_more: true })
    }
}
