//! What the replacing of the managed database needs, beside a good archive: that it is closed, and that all that hangs on
//! it can hang on another.

use tokio_postgres::Client;

use super::check_that;
use crate::{
    model::{
        backup::Manifest,
        failure::{Failure, chain},
        restore::RestoreCheck,
    },
    ops::daemon::{Daemon, Managed},
    postgres::{access, database::Purpose, error::PostgresError, properties, session::Session},
};

pub(super) fn backup_database(managed: &Managed, backup: &Manifest) -> RestoreCheck {
    check_that(
        "BACKUP_DATABASE",
        backup.database == managed.name(),
        format!("the backup is of database {:?}", backup.database),
        format!(
            "the backup is of database {:?}, not of {:?}: name a backup of that database",
            backup.database,
            managed.name()
        ),
    )
}

/// The record alone is not enough: what others write after the last backup would be lost with the swap.
pub(super) async fn maintenance_mode(
    daemon: &Daemon,
    managed: &Managed,
    session: &Session,
) -> Result<RestoreCheck, Failure> {
    let (name, database) = (managed.name(), managed.database.server_name());
    let roles = managed.database.roles();
    let problem = if daemon.store.maintenance(name).await?.is_none() {
        format!("database {name:?} is not in maintenance mode: call EnterMaintenance first")
    } else if !access::plan(session, database, &roles)
        .await?
        .taken
        .is_empty()
    {
        format!(
            "database {name:?} is in maintenance mode, but others may connect: call EnterMaintenance again"
        )
    } else {
        String::new()
    };
    let good = "maintenance mode is on".to_owned();
    Ok(check_that(
        "MAINTENANCE_MODE",
        problem.is_empty(),
        good,
        problem,
    ))
}

/// Superusers' sessions can neither be kept out nor ended without being one, and stand in the way of the swap.
pub(super) async fn open_sessions(
    managed: &Managed,
    session: &Session,
) -> Result<RestoreCheck, Failure> {
    let open = access::superuser_sessions(session, managed.database.server_name()).await?;
    Ok(check_that(
        "OPEN_SESSIONS",
        open.is_empty(),
        "no session of a superuser is in the database".to_owned(),
        format!(
            "sessions of superusers are in the database, which only a superuser can end: {}",
            open.join("; ")
        ),
    ))
}

/// Only a database's owner may rename it.
pub(super) async fn database_owner(
    client: &Client,
    managed: &Managed,
) -> Result<RestoreCheck, Failure> {
    let database = managed.database.server_name();
    let row = client
        .query_one(
            "SELECT pg_has_role(datdba, 'USAGE'), current_user::text FROM pg_database WHERE datname = $1",
            &[&database],
        )
        .await
        .map_err(PostgresError::query("read who owns the database"))?;
    let role: String = row.get(1);
    Ok(check_that(
        "DATABASE_OWNER",
        row.get(0),
        format!("role {role:?} owns database {database:?}"),
        format!(
            "role {role:?} does not own database {database:?}: ALTER DATABASE {database:?} OWNER TO {role:?}"
        ),
    ))
}

/// What hangs on the database must hang on the restored one too. Whether the admin role may write all of it (settings of
/// other roles need CREATEROLE, some settings a superuser) the server alone can tell; so it is tried, and rolled back.
pub(super) async fn database_properties(
    session: &mut Session,
    managed: &Managed,
) -> Result<RestoreCheck, Failure> {
    let database = managed.database.server_name();
    let refusal = match properties::rehearse(session, database).await {
        Err(error) if error.server_report().is_none() => return Err(error.into()),
        rehearsed => rehearsed.err(),
    };
    Ok(RestoreCheck {
        name: "DATABASE_PROPERTIES",
        passed: refusal.is_none(),
        message: match refusal {
            None => "settings, access list, limit and comment can be carried over".to_owned(),
            Some(error) => chain(&error),
        },
    })
}

