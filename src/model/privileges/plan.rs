//! The statements that make the roles: the mending of a server that has none of them.

use super::{
    Finding, Place, PurposeRoles,
    audit::audit,
    facts::{Facts, Grant, RelationKind},
};
use crate::model::quote::{identifier, qualified};

/// One statement, and where it belongs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// Before the database is made, from outside of it, or inside of it.
    pub place: Place,
    /// The SQL.
    pub statement: String,
}

/// What makes the roles on a server of this version (`server_version_num`) that has none of them, and gives them what they
/// need in a new database that belongs to the admin role. The steps of one place stand together, in order; each place may
/// be one transaction. Every statement but CREATE ROLE may be run again.
pub fn setup(roles: &PurposeRoles, version: u32) -> Vec<Step> {
    let mut steps: Vec<Step> = audit(roles, &Facts::fresh(roles, version))
        .into_iter()
        .filter_map(step)
        .collect();
    steps.sort_by_key(|step| step.place);
    steps
}

fn step(finding: Finding) -> Option<Step> {
    let due = finding.place != Place::Apart && !finding.statement.is_empty();
    due.then_some(Step {
        place: finding.place,
        statement: finding.statement,
    })
}

/// The schema of the DDL guard, which is nobody's to use.
const GUARD_SCHEMA: &str = "pgsteward";

/// What lets clients use what stands already, where they hold nothing on it: schemas, tables and sequences; each statement
/// with its role. What one was given something of is left as it is, for somebody has decided about it. It is for the roles
/// that `all_for` says, and for whoever owned an object that becomes the migrator's, and would otherwise hold nothing on it.
pub fn existing(
    roles: &PurposeRoles,
    facts: &Facts,
    all_for: impl Fn(&str) -> bool,
) -> Vec<(String, String)> {
    let mut statements = Vec::new();
    for (role, writes) in roles.clients() {
        let held = facts.inherited(role);
        let everything = all_for(role);
        let holds = |grants: &[Grant], everyone: bool| {
            grants.iter().any(|grant| match &grant.grantee {
                Some(grantee) => held.contains(grantee.as_str()),
                None => everyone && grant.privilege == "USAGE",
            })
        };
        let due =
            |owner: &str, schema: &str| (everything || owner == role) && schema != GUARD_SCHEMA;
        let to = identifier(role);
        for schema in &facts.schemas {
            if due(&schema.owner, &schema.name) && !holds(&schema.grants, true) {
                let name = identifier(&schema.name);
                let statement = format!("GRANT USAGE ON SCHEMA {name} TO {to}");
                statements.push((role.to_owned(), statement));
            }
        }
        for relation in &facts.relations {
            if !due(&relation.owner, &relation.schema) || holds(&relation.grants, false) {
                continue;
            }
            let privileges = match (relation.kind, writes) {
                (RelationKind::Sequence, true) => "SELECT, USAGE",
                (_, true) => "SELECT, INSERT, UPDATE, DELETE",
                (_, false) => "SELECT",
            };
            let statement = format!(
                "GRANT {privileges} ON {} {} TO {to}",
                relation.kind.granted_on(),
                qualified(&relation.schema, &relation.name)
            );
            statements.push((role.to_owned(), statement));
        }
    }
    statements
}
