//! The loading of the models: files in any order, errors with file and line, and nothing beyond the database.

use std::{fs, os::unix::fs::symlink};

use pgsteward::proto::OperationError;

use super::{declare, generate, nothing_is_left, refused, request, scripts, with_models};
use crate::support::{Client, Daemon, Site};

/// What a chain of these revisions and models of these files agree on: nothing is written.
async fn agrees(client: &Client) {
    let result = generate(client, request()).await;
    assert!(result.revisions.is_empty(), "{result:?}");
}

async fn started(files: &[(&str, &str)]) -> (Site, Daemon) {
    let site = with_models(files).await;
    let daemon = site.start().await;
    (site, daemon)
}

fn places(error: &OperationError) -> Vec<&str> {
    let violations = error.preconditions.iter();
    violations
        .map(|violation| violation.subject.as_str())
        .collect()
}

#[tokio::test]
async fn files_need_each_other_in_any_order_and_below_directories() {
    let (site, daemon) = started(&[
        (
            "a_view.sql",
            "CREATE VIEW dear AS SELECT id FROM orders WHERE total > 1;",
        ),
        (
            "b.sql",
            "CREATE TABLE orders (id int PRIMARY KEY, customer int, total numeric);
             ALTER TABLE orders ADD FOREIGN KEY (customer) REFERENCES customers (id);",
        ),
        (
            "c/d/e.sql",
            "CREATE TABLE customers (id int PRIMARY KEY, first_order int);
             ALTER TABLE customers ADD FOREIGN KEY (first_order) REFERENCES orders (id);",
        ),
        (".hidden.sql", "DROP TABLE nothing;"),
        ("notes.txt", "no SQL"),
    ])
    .await;
    let client = daemon.client();
    client
        .revision(
            "CREATE TABLE customers (id int PRIMARY KEY, first_order int);
             CREATE TABLE orders (id int PRIMARY KEY, customer int REFERENCES customers (id), total numeric);
             ALTER TABLE customers ADD FOREIGN KEY (first_order) REFERENCES orders (id);
             CREATE VIEW dear AS SELECT id FROM orders WHERE total > 1;",
            "",
        )
        .await;
    agrees(client).await;
    nothing_is_left(&site).await;
    daemon.stop().await;
}

#[tokio::test]
async fn a_statement_may_stand_above_what_it_needs_and_what_others_need_below_it() {
    let (site, daemon) = started(&[
        (
            "a.sql",
            "CREATE VIEW dear AS SELECT o.id FROM orders o JOIN customers c ON c.id = o.customer;
             CREATE TABLE customers (id int PRIMARY KEY);",
        ),
        (
            "b.sql",
            "CREATE TABLE orders (id int PRIMARY KEY, customer int REFERENCES customers (id));",
        ),
    ])
    .await;
    let client = daemon.client();
    client
        .revision(
            "CREATE TABLE customers (id int PRIMARY KEY);
             CREATE TABLE orders (id int PRIMARY KEY, customer int REFERENCES customers (id));
             CREATE VIEW dear AS SELECT o.id FROM orders o JOIN customers c ON c.id = o.customer;",
            "",
        )
        .await;
    agrees(client).await;
    nothing_is_left(&site).await;
    daemon.stop().await;
}

#[tokio::test]
async fn a_linked_file_is_read() {
    let site = with_models(&[]).await;
    let aside = site.path("aside.sql");
    fs::write(&aside, "CREATE TABLE a (id int);").unwrap();
    symlink(&aside, site.path("models").join("a.sql")).unwrap();
    let daemon = site.start().await;
    daemon
        .client()
        .revision("CREATE TABLE a (id int);", "")
        .await;
    agrees(daemon.client()).await;
    daemon.stop().await;
}

