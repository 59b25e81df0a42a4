//! The plan of an Upgrade or Downgrade: which sections of which scripts, what a reviewer should know of them, and what
//! stands against running them.

use std::collections::BTreeSet;

use super::{approve::is_approved, scripts::load, version::database_heads};
use crate::{
    model::{
        failure::{Failure, Kind, PreconditionViolation},
        migration::{BackupBefore, Direction, MigrationResult, MigrationStep},
        review::{self, Finding, Severity},
        revision::{Graph, Script, Step},
    },
    ops::daemon::{Daemon, Managed},
    postgres::{database::Purpose, server},
};

/// What an Upgrade or Downgrade asks for.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// Which way.
    pub direction: Direction,
    /// Where to.
    pub target: String,
    /// Whether to run the plan on a scratch copy first.
    pub rehearse: bool,
    /// Names of destructive findings that are meant.
    pub acknowledged: Vec<String>,
    /// Whether nothing is to be changed.
    pub validate_only: bool,
}

/// The steps of a migration with what is known of them.
pub(super) struct Plan {
    /// The version table's rows before the first step.
    pub(super) from_heads: Vec<String>,
    /// The steps in their order, each with its script.
    pub(super) steps: Vec<(Step, Script)>,
    /// The findings of each step.
    pub(super) findings: Vec<Vec<Finding>>,
    /// What the plan is refused for, whatever was asked.
    refusals: Vec<PreconditionViolation>,
    /// Whether the first step was left in the middle.
    pub(super) resumes: bool,
}

/// Makes the plan. An error says that there is none: the target cannot be reached, or a script cannot be run.
pub(super) async fn make(
    daemon: &Daemon,
    managed: &Managed,
    wanted: &Wanted,
) -> Result<Plan, Failure> {
    if wanted.target.is_empty() {
        let expected = "must be given, e.g. `head`, `-1` or `base`";
        return Err(Failure::invalid_field("target", expected));
    }
    let graph = load(&managed.revisions).await?;
    let from_heads = database_heads(managed).await?;
    let steps = match wanted.direction {
        Direction::Upgrade => graph.upgrade_plan(&from_heads, &wanted.target)?,
        Direction::Downgrade => graph.downgrade_plan(&from_heads, &wanted.target)?,
    };
    let steps = with_scripts(&graph, steps)?;
    let pg_major = major(managed).await?;
    let findings = steps
        .iter()
        .map(|(step, script)| review::lint(script, step.direction, pg_major))
        .collect::<Result<Vec<_>, _>>()?;
    let mut plan = Plan {
        refusals: Vec::new(),
        resumes: false,
        from_heads,
        steps,
        findings,
    };
    plan.refusals = refusals(daemon, managed, &graph, wanted, &mut plan).await?;
    Ok(plan)
}

/// The server's major version.
pub(super) async fn major(managed: &Managed) -> Result<u32, Failure> {
    let client = managed.database.pooled(Purpose::Migrator).await?;
    Ok(server::version_num(&*client).await? / 10_000)
}

/// The sections of this very database that were left in the middle.
pub(super) async fn half_run_sections(
    daemon: &Daemon,
    managed: &Managed,
) -> Result<Vec<(String, Direction)>, Failure> {
    let client = managed.database.pooled(Purpose::Migrator).await?;
    let oid = server::database_oid(&*client).await?;
    Ok(daemon.store.half_run(managed.name(), oid).await?)
}

/// Every section is checked before the first one runs.
fn with_scripts(graph: &Graph, steps: Vec<Step>) -> Result<Vec<(Step, Script)>, Failure> {
    let mut planned = Vec::with_capacity(steps.len());
    for step in steps {
        if let Some(script) = graph.get(&step.revision) {
            script.statements(step.direction)?;
            planned.push((step, script.clone()));
        }
    }
    Ok(planned)
}

/// Whether a script cannot be taken back: it does something, and its downgrade section is blank. A comment in that section
/// says that there is nothing to undo.
pub(super) fn is_irreversible(script: &Script) -> bool {
    script.downgrade_sql.is_empty()
        && script
            .statements(Direction::Upgrade)
            .is_ok_and(|statements| !statements.is_empty())
}

