//! A stand-in of Chatwoot 4.13.0: one account in memory, behind a real web server.
//!
//! It is strict: what Chatwoot refuses it refuses, in the same words, and paths it does not know are 404. The judge is
//! the recording of a real server, `tests/fixtures/chatwoot/`. Rate limits are off, background jobs run at once, and
//! webhooks reach loopback addresses, which a real server does not allow (contract 6.7).
//!
//! ```text
//! server ──> routes ──> users, settings, inboxes, contacts, conversations, messages … ──> world
//!    │                                                                                      │
//!    └── switches (faults)            cable, deliveries <── happenings (what changed) <─────┘
//! ```

mod actions;
mod automation;
mod cable;
mod call;
mod changes;
mod contact_inboxes;
mod contacts;
mod conversations;
mod deliveries;
mod drafts;
mod files;
mod filter;
mod happenings;
mod inboxes;
mod inspect;
mod labels;
mod liquid_text;
mod messages;
mod presence;
mod public_api;
mod route_table;
mod routes;
mod server;
mod settings;
mod shared;
mod show_conversations;
mod show_people;
mod stand_in;
mod switches;
mod teams;
mod users;
mod world;

pub use deliveries::Delivery;
pub use inspect::{AgentView, AttachmentView, ConversationView, MessageView};
pub use shared::Seen;
pub use stand_in::{ChatwootStandIn, Options};
pub use switches::State;
