//! Backups beside sessions that lock, change, make and drop what is dumped, and beside migrations.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use pgsteward::{
    model::backup::{Manifest, StoredContents},
    proto::{CancelOperationRequest, OperationState, UpgradeRequest},
};

use super::{Before, SMALL, backup_of, died_with_its_daemon, is_told, verify_in_full, waits_for};
use crate::support::{
    self, Site,
    database::{Databases, run},
    gate::Gate,
    wait::until,
};

/// How many sessions wait for a lock on the table, by the beginning of their application's name.
async fn waiting(site: &Site, application: &str) -> i64 {
    let query = format!(
        "SELECT count(*) FROM pg_locks JOIN pg_stat_activity USING (pid)
         WHERE relation = 'orders'::regclass AND NOT granted AND starts_with(application_name, '{application}')"
    );
    site.databases.value(&query).await
}

/// The DBA, who has the table for himself alone.
async fn exclusively(site: &Site) -> tokio_postgres::Client {
    let session = site.databases.superuser().await;
    let lock =
        "SET application_name = 'the DBA'; BEGIN; LOCK TABLE orders IN ACCESS EXCLUSIVE MODE";
    run(&session, lock).await;
    session
}

#[tokio::test]
async fn a_table_that_somebody_holds_fails_the_backup_soon_naming_session_and_table() {
    let mut site = Site::new().await;
    site.set("backup.lock_timeout", "1s");
    site.databases.run(SMALL).await;
    let daemon = site.start().await;
    let client = daemon.client();
    client.back_up().await;
    let before = Before::of(&site, client).await;
    let holder = exclusively(&site).await;
    let start = Instant::now();

    let error = client.failure(client.start_backup().await).await;

    assert!(
        start.elapsed() < Duration::from_secs(10),
        "{:?}",
        start.elapsed()
    );
    is_told(&error, "POSTGRES_BUSY", "holds public.orders exclusively");
    is_told(&error, "POSTGRES_BUSY", "the DBA");
    assert!(!error.hint.is_empty(), "{error:?}");
    until("nothing queues behind the holder", || async {
        (waiting(&site, "pgsteward").await == 0).then_some(())
    })
    .await;
    run(&holder, "ROLLBACK").await;
    before.nothing_is_left(&site, &daemon).await;
    client.back_up().await;
    daemon.stop().await;
}

#[tokio::test]
async fn a_backup_that_is_cancelled_while_it_waits_for_a_table_does_not_go_on_waiting() {
    let mut site = Site::new().await;
    site.set("backup.lock_timeout", "1h");
    site.databases.run(SMALL).await;
    let daemon = site.start().await;
    let client = daemon.client();
    client.back_up().await;
    let before = Before::of(&site, client).await;
    let holder = exclusively(&site).await;
    let id = client.start_backup().await.unwrap().id;
    until("the backup waits for the table", || async {
        (waiting(&site, "pgsteward backup").await == 1).then_some(())
    })
    .await;

    let request = CancelOperationRequest { id: id.clone() };
    client.operations().cancel_operation(request).await.unwrap();

    let state = client.wait_for(&id).await.state();
    assert_eq!(state, OperationState::Cancelled);
    until("nobody waits for the table", || async {
        (waiting(&site, "pgsteward").await == 0).then_some(())
    })
    .await;
    run(&holder, "ROLLBACK").await;
    before.nothing_is_left(&site, &daemon).await;
    daemon.stop().await;
}

#[tokio::test]
async fn a_daemon_that_is_killed_while_it_waits_for_a_table_does_not_go_on_waiting() {
    let mut site = Site::new().await;
    site.set("backup.lock_timeout", "1h");
    site.databases.run(SMALL).await;
    let daemon = site.start().await;
    daemon.client().back_up().await;
    let before = Before::of(&site, daemon.client()).await;
    let holder = exclusively(&site).await;
    let id = daemon.client().start_backup().await.unwrap().id;
    until("the backup waits for the table", || async {
        (waiting(&site, "pgsteward backup").await == 1).then_some(())
    })
    .await;

    daemon.kill9();
    let daemon = site.start().await;

    died_with_its_daemon(daemon.client(), &id).await;
    until("nobody waits for the table", || async {
        (waiting(&site, "pgsteward").await == 0).then_some(())
    })
    .await;
    run(&holder, "ROLLBACK").await;
    before.nothing_is_left(&site, &daemon).await;
    daemon.stop().await;
}

