//! What is in the database: who owns it, and who may do more with it than rows are read and written by.

use super::{Audit, Bounded, Said, database::by, of_grantee, privileges, revoke};
use crate::model::{
    privileges::{
        Finding, Place, Severity,
        facts::{Grant, RelationFacts, RelationKind},
        purpose::READ_ALL_DATA_SINCE,
    },
    quote::{identifier, qualified},
};

/// Where the DDL guard has its function. Only a superuser can make it, so it is not the migrator's.
const GUARD_SCHEMA: &str = "pgsteward";

pub(super) fn check(audit: &mut Audit<'_>) {
    schema_owners(audit);
    relation_owners(audit);
    other_owners(audit);
    schemas_of_everyone(audit);
    relations_of_everyone(audit);
    excesses(audit);
    old_backup(audit);
    definers(audit);
}

/// Whether an owner is one that objects may have.
fn is_due(audit: &Audit<'_>, owner: &str, schema: &str) -> bool {
    audit.owners.contains(owner) || schema == GUARD_SCHEMA && audit.facts.is_superuser(owner)
}

fn ownership(audit: &mut Audit<'_>, owner: &str, reason: &str, object: String, alter: &str) {
    let client = audit.roles.clients().any(|(client, _)| client == owner);
    let reason = if client { "APPLICATION_OWNS" } else { reason };
    let migrator = identifier(&audit.roles.migrator);
    let said = Said {
        role: owner,
        message: if client {
            format!(
                "{} owns {object}, and may do anything with it",
                audit.called(owner)
            )
        } else {
            format!(
                "{object} is not the migrator's, which can neither change nor drop it: {} owns it",
                identifier(owner)
            )
        },
        object,
        statement: format!("ALTER {alter} OWNER TO {migrator}"),
    };
    audit.add(Severity::Error, reason, Place::Inside, said);
}

/// The migrator owns schemas, rather than having CREATE on them: a dump then says so before its first table, and gives
/// those tables to the migrator also where a new database knows nothing of it. With a grant, which a dump says last, no
/// role but a superuser could restore it.
fn schema_owners(audit: &mut Audit<'_>) {
    let facts = audit.facts;
    for schema in &facts.schemas {
        if !is_due(audit, &schema.owner, &schema.name) {
            let name = identifier(&schema.name);
            let object = format!("schema {name}");
            ownership(
                audit,
                &schema.owner,
                "SCHEMA_OWNER",
                object,
                &format!("SCHEMA {name}"),
            );
        }
    }
}

fn named(relation: &RelationFacts) -> (String, String) {
    let name = qualified(&relation.schema, &relation.name);
    let kind = relation.kind.keyword();
    (
        format!("{} {name}", kind.to_lowercase()),
        format!("{kind} {name}"),
    )
}

fn relation_owners(audit: &mut Audit<'_>) {
    let facts = audit.facts;
    for relation in &facts.relations {
        if !relation.of_column && !is_due(audit, &relation.owner, &relation.schema) {
            let (object, alter) = named(relation);
            ownership(audit, &relation.owner, "OBJECT_OWNER", object, &alter);
        }
    }
}

fn other_owners(audit: &mut Audit<'_>) {
    let facts = audit.facts;
    for other in &facts.others {
        // A function that runs as a superuser would do less as the migrator's: a person decides what is to become of it.
        let definer = facts
            .definers
            .iter()
            .any(|one| one.identity == other.identity && facts.is_superuser(&one.owner));
        if !definer && !is_due(audit, &other.owner, &other.schema) {
            let object = format!("{} {}", other.keyword.to_lowercase(), other.identity);
            let alter = format!("{} {}", other.keyword, other.identity);
            ownership(audit, &other.owner, "OBJECT_OWNER", object, &alter);
        }
    }
}

fn schemas_of_everyone(audit: &mut Audit<'_>) {
    let facts = audit.facts;
    for schema in &facts.schemas {
        let grants = of_grantee(&schema.grants, None, |grant| grant.privilege == "CREATE");
        if grants.is_empty() {
            continue;
        }
        let on = format!("SCHEMA {}", identifier(&schema.name));
        let object = format!("schema {}", identifier(&schema.name));
        let said = Said {
            role: "PUBLIC",
            message: format!("every role of the server may create objects in {object}"),
            object,
            statement: revoke(&grants, &schema.owner, &on, None),
        };
        audit.add(Severity::Error, "PUBLIC_CREATES", Place::Inside, said);
    }
}

fn relations_of_everyone(audit: &mut Audit<'_>) {
    let facts = audit.facts;
    for relation in &facts.relations {
        let grants = of_grantee(&relation.grants, None, |_| true);
        if grants.is_empty() {
            continue;
        }
        let reads = grants.iter().all(|grant| grant.privilege == "SELECT");
        let severity = if reads {
            Severity::Warning
        } else {
            Severity::Error
        };
        let (object, _) = named(relation);
        let said = Said {
            role: "PUBLIC",
            message: format!(
                "every role of the server has {} on {object}",
                privileges(&grants)
            ),
            object,
            statement: revoke(&grants, &relation.owner, &on(relation), None),
        };
        audit.add(severity, "PUBLIC_ON_TABLE", Place::Inside, said);
    }
}

fn on(relation: &RelationFacts) -> String {
    let name = qualified(&relation.schema, &relation.name);
    format!("{} {name}", relation.kind.granted_on())
}

