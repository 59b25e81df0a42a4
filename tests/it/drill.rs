//! Drills through the wire: of good and of bad backups, of what could not be judged, and that none leaves anything behind.

use std::fs;

use pgsteward::{
    model::backup::{Manifest, StoredContents},
    proto::{
        Backup, CancelOperationRequest, DeleteBackupRequest, Drill, DrillVerdict, GetBackupRequest,
        GetStatusRequest, ListDrillsRequest, Operation, OperationState, RunDrillRequest,
        RunScheduleRequest, VerificationLevel, operation::Outcome,
    },
};
use tonic::Code;

use crate::{
    cli::{cli, succeeds},
    support::{self, Client, Site, client::failure_of, expect_reason, gate::Gate, wait::until},
};

const ORDERS: &str =
    "CREATE TABLE orders AS SELECT n AS id, md5(n::text) AS name FROM generate_series(1, 200) n";

async fn start_drill(client: &Client, filename: &str) -> Operation {
    let request = RunDrillRequest {
        filename: filename.to_owned(),
        ..RunDrillRequest::default()
    };
    let answer = client.restore().run_drill(request).await.unwrap();
    answer.into_inner().operation.unwrap()
}

/// A drill of the newest backup, as recorded, and the operation that ran it.
async fn drill(client: &Client) -> (Drill, Operation) {
    let operation = start_drill(client, "").await;
    let operation = client.wait_for(&operation.id).await;
    let drill = drills(client, "").await.0.remove(0);
    assert_eq!(drill.operation_id, operation.id);
    (drill, operation)
}

/// The newest drills, and the token of the rest.
async fn drills(client: &Client, page_token: &str) -> (Vec<Drill>, String) {
    let request = ListDrillsRequest {
        page_size: 1,
        page_token: page_token.to_owned(),
        ..ListDrillsRequest::default()
    };
    let answer = client.restore().list_drills(request).await.unwrap();
    let page = answer.into_inner();
    (page.drills, page.next_page_token)
}

/// The last drill and the last good one, as the status has them.
async fn last(client: &Client) -> (Option<Drill>, Option<Drill>) {
    let request = GetStatusRequest {};
    let status = client.health().get_status(request).await.unwrap();
    let health = status.into_inner().databases.remove(0);
    (health.last_drill, health.last_good_drill)
}

async fn nothing_is_left(site: &Site) {
    let noted = "SELECT count(*) FROM artifacts";
    assert_eq!(site.databases.control_value::<i64>(noted).await, 0);
    assert_eq!(site.databases.scratch_databases().await, [""; 0]);
}

/// A site whose drills ask these checks, each a file's name and its query.
async fn with_checks(checks: &[(&str, &str)]) -> Site {
    let mut site = Site::new().await;
    site.databases.run(ORDERS).await;
    let directory = site.path("checks");
    fs::create_dir(&directory).unwrap();
    for (name, query) in checks {
        fs::write(directory.join(name), query).unwrap();
    }
    let directory = directory.to_str().unwrap();
    site.set("databases.app.drill_checks", directory);
    site
}

fn flip_a_byte(site: &Site, backup: &Backup) {
    let file = site.store().join(&backup.filename);
    let mut bytes = fs::read(&file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&file, bytes).unwrap();
}

#[tokio::test]
async fn a_good_backup_passes_and_is_known_to_restore() {
    let site = with_checks(&[
        ("a.sql", "SELECT count(*) = 200 FROM public.orders"),
        (
            "b.sql",
            "SELECT current_setting('transaction_read_only') = 'on';",
        ),
        ("notes.txt", "no query"),
    ])
    .await;
    let daemon = site.start().await;
    let client = daemon.client();
    let backup = client.back_up().await;
    site.databases.run("DELETE FROM orders").await;

    let (drill, operation) = drill(client).await;

    assert_eq!(drill.verdict(), DrillVerdict::Passed, "{drill:?}");
    assert_eq!(operation.outcome, Some(Outcome::Drill(drill.clone())));
    assert_eq!(
        (drill.filename.as_str(), drill.message.as_str()),
        (backup.filename.as_str(), "")
    );
    assert_eq!((drill.verified_tables, drill.verified_rows), (1, 200));
    let stages: Vec<&str> = drill.stages.iter().map(|s| s.stage.as_str()).collect();
    assert_eq!(
        stages,
        [
            "check", "read", "create", "load", "analyze", "verify", "checks", "drop"
        ]
    );
    assert!(drill.stages.iter().all(|stage| stage.duration.is_some()));
    let asked: Vec<(&str, bool)> = drill
        .checks
        .iter()
        .map(|c| (c.name.as_str(), c.passed))
        .collect();
    assert_eq!(asked, [("a.sql", true), ("b.sql", true)]);
    nothing_is_left(&site).await;
    assert_eq!(
        site.databases.rows("orders").await,
        0,
        "nothing live is touched"
    );
    let request = GetBackupRequest {
        filename: backup.filename,
    };
    let known = client
        .backup()
        .get_backup(request)
        .await
        .unwrap()
        .into_inner();
    let levels = known.backup.unwrap().verifications;
    assert!(levels.last().unwrap().level() >= VerificationLevel::Restored);
    assert_eq!(
        last(client).await,
        (Some(drill.clone()), Some(drill.clone()))
    );

    let (next, _) = self::drill(client).await;
    let (newest, token) = drills(client, "").await;
    assert_eq!(newest, [next]);
    assert_eq!(drills(client, &token).await, (vec![drill], String::new()));
    daemon.stop().await;
}

