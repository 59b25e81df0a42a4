//! The chain of revisions, built in an empty database: what stood in the live one before it stands there too, what the
//! scripts make is left to them, and a chain that cannot be built is named.

use pgsteward::proto::{CheckDriftRequest, Operation, SchemaReference, operation::Outcome};

use super::create;
use crate::support::{self, Client, Site, database::NO_DEFAULT_PRIVILEGES};

async fn check_drift(client: &Client) -> Option<Operation> {
    let request = CheckDriftRequest::default();
    let answer = client.migration().check_drift(request).await.unwrap();
    answer.into_inner().operation
}

/// Applies the pending revisions and has the daemon forget what it recorded of the schema, as if Alembic had run them.
async fn apply_unrecorded(site: &Site, client: &Client) {
    client.upgrade("head").await;
    let control = site.databases.in_control().await;
    let forget = "DELETE FROM schema_references";
    control.batch_execute(forget).await.unwrap();
}

#[tokio::test]
async fn what_stood_before_the_chain_is_its_ground_and_what_scripts_make_is_theirs() {
    let (site, daemon) = support::start().await;
    let client = daemon.client();
    site.databases.run("CREATE EXTENSION citext").await;
    let app = site.databases.role("app");
    // Were these default privileges there from the beginning, the first table would have them too.
    let bare = site.databases.named(NO_DEFAULT_PRIVILEGES);
    site.databases.run_as_superuser(&bare).await;
    create(
        client,
        [
            "CREATE EXTENSION pg_trgm; CREATE SCHEMA app; CREATE TABLE names (name citext);
             CREATE INDEX ON names USING gin ((name::text) gin_trgm_ops);",
            "",
        ],
        false,
    )
    .await;
    let defaults = format!(
        "ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO {app};
         CREATE TABLE later (id int);"
    );
    create(client, [&defaults, ""], false).await;
    create(
        client,
        ["CREATE INDEX CONCURRENTLY later_id ON later (id);", ""],
        true,
    )
    .await;
    apply_unrecorded(&site, client).await;

    let report = match client.outcome(check_drift(client).await).await {
        Outcome::Drift(report) => report,
        other => panic!("{other:?}"),
    };

    assert_eq!(report.reference(), SchemaReference::Built);
    assert_eq!(report.differences, []);
    assert_eq!(report.expected_fingerprint, report.live_fingerprint);
    assert_eq!(site.databases.scratch_databases().await, [""; 0]);
    daemon.stop().await;
}

#[tokio::test]
async fn a_chain_that_rests_on_rows_cannot_be_built_and_says_which_revision() {
    let mut site = Site::new().await;
    // It would be rehearsed, which needs the rows too.
    site.set("migrations.rehearse", "false");
    let daemon = site.start().await;
    let client = daemon.client();
    create(client, ["CREATE TABLE a (id int);", ""], false).await;
    client.upgrade("head").await;
    site.databases.run("INSERT INTO a VALUES (1)").await;
    let rests = client
        .revision(
            "DO $$ BEGIN ASSERT EXISTS (SELECT FROM a), 'no rows'; END $$;",
            "",
        )
        .await;
    apply_unrecorded(&site, client).await;

    let error = client.failure(check_drift(client).await).await;

    assert_eq!(error.reason, "CHAIN_NOT_BUILDABLE");
    for part in [rests.revision.as_str(), "no rows", "from base"] {
        assert!(error.message.contains(part), "{error:?}");
    }
    assert_eq!(site.databases.scratch_databases().await, [""; 0]);
    daemon.stop().await;
}
