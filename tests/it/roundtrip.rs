//! That a backup and its restore are the identity, for databases with every kind of object and of value: each file below
//! is a theme, its SQL beside it.
//!
//! A theme is judged in two ways: what the daemon restores, and what `gunzip -c … | psql` makes of the same archive, must
//! both be the database that was backed up, by a [`portrait`] that is read without pgsteward.

mod encodings;
mod interchange;
mod jumbo;
mod manifest;
mod portrait;
mod privileged;
mod random;
mod refusals;
mod themes;

use std::process::Command;

use pgsteward::proto::{
    Backup, RestoreRequest, RestoreResult, VerifyBackupRequest, operation::Outcome,
};

use self::{interchange::load_with_psql, portrait::Portrait};
use crate::support::{
    Client, Daemon, Site,
    cluster::as_superuser,
    database::{Databases, run},
    wait::until,
};

/// A site whose managed database is made with options of CREATE DATABASE, with a daemon that serves.
async fn start_with(options: &str) -> (Site, Daemon) {
    let site = Site::with(Databases::create_with(options).await);
    let daemon = site.start().await;
    (site, daemon)
}

/// Lets the daemon back up and restore what only a superuser can: event triggers, untrusted extensions, objects of
/// superusers, and what user mappings and subscriptions know of other servers.
async fn works_as_superuser(site: &Site) {
    let raise = "ALTER ROLE $admin SUPERUSER; ALTER ROLE $backup SUPERUSER";
    let raise = site.databases.named(raise);
    site.databases.run_as_superuser(&raise).await;
}

/// Fills the managed database as a role.
fn fill(site: &Site, role: &str, sql: &str) {
    let named = site.databases.named(sql);
    let role = format!("SET ROLE {role};\nSET client_encoding = 'UTF8';\n");
    run_file(site, (role + &named).as_bytes());
}

/// Runs SQL in the managed database by psql, which says in which line it fails. The session's user is the superuser, who
/// may take any role.
fn run_file(site: &Site, sql: &[u8]) {
    let file = site.path("theme.sql");
    std::fs::write(&file, sql).unwrap();
    let mut psql = as_superuser("psql", &site.databases.managed());
    psql.args(["-X", "-q", "-v", "ON_ERROR_STOP=1", "-f"])
        .arg(file);
    expect_success(psql);
}

/// Runs a program to its end; gives what it wrote.
fn expect_success(mut command: Command) -> String {
    let output = command.output().unwrap();
    let (out, err) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    assert!(
        output.status.success(),
        "{}: {out}\n{err}",
        command.get_program().display()
    );
    out.into_owned()
}

/// Reads a backup back in full; it must be good.
async fn verify(client: &Client, backup: &Backup) {
    let request = VerifyBackupRequest {
        filename: backup.filename.clone(),
        ..VerifyBackupRequest::default()
    };
    let answer = client.backup().verify_backup(request).await.unwrap();
    client.outcome(answer.into_inner().operation).await;
}

/// Replaces the managed database by a backup, in maintenance mode.
async fn restore(site: &Site, client: &Client, backup: &Backup) -> RestoreResult {
    let server = site.databases.superuser_in("postgres").await;
    let managed = site.databases.managed();
    // A swap cannot end the sessions of a superuser.
    let lower = site.databases.named("ALTER ROLE $backup NOSUPERUSER");
    run(&server, &lower).await;
    until("the test's own sessions are gone", || async {
        let open = "SELECT count(*) FROM pg_stat_activity
                    WHERE datname = $1 AND application_name NOT LIKE 'pgsteward%'";
        let open: i64 = server.query_one(open, &[&managed]).await.unwrap().get(0);
        (open == 0).then_some(())
    })
    .await;
    client.enter_maintenance().await;
    let request = RestoreRequest {
        filename: backup.filename.clone(),
        confirm_database: "app".to_owned(),
        reason: "a test".to_owned(),
        skip_last_backup: true,
        ..RestoreRequest::default()
    };
    let answer = client.restore().restore(request).await.unwrap();
    let Outcome::Restore(result) = client.outcome(answer.into_inner().operation).await else {
        panic!("no restore");
    };
    client.exit_maintenance().await;
    result
}

/// Every index and every page of a database is sound.
fn expect_sound(database: &str) {
    let mut check = as_superuser("pg_amcheck", database);
    check.args(["--install-missing", "--heapallindexed"]);
    expect_success(check);
}

/// Backs the managed database up, verifies the backup, restores it, and loads it with psql into another database. All
/// three databases must be the same.
async fn assert_round_trip(site: &Site, daemon: &Daemon) -> Backup {
    assert_round_trip_as(site, daemon, |portrait| portrait).await
}

/// The same, judged by a part of the portrait.
async fn assert_round_trip_as(
    site: &Site,
    daemon: &Daemon,
    part: impl Fn(Portrait) -> Portrait,
) -> Backup {
    let client = daemon.client();
    let managed = site.databases.managed();
    let before = part(Portrait::of(site, &managed).await);
    let oid = format!("SELECT oid FROM pg_database WHERE datname = '{managed}'");
    let live: u32 = site.databases.value(&oid).await;

    let backup = client.back_up().await;
    verify(client, &backup).await;
    restore(site, client, &backup).await;

    assert_ne!(
        site.databases.value::<u32>(&oid).await,
        live,
        "it was not replaced"
    );
    let restored = before.differences(&part(Portrait::of(site, &managed).await));
    assert_eq!(restored, [""; 0], "restored by pgsteward");
    let loaded = load_with_psql(site, &backup).await;
    let loaded = before.differences_within(&part(Portrait::of(site, &loaded).await));
    assert_eq!(loaded, [""; 0], "loaded by psql");
    expect_sound(&managed);
    backup
}
