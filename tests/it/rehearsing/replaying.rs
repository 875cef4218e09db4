//! Stored calls under other rules.
