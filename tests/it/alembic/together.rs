//! Alembic and pgsteward on one database, with an imported project: either goes on where the other one stopped, and both
//! make the same of it.

use std::process::Command;

use pgsteward::proto::{DowngradeRequest, GetSchemaVersionRequest, operation::Outcome};

use super::shop::{
    BILLS, COLUMNS, COUNTS, FUNCTION, INDEX, MERGE, SCHEMA, TABLES, current, finish, graph, import,
    project,
};
use crate::support::{
    Client, Daemon, Site, alembic::Project, client::failure_of, cluster::binaries,
    database::Databases,
};

/// A project for the site's database, imported and finished, and a daemon that has the scripts.
async fn both() -> (Site, Daemon, Project) {
    let site = Site::new().await;
    let project = project(site.path("project"), &site.databases);
    let done = import(&project, &site.revisions(), &[]);
    assert_eq!(done.status.code(), Some(4), "{done:?}");
    finish(&site.revisions());
    let daemon = site.start().await;
    (site, daemon, project)
}

async fn downgrade(client: &Client, target: &str) {
    let request = DowngradeRequest {
        target: target.to_owned(),
        ..DowngradeRequest::default()
    };
    let answer = client.migration().downgrade(request).await.unwrap();
    let outcome = client.outcome(answer.into_inner().operation).await;
    assert!(matches!(outcome, Outcome::Migration(_)), "{outcome:?}");
}

/// The version rows, on which both must agree.
async fn rows(client: &Client, site: &Site, project: &Project) -> Vec<String> {
    let request = GetSchemaVersionRequest::default();
    let answer = client.migration().get_schema_version(request).await;
    let version = answer.unwrap().into_inner().schema_version.unwrap();
    let rows = version.database_heads;
    assert_eq!(
        current(&graph(&site.revisions()), &rows),
        project.ids("current")
    );
    rows
}

/// The version rows as they stand in the table.
async fn stored(site: &Site) -> Vec<String> {
    let query = "SELECT coalesce(array_agg(version_num::text ORDER BY version_num), '{}') FROM alembic_version";
    site.databases.value(query).await
}

/// Schema and data as pg_dump tells them, but for owners and for what differs from call to call.
fn dump(databases: &Databases) -> String {
    let output = Command::new(binaries().path("pg_dump"))
        .args(["--no-owner", "--no-privileges", "--dbname"])
        .arg(databases.url("migrator", &databases.managed()))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    let text = String::from_utf8(output.stdout).unwrap();
    let lines = text.lines().filter(|line| !line.contains("restrict "));
    lines.collect::<Vec<_>>().join("\n")
}

#[tokio::test(flavor = "multi_thread")]
async fn an_imported_project_makes_the_database_that_alembic_makes() {
    let (site, daemon, _) = both().await;
    let others = Databases::create().await;
    let reference = project(site.path("reference"), &others);

    daemon.client().upgrade("heads").await;
    reference.alembic("upgrade heads");
    assert_eq!(dump(&site.databases), dump(&others));

    // What goes down comes up again, and leaves the same on the way.
    for target in [MERGE, TABLES] {
        // The bills cannot go back; a person takes them away.
        let forget = format!("DELETE FROM alembic_version WHERE version_num = '{COUNTS}'");
        let back =
            format!("{forget}; INSERT INTO alembic_version VALUES ('{BILLS}'); DELETE FROM bills");
        if target == MERGE {
            site.databases.run(&back).await;
            others.run(&back).await;
        }
        downgrade(daemon.client(), target).await;
        reference.alembic(&format!("downgrade {target}"));
        assert_eq!(dump(&site.databases), dump(&others), "{target}");
    }
    downgrade(daemon.client(), "base").await;
    daemon.client().upgrade("heads").await;
    reference.alembic("downgrade base");
    reference.alembic("upgrade heads");
    assert_eq!(dump(&site.databases), dump(&others));
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_goes_on_where_the_other_one_stopped() {
    let (site, daemon, project) = both().await;
    let client = daemon.client();

    project.alembic(&format!("upgrade {COLUMNS}"));
    assert_eq!(rows(client, &site, &project).await, [COLUMNS]);
    client.upgrade("heads").await;
    assert_eq!(rows(client, &site, &project).await, [COUNTS, SCHEMA]);

    project.alembic("downgrade shop@-1");
    assert_eq!(rows(client, &site, &project).await, [COUNTS, MERGE]);
    client.upgrade("heads").await;
    assert_eq!(rows(client, &site, &project).await, [COUNTS, SCHEMA]);

    downgrade(client, COLUMNS).await;
    let below = rows(client, &site, &project).await;
    assert_eq!(below, [COUNTS, COLUMNS, INDEX]);
    project.alembic("upgrade heads");
    assert_eq!(rows(client, &site, &project).await, [COUNTS, SCHEMA]);
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_section_to_be_written_by_hand_refuses_to_run() {
    let site = Site::new().await;
    let project = project(site.path("project"), &site.databases);
    import(&project, &site.revisions(), &[]);
    let daemon = site.start().await;
    let client = daemon.client();

    let answer = client
        .migration()
        .upgrade(pgsteward::proto::UpgradeRequest {
            target: "billing@head".to_owned(),
            ..Default::default()
        })
        .await
        .unwrap();
    let error = failure_of(client.wait(answer.into_inner().operation).await);

    // The rehearsal finds it, so that not even the revisions before it run.
    assert_eq!(error.reason, "REHEARSAL_FAILED");
    let expected = format!("upgrade of revision {COUNTS} was not imported");
    assert!(error.message.contains(&expected), "{}", error.message);
    assert_eq!(rows(client, &site, &project).await, [""; 0]);
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stamp_leaves_the_rows_that_alembics_leaves() {
    let site = Site::new().await;
    let project = project(site.path("project"), &site.databases);
    import(&project, &site.revisions(), &[]);
    let graph = graph(&site.revisions());
    let mut rows: Vec<String> = Vec::new();
    for targets in [
        FUNCTION,
        "heads",
        "shop@base",
        "shop@head",
        INDEX,
        "base",
        COLUMNS,
        "indexes@head",
        "billing@head",
    ] {
        rows = graph.stamp_plan(&rows, &[targets.to_owned()]).unwrap();
        project.alembic(&format!("stamp {targets}"));
        assert_eq!(current(&graph, &rows), project.ids("current"), "{targets}");
        assert_eq!(rows, stored(&site).await, "{targets}");
    }
    let both = [COLUMNS.to_owned(), INDEX.to_owned()];
    rows = graph.stamp_plan(&[], &both).unwrap();
    project.alembic(&format!("stamp --purge {COLUMNS} {INDEX}"));
    assert_eq!(rows, stored(&site).await);
    assert!(!project.run("stamp head").status.success());
    assert!(graph.stamp_plan(&rows, &["head".to_owned()]).is_err());
}
