//! CreateBaseline: a database that was never versioned becomes one whose first revision is its schema.

use std::fs;

use pgsteward::proto::{
    CheckDriftRequest, CreateBaselineRequest, GetRevisionRequest, GetSchemaVersionRequest,
    Operation, StampRequest, StampResult, operation::Outcome,
};
use tonic::{Code, Status};

use crate::support::{self, Client, Site, expect_field, expect_reason};

/// What a grown schema has, and pgsteward has to say again. `{app}` is the application's role.
const GROWN: &str = r#"
CREATE SCHEMA sales;
GRANT USAGE ON SCHEMA sales TO {app};
COMMENT ON SCHEMA sales IS 'what is sold; and to whom';
CREATE TYPE sales.mood AS ENUM ('happy', 'it''s so-so');
CREATE DOMAIN sales.amount AS numeric CHECK (VALUE >= 0);
CREATE TABLE customers (id bigserial PRIMARY KEY, name text NOT NULL DEFAULT E'a\\b; c', mood sales.mood);
CREATE TABLE sales."Order ""items""" (
    id int GENERATED ALWAYS AS IDENTITY, customer bigint NOT NULL REFERENCES customers ON DELETE CASCADE,
    price sales.amount, twice numeric GENERATED ALWAYS AS (price * 2) STORED, EXCLUDE USING btree (id WITH =)
);
CREATE INDEX by_price ON sales."Order ""items""" (price DESC NULLS LAST) WHERE price > 3;
COMMENT ON COLUMN customers.name IS '-- upgrade
not a section';
CREATE TABLE events (at timestamptz NOT NULL, what jsonb) PARTITION BY RANGE (at);
CREATE TABLE events_2026 PARTITION OF events FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
CREATE VIEW dear AS SELECT customer, sum(price) AS total FROM sales."Order ""items""" GROUP BY customer;
CREATE MATERIALIZED VIEW counted AS SELECT count(*) FROM customers;
CREATE FUNCTION public.later() RETURNS bigint LANGUAGE sql AS 'SELECT max(id) FROM public.customers';
CREATE FUNCTION public.body() RETURNS int LANGUAGE sql BEGIN ATOMIC SELECT 1; SELECT 2; END;
CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $_$
-- upgrade
BEGIN PERFORM $$a;b$$; RETURN new; END $_$;
CREATE TRIGGER touched BEFORE UPDATE ON customers FOR EACH ROW EXECUTE FUNCTION touch();
ALTER TABLE customers ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON customers TO {app} USING (name = current_user);
GRANT SELECT (id, name), UPDATE (name) ON customers TO {app};
REVOKE EXECUTE ON FUNCTION later() FROM PUBLIC;
CREATE EXTENSION citext;
ALTER DEFAULT PRIVILEGES IN SCHEMA sales GRANT SELECT ON TABLES TO {app};
CREATE RULE quiet AS ON DELETE TO dear DO INSTEAD (SELECT 1; SELECT 2);
"#;

async fn grow(site: &Site) {
    let sql = GROWN.replace("{app}", &site.databases.role("app"));
    site.databases.run(&sql).await;
}

async fn start(client: &Client, message: &str) -> Result<Option<Operation>, Status> {
    let request = CreateBaselineRequest {
        message: message.to_owned(),
        ..CreateBaselineRequest::default()
    };
    let answer = client.migration().create_baseline(request).await?;
    Ok(answer.into_inner().operation)
}

async fn baseline(client: &Client, message: &str) -> StampResult {
    match client.outcome(start(client, message).await.unwrap()).await {
        Outcome::Stamp(result) => result,
        other => panic!("{other:?}"),
    }
}

async fn heads(client: &Client) -> Vec<String> {
    let request = GetSchemaVersionRequest::default();
    let answer = client.migration().get_schema_version(request).await;
    let version = answer.unwrap().into_inner().schema_version.unwrap();
    version.database_heads
}

async fn drifted(client: &Client) -> bool {
    let request = CheckDriftRequest::default();
    let answer = client.migration().check_drift(request).await.unwrap();
    match client.outcome(answer.into_inner().operation).await {
        Outcome::Drift(report) => report.drifted,
        other => panic!("{other:?}"),
    }
}

async fn stamp_head(client: &Client) {
    let request = StampRequest {
        targets: vec!["head".to_owned()],
        ..StampRequest::default()
    };
    let answer = client.migration().stamp(request).await.unwrap();
    client.outcome(answer.into_inner().operation).await;
}

fn files(site: &Site) -> Vec<String> {
    let entries = fs::read_dir(site.revisions()).unwrap();
    entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect()
}

