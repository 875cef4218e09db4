//! Every test that needs more than one room, in one binary.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test that cannot go on ends; clippy.toml knows tests only by their attribute"
)]

mod api;
#[cfg(feature = "test-seams")]
mod binary;
mod chatwoot_stand_in;
#[cfg(feature = "test-seams")]
mod crash;
mod doors;
mod exchange;
mod guessing;
mod house_rules;
mod pacing;
mod rehearsing;
mod simulation;
mod store;
mod stories;
mod twilio_stand_in;
mod twiml_documents;
pub mod twiml_schema;
mod zones;
