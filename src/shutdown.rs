//! Shutdown: the wish to stop, by SIGTERM or Ctrl-C; beside it the wish to read certificates again, by SIGHUP. What follows
//! stands in `app`.

use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    sync::watch,
};
use tokio_util::sync::CancellationToken;

use crate::model::failure::{Failure, Kind};

/// A token that is cancelled by the first SIGTERM or SIGINT. A second one ends the process at once, for the person who
/// cannot wait.
pub fn on_signal() -> Result<CancellationToken, Failure> {
    let mut terminate = handler(SignalKind::terminate())?;
    let mut interrupt = handler(SignalKind::interrupt())?;
    let token = CancellationToken::new();
    let stop = token.clone();
    tokio::spawn(async move {
        for wish in 1.. {
            let name = tokio::select! {
                _ = terminate.recv() => "SIGTERM",
                _ = interrupt.recv() => "SIGINT",
            };
            if wish > 1 {
                tracing::warn!(signal = name, "told to stop again: ending at once");
                std::process::exit(1);
            }
            tracing::info!(signal = name, "told to stop");
            stop.cancel();
        }
    });
    Ok(token)
}

/// Counts the SIGHUPs, which ask a daemon to read its certificates and keys again at once.
pub fn hangups() -> Result<watch::Receiver<u64>, Failure> {
    let mut hangup = handler(SignalKind::hangup())?;
    let (count, counted) = watch::channel(0);
    tokio::spawn(async move {
        while hangup.recv().await.is_some() {
            tracing::info!("told to read certificates and keys again");
            count.send_modify(|count| *count += 1);
        }
    });
    Ok(counted)
}

fn handler(kind: SignalKind) -> Result<Signal, Failure> {
    signal(kind).map_err(|error| {
        Failure::new(
            Kind::Internal,
            "SIGNALS_UNAVAILABLE",
            format!("cannot listen for signals: {error}"),
        )
    })
}
