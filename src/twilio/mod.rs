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

mod known_params;
pub mod params;
pub mod signature;
pub mod urls;
