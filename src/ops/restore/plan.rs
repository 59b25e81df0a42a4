//! PlanRestore: the pre-flight. It lists everything that a restore would be refused for, at once.

use tokio_postgres::Client;

use crate::{
    model::{
        backup::Manifest,
        failure::{Failure, Kind, chain},
        restore::{RestoreCheck, RestorePlan},
    },
    ops::{
        backup::list::find,
        context::Context,
        daemon::{Daemon, Managed},
    },
    postgres::{
        access, database::Purpose, error::PostgresError, properties, server, session::Session,
    },
};

/// The pre-flight of restoring a backup into a managed database.
pub async fn plan(
    daemon: &Daemon,
    context: &Context,
    database: &str,
    filename: &str,
) -> Result<RestorePlan, Failure> {
    context.authorize()?;
    let managed = daemon.managed(database)?;
    check(daemon, managed, filename).await
}

/// The same, for use by a restore.
pub async fn check(
    daemon: &Daemon,
    managed: &Managed,
    filename: &str,
) -> Result<RestorePlan, Failure> {
    let backup = find(daemon, filename).await?;
    let mut session = managed.database.server_session("pgsteward").await?;
    let mut checks = vec![
        backup_database(managed, &backup),
        archive(&backup),
        maintenance_mode(daemon, managed, &session).await?,
        open_sessions(managed, &session).await?,
        server_version(&session, &backup).await?,
        tools_version(daemon, &session).await?,
    ];
    checks.extend(admin_role(&session, managed).await?);
    checks.push(database_properties(&mut session, managed).await?);
    checks.push(prepared_transactions(&session, managed).await?);
    checks.push(replication_slots(&session, managed).await?);
    session.close().await;
    checks.extend(owners(managed).await?);
    Ok(RestorePlan {
        database: managed.name().to_owned(),
        backup,
        checks,
    })
}

/// Refuses with all failed checks at once.
pub fn require_ready(plan: &RestorePlan) -> Result<(), Failure> {
    let preconditions = plan.violations();
    let Some(first) = preconditions.first() else {
        return Ok(());
    };
    // One failed check gives its own name as the reason, so that a client can act on it.
    let (reason, message) = match preconditions.len() {
        1 => (first.kind.as_str(), first.description.clone()),
        count => (
            "RESTORE_NOT_READY",
            format!(
                "{count} things stand against the restore, the first: {}",
                first.description
            ),
        ),
    };
    Err(Failure {
        preconditions: preconditions.clone(),
        ..Failure::new(Kind::FailedPrecondition, reason, message)
    }
    .with_hint("PlanRestore shows every check"))
}

fn check_that(name: &'static str, passed: bool, good: String, bad: String) -> RestoreCheck {
    RestoreCheck {
        name,
        passed,
        message: if passed { good } else { bad },
    }
}

fn backup_database(managed: &Managed, backup: &Manifest) -> RestoreCheck {
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
async fn maintenance_mode(
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
async fn open_sessions(managed: &Managed, session: &Session) -> Result<RestoreCheck, Failure> {
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

fn archive(backup: &Manifest) -> RestoreCheck {
    RestoreCheck {
        name: "ARCHIVE",
        passed: backup.is_good(),
        message: match &backup.damage {
            None => "no check has found the archive damaged".to_owned(),
            Some(damage) => format!(
                "the archive is damaged ({}): choose another backup",
                damage.message
            ),
        },
    }
}

async fn server_version(client: &Client, backup: &Manifest) -> Result<RestoreCheck, Failure> {
    let server = server::version_num(client).await? / 10_000;
    let source = backup.server_version_num / 10_000;
    Ok(check_that(
        "SERVER_VERSION",
        source <= server,
        format!("the backup is of PostgreSQL {source}, the server is {server}"),
        format!(
            "the backup is of PostgreSQL {source}, newer than the server's {server}: restore it on a server of {source} or later"
        ),
    ))
}

async fn tools_version(daemon: &Daemon, client: &Client) -> Result<RestoreCheck, Failure> {
    let server = server::version_num(client).await? / 10_000;
    let tools = daemon.tools.version().await?;
    Ok(check_that(
        "TOOLS_VERSION",
        tools.major >= server,
        format!("the client programs are PostgreSQL {}", tools.major),
        format!(
            "the client programs are PostgreSQL {}, older than the server's {server}, and cannot take the last backup: install postgresql-client-{server} and set postgres.bin_dir",
            tools.major
        ),
    ))
}

async fn admin_role(client: &Client, managed: &Managed) -> Result<[RestoreCheck; 2], Failure> {
    let row = client
        .query_one(
            "SELECT role.rolcreatedb OR role.rolsuper, pg_has_role(database.datdba, 'USAGE'), role.rolname
             FROM pg_database AS database, pg_roles AS role
             WHERE database.datname = $1 AND role.rolname = current_user",
            &[&managed.database.server_name()],
        )
        .await
        .map_err(PostgresError::query("read the admin role's privileges"))?;
    let role: String = row.get(2);
    let database = managed.database.server_name();
    Ok([
        check_that(
            "CREATE_DATABASE",
            row.get(0),
            format!("role {role:?} may create databases"),
            format!("role {role:?} may not create databases: ALTER ROLE {role:?} CREATEDB"),
        ),
        check_that(
            "DATABASE_OWNER",
            row.get(1),
            format!("role {role:?} owns database {database:?}"),
            format!(
                "role {role:?} does not own database {database:?}: ALTER DATABASE {database:?} OWNER TO {role:?}"
            ),
        ),
    ])
}

/// What hangs on the database must hang on the restored one too. Whether the admin role may write all of it (settings of
/// other roles need CREATEROLE, some settings a superuser) the server alone can tell; so it is tried, and rolled back.
async fn database_properties(
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

async fn prepared_transactions(
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
async fn replication_slots(client: &Client, managed: &Managed) -> Result<RestoreCheck, Failure> {
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
async fn owners(managed: &Managed) -> Result<[RestoreCheck; 2], Failure> {
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
                "objects could not be given to owners who do not own their schema, since grants on it come last: {strangers}"
            ),
        ),
    ])
}
