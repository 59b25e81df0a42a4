//! How revisions run: locks that others hold, scripts that are left in the middle, and what is told of both.

use std::{fs, time::Instant};

use pgsteward::proto::{
    CreateRevisionRequest, DowngradeRequest, GetOperationRequest, GetRevisionRequest, Operation,
    Revision, RevisionEventState, UpgradeRequest, operation::Outcome,
};
use tokio_postgres::Client as Session;
use tonic::Code;

use crate::support::{self, Client, Daemon, Site, expect_reason, wait::until};

async fn start_upgrade(client: &Client) -> Operation {
    let request = UpgradeRequest::default();
    let answer = client.migration().upgrade(request).await.unwrap();
    answer.into_inner().operation.unwrap()
}

async fn message_of(client: &Client, operation: &Operation) -> String {
    let request = GetOperationRequest {
        id: operation.id.clone(),
    };
    let answer = client.operations().get_operation(request).await.unwrap();
    let operation = answer.into_inner().operation.unwrap();
    operation.progress.unwrap().message
}

async fn says(client: &Client, operation: &Operation, text: &str) {
    until(text, || async {
        let message = message_of(client, operation).await;
        message.contains(text).then_some(())
    })
    .await;
}

async fn get(client: &Client, revision: &str) -> Revision {
    let request = GetRevisionRequest {
        revision: revision.to_owned(),
        ..GetRevisionRequest::default()
    };
    let answer = client.migration().get_revision(request).await.unwrap();
    answer.into_inner().revision.unwrap()
}

/// A script whose statements run one by one.
async fn stepwise(client: &Client, upgrade_sql: &str) -> Revision {
    let request = CreateRevisionRequest {
        message: "step by step".to_owned(),
        upgrade_sql: upgrade_sql.to_owned(),
        downgrade_sql: "-- nothing to undo".to_owned(),
        non_transactional: true,
        ..CreateRevisionRequest::default()
    };
    let answer = client.migration().create_revision(request).await.unwrap();
    answer.into_inner().revision.unwrap()
}

/// Replaces a part of a revision's file.
fn edit(site: &Site, revision: &Revision, from: &str, to: &str) {
    let path = site.revisions().join(&revision.filename);
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.contains(from), "{text}");
    fs::write(&path, text.replace(from, to)).unwrap();
}

/// A session in a transaction that has read the table.
async fn reader(site: &Site, table: &str) -> Session {
    let session = site.databases.superuser().await;
    let read = format!("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM {table}");
    session.batch_execute(&read).await.unwrap();
    session
}

async fn with_orders(site: &Site) -> (Daemon, Revision) {
    let daemon = site.start().await;
    let sql = "CREATE TABLE orders (id bigint, at date); INSERT INTO orders VALUES (1, now()), (2, now());
               CREATE TABLE log (line text);";
    let first = daemon
        .client()
        .revision(sql, "DROP TABLE orders, log;")
        .await;
    daemon.client().upgrade("head").await;
    (daemon, first)
}

async fn is_valid(site: &Site, index: &str) -> bool {
    site.databases
        .value(&format!(
            "SELECT coalesce((SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass('{index}')), false)"
        ))
        .await
}

async fn invalid_indexes(site: &Site) -> i64 {
    site.databases
        .value("SELECT count(*) FROM pg_index WHERE NOT indisvalid")
        .await
}

