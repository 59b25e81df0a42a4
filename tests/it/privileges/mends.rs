//! Each thing that can be wrong, brought about by a superuser, is found under its reason; and the statement that stands with
//! it mends it.

use pgsteward::{
    model::privileges::{Finding, audit},
    postgres::privileges::read,
};
use tokio_postgres::Client;

use crate::support::database::{Databases, run};

/// What makes something wrong, and under which reasons it is found. `$app` and so on stand for the test's roles, `$other`
/// for one that is nobody's.
const CASES: &[(&str, &[&str])] = &[
    // The roles themselves.
    ("ALTER ROLE $app SUPERUSER", &["ATTRIBUTE_EXCESSIVE"]),
    (
        "ALTER ROLE $app CREATEROLE CREATEDB REPLICATION BYPASSRLS",
        &["ATTRIBUTE_EXCESSIVE"; 4],
    ),
    ("ALTER ROLE $migrator SUPERUSER", &["ATTRIBUTE_EXCESSIVE"]),
    (
        "ALTER ROLE $maintenance BYPASSRLS",
        &["ATTRIBUTE_EXCESSIVE"],
    ),
    (
        "ALTER ROLE $backup NOLOGIN NOBYPASSRLS",
        &["ATTRIBUTE_MISSING"],
    ),
    ("ALTER ROLE $admin NOCREATEDB", &["ATTRIBUTE_MISSING"]),
    ("GRANT $migrator TO $app", &["MEMBERSHIP_EXCESSIVE"]),
    (
        "GRANT $other TO $app; GRANT pg_write_all_data TO $other",
        &["MEMBERSHIP_EXCESSIVE"],
    ),
    (
        "GRANT $other TO $app; ALTER ROLE $other CREATEROLE",
        &["MEMBERSHIP_EXCESSIVE"],
    ),
    (
        "GRANT $app TO $backup; GRANT pg_read_all_data TO $maintenance",
        &["MEMBERSHIP_EXCESSIVE"; 2],
    ),
    (
        "REVOKE $migrator FROM $maintenance",
        &["MEMBERSHIP_MISSING"],
    ),
    (
        "REVOKE pg_read_all_data FROM $backup",
        &["MEMBERSHIP_MISSING"],
    ),
    (
        "REVOKE pg_signal_backend, pg_read_all_stats, $app FROM $admin",
        &["MEMBERSHIP_MISSING"; 3],
    ),
    (
        "ALTER ROLE $maintenance NOINHERIT",
        &["MEMBERSHIP_MISSING"; 2],
    ),
    (
        "ALTER ROLE $backup RESET default_transaction_read_only",
        &["SETTING_MISSING"],
    ),
    (
        "ALTER ROLE $backup RESET lo_compat_privileges",
        &["LARGE_OBJECTS_UNREADABLE"],
    ),
    (
        "ALTER ROLE $backup RESET lo_compat_privileges; SELECT lo_create(1); ALTER LARGE OBJECT 1 OWNER TO $app",
        &["LARGE_OBJECTS_UNREADABLE"],
    ),
    // The database.
    (
        "ALTER DATABASE $database OWNER TO $other",
        &["DATABASE_OWNER"],
    ),
    (
        "GRANT CONNECT ON DATABASE $database TO PUBLIC",
        &["PUBLIC_ON_DATABASE"],
    ),
    (
        "GRANT ALL ON DATABASE $database TO PUBLIC",
        &["PUBLIC_ON_DATABASE"],
    ),
    (
        "GRANT CREATE ON DATABASE $database TO $app",
        &["APPLICATION_CREATES"],
    ),
    (
        "GRANT TEMPORARY ON DATABASE $database TO $app",
        &["APPLICATION_TEMPORARY"],
    ),
    (
        "GRANT $other TO $app; GRANT TEMPORARY ON DATABASE $database TO $other",
        &["APPLICATION_TEMPORARY"],
    ),
    (
        "GRANT CREATE ON DATABASE $database TO $backup",
        &["PURPOSE_EXCESSIVE"],
    ),
    (
        "REVOKE CONNECT ON DATABASE $database FROM $app, $backup",
        &["PRIVILEGE_MISSING"; 2],
    ),
    (
        "REVOKE CREATE, TEMPORARY ON DATABASE $database FROM $migrator",
        &["PRIVILEGE_MISSING"],
    ),
    // What is in it.
    ("ALTER SCHEMA \"Mine\" OWNER TO $other", &["SCHEMA_OWNER"]),
    (
        "ALTER SCHEMA public OWNER TO pg_database_owner",
        &["SCHEMA_OWNER"],
    ),
    ("ALTER SCHEMA public OWNER TO $app", &["APPLICATION_OWNS"]),
    ("ALTER TABLE t OWNER TO $app", &["APPLICATION_OWNS"]),
    (
        "ALTER TABLE t OWNER TO postgres; ALTER VIEW v OWNER TO postgres",
        &["OBJECT_OWNER"; 2],
    ),
    (
        "ALTER MATERIALIZED VIEW \"Mine\".m OWNER TO $other",
        &["OBJECT_OWNER"],
    ),
    ("ALTER SEQUENCE s OWNER TO $admin", &["OBJECT_OWNER"]),
    (
        "ALTER FUNCTION f(int, text[]) OWNER TO $other",
        &["OBJECT_OWNER"],
    ),
    (
        "ALTER AGGREGATE total(int) OWNER TO $other",
        &["OBJECT_OWNER"],
    ),
    ("ALTER PROCEDURE p() OWNER TO postgres", &["OBJECT_OWNER"]),
    (
        "ALTER TYPE \"Mood\" OWNER TO $other; ALTER DOMAIN small OWNER TO $other",
        &["OBJECT_OWNER"; 2],
    ),
    ("ALTER TYPE pair OWNER TO postgres", &["OBJECT_OWNER"]),
    ("ALTER STATISTICS st OWNER TO $other", &["OBJECT_OWNER"]),
    (
        "ALTER TEXT SEARCH CONFIGURATION words OWNER TO $other",
        &["OBJECT_OWNER"],
    ),
    (
        "ALTER OPERATOR ## (int, text[]) OWNER TO $other",
        &["OBJECT_OWNER"],
    ),
    (
        "GRANT CREATE ON SCHEMA public TO PUBLIC",
        &["PUBLIC_CREATES"],
    ),
    (
        "GRANT CREATE ON SCHEMA public TO $app",
        &["APPLICATION_CREATES"],
    ),
    (
        "GRANT CREATE ON SCHEMA \"Mine\" TO $backup",
        &["PURPOSE_EXCESSIVE"],
    ),
    ("GRANT SELECT ON t TO PUBLIC", &["PUBLIC_ON_TABLE"]),
    ("GRANT UPDATE (n) ON t TO PUBLIC", &["PUBLIC_ON_TABLE"]),
    ("GRANT ALL ON t TO $app", &["APPLICATION_MORE_THAN_ROWS"]),
    (
        "GRANT REFERENCES (n) ON t TO $app",
        &["APPLICATION_MORE_THAN_ROWS"],
    ),
    (
        "GRANT $other TO $app; GRANT TRUNCATE ON t TO $other",
        &["APPLICATION_MORE_THAN_ROWS"],
    ),
    (
        "GRANT UPDATE ON SEQUENCE s TO $app",
        &["APPLICATION_MORE_THAN_ROWS"],
    ),
    (
        "GRANT TRIGGER ON t TO $admin WITH GRANT OPTION; SET ROLE $admin; GRANT TRIGGER ON t TO $app; RESET ROLE",
        &["APPLICATION_MORE_THAN_ROWS"],
    ),
    ("GRANT INSERT ON t TO $backup", &["PURPOSE_EXCESSIVE"]),
    (
        "CREATE FUNCTION d() RETURNS int LANGUAGE sql SECURITY DEFINER AS 'SELECT 1'; ALTER FUNCTION d() OWNER TO $migrator",
        &["DEFINER_SEARCH_PATH"],
    ),
    (
        "CREATE FUNCTION d() RETURNS int LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog AS 'SELECT 1'",
        &["DEFINER_IS_SUPERUSER"],
    ),
    // Default privileges.
    (
        "ALTER DEFAULT PRIVILEGES FOR ROLE $migrator REVOKE ALL ON TABLES FROM $app",
        &["DEFAULT_PRIVILEGES_MISSING"],
    ),
    (
        "ALTER DEFAULT PRIVILEGES FOR ROLE $migrator REVOKE USAGE ON SCHEMAS FROM $app",
        &["DEFAULT_PRIVILEGES_MISSING"],
    ),
    (
        "ALTER DEFAULT PRIVILEGES FOR ROLE $migrator REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC",
        &["DEFAULT_PRIVILEGES_MISSING"],
    ),
    (
        "ALTER DEFAULT PRIVILEGES FOR ROLE $migrator REVOKE USAGE ON TYPES FROM PUBLIC",
        &["DEFAULT_PRIVILEGES_MISSING"],
    ),
    (
        "ALTER DEFAULT PRIVILEGES FOR ROLE $migrator IN SCHEMA public GRANT ALL ON TABLES TO $app",
        &["DEFAULT_PRIVILEGES_EXCESSIVE"],
    ),
    (
        "ALTER DEFAULT PRIVILEGES FOR ROLE $admin GRANT SELECT ON SEQUENCES TO PUBLIC",
        &["DEFAULT_PRIVILEGES_EXCESSIVE"],
    ),
];

