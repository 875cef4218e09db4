//! recordings.
