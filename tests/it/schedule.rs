//! ScheduleService through the wire, and the schedule itself: what runs when, once, and what follows.

use std::time::Duration;

use chrono::{DateTime, Datelike as _, TimeDelta, Utc, Weekday};
use croner::parser::{CronParser, Seconds};
use pgsteward::{
    app,
    model::method::Method,
    postgres::database::ConnectionSettings,
    proto::{
        AuditOutcome, BackupKind, ListAuditEntriesRequest, ListBackupsRequest,
        ListOperationsRequest, ListSchedulesRequest, Operation, OperationState, RunScheduleRequest,
        Schedule, operation::Outcome,
    },
    state::ControlStore,
};
use tonic::{Code, Status};
use uuid::Uuid;

use crate::support::{Client, Daemon, Site, expect_reason, wait::until};

async fn start(settings: &[(&str, &str)]) -> (Site, Daemon) {
    let mut site = Site::new().await;
    site.set("schedule.enabled", "true");
    for (key, value) in settings {
        site.set(key, value);
    }
    let daemon = site.start().await;
    (site, daemon)
}

async fn list(client: &Client, database: &str) -> Result<Vec<Schedule>, Status> {
    let request = ListSchedulesRequest {
        database: database.to_owned(),
    };
    let answer = client.schedule().list_schedules(request).await?;
    Ok(answer.into_inner().schedules)
}

async fn job(client: &Client, name: &str) -> Schedule {
    let jobs = list(client, "").await.unwrap();
    jobs.into_iter().find(|job| job.name == name).unwrap()
}

async fn run_now(client: &Client, name: &str) -> Result<Operation, Status> {
    let request = RunScheduleRequest {
        name: name.to_owned(),
        ..RunScheduleRequest::default()
    };
    let answer = client.schedule().run_schedule(request).await?;
    Ok(answer.into_inner().operation.unwrap())
}

/// The operations of a method, newest first.
async fn operations(client: &Client, method: &str) -> Vec<Operation> {
    let request = ListOperationsRequest {
        method: method.to_owned(),
        ..ListOperationsRequest::default()
    };
    let answer = client.operations().list_operations(request).await.unwrap();
    answer.into_inner().operations
}

/// The names of all backups, newest first.
async fn backups(client: &Client) -> Vec<String> {
    let request = ListBackupsRequest::default();
    let answer = client.backup().list_backups(request).await.unwrap();
    let backups = answer.into_inner().backups;
    backups.into_iter().map(|backup| backup.filename).collect()
}

fn moment(time: prost_types::Timestamp) -> DateTime<Utc> {
    DateTime::from_timestamp(time.seconds, time.nanos.try_into().unwrap()).unwrap()
}

#[tokio::test]
async fn the_list_shows_each_job_with_its_next_tick_in_the_configured_zone() {
    // Half an hour off, and without daylight saving.
    let (_site, daemon) = start(&[("schedule.time_zone", "Asia/Kolkata")]).await;
    let before = Utc::now();

    let jobs = list(daemon.client(), "").await.unwrap();

    let names: Vec<&str> = jobs.iter().map(|job| job.name.as_str()).collect();
    assert_eq!(
        names,
        [
            "backup/app",
            "drift/app",
            "drill/app",
            "optimize/app",
            "privileges/app"
        ]
    );
    for (job, method, cron, hour, within) in [
        (
            &jobs[0],
            "CreateBackup",
            "0 2 * * *",
            "20:30",
            TimeDelta::days(1),
        ),
        (
            &jobs[1],
            "CheckDrift",
            "0 5 * * *",
            "23:30",
            TimeDelta::days(1),
        ),
        (
            &jobs[2],
            "RunDrill",
            "0 5 * * 0",
            "23:30",
            TimeDelta::days(7),
        ),
        (
            &jobs[3],
            "Optimize",
            "30 3 * * 0",
            "22:00",
            TimeDelta::days(7),
        ),
        (
            &jobs[4],
            "CheckPrivileges",
            "0 6 * * 0",
            "00:30",
            TimeDelta::days(7),
        ),
    ] {
        assert_eq!((job.method.as_str(), job.cron.as_str()), (method, cron));
        assert_eq!(
            (job.database.as_str(), job.time_zone.as_str()),
            ("app", "Asia/Kolkata")
        );
        let next = moment(job.next_run_time.unwrap());
        assert_eq!(next.format("%H:%M").to_string(), hour, "{next}");
        assert!(next > before && next <= Utc::now() + within, "{next}");
        assert_eq!(job.last_run, None);
    }
    for weekly in [&jobs[2], &jobs[3], &jobs[4]] {
        let sunday = moment(weekly.next_run_time.unwrap()) + TimeDelta::minutes(330);
        assert_eq!(sunday.weekday(), Weekday::Sun);
    }

    assert_eq!(list(daemon.client(), "app").await.unwrap(), jobs);
    let answer = list(daemon.client(), "other").await;
    expect_reason(answer, Code::NotFound, "DATABASE_NOT_FOUND");
    daemon.stop().await;
}

