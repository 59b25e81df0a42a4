//! The audit: what is not as the roles' purposes want it, each with the statement that mends it.
//!
//! The findings stand in the order in which their statements can run: roles, the database from outside, then what is in it.
//! A lack is judged by what a role has of its own, not by what it has by a grant or an ownership that is found wrong: so
//! one run of all statements mends everything.

mod database;
mod defaults;
mod objects;
mod roles;

use std::collections::BTreeSet;

use super::{
    Finding, Place, PurposeRoles, Severity,
    facts::{Facts, Grant},
    purpose::{Needs, Purpose, needs},
};
use crate::model::quote::identifier;

/// What is not as it should be.
pub fn audit(roles: &PurposeRoles, facts: &Facts) -> Vec<Finding> {
    let mut audit = Audit {
        roles,
        facts,
        owners: owners(roles, facts),
        found: Vec::new(),
    };
    roles::check(&mut audit);
    database::check(&mut audit);
    objects::check(&mut audit);
    defaults::check(&mut audit);
    audit.found
}

/// The roles that may own objects: the migrator, and those that it acts as.
fn owners(roles: &PurposeRoles, facts: &Facts) -> BTreeSet<String> {
    let inherited = facts.inherited(&roles.migrator);
    let owning = (facts.schemas.iter().map(|schema| &schema.owner))
        .chain(facts.relations.iter().map(|relation| &relation.owner))
        .chain(facts.others.iter().map(|object| &object.owner));
    let acted_as = owning.filter(|owner| {
        inherited.contains(owner.as_str())
            && !facts.is_superuser(owner)
            && !owner.starts_with("pg_")
            && roles.clients().all(|(client, _)| client != owner.as_str())
    });
    acted_as
        .cloned()
        .chain([roles.migrator.clone()])
        .filter(|owner| !facts.is_superuser(owner) || *owner == roles.migrator)
        .collect()
}

/// An audit that is under way.
struct Audit<'a> {
    roles: &'a PurposeRoles,
    facts: &'a Facts,
    /// The roles that may own objects.
    owners: BTreeSet<String>,
    found: Vec<Finding>,
}

/// What a finding says.
struct Said<'t> {
    role: &'t str,
    object: String,
    message: String,
    statement: String,
}

impl<'a> Audit<'a> {
    fn add(&mut self, severity: Severity, reason: &str, place: Place, said: Said<'_>) {
        self.found.push(Finding {
            severity,
            reason: reason.to_owned(),
            role: said.role.to_owned(),
            object: said.object,
            message: said.message,
            statement: said.statement,
            place,
        });
    }

    /// What a role needs for all that it is for.
    fn needs(&self, role: &str) -> Vec<Needs> {
        let purposes = self.roles.purposes(role).into_iter();
        purposes
            .map(|purpose| needs(purpose, self.facts.version))
            .collect()
    }

    /// How the messages call a role: by its purpose and name.
    fn called(&self, role: &str) -> String {
        let purposes = self.roles.purposes(role);
        let names: Vec<&str> = purposes.iter().map(|purpose| purpose.name()).collect();
        if !names.is_empty() {
            return format!("the {} role {}", names.join(" and "), identifier(role));
        }
        match self.roles.clients().find(|(client, _)| *client == role) {
            Some((_, true)) => format!("the application role {}", identifier(role)),
            Some((_, false)) => format!("the read-only role {}", identifier(role)),
            None => format!("role {}", identifier(role)),
        }
    }

    /// All roles that are looked after.
    fn all_roles(&self) -> Vec<&'a str> {
        let roles: &'a PurposeRoles = self.roles;
        let mut all = roles.daemon();
        all.extend(roles.clients().map(|(role, _)| role));
        all
    }

    /// The roles that must hold no more than their purpose on objects: who acts as an owner, or owns the database, may do
    /// anything with them.
    fn bounded(&self) -> Vec<Bounded<'_>> {
        let mut bounded = Vec::new();
        for role in self.all_roles() {
            let needs = self.needs(role);
            let free = needs.iter().any(|needs| needs.as_owners)
                || self.roles.purposes(role).contains(&Purpose::Migrator);
            if free || self.facts.is_superuser(role) {
                continue;
            }
            // What it has by a role that it must not be a member of ends with that membership.
            let through = self.facts.attainable(role).into_iter().filter(|group| {
                let client = self.roles.clients().any(|(other, _)| other == *group);
                *group == role
                    || !(group.starts_with("pg_")
                        || client
                        || self.facts.is_superuser(group)
                        || self.owners.contains(*group)
                        || !self.roles.purposes(group).is_empty())
            });
            bounded.push(Bounded {
                role,
                through: through.collect(),
                client: self
                    .roles
                    .clients()
                    .find(|(client, _)| *client == role)
                    .map(|(_, writes)| writes),
            });
        }
        bounded
    }
}

/// A role that must hold no more than its purpose.
struct Bounded<'a> {
    role: &'a str,
    /// Itself, and the groups whose grants it has.
    through: BTreeSet<&'a str>,
    /// For the application's and read-only roles: whether they may write rows.
    client: Option<bool>,
}

/// Takes privileges from a grantee, as those who granted them: a REVOKE takes only what its own role has granted.
fn revoke(grants: &[&Grant], owner: &str, on: &str, from: Option<&str>) -> String {
    let mut grantors: Vec<&str> = Vec::new();
    for grant in grants {
        if !grantors.contains(&grant.grantor.as_str()) {
            grantors.push(&grant.grantor);
        }
    }
    let statements = grantors.into_iter().map(|grantor| {
        let own: Vec<&Grant> = grants
            .iter()
            .copied()
            .filter(|grant| grant.grantor == grantor)
            .collect();
        let cascade = if own.iter().any(|grant| grant.grantable) {
            " CASCADE"
        } else {
            ""
        };
        let statement = format!(
            "REVOKE {} ON {on} FROM {}{cascade}",
            privileges(&own),
            from.map_or_else(|| "PUBLIC".to_owned(), identifier),
        );
        if grantor == owner {
            statement
        } else {
            let grantor = identifier(grantor);
            format!("SET ROLE {grantor}; {statement}; RESET ROLE")
        }
    });
    statements.collect::<Vec<_>>().join("; ")
}

/// The privileges of grants, each once.
fn privileges(grants: &[&Grant]) -> String {
    let mut names: Vec<&str> = Vec::new();
    for grant in grants {
        if !names.contains(&grant.privilege.as_str()) {
            names.push(&grant.privilege);
        }
    }
    names.join(", ")
}

/// The grants to one grantee that fail a test.
fn of_grantee<'g>(
    grants: &'g [Grant],
    grantee: Option<&str>,
    excessive: impl Fn(&Grant) -> bool,
) -> Vec<&'g Grant> {
    grants
        .iter()
        .filter(|grant| grant.grantee.as_deref() == grantee && excessive(grant))
        .collect()
}
