//! The Intent API: REST with streams of events, and the same verbs over MCP. It decides nothing about a change: requests
//! become jobs of the engine, and what the registry knows is shown to those who may see it.

mod app;
mod auth;
mod changes;
mod document;
mod extract;
mod feed;
mod keys;
mod limits;
mod listen;
mod mcp;
mod metrics;
mod portions;
mod problem;
mod projects;
mod requests;
mod router;
mod routes;
mod server;
mod spans;
mod tls;
mod view;
mod work;

pub use app::OpenProject;
pub use document::openapi;
pub use keys::{Minted, mint};
pub use limits::Limits;
pub use mcp::over_stdio;
pub use server::{Options, Server, ServerError};
