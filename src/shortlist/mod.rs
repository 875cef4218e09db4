//! shortlist.
