//! MaintenanceService through the wire: who is kept out and who is not, that all of it is given back, and optimize.

mod drain;
mod optimize;
mod reindex;
mod stats;

use pgsteward::proto::{
    DatabaseState, EnterMaintenanceRequest, ExitMaintenanceRequest, GetMaintenanceRequest,
    GetStatusRequest, Maintenance, OperationState,
};
use tokio_postgres::error::SqlState;
use tonic::Code;

use crate::support::{
    self, Client, Site, expect_field, expect_reason,
    gate::Gate,
    probe::{serves, until_serves},
    wait::until,
};

async fn mode(client: &Client) -> Maintenance {
    let request = GetMaintenanceRequest::default();
    let answer = client.maintenance().get_maintenance(request).await.unwrap();
    answer.into_inner().maintenance.unwrap()
}

fn because(reason: &str) -> EnterMaintenanceRequest {
    EnterMaintenanceRequest {
        reason: reason.to_owned(),
        ..EnterMaintenanceRequest::default()
    }
}

/// Every privilege on the managed database, defaults included: who has what, by whom, with which option.
async fn privileges(site: &Site) -> Vec<String> {
    let query = "SELECT array_agg(format('%s to %s by %s, grantable: %s', privilege_type,
                                         grantee::regrole, grantor::regrole, is_grantable)
                                  ORDER BY grantee, grantor, privilege_type)
                 FROM pg_database, aclexplode(coalesce(datacl, acldefault('d', datdba)))
                 WHERE datname = current_database()";
    site.databases.value(query).await
}

async fn may_connect(site: &Site, role: &str) -> bool {
    let role = site.databases.role(role);
    let query = format!("SELECT has_database_privilege('{role}', current_database(), 'CONNECT')");
    site.databases.value(&query).await
}

async fn is_kept_out(site: &Site, role: &str) {
    let error = site.databases.connect(role).await.map(|_| ()).unwrap_err();
    assert_eq!(
        error.code(),
        Some(&SqlState::INSUFFICIENT_PRIVILEGE),
        "{error:?}"
    );
    let message = error.as_db_error().unwrap().message().to_owned();
    assert!(
        message.starts_with("permission denied for database"),
        "{message}"
    );
}

async fn until_ended(session: &tokio_postgres::Client) {
    until("the session is ended", async || {
        session.is_closed().then_some(())
    })
    .await;
}

#[tokio::test]
async fn entering_ends_the_sessions_of_others_and_keeps_them_out_until_exit() {
    let (site, daemon) = support::start().await;
    let client = daemon.client();
    let session = site.databases.connect("app").await.unwrap();
    let other = site.databases.connect("app").await.unwrap();

    let entered = client.enter_maintenance().await;

    assert!(entered.active);
    assert_eq!((entered.ended_sessions, entered.other_sessions), (2, 0));
    until_ended(&session).await;
    until_ended(&other).await;
    is_kept_out(&site, "app").await;

    let left = client.exit_maintenance().await;

    assert!(!left.active && left.reason.is_empty(), "{left:?}");
    let session = site.databases.connect("app").await.unwrap();
    session.batch_execute("SELECT 1").await.unwrap();
    assert_eq!(mode(client).await.other_sessions, 1);
    daemon.stop().await;
}

#[tokio::test]
async fn the_daemon_goes_on_with_its_work_in_maintenance_mode() {
    let (site, daemon) = support::start().await;
    let client = daemon.client();
    client.enter_maintenance().await;
    client
        .revision("CREATE TABLE t (n int);", "DROP TABLE t;")
        .await;
    client.upgrade("head").await;
    client.back_up().await;
    assert_eq!(mode(client).await.other_sessions, 0);
    assert_eq!(site.databases.rows("t").await, 0);
    daemon.stop().await;
}

