//! What tests stand on: servers they start, actors with verbs.

pub mod postgres;
