//! What somebody does to the log by SQL, with a superuser's means, is found and named.

use std::{fs, time::Duration};

use pgsteward::proto::{
    AuditDamage, AuditHead, EnterMaintenanceRequest, VerifyAuditRequest, VerifyAuditResponse,
};
use tokio_postgres::Client as Sql;

use super::entries;
use crate::support::{
    Client, Site, database,
    wait::{until, until_blocking},
};

/// Verifies, with a place that the log must have.
pub(super) async fn verify(client: &Client, expected: Option<AuditHead>) -> VerifyAuditResponse {
    let request = VerifyAuditRequest { expected };
    let answer = client.audit().verify_audit(request).await.unwrap();
    answer.into_inner()
}

/// A call that is refused, and leaves two records: its own and that of its end.
pub(super) async fn leave_two_records(client: &Client) {
    let request = EnterMaintenanceRequest::default();
    let refused = client.maintenance().enter_maintenance(request).await;
    refused.unwrap_err();
}

/// A site whose daemons record no reads, so that the number of records is known.
async fn without_reads() -> Site {
    let mut site = Site::new().await;
    site.set("audit.reads", "false");
    site
}

/// Waits until the data directory knows the record of that number.
fn anchored(site: &Site, number: i64) {
    let file = site.path("data/audit-anchor");
    until_blocking("the anchor has moved on", || {
        let text = fs::read_to_string(&file).unwrap_or_default();
        text.starts_with(&format!("{number}:")).then_some(())
    });
}

/// The first finding: its damage and its place.
fn first(answer: &VerifyAuditResponse) -> (AuditDamage, i64) {
    assert!(!answer.intact, "{answer:?}");
    let finding = &answer.findings[0];
    (finding.damage(), finding.number)
}

/// Makes the whole chain anew, as somebody would who knows how.
const MAKE_ANEW: &str = "DO $$
    DECLARE link audit_records; last bytea := decode(repeat('00', 32), 'hex');
    BEGIN
        FOR link IN SELECT * FROM audit_records ORDER BY number LOOP
            last := audit_hash(last, link);
            UPDATE audit_records SET hash = last WHERE number = link.number;
        END LOOP;
    END $$";