#[tokio::test]
async fn the_mode_says_why_since_when_and_by_whom() {
    let (_site, daemon) = support::start().await;
    let client = daemon.client();
    let before = mode(client).await;
    assert_eq!((before.database.as_str(), before.active), ("app", false));
    assert_eq!(before.enter_time, None);
    let answer = client
        .maintenance()
        .enter_maintenance(because("INC-7: »wrong rows«"))
        .await
        .unwrap();
    client.outcome(answer.into_inner().operation).await;
    let now = mode(client).await;
    assert_eq!(
        (now.active, now.reason.as_str(), now.principal.as_str()),
        (true, "INC-7: »wrong rows«", "local")
    );
    assert!(now.enter_time.is_some());
    daemon.stop().await;
}

#[tokio::test]
async fn a_superusers_session_is_neither_ended_nor_kept_out_and_is_counted() {
    let (site, daemon) = support::start().await;
    let client = daemon.client();
    let session = site.databases.superuser().await;
    let entered = client.enter_maintenance().await;
    assert_eq!((entered.ended_sessions, entered.other_sessions), (0, 1));
    session.batch_execute("SELECT 1").await.unwrap();
    let _another = site.databases.superuser().await;
    assert_eq!(mode(client).await.other_sessions, 2);
    daemon.stop().await;
}

#[tokio::test]
async fn a_session_under_the_daemons_role_that_is_not_the_daemons_is_ended() {
    let (site, daemon) = support::start().await;
    let session = site.databases.connect("migrator").await.unwrap();
    let entered = daemon.client().enter_maintenance().await;
    assert_eq!(entered.ended_sessions, 1);
    until_ended(&session).await;
    daemon.stop().await;
}

#[tokio::test]
async fn entering_and_leaving_twice_is_the_same_as_once() {
    let (site, daemon) = support::start().await;
    let client = daemon.client();
    let before = privileges(&site).await;
    let first = client.enter_maintenance().await;
    let answer = client
        .maintenance()
        .enter_maintenance(because("another"))
        .await;
    client.outcome(answer.unwrap().into_inner().operation).await;
    let second = mode(client).await;
    assert_eq!(
        (second.reason, second.enter_time),
        (first.reason, first.enter_time)
    );

    client.exit_maintenance().await;
    assert_eq!(privileges(&site).await, before);
    let again = client.exit_maintenance().await;
    assert!(!again.active);
    assert_eq!(privileges(&site).await, before);
    daemon.stop().await;
}

#[tokio::test]
async fn a_reason_is_required_and_bounded() {
    let (_site, daemon) = support::start().await;
    let mut maintenance = daemon.client().maintenance();
    for reason in [String::new(), " \n ".to_owned(), "x".repeat(1001)] {
        let answer = maintenance.enter_maintenance(because(&reason)).await;
        expect_field(answer, "reason");
    }
    assert!(!mode(daemon.client()).await.active);
    let longest = because(&"ß".repeat(1000));
    let answer = maintenance.enter_maintenance(longest).await.unwrap();
    daemon.client().outcome(answer.into_inner().operation).await;
    daemon.stop().await;
}

#[tokio::test]
async fn an_unknown_database_is_not_found_in_every_method() {
    let (_site, daemon) = support::start().await;
    let mut maintenance = daemon.client().maintenance();
    let database = || "other".to_owned();
    let (code, reason) = (Code::NotFound, "DATABASE_NOT_FOUND");
    let request = EnterMaintenanceRequest {
        database: database(),
        ..because("a test")
    };
    expect_reason(maintenance.enter_maintenance(request).await, code, reason);
    let request = ExitMaintenanceRequest {
        database: database(),
        ..ExitMaintenanceRequest::default()
    };
    expect_reason(maintenance.exit_maintenance(request).await, code, reason);
    let request = GetMaintenanceRequest {
        database: database(),
    };
    expect_reason(maintenance.get_maintenance(request).await, code, reason);
    daemon.stop().await;
}

/// Roles that the admin may act as, so that grants that they made can be given back.
async fn guests(site: &Site) {
    let [admin, one, two] = ["admin", "guest_one", "guest_two"].map(|r| site.databases.role(r));
    site.databases
        .run_as_superuser(&format!(
            "CREATE ROLE {one}; CREATE ROLE {two}; GRANT {one}, {two} TO {admin}"
        ))
        .await;
}

