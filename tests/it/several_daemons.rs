//! Two daemons on one control store: one is killed in the middle of its work, or cut off from the control store, and the
//! other one puts things in order and answers for it.

use std::time::{Duration, Instant};

use pgsteward::proto::{
    CreateBackupRequest, CreateRevisionRequest, DrillVerdict, EnterMaintenanceRequest,
    GetMaintenanceRequest, GetOperationRequest, ListBackupsRequest, ListDrillsRequest, Operation,
    OperationState, RestoreRequest, RunDrillRequest, UpgradeRequest,
};
use uuid::Uuid;

use crate::support::{
    Client, Daemon, Site, chaos::Proxy, client::failure_of, cluster::cluster, gate::Gate,
    wait::until,
};

/// A tool that does its work, says so, and then hangs for as long as its daemon lives.
const HANGS: &str = r#""$REAL" "$@"; touch "$SITE/half-way"; while kill -0 "$PPID" 2>/dev/null; do sleep 0.05; done"#;

const TABLE: &str =
    "CREATE TABLE customers AS SELECT n AS id, md5(n::text) AS name FROM generate_series(1, 500) n";

/// In which a dead daemon's operation is marked: the looks, the watch, and a slow machine.
const NOTICED: Duration = Duration::from_secs(10);

/// A daemon with the tools as they are set, and another one with the real ones.
async fn two(site: &mut Site) -> (Daemon, Daemon) {
    let one = site.start().await;
    site.real_tools();
    (one, site.start().await)
}

async fn get(client: &Client, id: &str) -> Operation {
    let request = GetOperationRequest { id: id.to_owned() };
    let answer = client.operations().get_operation(request).await.unwrap();
    answer.into_inner().operation.unwrap()
}

/// Kills a daemon; the other one soon marks its operation, and has swept what it left.
async fn killed(site: &Site, one: Daemon, other: &Daemon, id: &str) {
    let start = Instant::now();
    one.kill9();
    is_marked(other.client(), id).await;
    assert!(start.elapsed() < NOTICED, "{:?}", start.elapsed());
    until("everything noted is swept", async || {
        let noted = "SELECT count(*) FROM artifacts";
        (site.databases.control_value::<i64>(noted).await == 0).then_some(())
    })
    .await;
    assert_eq!(site.databases.scratch_databases().await, [""; 0]);
}

async fn is_marked(client: &Client, id: &str) {
    let done = client.wait_for(id).await;
    let error = failure_of(done);
    assert_eq!(
        (error.reason.as_str(), error.code.as_str()),
        ("DAEMON_DIED", "ABORTED")
    );
    assert!(!error.hint.is_empty());
}

async fn listed(client: &Client) -> Vec<String> {
    let request = ListBackupsRequest::default();
    let answer = client.backup().list_backups(request).await.unwrap();
    let backups = answer.into_inner().backups;
    backups.into_iter().map(|backup| backup.filename).collect()
}

/// The state and attempt of the only run, as `SUCCEEDED 2`.
async fn only_run(site: &Site) -> String {
    let run = "SELECT string_agg(concat_ws(' ', state, attempt), ', ') FROM schedule_runs";
    let run: Option<String> = site.databases.control_value(run).await;
    run.unwrap_or_default()
}

#[tokio::test]
async fn a_scheduled_run_is_done_by_another_daemon_when_its_claimer_and_then_its_runner_are_killed()
{
    let mut site = Site::new().await;
    site.databases.run(TABLE).await;
    for job in ["optimize", "drift", "drill", "privileges"] {
        site.set(&format!("schedule.{job}"), "off");
    }
    site.set("schedule.enabled", "true");
    // Far from now: it runs for what is claimed below alone.
    site.set("schedule.backup", "0 0 29 2 *");
    site.fake_tool("pg_dump", HANGS);
    let first = site.start().await;
    until("the job is known", async || {
        let known = "SELECT count(*) FROM schedule_jobs";
        (site.databases.control_value::<i64>(known).await == 1).then_some(())
    })
    .await;
    // A daemon claimed a tick and died before it started the operation.
    let control = site.databases.in_control().await;
    let claim = format!(
        "INSERT INTO schedule_runs (job, slot, daemon) VALUES ('backup/app', date_trunc('second', now()), '{}')",
        Uuid::new_v4()
    );
    control.batch_execute(&claim).await.unwrap();
    site.has_file("half-way").await;
    until("the start is recorded", async || {
        (only_run(&site).await == "STARTED 1").then_some(())
    })
    .await;
    site.real_tools();
    let second = site.start().await;

    first.kill9();

    until("the run is done", async || {
        (only_run(&site).await == "SUCCEEDED 2").then_some(())
    })
    .await;
    assert_eq!(listed(second.client()).await.len(), 1);
    assert_eq!(site.stored_files().len(), 2);
    let query =
        "SELECT array_agg(concat_ws(' ', method, state, principal) ORDER BY id) FROM operations";
    let expected = [
        "CreateBackup FAILED scheduler",
        "CreateBackup SUCCEEDED scheduler",
        "ApplyRetention SUCCEEDED scheduler",
    ];
    until("retention has followed", async || {
        let history: Vec<String> = site.databases.control_value(query).await;
        (history == expected).then_some(())
    })
    .await;
    second.stop().await;
}

