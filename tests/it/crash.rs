//! The daemon is killed with SIGKILL in the middle of its work and started again: nothing partial is listed, the live
//! database is as it was, what was being made is swept, and the operation is marked failed.

use pgsteward::proto::{
    AuditEntry, AuditOutcome, GetMaintenanceRequest, GetOperationRequest, GetSchemaVersionRequest,
    ListAuditEntriesRequest, ListBackupsRequest, ListReplacedDatabasesRequest, Operation,
    RestoreRequest,
};

use crate::support::{Client, Daemon, Site, client::failure_of, gate::Gate, wait::until};

/// A tool that does a part of its work, says so, and then hangs for as long as the daemon lives.
const HANGS: &str =
    r#"touch "$SITE/half-way"; while kill -0 "$PPID" 2>/dev/null; do sleep 0.05; done"#;

const TABLE: &str =
    "CREATE TABLE customers AS SELECT n AS id, md5(n::text) AS name FROM generate_series(1, 500) n";

/// A restarted daemon on the same site, with the real tools.
async fn restarted(site: &mut Site, daemon: Daemon) -> Daemon {
    daemon.kill9();
    site.real_tools();
    site.start().await
}

/// The operation, once recovery has found it: at the start, or a moment later where the server had not yet seen the
/// killed daemon's connections close.
async fn orphan(client: &Client, id: &str) -> Operation {
    until("the orphan is ended", || async {
        let request = GetOperationRequest { id: id.to_owned() };
        let answer = client.operations().get_operation(request).await.unwrap();
        answer
            .into_inner()
            .operation
            .filter(|operation| operation.done)
    })
    .await
}

/// The orphan failed because its daemon died, and its audit entry says the same.
async fn is_failed_and_closed(client: &Client, id: &str) {
    let error = failure_of(orphan(client, id).await);
    assert_eq!(error.reason, "DAEMON_DIED");
    assert_eq!(error.code, "ABORTED");
    // The log is told right after the operation.
    let entry = until("its entry is closed", || async {
        let entry = audit_entry_of(client, id).await;
        (entry.outcome() != AuditOutcome::Started).then_some(entry)
    })
    .await;
    assert_eq!(entry.outcome(), AuditOutcome::Failed);
    assert_eq!(entry.reason, "DAEMON_DIED");
}

async fn audit_entry_of(client: &Client, id: &str) -> AuditEntry {
    let request = ListAuditEntriesRequest::default();
    let answer = client.audit().list_audit_entries(request).await.unwrap();
    let entries = answer.into_inner().entries;
    entries
        .into_iter()
        .find(|entry| entry.operation_id == id)
        .unwrap()
}

async fn listed(client: &Client) -> Vec<String> {
    let request = ListBackupsRequest::default();
    let answer = client
        .backup()
        .list_backups(request)
        .await
        .unwrap()
        .into_inner();
    assert_eq!(answer.unreadable_manifests, [""; 0]);
    answer
        .backups
        .into_iter()
        .map(|backup| backup.filename)
        .collect()
}

/// Nothing that an operation noted is left to be swept.
async fn nothing_noted(site: &Site) {
    until("everything noted is swept", || async {
        let noted = "SELECT count(*) FROM artifacts";
        (site.databases.control_value::<i64>(noted).await == 0).then_some(())
    })
    .await;
}

/// Starts a restore of a backup, in maintenance mode.
async fn start_restore(client: &Client, filename: &str) -> Operation {
    let request = RestoreRequest {
        filename: filename.to_owned(),
        confirm_database: "app".to_owned(),
        reason: "a test".to_owned(),
        ..RestoreRequest::default()
    };
    let answer = client.restore().restore(request).await.unwrap();
    answer.into_inner().operation.unwrap()
}

