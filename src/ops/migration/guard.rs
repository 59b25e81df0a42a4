//! The DDL guard as the configuration wants it: installed where it is missing, written anew where it is another, removed
//! where it is off. `recovery` looks at start and from time to time, and so also at a database that a restore put in the
//! place of another. CheckDrift shows whether it stands.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

use serde_json::json;

use crate::{
    model::{drift::DdlGuard, failure::Failure},
    ops::{
        audited,
        daemon::{Daemon, Managed},
        turn::Turn,
    },
    postgres::{
        database::Purpose,
        guard::{self, Standing},
        lock,
    },
};

/// What the log was last told of each database's guard, so that it is told once.
#[derive(Debug, Default)]
pub struct Told(Mutex<BTreeMap<String, DdlGuard>>);

/// Whether the guard stands.
pub async fn state(daemon: &Daemon, managed: &Managed) -> Result<DdlGuard, Failure> {
    let standing = look(daemon, managed).await?;
    Ok(judge(daemon.settings.migrations.ddl_guard, &standing))
}

/// Makes the database's guard what the configuration says, if the admin role may and nobody else is at work on the
/// database. What stands in the way is logged once.
pub async fn keep(daemon: &Daemon, managed: &Managed, told: &Told) -> Result<(), Failure> {
    let wanted = daemon.settings.migrations.ddl_guard;
    let mut standing = look(daemon, managed).await?;
    if standing.superuser && is_due(wanted, &standing) {
        change(daemon, managed, wanted).await?;
        standing = look(daemon, managed).await?;
    }
    tell(managed.name(), wanted, &standing, told);
    Ok(())
}

async fn look(daemon: &Daemon, managed: &Managed) -> Result<Standing, Failure> {
    let client = managed.database.pooled(Purpose::Admin).await?;
    Ok(guard::read(&client, &roles(daemon, managed)).await?)
}

fn is_due(wanted: bool, standing: &Standing) -> bool {
    if wanted {
        !standing.lacking.is_empty()
    } else {
        standing.present
    }
}

/// Changes the guard under the database's lock, if it still is to be changed then and the lock is free.
async fn change(daemon: &Daemon, managed: &Managed, wanted: bool) -> Result<(), Failure> {
    let server = managed.database.server_session("pgsteward guard").await?;
    if lock::try_lock(&server, &Turn::mode_lock(&managed.database)).await? {
        let roles = roles(daemon, managed);
        let mut session = managed
            .database
            .session(Purpose::Admin, "pgsteward guard")
            .await?;
        let standing = guard::read(&session, &roles).await?;
        if is_due(wanted, &standing) {
            let (what, details) = if wanted {
                let details = json!({ "lets_through": roles, "because": standing.lacking });
                ("install the DDL guard", details)
            } else {
                ("remove the DDL guard", json!({}))
            };
            audited::housekeeping(daemon, what, managed.name(), details, async {
                if wanted {
                    guard::install(&mut session, &roles).await?;
                } else {
                    guard::remove(&mut session).await?;
                }
                Ok(())
            })
            .await?;
        }
        session.close().await;
    }
    server.close().await;
    Ok(())
}

/// The logins that the guard lets through: the daemon's own, and those of the configuration.
fn roles(daemon: &Daemon, managed: &Managed) -> Vec<String> {
    let mut roles = managed.database.roles();
    roles.extend(daemon.settings.migrations.ddl_guard_roles.iter().cloned());
    // ProvisionRoles grants, and gives objects to the migrator.
    roles.extend(managed.database.provisioner().get_user().map(str::to_owned));
    roles.sort();
    roles.dedup();
    roles
}

fn judge(wanted: bool, standing: &Standing) -> DdlGuard {
    match (wanted, standing.lacking.is_empty()) {
        (false, _) if standing.enabled => DdlGuard::On,
        (false, _) => DdlGuard::Off,
        (true, true) => DdlGuard::On,
        (true, false) => DdlGuard::Missing(missing(standing)),
    }
}

fn missing(standing: &Standing) -> String {
    let (role, lacking) = (&standing.role, standing.lacking.join("; "));
    if !standing.present && !standing.superuser {
        format!("the admin role {role:?} is no superuser, and only superusers make event triggers")
    } else if standing.superuser {
        format!(
            "{lacking}; the daemon installs it when it next looks, unless something else is at work"
        )
    } else {
        format!(
            "{lacking}; and the admin role {role:?}, which is no superuser, cannot install it again"
        )
    }
}

fn tell(database: &str, wanted: bool, standing: &Standing, told: &Told) {
    let now = judge(wanted, standing);
    let mut told = told.0.lock().unwrap_or_else(PoisonError::into_inner);
    if told.get(database) == Some(&now) {
        return;
    }
    match &now {
        DdlGuard::Missing(reason) => tracing::warn!(
            database,
            reason,
            "the DDL guard is not in force: the database takes DDL from everyone who may"
        ),
        DdlGuard::On if !wanted => tracing::warn!(
            database,
            admin = standing.role,
            "the DDL guard is off, but stands: its event triggers are a superuser's to drop"
        ),
        DdlGuard::On => tracing::info!(database, "the DDL guard is in force"),
        DdlGuard::Off => {}
    }
    told.insert(database.to_owned(), now);
}
