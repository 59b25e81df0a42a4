//! The roles of the configuration as a script for psql, for the first setup of a server: no daemon, no connection.

use std::collections::BTreeSet;

use crate::{
    config::{Config, Database, Source},
    model::{
        failure::{Failure, Kind},
        privileges::{ControlStore, PurposeRoles, script},
    },
};

/// The script that makes the roles and databases of one server: of the managed database that is named, or of all where they
/// are on one server. The control store is in it where it is on that server too.
pub fn roles_sql(config: &Config, database: Option<&str>) -> Result<String, Failure> {
    let Source::Configured {
        control, databases, ..
    } = &config.source
    else {
        return Err(Failure::new(
            Kind::FailedPrecondition,
            "EMBEDDED_SERVER",
            "the configuration names no server: the embedded one makes its roles itself",
        )
        .with_hint("give control.url and the URLs of the databases"));
    };
    let chosen: Vec<&Database> = match database {
        None => databases.values().collect(),
        Some(name) => vec![databases.get(name).ok_or_else(|| {
            let known: Vec<&str> = databases.keys().map(String::as_str).collect();
            Failure::new(
                Kind::NotFound,
                "DATABASE_NOT_FOUND",
                format!("no database {name:?} is managed"),
            )
            .with_hint(format!("managed are: {}", known.join(", ")))
        })?],
    };
    let servers: BTreeSet<String> = chosen.iter().map(|one| one.admin.server()).collect();
    let (Some(server), None) = (servers.first(), servers.iter().nth(1)) else {
        return Err(Failure::invalid_field(
            "database",
            format!(
                "must be given, since the databases are on several servers: {}",
                servers.into_iter().collect::<Vec<_>>().join(", ")
            ),
        ));
    };
    let mut passwords = BTreeSet::new();
    let on_server = *server == control.server();
    let urls = chosen
        .iter()
        .flat_map(|one| [&one.admin, &one.migrator, &one.backup, &one.maintenance])
        .chain(on_server.then_some(control));
    for url in urls {
        if url.settings().get_password().is_some() {
            passwords.insert(url.user().to_owned());
        }
    }
    let roles: Vec<PurposeRoles> = chosen.iter().map(|one| roles(config, one)).collect();
    let control = on_server.then(|| ControlStore {
        role: control.user().to_owned(),
        database: control.database().to_owned(),
    });
    Ok(script(
        &roles,
        control.as_ref(),
        &passwords.into_iter().collect::<Vec<_>>(),
    ))
}

fn roles(config: &Config, database: &Database) -> PurposeRoles {
    PurposeRoles {
        database: database.admin.database().to_owned(),
        server_database: config.postgres.server_database.clone(),
        admin: database.admin.user().to_owned(),
        migrator: database.migrator.user().to_owned(),
        backup: database.backup.user().to_owned(),
        maintenance: database.maintenance.user().to_owned(),
        applications: database.revisions.clients.application_roles.clone(),
        read_only: database.revisions.clients.read_only_roles.clone(),
        // Who is to be a superuser is made one by hand.
        superusers: Vec::new(),
    }
}
