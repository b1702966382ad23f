//! The API from outside: a server in this process on a port of its own, spoken to byte by byte. The list in `cases.rs`
//! says for every case of the collection which test shows it.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "helpers of tests may stop at the first surprise"
)]

mod auth;
mod bodies;
mod cases;
mod client;
mod flow;
mod house;
mod inject;
mod proto;
mod schema;
mod slow;
mod tls;
