//! Optimize: every table that may be worked on is, and the others stand in the result with the reason.

use pgsteward::proto::{
    Operation, OptimizeOutcome, OptimizeRequest, OptimizeResult, OptimizedTable,
    WatchOperationRequest, operation::Outcome,
};

use crate::support::{self, Client};

async fn start(client: &Client) -> Operation {
    let request = OptimizeRequest::default();
    let answer = client.maintenance().optimize(request).await.unwrap();
    answer.into_inner().operation.unwrap()
}

async fn optimize(client: &Client) -> OptimizeResult {
    match client.outcome(Some(start(client).await)).await {
        Outcome::Optimize(result) => result,
        other => panic!("{other:?}"),
    }
}

fn table<'a>(result: &'a OptimizeResult, name: &str) -> &'a OptimizedTable {
    let found = result.tables.iter().find(|table| table.table == name);
    found.unwrap_or_else(|| panic!("{name} is not in {result:?}"))
}

#[tokio::test]
async fn every_table_and_materialized_view_is_vacuumed_and_analyzed_the_largest_first() {
    let (site, daemon) = support::start().await;
    site.databases
        .run(
            r#"CREATE TABLE small (n int);
               CREATE TABLE large AS SELECT n, repeat('x', 100) FROM generate_series(1, 5000) n;
               CREATE MATERIALIZED VIEW totals AS SELECT count(*) FROM large;
               CREATE TABLE "Odd ""name"", with. dots" (n int);
               CREATE TABLE parts (n int) PARTITION BY RANGE (n);
               CREATE TABLE part_one PARTITION OF parts FOR VALUES FROM (0) TO (10);
               CREATE VIEW no_table AS SELECT 1;
               ANALYZE large"#,
        )
        .await;

    let result = optimize(daemon.client()).await;

    assert_eq!(result.database, "app");
    assert_eq!((result.skipped_count, result.failed_count), (0, 0));
    let names: Vec<&str> = result.tables.iter().map(|t| t.table.as_str()).collect();
    assert_eq!(names[0], "large");
    let mut names = names;
    names.sort_unstable();
    let expected = [
        "Odd \"name\", with. dots",
        "large",
        "part_one",
        "small",
        "totals",
    ];
    assert_eq!(names, expected);
    assert_eq!(result.optimized_count, 5);
    let sizes: Vec<i64> = result.tables.iter().map(|t| t.size_bytes).collect();
    assert!(sizes.is_sorted_by(|left, right| left >= right), "{sizes:?}");
    let neglected: i64 = site
        .databases
        .value(
            "SELECT count(*) FROM pg_stat_user_tables
             WHERE relname <> 'parts' AND (last_vacuum IS NULL OR last_analyze IS NULL)",
        )
        .await;
    assert_eq!(neglected, 0);
    daemon.stop().await;
}

#[tokio::test]
async fn a_table_that_the_role_may_not_vacuum_is_skipped_and_the_others_are_done() {
    let (site, daemon) = support::start().await;
    site.databases.run("CREATE TABLE ours (n int)").await;
    site.databases
        .run_as_superuser("CREATE SCHEMA theirs; CREATE TABLE theirs.secret (n int)")
        .await;
    let result = optimize(daemon.client()).await;
    let skipped = table(&result, "secret");
    assert_eq!(skipped.outcome(), OptimizeOutcome::Skipped);
    assert_eq!(skipped.schema, "theirs");
    assert!(skipped.message.contains("may not vacuum"), "{skipped:?}");
    assert_eq!(table(&result, "ours").outcome(), OptimizeOutcome::Optimized);
    assert_eq!((result.optimized_count, result.skipped_count), (1, 1));
    daemon.stop().await;
}

#[tokio::test]
async fn a_table_that_fails_does_not_stop_the_others() {
    let (site, daemon) = support::start().await;
    // The function keeps its promise until the index on it is made.
    site.databases
        .run(
            "CREATE FUNCTION honest(n int) RETURNS int IMMUTABLE LANGUAGE plpgsql
                 AS 'BEGIN RETURN n; END';
             CREATE TABLE broken AS SELECT n FROM generate_series(1, 1000) n;
             CREATE INDEX ON broken (honest(n));
             CREATE OR REPLACE FUNCTION honest(n int) RETURNS int IMMUTABLE LANGUAGE plpgsql
                 AS 'BEGIN RAISE ''no more''; END';
             CREATE TABLE sound (n int)",
        )
        .await;
    let result = optimize(daemon.client()).await;
    let failed = table(&result, "broken");
    assert_eq!(failed.outcome(), OptimizeOutcome::Failed);
    assert!(failed.message.contains("no more"), "{failed:?}");
    assert_eq!(
        table(&result, "sound").outcome(),
        OptimizeOutcome::Optimized
    );
    assert_eq!((result.optimized_count, result.failed_count), (1, 1));
    daemon.stop().await;
}

#[tokio::test]
async fn the_progress_counts_tables_up_to_their_number() {
    let (site, daemon) = support::start().await;
    let tables: Vec<String> = (0..20)
        .map(|n| format!("CREATE TABLE t{n} (n int)"))
        .collect();
    site.databases.run(&tables.join(";")).await;
    let client = daemon.client();
    let request = WatchOperationRequest {
        id: start(client).await.id,
    };
    let answer = client.operations().watch_operation(request).await.unwrap();
    let mut stream = answer.into_inner();
    let mut counts = Vec::new();
    while let Some(message) = stream.message().await.unwrap() {
        let progress = message.operation.unwrap().progress.unwrap();
        if progress.unit == "tables" {
            assert_eq!(progress.total_units, 20);
            counts.push(progress.done_units);
        }
    }
    assert!(counts.is_sorted(), "{counts:?}");
    assert_eq!(counts.last(), Some(&20));
    daemon.stop().await;
}

#[tokio::test]
async fn a_database_without_tables_has_nothing_to_optimize() {
    let (_site, daemon) = support::start().await;
    let result = optimize(daemon.client()).await;
    assert!(result.tables.is_empty(), "{result:?}");
    assert_eq!(result.optimized_count, 0);
    daemon.stop().await;
}
