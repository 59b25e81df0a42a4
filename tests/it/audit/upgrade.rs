//! A control store of before the chain: what it has recorded becomes the chain's beginning, and goes back again.

use std::{ffi::OsStr, fs, path::PathBuf};

use pgsteward::proto::{AuditOutcome, GetOperationRequest};

use super::{chain::verify, entries};
use crate::support::{Site, database::run};

/// The last revision of before the chain.
const BEFORE: &str = "202611250900_b7e2610f4c83_restore_approvals_and_drills.sql";

/// What takes the control store back to before the chain: the downgrades of all revisions since, the newest first.
fn back() -> String {
    let directory = format!("{}/migrations", env!("CARGO_MANIFEST_DIR"));
    let files = fs::read_dir(directory).unwrap();
    let mut since: Vec<PathBuf> = files
        .map(|file| file.unwrap().path())
        .filter(|path| path.file_name().unwrap() > OsStr::new(BEFORE))
        .collect();
    since.sort();
    let downgrade = |path: &PathBuf| {
        let text = fs::read_to_string(path).unwrap();
        text.split_once("-- downgrade\n").unwrap().1.to_owned()
    };
    since.iter().rev().map(downgrade).collect()
}

/// Two calls as they were recorded before: one ended and has an operation, one was cut off.
const RECORDED: &str = "
INSERT INTO audit_entries (recorded_at, principal, peer, method, database, request, daemon) VALUES
    ('2026-11-01T10:00:00Z', 'ops', '10.0.0.1:7', 'pgsteward.v1.BackupService/CreateBackup', 'app', '{\"a\": [1, \"é\"]}',
     '01890000-0000-7000-8000-000000000001'),
    ('2026-11-01T10:00:01Z', 'ops', '', 'pgsteward.v1.BackupService/DeleteBackup', 'app', '{}',
     '01890000-0000-7000-8000-000000000001');
INSERT INTO audit_outcomes VALUES (1, '2026-11-01T10:00:05Z', 'FAILED', 'DAEMON_DIED', '01890000-0000-7000-8000-00000000000a');
INSERT INTO operations (id, method, database, state, principal, request_id, request, audit_entry, daemon, ended_at, progress, failure)
VALUES ('01890000-0000-7000-8000-00000000000a', 'CreateBackup', 'app', 'FAILED', 'ops', '', '{}', 1,
        '01890000-0000-7000-8000-000000000001', now(), '{}', '{}');
UPDATE alembic_version SET version_num = 'b7e2610f4c83'";

#[tokio::test]
async fn what_was_recorded_before_is_the_chains_beginning() {
    let mut site = Site::new().await;
    site.set("audit.reads", "false");
    // Tables as they are, taken back.
    site.start().await.stop().await;
    let superuser = site.databases.in_control().await;
    let owner = site.databases.role("owner");
    let down = back();
    run(
        &superuser,
        &format!("SET ROLE {owner}; {down}; {RECORDED}; RESET ROLE"),
    )
    .await;

    let daemon = site.start().await;
    let client = daemon.client();

    let all = entries(client).await;
    let [open, ended] = &all[..] else {
        panic!("{all:?}")
    };
    assert_eq!(
        (ended.outcome(), ended.reason.as_str()),
        (AuditOutcome::Failed, "DAEMON_DIED")
    );
    assert_eq!(ended.duration.unwrap().seconds, 5);
    assert_eq!(ended.operation_id, "01890000-0000-7000-8000-00000000000a");
    assert_eq!(open.outcome(), AuditOutcome::Started);
    let answer = verify(client, None).await;
    assert_eq!(
        (answer.intact, answer.record_count),
        (true, 3),
        "{answer:?}"
    );
    let request = GetOperationRequest {
        id: ended.operation_id.clone(),
    };
    client
        .operations()
        .get_operation(request)
        .await
        .unwrap_err();
    daemon.stop().await;

    run(&superuser, &format!("SET ROLE {owner}; {down}; RESET ROLE")).await;
    let kept: String = site
        .databases
        .control_value(
            "SELECT string_agg(concat_ws(' ', id, principal, outcome), ', ' ORDER BY id)
             FROM audit_entries LEFT JOIN audit_outcomes ON entry = id",
        )
        .await;
    assert_eq!(kept, "1 ops FAILED, 2 ops");
}
