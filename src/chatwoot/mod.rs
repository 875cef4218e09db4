//! Chatwoot's dialect, both ways: what it sends us and what we ask of it.
//!
//! The room knows Chatwoot 4.13's requests, replies, webhooks and websocket (contracts/chatwoot.md) and nothing of
//! calls, brands or rules. It never decides when to ask again: an error says whether asking again may help and whether
//! the first attempt may have happened; the outbox does the rest.
//!
//! ```no_run
//! # async fn story(settings: offhook::chatwoot::ChatwootSettings) -> Result<(), Box<dyn std::error::Error>> {
//! use offhook::chatwoot::{ChatwootClient, NewMessage, http_client, note};
//!
//! let chatwoot = ChatwootClient::new(settings, http_client()?);
//! let words = note().bold("Incoming call").plain(" from ").text("Jane *Doe*").finish();
//! chatwoot.create_message(42, NewMessage::note(words, "offhook:call:ring").as_bot(3)).await?;
//! # Ok(()) }
//! ```

pub mod cable;
pub mod door;
pub mod error;
pub mod escape;
pub mod payload;
pub mod rest;
pub mod signature;
pub mod webhook;

mod agents;
mod contacts;
mod conversations;
mod inboxes;
mod messages;
mod nonsense;
mod registration;

#[cfg(test)]
pub(crate) mod fake;
#[cfg(test)]
mod recorded_tests;
#[cfg(test)]
mod requests_tests;

pub use agents::{Agent, Availability, Membership, Profile, Standing};
pub use contacts::{Contact, ContactPage, NewContact};
pub use conversations::{Conversation, ConversationStatus, OpenPage, Priority};
pub use error::ChatwootError;
pub use escape::{ChatwootText, note};
pub use inboxes::{Inbox, NewInbox};
pub use messages::{Attachment, Message, MessageKind, NewMessage, Sender, SenderKind};
pub use registration::{
    AgentBot, AttributeDefinition, AttributeOwner, DashboardApp, Label, Macro, NewAttributeDefinition, SUBSCRIPTIONS,
    Webhook,
};
pub use rest::{ChatwootClient, ChatwootSettings, http_client};