/// Puts the log back as it was.
async fn undo(superuser: &Sql) {
    let back = "DELETE FROM audit_records; INSERT INTO audit_records SELECT * FROM kept";
    database::run(superuser, back).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_damage_is_found_with_its_kind_and_the_first_place_where_it_shows() {
    let site = without_reads().await;
    let daemon = site.start().await;
    let client = daemon.client();
    for _ in 0..5 {
        leave_two_records(client).await;
    }
    let whole = verify(client, None).await;
    assert!(whole.intact, "{whole:?}");
    assert_eq!((whole.record_count, whole.findings.len()), (10, 0));
    assert!(whole.weaknesses.is_empty(), "{whole:?}");
    assert_eq!(whole.control_role, site.databases.role("control"));
    anchored(&site, 10);
    let superuser = site.databases.in_control().await;
    database::run(
        &superuser,
        "SET session_replication_role = replica; CREATE TABLE kept AS TABLE audit_records",
    )
    .await;
    let (changed, gap) = (AuditDamage::Changed, AuditDamage::Gap);
    let cases = [
        ("UPDATE audit_records SET principal = 'another' WHERE number = 3", changed, 3),
        ("UPDATE audit_records SET request = '{}' WHERE number = 5", changed, 5),
        ("UPDATE audit_records SET outcome = 'SUCCEEDED' WHERE number = 4", changed, 4),
        ("UPDATE audit_records SET recorded_at = recorded_at + interval '1 us' WHERE number = 1", changed, 1),
        ("UPDATE audit_records SET recorded_at = 'infinity' WHERE number = 9", changed, 9),
        ("UPDATE audit_records SET hash = '\\x00' WHERE number = 6", changed, 6),
        ("DELETE FROM audit_records WHERE number = 7", gap, 7),
        ("DELETE FROM audit_records WHERE number < 3", gap, 1),
        ("DELETE FROM audit_records WHERE number > 8", AuditDamage::Truncated, 9),
        ("DELETE FROM audit_records", AuditDamage::Truncated, 1),
        (
            "UPDATE audit_records SET number = 100 WHERE number = 3;
             UPDATE audit_records SET number = 3 WHERE number = 5;
             UPDATE audit_records SET number = 5 WHERE number = 100",
            changed,
            3,
        ),
        (
            "INSERT INTO audit_records SELECT 11, kind, entry, happened_at, recorded_at, 'made up', peer, method,
                 database, request, outcome, reason, operation, duration, calls, daemon, source, hash
             FROM audit_records WHERE number = 9",
            changed,
            11,
        ),
        (
            "DELETE FROM audit_records WHERE number = 4;
             UPDATE audit_records SET number = number - 1 WHERE number > 4",
            changed,
            4,
        ),
    ];
    for (deed, damage, number) in cases {
        database::run(&superuser, deed).await;
        let answer = verify(client, None).await;
        assert_eq!(first(&answer), (damage, number), "{deed}: {answer:?}");
        undo(&superuser).await;
        let answer = verify(client, None).await;
        assert!(answer.intact, "{deed}: {answer:?}");
    }
    // One who reckons all hashes anew is found by what was seen before.
    let forged = "UPDATE audit_records SET principal = 'another' WHERE number = 2";
    database::run(&superuser, forged).await;
    database::run(&superuser, MAKE_ANEW).await;
    assert_eq!(
        first(&verify(client, None).await),
        (AuditDamage::Replaced, 10)
    );
    fs::remove_file(site.path("data/audit-anchor")).unwrap();
    assert!(verify(client, None).await.intact);
    let answer = verify(client, whole.head.clone()).await;
    assert_eq!(first(&answer), (AuditDamage::Replaced, 10));
    undo(&superuser).await;

    // A guard that was switched off is told of, and what was done meanwhile is found when it is on again.
    for (switch, missing) in [("DISABLE", 1), ("ENABLE", 0)] {
        let deed = format!("ALTER TABLE audit_records {switch} TRIGGER append_only");
        database::run(&superuser, &deed).await;
        database::run(
            &superuser,
            "UPDATE audit_records SET reason = reason || '!' WHERE number = 2",
        )
        .await;
        let answer = verify(client, None).await;
        assert_eq!(first(&answer), (changed, 2));
        assert_eq!(answer.missing_guards.len(), missing, "{answer:?}");
    }
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_cut_off_is_not_forgotten_when_the_log_goes_on() {
    let site = without_reads().await;
    let daemon = site.start().await;
    let client = daemon.client();
    leave_two_records(client).await;
    let seen = verify(client, None).await.head;
    anchored(&site, 2);
    let superuser = site.databases.in_control().await;
    let cut = "SET session_replication_role = replica; DELETE FROM audit_records WHERE number > 1";
    database::run(&superuser, cut).await;
    // It grows beyond what was seen, with other records.
    for _ in 0..2 {
        leave_two_records(client).await;
    }
    let answer = verify(client, None).await;
    assert_eq!(first(&answer), (AuditDamage::Replaced, 2));
    assert_eq!(answer.anchor, seen);
    // The daemon has seen it by itself.
    until("the daemon says so", async || {
        let log = daemon.process.log();
        log.contains("AUDIT_LOG_DAMAGED").then_some(())
    })
    .await;
    daemon.stop().await;
    let daemon = site.start().await;
    let answer = verify(daemon.client(), seen).await;
    assert_eq!(first(&answer), (AuditDamage::Replaced, 2));
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn writers_of_two_daemons_make_one_chain_and_raise_no_false_alarm() {
    let site = without_reads().await;
    let daemons = [site.start().await, site.start().await];
    let calls = |client: Client| {
        tokio::spawn(async move {
            for _ in 0..15 {
                leave_two_records(&client).await;
            }
        })
    };
    let mut writers = Vec::new();
    for daemon in &daemons {
        for _ in 0..4 {
            writers.push(calls(Client::connect(&daemon.address, None).await));
        }
    }
    let mut looks = 0;
    while writers.iter().any(|writer| !writer.is_finished()) {
        for daemon in &daemons {
            let answer = verify(daemon.client(), None).await;
            assert!(answer.intact, "{answer:?}");
            looks += 1;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    for writer in writers {
        writer.await.unwrap();
    }
    assert!(looks > 2, "{looks}");
    let answer = verify(daemons[1].client(), None).await;
    assert_eq!((answer.intact, answer.record_count), (true, 240));
    assert_eq!(entries(daemons[0].client()).await.len(), 100);
    for daemon in daemons {
        daemon.stop().await;
    }
}
