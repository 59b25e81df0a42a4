//! OperationService through the wire: what is running can be seen, waited for, followed and stopped, from any daemon.

use std::time::Duration;

use pgsteward::proto::{
    AuditOutcome, CancelOperationRequest, CreateBackupRequest, ExitMaintenanceRequest,
    GetOperationRequest, ListAuditEntriesRequest, ListOperationsRequest, Operation, OperationError,
    OperationState, OptimizeRequest, WaitOperationRequest, WatchOperationRequest,
    operation::Outcome,
};
use tonic::{Code, Status};

use crate::support::{self, Client, Site, expect_field, expect_reason, gate::Gate, wait::until};

/// A UUID that no operation has.
const UNKNOWN: &str = "01890000-0000-7000-8000-000000000000";

async fn get(client: &Client, id: &str) -> Result<Operation, Status> {
    let request = GetOperationRequest { id: id.to_owned() };
    let answer = client.operations().get_operation(request).await?;
    Ok(answer.into_inner().operation.unwrap())
}

async fn wait(client: &Client, id: &str, timeout: Duration) -> Result<Operation, Status> {
    let request = WaitOperationRequest {
        id: id.to_owned(),
        timeout: Some(timeout.try_into().unwrap()),
    };
    let answer = client.operations().wait_operation(request).await?;
    Ok(answer.into_inner().operation.unwrap())
}

async fn cancel(client: &Client, id: &str) -> Result<Operation, Status> {
    let request = CancelOperationRequest { id: id.to_owned() };
    let answer = client.operations().cancel_operation(request).await?;
    Ok(answer.into_inner().operation.unwrap())
}

/// Every state of the operation that its watcher is shown, the first to the last.
async fn watch(client: &Client, id: &str) -> Result<Vec<Operation>, Status> {
    let request = WatchOperationRequest { id: id.to_owned() };
    let answer = client.operations().watch_operation(request).await?;
    let mut stream = answer.into_inner();
    let mut seen = Vec::new();
    while let Some(message) = stream.message().await? {
        seen.push(message.operation.unwrap());
    }
    Ok(seen)
}

async fn list(client: &Client, request: ListOperationsRequest) -> Result<Vec<String>, Status> {
    let answer = client.operations().list_operations(request).await?;
    let operations = answer.into_inner().operations;
    Ok(operations.into_iter().map(|o| o.id).collect())
}

/// Leaving a mode that is off: an operation that changes nothing.
async fn change_nothing(client: &Client, request_id: &str) -> Result<Operation, Status> {
    let request = ExitMaintenanceRequest {
        request_id: request_id.to_owned(),
        ..ExitMaintenanceRequest::default()
    };
    let answer = client.maintenance().exit_maintenance(request).await?;
    Ok(answer.into_inner().operation.unwrap())
}

/// Why it was cancelled, which it must have been.
fn cancelled(operation: Operation) -> OperationError {
    assert_eq!(
        operation.state(),
        OperationState::Cancelled,
        "{operation:?}"
    );
    match operation.outcome {
        Some(Outcome::Error(error)) => error,
        other => panic!("{other:?}"),
    }
}

/// A session that holds the lock of all work on the site's database, as any script can.
async fn hold_the_turn(site: &Site, name: &str) -> tokio_postgres::Client {
    let session = site.databases.superuser_in("postgres").await;
    let database = site.databases.managed();
    let statements = format!(
        "SET application_name = '{name}';
         SELECT pg_advisory_lock(hashtextextended('pgsteward:{database}:work', 0))"
    );
    session.batch_execute(&statements).await.unwrap();
    session
}

#[tokio::test]
async fn watching_an_operation_shows_its_stages_up_to_its_end() {
    let mut site = Site::new().await;
    let mut gate = Gate::before(&mut site, "pg_dump");
    let daemon = site.start().await;
    let client = daemon.client();
    let id = client.start_backup().await.unwrap().id;
    let watching = tokio::spawn({
        let (client, id) = (client.clone(), id.clone());
        async move { watch(&client, &id).await.unwrap() }
    });
    gate.reached(&site).await;
    gate.open();

    let seen = watching.await.unwrap();

    let (last, before) = seen.split_last().unwrap();
    assert!(last.done && last.outcome.is_some(), "{last:?}");
    assert!(before.iter().all(|o| !o.done && o.outcome.is_none()));
    let stages: Vec<i32> = seen
        .iter()
        .map(|o| o.progress.as_ref().unwrap().stage_number)
        .collect();
    assert!(stages.is_sorted(), "{stages:?}");
    let progress = last.progress.as_ref().unwrap();
    assert_eq!((progress.stage_number, progress.stage_count), (3, 3));
    assert!(progress.bytes > 0);
    assert_eq!(get(client, &id).await.unwrap(), *last);
    daemon.stop().await;
}