/// One of each kind of object, the migrator's.
const OBJECTS: &str = r#"
CREATE SCHEMA "Mine";
CREATE TABLE t (n int, m int, id serial);
CREATE VIEW v AS SELECT 1 AS one;
CREATE MATERIALIZED VIEW "Mine".m AS SELECT 1 AS one;
CREATE SEQUENCE s;
CREATE TYPE "Mood" AS ENUM ('good');
CREATE DOMAIN small AS int CHECK (VALUE < 10);
CREATE TYPE pair AS (a int, b int);
CREATE FUNCTION f(int, text[]) RETURNS int LANGUAGE sql AS 'SELECT 1';
CREATE OPERATOR ## (LEFTARG = int, RIGHTARG = text[], FUNCTION = f);
CREATE PROCEDURE p() LANGUAGE sql AS 'SELECT 1';
CREATE AGGREGATE total(int) (SFUNC = int4pl, STYPE = int);
CREATE STATISTICS st ON n, m FROM t;
CREATE TEXT SEARCH CONFIGURATION words (COPY = english)
"#;

/// What the audit finds, asked as the daemon asks.
async fn found(client: &Client, databases: &Databases) -> Vec<Finding> {
    let roles = databases.purposes();
    let mut findings = audit(&roles, &read(client, &roles).await.unwrap());
    // Superusers of other tests come and go.
    findings.retain(|finding| finding.reason != "SUPERUSER_LOGIN");
    findings
}