#[tokio::test]
async fn behind_a_long_reader_it_tries_again_says_who_blocks_and_lets_other_readers_pass() {
    let mut site = Site::new().await;
    site.set("migrations.lock_timeout", "300ms");
    let (daemon, _) = with_orders(&site).await;
    let client = daemon.client();
    let long = reader(&site, "orders").await;
    let revision = client
        .revision(
            "ALTER TABLE orders ADD note text;",
            "ALTER TABLE orders DROP note;",
        )
        .await;

    let operation = start_upgrade(client).await;

    says(client, &operation, "waits for process").await;
    says(client, &operation, "tries again").await;
    // Readers that come now queue behind the ALTER for one lock timeout at most.
    let other = site.databases.superuser().await;
    for _ in 0..20 {
        let start = Instant::now();
        other.query("SELECT * FROM orders", &[]).await.unwrap();
        let stalled = start.elapsed().as_millis();
        assert!(stalled < 3_000, "a reader was stalled for {stalled} ms");
    }
    long.batch_execute("COMMIT").await.unwrap();
    let Outcome::Migration(result) = client.outcome(Some(operation)).await else {
        panic!("no migration");
    };
    assert!(result.steps[0].retries >= 1, "{result:?}");
    let events = get(client, &revision.revision).await.events;
    assert_eq!(events[0].retries, result.steps[0].retries);
    assert_eq!(events[0].state(), RevisionEventState::Applied);
    daemon.stop().await;
}

#[tokio::test]
async fn when_the_budget_is_used_up_it_fails_naming_the_blocker_and_leaves_nothing() {
    let mut site = Site::new().await;
    site.set("migrations.lock_timeout", "200ms");
    site.set("migrations.lock_budget", "1500ms");
    let (daemon, _) = with_orders(&site).await;
    let client = daemon.client();
    let long = reader(&site, "orders").await;
    let pid: i32 = long
        .query_one("SELECT pg_backend_pid()", &[])
        .await
        .unwrap()
        .get(0);
    client
        .revision(
            "CREATE TABLE other (n int);\nALTER TABLE orders ADD note text;",
            "-- none",
        )
        .await;

    let error = client.failure(Some(start_upgrade(client).await)).await;

    assert_eq!(error.reason, "LOCK_TIMEOUT");
    assert!(
        error.message.contains(&format!("process {pid}")),
        "{}",
        error.message
    );
    assert!(
        error.message.contains("idle in transaction"),
        "{}",
        error.message
    );
    let gone: bool = site
        .databases
        .value("SELECT to_regclass('other') IS NULL")
        .await;
    assert!(gone);
    daemon.stop().await;
}

#[tokio::test]
async fn a_failed_step_by_step_script_goes_on_at_the_statement_that_failed() {
    let site = Site::new().await;
    let (daemon, first) = with_orders(&site).await;
    let client = daemon.client();
    let revision = stepwise(
        client,
        "SET search_path = pg_catalog;\nINSERT INTO public.log VALUES ('one');\nINSERT INTO public.log VALUES ('two');\nINSERT INTO public.absent VALUES (1);",
    )
    .await;

    // The rehearsal would see it first; what is shown here is for databases where it is off.
    let error = client.failure(Some(start_upgrade(client).await)).await;
    assert_eq!(error.reason, "REHEARSAL_FAILED");
    assert_eq!(site.databases.rows("log").await, 0);
    daemon.stop().await;

    let mut site = site;
    site.set("migrations.rehearse", "false");
    let daemon = site.start().await;
    let client = daemon.client();
    let error = client.failure(Some(start_upgrade(client).await)).await;
    assert_eq!(error.reason, "STATEMENT_FAILED");
    assert!(
        error
            .message
            .contains("3 statements before it stay applied"),
        "{}",
        error.message
    );
    assert_eq!(site.databases.rows("log").await, 2);
    assert!(get(client, &revision.revision).await.half_run);

    // Nothing else may run meanwhile.
    let request = DowngradeRequest {
        target: "base".to_owned(),
        ..DowngradeRequest::default()
    };
    let answer = client.migration().downgrade(request).await;
    let refusal = expect_reason(answer, Code::FailedPrecondition, "REVISION_HALF_RUN");
    assert!(
        refusal.message().contains(&revision.revision),
        "{}",
        refusal.message()
    );

    // What has run may not be edited ...
    edit(&site, &revision, "'two'", "'2'");
    let error = client.failure(Some(start_upgrade(client).await)).await;
    assert_eq!(error.reason, "HALF_RUN_REVISION_EDITED");
    assert!(error.message.contains("'two'"), "{}", error.message);
    edit(&site, &revision, "'2'", "'two'");

    // ... and what has not may: with the script's own search_path in force again.
    edit(
        &site,
        &revision,
        "INSERT INTO public.absent VALUES (1)",
        "INSERT INTO public.log VALUES (current_setting('search_path'))",
    );
    let result = client.upgrade("head").await;
    assert_eq!(result.to_heads, [revision.revision.as_str()]);
    assert_eq!(result.from_heads, [first.revision.as_str()]);
    assert_eq!(site.databases.rows("log").await, 3);
    let last: String = site
        .databases
        .value("SELECT max(line) FROM log WHERE line NOT IN ('one', 'two')")
        .await;
    assert_eq!(last, "pg_catalog");
    let left = "SELECT count(*) FROM migration_statements";
    assert_eq!(site.databases.control_value::<i64>(left).await, 0);
    assert!(!get(client, &revision.revision).await.half_run);
    daemon.stop().await;
}