#[tokio::test]
async fn watching_an_operation_that_is_done_shows_it_once() {
    let (_site, daemon) = support::start().await;
    let client = daemon.client();
    let done = client.wait(change_nothing(client, "").await.ok()).await;
    assert_eq!(watch(client, &done.id).await.unwrap(), [done]);
    daemon.stop().await;
}

#[tokio::test]
async fn a_wait_that_times_out_gives_the_operation_as_it_stands() {
    let mut site = Site::new().await;
    let mut gate = Gate::before(&mut site, "pg_dump");
    let daemon = site.start().await;
    let client = daemon.client();
    let id = client.start_backup().await.unwrap().id;
    gate.reached(&site).await;

    let waiting = wait(client, &id, Duration::from_millis(50)).await.unwrap();
    assert_eq!(waiting.state(), OperationState::Running);
    assert!(!waiting.done && waiting.end_time.is_none());

    gate.open();
    let done = client.wait_for(&id).await;
    assert_eq!(done.state(), OperationState::Succeeded);
    assert!(done.start_time.is_some() && done.end_time.is_some());
    daemon.stop().await;
}

#[tokio::test]
async fn a_queued_operation_names_whom_it_waits_for_and_can_be_cancelled() {
    let (site, daemon) = support::start().await;
    let client = daemon.client();
    let holder = hold_the_turn(&site, "the nightly script").await;
    let id = client.start_backup().await.unwrap().id;
    until("the backup says whom it waits for", async || {
        let queued = get(client, &id).await.unwrap();
        assert_eq!(queued.state(), OperationState::Queued);
        let message = queued.progress.unwrap().message;
        (message == "waits for the nightly script").then_some(())
    })
    .await;

    cancel(client, &id).await.unwrap();

    let done = client.wait_for(&id).await;
    assert!(done.start_time.is_none(), "{done:?}");
    assert_eq!(cancelled(done).reason, "CANCELLED");
    assert!(site.stored_files().is_empty());
    drop(holder);
    client.back_up().await;
    daemon.stop().await;
}

#[tokio::test]
async fn an_operation_goes_on_when_its_turn_comes() {
    let (site, daemon) = support::start().await;
    let client = daemon.client();
    let holder = hold_the_turn(&site, "").await;
    let id = client.start_backup().await.unwrap().id;
    until("the backup waits", async || {
        let message = get(client, &id).await.unwrap().progress.unwrap().message;
        message.starts_with("waits for process ").then_some(())
    })
    .await;
    drop(holder);
    let done = client.wait_for(&id).await;
    assert_eq!(done.state(), OperationState::Succeeded, "{done:?}");
    daemon.stop().await;
}

#[tokio::test]
async fn an_operation_whose_turn_does_not_come_in_time_fails_as_busy() {
    let mut site = Site::new().await;
    site.set("operations.lock_wait", "100ms");
    let daemon = site.start().await;
    let client = daemon.client();
    let _holder = hold_the_turn(&site, "the nightly script").await;
    let error = client.failure(client.start_backup().await).await;
    assert_eq!(
        (error.code.as_str(), error.reason.as_str()),
        ("ABORTED", "DATABASE_BUSY")
    );
    assert!(error.message.contains("the nightly script"), "{error:?}");
    daemon.stop().await;
}

#[tokio::test]
async fn work_on_one_database_waits_for_its_turn_and_names_the_operation_before_it() {
    let mut site = Site::new().await;
    let mut gate = Gate::before(&mut site, "pg_dump");
    let daemon = site.start().await;
    let client = daemon.client();
    let first = client.start_backup().await.unwrap().id;
    gate.reached(&site).await;
    let request = OptimizeRequest::default();
    let answer = client.maintenance().optimize(request).await.unwrap();
    let second = answer.into_inner().operation.unwrap().id;
    until("the second waits for the first", async || {
        let message = get(client, &second)
            .await
            .unwrap()
            .progress
            .unwrap()
            .message;
        (message == format!("waits for pgsteward backup {first}")).then_some(())
    })
    .await;

    gate.open();

    let (first, second) = (
        client.wait_for(&first).await,
        client.wait_for(&second).await,
    );
    assert_eq!(first.state(), OperationState::Succeeded, "{first:?}");
    assert_eq!(second.state(), OperationState::Succeeded, "{second:?}");
    daemon.stop().await;
}

