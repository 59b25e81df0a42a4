//! Least privilege through the wire: CheckPrivileges on the roles under which the whole suite runs, what it finds and how
//! that is mended, and its place in schedule, status and command line.

mod mends;
mod provision;
mod script;

use pgsteward::proto::{
    CheckPrivilegesRequest, GetStatusRequest, PrivilegeFinding, PrivilegeReport,
    ProvisionRolesRequest, RestoreRequest, RunScheduleRequest, operation::Outcome,
};
use tonic::Code;

use crate::{
    cli::{cli, ends_with, succeeds},
    support::{Client, Site, database::run, expect_field, expect_reason},
};

/// A site whose configuration names the application's role.
pub(crate) async fn site() -> Site {
    let mut site = Site::new().await;
    let application = site.databases.role("app");
    site.set("databases.app.application_roles", &application);
    site
}

/// What a check finds.
pub(crate) async fn check(client: &Client) -> PrivilegeReport {
    let request = CheckPrivilegesRequest::default();
    let answer = client
        .maintenance()
        .check_privileges(request)
        .await
        .unwrap();
    match client.outcome(answer.into_inner().operation).await {
        Outcome::Privileges(report) => report,
        other => panic!("{other:?}"),
    }
}

/// The findings, but for what is said of superusers: those of other tests come and go.
pub(crate) fn listed(report: &PrivilegeReport) -> Vec<&PrivilegeFinding> {
    let findings = report.findings.iter();
    let ours = findings.filter(|finding| finding.reason != "SUPERUSER_LOGIN");
    ours.collect()
}

/// Asserts that a check finds nothing, not even what is only good to know.
pub(crate) async fn finds_nothing(client: &Client) {
    let report = check(client).await;
    assert_eq!(listed(&report), [] as [&PrivilegeFinding; 0]);
    assert!(report.clean);
}

async fn refused_to_application(site: &Site, statement: &str) {
    let application = site.databases.connect("app").await.unwrap();
    let error = application.batch_execute(statement).await.unwrap_err();
    let code = error.code().map(tokio_postgres::error::SqlState::code);
    assert_eq!(code, Some("42501"), "{statement}: {error:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_roles_of_this_suite_are_without_findings_after_migrations_and_restores_too() {
    let site = site().await;
    let daemon = site.start().await;
    let client = daemon.client();
    finds_nothing(client).await;

    let up = "CREATE SCHEMA sales;
              CREATE TYPE sales.mood AS ENUM ('good', 'bad');
              CREATE TABLE sales.orders (id serial PRIMARY KEY, mood sales.mood);
              CREATE VIEW sales.happy AS SELECT id FROM sales.orders WHERE mood = 'good';
              CREATE FUNCTION sales.twice(n int) RETURNS int LANGUAGE sql AS 'SELECT 2 * n'";
    client.revision(up, "DROP SCHEMA sales CASCADE").await;
    client.upgrade("head").await;
    finds_nothing(client).await;
    let application = site.databases.connect("app").await.unwrap();
    let use_it = "INSERT INTO sales.orders (mood) VALUES ('good');
                  UPDATE sales.orders SET mood = 'bad' WHERE id = sales.twice(1);
                  SELECT * FROM sales.happy";
    run(&application, use_it).await;
    drop(application);
    for statement in [
        "TRUNCATE sales.orders",
        "DROP TABLE sales.orders",
        "CREATE TABLE sales.mine (n int)",
        "CREATE TEMPORARY TABLE mine (n int)",
        "CREATE SCHEMA mine",
        "SELECT setval('sales.orders_id_seq', 1)",
    ] {
        refused_to_application(&site, statement).await;
    }

    let backup = client.back_up().await;
    client.enter_maintenance().await;
    // That the application is kept out meanwhile is no finding.
    finds_nothing(client).await;
    let request = RestoreRequest {
        filename: backup.filename,
        confirm_database: "app".to_owned(),
        reason: "a test".to_owned(),
        ..RestoreRequest::default()
    };
    let answer = client.restore().restore(request).await.unwrap();
    client.outcome(answer.into_inner().operation).await;
    client.exit_maintenance().await;
    finds_nothing(client).await;
    let application = site.databases.connect("app").await.unwrap();
    run(&application, use_it).await;
    daemon.stop().await;
}

/// Gives the application's role, and everyone, more than they may have.
async fn give_more(site: &Site) {
    let more = "ALTER ROLE $app CREATEDB; GRANT CREATE ON DATABASE $database TO PUBLIC";
    let more = site.databases.named(more);
    site.databases.run_as_superuser(&more).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn findings_stand_in_status_and_exit_code_and_the_scheduled_check_succeeds_with_them() {
    let mut site = site().await;
    site.set("schedule.enabled", "true");
    let daemon = site.start().await;
    let client = daemon.client();
    let status = async || {
        let answer = client
            .health()
            .get_status(GetStatusRequest {})
            .await
            .unwrap();
        answer.into_inner().databases.remove(0).privileges
    };
    assert_eq!(status().await, None);
    let said = succeeds(&daemon, "roles check");
    assert!(
        said.contains("app: privileges: as they should be"),
        "{said}"
    );

    give_more(&site).await;
    let request = RunScheduleRequest {
        name: "privileges/app".to_owned(),
        ..RunScheduleRequest::default()
    };
    let answer = client.schedule().run_schedule(request).await.unwrap();
    let operation = answer.into_inner().operation;
    let id = operation.as_ref().unwrap().id.clone();
    let Outcome::Privileges(report) = client.outcome(operation).await else {
        panic!("no report");
    };
    let reasons: Vec<&str> = listed(&report)
        .iter()
        .map(|one| one.reason.as_str())
        .collect();
    assert_eq!(reasons, ["ATTRIBUTE_EXCESSIVE", "PUBLIC_ON_DATABASE"]);
    let summary = status().await.unwrap();
    assert_eq!((summary.operation_id, summary.counts), (id, report.counts));
    assert!(
        daemon
            .process
            .log()
            .contains("privileges are not as the roles' purposes want them")
    );

    let output = cli(&daemon, "roles check");
    ends_with(4, &output);
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(said.contains("NOCREATEDB;\n"), "{said}");
    let shown = succeeds(&daemon, "status --database app");
    assert!(shown.contains("2 errors, 0 warnings at "), "{shown}");
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_database_and_names_that_no_role_can_have_are_refused() {
    let site = site().await;
    let daemon = site.start().await;
    let mut service = daemon.client().maintenance();
    let request = CheckPrivilegesRequest {
        database: "other".to_owned(),
        ..CheckPrivilegesRequest::default()
    };
    let answer = service.check_privileges(request).await;
    expect_reason(answer, Code::NotFound, "DATABASE_NOT_FOUND");
    for name in ["", "public", "pg_monitor"] {
        let request = ProvisionRolesRequest {
            application_roles: vec![name.to_owned()],
            ..ProvisionRolesRequest::default()
        };
        let answer = service.provision_roles(request).await;
        expect_field(answer, "application_roles");
    }
    daemon.stop().await;
}
