//! Pairs of schemas that nobody thought of: a random schema and the same after random changes, each way there and back. What
//! a seed gives is always the same, so that a failure can be looked at again: `PGSTEWARD_RANDOM_PAIRS=<seed>` goes through
//! one, `<first>..<end>` through many.

mod alter;
mod change;
mod dice;
mod model;
mod settle;

use std::{collections::BTreeMap, ops::Range};

use pgsteward::{
    model::{
        autogenerate::{Cast, Casts, Decisions, Facts, Form, Phase, casts_needed, plan, renames},
        failure::chain,
    },
    postgres::{
        casts,
        catalog::{Scope, facts_in_snapshot},
        versions::VersionTable,
    },
};
use tokio_postgres::Client;

use crate::support::database::{Databases, NO_DEFAULT_PRIVILEGES};

/// What is gone through where nobody asks for other seeds.
const SEEDS: Range<u64> = 1..31;

#[tokio::test]
async fn the_way_between_random_schemas_leaves_nothing_and_loses_no_row() {
    let asked = std::env::var("PGSTEWARD_RANDOM_PAIRS").ok();
    let seeds = asked.map_or(SEEDS, |asked| match asked.split_once("..") {
        Some((first, end)) => first.parse().unwrap()..end.parse().unwrap(),
        None => asked.parse().unwrap()..asked.parse::<u64>().unwrap() + 1,
    });
    let (here, there) = (Databases::create().await, Databases::create().await);
    let mut loaded = 0;
    let many = seeds.end - seeds.start;
    for seed in seeds {
        match there_and_back(&here, &there, seed).await {
            Ok(()) => loaded += 1,
            Err(Trouble::NotLoaded) => {}
            Err(Trouble::Failed(why)) => {
                let (old, new) = change::pair(seed);
                panic!(
                    "seed {seed}: {why}\n-- old\n{}\n-- new\n{}",
                    old.sql(),
                    new.sql()
                );
            }
        }
    }
    assert!(
        many == 1 || loaded * 2 > many,
        "{loaded} of {many} could be loaded"
    );
}

enum Trouble {
    /// The schema is none: chance made what SQL does not take.
    NotLoaded,
    Failed(String),
}

/// One of the two databases, with its session.
struct End<'a> {
    databases: &'a Databases,
    session: Client,
}

impl<'a> End<'a> {
    /// An empty schema in the place of the last pair's, and what `sql` makes in it. The names of roles are `roles`' own; so
    /// what the database's own migrator grants by default, to its own application, is taken away.
    async fn load(databases: &'a Databases, roles: &Databases, sql: &str) -> Result<Self, Trouble> {
        let again = format!(
            "{NO_DEFAULT_PRIVILEGES}
             DROP SCHEMA IF EXISTS public CASCADE; CREATE SCHEMA public AUTHORIZATION $migrator"
        );
        databases.run_as_superuser(&databases.named(&again)).await;
        let session = databases.connect("migrator").await.unwrap();
        let end = Self { databases, session };
        let loaded = end.session.batch_execute(&roles.named(sql)).await;
        loaded.map(|()| end).map_err(|_| Trouble::NotLoaded)
    }

    async fn facts(&self) -> Facts {
        let scope = Scope {
            version_table: VersionTable {
                schema: "public".to_owned(),
                name: "alembic_version".to_owned(),
            },
            ignore: Vec::new(),
        };
        let facts = facts_in_snapshot(&self.session, &scope).await;
        facts.unwrap_or_else(|error| panic!("{}", chain(&error)))
    }

    async fn run(&self, phase: &Phase) -> Result<(), Trouble> {
        if phase.transactional {
            return self
                .execute(&format!("BEGIN; {}; COMMIT", phase.statements.join(";\n")))
                .await;
        }
        for statement in &phase.statements {
            self.execute(statement).await?;
        }
        Ok(())
    }

    async fn execute(&self, sql: &str) -> Result<(), Trouble> {
        let done = self.session.batch_execute(sql).await;
        done.map_err(|error| Trouble::Failed(format!("{} in {sql}", chain(&error))))
    }

