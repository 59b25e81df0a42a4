//! ProvisionRoles: makes the roles of a managed database, or corrects them.
//!
//! 1. `look`: what the audit finds, and so what is to be done; what must not be done unasked is refused.
//! 2. `provision`: all of it in one transaction. Whether the login may do a statement the server alone can tell; so each is
//!    tried, and if any that must be is refused, nothing is done and all of them are named.
//!
//! Nothing is left behind by a death on the way: the transaction ends with its session.

mod work;

use std::{collections::BTreeSet, sync::Arc};

use super::privileges::roles;
use crate::{
    model::{
        failure::{Failure, Kind, PreconditionViolation},
        method::Role,
        operation::{Operation, Outcome},
        permission::Scope,
        privileges::{
            Facts, PurposeRoles, RolesProvisioned, audit, is_role_name, purpose::Attribute,
        },
    },
    ops::{
        audited,
        context::Context,
        daemon::{Daemon, Managed},
        launch::launch,
        migration::follow,
        runner::job::Job,
        turn::{Turn, Work},
    },
    postgres::{
        error::PostgresError,
        privileges::{self, Tried, attempt},
        session::Session,
    },
};

use self::work::Plan;

/// How long a statement waits for a table's lock: nothing is to queue behind it for longer.
const LOCK_TIMEOUT: &str = "5s";

/// How often what was done is looked at again for what it brought to light.
const ROUNDS: usize = 3;

/// What is wanted beside the configuration.
#[derive(Clone, Debug, Default)]
pub struct ProvisionRequest {
    /// More roles of the application.
    pub application_roles: Vec<String>,
    /// More roles that read.
    pub read_only_roles: Vec<String>,
    /// Whether clients that stand get what stands, where they hold nothing of it.
    pub existing_objects: bool,
    /// Whether purpose roles that stand get the configuration's passwords.
    pub reset_passwords: bool,
}

/// What would be done. Does nothing.
pub async fn plan(
    daemon: &Daemon,
    context: &Context,
    database: &str,
    request: &ProvisionRequest,
) -> Result<RolesProvisioned, Failure> {
    audited::immediate(daemon, context, &daemon.scope(database), async {
        let managed = daemon.managed(database)?;
        let roles = wanted(daemon, managed, request)?;
        let session = connect(managed).await?;
        let facts = read(daemon, managed, &*session, &roles).await?;
        session.close().await;
        bounds(daemon, managed, context).check(request, &facts)?;
        let plan = Plan::new(managed, &roles, &facts, request)?;
        Ok(RolesProvisioned {
            validate_only: true,
            ..plan.result(managed.name(), &[])
        })
    })
    .await
}

/// Starts the work.
pub async fn provision(
    daemon: &Arc<Daemon>,
    context: &Context,
    database: &str,
    request: ProvisionRequest,
    request_id: &str,
) -> Result<Operation, Failure> {
    launch(daemon, context, database, request_id, async |managed| {
        let roles = wanted(daemon, &managed, &request)?;
        let bounds = bounds(daemon, &managed, context);
        let daemon = Arc::clone(daemon);
        Ok(move |job| async move { run(&daemon, &managed, &job, &roles, &request, &bounds).await })
    })
    .await
}

/// The configuration's roles and the request's.
fn wanted(
    daemon: &Daemon,
    managed: &Managed,
    request: &ProvisionRequest,
) -> Result<PurposeRoles, Failure> {
    let mut all = roles(daemon, managed);
    for (field, asked, known) in [
        (
            "application_roles",
            &request.application_roles,
            &mut all.applications,
        ),
        (
            "read_only_roles",
            &request.read_only_roles,
            &mut all.read_only,
        ),
    ] {
        for role in asked {
            if !is_role_name(role) {
                return Err(Failure::invalid_field(
                    field,
                    format!("{role:?} can be no role's name: 1 to 63 bytes, not public, not pg_…"),
                ));
            }
            if !known.contains(role) {
                known.push(role.clone());
            }
        }
    }
    Ok(all)
}

/// Which roles a request may name: the provisioning login may do more than its caller, and would change any role of the server.
struct Bounds {
    /// Those of the configuration, which whoever wrote it has named.
    configured: BTreeSet<String>,
    /// The daemon's own on other databases and on the control store.
    others: BTreeSet<String>,
    /// Whether the caller is an admin of everything, and so may have roles changed that others may use.
    everywhere: bool,
}

fn bounds(daemon: &Daemon, managed: &Managed, context: &Context) -> Bounds {
    let known = roles(daemon, managed);
    let others = daemon
        .databases
        .values()
        .filter(|other| other.name() != managed.name())
        .flat_map(|other| other.database.roles());
    Bounds {
        configured: known
            .applications
            .into_iter()
            .chain(known.read_only)
            .collect(),
        others: others
            .chain(daemon.store.roles().map(ToOwned::to_owned))
            .collect(),
        everywhere: context
            .principal
            .rights
            .allow(Role::Admin, &Scope::Everything),
    }
}

impl Bounds {
    fn check(&self, request: &ProvisionRequest, facts: &Facts) -> Result<(), Failure> {
        for (field, named) in [
            ("application_roles", &request.application_roles),
            ("read_only_roles", &request.read_only_roles),
        ] {
            for role in named.iter().filter(|role| !self.configured.contains(*role)) {
                let stands = facts.roles.get(role);
                let has_powers = stands
                    .is_some_and(|role| Attribute::POWERS.iter().any(|power| role.has(*power)));
                let problem = if self.others.contains(role) {
                    "is a role by which the daemon works elsewhere"
                } else if has_powers {
                    "has powers that no application has; take them from it first"
                } else if stands.is_some() && !self.everywhere {
                    "stands already, and only an admin of everything may have such a role changed"
                } else {
                    continue;
                };
                return Err(Failure::invalid_field(field, format!("{role:?} {problem}"))
                    .with_hint("name it in databases.*.application_roles, if it is meant"));
            }
        }
        Ok(())
    }
}

