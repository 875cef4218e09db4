//! The tables of Offhook.
