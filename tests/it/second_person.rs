//! Restores that wait for a second person: what lets them go on, what ends them, and that they hold nothing meanwhile.

use std::fs;

use pgsteward::{
    model::{backup::Manifest, method::Role},
    proto::{
        ApproveRestoreRequest, AuditOutcome, Backup, CancelOperationRequest, GetOperationRequest,
        ListAuditEntriesRequest, Operation, OperationState, RestoreRequest, RollbackRestoreRequest,
    },
    storage::hexadecimal,
};
use sha2::{Digest as _, Sha256};
use tonic::{Code, Status};

use crate::support::{
    Client, Daemon, Site,
    client::failure_of,
    expect_field, expect_reason,
    tokens::{self, token},
    wait::until,
};

const SECOND_TOKEN: &str = "pgs-second-77aa01bc";

/// A site whose restores want a second person, and that has two admins, `admin` and `second`.
async fn site() -> Site {
    let mut site = Site::new().await;
    tokens::require(&mut site);
    let digest = hexadecimal(Sha256::new_with_prefix(SECOND_TOKEN));
    for (key, value) in [
        ("name", "second"),
        ("role", "admin"),
        ("sha256", digest.as_str()),
    ] {
        site.set(&format!("auth.tokens.3.{key}"), value);
    }
    site.set("restore.require_second_person", "true");
    site.databases
        .run("CREATE TABLE orders AS SELECT n FROM generate_series(1, 50) n")
        .await;
    site
}

async fn admin(daemon: &Daemon) -> Client {
    daemon.client_with(&token(Role::Admin)).await
}

async fn second(daemon: &Daemon) -> Client {
    daemon.client_with(SECOND_TOKEN).await
}

async fn ask(client: &Client, backup: &Backup) -> Operation {
    let request = RestoreRequest {
        filename: backup.filename.clone(),
        confirm_database: "app".to_owned(),
        reason: "INC-7".to_owned(),
        ..RestoreRequest::default()
    };
    let answer = client.restore().restore(request).await.unwrap();
    let operation = answer.into_inner().operation.unwrap();
    assert_eq!(operation.state(), OperationState::AwaitingApproval);
    operation
}

async fn approve(client: &Client, id: &str) -> Result<Operation, Status> {
    let request = ApproveRestoreRequest {
        operation_id: id.to_owned(),
        reason: "seen".to_owned(),
    };
    let answer = client.restore().approve_restore(request).await?;
    Ok(answer.into_inner().operation.unwrap())
}

async fn get(client: &Client, id: &str) -> Operation {
    let request = GetOperationRequest { id: id.to_owned() };
    let answer = client.operations().get_operation(request).await.unwrap();
    answer.into_inner().operation.unwrap()
}

