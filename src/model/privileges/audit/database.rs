//! The database from outside: its owner, and who may connect, create and make temporary tables.

use super::{Audit, Said, of_grantee, privileges, revoke};
use crate::model::{
    privileges::{Place, Severity, facts::Grant},
    quote::identifier,
};

pub(super) fn check(audit: &mut Audit<'_>) {
    owner(audit);
    of_everyone(audit);
    for role in audit.all_roles() {
        lacking(audit, role);
    }
    server_database(audit);
    excessive(audit);
}

fn database(audit: &Audit<'_>) -> String {
    format!("DATABASE {}", identifier(&audit.roles.database))
}

fn object(audit: &Audit<'_>) -> String {
    format!("database {}", identifier(&audit.roles.database))
}

/// Only a database's owner may rename it, and give and take what others may on it.
fn owner(audit: &mut Audit<'_>) {
    let (admin, owner) = (&audit.roles.admin, &audit.facts.database_owner);
    let acts =
        audit.facts.is_superuser(admin) || audit.facts.inherited(admin).contains(owner.as_str());
    let client = audit.roles.clients().any(|(client, _)| client == owner);
    if acts && !client {
        return;
    }
    let (reason, message) = if client {
        let message = format!("{} owns the database", audit.called(owner));
        ("APPLICATION_OWNS", message)
    } else {
        let message = format!(
            "{} does not own the database: {} does",
            audit.called(admin),
            identifier(owner)
        );
        ("DATABASE_OWNER", message)
    };
    let said = Said {
        role: if client { owner } else { admin },
        object: object(audit),
        message,
        statement: format!("ALTER {} OWNER TO {}", database(audit), identifier(admin)),
    };
    audit.add(Severity::Error, reason, Place::Database, said);
}

/// Everyone may connect to a new database, and make temporary tables in it.
fn of_everyone(audit: &mut Audit<'_>) {
    let facts = audit.facts;
    let grants = of_grantee(&facts.database_grants, None, |_| true);
    if grants.is_empty() {
        return;
    }
    let creates = grants.iter().any(|grant| grant.privilege == "CREATE");
    let severity = if creates {
        Severity::Error
    } else {
        Severity::Warning
    };
    let said = Said {
        role: "PUBLIC",
        object: object(audit),
        message: format!(
            "every role of the server has {} on the database",
            privileges(&grants)
        ),
        statement: revoke(&grants, &facts.database_owner, &database(audit), None),
    };
    audit.add(severity, "PUBLIC_ON_DATABASE", Place::Database, said);
}

fn lacking(audit: &mut Audit<'_>, role: &str) {
    let needs = audit.needs(role);
    let client = audit.roles.purposes(role).is_empty();
    if audit.facts.is_superuser(role)
        || needs.iter().any(|needs| needs.owns_database)
        || client && audit.facts.in_maintenance
    {
        return;
    }
    let inherited = audit.facts.inherited(role);
    let has = |privilege: &str| {
        audit.facts.database_grants.iter().any(|grant| {
            grant.privilege == privilege
                && grant
                    .grantee
                    .as_deref()
                    .is_some_and(|grantee| inherited.contains(grantee))
        })
    };
    let mut wanted: Vec<&str> = needs
        .iter()
        .flat_map(|needs| needs.on_database)
        .copied()
        .collect();
    if client {
        wanted.push("CONNECT");
    }
    wanted.retain(|privilege| !has(privilege));
    wanted.dedup();
    if wanted.is_empty() {
        return;
    }
    let lacking = wanted.join(", ");
    let said = Said {
        role,
        object: object(audit),
        message: format!("{} lacks {lacking} on the database", audit.called(role)),
        statement: format!(
            "GRANT {lacking} ON {} TO {}",
            database(audit),
            identifier(role)
        ),
    };
    audit.add(Severity::Error, "PRIVILEGE_MISSING", Place::Database, said);
}

/// A rename needs a connection to another database.
fn server_database(audit: &mut Audit<'_>) {
    let admin = &audit.roles.admin;
    if audit.facts.admin_reaches_server || audit.facts.is_superuser(admin) {
        return;
    }
    let server = identifier(&audit.roles.server_database);
    let said = Said {
        role: admin,
        object: format!("database {server}"),
        message: format!(
            "{} may not connect to database {server}",
            audit.called(admin)
        ),
        statement: format!(
            "GRANT CONNECT ON DATABASE {server} TO {}",
            identifier(admin)
        ),
    };
    audit.add(Severity::Error, "PRIVILEGE_MISSING", Place::Database, said);
}

/// Nobody makes schemas but the migrator. Temporary tables are not for the application either: they fill the disk, and can
/// be laid in the way of names that functions search for.
fn excessive(audit: &mut Audit<'_>) {
    let facts = audit.facts;
    let mut excesses = Vec::new();
    for bounded in audit.bounded() {
        let more = |grant: &Grant| grant.privilege != "CONNECT";
        for grantee in &bounded.through {
            let grants = of_grantee(&facts.database_grants, Some(grantee), more);
            if grants.is_empty() {
                continue;
            }
            let creates = grants.iter().any(|grant| grant.privilege == "CREATE");
            let (severity, reason) = match (bounded.client, creates) {
                (Some(_), true) => (Severity::Error, "APPLICATION_CREATES"),
                (Some(_), false) => (Severity::Warning, "APPLICATION_TEMPORARY"),
                (None, _) => (Severity::Warning, "PURPOSE_EXCESSIVE"),
            };
            let message = format!(
                "{} has {} on the database{}",
                audit.called(bounded.role),
                privileges(&grants),
                by(bounded.role, grantee),
            );
            let statement = revoke(
                &grants,
                &facts.database_owner,
                &database(audit),
                Some(grantee),
            );
            excesses.push((
                severity,
                reason,
                bounded.role.to_owned(),
                message,
                statement,
            ));
        }
    }
    for (severity, reason, role, message, statement) in excesses {
        let said = Said {
            role: &role,
            object: object(audit),
            message,
            statement,
        };
        audit.add(severity, reason, Place::Database, said);
    }
}

/// By which group a role has something.
pub(super) fn by(role: &str, grantee: &str) -> String {
    if role == grantee {
        String::new()
    } else {
        format!(", as a member of {}", identifier(grantee))
    }
}
