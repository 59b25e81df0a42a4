//! Themes that take a superuser to be restored: what PostgreSQL reserves for one, and extensions.

use super::{assert_round_trip, fill, portrait::copied, restore, works_as_superuser};
use crate::{
    catalog::kinds::{GROUND, SAMPLES},
    support::{self, Daemon, Site},
};

/// A site whose daemon restores as a superuser, with a database that the superuser made.
async fn by_a_superuser(sql: &str) -> (Site, Daemon) {
    let (site, daemon) = support::start().await;
    works_as_superuser(&site).await;
    fill(&site, "postgres", sql);
    (site, daemon)
}

#[tokio::test]
async fn objects_that_take_a_superuser_come_back() {
    let (site, daemon) = by_a_superuser(include_str!("superuser.sql")).await;
    assert_round_trip(&site, &daemon).await;
    daemon.stop().await;
}

#[tokio::test]
async fn foreign_tables_come_back_without_the_rows_of_others() {
    let (site, daemon) = by_a_superuser(include_str!("foreign.sql")).await;
    let backup = assert_round_trip(&site, &daemon).await;
    assert_eq!(backup.table_count, 0);
    let archive = super::interchange::gunzipped(&site, &backup);
    let text = String::from_utf8(archive).unwrap();
    assert!(!text.contains("root:x:0"), "rows of a foreign table");
    daemon.stop().await;
}

#[tokio::test]
async fn a_partition_that_lies_elsewhere_does_not_keep_the_others_from_coming_back() {
    let (site, daemon) = support::start().await;
    works_as_superuser(&site).await;
    fill(&site, "postgres", include_str!("foreign_partition.sql"));
    let client = daemon.client();
    let backup = client.back_up().await;
    let tables = restore(&site, client, &backup).await.verified_tables;
    assert_eq!(tables, 1);
    assert_eq!(site.databases.rows("parted_here").await, 1);
    daemon.stop().await;
}

#[tokio::test]
async fn grants_by_others_than_the_owner_come_back_as_theirs() {
    let (site, daemon) = by_a_superuser(include_str!("grants_of_others.sql")).await;
    assert_round_trip(&site, &daemon).await;
    daemon.stop().await;
}

#[tokio::test]
async fn of_an_extensions_tables_the_users_own_rows_are_backed_up() {
    let (site, daemon) = by_a_superuser(include_str!("extension.sql")).await;
    let backup = assert_round_trip(&site, &daemon).await;
    let rows = copied(
        &site.databases.superuser().await,
        "COPY (SELECT name FROM shelf.knobs ORDER BY 1) TO STDOUT",
    )
    .await;
    assert_eq!(rows, [&b"\\\\."[..], b"colour", b"noise", b"size"]);
    let archive = super::interchange::gunzipped(&site, &backup);
    let text = String::from_utf8(archive).unwrap();
    assert!(text.contains("noise\tloud\tf\n"), "a row of the user's");
    assert!(!text.contains("colour\tgrey"), "a row of the extension's");
    assert!(!text.contains("3.14159"), "a row that is no setting");
    daemon.stop().await;
}

#[tokio::test]
async fn every_kind_of_object_that_the_catalog_knows_comes_back() {
    let (site, daemon) = by_a_superuser("").await;
    let sql: String = std::iter::once(GROUND)
        .chain(SAMPLES.iter().map(|sample| sample.create))
        .map(|statement| format!("{statement};\n"))
        .collect();
    fill(&site, "postgres", &sql.replace("$other", "$backup"));
    assert_round_trip(&site, &daemon).await;
    daemon.stop().await;
}
