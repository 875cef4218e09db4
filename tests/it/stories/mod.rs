//! Whole calls over both stand-ins and the real service, judged by what people heard and what the inbox shows.
//!
//! Nothing here looks into the service's own tables: whether a story ended well is for the stand-ins to say. Every
//! document that a story brought about is held against the contract's schema.

//OFF mod arriving;
//OFF mod carrier_faults;
//OFF mod dialling;
//OFF mod inbox_faults;
mod plays;
//OFF mod ringing;
mod stage;
mod vanishing;
//OFF mod voicemail;
//OFF mod waiting;
