//! Reindex: indexes are rebuilt beside readers and writers, and what was cut off is put in order.

use std::time::{Duration, Instant};

use pgsteward::proto::{
    Operation, ReindexOutcome, ReindexRequest, ReindexResult, ReindexedIndex, operation::Outcome,
};
use tokio_postgres::Client as Session;

use crate::support::{self, Client, Site, expect_field, wait::until};

async fn start(client: &Client, request: ReindexRequest) -> Operation {
    let answer = client.maintenance().reindex(request).await.unwrap();
    answer.into_inner().operation.unwrap()
}

async fn reindex(client: &Client, request: ReindexRequest) -> ReindexResult {
    let operation = start(client, request).await;
    result(client, operation).await
}

async fn result(client: &Client, operation: Operation) -> ReindexResult {
    match client.outcome(Some(operation)).await {
        Outcome::Reindex(result) => result,
        other => panic!("{other:?}"),
    }
}

fn names(result: &ReindexResult) -> Vec<&str> {
    let indexes = result.indexes.iter();
    indexes.map(|index| index.index.as_str()).collect()
}

fn index<'a>(result: &'a ReindexResult, name: &str) -> &'a ReindexedIndex {
    let found = result.indexes.iter().find(|index| index.index == name);
    found.unwrap_or_else(|| panic!("{name} is not in {result:?}"))
}

async fn invalid(site: &Site) -> Vec<String> {
    let query = "SELECT coalesce(array_agg(indexrelid::regclass::text ORDER BY indexrelid::regclass::text), '{}') FROM pg_index WHERE NOT indisvalid";
    site.databases.value(query).await
}

/// A transaction that REINDEX CONCURRENTLY waits for.
async fn old_transaction(site: &Site, table: &str) -> Session {
    let session = site.databases.connect("migrator").await.unwrap();
    let statements = format!("BEGIN; LOCK TABLE {table} IN ROW EXCLUSIVE MODE");
    session.batch_execute(&statements).await.unwrap();
    session
}

/// Waits until a build has come so far that its half-built index is in the catalog.
async fn half_built(site: &Site, name: &str) {
    until("the index is half built", async || {
        invalid(site).await.contains(&name.to_owned()).then_some(())
    })
    .await;
}

#[tokio::test]
async fn those_that_were_asked_for_are_rebuilt_and_what_cannot_be_is_told() {
    let (site, daemon) = support::start().await;
    let client = daemon.client();
    site.databases
        .run(
            "CREATE TABLE grown (n int);
             INSERT INTO grown SELECT generate_series(1, 100000);
             CREATE INDEX grown_n ON grown (n);
             CREATE TABLE rooms (id int PRIMARY KEY, at int4range, EXCLUDE USING gist (at WITH &&));
             CREATE TABLE parts (n int PRIMARY KEY) PARTITION BY RANGE (n);
             CREATE TABLE part_one PARTITION OF parts FOR VALUES FROM (0) TO (10);
             DELETE FROM grown WHERE n % 50 <> 0",
        )
        .await;
    site.databases.run("VACUUM ANALYZE grown").await;
    let session = site.databases.connect("migrator").await.unwrap();
    site.databases
        .run("INSERT INTO rooms VALUES (1, '[1,2)'), (2, '[3,4)')")
        .await;
    let failed = "CREATE UNIQUE INDEX CONCURRENTLY half ON rooms ((id / 10))";
    assert!(session.batch_execute(failed).await.is_err());

    // An invalid index is rebuilt, once its rows allow it; what they are is not told.
    let only_invalid = || ReindexRequest {
        invalid: true,
        ..ReindexRequest::default()
    };
    let in_vain = reindex(client, only_invalid()).await;
    assert_eq!(names(&in_vain), ["half"]);
    let half = index(&in_vain, "half");
    assert_eq!(half.outcome(), ReindexOutcome::Failed);
    assert_eq!(
        half.message,
        "its table has rows that it does not allow: two are equal"
    );
    // What that try has left is dropped as well.
    assert_eq!(in_vain.dropped_leftovers, ["\"public\".\"half_ccnew\""]);
    site.databases.run("DELETE FROM rooms WHERE id = 2").await;
    let mended = reindex(client, only_invalid()).await;
    assert_eq!((names(&mended), mended.rebuilt_count), (vec!["half"], 1));
    assert_eq!(invalid(&site).await, [""; 0]);

    let bloated = ReindexRequest {
        bloated: true,
        ..ReindexRequest::default()
    };
    let shrunk = reindex(client, bloated).await;
    assert_eq!(names(&shrunk), ["grown_n"]);
    let grown = &shrunk.indexes[0];
    assert!(
        grown.size_bytes_after.unwrap() * 10 < grown.size_bytes_before,
        "{grown:?}"
    );

    let named = ReindexRequest {
        tables: vec!["public.parts".to_owned(), "public.rooms".to_owned()],
        jobs: 2,
        ..ReindexRequest::default()
    };
    let rebuilt = reindex(client, named).await;
    let mut all = names(&rebuilt);
    all.sort_unstable();
    assert_eq!(
        all,
        ["half", "part_one_pkey", "rooms_at_excl", "rooms_pkey"]
    );
    assert_eq!((rebuilt.rebuilt_count, rebuilt.skipped_count), (3, 1));
    let message = &index(&rebuilt, "rooms_at_excl").message;
    assert!(message.contains("exclusion constraint"), "{message}");

    let wrong = ReindexRequest {
        indexes: vec!["public.nothing".to_owned(), "public.grown".to_owned()],
        ..ReindexRequest::default()
    };
    let mut maintenance = client.maintenance();
    let error = maintenance.reindex(wrong.clone()).await.unwrap_err();
    assert!(
        error.message().contains("public.nothing, public.grown"),
        "{error:?}"
    );
    expect_field(maintenance.reindex(wrong).await, "indexes");
    daemon.stop().await;
}

