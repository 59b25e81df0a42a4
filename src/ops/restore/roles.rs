//! The roles that a backup refers to and the server lacks: created before the restore, where that was asked for.

use std::collections::BTreeSet;

use crate::{
    model::{
        backup::{Manifest, RoleDefinition},
        failure::Failure,
    },
    ops::{
        backup::open,
        daemon::{Daemon, Managed},
    },
    postgres::{roles, session::Session},
};

/// What was created, and what a role could not be given.
#[derive(Debug, Default)]
pub(super) struct Created {
    pub(super) roles: Vec<String>,
    pub(super) warnings: Vec<String>,
}

/// Creates what the server lacks, all or nothing. Roles that stand are left as they are.
pub(super) async fn create_missing(
    daemon: &Daemon,
    managed: &Managed,
    backup: &Manifest,
) -> Result<Created, Failure> {
    let Some(contents) = open::contents(daemon, backup)? else {
        return Ok(Created::default());
    };
    let mut session = managed.database.server_session("pgsteward restore").await?;
    let created = create(&mut session, &contents.roles).await?;
    session.close().await;
    for name in &created.roles {
        tracing::info!(role = name, backup = %backup.filename, "created a role that a backup refers to");
    }
    Ok(created)
}

async fn create(session: &mut Session, wanted: &[RoleDefinition]) -> Result<Created, Failure> {
    let standing: BTreeSet<String> = roles::names(session).await?.into_iter().collect();
    let missing: Vec<&RoleDefinition> = wanted
        .iter()
        .filter(|role| !standing.contains(&role.name))
        .collect();
    if missing.is_empty() {
        return Ok(Created::default());
    }
    let known: BTreeSet<&str> = standing
        .iter()
        .map(String::as_str)
        .chain(missing.iter().map(|role| role.name.as_str()))
        .collect();
    let withheld = roles::create(session, &missing, &known).await?;
    Ok(Created {
        roles: missing.iter().map(|role| role.name.clone()).collect(),
        warnings: withheld,
    })
}
