//! Twilio's dialect, both ways: the only room that knows its words.
//!
//! What comes in is verified, read strictly and turned into the core's signals; what goes out is the core's reply as
//! TwiML, or a typed request to the REST API. The room decides nothing about a call and keeps no state. Source for
//! everything here: `contracts/twilio.md`.
//!
//! ```text
//! raw request ──> signature ──> params ──> urls::check ──> webhook ──> Signal
//! Reply ──> twiml ──> XML          Effect ──> rest ──> Twilio
//! ```

pub mod audio;
pub mod door;
pub mod error;
mod known_params;
pub mod params;
pub mod rest;
mod rest_forms;
pub mod rest_replies;
pub mod safe_reply;
pub mod signature;
mod transport;
pub mod twiml;
mod twiml_codes;
mod twiml_way_in;
pub mod urls;
mod verb;
pub mod webhook;
