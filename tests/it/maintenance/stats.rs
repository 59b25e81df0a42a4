//! GetDatabaseStats: what is seen of a database, what is warned of, and what the role may not see.

use pgsteward::proto::{DatabaseStats, GetDatabaseStatsRequest, StatsSeverity, StatsWarning};

use crate::support::{Client, Site, expect_field, wait::until};

async fn stats(client: &Client) -> DatabaseStats {
    let request = GetDatabaseStatsRequest::default();
    let answer = client.maintenance().get_database_stats(request).await;
    answer.unwrap().into_inner().stats.unwrap()
}

fn warning<'a>(stats: &'a DatabaseStats, reason: &str) -> &'a StatsWarning {
    let found = stats
        .warnings
        .iter()
        .find(|warning| warning.reason == reason);
    found.unwrap_or_else(|| panic!("{reason} is not in {:?}", stats.warnings))
}

#[tokio::test]
async fn a_database_is_shown_with_its_tables_indexes_and_sessions_and_what_should_be_done() {
    let mut site = Site::new().await;
    site.set("maintenance.long_transaction", "1ms");
    let daemon = site.start().await;
    let client = daemon.client();
    site.databases
        .run(
            "CREATE TABLE large (n int PRIMARY KEY, twice int, text text);
             INSERT INTO large SELECT n, n % 100, repeat('x', 100) FROM generate_series(1, 20000) n;
             CREATE INDEX one ON large (text);
             CREATE INDEX two ON large (text);
             CREATE TABLE small (n int) WITH (autovacuum_enabled = false)",
        )
        .await;
    site.databases.run("VACUUM ANALYZE large").await;
    site.databases
        .run("DELETE FROM large WHERE n % 4 <> 0")
        .await;
    let session = site.databases.connect("migrator").await.unwrap();
    let failed = session
        .batch_execute("CREATE UNIQUE INDEX CONCURRENTLY half ON large (twice)")
        .await;
    assert!(failed.is_err());
    let idle = site.databases.connect("app").await.unwrap();
    idle.batch_execute("BEGIN; SELECT 1").await.unwrap();
    until("the statistics have the deletion", async || {
        let dead = "SELECT n_dead_tup FROM pg_stat_user_tables WHERE relname = 'large'";
        (site.databases.value::<i64>(dead).await >= 15_000).then_some(())
    })
    .await;

    let role = site.databases.role("maintenance");
    site.databases
        .run_as_superuser(&format!("REVOKE pg_monitor FROM {role}"))
        .await;
    let seen = stats(client).await;
    assert_eq!(
        (seen.database.as_str(), seen.table_count, seen.index_count),
        ("app", 2, 4)
    );
    let large = &seen.tables[0];
    assert_eq!(
        (large.table.as_str(), large.rows, large.dead_rows),
        ("large", Some(20_000), 15_000)
    );
    assert!(large.vacuum_time.is_some() && large.analyze_time.is_some());
    // The estimate is of the time of the last VACUUM, when the table was full.
    let bloat = large.bloat_bytes.unwrap();
    assert!(bloat * 10 < large.main_bytes, "{large:?}");
    let invalid = &seen.indexes[0];
    assert_eq!((invalid.index.as_str(), invalid.valid), ("half", false));
    let twin = &seen.indexes[1];
    assert_eq!(
        (twin.index.as_str(), twin.duplicate_of.as_str()),
        ("two", "public.one")
    );
    assert!(twin.unused && twin.bloat_bytes.is_some());
    let key = seen
        .indexes
        .iter()
        .find(|index| index.index == "large_pkey");
    assert!(!key.unwrap().unused);
    assert!(seen.transaction_ids.unwrap().left > 1_000_000_000);
    assert_eq!(warning(&seen, "INVALID_INDEX").object, "public.half");
    assert_eq!(
        warning(&seen, "DEAD_ROWS").hint,
        "pgsteward maintenance optimize --table 'public.large'"
    );
    let off = |object: &str| {
        let mut warnings = seen.warnings.iter();
        warnings.any(|warning| warning.reason == "AUTOVACUUM_OFF" && warning.object == object)
    };
    assert!(off("public.small"), "{:?}", seen.warnings);
    assert_eq!(
        warning(&seen, "DUPLICATE_INDEX").severity(),
        StatsSeverity::Info
    );
    // This role may see no session but its own.
    assert_eq!(seen.open_transactions, []);
    assert_eq!(seen.connections.as_ref().unwrap().states[0].state, "hidden");
    assert!(
        seen.limitations[0].contains("GRANT pg_monitor TO"),
        "{:?}",
        seen.limitations
    );

    site.databases
        .run_as_superuser(&format!("GRANT pg_monitor TO {role}"))
        .await;
    let seen = stats(client).await;
    assert_eq!(seen.limitations, [""; 0]);
    let open = &seen.open_transactions[0];
    assert_eq!(
        (&open.role, open.state.as_str()),
        (&site.databases.role("app"), "idle in transaction")
    );
    let hint = format!("SELECT pg_terminate_backend({})", open.pid);
    assert!(warning(&seen, "IDLE_IN_TRANSACTION").hint.ends_with(&hint));

    let limited = GetDatabaseStatsRequest {
        limit: 1,
        ..GetDatabaseStatsRequest::default()
    };
    let answer = client.maintenance().get_database_stats(limited).await;
    let limited = answer.unwrap().into_inner().stats.unwrap();
    assert_eq!(
        (
            limited.tables.len(),
            limited.indexes.len(),
            limited.table_count
        ),
        (1, 1, 2)
    );
    let wrong = GetDatabaseStatsRequest {
        limit: 501,
        ..GetDatabaseStatsRequest::default()
    };
    expect_field(
        client.maintenance().get_database_stats(wrong).await,
        "limit",
    );
    daemon.stop().await;
}

#[tokio::test]
async fn a_table_that_someone_has_locked_holds_nothing_up() {
    let site = Site::new().await;
    let daemon = site.start().await;
    site.databases
        .run("CREATE TABLE locked (n int); CREATE TABLE free AS SELECT n FROM generate_series(1, 10) n")
        .await;
    let session = site.databases.connect("migrator").await.unwrap();
    session
        .batch_execute("BEGIN; LOCK TABLE locked IN ACCESS EXCLUSIVE MODE")
        .await
        .unwrap();
    let seen = stats(daemon.client()).await;
    let sizes: Vec<(&str, bool)> = seen
        .tables
        .iter()
        .map(|table| (table.table.as_str(), table.size_bytes > 0))
        .collect();
    assert_eq!(sizes, [("free", true), ("locked", false)]);
    daemon.stop().await;
}
