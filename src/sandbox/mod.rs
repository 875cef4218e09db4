//! Stand-ins of both neighbours, strict, sharing no code with the rooms that talk to them.

pub mod chatwoot;
pub mod exchange;
pub mod page;
pub mod simulation;
pub mod stage;
pub mod stories;
pub mod twilio;
