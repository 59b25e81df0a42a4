//! The daemon's life: how it starts, what it refuses to start with, and how it ends.

mod standalone;

use std::{net::TcpListener, time::Duration};

use nix::sys::signal::Signal;
use pgsteward::proto::{
    CreateBackupRequest, GetOperationRequest, ListOperationsRequest, OperationState,
};
use tonic::Code;

use crate::support::{
    self, Daemon, Site, expect_reason,
    gate::Gate,
    probe::{about, is_serving, probe, serves, until_serves},
    standalone::processes_of,
    wait::until,
};

/// That a daemon with this one setting does not serve; gives what it said.
async fn refused_with(key: &str, value: &str) -> String {
    let mut site = Site::new().await;
    site.set(key, value);
    let (status, said) = site.start_in_vain().await;
    assert!(!status.success(), "{status:?}");
    said
}

#[track_caller]
fn says(said: &str, parts: &[&str]) {
    for part in parts {
        assert!(said.contains(part), "{part:?} is not in {said}");
    }
}

/// Tells it to stop and waits until it has heard it.
async fn tell_to_stop(daemon: &Daemon, signal: Signal) {
    daemon.process.signal(signal);
    until("it has heard the signal", async || {
        let lines = daemon.process.log_lines();
        let heard = lines.iter().any(|line| line["message"] == "told to stop");
        heard.then_some(())
    })
    .await;
}

async fn state_of(daemon: &Daemon, id: &str) -> OperationState {
    let request = GetOperationRequest { id: id.to_owned() };
    let answer = daemon.client().operations().get_operation(request).await;
    answer.unwrap().into_inner().operation.unwrap().state()
}

#[tokio::test]
async fn an_address_that_is_not_loopback_is_refused_with_the_keys_name() {
    let said = refused_with("listen.grpc", "0.0.0.0:0").await;
    says(&said, &["`listen.grpc`", "loopback", "TLS"]);
}

#[tokio::test]
async fn an_unknown_key_is_refused_by_name_with_the_one_that_was_meant() {
    let said = refused_with("schedule.timezone", "UTC").await;
    says(
        &said,
        &["unknown key `schedule.timezone`", "`schedule.time_zone`"],
    );
}

#[tokio::test]
async fn a_bad_value_is_refused_with_its_keys_name_and_is_not_repeated() {
    let said = refused_with("health.interval", "s00n").await;
    says(&said, &["`health.interval`", "PGSTEWARD__HEALTH__INTERVAL"]);
    assert!(!said.contains("s00n"), "{said}");
}

#[tokio::test]
async fn an_address_in_use_is_refused_with_what_to_do() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let said = refused_with("listen.grpc", &address).await;
    let cause = format!("cannot listen on {address}: Address already in use");
    says(&said, &[&cause, "set listen.grpc to a free address"]);
}

#[tokio::test]
async fn a_control_store_that_cannot_be_reached_is_refused_by_name() {
    let site = Site::new().await;
    site.databases.control_store_answers(false).await;
    let (status, said) = site.start_in_vain().await;
    assert!(!status.success(), "{status:?}");
    let control = site.databases.control();
    says(
        &said,
        &[&format!("cannot connect to database \"{control}\"")],
    );
}

#[tokio::test]
async fn a_daemon_older_than_its_control_store_refuses_to_serve() {
    let (site, daemon) = support::start().await;
    daemon.stop().await;
    let control = site.databases.in_control().await;
    let newer = "UPDATE alembic_version SET version_num = 'fedcba987654'";
    control.batch_execute(newer).await.unwrap();
    let (status, said) = site.start_in_vain().await;
    assert!(!status.success(), "{status:?}");
    says(
        &said,
        &["fedcba987654", "start the newer version of pgsteward"],
    );
}

#[tokio::test]
async fn two_daemons_that_start_at_once_on_an_empty_control_store_both_serve() {
    let site = Site::new().await;
    let (one, other) = tokio::join!(site.start(), site.start());
    one.client().back_up().await;
    let request = ListOperationsRequest::default();
    let answer = other.client().operations().list_operations(request).await;
    assert_eq!(answer.unwrap().into_inner().operations.len(), 1);
    one.stop().await;
    other.stop().await;
}

#[tokio::test]
async fn ctrl_c_ends_it_in_order_too() {
    let (_site, mut daemon) = support::start().await;
    daemon.process.signal(Signal::SIGINT);
    assert_eq!(daemon.process.ended().await.code(), Some(0));
}

