//! One pair, one way: a database with one schema and rows in it becomes the other by revisions that were written for it,
//! and comes back.

use std::fmt;

use pgsteward::proto::{
    CreateRevisionRequest, DowngradeRequest, Finding, FindingSeverity, MigrationResult, Operation,
    Revision, UpgradeRequest, operation::Outcome,
};
use tonic::Status;

use super::{
    dump::Dump,
    ground::{Ground, PlainSchema},
    pair::{Direction, Pair},
    tables::{Said, Tables},
};
use crate::support::Client;

/// Who writes the revisions.
pub(super) enum Author {
    /// Autogenerate; what it writes may be shown.
    Autogenerate { shown: bool },
    /// A test of the judge: upgrade and downgrade.
    Hand(&'static str, &'static str),
}

/// How far it came, and what was wrong.
#[derive(Debug)]
pub(super) struct Misstep {
    stage: &'static str,
    text: String,
}

impl fmt::Display for Misstep {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let indented = self.text.replace('\n', "\n    ");
        write!(to, "{}:\n    {indented}", self.stage)
    }
}

/// Names the stage of what went wrong.
trait At<T> {
    fn at(self, stage: &'static str) -> Result<T, Misstep>;
}

impl<T> At<T> for Result<T, String> {
    fn at(self, stage: &'static str) -> Result<T, Misstep> {
        self.map_err(|text| Misstep { stage, text })
    }
}

fn none(lines: &[String]) -> Result<(), String> {
    if lines.is_empty() {
        Ok(())
    } else {
        Err(lines.join("\n"))
    }
}

impl Ground {
    /// Goes the way there and back, and looks whether all is as it must be.
    pub(super) async fn journey(
        &self,
        pair: &Pair,
        direction: Direction,
        [old, new]: &[PlainSchema; 2],
        author: &Author,
    ) -> Result<(), Misstep> {
        let (from, to) = match direction {
            Direction::Forward => (old, new),
            Direction::Backward => (new, old),
        };
        let client = self.daemon.client();
        let managed = self.site.databases.managed();
        self.begin(pair.target(direction)).await;
        first_revision(client, &from.sql)
            .await
            .at("the first revision")?;
        upgrade(client, Vec::new()).await.at("the first upgrade")?;
        let rows = self.site.databases.named(pair.rows(direction));
        self.run_as_migrator(&rows).await.at("the rows")?;
        let session = self.site.databases.superuser().await;
        let before = Tables::of(&session).await.at("the reading of the rows")?;

        let answers = pair.answers(direction);
        let mut findings = Vec::new();
        let revisions = match author {
            Author::Autogenerate { shown } => {
                let request = CreateRevisionRequest {
                    message: "as the models say".to_owned(),
                    autogenerate: true,
                    renames: answers.renames.clone(),
                    drops: answers.drops.clone(),
                    ..CreateRevisionRequest::default()
                };
                let (revisions, found) = autogenerate(client, request).await.at("autogenerate")?;
                if *shown {
                    show(pair, direction, &revisions);
                }
                findings = found;
                revisions.len()
            }
            Author::Hand(up, down) => {
                create(client, up, down).await.at("the revision by hand")?;
                1
            }
        };
        let plan = plan(client).await.at("the plan of the upgrade")?;
        findings.extend(plan.steps.into_iter().flat_map(|step| step.findings));
        let meant = findings
            .iter()
            .filter(|finding| finding.severity() == FindingSeverity::Error);
        let meant = meant.map(|finding| finding.name.clone()).collect();
        upgrade(client, meant).await.at("the upgrade")?;

        let there = Dump::of(&managed).await.at("the dump after the upgrade")?;
        there.against(&to.dump).at("the schema after the upgrade")?;
        let after = Tables::of(&session)
            .await
            .at("the reading of the rows after the upgrade")?;
        let said = Said::by(findings.iter());
        none(&before.lost_in(&after, answers, &said)).at("the rows after the upgrade")?;
        none(&before.rewritten_in(&after, answers, &said)).at("the files after the upgrade")?;

        if revisions > 0 {
            downgrade(client, revisions).await.at("the downgrade")?;
        }
        let back = Dump::of(&managed)
            .await
            .at("the dump after the downgrade")?;
        back.against(&from.dump)
            .at("the schema after the downgrade")?;
        let again = Tables::of(&session)
            .await
            .at("the reading of the rows after the downgrade")?;
        none(&again.counts_against(&before, &said)).at("the rows after the downgrade")
    }
}

async fn first_revision(client: &Client, sql: &str) -> Result<(), String> {
    // A script that has nothing in it is refused.
    let sql = format!("SELECT 1;\n{sql}");
    create(client, &sql, "SELECT 1;").await
}

async fn create(client: &Client, upgrade_sql: &str, downgrade_sql: &str) -> Result<(), String> {
    let request = CreateRevisionRequest {
        message: "by hand".to_owned(),
        upgrade_sql: upgrade_sql.to_owned(),
        downgrade_sql: downgrade_sql.to_owned(),
        ..CreateRevisionRequest::default()
    };
    let answer = client.migration().create_revision(request).await;
    answer.map(drop).map_err(|status| refusal(&status))
}

async fn autogenerate(
    client: &Client,
    request: CreateRevisionRequest,
) -> Result<(Vec<Revision>, Vec<Finding>), String> {
    let answer = client.migration().create_revision(request).await;
    let answer = answer.map_err(|status| refusal(&status))?.into_inner();
    match outcome(client, answer.operation).await? {
        Outcome::Autogenerate(result) => Ok((result.revisions, result.findings)),
        other => Err(format!("{other:?}")),
    }
}

async fn plan(client: &Client) -> Result<MigrationResult, String> {
    let request = UpgradeRequest {
        validate_only: true,
        ..UpgradeRequest::default()
    };
    migrate(
        client,
        client
            .migration()
            .upgrade(request)
            .await
            .map(|answer| answer.into_inner().operation),
    )
    .await
}

async fn upgrade(client: &Client, acknowledge: Vec<String>) -> Result<MigrationResult, String> {
    let request = UpgradeRequest {
        acknowledge,
        ..UpgradeRequest::default()
    };
    migrate(
        client,
        client
            .migration()
            .upgrade(request)
            .await
            .map(|answer| answer.into_inner().operation),
    )
    .await
}

async fn downgrade(client: &Client, revisions: usize) -> Result<MigrationResult, String> {
    let request = DowngradeRequest {
        target: format!("-{revisions}"),
        ..DowngradeRequest::default()
    };
    migrate(
        client,
        client
            .migration()
            .downgrade(request)
            .await
            .map(|answer| answer.into_inner().operation),
    )
    .await
}

async fn migrate(
    client: &Client,
    started: Result<Option<Operation>, Status>,
) -> Result<MigrationResult, String> {
    let operation = started.map_err(|status| refusal(&status))?;
    match outcome(client, operation).await? {
        Outcome::Migration(result) => Ok(result),
        other => Err(format!("{other:?}")),
    }
}

/// What an operation gave, or why it failed.
async fn outcome(client: &Client, operation: Option<Operation>) -> Result<Outcome, String> {
    let operation = operation.ok_or("no operation")?;
    let operation = if operation.done {
        operation
    } else {
        client.wait(Some(operation)).await
    };
    match operation.outcome {
        Some(Outcome::Error(error)) => {
            let mut lines = vec![format!("{}: {}", error.reason, error.message)];
            let lacking = error.preconditions.iter();
            lines.extend(lacking.map(|lack| format!("{}: {}", lack.subject, lack.description)));
            Err(lines.join("\n"))
        }
        Some(outcome) => Ok(outcome),
        None => Err(format!("no outcome: {operation:?}")),
    }
}

/// A refusal with all that is said of it.
fn refusal(status: &Status) -> String {
    use tonic_types::StatusExt as _;
    let details = status.get_error_details();
    let mut lines = vec![format!("{:?}: {}", status.code(), status.message())];
    if let Some(failure) = details.precondition_failure() {
        let lacking = failure.violations.iter();
        lines.extend(lacking.map(|lack| format!("{}: {}", lack.subject, lack.description)));
    }
    if let Some(request) = details.bad_request() {
        let fields = request.field_violations.iter();
        lines.extend(fields.map(|field| format!("{}: {}", field.field, field.description)));
    }
    lines.join("\n")
}

fn show(pair: &Pair, direction: Direction, revisions: &[Revision]) {
    for revision in revisions {
        println!(
            "== {} {direction}, {}\n-- upgrade\n{}\n-- downgrade\n{}",
            pair.name, revision.filename, revision.upgrade_sql, revision.downgrade_sql
        );
    }
}