/// Starts to add a column, which waits for the backup's locks; gives the task.
async fn adding_a_column(site: &Site) -> tokio::task::JoinHandle<()> {
    let migrator = site.databases.connect("migrator").await.unwrap();
    let alter = "SET application_name = 'the migration'; ALTER TABLE orders ADD COLUMN IF NOT EXISTS later int";
    let task = tokio::spawn(async move { run(&migrator, alter).await });
    until("the column waits for the backup", || async {
        (waiting(site, "the migration").await == 1).then_some(())
    })
    .await;
    task
}

#[tokio::test]
async fn rows_of_a_table_that_somebody_has_come_to_want_are_copied_by_the_session_that_holds_it() {
    let mut site = Site::new().await;
    site.databases.run(SMALL).await;
    // The schema is written when it comes to the gate: only rows are missing.
    site.fake_tool(
        "pg_dump",
        r#""$REAL" "$@" || exit; touch "$SITE/written"; while [ ! -e "$SITE/go" ]; do sleep 0.02; done"#,
    );
    let daemon = site.start().await;
    let client = daemon.client();
    let operation = client.start_backup().await;
    site.has_file("written").await;
    let altering = adding_a_column(&site).await;

    std::fs::write(site.path("go"), "").unwrap();

    let backup = backup_of(client.outcome(operation).await);
    altering.await.unwrap();
    assert_eq!(backup.row_count, 200);
    verify_in_full(client, &backup.filename).await;
    client.outcome(super::start_drill(client).await).await;
    daemon.stop().await;
}

#[tokio::test]
async fn who_wants_a_table_before_the_schema_is_written_passes_and_the_backup_looks_again() {
    let mut site = Site::new().await;
    site.set("backup.lock_timeout", "1s");
    site.databases.run(SMALL).await;
    let mut gate = Gate::before(&mut site, "pg_dump");
    let daemon = site.start().await;
    let client = daemon.client();
    let operation = client.start_backup().await;
    gate.reached(&site).await;
    let altering = adding_a_column(&site).await;

    gate.open();
    altering.await.unwrap();
    gate.open();

    let backup = backup_of(client.outcome(operation).await);
    verify_in_full(client, &backup.filename).await;
    let manifest = std::fs::read(site.store().join(format!("{}.json", backup.filename))).unwrap();
    let manifest = Manifest::parse(&manifest).unwrap();
    let contents = manifest.open_contents().unwrap();
    assert_eq!(contents.tables[0].columns, ["id", "name", "later"]);
    daemon.stop().await;
}

#[tokio::test]
async fn tables_that_somebody_wants_again_and_again_fail_the_backup_naming_him() {
    let mut site = Site::new().await;
    site.set("backup.lock_timeout", "1s");
    site.databases.run(SMALL).await;
    let daemon = site.start().await;
    daemon.client().back_up().await;
    daemon.stop().await;
    let mut gate = Gate::before(&mut site, "pg_dump");
    let daemon = site.start().await;
    let client = daemon.client();
    let before = Before::of(&site, client).await;
    let operation = client.start_backup().await;
    for _ in 0..3 {
        gate.reached(&site).await;
        std::fs::remove_file(site.path("at-the-gate")).unwrap();
        let altering = adding_a_column(&site).await;
        gate.open();
        altering.await.unwrap();
    }

    let error = client.failure(operation).await;
    is_told(&error, "POSTGRES_BUSY", "wants public.orders exclusively");
    is_told(&error, "POSTGRES_BUSY", "the migration");
    site.databases
        .run("ALTER TABLE orders DROP COLUMN later")
        .await;
    before.nothing_is_left(&site, &daemon).await;
    daemon.stop().await;
}

/// Makes, drops, empties and fills tables until told to stop. Every statement leaves each table with its rows, all or none.
async fn churn(databases: Databases, stop: Arc<AtomicBool>) {
    let session = databases.connect("migrator").await.unwrap();
    run(
        &session,
        "SET lock_timeout = '200ms'; CREATE TABLE refilled AS SELECT generate_series(1, 100) AS n",
    )
    .await;
    for round in 0_u32.. {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        let name = format!("coming_{}", round % 5);
        let statements = [
            format!("DROP TABLE IF EXISTS {name}"),
            format!("CREATE TABLE {name} AS SELECT generate_series(1, 10) AS n"),
            "BEGIN; TRUNCATE refilled; INSERT INTO refilled SELECT generate_series(1, 100); COMMIT"
                .to_owned(),
            "ALTER TABLE refilled ALTER COLUMN n TYPE bigint".to_owned(),
            "ALTER TABLE refilled ALTER COLUMN n TYPE int".to_owned(),
        ];
        for statement in statements {
            // Some wait in vain for the backup's locks, as a careful migration does.
            if session.batch_execute(&statement).await.is_err() {
                run(&session, "ROLLBACK").await;
            }
        }
    }
}

