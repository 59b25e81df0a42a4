//! Session: one connection of the superuser, for the start alone.

use std::{path::Path, time::Duration};

use secrecy::ExposeSecret;
use tokio::task::JoinHandle;
use tokio_postgres::{Client, Config, NoTls};

use super::credentials::{Credentials, Role};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// The superuser's connection to one database.
pub(super) struct Session {
    pub(super) client: Client,
    connection: JoinHandle<()>,
}

impl Session {
    pub(super) async fn open(
        socket_directory: &Path,
        credentials: &Credentials,
        database: &str,
    ) -> Result<Self, tokio_postgres::Error> {
        let (client, connection) = Config::new()
            .host_path(socket_directory)
            .user(Role::Superuser.name())
            .password(credentials.password(Role::Superuser).expose_secret())
            .dbname(database)
            .application_name("pgsteward start")
            .connect_timeout(CONNECT_TIMEOUT)
            .connect(NoTls)
            .await?;
        let connection = tokio::spawn(async move {
            // A lost connection shows in the client's next call.
            let _ = connection.await;
        });
        Ok(Self { client, connection })
    }

    /// Ends the connection, so that nothing stands in the way of a database's rename.
    pub(super) async fn close(self) {
        drop(self.client);
        let _ = self.connection.await;
    }
}
