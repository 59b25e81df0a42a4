//! Database: the connections to one managed database, by purpose.
//!
//! Each purpose has a login of its own, so that no job has more privileges than it needs. Short queries take a pooled
//! connection; jobs take a [`Session`].

use std::time::Duration;

use deadpool_postgres::{
    Manager, ManagerConfig, Pool, PoolError, RecyclingMethod, Runtime, TimeoutType,
};
use tokio_postgres::{Config, NoTls};

use super::{
    copy::CopySession,
    error::PostgresError,
    pooled::Pooled,
    session::{Session, notice_a_dead_peer, target},
};
pub use crate::model::privileges::Purpose;

/// How to reach PostgreSQL.
#[derive(Clone, Debug)]
pub struct ConnectionSettings {
    /// What pooled connections are shown as in `pg_stat_activity`, at most 63 bytes.
    pub application_name: String,
    /// Bound on making a connection, or on having one from a pool.
    pub connect_timeout: Duration,
    /// `statement_timeout` of pooled connections, which carry the daemon's own short queries only.
    pub statement_timeout: Duration,
    /// Connections of one pool at most.
    pub pool_size: usize,
}

/// What is needed to open a [`Database`].
#[derive(Debug)]
pub struct DatabaseLogins {
    /// The login of each purpose. All name the same database of the same server.
    pub admin: Config,
    /// See `admin`.
    pub migrator: Config,
    /// See `admin`.
    pub backup: Config,
    /// See `admin`.
    pub maintenance: Config,
    /// The login that may make the other roles, where there is one; used for nothing else.
    pub provision: Option<Config>,
    /// Another database of that server that the admin login may connect to, to work on the managed one from outside.
    pub server_database: String,
}

/// How long a connection that comes from the pool may take to show that it lives, before it is replaced by a new one.
const RECYCLE_TIMEOUT: Duration = Duration::from_secs(2);

/// The connections to one managed database. Nothing is connected until it is needed.
#[derive(Debug)]
pub struct Database {
    name: String,
    logins: DatabaseLogins,
    settings: ConnectionSettings,
    pools: [Pool; 4],
}

impl Database {
    /// Prepares the pools; connects to nothing yet.
    pub fn new(
        name: &str,
        mut logins: DatabaseLogins,
        settings: ConnectionSettings,
    ) -> Result<Self, PostgresError> {
        for login in [
            &mut logins.admin,
            &mut logins.backup,
            &mut logins.maintenance,
        ] {
            search_catalog_only(login);
        }
        if let Some(login) = &mut logins.provision {
            search_catalog_only(login);
        }
        let pools = [
            pool(&logins.admin, &settings)?,
            pool(&logins.migrator, &settings)?,
            pool(&logins.backup, &settings)?,
            pool(&logins.maintenance, &settings)?,
        ];
        Ok(Self {
            name: name.to_owned(),
            logins,
            settings,
            pools,
        })
    }

    /// The name under which the configuration manages it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The database's name on its server.
    pub fn server_name(&self) -> &str {
        self.logins.admin.get_dbname().unwrap_or(&self.name)
    }

    /// The login of a purpose.
    pub fn login(&self, purpose: Purpose) -> &Config {
        match purpose {
            Purpose::Admin => &self.logins.admin,
            Purpose::Migrator => &self.logins.migrator,
            Purpose::Backup => &self.logins.backup,
            Purpose::Maintenance => &self.logins.maintenance,
        }
    }

    /// The names of the daemon's own roles, each once.
    pub fn roles(&self) -> Vec<String> {
        let mut roles: Vec<String> = Purpose::ALL
            .iter()
            .filter_map(|purpose| self.login(*purpose).get_user().map(ToOwned::to_owned))
            .collect();
        roles.sort();
        roles.dedup();
        roles
    }

    /// A pooled connection for short queries that leave no session state behind.
    pub async fn pooled(&self, purpose: Purpose) -> Result<Pooled, PostgresError> {
        get(
            &self.pools[purpose as usize],
            self.login(purpose),
            &self.settings,
        )
        .await
    }

    /// A connection of its own to the managed database.
    pub async fn session(
        &self,
        purpose: Purpose,
        application_name: &str,
    ) -> Result<Session, PostgresError> {
        let login = self.login(purpose);
        Session::connect(login, application_name, self.settings.connect_timeout).await
    }