#[tokio::test]
async fn a_job_that_is_off_is_not_listed_and_cannot_be_run() {
    let (_site, daemon) = start(&[("schedule.optimize", "off")]).await;
    let jobs = list(daemon.client(), "").await.unwrap();
    let names: Vec<&str> = jobs.iter().map(|job| job.name.as_str()).collect();
    assert_eq!(
        names,
        ["backup/app", "drift/app", "drill/app", "privileges/app"]
    );
    for name in ["optimize/app", "backup/other", ""] {
        let answer = run_now(daemon.client(), name).await;
        expect_reason(answer, Code::NotFound, "SCHEDULE_NOT_FOUND");
    }
    daemon.stop().await;
}

#[tokio::test]
async fn with_the_schedule_off_there_are_no_jobs() {
    let (_site, daemon) = start(&[("schedule.enabled", "false")]).await;
    assert_eq!(list(daemon.client(), "").await.unwrap(), []);
    let answer = run_now(daemon.client(), "backup/app").await;
    expect_reason(answer, Code::NotFound, "SCHEDULE_NOT_FOUND");
    daemon.stop().await;
}

#[tokio::test]
async fn a_scheduled_backup_is_followed_by_retention() {
    // Of one day, one backup is kept.
    let (_site, daemon) = start(&[("retention.daily", "1"), ("retention.monthly", "0")]).await;
    let client = daemon.client();
    let manual = client.back_up().await.filename;
    let mut scheduled = Vec::new();
    for round in 1..=2 {
        let started = run_now(client, "backup/app").await.unwrap();
        match client.outcome(Some(started)).await {
            Outcome::Backup(backup) => {
                assert_eq!(backup.kind(), BackupKind::Scheduled);
                scheduled.push(backup.filename);
            }
            other => panic!("{other:?}"),
        }
        until("retention has run", async || {
            let runs = operations(client, "ApplyRetention").await;
            (runs.len() == round && runs[0].done).then_some(())
        })
        .await;
    }
    // The manual one is outside of retention.
    assert_eq!(backups(client).await, [scheduled[1].as_str(), &manual]);
    let retention = operations(client, "ApplyRetention").await.remove(0);
    match retention.outcome {
        Some(Outcome::Retention(result)) => {
            assert_eq!(result.removed_count, 1);
            let removed = result
                .decisions
                .iter()
                .find(|decision| !decision.keep)
                .unwrap();
            assert_eq!(removed.filename, scheduled[0]);
        }
        other => panic!("{other:?}"),
    }
    daemon.stop().await;
}

#[tokio::test]
async fn a_scheduled_backup_that_fails_is_not_followed_by_retention() {
    let mut site = Site::new().await;
    site.set("schedule.enabled", "true");
    site.fake_tool("pg_dump", "exit 3");
    let daemon = site.start().await;
    let client = daemon.client();
    let started = run_now(client, "backup/app").await.unwrap();
    client.failure(Some(started)).await;
    let run = job(client, "backup/app").await.last_run.unwrap();
    assert_eq!(run.state(), OperationState::Failed);
    // Nothing would come later: the daemon's end waits for what it has begun.
    daemon.stop().await;
    let runs = "SELECT count(*) FROM operations WHERE method = 'ApplyRetention'";
    assert_eq!(site.databases.control_value::<i64>(runs).await, 0);
}

#[tokio::test]
async fn a_run_by_hand_is_shown_as_the_last_run_and_recorded_as_the_callers() {
    let (_site, daemon) = start(&[]).await;
    let client = daemon.client();
    let before = Utc::now();
    let started = run_now(client, "optimize/app").await.unwrap();
    assert_eq!(
        (started.method.as_str(), started.principal.as_str()),
        ("Optimize", "local")
    );
    client.wait_for(&started.id).await;

    let run = job(client, "optimize/app").await.last_run.unwrap();
    assert_eq!(
        (&run.operation_id, run.state()),
        (&started.id, OperationState::Succeeded)
    );
    assert!(moment(run.slot_time.unwrap()) >= before - TimeDelta::milliseconds(1));
    assert_eq!(job(client, "backup/app").await.last_run, None);

    let request = ListAuditEntriesRequest::default();
    let answer = client.audit().list_audit_entries(request).await.unwrap();
    let entries = answer.into_inner().entries;
    let methods: Vec<&str> = entries.iter().map(|entry| entry.method.as_str()).collect();
    let expected = [
        Method::Optimize.full_name(),
        Method::RunSchedule.full_name(),
    ];
    assert_eq!(methods, expected);
    assert!(
        entries
            .iter()
            .all(|entry| entry.outcome() == AuditOutcome::Succeeded)
    );
    assert_eq!(entries[0].operation_id, started.id);
    daemon.stop().await;
}