pub(super) async fn prepared_transactions(
    client: &Client,
    managed: &Managed,
) -> Result<RestoreCheck, Failure> {
    let count: i64 = client
        .query_one(
            "SELECT count(*) FROM pg_prepared_xacts WHERE database = $1",
            &[&managed.database.server_name()],
        )
        .await
        .map_err(PostgresError::query("count the prepared transactions"))?
        .get(0);
    Ok(check_that(
        "PREPARED_TRANSACTIONS",
        count == 0,
        "there are no prepared transactions".to_owned(),
        format!(
            "{count} prepared transactions keep the database from being renamed: commit them or roll them back"
        ),
    ))
}

/// Slots and subscriptions stay with the database that is set aside, and go when it is dropped.
pub(super) async fn replication_slots(
    client: &Client,
    managed: &Managed,
) -> Result<RestoreCheck, Failure> {
    let row = client
        .query_one(
            "SELECT (SELECT count(*) FROM pg_replication_slots WHERE database = $1)
                  + (SELECT count(*) FROM pg_stat_subscription AS subscription
                     WHERE EXISTS (SELECT FROM pg_stat_activity AS activity
                                   WHERE activity.pid = subscription.pid AND activity.datname = $1))",
            &[&managed.database.server_name()],
        )
        .await
        .map_err(PostgresError::query("count the replication slots"))?;
    let count: i64 = row.get(0);
    Ok(check_that(
        "REPLICATION",
        count == 0,
        "there are no logical replication slots or subscriptions".to_owned(),
        format!(
            "{count} logical replication slots or subscriptions hang on the database: drop them, and make them again after the restore"
        ),
    ))
}

/// The archive gives each object to its owner again, which needs membership in the owner's role, and an owner who may
/// create in the schema. A dump grants that only at its end; it says a schema's owner at its beginning.
pub(super) async fn owners(managed: &Managed) -> Result<[RestoreCheck; 2], Failure> {
    let session = managed
        .database
        .session(Purpose::Admin, "pgsteward restore")
        .await?;
    let row = session
        .query_one(
            "SELECT coalesce(string_agg(DISTINCT quote_ident(role.rolname), ', '), ''), current_user::text
             FROM pg_shdepend AS dependency
             JOIN pg_database AS database ON database.oid = dependency.dbid
             JOIN pg_roles AS role ON role.oid = dependency.refobjid
             WHERE database.datname = current_database() AND dependency.refclassid = 'pg_authid'::regclass
               AND dependency.deptype = 'o' AND NOT pg_has_role(role.oid, 'MEMBER')",
            &[],
        )
        .await
        .map_err(PostgresError::query("list the owners"))?;
    let (missing, admin): (String, String) = (row.get(0), row.get(1));
    let strangers: String = session
        .query_one(
            "SELECT coalesce(string_agg(DISTINCT format('ALTER SCHEMA %I OWNER TO %I', schema.nspname, owner.rolname), '; '), '')
             FROM (SELECT relnamespace, relowner FROM pg_class
                   UNION SELECT pronamespace, proowner FROM pg_proc
                   UNION SELECT typnamespace, typowner FROM pg_type) AS object (namespace, owner)
             JOIN pg_namespace AS schema ON schema.oid = object.namespace
             JOIN pg_roles AS owner ON owner.oid = object.owner
             WHERE schema.nspname NOT LIKE 'pg\\_%' AND schema.nspname <> 'information_schema'
               AND NOT owner.rolsuper AND NOT pg_has_role(owner.oid, schema.nspowner, 'USAGE')
               AND has_schema_privilege(owner.oid, schema.oid, 'CREATE')
               AND NOT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user)",
            &[],
        )
        .await
        .map_err(PostgresError::query("list the owners of schemas"))?
        .get(0);
    session.close().await;
    Ok([
        check_that(
            "ROLES",
            missing.is_empty(),
            "the admin role may give every object to its owner".to_owned(),
            format!(
                "role {admin:?} may not give objects to {missing}: GRANT {missing} TO {admin:?}"
            ),
        ),
        check_that(
            "SCHEMA_OWNERS",
            strangers.is_empty(),
            "who owns objects owns their schema, or is a member of its owner".to_owned(),
            format!(
                "objects could not be given to owners who only have CREATE on the schema by a grant: {strangers}"
            ),
        ),
    ])
}