async fn connect(managed: &Managed) -> Result<Session, Failure> {
    let database = &managed.database;
    Ok(database
        .session_as(database.provisioner(), "pgsteward provision")
        .await?)
}

async fn read(
    daemon: &Daemon,
    managed: &Managed,
    client: &impl tokio_postgres::GenericClient,
    roles: &PurposeRoles,
) -> Result<Facts, Failure> {
    Ok(Facts {
        in_maintenance: daemon.store.maintenance(managed.name()).await?.is_some(),
        ..privileges::read(client, roles).await?
    })
}

async fn run(
    daemon: &Daemon,
    managed: &Managed,
    job: &Job,
    roles: &PurposeRoles,
    request: &ProvisionRequest,
    bounds: &Bounds,
) -> Result<Outcome, Failure> {
    let stages = stages(daemon, managed, job, roles, request, bounds);
    Turn::hold(daemon, managed, Work::Provisioning, job, stages)
        .await
        .map(Outcome::Provisioned)
}

async fn stages(
    daemon: &Daemon,
    managed: &Managed,
    job: &Job,
    roles: &PurposeRoles,
    request: &ProvisionRequest,
    bounds: &Bounds,
) -> Result<RolesProvisioned, Failure> {
    job.enter(1, 2, "look");
    // Where the migrator cannot read the schema yet, nothing was migrated by it either.
    let before = follow::before(daemon, managed).await.unwrap_or_else(|failure| {
        tracing::info!(%failure, "what the schema is to be is not known before the roles are made");
        None
    });
    let mut session = connect(managed).await?;
    session
        .batch_execute(&format!("SET lock_timeout = '{LOCK_TIMEOUT}'"))
        .await
        .map_err(PostgresError::query("prepare the session"))?;
    let facts = read(daemon, managed, &*session, roles).await?;
    bounds.check(request, &facts)?;
    let mut plan = Plan::new(managed, roles, &facts, request)?;

    job.enter(2, 2, "provision");
    let mut left = all_or_nothing(managed, job, &mut session, roles, &mut plan).await?;
    session.close().await;
    for statement in plan.shown() {
        tracing::info!(database = managed.name(), statement, "provisioned");
    }
    // The roles are as they should be by now: that this cannot be recorded is no reason to say that they are not.
    if let Some(before) = &before
        && !plan.is_empty()
        && let Err(failure) = follow::after(daemon, managed, job.id(), before).await
    {
        left.push(format!(
            "drift checks will name what was changed, since it could not be recorded: {failure}"
        ));
    }
    Ok(plan.result(managed.name(), &left))
}

/// Runs the plan in one transaction. Gives what is left over.
async fn all_or_nothing(
    managed: &Managed,
    job: &Job,
    session: &mut Session,
    roles: &PurposeRoles,
    plan: &mut Plan,
) -> Result<Vec<String>, Failure> {
    let what = || PostgresError::query("provision the roles");
    let mut transaction = session.transaction().await.map_err(what())?;
    let mut refused = Vec::new();
    let mut done = 0;
    let mut seen = BTreeSet::new();
    for _ in 0..ROUNDS {
        while let Some(step) = plan.steps.get(done) {
            job.count(done as u64, plan.steps.len() as u64, "statements");
            done += 1;
            seen.insert(step.statement.clone());
            match attempt(&mut transaction, &step.statement, &step.shown).await? {
                Tried::Ran => {}
                Tried::Refused(said) => refused.push((step.clone(), said)),
                // What was refused before is what this one rests on.
                Tried::Failed(_) if !refused.is_empty() => {}
                Tried::Failed(error) => return Err(error.into()),
            }
        }
        // One statement may bring to light what another finding hid.
        let facts = privileges::read(&transaction, roles).await?;
        plan.add(audit(roles, &facts), &seen);
        if plan.steps.len() == done {
            break;
        }
    }
    let (optional, needed): (Vec<_>, Vec<_>) =
        refused.into_iter().partition(|(step, _)| step.optional);
    if !needed.is_empty() {
        transaction.rollback().await.map_err(what())?;
        let violations = needed
            .into_iter()
            .map(|(step, said)| PreconditionViolation {
                kind: "STATEMENT_NOT_PERMITTED".to_owned(),
                subject: step.shown,
                description: said,
            });
        return Err(not_permitted(managed, violations.collect()));
    }
    transaction.commit().await.map_err(what())?;
    plan.withdraw(optional.iter().map(|(step, _)| step.statement.as_str()));
    let left = optional
        .into_iter()
        .map(|(step, said)| format!("for a superuser: {} ({said})", step.shown));
    Ok(left.collect())
}

fn not_permitted(managed: &Managed, violations: Vec<PreconditionViolation>) -> Failure {
    let login = managed.database.provisioner();
    let (role, count) = (login.get_user().unwrap_or_default(), violations.len());
    let advice = if managed.database.has_provisioner() {
        "run what `pgsteward roles sql` prints as a superuser, or give the login of databases.*.provision what it lacks"
    } else {
        "name a login that may in databases.*.provision, or run what `pgsteward roles sql` prints as a superuser"
    };
    Failure {
        preconditions: violations,
        ..Failure::new(
            Kind::FailedPrecondition,
            "PROVISIONING_NOT_PERMITTED",
            format!("role {role:?} may not run {count} of the statements; nothing was changed"),
        )
    }
    .with_hint(advice)
}