#[tokio::test]
async fn of_two_that_claim_a_tick_exactly_one_has_it() {
    let site = Site::new().await;
    let control = site.databases.control();
    let login =
        |role| -> tokio_postgres::Config { site.databases.url(role, &control).parse().unwrap() };
    let settings = ConnectionSettings {
        connect_timeout: Duration::from_secs(10),
        statement_timeout: Duration::from_secs(10),
        pool_size: 2,
    };
    let store = || {
        ControlStore::new(login("control"), settings.clone(), Uuid::now_v7())
            .unwrap()
            .owned_by(login("owner"))
    };
    let (one, other) = (store(), store());
    one.upgrade_schema().await.unwrap();
    let first: DateTime<Utc> = "2026-11-22T02:00:00Z".parse().unwrap();
    for day in 0..10 {
        let slot = first + TimeDelta::days(day);
        let (left, right) = tokio::join!(
            one.claim_slot("backup/app", slot),
            other.claim_slot("backup/app", slot)
        );
        assert!(left.unwrap() != right.unwrap(), "{slot}");
        assert!(!one.claim_slot("backup/app", slot).await.unwrap());
    }
    assert!(one.claim_slot("optimize/app", first).await.unwrap());
}

#[tokio::test]
async fn two_daemons_on_one_control_store_run_each_tick_once() {
    let mut site = Site::new().await;
    site.set("schedule.enabled", "true");
    site.set("schedule.backup", "off");
    let mut config = site.load();
    // The configuration knows no seconds; these two run in this process, so that a tick need not be waited for long.
    let parser = CronParser::builder().seconds(Seconds::Required).build();
    config.schedule.optimize = Some(parser.parse("* * * * * *").unwrap());
    let one = app::start(&config).await.unwrap();
    let other = app::start(&config).await.unwrap();

    until("some ticks have run", async || {
        let ticks = "SELECT count(*) FROM schedule_runs WHERE operation IS NOT NULL";
        (site.databases.control_value::<i64>(ticks).await >= 3).then_some(())
    })
    .await;
    one.stop().await.unwrap();
    other.stop().await.unwrap();

    let runs: Vec<String> = site
        .databases
        .control_value(
            "SELECT array_agg(concat_ws(' ', job, slot = date_trunc('second', slot), principal,
                                        operations.state))
             FROM schedule_runs JOIN operations ON operations.id = schedule_runs.operation",
        )
        .await;
    for run in &runs {
        assert_eq!(run, "optimize/app t scheduler SUCCEEDED");
    }
    let started: i64 = site
        .databases
        .control_value("SELECT count(*) FROM operations")
        .await;
    assert_eq!(i64::try_from(runs.len()).unwrap(), started);
    let audited: i64 = site
        .databases
        .control_value(
            "SELECT count(*) FROM audit_entries JOIN operations ON audit_entry = audit_entries.id
             WHERE audit_entries.principal = 'scheduler' AND peer = ''",
        )
        .await;
    assert_eq!(audited, started);
}

#[tokio::test]
async fn a_run_that_is_asked_for_twice_with_one_request_id_is_one_run() {
    let (site, daemon) = start(&[]).await;
    let client = daemon.client();
    let request = RunScheduleRequest {
        name: "optimize/app".to_owned(),
        request_id: "once".to_owned(),
    };
    let mut ids = Vec::new();
    for _ in 0..2 {
        let answer = client
            .schedule()
            .run_schedule(request.clone())
            .await
            .unwrap();
        ids.push(answer.into_inner().operation.unwrap().id);
    }
    assert_eq!(ids[0], ids[1]);
    let runs = "SELECT count(*) FROM schedule_runs WHERE job = 'optimize/app'";
    assert_eq!(site.databases.control_value::<i64>(runs).await, 1);
    client.wait_for(&ids[0]).await;
    daemon.stop().await;
}
