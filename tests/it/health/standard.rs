//! grpc.health.v1 as its standard has it.

use tonic::Code;
use tonic_health::pb::health_check_response::ServingStatus;

use super::{check, status};
use crate::support::{
    self, Site,
    chaos::before_server,
    probe::{about, probe, serves, until_serves},
};

#[tokio::test]
async fn a_watch_of_an_unknown_name_says_so_and_stays() {
    let (_site, daemon) = support::start().await;
    let client = daemon.client();
    // Whom nobody knows may ask for names, and for nothing that costs memory.
    for (length, code) in [(257, Code::InvalidArgument), (8192, Code::OutOfRange)] {
        let long = "x".repeat(length);
        let answer = probe(client).watch(about(&long)).await;
        assert_eq!(answer.map(|_| ()).unwrap_err().code(), code);
        let answer = probe(client).check(about(&long)).await;
        assert_eq!(answer.unwrap_err().code(), code);
    }
    let answer = probe(client).watch(about("database/other")).await.unwrap();
    let mut changes = answer.into_inner();
    let first = changes.message().await.unwrap().unwrap();
    assert_eq!(first.status(), ServingStatus::ServiceUnknown);
    // What others are told of is no news for this one: it hears nothing, and is not ended before the daemon is.
    client.enter_maintenance().await;
    until_serves(client, "database/app", false).await;
    daemon.stop().await;
    let last = changes.message().await;
    assert!(matches!(last, Ok(None)), "{last:?}");
}

#[tokio::test]
async fn probes_are_answered_from_memory_and_ask_no_server() {
    let mut site = Site::new().await;
    let (database, control) = (before_server().await, before_server().await);
    site.reach_database_at(database.address.port());
    site.reach_control_store_at(control.address.port());
    // After the look at its start the daemon does not look again: what it says is what it remembers.
    site.set("health.interval", "1h");
    let daemon = site.start().await;
    let client = daemon.client();
    until_serves(client, "database/app", true).await;
    database.stall();
    control.stall();
    for _ in 0..500 {
        for name in ["", "liveness", "readiness", "database/app"] {
            assert!(serves(client, name).await.unwrap(), "{name:?}");
        }
    }
    database.resume();
    control.resume();
    daemon.stop().await;
}

#[tokio::test]
async fn one_look_without_an_answer_changes_nothing_and_as_many_as_configured_do() {
    let mut site = Site::new().await;
    site.set("health.failures", "10");
    site.set("health.interval", "2s");
    let daemon = site.start().await;
    let client = daemon.client();
    until_serves(client, "database/app", true).await;
    let role = site.databases.role("backup");
    site.databases
        .run_as_superuser(&format!(
            "ALTER ROLE {role} NOLOGIN;
             SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{role}'"
        ))
        .await;

    // CheckDatabase looks anew and takes what it sees at its word; probes believe it only after ten looks.
    let found = check(client).await;
    assert!(found.message.starts_with("backup: "), "{found:?}");
    assert!(serves(client, "database/app").await.unwrap());
    until_serves(client, "database/app", false).await;

    // Since when: the first of the looks, and the same for as long as it lasts.
    let since = |health: &pgsteward::proto::DatabaseHealth| {
        let mut connections = health.connections.iter();
        let backup = connections.find(|connection| connection.purpose == "backup");
        backup.unwrap().since_time.unwrap()
    };
    let seen = since(&status(client).await.databases[0]);
    assert_eq!(since(&check(client).await), seen);
    assert_eq!(since(&check(client).await), seen);
    daemon.stop().await;
}
