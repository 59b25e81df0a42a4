//! A restore whose tools, sessions or connection end or stand still while it loads.

use super::{
    BIG, Before, ON_THE_WAY, SMALL, behind_proxy, end_sessions, is_told, is_told_as_lost,
    kill_restoring,
    stages::{Held, Stage, with_stages},
    start_beside, start_live, without_proxy,
};
use crate::support::{Daemon, Site, chaos::Proxy};

#[tokio::test]
async fn a_pg_restore_that_is_killed_before_the_rows_leaves_the_live_database_and_no_other() {
    let mut site = Site::new().await;
    site.databases.run(SMALL).await;
    site.fake_restoring(r#""$REAL" "$@"; kill -9 $$"#);
    let daemon = site.start().await;
    let client = daemon.client();
    client.back_up().await;
    let before = Before::of(&site, client).await;
    client.enter_maintenance().await;

    let operation = start_live(client, &before.listed[0]).await;

    let error = client.failure(operation).await;
    is_told(
        &error,
        "TOOL_FAILED",
        "pg_restore ended with signal: 9 (SIGKILL)",
    );
    before.nothing_is_left(&site, &daemon).await;
    daemon.stop().await;
}

/// pg_restore is killed while it is held there, and what it had begun on the server is still held when all is swept.
async fn killed_tool(stage: Stage) {
    let (site, daemon, before) = with_stages().await;
    let client = daemon.client();
    let mut held = Held::at(&site, stage).await;
    client.enter_maintenance().await;
    let operation = start_live(client, &before.listed[0]).await;
    let name = held.reached(&site).await;

    kill_restoring(&site, &format!("dbname='{name}'"));

    let error = client.failure(operation).await;
    is_told(
        &error,
        "TOOL_FAILED",
        "pg_restore ended with signal: 9 (SIGKILL)",
    );
    before.nothing_is_left(&site, &daemon).await;
    drop(held);
    client
        .outcome(start_live(client, &before.listed[0]).await)
        .await;
    daemon.stop().await;
}

#[tokio::test]
async fn a_parallel_pg_restore_that_is_killed_in_an_index_leaves_neither_helpers_nor_sessions() {
    killed_tool(Stage::Indexes).await;
}

#[tokio::test]
async fn a_pg_restore_that_is_killed_while_it_fills_a_view_fails_the_restore() {
    killed_tool(Stage::Views).await;
}

#[tokio::test]
async fn a_loading_session_that_the_server_ends_fails_the_restore_naming_the_table() {
    let (site, daemon, before) = with_stages().await;
    let client = daemon.client();
    let mut held = Held::at(&site, Stage::Rows).await;
    client.enter_maintenance().await;
    let operation = start_live(client, &before.listed[0]).await;
    let name = held.reached(&site).await;

    let loads = format!("datname = '{name}' AND query LIKE 'COPY %'");
    assert_eq!(end_sessions(&site, &loads).await, 1);

    let error = client.failure(operation).await;
    is_told(&error, "POSTGRES_UNAVAILABLE", r#""public"."orders""#);
    before.nothing_is_left(&site, &daemon).await;
    daemon.stop().await;
}

async fn with_big_table(settings: &[(&str, &str)]) -> (Site, Proxy, Daemon, Before) {
    let mut site = Site::new().await;
    for (key, value) in settings {
        site.set(key, value);
    }
    site.databases.run(BIG).await;
    let proxy = behind_proxy(&mut site).await;
    let daemon = site.start().await;
    daemon.client().back_up().await;
    let before = Before::of(&site, daemon.client()).await;
    (site, proxy, daemon, before)
}

#[tokio::test]
async fn a_connection_that_is_cut_while_rows_go_fails_the_restore_and_is_swept_by_the_next_daemon()
{
    let (mut site, proxy, daemon, before) = with_big_table(&[]).await;
    let client = daemon.client();
    proxy.cut_after(ON_THE_WAY);

    let operation = start_beside(&site, client, &before.listed[0]).await;

    let error = client.failure(operation).await;
    is_told_as_lost(&error, r#"load rows by COPY "public"."big""#);
    without_proxy(&mut site);
    daemon.stop().await;
    let daemon = site.start().await;
    before.nothing_is_left(&site, &daemon).await;
    daemon.stop().await;
}

#[tokio::test]
async fn a_connection_that_stands_still_while_rows_go_ends_the_restore_in_bounded_time() {
    let (mut site, proxy, daemon, before) = with_big_table(&[
        ("backup.stall_timeout", "2s"),
        ("postgres.connect_timeout", "2s"),
    ])
    .await;
    let client = daemon.client();
    proxy.stall_after(ON_THE_WAY);

    let operation = start_beside(&site, client, &before.listed[0]).await;

    let error = client.failure(operation).await;
    is_told(&error, "STALLED", "not a byte has moved for 2s");
    without_proxy(&mut site);
    daemon.kill9();
    drop(proxy);
    let daemon = site.start().await;
    before.nothing_is_left(&site, &daemon).await;
    daemon.stop().await;
}
