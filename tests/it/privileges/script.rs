//! `pgsteward roles sql`: the first setup of a server, by a person with psql.

use std::{
    fs,
    process::{Command, Output},
};

use pgsteward::{model::privileges::audit, postgres::privileges::read};

use crate::support::{
    cluster::{PASSWORD, as_superuser},
    database::{Databases, connect, run, value},
};

fn pgsteward(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_pgsteward"))
        .args(arguments)
        .output()
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_printed_sql_sets_a_server_up_and_may_be_run_again() {
    // The names of another test's roles, with an end that makes them new ones.
    let databases = Databases::create().await;
    let new = |role: &str| format!("{}_new", databases.role(role));
    let url = |role: &str, database: &str| {
        let known = databases.url(role, database);
        known.replacen(&databases.role(role), &new(role), 1)
    };
    let (managed, control) = (new("app"), new("control"));
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("pgsteward.toml");
    let text = format!(
        "[control]\nurl = \"{}\"\n[databases.app]\nadmin = \"{}\"\nmigrator = \"{}\"\nbackup = \"{}\"\n\
         maintenance = \"{}\"\napplication_roles = \"{}\"\nread_only_roles = \"{}\"\n",
        url("control", &control),
        url("admin", &managed),
        url("migrator", &managed),
        url("backup", &managed),
        url("maintenance", &managed),
        new("app"),
        new("reader"),
    );
    fs::write(&file, text).unwrap();
    let printed = pgsteward(&["roles", "sql", "--config", file.to_str().unwrap()]);
    let said = String::from_utf8_lossy(&printed.stderr);
    assert!(printed.status.success(), "{said}");
    let script = String::from_utf8(printed.stdout).unwrap();
    assert!(!script.contains(PASSWORD), "{script}");
    assert!(
        script.contains(&format!("--   \\password \"{}\"\n", new("backup"))),
        "{script}"
    );
    let path = directory.path().join("roles.sql");
    fs::write(
        &path,
        script.replace("ON DATABASE \"postgres\"", "ON DATABASE \"template1\""),
    )
    .unwrap();

    for _ in 0..2 {
        let ran = as_superuser("psql", "postgres")
            .args(["-X", "-f", path.to_str().unwrap()])
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&ran.stderr);
        assert!(ran.status.success(), "{said}");
    }

    let mut roles = databases.purposes();
    roles.database.clone_from(&managed);
    for (place, role) in [
        (&mut roles.admin, "admin"),
        (&mut roles.migrator, "migrator"),
        (&mut roles.backup, "backup"),
        (&mut roles.maintenance, "maintenance"),
    ] {
        *place = new(role);
    }
    roles.applications = vec![new("app")];
    roles.read_only = vec![new("reader")];
    let superuser = connect("postgres", &managed).await.unwrap();
    run(&superuser, "SET search_path = pg_catalog, pg_temp").await;
    let facts = read(&superuser, &roles).await.unwrap();
    let findings = audit(&roles, &facts);
    assert!(
        findings.iter().all(|one| one.reason == "SUPERUSER_LOGIN"),
        "{findings:#?}"
    );
    let owner: String = value(
        &superuser,
        &format!(
            "SELECT pg_get_userbyid(datdba)::text FROM pg_database WHERE datname = '{control}'"
        ),
    )
    .await;
    assert_eq!(owner, new("control"));
}

#[test]
fn without_servers_there_is_no_sql_to_print() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("pgsteward.toml");
    fs::write(&file, "").unwrap();
    let printed = pgsteward(&["roles", "sql", "--config", file.to_str().unwrap()]);
    let said = String::from_utf8_lossy(&printed.stderr);
    assert_eq!(printed.status.code(), Some(1), "{said}");
    assert!(said.contains("names no server"), "{said}");
}