#[tokio::test]
async fn a_restore_goes_on_when_another_admin_approves_it_through_another_daemon() {
    let site = site().await;
    let (daemon, other) = (site.start().await, site.start().await);
    let asking = admin(&daemon).await;
    let backup = asking.back_up().await;
    site.databases.run("DELETE FROM orders").await;

    // The database need not be closed while the restore waits, and others may work on it.
    let operation = ask(&asking, &backup).await;
    let approval = operation.approval.unwrap();
    assert!(approval.expire_time.is_some() && approval.approve_time.is_none());
    asking.back_up().await;
    asking.enter_maintenance().await;
    assert_eq!(
        get(&asking, &operation.id).await.state(),
        OperationState::AwaitingApproval
    );

    let refused = approve(&asking, &operation.id).await;
    expect_reason(refused, Code::PermissionDenied, "SAME_PERSON");
    let operator = other.client_with(&token(Role::Operator)).await;
    let refused = approve(&operator, &operation.id).await;
    expect_reason(refused, Code::PermissionDenied, "ROLE_TOO_LOW");
    let approving = second(&other).await;
    let unknown = "01936a3c-5b8e-7000-8000-000000000001";
    let refused = approve(&approving, unknown).await;
    expect_reason(refused, Code::NotFound, "OPERATION_NOT_FOUND");
    expect_field(approve(&approving, "x").await, "operation_id");
    let silent = ApproveRestoreRequest {
        operation_id: operation.id.clone(),
        reason: " ".to_owned(),
    };
    expect_field(approving.restore().approve_restore(silent).await, "reason");

    let approved = approve(&approving, &operation.id).await.unwrap();

    assert_eq!(approved.state(), OperationState::Queued);
    let done = asking.wait_for(&operation.id).await;
    assert_eq!(done.state(), OperationState::Succeeded, "{done:?}");
    assert_eq!(site.databases.rows("orders").await, 50);
    let approval = done.approval.unwrap();
    assert_eq!(
        (approval.principal.as_str(), approval.reason.as_str()),
        ("second", "seen")
    );
    assert!(approval.approve_time.is_some());
    let refused = approve(&approving, &operation.id).await;
    expect_reason(refused, Code::FailedPrecondition, "NOT_AWAITING_APPROVAL");

    let request = ListAuditEntriesRequest::default();
    let entries = asking.audit().list_audit_entries(request).await.unwrap();
    let entries = entries.into_inner().entries;
    let of = |principal: &str, outcome: AuditOutcome| {
        entries
            .iter()
            .filter(|entry| entry.method.ends_with("/ApproveRestore"))
            .any(|entry| entry.principal == principal && entry.outcome() == outcome)
    };
    assert!(of("second", AuditOutcome::Succeeded));
    assert!(of("admin", AuditOutcome::Denied) && of("operator", AuditOutcome::Denied));
    daemon.stop().await;
    other.stop().await;
}

#[tokio::test]
async fn a_restore_that_nobody_approves_in_time_fails_and_touches_nothing() {
    let mut site = site().await;
    site.set("restore.approval_time", "300ms");
    let daemon = site.start().await;
    let client = admin(&daemon).await;
    let backup = client.back_up().await;
    site.databases.run("DELETE FROM orders").await;

    let operation = ask(&client, &backup).await;

    let error = failure_of(client.wait_for(&operation.id).await);
    assert_eq!(error.reason, "APPROVAL_LAPSED");
    assert_eq!(error.code, "DEADLINE_EXCEEDED");
    let refused = approve(&second(&daemon).await, &operation.id).await;
    expect_reason(refused, Code::FailedPrecondition, "NOT_AWAITING_APPROVAL");
    assert_eq!(site.databases.rows("orders").await, 0);
    assert_eq!(site.databases.scratch_databases().await, [""; 0]);
    daemon.stop().await;
}

#[tokio::test]
async fn a_restore_that_waits_can_be_cancelled_and_does_not_hold_up_a_shutdown() {
    let site = site().await;
    let (daemon, other) = (site.start().await, site.start().await);
    let client = admin(&daemon).await;
    let backup = client.back_up().await;
    let cancelled = ask(&client, &backup).await;
    let left = ask(&client, &backup).await;

    // By another daemon than the one that runs it.
    let id = cancelled.id.clone();
    let request = CancelOperationRequest { id };
    let elsewhere = admin(&other).await;
    elsewhere
        .operations()
        .cancel_operation(request)
        .await
        .unwrap();
    let refused = approve(&second(&other).await, &cancelled.id).await;
    expect_reason(refused, Code::FailedPrecondition, "NOT_AWAITING_APPROVAL");
    let operation = elsewhere.wait_for(&cancelled.id).await;
    assert_eq!(operation.state(), OperationState::Cancelled);

    daemon.stop().await;
    let operation = elsewhere.wait_for(&left.id).await;
    assert_eq!(operation.state(), OperationState::Cancelled);
    other.stop().await;
}

