//! Health through the wire: the standard names, what turns them, HealthService, and reflection.

mod outage;
mod standard;

use pgsteward::{
    model::method::Method,
    proto::{
        CheckDatabaseRequest, DatabaseHealth, DatabaseState, GetStatusRequest, GetStatusResponse,
        OperationState, OptimizeRequest,
    },
};
use tonic::Code;
use tonic_reflection::pb::v1::{
    ServerReflectionRequest, server_reflection_client::ServerReflectionClient,
    server_reflection_request::MessageRequest, server_reflection_response::MessageResponse,
};

use crate::support::{
    self, Client, Site, expect_reason,
    gate::Gate,
    probe::{about, expect_unknown, is_serving, probe, serves, until_serves},
    tokens,
    wait::until,
};

/// The full names of our services, each once.
fn services() -> Vec<String> {
    let mut names: Vec<String> = Method::ALL
        .iter()
        .map(|method| method.full_name().split('/').next().unwrap().to_owned())
        .collect();
    names.dedup();
    names
}

async fn check(client: &Client) -> DatabaseHealth {
    let request = CheckDatabaseRequest::default();
    let answer = client.health().check_database(request).await.unwrap();
    answer.into_inner().health.unwrap()
}

async fn status(client: &Client) -> GetStatusResponse {
    let answer = client.health().get_status(GetStatusRequest {}).await;
    answer.unwrap().into_inner()
}

#[tokio::test]
async fn every_name_serves_once_the_daemon_is_ready() {
    let (_site, daemon) = support::start().await;
    let client = daemon.client();
    for name in ["", "liveness", "readiness", "database/app"] {
        until_serves(client, name, true).await;
    }
    for name in services() {
        until_serves(client, &name, true).await;
    }
    for name in ["database/other", "pgsteward.v1.NoService", "Liveness"] {
        expect_unknown(client, name).await;
    }
    daemon.stop().await;
}

#[tokio::test]
async fn probes_and_reflection_need_no_token() {
    let mut site = Site::new().await;
    tokens::require(&mut site);
    let daemon = site.start().await;
    let client = daemon.client();
    until_serves(client, "readiness", true).await;
    assert!(!reflected(client).await.is_empty());
    let answer = client.health().get_status(GetStatusRequest {}).await;
    expect_reason(answer, Code::Unauthenticated, "CREDENTIALS_MISSING");
    daemon.stop().await;
}

#[tokio::test]
async fn a_watch_tells_of_each_change() {
    let (_site, daemon) = support::start().await;
    let client = daemon.client();
    until_serves(client, "database/app", true).await;
    let answer = probe(client).watch(about("database/app")).await.unwrap();
    let mut changes = answer.into_inner();
    let mut next = async || is_serving(changes.message().await.unwrap().unwrap());
    assert!(next().await);
    client.enter_maintenance().await;
    assert!(!next().await);
    client.exit_maintenance().await;
    assert!(next().await);
    daemon.stop().await;
}

#[tokio::test]
async fn without_its_control_store_the_daemon_is_alive_and_not_ready_until_it_is_back() {
    let (site, daemon) = support::start().await;
    let client = daemon.client();
    until_serves(client, "readiness", true).await;

    site.databases.control_store_answers(false).await;
    until_serves(client, "readiness", false).await;
    for name in ["", "liveness", "database/app"] {
        assert!(serves(client, name).await.unwrap(), "{name:?}");
    }
    for name in services() {
        until_serves(client, &name, false).await;
    }
    let seen = status(client).await;
    assert!(!seen.control_store_reachable);
    assert_eq!(seen.databases[0].state(), DatabaseState::Healthy);

    site.databases.control_store_answers(true).await;
    until_serves(client, "readiness", true).await;
    assert!(status(client).await.control_store_reachable);
    client.back_up().await;
    daemon.stop().await;
}