#[tokio::test]
async fn what_a_file_sets_holds_for_it_alone_and_when_it_is_resumed() {
    let (_site, daemon) = started(&[
        (
            "a.sql",
            "BEGIN;
             CREATE SCHEMA sales;
             SET search_path = sales, public;
             CREATE TABLE first (id int);
             CREATE VIEW later AS SELECT * FROM public.needed;
             CREATE TABLE last (id int);
             COMMIT;",
        ),
        ("b.sql", "CREATE TABLE needed (id int);"),
    ])
    .await;
    let client = daemon.client();
    client
        .revision(
            "CREATE SCHEMA sales; CREATE TABLE sales.first (id int); CREATE TABLE sales.last (id int);
             CREATE TABLE public.needed (id int); CREATE VIEW sales.later AS SELECT * FROM public.needed;",
            "",
        )
        .await;
    agrees(client).await;
    daemon.stop().await;
}

#[tokio::test]
async fn functions_that_call_each_other_are_loaded_and_wrong_ones_are_not() {
    let even = "CREATE FUNCTION even(n int) RETURNS bool LANGUAGE sql AS $$ SELECT n = 0 OR odd(n - 1) $$;";
    let odd = "CREATE FUNCTION odd(n int) RETURNS bool LANGUAGE sql AS $$ SELECT n <> 0 AND even(n - 1) $$;";
    let (site, daemon) = started(&[("a.sql", even), ("b.sql", odd)]).await;
    let client = daemon.client();
    let made = format!("SET check_function_bodies = off; {even} {odd}");
    client.revision(&made, "").await;
    agrees(client).await;

    let wrong =
        "\nCREATE FUNCTION wrong() RETURNS int LANGUAGE sql AS $$ SELECT id FROM absent $$;";
    declare(&site, &[("c.sql", wrong)]);
    let error = refused(client, request()).await;
    assert_eq!(error.reason, "MODELS_NOT_LOADABLE", "{error:?}");
    assert_eq!(places(&error), ["c.sql:2"]);
    assert!(
        error.message.contains("\"absent\" does not exist"),
        "{error:?}"
    );
    daemon.stop().await;
}

#[tokio::test]
async fn each_file_that_cannot_be_loaded_is_named_with_its_line() {
    let (site, daemon) = started(&[
        ("good.sql", "CREATE TABLE good (id int);"),
        (
            "one.sql",
            "CREATE TABLE one (id int);\n\nCREATE TABLE two (\n  id absent\n);",
        ),
        (
            "sub/two.sql",
            "CREATE VIEW three AS\n  SELECT * FROM missing;\nCREATE TABLE four ();",
        ),
    ])
    .await;

    let error = refused(daemon.client(), request()).await;

    assert_eq!(error.code, "FAILED_PRECONDITION");
    assert_eq!(error.reason, "MODELS_NOT_LOADABLE");
    assert_eq!(places(&error), ["one.sql:4", "sub/two.sql:2"]);
    let description = &error.preconditions[1].description;
    assert!(
        description.starts_with("sub/two.sql:2: relation \"missing\" does not exist"),
        "{description}"
    );
    assert!(
        error
            .message
            .contains("one.sql:4: type \"absent\" does not exist"),
        "{error:?}"
    );
    nothing_is_left(&site).await;
    daemon.stop().await;
}

#[tokio::test]
async fn what_is_no_sql_for_a_server_is_refused_before_anything_runs() {
    let (site, daemon) = started(&[
        ("a.sql", "CREATE TABLE a ();\n\\connect other\n"),
        (
            "b.sql",
            "CREATE TABLE b (id int);\nCOPY b FROM stdin;\n1\n\\.\n",
        ),
        ("c.sql", "SELECT 'open"),
        ("d.sql", "ROLLBACK;"),
    ])
    .await;

    let error = refused(daemon.client(), request()).await;

    assert_eq!(error.reason, "MODELS_NOT_LOADABLE");
    assert_eq!(places(&error), ["a.sql:2", "b.sql:2", "c.sql:1", "d.sql:1"]);
    assert_eq!(scripts(&site), 0);
    daemon.stop().await;
}

