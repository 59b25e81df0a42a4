//! Stamp: the version table is told where the database is, after a look at the schema.

use pgsteward::proto::{
    CheckDriftRequest, CreateRevisionRequest, GetRevisionRequest, GetSchemaVersionRequest,
    Operation, Revision, RevisionEventKind, RevisionEventState, StampRequest, StampResult,
    operation::Outcome,
};
use tonic::{Code, Status};

use crate::support::{self, Client, Site, expect_field, expect_reason};

const CUSTOMERS: [&str; 2] = [
    "CREATE TABLE customers (id bigint PRIMARY KEY, name text NOT NULL);",
    "DROP TABLE customers;",
];
const ORDERS: [&str; 2] = [
    "CREATE TABLE orders (id bigint PRIMARY KEY, customer bigint REFERENCES customers);",
    "DROP TABLE orders;",
];
const PHONE: [&str; 2] = [
    "ALTER TABLE customers ADD phone text;",
    "ALTER TABLE customers DROP phone;",
];

async fn three_revisions(client: &Client) -> [String; 3] {
    let mut ids = Vec::new();
    for [upgrade, downgrade] in [CUSTOMERS, ORDERS, PHONE] {
        ids.push(client.revision(upgrade, downgrade).await.revision);
    }
    ids.try_into().unwrap()
}

fn to(targets: &[&str]) -> StampRequest {
    StampRequest {
        targets: targets.iter().map(ToString::to_string).collect(),
        ..StampRequest::default()
    }
}

fn forced(targets: &[&str]) -> StampRequest {
    StampRequest {
        force: true,
        reason: "we know better".to_owned(),
        ..to(targets)
    }
}

async fn start(client: &Client, request: StampRequest) -> Result<Option<Operation>, Status> {
    let answer = client.migration().stamp(request).await?;
    Ok(answer.into_inner().operation)
}

async fn stamp(client: &Client, request: StampRequest) -> StampResult {
    match client.outcome(start(client, request).await.unwrap()).await {
        Outcome::Stamp(result) => result,
        other => panic!("{other:?}"),
    }
}

async fn get(client: &Client, revision: &str) -> Revision {
    let request = GetRevisionRequest {
        revision: revision.to_owned(),
        ..GetRevisionRequest::default()
    };
    let answer = client.migration().get_revision(request).await.unwrap();
    answer.into_inner().revision.unwrap()
}

async fn heads(client: &Client) -> Vec<String> {
    let request = GetSchemaVersionRequest::default();
    let answer = client.migration().get_schema_version(request).await;
    let version = answer.unwrap().into_inner().schema_version.unwrap();
    version.database_heads
}