#[tokio::test]
async fn a_damaged_backup_and_one_that_is_not_what_its_manifest_says_fail() {
    let (site, daemon) = support::start().await;
    let client = daemon.client();
    site.databases.run(ORDERS).await;
    let backup = client.back_up().await;
    let (good, _) = drill(client).await;
    assert_eq!(good.verdict(), DrillVerdict::Passed, "{good:?}");

    let manifest = site.store().join(format!("{}.json", backup.filename));
    let written = fs::read(&manifest).unwrap();
    let mut wrong = Manifest::parse(&written).unwrap();
    let Some(StoredContents::Open(contents)) = &mut wrong.contents else {
        panic!("the manifest tells nothing of its contents");
    };
    contents.tables[0].rows += 1;
    fs::write(&manifest, wrong.to_json().unwrap()).unwrap();
    let (wrong_rows, operation) = drill(client).await;
    assert_eq!(wrong_rows.verdict(), DrillVerdict::Failed, "{wrong_rows:?}");
    assert!(
        wrong_rows.message.contains("public.orders"),
        "{wrong_rows:?}"
    );
    let error = failure_of(operation);
    assert_eq!(
        (error.code.as_str(), error.reason.as_str()),
        ("DATA_LOSS", "DRILL_FAILED")
    );
    fs::write(&manifest, &written).unwrap();

    flip_a_byte(&site, &backup);
    let (damaged, _) = drill(client).await;
    assert_eq!(damaged.verdict(), DrillVerdict::Failed, "{damaged:?}");
    assert!(damaged.message.contains("is damaged"), "{damaged:?}");
    assert_eq!(last(client).await, (Some(damaged), Some(good)));

    // It is known to be damaged by now, and there is no other.
    let (without, _) = drill(client).await;
    assert_eq!(without.verdict(), DrillVerdict::Failed, "{without:?}");
    assert_eq!(without.filename, "");
    assert!(
        without.message.contains("has no good backup"),
        "{without:?}"
    );
    nothing_is_left(&site).await;
    daemon.stop().await;
}

#[tokio::test]
async fn a_check_that_is_false_fails_the_drill_and_one_that_cannot_be_judged_is_an_error() {
    let site = with_checks(&[
        ("many.sql", "SELECT true FROM public.orders"),
        ("none.sql", "SELECT NULL::boolean"),
        ("text.sql", "SELECT 'true'"),
        ("two.sql", "SELECT true; SELECT true"),
        (
            "write.sql",
            "INSERT INTO public.orders VALUES (0) RETURNING true",
        ),
        ("wrong.sql", "SELECT count(*) = 1 FROM public.orders"),
    ])
    .await;
    let daemon = site.start().await;
    let client = daemon.client();
    client.back_up().await;

    let (failed, _) = drill(client).await;
    assert_eq!(failed.verdict(), DrillVerdict::Failed, "{failed:?}");
    assert!(
        failed.checks.iter().all(|check| !check.passed),
        "{failed:?}"
    );
    assert_eq!(failed.checks.len(), 6);
    for name in ["none.sql", "wrong.sql"] {
        assert!(failed.message.contains(name), "{}", failed.message);
        fs::remove_file(site.path("checks").join(name)).unwrap();
    }

    let (error, operation) = drill(client).await;
    assert_eq!(error.verdict(), DrillVerdict::Error, "{error:?}");
    assert_eq!(failure_of(operation).reason, "DRILL_CHECK_BROKEN");
    assert_eq!(error.checks.len(), 4);
    fs::remove_dir_all(site.path("checks")).unwrap();

    let (unreadable, operation) = drill(client).await;
    assert_eq!(unreadable.verdict(), DrillVerdict::Error, "{unreadable:?}");
    assert_eq!(failure_of(operation).reason, "DRILL_CHECKS_UNREADABLE");
    nothing_is_left(&site).await;
    daemon.stop().await;
}

