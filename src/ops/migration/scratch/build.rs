//! The building of a chain: what its revisions make of an empty database that stands on the live one's ground.

use std::collections::BTreeSet;

use super::Scratch;
use crate::{
    model::{
        failure::{Failure, Kind},
        migration::Direction,
        revision::{Graph, Script, Step},
        schema::Schema,
        schema_dump::Ground,
    },
    ops::{
        daemon::{Daemon, Managed},
        migration::step,
        runner::job::Job,
    },
    postgres::{
        catalog,
        quote::identifier,
        revisions::{self, ScriptRun, ScriptRunError},
        session::Session,
    },
};

/// What the chain `heads` makes of an empty database, less what drift checks leave out.
pub(in crate::ops::migration) async fn build(
    daemon: &Daemon,
    managed: &Managed,
    job: &Job,
    graph: &Graph,
    heads: &[String],
) -> Result<Schema, Failure> {
    let mut steps: Vec<(Step, &Script)> = Vec::new();
    let mut rows = Vec::new();
    for head in heads {
        for step in graph.upgrade_plan(&rows, head)? {
            rows.clone_from(&step.heads_after);
            // A plan names only revisions that the graph has.
            steps.extend(graph.get(&step.revision).map(|script| (step, script)));
        }
    }
    let chain: Vec<&Script> = steps.iter().map(|(_, script)| *script).collect();
    let scratch = Scratch::empty(daemon, managed, job, &chain).await?;
    let built = async {
        let session = scratch.session("pgsteward build").await?;
        let mut before: &[String] = &[];
        for (done, (step, script)) in steps.iter().enumerate() {
            job.count(done as u64, steps.len() as u64, "revisions");
            let run = ScriptRun {
                table: &managed.version_table,
                script,
                direction: Direction::Upgrade,
                before,
                after: &step.heads_after,
                limits: daemon.settings.migrations.limits,
            };
            build_one(&session, run)
                .await
                .map_err(|error| cannot_build(managed, script, error))?;
            before = &step.heads_after;
        }
        job.count(steps.len() as u64, steps.len() as u64, "revisions");
        let schema = catalog::read_in_snapshot(&session, &step::scope(daemon, managed)).await?;
        session.close().await;
        Ok(schema)
    };
    let built = built.await;
    scratch.drop().await;
    built
}

async fn build_one(session: &Session, run: ScriptRun<'_>) -> Result<(), ScriptRunError> {
    let unrecorded = async |_| Ok(());
    if run.script.transactional {
        return revisions::run(session, run, unrecorded).await;
    }
    revisions::check_version(session, run).await?;
    for (position, statement) in run.script.statements(run.direction)?.iter().enumerate() {
        revisions::execute(session, run, statement, Some(position)).await?;
    }
    revisions::finish(session, run, unrecorded).await
}

fn cannot_build(managed: &Managed, script: &Script, error: ScriptRunError) -> Failure {
    let failure = Failure::from(error);
    if failure.kind != Kind::FailedPrecondition {
        return failure;
    }
    Failure::new(
        Kind::FailedPrecondition,
        "CHAIN_NOT_BUILDABLE",
        format!(
            "the revisions of database {:?} cannot be built from base: revision {} failed in an empty database: {}",
            managed.name(),
            script.revision,
            failure.message
        ),
    )
    .with_hint("a script may rest on what no revision makes, or on rows; the live database was not touched")
}

/// What the live database had before any revision ran. What the chain's scripts speak of is theirs to make.
pub(super) fn ground(
    managed: &Managed,
    extensions: Vec<(String, String)>,
    left_out: &[String],
    chain: &[&Script],
) -> Ground {
    // Also what a DO block hides is in the text, as a rule.
    let texts: Vec<String> = chain
        .iter()
        .map(|script| script.upgrade_sql.to_lowercase())
        .map(|text| text.split_whitespace().collect::<Vec<_>>().join(" "))
        .collect();
    let of_scripts: BTreeSet<&str> = texts
        .iter()
        .flat_map(|text| extensions_made(text))
        .collect();
    let mut ground = Ground {
        schemas: vec!["public".to_owned(), written(&managed.version_table.schema)],
        extensions: Vec::new(),
        default_privileges: !texts
            .iter()
            .any(|text| text.contains("alter default privileges")),
    };
    for (name, schema) in extensions {
        let superusers = left_out.contains(&format!("EXTENSION {name}"));
        let bare = name.trim_matches('"').to_lowercase();
        if !superusers && !of_scripts.contains(bare.as_str()) {
            ground.schemas.push(schema);
            ground.extensions.push(name);
        }
    }
    ground.schemas.sort();
    ground.schemas.dedup();
    ground
}

/// The names of the extensions that a text creates, which is in lower case and has single blanks.
fn extensions_made(text: &str) -> impl Iterator<Item = &str> {
    const CREATE: &str = "create extension ";
    text.match_indices(CREATE).map(|(place, _)| {
        let rest = &text[place + CREATE.len()..];
        let rest = rest.strip_prefix("if not exists ").unwrap_or(rest);
        let rest = rest.trim_start_matches(['"', '\'']);
        let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_' && c != '-');
        &rest[..end.unwrap_or(rest.len())]
    })
}

/// A name as pg_dump writes it: in quotes only where it needs them.
fn written(name: &str) -> String {
    let plain = name
        .chars()
        .enumerate()
        .all(|(place, c)| c == '_' || c.is_ascii_lowercase() || place > 0 && c.is_ascii_digit());
    if plain {
        name.to_owned()
    } else {
        identifier(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_created_is_a_scripts_own() {
        let text = "create extension pg_trgm; create extension if not exists \"uuid-ossp\" with schema public; \
                    create table t (a citext); do $$ begin execute 'create extension hstore'; end $$";
        let made: Vec<&str> = extensions_made(text).collect();
        assert_eq!(made, ["pg_trgm", "uuid-ossp", "hstore"]);
    }
}
