//! Maintenance mode that drains and that ends by itself.

use std::time::Duration;

use pgsteward::proto::{
    AuditEntry, CancelOperationRequest, EnterMaintenanceRequest, GetOperationRequest,
    ListAuditEntriesRequest, Maintenance, Operation, OperationState, RestoreRequest,
    operation::Outcome,
};

use super::{is_kept_out, mode, privileges, until_ended};
use crate::support::{self, Client, Site, expect_field, gate::Gate, wait::until};

fn for_time(drain: f64, expire_after: f64) -> EnterMaintenanceRequest {
    let span = |seconds: f64| {
        let given = (seconds > 0.0).then(|| Duration::from_secs_f64(seconds));
        given.and_then(|span| prost_types::Duration::try_from(span).ok())
    };
    EnterMaintenanceRequest {
        reason: "a test".to_owned(),
        drain: span(drain),
        expire_after: span(expire_after),
        ..EnterMaintenanceRequest::default()
    }
}

async fn start(client: &Client, request: EnterMaintenanceRequest) -> Operation {
    let answer = client.maintenance().enter_maintenance(request).await;
    answer.unwrap().into_inner().operation.unwrap()
}

async fn entered(client: &Client, operation: Operation) -> Maintenance {
    match client.outcome(Some(operation)).await {
        Outcome::Maintenance(state) => state,
        other => panic!("{other:?}"),
    }
}

/// The progress once the drain waits for someone.
async fn draining(client: &Client, operation: &Operation) -> String {
    until("the drain waits", async || {
        let request = GetOperationRequest {
            id: operation.id.clone(),
        };
        let answer = client.operations().get_operation(request).await.unwrap();
        let progress = answer.into_inner().operation.unwrap().progress.unwrap();
        let waits = progress.message.starts_with("waits for 1 session: ");
        (progress.stage == "drain" && waits).then_some(progress.message)
    })
    .await
}

async fn is_off(client: &Client) {
    until("the mode is off", async || {
        (!mode(client).await.active).then_some(())
    })
    .await;
}

async fn ends_of_the_mode(client: &Client) -> Vec<AuditEntry> {
    let request = ListAuditEntriesRequest::default();
    let answer = client.audit().list_audit_entries(request).await.unwrap();
    let entries = answer.into_inner().entries.into_iter();
    entries
        .filter(|entry| entry.method == "housekeeping/end maintenance")
        .collect()
}

#[tokio::test]
async fn a_drain_lets_transactions_end_and_nobody_new_in_and_gives_all_back_when_cancelled() {
    let (site, daemon) = support::start().await;
    let client = daemon.client();
    let before = privileges(&site).await;
    let idle = site.databases.connect("app").await.unwrap();
    let busy = site.databases.connect("app").await.unwrap();
    busy.batch_execute("BEGIN; SELECT 1").await.unwrap();

    let operation = start(client, for_time(60.0, 0.0)).await;
    let message = draining(client, &operation).await;
    let role = site.databases.role("app");
    assert!(
        message.contains(&role) && message.contains("idle in transaction since"),
        "{message}"
    );
    until_ended(&idle).await;
    is_kept_out(&site, "app").await;
    let now = mode(client).await;
    assert!(now.active && now.drain_end_time.is_some());
    assert_eq!((now.sessions.len(), &now.sessions[0].role), (1, &role));
    // Whoever is in a transaction goes on with it.
    busy.batch_execute("SELECT 2").await.unwrap();

    let request = CancelOperationRequest {
        id: operation.id.clone(),
    };
    client.operations().cancel_operation(request).await.unwrap();
    let cancelled = client.wait(Some(operation)).await;
    assert_eq!(cancelled.state(), OperationState::Cancelled);
    assert!(!mode(client).await.active);
    assert_eq!(privileges(&site).await, before);
    busy.batch_execute("SELECT 3").await.unwrap();

    // Again: it is over as soon as the last transaction is.
    let operation = start(client, for_time(60.0, 0.0)).await;
    draining(client, &operation).await;
    busy.batch_execute("COMMIT").await.unwrap();
    let state = entered(client, operation).await;
    assert_eq!((state.ended_sessions, state.other_sessions), (1, 0));
    until_ended(&busy).await;
    client.exit_maintenance().await;

    // And when its time is up whoever is left is ended.
    let busy = site.databases.connect("app").await.unwrap();
    busy.batch_execute("BEGIN; SELECT 1").await.unwrap();
    let operation = start(client, for_time(0.5, 0.0)).await;
    let state = entered(client, operation).await;
    assert_eq!((state.ended_sessions, state.other_sessions), (1, 0));
    until_ended(&busy).await;
    client.exit_maintenance().await;
    assert_eq!(privileges(&site).await, before);
    daemon.stop().await;
}