#[tokio::test]
async fn killed_in_a_backup_it_leaves_nothing_and_the_next_backup_succeeds() {
    let mut site = Site::new().await;
    site.databases.run(TABLE).await;
    site.fake_tool("pg_dump", &format!(r#""$REAL" "$@"; {HANGS}"#));
    let daemon = site.start().await;
    let operation = daemon.client().start_backup().await.unwrap();
    site.has_file("half-way").await;
    // All of the dump has come, only not its end: the archive stands staged in the store.
    until("a staged file is there", || async {
        (!site.stored_files().is_empty()).then_some(())
    })
    .await;

    let daemon = restarted(&mut site, daemon).await;

    let client = daemon.client();
    is_failed_and_closed(client, &operation.id).await;
    nothing_noted(&site).await;
    assert_eq!(listed(client).await, [""; 0]);
    assert_eq!(site.stored_files(), [""; 0]);
    assert_eq!(site.databases.rows("customers").await, 500);
    let backup = client.back_up().await;
    assert_eq!(backup.row_count, 500);
    daemon.stop().await;
}

#[tokio::test]
async fn killed_while_a_restore_loads_it_leaves_the_live_database_and_sweeps_the_other() {
    let mut site = Site::new().await;
    site.databases.run(TABLE).await;
    let daemon = site.start().await;
    let backup = daemon.client().back_up().await;
    site.databases
        .run("DELETE FROM customers WHERE id > 100")
        .await;
    daemon.stop().await;
    site.fake_restoring(&format!(r#""$REAL" "$@"; {HANGS}"#));
    let daemon = site.start().await;
    daemon.client().enter_maintenance().await;
    let operation = start_restore(daemon.client(), &backup.filename).await;
    site.has_file("half-way").await;
    assert_eq!(site.databases.scratch_databases().await.len(), 1);

    let daemon = restarted(&mut site, daemon).await;

    let client = daemon.client();
    is_failed_and_closed(client, &operation.id).await;
    nothing_noted(&site).await;
    assert_eq!(site.databases.scratch_databases().await, [""; 0]);
    assert_eq!(site.databases.rows("customers").await, 100);
    // The last backup was complete, and stays.
    let backups = listed(client).await;
    assert_eq!(backups.len(), 2);
    assert_eq!(backups[1], backup.filename);
    assert_eq!(site.stored_files().len(), 4);
    let request = ListReplacedDatabasesRequest::default();
    let replaced = client.restore().list_replaced_databases(request).await;
    assert_eq!(replaced.unwrap().into_inner().replaced_databases, []);

    let operation = start_restore(client, &backup.filename).await;
    client.outcome(Some(operation)).await;
    assert_eq!(site.databases.rows("customers").await, 500);
    daemon.stop().await;
}

#[tokio::test]
async fn killed_in_the_last_backup_of_a_restore_it_leaves_neither_archive_nor_database() {
    let mut site = Site::new().await;
    site.databases.run(TABLE).await;
    let daemon = site.start().await;
    let backup = daemon.client().back_up().await;
    daemon.stop().await;
    site.fake_tool("pg_dump", &format!(r#""$REAL" "$@"; {HANGS}"#));
    let daemon = site.start().await;
    daemon.client().enter_maintenance().await;
    let operation = start_restore(daemon.client(), &backup.filename).await;
    site.has_file("half-way").await;

    let daemon = restarted(&mut site, daemon).await;

    let client = daemon.client();
    is_failed_and_closed(client, &operation.id).await;
    nothing_noted(&site).await;
    assert_eq!(listed(client).await, [backup.filename.as_str()]);
    assert_eq!(site.stored_files().len(), 2);
    assert_eq!(site.databases.scratch_databases().await, [""; 0]);
    assert_eq!(site.databases.rows("customers").await, 500);
    daemon.stop().await;
}

#[tokio::test]
async fn killed_before_a_swap_could_be_made_it_leaves_the_live_database_in_its_place() {
    let mut site = Site::new().await;
    site.databases.run(TABLE).await;
    let mut gate = Gate::before_restoring(&mut site);
    let daemon = site.start().await;
    let client = daemon.client();
    let backup = client.back_up().await;
    site.databases.run("DELETE FROM customers").await;
    client.enter_maintenance().await;
    let operation = start_restore(client, &backup.filename).await;
    gate.reached(&site).await;
    // A superuser's session cannot be ended by the daemon, and stands in the way of the rename.
    let in_the_way = site.databases.superuser().await;
    gate.open();
    until("the swap is being tried", || async {
        let request = GetOperationRequest {
            id: operation.id.clone(),
        };
        let answer = client.operations().get_operation(request).await.unwrap();
        let operation = answer.into_inner().operation.unwrap();
        (operation.progress.unwrap().stage == "swap").then_some(())
    })
    .await;
    let noted = "SELECT count(*) FROM replaced_databases";
    until("the swap is noted", || async {
        (site.databases.control_value::<i64>(noted).await == 1).then_some(())
    })
    .await;

    let daemon = restarted(&mut site, daemon).await;

    let client = daemon.client();
    is_failed_and_closed(client, &operation.id).await;
    nothing_noted(&site).await;
    assert_eq!(site.databases.scratch_databases().await, [""; 0]);
    let live = "SELECT count(*) FROM customers";
    let still_there = in_the_way.query_one(live, &[]).await.unwrap();
    assert_eq!(still_there.get::<_, i64>(0), 0);
    let request = ListReplacedDatabasesRequest::default();
    let replaced = client.restore().list_replaced_databases(request).await;
    assert_eq!(replaced.unwrap().into_inner().replaced_databases, []);
    daemon.stop().await;
}

#[tokio::test]
async fn killed_in_a_migration_it_leaves_the_schema_at_the_last_whole_revision() {
    let mut site = Site::new().await;
    site.set("migrations.lock_timeout", "1h");
    let daemon = site.start().await;
    let client = daemon.client();
    let first = client.revision("CREATE TABLE whole (n int);", "").await;
    let gate = site.databases.superuser().await;
    gate.batch_execute("SELECT pg_advisory_lock(1)")
        .await
        .unwrap();
    let half = "CREATE TABLE half (n int); SELECT pg_advisory_xact_lock_shared(1);";
    client.revision(half, "").await;
    let request = pgsteward::proto::UpgradeRequest::default();
    let answer = client.migration().upgrade(request).await.unwrap();
    let operation = answer.into_inner().operation.unwrap();
    let waits = format!(
        "SELECT count(*) FROM pg_stat_activity
         WHERE datname = '{}' AND wait_event = 'advisory'",
        site.databases.managed()
    );
    until("the second script is under way", || async {
        (site.databases.value::<i64>(&waits).await == 1).then_some(())
    })
    .await;

    let daemon = restarted(&mut site, daemon).await;

    let client = daemon.client();
    is_failed_and_closed(client, &operation.id).await;
    // The server itself would notice its lost client only once the statement ends.
    gate.batch_execute("SELECT pg_advisory_unlock(1)")
        .await
        .unwrap();
    let request = GetSchemaVersionRequest::default();
    let version = client
        .migration()
        .get_schema_version(request)
        .await
        .unwrap();
    let version = version.into_inner().schema_version.unwrap();
    assert_eq!(version.database_heads, [first.revision]);
    client.upgrade("head").await;
    assert_eq!(site.databases.rows("half").await, 0);
    daemon.stop().await;
}

#[tokio::test]
async fn killed_in_maintenance_mode_it_is_still_in_it_and_gives_back_just_what_it_took() {
    let mut site = Site::new().await;
    let managed = site.databases.managed();
    let app = site.databases.role("app");
    // Someone outside every role of the daemon, with the right to pass CONNECT on, and the public.
    site.databases
        .run_as_superuser(&format!(
            "GRANT CONNECT ON DATABASE {managed} TO PUBLIC;
             GRANT CONNECT ON DATABASE {managed} TO {app} WITH GRANT OPTION"
        ))
        .await;
    // Entries that were taken come back at the end of the list, whose order means nothing.
    let acl = format!(
        "SELECT string_agg(entry::text, ' ' ORDER BY entry::text)
         FROM pg_database, unnest(datacl) AS entry WHERE datname = '{managed}'"
    );
    let before: String = site.databases.value(&acl).await;
    let daemon = site.start().await;
    daemon.client().enter_maintenance().await;
    let taken: String = site.databases.value(&acl).await;
    assert_ne!(taken, before);

    let daemon = restarted(&mut site, daemon).await;

    let client = daemon.client();
    let request = GetMaintenanceRequest::default();
    let answer = client.maintenance().get_maintenance(request).await.unwrap();
    let state = answer.into_inner().maintenance.unwrap();
    assert!(state.active);
    assert_eq!(state.reason, "a test");
    assert!(site.databases.connect("app").await.is_err());
    assert_eq!(site.databases.value::<String>(&acl).await, taken);

    client.exit_maintenance().await;
    assert_eq!(site.databases.value::<String>(&acl).await, before);
    site.databases.connect("app").await.unwrap();
    daemon.stop().await;
}

#[tokio::test]
async fn maintenance_mode_that_someone_undid_while_the_daemon_was_down_is_made_true_again() {
    let mut site = Site::new().await;
    let daemon = site.start().await;
    daemon.client().enter_maintenance().await;
    let (managed, app) = (site.databases.managed(), site.databases.role("app"));
    let grant = format!("GRANT CONNECT ON DATABASE {managed} TO {app}");
    site.databases.run_as_superuser(&grant).await;
    let intruder = site.databases.connect("app").await.unwrap();

    let daemon = restarted(&mut site, daemon).await;

    until("the intruder is kept out", || async {
        (intruder.is_closed() && site.databases.connect("app").await.is_err()).then_some(())
    })
    .await;
    daemon.client().exit_maintenance().await;
    site.databases.connect("app").await.unwrap();
    daemon.stop().await;
}
