//! MigrationService through the wire: revisions on disk, the version table as Alembic keeps it, and the way between.

use std::fs;

use pgsteward::proto::{
    CreateRevisionRequest, Direction, DowngradeRequest, GetOperationRequest, GetRevisionRequest,
    GetSchemaVersionRequest, ListRevisionsRequest, MigrationResult, Operation, OperationState,
    SchemaVersion, UpgradeRequest, operation::Outcome,
};
use tonic::Code;

use crate::support::{self, Client, expect_reason, wait::until};

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

/// Three revisions, each on the one before; gives their ids.
async fn three_revisions(client: &Client) -> [String; 3] {
    let mut ids = Vec::new();
    for [upgrade, downgrade] in [CUSTOMERS, ORDERS, PHONE] {
        ids.push(client.revision(upgrade, downgrade).await.revision);
    }
    ids.try_into().unwrap()
}

async fn schema_version(client: &Client) -> SchemaVersion {
    let request = GetSchemaVersionRequest::default();
    let answer = client.migration().get_schema_version(request).await;
    answer.unwrap().into_inner().schema_version.unwrap()
}

fn upgrade_to(target: &str) -> UpgradeRequest {
    UpgradeRequest {
        target: target.to_owned(),
        ..UpgradeRequest::default()
    }
}

fn downgrade_to(target: &str) -> DowngradeRequest {
    DowngradeRequest {
        target: target.to_owned(),
        ..DowngradeRequest::default()
    }
}

async fn start_upgrade(client: &Client, target: &str) -> Option<Operation> {
    let answer = client.migration().upgrade(upgrade_to(target)).await;
    answer.unwrap().into_inner().operation
}

async fn downgrade(client: &Client, target: &str) -> MigrationResult {
    let answer = client.migration().downgrade(downgrade_to(target)).await;
    migration(client.outcome(answer.unwrap().into_inner().operation).await)
}

fn migration(outcome: Outcome) -> MigrationResult {
    match outcome {
        Outcome::Migration(result) => result,
        other => panic!("{other:?}"),
    }
}

fn steps(result: &MigrationResult) -> Vec<&str> {
    let steps = result.steps.iter();
    steps.map(|step| step.revision.as_str()).collect()
}

