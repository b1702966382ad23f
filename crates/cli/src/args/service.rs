//! The command line of the service: `serve`, `mcp`, the agents that may use it, and the log.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use domain::agent::{AgentName, Right};

use super::Judging;

/// A server.
#[derive(Debug, Clone, Args)]
pub(crate) struct ServeArgs {
    /// Where to listen; port 0 takes any
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:7373")]
    pub(crate) listen: SocketAddr,
    /// The certificate (PEM), for TLS
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub(crate) tls_cert: Option<PathBuf>,
    /// Its private key (PEM)
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub(crate) tls_key: Option<PathBuf>,
    /// A proxy in front speaks TLS: another address than loopback needs none here
    #[arg(long)]
    pub(crate) behind_proxy: bool,
    /// Changes that are taken on at the same time
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) jobs: usize,
    /// What is under way may take this long when the server ends
    #[arg(long, value_name = "SECONDS", default_value_t = 20)]
    pub(crate) grace: u64,
    /// Requests a minute of an agent that has no limit of its own
    #[arg(long, value_name = "N", default_value_t = 600)]
    pub(crate) rpm: u32,
    #[command(flatten)]
    pub(crate) judging: Judging,
}

/// The agents' protocol.
#[derive(Debug, Clone, Args)]
pub(crate) struct McpArgs {
    /// Changes that are taken on at the same time
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) jobs: usize,
    /// What is under way may take this long when the client hangs up
    #[arg(long, value_name = "SECONDS", default_value_t = 20)]
    pub(crate) grace: u64,
    #[command(flatten)]
    pub(crate) judging: Judging,
}

/// Agents.
#[derive(Debug, Subcommand)]
pub(crate) enum AgentCommand {
    /// Add an agent; its key is the only line on stdout, this once
    Add(AgentAddArgs),
    /// List agents, also revoked ones
    List,
    /// One agent with its keys' beginnings
    Show(AgentNameArgs),
    /// Make a new key; those before end at once, or after --overlap
    Rotate(AgentRotateArgs),
    /// Take none of its keys any more, in any process, at once
    Revoke(AgentNameArgs),
    /// Let its changes become branches where policy allows it
    Certify(AgentCertifyArgs),
}

/// An agent to be added.
#[derive(Debug, Clone, Args)]
pub(crate) struct AgentAddArgs {
    /// Its name: lower-case letters, digits, `.`, `_`, `-`
    #[arg(value_name = "NAME")]
    pub(crate) name: AgentName,
    /// What it may do: propose, review, admin, with commas between them
    #[arg(long, value_name = "SCOPE,...", value_delimiter = ',', default_value = "propose")]
    pub(crate) scope: Vec<Right>,
    /// Let its changes become branches where policy allows it
    #[arg(long)]
    pub(crate) certified: bool,
    /// The most that its changes may cost in a month
    #[arg(long, value_name = "DOLLARS")]
    pub(crate) monthly: Option<u32>,
    /// Requests a minute
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) rpm: Option<u32>,
}

/// Which agent.
#[derive(Debug, Clone, Args)]
pub(crate) struct AgentNameArgs {
    /// The agent
    #[arg(value_name = "NAME")]
    pub(crate) name: AgentName,
}

/// A new key.
#[derive(Debug, Clone, Args)]
pub(crate) struct AgentRotateArgs {
    /// The agent
    #[arg(value_name = "NAME")]
    pub(crate) name: AgentName,
    /// The keys before are still taken for so long, a week at the most
    #[arg(long, value_name = "SECONDS", default_value_t = 0, value_parser = clap::value_parser!(u32).range(..=604_800))]
    pub(crate) overlap: u32,
}

/// A certificate.
#[derive(Debug, Clone, Args)]
pub(crate) struct AgentCertifyArgs {
    /// The agent
    #[arg(value_name = "NAME")]
    pub(crate) name: AgentName,
    /// Take the certificate away
    #[arg(long)]
    pub(crate) off: bool,
}

/// How much of the log.
#[derive(Debug, Clone, Args)]
pub(crate) struct LogsArgs {
    /// At most this many lines
    #[arg(long, value_name = "N", default_value_t = 100)]
    pub(crate) lines: usize,
}

impl AgentCommand {
    /// The command's name, for documents.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Add(_) => "agent add",
            Self::List => "agent list",
            Self::Show(_) => "agent show",
            Self::Rotate(_) => "agent rotate",
            Self::Revoke(_) => "agent revoke",
            Self::Certify(_) => "agent certify",
        }
    }
}
