//! ReviewRevision: what is to be known of a revision before it is approved.

use pgsteward::proto::{
    ApproveRevisionRequest, FindingSeverity, Operation, Review, ReviewRevisionRequest,
    RevisionReview, UpgradeRequest, operation::Outcome,
};
use tonic::{Code, Status};

use crate::support::{self, Client, expect_reason};

const ORDERS: [&str; 2] = [
    "CREATE TABLE orders (id bigint PRIMARY KEY, total numeric, note text);",
    "DROP TABLE orders;",
];
const DROP_TOTAL: [&str; 2] = [
    "CREATE INDEX orders_note ON orders (note);\nALTER TABLE orders DROP COLUMN total;",
    "ALTER TABLE orders ADD COLUMN total numeric;\nDROP INDEX orders_note;",
];

async fn start(client: &Client, revision: &str, skip: bool) -> Result<Option<Operation>, Status> {
    let request = ReviewRevisionRequest {
        revision: revision.to_owned(),
        skip_rehearsal: skip,
        ..ReviewRevisionRequest::default()
    };
    let answer = client.migration().review_revision(request).await?;
    Ok(answer.into_inner().operation)
}

async fn review(client: &Client, revision: &str, skip: bool) -> Review {
    let operation = start(client, revision, skip).await.unwrap();
    match client.outcome(operation).await {
        Outcome::Review(review) => review,
        other => panic!("{other:?}"),
    }
}

fn names(review: &RevisionReview) -> Vec<&str> {
    let findings = review.findings.iter();
    findings.map(|finding| finding.name.as_str()).collect()
}

#[tokio::test]
async fn a_pending_revision_is_read_rehearsed_and_measured_and_the_database_stays_as_it_is() {
    let (site, daemon) = support::start().await;
    let client = daemon.client();
    client.revision(ORDERS[0], ORDERS[1]).await;
    client.upgrade("head").await;
    site.databases
        .run("INSERT INTO orders SELECT n, n, repeat('x', 500) FROM generate_series(1, 1000) AS n")
        .await;
    let made = client.revision(DROP_TOTAL[0], DROP_TOTAL[1]).await;
    let approval = ApproveRevisionRequest {
        revision: made.revision.clone(),
        comment: "read it".to_owned(),
        ..ApproveRevisionRequest::default()
    };
    client.migration().approve_revision(approval).await.unwrap();

    let review = review(client, "", false).await;

    assert_eq!(review.database, "app");
    assert_eq!(review.revisions.len(), 1);
    let revision = &review.revisions[0];
    assert_eq!(revision.revision, made.revision);
    assert_eq!(revision.sha256, made.sha256);
    assert_eq!(revision.author, "local");
    assert_eq!(revision.approvals[0].comment, "read it");
    // The weightiest first, though it stands on a later line.
    assert_eq!(names(revision)[0], "drop-column:orders.total");
    let first = &revision.findings[0];
    assert_eq!(first.severity(), FindingSeverity::Error);
    assert_eq!(first.category, "destructive");
    assert!(first.table_bytes > 500_000, "{first:?}");
    assert!(!first.safe_way.is_empty());
    let index = revision
        .findings
        .iter()
        .find(|finding| finding.line < first.line);
    assert!(index.is_some_and(|finding| finding.table_bytes == first.table_bytes));
    let rehearsal = revision.rehearsal.as_ref().unwrap();
    assert_eq!(rehearsal.statements.len(), 2);
    assert!(rehearsal.downgraded);
    assert_eq!(rehearsal.downgrade_differences, [""; 0]);
    let total: i64 = site
        .databases
        .value("SELECT count(total) FROM orders")
        .await;
    assert_eq!(total, 1000);
    assert_eq!(site.databases.scratch_databases().await, [""; 0]);
    daemon.stop().await;
}

#[tokio::test]
async fn without_a_rehearsal_the_one_on_record_is_shown_if_there_is_one() {
    let (_site, daemon) = support::start().await;
    let client = daemon.client();
    client.revision(ORDERS[0], ORDERS[1]).await;
    let second = client.revision(DROP_TOTAL[0], DROP_TOTAL[1]).await.revision;

    let unrehearsed = review(client, "", true).await;
    assert_eq!(unrehearsed.revisions.len(), 2);
    let mut all = unrehearsed.revisions.iter();
    assert!(all.all(|revision| revision.rehearsal.is_none()));
    // Named by a prefix it comes alone, rehearsed after what it stands on.
    let named = review(client, &second[..8], false).await;
    assert_eq!(named.revisions.len(), 1);
    let seen = named.revisions[0].rehearsal.clone();
    assert!(seen.is_some());
    let recorded = review(client, "", true).await;
    assert!(recorded.revisions[0].rehearsal.is_some());
    assert_eq!(recorded.revisions[1].rehearsal, seen);
    daemon.stop().await;
}

#[tokio::test]
async fn an_applied_revision_is_read_and_shown_with_its_rehearsal() {
    let (_site, daemon) = support::start().await;
    let client = daemon.client();
    client.revision(ORDERS[0], ORDERS[1]).await;
    client.upgrade("head").await;
    let id = client.revision(DROP_TOTAL[0], DROP_TOTAL[1]).await.revision;
    let request = UpgradeRequest {
        acknowledge: vec!["drop-column:orders.total".to_owned()],
        ..UpgradeRequest::default()
    };
    let upgrade = client.migration().upgrade(request).await.unwrap();
    client.outcome(upgrade.into_inner().operation).await;

    let review_of = review(client, &id, false).await;
    let revision = &review_of.revisions[0];
    assert!(names(revision).contains(&"drop-column:orders.total"));
    assert!(revision.rehearsal.is_some());
    assert!(review(client, "", false).await.revisions.is_empty());
    daemon.stop().await;
}

#[tokio::test]
async fn a_revision_that_cannot_run_and_one_that_is_not_there_are_refused() {
    let (_site, daemon) = support::start().await;
    let client = daemon.client();
    let wrong = client
        .revision("SELECT 1;\nSELECT no_such_column;", "-- nothing")
        .await;

    let unknown = start(client, "ffff0000", false).await;
    expect_reason(unknown, Code::NotFound, "REVISION_NOT_FOUND");
    let error = client
        .failure(start(client, "", false).await.unwrap())
        .await;
    assert!(error.message.contains(&wrong.filename), "{error:?}");
    assert!(error.message.contains("no_such_column"), "{error:?}");
    // Its text can be read all the same.
    assert_eq!(review(client, "", true).await.revisions.len(), 1);
    daemon.stop().await;
}
