//! A managed database with its control store, and a role for each purpose with just what it needs, as the product itself
//! plans it. No role of the daemon is a superuser.

use std::sync::Arc;

use anyhow::Result;
use pgsteward::model::privileges::{Place, PurposeRoles, setup};

use super::cluster::{Cluster, PASSWORD};

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
        let version: String = server
            .query_one("SELECT current_setting('server_version_num')", &[])
            .await?
            .get(0);
        let steps = setup(&databases.purposes(), version.parse()?);
        let of = |place| {
            let steps = steps.iter().filter(|step| step.place == place);
            let statements: Vec<&str> = steps.map(|step| step.statement.as_str()).collect();
            statements.join(";")
        };
        server.batch_execute(&of(Place::Server)).await?;
        server.batch_execute(&databases.logins()).await?;
        // CREATE DATABASE can share neither a batch nor a transaction.
        let (managed, admin) = (databases.managed(), databases.full("admin"));
        let create = format!("CREATE DATABASE {managed} OWNER {admin} TEMPLATE template0");
        server.batch_execute(&create).await?;
        server.batch_execute(&of(Place::Database)).await?;
        databases.create_control("control").await?;
        let inside = cluster.superuser(&managed).await?;
        inside.batch_execute(&of(Place::Inside)).await?;
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

    /// The roles, as the product plans them.
    fn purposes(&self) -> PurposeRoles {
        PurposeRoles {
            database: self.managed(),
            server_database: "postgres".to_owned(),
            admin: self.full("admin"),
            migrator: self.full("migrator"),
            backup: self.full("backup"),
            maintenance: self.full("maintenance"),
            applications: vec![self.full("app")],
            read_only: Vec::new(),
            superusers: Vec::new(),
        }
    }

    /// The control store's role, and every role's password.
    fn logins(&self) -> String {
        let control = format!("CREATE ROLE {} LOGIN;", self.full("control"));
        let all = [
            "admin",
            "migrator",
            "backup",
            "maintenance",
            "app",
            "control",
        ];
        let passwords =
            all.map(|role| format!("ALTER ROLE {} PASSWORD '{PASSWORD}';", self.full(role)));
        control + &passwords.concat()
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
