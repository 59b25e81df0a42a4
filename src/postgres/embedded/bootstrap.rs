//! Bootstrap: the roles and databases of the private cluster, each role with just what its purpose needs.
//!
//! What that is `model::privileges` says, as for any server. It runs at every start and may be killed between any two
//! statements. Roles are set, in one transaction, to what they should be. A database is made under another name and renamed when it is ready; one that stands under its own name
//! is never touched again, for its access list may have been changed on purpose, by maintenance mode for one.

use std::path::Path;

use postgres_protocol::password::scram_sha_256;
use secrecy::ExposeSecret;
use tokio_postgres::Client;

use super::{
    credentials::{Credentials, Role},
    error::EmbeddedError,
    session::Session,
};
use crate::{
    model::{
        privileges::{Place, PurposeRoles, audit, setup},
        quote::{identifier, literal},
    },
    postgres::{privileges::read_roles, server::version_num},
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

/// Nobody has business in the databases that initdb made, but the admin role in one.
const SHARED_DATABASES: &str = "REVOKE ALL ON DATABASE postgres, template1 FROM PUBLIC";

/// The roles of the managed database, where it has this name.
fn purposes(database: &str) -> PurposeRoles {
    let name = |role: Role| role.name().to_owned();
    PurposeRoles {
        database: database.to_owned(),
        server_database: MAINTENANCE_DATABASE.to_owned(),
        admin: name(Role::Admin),
        migrator: name(Role::Migrator),
        backup: name(Role::Backup),
        maintenance: name(Role::Maintenance),
        applications: vec![name(Role::Application)],
        read_only: Vec::new(),
        superusers: Vec::new(),
    }
}

/// A database, and what makes it ready.
struct Blueprint {
    name: &'static str,
    owner: Role,
    /// From outside, for the name that it has meanwhile.
    access: fn(name: &str, version: u32) -> Vec<String>,
    /// From inside.
    content: fn(name: &str, version: u32) -> Vec<String>,
}

const CONTROL: Blueprint = Blueprint {
    name: CONTROL_DATABASE,
    owner: Role::ControlOwner,
    access: |name, _| {
        let name = identifier(name);
        vec![
            format!("REVOKE ALL ON DATABASE {name} FROM PUBLIC"),
            format!("GRANT CONNECT ON DATABASE {name} TO pgsteward"),
        ]
    },
    content: |_, _| vec!["ALTER SCHEMA public OWNER TO pgsteward_owner".to_owned()],
};

/// In clusters of before there was an owner, `pgsteward` owns the control store and all that is in it.
const HAND_OVER: &str = "REASSIGN OWNED BY pgsteward TO pgsteward_owner;
ALTER SCHEMA public OWNER TO pgsteward_owner;
GRANT CONNECT ON DATABASE pgsteward TO pgsteward";

const MANAGED: Blueprint = Blueprint {
    name: MANAGED_DATABASE,
    owner: Role::Admin,
    access: |name, version| planned(name, version, Place::Database),
    content: |name, version| planned(name, version, Place::Inside),
};

/// The statements of `model::privileges` that belong to a place.
fn planned(database: &str, version: u32, place: Place) -> Vec<String> {
    let mut steps = setup(&purposes(database), version);
    steps.retain(|step| step.place == place);
    steps.into_iter().map(|step| step.statement).collect()
}

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
    let run = async |action: String, statement: String| {
        let ran = transaction.batch_execute(&statement).await;
        ran.map_err(failed(action))
    };
    for control in [Role::ControlOwner.name(), Role::Control.name()] {
        let made = transaction
            .query_opt(
                "SELECT FROM pg_catalog.pg_roles WHERE rolname = $1",
                &[&control],
            )
            .await
            .map_err(failed(format!("look for role {control:?}")))?;
        let (action, name) = (format!("set up role {control:?}"), identifier(control));
        if made.is_none() {
            run(action.clone(), format!("CREATE ROLE {name}")).await?;
        }
        let plain = format!(
            "ALTER ROLE {name} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS"
        );
        run(action, plain).await?;
    }
    let purposes = purposes(MANAGED_DATABASE);
    let facts = read_roles(&transaction, &purposes)
        .await
        .map_err(|source| EmbeddedError::Roles {
            source: Box::new(source),
        })?;
    for finding in audit(&purposes, &facts) {
        if finding.place == Place::Server && !finding.statement.is_empty() {
            run(format!("set up role {:?}", finding.role), finding.statement).await?;
        }
    }
    for role in Role::ALL_BUT_SUPERUSER {
        let name = role.name();
        let verifier = scram_sha_256(credentials.password(role).expose_secret().as_bytes());
        let statement = format!(
            "ALTER ROLE {} PASSWORD {}",
            identifier(name),
            literal(&verifier)
        );
        run(format!("set the password of role {name:?}"), statement).await?;
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
    let quoted = identifier(&unfinished);
    let version = version_num(client)
        .await
        .map_err(|source| EmbeddedError::Roles {
            source: Box::new(source),
        })?;
    // Neither DROP nor CREATE DATABASE may share a batch, which would be one transaction.
    for statement in [
        format!("DROP DATABASE IF EXISTS {quoted} WITH (FORCE)"),
        format!(
            "CREATE DATABASE {quoted} OWNER {} TEMPLATE template0 ENCODING 'UTF8'",
            blueprint.owner.name()
        ),
        (blueprint.access)(&unfinished, version).join(";\n"),
    ] {
        client.batch_execute(&statement).await.map_err(failed)?;
    }
    let inside = connect(socket_directory, credentials, &unfinished).await?;
    inside
        .client
        .batch_execute(&(blueprint.content)(&unfinished, version).join(";\n"))
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