#[tokio::test]
async fn an_empty_directory_is_no_declaration_and_an_empty_file_is_one() {
    let (site, daemon) = started(&[]).await;
    let client = daemon.client();
    assert_eq!(refused(client, request()).await.reason, "MODELS_EMPTY");
    declare(&site, &[("nothing.sql", "-- nothing yet\n")]);
    agrees(client).await;
    fs::remove_dir_all(site.path("models")).unwrap();
    assert_eq!(refused(client, request()).await.reason, "MODELS_UNREADABLE");
    daemon.stop().await;
}

#[tokio::test]
async fn what_belongs_to_the_whole_server_is_refused_wherever_it_hides() {
    let site = with_models(&[]).await;
    let role = site.databases.role("made_by_models");
    let migrator = site.databases.role("migrator");
    site.databases
        .run_as_superuser(&format!("ALTER ROLE {migrator} CREATEROLE CREATEDB"))
        .await;
    let daemon = site.start().await;
    let client = daemon.client();
    for (sql, place) in [
        (
            format!("CREATE TABLE a ();\nCREATE ROLE {role};"),
            "a.sql:2",
        ),
        (format!("CREATE DATABASE {role};"), "a.sql:1"),
        (format!("GRANT {migrator} TO {role};"), "a.sql:1"),
        (
            format!("CREATE TABLE a ();\n\nDO $$ BEGIN EXECUTE 'CREATE ROLE {role}'; END $$;"),
            "a.sql:3",
        ),
    ] {
        declare(&site, &[("a.sql", &sql)]);
        let error = refused(client, request()).await;
        assert_eq!(error.reason, "MODELS_CHANGE_SERVER", "{error:?}");
        assert_eq!(places(&error), [place]);
    }
    let made: bool = site
        .databases
        .value(&format!(
            "SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = '{role}')
                 OR EXISTS (SELECT FROM pg_database WHERE datname = '{role}')"
        ))
        .await;
    assert!(!made);
    nothing_is_left(&site).await;
    daemon.stop().await;
}

#[tokio::test]
async fn an_extension_of_the_live_database_may_be_declared_or_not() {
    let table = "CREATE TABLE a (id int);";
    let (site, daemon) = started(&[("a.sql", table)]).await;
    site.databases
        .run_as_superuser("CREATE EXTENSION pg_trgm")
        .await;
    let client = daemon.client();
    client.revision(table, "").await;
    agrees(client).await;
    for declared in [
        "CREATE EXTENSION pg_trgm;",
        "CREATE EXTENSION IF NOT EXISTS pg_trgm WITH SCHEMA public;
         COMMENT ON EXTENSION pg_trgm IS 'text similarity measurement and index searching based on trigrams';",
    ] {
        declare(&site, &[("a.sql", &format!("{declared} {table}"))]);
        agrees(client).await;
    }
    daemon.stop().await;
}

#[tokio::test]
async fn what_pg_dump_writes_can_be_the_models() {
    let (site, daemon) = started(&[]).await;
    let client = daemon.client();
    client
        .revision(
            "CREATE TABLE a (id serial PRIMARY KEY, name text); CREATE VIEW b AS SELECT * FROM a;",
            "",
        )
        .await;
    client.upgrade("head").await;
    let dumped = std::process::Command::new("pg_dump")
        .args([
            "--schema-only",
            "--exclude-table=alembic_version",
            "--dbname",
        ])
        .arg(site.databases.url("migrator", &site.databases.managed()))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&dumped.stderr);
    assert!(dumped.status.success(), "{said}");
    // The schema `public` stands in every database, and is dumped where its owner is another than usual.
    let text = String::from_utf8(dumped.stdout).unwrap();
    let text = text.replace(
        "CREATE SCHEMA public;",
        "CREATE SCHEMA IF NOT EXISTS public;",
    );
    declare(&site, &[("dump.sql", &text)]);
    agrees(client).await;
    daemon.stop().await;
}
