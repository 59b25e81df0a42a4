//! Default privileges: that tables of later migrations are covered, and that they are not open to everyone.

use super::{Audit, Said, of_grantee, privileges};
use crate::model::{
    privileges::{
        Place, Severity,
        facts::{DefaultAcl, DefaultKind, Grant},
    },
    quote::identifier,
};

pub(super) fn check(audit: &mut Audit<'_>) {
    lacking(audit);
    excessive(audit);
}

/// What the application's and read-only roles are to get of everything that the migrator will make. Functions and types
/// are everyone's by PostgreSQL's own default, unless that was taken.
fn wanted(audit: &Audit<'_>, writes: bool) -> Vec<(DefaultKind, &'static [&'static str])> {
    let mut wanted: Vec<(DefaultKind, &[&str])> = vec![
        (DefaultKind::Schemas, &["USAGE"]),
        if writes {
            (
                DefaultKind::Tables,
                &["SELECT", "INSERT", "UPDATE", "DELETE"],
            )
        } else {
            (DefaultKind::Tables, &["SELECT"])
        },
        if writes {
            (DefaultKind::Sequences, &["SELECT", "USAGE"])
        } else {
            (DefaultKind::Sequences, &["SELECT"])
        },
    ];
    if writes && !of_everyone(audit, DefaultKind::Functions, "EXECUTE") {
        wanted.push((DefaultKind::Functions, &["EXECUTE"]));
    }
    if !of_everyone(audit, DefaultKind::Types, "USAGE") {
        wanted.push((DefaultKind::Types, &["USAGE"]));
    }
    wanted
}

/// Whether everyone still has it by PostgreSQL's own default: a row for all schemas stands in that default's place.
fn of_everyone(audit: &Audit<'_>, kind: DefaultKind, privilege: &str) -> bool {
    let mut rows = audit.facts.defaults.iter().filter(|row| {
        row.owner == audit.roles.migrator && row.schema.is_none() && row.kind == kind
    });
    rows.all(|row| {
        let mut grants = row.grants.iter();
        grants.any(|grant| grant.grantee.is_none() && grant.privilege == privilege)
    })
}

fn lacking(audit: &mut Audit<'_>) {
    let clients: Vec<(String, bool)> = audit
        .roles
        .clients()
        .map(|(role, writes)| (role.to_owned(), writes))
        .collect();
    let migrator = identifier(&audit.roles.migrator);
    for (role, writes) in &clients {
        for (kind, privileges) in wanted(audit, *writes) {
            let lacking: Vec<&str> = privileges
                .iter()
                .copied()
                .filter(|privilege| !is_given(audit, role, kind, privilege))
                .collect();
            if lacking.is_empty() {
                continue;
            }
            let (privileges, keyword) = (lacking.join(", "), kind.keyword());
            let said = Said {
                role,
                object: format!(
                    "default privileges of {migrator} on {}",
                    keyword.to_lowercase()
                ),
                message: format!(
                    "{} gets no {privileges} on {} that migrations will make{}",
                    audit.called(role),
                    keyword.to_lowercase(),
                    covered(audit, role, kind, &lacking),
                ),
                statement: format!(
                    "ALTER DEFAULT PRIVILEGES FOR ROLE {migrator} GRANT {privileges} ON {keyword} TO {}",
                    identifier(role)
                ),
            };
            audit.add(
                Severity::Warning,
                "DEFAULT_PRIVILEGES_MISSING",
                Place::Inside,
                said,
            );
        }
    }
}

fn gives(row: &DefaultAcl, role: &str, privilege: &str) -> bool {
    let mut grants = row.grants.iter();
    grants.any(|grant| grant.grantee.as_deref() == Some(role) && grant.privilege == privilege)
}

/// Whether it is given in all schemas, those to come included.
fn is_given(audit: &Audit<'_>, role: &str, kind: DefaultKind, privilege: &str) -> bool {
    let migrator = &audit.roles.migrator;
    let inherited = audit.facts.inherited(role);
    let mut rows = audit.facts.defaults.iter();
    rows.any(|row| {
        row.owner == *migrator
            && row.schema.is_none()
            && row.kind == kind
            && inherited.iter().any(|role| gives(row, role, privilege))
    })
}

/// Where it is given already.
fn covered(audit: &Audit<'_>, role: &str, kind: DefaultKind, lacking: &[&str]) -> String {
    let rows = audit.facts.defaults.iter().filter(|row| {
        row.owner == audit.roles.migrator
            && row.kind == kind
            && lacking.iter().all(|privilege| gives(row, role, privilege))
    });
    let schemas: Vec<&str> = rows.filter_map(|row| row.schema.as_deref()).collect();
    if schemas.is_empty() {
        String::new()
    } else {
        format!(", but in {}", schemas.join(", "))
    }
}

fn excessive(audit: &mut Audit<'_>) {
    let facts = audit.facts;
    let mut excesses = Vec::new();
    for row in &facts.defaults {
        // Functions and types are everyone's by PostgreSQL's own default.
        if matches!(row.kind, DefaultKind::Functions | DefaultKind::Types) {
            continue;
        }
        let to_everyone = of_grantee(&row.grants, None, |grant| {
            row.kind != DefaultKind::Schemas || grant.privilege == "CREATE"
        });
        if !to_everyone.is_empty() {
            excesses.push((row, None, privileges(&to_everyone)));
        }
        for bounded in audit.bounded() {
            let allowed: &[&str] = match (row.kind, bounded.client) {
                (DefaultKind::Schemas, _) => &["USAGE"],
                (DefaultKind::Sequences, Some(true)) => &["SELECT", "USAGE"],
                (_, Some(true)) => &["SELECT", "INSERT", "UPDATE", "DELETE"],
                _ => &["SELECT"],
            };
            for grantee in &bounded.through {
                let more = |grant: &Grant| !allowed.contains(&grant.privilege.as_str());
                let grants = of_grantee(&row.grants, Some(grantee), more);
                if !grants.is_empty() {
                    excesses.push((row, Some((*grantee).to_owned()), privileges(&grants)));
                }
            }
        }
    }
    excesses.dedup();
    for (row, grantee, privileges) in excesses {
        let (owner, keyword) = (identifier(&row.owner), row.kind.keyword());
        let schema = row.schema.as_deref().map_or_else(String::new, |schema| {
            format!(" IN SCHEMA {}", identifier(schema))
        });
        let said = Said {
            role: grantee.as_deref().unwrap_or("PUBLIC"),
            object: format!(
                "default privileges of {owner} on {}",
                keyword.to_lowercase()
            ),
            message: format!(
                "{} gets {privileges} on {} that {owner} will make",
                grantee.as_deref().map_or_else(
                    || "every role of the server".to_owned(),
                    |role| audit.called(role)
                ),
                keyword.to_lowercase(),
            ),
            statement: format!(
                "ALTER DEFAULT PRIVILEGES FOR ROLE {owner}{schema} REVOKE {privileges} ON {keyword} FROM {}",
                grantee
                    .as_deref()
                    .map_or_else(|| "PUBLIC".to_owned(), identifier),
            ),
        };
        audit.add(
            Severity::Warning,
            "DEFAULT_PRIVILEGES_EXCESSIVE",
            Place::Inside,
            said,
        );
    }
}
