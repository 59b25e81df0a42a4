//! The roles themselves: whether they are there, their attributes, memberships and settings, and that each purpose has one
//! of its own.

use super::{Audit, Said};
use crate::model::{
    privileges::{
        Place, Severity,
        facts::{Membership, RoleFacts},
        purpose::{
            Attribute, LARGE_OBJECTS_SETTING, MEMBERSHIP_OPTIONS_SINCE, Purpose,
            READ_ALL_DATA_SINCE,
        },
    },
    quote::identifier,
};

pub(super) fn check(audit: &mut Audit<'_>) {
    shared(audit);
    for role in audit.all_roles() {
        existence(audit, role);
    }
    for role in audit.all_roles() {
        powers(audit, role);
    }
    for role in audit.all_roles() {
        lacking_memberships(audit, role);
    }
    for role in audit.all_roles() {
        excessive_memberships(audit, role);
        settings(audit, role);
    }
    other_superusers(audit);
}

/// Nothing can be told apart where one role has several purposes.
fn shared(audit: &mut Audit<'_>) {
    for role in audit.roles.daemon() {
        let purposes = audit.roles.purposes(role);
        let (called, clients) = (
            audit.called(role),
            [&audit.roles.applications, &audit.roles.read_only],
        );
        if clients.iter().any(|roles| roles.iter().any(|r| r == role)) {
            let message = format!(
                "{called} is the application's too: it cannot be kept out in maintenance mode, and may all that the daemon may; give the daemon a login of its own"
            );
            alone(
                audit,
                Severity::Error,
                "PURPOSE_IS_APPLICATION",
                role,
                message,
            );
        }
        if purposes.len() > 1 {
            let message = format!(
                "{called} has the privileges of all these purposes at once; give each a login of its own"
            );
            alone(
                audit,
                Severity::Warning,
                "PURPOSES_SHARE_ROLE",
                role,
                message,
            );
        }
    }
    if audit.roles.applications.is_empty() {
        let message = "no application role is known, so that nobody can say what it may; name it in application_roles of the database".to_owned();
        alone(audit, Severity::Warning, "NO_APPLICATION_ROLE", "", message);
    }
    if audit.facts.version < READ_ALL_DATA_SINCE {
        let message = "servers before PostgreSQL 14 have no pg_read_all_data: the backup role needs SELECT on each table, which ProvisionRoles does not give".to_owned();
        let backup = audit.roles.of(Purpose::Backup);
        alone(audit, Severity::Warning, "SERVER_TOO_OLD", backup, message);
    }
}

/// A finding that no statement mends.
fn alone(audit: &mut Audit<'_>, severity: Severity, reason: &str, role: &str, message: String) {
    let said = Said {
        role,
        object: String::new(),
        message,
        statement: String::new(),
    };
    audit.add(severity, reason, Place::Apart, said);
}

fn existence(audit: &mut Audit<'_>, role: &str) {
    let (called, name) = (audit.called(role), identifier(role));
    let mut wanted = vec![Attribute::Login];
    for needs in audit.needs(role) {
        for attribute in needs.attributes {
            if !wanted.contains(attribute) {
                wanted.push(*attribute);
            }
        }
    }
    let say = |attributes: &[Attribute]| {
        let words: Vec<&str> = attributes.iter().map(|one| one.keyword()).collect();
        words.join(" ")
    };
    let (reason, message, statement) = match audit.facts.roles.get(role) {
        None => (
            "ROLE_MISSING",
            format!("{called} does not exist"),
            format!("CREATE ROLE {name} {}", say(&wanted)),
        ),
        Some(facts) => {
            let superuser = facts.has(Attribute::Superuser);
            wanted.retain(|attribute| {
                let implied = superuser && *attribute != Attribute::Login;
                !facts.has(*attribute) && !implied
            });
            if wanted.is_empty() {
                return;
            }
            let lacking = say(&wanted);
            (
                "ATTRIBUTE_MISSING",
                format!("{called} lacks {lacking}"),
                format!("ALTER ROLE {name} {lacking}"),
            )
        }
    };
    let said = Said {
        role,
        object: String::new(),
        message,
        statement,
    };
    audit.add(Severity::Error, reason, Place::Server, said);
}

