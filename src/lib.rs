//! Offhook: the phone system of a team that works in Chatwoot.
//!
//! Data flows one way: a signal comes in, it is verified and parsed, the pure core decides, events and effects are
//! saved in one transaction, effects go out. What comes of an effect returns by the front door, as a new signal.
//!
//! ```text
//! twilio::webhook ───┐                   ┌─> call ──> shortlist ──> rules ──> ids, phone_number
//! chatwoot::webhook ─┤                   │
//! api ───────────────┼──> switchboard ───┤    outbox ──> store, twilio::rest, chatwoot::rest
//! deadlines, outbox ─┘                   └─> store
//! ```

pub mod app;
pub mod clock;
pub mod crash;
pub mod dashboard;
pub mod ids;
pub mod phone_number;
#[cfg(feature = "test-seams")]
pub mod seams;
pub mod server;
pub mod telemetry;

// Pure rooms: no input or output, no clock, no chance.
pub mod call;
pub mod rules;
pub mod shortlist;
pub mod simulator;

// The shell.
pub mod api;
pub mod availability;
#[cfg(feature = "sandbox")]
pub mod bench;
pub mod commands;
pub mod config;
pub mod outbox;
pub mod publishing;
pub mod rehearsal;
pub mod store;
pub mod switchboard;
mod workers;

// The neighbours, and their stand-ins.
pub mod chatwoot;
#[cfg(feature = "sandbox")]
pub mod sandbox;
pub mod twilio;