#[tokio::test]
async fn cancelling_a_running_operation_ends_its_tool_and_leaves_nothing() {
    let mut site = Site::new().await;
    let gate = Gate::before(&mut site, "pg_dump");
    let daemon = site.start().await;
    let client = daemon.client();
    let id = client.start_backup().await.unwrap().id;
    gate.reached(&site).await;
    assert!(!daemon.children().is_empty());

    let asked = cancel(client, &id).await.unwrap();

    let states = [OperationState::Cancelling, OperationState::Cancelled];
    assert!(states.contains(&asked.state()), "{asked:?}");
    let done = client.wait_for(&id).await;
    let error = cancelled(done);
    assert_eq!(
        (error.code.as_str(), error.reason.as_str()),
        ("CANCELLED", "CANCELLED")
    );
    daemon.has_no_children().await;
    assert_eq!(site.stored_files(), [""; 0]);
    let request = ListAuditEntriesRequest::default();
    let answer = client.audit().list_audit_entries(request).await.unwrap();
    let entries = answer.into_inner().entries;
    let entry = entries.iter().find(|e| e.operation_id == id).unwrap();
    assert_eq!(entry.outcome(), AuditOutcome::Cancelled, "{entry:?}");
    daemon.stop().await;
}

#[tokio::test]
async fn cancelling_an_operation_that_is_done_is_refused() {
    let (_site, daemon) = support::start().await;
    let client = daemon.client();
    let done = client.wait(change_nothing(client, "").await.ok()).await;
    let answer = cancel(client, &done.id).await;
    expect_reason(answer, Code::FailedPrecondition, "OPERATION_DONE");
    assert_eq!(get(client, &done.id).await.unwrap(), done);
    daemon.stop().await;
}

#[tokio::test]
async fn lists_are_newest_first_filtered_and_paged() {
    let (_site, daemon) = support::start().await;
    let client = daemon.client();
    let mut expected = Vec::new();
    for _ in 0..5 {
        let operation = change_nothing(client, "").await.unwrap();
        client.wait_for(&operation.id).await;
        expected.insert(0, operation.id);
    }
    let backup = client.start_backup().await.unwrap();
    let backup = client.wait_for(&backup.id).await;
    let by = |method: &str, state: OperationState| ListOperationsRequest {
        method: method.to_owned(),
        state: state.into(),
        ..ListOperationsRequest::default()
    };
    let all = OperationState::Unspecified;

    assert_eq!(
        list(client, by("ExitMaintenance", all)).await.unwrap(),
        expected
    );
    assert_eq!(
        list(client, by("CreateBackup", all)).await.unwrap(),
        [backup.id.as_str()]
    );
    assert_eq!(
        list(client, by("", OperationState::Succeeded))
            .await
            .unwrap()
            .len(),
        6
    );
    assert_eq!(
        list(client, by("", OperationState::Failed)).await.unwrap(),
        [""; 0]
    );
    let other = ListOperationsRequest {
        database: "other".to_owned(),
        ..ListOperationsRequest::default()
    };
    assert_eq!(list(client, other).await.unwrap(), [""; 0]);

    let (mut walked, mut token) = (Vec::new(), String::new());
    loop {
        let request = ListOperationsRequest {
            database: "app".to_owned(),
            page_size: 4,
            page_token: token,
            ..ListOperationsRequest::default()
        };
        let answer = client.operations().list_operations(request).await.unwrap();
        let page = answer.into_inner();
        assert!(page.operations.len() <= 4);
        walked.extend(page.operations.into_iter().map(|o| o.id));
        token = page.next_page_token;
        if token.is_empty() {
            break;
        }
    }
    expected.insert(0, backup.id);
    assert_eq!(walked, expected);
    daemon.stop().await;
}

#[tokio::test]
async fn a_page_that_cannot_be_is_refused_with_its_field() {
    let (_site, daemon) = support::start().await;
    let client = daemon.client();
    let stale = ListOperationsRequest {
        page_token: "nowhere".to_owned(),
        ..ListOperationsRequest::default()
    };
    expect_field(list(client, stale).await, "page_token");
    let negative = ListOperationsRequest {
        page_size: -1,
        ..ListOperationsRequest::default()
    };
    expect_field(list(client, negative).await, "page_size");
    daemon.stop().await;
}

