//! A backup whose sessions, tool or connection end or stand still.

use super::{
    BIG, Before, ON_THE_WAY, behind_proxy, end_sessions, is_told, is_told_as_lost, without_proxy,
};
use crate::support::{Daemon, Site, chaos::Proxy, wait::until};

/// A daemon with a big table, one good backup, and a proxy before the server.
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

/// Rows that stand still on their way keep their session in the middle of its COPY.
async fn copying(site: &Site) {
    until("rows are being copied", || async {
        let copies = format!(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = '{}' AND state = 'active'
               AND application_name = 'pgsteward backup' AND query LIKE 'COPY %'",
            site.databases.managed()
        );
        (site.databases.value::<i64>(&copies).await == 1).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_copying_session_that_the_server_ends_fails_the_backup_and_leaves_nothing() {
    let (site, proxy, daemon, before) = with_big_table(&[]).await;
    let client = daemon.client();
    proxy.stall_after_answers(ON_THE_WAY);
    let operation = client.start_backup().await;
    proxy.tripped().await;
    copying(&site).await;

    let copy = "application_name = 'pgsteward backup' AND query LIKE 'COPY %'";
    assert_eq!(end_sessions(&site, copy).await, 1);
    proxy.resume();

    let error = client.failure(operation).await;
    is_told_as_lost(&error, r#"copy the rows of "public"."big""#);
    before.nothing_is_left(&site, &daemon).await;
    client.back_up().await;
    daemon.stop().await;
}

#[tokio::test]
async fn all_sessions_of_the_daemon_ended_at_once_fail_the_backup_and_leave_nothing() {
    let (site, proxy, daemon, before) = with_big_table(&[]).await;
    let client = daemon.client();
    proxy.stall_after_answers(ON_THE_WAY);
    let operation = client.start_backup().await;
    proxy.tripped().await;
    copying(&site).await;

    assert!(end_sessions(&site, "true").await >= 4);
    proxy.resume();

    let error = client.failure(operation).await;
    assert!(
        ["POSTGRES_UNAVAILABLE", "LOCK_LOST"].contains(&error.reason.as_str()),
        "{error:?}"
    );
    before.nothing_is_left(&site, &daemon).await;
    client.back_up().await;
    daemon.stop().await;
}

#[tokio::test]
async fn a_connection_that_is_cut_while_rows_come_fails_the_backup_and_leaves_nothing() {
    let (site, proxy, daemon, before) = with_big_table(&[]).await;
    let client = daemon.client();
    proxy.cut_after_answers(ON_THE_WAY);

    let error = client.failure(client.start_backup().await).await;

    is_told_as_lost(&error, r#"copy the rows of "public"."big""#);
    before.nothing_is_left(&site, &daemon).await;
    proxy.resume();
    client.back_up().await;
    daemon.stop().await;
}

#[tokio::test]
async fn a_connection_that_stands_still_ends_the_backup_in_bounded_time() {
    let (site, proxy, daemon, before) = with_big_table(&[("backup.stall_timeout", "2s")]).await;
    let client = daemon.client();
    proxy.stall_after_answers(ON_THE_WAY);

    let error = client.failure(client.start_backup().await).await;

    is_told(&error, "STALLED", "not a byte has moved for 2s");
    assert!(!error.hint.is_empty(), "{error:?}");
    // What the proxy holds back is the server's to end once it sees that nobody is there.
    proxy.resume();
    before.nothing_is_left(&site, &daemon).await;
    client.back_up().await;
    daemon.stop().await;
}

#[tokio::test]
async fn a_server_that_cannot_be_reached_fails_the_backup_at_once_and_names_the_database() {
    let (site, proxy, daemon, before) = with_big_table(&[]).await;
    let client = daemon.client();
    proxy.cut();

    let error = client.failure(client.start_backup().await).await;

    is_told(&error, "POSTGRES_UNAVAILABLE", "cannot connect to database");
    before.nothing_is_left(&site, &daemon).await;
    daemon.stop().await;
}

#[tokio::test]
async fn killed_while_rows_come_the_daemon_leaves_nothing_for_the_next() {
    let (mut site, proxy, daemon, before) = with_big_table(&[]).await;
    proxy.stall_after_answers(ON_THE_WAY);
    let operation = daemon.client().start_backup().await.unwrap();
    proxy.tripped().await;
    copying(&site).await;

    daemon.kill9();
    drop(proxy);
    without_proxy(&mut site);
    let daemon = site.start().await;

    super::died_with_its_daemon(daemon.client(), &operation.id).await;
    before.nothing_is_left(&site, &daemon).await;
    daemon.client().back_up().await;
    daemon.stop().await;
}

#[tokio::test]
async fn a_killed_pg_dump_fails_the_backup_and_leaves_nothing() {
    let mut site = Site::new().await;
    site.databases.run(super::SMALL).await;
    // The first part of its output has come, and the signal is all that says that it is not the whole.
    site.fake_tool("pg_dump", r#""$REAL" "$@" | head -c 700; kill -9 $$"#);
    let daemon = site.start().await;
    let client = daemon.client();
    let before = Before {
        rows: super::rows(&site).await,
        listed: Vec::new(),
        files: Vec::new(),
    };

    let error = client.failure(client.start_backup().await).await;

    is_told(
        &error,
        "TOOL_FAILED",
        "pg_dump ended with signal: 9 (SIGKILL)",
    );
    before.nothing_is_left(&site, &daemon).await;
    daemon.stop().await;
}