#[tokio::test]
async fn while_it_shuts_down_it_is_not_ready_and_finishes_what_runs() {
    let mut site = Site::new().await;
    let mut gate = Gate::before(&mut site, "pg_dump");
    site.set("operations.shutdown_grace", "10m");
    let mut daemon = site.start().await;
    let client = daemon.client().clone();
    until_serves(&client, "readiness", true).await;
    let id = client.start_backup().await.unwrap().id;
    gate.reached(&site).await;
    let waiting = tokio::spawn({
        let (client, id) = (client.clone(), id.clone());
        async move { client.wait_for(&id).await }
    });

    tell_to_stop(&daemon, Signal::SIGTERM).await;

    until_serves(&client, "readiness", false).await;
    assert!(!serves(&client, "database/app").await.unwrap());
    assert!(serves(&client, "liveness").await.unwrap());
    assert_eq!(state_of(&daemon, &id).await, OperationState::Running);
    let answer = client
        .backup()
        .create_backup(CreateBackupRequest::default())
        .await;
    expect_reason(answer, Code::Unavailable, "SHUTTING_DOWN");
    gate.open();
    assert_eq!(waiting.await.unwrap().state(), OperationState::Succeeded);
    assert_eq!(daemon.process.ended().await.code(), Some(0));
    let states = "SELECT string_agg(state, ' ') FROM operations";
    let states: String = site.databases.control_value(states).await;
    assert_eq!(states, "SUCCEEDED");
}

#[tokio::test]
async fn what_still_runs_after_the_grace_is_cancelled_and_recorded_as_such() {
    let mut site = Site::new().await;
    let gate = Gate::before(&mut site, "pg_dump");
    site.set("operations.shutdown_grace", "100ms");
    let mut daemon = site.start().await;
    let id = daemon.client().start_backup().await.unwrap().id;
    gate.reached(&site).await;
    let tools = site.path("bin");
    assert_eq!(processes_of(&tools).len(), 1);

    daemon.process.signal(Signal::SIGTERM);

    assert_eq!(daemon.process.ended().await.code(), Some(0));
    assert_eq!(processes_of(&tools), [""; 0]);
    assert_eq!(site.stored_files(), [""; 0]);
    site.real_tools();
    let daemon = site.start().await;
    assert_eq!(state_of(&daemon, &id).await, OperationState::Cancelled);
    daemon.stop().await;
}

#[tokio::test]
async fn told_twice_it_ends_at_once_and_says_so_by_its_status() {
    let mut site = Site::new().await;
    let gate = Gate::before(&mut site, "pg_dump");
    site.set("operations.shutdown_grace", "10m");
    let mut daemon = site.start().await;
    daemon.client().start_backup().await;
    gate.reached(&site).await;
    tell_to_stop(&daemon, Signal::SIGTERM).await;
    daemon.process.signal(Signal::SIGTERM);
    assert_eq!(daemon.process.ended().await.code(), Some(1));
}

#[tokio::test]
async fn open_watches_are_told_and_do_not_hold_the_shutdown_up() {
    let (_site, mut daemon) = support::start().await;
    let client = daemon.client().clone();
    until_serves(&client, "readiness", true).await;
    let answer = probe(&client).watch(about("readiness")).await.unwrap();
    let mut changes = answer.into_inner();
    assert!(is_serving(changes.message().await.unwrap().unwrap()));

    daemon.process.signal(Signal::SIGTERM);

    assert!(!is_serving(changes.message().await.unwrap().unwrap()));
    assert_eq!(daemon.process.ended().await.code(), Some(0));
    let log = daemon.process.log();
    assert!(!log.contains("open calls did not end in time"), "{log}");
}

#[tokio::test]
async fn a_wait_for_another_daemons_operation_ends_with_the_daemon_that_waits() {
    let mut site = Site::new().await;
    let gate = Gate::before(&mut site, "pg_dump");
    site.set("operations.shutdown_grace", "100ms");
    let (one, mut other) = (site.start().await, site.start().await);
    let id = one.client().start_backup().await.unwrap().id;
    gate.reached(&site).await;
    let waiting = tokio::spawn({
        let mut operations = other.client().operations();
        let request = pgsteward::proto::WaitOperationRequest {
            id,
            timeout: Some(Duration::from_mins(10).try_into().unwrap()),
        };
        async move { operations.wait_operation(request).await }
    });
    other.process.signal(Signal::SIGTERM);
    let status = waiting.await.unwrap().unwrap_err();
    assert_eq!(status.code(), Code::Unavailable, "{status:?}");
    assert_eq!(other.process.ended().await.code(), Some(0));
    one.stop().await;
}