#[tokio::test]
async fn a_database_in_maintenance_does_not_look_open_while_the_control_store_is_away() {
    let (site, daemon) = support::start().await;
    let client = daemon.client();
    client.enter_maintenance().await;
    until_serves(client, "database/app", false).await;
    site.databases.control_store_answers(false).await;
    until_serves(client, "readiness", false).await;
    assert!(!serves(client, "database/app").await.unwrap());
    assert_eq!(
        status(client).await.databases[0].state(),
        DatabaseState::Maintenance
    );
    site.databases.control_store_answers(true).await;
    daemon.stop().await;
}

#[tokio::test]
async fn an_operation_outlives_an_absence_of_the_control_store() {
    let mut site = Site::new().await;
    let mut gate = Gate::before(&mut site, "pg_dump");
    let daemon = site.start().await;
    let client = daemon.client();
    let id = client.start_backup().await.unwrap().id;
    gate.reached(&site).await;
    site.databases.control_store_answers(false).await;
    until_serves(client, "readiness", false).await;
    site.databases.control_store_answers(true).await;
    // Only once the proof of life is given again can another daemon tell that this one lives.
    let proofs = "SELECT count(*) FROM pg_stat_activity
                  WHERE datname = current_database() AND application_name = 'pgsteward liveness'";
    until("the daemon proves that it lives", async || {
        let found: i64 = site.databases.control_value(proofs).await;
        (found == 1).then_some(())
    })
    .await;
    let other = site.start().await;
    gate.open();
    let done = other.client().wait_for(&id).await;
    assert_eq!(done.state(), OperationState::Succeeded, "{done:?}");
    other.stop().await;
    daemon.stop().await;
}

#[tokio::test]
async fn a_check_of_a_healthy_database_says_all_that_is_known_of_it() {
    let (_site, daemon) = support::start().await;
    let client = daemon.client();
    let revision = client
        .revision("CREATE TABLE t (n int);", "DROP TABLE t;")
        .await;
    let behind = check(client).await.schema_version.unwrap();
    assert!(
        !behind.in_sync && behind.database_heads.is_empty(),
        "{behind:?}"
    );
    client.upgrade("head").await;
    let backup = client.back_up().await;

    let health = check(client).await;

    assert_eq!(
        (health.database.as_str(), health.message.as_str()),
        ("app", "")
    );
    assert_eq!(health.state(), DatabaseState::Healthy);
    let purposes: Vec<&str> = health
        .connections
        .iter()
        .map(|c| c.purpose.as_str())
        .collect();
    assert_eq!(purposes, ["admin", "migrator", "backup", "maintenance"]);
    assert!(
        health
            .connections
            .iter()
            .all(|c| c.reachable && c.latency.is_some())
    );
    assert_eq!(health.server_version, backup.server_version);
    assert_eq!(health.last_backup.unwrap().filename, backup.filename);
    let version = health.schema_version.unwrap();
    assert!(version.in_sync);
    assert_eq!(version.database_heads, [revision.revision]);
    assert!(!health.maintenance.unwrap().active);
    daemon.stop().await;
}

#[tokio::test]
async fn a_check_names_the_purpose_that_fails_and_why() {
    let (site, daemon) = support::start().await;
    let client = daemon.client();
    let role = site.databases.role("backup");
    let login = async |may: &str| {
        let statement = format!("ALTER ROLE {role} {may}");
        site.databases.run_as_superuser(&statement).await;
    };
    login("NOLOGIN").await;

    let health = check(client).await;

    assert_eq!(health.state(), DatabaseState::Unreachable);
    assert!(health.message.starts_with("backup: "), "{health:?}");
    for connection in &health.connections {
        let fails = connection.purpose == "backup";
        assert_eq!(connection.reachable, !fails, "{connection:?}");
        assert_eq!(
            connection.message.contains("not permitted to log in"),
            fails
        );
    }
    login("LOGIN").await;
    assert_eq!(check(client).await.state(), DatabaseState::Healthy);
    daemon.stop().await;
}

