//! That autogenerate turns any schema into any other and back: pairs of schemas in `tests/pairs`, each in both directions.
//!
//! The judge is an outsider. It reads no catalog by pgsteward's own means, but compares what `pg_dump` says of the live
//! database with what it says of one into which the schema was loaded by plain SQL ([`dump`]), and looks into the tables
//! for the rows and the files that were there before ([`tables`]). One way from a schema to another is a [`journey`].
//!
//! A failing pair does not stop the others; all that failed are shown at the end. Each upgrade is followed by its downgrade,
//! so that one way through a pair sees both plans. The gate has time for every other pair, from one end in turns;
//! `PGSTEWARD_PAIRS=theme/name` runs both ways through the pairs whose names have that in them (`PGSTEWARD_PAIRS=/` through
//! all, as whoever changes the planner should), and shows the SQL.

mod dump;
mod ground;
mod journey;
mod judge;
mod pair;
mod tables;

use self::{
    ground::Ground,
    journey::Author,
    pair::{Direction, Pair},
};

/// Runs only pairs whose names have this in them, each from both ends, and shows their SQL.
const FILTER: &str = "PGSTEWARD_PAIRS";

/// The tests, each with the themes that it goes through one after another. Together they have every theme.
const SHARDS: &[(&str, &[&str])] = &[
    ("types", &["composites", "domains", "enums", "ranges"]),
    ("columns", &["columns", "identity", "sequences"]),
    ("keys", &["constraints", "indexes", "statistics"]),
    (
        "tables",
        &["inheritance", "names", "partitions", "schemas", "tables"],
    ),
    ("views", &["extensions", "rules", "triggers", "views"]),
    ("functions", &["collations", "comments", "functions"]),
    ("privileges", &["grants", "publications", "security"]),
    ("whole", &["applications", "combinations", "whole"]),
    (SUPERUSER, &[SUPERUSER]),
];

/// The shard, and the theme, that runs as a superuser.
const SUPERUSER: &str = "superuser";

/// Goes through the pairs of a shard, both ways; panics with all that failed.
async fn go_through(shard: &str) {
    let (_, themes) = SHARDS.iter().find(|(name, _)| *name == shard).unwrap();
    let filter = std::env::var(FILTER).ok();
    let wanted = |pair: &Pair| {
        filter
            .as_ref()
            .is_none_or(|part| pair.name.contains(part.as_str()))
    };
    let pairs = themes.iter().flat_map(|theme| Pair::all_of(theme));
    let pairs: Vec<Pair> = pairs.filter(wanted).collect();
    if pairs.is_empty() {
        assert!(filter.is_some(), "no pairs in {themes:?}");
        return;
    }
    let ground = Ground::new(shard == SUPERUSER).await;
    let mut failures = Vec::new();
    let mut all = 0;
    for (place, pair) in pairs.iter().enumerate() {
        let directions: &[Direction] = match filter {
            Some(_) => &[Direction::Forward, Direction::Backward],
            None if place % 4 == 0 => &[Direction::Forward],
            None if place % 4 == 2 => &[Direction::Backward],
            None => continue,
        };
        all += directions.len();
        let schemas = match ground.plain_schemas(pair).await {
            Ok(schemas) => schemas,
            Err(error) => {
                failures.push(format!("{}: {error}", pair.name));
                continue;
            }
        };
        for &direction in directions {
            let author = Author::Autogenerate {
                shown: filter.is_some(),
            };
            let gone = ground.journey(pair, direction, &schemas, &author).await;
            if let Err(failure) = gone {
                failures.push(format!("{} {direction}, {failure}", pair.name));
            }
        }
    }
    ground.stop().await;
    let failed = failures.len();
    assert!(
        failures.is_empty(),
        "{failed} of {all} ways failed:\n\n{}",
        failures.join("\n\n")
    );
}

#[tokio::test]
async fn pairs_of_enums_domains_and_other_types_go_both_ways() {
    go_through("types").await;
}

#[tokio::test]
async fn pairs_of_columns_identities_and_sequences_go_both_ways() {
    go_through("columns").await;
}

#[tokio::test]
async fn pairs_of_constraints_indexes_and_statistics_go_both_ways() {
    go_through("keys").await;
}

#[tokio::test]
async fn pairs_of_tables_partitions_parents_and_names_go_both_ways() {
    go_through("tables").await;
}

#[tokio::test]
async fn pairs_of_views_triggers_rules_and_extensions_go_both_ways() {
    go_through("views").await;
}

#[tokio::test]
async fn pairs_of_functions_collations_and_comments_go_both_ways() {
    go_through("functions").await;
}

#[tokio::test]
async fn pairs_of_grants_policies_and_publications_go_both_ways() {
    go_through("privileges").await;
}

#[tokio::test]
async fn pairs_of_whole_schemas_go_both_ways() {
    go_through("whole").await;
}

#[tokio::test]
async fn pairs_that_take_a_superuser_go_both_ways() {
    go_through(SUPERUSER).await;
}

#[test]
fn every_theme_of_the_pairs_is_gone_through_once() {
    let mut themes: Vec<&str> = SHARDS
        .iter()
        .flat_map(|(_, themes)| *themes)
        .copied()
        .collect();
    themes.sort_unstable();
    assert_eq!(themes, pair::themes());
    let all = themes.iter().map(|theme| Pair::all_of(theme).len());
    assert!(all.sum::<usize>() >= 150);
}