#[tokio::test(flavor = "multi_thread")]
async fn each_thing_that_is_wrong_is_found_and_mended_by_the_statement_beside_it() {
    let databases = Databases::create().await;
    databases.run(OBJECTS).await;
    let superuser = databases.superuser().await;
    let other = databases.role("other");
    run(&superuser, &format!("CREATE ROLE {other}")).await;
    run(&superuser, "SET search_path = pg_catalog, pg_temp").await;
    assert_eq!(found(&superuser, &databases).await, []);
    for (broken, reasons) in CASES {
        let statements = databases.named(broken).replace("$other", &other);
        let path = "SET search_path = public, pg_catalog";
        run(
            &superuser,
            &format!("{path}; {statements}; SET search_path = pg_catalog, pg_temp"),
        )
        .await;
        let findings = found(&superuser, &databases).await;
        let said: Vec<&str> = findings.iter().map(|one| one.reason.as_str()).collect();
        assert_eq!(said, *reasons, "{statements}: {findings:#?}");
        for finding in &findings {
            assert!(!finding.statement.is_empty(), "{finding:?}");
            run(&superuser, &finding.statement).await;
        }
        let left = found(&superuser, &databases).await;
        assert_eq!(left, [], "{statements}");
        // What is wrong no more may have left something of the other role's, and of what the case made.
        let clear = format!(
            "DROP FUNCTION IF EXISTS public.d(); ALTER ROLE {other} NOCREATEROLE;
             REVOKE pg_write_all_data, {app} FROM {other}; REVOKE {other} FROM {app};
             REVOKE ALL ON DATABASE {database} FROM {other}; REVOKE ALL ON public.t FROM {other}",
            app = databases.role("app"),
            database = databases.managed(),
        );
        run(&superuser, &clear).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_no_statement_mends_is_said_all_the_same() {
    let databases = Databases::create().await;
    let superuser = databases.superuser().await;
    run(&superuser, "SET search_path = pg_catalog, pg_temp").await;
    let mut roles = databases.purposes();
    let boss = databases.role("boss");
    run(&superuser, &format!("CREATE ROLE {boss} LOGIN SUPERUSER")).await;
    let reasons =
        async |roles: &pgsteward::model::privileges::PurposeRoles| -> Vec<(String, String)> {
            let facts = read(&superuser, roles).await.unwrap();
            let findings = audit(roles, &facts).into_iter();
            // Superusers of other tests come and go.
            let ours = findings.filter(|one| one.reason != "SUPERUSER_LOGIN" || one.role == boss);
            ours.map(|one| (one.reason, one.role)).collect()
        };
    let of = |reason: &str, role: &str| (reason.to_owned(), role.to_owned());
    assert_eq!(reasons(&roles).await, [of("SUPERUSER_LOGIN", &boss)]);
    run(&superuser, &format!("DROP ROLE {boss}")).await;

    roles.applications.clear();
    assert!(
        reasons(&roles)
            .await
            .contains(&of("NO_APPLICATION_ROLE", ""))
    );
    roles.applications = vec![roles.migrator.clone()];
    assert!(
        reasons(&roles)
            .await
            .contains(&of("PURPOSE_IS_APPLICATION", &roles.migrator))
    );
    roles = databases.purposes();
    roles.maintenance = roles.admin.clone();
    assert!(
        reasons(&roles)
            .await
            .contains(&of("PURPOSES_SHARE_ROLE", &roles.admin))
    );
}
