//! The daemon's life.
//!
//! Start: listeners, embedded server, control store, proof of life, recovery, then ready.
//! Stop: health says NOT_SERVING and no operation starts; running ones get `operations.shutdown_grace`, then are
//! cancelled; open calls end; the embedded server stops last.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use secrecy::ExposeSecret as _;
use tokio::{sync::watch, task::JoinHandle};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    access,
    build::{self, BuildError},
};
use crate::{
    config::Config,
    model::failure::{Failure, Kind, chain},
    ops::{
        Daemon,
        audit::keeper,
        health::Prober,
        maintenance::mode::expire,
        recovery,
        schedule::{alerts, clock::Clock, ticker},
    },
    postgres::embedded::Embedded,
    rpc::{self, ListenError, Listeners, ServeError, Serving},
};

/// How long open calls may take to end once they were told to.
const CALLS_GRACE: Duration = Duration::from_secs(10);

/// A daemon that serves.
pub struct Started {
    /// The address that it listens on; with port 0 in the configuration, the one that was taken.
    pub address: SocketAddr,
    daemon: Arc<Daemon>,
    embedded: Option<Embedded>,
    shutdown_grace: Duration,
    /// Ends what runs beside the calls.
    stop_background: CancellationToken,
    background: TaskTracker,
    /// Ends the listener and open streams.
    stop_serving: CancellationToken,
    serving: JoinHandle<Result<(), ServeError>>,
}

/// Starts a daemon and gives it once it is ready.
pub async fn start(config: &Config) -> Result<Started, BuildError> {
    start_at(config, Clock::default()).await
}

/// The same with a clock of its own for the schedule.
pub async fn start_at(config: &Config, clock: Clock) -> Result<Started, BuildError> {
    // Nobody tells it to read its files again at once.
    let (_, reload) = watch::channel(0);
    start_with(config, reload, clock).await
}

async fn start_with(
    config: &Config,
    reload: watch::Receiver<u64>,
    clock: Clock,
) -> Result<Started, BuildError> {
    // First of all: that the address is taken must not show only after a cluster was made.
    let listeners = Listeners::bind(&access::places(config))
        .await
        .map_err(listen_failure)?;
    let servers = build::servers(config).await?;
    match begin(config, &servers, listeners, reload, clock).await {
        Ok(started) => Ok(Started {
            embedded: servers.embedded,
            ..started
        }),
        Err(failure) => {
            if let Some(embedded) = servers.embedded {
                embedded.stop().await?;
            }
            Err(failure)
        }
    }
}

async fn begin(
    config: &Config,
    servers: &build::Servers,
    listeners: Listeners,
    reload: watch::Receiver<u64>,
    clock: Clock,
) -> Result<Started, BuildError> {
    let daemon = Arc::new(build::daemon(config, servers, clock).await?);
    let address = listeners.address();
    let (access, attempts) = access::access(config)?;

    let stop_background = CancellationToken::new();
    let background = TaskTracker::new();
    daemon.store.register().await?;
    let liveness = daemon.store.prove_life().await?;
    let memory = recovery::begin(&daemon).await;
    Prober::look(&daemon).await;
    let (store, stop) = (Arc::clone(&daemon.store), stop_background.clone());
    background.spawn(async move { store.keep_alive(liveness, stop).await });
    background.spawn(recovery::run(
        Arc::clone(&daemon),
        memory,
        stop_background.clone(),
    ));
    background.spawn(keeper::run(Arc::clone(&daemon), stop_background.clone()));
    background.spawn(expire::run(Arc::clone(&daemon), stop_background.clone()));
    background.spawn(Prober::run(Arc::clone(&daemon), stop_background.clone()));
    background.spawn(ticker::run(Arc::clone(&daemon), stop_background.clone()));
    background.spawn(alerts::run(Arc::clone(&daemon), stop_background.clone()));
    background.close();

    let stop_serving = CancellationToken::new();
    let serving = Serving {
        daemon: Arc::clone(&daemon),
        access,
        attempts,
        limits: access::limits(&config.limits),
        reload,
        stop: stop_serving.clone(),
    };
    let serving = tokio::spawn(rpc::serve(serving, listeners));
    daemon.ready.send_replace(true);
    let (tls, unix) = (config.listen.tls.is_some(), config.listen.unix.as_ref());
    let unix = unix.map(|unix| tracing::field::display(unix.path.display()));
    let version = env!("CARGO_PKG_VERSION");
    tracing::info!(%address, tls, unix, version, "ready to serve");
    Ok(Started {
        address,
        daemon,
        embedded: None,
        shutdown_grace: config.operations.shutdown_grace,
        stop_background,
        background,
        stop_serving,
        serving,
    })
}

