//! The DDL guard: who is refused what, who is let through, when it is installed, changed and removed, and that none of
//! the daemon's own procedures meets it.

use std::process::Command;

use pgsteward::{
    model::schema::Schema,
    postgres::{
        catalog::{self, Scope},
        versions::VersionTable,
    },
    proto::{
        CheckDriftRequest, CreateRevisionRequest, DdlGuardState, DowngradeRequest, DriftReport,
        OptimizeRequest, RestoreRequest, RollbackRestoreRequest, operation::Outcome,
    },
};
use tokio_postgres::Client as Session;

use crate::support::{
    Client, Daemon, Site,
    cluster::{PASSWORD, SUPERUSER, binaries, cluster},
    database::{run, value},
};

/// A site whose admin role is a superuser, and whose application role owns a table and may create others.
async fn site() -> Site {
    let mut site = Site::new().await;
    let (db, app, managed) = (
        &site.databases,
        site.databases.role("app"),
        site.databases.managed(),
    );
    db.run_as_superuser(&format!(
        "ALTER ROLE {admin} SUPERUSER;
         GRANT CREATE ON SCHEMA public TO {app};
         GRANT CREATE, TEMPORARY ON DATABASE {managed} TO {app};
         SET SESSION AUTHORIZATION {app};
         CREATE TABLE own (id int PRIMARY KEY, word text);
         CREATE INDEX own_word ON own (word);
         CREATE TABLE parts (id int) PARTITION BY RANGE (id);
         CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (0) TO (10);
         CREATE MATERIALIZED VIEW counted AS SELECT count(*) FROM public.own;
         CREATE UNIQUE INDEX ON counted (count);
         CREATE FUNCTION ddl_for_all() RETURNS void LANGUAGE plpgsql SECURITY DEFINER
             AS 'BEGIN CREATE TABLE public.new (id int); END'",
        admin = db.role("admin"),
    ))
    .await;
    site.set("migrations.ddl_guard", "true");
    site
}

/// A site whose database is guarded, with its daemon.
async fn guarded() -> (Site, Daemon) {
    let site = site().await;
    let daemon = site.start().await;
    assert!(is_guarded(&site).await);
    (site, daemon)
}

/// Whether the application role's DDL is refused.
async fn is_guarded(site: &Site) -> bool {
    let app = site.databases.connect("app").await.unwrap();
    let tried = app.batch_execute("BEGIN; CREATE TABLE tried (id int); ROLLBACK");
    match tried.await {
        Ok(()) => false,
        Err(error) => {
            assert_eq!(code(&error), "PGS01", "{error:?}");
            true
        }
    }
}

fn code(error: &tokio_postgres::Error) -> &str {
    error.as_db_error().unwrap().code().code()
}

/// The schema as drift checks see it.
async fn schema(site: &Site) -> Schema {
    let scope = Scope {
        version_table: VersionTable {
            schema: "public".to_owned(),
            name: "alembic_version".to_owned(),
        },
        ignore: Vec::new(),
    };
    let client = site.databases.superuser().await;
    catalog::read_in_snapshot(&client, &scope).await.unwrap()
}

/// Runs each statement, which the guard must refuse, and expects that none has changed anything.
async fn all_refused(site: &Site, session: &Session, statements: &[&str]) {
    let before = schema(site).await;
    for statement in statements {
        let Err(error) = session.batch_execute(statement).await else {
            panic!("{statement} is not refused");
        };
        assert_eq!(code(&error), "PGS01", "{statement}: {error:?}");
        session.batch_execute("ROLLBACK").await.unwrap();
        let left = before.differences(&schema(site).await);
        assert!(left.is_empty(), "{statement} left {left:?}");
    }
}

/// What the daemon recorded of its changes to the guard, each with its outcome, in order.
async fn recorded(site: &Site) -> Vec<String> {
    let query = "SELECT coalesce(array_agg(replace(entry.method, 'housekeeping/', '') || ' ' || outcome.outcome
                                           ORDER BY entry.id), '{}')
                 FROM audit_entries AS entry JOIN audit_outcomes AS outcome ON outcome.entry = entry.id
                 WHERE entry.method LIKE 'housekeeping/%the DDL guard'";
    site.databases.control_value(query).await
}

