//! Everything that needs more than one room: one binary, since each further one links the whole program again.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on ends; clippy.toml knows tests only by their attribute"
)]

mod exchange;
mod store;
