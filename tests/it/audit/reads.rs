//! Calls that only read: recorded beside the changes, without a look at the control store, each once.

use std::{fs, path::Path, process::Command, time::Duration};

use chrono::Utc;
use pgsteward::{
    model::{
        audit::spooled::{SpooledCall, SpooledKind},
        method::{Method, Role},
    },
    postgres::database::ConnectionSettings,
    proto::{
        AuditEntry, AuditKind, AuditOutcome, CreateBackupRequest, GetStatusRequest,
        ListAuditEntriesRequest, ListBackupsRequest, ListRevisionsRequest, PlanRestoreRequest,
    },
    state::ControlStore,
};
use serde_json::Value;
use tonic::Code;
use uuid::Uuid;

use super::{chain::verify, entries, list};
use crate::support::{
    Client, Site, expect_reason,
    probe::{serves, until_serves},
    tokens::{self, token},
    wait::until,
};

async fn reads(client: &Client, method: Method) -> Vec<AuditEntry> {
    let request = ListAuditEntriesRequest {
        method: method.full_name().to_owned(),
        include_reads: true,
        page_size: 1000,
        ..ListAuditEntriesRequest::default()
    };
    list(client, request).await.unwrap().0
}

/// Waits until so many calls of a method are in the log.
async fn until_recorded(client: &Client, method: Method, calls: i64) -> Vec<AuditEntry> {
    until("the reads are recorded", async || {
        let found = reads(client, method).await;
        let counted: i64 = found.iter().map(|entry| entry.call_count).sum();
        (counted == calls).then_some(found)
    })
    .await
}

async fn list_backups(client: &Client) -> Result<(), tonic::Status> {
    let request = ListBackupsRequest::default();
    client.backup().list_backups(request).await.map(|_| ())
}

async fn status(client: &Client) {
    let request = GetStatusRequest::default();
    client.health().get_status(request).await.unwrap();
}

