//! What the schema of a database is to be, and how the live one differs: what drift checks, stamps and baselines go by.
//!
//! Known is either what was recorded when the last migration ended, or what the chain of revisions makes in a scratch
//! database. The latter stands on the live database's ground: owner and privileges of the schema `public`, default
//! privileges and extensions are copied where no script speaks of them. What only a superuser makes and nothing rests on
//! (event triggers, such extensions as pg_stat_statements, publications of all tables) is taken to be as it should.

use super::{scratch, scripts::load, step};
use crate::{
    model::{
        failure::{Failure, Kind, PreconditionViolation},
        revision::Graph,
        schema::{Difference, Schema},
    },
    ops::{
        daemon::{Daemon, Managed},
        runner::job::Job,
    },
    postgres::{database::Purpose, scratch::not_copied},
};

/// How many differences a message names.
const NAMED: usize = 5;

/// How many differences a refusal lists.
const LISTED: usize = 1000;

/// The live schema, as the migrator sees it, less what drift checks leave out.
pub(super) async fn live(daemon: &Daemon, managed: &Managed) -> Result<Schema, Failure> {
    let session = managed
        .database
        .session(Purpose::Migrator, "pgsteward schema")
        .await?;
    let live = step::read_schema(daemon, managed, &session).await?;
    session.close().await;
    Ok(live)
}

/// What was recorded for these rows of the version table, less what drift checks leave out by now.
pub(super) async fn recorded(
    daemon: &Daemon,
    managed: &Managed,
    heads: &[String],
) -> Result<Option<Schema>, Failure> {
    let recorded = daemon.store.reference(managed.name(), heads).await?;
    Ok(recorded.map(|schema| schema.without(&daemon.settings.migrations.ignore)))
}

/// What the chain up to `heads` makes. What a scratch database cannot have is as in `live`.
pub(super) async fn built(
    daemon: &Daemon,
    managed: &Managed,
    job: &Job,
    graph: &Graph,
    heads: &[String],
    live: &Schema,
) -> Result<Schema, Failure> {
    let session = managed
        .database
        .session(Purpose::Admin, "pgsteward schema")
        .await?;
    let unknowable = not_copied(&session).await?;
    session.close().await;
    let mut expected = scratch::build(daemon, managed, job, graph, heads).await?;
    let known = |schema_kind: &str, identity: &str| {
        let name = format!("{} {identity}", schema_kind.to_uppercase());
        !unknowable.contains(&name)
    };
    expected
        .objects
        .retain(|key, _| known(key.kind.name(), &key.identity));
    for (key, properties) in &live.objects {
        if !known(key.kind.name(), &key.identity) {
            expected.objects.insert(key.clone(), properties.clone());
        }
    }
    Ok(expected)
}

/// The scripts, which must have all the given rows of the version table.
pub(super) async fn chain_of(managed: &Managed, heads: &[String]) -> Result<Graph, Failure> {
    let graph = load(&managed.revisions).await?;
    let unknown: Vec<&str> = heads
        .iter()
        .filter(|head| graph.get(head).is_none())
        .map(String::as_str)
        .collect();
    if unknown.is_empty() {
        return Ok(graph);
    }
    Err(Failure::new(
        Kind::FailedPrecondition,
        "UNKNOWN_REVISION",
        format!(
            "the database is at revisions that no script has, so that nobody can say what its schema is to be: {}",
            unknown.join(", ")
        ),
    )
    .with_hint("the scripts may be older than the database; bring the revisions directory up to date"))
}

/// The first few differences in one line, and how many more there are.
pub(super) fn first_few(differences: &[Difference]) -> String {
    let named = differences.iter().take(NAMED).map(ToString::to_string);
    let mut named: Vec<String> = named.collect();
    if differences.len() > NAMED {
        named.push(format!("and {} more", differences.len() - NAMED));
    }
    named.join("; ")
}

/// The refusal for a schema that is not what it is to be, with each difference as a violation of that reason.
pub(super) fn refusal(reason: &str, message: &str, differences: &[Difference]) -> Failure {
    let failure = Failure::new(
        Kind::FailedPrecondition,
        reason,
        format!("{message}: {}", first_few(differences)),
    );
    let listed = differences.iter().take(LISTED);
    Failure {
        preconditions: listed
            .map(|difference| PreconditionViolation {
                kind: reason.to_owned(),
                subject: difference.key.to_string(),
                description: difference.to_string(),
            })
            .collect(),
        ..failure
    }
}
