//! CheckPrivileges: whether each role holds what its purpose needs and no more. What is found is no failure of the check: it
//! is logged, and stands in the result.
//!
//! The rules are `model::privileges`'; this file reads the catalogs, at one snapshot, as the admin role.

use std::sync::Arc;

use tokio_postgres::IsolationLevel;

use crate::{
    model::{
        failure::Failure,
        operation::{Operation, Outcome},
        privileges::{Facts, PrivilegeReport, PurposeRoles, Severity, audit},
    },
    ops::{
        context::Context,
        daemon::{Daemon, Managed},
        launch::launch,
        runner::job::Job,
        turn::{Turn, Work},
    },
    postgres::{database::Purpose, error::PostgresError, privileges},
};

/// How many findings the log names.
const LOGGED: usize = 20;

/// Starts a check.
pub async fn check(
    daemon: &Arc<Daemon>,
    context: &Context,
    database: &str,
    request_id: &str,
) -> Result<Operation, Failure> {
    launch(daemon, context, database, request_id, async |managed| {
        let daemon = Arc::clone(daemon);
        Ok(move |job| async move { run(&daemon, &managed, &job).await })
    })
    .await
}

async fn run(daemon: &Daemon, managed: &Managed, job: &Job) -> Result<Outcome, Failure> {
    let stages = stages(daemon, managed, job);
    let report = Turn::hold(daemon, managed, Work::Inspection, job, stages).await?;
    log(&report);
    Ok(Outcome::Privileges(report))
}

async fn stages(daemon: &Daemon, managed: &Managed, job: &Job) -> Result<PrivilegeReport, Failure> {
    job.enter(1, 1, "check");
    let roles = roles(daemon, managed);
    let mut session = managed
        .database
        .session(Purpose::Admin, "pgsteward privileges")
        .await?;
    let snapshot = session
        .build_transaction()
        .isolation_level(IsolationLevel::RepeatableRead)
        .read_only(true)
        .start()
        .await
        .map_err(PostgresError::query("begin to read who may do what"))?;
    let facts = Facts {
        in_maintenance: daemon.store.maintenance(managed.name()).await?.is_some(),
        ..privileges::read(&snapshot, &roles).await?
    };
    drop(snapshot);
    session.close().await;
    let findings = audit(&roles, &facts);
    Ok(PrivilegeReport::new(
        managed.name(),
        facts.version,
        findings,
    ))
}

/// The roles of a managed database, as the configuration names them.
pub(super) fn roles(daemon: &Daemon, managed: &Managed) -> PurposeRoles {
    let of = |purpose| {
        let login = managed.database.login(purpose);
        login.get_user().unwrap_or_default().to_owned()
    };
    let mut superusers = Vec::new();
    if daemon.settings.migrations.ddl_guard {
        superusers.push(Purpose::Admin);
    }
    if daemon.settings.backup.role_passwords {
        superusers.push(Purpose::Backup);
    }
    PurposeRoles {
        database: managed.database.server_name().to_owned(),
        server_database: managed.database.server_database().to_owned(),
        admin: of(Purpose::Admin),
        migrator: of(Purpose::Migrator),
        backup: of(Purpose::Backup),
        maintenance: of(Purpose::Maintenance),
        applications: managed.application_roles.clone(),
        read_only: managed.read_only_roles.clone(),
        superusers,
    }
}

fn log(report: &PrivilegeReport) {
    let database = &report.database;
    let counted = report
        .findings
        .iter()
        .filter(|finding| finding.severity != Severity::Info);
    let named: Vec<String> = counted.take(LOGGED).map(ToString::to_string).collect();
    if named.is_empty() {
        tracing::info!(
            database,
            "each role holds what its purpose needs, and no more"
        );
        return;
    }
    tracing::warn!(
        database,
        errors = report.counts.errors,
        warnings = report.counts.warnings,
        findings = named.join("; "),
        "privileges are not as the roles' purposes want them"
    );
}