fn powers(audit: &mut Audit<'_>, role: &str) {
    let Some(facts) = audit.facts.roles.get(role) else {
        return;
    };
    let (called, name) = (audit.called(role), identifier(role));
    let purposes = audit.roles.purposes(role);
    let needs = audit.needs(role);
    for attribute in Attribute::POWERS {
        let needed = needs
            .iter()
            .any(|needs| needs.attributes.contains(&attribute));
        if needed || !facts.has(attribute) {
            continue;
        }
        let keyword = attribute.keyword();
        let meant = attribute == Attribute::Superuser
            && purposes
                .iter()
                .any(|purpose| audit.roles.superusers.contains(purpose));
        // What a restore wants that creates roles, and ProvisionRoles where it has no login of its own.
        let useful = attribute == Attribute::CreateRole && purposes.contains(&Purpose::Admin);
        let severity = match attribute {
            _ if meant || useful => Severity::Info,
            Attribute::Superuser => Severity::Error,
            _ if purposes.is_empty() => Severity::Error,
            _ => Severity::Warning,
        };
        let (message, statement) = if meant {
            let message = format!(
                "{called} is a superuser, as the configuration wants it for what only those can do"
            );
            (message, String::new())
        } else if useful {
            let message = format!("{called} has {keyword}, which only the creation of roles needs");
            (message, String::new())
        } else if attribute == Attribute::Superuser && role == audit.facts.bootstrap {
            let message = format!(
                "{called} is the superuser that initdb made, which cannot cease to be one; use a role of its own"
            );
            (message, String::new())
        } else {
            let message = format!("{called} has {keyword}, which it must not");
            (message, format!("ALTER ROLE {name} NO{keyword}"))
        };
        let said = Said {
            role,
            object: String::new(),
            message,
            statement,
        };
        audit.add(severity, "ATTRIBUTE_EXCESSIVE", Place::Server, said);
    }
}

/// What a role must be a member of.
fn wanted_groups(audit: &Audit<'_>, role: &str) -> Vec<String> {
    let mut wanted: Vec<String> = Vec::new();
    for needs in audit.needs(role) {
        wanted.extend(needs.predefined.iter().map(|group| (*group).to_owned()));
        if needs.as_owners {
            wanted.extend(audit.owners.iter().cloned());
        }
        if needs.as_applications {
            wanted.extend(
                audit
                    .roles
                    .clients()
                    .filter(|(_, writes)| *writes)
                    .map(|(role, _)| role.to_owned()),
            );
            // Large objects are rows rather than schema: who writes them owns them.
            let owning = audit.facts.large_object_owners.iter();
            wanted.extend(
                owning
                    .filter(|owner| !audit.facts.is_superuser(owner))
                    .cloned(),
            );
        }
    }
    wanted.sort();
    wanted.dedup();
    wanted.retain(|group| group != role);
    wanted
}

fn lacking_memberships(audit: &mut Audit<'_>, role: &str) {
    if audit.facts.is_superuser(role) {
        return;
    }
    let inherited = audit.facts.inherited(role);
    let (called, name) = (audit.called(role), identifier(role));
    for group in wanted_groups(audit, role) {
        if inherited.contains(group.as_str()) {
            continue;
        }
        let is_member = |one: &Membership| one.member == role && one.role == group;
        let quoted = identifier(&group);
        let (message, statement) = if audit.facts.memberships.iter().any(is_member) {
            let message =
                format!("{called} is a member of {quoted}, but does not inherit its privileges");
            let statement = if audit.facts.version >= MEMBERSHIP_OPTIONS_SINCE {
                format!("GRANT {quoted} TO {name} WITH INHERIT TRUE")
            } else {
                format!("ALTER ROLE {name} INHERIT")
            };
            (message, statement)
        } else {
            let message = format!("{called} is no member of {quoted}, and so cannot do its work");
            (message, format!("GRANT {quoted} TO {name}"))
        };
        let said = Said {
            role,
            object: format!("role {quoted}"),
            message,
            statement,
        };
        audit.add(Severity::Error, "MEMBERSHIP_MISSING", Place::Server, said);
    }
}

