//! The audit log through the wire: what changes something is in it before it acts; what only reads is in it too.

mod chain;
mod follow;
mod reads;
mod roles;
mod upgrade;

use pgsteward::{
    model::method::{Effect, Method, Role},
    proto::{
        AuditEntry, AuditOutcome, CancelOperationRequest, CreateBackupRequest,
        CreateRevisionRequest, DeleteBackupRequest, DownloadBackupRequest, EnterMaintenanceRequest,
        ListAuditEntriesRequest, OptimizeRequest,
    },
};
use serde_json::{Value, json};
use tonic::{Code, Status};

use crate::support::{
    self, Client, Site, expect_field, expect_reason,
    gate::Gate,
    probe::until_serves,
    raw::call,
    tokens::{self, token},
    wait::until,
};

async fn list(
    client: &Client,
    request: ListAuditEntriesRequest,
) -> Result<(Vec<AuditEntry>, String), Status> {
    let answer = client.audit().list_audit_entries(request).await?;
    let page = answer.into_inner();
    Ok((page.entries, page.next_page_token))
}

async fn entries(client: &Client) -> Vec<AuditEntry> {
    let request = ListAuditEntriesRequest::default();
    list(client, request).await.unwrap().0
}

/// The newest entry, once its call has ended.
async fn newest(client: &Client) -> AuditEntry {
    until("the newest entry is closed", async || {
        let entry = entries(client).await.remove(0);
        (entry.outcome() != AuditOutcome::Started).then_some(entry)
    })
    .await
}

fn request_of(entry: &AuditEntry) -> Value {
    serde_json::from_str(&entry.request_json).unwrap()
}

#[tokio::test]
async fn a_call_that_starts_an_operation_is_recorded_with_request_operation_and_outcome() {
    let (_site, daemon) = support::start().await;
    let client = daemon.client();
    let request = EnterMaintenanceRequest {
        reason: "INC-7".to_owned(),
        request_id: "seven".to_owned(),
        ..EnterMaintenanceRequest::default()
    };
    let answer = client
        .maintenance()
        .enter_maintenance(request)
        .await
        .unwrap();
    let operation = client.wait(answer.into_inner().operation).await;

    let entry = newest(client).await;

    assert_eq!(entry.method, Method::EnterMaintenance.full_name());
    assert_eq!(entry.operation_id, operation.id);
    assert_eq!(
        (entry.principal.as_str(), entry.database.as_str()),
        ("local", "app")
    );
    assert!(entry.peer.starts_with("127.0.0.1:"), "{entry:?}");
    assert_eq!(
        request_of(&entry),
        json!({"database": "", "reason": "INC-7", "requestId": "seven"})
    );
    assert_eq!(entry.outcome(), AuditOutcome::Succeeded);
    assert!(entry.time.is_some() && entry.duration.is_some() && entry.reason.is_empty());
    daemon.stop().await;
}

#[tokio::test]
async fn an_entry_stands_before_the_work_is_done_and_is_closed_after() {
    let mut site = Site::new().await;
    let mut gate = Gate::before(&mut site, "pg_dump");
    let daemon = site.start().await;
    let client = daemon.client();
    let id = client.start_backup().await.unwrap().id;
    gate.reached(&site).await;
    let open = entries(client).await.remove(0);
    assert_eq!(open.outcome(), AuditOutcome::Started);
    assert_eq!(
        (open.operation_id.as_str(), open.duration),
        (id.as_str(), None)
    );
    gate.open();
    client.wait_for(&id).await;
    let closed = newest(client).await;
    assert_eq!(
        (closed.id, closed.outcome()),
        (open.id, AuditOutcome::Succeeded)
    );
    daemon.stop().await;
}

#[tokio::test]
async fn a_call_that_ends_within_the_call_is_recorded_without_an_operation() {
    let (_site, daemon) = support::start().await;
    let client = daemon.client();
    client
        .revision("CREATE TABLE t (n int);", "DROP TABLE t;")
        .await;
    let entry = newest(client).await;
    assert_eq!(entry.method, Method::CreateRevision.full_name());
    assert_eq!(entry.outcome(), AuditOutcome::Succeeded);
    assert_eq!(entry.operation_id, "");
    let sql = request_of(&entry)["upgradeSql"]
        .as_str()
        .unwrap()
        .to_owned();
    assert!(sql.starts_with("23 bytes, sha256 "), "{sql}");
    daemon.stop().await;
}

#[tokio::test]
async fn reading_a_backup_away_is_recorded() {
    let (_site, daemon) = support::start().await;
    let client = daemon.client();
    let request = DownloadBackupRequest {
        filename: client.back_up().await.filename,
        ..DownloadBackupRequest::default()
    };
    let filename = request.filename.clone();
    let answer = client.backup().download_backup(request).await.unwrap();
    let mut parts = answer.into_inner();
    while parts.message().await.unwrap().is_some() {}
    let entry = newest(client).await;
    assert_eq!(entry.method, Method::DownloadBackup.full_name());
    assert_eq!(request_of(&entry)["filename"], filename);
    daemon.stop().await;
}

