//! Embedded: the private PostgreSQL cluster of a daemon without configuration.
//!
//! `app` starts it before anything else, takes the connection URLs of each purpose from it, and stops it last. The
//! cluster is reached through a Unix socket only, every role has a random password (SCRAM), and the superuser's never
//! leaves this folder. Whatever kills the daemon or the server, the next start finds its way: a half-made cluster is
//! thrown away, a server that is still running is adopted, a stale pid file is removed.

mod account;
mod bootstrap;
mod credentials;
mod error;
mod initialize;
mod layout;
mod process;
mod server;
mod session;

use std::path::{Path, PathBuf};

use secrecy::SecretString;

use self::{
    account::Account,
    credentials::{Credentials, Role},
    layout::{DirectoryLock, Layout},
    server::Server,
};
pub use error::EmbeddedError;

/// Where the cluster lives and who runs it.
#[derive(Clone, Debug)]
pub struct EmbeddedConfig {
    /// The daemon's data directory; the cluster is `postgres/` below it. Made where it is missing.
    pub data_directory: PathBuf,
    /// The directory of `initdb` and `postgres`; searched for where it is not given.
    pub binaries: Option<PathBuf>,
    /// The account that runs the server when the daemon runs as root, since PostgreSQL refuses to. By default the
    /// owner of an existing cluster, else `postgres` where there is such an account, else `nobody`. Any other user
    /// runs the server as itself.
    pub user: Option<String>,
}

/// The connection URLs of the managed database `app`, one per purpose. None of the roles is a superuser.
#[derive(Clone, Debug)]
pub struct EmbeddedUrls {
    /// `app_admin`: owns the databases that it makes and renames, ends other sessions, restores.
    pub admin: SecretString,
    /// `app_migrator`: owns schema `public` and whatever revisions make.
    pub migrator: SecretString,
    /// `app_backup`: reads everything, row security and large objects included.
    pub backup: SecretString,
    /// `app_maintenance`: vacuums, analyzes and reindexes what `app_migrator` owns.
    pub maintenance: SecretString,
}

/// A running private cluster.
///
/// Dropping it without [`Embedded::stop`] leaves the server running, as a killed daemon does; the next start adopts it.
#[derive(Debug)]
pub struct Embedded {
    server: Server,
    socket_directory: PathBuf,
    control: SecretString,
    control_owner: SecretString,
    managed: EmbeddedUrls,
    application: SecretString,
    /// Held until the server is down, or the daemon is gone.
    _lock: DirectoryLock,
}

impl Embedded {
    /// Brings the cluster up, making it where there is none, with its roles and databases.
    ///
    /// Returns when it answers queries; a cluster in crash recovery is waited for, up to a minute.
    pub async fn start(config: &EmbeddedConfig) -> Result<Self, EmbeddedError> {
        // 1. One daemon per data directory.
        let data_directory = layout::make_data_directory(&config.data_directory)?;
        let lock = DirectoryLock::acquire(&data_directory)?;

        // 2. Who runs the server, and with which programs.
        let account = Account::select(config.user.as_deref(), &data_directory.join("postgres"))?;
        let layout = Layout::prepare(data_directory, &account)?;
        let binaries = initialize::choose_binaries(config.binaries.as_deref(), &layout).await?;
        account
            .check_access(&binaries, &layout.data_directory)
            .await?;

        // 3. The cluster's files.
        let credentials = Credentials::load_or_create(&layout)?;
        initialize::cluster(&layout, &account, &binaries, &credentials).await?;

        // 4. The server.
        let server = server::adopt_or_start(&layout, &account, &binaries, &credentials).await?;

        // 5. Roles and databases.
        if let Err(error) = bootstrap::run(&layout.socket_directory, &credentials).await {
            if let Err(stopping) = server.stop().await {
                tracing::warn!(error = %stopping, "the embedded PostgreSQL could not be stopped");
            }
            return Err(error);
        }

        let url = |role, database| credentials.url(role, database, &layout.socket_directory);
        Ok(Self {
            control: url(Role::Control, bootstrap::CONTROL_DATABASE),
            control_owner: url(Role::ControlOwner, bootstrap::CONTROL_DATABASE),
            managed: EmbeddedUrls {
                admin: url(Role::Admin, bootstrap::MANAGED_DATABASE),
                migrator: url(Role::Migrator, bootstrap::MANAGED_DATABASE),
                backup: url(Role::Backup, bootstrap::MANAGED_DATABASE),
                maintenance: url(Role::Maintenance, bootstrap::MANAGED_DATABASE),
            },
            application: url(Role::Application, bootstrap::MANAGED_DATABASE),
            socket_directory: layout.socket_directory,
            server,
            _lock: lock,
        })
    }

    /// The URL of the control store: role `pgsteward`, which works with its tables and owns none.
    pub fn control_url(&self) -> &SecretString {
        &self.control
    }

    /// The URL of the control store's owner: role `pgsteward_owner`.
    pub fn control_owner_url(&self) -> &SecretString {
        &self.control_owner
    }

    /// The URLs by which the daemon manages database `app`.
    pub fn managed(&self) -> EmbeddedUrls {
        self.managed.clone()
    }

    /// The URL for the application itself: role `app`, which reads and writes the rows of schema `public` and no more.
    pub fn application_url(&self) -> &SecretString {
        &self.application
    }

    /// The directory of the server's socket; only the daemon's user, the server's account and root can enter it.
    pub fn socket_directory(&self) -> &Path {
        &self.socket_directory
    }

    /// The server's process id, until it has ended.
    pub fn pid(&self) -> Option<u32> {
        self.server.pid()
    }

    /// Resolves when the server's process has ended, for whatever reason.
    pub async fn exited(&self) {
        self.server.exited().await;
    }

    /// Ends all sessions and the server, in order where it obeys in time, else at once.
    pub async fn stop(self) -> Result<(), EmbeddedError> {
        self.server.stop().await
    }
}