#[tokio::test]
async fn killed_in_a_concurrent_build_it_drops_the_half_index_and_builds_it_anew() {
    let site = Site::new().await;
    let (daemon, _) = with_orders(&site).await;
    let client = daemon.client();
    let revision = stepwise(
        client,
        "INSERT INTO log VALUES ('once');\nCREATE INDEX CONCURRENTLY IF NOT EXISTS orders_at ON orders (at);\nINSERT INTO log VALUES ('after');",
    )
    .await;
    // A concurrent build waits for every older snapshot, with the index in the catalog and not valid yet.
    let snapshot = reader(&site, "orders").await;
    let operation = start_upgrade(client).await;
    until("the index is half built", || async {
        (invalid_indexes(&site).await == 1).then_some(())
    })
    .await;
    says(client, &operation, "waits for process").await;

    daemon.kill9();
    let daemon = site.start().await;
    let client = daemon.client();
    assert!(get(client, &revision.revision).await.half_run);
    let error = client.failure(Some(operation)).await;
    assert_eq!(error.reason, "DAEMON_DIED");

    let operation = start_upgrade(client).await;
    says(client, &operation, "waits for process").await;
    snapshot.batch_execute("COMMIT").await.unwrap();
    client.outcome(Some(operation)).await;

    assert!(is_valid(&site, "orders_at").await);
    assert_eq!(invalid_indexes(&site).await, 0);
    // Statements that had run were not repeated.
    assert_eq!(site.databases.rows("log").await, 2);
    daemon.stop().await;
}

#[tokio::test]
async fn a_concurrent_build_that_fails_leaves_no_invalid_index_and_is_repeated() {
    let mut site = Site::new().await;
    site.set("migrations.rehearse", "false");
    let (daemon, _) = with_orders(&site).await;
    let client = daemon.client();
    site.databases
        .run("INSERT INTO orders VALUES (1, now())")
        .await;
    stepwise(
        client,
        "INSERT INTO log VALUES ('once');\nCREATE UNIQUE INDEX CONCURRENTLY orders_id ON orders (id);",
    )
    .await;

    let error = client.failure(Some(start_upgrade(client).await)).await;
    assert_eq!(error.reason, "STATEMENT_FAILED");
    assert_eq!(invalid_indexes(&site).await, 0);

    site.databases.run("DELETE FROM orders WHERE id = 1").await;
    client.upgrade("head").await;
    assert!(is_valid(&site, "orders_id").await);
    assert_eq!(site.databases.rows("log").await, 1);
    daemon.stop().await;
}

