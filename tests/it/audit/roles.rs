//! Who could change the log: not the role that the daemon works as, or the daemon does not start, or says so.

use tokio_postgres::error::SqlState;

use super::chain::{leave_two_records, verify};
use crate::support::{
    self, Site,
    database::{connect, run, value},
};

#[tokio::test]
async fn the_role_that_the_daemon_works_as_can_change_nothing_of_the_log() {
    let (site, daemon) = support::start().await;
    leave_two_records(daemon.client()).await;
    let db = &site.databases;
    let role = db.role("control");
    let working = connect(&role, &db.control()).await.unwrap();
    for deed in [
        "UPDATE audit_records SET principal = 'another'",
        "DELETE FROM audit_records",
        "TRUNCATE audit_records",
        "INSERT INTO audit_records SELECT * FROM audit_records",
        "UPDATE audit_entries SET principal = 'another'",
        "DELETE FROM audit_outcomes",
        "ALTER TABLE audit_records DISABLE TRIGGER append_only",
        "DROP TRIGGER append_only ON audit_records",
        "CREATE TRIGGER mine BEFORE INSERT ON audit_records EXECUTE FUNCTION refuse_change()",
        "ALTER TABLE audit_records OWNER TO CURRENT_USER",
        "DROP TABLE audit_records CASCADE",
        "DROP SCHEMA public CASCADE",
        "CREATE OR REPLACE FUNCTION append_audit(json) RETURNS TABLE (number bigint, hash bytea) LANGUAGE sql
         AS 'SELECT 1::bigint, ''''::bytea'",
        "DROP FUNCTION append_audit(json)",
        "CREATE TABLE mine (n int)",
        "SET session_replication_role = replica",
        "UPDATE alembic_version SET version_num = 'x'",
        "UPDATE migration_events SET principal = 'another'",
    ] {
        let error = working.batch_execute(deed).await.expect_err(deed);
        let code = error.code();
        assert_eq!(code, Some(&SqlState::INSUFFICIENT_PRIVILEGE), "{deed}: {error:?}");
    }
    let answer = verify(daemon.client(), None).await;
    assert!(answer.intact && answer.weaknesses.is_empty(), "{answer:?}");
    daemon.stop().await;
}

#[tokio::test]
async fn a_role_that_could_change_the_log_is_refused_where_another_is_to_own_it() {
    let (site, daemon) = support::start().await;
    daemon.stop().await;
    let db = &site.databases;
    let superuser = db.in_control().await;
    let (role, owner) = (db.role("control"), db.role("owner"));
    run(&superuser, &format!("GRANT {owner} TO {role}")).await;
    let (status, log) = site.start_in_vain().await;
    assert_ne!(status.code(), Some(0));
    assert!(
        log.contains("could change the audit log")
            && log.contains("it owns the table audit_records"),
        "{log}"
    );
    run(&superuser, &format!("REVOKE {owner} FROM {role}")).await;

    // What was granted by hand is taken back at the start.
    run(
        &superuser,
        &format!("GRANT UPDATE ON audit_records TO {role}, PUBLIC"),
    )
    .await;
    let daemon = site.start().await;
    let may = format!("SELECT has_table_privilege('{role}', 'audit_records', 'UPDATE')");
    assert!(!value::<bool>(&superuser, &may).await);
    daemon.stop().await;

    let admin = db.role("admin");
    run(
        &superuser,
        &format!("ALTER TABLE operations OWNER TO {admin}"),
    )
    .await;
    let (_, log) = site.start_in_vain().await;
    assert!(
        log.contains("REASSIGN OWNED BY") && log.contains(&admin),
        "{log}"
    );
}

#[tokio::test]
async fn with_one_login_the_log_is_chained_and_its_answers_say_who_could_change_it() {
    let mut site = Site::new().await;
    site.one_control_login();
    let daemon = site.start().await;
    leave_two_records(daemon.client()).await;

    let answer = verify(daemon.client(), None).await;

    assert!(answer.intact, "{answer:?}");
    assert_eq!(answer.control_role, site.databases.role("owner"));
    assert!(
        answer
            .weaknesses
            .contains(&"it owns the table audit_records".to_owned()),
        "{answer:?}"
    );
    assert!(daemon.process.log().contains("configure control.owner_url"));
    let error = site
        .databases
        .in_control()
        .await
        .batch_execute("DELETE FROM audit_records")
        .await
        .unwrap_err();
    let message = error.as_db_error().unwrap().message().to_owned();
    assert_eq!(message, "audit_records is append-only: DELETE is refused");
    daemon.stop().await;

    // The second login is added to a store that has worked with one.
    site.two_control_logins();
    let daemon = site.start().await;
    leave_two_records(daemon.client()).await;
    let answer = verify(daemon.client(), None).await;
    assert!(answer.intact && answer.weaknesses.is_empty(), "{answer:?}");
    daemon.stop().await;
}
