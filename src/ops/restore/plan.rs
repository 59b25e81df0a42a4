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
        maintenance_mode(daemon, managed, &session).await?,
        server_version(&session, &backup).await?,
        tools_version(daemon, &session).await?,
    ];
    checks.extend(admin_role(&session, managed).await?);
    checks.push(database_properties(&mut session, managed).await?);
    checks.push(prepared_transactions(&session, managed).await?);
    checks.push(replication_slots(&session, managed).await?);
    session.close().await;
    checks.push(owners(managed).await?);
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
    let others = access::other_sessions(session, database, &roles).await?;
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
    } else if others > 0 {
        format!(
            "{others} sessions of others are in database {name:?}, superusers' as a rule: end them, see pg_stat_activity"
        )
    } else {
        String::new()
    };
    let good = "maintenance mode is on, and nobody else is in the database".to_owned();
    Ok(check_that(
        "MAINTENANCE_MODE",
        problem.is_empty(),
        good,
        problem,
    ))
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

/// The archive gives each object to its owner again, which needs membership in the owner's role.
async fn owners(managed: &Managed) -> Result<RestoreCheck, Failure> {
    let session = managed
        .database
        .session(Purpose::Admin, "pgsteward")
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
    session.close().await;
    let (missing, admin): (String, String) = (row.get(0), row.get(1));
    Ok(check_that(
        "ROLES",
        missing.is_empty(),
        "the admin role may give every object to its owner".to_owned(),
        format!("role {admin:?} may not give objects to {missing}: GRANT {missing} TO {admin:?}"),
    ))
}
