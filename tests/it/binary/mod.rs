//! The real binary, used as an operator would: commands, exit codes, what is printed, signals and sockets.

mod canaries;
mod codes;
mod commands;
mod sandbox;
mod serving;
