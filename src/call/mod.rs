//! The life of one call.

pub mod effect;
pub mod event;
pub mod reply;
pub mod signal;
pub mod state;