#[tokio::test]
async fn a_database_that_its_admin_cannot_reach_does_not_serve_and_the_daemon_does() {
    let (site, daemon) = support::start().await;
    let client = daemon.client();
    until_serves(client, "database/app", true).await;
    let (role, database) = (site.databases.role("admin"), site.databases.managed());
    let server = site.databases.superuser_in("postgres").await;
    let statements = format!(
        "ALTER ROLE {role} NOLOGIN;
         SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{database}'"
    );
    server.batch_execute(&statements).await.unwrap();
    until_serves(client, "database/app", false).await;
    assert!(serves(client, "readiness").await.unwrap());
    let seen = status(client).await.databases.remove(0);
    assert_eq!(seen.state(), DatabaseState::Unreachable);
    assert!(seen.message.starts_with("admin: "), "{seen:?}");
    server
        .batch_execute(&format!("ALTER ROLE {role} LOGIN"))
        .await
        .unwrap();
    until_serves(client, "database/app", true).await;
    daemon.stop().await;
}

#[tokio::test]
async fn a_check_of_an_unknown_database_is_not_found() {
    let (_site, daemon) = support::start().await;
    let request = CheckDatabaseRequest {
        database: "other".to_owned(),
    };
    let answer = daemon.client().health().check_database(request).await;
    expect_reason(answer, Code::NotFound, "DATABASE_NOT_FOUND");
    daemon.stop().await;
}

#[tokio::test]
async fn the_status_shows_the_daemon_its_databases_and_what_runs() {
    let mut site = Site::new().await;
    let mut gate = Gate::before(&mut site, "pg_dump");
    let daemon = site.start().await;
    let client = daemon.client();
    until_serves(client, "database/app", true).await;
    let idle = status(client).await;
    assert_eq!(idle.version, env!("CARGO_PKG_VERSION"));
    assert!(idle.start_time.is_some() && idle.control_store_reachable);
    assert_eq!((idle.databases.len(), idle.running_operations), (1, 0));
    assert_eq!(idle.databases[0].last_backup, None);

    let backup = client.start_backup().await.unwrap();
    gate.reached(&site).await;
    let request = OptimizeRequest::default();
    client.maintenance().optimize(request).await.unwrap();
    assert_eq!(status(client).await.running_operations, 2);
    gate.open();
    client.wait_for(&backup.id).await;
    assert!(status(client).await.databases[0].last_backup.is_some());
    daemon.stop().await;
}

/// Asks reflection one thing.
async fn ask(client: &Client, question: MessageRequest) -> MessageResponse {
    let request = ServerReflectionRequest {
        host: String::new(),
        message_request: Some(question),
    };
    let requests = tokio_stream::once(request);
    let answer = ServerReflectionClient::new(client.authorized())
        .server_reflection_info(requests)
        .await
        .unwrap();
    let mut answers = answer.into_inner();
    answers
        .message()
        .await
        .unwrap()
        .unwrap()
        .message_response
        .unwrap()
}

/// The names of the services that reflection lists.
async fn reflected(client: &Client) -> Vec<String> {
    match ask(client, MessageRequest::ListServices(String::new())).await {
        MessageResponse::ListServicesResponse(list) => list
            .service
            .into_iter()
            .map(|service| service.name)
            .collect(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn reflection_lists_every_service_and_describes_each() {
    let (_site, daemon) = support::start().await;
    let client = daemon.client();
    let listed = reflected(client).await;
    let mut expected = services();
    expected.push("grpc.health.v1.Health".to_owned());
    for name in expected {
        assert!(listed.contains(&name), "{name} is not in {listed:?}");
        let question = MessageRequest::FileContainingSymbol(name.clone());
        match ask(client, question).await {
            MessageResponse::FileDescriptorResponse(found) => {
                assert!(!found.file_descriptor_proto.is_empty(), "{name}");
            }
            other => panic!("{name}: {other:?}"),
        }
    }
    daemon.stop().await;
}