/// The guard's event triggers, and the schema.
async fn parts_of_guard(site: &Site) -> i64 {
    let query = "SELECT (SELECT count(*) FROM pg_event_trigger)
                      + (SELECT count(*) FROM pg_namespace WHERE nspname = 'pgsteward')
                      + (SELECT count(*) FROM pg_proc WHERE proname = 'refuse_ddl')";
    site.databases.value(query).await
}

#[tokio::test]
async fn ddl_of_the_application_is_refused_and_leaves_nothing() {
    let (site, daemon) = guarded().await;
    let app = site.databases.connect("app").await.unwrap();

    let refusal = app.batch_execute("CREATE TABLE new (id int)").await;
    let refusal = refusal.unwrap_err();
    let refusal = refusal.as_db_error().unwrap();
    let role = site.databases.role("app");
    assert_eq!(
        refusal.message(),
        format!("DDL is closed to role \"{role}\": schema changes go through pgsteward revisions")
    );
    assert_eq!(
        refusal.detail(),
        Some("Refused: CREATE TABLE of table public.new.")
    );
    assert!(refusal.hint().unwrap().contains("pgsteward migrate"));

    let statements = [
        "CREATE TABLE new AS SELECT 1 AS id",
        "SELECT 1 AS id INTO new",
        "CREATE VIEW new AS SELECT 1",
        "CREATE SEQUENCE new",
        "CREATE TYPE new AS ENUM ('a')",
        "CREATE FUNCTION new() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "CREATE SCHEMA new",
        "CREATE SCHEMA new CREATE TABLE inner_one (id int)",
        "CREATE INDEX ON own (word)",
        "CREATE STATISTICS new ON id, word FROM own",
        "CREATE TRIGGER new BEFORE UPDATE ON own FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()",
        "CREATE RULE new AS ON DELETE TO own DO INSTEAD NOTHING",
        "CREATE POLICY new ON own",
        "ALTER TABLE own ADD new int",
        "ALTER TABLE own DROP word",
        "ALTER TABLE own ALTER word SET DEFAULT 'x'",
        "ALTER TABLE own RENAME TO new",
        "ALTER TABLE own RENAME word TO new",
        "ALTER TABLE own ENABLE ROW LEVEL SECURITY",
        "ALTER INDEX own_word RENAME TO new",
        "ALTER TABLE parts DETACH PARTITION parts_1",
        "DROP TABLE own CASCADE",
        "DROP TABLE parts",
        "DROP INDEX own_word",
        "DROP MATERIALIZED VIEW counted",
        "DROP FUNCTION ddl_for_all",
        "GRANT SELECT ON own TO PUBLIC",
        "REVOKE INSERT ON own FROM CURRENT_USER",
        "ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO PUBLIC",
        "COMMENT ON TABLE own IS 'mine'",
        "COMMENT ON COLUMN own.id IS 'mine'",
        "DROP OWNED BY CURRENT_USER",
        // As part of something larger.
        "BEGIN; INSERT INTO own VALUES (1); CREATE TABLE new (id int)",
        "CREATE TEMP TABLE passing (id int); CREATE TABLE new (id int)",
        "DO 'BEGIN CREATE TABLE public.new (id int); END'",
        "DO $$ BEGIN EXECUTE 'DROP TABLE parts'; END $$",
        "SELECT ddl_for_all()",
        // They commit before they end.
        "CREATE INDEX CONCURRENTLY new ON own (word)",
        "create unique index /* */ concurrently if not exists new ON own (word)",
        "DROP INDEX CONCURRENTLY own_word",
        "ALTER TABLE parts DETACH PARTITION parts_1 CONCURRENTLY",
    ];
    all_refused(&site, &app, &statements).await;
    // As drivers send it that prepare each statement.
    for statement in [
        "CREATE INDEX CONCURRENTLY new ON own (word)",
        "DROP TABLE parts",
    ] {
        let refusal = app.execute(statement, &[]).await.unwrap_err();
        assert_eq!(code(&refusal), "PGS01");
    }
    assert_eq!(site.databases.rows("own").await, 0);
    assert!(
        !site
            .databases
            .value::<bool>("SELECT EXISTS (SELECT FROM pg_index WHERE NOT indisvalid)")
            .await
    );
    daemon.stop().await;
}

