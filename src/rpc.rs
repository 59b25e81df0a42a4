//! The gRPC face: the only folder of the server that knows tonic.
//!
//! Each handler converts and validates on receipt, calls one `ops` function, and converts back. `access` stands before
//! all of them: it finds out who calls, and writes one log line per call. `recorded` records what only reads.

mod access;
mod audit;
mod backup;
mod call;
mod convert;
mod health;
mod maintenance;
mod migration;
mod operation;
mod recorded;
mod restore;
mod schedule;
mod standard_health;
pub mod status;
mod whole;

use std::{future::Future, net::SocketAddr, sync::Arc, time::Duration};

use tokio::net::TcpListener;
use tokio_stream::wrappers::TcpListenerStream;
use tokio_util::sync::CancellationToken;
use tonic::transport::Server;

pub use self::access::{Access, Credential};
use self::recorded::Recorded;
use crate::{
    ops::Daemon,
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

/// What every service works with.
#[derive(Clone)]
struct Services {
    daemon: Arc<Daemon>,
    /// Ends open streams when the daemon shuts down.
    stop: CancellationToken,
}

/// Why the listener could not be served.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The address could not be had.
    #[error("cannot listen on {address}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// The cause.
        source: std::io::Error,
    },
    /// The server ended with an error.
    #[error("the gRPC server ended")]
    Serve(#[from] tonic::transport::Error),
    /// Reflection could not be built from the descriptors.
    #[error("the descriptors cannot be served by reflection")]
    Reflection(#[from] tonic_reflection::server::Error),
}

/// Takes the address.
pub async fn listen(address: SocketAddr) -> Result<TcpListener, ServeError> {
    TcpListener::bind(address)
        .await
        .map_err(|source| ServeError::Listen { address, source })
}

/// Serves every service on the listener until `stop`, then until the open calls are done.
pub async fn serve(
    daemon: Arc<Daemon>,
    access: Access,
    listener: TcpListener,
    stop: CancellationToken,
) -> Result<(), ServeError> {
    let services = Services {
        daemon: Arc::clone(&daemon),
        stop: stop.clone(),
    };
    let recorded = Recorded(Arc::clone(&daemon));
    let (health_reporter, health_service) = tonic_health::server::health_reporter();
    let report = standard_health::report(daemon, health_reporter, stop.clone());
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
    let server = Server::builder()
        .layer(access)
        .layer(recorded)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .http2_keepalive_interval(Some(KEEPALIVE_INTERVAL))
        .http2_keepalive_timeout(Some(KEEPALIVE_TIMEOUT))
        .tcp_nodelay(true)
        .add_service(health_service)
        .add_service(reflection().build_v1()?)
        .add_service(reflection().build_v1alpha()?)
        .add_service(MigrationServiceServer::new(services.clone()))
        .add_service(BackupServiceServer::new(services.clone()))
        .add_service(RestoreServiceServer::new(services.clone()))
        .add_service(MaintenanceServiceServer::new(services.clone()))
        .add_service(HealthServiceServer::new(services.clone()))
        .add_service(OperationServiceServer::new(services.clone()))
        .add_service(ScheduleServiceServer::new(services.clone()))
        .add_service(AuditServiceServer::new(services))
        .serve_with_incoming_shutdown(TcpListenerStream::new(listener), stop.cancelled_owned());
    let (ended, ()) = tokio::join!(server, report);
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