#[tokio::test]
async fn a_backup_that_someone_asked_for_is_marked_and_swept() {
    let mut site = Site::new().await;
    site.databases.run(TABLE).await;
    site.fake_tool("pg_dump", HANGS);
    let (one, other) = two(&mut site).await;
    let id = one.client().start_backup().await.unwrap().id;
    site.has_file("half-way").await;
    assert_eq!(
        get(other.client(), &id).await.state(),
        OperationState::Running
    );
    // What a living daemon makes is left alone by the other one.
    let kept = other.client().back_up();
    let error = tokio::time::timeout(Duration::from_millis(500), kept).await;
    assert!(
        error.is_err(),
        "two backups of one database were made at once"
    );

    killed(&site, one, &other, &id).await;

    until("the other backup is done", async || {
        (listed(other.client()).await.len() == 1).then_some(())
    })
    .await;
    assert_eq!(site.stored_files().len(), 2);
    other.stop().await;
}

#[tokio::test]
async fn a_migration_is_marked_and_goes_on_where_it_stopped() {
    let mut site = Site::new().await;
    site.set("migrations.lock_timeout", "1h");
    site.set("migrations.rehearse", "false");
    let (one, other) = two(&mut site).await;
    let client = one.client();
    client.revision("CREATE TABLE whole (n int);", "").await;
    client.upgrade("head").await;
    let waits = format!(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = '{}' AND wait_event = 'advisory'",
        site.databases.managed()
    );
    let start = async |client: &Client| {
        let request = UpgradeRequest::default();
        let answer = client.migration().upgrade(request).await.unwrap();
        let id = answer.into_inner().operation.unwrap().id;
        until("the script is under way", async || {
            (site.databases.value::<i64>(&waits).await == 1).then_some(())
        })
        .await;
        id
    };
    let gate = site.databases.superuser().await;
    gate.batch_execute("SELECT pg_advisory_lock(1)")
        .await
        .unwrap();

    // Stepwise: its first statement stands, its second is cut off.
    let request = CreateRevisionRequest {
        message: "steps".to_owned(),
        upgrade_sql: "CREATE TABLE steps (n int); SELECT pg_advisory_lock_shared(1); INSERT INTO steps VALUES (1);".to_owned(),
        non_transactional: true,
        ..CreateRevisionRequest::default()
    };
    client.migration().create_revision(request).await.unwrap();
    let id = start(client).await;
    killed(&site, one, &other, &id).await;
    gate.batch_execute("SELECT pg_advisory_unlock(1)")
        .await
        .unwrap();
    other.client().upgrade("head").await;
    assert_eq!(site.databases.rows("steps").await, 1);

    // In one transaction: nothing of it stands.
    let one = site.start().await;
    gate.batch_execute("SELECT pg_advisory_lock(1)")
        .await
        .unwrap();
    let half = "CREATE TABLE half (n int); SELECT pg_advisory_xact_lock_shared(1);";
    one.client().revision(half, "").await;
    let id = start(one.client()).await;
    killed(&site, one, &other, &id).await;
    gate.batch_execute("SELECT pg_advisory_unlock(1)")
        .await
        .unwrap();
    other.client().upgrade("head").await;
    assert_eq!(site.databases.rows("half").await, 0);
    other.stop().await;
}