#[tokio::test]
async fn a_superuser_who_is_not_the_daemon_is_refused_too_and_no_setting_or_role_helps() {
    let (site, daemon) = guarded().await;
    let superuser = site.databases.superuser().await;
    let migrator = site.databases.role("migrator");
    let (as_migrator, drop_owned) = (
        format!("SET ROLE {migrator}; CREATE TABLE new (id int)"),
        format!("DROP OWNED BY {}", site.databases.role("app")),
    );
    let statements = [
        as_migrator.as_str(),
        drop_owned.as_str(),
        "SET session_replication_role = replica; CREATE TABLE new (id int)",
        "CREATE FOREIGN DATA WRAPPER new",
        "CREATE CAST (int AS point) WITH INOUT",
        "CREATE TEXT SEARCH DICTIONARY new (TEMPLATE = simple)",
        "CREATE ACCESS METHOD new TYPE INDEX HANDLER bthandler",
        "CREATE PUBLICATION pg_temp FOR ALL TABLES",
        "CREATE SUBSCRIPTION new CONNECTION '' PUBLICATION new WITH (connect = false)",
        "ALTER EXTENSION plpgsql ADD TABLE own",
        "COMMENT ON EXTENSION plpgsql IS 'mine'",
        "ALTER FUNCTION pgsteward.refuse_ddl() SECURITY DEFINER",
        "DROP SCHEMA public CASCADE",
    ];
    all_refused(&site, &superuser, &statements).await;
    assert!(is_guarded(&site).await);

    // Ways out of a superuser: to be the migrator, whose the objects then are, or to disable it in one transaction.
    run(
        &superuser,
        &format!(
            "RESET ALL; RESET ROLE; SET SESSION AUTHORIZATION {migrator}; CREATE TABLE by_hand (id int);
             RESET SESSION AUTHORIZATION"
        ),
    )
    .await;
    run(
        &superuser,
        "BEGIN;
         ALTER EVENT TRIGGER pgsteward_guard_end DISABLE;
         ALTER EVENT TRIGGER pgsteward_guard_drop DISABLE;
         ALTER TABLE by_hand ADD word text;
         ALTER TABLE by_hand DROP id;
         ALTER EVENT TRIGGER pgsteward_guard_end ENABLE ALWAYS;
         ALTER EVENT TRIGGER pgsteward_guard_drop ENABLE ALWAYS;
         COMMIT",
    )
    .await;
    assert!(is_guarded(&site).await);
    daemon.stop().await;
}

