//! PostgreSQL goes away and comes back: connections that are refused, and a server that takes everything and says nothing.

use std::time::{Duration, Instant};

use pgsteward::proto::{
    CheckDatabaseRequest, CreateBackupRequest, DatabaseState, GetMaintenanceRequest,
    GetSchemaVersionRequest, ListOperationsRequest, OptimizeRequest,
};

use super::status;
use crate::support::{
    Client, Site,
    chaos::{Proxy, before_server},
    probe::{serves, until_serves},
};

/// How soon health must follow, each way.
const SOON: Duration = Duration::from_secs(5);

/// How PostgreSQL goes away, in a word and in deed.
type Fault = (&'static str, fn(&Proxy));

const FAULTS: [Fault; 2] = [("cut", Proxy::cut), ("stalled", Proxy::stall)];

/// That a thing comes to be soon.
async fn soon(what: &str, thing: impl Future<Output = ()>) {
    let start = Instant::now();
    thing.await;
    let took = start.elapsed();
    assert!(took < SOON, "{what} took {took:?}");
}

/// Something of each purpose, by its pool or a session of its own.
async fn everything_works(client: &Client) {
    let request = GetSchemaVersionRequest::default();
    client
        .migration()
        .get_schema_version(request)
        .await
        .unwrap();
    let request = GetMaintenanceRequest::default();
    client.maintenance().get_maintenance(request).await.unwrap();
    let request = OptimizeRequest::default();
    let answer = client.maintenance().optimize(request).await.unwrap();
    client.outcome(answer.into_inner().operation).await;
    client.back_up().await;
}

#[tokio::test]
async fn health_follows_a_database_that_goes_away_and_comes_back_and_every_pool_recovers() {
    let mut site = Site::new().await;
    let proxy = before_server().await;
    site.reach_database_at(proxy.address.port());
    site.set("health.interval", "1s");
    let daemon = site.start().await;
    let client = daemon.client();
    until_serves(client, "database/app", true).await;
    for (fault, go_away) in FAULTS {
        everything_works(client).await;
        go_away(&proxy);
        soon(fault, until_serves(client, "database/app", false)).await;
        assert!(serves(client, "readiness").await.unwrap());

        soon("the status", async {
            let seen = status(client).await;
            let health = &seen.databases[0];
            assert_eq!(health.state(), DatabaseState::Unreachable);
            assert!(health.connections.iter().all(|seen| !seen.reachable));
        })
        .await;
        soon("the check", async {
            let request = CheckDatabaseRequest::default();
            let answer = client.health().check_database(request).await.unwrap();
            let answer = answer.into_inner();
            assert!(answer.control_store.unwrap().reachable);
            let health = answer.health.unwrap();
            assert_eq!(health.state(), DatabaseState::Unreachable);
            assert!(
                health
                    .connections
                    .iter()
                    .all(|seen| !seen.message.is_empty() && seen.since_time.is_some()),
                "{health:?}"
            );
        })
        .await;

        proxy.resume();
        soon("the way back", until_serves(client, "database/app", true)).await;
    }
    everything_works(client).await;
    daemon.stop().await;
}

#[tokio::test]
async fn readiness_follows_the_control_store_and_the_status_is_told_without_it() {
    let mut site = Site::new().await;
    let proxy = before_server().await;
    site.reach_control_store_at(proxy.address.port());
    site.set("health.interval", "1s");
    site.set("postgres.connect_timeout", "2s");
    let daemon = site.start().await;
    let client = daemon.client();
    until_serves(client, "readiness", true).await;
    for (fault, go_away) in FAULTS {
        client.back_up().await;
        go_away(&proxy);
        soon(fault, until_serves(client, "readiness", false)).await;
        assert!(serves(client, "liveness").await.unwrap());
        assert!(serves(client, "database/app").await.unwrap());

        let start = Instant::now();
        let seen = status(client).await;
        assert!(start.elapsed() < 2 * SOON, "{:?}", start.elapsed());
        let control = seen.control_store.unwrap();
        assert!(!control.reachable && !control.message.is_empty() && control.since_time.is_some());
        assert!(!seen.control_store_reachable);
        assert!(
            seen.message.contains("running operations not known"),
            "{}",
            seen.message
        );
        // What changes something is refused, and soon.
        soon("the refusal", async {
            let request = CreateBackupRequest::default();
            let answer = client.backup().create_backup(request).await;
            assert!(answer.is_err());
        })
        .await;

        proxy.resume();
        soon("the way back", until_serves(client, "readiness", true)).await;
    }
    let request = ListOperationsRequest::default();
    let listed = client.operations().list_operations(request).await.unwrap();
    let listed = listed.into_inner().operations;
    // The two that were made between the faults, and nothing of what was refused.
    assert_eq!(listed.len(), 2, "{listed:?}");
    daemon.stop().await;
}