/// What the ACL is before maintenance mode, whatever it is, it is again after.
async fn is_given_back(setup: &str, others: &[&str]) {
    let (site, daemon) = support::start().await;
    guests(&site).await;
    let [database, admin, migrator, app, one, two] =
        ["app", "admin", "migrator", "app", "guest_one", "guest_two"]
            .map(|r| site.databases.role(r));
    let setup = setup
        .replace("{database}", &database)
        .replace("{admin}", &admin)
        .replace("{migrator}", &migrator)
        .replace("{app}", &app)
        .replace("{one}", &one)
        .replace("{two}", &two);
    site.databases.run_as_superuser(&setup).await;
    let before = privileges(&site).await;
    for role in others {
        assert!(may_connect(&site, role).await, "{role} before");
    }

    daemon.client().enter_maintenance().await;
    for role in ["app", "guest_one", "guest_two"] {
        assert!(!may_connect(&site, role).await, "{role} in maintenance");
    }
    for role in ["admin", "migrator", "backup", "maintenance"] {
        assert!(may_connect(&site, role).await, "{role} in maintenance");
    }

    daemon.client().exit_maintenance().await;
    assert_eq!(privileges(&site).await, before, "{setup}");
    daemon.stop().await;
}

#[tokio::test]
async fn an_acl_that_was_never_set_means_the_same_after_maintenance() {
    let setup = "UPDATE pg_database SET datacl = NULL WHERE datname = '{database}'";
    is_given_back(setup, &["app", "guest_one", "guest_two"]).await;
}

#[tokio::test]
async fn public_gets_back_what_it_had() {
    let setup = "GRANT CONNECT, TEMPORARY ON DATABASE {database} TO PUBLIC";
    is_given_back(setup, &["app", "guest_one", "guest_two"]).await;
}

#[tokio::test]
async fn a_grant_option_is_given_back_and_so_is_what_was_granted_by_it() {
    let setup = "GRANT CONNECT ON DATABASE {database} TO {one} WITH GRANT OPTION;
                 SET ROLE {one};
                 GRANT CONNECT ON DATABASE {database} TO {two} WITH GRANT OPTION;
                 SET ROLE {two};
                 GRANT CONNECT ON DATABASE {database} TO {app} WITH GRANT OPTION";
    is_given_back(setup, &["app", "guest_one", "guest_two"]).await;
}

#[tokio::test]
async fn a_grant_that_a_role_of_the_daemon_made_is_taken_and_given_back() {
    let setup = "GRANT CONNECT ON DATABASE {database} TO {migrator} WITH GRANT OPTION;
                 SET ROLE {migrator};
                 GRANT CONNECT ON DATABASE {database} TO {one}";
    is_given_back(setup, &["app", "guest_one"]).await;
}

#[tokio::test]
async fn a_role_with_grants_from_two_gets_both_back() {
    let setup = "GRANT CONNECT ON DATABASE {database} TO {one} WITH GRANT OPTION;
                 GRANT CONNECT ON DATABASE {database} TO {two};
                 SET ROLE {one};
                 GRANT CONNECT ON DATABASE {database} TO {two}, PUBLIC";
    is_given_back(setup, &["app", "guest_one", "guest_two"]).await;
}

#[tokio::test]
async fn a_grant_that_could_not_be_given_back_is_not_taken_and_entering_fails() {
    let (site, daemon) = support::start().await;
    let [database, stranger, app] = ["app", "stranger", "app"].map(|r| site.databases.role(r));
    site.databases
        .run_as_superuser(&format!(
            "CREATE ROLE {stranger};
             GRANT CONNECT ON DATABASE {database} TO {stranger} WITH GRANT OPTION;
             SET ROLE {stranger};
             GRANT CONNECT ON DATABASE {database} TO {app}"
        ))
        .await;
    let before = privileges(&site).await;
    let client = daemon.client();
    let answer = client
        .maintenance()
        .enter_maintenance(because("a test"))
        .await;
    let error = client.failure(answer.unwrap().into_inner().operation).await;
    assert_eq!(error.reason, "INSUFFICIENT_PRIVILEGE", "{error:?}");
    assert!(error.message.contains(&stranger), "{error:?}");
    assert_eq!(privileges(&site).await, before);
    assert!(!mode(client).await.active);
    site.databases.connect("app").await.unwrap();
    daemon.stop().await;
}

