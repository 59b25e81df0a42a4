//! What a backup must refuse, and what a restore must survive.

use super::{portrait::Portrait, restore};
use crate::support;

#[tokio::test]
async fn rows_that_the_backup_role_may_not_see_refuse_a_backup() {
    let (site, daemon) = support::start().await;
    let client = daemon.client();
    site.databases
        .run(
            "CREATE TABLE open (n int);
             CREATE TABLE hidden (owner text);
             INSERT INTO hidden VALUES ('a'), ('b');
             ALTER TABLE hidden ENABLE ROW LEVEL SECURITY;
             CREATE POLICY own ON hidden USING (owner = 'a')",
        )
        .await;
    let limit = site.databases.named("ALTER ROLE $backup NOBYPASSRLS");
    site.databases.run_as_superuser(&limit).await;

    let error = client.failure(client.start_backup().await).await;

    assert!(error.message.contains("hidden"), "{}", error.message);
    assert!(
        error.message.contains("row-level security"),
        "{}",
        error.message
    );
    assert_eq!(site.stored_files(), [""; 0]);
    site.databases
        .run_as_superuser(&site.databases.named("ALTER ROLE $backup BYPASSRLS"))
        .await;
    assert_eq!(client.back_up().await.row_count, 2);
    daemon.stop().await;
}

#[tokio::test]
async fn a_materialized_view_that_cannot_be_filled_is_reported_and_the_rest_survives() {
    let (site, daemon) = support::start().await;
    let client = daemon.client();
    site.databases
        .run(
            "CREATE TABLE shop (n int);
             INSERT INTO shop VALUES (1), (2);
             CREATE FUNCTION total() RETURNS bigint LANGUAGE plpgsql AS 'BEGIN RETURN (SELECT sum(n) FROM shop); END';
             CREATE MATERIALIZED VIEW a_good AS SELECT count(*) FROM public.shop;
             CREATE MATERIALIZED VIEW \"needs a path\" AS SELECT total() AS total;
             CREATE UNIQUE INDEX ON \"needs a path\" (total);
             CREATE MATERIALIZED VIEW on_it AS SELECT * FROM \"needs a path\";
             CREATE MATERIALIZED VIEW z_good AS SELECT max(n) FROM public.shop;
             GRANT SELECT ON z_good TO PUBLIC",
        )
        .await;
    let managed = site.databases.managed();
    let mut before = Portrait::of(&site, &managed).await;
    let backup = client.back_up().await;

    let result = restore(&site, client, &backup).await;

    let mut after = Portrait::of(&site, &managed).await;
    for unfilled in ["public.\"needs a path\"", "public.on_it"] {
        assert_eq!(before.tables.remove(unfilled).unwrap(), [b"3"]);
        assert_eq!(after.tables.remove(unfilled).unwrap(), [b"(not populated)"]);
        let name = unfilled.trim_start_matches("public.").trim_matches('"');
        assert!(
            result.warnings.iter().any(|warning| warning.contains(name)),
            "{name} is not in {:?}",
            result.warnings
        );
    }
    assert_eq!(before.differences(&after), [""; 0]);
    daemon.stop().await;
}

#[tokio::test]
async fn a_portrait_sees_the_smallest_differences() {
    let (site, daemon) = support::start().await;
    let managed = site.databases.managed();
    let made = "CREATE TABLE t (n int, s text); INSERT INTO t VALUES (1, 'a'), (1, 'a');
                CREATE SEQUENCE s; SELECT lo_from_bytea(7, 'x')";
    site.databases.run(made).await;
    let mut before = Portrait::of(&site, &managed).await;
    assert_eq!(before.differences(&before), [""; 0]);
    for (change, expected) in [
        ("INSERT INTO t VALUES (1, 'a')", "public.t: is new"),
        (
            "UPDATE t SET s = 'A' WHERE ctid = '(0,1)'",
            "public.t: is lost",
        ),
        ("SELECT nextval('s')", "sequences are"),
        ("SELECT lo_put(7, 0, 'y')", "large objects are"),
        ("COMMENT ON LARGE OBJECT 7 IS 'seven'", "large objects are"),
        ("ALTER TABLE t ALTER n SET DEFAULT 1", "the schema: is new"),
        ("GRANT SELECT (n) ON t TO PUBLIC", "the schema: is new"),
        ("CREATE TABLE u ()", "table public.u is in one of both"),
    ] {
        site.databases.run(change).await;
        let after = Portrait::of(&site, &managed).await;
        let found = before.differences(&after);
        assert!(
            found
                .iter()
                .any(|difference| difference.starts_with(expected)),
            "{change}: {found:?}"
        );
        before = after;
    }
    let limit = site
        .databases
        .named("ALTER DATABASE $database CONNECTION LIMIT 9");
    site.databases.run_as_superuser(&limit).await;
    let after = Portrait::of(&site, &managed).await;
    assert_eq!(before.differences(&after).len(), 1);
    assert_eq!(before.differences_within(&after), [""; 0]);
    daemon.stop().await;
}