#[tokio::test]
async fn tables_that_come_and_go_meanwhile_never_make_a_backup_that_is_wrong() {
    let (site, daemon) = support::start().await;
    let client = daemon.client();
    let store = site.store();
    let stop = Arc::new(AtomicBool::new(false));
    let churning = tokio::spawn(churn(site.databases.clone(), Arc::clone(&stop)));
    let (mut good, mut failed) = (Vec::new(), Vec::new());
    for _ in 0..8 {
        let ended = client.wait(client.start_backup().await).await;
        if ended.state() == OperationState::Succeeded {
            good.push(backup_of(ended.outcome.unwrap()));
        } else {
            failed.push(support::client::failure_of(ended));
        }
    }
    stop.store(true, Ordering::Relaxed);
    churning.await.unwrap();

    for backup in &good {
        let manifest = std::fs::read(store.join(format!("{}.json", backup.filename))).unwrap();
        let manifest = Manifest::parse(&manifest).unwrap();
        let Some(StoredContents::Open(contents)) = manifest.contents else {
            panic!("the manifest tells nothing of its contents");
        };
        for table in &contents.tables {
            let expected = if table.table == "refilled" { 100 } else { 10 };
            assert_eq!(
                table.rows, expected,
                "{} in {}",
                table.table, backup.filename
            );
        }
        verify_in_full(client, &backup.filename).await;
    }
    for error in &failed {
        assert!(
            !error.reason.is_empty() && !error.message.is_empty(),
            "{error:?}"
        );
    }
    assert!(good.len() >= 4, "{failed:?}");
    assert_eq!(site.stored_files().len(), 2 * good.len());
    daemon.stop().await;
}

#[tokio::test]
async fn a_migration_waits_for_a_running_backup_which_has_nothing_of_it() {
    let mut site = Site::new().await;
    let mut gate = Gate::before(&mut site, "pg_dump");
    let daemon = site.start().await;
    let client = daemon.client();
    client.revision("CREATE TABLE later (n int);", "").await;
    let backup = client.start_backup().await.unwrap().id;
    gate.reached(&site).await;
    let answer = client.migration().upgrade(UpgradeRequest::default()).await;
    let upgrade = answer.unwrap().into_inner().operation.unwrap().id;
    waits_for(client, &upgrade, &format!("pgsteward backup {backup}")).await;

    gate.open();

    let backup = client.wait_for(&backup).await.outcome.unwrap();
    assert_eq!(backup_of(backup).schema_version, [""; 0]);
    let upgrade = client.wait_for(&upgrade).await;
    assert_eq!(upgrade.state(), OperationState::Succeeded, "{upgrade:?}");
    assert_eq!(site.databases.rows("later").await, 0);
    daemon.stop().await;
}

#[tokio::test]
async fn a_backup_waits_for_a_running_migration_and_has_all_of_it() {
    let mut site = Site::new().await;
    site.set("migrations.lock_timeout", "1h");
    let daemon = site.start().await;
    let client = daemon.client();
    let holder = site.databases.superuser().await;
    run(&holder, "SELECT pg_advisory_lock(1)").await;
    let script = "CREATE TABLE later (n int); SELECT pg_advisory_xact_lock_shared(1);";
    let revision = client.revision(script, "").await.revision;
    let answer = client.migration().upgrade(UpgradeRequest::default()).await;
    let upgrade = answer.unwrap().into_inner().operation.unwrap().id;
    let waits = format!(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = '{}' AND wait_event = 'advisory'",
        site.databases.managed()
    );
    until("the script is under way", || async {
        (site.databases.value::<i64>(&waits).await == 1).then_some(())
    })
    .await;
    let backup = client.start_backup().await.unwrap().id;
    waits_for(client, &backup, &format!("pgsteward migration {upgrade}")).await;

    run(&holder, "SELECT pg_advisory_unlock(1)").await;

    let upgrade = client.wait_for(&upgrade).await;
    assert_eq!(upgrade.state(), OperationState::Succeeded, "{upgrade:?}");
    let backup = backup_of(client.wait_for(&backup).await.outcome.unwrap());
    assert_eq!(backup.schema_version, [revision]);
    daemon.stop().await;
}