fn excessive_memberships(audit: &mut Audit<'_>, role: &str) {
    let (called, name) = (audit.called(role), identifier(role));
    let purposes = audit.roles.purposes(role);
    let mut wanted = wanted_groups(audit, role);
    if purposes.contains(&Purpose::Migrator) {
        wanted.extend(audit.owners.iter().cloned());
    }
    let facts = audit.facts;
    let direct = facts
        .memberships
        .iter()
        .filter(|one| one.member == role && (one.inherits || one.sets));
    for membership in direct {
        let group = membership.role.as_str();
        if wanted.iter().any(|one| one == group) {
            continue;
        }
        let quoted = identifier(group);
        let (severity, message) = if purposes.is_empty() {
            let reached = facts.attainable(group);
            let Some((more, why)) = reached
                .into_iter()
                .find_map(|role| gives_more(audit, role).map(|why| (role, why)))
            else {
                continue;
            };
            let message = if more == group {
                format!("{called} is a member of {quoted}, which {why}")
            } else {
                format!(
                    "{called} is a member of {quoted}, and so of {}, which {why}",
                    identifier(more)
                )
            };
            (Severity::Error, message)
        } else {
            let message =
                format!("{called} is a member of {quoted}, which its purpose does not need");
            (Severity::Warning, message)
        };
        let grantor = if facts.version >= MEMBERSHIP_OPTIONS_SINCE {
            format!(" GRANTED BY {}", identifier(&membership.grantor))
        } else {
            String::new()
        };
        let said = Said {
            role,
            object: format!("role {quoted}"),
            message,
            statement: format!("REVOKE {quoted} FROM {name}{grantor}"),
        };
        audit.add(severity, "MEMBERSHIP_EXCESSIVE", Place::Server, said);
    }
}

/// Why a role gives its members more than an application may have.
fn gives_more(audit: &Audit<'_>, role: &str) -> Option<String> {
    if let Some(purpose) = audit.roles.purposes(role).first() {
        return Some(format!("is the daemon's {purpose} role"));
    }
    if role.starts_with("pg_") {
        return Some("is one of PostgreSQL's own roles, with privileges on everything".to_owned());
    }
    let nothing = RoleFacts::default();
    let facts = audit.facts.roles.get(role).unwrap_or(&nothing);
    if let Some(power) = Attribute::POWERS.into_iter().find(|one| facts.has(*one)) {
        return Some(format!("has {}", power.keyword()));
    }
    let owns = audit.facts.database_owner == role
        || audit
            .facts
            .schemas
            .iter()
            .any(|schema| schema.owner == role)
        || audit
            .facts
            .relations
            .iter()
            .any(|relation| relation.owner == role);
    owns.then(|| "owns objects of the database".to_owned())
}

fn settings(audit: &mut Audit<'_>, role: &str) {
    let nothing = RoleFacts::default();
    let standing = audit.facts.roles.get(role).unwrap_or(&nothing);
    let (called, name) = (audit.called(role), identifier(role));
    // Where a role has several purposes, what protects one would stop the others.
    if audit.roles.purposes(role).len() != 1 {
        return;
    }
    for needs in audit.needs(role) {
        for (setting, value) in needs.settings {
            let set = standing.settings.get(*setting);
            let large_objects = *setting == LARGE_OBJECTS_SETTING;
            let superuser = large_objects && standing.has(Attribute::Superuser);
            if superuser
                || set.is_some_and(|set| matches!(set.as_str(), "on" | "true" | "yes" | "1"))
            {
                continue;
            }
            let (severity, reason, message) = if !large_objects {
                let message = format!("{called} does not read only: {setting} is not {value}");
                (Severity::Warning, "SETTING_MISSING", message)
            } else if audit
                .facts
                .large_object_owners
                .iter()
                .all(|owner| owner == role)
            {
                let message = format!(
                    "{called} could not read large objects if there were any: {setting} is not {value}"
                );
                (Severity::Info, "LARGE_OBJECTS_UNREADABLE", message)
            } else {
                let message =
                    format!("{called} cannot read large objects: {setting} is not {value}");
                (Severity::Error, "LARGE_OBJECTS_UNREADABLE", message)
            };
            let said = Said {
                role,
                object: format!("setting {setting}"),
                message,
                statement: format!("ALTER ROLE {name} SET {setting} = {value}"),
            };
            audit.add(severity, reason, Place::Server, said);
        }
    }
}

fn other_superusers(audit: &mut Audit<'_>) {
    let known = audit.all_roles();
    let others: Vec<&String> = audit
        .facts
        .roles
        .iter()
        .filter(|(name, role)| {
            role.has(Attribute::Superuser)
                && role.has(Attribute::Login)
                && **name != audit.facts.bootstrap
                && !known.contains(&name.as_str())
        })
        .map(|(name, _)| name)
        .collect();
    for role in others {
        let message = format!(
            "role {} may log in and is a superuser: it passes every rule here, maintenance mode included",
            identifier(role)
        );
        alone(audit, Severity::Info, "SUPERUSER_LOGIN", role, message);
    }
}