#[tokio::test]
async fn what_is_temporary_or_changes_no_schema_stays_open_to_everyone() {
    let (site, daemon) = guarded().await;
    let app = site.databases.connect("app").await.unwrap();
    let before = schema(&site).await;
    for statement in [
        "CREATE TEMP TABLE passing (id serial PRIMARY KEY, word text DEFAULT 'a' CHECK (word <> ''), n int)",
        "CREATE TEMP TABLE IF NOT EXISTS passing (id int)",
        "CREATE TEMP TABLE alike (LIKE own INCLUDING ALL)",
        "CREATE TEMP TABLE of_others (id int REFERENCES passing)",
        "CREATE INDEX ON passing (word)",
        "CREATE STATISTICS pg_temp.together ON word, n FROM passing",
        "ALTER TABLE passing ALTER n TYPE bigint",
        "ALTER TABLE passing ALTER word DROP DEFAULT",
        "ALTER TABLE passing DROP word",
        "ALTER TABLE passing RENAME TO passed",
        "ALTER SEQUENCE passing_id_seq RESTART 7",
        "COMMENT ON COLUMN passed.n IS 'a number'",
        "CREATE TRIGGER unchanged BEFORE UPDATE ON passed FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()",
        "CREATE RULE nothing AS ON DELETE TO passed DO INSTEAD NOTHING",
        "CREATE POLICY everything ON passed",
        "ALTER TRIGGER unchanged ON passed RENAME TO still_unchanged",
        "COMMENT ON TRIGGER still_unchanged ON passed IS 'a trigger'",
        "DROP TRIGGER still_unchanged ON passed",
        "DROP RULE nothing ON passed",
        "DROP POLICY everything ON passed",
        "CREATE TRIGGER unchanged BEFORE UPDATE ON passed FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()",
        "CREATE TEMP VIEW seen AS SELECT * FROM passed",
        "CREATE FUNCTION pg_temp.one() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "CREATE TYPE pg_temp.mood AS ENUM ('good')",
        "CREATE TEMP SEQUENCE numbers",
        "DROP SEQUENCE numbers",
        "DROP TABLE passed CASCADE",
        "SELECT 1 AS id INTO TEMP chosen",
        "CREATE TEMP TABLE computed AS SELECT 1 AS id",
        "DROP TABLE chosen, computed",
        "BEGIN; CREATE TEMP TABLE short (id int) ON COMMIT DROP; COMMIT",
        "DISCARD ALL",
        // They change nothing.
        "CREATE TABLE IF NOT EXISTS own (id int)",
        "DROP TABLE IF EXISTS nowhere",
        "CREATE SCHEMA IF NOT EXISTS public",
        "CREATE EXTENSION IF NOT EXISTS plpgsql",
        // Maintenance and data.
        "INSERT INTO own VALUES (1)",
        "REFRESH MATERIALIZED VIEW counted",
        "REFRESH MATERIALIZED VIEW CONCURRENTLY counted",
        "ANALYZE own",
        "VACUUM own",
        "VACUUM FULL own",
        "REINDEX TABLE own",
        "REINDEX TABLE CONCURRENTLY own",
        "TRUNCATE own",
        "SELECT lo_create(77001)",
        "COMMENT ON LARGE OBJECT 77001 IS 'a picture'",
        "GRANT SELECT ON LARGE OBJECT 77001 TO PUBLIC",
        "SELECT lo_unlink(77001)",
    ] {
        run(&app, statement).await;
    }
    assert_eq!(before.differences(&schema(&site).await), []);
    daemon.stop().await;
}

#[tokio::test]
async fn the_schema_shows_what_event_triggers_do_not_see() {
    // Limits of PostgreSQL 15, not wishes: what is done so is found by the next drift check.
    let (site, daemon) = guarded().await;
    let (db, app) = (&site.databases, site.databases.role("app"));
    let sessions = [db.connect("app").await.unwrap(), db.superuser().await];
    let reassign = format!("REASSIGN OWNED BY {app} TO {}", db.role("migrator"));
    let explain = "EXPLAIN ANALYZE CREATE TABLE explained AS SELECT 1 AS id";
    for (session, statement, changed) in [
        (&sessions[0], explain, "public.explained"),
        (&sessions[0], "CLUSTER own USING own_pkey", "public.own"),
        (&sessions[1], &reassign, "public.own"),
    ] {
        let before = schema(&site).await;
        run(session, statement).await;
        let seen = before.differences(&schema(&site).await);
        let keys: Vec<String> = seen.iter().map(|seen| seen.key.to_string()).collect();
        assert!(
            keys.iter().any(|key| key.contains(changed)),
            "{statement}: {keys:?}"
        );
    }
    daemon.stop().await;
}