#[tokio::test]
async fn a_drill_that_would_be_too_large_judges_nothing() {
    let mut site = Site::new().await;
    site.set("drill.max_size", "100");
    let daemon = site.start().await;
    let client = daemon.client();
    client.back_up().await;

    let (drill, operation) = drill(client).await;

    assert_eq!(drill.verdict(), DrillVerdict::Error, "{drill:?}");
    let error = failure_of(operation);
    assert_eq!(error.code, "RESOURCE_EXHAUSTED");
    assert_eq!(error.reason, "DRILL_TOO_LARGE");
    let (last, good) = last(client).await;
    assert_eq!((last, good), (Some(drill), None));
    daemon.stop().await;
}

#[tokio::test]
async fn work_on_the_live_database_goes_on_beside_a_drill_whose_backup_nobody_removes() {
    let mut site = Site::new().await;
    site.databases.run(ORDERS).await;
    let mut gate = Gate::before_restoring(&mut site);
    let daemon = site.start().await;
    let client = daemon.client();
    let backup = client.back_up().await;
    let operation = start_drill(client, &backup.filename).await;
    gate.reached(&site).await;

    client.back_up().await;
    client.revision("CREATE TABLE later (n int);", "").await;
    client.upgrade("head").await;
    client.enter_maintenance().await;
    client.exit_maintenance().await;
    let filename = backup.filename.clone();
    let request = DeleteBackupRequest { filename };
    let refused = client.backup().delete_backup(request.clone()).await;
    expect_reason(refused, Code::Aborted, "BACKUP_IN_USE");
    // A second drill waits for the first.
    let second = start_drill(client, &backup.filename).await;
    gate.open();
    client.outcome(Some(operation)).await;
    gate.open();
    client.outcome(Some(second)).await;

    client.backup().delete_backup(request).await.unwrap();
    nothing_is_left(&site).await;
    daemon.stop().await;
}

#[tokio::test]
async fn a_drill_that_is_cancelled_leaves_no_database_and_judges_nothing() {
    let mut site = Site::new().await;
    site.fake_restoring(r#""$REAL" "$@"; touch "$SITE/loading"; exec sleep 600"#);
    let daemon = site.start().await;
    let client = daemon.client();
    client.back_up().await;
    let operation = start_drill(client, "").await;
    site.has_file("loading").await;
    assert_eq!(site.databases.scratch_databases().await.len(), 1);

    let id = operation.id.clone();
    let request = CancelOperationRequest { id };
    client.operations().cancel_operation(request).await.unwrap();

    let operation = client.wait_for(&operation.id).await;
    assert_eq!(operation.state(), OperationState::Cancelled);
    let drill = drills(client, "").await.0.remove(0);
    assert_eq!(drill.verdict(), DrillVerdict::Error, "{drill:?}");
    assert!(drill.message.contains("cancelled"), "{drill:?}");
    daemon.has_no_children().await;
    nothing_is_left(&site).await;
    daemon.stop().await;
}

#[tokio::test]
async fn killed_in_a_drill_the_daemon_sweeps_its_database_and_records_that_nothing_was_judged() {
    let mut site = Site::new().await;
    site.fake_restoring(
        r#"touch "$SITE/loading"; while kill -0 "$PPID" 2>/dev/null; do sleep 0.05; done"#,
    );
    let daemon = site.start().await;
    daemon.client().back_up().await;
    let operation = start_drill(daemon.client(), "").await;
    site.has_file("loading").await;

    daemon.kill9();
    site.real_tools();
    let daemon = site.start().await;

    let client = daemon.client();
    let drill = until("the drill is recorded", || async {
        drills(client, "").await.0.pop()
    })
    .await;
    assert_eq!(drill.operation_id, operation.id);
    assert_eq!(drill.verdict(), DrillVerdict::Error, "{drill:?}");
    let noted = "SELECT count(*) FROM artifacts";
    until("what it left is swept", || async {
        (site.databases.control_value::<i64>(noted).await == 0).then_some(())
    })
    .await;
    nothing_is_left(&site).await;
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drill_runs_by_the_schedule_and_from_the_command_line() {
    let mut site = Site::new().await;
    site.set("schedule.enabled", "true");
    let daemon = site.start().await;
    let client = daemon.client();
    client.back_up().await;
    let request = RunScheduleRequest {
        name: "drill/app".to_owned(),
        ..RunScheduleRequest::default()
    };
    let answer = client.schedule().run_schedule(request).await.unwrap();
    client.outcome(answer.into_inner().operation).await;

    let said = succeeds(&daemon, "restore drill");
    assert!(
        said.contains(": passed") && said.contains("analyze"),
        "{said}"
    );
    let listed = succeeds(&daemon, "restore drills");
    assert_eq!(listed.matches("passed").count(), 2, "{listed}");
    let status = succeeds(&daemon, "status");
    assert!(
        status.contains("LAST DRILL") && status.contains("passed"),
        "{status}"
    );
    let unknown = cli(&daemon, "restore drill app_20200101T000000Z.sql.gz");
    assert!(!unknown.status.success());
    daemon.stop().await;
}
