//! What is to be done to make or correct the roles, and what must not be done unasked.

use std::collections::BTreeSet;

use postgres_protocol::password::scram_sha_256;

use super::ProvisionRequest;
use crate::{
    model::{
        failure::{Failure, Kind, PreconditionViolation},
        privileges::{
            Facts, Finding, Place, PurposeRoles, RolesProvisioned, Severity, audit, existing,
            purpose::READ_ALL_DATA_SINCE,
        },
    },
    ops::daemon::Managed,
    postgres::{
        database::Purpose,
        quote::{identifier, literal},
    },
};

/// One statement.
#[derive(Clone, Debug)]
pub(super) struct Step {
    /// The SQL.
    pub(super) statement: String,
    /// The same without secrets.
    pub(super) shown: String,
    /// The role that it is about.
    role: String,
    /// Whether it is good to have, and no reason to refuse the others.
    pub(super) optional: bool,
}

/// All that is to be done.
pub(super) struct Plan {
    /// In order.
    pub(super) steps: Vec<Step>,
    created: Vec<String>,
    left: Vec<String>,
}

impl Plan {
    /// What makes the database's roles what they should be.
    pub(super) fn new(
        managed: &Managed,
        roles: &PurposeRoles,
        facts: &Facts,
        request: &ProvisionRequest,
    ) -> Result<Self, Failure> {
        refuse(managed, roles, facts)?;
        let findings = audit(roles, facts);
        let created: Vec<String> = findings
            .iter()
            .filter(|finding| finding.reason == "ROLE_MISSING")
            .map(|finding| finding.role.clone())
            .collect();
        let mut plan = Self {
            steps: Vec::new(),
            left: apart(&findings),
            created,
        };
        plan.add(findings, &BTreeSet::new());
        plan.passwords(managed, roles, request);
        let is_new = |role: &str| plan.created.iter().any(|created| created == role);
        let given = existing(roles, facts, |role| {
            request.existing_objects || is_new(role)
        });
        for (role, statement) in given {
            plan.steps.push(Step {
                shown: statement.clone(),
                statement,
                role,
                optional: false,
            });
        }
        Ok(plan)
    }

    /// Adds what mends findings, but for statements that were seen.
    pub(super) fn add(&mut self, findings: Vec<Finding>, seen: &BTreeSet<String>) {
        for finding in findings {
            let known = |step: &Step| step.statement == finding.statement;
            if finding.place == Place::Apart
                || finding.statement.is_empty()
                || seen.contains(&finding.statement)
                || self.steps.iter().any(known)
            {
                continue;
            }
            self.steps.push(Step {
                shown: finding.statement.clone(),
                statement: finding.statement,
                role: finding.role,
                optional: finding.severity == Severity::Info,
            });
        }
    }

