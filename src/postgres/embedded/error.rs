//! What can go wrong with the private cluster, each with the way out.

use std::{
    io,
    path::{Path, PathBuf},
    process::ExitStatus,
    time::Duration,
};

use thiserror::Error;

use crate::{
    model::failure::{Classified, Kind},
    tools::binaries::BinariesError,
};

/// Why the embedded PostgreSQL could not be started or stopped.
#[derive(Debug, Error)]
pub enum EmbeddedError {
    /// No usable PostgreSQL programs.
    #[error(transparent)]
    Binaries(#[from] BinariesError),
    /// The programs are older than what this daemon works with.
    #[error("{} is too old for the embedded PostgreSQL", found.join(", "))]
    TooOld {
        /// `PostgreSQL <major> (<directory>)` of all programs found.
        found: Vec<String>,
    },
    /// The cluster belongs to a major version of which no programs were found.
    #[error(
        "the cluster in {cluster:?} was made by PostgreSQL {needed}, but the programs found are of {}",
        found.join(", ")
    )]
    OtherMajor {
        /// The cluster's directory.
        cluster: PathBuf,
        /// The cluster's major version.
        needed: u32,
        /// `PostgreSQL <major> (<directory>)` of all programs found.
        found: Vec<String>,
    },
    /// Another daemon holds the data directory.
    #[error("another pgsteward{} uses {directory:?}", holder.map(|pid| format!(" (pid {pid})")).unwrap_or_default())]
    InUse {
        /// The data directory.
        directory: PathBuf,
        /// The other daemon's process id.
        holder: Option<u32>,
    },
    /// There is no such account, or it is root.
    #[error("the embedded PostgreSQL cannot run as account {account:?}")]
    UnfitAccount {
        /// The account's name.
        account: String,
    },
    /// The account may not enter a directory above the cluster or its programs.
    #[error("account {account:?} may not enter {directory:?}, which lies on the way to {target:?}")]
    NotTraversable {
        /// The server's account.
        account: String,
        /// The first directory that refuses.
        directory: PathBuf,
        /// What the account needs to reach.
        target: PathBuf,
    },
    /// A file or directory of the cluster could not be worked with.
    #[error("cannot {action} {path:?}")]
    File {
        /// What was tried.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// The passwords of an existing cluster are gone.
    #[error("the cluster exists but its passwords in {path:?} are missing")]
    CredentialsLost {
        /// Where they should be.
        path: PathBuf,
    },
    /// The passwords' file is not what this daemon wrote.
    #[error("{path:?} is not a file of passwords")]
    CredentialsUnreadable {
        /// The file.
        path: PathBuf,
        /// Where it departs.
        source: serde_json::Error,
    },
    /// The place of the socket belongs to someone else.
    #[error("the socket directory {directory:?} is not a private directory of this daemon")]
    UnsafeSocketDirectory {
        /// The directory.
        directory: PathBuf,
    },
    /// A program could not be started.
    #[error("cannot run {program:?}")]
    Spawn {
        /// The program.
        program: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// `initdb` failed.
    #[error("initdb failed ({status}): {output}")]
    Initdb {
        /// How it ended.
        status: ExitStatus,
        /// What it wrote to standard error.
        output: String,
    },
    /// The server ended before it answered.
    #[error("the embedded PostgreSQL ended while it started: {output}")]
    EndedEarly {
        /// The last lines that it logged.
        output: String,
        /// Its whole log.
        log: PathBuf,
    },
    /// The server runs and does not answer yet.
    #[error("the embedded PostgreSQL (pid {pid}) does not accept connections after {waited:?}")]
    NotReady {
        /// Its process id.
        pid: i32,
        /// How long it was waited for.
        waited: Duration,
        /// Its log.
        log: PathBuf,
    },
    /// The server refuses the daemon's own connection.
    #[error("cannot connect to database {database:?} of the embedded PostgreSQL")]
    Connect {
        /// The database.
        database: String,
        /// The server's reason.
        source: tokio_postgres::Error,
    },
    /// Roles or databases could not be made.
    #[error("cannot {action} in the embedded PostgreSQL")]
    Bootstrap {
        /// What was tried, e.g. `make role "app"`.
        action: String,
        /// The server's reason.
        source: tokio_postgres::Error,
    },
    /// It could not be seen which roles there are.
    #[error("cannot see the roles of the embedded PostgreSQL")]
    Roles {
        /// The cause.
        source: Box<crate::postgres::error::PostgresError>,
    },
    /// The server's process could not be signalled.
    #[error("cannot signal the embedded PostgreSQL (pid {pid})")]
    Signal {
        /// Its process id.
        pid: i32,
        /// The system's reason.
        source: nix::Error,
    },
    /// The server does not end.
    #[error("the embedded PostgreSQL (pid {pid}) did not end within {waited:?}")]
    NotStopped {
        /// Its process id.
        pid: i32,
        /// How long it was waited for.
        waited: Duration,
    },
}

impl EmbeddedError {
    /// Makes a [`EmbeddedError::File`] of the error of `action` on `path`.
    pub(super) fn file(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::File {
            action,
            path,
            source,
        }
    }
}

impl Classified for EmbeddedError {
    fn kind(&self) -> Kind {
        match self {
            Self::Binaries(error) => error.kind(),
            Self::TooOld { .. }
            | Self::OtherMajor { .. }
            | Self::InUse { .. }
            | Self::UnfitAccount { .. }
            | Self::NotTraversable { .. }
            | Self::CredentialsLost { .. }
            | Self::UnsafeSocketDirectory { .. } => Kind::FailedPrecondition,
            Self::CredentialsUnreadable { .. } => Kind::DataLoss,
            Self::File { source, .. } if source.kind() == io::ErrorKind::StorageFull => {
                Kind::ResourceExhausted
            }
            Self::EndedEarly { .. } | Self::NotReady { .. } | Self::Connect { .. } => {
                Kind::Unavailable
            }
            Self::NotStopped { .. } => Kind::DeadlineExceeded,
            Self::File { .. }
            | Self::Spawn { .. }
            | Self::Initdb { .. }
            | Self::Bootstrap { .. }
            | Self::Roles { .. }
            | Self::Signal { .. } => Kind::Internal,
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::Binaries(error) => error.reason(),
            Self::TooOld { .. } => "EMBEDDED_VERSION_TOO_OLD",
            Self::OtherMajor { .. } => "EMBEDDED_VERSION_MISMATCH",
            Self::InUse { .. } => "DATA_DIRECTORY_IN_USE",
            Self::UnfitAccount { .. } => "EMBEDDED_ACCOUNT_UNFIT",
            Self::NotTraversable { .. } => "EMBEDDED_DIRECTORY_NOT_TRAVERSABLE",
            Self::File { .. } => "EMBEDDED_FILE_FAILED",
            Self::CredentialsLost { .. } => "EMBEDDED_CREDENTIALS_LOST",
            Self::CredentialsUnreadable { .. } => "EMBEDDED_CREDENTIALS_UNREADABLE",
            Self::UnsafeSocketDirectory { .. } => "EMBEDDED_SOCKET_DIRECTORY_UNSAFE",
            Self::Spawn { .. } => "EMBEDDED_PROGRAM_NOT_RUNNABLE",
            Self::Initdb { .. } => "EMBEDDED_INITDB_FAILED",
            Self::EndedEarly { .. } => "EMBEDDED_SERVER_ENDED",
            Self::NotReady { .. } => "EMBEDDED_SERVER_NOT_READY",
            Self::Connect { .. } => "EMBEDDED_CONNECTION_FAILED",
            Self::Bootstrap { .. } | Self::Roles { .. } => "EMBEDDED_BOOTSTRAP_FAILED",
            Self::Signal { .. } | Self::NotStopped { .. } => "EMBEDDED_SERVER_NOT_STOPPED",
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Binaries(error) => error.hint(),
            Self::TooOld { .. } => Some(format!(
                "install PostgreSQL {} or newer, or name the directory of such programs",
                super::initialize::OLDEST_MAJOR
            )),
            Self::OtherMajor { needed, .. } => Some(format!(
                "install PostgreSQL {needed} beside the other, or move the cluster with pg_upgrade"
            )),
            Self::InUse { .. } => Some(
                "stop the other daemon, or give this one a data directory of its own".to_owned(),
            ),
            Self::UnfitAccount { .. } => Some(
                "name an existing account other than root, or run the daemon as one".to_owned(),
            ),
            Self::NotTraversable { directory, .. } => Some(format!(
                "choose another place, or let the account pass: chmod o+x {}",
                directory.display()
            )),
            Self::CredentialsLost { .. } | Self::CredentialsUnreadable { .. } => Some(
                "put the file back from a copy of the data directory; a new one cannot open the \
                 old cluster"
                    .to_owned(),
            ),
            Self::UnsafeSocketDirectory { .. } => {
                Some("remove it after a look at who made it, and start again".to_owned())
            }
            Self::EndedEarly { log, .. } => Some(format!("its log is {}", log.display())),
            Self::NotReady { log, .. } => Some(format!(
                "it goes on with its recovery and is picked up by the next start; its log is {}",
                log.display()
            )),
            Self::File { .. }
            | Self::Spawn { .. }
            | Self::Initdb { .. }
            | Self::Connect { .. }
            | Self::Bootstrap { .. }
            | Self::Roles { .. }
            | Self::Signal { .. }
            | Self::NotStopped { .. } => None,
        }
    }
}