/// What roles hold beyond their purpose, by a grant to them or to a role that they are members of.
fn excesses(audit: &mut Audit<'_>) {
    let facts = audit.facts;
    let mut found: Vec<Finding> = Vec::new();
    for bounded in audit.bounded() {
        for schema in &facts.schemas {
            let object = format!("schema {}", identifier(&schema.name));
            let on = format!("SCHEMA {}", identifier(&schema.name));
            let more = |grant: &Grant| grant.privilege == "CREATE";
            let reason = if bounded.client.is_some() {
                "APPLICATION_CREATES"
            } else {
                "PURPOSE_EXCESSIVE"
            };
            excess(
                audit,
                &bounded,
                &schema.grants,
                (&schema.owner, &on, &object),
                reason,
                more,
                &mut found,
            );
        }
        for relation in &facts.relations {
            let (object, _) = named(relation);
            let on = on(relation);
            let allowed = allowed(relation.kind, bounded.client);
            let more = |grant: &Grant| !allowed.contains(&grant.privilege.as_str());
            let reason = match bounded.client {
                Some(true) => "APPLICATION_MORE_THAN_ROWS",
                Some(false) => "READ_ONLY_WRITES",
                None => "PURPOSE_EXCESSIVE",
            };
            excess(
                audit,
                &bounded,
                &relation.grants,
                (&relation.owner, &on, &object),
                reason,
                more,
                &mut found,
            );
        }
    }
    audit.found.append(&mut found);
}

/// What may be held on a relation. A sequence's UPDATE is `setval`, with which an application breaks keys.
fn allowed(kind: RelationKind, client: Option<bool>) -> &'static [&'static str] {
    match (kind, client) {
        (RelationKind::Sequence, Some(true)) => &["SELECT", "USAGE"],
        (_, Some(true)) => &["SELECT", "INSERT", "UPDATE", "DELETE"],
        (_, Some(false) | None) => &["SELECT"],
    }
}

fn excess(
    audit: &Audit<'_>,
    bounded: &Bounded<'_>,
    grants: &[Grant],
    (owner, on, object): (&str, &str, &str),
    reason: &str,
    more: impl Fn(&Grant) -> bool,
    found: &mut Vec<Finding>,
) {
    for grantee in &bounded.through {
        let grants = of_grantee(grants, Some(grantee), &more);
        if grants.is_empty() {
            continue;
        }
        let severity = if bounded.client.is_some() {
            Severity::Error
        } else {
            Severity::Warning
        };
        found.push(Finding {
            severity,
            reason: reason.to_owned(),
            role: bounded.role.to_owned(),
            object: object.to_owned(),
            message: format!(
                "{} has {} on {object}{}, which it must not",
                audit.called(bounded.role),
                privileges(&grants),
                by(bounded.role, grantee),
            ),
            statement: revoke(&grants, owner, on, Some(grantee)),
            place: Place::Inside,
        });
    }
}

/// Before pg_read_all_data each relation is read by a grant of its own.
fn old_backup(audit: &mut Audit<'_>) {
    let (facts, backup) = (audit.facts, &audit.roles.backup);
    if facts.version >= READ_ALL_DATA_SINCE || facts.is_superuser(backup) {
        return;
    }
    let inherited = facts.inherited(backup);
    for relation in &facts.relations {
        let reads = inherited.contains(relation.owner.as_str())
            || relation.grants.iter().any(|grant| {
                let ours = grant
                    .grantee
                    .as_deref()
                    .is_some_and(|one| inherited.contains(one));
                grant.privilege == "SELECT" && !grant.of_columns && ours
            });
        if reads
            || matches!(
                relation.kind,
                RelationKind::View | RelationKind::ForeignTable
            )
        {
            continue;
        }
        let (object, _) = named(relation);
        let said = Said {
            role: backup,
            message: format!("{} may not read {object}", audit.called(backup)),
            object,
            statement: format!("GRANT SELECT ON {} TO {}", on(relation), identifier(backup)),
        };
        audit.add(Severity::Error, "BACKUP_CANNOT_READ", Place::Inside, said);
    }
}

/// What runs as somebody else is a door: who may call it, and by which names it finds what it uses.
fn definers(audit: &mut Audit<'_>) {
    let facts = audit.facts;
    for function in facts.definers.iter().filter(|one| one.public) {
        if function.schema == GUARD_SCHEMA {
            continue;
        }
        let object = format!("routine {}", function.identity);
        if facts.is_superuser(&function.owner) {
            let said = Said {
                role: &function.owner,
                message: format!(
                    "every role of the server may call {object}, which runs as superuser {}",
                    identifier(&function.owner)
                ),
                object: object.clone(),
                statement: format!(
                    "REVOKE EXECUTE ON ROUTINE {} FROM PUBLIC",
                    function.identity
                ),
            };
            audit.add(
                Severity::Warning,
                "DEFINER_IS_SUPERUSER",
                Place::Apart,
                said,
            );
        }
        if !function.fixed_path {
            let said = Said {
                role: &function.owner,
                message: format!(
                    "every role of the server may call {object}, which runs as {} and finds its tables and functions by the caller's search_path",
                    identifier(&function.owner)
                ),
                object,
                statement: format!(
                    "ALTER ROUTINE {} SET search_path = pg_catalog, {}, pg_temp",
                    function.identity,
                    identifier(&function.schema)
                ),
            };
            audit.add(Severity::Warning, "DEFINER_SEARCH_PATH", Place::Apart, said);
        }
    }
}
