//! Whole calls over both stand-ins and the real service, judged by what people heard and what the inbox shows.
//!
//! Nothing here looks into the service's own tables: whether a story ended well is for the stand-ins to say. Every
//! document that a story brought about is held against the contract's schema.

mod active_queue;
mod arriving;
mod callback_tasks;
mod calling_in;
mod carrier_faults;
mod chatwoot_lists;
mod chatwoot_people;
mod closed;
mod closures;
mod dialling;
mod explaining;
mod fallback;
mod floods;
mod full_account;
mod gone_from_inbox;
mod inbox_faults;
mod keypad;
mod lines;
mod long_words;
mod menu;
mod misses;
mod notice;
mod overridden;
mod passing;
mod paths;
mod phone_notes;
mod plays;
mod refused_phones;
mod replaying;
mod ringing;
mod silences;
mod slow_inbox;
mod stage;
mod supervised;
mod supervisor;
mod texting;
mod unseen;
mod vanishing;
mod voicemail;
mod waiting;
mod why_not;
mod work_of_the_outbox;