#[tokio::test]
async fn a_refused_call_is_recorded_as_failed_with_its_reason() {
    let (_site, daemon) = support::start().await;
    let client = daemon.client();
    let failed = async |method: Method, reason: &str| {
        let entry = newest(client).await;
        assert_eq!(entry.method, method.full_name());
        assert_eq!(
            (entry.outcome(), entry.reason.as_str()),
            (AuditOutcome::Failed, reason)
        );
        assert_eq!(entry.operation_id, "");
    };

    let request = EnterMaintenanceRequest::default();
    client
        .maintenance()
        .enter_maintenance(request)
        .await
        .unwrap_err();
    failed(Method::EnterMaintenance, "INVALID_FIELD").await;

    let request = DeleteBackupRequest {
        filename: "app_20261122T020000Z.sql.gz".to_owned(),
    };
    client.backup().delete_backup(request).await.unwrap_err();
    failed(Method::DeleteBackup, "BACKUP_NOT_FOUND").await;

    let request = CancelOperationRequest {
        id: "01890000-0000-7000-8000-000000000000".to_owned(),
    };
    client
        .operations()
        .cancel_operation(request)
        .await
        .unwrap_err();
    failed(Method::CancelOperation, "OPERATION_NOT_FOUND").await;

    let request = OptimizeRequest {
        database: "other".to_owned(),
        ..OptimizeRequest::default()
    };
    client.maintenance().optimize(request).await.unwrap_err();
    failed(Method::Optimize, "DATABASE_NOT_FOUND").await;
    assert_eq!(newest(client).await.database, "other");
    daemon.stop().await;
}

#[tokio::test]
async fn an_operation_that_fails_closes_its_entry_with_the_same_reason() {
    let mut site = Site::new().await;
    site.fake_tool("pg_dump", "echo 'out of luck' >&2; exit 3");
    let daemon = site.start().await;
    let client = daemon.client();
    let started = client.start_backup().await;
    let id = started.as_ref().unwrap().id.clone();
    let error = client.failure(started).await;
    let entry = newest(client).await;
    assert_eq!(
        (entry.outcome(), &entry.reason),
        (AuditOutcome::Failed, &error.reason)
    );
    assert_eq!(entry.operation_id, id);
    daemon.stop().await;
}

#[tokio::test]
async fn a_denied_call_is_recorded_and_so_is_one_without_credentials() {
    let mut site = Site::new().await;
    tokens::require(&mut site);
    let daemon = site.start().await;
    let viewer = daemon.client_with(&token(Role::Viewer)).await;
    let request = CreateBackupRequest::default();
    viewer
        .backup()
        .create_backup(request.clone())
        .await
        .unwrap_err();
    daemon
        .client()
        .backup()
        .create_backup(request)
        .await
        .unwrap_err();

    let entries = until("both are recorded", || async {
        let entries = entries(&viewer).await;
        let both = entries.len() == 2
            && entries
                .iter()
                .all(|entry| entry.outcome() != AuditOutcome::Unspecified);
        both.then_some(entries)
    })
    .await;

    for (entry, principal, reason) in [
        (&entries[0], "", "CREDENTIALS_MISSING"),
        (&entries[1], "viewer", "ROLE_TOO_LOW"),
    ] {
        assert_eq!(entry.method, Method::CreateBackup.full_name());
        assert_eq!(entry.outcome(), AuditOutcome::Denied);
        assert_eq!(
            (entry.principal.as_str(), entry.reason.as_str()),
            (principal, reason)
        );
    }
    daemon.stop().await;
}

#[tokio::test]
async fn every_method_that_changes_something_leaves_an_entry_and_no_other_does() {
    let (_site, daemon) = support::start().await;
    let client = daemon.client();
    for method in Method::ALL.iter().copied() {
        // Whether the empty request is good or bad does not matter here.
        let _ = call(client, method).await;
    }
    let recorded: Vec<String> = entries(client)
        .await
        .into_iter()
        .map(|e| e.method)
        .collect();
    for method in Method::ALL.iter().copied() {
        let count = recorded
            .iter()
            .filter(|name| *name == method.full_name())
            .count();
        let expected = usize::from(method.effect() == Effect::Mutates);
        assert_eq!(count, expected, "{}", method.full_name());
    }
    daemon.stop().await;
}

