//! CheckDrift: whether the live schema still is what the revisions made of it, and what is not.

use pgsteward::proto::{
    CheckDriftRequest, DifferenceKind, DriftReport, Operation, RunScheduleRequest, SchemaReference,
    operation::Outcome,
};
use serde_json::Value;

use crate::support::{self, Client, Daemon, Site};

const ORDERS: [&str; 2] = [
    "CREATE TABLE orders (id bigint PRIMARY KEY, total numeric NOT NULL);
     CREATE INDEX orders_total ON orders (total);
     CREATE VIEW dear AS SELECT id FROM orders WHERE total > 100;",
    "DROP VIEW dear; DROP TABLE orders;",
];

async fn start_check(client: &Client) -> Option<Operation> {
    let request = CheckDriftRequest::default();
    let answer = client.migration().check_drift(request).await.unwrap();
    answer.into_inner().operation
}

fn report(outcome: Outcome) -> DriftReport {
    match outcome {
        Outcome::Drift(report) => report,
        other => panic!("{other:?}"),
    }
}

async fn check(client: &Client) -> DriftReport {
    report(client.outcome(start_check(client).await).await)
}

/// What differs, as `kind object-kind object`.
fn differences(report: &DriftReport) -> Vec<String> {
    let differences = report.differences.iter();
    differences
        .map(|difference| {
            let kind = match difference.kind() {
                DifferenceKind::Added => "added",
                DifferenceKind::Changed => "changed",
                DifferenceKind::Dropped => "dropped",
                DifferenceKind::Unspecified => "?",
            };
            format!("{kind} {} {}", difference.object_kind, difference.object)
        })
        .collect()
}

/// The warnings of drift that the daemon has logged.
fn warnings(daemon: &Daemon) -> Vec<Value> {
    let lines = daemon.process.log_lines().into_iter();
    lines
        .filter(|line| line["message"] == "the schema is not what the revisions made")
        .collect()
}

/// Does by hand what a revision would do, version row included, as Alembic would.
async fn apply_by_hand(site: &Site, sql: &str, revision: &str) {
    let table = "CREATE TABLE alembic_version (version_num varchar(32) NOT NULL,
                 CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num))";
    site.databases
        .run(&format!(
            "{sql}; {table}; INSERT INTO alembic_version VALUES ('{revision}')"
        ))
        .await;
}

#[tokio::test]
async fn what_was_changed_behind_the_revisions_back_is_named_and_logged() {
    let (site, daemon) = support::start().await;
    let client = daemon.client();
    let id = client.revision(ORDERS[0], ORDERS[1]).await.revision;
    client.upgrade("head").await;

    let clean = check(client).await;
    assert!(!clean.drifted, "{clean:?}");
    assert_eq!(clean.heads, [id]);
    assert_eq!(clean.reference(), SchemaReference::Recorded);
    assert_eq!(clean.expected_fingerprint, clean.live_fingerprint);
    assert!(warnings(&daemon).is_empty());

    site.databases
        .run(
            "ALTER TABLE orders ADD note text; DROP INDEX orders_total;
             ALTER TABLE orders ALTER total DROP NOT NULL; CREATE TABLE extra (id int)",
        )
        .await;
    let drifted = check(client).await;
    assert!(drifted.drifted);
    assert_eq!(
        differences(&drifted),
        [
            "added table public.extra",
            "added column public.orders.note",
            "changed column public.orders.total",
            "dropped index public.orders_total",
        ]
    );
    assert_eq!(drifted.expected_fingerprint, clean.expected_fingerprint);
    assert_ne!(drifted.live_fingerprint, clean.live_fingerprint);
    let logged = warnings(&daemon);
    assert_eq!(logged.len(), 1);
    assert_eq!(logged[0]["count"], 4);
    let objects = logged[0]["objects"].as_str().unwrap();
    assert!(objects.contains("column public.orders.note"), "{objects}");
    daemon.stop().await;
}

