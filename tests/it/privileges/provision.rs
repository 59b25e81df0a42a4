//! ProvisionRoles: roles from nothing, roles that are wrong, and what it refuses.

use pgsteward::proto::{
    CheckDriftRequest, ProvisionRolesRequest, RolesProvisioned, operation::Outcome,
};
use tonic::Code;

use super::{check, finds_nothing, listed, site};
use crate::support::{
    Client, Site,
    client::failure_of,
    cluster::PASSWORD,
    database::{Databases, connect, run, value},
    expect_reason,
    probe::until_serves,
    wait::until,
};

async fn provision(client: &Client, request: ProvisionRolesRequest) -> RolesProvisioned {
    let answer = client.maintenance().provision_roles(request).await.unwrap();
    let operation = answer.into_inner().operation.unwrap();
    let outcome = if operation.done {
        operation.outcome.unwrap()
    } else {
        client.outcome(Some(operation)).await
    };
    match outcome {
        Outcome::Provisioned(result) => result,
        other => panic!("{other:?}"),
    }
}

fn superuser_url(database: &str) -> String {
    let port = crate::support::cluster::cluster().port;
    format!("postgresql://postgres:s3cret%3A%2F%40%25%27%22@127.0.0.1:{port}/{database}")
}

/// A site whose database stands and whose roles do not: their names end in `_new`.
async fn without_roles() -> (Site, impl Fn(&str) -> String) {
    let mut site = Site::new().await;
    let databases: Databases = site.databases.clone();
    let new = move |role: &str| format!("{}_new", databases.role(role));
    let managed = new("app");
    let server = site.databases.superuser_in("postgres").await;
    run(&server, &format!("CREATE DATABASE {managed}")).await;
    for role in ["admin", "migrator", "backup", "maintenance"] {
        let url = site.databases.url(role, &managed);
        let url = url.replacen(&site.databases.role(role), &new(role), 1);
        site.set(&format!("databases.app.{role}"), &url);
    }
    site.set("databases.app.provision", &superuser_url(&managed));
    site.set("databases.app.application_roles", &new("app"));
    (site, new)
}

