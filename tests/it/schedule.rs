//! ScheduleService through the wire, and the schedule itself: what runs when, once, and what follows.

use std::time::Duration;

use chrono::{DateTime, Datelike as _, TimeDelta, Utc, Weekday};
use croner::parser::{CronParser, Seconds};
use pgsteward::{
    app,
    model::{
        method::Method,
        schedule::{Due, OpenRun, RunState, Stage, Verdict},
    },
    ops::schedule::clock::Clock,
    postgres::database::ConnectionSettings,
    proto::{
        AuditOutcome, BackupKind, ListAuditEntriesRequest, ListBackupsRequest,
        ListOperationsRequest, ListScheduleRunsRequest, ListSchedulesRequest, Operation,
        OperationState, PauseScheduleRequest, ResumeScheduleRequest, RunScheduleRequest, Schedule,
        ScheduleRun, operation::Outcome,
    },
    state::ControlStore,
};
use tokio::sync::watch;
use tonic::{Code, Status};
use uuid::Uuid;

use crate::support::{
    Client, Daemon, Site, client::failure_of, expect_field, expect_reason, gate::Gate, wait::until,
};

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
async fn of_two_that_claim_a_tick_exactly_one_has_it_and_no_job_runs_beside_itself() {
    let site = Site::new().await;
    let control = site.databases.control();
    let login =
        |role| -> tokio_postgres::Config { site.databases.url(role, &control).parse().unwrap() };
    let settings = ConnectionSettings {
        application_name: "pgsteward".to_owned(),
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
    let job = "backup/app";
    let mut considered: DateTime<Utc> = "2026-11-22T02:00:00Z".parse().unwrap();
    one.introduce_jobs(&[job], considered).await.unwrap();
    for _ in 0..10 {
        let slot = considered + TimeDelta::days(1);
        let due = Due {
            first: slot,
            last: slot,
            ticks: 1,
        };
        let (left, right) = tokio::join!(
            one.claim_tick(job, considered, &due),
            other.claim_tick(job, considered, &due)
        );
        let (left, right) = (left.unwrap(), right.unwrap());
        assert!(left != right, "{slot}");
        let (claimer, late) = if left { (&one, &other) } else { (&other, &one) };
        assert!(!one.claim_tick(job, considered, &due).await.unwrap());
        // While that run is open, the next tick cannot be claimed, whoever decided to.
        let later = Due {
            first: slot + TimeDelta::days(1),
            last: slot + TimeDelta::days(1),
            ticks: 1,
        };
        assert!(!other.claim_tick(job, slot, &later).await.unwrap());
        let done = Verdict::Over {
            state: RunState::Succeeded,
            message: String::new(),
        };
        let run = OpenRun {
            slot,
            attempt: 1,
            by_hand: false,
            operation: None,
            stage: Stage::Ours,
        };
        // Who could not start it, and has lost the claim since, has no say.
        assert!(!late.settle_run(job, &run, &done, None).await.unwrap());
        assert!(claimer.settle_run(job, &run, &done, None).await.unwrap());
        assert!(!claimer.settle_run(job, &run, &done, None).await.unwrap());
        considered = slot;
    }
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
        let ticks = "SELECT count(*) FROM schedule_runs WHERE state = 'SUCCEEDED'";
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

/// A clock that stands still until the test sets it.
pub(crate) struct Hands(watch::Sender<DateTime<Utc>>);

impl Hands {
    pub(crate) fn at(time: &str) -> Self {
        Self(watch::Sender::new(time.parse().unwrap()))
    }

    pub(crate) fn set(&self, time: &str) {
        self.0.send_replace(time.parse().unwrap());
    }

    pub(crate) fn clock(&self) -> Clock {
        Clock::Set(self.0.subscribe())
    }
}

/// A site with one job, `optimize/app`, each night at two.
pub(crate) async fn nightly() -> Site {
    let mut site = Site::new().await;
    for (key, value) in [
        ("schedule.enabled", "true"),
        ("schedule.backup", "off"),
        ("schedule.drift", "off"),
        ("schedule.drill", "off"),
        ("schedule.privileges", "off"),
        ("schedule.optimize", "0 2 * * *"),
    ] {
        site.set(key, value);
    }
    site
}

/// A daemon in this process that goes by a clock of the test, and a client of it.
pub(crate) async fn start_by(site: &Site, hands: &Hands) -> (app::Started, Client) {
    let started = app::start_at(&site.load(), hands.clock()).await.unwrap();
    let client = Client::connect(&started.address.to_string(), None).await;
    let known = "SELECT count(*) > 0 FROM schedule_jobs";
    until("the jobs are known", async || {
        site.databases
            .control_value::<bool>(known)
            .await
            .then_some(())
    })
    .await;
    (started, client)
}

async fn runs(client: &Client, name: &str) -> Vec<ScheduleRun> {
    let request = ListScheduleRunsRequest {
        name: name.to_owned(),
        ..ListScheduleRunsRequest::default()
    };
    let answer = client.schedule().list_schedule_runs(request).await.unwrap();
    answer.into_inner().runs
}

/// The last run of a job, once it is for this tick and in this state.
async fn run_of(client: &Client, name: &str, slot: &str, state: RunState) -> ScheduleRun {
    let slot: DateTime<Utc> = slot.parse().unwrap();
    until("the tick was dealt with", async || {
        let run = runs(client, name).await.into_iter().next()?;
        let wanted = pgsteward::proto::RunState::from(state);
        let is_it = moment(run.slot_time.unwrap()) == slot && run.run_state() == wanted;
        is_it.then_some(run)
    })
    .await
}

#[tokio::test]
async fn ticks_that_were_missed_are_caught_up_once_within_the_window_and_recorded_beyond_it() {
    let site = nightly().await;
    let hands = Hands::at("2026-03-01T01:00:00Z");
    let (daemon, _) = start_by(&site, &hands).await;
    daemon.stop().await.unwrap();

    hands.set("2026-03-04T08:00:00Z");
    let (daemon, client) = start_by(&site, &hands).await;
    let run = run_of(
        &client,
        "optimize/app",
        "2026-03-04T02:00:00Z",
        RunState::Succeeded,
    )
    .await;
    assert_eq!((run.ticks, run.attempt, run.by_hand), (4, 1, false));
    let shown = job(&client, "optimize/app").await;
    assert_eq!(shown.missed_count, 3);
    assert!(shown.last_success_time.is_some() && shown.overdue.is_none());
    let next: DateTime<Utc> = "2026-03-05T02:00:00Z".parse().unwrap();
    assert_eq!(moment(shown.next_run_time.unwrap()), next);
    assert_eq!(shown.recent_runs, [run]);
    daemon.stop().await.unwrap();

    // Twelve hours and more after the tick.
    hands.set("2026-03-05T14:01:00Z");
    let (daemon, client) = start_by(&site, &hands).await;
    let run = run_of(
        &client,
        "optimize/app",
        "2026-03-05T02:00:00Z",
        RunState::Missed,
    )
    .await;
    assert_eq!(run.message, "no daemon was there to run it in time");
    assert!(run.operation_id.is_empty() && run.end_time.is_some());
    assert_eq!(job(&client, "optimize/app").await.missed_count, 4);
    assert_eq!(operations(&client, "Optimize").await.len(), 1);
    daemon.stop().await.unwrap();
}

#[tokio::test]
async fn a_tick_that_comes_while_the_last_run_goes_on_is_skipped_and_not_queued() {
    let mut site = nightly().await;
    site.set("schedule.backup", "0 * * * *");
    site.set("schedule.optimize", "off");
    let mut gate = Gate::before(&mut site, "pg_dump");
    let hands = Hands::at("2026-03-01T01:30:00Z");
    let (daemon, client) = start_by(&site, &hands).await;
    hands.set("2026-03-01T02:00:00Z");
    gate.reached(&site).await;
    hands.set("2026-03-01T03:00:00Z");
    let run = run_of(
        &client,
        "backup/app",
        "2026-03-01T03:00:00Z",
        RunState::Skipped,
    )
    .await;
    assert_eq!(
        run.message,
        "the run of 2026-03-01T02:00:00Z was still going on"
    );
    gate.open();
    until("the first run ends", async || {
        let all = runs(&client, "backup/app").await;
        assert_eq!(all.len(), 2);
        (all[1].run_state() == pgsteward::proto::RunState::Succeeded).then_some(())
    })
    .await;
    assert_eq!(operations(&client, "CreateBackup").await.len(), 1);
    daemon.stop().await.unwrap();
}

#[tokio::test]
async fn a_run_that_failed_for_what_may_pass_is_tried_again_and_each_attempt_is_recorded() {
    let mut site = nightly().await;
    site.set("operations.lock_wait", "0s");
    site.set("schedule.retry_backoff", "10m");
    let database = site.databases.managed();
    let holder = site.databases.superuser_in("postgres").await;
    let lock = format!("SELECT pg_advisory_lock(hashtextextended('pgsteward:{database}:work', 0))");
    holder.batch_execute(&lock).await.unwrap();
    let hands = Hands::at("2026-03-01T01:30:00Z");
    let (daemon, client) = start_by(&site, &hands).await;
    hands.set("2026-03-01T02:00:00Z");
    let run = run_of(
        &client,
        "optimize/app",
        "2026-03-01T02:00:00Z",
        RunState::Retrying,
    )
    .await;
    assert!(run.message.contains("was busy with"), "{run:?}");
    let retry: DateTime<Utc> = "2026-03-01T02:10:00Z".parse().unwrap();
    assert_eq!(moment(run.retry_time.unwrap()), retry);
    let failed = operations(&client, "Optimize").await.remove(0);
    assert_eq!(failure_of(failed).reason, "DATABASE_BUSY");

    drop(holder);
    hands.set("2026-03-01T02:10:00Z");
    let run = run_of(
        &client,
        "optimize/app",
        "2026-03-01T02:00:00Z",
        RunState::Succeeded,
    )
    .await;
    assert_eq!((run.attempt, run.message.as_str()), (2, ""));
    let attempts = "SELECT array_agg(concat_ws(' ', attempt, operations.state, entries.principal) ORDER BY attempt)
                    FROM schedule_attempts JOIN operations ON operations.id = operation
                    JOIN audit_entries AS entries ON entries.id = audit_entry";
    let attempts: Vec<String> = site.databases.control_value(attempts).await;
    assert_eq!(attempts, ["1 FAILED scheduler", "2 SUCCEEDED scheduler"]);
    daemon.stop().await.unwrap();
}

#[tokio::test]
async fn a_pause_lasts_over_restarts_and_skips_ticks_but_not_runs_by_hand() {
    let site = nightly().await;
    let hands = Hands::at("2026-03-01T01:00:00Z");
    let (daemon, client) = start_by(&site, &hands).await;
    let pause = |reason: &str, until: Option<&str>| PauseScheduleRequest {
        name: "optimize/app".to_owned(),
        reason: reason.to_owned(),
        until_time: until.map(|until| {
            let until: DateTime<Utc> = until.parse().unwrap();
            prost_types::Timestamp {
                seconds: until.timestamp(),
                nanos: 0,
            }
        }),
    };
    let mut schedules = client.schedule();
    expect_field(schedules.pause_schedule(pause(" ", None)).await, "reason");
    let past = pause("x", Some("2026-03-01T00:59:00Z"));
    expect_field(schedules.pause_schedule(past).await, "until_time");
    let answer = schedules.pause_schedule(pause("new disk", None)).await;
    let paused = answer.unwrap().into_inner().schedule.unwrap();
    assert_eq!(paused.next_run_time, None);
    let record = paused.pause.unwrap();
    assert_eq!(
        (record.principal.as_str(), record.reason.as_str()),
        ("local", "new disk")
    );
    daemon.stop().await.unwrap();

    let (daemon, client) = start_by(&site, &hands).await;
    hands.set("2026-03-01T02:00:00Z");
    let run = run_of(
        &client,
        "optimize/app",
        "2026-03-01T02:00:00Z",
        RunState::Skipped,
    )
    .await;
    assert_eq!(run.message, "paused by local: new disk");
    hands.set("2026-03-01T03:00:00Z");
    let by_hand = run_now(&client, "optimize/app").await.unwrap();
    client.outcome(Some(by_hand)).await;
    let run = run_of(
        &client,
        "optimize/app",
        "2026-03-01T03:00:00Z",
        RunState::Succeeded,
    )
    .await;
    assert!(run.by_hand);

    // Until the second night, then resumed by hand before the third.
    let mut schedules = client.schedule();
    let until = pause("until Tuesday", Some("2026-03-02T12:00:00Z"));
    let answer = schedules.pause_schedule(until).await.unwrap();
    let next = answer.into_inner().schedule.unwrap().next_run_time.unwrap();
    assert_eq!(
        moment(next).format("%m-%d %H:%M").to_string(),
        "03-03 02:00"
    );
    hands.set("2026-03-02T02:00:00Z");
    run_of(
        &client,
        "optimize/app",
        "2026-03-02T02:00:00Z",
        RunState::Skipped,
    )
    .await;
    hands.set("2026-03-03T02:00:00Z");
    run_of(
        &client,
        "optimize/app",
        "2026-03-03T02:00:00Z",
        RunState::Succeeded,
    )
    .await;
    schedules
        .pause_schedule(pause("again", None))
        .await
        .unwrap();
    let resume = ResumeScheduleRequest {
        name: "optimize/app".to_owned(),
    };
    let answer = schedules.resume_schedule(resume).await.unwrap();
    assert_eq!(answer.into_inner().schedule.unwrap().pause, None);
    hands.set("2026-03-04T02:00:00Z");
    run_of(
        &client,
        "optimize/app",
        "2026-03-04T02:00:00Z",
        RunState::Succeeded,
    )
    .await;
    let audited = "SELECT count(*) FROM audit_entries JOIN audit_outcomes ON entry = audit_entries.id
                   WHERE method LIKE '%Service/_____Schedule' OR method LIKE '%Service/ResumeSchedule'";
    assert_eq!(site.databases.control_value::<i64>(audited).await, 6);
    daemon.stop().await.unwrap();
}

#[tokio::test]
async fn in_maintenance_mode_jobs_wait_and_an_optimize_waits_for_the_backup() {
    let mut site = nightly().await;
    site.set("schedule.backup", "0 2 * * *");
    let mut gate = Gate::before(&mut site, "pg_dump");
    let hands = Hands::at("2026-03-01T01:00:00Z");
    let (daemon, client) = start_by(&site, &hands).await;
    client.enter_maintenance().await;
    hands.set("2026-03-01T02:00:00Z");
    // It has the daemon look at its jobs.
    let resume = ResumeScheduleRequest {
        name: "backup/app".to_owned(),
    };
    client.schedule().resume_schedule(resume).await.unwrap();
    hands.set("2026-03-01T05:00:00Z");
    assert_eq!(operations(&client, "CreateBackup").await, []);
    client.exit_maintenance().await;
    gate.reached(&site).await;
    assert_eq!(operations(&client, "Optimize").await, []);
    gate.open();
    let run = run_of(
        &client,
        "optimize/app",
        "2026-03-01T02:00:00Z",
        RunState::Succeeded,
    )
    .await;
    let optimized = operations(&client, "Optimize").await.remove(0);
    assert_eq!(run.operation_id, optimized.id);
    let backup = operations(&client, "CreateBackup").await.remove(0);
    let (ended, started) = (backup.end_time.unwrap(), optimized.create_time.unwrap());
    assert!(moment(ended) <= moment(started));
    assert_eq!(operations(&client, "ApplyRetention").await.len(), 1);
    daemon.stop().await.unwrap();
}
