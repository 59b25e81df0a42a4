//! What an Upgrade is refused for, and the backup that stands before a destructive one.

use std::fs;

use pgsteward::proto::{
    BackupKind, DowngradeRequest, ListBackupsRequest, MigrationResult, Operation, Revision,
    UpgradeRequest, operation::Outcome,
};
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use crate::support::{self, Client, Site, expect_reason};

const ORDERS: [&str; 2] = [
    "CREATE TABLE orders (id bigint PRIMARY KEY, total numeric);\nINSERT INTO orders VALUES (1, 10);",
    "DROP TABLE orders;",
];
const DROP_TOTAL: [&str; 2] = [
    "ALTER TABLE orders DROP COLUMN total;",
    "ALTER TABLE orders ADD COLUMN total numeric;",
];

async fn upgrade(client: &Client, request: UpgradeRequest) -> Result<Option<Operation>, Status> {
    let answer = client.migration().upgrade(request).await?;
    Ok(answer.into_inner().operation)
}

fn acknowledging(names: &[&str]) -> UpgradeRequest {
    UpgradeRequest {
        acknowledge: names.iter().map(|name| (*name).to_owned()).collect(),
        ..UpgradeRequest::default()
    }
}

async fn migrated(client: &Client, request: UpgradeRequest) -> MigrationResult {
    match client
        .outcome(upgrade(client, request).await.unwrap())
        .await
    {
        Outcome::Migration(result) => result,
        other => panic!("{other:?}"),
    }
}

async fn planned(client: &Client, request: UpgradeRequest) -> MigrationResult {
    let request = UpgradeRequest {
        validate_only: true,
        ..request
    };
    match upgrade(client, request).await.unwrap().unwrap().outcome {
        Some(Outcome::Migration(result)) => result,
        other => panic!("{other:?}"),
    }
}

fn rewrite(site: &Site, revision: &Revision, change: impl Fn(String) -> String) {
    let path = site.revisions().join(&revision.filename);
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, change(text)).unwrap();
}

#[tokio::test]
async fn a_destructive_revision_wants_its_findings_acknowledged_by_name() {
    let (site, daemon) = support::start().await;
    let client = daemon.client();
    client.revision(ORDERS[0], ORDERS[1]).await;
    client.upgrade("head").await;
    client.revision(DROP_TOTAL[0], DROP_TOTAL[1]).await;

    let answer = upgrade(client, UpgradeRequest::default()).await;

    let code = Code::FailedPrecondition;
    let refusal = expect_reason(answer, code, "DESTRUCTIVE_NOT_ACKNOWLEDGED");
    let details = refusal.get_error_details();
    let violations = &details.precondition_failure().unwrap().violations;
    let names: Vec<&str> = violations.iter().map(|v| v.subject.as_str()).collect();
    assert_eq!(names, ["drop-column:orders.total"]);
    // Another name is no acknowledgement.
    let answer = upgrade(client, acknowledging(&["drop-column:orders.id"])).await;
    expect_reason(answer, code, "DESTRUCTIVE_NOT_ACKNOWLEDGED");
    // A plan is shown all the same, with what stands against it.
    let plan = planned(client, UpgradeRequest::default()).await;
    assert!(plan.backup_planned);
    assert_eq!(plan.steps[0].findings[0].name, "drop-column:orders.total");
    assert!(
        plan.refusals[0].starts_with("DESTRUCTIVE_NOT_ACKNOWLEDGED: "),
        "{plan:?}"
    );
    site.databases.run("SELECT total FROM orders").await;

    let request = acknowledging(&["drop-column:orders.total"]);
    assert_eq!(planned(client, request.clone()).await.refusals, [""; 0]);
    let result = migrated(client, request).await;
    assert_eq!(result.steps.len(), 1);
    assert_eq!(result.rehearsals.len(), 1);
    assert_eq!(result.rehearsals[0].statements[0].scanned, [""; 0]);
    daemon.stop().await;
}

#[tokio::test]
async fn what_a_do_block_destroys_is_seen_by_the_rehearsal_and_refused() {
    let (site, daemon) = support::start().await;
    let client = daemon.client();
    client.revision(ORDERS[0], ORDERS[1]).await;
    client.upgrade("head").await;
    client
        .revision(
            "DO $$ BEGIN EXECUTE 'DROP TABLE ' || 'orders'; END $$;",
            "-- none",
        )
        .await;

    let started = upgrade(client, UpgradeRequest::default()).await.unwrap();

    let error = client.failure(started).await;
    assert_eq!(error.reason, "DESTRUCTIVE_NOT_ACKNOWLEDGED");
    assert!(
        error.message.contains("drop-table:public.orders"),
        "{}",
        error.message
    );
    assert_eq!(site.databases.rows("orders").await, 1);
    assert_eq!(site.databases.scratch_databases().await, [""; 0]);
    migrated(client, acknowledging(&["drop-table:public.orders"])).await;
    daemon.stop().await;
}