#[tokio::test]
async fn revisions_backups_restores_and_upkeep_work_under_the_guard() {
    let (site, daemon) = guarded().await;
    let (client, db) = (daemon.client(), &site.databases);
    client
        .revision("CREATE TABLE made (id int, n int);", "DROP TABLE made;")
        .await;
    let request = CreateRevisionRequest {
        message: "an index".to_owned(),
        upgrade_sql: "CREATE INDEX CONCURRENTLY made_n ON made (n);".to_owned(),
        downgrade_sql: "DROP INDEX CONCURRENTLY made_n;".to_owned(),
        non_transactional: true,
        ..CreateRevisionRequest::default()
    };
    client.migration().create_revision(request).await.unwrap();
    client.upgrade("head").await;
    let downgrade = DowngradeRequest {
        target: "-1".to_owned(),
        ..DowngradeRequest::default()
    };
    let downgrade = client.migration().downgrade(downgrade).await.unwrap();
    client.outcome(downgrade.into_inner().operation).await;
    client.upgrade("head").await;
    db.run("INSERT INTO made VALUES (1, 1), (2, 2)").await;
    let report = check_drift(client).await;
    assert_eq!(report.ddl_guard(), DdlGuardState::On);
    assert_eq!(report.differences, []);
    let made = schema(&site).await;
    let request = OptimizeRequest::default();
    let optimized = client.maintenance().optimize(request).await.unwrap();
    client.outcome(optimized.into_inner().operation).await;

    let backup = client.back_up().await;
    db.run("DROP TABLE made").await;
    client.enter_maintenance().await;
    let request = RestoreRequest {
        filename: backup.filename.clone(),
        confirm_database: "app".to_owned(),
        reason: "a test".to_owned(),
        ..RestoreRequest::default()
    };
    let restoring = client.restore().restore(request).await.unwrap();
    let restored = client.outcome(restoring.into_inner().operation).await;
    client.exit_maintenance().await;
    assert_eq!(db.rows("made").await, 2);
    assert!(schema(&site).await == made);
    assert!(is_guarded(&site).await, "the guard came with the archive");
    client.upgrade("head").await;

    let Outcome::Restore(restored) = restored else {
        panic!("{restored:?}");
    };
    client.enter_maintenance().await;
    let request = RollbackRestoreRequest {
        confirm_database: "app".to_owned(),
        reason: "a test".to_owned(),
        replaced_database: restored.replaced.unwrap().name,
        ..RollbackRestoreRequest::default()
    };
    let rolling = client.restore().rollback_restore(request).await.unwrap();
    client.outcome(rolling.into_inner().operation).await;
    client.exit_maintenance().await;
    assert!(is_guarded(&site).await);
    assert_eq!(recorded(&site).await, ["install the DDL guard SUCCEEDED"]);
    daemon.stop().await;
}

#[tokio::test]
async fn a_superuser_copies_a_guarded_database_by_hand() {
    let (site, daemon) = guarded().await;
    let (managed, copy) = (site.databases.managed(), site.databases.role("copy"));
    let server = site.databases.superuser_in("postgres").await;
    run(
        &server,
        &format!("CREATE DATABASE {copy} TEMPLATE template0"),
    )
    .await;
    let output = Command::new("sh")
        .arg("-c")
        .arg(r#""$PG_DUMP" "$FROM" | "$PSQL" -X -q -v ON_ERROR_STOP=1 -d "$TO""#)
        .env("PG_DUMP", binaries().path("pg_dump"))
        .env("PSQL", binaries().path("psql"))
        .envs([("PGHOST", "127.0.0.1"), ("PGUSER", SUPERUSER)])
        .envs([("PGPASSWORD", PASSWORD), ("FROM", &managed), ("TO", &copy)])
        .env("PGPORT", cluster().port.to_string())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.is_empty(), "{said}");

    let copy = site.databases.superuser_in(&copy).await;
    let enabled = "SELECT count(*) FROM pg_event_trigger WHERE evtenabled = 'A'";
    assert_eq!(value::<i64>(&copy, enabled).await, 3);
    let refusal = copy.batch_execute("CREATE TABLE new (id int)").await;
    assert_eq!(code(&refusal.unwrap_err()), "PGS01");
    daemon.stop().await;
}

