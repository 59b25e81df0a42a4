//! GetMigrationSql: what it gives runs under psql and does to the database what a migration would have done.

use std::process::{Command, Output};

use pgsteward::proto::{CreateRevisionRequest, GetMigrationSqlRequest, GetSchemaVersionRequest};
use tonic::{Code, Status};

use crate::support::{
    self, Client, Site,
    cluster::{PASSWORD, binaries, cluster},
    expect_reason,
};

const CUSTOMERS: [&str; 2] = [
    "CREATE TABLE customers (id bigint PRIMARY KEY, name text DEFAULT 'it''s; fine')",
    "DROP TABLE customers",
];
const FUNCTION: [&str; 2] = [
    "CREATE FUNCTION one() RETURNS int LANGUAGE plpgsql AS $$ BEGIN RETURN 1; END; $$; -- done",
    "DROP FUNCTION one();",
];

async fn sql(client: &Client, from: &str, to: &str) -> Result<String, Status> {
    let request = GetMigrationSqlRequest {
        from: from.to_owned(),
        to: to.to_owned(),
        ..GetMigrationSqlRequest::default()
    };
    let answer = client.migration().get_migration_sql(request).await?;
    Ok(answer.into_inner().sql)
}

/// Runs a script in the managed database as its migrator, by the real psql.
fn psql(site: &Site, script: &str) -> Output {
    let file = site.path("script.sql");
    std::fs::write(&file, script).unwrap();
    Command::new(binaries().path("psql"))
        .args(["-X", "-q", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1"])
        .args(["-p", &cluster().port.to_string()])
        .args(["-U", &site.databases.role("migrator")])
        .args(["-d", &site.databases.managed(), "-f"])
        .arg(file)
        .env("PGPASSWORD", PASSWORD)
        .output()
        .unwrap()
}

fn run(site: &Site, script: &str) {
    let output = psql(site, script);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}\n{script}");
}

async fn heads(client: &Client) -> Vec<String> {
    let request = GetSchemaVersionRequest::default();
    let answer = client.migration().get_schema_version(request).await;
    answer
        .unwrap()
        .into_inner()
        .schema_version
        .unwrap()
        .database_heads
}

/// Two revisions in transactions and one outside.
async fn three_revisions(client: &Client) -> [String; 3] {
    let first = client.revision(CUSTOMERS[0], CUSTOMERS[1]).await.revision;
    let second = client.revision(FUNCTION[0], FUNCTION[1]).await.revision;
    let request = CreateRevisionRequest {
        message: "index the names".to_owned(),
        upgrade_sql: "CREATE INDEX CONCURRENTLY customers_name ON customers (name);".to_owned(),
        downgrade_sql: "DROP INDEX CONCURRENTLY customers_name;".to_owned(),
        non_transactional: true,
        ..CreateRevisionRequest::default()
    };
    let answer = client.migration().create_revision(request).await.unwrap();
    let third = answer.into_inner().revision.unwrap().revision;
    [first, second, third]
}

#[tokio::test]
async fn the_script_takes_a_database_up_and_down_and_keeps_its_version_table() {
    let (site, daemon) = support::start().await;
    let client = daemon.client();
    let [first, second, third] = three_revisions(client).await;

    run(&site, &sql(client, "", "").await.unwrap());
    assert_eq!(heads(client).await, [third.as_str()]);
    let constraint: String = site
        .databases
        .value(
            "SELECT conname::text FROM pg_constraint WHERE conrelid = 'alembic_version'::regclass",
        )
        .await;
    assert_eq!(constraint, "alembic_version_pkc");
    let made: bool = site
        .databases
        .value("SELECT one() = 1 AND to_regclass('customers_name') IS NOT NULL")
        .await;
    assert!(made);

    run(&site, &sql(client, &third, "-1").await.unwrap());
    assert_eq!(heads(client).await, [second.as_str()]);
    run(&site, &sql(client, &second, "base").await.unwrap());
    assert_eq!(heads(client).await, [""; 0]);
    let left: bool = site
        .databases
        .value("SELECT to_regclass('customers') IS NOT NULL")
        .await;
    assert!(!left);
    // From base once more: the version table stands there, and is empty.
    run(&site, &sql(client, "base", &first[..8]).await.unwrap());
    assert_eq!(heads(client).await, [first]);
    daemon.stop().await;
}

#[tokio::test]
async fn the_script_refuses_a_database_that_is_not_where_it_begins() {
    let (site, daemon) = support::start().await;
    let client = daemon.client();
    let [first, second, third] = three_revisions(client).await;
    run(&site, &sql(client, "", &first).await.unwrap());

    let wrong = psql(&site, &sql(client, &second, &third).await.unwrap());

    assert!(!wrong.status.success());
    let said = String::from_utf8_lossy(&wrong.stderr);
    let expected = format!(
        "this part of the script begins at {{{second}}}, but the database is at {{{first}}}"
    );
    assert!(said.contains(&expected), "{said}");
    assert_eq!(heads(client).await, [first]);
    daemon.stop().await;
}

#[tokio::test]
async fn a_script_that_fails_leaves_the_revisions_before_it_and_nothing_of_its_own() {
    let (site, daemon) = support::start().await;
    let client = daemon.client();
    let first = client.revision(CUSTOMERS[0], CUSTOMERS[1]).await.revision;
    client
        .revision("CREATE TABLE half (); SELECT 1 / 0;", "DROP TABLE half;")
        .await;

    let failed = psql(&site, &sql(client, "", "head").await.unwrap());

    assert!(!failed.status.success());
    assert_eq!(heads(client).await, [first]);
    let half: bool = site
        .databases
        .value("SELECT to_regclass('half') IS NOT NULL")
        .await;
    assert!(!half);
    daemon.stop().await;
}

#[tokio::test]
async fn a_psql_that_was_not_told_to_stop_at_errors_does_not_go_on_after_a_script_that_failed() {
    let (site, daemon) = support::start().await;
    let client = daemon.client();
    let first = client.revision(CUSTOMERS[0], CUSTOMERS[1]).await.revision;
    client.revision("SELECT 1 / 0;", "-- nothing").await;
    client.revision(FUNCTION[0], FUNCTION[1]).await;
    let heedless = format!(
        "\\set ON_ERROR_STOP off\n{}",
        sql(client, "", "").await.unwrap()
    );

    psql(&site, &heedless);

    assert_eq!(heads(client).await, [first]);
    let made: bool = site
        .databases
        .value("SELECT to_regproc('one') IS NOT NULL")
        .await;
    assert!(!made);
    daemon.stop().await;
}

#[tokio::test]
async fn what_a_script_sets_for_its_session_reaches_neither_the_version_table_nor_the_next_script()
{
    let (site, daemon) = support::start().await;
    let client = daemon.client();
    client
        .revision(
            "SET search_path = pg_catalog; SET ROLE pg_monitor; SELECT 1;",
            "-- nothing",
        )
        .await;
    let second = client.revision(CUSTOMERS[0], CUSTOMERS[1]).await.revision;
    site.databases
        .run_as_superuser(&format!(
            "GRANT pg_monitor TO {}",
            site.databases.role("migrator")
        ))
        .await;

    run(&site, &sql(client, "", "").await.unwrap());

    assert_eq!(heads(client).await, [second]);
    assert_eq!(site.databases.rows("public.customers").await, 0);
    daemon.stop().await;
}

#[tokio::test]
async fn branches_and_a_merge_take_over_and_give_back_each_others_rows() {
    let (site, daemon) = support::start().await;
    let client = daemon.client();
    let base = client.revision(CUSTOMERS[0], CUSTOMERS[1]).await.revision;
    let mut branches = Vec::new();
    for label in ["left", "right"] {
        let request = CreateRevisionRequest {
            message: label.to_owned(),
            parents: vec![base.clone()],
            branch_label: label.to_owned(),
            upgrade_sql: format!("CREATE TABLE {label}_table ()"),
            downgrade_sql: format!("DROP TABLE {label}_table"),
            ..CreateRevisionRequest::default()
        };
        let answer = client.migration().create_revision(request).await.unwrap();
        branches.push(answer.into_inner().revision.unwrap().revision);
    }
    let request = pgsteward::proto::MergeRequest::default();
    let merged = client.migration().merge(request).await.unwrap();
    let merged = merged.into_inner().revision.unwrap().revision;

    run(&site, &sql(client, "", "head").await.unwrap());
    assert_eq!(heads(client).await, [merged.as_str()]);
    run(&site, &sql(client, &merged, "left").await.unwrap());
    let mut left = vec![branches[0].clone(), branches[1].clone()];
    left.sort();
    assert_eq!(heads(client).await, left);
    daemon.stop().await;
}

#[tokio::test]
async fn what_has_no_script_is_refused() {
    let (_site, daemon) = support::start().await;
    let client = daemon.client();
    let nothing = sql(client, "", "").await;
    assert!(nothing.is_ok_and(|script| !script.contains("BEGIN;")));
    let first = client
        .revision("CREATE TABLE lasting ();", "")
        .await
        .revision;

    let down = sql(client, &first, "base").await;
    expect_reason(down, Code::FailedPrecondition, "REVISION_IRREVERSIBLE");
    let unknown = sql(client, "ffff0000", "head").await;
    expect_reason(unknown, Code::NotFound, "REVISION_NOT_FOUND");
    let malformed = sql(client, "", "head@@").await;
    let status = expect_reason(malformed, Code::InvalidArgument, "INVALID_TARGET");
    let details = tonic_types::StatusExt::get_error_details(&status);
    assert_eq!(
        details.bad_request().unwrap().field_violations[0].field,
        "to"
    );
    let malformed = sql(client, "+x y", "head").await;
    expect_reason(malformed, Code::InvalidArgument, "INVALID_TARGET");
    let none = sql(client, &first, "head").await.unwrap();
    assert!(none.contains("DO $guard$") && !none.contains("COMMIT;"));
    daemon.stop().await;
}