#[tokio::test]
async fn an_invalid_index_that_something_else_left_is_not_taken_for_the_wanted_one() {
    let site = Site::new().await;
    let (daemon, _) = with_orders(&site).await;
    let client = daemon.client();
    site.databases
        .run("INSERT INTO orders VALUES (1, now())")
        .await;
    let other = site.databases.superuser().await;
    let failed = other
        .batch_execute("CREATE UNIQUE INDEX CONCURRENTLY orders_id ON orders (id)")
        .await;
    assert!(failed.is_err());
    assert_eq!(invalid_indexes(&site).await, 1);
    let owner = site.databases.role("migrator");
    site.databases
        .run_as_superuser(&format!(
            "DELETE FROM orders WHERE id = 1; ALTER INDEX orders_id OWNER TO {owner}"
        ))
        .await;
    stepwise(
        client,
        "CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS orders_id ON orders (id);",
    )
    .await;

    client.upgrade("head").await;

    assert!(is_valid(&site, "orders_id").await);
    daemon.stop().await;
}

#[tokio::test]
async fn a_drop_and_a_detach_that_were_cut_off_are_brought_to_their_end() {
    let mut site = Site::new().await;
    site.set("migrations.rehearse", "false");
    site.set("migrations.lock_timeout", "1h");
    let daemon = site.start().await;
    let client = daemon.client();
    client
        .revision(
            "CREATE TABLE events (at date) PARTITION BY RANGE (at);
             CREATE TABLE events_old PARTITION OF events FOR VALUES FROM ('2020-01-01') TO ('2021-01-01');
             CREATE TABLE plain (n int); CREATE INDEX plain_n ON plain (n);",
            "-- none",
        )
        .await;
    client.upgrade("head").await;
    stepwise(
        client,
        "DROP INDEX CONCURRENTLY plain_n;\nALTER TABLE events DETACH PARTITION events_old CONCURRENTLY;",
    )
    .await;
    // The detach waits for this transaction half-way.
    let reader = reader(&site, "events").await;
    let operation = start_upgrade(client).await;
    let pending = "SELECT count(*) FROM pg_inherits WHERE inhdetachpending";
    until("the detach is pending", || async {
        (site.databases.value::<i64>(pending).await == 1).then_some(())
    })
    .await;

    daemon.kill9();
    let daemon = site.start().await;
    let client = daemon.client();
    reader.batch_execute("COMMIT").await.unwrap();
    client.failure(Some(operation)).await;
    client.upgrade("head").await;

    let attached: i64 = site
        .databases
        .value("SELECT count(*) FROM pg_inherits WHERE inhparent = 'events'::regclass")
        .await;
    assert_eq!(attached, 0);
    daemon.stop().await;
}

#[tokio::test]
async fn a_concurrent_index_without_a_name_is_refused() {
    let (_site, daemon) = support::start().await;
    let client = daemon.client();
    let request = CreateRevisionRequest {
        message: "no name".to_owned(),
        upgrade_sql: "CREATE INDEX CONCURRENTLY ON orders (at);".to_owned(),
        non_transactional: true,
        ..CreateRevisionRequest::default()
    };

    let answer = client.migration().create_revision(request).await;

    expect_reason(answer, Code::InvalidArgument, "UNNAMED_CONCURRENT_INDEX");
    daemon.stop().await;
}

#[tokio::test]
async fn an_event_whose_end_was_not_recorded_is_settled_by_its_transaction() {
    let site = Site::new().await;
    let (daemon, first) = with_orders(&site).await;
    let client = daemon.client();
    daemon_forgets_the_outcome(&site).await;
    let events = get(client, &first.revision).await.events;
    assert_eq!(events[0].state(), RevisionEventState::Open);

    client.upgrade("head").await;

    let events = get(client, &first.revision).await.events;
    assert_eq!(events[0].state(), RevisionEventState::Applied);
    daemon.stop().await;
}

/// What a kill between the commit and the ledger's outcome leaves.
async fn daemon_forgets_the_outcome(site: &Site) {
    let control = site.databases.in_control().await;
    control
        .batch_execute(
            "ALTER TABLE migration_outcomes DISABLE TRIGGER append_only; DELETE FROM migration_outcomes;
             ALTER TABLE migration_outcomes ENABLE TRIGGER append_only",
        )
        .await
        .unwrap();
}