#[tokio::test]
async fn the_guard_follows_the_configuration_and_only_changes_are_recorded() {
    let mut site = site().await;
    let before = schema(&site).await;
    let (install, remove) = (
        "install the DDL guard SUCCEEDED",
        "remove the DDL guard SUCCEEDED",
    );
    site.start().await.stop().await;
    assert_eq!(recorded(&site).await, [install]);
    assert!(
        schema(&site).await == before,
        "drift checks leave the guard out"
    );

    // As it should be: nothing is done.
    site.start().await.stop().await;
    assert_eq!(recorded(&site).await, [install]);

    // Another login is let through.
    let app = site.databases.role("app");
    site.set("migrations.ddl_guard_roles", &format!("partman, {app}"));
    site.start().await.stop().await;
    assert!(!is_guarded(&site).await);
    site.set("migrations.ddl_guard_roles", "");
    site.start().await.stop().await;
    assert!(is_guarded(&site).await);
    assert_eq!(recorded(&site).await, [install; 3]);

    // Disabled, half gone, and one that refuses the daemon itself.
    for damage in [
        "ALTER EVENT TRIGGER pgsteward_guard_end DISABLE",
        "DROP EVENT TRIGGER pgsteward_guard_drop",
        "ALTER EVENT TRIGGER pgsteward_guard_start DISABLE; ALTER EVENT TRIGGER pgsteward_guard_end DISABLE;
         ALTER EVENT TRIGGER pgsteward_guard_drop DISABLE;
         CREATE OR REPLACE FUNCTION pgsteward.refuse_ddl() RETURNS event_trigger LANGUAGE plpgsql
             AS 'BEGIN RAISE ''no DDL at all''; END';
         CREATE EVENT TRIGGER pgsteward_guard_other ON ddl_command_start EXECUTE FUNCTION pgsteward.refuse_ddl();
         ALTER EVENT TRIGGER pgsteward_guard_end ENABLE",
    ] {
        site.databases.run_as_superuser(damage).await;
        site.start().await.stop().await;
        assert!(is_guarded(&site).await, "{damage}");
        site.databases.run("CREATE TABLE new (id int); DROP TABLE new").await;
    }
    assert_eq!(recorded(&site).await, [install; 6]);
    assert_eq!(parts_of_guard(&site).await, 5);

    site.set("migrations.ddl_guard", "false");
    site.start().await.stop().await;
    assert_eq!(parts_of_guard(&site).await, 0);
    let daemon = site.start().await;
    let report = check_drift(daemon.client()).await;
    assert_eq!(report.ddl_guard(), DdlGuardState::Off);
    daemon.stop().await;
    assert_eq!(recorded(&site).await[6..], [remove]);
    assert!(schema(&site).await == before);
}

#[tokio::test]
async fn without_a_superuser_nothing_is_installed_and_the_log_says_so_once() {
    let site = site().await;
    let admin = site.databases.role("admin");
    let demote = format!("ALTER ROLE {admin} NOSUPERUSER");
    site.databases.run_as_superuser(&demote).await;
    let daemon = site.start().await;
    let said = warnings(&daemon);
    let reason = format!(
        "the admin role {admin:?} is no superuser, and only superusers make event triggers"
    );
    assert_eq!(said, [reason.as_str()]);
    assert_eq!(parts_of_guard(&site).await, 0);
    assert!(!is_guarded(&site).await);
    serves(daemon.client()).await;
    let report = check_drift(daemon.client()).await;
    assert_eq!(report.ddl_guard(), DdlGuardState::Missing);
    assert_eq!(report.ddl_guard_message, reason);
    daemon.stop().await;

    // One that a superuser left stays, and is said to stand in the way or to be out of date.
    let promote = format!("ALTER ROLE {admin} SUPERUSER");
    site.databases.run_as_superuser(&promote).await;
    site.start().await.stop().await;
    site.databases.run_as_superuser(&demote).await;
    let daemon = site.start().await;
    let said = warnings(&daemon);
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(said[0].contains("not owned by a superuser"), "{said:?}");
    assert!(is_guarded(&site).await);
    assert_eq!(recorded(&site).await, ["install the DDL guard SUCCEEDED"]);
    daemon.stop().await;
}

/// The reasons of the warnings about the guard.
fn warnings(daemon: &Daemon) -> Vec<String> {
    let lines = daemon.process.log_lines().into_iter();
    lines
        .filter(|line| line["level"] == "WARN" && line["message"].to_string().contains("DDL guard"))
        .map(|line| line["reason"].as_str().unwrap().to_owned())
        .collect()
}

async fn check_drift(client: &Client) -> DriftReport {
    let request = CheckDriftRequest::default();
    let answer = client.migration().check_drift(request).await.unwrap();
    match client.outcome(answer.into_inner().operation).await {
        Outcome::Drift(report) => report,
        other => panic!("{other:?}"),
    }
}

async fn serves(client: &Client) {
    client.revision("CREATE TABLE made (id int);", "").await;
    client.upgrade("head").await;
}
