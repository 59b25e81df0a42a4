//! Optimize: every table that may be worked on is, and the others stand in the result with the reason.

use std::time::{Duration, Instant};

use pgsteward::proto::{
    CancelOperationRequest, GetOperationRequest, Operation, OperationState, OptimizeAction,
    OptimizeOutcome, OptimizeRequest, OptimizeResult, OptimizedTable, operation::Outcome,
};

use crate::support::{self, Client, Site, expect_field, wait::until};

async fn start_with(client: &Client, request: OptimizeRequest) -> Operation {
    let answer = client.maintenance().optimize(request).await.unwrap();
    answer.into_inner().operation.unwrap()
}

async fn optimize(client: &Client) -> OptimizeResult {
    optimize_with(client, OptimizeRequest::default()).await
}

async fn optimize_with(client: &Client, request: OptimizeRequest) -> OptimizeResult {
    result(client, &start_with(client, request).await).await
}

async fn result(client: &Client, operation: &Operation) -> OptimizeResult {
    match client.outcome(Some(operation.clone())).await {
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
    assert_eq!((names[0], names[5]), ("large", "parts"));
    let mut names = names;
    names.sort_unstable();
    let expected = [
        "Odd \"name\", with. dots",
        "large",
        "part_one",
        "parts",
        "small",
        "totals",
    ];
    assert_eq!(names, expected);
    assert_eq!(result.optimized_count, 6);
    // ANALYZE of the partitioned table analyzes its partitions as well.
    let action = |name| table(&result, name).action();
    assert_eq!(action("large"), OptimizeAction::VacuumAnalyze);
    assert_eq!(action("part_one"), OptimizeAction::Vacuum);
    assert_eq!(action("parts"), OptimizeAction::Analyze);
    let statistics = "SELECT count(*) FROM pg_stat_user_tables WHERE relname IN ('parts', 'part_one') AND last_analyze IS NOT NULL";
    assert_eq!(site.databases.value::<i64>(statistics).await, 2);
    let sizes: Vec<i64> = result.tables.iter().map(|t| t.size_bytes).collect();
    assert_eq!(sizes.iter().max(), sizes.first());
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
async fn a_database_without_tables_has_nothing_to_optimize() {
    let (_site, daemon) = support::start().await;
    let result = optimize(daemon.client()).await;
    assert!(result.tables.is_empty(), "{result:?}");
    assert_eq!(result.optimized_count, 0);
    daemon.stop().await;
}

#[tokio::test]
async fn the_options_choose_tables_and_what_is_done_to_them() {
    let (site, daemon) = support::start().await;
    let client = daemon.client();
    site.databases
        .run(
            "CREATE TABLE bloated AS SELECT n FROM generate_series(1, 5000) n;
             CREATE TABLE changed AS SELECT n FROM generate_series(1, 5000) n;
             CREATE TABLE sound AS SELECT n FROM generate_series(1, 5000) n;
             CREATE TABLE never (n int)",
        )
        .await;
    site.databases
        .run("VACUUM ANALYZE bloated, changed, sound")
        .await;
    // A session's changes are in the statistics when it has ended.
    site.databases
        .run("DELETE FROM bloated WHERE n > 1000; UPDATE changed SET n = 0 WHERE n <= 400")
        .await;
    until("the statistics have the changes", async || {
        let query = "SELECT count(*) FROM pg_stat_user_tables
                     WHERE (relname = 'bloated' AND n_dead_tup = 4000) OR (relname = 'changed' AND n_mod_since_analyze = 400)";
        (site.databases.value::<i64>(query).await == 2).then_some(())
    })
    .await;

    let stale = OptimizeRequest {
        stale: true,
        ..OptimizeRequest::default()
    };
    let result = optimize_with(client, stale.clone()).await;
    assert_eq!((result.tables.len(), result.fresh_count), (3, 1));
    let bloated = table(&result, "bloated");
    assert_eq!(bloated.action(), OptimizeAction::VacuumAnalyze);
    assert_eq!(
        (bloated.dead_rows_before, bloated.dead_rows_after),
        (4000, Some(0))
    );
    let pages = bloated.pages_after.unwrap();
    assert!(
        pages < bloated.pages_before && bloated.truncated,
        "{bloated:?}"
    );
    assert_eq!(table(&result, "changed").action(), OptimizeAction::Analyze);
    assert_eq!(table(&result, "never").action(), OptimizeAction::Analyze);
    let again = optimize_with(client, stale).await;
    assert_eq!((again.tables.len(), again.fresh_count), (0, 4));

    let named = OptimizeRequest {
        tables: vec!["public.sound".to_owned(), "PUBLIC.\"never\"".to_owned()],
        freeze: true,
        jobs: 8,
        ..OptimizeRequest::default()
    };
    let result = optimize_with(client, named).await;
    assert_eq!((result.tables.len(), result.optimized_count), (2, 2));
    let frozen = "SELECT age(relfrozenxid) < 50 FROM pg_class WHERE relname = 'sound'";
    assert!(site.databases.value::<bool>(frozen).await);
    daemon.stop().await;
}

#[tokio::test]
async fn options_that_make_no_sense_are_refused_and_all_unknown_tables_are_named() {
    let (site, daemon) = support::start().await;
    site.databases.run("CREATE TABLE known (n int)").await;
    let mut maintenance = daemon.client().maintenance();
    let tables = ["public.known", "public.missing", "other.known"].map(str::to_owned);
    let request = OptimizeRequest {
        tables: tables.to_vec(),
        ..OptimizeRequest::default()
    };
    let error = maintenance.optimize(request.clone()).await.unwrap_err();
    let message = error.message();
    assert!(message.contains("public.missing, other.known"), "{message}");
    expect_field(maintenance.optimize(request).await, "tables");
    let wrong = [
        (
            "tables",
            OptimizeRequest {
                tables: vec!["known".to_owned()],
                ..OptimizeRequest::default()
            },
        ),
        (
            "jobs",
            OptimizeRequest {
                jobs: 65,
                ..OptimizeRequest::default()
            },
        ),
        (
            "freeze",
            OptimizeRequest {
                analyze_only: true,
                freeze: true,
                ..OptimizeRequest::default()
            },
        ),
        (
            "lock_timeout",
            OptimizeRequest {
                lock_timeout: Some(prost_types::Duration::default()),
                ..OptimizeRequest::default()
            },
        ),
        (
            "parallel_workers",
            OptimizeRequest {
                parallel_workers: Some(-1),
                ..OptimizeRequest::default()
            },
        ),
    ];
    for (field, request) in wrong {
        expect_field(maintenance.optimize(request).await, field);
    }
    daemon.stop().await;
}

#[tokio::test]
async fn a_table_that_someone_has_locked_is_skipped_with_who_and_temporary_ones_with_why() {
    let (site, daemon) = support::start().await;
    let client = daemon.client();
    site.databases
        .run("CREATE TABLE locked (n int); CREATE TABLE free (n int)")
        .await;
    let session = site.databases.connect("migrator").await.unwrap();
    session
        .batch_execute("CREATE TEMPORARY TABLE passing (n int)")
        .await
        .unwrap();
    session
        .batch_execute("BEGIN; LOCK TABLE locked IN SHARE UPDATE EXCLUSIVE MODE")
        .await
        .unwrap();
    let request = OptimizeRequest {
        lock_timeout: prost_types::Duration::try_from(Duration::from_millis(800)).ok(),
        ..OptimizeRequest::default()
    };
    let result = optimize_with(client, request).await;
    assert_eq!((result.optimized_count, result.skipped_count), (1, 2));
    let message = &table(&result, "locked").message;
    let role = site.databases.role("migrator");
    assert!(
        message.contains("not free within 800ms: held by process") && message.contains(&role),
        "{message}"
    );
    let message = &table(&result, "passing").message;
    assert!(message.contains("temporary table"), "{message}");

    let start = Instant::now();
    let request = OptimizeRequest {
        skip_locked: true,
        tables: vec!["public.locked".to_owned()],
        ..OptimizeRequest::default()
    };
    let result = optimize_with(client, request).await;
    assert_eq!(table(&result, "locked").message, "its lock was not free");
    assert!(start.elapsed() < Duration::from_secs(5));
    daemon.stop().await;
}

/// Makes VACUUM of the maintenance role take minutes for a table of this size, or as long as it takes.
async fn slow(site: &Site, slow: bool) {
    let role = site.databases.role("maintenance");
    let statements = if slow {
        format!(
            "ALTER ROLE {role} SET vacuum_cost_delay = '100ms'; ALTER ROLE {role} SET vacuum_cost_limit = 1"
        )
    } else {
        format!("ALTER ROLE {role} RESET ALL")
    };
    site.databases.run_as_superuser(&statements).await;
}

const LARGE_AND_SMALL: &str =
    "CREATE TABLE large AS SELECT n, repeat('x', 500) FROM generate_series(1, 8000) n;
    DELETE FROM large WHERE n % 2 = 0;
    CREATE TABLE small (n int)";

/// Waits until the run's progress says that it is in the middle of the large table and has done the small one.
async fn in_the_middle(client: &Client, operation: &Operation) {
    until("VACUUM is in the middle of a table", async || {
        let request = GetOperationRequest {
            id: operation.id.clone(),
        };
        let answer = client.operations().get_operation(request).await.unwrap();
        let progress = answer.into_inner().operation.unwrap().progress.unwrap();
        let message = progress.message;
        (message.starts_with("public.large: scanning heap ") && message.ends_with(" %")).then(
            || {
                assert_eq!(progress.unit, "bytes");
                assert!(progress.total_units > progress.done_units && progress.done_units > 0);
            },
        )
    })
    .await;
}

async fn vacuums(site: &Site) -> i64 {
    let query = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND query ILIKE 'vacuum%' AND state = 'active'";
    site.databases
        .superuser()
        .await
        .query_one(query, &[])
        .await
        .unwrap()
        .get(0)
}

#[tokio::test]
async fn a_migration_of_another_daemon_that_waits_goes_first_and_the_run_goes_on_after_it() {
    let mut site = Site::new().await;
    site.set("maintenance.yield_after", "300ms");
    let one = site.start().await;
    let other = site.start().await;
    site.databases.run(LARGE_AND_SMALL).await;
    slow(&site, true).await;
    let request = OptimizeRequest {
        jobs: 2,
        ..OptimizeRequest::default()
    };
    let operation = start_with(one.client(), request).await;
    in_the_middle(one.client(), &operation).await;

    slow(&site, false).await;
    other
        .client()
        .revision(
            "ALTER TABLE large ADD COLUMN added int;",
            "ALTER TABLE large DROP COLUMN added;",
        )
        .await;
    let start = Instant::now();
    other.client().upgrade("head").await;
    assert!(
        start.elapsed() < Duration::from_secs(10),
        "{:?}",
        start.elapsed()
    );

    let result = result(one.client(), &operation).await;
    assert_eq!(result.yield_count, 1);
    assert_eq!((result.tables.len(), result.optimized_count), (2, 2));
    let counts = "SELECT array_agg(vacuum_count ORDER BY relname) FROM pg_stat_user_tables WHERE relname IN ('large', 'small')";
    assert_eq!(site.databases.value::<Vec<i64>>(counts).await, [1, 1]);
    other.stop().await;
    one.stop().await;
}

#[tokio::test]
async fn a_lost_connection_fails_its_table_alone_and_a_cancelled_run_stops_at_once() {
    let (site, daemon) = support::start().await;
    let client = daemon.client();
    site.databases.run(LARGE_AND_SMALL).await;
    slow(&site, true).await;
    let one = || OptimizeRequest {
        jobs: 1,
        ..OptimizeRequest::default()
    };
    let operation = start_with(client, one()).await;
    until("a table is being vacuumed", async || {
        (vacuums(&site).await == 1).then_some(())
    })
    .await;
    let end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
               WHERE datname = current_database() AND query ILIKE 'vacuum%' AND state = 'active'";
    site.databases.run_as_superuser(end).await;
    let ended = result(client, &operation).await;
    let failed = table(&ended, "large");
    assert_eq!(failed.outcome(), OptimizeOutcome::Failed, "{failed:?}");
    assert_eq!(table(&ended, "small").outcome(), OptimizeOutcome::Optimized);

    let operation = start_with(client, one()).await;
    until("a table is being vacuumed", async || {
        (vacuums(&site).await == 1).then_some(())
    })
    .await;
    let start = Instant::now();
    let request = CancelOperationRequest {
        id: operation.id.clone(),
    };
    client.operations().cancel_operation(request).await.unwrap();
    let operation = client.wait(Some(operation)).await;
    assert_eq!(operation.state(), OperationState::Cancelled);
    until("VACUUM has ended", async || {
        (vacuums(&site).await == 0).then_some(())
    })
    .await;
    assert!(
        start.elapsed() < Duration::from_secs(2),
        "{:?}",
        start.elapsed()
    );
    daemon.stop().await;
}
