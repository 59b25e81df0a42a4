//! Bootstrap: the roles and databases of the private cluster, each role with just what its purpose needs.
//!
//! It runs at every start and may be killed between any two statements. Roles are set, in one transaction, to what is
//! written here. A database is made under another name and renamed when it is ready; one that stands under its own name
//! is never touched again, for its access list may have been changed on purpose, by maintenance mode for one.

use std::path::Path;

use secrecy::ExposeSecret;
use tokio_postgres::Client;

use super::{
    credentials::{Credentials, Role},
    error::EmbeddedError,
    session::Session,
};

/// The control store, owned by role `pgsteward_owner`.
pub(super) const CONTROL_DATABASE: &str = "pgsteward";
/// The managed database, owned by role `app_admin`.
pub(super) const MANAGED_DATABASE: &str = "app";
/// Every cluster has it; the superuser works from here.
const MAINTENANCE_DATABASE: &str = "postgres";

/// Statements about a failing password must not end in the server's log.
const QUIET: &str = "SET log_statement = 'none';
SET log_min_duration_statement = -1;
SET log_min_error_statement = 'panic'";

/// What each role may, beyond what it owns.
///
/// - `pgsteward_owner` owns the control store and makes its tables; `pgsteward` works with them and, since it owns none,
///   cannot touch the audit log's records. What it may is granted when the tables are made.
/// - `app_admin` restores: it belongs to the owners whose objects it makes (the application owns its large objects),
///   and compares what it restored, past row security. It ends the sessions of others, and sees what they do.
/// - `app_backup` reads all: rows by `pg_read_all_data`, those under row security by BYPASSRLS, large objects by
///   `lo_compat_privileges`, since no role but their owner may otherwise. That would let it write large objects too,
///   hence its transactions are read-only unless they ask for more.
/// - `app_maintenance` acts as the owner of the tables: before PostgreSQL 17 only an owner may VACUUM and REINDEX.
const ROLES: [(Role, &str, &str); 7] = [
    (Role::ControlOwner, "", ""),
    (Role::Control, "", ""),
    (Role::Application, "", ""),
    (Role::Migrator, "", ""),
    (
        Role::Admin,
        "CREATEDB BYPASSRLS",
        "GRANT app_migrator, app, pg_signal_backend, pg_read_all_stats TO app_admin",
    ),
    (
        Role::Backup,
        "BYPASSRLS",
        "GRANT pg_read_all_data TO app_backup;
         ALTER ROLE app_backup SET lo_compat_privileges = on;
         ALTER ROLE app_backup SET default_transaction_read_only = on",
    ),
    (
        Role::Maintenance,
        "",
        "GRANT app_migrator TO app_maintenance",
    ),
];

/// Nobody has business in the databases that initdb made, but one: a rename needs a connection to another database.
const SHARED_DATABASES: &str = "REVOKE ALL ON DATABASE postgres, template1 FROM PUBLIC;
GRANT CONNECT ON DATABASE postgres TO app_admin";

/// A database, and what makes it ready; `{}` stands for its name.
struct Blueprint {
    name: &'static str,
    owner: Role,
    /// From outside.
    access: &'static str,
    /// From inside.
    content: &'static str,
}

const CONTROL: Blueprint = Blueprint {
    name: CONTROL_DATABASE,
    owner: Role::ControlOwner,
    access: "REVOKE ALL ON DATABASE {} FROM PUBLIC;
GRANT CONNECT ON DATABASE {} TO pgsteward",
    content: "ALTER SCHEMA public OWNER TO pgsteward_owner",
};

/// In clusters of before there was an owner, `pgsteward` owns the control store and all that is in it.
const HAND_OVER: &str = "REASSIGN OWNED BY pgsteward TO pgsteward_owner;
ALTER SCHEMA public OWNER TO pgsteward_owner;
GRANT CONNECT ON DATABASE pgsteward TO pgsteward";

/// `app_migrator` owns schema `public`, rather than having CREATE on it: a dump then says so before its first table,
/// and gives those tables to `app_migrator` also where a new database knows nothing of it. With a grant, which a dump
/// says last, no role but a superuser could restore it.
const MANAGED: Blueprint = Blueprint {
    name: MANAGED_DATABASE,
    owner: Role::Admin,
    access: "REVOKE ALL ON DATABASE {} FROM PUBLIC;
GRANT CONNECT ON DATABASE {} TO app_migrator, app_backup, app_maintenance, app;
GRANT CREATE, TEMPORARY ON DATABASE {} TO app_migrator",
    content: "ALTER SCHEMA public OWNER TO app_migrator;
ALTER DEFAULT PRIVILEGES FOR ROLE app_migrator IN SCHEMA public
    GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO app;
ALTER DEFAULT PRIVILEGES FOR ROLE app_migrator IN SCHEMA public
    GRANT SELECT, USAGE ON SEQUENCES TO app",
};