fn violation(kind: &str, subject: &str, description: String) -> PreconditionViolation {
    PreconditionViolation {
        kind: kind.to_owned(),
        subject: subject.to_owned(),
        description,
    }
}

async fn refusals(
    daemon: &Daemon,
    managed: &Managed,
    graph: &Graph,
    wanted: &Wanted,
    plan: &mut Plan,
) -> Result<Vec<PreconditionViolation>, Failure> {
    let mut refusals = half_run(daemon, managed, plan).await?;
    refusals.extend(edited(daemon, managed, graph, wanted, plan).await?);
    for (step, script) in &plan.steps {
        if step.direction == Direction::Downgrade && is_irreversible(script) {
            refusals.push(violation(
                "REVISION_IRREVERSIBLE",
                &script.revision,
                format!(
                    "{} has no downgrade section: write one, or a comment there if there is nothing to undo",
                    script.file_name
                ),
            ));
        }
    }
    if daemon.settings.migrations.require_approval && wanted.direction == Direction::Upgrade {
        refusals.extend(unapproved(daemon, managed, plan).await?);
    }
    Ok(refusals)
}

/// While a script is half run, nothing else may run: the same migration goes on where it stopped.
async fn half_run(
    daemon: &Daemon,
    managed: &Managed,
    plan: &mut Plan,
) -> Result<Vec<PreconditionViolation>, Failure> {
    let first = plan.steps.first().map(|(step, _)| step);
    let mut refusals = Vec::new();
    for (revision, direction) in half_run_sections(daemon, managed).await? {
        if first.is_some_and(|step| step.revision == revision && step.direction == direction) {
            plan.resumes = true;
            continue;
        }
        refusals.push(violation(
            "REVISION_HALF_RUN",
            &revision,
            format!(
                "the {0} of {revision} was left in the middle: ask for the same {0} again, which goes on where it stopped",
                direction.name()
            ),
        ));
    }
    Ok(refusals)
}

/// An upgrade builds on everything that is applied; a downgrade runs what it takes back.
async fn edited(
    daemon: &Daemon,
    managed: &Managed,
    graph: &Graph,
    wanted: &Wanted,
    plan: &Plan,
) -> Result<Vec<PreconditionViolation>, Failure> {
    let concerned: BTreeSet<String> = match wanted.direction {
        Direction::Upgrade => graph.applied(&plan.from_heads)?,
        Direction::Downgrade => plan
            .steps
            .iter()
            .map(|(step, _)| step.revision.clone())
            .collect(),
    };
    let applied = daemon.store.applied_checksums(managed.name()).await?;
    let scripts = concerned.iter().filter_map(|id| graph.get(id));
    Ok(scripts
        .filter(|script| {
            applied
                .get(&script.revision)
                .is_some_and(|checksum| *checksum != script.normalized_sha256())
        })
        .map(|script| {
            violation(
                "REVISION_EDITED",
                &script.revision,
                format!(
                    "{} is applied and was edited since: put the file back, or accept it by Restamp",
                    script.file_name
                ),
            )
        })
        .collect())
}

async fn unapproved(
    daemon: &Daemon,
    managed: &Managed,
    plan: &Plan,
) -> Result<Vec<PreconditionViolation>, Failure> {
    let authors = daemon.store.authors(managed.name()).await?;
    let approvals = daemon.store.approvals(managed.name()).await?;
    Ok(plan
        .steps
        .iter()
        .filter(|(_, script)| {
            let author = authors.get(&script.revision).map_or("", String::as_str);
            let approvals = approvals.get(&script.revision).map_or(&[][..], Vec::as_slice);
            !is_approved(script, author, approvals)
        })
        .map(|(_, script)| {
            violation(
                "REVISION_NOT_APPROVED",
                &script.revision,
                format!(
                    "{} as it is was approved by nobody but its author: let somebody else call ApproveRevision",
                    script.file_name
                ),
            )
        })
        .collect())
}

impl Plan {
    /// What the steps would leave in the version table.
    pub(super) fn to_heads(&self) -> Vec<String> {
        let last = self.steps.last();
        last.map_or_else(
            || self.from_heads.clone(),
            |(step, _)| step.heads_after.clone(),
        )
    }