#[tokio::test]
async fn a_backup_stands_before_a_destructive_migration_and_without_it_nothing_runs() {
    let mut site = Site::new().await;
    let daemon = site.start().await;
    let client = daemon.client();
    client.revision(ORDERS[0], ORDERS[1]).await;
    let result = client.upgrade("head").await;
    assert_eq!(result.backup, "");
    client.revision(DROP_TOTAL[0], DROP_TOTAL[1]).await;
    daemon.stop().await;

    // Fails for archives, not for the scratch copy's schema.
    site.fake_tool(
        "pg_dump",
        r#"case "$*" in *--schema-only*) exec "$REAL" "$@";; esac; echo 'no space' >&2; exit 1"#,
    );
    let daemon = site.start().await;
    let client = daemon.client();
    let request = acknowledging(&["drop-column:orders.total"]);
    let error = client
        .failure(upgrade(client, request.clone()).await.unwrap())
        .await;
    assert_eq!(error.reason, "TOOL_FAILED");
    site.databases.run("SELECT total FROM orders").await;
    daemon.stop().await;

    site.real_tools();
    let daemon = site.start().await;
    let client = daemon.client();
    let result = migrated(client, request).await;
    let listed = client
        .backup()
        .list_backups(ListBackupsRequest::default())
        .await;
    let backups = listed.unwrap().into_inner().backups;
    assert_eq!(backups.len(), 1);
    assert_eq!(backups[0].kind(), BackupKind::PreMigration);
    assert_eq!(backups[0].filename, result.backup);
    let recorded: String = site
        .databases
        .control_value("SELECT backup FROM migration_events ORDER BY id DESC LIMIT 1")
        .await;
    assert_eq!(recorded, result.backup);

    // A downgrade that destroys is preceded by one too.
    let request = DowngradeRequest {
        target: "base".to_owned(),
        ..DowngradeRequest::default()
    };
    let answer = client.migration().downgrade(request).await.unwrap();
    let Outcome::Migration(result) = client.outcome(answer.into_inner().operation).await else {
        panic!("no migration");
    };
    assert!(!result.backup.is_empty());
    daemon.stop().await;
}

#[tokio::test]
async fn backups_come_always_or_never_where_the_configuration_says_so() {
    for (setting, expected) in [("always", 1), ("never", 0)] {
        let mut site = Site::new().await;
        site.set("migrations.backup_before", setting);
        let daemon = site.start().await;
        let client = daemon.client();
        client.revision(ORDERS[0], ORDERS[1]).await;
        client.upgrade("head").await;
        if expected == 0 {
            client.revision(DROP_TOTAL[0], DROP_TOTAL[1]).await;
            migrated(client, acknowledging(&["drop-column:orders.total"])).await;
        }
        let listed = client
            .backup()
            .list_backups(ListBackupsRequest::default())
            .await;
        assert_eq!(
            listed.unwrap().into_inner().backups.len(),
            expected,
            "{setting}"
        );
        daemon.stop().await;
    }
}

#[tokio::test]
async fn an_applied_script_that_was_edited_stops_upgrades_and_its_layout_does_not() {
    let (site, daemon) = support::start().await;
    let client = daemon.client();
    let first = client.revision(ORDERS[0], ORDERS[1]).await;
    client.upgrade("head").await;
    client
        .revision("CREATE TABLE other (n int);", "DROP TABLE other;")
        .await;

    // White space, comments and line ends.
    rewrite(&site, &first, |text| {
        text.replace("bigint PRIMARY KEY", "bigint -- the id\n    PRIMARY   KEY")
            .replace('\n', "\r\n")
    });
    assert_eq!(
        planned(client, UpgradeRequest::default()).await.refusals,
        [""; 0]
    );

    rewrite(&site, &first, |text| text.replace("numeric", "money"));
    let answer = upgrade(client, UpgradeRequest::default()).await;
    let refusal = expect_reason(answer, Code::FailedPrecondition, "REVISION_EDITED");
    assert!(
        refusal.message().contains(&first.filename),
        "{}",
        refusal.message()
    );

    rewrite(&site, &first, |text| text.replace("money", "numeric"));
    client.upgrade("head").await;
    daemon.stop().await;
}

#[tokio::test]
async fn a_revision_without_a_way_back_is_not_downgraded() {
    let (site, daemon) = support::start().await;
    let client = daemon.client();
    client.revision(ORDERS[0], "").await;
    client.upgrade("head").await;
    let request = DowngradeRequest {
        target: "base".to_owned(),
        ..DowngradeRequest::default()
    };

    let answer = client.migration().downgrade(request).await;

    expect_reason(answer, Code::FailedPrecondition, "REVISION_IRREVERSIBLE");
    assert_eq!(site.databases.rows("orders").await, 1);
    daemon.stop().await;
}

#[tokio::test]
async fn validate_only_with_rehearse_runs_the_plan_on_a_copy_alone() {
    let (site, daemon) = support::start().await;
    let client = daemon.client();
    client.revision(ORDERS[0], ORDERS[1]).await;
    client.upgrade("head").await;
    client
        .revision(
            "ALTER TABLE orders ALTER id TYPE numeric;",
            "ALTER TABLE orders ALTER id TYPE bigint;",
        )
        .await;

    let request = UpgradeRequest {
        rehearse: true,
        validate_only: true,
        ..UpgradeRequest::default()
    };
    let result = migrated(client, request).await;

    assert!(result.validate_only);
    let statement = &result.rehearsals[0].statements[0];
    assert_eq!(statement.rewritten, ["public.orders"]);
    assert!(
        statement
            .locks
            .iter()
            .any(|lock| lock.relation == "public.orders" && lock.mode == "AccessExclusiveLock"),
        "{statement:?}"
    );
    assert!(result.rehearsals[0].downgraded);
    assert_eq!(result.rehearsals[0].downgrade_differences, [""; 0]);
    let unchanged: String = site
        .databases
        .value("SELECT format_type(atttypid, -1) FROM pg_attribute WHERE attrelid = 'orders'::regclass AND attname = 'id'")
        .await;
    assert_eq!(unchanged, "bigint");
    daemon.stop().await;
}
