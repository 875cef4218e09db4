//! A stand-in of Chatwoot 4.13.0.