#[tokio::test]
async fn a_restore_before_its_swap_and_a_drill_leave_nothing_beside_the_live_database() {
    let mut site = Site::new().await;
    site.databases.run(TABLE).await;
    let first = site.start().await;
    let backup = first.client().back_up().await;
    first.stop().await;
    site.databases
        .run("DELETE FROM customers WHERE id > 100")
        .await;
    site.fake_restoring(HANGS);
    let (one, other) = two(&mut site).await;
    other.client().enter_maintenance().await;
    let request = RestoreRequest {
        filename: backup.filename.clone(),
        confirm_database: "app".to_owned(),
        reason: "a test".to_owned(),
        ..RestoreRequest::default()
    };
    let answer = one.client().restore().restore(request).await.unwrap();
    let id = answer.into_inner().operation.unwrap().id;
    site.has_file("half-way").await;
    assert_eq!(site.databases.scratch_databases().await.len(), 1);
    killed(&site, one, &other, &id).await;
    assert_eq!(site.databases.rows("customers").await, 100);
    // The mode was entered through the one that lives, and holds.
    let request = GetMaintenanceRequest::default();
    let answer = other
        .client()
        .maintenance()
        .get_maintenance(request)
        .await
        .unwrap();
    assert!(answer.into_inner().maintenance.unwrap().active);

    std::fs::remove_file(site.path("half-way")).unwrap();
    site.fake_restoring(HANGS);
    let one = site.start().await;
    let request = RunDrillRequest {
        filename: backup.filename,
        ..RunDrillRequest::default()
    };
    let answer = one.client().restore().run_drill(request).await.unwrap();
    let id = answer.into_inner().operation.unwrap().id;
    site.has_file("half-way").await;
    killed(&site, one, &other, &id).await;
    let request = ListDrillsRequest::default();
    let answer = other.client().restore().list_drills(request).await.unwrap();
    let drills = answer.into_inner().drills;
    assert_eq!(
        (drills.len(), drills[0].verdict()),
        (1, DrillVerdict::Error)
    );
    other.stop().await;
}

#[tokio::test]
async fn maintenance_mode_that_was_half_entered_is_made_true_by_the_other_daemon() {
    let mut site = Site::new().await;
    let (managed, app) = (site.databases.managed(), site.databases.role("app"));
    let acl = format!(
        "SELECT string_agg(entry::text, ' ' ORDER BY entry::text)
         FROM pg_database, unnest(datacl) AS entry WHERE datname = '{managed}'"
    );
    site.databases
        .run_as_superuser(&format!("GRANT CONNECT ON DATABASE {managed} TO {app}"))
        .await;
    let before: String = site.databases.value(&acl).await;
    let (one, other) = two(&mut site).await;
    // Someone else changes the database's row, and has not made up their mind.
    let gate = site.databases.superuser().await;
    let change = format!("BEGIN; ALTER DATABASE {managed} CONNECTION LIMIT 50");
    gate.batch_execute(&change).await.unwrap();
    let request = EnterMaintenanceRequest {
        reason: "a test".to_owned(),
        ..EnterMaintenanceRequest::default()
    };
    let answer = one
        .client()
        .maintenance()
        .enter_maintenance(request)
        .await
        .unwrap();
    let id = answer.into_inner().operation.unwrap().id;
    until("what is to be taken is noted", async || {
        let noted = "SELECT count(*) FROM maintenance";
        (site.databases.control_value::<i64>(noted).await == 1).then_some(())
    })
    .await;
    one.kill9();
    gate.batch_execute("ROLLBACK").await.unwrap();

    is_marked(other.client(), &id).await;
    until("the mode is true", async || {
        site.databases.connect("app").await.is_err().then_some(())
    })
    .await;
    other.client().exit_maintenance().await;
    assert_eq!(site.databases.value::<String>(&acl).await, before);
    other.stop().await;
}

/// The logins of the control store, which must name the same server, with the roles that they are of.
const CONTROL_LOGINS: [(&str, &str); 2] =
    [("control.url", "control"), ("control.owner_url", "owner")];

/// A proxy between the daemons that are started next and their control store; the databases are on the direct way.
async fn control_behind_proxy(site: &mut Site) -> Proxy {
    let port = cluster().port;
    let proxy = Proxy::before(([127, 0, 0, 1], port).into()).await;
    let (here, there) = (format!(":{port}/"), format!(":{}/", proxy.address.port()));
    for (key, role) in CONTROL_LOGINS {
        let direct = site.databases.url(role, &site.databases.control());
        site.set(key, &direct.replace(&here, &there));
    }
    proxy
}

fn control_direct(site: &mut Site) {
    for (key, role) in CONTROL_LOGINS {
        let direct = site.databases.url(role, &site.databases.control());
        site.set(key, &direct);
    }
}