    /// A connection of the admin login to another database of the same server.
    pub async fn session_to(
        &self,
        database: &str,
        application_name: &str,
    ) -> Result<Session, PostgresError> {
        let mut login = self.logins.admin.clone();
        login.dbname(database);
        Session::connect(&login, application_name, self.settings.connect_timeout).await
    }

    /// The login that makes roles: one of its own, or else the admin's.
    pub fn provisioner(&self) -> &Config {
        self.logins.provision.as_ref().unwrap_or(&self.logins.admin)
    }

    /// Whether the login that makes roles is one of its own.
    pub fn has_provisioner(&self) -> bool {
        self.logins.provision.is_some()
    }

    /// A connection of the login that makes roles, outside the managed database.
    pub async fn provisioning_server_session(
        &self,
        application_name: &str,
    ) -> Result<Session, PostgresError> {
        let mut login = self.provisioner().clone();
        login.dbname(&self.logins.server_database);
        Session::connect(&login, application_name, self.settings.connect_timeout).await
    }

    /// The database of the server from which the managed one is worked on.
    pub fn server_database(&self) -> &str {
        &self.logins.server_database
    }

    /// A connection of its own with a variant of one of the logins.
    pub async fn session_as(
        &self,
        login: &Config,
        application_name: &str,
    ) -> Result<Session, PostgresError> {
        Session::connect(login, application_name, self.settings.connect_timeout).await
    }

    /// A connection of its own that rows can be streamed from, with a variant of one of the logins.
    pub async fn copy_session(
        &self,
        login: &Config,
        application_name: &str,
    ) -> Result<CopySession, PostgresError> {
        CopySession::connect(login, application_name, self.settings.connect_timeout).await
    }

    /// A connection of the admin login to the server, outside the managed database, for work on the database itself.
    pub async fn server_session(&self, application_name: &str) -> Result<Session, PostgresError> {
        self.session_to(&self.logins.server_database, application_name)
            .await
    }
}

/// Whoever may create in a schema of the search path can lay functions and operators in the way of a query's, and would have
/// them run by a login that may do more (CVE-2018-1058). Only the migrator's scripts need the path that its role has.
fn search_catalog_only(login: &mut Config) {
    let options = login.get_options().unwrap_or_default().to_owned();
    login.options(format!("{options} -c search_path=pg_catalog,pg_temp").trim());
}

/// A pool whose connections are checked and reset each time they are taken.
pub fn pool(login: &Config, settings: &ConnectionSettings) -> Result<Pool, PostgresError> {
    let mut login = login.clone();
    login.application_name(&settings.application_name);
    notice_a_dead_peer(&mut login);
    let timeout = settings.statement_timeout.as_millis();
    let options = login.get_options().unwrap_or_default().to_owned();
    login.options(format!("{options} -c statement_timeout={timeout}").trim());
    let manager = Manager::from_config(
        login.clone(),
        NoTls,
        ManagerConfig {
            recycling_method: RecyclingMethod::Clean,
        },
    );
    Pool::builder(manager)
        .max_size(settings.pool_size)
        .runtime(Runtime::Tokio1)
        .wait_timeout(Some(settings.connect_timeout))
        .create_timeout(Some(settings.connect_timeout))
        .recycle_timeout(Some(settings.connect_timeout.min(RECYCLE_TIMEOUT)))
        .build()
        .map_err(|error| PostgresError::Unexpected {
            what: format!("prepare connections to {}", target(&login)),
            detail: error.to_string(),
        })
}

/// Takes a connection from a pool.
pub async fn get(
    pool: &Pool,
    login: &Config,
    settings: &ConnectionSettings,
) -> Result<Pooled, PostgresError> {
    let object = pool.get().await.map_err(|error| match error {
        PoolError::Backend(source) => PostgresError::Connect {
            target: target(login),
            source: source.into(),
        },
        PoolError::Timeout(TimeoutType::Wait | TimeoutType::Create | TimeoutType::Recycle) => {
            PostgresError::ConnectTimeout {
                target: target(login),
                after: settings.connect_timeout,
            }
        }
        other => PostgresError::Unexpected {
            what: format!("take a connection to {}", target(login)),
            detail: other.to_string(),
        },
    })?;
    Ok(Pooled::new(object, settings.statement_timeout))
}