#[tokio::test]
async fn a_created_revision_is_a_file_in_the_directory_and_in_the_list() {
    let (site, daemon) = support::start().await;
    let client = daemon.client();
    let [first, second, third] = three_revisions(client).await;

    let request = ListRevisionsRequest::default();
    let listed = client.migration().list_revisions(request).await.unwrap();
    let listed = listed.into_inner().revisions;
    let ids: Vec<&str> = listed.iter().map(|r| r.revision.as_str()).collect();
    assert_eq!(ids, [&third, &second, &first]);
    assert_eq!(listed[0].down_revisions, [second.as_str()]);
    assert_eq!(listed[2].down_revisions, [""; 0]);
    assert!(listed[0].head && !listed[1].head);
    assert!(listed.iter().all(|revision| !revision.applied));

    let request = GetRevisionRequest {
        revision: first[..6].to_owned(),
        ..GetRevisionRequest::default()
    };
    let got = client.migration().get_revision(request).await.unwrap();
    let got = got.into_inner().revision.unwrap();
    assert_eq!(got.revision, first);
    assert_eq!(got.upgrade_sql, CUSTOMERS[0]);
    assert_eq!(got.downgrade_sql, CUSTOMERS[1]);
    let text = fs::read_to_string(site.revisions().join(&got.filename)).unwrap();
    assert!(text.contains(&format!("-- revision: {first}")), "{text}");
    assert!(text.contains(CUSTOMERS[0]), "{text}");

    // The list in pages of two is the same list.
    let mut paged = Vec::new();
    let mut page_token = String::new();
    loop {
        let request = ListRevisionsRequest {
            page_size: 2,
            page_token,
            ..ListRevisionsRequest::default()
        };
        let page = client.migration().list_revisions(request).await.unwrap();
        let page = page.into_inner();
        paged.extend(page.revisions);
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    assert_eq!(paged, listed);
    daemon.stop().await;
}

#[tokio::test]
async fn upgrade_and_downgrade_go_where_each_kind_of_target_says() {
    let (site, daemon) = support::start().await;
    let client = daemon.client();
    let [first, second, third] = three_revisions(client).await;

    let result = client.upgrade("+1").await;
    assert_eq!(steps(&result), [&first]);
    assert_eq!(result.from_heads, [""; 0]);
    assert_eq!(result.to_heads, [first.as_str()]);
    assert_eq!(steps(&client.upgrade(&second[..8]).await), [&second]);
    assert_eq!(steps(&client.upgrade("head").await), [&third]);
    assert_eq!(steps(&client.upgrade("head").await), [""; 0]);
    assert!(schema_version(client).await.in_sync);
    site.databases.run("SELECT phone FROM customers").await;

    let result = downgrade(client, "-1").await;
    assert_eq!(steps(&result), [&third]);
    assert_eq!(result.steps[0].direction(), Direction::Downgrade);
    let version = schema_version(client).await;
    assert_eq!(version.database_heads, [second.as_str()]);
    assert_eq!(version.pending_count, 1);
    assert!(!version.in_sync);
    assert_eq!(steps(&downgrade(client, "base").await), [&second, &first]);
    let tables: i64 = site
        .databases
        .value("SELECT count(*) FROM pg_class WHERE relname IN ('customers', 'orders')")
        .await;
    assert_eq!(tables, 0);
    assert_eq!(site.databases.rows("alembic_version").await, 0);

    assert_eq!(
        steps(&client.upgrade(&third).await),
        [&first, &second, &third]
    );
    assert_eq!(steps(&downgrade(client, &first).await), [&third, &second]);
    daemon.stop().await;
}

#[tokio::test]
async fn the_version_table_has_the_shape_that_alembic_gives_it() {
    let (site, daemon) = support::start().await;
    let client = daemon.client();
    let id = client.revision(CUSTOMERS[0], CUSTOMERS[1]).await.revision;

    client.upgrade("head").await;

    let columns: String = site
        .databases
        .value(
            "SELECT string_agg(format('%s %s %s', attname, format_type(atttypid, atttypmod), attnotnull), ',')
             FROM pg_attribute WHERE attrelid = 'public.alembic_version'::regclass AND attnum > 0",
        )
        .await;
    assert_eq!(columns, "version_num character varying(32) t");
    let constraint: String = site
        .databases
        .value(
            "SELECT conname || ' ' || pg_get_constraintdef(oid) FROM pg_constraint
             WHERE conrelid = 'public.alembic_version'::regclass",
        )
        .await;
    assert_eq!(constraint, "alembic_version_pkc PRIMARY KEY (version_num)");
    let row: String = site
        .databases
        .value("SELECT version_num FROM alembic_version")
        .await;
    assert_eq!(row, id);
    daemon.stop().await;
}

#[tokio::test]
async fn the_ledger_keeps_who_ran_which_script_and_cannot_be_rewritten() {
    let (site, daemon) = support::start().await;
    let client = daemon.client();
    let revision = client.revision(CUSTOMERS[0], CUSTOMERS[1]).await;
    let id = revision.revision;
    let text_of_file = fs::read_to_string(site.revisions().join(&revision.filename)).unwrap();
    client.upgrade("head").await;
    downgrade(client, "base").await;

    let control = site.databases.in_control().await;
    let rows = control
        .query(
            "SELECT revision, kind, principal, script FROM migration_events ORDER BY id",
            &[],
        )
        .await
        .unwrap();
    let text = |row: usize, column: usize| rows[row].get::<_, String>(column);
    for (row, direction) in ["upgrade", "downgrade"].into_iter().enumerate() {
        assert_eq!(text(row, 0), id);
        assert_eq!(text(row, 1), direction);
        assert_eq!(text(row, 2), "local");
        assert_eq!(text(row, 3), text_of_file);
    }
    for change in [
        "UPDATE migration_events SET principal = 'nobody'",
        "DELETE FROM migration_events",
        "UPDATE migration_outcomes SET state = 'NOT_APPLIED'",
        "DELETE FROM migration_outcomes",
    ] {
        assert!(control.batch_execute(change).await.is_err(), "{change}");
    }
    daemon.stop().await;
}

#[tokio::test]
async fn validate_only_shows_the_sql_and_changes_nothing() {
    let (site, daemon) = support::start().await;
    let client = daemon.client();
    three_revisions(client).await;

    let request = UpgradeRequest {
        validate_only: true,
        ..upgrade_to("head")
    };
    let answer = client.migration().upgrade(request).await.unwrap();
    let operation = answer.into_inner().operation.unwrap();

    assert!(operation.done);
    assert_eq!(operation.id, "");
    let plan = migration(operation.outcome.unwrap());
    assert!(plan.validate_only);
    let sql: Vec<&str> = plan.steps.iter().map(|step| step.sql.as_str()).collect();
    assert_eq!(sql, [CUSTOMERS[0], ORDERS[0], PHONE[0]]);
    assert_eq!(schema_version(client).await.pending_count, 3);
    let tables: i64 = site
        .databases
        .value("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'")
        .await;
    assert_eq!(tables, 0);
    daemon.stop().await;
}

#[tokio::test]
async fn a_script_that_fails_leaves_nothing_and_is_named_with_its_line() {
    let (site, daemon) = support::start().await;
    let client = daemon.client();
    let first = client.revision(CUSTOMERS[0], CUSTOMERS[1]).await.revision;
    let wrong = "CREATE TABLE half (n int);\n\nINSERT INTO half\nVALUES (1, no_such_column);";
    let second = client.revision(wrong, "").await;

    let error = client.failure(start_upgrade(client, "head").await).await;

    assert_eq!(error.reason, "STATEMENT_FAILED");
    let text = fs::read_to_string(site.revisions().join(&second.filename)).unwrap();
    let line = text
        .lines()
        .position(|line| line.contains("no_such_column"));
    let place = format!("{}:{}:", second.filename, line.unwrap() + 1);
    assert!(error.message.contains(&place), "{}", error.message);
    assert!(
        error.message.contains("no_such_column"),
        "{}",
        error.message
    );
    // The script before it was a transaction of its own, and stays.
    assert_eq!(schema_version(client).await.database_heads, [first]);
    let half: bool = site
        .databases
        .value("SELECT to_regclass('half') IS NOT NULL")
        .await;
    assert!(!half);
    daemon.stop().await;
}

#[tokio::test]
async fn a_non_transactional_script_can_build_an_index_concurrently() {
    let (site, daemon) = support::start().await;
    let client = daemon.client();
    client.revision(CUSTOMERS[0], CUSTOMERS[1]).await;
    let request = CreateRevisionRequest {
        message: "index the names".to_owned(),
        upgrade_sql: "CREATE INDEX CONCURRENTLY customers_name ON customers (name);".to_owned(),
        downgrade_sql: "DROP INDEX CONCURRENTLY customers_name;".to_owned(),
        non_transactional: true,
        ..CreateRevisionRequest::default()
    };
    client.migration().create_revision(request).await.unwrap();

    let result = client.upgrade("head").await;

    assert!(result.steps[0].transactional && !result.steps[1].transactional);
    let valid = "SELECT indisvalid FROM pg_index WHERE indexrelid = 'customers_name'::regclass";
    assert!(site.databases.value::<bool>(valid).await);
    downgrade(client, "-1").await;
    daemon.stop().await;
}

#[tokio::test]
async fn one_request_id_starts_one_operation_and_is_refused_for_another_request() {
    let (site, daemon) = support::start().await;
    let client = daemon.client();
    let [first, ..] = three_revisions(client).await;
    let request = UpgradeRequest {
        request_id: "deploy-17".to_owned(),
        ..upgrade_to("+1")
    };

    let answer = client.migration().upgrade(request.clone()).await.unwrap();
    let operation = client.wait(answer.into_inner().operation).await;
    let again = client.migration().upgrade(request.clone()).await.unwrap();
    let again = client.wait(again.into_inner().operation).await;

    assert_eq!(again, operation);
    assert_eq!(
        schema_version(client).await.database_heads,
        [first.as_str()]
    );
    let other = UpgradeRequest {
        target: "head".to_owned(),
        ..request.clone()
    };
    let answer = client.migration().upgrade(other).await;
    expect_reason(answer, Code::AlreadyExists, "REQUEST_ID_REUSED");
    // Also where the request could not be started any more: three more steps cannot be planned.
    client.upgrade("head").await;
    let again = client.migration().upgrade(request).await.unwrap();
    assert_eq!(again.into_inner().operation.unwrap().id, operation.id);
    let events = "SELECT count(*) FROM migration_events";
    assert_eq!(site.databases.control_value::<i64>(events).await, 3);

    let request = CreateRevisionRequest {
        message: "a fourth".to_owned(),
        request_id: "revision-4".to_owned(),
        ..CreateRevisionRequest::default()
    };
    let one = client.migration().create_revision(request.clone()).await;
    let two = client.migration().create_revision(request).await;
    assert_eq!(one.unwrap().into_inner(), two.unwrap().into_inner());
    daemon.stop().await;
}

#[tokio::test]
async fn head_is_refused_with_the_candidates_where_there_are_several() {
    let (_site, daemon) = support::start().await;
    let client = daemon.client();
    let root = client.revision(CUSTOMERS[0], CUSTOMERS[1]).await.revision;
    let mut heads = Vec::new();
    for [upgrade, downgrade] in [ORDERS, PHONE] {
        let request = CreateRevisionRequest {
            message: "a branch".to_owned(),
            parents: vec![root.clone()],
            upgrade_sql: upgrade.to_owned(),
            downgrade_sql: downgrade.to_owned(),
            ..CreateRevisionRequest::default()
        };
        let answer = client.migration().create_revision(request).await.unwrap();
        heads.push(answer.into_inner().revision.unwrap().revision);
    }

    let answer = client.migration().upgrade(upgrade_to("head")).await;

    let refusal = expect_reason(answer, Code::FailedPrecondition, "MULTIPLE_HEADS");
    for head in &heads {
        assert!(refusal.message().contains(head), "{}", refusal.message());
    }
    let mut result = client.upgrade("heads").await;
    heads.sort();
    result.to_heads.sort();
    assert_eq!(result.to_heads, heads);
    daemon.stop().await;
}

#[tokio::test]
async fn a_version_that_something_else_changes_meanwhile_stops_the_migration() {
    let mut site = support::Site::new().await;
    site.set("migrations.lock_timeout", "1h");
    let daemon = site.start().await;
    let client = daemon.client();
    client.revision(CUSTOMERS[0], CUSTOMERS[1]).await;
    client.upgrade("head").await;
    let gate = site.databases.superuser().await;
    gate.batch_execute("SELECT pg_advisory_lock(1)")
        .await
        .unwrap();
    let request = CreateRevisionRequest {
        message: "waits at the gate".to_owned(),
        upgrade_sql: "SELECT pg_advisory_lock_shared(1);".to_owned(),
        non_transactional: true,
        ..CreateRevisionRequest::default()
    };
    client.migration().create_revision(request).await.unwrap();

    let operation = start_upgrade(client, "head").await;
    waits_for_advisory_lock(&site).await;
    // What `alembic stamp` does.
    site.databases
        .run("UPDATE alembic_version SET version_num = 'ae1027a6acf8'")
        .await;
    gate.batch_execute("SELECT pg_advisory_unlock(1)")
        .await
        .unwrap();

    let error = client.failure(operation).await;
    assert_eq!(error.reason, "SCHEMA_VERSION_CHANGED");
    assert!(error.message.contains("ae1027a6acf8"), "{}", error.message);
    let version = schema_version(client).await;
    assert_eq!(version.unknown_revisions, ["ae1027a6acf8"]);
    let answer = client.migration().upgrade(upgrade_to("head")).await;
    expect_reason(
        answer,
        Code::FailedPrecondition,
        "UNKNOWN_DATABASE_REVISION",
    );
    daemon.stop().await;
}

/// A migration's statement waits in the managed database.
async fn waits_for_advisory_lock(site: &support::Site) {
    let query = format!(
        "SELECT count(*) FROM pg_locks JOIN pg_database ON pg_database.oid = database
         WHERE locktype = 'advisory' AND NOT granted AND datname = '{}'",
        site.databases.managed()
    );
    until("a statement waits at the gate", || async {
        (site.databases.value::<i64>(&query).await == 1).then_some(())
    })
    .await;
}

#[tokio::test]
async fn two_daemons_that_upgrade_at_once_run_each_script_once() {
    let mut site = support::Site::new().await;
    site.set("migrations.lock_timeout", "1h");
    let (one, two) = tokio::join!(site.start(), site.start());
    let gate = site.databases.superuser().await;
    gate.batch_execute("SELECT pg_advisory_lock(1)")
        .await
        .unwrap();
    one.client()
        .revision("SELECT pg_advisory_xact_lock_shared(1);", "")
        .await;
    three_revisions(one.client()).await;

    let first = start_upgrade(one.client(), "head").await;
    waits_for_advisory_lock(&site).await;
    let second = start_upgrade(two.client(), "head").await;
    let id = second.as_ref().unwrap().id.clone();
    until("the second waits for the first", || async {
        let request = GetOperationRequest { id: id.clone() };
        let answer = two.client().operations().get_operation(request).await;
        let operation = answer.unwrap().into_inner().operation.unwrap();
        let waits = operation.progress.as_ref().unwrap();
        (operation.state() == OperationState::Queued
            && waits.message.contains(&first.as_ref().unwrap().id))
        .then_some(())
    })
    .await;
    gate.batch_execute("SELECT pg_advisory_unlock(1)")
        .await
        .unwrap();

    let first = migration(one.client().outcome(first).await);
    let second = migration(two.client().outcome(second).await);
    assert_eq!(steps(&first).len(), 4);
    assert_eq!(steps(&second).len(), 0);
    assert_eq!(first.to_heads, second.to_heads);
    one.stop().await;
    two.stop().await;
}

#[tokio::test]
async fn a_statement_that_waits_too_long_for_a_lock_gives_up() {
    let mut site = support::Site::new().await;
    site.set("migrations.lock_timeout", "200ms");
    site.set("migrations.lock_budget", "1s");
    let daemon = site.start().await;
    let client = daemon.client();
    three_revisions(client).await;
    client.upgrade("+1").await;
    let mut reader = site.databases.superuser().await;
    let reading = reader.transaction().await.unwrap();
    reading.batch_execute("TABLE customers").await.unwrap();

    let error = client.failure(start_upgrade(client, "head").await).await;

    assert_eq!(error.reason, "LOCK_TIMEOUT");
    assert_eq!(error.code, "ABORTED");
    drop(reading);
    client.upgrade("head").await;
    daemon.stop().await;
}

#[tokio::test]
async fn bad_requests_are_refused_before_anything_starts() {
    let (site, daemon) = support::start().await;
    let client = daemon.client();
    three_revisions(client).await;
    let mut migration = client.migration();

    for (target, code, reason) in [
        ("no such target", Code::InvalidArgument, "INVALID_TARGET"),
        ("ffffffffffff", Code::NotFound, "REVISION_NOT_FOUND"),
        ("+4", Code::OutOfRange, "TARGET_OUT_OF_RANGE"),
    ] {
        let answer = migration.upgrade(upgrade_to(target)).await;
        expect_reason(answer, code, reason);
    }
    let answer = migration.downgrade(downgrade_to("")).await;
    expect_reason(answer, Code::InvalidArgument, "INVALID_FIELD");
    let answer = migration.downgrade(downgrade_to("-1")).await;
    expect_reason(answer, Code::OutOfRange, "TARGET_OUT_OF_RANGE");
    let request = UpgradeRequest {
        database: "elsewhere".to_owned(),
        ..upgrade_to("head")
    };
    let answer = migration.upgrade(request).await;
    expect_reason(answer, Code::NotFound, "DATABASE_NOT_FOUND");
    let request = UpgradeRequest {
        request_id: "with a blank".to_owned(),
        ..upgrade_to("head")
    };
    let answer = migration.upgrade(request).await;
    expect_reason(answer, Code::InvalidArgument, "INVALID_FIELD");
    let request = GetRevisionRequest {
        revision: "ffffffff".to_owned(),
        ..GetRevisionRequest::default()
    };
    let answer = migration.get_revision(request).await;
    expect_reason(answer, Code::NotFound, "REVISION_NOT_FOUND");
    for (page_size, page_token) in [(-1, ""), (1, "nowhere")] {
        let request = ListRevisionsRequest {
            page_size,
            page_token: page_token.to_owned(),
            ..ListRevisionsRequest::default()
        };
        let answer = migration.list_revisions(request).await;
        expect_reason(answer, Code::InvalidArgument, "INVALID_FIELD");
    }

    let operations = "SELECT count(*) FROM operations";
    assert_eq!(site.databases.control_value::<i64>(operations).await, 0);
    daemon.stop().await;
}

#[tokio::test]
async fn a_revision_that_could_not_run_is_not_created() {
    let (site, daemon) = support::start().await;
    let client = daemon.client();
    let good = CreateRevisionRequest {
        message: "fine".to_owned(),
        ..CreateRevisionRequest::default()
    };
    for (bad, reason) in [
        (
            CreateRevisionRequest {
                message: String::new(),
                ..good.clone()
            },
            "INVALID_FIELD",
        ),
        (
            CreateRevisionRequest {
                message: "two\nlines".to_owned(),
                ..good.clone()
            },
            "INVALID_FIELD",
        ),
        (
            CreateRevisionRequest {
                parents: vec!["ffffffffffff".to_owned()],
                ..good.clone()
            },
            "REVISION_NOT_FOUND",
        ),
        (
            CreateRevisionRequest {
                branch_label: "../up".to_owned(),
                ..good.clone()
            },
            "INVALID_REVISION_ID",
        ),
    ] {
        let answer = client.migration().create_revision(bad.clone()).await;
        let status = answer.expect_err(&format!("{bad:?}"));
        let code = status.code();
        expect_reason(Err::<(), _>(status), code, reason);
        assert!(
            matches!(code, Code::InvalidArgument | Code::NotFound),
            "{bad:?}: {code}"
        );
    }
    for sql in [
        "SELECT 'not closed",
        "COMMIT;",
        "\\! touch /tmp/x",
        "VACUUM;",
        "COPY t FROM STDIN;",
    ] {
        let request = CreateRevisionRequest {
            upgrade_sql: sql.to_owned(),
            ..good.clone()
        };
        let answer = client.migration().create_revision(request).await;
        assert_eq!(answer.unwrap_err().code(), Code::InvalidArgument, "{sql}");
    }
    assert_eq!(fs::read_dir(site.revisions()).unwrap().count(), 0);
    daemon.stop().await;
}

#[tokio::test]
async fn a_directory_with_a_broken_script_is_refused_with_the_file_and_line() {
    let (site, daemon) = support::start().await;
    let client = daemon.client();
    let name = "202611230000_0123456789ab_broken.sql";
    fs::write(
        site.revisions().join(name),
        "-- revision: 0123456789ab\n-- colour: blue\n",
    )
    .unwrap();

    let answer = client.migration().upgrade(upgrade_to("head")).await;

    let code = Code::FailedPrecondition;
    let refusal = expect_reason(answer, code, "INVALID_REVISION_SCRIPT");
    let message = refusal.message();
    assert!(
        message.contains(name) && message.contains("line 2"),
        "{message}"
    );
    daemon.stop().await;
}

#[tokio::test]
async fn a_migration_is_cancelled_in_the_middle_and_leaves_nothing() {
    let mut site = support::Site::new().await;
    site.set("migrations.lock_timeout", "1h");
    let daemon = site.start().await;
    let client = daemon.client();
    let gate = site.databases.superuser().await;
    gate.batch_execute("SELECT pg_advisory_lock(1)")
        .await
        .unwrap();
    let sql = "CREATE TABLE half (n int); SELECT pg_advisory_xact_lock_shared(1);";
    client.revision(sql, "").await;
    let operation = start_upgrade(client, "head").await.unwrap();
    waits_for_advisory_lock(&site).await;

    let request = pgsteward::proto::CancelOperationRequest {
        id: operation.id.clone(),
    };
    client.operations().cancel_operation(request).await.unwrap();

    let operation = client.wait_for(&operation.id).await;
    assert_eq!(operation.state(), OperationState::Cancelled);
    until("nothing of the script is left", || async {
        let left = "SELECT count(*) FROM pg_locks WHERE relation = to_regclass('half')";
        let half = "SELECT to_regclass('half') IS NULL";
        (site.databases.value::<i64>(left).await == 0 && site.databases.value(half).await)
            .then_some(())
    })
    .await;
    gate.batch_execute("SELECT pg_advisory_unlock(1)")
        .await
        .unwrap();
    client.upgrade("head").await;
    daemon.stop().await;
}
