//! The daemon without a configuration, with its own PostgreSQL.

use pgsteward::proto::{GetSchemaVersionRequest, ListBackupsRequest, ListOperationsRequest};

use crate::support::{Client, probe::until_serves, standalone::Standalone, wait::until};

/// What must outlive the daemon: the applied revisions, the backups' names, and the number of operations.
async fn memory(client: &Client) -> (Vec<String>, Vec<String>, usize) {
    let request = GetSchemaVersionRequest::default();
    let answer = client.migration().get_schema_version(request).await;
    let version = answer.unwrap().into_inner().schema_version.unwrap();
    let answer = client
        .backup()
        .list_backups(ListBackupsRequest::default())
        .await;
    let backups = answer.unwrap().into_inner().backups;
    let request = ListOperationsRequest::default();
    let answer = client.operations().list_operations(request).await;
    let operations = answer.unwrap().into_inner().operations;
    (
        version.database_heads,
        backups.into_iter().map(|backup| backup.filename).collect(),
        operations.len(),
    )
}

#[tokio::test]
async fn without_a_configuration_it_serves_on_its_own_server_through_a_kill_and_stops_it_at_the_end()
 {
    let home = Standalone::new();
    let daemon = home.spawn().ready().await;
    let client = daemon.client();
    until_serves(client, "database/app", true).await;
    let revision = client
        .revision("CREATE TABLE t (n int);", "DROP TABLE t;")
        .await;
    client.upgrade("head").await;
    let backup = client.back_up().await;
    let before = memory(client).await;
    assert_eq!(before, (vec![revision.revision], vec![backup.filename], 2));

    daemon.kill9();
    let server = home.server();
    assert!(server.is_some(), "the server does not fall with the daemon");

    let daemon = home.spawn().ready().await;
    assert_eq!(
        home.server(),
        server,
        "it goes on with the server that runs"
    );
    assert_eq!(memory(daemon.client()).await, before);
    daemon.client().back_up().await;
    daemon.stop().await;
    until("the server is gone", async || {
        home.server().is_none().then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_second_daemon_on_a_data_directory_is_refused_with_the_firsts_process_id() {
    let home = Standalone::new();
    let first = home.spawn().ready().await;
    let (status, said) = home.spawn().refused().await;
    assert!(!status.success(), "{status:?}");
    let pid = format!("(pid {})", first.process.pid());
    for part in [&pid, home.data().to_str().unwrap(), "stop the other daemon"] {
        assert!(said.contains(part), "{part:?} is not in {said}");
    }
    until_serves(first.client(), "readiness", true).await;
    first.stop().await;
    assert_eq!(home.server(), None);
}
