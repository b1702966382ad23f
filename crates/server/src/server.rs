//! A server from its options: bound, with its workers, until it is told to stop.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use engine::{Cancel, EngineError, Operator, Retention, Retired};
use store::StoreError;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;

use crate::app::{App, OpenProject};
use crate::limits::Limits;
use crate::metrics::Metrics;
use crate::projects::Projects;
use crate::tls::{TlsFiles, acceptor};
use crate::work::{Work, Workers, unfinished};
use crate::{feed, listen, router};

const DAY: Duration = Duration::from_hours(24);

/// How a server is to be.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where it listens; port 0 takes any.
    pub address: SocketAddr,
    /// Certificate and key, for TLS.
    pub tls: Option<(PathBuf, PathBuf)>,
    /// Whether a proxy in front of it speaks TLS, so that another address than loopback needs none here.
    pub behind_proxy: bool,
    /// Changes that are taken on at the same time.
    pub jobs: usize,
    /// How long what is under way may take when the server ends.
    pub grace: Duration,
    /// The limits.
    pub limits: Limits,
    /// How long the record of a finished change stays in the registry; `None` for good. Looked at each day.
    pub retention: Option<Retention>,
}

/// Why there is no server.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// Anybody could reach a server that nobody may use.
    #[error("{address} can be reached by others, and no agent has a key")]
    NoKeys {
        /// The address.
        address: SocketAddr,
    },
    /// Keys would go over the network in the clear.
    #[error("{address} can be reached by others, and without TLS keys would be sent in the clear")]
    NoTls {
        /// The address.
        address: SocketAddr,
    },
    /// The address cannot be had.
    #[error("cannot listen on {address}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why not.
        source: std::io::Error,
    },
    /// Certificate or key.
    #[error("{path}: {why}")]
    Certificate {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// No thread could be started.
    #[error("cannot start a worker")]
    Worker(#[source] std::io::Error),
    /// The engine.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The registry.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A server that is bound and not serving yet.
pub struct Server {
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    app: Arc<App>,
    workers: Workers,
    grace: Duration,
    retention: Option<Retention>,
}

impl Server {
    /// Binds the address and starts the workers, which go on with what was left unfinished.
    ///
    /// # Errors
    /// See [`ServerError`].
    pub async fn bind(
        operator: Operator,
        open: OpenProject,
        options: Options,
        stop: Cancel,
    ) -> Result<Self, ServerError> {
        let Options { address, tls, behind_proxy, jobs, grace, limits, retention } = options;
        if !address.ip().is_loopback() {
            let agents = operator.store.agents().await?;
            if agents.iter().all(|agent| agent.revoked.is_some() || agent.keys.is_empty()) {
                return Err(ServerError::NoKeys { address });
            }
            if tls.is_none() && !behind_proxy {
                return Err(ServerError::NoTls { address });
            }
        }
        let tls = tls.map(|(certificate, key)| acceptor(&TlsFiles { certificate, key })).transpose()?;
        let listener =
            TcpListener::bind(address).await.map_err(|source| ServerError::Listen { address, source })?;
        let (app, workers) = app(operator, open, jobs, limits, stop).await?;
        Ok(Self { listener, tls, app, workers, grace, retention })
    }

    /// Where it listens.
    ///
    /// # Errors
    /// When the system does not know.
    pub fn address(&self) -> std::io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Serves until the wish to stop is set. What is under way then may end within the grace; the rest is left as a dead
    /// process leaves it, for the next server or `codex-task resume`.
    pub async fn run(self) {
        let (limits, counters) = (self.app.limits.clone(), Arc::clone(&self.app.counters));
        let stop = self.app.stop.clone();
        let follower = tokio::spawn(feed::follow(Arc::clone(&self.app)));
        let retiring =
            self.retention.map(|retention| tokio::spawn(retire_daily(self.app.operator.clone(), retention)));
        let router = router::router(&self.app);
        listen::serve(self.listener, self.tls, router, (limits, counters), (stop, self.grace)).await;
        self.workers.end(self.grace).await;
        follower.abort();
        if let Some(retiring) = retiring {
            // A file that is being written is written over by the next one, and the registry is as before.
            retiring.abort();
        }
    }
}

/// Puts old records into files, now and every day.
async fn retire_daily(operator: Operator, retention: Retention) {
    loop {
        match operator.retire(&retention).await {
            Ok(retired) => {
                for Retired { path, compaction } in retired {
                    tracing::info!(path = %path.display(), changes = compaction.intents, "compacted");
                }
            }
            Err(error) => tracing::error!(%error, "old changes were not compacted; tried again tomorrow"),
        }
        tokio::time::sleep(DAY).await;
    }
}

/// The state of a server with its workers.
pub(crate) async fn app(
    operator: Operator,
    open: OpenProject,
    jobs: usize,
    limits: Limits,
    stop: Cancel,
) -> Result<(Arc<App>, Workers), ServerError> {
    let projects = Projects::new(open);
    let repository = projects.at(None)?.repository.identity();
    let (work, workers) = Work::start(&operator, &projects, jobs, &stop).map_err(ServerError::Worker)?;
    for id in unfinished(&operator, &repository).await? {
        work.enqueue(id);
    }
    let head = watch::Sender::new(operator.store.last_seq().await?);
    let (counters, metrics) = (Arc::default(), Metrics::new());
    let app = App { operator, projects, repository, limits, counters, metrics, work, stop, head };
    Ok((Arc::new(app), workers))
}