#[tokio::test]
async fn reads_are_recorded_as_such_with_who_called_and_how_it_ended() {
    let mut site = Site::new().await;
    tokens::require(&mut site);
    let daemon = site.start().await;
    let viewer = daemon.client_with(&token(Role::Viewer)).await;
    let request = ListRevisionsRequest {
        database: "app".to_owned(),
        ..ListRevisionsRequest::default()
    };
    viewer.migration().list_revisions(request).await.unwrap();
    let request = ListRevisionsRequest {
        database: "see postgres://a:hunter2@h/d".to_owned(),
        ..ListRevisionsRequest::default()
    };
    let refused = viewer.migration().list_revisions(request).await;
    expect_reason(refused, Code::NotFound, "DATABASE_NOT_FOUND");
    let request = PlanRestoreRequest::default();
    viewer.restore().plan_restore(request).await.unwrap_err();

    let found = until_recorded(&viewer, Method::ListRevisions, 2).await;

    let [failed, done] = &found[..] else {
        panic!("{found:?}")
    };
    assert_eq!(
        (done.kind(), done.outcome()),
        (AuditKind::Read, AuditOutcome::Succeeded)
    );
    assert_eq!(
        (done.principal.as_str(), done.database.as_str()),
        ("viewer", "app")
    );
    assert!(
        done.peer.starts_with("127.0.0.1:") && done.duration.is_some(),
        "{done:?}"
    );
    assert!(
        done.request_json.contains(r#""database":"app""#),
        "{done:?}"
    );
    assert_eq!(
        (failed.outcome(), failed.reason.as_str()),
        (AuditOutcome::Failed, "DATABASE_NOT_FOUND")
    );
    assert!(!failed.request_json.contains("hunter2"), "{failed:?}");
    let denied = &until_recorded(&viewer, Method::PlanRestore, 1).await[0];
    assert_eq!(
        (denied.outcome(), denied.reason.as_str()),
        (AuditOutcome::Denied, "ROLE_TOO_LOW")
    );
    // By default the list has what changed something, which nothing did; and probes are nobody's calls.
    assert_eq!(entries(&viewer).await, []);
    assert!(serves(&viewer, "liveness").await.unwrap());
    let methods: i64 = site
        .databases
        .control_value("SELECT count(*) FROM audit_records WHERE method LIKE 'grpc%'")
        .await;
    assert_eq!(methods, 0);
    let operator = daemon.client_with(&token(Role::Operator)).await;
    assert!(verify(&operator, None).await.intact);
    daemon.stop().await;
}

#[tokio::test]
async fn polls_become_one_entry_with_their_number() {
    let (site, daemon) = crate::support::start().await;
    for _ in 0..7 {
        status(daemon.client()).await;
    }
    // A stop moves what would else be gathered for a minute.
    daemon.stop().await;
    let daemon = site.start().await;
    let found = until_recorded(daemon.client(), Method::GetStatus, 7).await;
    assert_eq!(found.len(), 1);
    assert!(verify(daemon.client(), None).await.intact);
    daemon.stop().await;
}

#[tokio::test]
async fn without_the_control_store_reads_are_answered_and_recorded_once_when_it_is_back() {
    let (site, daemon) = crate::support::start().await;
    until_serves(daemon.client(), "readiness", true).await;
    site.databases.control_store_answers(false).await;
    let client = daemon.client();
    for _ in 0..5 {
        list_backups(client).await.unwrap();
        status(client).await;
    }
    let request = CreateBackupRequest::default();
    let refused = client.backup().create_backup(request).await;
    expect_reason(refused, Code::Unavailable, "AUDIT_UNAVAILABLE");
    daemon.kill9();
    let spool = site.path("data/audit-spool");
    let copy = site.path("copy");
    copy_directory(&spool, &copy);
    site.databases.control_store_answers(true).await;

    let daemon = site.start().await;
    let client = daemon.client();
    until_recorded(client, Method::ListBackups, 5).await;
    assert_eq!(until_recorded(client, Method::GetStatus, 5).await.len(), 1);
    daemon.kill9();

    // A daemon that died between recording and removing: its files are still there, and change nothing.
    copy_directory(&copy, &spool);
    let daemon = site.start().await;
    let client = daemon.client();
    until("the files are gone again", async || {
        let left = fs::read_dir(&copy)
            .unwrap()
            .map(|entry| entry.unwrap().file_name());
        let gone = |name| !spool.join(name).exists();
        left.into_iter().all(gone).then_some(())
    })
    .await;
    until_recorded(client, Method::ListBackups, 5).await;
    until_recorded(client, Method::GetStatus, 5).await;
    assert!(verify(client, None).await.intact);
    daemon.stop().await;
}

fn copy_directory(from: &Path, to: &Path) {
    let copied = Command::new("cp")
        .arg("-rT")
        .arg(from)
        .arg(to)
        .status()
        .unwrap();
    assert!(copied.success());
}

#[tokio::test]
async fn a_full_spool_refuses_reads_but_not_what_shows_the_trouble() {
    let mut site = Site::new().await;
    site.set("audit.spool_size", "4096");
    let daemon = site.start().await;
    let client = daemon.client();
    until_serves(client, "readiness", true).await;
    site.databases.control_store_answers(false).await;
    let refused = until("the spool is full", async || {
        list_backups(client).await.err()
    })
    .await;
    expect_reason::<()>(Err(refused), Code::ResourceExhausted, "AUDIT_SPOOL_FULL");
    status(client).await;
    site.databases.control_store_answers(true).await;
    until("reads are answered again", async || {
        list_backups(client).await.ok()
    })
    .await;
    daemon.stop().await;
}

#[tokio::test]
async fn callers_that_were_not_let_in_are_listed_with_what_changes_something_and_counted() {
    let (site, daemon) = crate::support::start().await;
    let control = site.databases.control();
    let settings = ConnectionSettings {
        application_name: "pgsteward".to_owned(),
        connect_timeout: Duration::from_secs(10),
        statement_timeout: Duration::from_secs(10),
        pool_size: 1,
    };
    let login = site.databases.url("control", &control).parse().unwrap();
    let store = ControlStore::new(login, settings, Uuid::now_v7()).unwrap();
    let refusal = SpooledCall {
        source: Uuid::now_v7(),
        kind: SpooledKind::Refusal,
        happened_at: Utc::now(),
        principal: String::new(),
        peer: "192.0.2.7:4711".to_owned(),
        method: "what\0ever/\u{202e}".to_owned(),
        database: String::new(),
        request: Value::Null,
        outcome: "DENIED".to_owned(),
        reason: "CREDENTIALS_INVALID".to_owned(),
        duration: 0,
        calls: 40,
    };
    // One that cannot be held by PostgreSQL does not keep the others waiting, and what was taken is taken once.
    let impossible = SpooledCall {
        source: Uuid::now_v7(),
        outcome: "NONE".to_owned(),
        ..refusal.clone()
    };
    for _ in 0..2 {
        let calls = [impossible.clone(), refusal.clone()];
        let writer = Uuid::now_v7();
        store.insert_spooled_calls(writer, &calls).await.unwrap();
    }
    let listed = entries(daemon.client()).await;
    let [entry] = &listed[..] else {
        panic!("{listed:?}")
    };
    assert_eq!(
        (entry.kind(), entry.outcome(), entry.call_count),
        (AuditKind::Refusal, AuditOutcome::Denied, 40)
    );
    assert_eq!(entry.method, "what\u{fffd}ever/\u{202e}");
    assert!(verify(daemon.client(), None).await.intact);
    daemon.stop().await;
}

#[tokio::test]
async fn reads_are_not_recorded_where_that_is_switched_off() {
    let mut site = Site::new().await;
    site.set("audit.reads", "false");
    let daemon = site.start().await;
    list_backups(daemon.client()).await.unwrap();
    daemon.stop().await;
    let records = "SELECT count(*) FROM audit_records";
    assert_eq!(site.databases.control_value::<i64>(records).await, 0);
}