/// Brings roles and databases to what this module describes.
pub(super) async fn run(
    socket_directory: &Path,
    credentials: &Credentials,
) -> Result<(), EmbeddedError> {
    let mut session = connect(socket_directory, credentials, MAINTENANCE_DATABASE).await?;
    roles(&mut session.client, credentials).await?;
    for blueprint in [&CONTROL, &MANAGED] {
        if !database_exists(&session.client, blueprint.name).await? {
            tracing::info!(
                database = blueprint.name,
                "making a database of the embedded PostgreSQL"
            );
            database(&session.client, socket_directory, credentials, blueprint).await?;
        }
    }
    session.close().await;
    hand_over(socket_directory, credentials).await
}

/// Gives the control store to its owner, where another has it.
async fn hand_over(
    socket_directory: &Path,
    credentials: &Credentials,
) -> Result<(), EmbeddedError> {
    let failed = |source| EmbeddedError::Bootstrap {
        action: "give the control store to its owner".to_owned(),
        source,
    };
    let session = connect(socket_directory, credentials, CONTROL_DATABASE).await?;
    let owned = session
        .client
        .query_one(
            "SELECT EXISTS (SELECT FROM pg_shdepend
                            WHERE refclassid = 'pg_authid'::regclass AND refobjid = 'pgsteward'::regrole
                              AND deptype = 'o'
                              AND dbid IN (0, (SELECT oid FROM pg_database WHERE datname = current_database())))",
            &[],
        )
        .await
        .map_err(failed)?;
    if owned.try_get(0).map_err(failed)? {
        tracing::info!("giving the control store to a role of its own");
        session
            .client
            .batch_execute(HAND_OVER)
            .await
            .map_err(failed)?;
    }
    session.close().await;
    Ok(())
}

async fn roles(client: &mut Client, credentials: &Credentials) -> Result<(), EmbeddedError> {
    let failed = |action: String| move |source| EmbeddedError::Bootstrap { action, source };
    client
        .batch_execute(QUIET)
        .await
        .map_err(failed("set up the session".to_owned()))?;
    let transaction = client
        .transaction()
        .await
        .map_err(failed("begin a transaction".to_owned()))?;
    for (role, attributes, grants) in ROLES {
        let name = role.name();
        let failed = |source| failed(format!("set up role {name:?}"))(source);
        let password = credentials.password(role).expose_secret();
        // PostgreSQL quotes name and password, since these statements take no parameters.
        let statements = transaction
            .query_one(
                "SELECT CASE WHEN EXISTS (SELECT FROM pg_roles WHERE rolname = $1)
                        THEN '' ELSE format('CREATE ROLE %I;', $1::text) END
                     || format('ALTER ROLE %I LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS;
                                ALTER ROLE %I PASSWORD %L;', $1::text, $1::text, $2::text)",
                &[&name, &password],
            )
            .await
            .map_err(failed)?;
        let statements: String = statements.try_get(0).map_err(failed)?;
        transaction
            .batch_execute(&statements)
            .await
            .map_err(failed)?;
        let extras = format!("ALTER ROLE {name} {attributes}; {grants}");
        transaction.batch_execute(&extras).await.map_err(failed)?;
    }
    transaction
        .batch_execute(SHARED_DATABASES)
        .await
        .map_err(failed("close the shared databases".to_owned()))?;
    transaction
        .commit()
        .await
        .map_err(failed("commit the roles".to_owned()))
}

async fn database_exists(client: &Client, name: &str) -> Result<bool, EmbeddedError> {
    let found = client
        .query_opt("SELECT FROM pg_database WHERE datname = $1", &[&name])
        .await;
    found
        .map(|row| row.is_some())
        .map_err(|source| EmbeddedError::Bootstrap {
            action: format!("look for database {name:?}"),
            source,
        })
}

/// Makes a database from the pristine template, under another name until it is ready.
async fn database(
    client: &Client,
    socket_directory: &Path,
    credentials: &Credentials,
    blueprint: &Blueprint,
) -> Result<(), EmbeddedError> {
    let failed = |source| EmbeddedError::Bootstrap {
        action: format!("make database {:?}", blueprint.name),
        source,
    };
    let unfinished = format!("{}.unfinished", blueprint.name);
    let quoted = format!("\"{unfinished}\"");
    // Neither DROP nor CREATE DATABASE may share a batch, which would be one transaction.
    for statement in [
        format!("DROP DATABASE IF EXISTS {quoted} WITH (FORCE)"),
        format!(
            "CREATE DATABASE {quoted} OWNER {} TEMPLATE template0 ENCODING 'UTF8'",
            blueprint.owner.name()
        ),
        blueprint.access.replace("{}", &quoted),
    ] {
        client.batch_execute(&statement).await.map_err(failed)?;
    }
    let inside = connect(socket_directory, credentials, &unfinished).await?;
    inside
        .client
        .batch_execute(blueprint.content)
        .await
        .map_err(failed)?;
    inside.close().await;
    let rename = format!("ALTER DATABASE {quoted} RENAME TO {}", blueprint.name);
    client.batch_execute(&rename).await.map_err(failed)
}

async fn connect(
    socket_directory: &Path,
    credentials: &Credentials,
    database: &str,
) -> Result<Session, EmbeddedError> {
    Session::open(socket_directory, credentials, database)
        .await
        .map_err(|source| EmbeddedError::Connect {
            database: database.to_owned(),
            source,
        })
}