    /// Refuses what may not be run as it was asked for, with everything that stands against it.
    pub(super) fn require_runnable(&self, wanted: &Wanted) -> Result<(), Failure> {
        let refusals = self.all_refusals(wanted);
        let Some(first) = refusals.first() else {
            return Ok(());
        };
        let message = match refusals.len() {
            1 => first.description.clone(),
            count => format!(
                "{count} things stand against the {}, the first: {}",
                wanted.direction.name(),
                first.description
            ),
        };
        let reason = if refusals.iter().all(|other| other.kind == first.kind) {
            first.kind.clone()
        } else {
            "MIGRATION_NOT_READY".to_owned()
        };
        let failure = Failure::new(Kind::FailedPrecondition, &reason, message)
            .with_hint("validate_only shows the plan with its findings");
        Err(Failure {
            preconditions: refusals,
            ..failure
        })
    }

    fn all_refusals(&self, wanted: &Wanted) -> Vec<PreconditionViolation> {
        let mut refusals = self.refusals.clone();
        if wanted.direction == Direction::Upgrade {
            refusals.extend(self.unacknowledged(&wanted.acknowledged));
        }
        refusals
    }

    /// The destructive findings that were not named, each name once.
    fn unacknowledged(&self, acknowledged: &[String]) -> Vec<PreconditionViolation> {
        let mut missing: Vec<PreconditionViolation> = Vec::new();
        let findings = self.findings.iter().flatten();
        for finding in findings.filter(|finding| finding.severity == Severity::Error) {
            let name = finding.name();
            if acknowledged.contains(&name) || missing.iter().any(|known| known.subject == name) {
                continue;
            }
            let description = format!(
                "{name} in revision {}, line {}, destroys data: acknowledge it by this name if it is meant",
                finding.revision, finding.line
            );
            missing.push(violation(
                "DESTRUCTIVE_NOT_ACKNOWLEDGED",
                &name,
                description,
            ));
        }
        missing
    }

    /// Whether it is to be run on a scratch copy first. A script that was left in the middle cannot be: its copy would
    /// have the half of it.
    pub(super) fn is_to_be_rehearsed(&self, daemon: &Daemon, wanted: &Wanted) -> bool {
        let must = || {
            self.steps
                .iter()
                .zip(&self.findings)
                .any(|((step, script), findings)| {
                    review::must_rehearse(script, step.direction, findings)
                })
        };
        !self.resumes
            && !self.steps.is_empty()
            && (wanted.rehearse || daemon.settings.migrations.rehearse && must())
    }

    /// Whether a backup is to be made before the first step.
    pub(super) fn is_to_be_backed_up(&self, daemon: &Daemon) -> bool {
        match daemon.settings.migrations.backup_before {
            BackupBefore::Always => !self.steps.is_empty(),
            BackupBefore::Destructive => self
                .findings
                .iter()
                .flatten()
                .any(|finding| finding.severity == Severity::Error),
            BackupBefore::Never => false,
        }
    }

    /// The plan as it is shown: nothing has run.
    pub(super) fn shown(
        self,
        daemon: &Daemon,
        managed: &Managed,
        wanted: &Wanted,
    ) -> MigrationResult {
        MigrationResult {
            database: managed.name().to_owned(),
            to_heads: self.to_heads(),
            backup_planned: self.is_to_be_backed_up(daemon),
            refusals: self
                .all_refusals(wanted)
                .into_iter()
                .map(|refusal| format!("{}: {}", refusal.kind, refusal.description))
                .collect(),
            from_heads: self.from_heads,
            steps: self
                .steps
                .iter()
                .zip(self.findings)
                .map(|((step, script), findings)| MigrationStep {
                    sql: section(script, step.direction).to_owned(),
                    findings,
                    ..report(step, script)
                })
                .collect(),
            validate_only: true,
            ..MigrationResult::default()
        }
    }
}

/// A step as results name it, before anything is known of its run.
pub(super) fn report(step: &Step, script: &Script) -> MigrationStep {
    MigrationStep {
        revision: step.revision.clone(),
        direction: step.direction,
        message: script.message.clone(),
        sql: String::new(),
        duration: None,
        transactional: script.transactional,
        findings: Vec::new(),
        retries: 0,
    }
}

fn section(script: &Script, direction: Direction) -> &str {
    match direction {
        Direction::Upgrade => &script.upgrade_sql,
        Direction::Downgrade => &script.downgrade_sql,
    }
}