#[tokio::test(flavor = "multi_thread")]
async fn roles_are_made_from_nothing_with_the_passwords_of_the_configuration() {
    let (site, new) = without_roles().await;
    let managed = new("app");
    let superuser = connect("postgres", &managed).await.unwrap();
    // An application that did everything itself.
    run(
        &superuser,
        &format!(
            "CREATE ROLE {managed} LOGIN PASSWORD '{}'; ALTER DATABASE {managed} OWNER TO {managed};
             ALTER SCHEMA public OWNER TO {managed}; SET ROLE {managed};
             CREATE TABLE orders (id serial PRIMARY KEY); CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'; RESET ROLE",
            PASSWORD.replace('\'', "''")
        ),
    )
    .await;
    let daemon = site.start().await;
    let client = daemon.client();
    let made = format!(
        "SELECT count(*) FROM pg_roles WHERE rolname IN ('{}', '{}', '{}', '{}')",
        new("admin"),
        new("migrator"),
        new("backup"),
        new("maintenance")
    );

    let plan = ProvisionRolesRequest {
        validate_only: true,
        ..ProvisionRolesRequest::default()
    };
    let planned = provision(client, plan.clone()).await;
    assert!(planned.validate_only);
    assert_eq!(planned.created_roles.len(), 4);
    assert!(
        planned
            .statements
            .contains(&format!("ALTER ROLE \"{}\" PASSWORD '***'", new("backup")))
    );
    assert_eq!(value::<i64>(&superuser, &made).await, 0);

    let done = provision(client, ProvisionRolesRequest::default()).await;
    assert_eq!(done.statements, planned.statements);
    assert_eq!(
        (done.created_roles, done.changed_roles),
        (planned.created_roles, vec![managed.clone()])
    );
    assert_eq!(value::<i64>(&superuser, &made).await, 4);
    let verifier: String = value(
        &superuser,
        &format!(
            "SELECT rolpassword FROM pg_authid WHERE rolname = '{}'",
            new("backup")
        ),
    )
    .await;
    assert!(verifier.starts_with("SCRAM-SHA-256$4096:"), "{verifier}");
    assert!(!daemon.process.log().contains("SCRAM-SHA-256$"));

    finds_nothing(client).await;
    until_serves(client, "database/app", true).await;
    let again = provision(client, ProvisionRolesRequest::default()).await;
    assert_eq!(again.statements, [""; 0]);
    // The application goes on with its rows, and with nothing else.
    let application = connect(&managed, &managed).await.unwrap();
    run(&application, "INSERT INTO orders DEFAULT VALUES").await;
    assert!(
        application
            .batch_execute("ALTER TABLE orders ADD n int")
            .await
            .is_err()
    );
    client
        .revision("ALTER TABLE orders ADD n int", "ALTER TABLE orders DROP n")
        .await;
    client.upgrade("head").await;
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_is_corrected_in_one_go_and_is_no_drift() {
    let mut site = site().await;
    site.set(
        "databases.app.provision",
        &superuser_url(&site.databases.managed()),
    );
    let daemon = site.start().await;
    let client = daemon.client();
    client
        .revision("CREATE TABLE orders (id int)", "DROP TABLE orders")
        .await;
    client.upgrade("head").await;
    let break_it = site.databases.named(
        "GRANT ALL ON orders TO $app; ALTER ROLE $app CREATEDB; REVOKE CONNECT ON DATABASE $database FROM $backup;
         CREATE TABLE later (n int); ALTER ROLE $backup RESET lo_compat_privileges",
    );
    let superuser = site.databases.superuser().await;
    run(&superuser, &break_it).await;
    let password = "SELECT rolpassword FROM pg_authid WHERE rolname = '$backup'";
    let password = site.databases.named(password);
    let before: String = value(&superuser, &password).await;

    let reader = site.databases.role("reader");
    let request = ProvisionRolesRequest {
        read_only_roles: vec![reader.clone()],
        ..ProvisionRolesRequest::default()
    };
    let done = provision(client, request.clone()).await;
    assert_eq!(done.created_roles, std::slice::from_ref(&reader));
    let has_no_password = format!("role {reader:?} has no password yet");
    assert!(
        done.remaining
            .iter()
            .any(|one| one.starts_with(&has_no_password)),
        "{done:?}"
    );
    assert!(provision(client, request).await.statements.is_empty());
    assert_eq!(value::<String>(&superuser, &password).await, before);
    let reads = format!("SET ROLE {reader}; SELECT * FROM orders; SELECT * FROM later; RESET ROLE");
    run(&superuser, &reads).await;
    finds_nothing(client).await;

    // What an admin asked for is as it is to be; the table that somebody made past the revisions is not.
    let answer = client
        .migration()
        .check_drift(CheckDriftRequest::default())
        .await
        .unwrap();
    let Outcome::Drift(report) = client.outcome(answer.into_inner().operation).await else {
        panic!("no report");
    };
    let drifted: Vec<&str> = report
        .differences
        .iter()
        .map(|one| one.description.as_str())
        .collect();
    assert!(
        drifted.iter().all(|one| one.contains("later")),
        "{drifted:?}"
    );

    let reset = ProvisionRolesRequest {
        reset_passwords: true,
        ..ProvisionRolesRequest::default()
    };
    assert_eq!(provision(client, reset).await.statements.len(), 4);
    assert_ne!(value::<String>(&superuser, &password).await, before);
    assert!(site.databases.connect("backup").await.is_ok());
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_in_the_middle_it_leaves_nothing_and_may_be_asked_again() {
    let (site, new) = without_roles().await;
    let managed = new("app");
    let superuser = connect("postgres", &managed).await.unwrap();
    run(&superuser, "CREATE TABLE orders (id int)").await;
    let reader = connect("postgres", &managed).await.unwrap();
    run(&reader, "BEGIN; LOCK TABLE orders IN ACCESS SHARE MODE").await;
    let daemon = site.start().await;
    let request = ProvisionRolesRequest::default();
    let started = daemon
        .client()
        .maintenance()
        .provision_roles(request.clone())
        .await;
    let id = started.unwrap().into_inner().operation.unwrap().id;
    until("it waits for the reader", || async {
        let waiting =
            "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'orders'::regclass";
        (value::<i64>(&superuser, waiting).await > 0).then_some(())
    })
    .await;
    daemon.kill9();
    run(&reader, "COMMIT").await;
    let ours = format!(
        "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'pgsteward provision' AND datname = '{managed}'"
    );
    until("its session has ended", || async {
        (value::<i64>(&superuser, &ours).await == 0).then_some(())
    })
    .await;
    let made = format!(
        "SELECT count(*) FROM pg_roles WHERE rolname = '{}'",
        new("migrator")
    );
    assert_eq!(value::<i64>(&superuser, &made).await, 0);

    let daemon = site.start().await;
    let client = daemon.client();
    until("the operation is known to be lost", || async {
        let operation = client.wait_for(&id).await;
        operation.done.then_some(())
    })
    .await;
    assert_eq!(provision(client, request).await.created_roles.len(), 5);
    finds_nothing(client).await;
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_that_may_not_changes_nothing_and_hears_of_all_that_it_lacks() {
    let site = site().await;
    let daemon = site.start().await;
    let client = daemon.client();
    // The first of these the admin role could give by itself.
    let break_it = site.databases.named(
        "REVOKE CONNECT ON DATABASE $database FROM $backup; ALTER ROLE $backup NOBYPASSRLS; ALTER ROLE $app CREATEROLE",
    );
    site.databases.run_as_superuser(&break_it).await;
    let answer = client
        .maintenance()
        .provision_roles(ProvisionRolesRequest::default())
        .await
        .unwrap();
    let error = failure_of(client.wait(answer.into_inner().operation).await);
    assert_eq!(error.reason, "PROVISIONING_NOT_PERMITTED", "{error:?}");
    let lacking: Vec<&str> = error
        .preconditions
        .iter()
        .map(|one| one.subject.as_str())
        .collect();
    assert_eq!(
        lacking,
        [
            format!("ALTER ROLE \"{}\" BYPASSRLS", site.databases.role("backup")),
            format!("ALTER ROLE \"{}\" NOCREATEROLE", site.databases.role("app")),
        ]
    );
    assert_eq!(listed(&check(client).await).len(), 3);
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn people_at_work_and_maintenance_mode_are_reasons_not_to() {
    let mut site = site().await;
    site.set(
        "databases.app.provision",
        &superuser_url(&site.databases.managed()),
    );
    let daemon = site.start().await;
    let client = daemon.client();
    let forgotten = site.databases.role("forgotten");
    let open = format!(
        "CREATE ROLE {forgotten} LOGIN PASSWORD '{}'; GRANT CONNECT ON DATABASE {} TO PUBLIC",
        PASSWORD.replace('\'', "''"),
        site.databases.managed()
    );
    site.databases.run_as_superuser(&open).await;
    let at_work = connect(&forgotten, &site.databases.managed())
        .await
        .unwrap();
    let plan = ProvisionRolesRequest {
        validate_only: true,
        ..ProvisionRolesRequest::default()
    };
    let answer = client.maintenance().provision_roles(plan.clone()).await;
    expect_reason(answer, Code::FailedPrecondition, "WOULD_LOSE_CONNECT");
    let known = ProvisionRolesRequest {
        read_only_roles: vec![forgotten],
        ..ProvisionRolesRequest::default()
    };
    provision(client, known).await;
    run(&at_work, "SELECT 1").await;
    finds_nothing(client).await;

    client.enter_maintenance().await;
    let answer = client.maintenance().provision_roles(plan).await;
    expect_reason(answer, Code::FailedPrecondition, "IN_MAINTENANCE");
    client.exit_maintenance().await;
    daemon.stop().await;
}