#[tokio::test]
async fn drift_stays_drift_when_other_revisions_are_applied() {
    let (site, daemon) = support::start().await;
    let client = daemon.client();
    client.revision(ORDERS[0], ORDERS[1]).await;
    client.upgrade("head").await;
    site.databases.run("CREATE TABLE extra (id int)").await;

    client
        .revision("CREATE TABLE bills ();", "DROP TABLE bills;")
        .await;
    let result = client.upgrade("head").await;
    assert_eq!(result.drift_before.len(), 1, "{result:?}");
    assert_eq!(
        differences(&check(client).await),
        ["added table public.extra"]
    );
    daemon.stop().await;
}

#[tokio::test]
async fn where_nothing_was_recorded_the_chain_is_built_beside_and_leaves_nothing() {
    let (site, daemon) = support::start().await;
    let client = daemon.client();
    let id = client.revision(ORDERS[0], ORDERS[1]).await.revision;
    apply_by_hand(&site, ORDERS[0], &id).await;

    let clean = check(client).await;
    assert_eq!(clean.reference(), SchemaReference::Built);
    assert_eq!(differences(&clean), [""; 0]);
    assert_eq!(clean.expected_fingerprint, clean.live_fingerprint);
    site.databases.run("DROP VIEW dear").await;
    let drifted = check(client).await;
    assert_eq!(differences(&drifted), ["dropped view public.dear"]);
    assert_eq!(site.databases.scratch_databases().await, [""; 0]);
    daemon.stop().await;
}

#[tokio::test]
async fn without_any_revision_everything_is_drift() {
    let (site, daemon) = support::start().await;
    let client = daemon.client();
    let empty = check(client).await;
    assert_eq!(differences(&empty), [""; 0], "{empty:?}");
    assert_eq!(empty.heads, [""; 0]);

    site.databases.run("CREATE TABLE extra (id int)").await;
    let report = check(client).await;
    assert_eq!(report.reference(), SchemaReference::Built);
    assert_eq!(differences(&report), ["added table public.extra"]);
    daemon.stop().await;
}

#[tokio::test]
async fn what_the_configuration_ignores_is_no_drift_whatever_it_is_compared_with() {
    let mut site = Site::new().await;
    site.set("migrations.ignore", "table public.events_*");
    let daemon = site.start().await;
    let client = daemon.client();
    let id = client.revision(ORDERS[0], ORDERS[1]).await.revision;
    apply_by_hand(&site, ORDERS[0], &id).await;
    site.databases
        .run("CREATE TABLE events_1 (id int); CREATE INDEX ON events_1 (id); CREATE TABLE other ()")
        .await;
    assert_eq!(
        differences(&check(client).await),
        ["added table public.other"]
    );
    daemon.stop().await;
}

#[tokio::test]
async fn a_version_that_no_script_has_is_refused_by_name() {
    let (site, daemon) = support::start().await;
    let client = daemon.client();
    client.revision(ORDERS[0], ORDERS[1]).await;
    apply_by_hand(&site, "SELECT 1", "feedc0ffee00").await;

    let error = client.failure(start_check(client).await).await;

    assert_eq!(error.reason, "UNKNOWN_REVISION");
    assert!(error.message.contains("feedc0ffee00"), "{error:?}");
    daemon.stop().await;
}

#[tokio::test]
async fn the_schedule_checks_every_managed_database() {
    let mut site = Site::new().await;
    site.set("schedule.enabled", "true");
    let daemon = site.start().await;
    let client = daemon.client();
    let request = RunScheduleRequest {
        name: "drift/app".to_owned(),
        ..RunScheduleRequest::default()
    };
    let answer = client.schedule().run_schedule(request).await.unwrap();
    let report = report(client.outcome(answer.into_inner().operation).await);
    assert_eq!(report.database, "app");
    daemon.stop().await;
}
