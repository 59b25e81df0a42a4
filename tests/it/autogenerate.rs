//! Autogenerate: from the models to revisions that were proven, with what is refused on the way. What is written for which
//! difference is told elsewhere, by pairs of schemas; here is the way there.

mod casts;
mod models;
mod random;
mod renames;

use std::fs;

use pgsteward::proto::{
    AutogenerateResult, CheckDriftRequest, CreateRevisionRequest, DdlGuardState, DriftReport,
    Operation, OperationError, SchemaReference, operation::Outcome,
};
use tonic::{Code, Status};

use crate::{
    cli::{cli, ends_with, succeeds},
    support::{Client, Daemon, Site, expect_field, expect_reason, gate::Gate, wait::until},
};

/// A site whose models directory holds these files.
pub(super) async fn with_models(files: &[(&str, &str)]) -> Site {
    let mut site = Site::new().await;
    let directory = site.path("models");
    fs::create_dir(&directory).unwrap();
    site.set("migrations.models", directory.to_str().unwrap());
    declare(&site, files);
    site
}

/// Writes files of the models.
pub(super) fn declare(site: &Site, files: &[(&str, &str)]) {
    for (name, text) in files {
        let path = site.path("models").join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
}

/// What asks for a revision from the models.
pub(super) fn request() -> CreateRevisionRequest {
    CreateRevisionRequest {
        message: "as declared".to_owned(),
        autogenerate: true,
        ..CreateRevisionRequest::default()
    }
}

pub(super) async fn start(
    client: &Client,
    request: CreateRevisionRequest,
) -> Result<Option<Operation>, Status> {
    let answer = client.migration().create_revision(request).await?;
    let answer = answer.into_inner();
    assert_eq!(answer.revision, None);
    Ok(answer.operation)
}

pub(super) async fn generate(
    client: &Client,
    request: CreateRevisionRequest,
) -> AutogenerateResult {
    match client.outcome(start(client, request).await.unwrap()).await {
        Outcome::Autogenerate(result) => result,
        other => panic!("{other:?}"),
    }
}

pub(super) async fn refused(client: &Client, request: CreateRevisionRequest) -> OperationError {
    client.failure(start(client, request).await.unwrap()).await
}

async fn check_models(client: &Client) -> DriftReport {
    let request = CheckDriftRequest {
        models: true,
        ..CheckDriftRequest::default()
    };
    let answer = client.migration().check_drift(request).await.unwrap();
    match client.outcome(answer.into_inner().operation).await {
        Outcome::Drift(report) => report,
        other => panic!("{other:?}"),
    }
}

/// How many scripts the revisions directory has.
pub(super) fn scripts(site: &Site) -> usize {
    fs::read_dir(site.revisions()).unwrap().count()
}

async fn nothing_is_left(site: &Site) {
    assert_eq!(site.databases.scratch_databases().await, [""; 0]);
}

const ORDERS: &str = "CREATE TABLE orders (id bigint PRIMARY KEY, total numeric NOT NULL);";

#[tokio::test]
async fn the_declared_schema_becomes_revisions_that_make_it_and_are_undone() {
    let site = with_models(&[("orders.sql", ORDERS)]).await;
    let daemon = site.start().await;
    let client = daemon.client();

    let first = generate(client, request()).await;
    assert_eq!(first.parents, [""; 0]);
    assert_eq!(first.revisions.len(), 1, "{first:?}");
    assert_eq!(first.revisions[0].message, "as declared");
    assert!(first.revisions[0].head && first.revisions[0].upgrade_sql.contains("orders"));
    assert_eq!(first.differences[0].object, "public.orders");
    client.upgrade("head").await;
    assert_eq!(site.databases.rows("orders").await, 0);

    let indexed = format!("{ORDERS} CREATE INDEX orders_total ON orders (total);");
    declare(&site, &[("orders.sql", &indexed)]);
    assert!(check_models(client).await.drifted);
    let second = generate(client, request()).await;
    let all = second.revisions.iter();
    let concurrent = all.clone().any(|revision| !revision.transactional);
    assert!(concurrent, "{second:?}");
    assert_eq!(second.parents, [first.revisions[0].revision.clone()]);
    for (place, revision) in all.enumerate() {
        let parent = match place {
            0 => &second.parents[0],
            _ => &second.revisions[place - 1].revision,
        };
        assert_eq!(&revision.down_revisions[..], std::slice::from_ref(parent));
        assert_eq!(revision.head, place + 1 == second.revisions.len());
    }
    client.upgrade("head").await;
    assert!(!check_models(client).await.drifted);
    nothing_is_left(&site).await;
    daemon.stop().await;
}

#[tokio::test]
async fn what_is_destroyed_is_found_and_said_above_its_statement() {
    let site = with_models(&[("orders.sql", ORDERS)]).await;
    let daemon = site.start().await;
    let client = daemon.client();
    generate(client, request()).await;
    client.upgrade("head").await;

    declare(
        &site,
        &[("orders.sql", "CREATE TABLE orders (id bigint PRIMARY KEY);")],
    );
    let result = generate(client, request()).await;

    let finding = result
        .findings
        .iter()
        .find(|finding| finding.rule == "drop-column")
        .unwrap();
    let revision = &result.revisions[0];
    assert_eq!(finding.revision, revision.revision);
    let lines: Vec<&str> = revision.upgrade_sql.lines().collect();
    let comment = format!("-- finding: {}", finding.name);
    let place = lines.iter().position(|line| **line == comment).unwrap();
    assert!(
        lines[place + 1..]
            .iter()
            .any(|line| line.contains("DROP COLUMN")),
        "{lines:?}"
    );
    daemon.stop().await;
}

#[tokio::test]
async fn models_that_agree_with_the_head_write_nothing() {
    let site = with_models(&[("orders.sql", ORDERS)]).await;
    let daemon = site.start().await;
    let client = daemon.client();
    client.revision(ORDERS, "DROP TABLE orders;").await;

    let result = generate(client, request()).await;

    assert!(result.revisions.is_empty() && result.differences.is_empty());
    let report = check_models(client).await;
    assert!(!report.drifted, "{report:?}");
    assert_eq!(report.reference(), SchemaReference::Models);
    assert_eq!(report.expected_fingerprint, report.live_fingerprint);
    assert_eq!(report.ddl_guard(), DdlGuardState::Unspecified);
    assert_eq!(scripts(&site), 1);
    // Nothing was applied: the live schema was not looked at.
    let absent: bool = site
        .databases
        .value("SELECT to_regclass('orders') IS NULL")
        .await;
    assert!(absent);
    nothing_is_left(&site).await;
    daemon.stop().await;
}

#[tokio::test]
async fn a_check_names_how_the_models_differ_from_what_the_revisions_make() {
    let site = with_models(&[("orders.sql", ORDERS)]).await;
    let daemon = site.start().await;
    let client = daemon.client();
    client
        .revision("CREATE TABLE customers (id int);", "DROP TABLE customers;")
        .await;

    let report = check_models(client).await;

    assert!(report.drifted);
    let said = report.differences.iter();
    let said: Vec<(String, &str)> = said
        .map(|difference| {
            let kind = difference.kind().as_str_name().to_owned();
            (kind, difference.object.as_str())
        })
        .collect();
    assert_eq!(
        said,
        [
            ("DIFFERENCE_KIND_DROPPED".to_owned(), "public.customers"),
            ("DIFFERENCE_KIND_ADDED".to_owned(), "public.orders"),
        ]
    );
    daemon.stop().await;
}

#[tokio::test]
async fn without_models_there_is_nothing_to_compare_with() {
    let site = Site::new().await;
    let daemon = site.start().await;
    let client = daemon.client();

    let answer = start(client, request()).await;
    let status = expect_reason(answer, Code::FailedPrecondition, "NO_MODELS");
    assert!(status.message().contains("\"app\""), "{status:?}");
    let check = CheckDriftRequest {
        models: true,
        ..CheckDriftRequest::default()
    };
    let answer = client.migration().check_drift(check).await;
    expect_reason(answer, Code::FailedPrecondition, "NO_MODELS");
    daemon.stop().await;
}

#[tokio::test]
async fn sql_by_hand_and_autogenerate_are_not_asked_for_together() {
    let site = with_models(&[("orders.sql", ORDERS)]).await;
    let daemon = site.start().await;
    let client = daemon.client();
    let by_hand = CreateRevisionRequest {
        upgrade_sql: "SELECT 1".to_owned(),
        ..request()
    };
    expect_field(start(client, by_hand).await, "upgrade_sql");
    let stepwise = CreateRevisionRequest {
        non_transactional: true,
        ..request()
    };
    expect_field(start(client, stepwise).await, "non_transactional");
    let without = |request| CreateRevisionRequest {
        autogenerate: false,
        message: "by hand".to_owned(),
        ..request
    };
    let plain = CreateRevisionRequest {
        plain: true,
        ..CreateRevisionRequest::default()
    };
    expect_field(start(client, without(plain)).await, "plain");
    let drops = CreateRevisionRequest {
        drops: vec!["public.a".to_owned()],
        ..CreateRevisionRequest::default()
    };
    expect_field(start(client, without(drops)).await, "drops");
    assert_eq!(scripts(&site), 0);
    daemon.stop().await;
}

#[tokio::test]
async fn the_same_request_twice_writes_once() {
    let site = with_models(&[("orders.sql", ORDERS)]).await;
    let daemon = site.start().await;
    let client = daemon.client();
    let same = CreateRevisionRequest {
        request_id: "once".to_owned(),
        ..request()
    };
    let first = start(client, same.clone()).await.unwrap().unwrap();
    let done = client.wait_for(&first.id).await;
    let second = start(client, same).await.unwrap().unwrap();
    assert_eq!(
        (first.id, done.outcome),
        (second.id.clone(), second.outcome)
    );
    assert_eq!(scripts(&site), 1);
    daemon.stop().await;
}

/// A table's function sleeps while the models load it, so that both scratch databases stand.
async fn asleep(site: &Site) -> (Daemon, String) {
    let daemon = site.start().await;
    let operation = start(daemon.client(), request()).await.unwrap().unwrap();
    until("both scratch databases stand", || async {
        let asleep: i64 = site
            .databases
            .value(
                "SELECT count(*) FROM pg_stat_activity
                 WHERE starts_with(datname, 'pgsteward_models_') AND wait_event = 'PgSleep'",
            )
            .await;
        (asleep > 0 && site.databases.scratch_databases().await.len() == 2).then_some(())
    })
    .await;
    (daemon, operation.id)
}

#[tokio::test]
async fn a_daemon_that_dies_leaves_two_databases_that_the_next_one_sweeps() {
    let site = with_models(&[("a.sql", "SELECT pg_sleep(600);")]).await;
    let (daemon, _) = asleep(&site).await;

    daemon.kill9();
    let daemon = site.start().await;

    until("the scratch databases are swept", || async {
        let left = site.databases.scratch_databases().await;
        left.is_empty().then_some(())
    })
    .await;
    assert_eq!(scripts(&site), 0);
    daemon.stop().await;
}

#[tokio::test]
async fn cancelled_it_leaves_nothing() {
    let site = with_models(&[("a.sql", "SELECT pg_sleep(600);")]).await;
    let (daemon, id) = asleep(&site).await;
    let request = pgsteward::proto::CancelOperationRequest { id: id.clone() };
    let client = daemon.client();
    client.operations().cancel_operation(request).await.unwrap();
    client.wait_for(&id).await;
    nothing_is_left(&site).await;
    assert_eq!(scripts(&site), 0);
    daemon.stop().await;
}

#[tokio::test]
async fn a_revision_that_is_written_meanwhile_is_not_passed_over() {
    let mut site = with_models(&[("orders.sql", ORDERS)]).await;
    let mut gate = Gate::before(&mut site, "pg_dump");
    let daemon = site.start().await;
    let client = daemon.client();
    let operation = start(client, request()).await.unwrap();
    gate.reached(&site).await;
    client.revision("CREATE TABLE a ();", "DROP TABLE a;").await;
    gate.open();

    let error = client.failure(operation).await;

    assert_eq!(error.reason, "HEADS_CHANGED", "{error:?}");
    assert_eq!(scripts(&site), 1);
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_line_shows_what_was_written_and_checks_the_models() {
    let site = with_models(&[("orders.sql", ORDERS)]).await;
    let daemon = site.start().await;
    ends_with(4, &cli(&daemon, "migrate drift --models"));
    let shown = succeeds(&daemon, "migrate revision --autogenerate -m first");
    assert!(shown.contains("_first.sql: one transaction"), "{shown}");
    assert!(shown.contains("CREATE TABLE"), "{shown}");
    let shown = succeeds(&daemon, "migrate drift --models");
    assert!(
        shown.contains("app: the models are what the revisions make"),
        "{shown}"
    );
    let shown = succeeds(&daemon, "migrate revision --autogenerate -m second");
    assert_eq!(
        shown,
        "the models and the head agree; nothing was written\n"
    );
    let json = succeeds(&daemon, "--json migrate revision --autogenerate -m third");
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["autogenerate"]["revisions"], serde_json::json!([]));
    let said = ends_with(2, &cli(&daemon, "migrate revision -m a --rename a.b=c"));
    assert!(said.contains("--autogenerate"), "{said}");
    daemon.stop().await;
}