#[tokio::test]
async fn leftovers_of_earlier_builds_are_dropped_and_nothing_else_is() {
    let (site, daemon) = support::start().await;
    site.databases
        .run("CREATE TABLE busy AS SELECT n, 0 AS zero FROM generate_series(1, 100) n; CREATE INDEX busy_n ON busy (n)")
        .await;
    let session = site.databases.connect("migrator").await.unwrap();
    // Somebody's own invalid index, which is called as a leftover is and is none.
    let own = "CREATE UNIQUE INDEX CONCURRENTLY own_ccnew ON busy (zero)";
    assert!(session.batch_execute(own).await.is_err());
    let old = old_transaction(&site, "busy").await;
    session
        .batch_execute("SET lock_timeout = '100ms'")
        .await
        .unwrap();
    let cut_off = session
        .batch_execute("REINDEX INDEX CONCURRENTLY busy_n")
        .await;
    assert!(cut_off.is_err());
    assert_eq!(invalid(&site).await, ["busy_n_ccnew", "own_ccnew"]);

    // As long as older transactions go on, nothing can be rebuilt; the index is as it was.
    let request = ReindexRequest {
        indexes: vec!["public.busy_n".to_owned()],
        lock_timeout: prost_types::Duration::try_from(Duration::from_millis(400)).ok(),
        ..ReindexRequest::default()
    };
    let skipped = reindex(daemon.client(), request.clone()).await;
    let message = &index(&skipped, "busy_n").message;
    assert!(
        message.contains("within 400ms: waited for process"),
        "{message}"
    );
    old.batch_execute("COMMIT").await.unwrap();

    let rebuilt = reindex(daemon.client(), request).await;
    assert_eq!(rebuilt.rebuilt_count, 1, "{rebuilt:?}");
    assert!(
        rebuilt
            .dropped_leftovers
            .contains(&"\"public\".\"busy_n_ccnew\"".to_owned()),
        "{rebuilt:?}"
    );
    assert_eq!(invalid(&site).await, ["own_ccnew"]);
    daemon.stop().await;
}

#[tokio::test]
async fn killed_in_a_build_it_leaves_what_the_next_start_drops() {
    let (site, daemon) = support::start().await;
    site.databases
        .run("CREATE TABLE busy (n int); CREATE INDEX busy_n ON busy (n)")
        .await;
    let old = old_transaction(&site, "busy").await;
    start(daemon.client(), ReindexRequest::default()).await;
    half_built(&site, "busy_n_ccnew").await;
    daemon.kill9();
    // As the server does of itself when it looks after its client.
    let end = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
               WHERE datname = current_database() AND query LIKE 'REINDEX%'";
    site.databases.run_as_superuser(end).await;
    old.batch_execute("COMMIT").await.unwrap();
    assert_eq!(invalid(&site).await, ["busy_n_ccnew"]);

    let daemon = site.start().await;
    until("what was left is dropped", async || {
        invalid(&site).await.is_empty().then_some(())
    })
    .await;
    until("nothing is noted any more", async || {
        let noted = "SELECT count(*) FROM artifacts";
        (site.databases.control_value::<i64>(noted).await == 0).then_some(())
    })
    .await;
    daemon.stop().await;
}

#[tokio::test]
async fn a_migration_that_waits_goes_first_and_the_build_is_done_again() {
    let mut site = Site::new().await;
    site.set("maintenance.yield_after", "100ms");
    let daemon = site.start().await;
    let client = daemon.client();
    site.databases
        .run("CREATE TABLE busy (n int); CREATE INDEX busy_n ON busy (n)")
        .await;
    let old = old_transaction(&site, "busy").await;
    let operation = start(client, ReindexRequest::default()).await;
    half_built(&site, "busy_n_ccnew").await;
    client
        .revision("CREATE TABLE other (n int);", "DROP TABLE other;")
        .await;
    let start = Instant::now();
    client.upgrade("head").await;
    assert!(
        start.elapsed() < Duration::from_secs(10),
        "{:?}",
        start.elapsed()
    );
    old.batch_execute("COMMIT").await.unwrap();
    let result = result(client, operation).await;
    assert!(result.yield_count >= 1, "{result:?}");
    assert_eq!(index(&result, "busy_n").outcome(), ReindexOutcome::Rebuilt);
    assert_eq!(invalid(&site).await, [""; 0]);
    daemon.stop().await;
}
