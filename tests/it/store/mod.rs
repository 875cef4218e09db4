//! One trace, the same answers on every store.

mod conformance;
mod migrations;
mod races;
mod subject;
mod trace;