#[tokio::test]
async fn what_cannot_be_recorded_is_refused_and_not_done() {
    let (site, daemon) = support::start().await;
    let client = daemon.client();
    until_serves(client, "readiness", true).await;
    site.databases.control_store_answers(false).await;
    let (code, reason) = (Code::Unavailable, "AUDIT_UNAVAILABLE");

    let request = CreateRevisionRequest {
        message: "a change".to_owned(),
        upgrade_sql: "SELECT 1;".to_owned(),
        downgrade_sql: "SELECT 1;".to_owned(),
        ..CreateRevisionRequest::default()
    };
    let answer = client.migration().create_revision(request).await;
    expect_reason(answer, code, reason);
    let answer = client
        .backup()
        .create_backup(CreateBackupRequest::default())
        .await;
    expect_reason(answer, code, reason);
    let request = EnterMaintenanceRequest {
        reason: "a test".to_owned(),
        ..EnterMaintenanceRequest::default()
    };
    let answer = client.maintenance().enter_maintenance(request).await;
    expect_reason(answer, code, reason);

    assert_eq!(std::fs::read_dir(site.revisions()).unwrap().count(), 0);
    assert_eq!(site.stored_files(), [""; 0]);
    site.databases.connect("app").await.unwrap();
    site.databases.control_store_answers(true).await;
    until("changes are taken again", async || {
        let request = OptimizeRequest::default();
        client.maintenance().optimize(request).await.ok()
    })
    .await;
    let methods: Vec<String> = entries(client)
        .await
        .into_iter()
        .map(|e| e.method)
        .collect();
    assert_eq!(methods, [Method::Optimize.full_name()]);
    daemon.stop().await;
}

#[tokio::test]
async fn the_log_can_neither_be_changed_nor_shortened() {
    let (site, daemon) = support::start().await;
    let client = daemon.client();
    client
        .revision("CREATE TABLE t (n int);", "DROP TABLE t;")
        .await;
    client.upgrade("head").await;
    let before = entries(client).await;
    let control = site.databases.in_control().await;
    let set = [
        ("audit_records", "principal = 'someone else'"),
        ("migration_events", "principal = 'someone else'"),
    ];
    for (table, change) in set {
        for (statement, deed) in [
            (format!("UPDATE {table} SET {change}"), "UPDATE"),
            (format!("DELETE FROM {table}"), "DELETE"),
            (format!("TRUNCATE {table} CASCADE"), "TRUNCATE"),
        ] {
            let error = control.batch_execute(&statement).await.unwrap_err();
            let message = error.as_db_error().unwrap().message().to_owned();
            let expected = format!("append-only: {deed} is refused");
            assert!(message.ends_with(&expected), "{statement}: {message}");
        }
    }
    assert_eq!(entries(client).await, before);
    daemon.stop().await;
}

#[tokio::test]
async fn the_log_is_listed_newest_first_filtered_and_paged() {
    let mut site = Site::new().await;
    tokens::require(&mut site);
    let daemon = site.start().await;
    let [operator, admin] = [
        daemon.client_with(&token(Role::Operator)).await,
        daemon.client_with(&token(Role::Admin)).await,
    ];
    for client in [&operator, &operator, &admin, &operator, &admin] {
        call(client, Method::EnterMaintenance).await.unwrap_err();
    }
    let request = DeleteBackupRequest {
        filename: "none".to_owned(),
    };
    admin.backup().delete_backup(request).await.unwrap_err();

    let all = entries(&operator).await;

    let who: Vec<&str> = all.iter().map(|entry| entry.principal.as_str()).collect();
    assert_eq!(
        who,
        [
            "admin", "admin", "operator", "admin", "operator", "operator"
        ]
    );
    assert!(all.is_sorted_by(|newer, older| newer.id > older.id));
    let by_operator = ListAuditEntriesRequest {
        principal: "operator".to_owned(),
        ..ListAuditEntriesRequest::default()
    };
    assert_eq!(list(&operator, by_operator).await.unwrap().0.len(), 3);
    let on_app = ListAuditEntriesRequest {
        database: "app".to_owned(),
        ..ListAuditEntriesRequest::default()
    };
    assert_eq!(list(&operator, on_app).await.unwrap().0, all[1..]);

    let (mut walked, mut token) = (Vec::new(), String::new());
    loop {
        let request = ListAuditEntriesRequest {
            page_size: 2,
            page_token: token,
            ..ListAuditEntriesRequest::default()
        };
        let (page, next) = list(&operator, request).await.unwrap();
        assert_eq!(page.len(), 2);
        walked.extend(page);
        token = next;
        if token.is_empty() {
            break;
        }
    }
    assert_eq!(walked, all);
    let stale = ListAuditEntriesRequest {
        page_token: "nowhere".to_owned(),
        ..ListAuditEntriesRequest::default()
    };
    expect_field(list(&operator, stale).await, "page_token");
    daemon.stop().await;
}
