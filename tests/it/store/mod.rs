//! One trace, the same answers on every store.

mod conformance;
mod inbox;
mod migrations;
mod races;
mod subject;
mod trace;
