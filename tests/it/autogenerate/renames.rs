//! Renames: never guessed, never a drop and an add in silence.

use pgsteward::proto::CreateRevisionRequest;

use super::{declare, generate, refused, request, scripts, with_models};
use crate::{
    cli::{cli, ends_with, succeeds},
    support::{Client, Daemon, Site, expect_field},
};

const OLD: &str = "CREATE TABLE orders (id bigint PRIMARY KEY, total numeric NOT NULL);";
const NEW: &str = "CREATE TABLE orders (id bigint PRIMARY KEY, amount numeric NOT NULL);";

/// A database with a row in a table of which the models say that one column has another name.
async fn renamed_column() -> (Site, Daemon) {
    let site = with_models(&[("orders.sql", OLD)]).await;
    let daemon = site.start().await;
    let client = daemon.client();
    generate(client, request()).await;
    client.upgrade("head").await;
    site.databases
        .run("INSERT INTO orders VALUES (1, 42)")
        .await;
    declare(&site, &[("orders.sql", NEW)]);
    (site, daemon)
}

fn with(renames: &[&str], drops: &[&str]) -> CreateRevisionRequest {
    let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
    CreateRevisionRequest {
        renames: owned(renames),
        drops: owned(drops),
        ..request()
    }
}

async fn amount(site: &Site) -> i64 {
    site.databases
        .value("SELECT sum(amount)::bigint FROM orders")
        .await
}

#[tokio::test]
async fn a_column_that_may_be_renamed_is_asked_about_and_keeps_its_rows_when_it_is() {
    let (site, daemon) = renamed_column().await;
    let client: &Client = daemon.client();

    let error = refused(client, request()).await;

    assert_eq!(error.reason, "RENAME_UNDECIDED", "{error:?}");
    assert_eq!(error.code, "FAILED_PRECONDITION");
    assert_eq!(error.preconditions.len(), 1);
    assert_eq!(error.preconditions[0].subject, "column public.orders.total");
    let description = &error.preconditions[0].description;
    assert!(
        description.contains("`--rename public.orders.total=amount`"),
        "{description}"
    );
    assert!(
        description.contains("`--drop public.orders.total`"),
        "{description}"
    );
    assert_eq!(scripts(&site), 1);

    let result = generate(client, with(&["public.orders.total=amount"], &[])).await;
    assert_eq!(result.revisions.len(), 1, "{result:?}");
    // Nothing goes, and nothing is said to go.
    let rules: Vec<&str> = result.findings.iter().map(|f| f.rule.as_str()).collect();
    assert!(!rules.contains(&"drop-column"), "{rules:?}");
    client.upgrade("head").await;
    assert_eq!(amount(&site).await, 42);
    daemon.stop().await;
}

#[tokio::test]
async fn a_table_is_renamed_with_a_column_of_it() {
    let (site, daemon) = renamed_column().await;
    declare(
        &site,
        &[(
            "orders.sql",
            "CREATE TABLE sales (id bigint PRIMARY KEY, amount numeric NOT NULL);",
        )],
    );
    let both = ["public.orders=sales", "public.orders.total=amount"];
    let client = daemon.client();
    generate(client, with(&both, &[])).await;
    client.upgrade("head").await;
    let amount: i64 = site
        .databases
        .value("SELECT sum(amount)::bigint FROM sales")
        .await;
    assert_eq!(amount, 42);
    daemon.stop().await;
}

#[tokio::test]
async fn what_is_said_of_what_does_not_differ_is_refused() {
    let (site, daemon) = renamed_column().await;
    let client = daemon.client();
    for wrong in [
        with(&["public.orders.total=price"], &[]),
        with(&["public.orders.totall=amount"], &[]),
        with(&["public.orders.total=amount"], &["public.orders.id"]),
    ] {
        let error = refused(client, wrong).await;
        assert!(
            ["INVALID_FIELD", "RENAME_UNDECIDED"].contains(&error.reason.as_str()),
            "{error:?}"
        );
    }
    expect_field(
        super::start(client, with(&["orders.total"], &[])).await,
        "renames",
    );
    expect_field(super::start(client, with(&[], &["total"])).await, "drops");
    assert_eq!(scripts(&site), 1);
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_line_takes_the_answers_and_asks_nobody_who_is_not_there() {
    let (site, daemon) = renamed_column().await;
    let line = "migrate revision --autogenerate -m second";
    let said = ends_with(1, &cli(&daemon, line));
    assert!(said.contains("RENAME_UNDECIDED"), "{said}");
    assert!(
        said.contains("--rename public.orders.total=amount"),
        "{said}"
    );
    succeeds(&daemon, &format!("{line} --drop public.orders.total"));
    assert_eq!(scripts(&site), 2);
    daemon.stop().await;
}
