//! Everything that needs more than one room: one binary, since each further one links the whole program again.

mod exchange;
mod store;
