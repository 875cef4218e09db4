//! What tests stand on: servers they start, actors with verbs.

pub mod postgres;
pub mod process;
pub mod town;
