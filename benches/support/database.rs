//! A managed database with its control store, and a role for each purpose with just what it needs, as
//! `postgres/embedded/bootstrap.rs` describes it. No role of the daemon is a superuser.

use std::sync::Arc;

use anyhow::Result;

use super::cluster::{Cluster, PASSWORD};

const ROLES: [&str; 6] = [
    "admin",
    "migrator",
    "backup",
    "maintenance",
    "app",
    "control",
];

/// The databases of one daemon. They go with the cluster.
#[derive(Clone)]
pub(crate) struct Databases {
    /// Where they are.
    pub(crate) cluster: Arc<Cluster>,
    /// The first part of every name.
    prefix: String,
}

impl Databases {
    /// Makes the roles, the control store and an empty managed database.
    pub(crate) async fn create(cluster: &Arc<Cluster>, prefix: &str) -> Result<Self> {
        let databases = Self {
            cluster: Arc::clone(cluster),
            prefix: prefix.to_owned(),
        };
        let server = cluster.superuser("postgres").await?;
        for statement in databases.outside() {
            server.batch_execute(&statement).await?;
        }
        databases.create_control("control").await?;
        let managed = cluster.superuser(&databases.managed()).await?;
        managed.batch_execute(&databases.inside()).await?;
        Ok(databases)
    }

    /// Those that were made before under this prefix.
    pub(crate) fn existing(cluster: &Arc<Cluster>, prefix: &str) -> Self {
        Self {
            cluster: Arc::clone(cluster),
            prefix: prefix.to_owned(),
        }
    }

    /// Makes one more control store, for one more daemon.
    pub(crate) async fn create_control(&self, name: &str) -> Result<()> {
        let (control, owner) = (self.full(name), self.full("control"));
        let server = self.cluster.superuser("postgres").await?;
        // CREATE DATABASE can share neither a batch nor a transaction.
        for statement in [
            format!("CREATE DATABASE {control} OWNER {owner} TEMPLATE template0"),
            format!("REVOKE ALL ON DATABASE {control} FROM PUBLIC"),
        ] {
            server.batch_execute(&statement).await?;
        }
        Ok(())
    }

    fn outside(&self) -> [String; 3] {
        let p = &self.prefix;
        let roles = ROLES
            .map(|role| format!("CREATE ROLE {p}_{role} LOGIN PASSWORD '{PASSWORD}';"))
            .concat();
        [
            format!(
                "{roles}
                 ALTER ROLE {p}_admin CREATEDB BYPASSRLS;
                 GRANT {p}_migrator, {p}_app, pg_signal_backend, pg_read_all_stats TO {p}_admin;
                 ALTER ROLE {p}_backup BYPASSRLS;
                 GRANT pg_read_all_data TO {p}_backup;
                 ALTER ROLE {p}_backup SET lo_compat_privileges = on;
                 ALTER ROLE {p}_backup SET default_transaction_read_only = on;
                 GRANT {p}_migrator TO {p}_maintenance"
            ),
            format!("CREATE DATABASE {p}_app OWNER {p}_admin TEMPLATE template0"),
            format!(
                "REVOKE ALL ON DATABASE {p}_app FROM PUBLIC;
                 GRANT CONNECT ON DATABASE {p}_app TO {p}_migrator, {p}_backup, {p}_maintenance, {p}_app;
                 GRANT CREATE, TEMPORARY ON DATABASE {p}_app TO {p}_migrator"
            ),
        ]
    }

    fn inside(&self) -> String {
        let p = &self.prefix;
        format!(
            "ALTER SCHEMA public OWNER TO {p}_migrator;
             ALTER DEFAULT PRIVILEGES FOR ROLE {p}_migrator IN SCHEMA public
                 GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO {p}_app;
             ALTER DEFAULT PRIVILEGES FOR ROLE {p}_migrator IN SCHEMA public
                 GRANT SELECT, USAGE ON SEQUENCES TO {p}_app"
        )
    }

    /// The full name of a role or database.
    pub(crate) fn full(&self, name: &str) -> String {
        format!("{}_{name}", self.prefix)
    }

    /// The managed database's name on the server.
    pub(crate) fn managed(&self) -> String {
        self.full("app")
    }

    /// The URL of a role in a database, both by their full names.
    pub(crate) fn url(&self, role: &str, database: &str) -> String {
        let (role, port) = (self.full(role), self.cluster.port);
        format!("postgresql://{role}:{PASSWORD}@127.0.0.1:{port}/{database}")
    }

    /// Runs statements in the managed database as its migrator, which owns what they make.
    pub(crate) async fn run(&self, statements: &str) -> Result<()> {
        let role = self.full("migrator");
        let migrator = self.cluster.connect(&role, &self.managed()).await?;
        Ok(migrator.batch_execute(statements).await?)
    }

    /// Runs statements in the managed database as the superuser.
    pub(crate) async fn run_as_superuser(&self, statements: &str) -> Result<()> {
        let superuser = self.cluster.superuser(&self.managed()).await?;
        Ok(superuser.batch_execute(statements).await?)
    }
}
