//! The life of one call.

pub mod effect;
pub mod event;
pub mod mark;
pub mod reply;
pub mod signal;
pub mod state;