#[tokio::test]
async fn the_death_of_its_daemon_ends_a_restore_that_waits() {
    let site = site().await;
    let daemon = site.start().await;
    let backup = admin(&daemon).await.back_up().await;
    let operation = ask(&admin(&daemon).await, &backup).await;

    daemon.kill9();
    let daemon = site.start().await;

    let client = second(&daemon).await;
    let operation = until("the orphan is ended", || async {
        let now = get(&client, &operation.id).await;
        now.done.then_some(now)
    })
    .await;
    assert_eq!(failure_of(operation.clone()).reason, "DAEMON_DIED");
    let refused = approve(&client, &operation.id).await;
    expect_reason(refused, Code::FailedPrecondition, "NOT_AWAITING_APPROVAL");
    daemon.stop().await;
}

#[tokio::test]
async fn an_archive_that_changed_since_it_was_asked_for_is_not_restored() {
    let site = site().await;
    let daemon = site.start().await;
    let client = admin(&daemon).await;
    let backup = client.back_up().await;
    site.databases.run("DELETE FROM orders").await;
    let another = client.back_up().await;
    client.enter_maintenance().await;
    let operation = ask(&client, &backup).await;
    // Another backup under the same name, whole and with a manifest that says so.
    let path = |filename: &str| site.store().join(filename);
    let manifest = |filename: &str| path(&format!("{filename}.json"));
    let read = |filename: &str| Manifest::parse(&fs::read(manifest(filename)).unwrap()).unwrap();
    let put = Manifest {
        filename: read(&backup.filename).filename,
        ..read(&another.filename)
    };
    fs::copy(path(&another.filename), path(&backup.filename)).unwrap();
    fs::write(manifest(&backup.filename), put.to_json().unwrap()).unwrap();

    approve(&second(&daemon).await, &operation.id)
        .await
        .unwrap();

    let error = failure_of(client.wait_for(&operation.id).await);
    assert_eq!(error.reason, "BACKUP_CHANGED");
    assert_eq!(site.databases.scratch_databases().await, [""; 0]);
    daemon.stop().await;
}

#[tokio::test]
async fn what_stands_against_a_restore_is_asked_again_once_it_is_approved() {
    let site = site().await;
    let daemon = site.start().await;
    let client = admin(&daemon).await;
    let backup = client.back_up().await;
    let operation = ask(&client, &backup).await;

    approve(&second(&daemon).await, &operation.id)
        .await
        .unwrap();

    let error = failure_of(client.wait_for(&operation.id).await);
    assert_eq!(error.reason, "MAINTENANCE_MODE");
    daemon.stop().await;
}

#[tokio::test]
async fn a_rollback_wants_a_second_person_as_well() {
    let site = site().await;
    let daemon = site.start().await;
    let (client, other) = (admin(&daemon).await, second(&daemon).await);
    let backup = client.back_up().await;
    site.databases.run("DELETE FROM orders").await;
    client.enter_maintenance().await;
    let restore = ask(&client, &backup).await;
    approve(&other, &restore.id).await.unwrap();
    let done = client.wait_for(&restore.id).await;
    assert_eq!(done.state(), OperationState::Succeeded, "{done:?}");

    let request = RollbackRestoreRequest {
        confirm_database: "app".to_owned(),
        reason: "INC-8".to_owned(),
        ..RollbackRestoreRequest::default()
    };
    let answer = other.restore().rollback_restore(request).await.unwrap();
    let operation = answer.into_inner().operation.unwrap();
    assert_eq!(operation.state(), OperationState::AwaitingApproval);
    assert_eq!(site.databases.rows("orders").await, 50);
    let refused = approve(&other, &operation.id).await;
    expect_reason(refused, Code::PermissionDenied, "SAME_PERSON");
    approve(&client, &operation.id).await.unwrap();

    let done = client.wait_for(&operation.id).await;
    assert_eq!(done.state(), OperationState::Succeeded, "{done:?}");
    assert_eq!(site.databases.rows("orders").await, 0);
    daemon.stop().await;
}