#[tokio::test]
async fn killed_in_a_drain_the_mode_stands_and_the_next_daemon_keeps_its_promise() {
    let (site, daemon) = support::start().await;
    let before = privileges(&site).await;
    let busy = site.databases.connect("app").await.unwrap();
    busy.batch_execute("BEGIN; SELECT 1").await.unwrap();
    let operation = start(daemon.client(), for_time(60.0, 0.0)).await;
    draining(daemon.client(), &operation).await;
    daemon.kill9();

    let daemon = site.start().await;
    let client = daemon.client();
    assert!(mode(client).await.active);
    is_kept_out(&site, "app").await;
    busy.batch_execute("SELECT 2").await.unwrap();
    client.exit_maintenance().await;
    assert_eq!(privileges(&site).await, before);
    daemon.stop().await;
}

#[tokio::test]
async fn the_mode_ends_by_itself_once_whichever_daemon_entered_it() {
    let site = Site::new().await;
    let one = site.start().await;
    let other = site.start().await;
    let before = privileges(&site).await;
    let operation = start(one.client(), for_time(0.0, 600.0)).await;
    let state = entered(one.client(), operation).await;
    assert!(state.expire_time.is_some());
    // Entered once more with another end: that end counts.
    let operation = start(other.client(), for_time(0.0, 1.0)).await;
    entered(other.client(), operation).await;
    // It outlives the daemon that set it.
    other.kill9();
    let other = site.start().await;

    is_off(other.client()).await;
    assert_eq!(privileges(&site).await, before);
    site.databases.connect("app").await.unwrap();
    let ends = ends_of_the_mode(one.client()).await;
    assert_eq!(ends.len(), 1, "{ends:?}");
    assert_eq!(ends[0].principal, "daemon");

    let mut maintenance = one.client().maintenance();
    for (field, request) in [
        ("expire_after", for_time(0.0, 0.5)),
        ("expire_after", for_time(10.0, 5.0)),
        ("drain", for_time(100_000.0, 0.0)),
    ] {
        expect_field(maintenance.enter_maintenance(request).await, field);
    }
    other.stop().await;
    one.stop().await;
}

#[tokio::test]
async fn the_mode_does_not_end_under_a_restore_and_what_it_took_is_given_back_after_the_swap() {
    let mut site = Site::new().await;
    let mut gate = Gate::before_restoring(&mut site);
    let daemon = site.start().await;
    let client = daemon.client();
    let [database, app] = ["app", "app"].map(|role| site.databases.role(role));
    site.databases
        .run_as_superuser(&format!(
            "GRANT CONNECT, TEMPORARY ON DATABASE {database} TO {app} WITH GRANT OPTION"
        ))
        .await;
    let before = privileges(&site).await;
    let backup = client.back_up().await;
    let operation = start(client, for_time(0.0, 2.0)).await;
    let end = entered(client, operation).await.expire_time.unwrap();
    let request = RestoreRequest {
        filename: backup.filename,
        confirm_database: "app".to_owned(),
        reason: "a test".to_owned(),
        ..RestoreRequest::default()
    };
    let answer = client.restore().restore(request).await.unwrap();
    let restore = answer.into_inner().operation;
    gate.reached(&site).await;
    until("the time of the mode is up", async || {
        let now = std::time::SystemTime::now();
        (now > std::time::SystemTime::try_from(end).unwrap() + Duration::from_secs(1)).then_some(())
    })
    .await;
    assert!(mode(client).await.active);
    gate.open();
    client.outcome(restore).await;

    is_off(client).await;
    assert_eq!(privileges(&site).await, before);
    site.databases.connect("app").await.unwrap();
    daemon.stop().await;
}