#[tokio::test]
async fn a_role_that_is_dropped_meanwhile_does_not_hinder_the_exit() {
    let (site, daemon) = support::start().await;
    let before = privileges(&site).await;
    let [database, leaver] = ["app", "leaver"].map(|r| site.databases.role(r));
    site.databases
        .run_as_superuser(&format!(
            "CREATE ROLE {leaver}; GRANT CONNECT ON DATABASE {database} TO {leaver}"
        ))
        .await;
    daemon.client().enter_maintenance().await;
    site.databases
        .run_as_superuser(&format!("DROP ROLE {leaver}"))
        .await;
    daemon.client().exit_maintenance().await;
    assert_eq!(privileges(&site).await, before);
    daemon.stop().await;
}

#[tokio::test]
async fn health_says_that_the_database_is_in_maintenance_and_the_daemon_ready() {
    let (_site, daemon) = support::start().await;
    let client = daemon.client();
    until_serves(client, "database/app", true).await;
    client.enter_maintenance().await;
    until_serves(client, "database/app", false).await;
    assert!(serves(client, "readiness").await.unwrap());
    let answer = client
        .health()
        .get_status(GetStatusRequest {})
        .await
        .unwrap();
    let database = answer.into_inner().databases.remove(0);
    assert_eq!(database.state(), DatabaseState::Maintenance, "{database:?}");
    assert_eq!(database.message, "in maintenance mode by local: a test");
    assert!(database.maintenance.unwrap().active);
    client.exit_maintenance().await;
    until_serves(client, "database/app", true).await;
    daemon.stop().await;
}

#[tokio::test]
async fn a_database_is_put_into_maintenance_beside_its_running_backup() {
    let mut site = Site::new().await;
    let mut gate = Gate::before(&mut site, "pg_dump");
    let daemon = site.start().await;
    let client = daemon.client();
    let backup = client.start_backup().await.unwrap().id;
    gate.reached(&site).await;
    assert!(client.enter_maintenance().await.active);
    gate.open();
    let backup = client.wait_for(&backup).await;
    assert_eq!(backup.state(), OperationState::Succeeded, "{backup:?}");
    daemon.stop().await;
}

#[tokio::test]
async fn maintenance_mode_outlives_the_daemon_that_entered_it() {
    let (site, daemon) = support::start().await;
    let before = privileges(&site).await;
    let entered = daemon.client().enter_maintenance().await;
    daemon.kill9();
    is_kept_out(&site, "app").await;

    let daemon = site.start().await;
    let client = daemon.client();
    let now = mode(client).await;
    assert!(now.active);
    assert_eq!(
        (now.reason, now.enter_time),
        (entered.reason, entered.enter_time)
    );
    is_kept_out(&site, "app").await;
    until_serves(client, "readiness", true).await;
    assert!(!serves(client, "database/app").await.unwrap());

    client.exit_maintenance().await;
    assert_eq!(privileges(&site).await, before);
    site.databases.connect("app").await.unwrap();
    daemon.stop().await;
}

#[tokio::test]
async fn a_grant_made_while_the_daemon_was_down_is_taken_at_its_start_and_given_back_at_the_exit() {
    let (site, daemon) = support::start().await;
    daemon.client().enter_maintenance().await;
    daemon.kill9();
    let [database, app] = ["app", "app"].map(|r| site.databases.role(r));
    site.databases
        .run_as_superuser(&format!(
            "GRANT CONNECT ON DATABASE {database} TO {app}, PUBLIC"
        ))
        .await;
    let behind_its_back = privileges(&site).await;
    let session = site.databases.connect("app").await.unwrap();

    let daemon = site.start().await;
    until_ended(&session).await;
    is_kept_out(&site, "app").await;
    daemon.client().exit_maintenance().await;
    let given_back = privileges(&site).await;
    assert!(
        behind_its_back
            .iter()
            .all(|entry| given_back.contains(entry))
    );
    site.databases.connect("app").await.unwrap();
    daemon.stop().await;
}