#[tokio::test]
async fn an_unknown_id_is_not_found_and_a_bad_one_is_refused_with_its_field() {
    let (_site, daemon) = support::start().await;
    let client = daemon.client();
    let soon = Duration::from_secs(1);
    let code = (Code::NotFound, "OPERATION_NOT_FOUND");
    expect_reason(get(client, UNKNOWN).await, code.0, code.1);
    expect_reason(wait(client, UNKNOWN, soon).await, code.0, code.1);
    expect_reason(watch(client, UNKNOWN).await, code.0, code.1);
    expect_reason(cancel(client, UNKNOWN).await, code.0, code.1);
    for bad in ["", "7", "../operations"] {
        expect_field(get(client, bad).await, "id");
        expect_field(wait(client, bad, soon).await, "id");
        expect_field(watch(client, bad).await, "id");
        expect_field(cancel(client, bad).await, "id");
    }
    daemon.stop().await;
}

#[tokio::test]
async fn a_negative_timeout_is_refused_with_its_field() {
    let (_site, daemon) = support::start().await;
    let request = WaitOperationRequest {
        id: UNKNOWN.to_owned(),
        timeout: Some(prost_types::Duration {
            seconds: -1,
            nanos: 0,
        }),
    };
    let answer = daemon.client().operations().wait_operation(request).await;
    expect_field(answer, "timeout");
    daemon.stop().await;
}

#[tokio::test]
async fn the_record_of_an_operation_that_is_done_cannot_be_changed() {
    let (site, daemon) = support::start().await;
    let client = daemon.client();
    let done = client.wait(change_nothing(client, "").await.ok()).await;
    let control = site.databases.in_control().await;
    for change in [
        "UPDATE operations SET state = 'RUNNING', ended_at = NULL, outcome = NULL",
        "UPDATE operations SET outcome = '{}'",
        "UPDATE operations SET principal = 'someone else'",
    ] {
        let error = control.batch_execute(change).await.unwrap_err();
        let message = error.as_db_error().unwrap().message().to_owned();
        assert_eq!(
            message,
            format!("operation {} is SUCCEEDED for good", done.id)
        );
    }
    assert_eq!(get(client, &done.id).await.unwrap(), done);
    daemon.stop().await;
}

#[tokio::test]
async fn the_same_request_id_gives_the_same_operation_and_never_another_ones() {
    let (_site, daemon) = support::start().await;
    let client = daemon.client();
    let first = change_nothing(client, "deploy-7").await.unwrap();
    let again = change_nothing(client, "deploy-7").await.unwrap();
    assert_eq!(
        (again.id, again.request_id),
        (first.id, "deploy-7".to_owned())
    );
    let other = CreateBackupRequest {
        request_id: "deploy-7".to_owned(),
        ..CreateBackupRequest::default()
    };
    let answer = client.backup().create_backup(other).await;
    expect_reason(answer, Code::AlreadyExists, "REQUEST_ID_REUSED");
    for bad in ["with space", &"x".repeat(65)] {
        expect_field(change_nothing(client, bad).await, "request_id");
    }
    let count = list(client, ListOperationsRequest::default())
        .await
        .unwrap()
        .len();
    assert_eq!(count, 1);
    daemon.stop().await;
}

#[tokio::test]
async fn an_operation_of_one_daemon_is_seen_and_waited_for_through_another() {
    let mut site = Site::new().await;
    let mut gate = Gate::before(&mut site, "pg_dump");
    let one = site.start().await;
    let other = site.start().await;
    let id = one.client().start_backup().await.unwrap().id;
    gate.reached(&site).await;

    let seen = get(other.client(), &id).await.unwrap();
    assert_eq!(seen.state(), OperationState::Running);
    assert_eq!(
        list(other.client(), ListOperationsRequest::default())
            .await
            .unwrap(),
        [id.as_str()]
    );
    let watching = tokio::spawn({
        let (client, id) = (other.client().clone(), id.clone());
        async move { watch(&client, &id).await.unwrap() }
    });
    gate.open();
    let done = other.client().wait_for(&id).await;
    assert_eq!(done.state(), OperationState::Succeeded, "{done:?}");
    assert_eq!(watching.await.unwrap().last(), Some(&done));
    one.stop().await;
    other.stop().await;
}

#[tokio::test]
async fn an_operation_of_one_daemon_is_cancelled_through_another() {
    let mut site = Site::new().await;
    let gate = Gate::before(&mut site, "pg_dump");
    let one = site.start().await;
    let other = site.start().await;
    let id = one.client().start_backup().await.unwrap().id;
    gate.reached(&site).await;

    let asked = cancel(other.client(), &id).await.unwrap();

    assert_eq!(asked.state(), OperationState::Cancelling);
    cancelled(other.client().wait_for(&id).await);
    one.has_no_children().await;
    assert_eq!(site.stored_files(), [""; 0]);
    one.stop().await;
    other.stop().await;
}