/// The objects that a drift check names.
async fn drift(client: &Client) -> Vec<String> {
    let request = CheckDriftRequest::default();
    let answer = client.migration().check_drift(request).await.unwrap();
    match client.outcome(answer.into_inner().operation).await {
        Outcome::Drift(report) => report.differences.into_iter().map(|d| d.object).collect(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_schema_that_is_what_the_scripts_make_is_stamped_and_goes_on_from_there() {
    let (site, daemon) = support::start().await;
    let client = daemon.client();
    let [first, second, third] = three_revisions(client).await;
    site.databases
        .run(&format!("{} {}", CUSTOMERS[0], ORDERS[0]))
        .await;

    let result = stamp(client, to(&[&second])).await;

    assert_eq!(result.from_heads, [""; 0]);
    assert_eq!(result.to_heads, [second.as_str()]);
    assert_eq!(result.differences, []);
    assert_eq!(heads(client).await, [second.as_str()]);
    for id in [&first, &second] {
        let revision = get(client, id).await;
        assert!(revision.applied && !revision.edited);
        assert_eq!(revision.events.len(), 1);
        let event = &revision.events[0];
        assert_eq!(event.kind(), RevisionEventKind::Stamp);
        assert_eq!(event.state(), RevisionEventState::Applied);
        assert_eq!(event.to_heads, [second.as_str()]);
        assert_eq!(event.sha256, revision.sha256);
        assert_eq!(event.principal, "local");
        assert!(!event.fingerprint_after.is_empty());
    }
    assert_eq!(get(client, &third).await.events, []);
    assert_eq!(drift(client).await, [""; 0]);
    assert_eq!(site.databases.scratch_databases().await, [""; 0]);
    let result = client.upgrade("head").await;
    assert_eq!(result.steps.len(), 1);
    assert_eq!(result.drift_before, [""; 0]);
    daemon.stop().await;
}

#[tokio::test]
async fn a_schema_that_is_not_is_refused_with_what_differs_unless_it_is_forced_with_a_reason() {
    let (site, daemon) = support::start().await;
    let client = daemon.client();
    let [_, second, third] = three_revisions(client).await;
    site.databases
        .run(&format!(
            "{} {} CREATE TABLE extra ();",
            CUSTOMERS[0], ORDERS[0]
        ))
        .await;

    let error = client
        .failure(start(client, to(&["head"])).await.unwrap())
        .await;
    assert_eq!(error.reason, "SCHEMA_DIFFERS");
    assert!(error.message.contains("2 objects differ"), "{error:?}");
    assert!(error.message.contains("public.extra"), "{error:?}");
    let subjects: Vec<&str> = error
        .preconditions
        .iter()
        .map(|violation| violation.subject.as_str())
        .collect();
    assert_eq!(
        subjects,
        ["table public.extra", "column public.customers.phone"]
    );
    assert_eq!(heads(client).await, [""; 0]);

    let unreasoned = StampRequest {
        reason: String::new(),
        ..forced(&["head"])
    };
    expect_field(start(client, unreasoned).await, "reason");
    let result = stamp(client, forced(&["head"])).await;
    assert_eq!(result.to_heads, [third.as_str()]);
    assert_eq!(result.differences.len(), 2);
    let event = &get(client, &second).await.events[0];
    assert_eq!(event.reason, "we know better");
    // What was forced stays in sight.
    let mut seen = drift(client).await;
    seen.sort();
    assert_eq!(seen, ["public.customers.phone", "public.extra"]);
    daemon.stop().await;
}

#[tokio::test]
async fn down_to_a_lower_revision_and_to_base_the_schema_is_compared_too() {
    let (site, daemon) = support::start().await;
    let client = daemon.client();
    let [first, _, third] = three_revisions(client).await;
    client.upgrade("head").await;

    let base = start(client, to(&["base"])).await.unwrap();
    assert_eq!(client.failure(base).await.reason, "SCHEMA_DIFFERS");
    assert_eq!(heads(client).await, [third]);
    site.databases
        .run("DROP TABLE orders; ALTER TABLE customers DROP phone")
        .await;
    let result = stamp(client, to(&[&first])).await;
    assert_eq!(result.to_heads, [first.as_str()]);
    site.databases.run("DROP TABLE customers").await;
    let result = stamp(client, to(&["base"])).await;
    assert_eq!(result.to_heads, [""; 0]);
    let events = get(client, &first).await.events;
    assert_eq!(events[0].kind(), RevisionEventKind::Stamp);
    assert_eq!(events[0].from_heads, [first.as_str()]);
    client.upgrade("head").await;
    daemon.stop().await;
}

#[tokio::test]
async fn rows_that_no_script_has_go_only_with_purge() {
    let (site, daemon) = support::start().await;
    let client = daemon.client();
    let [first, ..] = three_revisions(client).await;
    site.databases
        .run(&format!(
            "{} CREATE TABLE alembic_version (version_num varchar(32) NOT NULL PRIMARY KEY);
             INSERT INTO alembic_version VALUES ('feedc0ffee00')",
            CUSTOMERS[0]
        ))
        .await;

    let refused = start(client, to(&[&first])).await;
    let unknown = "UNKNOWN_DATABASE_REVISION";
    expect_reason(refused, Code::FailedPrecondition, unknown);
    let purging = StampRequest {
        purge: true,
        ..to(&[&first])
    };
    let result = stamp(client, purging).await;
    assert_eq!(result.from_heads, ["feedc0ffee00"]);
    assert_eq!(heads(client).await, [first]);
    daemon.stop().await;
}

#[tokio::test]
async fn a_chain_that_cannot_be_built_is_stamped_only_by_force() {
    let (site, daemon) = support::start().await;
    let client = daemon.client();
    let rests_on_rows = "ALTER TABLE legacy ADD more int;";
    let id = client.revision(rests_on_rows, "").await.revision;
    site.databases
        .run("CREATE TABLE legacy (id int); ALTER TABLE legacy ADD more int")
        .await;

    let refused = start(client, to(&["head"])).await.unwrap();
    let error = client.failure(refused).await;
    assert_eq!(error.reason, "CHAIN_NOT_BUILDABLE");
    assert!(error.message.contains("legacy"), "{error:?}");
    assert_eq!(heads(client).await, [""; 0]);
    let result = stamp(client, forced(&["head"])).await;
    assert_eq!(result.to_heads, [id.as_str()]);
    assert_eq!(result.differences, []);
    // What is recorded by now is what it is compared with: no chain is built again.
    assert_eq!(drift(client).await, [""; 0]);
    stamp(client, to(&["head"])).await;
    daemon.stop().await;
}

#[tokio::test]
async fn a_script_that_was_left_in_the_middle_is_forgotten_only_by_force() {
    let (site, daemon) = support::start().await;
    let client = daemon.client();
    client.revision(CUSTOMERS[0], CUSTOMERS[1]).await;
    client.upgrade("head").await;
    site.databases
        .run("INSERT INTO customers VALUES (1, 'a'), (2, 'a')")
        .await;
    let request = CreateRevisionRequest {
        message: "two indexes".to_owned(),
        upgrade_sql: "CREATE INDEX CONCURRENTLY customers_id ON customers (id);
                      CREATE UNIQUE INDEX CONCURRENTLY customers_name ON customers (name);"
            .to_owned(),
        downgrade_sql: "DROP INDEX customers_id; DROP INDEX customers_name;".to_owned(),
        non_transactional: true,
        ..CreateRevisionRequest::default()
    };
    let made = client.migration().create_revision(request).await.unwrap();
    let id = made.into_inner().revision.unwrap().revision;
    let upgrade = client
        .migration()
        .upgrade(pgsteward::proto::UpgradeRequest::default())
        .await;
    let upgrade = upgrade.unwrap().into_inner().operation;
    client.failure(upgrade).await;
    assert!(get(client, &id).await.half_run);

    let refused = start(client, to(&["head"])).await.unwrap();
    let error = client.failure(refused).await;
    assert_eq!(error.reason, "REVISION_HALF_RUN");
    assert_eq!(error.preconditions[0].subject, id);
    let result = stamp(client, forced(&["head"])).await;
    assert_eq!(result.to_heads, [id.as_str()]);
    assert!(!get(client, &id).await.half_run);
    daemon.stop().await;
}

#[tokio::test]
async fn what_is_no_place_to_stamp_is_refused_at_once() {
    let (_site, daemon) = support::start().await;
    let client = daemon.client();
    three_revisions(client).await;

    expect_field(start(client, to(&[])).await, "targets");
    let relative = start(client, to(&["+1"])).await;
    expect_reason(relative, Code::InvalidArgument, "INVALID_TARGET");
    let unknown = start(client, to(&["ffff0000"])).await;
    expect_reason(unknown, Code::NotFound, "REVISION_NOT_FOUND");
    daemon.stop().await;
}

#[tokio::test]
async fn a_stamp_that_another_program_overtakes_changes_nothing() {
    let (site, daemon) = support::start().await;
    let client = daemon.client();
    let [first, second, _] = three_revisions(client).await;
    client.upgrade(&second).await;
    // Alembic beside us holds the version table while it moves it.
    let alembic = site.databases.connect("migrator").await.unwrap();
    alembic
        .batch_execute(&format!(
            "BEGIN; UPDATE alembic_version SET version_num = '{first}'"
        ))
        .await
        .unwrap();

    let operation = start(client, forced(&["head"])).await.unwrap();
    waits_for_the_version_table(&site).await;
    alembic.batch_execute("COMMIT").await.unwrap();

    let error = client.failure(operation).await;
    assert_eq!(error.reason, "SCHEMA_VERSION_CHANGED");
    assert_eq!(heads(client).await, [first]);
    daemon.stop().await;
}

async fn waits_for_the_version_table(site: &Site) {
    let waiting = "SELECT count(*) FROM pg_locks
                   WHERE NOT granted AND relation = 'alembic_version'::regclass";
    support::wait::until("the stamp waits for the version table", || async {
        (site.databases.value::<i64>(waiting).await > 0).then_some(())
    })
    .await;
}