#[tokio::test]
async fn a_daemon_that_only_lost_the_control_store_for_a_while_keeps_its_work() {
    let mut site = Site::new().await;
    let proxy = control_behind_proxy(&mut site).await;
    let mut gate = Gate::before(&mut site, "pg_dump");
    let one = site.start().await;
    control_direct(&mut site);
    let other = site.start().await;
    let id = one.client().start_backup().await.unwrap().id;
    gate.reached(&site).await;

    proxy.cut();
    // Longer than it would take to bury it.
    until("the other one sees that it still works", async || {
        let lines = other.process.log_lines();
        let said = "its daemon cannot be seen, but still works on it";
        let seen = lines.iter().filter(|line| line["message"] == said).count();
        (seen >= 2).then_some(())
    })
    .await;
    assert_eq!(
        get(other.client(), &id).await.state(),
        OperationState::Running
    );
    proxy.resume();
    gate.open();

    let done = other.client().wait_for(&id).await;
    assert_eq!(done.state(), OperationState::Succeeded, "{done:?}");
    one.stop().await;
    other.stop().await;
}

#[tokio::test]
async fn a_daemon_that_cannot_prove_its_life_stops_its_work_and_does_not_overwrite_its_end() {
    let mut site = Site::new().await;
    let proxy = control_behind_proxy(&mut site).await;
    let gate = Gate::before(&mut site, "pg_dump");
    site.set("operations.control_grace", "3s");
    let one = site.start().await;
    control_direct(&mut site);
    site.real_tools();
    let other = site.start().await;
    let id = one.client().start_backup().await.unwrap().id;
    gate.reached(&site).await;

    proxy.cut();
    one.has_no_children().await;
    is_marked(other.client(), &id).await;
    let marked = get(other.client(), &id).await;
    // The database is free: the work is done again at once.
    other.client().back_up().await;
    proxy.resume();

    until("it sees that its end was recorded", async || {
        let lines = one.process.log_lines();
        let said = "another daemon recorded the end of this operation before; that stands";
        lines
            .iter()
            .any(|line| line["message"] == said)
            .then_some(())
    })
    .await;
    until("it shows the recorded end", async || {
        (get(one.client(), &id).await == marked).then_some(())
    })
    .await;
    assert_eq!(get(other.client(), &id).await, marked);
    assert_eq!(listed(one.client()).await.len(), 1);
    one.stop().await;
    other.stop().await;
}

#[tokio::test]
async fn a_daemon_whose_operation_was_taken_over_stops_it() {
    let mut site = Site::new().await;
    let gate = Gate::before(&mut site, "pg_dump");
    let daemon = site.start().await;
    let client = daemon.client();
    let id = client.start_backup().await.unwrap().id;
    gate.reached(&site).await;
    let failure = r#"{"kind":"ABORTED","reason":"DAEMON_DIED","message":"it was taken for dead"}"#;
    let end = format!(
        "UPDATE operations SET state = 'FAILED', failure = '{failure}', ended_at = now() WHERE id = '{id}'"
    );
    let control = site.databases.in_control().await;
    control.batch_execute(&end).await.unwrap();
    daemon.has_no_children().await;
    until("the recorded end is shown", async || {
        let shown = get(client, &id).await;
        shown
            .done
            .then(|| assert_eq!(failure_of(shown).reason, "DAEMON_DIED"))
    })
    .await;
    assert_eq!(site.stored_files(), [""; 0]);
    // Nor may it do what cannot be taken back.
    let late = format!(
        "INSERT INTO replaced_databases (name, database, operation, expires_at) VALUES ('x', 'app', '{id}', now())"
    );
    let error = control.batch_execute(&late).await.unwrap_err();
    let said = error.as_db_error().unwrap().message().to_owned();
    assert_eq!(said, format!("operation {id} was ended by another daemon"));
    daemon.stop().await;
}

#[tokio::test]
async fn two_that_start_at_once_on_an_empty_store_both_serve_and_one_request_to_both_is_one_operation()
 {
    let site = Site::new().await;
    let (one, other) = tokio::join!(site.start(), site.start());
    let request = CreateBackupRequest {
        request_id: "deploy-7".to_owned(),
        ..CreateBackupRequest::default()
    };
    let (mut left, mut right) = (one.client().backup(), other.client().backup());
    let (left, right) = tokio::join!(
        left.create_backup(request.clone()),
        right.create_backup(request)
    );
    let id = |answer: Result<tonic::Response<pgsteward::proto::CreateBackupResponse>, _>| {
        let answer: Result<_, tonic::Status> = answer;
        answer.unwrap().into_inner().operation.unwrap().id
    };
    let (left, right) = (id(left), id(right));
    assert_eq!(left, right);
    one.client().wait_for(&left).await;
    other.client().wait_for(&left).await;
    let started = "SELECT count(*) FROM operations";
    assert_eq!(site.databases.control_value::<i64>(started).await, 1);
    one.stop().await;
    other.stop().await;
}