    /// Sets the passwords of the configuration as verifiers: the server never hears them, nor does its log.
    fn passwords(&mut self, managed: &Managed, roles: &PurposeRoles, request: &ProvisionRequest) {
        for role in roles.daemon() {
            if !request.reset_passwords && !self.created.iter().any(|created| created == role) {
                continue;
            }
            let login = roles
                .purposes(role)
                .into_iter()
                .next()
                .map(|purpose: Purpose| managed.database.login(purpose));
            let Some(password) = login.and_then(tokio_postgres::Config::get_password) else {
                self.left.push(format!(
                    "the URL of role {role:?} has no password: see that it can log in without"
                ));
                continue;
            };
            let alter = format!("ALTER ROLE {} PASSWORD", identifier(role));
            self.steps.push(Step {
                statement: format!("{alter} {}", literal(&scram_sha_256(password))),
                shown: format!("{alter} '***'"),
                role: role.to_owned(),
                optional: false,
            });
        }
        for (role, _) in roles.clients() {
            if self.created.iter().any(|created| created == role) {
                self.left.push(format!(
                    "role {role:?} has no password yet: \\password {} in psql",
                    identifier(role)
                ));
            }
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// The statements without secrets.
    pub(super) fn shown(&self) -> impl Iterator<Item = &str> {
        self.steps.iter().map(|step| step.shown.as_str())
    }

    /// Takes statements out that did not run.
    pub(super) fn withdraw<'s>(&mut self, statements: impl Iterator<Item = &'s str>) {
        for statement in statements {
            self.steps.retain(|step| step.statement != statement);
        }
    }

    /// What was done, or would be.
    pub(super) fn result(&self, database: &str, left: &[String]) -> RolesProvisioned {
        let mut changed: Vec<String> = Vec::new();
        for step in &self.steps {
            let known = step.role == "PUBLIC" || self.created.contains(&step.role);
            if !known && !changed.contains(&step.role) {
                changed.push(step.role.clone());
            }
        }
        RolesProvisioned {
            database: database.to_owned(),
            statements: self.shown().map(ToOwned::to_owned).collect(),
            created: self.created.clone(),
            changed,
            left: self.left.iter().chain(left).cloned().collect(),
            validate_only: false,
        }
    }
}

/// What a person decides about.
fn apart(findings: &[Finding]) -> Vec<String> {
    let apart = findings.iter().filter(|finding| {
        finding.severity != Severity::Info
            && (finding.place == Place::Apart || finding.statement.is_empty())
    });
    apart.map(ToString::to_string).collect()
}

/// What must not be done: on a server that lacks what is needed, while the database is closed, or to people who are at work
/// in it and were forgotten.
fn refuse(managed: &Managed, roles: &PurposeRoles, facts: &Facts) -> Result<(), Failure> {
    if facts.version < READ_ALL_DATA_SINCE {
        return Err(Failure::new(
            Kind::FailedPrecondition,
            "SERVER_TOO_OLD",
            "roles can be provisioned from PostgreSQL 14 on: before, there is no pg_read_all_data for the backup role",
        )
        .with_hint("make the roles by hand; CheckPrivileges says what they lack"));
    }
    if facts.in_maintenance {
        return Err(Failure::new(
            Kind::FailedPrecondition,
            "IN_MAINTENANCE",
            format!(
                "database {:?} is in maintenance mode, which holds grants that must be given back first",
                managed.name()
            ),
        )
        .with_hint("call MaintenanceService.ExitMaintenance first"));
    }
    let forgotten = forgotten(roles, facts);
    if forgotten.is_empty() {
        return Ok(());
    }
    let violations = forgotten.iter().map(|role| PreconditionViolation {
        kind: "WOULD_LOSE_CONNECT".to_owned(),
        subject: (*role).to_owned(),
        description: format!(
            "role {role:?} is connected, and may connect only since every role may: name it in application_roles or read_only_roles, or GRANT CONNECT ON DATABASE {} TO {}",
            identifier(&roles.database),
            identifier(role)
        ),
    });
    Err(Failure {
        preconditions: violations.collect(),
        ..Failure::new(
            Kind::FailedPrecondition,
            "WOULD_LOSE_CONNECT",
            format!(
                "roles are at work in database {:?} that could not connect any more: {}",
                managed.name(),
                forgotten.join(", ")
            ),
        )
    }
    .with_hint("say what they are, or grant them CONNECT by name"))
}

/// The roles with sessions that may connect by the grant to everyone alone.
fn forgotten<'f>(roles: &PurposeRoles, facts: &'f Facts) -> Vec<&'f str> {
    let of_everyone = |privilege: &str| {
        let mut grants = facts.database_grants.iter();
        grants.any(|grant| grant.grantee.is_none() && grant.privilege == privilege)
    };
    if !of_everyone("CONNECT") {
        return Vec::new();
    }
    let by_name = |role: &str| {
        let inherited = facts.inherited(role);
        inherited.contains(facts.database_owner.as_str())
            || facts.database_grants.iter().any(|grant| {
                let ours = grant
                    .grantee
                    .as_deref()
                    .is_some_and(|one| inherited.contains(one));
                ours && grant.privilege == "CONNECT"
            })
    };
    let known = |role: &str| {
        !roles.purposes(role).is_empty() || roles.clients().any(|(client, _)| client == role)
    };
    facts
        .connected
        .iter()
        .map(String::as_str)
        .filter(|role| !known(role) && !facts.is_superuser(role) && !by_name(role))
        .collect()
}