#[tokio::test]
async fn a_grown_schema_becomes_the_first_revision_and_is_stamped() {
    let (site, daemon) = support::start().await;
    let client = daemon.client();
    grow(&site).await;

    let result = baseline(client, "").await;

    assert_eq!(result.from_heads, [""; 0]);
    assert_eq!(files(&site), [result.filename.as_str()]);
    assert_eq!(heads(client).await, result.to_heads);
    let request = GetRevisionRequest {
        revision: result.to_heads[0].clone(),
        ..GetRevisionRequest::default()
    };
    let revision = client.migration().get_revision(request).await.unwrap();
    let revision = revision.into_inner().revision.unwrap();
    assert_eq!(revision.message, "baseline");
    assert_eq!(revision.author, "local");
    assert!(revision.applied && !revision.edited && revision.transactional);
    assert_eq!(revision.downgrade_sql, "");
    let sql = &revision.upgrade_sql;
    for needless in [
        "\\restrict",
        "SET lock_timeout",
        "alembic_version",
        "-- Name:",
    ] {
        assert!(!sql.contains(needless), "{sql}");
    }
    assert!(!drifted(client).await);
    assert_eq!(site.databases.scratch_databases().await, [""; 0]);
    client
        .revision(
            "ALTER TABLE customers ADD phone text;",
            "ALTER TABLE customers DROP phone;",
        )
        .await;
    client.upgrade("head").await;
    daemon.stop().await;
}

#[tokio::test]
async fn what_is_versioned_is_not_taken_over_again() {
    let (site, daemon) = support::start().await;
    let client = daemon.client();
    grow(&site).await;
    expect_field(start(client, "two\nlines").await, "message");
    let made = baseline(client, "taken over").await;
    assert!(made.filename.ends_with("taken_over.sql"), "{made:?}");

    let versioned = start(client, "").await;
    expect_reason(versioned, Code::FailedPrecondition, "ALREADY_VERSIONED");
    // A crash between the file and the version table leaves this; Stamp goes on from there.
    site.databases.run("DELETE FROM alembic_version").await;
    let scripted = start(client, "").await;
    let status = expect_reason(scripted, Code::FailedPrecondition, "ALREADY_VERSIONED");
    assert!(status.message().contains(&made.filename), "{status:?}");
    stamp_head(client).await;
    assert_eq!(heads(client).await, made.to_heads);
    daemon.stop().await;
}

#[tokio::test]
async fn a_baseline_that_cannot_be_stamped_keeps_its_file_and_stamp_goes_on_from_there() {
    let mut site = Site::new().await;
    site.set("migrations.lock_timeout", "200ms");
    let daemon = site.start().await;
    let client = daemon.client();
    site.databases
        .run("CREATE TABLE alembic_version (version_num varchar(32) NOT NULL PRIMARY KEY); CREATE TABLE a ()")
        .await;
    let other = site.databases.connect("migrator").await.unwrap();
    let lock = "BEGIN; LOCK TABLE alembic_version IN SHARE ROW EXCLUSIVE MODE";
    other.batch_execute(lock).await.unwrap();

    let error = client.failure(start(client, "").await.unwrap()).await;

    let written = files(&site);
    assert_eq!(written.len(), 1, "{error:?}");
    assert!(error.hint.contains(&written[0]), "{error:?}");
    assert_eq!(heads(client).await, [""; 0]);
    other.batch_execute("ROLLBACK").await.unwrap();
    stamp_head(client).await;
    assert!(!drifted(client).await);
    daemon.stop().await;
}

#[tokio::test]
async fn an_empty_version_table_of_alembics_is_no_part_of_the_schema() {
    let (site, daemon) = support::start().await;
    let client = daemon.client();
    site.databases
        .run("CREATE TABLE alembic_version (version_num varchar(32) NOT NULL PRIMARY KEY); CREATE TABLE a ()")
        .await;

    let made = baseline(client, "").await;

    let text = fs::read_to_string(site.revisions().join(made.filename)).unwrap();
    assert!(!text.contains("alembic_version"), "{text}");
    assert!(text.contains("CREATE TABLE public.a ("), "{text}");
    daemon.stop().await;
}

#[tokio::test]
async fn what_the_migrator_cannot_make_again_is_named_and_nothing_is_left() {
    let (site, daemon) = support::start().await;
    let client = daemon.client();
    site.databases
        .run_as_superuser("CREATE TABLE foreign_body ()")
        .await;

    let error = client.failure(start(client, "").await.unwrap()).await;

    assert_eq!(error.reason, "CHAIN_NOT_BUILDABLE", "{error:?}");
    assert_eq!(files(&site), [""; 0]);
    assert_eq!(heads(client).await, [""; 0]);
    assert_eq!(site.databases.scratch_databases().await, [""; 0]);
    daemon.stop().await;
}

#[tokio::test]
async fn what_a_dump_does_not_make_again_is_named_until_it_is_ignored() {
    let mut site = Site::new().await;
    let daemon = site.start().await;
    site.databases.run("CREATE TABLE a ()").await;
    site.databases
        .run_as_superuser(
            "CREATE SUBSCRIPTION mirror CONNECTION 'host=nowhere' PUBLICATION p
             WITH (connect = false, enabled = false, slot_name = NONE, create_slot = false)",
        )
        .await;

    let client = daemon.client();
    let error = client.failure(start(client, "").await.unwrap()).await;
    assert_eq!(error.reason, "BASELINE_DIFFERS");
    assert_eq!(error.preconditions[0].subject, "subscription mirror");
    assert_eq!(files(&site), [""; 0]);
    daemon.stop().await;

    site.set("migrations.ignore", "subscription mirror");
    let daemon = site.start().await;
    baseline(daemon.client(), "").await;
    daemon.stop().await;
    site.databases
        .run_as_superuser("DROP SUBSCRIPTION mirror")
        .await;
}