impl Started {
    /// The application's own login to the embedded server's database; `None` with configured servers.
    pub fn application_url(&self) -> Option<&str> {
        let embedded = self.embedded.as_ref()?;
        Some(embedded.application_url().expose_secret())
    }

    /// Resolves when the listener or the embedded server ends by itself, which it should not.
    pub async fn failed(&mut self) -> Failure {
        let embedded = async {
            match &self.embedded {
                Some(embedded) => embedded.exited().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            ended = &mut self.serving => match ended {
                Ok(Err(error)) => serve_failure(&error),
                Ok(Ok(())) | Err(_) => {
                    Failure::new(Kind::Internal, "LISTENER_ENDED", "the gRPC listener ended by itself")
                }
            },
            () = embedded => Failure::new(
                Kind::Unavailable,
                "EMBEDDED_SERVER_ENDED",
                "the embedded PostgreSQL server ended by itself",
            )
            .with_hint("see postgres.log in the data directory, then start again"),
        }
    }

    /// Stops everything in order.
    pub async fn stop(self) -> Result<(), Failure> {
        let grace = self.shutdown_grace;
        self.stop_within(grace).await
    }

    async fn stop_within(self, grace: Duration) -> Result<(), Failure> {
        self.daemon.ready.send_replace(false);
        self.daemon.runner.shut_down(grace).await;
        self.stop_background.cancel();
        self.stop_serving.cancel();
        // One that has ended was seen to end by `failed`.
        if !self.serving.is_finished()
            && tokio::time::timeout(CALLS_GRACE, self.serving)
                .await
                .is_err()
        {
            tracing::warn!("open calls did not end in time and are cut");
        }
        self.background.wait().await;
        keeper::finish(&self.daemon).await;
        drop(self.daemon);
        if let Some(embedded) = self.embedded {
            embedded.stop().await?;
        }
        // Nothing waits for these: a number that grows with the daemon's age is a leak.
        let tasks_left = tokio::runtime::Handle::current()
            .metrics()
            .num_alive_tasks();
        tracing::info!(tasks_left, "stopped");
        Ok(())
    }
}

/// Serves until `stop`, or until something that must not end has ended. Certificates and keys are read again at once when
/// `reload` changes.
pub async fn run(
    config: &Config,
    stop: CancellationToken,
    reload: watch::Receiver<u64>,
) -> Result<(), Failure> {
    let mut started = tokio::select! {
        started = start_with(config, reload, Clock::default()) => started?,
        // An embedded server that was being started is found and adopted by the next start.
        () = stop.cancelled() => return Ok(()),
    };
    tokio::select! {
        () = stop.cancelled() => started.stop().await,
        failure = started.failed() => {
            tracing::error!(%failure, "ending");
            // Nothing that runs can end well any more.
            started.stop_within(Duration::ZERO).await?;
            Err(failure)
        }
    }
}

fn serve_failure(error: &ServeError) -> Failure {
    Failure::new(Kind::Unavailable, "LISTENER_FAILED", chain(error))
}

fn listen_failure(error: ListenError) -> Failure {
    let hint = match error {
        ListenError::Tls(error) => return error.into(),
        ListenError::Tcp { .. } => "set listen.grpc to a free address, or end what listens there",
        ListenError::Unix { .. } => {
            "listen.unix must be a path in a directory that the daemon may write, and not another daemon's"
        }
    };
    Failure::new(Kind::Unavailable, "LISTENER_FAILED", chain(&error)).with_hint(hint)
}