    /// The number of rows of each of these tables.
    async fn rows(&self, tables: impl Iterator<Item = &String>) -> BTreeMap<String, i64> {
        let mut rows = BTreeMap::new();
        for table in tables {
            rows.insert(table.clone(), self.databases.rows(table).await);
        }
        rows
    }
}

async fn there_and_back(here: &Databases, there: &Databases, seed: u64) -> Result<(), Trouble> {
    let (old, new) = change::pair(seed);
    let kept: Vec<String> = old
        .tables
        .iter()
        .filter(|table| new.table(&table.name).is_some())
        .map(|table| table.name.clone())
        .collect();
    let declared = End::load(there, here, &new.sql()).await?;
    // What either role makes is its own: the models' owner is read as this one's.
    let declared_facts = renamed(
        declared.facts().await,
        &there.role("migrator"),
        &here.role("migrator"),
    );
    let live = End::load(here, here, &format!("{}{}", old.sql(), old.rows())).await?;
    let rows = live.rows(kept.iter()).await;
    let mut before = live.facts().await;
    let mut back = Vec::new();
    // Columns and tables are never renamed: each is meant to go. Indexes and their like are.
    let drops = before.schema.objects.keys().map(|key| key.identity.clone());
    let decisions = Decisions {
        drops: drops.collect(),
        ..Decisions::default()
    };
    let first = before.schema.clone();
    loop {
        let step = renames(&before, &declared_facts, &decisions);
        let step =
            step.map_err(|undecided| Trouble::Failed(format!("undecided: {undecided:?}")))?;
        if step.forward.is_empty() {
            break;
        }
        for statement in &step.forward {
            live.execute(statement).await?;
        }
        back.splice(0..0, step.backward);
        before = live.facts().await;
    }
    let mut downs = Vec::new();
    for phase in written(&live, &declared, &before, &declared_facts, Form::Online).await? {
        live.run(&phase).await?;
        let after = live.facts().await;
        let form = if phase.transactional {
            Form::OneTransaction
        } else {
            Form::StepByStep
        };
        downs.push(written(&live, &declared, &after, &before, form).await?);
        before = after;
    }
    nothing_left("upgrade", &before, &declared_facts.schema)?;
    let after = live.rows(kept.iter()).await;
    if rows != after {
        return Err(Trouble::Failed(format!(
            "rows were {rows:?} and are {after:?}"
        )));
    }
    for phase in downs.into_iter().rev().flatten() {
        live.run(&phase).await?;
    }
    for statement in &back {
        live.execute(statement).await?;
    }
    nothing_left("downgrade", &live.facts().await, &first)
}

async fn written(
    live: &End<'_>,
    declared: &End<'_>,
    from: &Facts,
    to: &Facts,
    form: Form,
) -> Result<Vec<Phase>, Trouble> {
    let mut casts_known = Casts::new();
    for (old, new) in casts_needed(from, to) {
        let mut cast = None;
        for session in [&live.session, &declared.session] {
            let said = casts::between(session, &old, &new).await;
            cast = cast.or(said.unwrap_or_else(|error| panic!("{}", chain(&error))));
        }
        casts_known.insert((old, new), cast.unwrap_or(Cast::Text));
    }
    plan(from, to, &casts_known, form).map_err(|error| Trouble::Failed(format!("{error:?}")))
}

fn nothing_left(
    way: &str,
    is: &Facts,
    should: &pgsteward::model::schema::Schema,
) -> Result<(), Trouble> {
    let left = is.schema.differences(should);
    let left: Vec<String> = left.iter().map(ToString::to_string).collect();
    if left.is_empty() {
        return Ok(());
    }
    Err(Trouble::Failed(format!(
        "the {way} leaves {}",
        left.join("\n")
    )))
}

/// The facts as they would be if another role had made all.
fn renamed(mut facts: Facts, from: &str, to: &str) -> Facts {
    let named = |properties: BTreeMap<String, serde_json::Value>| {
        let text = serde_json::to_string(&properties)
            .unwrap()
            .replace(from, to);
        serde_json::from_str(&text).unwrap()
    };
    for properties in facts
        .schema
        .objects
        .values_mut()
        .chain(facts.details.values_mut())
    {
        *properties = named(std::mem::take(properties));
    }
    to.clone_into(&mut facts.role);
    facts
}
