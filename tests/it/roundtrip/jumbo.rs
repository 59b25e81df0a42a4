//! Rows as large as PostgreSQL has them: the daemon's memory is bounded whatever a row's size.

use std::{fs, time::Duration};

use pgsteward::proto::{Operation, RestoreRequest, WaitOperationRequest, operation::Outcome};

use crate::support::{self, Client, Daemon};

/// What the daemon may need at most, in any operation.
const MOST_KIB: u64 = 150 * 1024;

/// Bytes that COPY writes as 300 MiB of digits, in a row with others; and as much again in small rows.
const JUMBO: &str = "
    CREATE TABLE jumbo (id int PRIMARY KEY, before text, content bytea, after text);
    ALTER TABLE jumbo ALTER content SET STORAGE EXTERNAL;
    INSERT INTO jumbo VALUES (1, 'small', '\\x00ff', 'one');
    INSERT INTO jumbo SELECT 2, 'large', decode(repeat('00ff5c0a41425cfe', 150 * 1024 * 1024 / 8), 'hex'), 'two';
    INSERT INTO jumbo VALUES (3, 'small', '', 'three');
    CREATE TABLE small AS
        SELECT n, repeat(md5(n::text), 30) AS text FROM generate_series(1, 250000) AS n;
";

/// The most memory that the daemon ever had, in KiB.
fn peak(daemon: &Daemon) -> u64 {
    let status = format!("/proc/{}/status", daemon.process.pid());
    let status = fs::read_to_string(status).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:"));
    let number = line.unwrap().split_ascii_whitespace().nth(1);
    number.unwrap().parse().unwrap()
}

/// Waits in pieces: the whole may take longer than one call should.
async fn outcome(client: &Client, operation: Option<Operation>) -> Outcome {
    let mut operation = operation.unwrap();
    while !operation.done {
        let timeout = Duration::from_secs(20).try_into().unwrap();
        let request = WaitOperationRequest {
            id: operation.id.clone(),
            timeout: Some(timeout),
        };
        let answer = client.operations().wait_operation(request).await.unwrap();
        operation = answer.into_inner().operation.unwrap();
    }
    match operation.outcome {
        Some(Outcome::Error(error)) => panic!("{error:?}"),
        outcome => outcome.unwrap(),
    }
}

#[tokio::test]
async fn a_row_of_300_mib_goes_through_a_small_daemon() {
    let (site, daemon) = support::start().await;
    let client = daemon.client();
    site.databases.run(JUMBO).await;
    let digest = "SELECT md5(string_agg(concat(id, before, md5(content), length(content), after), ',' ORDER BY id)) FROM jumbo";
    let before: String = site.databases.value(digest).await;

    let Outcome::Backup(backup) = outcome(client, client.start_backup().await).await else {
        panic!("no backup");
    };
    assert_eq!(backup.row_count, 250_003);
    assert!(backup.uncompressed_bytes > 500 * 1024 * 1024, "{backup:?}");
    let after_backup = peak(&daemon);
    assert!(after_backup < MOST_KIB, "{after_backup} KiB for a backup");

    client.enter_maintenance().await;
    let request = RestoreRequest {
        filename: backup.filename.clone(),
        confirm_database: "app".to_owned(),
        reason: "a test".to_owned(),
        skip_last_backup: true,
        ..RestoreRequest::default()
    };
    let answer = client.restore().restore(request).await.unwrap();
    let Outcome::Restore(result) = outcome(client, answer.into_inner().operation).await else {
        panic!("no restore");
    };
    assert_eq!(result.verified_rows, 250_003);
    assert_eq!(site.databases.value::<String>(digest).await, before);
    let after_restore = peak(&daemon);
    assert!(
        after_restore < MOST_KIB,
        "{after_restore} KiB for a restore"
    );
    daemon.stop().await;
}
