//! The gRPC face: the only folder of the server that knows tonic.
//!
//! Each handler converts and validates on receipt, calls one `ops` function, and converts back. `listener` takes connections
//! in; `access` stands before all handlers: it finds out who calls, and writes one log line per call. `recorded` records
//! what only reads.

mod access;
mod audit;
mod backup;
mod call;
mod convert;
mod health;
mod listener;
mod maintenance;
mod migration;
mod operation;
mod recorded;
mod restore;
mod schedule;
mod standard_health;
pub mod status;
mod whole;

use std::{future::Future, sync::Arc, time::Duration};

use tokio::sync::{mpsc, watch};
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tonic::transport::Server;

use self::recorded::Recorded;
pub use self::{
    access::{
        Access, AccountCredential, CallLimits, CertificateCredential, Credentials, JwtSettings,
        KeySource, Open, TokenCredential,
    },
    listener::{ListenError, Listeners, Places, SeatLimits, TlsFiles, UnixSocket},
};
use crate::{
    model::attempts::Attempt,
    ops::{Daemon, attempts},
    proto::{
        audit_service_server::AuditServiceServer, backup_service_server::BackupServiceServer,
        health_service_server::HealthServiceServer,
        maintenance_service_server::MaintenanceServiceServer,
        migration_service_server::MigrationServiceServer,
        operation_service_server::OperationServiceServer,
        restore_service_server::RestoreServiceServer,
        schedule_service_server::ScheduleServiceServer,
    },
};

/// HTTP/2 windows. The default of 64 KiB holds a far client's download to a few MB/s (lessons B17).
const STREAM_WINDOW: u32 = 1 << 20;
const CONNECTION_WINDOW: u32 = 4 << 20;
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(30);
const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(20);
/// Streams that a caller may open and reset before they are looked at, and those that we reset for its mistakes, until its
/// connection is ended: each costs us more than it.
const MOST_PENDING_RESETS: usize = 20;
const MOST_LOCAL_RESETS: usize = 256;
/// The largest message to the services that are open to strangers, in bytes: they are asked for names.
const OPEN_MESSAGE_BYTES: usize = 4096;

/// What every service works with.
#[derive(Clone)]
struct Services {
    daemon: Arc<Daemon>,
    /// Ends open streams when the daemon shuts down.
    stop: CancellationToken,
}

/// What callers may take of the server.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Connections.
    pub seats: SeatLimits,
    /// Calls at once on a connection.
    pub streams: u32,
    /// The largest message of a request, in bytes.
    pub message_bytes: usize,
    /// The largest headers of a call, in bytes.
    pub header_bytes: u32,
}

/// Why the listeners could not be served.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The server ended with an error.
    #[error("the gRPC server ended")]
    Serve(#[from] tonic::transport::Error),
    /// Reflection could not be built from the descriptors.
    #[error("the descriptors cannot be served by reflection")]
    Reflection(#[from] tonic_reflection::server::Error),
}

/// What is served, by whom it may be called, and how it is told to look at its files and to stop.
pub struct Serving {
    /// What every operation works with.
    pub daemon: Arc<Daemon>,
    /// Who may call.
    pub access: Access,
    /// Failed attempts, for the audit log.
    pub attempts: mpsc::Receiver<Attempt>,
    /// What callers may take.
    pub limits: Limits,
    /// Changes when certificates and keys are to be read again at once.
    pub reload: watch::Receiver<u64>,
    /// Ends the listeners and open streams.
    pub stop: CancellationToken,
}

/// Serves every service on the listeners until it is stopped, then until the open calls are done.
pub async fn serve(serving: Serving, listeners: Listeners) -> Result<(), ServeError> {
    let Serving {
        daemon,
        access,
        attempts,
        limits,
        reload,
        stop,
    } = serving;
    let services = Services {
        daemon: Arc::clone(&daemon),
        stop: stop.clone(),
    };
    let (health, pen) = standard_health::StandardHealth::new(&daemon);
    let health_is_true = standard_health::keep_true(Arc::clone(&daemon), pen, stop.clone());
    let recorded = Recorded(Arc::clone(&daemon));
    let recording = tokio::spawn(attempts::record(daemon, attempts));
    let refreshing = access.clone().refresh(reload.clone(), stop.clone());
    let (connections, accepting) = listeners.accept(limits.seats, stop.clone(), &reload);
    let descriptors = [
        crate::proto::DESCRIPTORS,
        tonic_health::pb::FILE_DESCRIPTOR_SET,
        // So that grpcurl can show the details of an error.
        tonic_types::pb::FILE_DESCRIPTOR_SET,
    ];
    let reflection = || {
        descriptors.iter().fold(
            tonic_reflection::server::Builder::configure(),
            |builder, set| builder.register_encoded_file_descriptor_set(set),
        )
    };
    let largest = limits.message_bytes;
    macro_rules! service {
        ($server:ident) => {
            $server::new(services.clone()).max_decoding_message_size(largest)
        };
    }
    let server = Server::builder()
        .layer(access)
        .layer(recorded)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .http2_keepalive_interval(Some(KEEPALIVE_INTERVAL))
        .http2_keepalive_timeout(Some(KEEPALIVE_TIMEOUT))
        .max_concurrent_streams(limits.streams)
        .http2_max_header_list_size(limits.header_bytes)
        .http2_max_pending_accept_reset_streams(Some(MOST_PENDING_RESETS))
        .http2_max_local_error_reset_streams(Some(MOST_LOCAL_RESETS))
        .add_service(
            tonic_health::pb::health_server::HealthServer::new(health)
                .max_decoding_message_size(OPEN_MESSAGE_BYTES),
        )
        .add_service(
            reflection()
                .build_v1()?
                .max_decoding_message_size(OPEN_MESSAGE_BYTES),
        )
        .add_service(
            reflection()
                .build_v1alpha()?
                .max_decoding_message_size(OPEN_MESSAGE_BYTES),
        )
        .add_service(service!(MigrationServiceServer))
        .add_service(service!(BackupServiceServer))
        .add_service(service!(RestoreServiceServer))
        .add_service(service!(MaintenanceServiceServer))
        .add_service(service!(HealthServiceServer))
        .add_service(service!(OperationServiceServer))
        .add_service(service!(ScheduleServiceServer))
        .add_service(service!(AuditServiceServer))
        .serve_with_incoming_shutdown(ReceiverStream::new(connections), stop.cancelled_owned());
    let (ended, (), ()) = tokio::join!(server, health_is_true, refreshing);
    accepting.wait().await;
    // The server held the senders: all attempts have come by now.
    if let Err(error) = recording.await {
        tracing::error!(%error, "the recording of failed attempts met a defect");
    }
    Ok(ended?)
}

/// Ends a wait early when the daemon shuts down. What has come by then is given first: the end of an operation that the
/// shutdown waited for must reach those who wait for it.
async fn unless_stopped<T>(
    stop: &CancellationToken,
    wait: impl Future<Output = T>,
) -> Result<T, tonic::Status> {
    tokio::select! {
        biased;
        value = wait => Ok(value),
        () = stop.cancelled() => Err(tonic::Status::unavailable("the daemon is shutting down")),
    }
}
