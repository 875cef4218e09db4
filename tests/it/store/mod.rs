//! One trace, the same answers on every store.

mod conformance;
mod drafts;
mod inbox;
mod migrations;
mod races;
mod subject;
pub mod trace;
