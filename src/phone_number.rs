//! phone_number.
