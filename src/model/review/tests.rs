#![allow(clippy::unwrap_used)]

use chrono::DateTime;
use proptest::prelude::*;

use super::*;
use crate::model::revision::Draft;

/// A script that runs as it can: in a transaction if PostgreSQL lets it.
pub(super) fn script(upgrade: &str, downgrade: &str) -> Script {
    readable(upgrade, downgrade).unwrap()
}

fn readable(upgrade: &str, downgrade: &str) -> Result<Script, ScriptError> {
    let draft = |transactional| {
        Script::draft(Draft {
            revision: "abc".to_owned(),
            down_revisions: vec!["aaa".to_owned()],
            branch_labels: Vec::new(),
            depends_on: Vec::new(),
            message: "try".to_owned(),
            created: DateTime::UNIX_EPOCH,
            transactional,
            upgrade_sql: upgrade.to_owned(),
            downgrade_sql: downgrade.to_owned(),
        })
    };
    let script = draft(true)?;
    let runs = script.statements(Direction::Upgrade).is_ok();
    if runs { Ok(script) } else { draft(false) }
}

/// The findings of an upgrade section.
pub(super) fn findings(sql: &str) -> Vec<Finding> {
    lint(&script(sql, "-- none"), Direction::Upgrade, 15).unwrap()
}

/// The same in short: category, severity and name of each.
fn short(sql: &str) -> Vec<String> {
    let short = |finding: &Finding| {
        let (category, severity) = (finding.category.name(), finding.severity.name());
        format!("{category} {severity} {}", finding.name())
    };
    findings(sql).iter().map(short).collect()
}

/// Each statement with all that is found in it.
fn check(cases: &[(&str, &[&str])]) {
    for (sql, expected) in cases {
        assert_eq!(short(sql), *expected, "{sql}");
    }
}

#[test]
fn dropped_objects_are_named_and_weighed() {
    check(&[
        (
            "DROP TABLE Orders",
            &["destructive error drop-table:orders"],
        ),
        (
            "DROP TABLE IF EXISTS app.a, \"B\" CASCADE",
            &[
                "destructive error drop-table:app.a",
                "destructive error drop-table:\"B\"",
            ],
        ),
        ("DROP SCHEMA app", &["destructive warning drop-schema:app"]),
        (
            "DROP SCHEMA app CASCADE",
            &["destructive error drop-schema:app"],
        ),
        ("DROP SEQUENCE s", &["destructive warning drop-sequence:s"]),
        (
            "DROP EXTENSION hstore",
            &["destructive error drop-extension:hstore"],
        ),
        (
            "DROP DATABASE shop",
            &["destructive error drop-database:shop"],
        ),
        (
            "DROP MATERIALIZED VIEW v",
            &["destructive note drop-materialized-view:v"],
        ),
        (
            "DROP FOREIGN TABLE f",
            &["destructive note drop-foreign-table:f"],
        ),
        ("DROP OWNED BY app", &["destructive error drop-owned:app"]),
        ("DROP VIEW v", &["compatibility note drop-view:v"]),
        ("DROP VIEW v CASCADE", &["destructive error drop-view:v"]),
        (
            "DROP FUNCTION f(int, numeric(3, 2)), g RESTRICT",
            &[
                "compatibility note drop-function:f",
                "compatibility note drop-function:g",
            ],
        ),
        ("DROP TYPE mood", &["compatibility note drop-type:mood"]),
        (
            "DROP TYPE mood CASCADE",
            &["destructive error drop-type:mood"],
        ),
        (
            "DROP DOMAIN d CASCADE",
            &["destructive error drop-domain:d"],
        ),
        ("DROP SERVER s", &[]),
        (
            "DROP SERVER s CASCADE",
            &["destructive error drop-server:s"],
        ),
        ("DROP INDEX CONCURRENTLY i", &[]),
        ("DROP TRIGGER t ON orders CASCADE", &[]),
        ("DROP POLICY p ON orders", &[]),
    ]);
}

#[test]
fn dropped_columns_and_attributes_are_named_with_their_table() {
    check(&[
        (
            "ALTER TABLE ONLY Orders DROP COLUMN IF EXISTS Total, ADD b text, DROP c CASCADE",
            &[
                "destructive error drop-column:orders.total",
                "destructive error drop-column:orders.c",
            ],
        ),
        (
            "ALTER TYPE address DROP ATTRIBUTE IF EXISTS zip",
            &["destructive error drop-attribute:address.zip"],
        ),
        ("ALTER TYPE address ADD ATTRIBUTE zip text", &[]),
        ("ALTER TABLE t ADD COLUMN a numeric(3, 2)", &[]),
        ("ALTER FOREIGN TABLE f DROP COLUMN a", &[]),
        (
            "ALTER TABLE t DROP CONSTRAINT c",
            &["compatibility note ban-drop-constraint:t"],
        ),
        ("ALTER TABLE t DETACH PARTITION p CONCURRENTLY", &[]),
    ]);
}

#[test]
fn changed_types_are_weighed_by_what_fits() {
    let all = |weight: &str, sqls: &[&str]| {
        for sql in sqls {
            let sql = format!("ALTER TABLE t ALTER COLUMN c {sql}");
            assert_eq!(
                short(&sql),
                [format!("{weight} alter-column-type:t.c")],
                "{sql}"
            );
        }
    };
    all(
        "rewrite warning",
        &[
            "TYPE text",
            "SET DATA TYPE character varying",
            "TYPE BIGINT",
            "TYPE pg_catalog.numeric",
        ],
    );
    all(
        "data_loss warning",
        &[
            "TYPE integer",
            "TYPE varchar(20)",
            "TYPE text[]",
            "TYPE numeric(5, 2)",
            "TYPE text USING left(c, 3)",
            "TYPE uuid USING c::uuid",
        ],
    );
    all(
        "data_loss error",
        &[
            "TYPE varchar(3) USING c::varchar(3)",
            "TYPE character varying(3) USING (c, 1)::text",
        ],
    );
    // The USING of another action is not this one's.
    assert_eq!(
        short("ALTER TABLE t ALTER a TYPE text, ALTER b TYPE int USING b::int"),
        [
            "rewrite warning alter-column-type:t.a",
            "data_loss warning alter-column-type:t.b"
        ]
    );
    assert!(short("ALTER TABLE t ALTER c SET DEFAULT 1").is_empty());
}

#[test]
fn removed_and_overwritten_rows_are_found_wherever_they_stand() {
    check(&[
        (
            "DELETE FROM ONLY app.orders",
            &["destructive error delete:app.orders"],
        ),
        (
            "WITH gone AS (DELETE FROM orders WHERE id = 1 RETURNING *) INSERT INTO log SELECT * FROM gone",
            &["destructive error delete:orders"],
        ),
        (
            "MERGE INTO orders o USING log l ON o.id = l.id WHEN MATCHED THEN DELETE",
            &["destructive error delete:orders"],
        ),
        (
            "MERGE INTO orders o USING log l ON o.id = l.id WHEN MATCHED THEN UPDATE SET a = 1",
            &[],
        ),
        (
            "TRUNCATE TABLE a, ONLY b RESTART IDENTITY CASCADE",
            &[
                "destructive error truncate:a",
                "destructive error truncate:b",
            ],
        ),
        (
            "UPDATE orders SET total = 0",
            &["data_loss warning update-without-where:orders"],
        ),
        (
            "UPDATE orders AS o SET total = (SELECT 1 WHERE true)",
            &["data_loss warning update-without-where:orders"],
        ),
        ("UPDATE orders o SET total = 0 WHERE total IS NULL", &[]),
        (
            "INSERT INTO orders VALUES (1) ON CONFLICT (id) DO UPDATE SET total = 0",
            &[],
        ),
        (
            "CREATE FUNCTION f() RETURNS void BEGIN ATOMIC DELETE FROM orders; END",
            &[],
        ),
        ("CREATE TABLE t (a int REFERENCES b ON DELETE CASCADE)", &[]),
        ("INSERT INTO log VALUES ('DELETE FROM orders')", &[]),
    ]);
    let message = |sql| findings(sql)[0].message.clone();
    assert_ne!(message("DELETE FROM a"), message("DELETE FROM a WHERE b"));
}

#[test]
fn commands_that_keep_others_waiting_are_found() {
    check(&[
        (
            "CLUSTER (VERBOSE) orders USING i",
            &["rewrite warning cluster:orders"],
        ),
        (
            "VACUUM FULL VERBOSE orders",
            &["rewrite warning vacuum-full:orders"],
        ),
        (
            "VACUUM (ANALYZE, FULL) orders",
            &["rewrite warning vacuum-full:orders"],
        ),
        ("VACUUM (FULL off) orders", &[]),
        ("VACUUM orders", &[]),
        (
            "REFRESH MATERIALIZED VIEW v",
            &["blocking warning refresh-materialized-view:v"],
        ),
        ("REFRESH MATERIALIZED VIEW CONCURRENTLY v", &[]),
        (
            "LOCK TABLE ONLY orders IN SHARE MODE NOWAIT",
            &["blocking warning lock-table:orders"],
        ),
        ("LOCK orders", &["blocking warning lock-table:orders"]),
        ("LOCK TABLE orders IN ROW EXCLUSIVE MODE", &[]),
        (
            "ALTER TABLE t SET TABLESPACE fast",
            &["rewrite warning set-tablespace:t"],
        ),
        (
            "ALTER TABLE ALL IN TABLESPACE a SET TABLESPACE b",
            &["rewrite warning set-tablespace"],
        ),
        (
            "ALTER DATABASE shop SET TABLESPACE b",
            &["rewrite warning set-tablespace:shop"],
        ),
        (
            "ALTER TABLE t SET ACCESS METHOD heap",
            &["rewrite warning set-access-method:t"],
        ),
        (
            "ALTER TABLE t SET LOGGED",
            &["rewrite warning set-logged:t"],
        ),
        (
            "ALTER TABLE t SET UNLOGGED",
            &["data_loss warning set-unlogged:t"],
        ),
        ("ALTER TABLE t SET (fillfactor = 70)", &[]),
    ]);
}

#[test]
fn lifting_the_limit_on_locks_is_found_and_setting_one_is_not() {
    let lifted: &[&str] = &["missing_lock_timeout warning lock-timeout-off"];
    check(&[
        ("SET lock_timeout = 0", lifted),
        ("SET LOCAL lock_timeout TO '0 min'", lifted),
        ("SET lock_timeout TO DEFAULT", lifted),
        ("RESET lock_timeout", lifted),
        ("RESET ALL", lifted),
        ("SELECT set_config('lock_timeout', '0', true)", lifted),
        ("SET lock_timeout = '3s'", &[]),
        ("SELECT set_config('lock_timeout', '3s', true)", &[]),
        ("SET statement_timeout = 0", &[]),
    ]);
}

#[test]
fn what_a_text_hides_is_said_to_be_hidden() {
    check(&[
        ("DO $$ BEGIN END $$", &["opaque note opaque"]),
        ("CALL app.move(1)", &["opaque note opaque:app.move"]),
        ("EXECUTE plan", &["opaque note opaque:plan"]),
        ("SELECT app.Fill('a')", &["opaque note opaque:app.fill"]),
        ("SELECT * FROM fill()", &["opaque note opaque:fill"]),
        ("SELECT setval('s', (SELECT max(id) FROM t))", &[]),
        ("SELECT pg_catalog.lo_create(1), 2", &[]),
        ("SELECT 1 IN (1, 2)", &[]),
    ]);
    let deep = format!("SELECT {}1{}", "(".repeat(5000), ")".repeat(5000));
    assert_eq!(short(&deep), ["opaque note opaque"]);
}

#[test]
fn a_table_that_the_section_has_made_may_be_treated_at_will() {
    check(&[
        (
            "CREATE TEMP TABLE t (a int); ALTER TABLE t DROP a, ADD b int NOT NULL; DELETE FROM t; DROP TABLE t",
            &[],
        ),
        (
            "CREATE TABLE t (a int); CREATE INDEX ON t (a); TRUNCATE t",
            &[],
        ),
        (
            "CREATE TABLE IF NOT EXISTS t (a int); DROP TABLE t",
            &["destructive error drop-table:t"],
        ),
        (
            "CREATE TEMP TABLE t (a int); DROP TABLE t; DROP TABLE t",
            &["destructive error drop-table:t"],
        ),
        (
            "CREATE TABLE t (a int); SET search_path = b; DROP TABLE t",
            &["destructive error drop-table:t"],
        ),
        (
            "CREATE TABLE t (a int); ALTER TABLE t RENAME TO u; DROP TABLE t",
            &["destructive error drop-table:t"],
        ),
        (
            "CREATE TABLE a.t (a int); DELETE FROM t",
            &["destructive error delete:t"],
        ),
    ]);
}

#[test]
fn a_blank_downgrade_is_found_and_a_comment_there_explains_it() {
    let lint = |up: &str, down: &str| lint(&script(up, down), Direction::Upgrade, 15).unwrap();
    let found = lint("CREATE TABLE t (a int)", "");
    assert_eq!(found[0].name(), "no-downgrade");
    assert_eq!(found[0].category, Category::NonReversible);
    let text = script("CREATE TABLE t (a int)", "").render();
    assert_eq!(text.lines().nth(found[0].line - 1), Some("-- downgrade"));
    assert_eq!(found[0].statement, "-- downgrade");
    assert!(lint("CREATE TABLE t (a int)", "-- cannot be taken back").is_empty());
    assert!(lint("", "").is_empty());
}

#[test]
fn lines_are_those_of_the_file_and_statements_are_shown_in_short() {
    let upgrade = "-- first\nALTER TABLE orders\n  /* two\n  lines */ ADD x int,\n  DROP total;\nDROP TABLE a; DROP TABLE b;";
    let downgrade = "CREATE INDEX a_very_long_name_for_an_index_that_is_made_to_be_cut ON orders (one, two, three, four);\nDROP TABLE\n  c";
    let script = script(upgrade, downgrade);
    let text = script.render();
    let marks = [
        ("drop-column:orders.total", "DROP total"),
        ("drop-table:a", "DROP TABLE a; DROP TABLE b"),
        ("drop-table:b", "DROP TABLE a; DROP TABLE b"),
        ("drop-table:c", "  c"),
        ("require-concurrent-index-creation:orders", "CREATE INDEX"),
    ];
    for direction in [Direction::Upgrade, Direction::Downgrade] {
        let found = lint(&script, direction, 15).unwrap();
        assert!(!found.is_empty());
        for finding in found {
            let line = text.lines().nth(finding.line - 1).unwrap();
            let name = finding.name();
            let (_, mark) = marks.iter().find(|(of, _)| *of == name).unwrap();
            assert!(line.contains(mark), "{line} has not {mark}");
            assert_eq!(
                (finding.revision.as_str(), finding.direction),
                ("abc", direction)
            );
            assert!(!finding.statement.contains('\n'));
            assert!(finding.statement.chars().count() <= STATEMENT_LENGTH + 1);
        }
    }
    let first = &lint(&script, Direction::Upgrade, 15).unwrap()[0];
    assert_eq!(first.statement, "ALTER TABLE orders");
}

#[test]
fn only_what_reading_cannot_vouch_for_must_be_rehearsed() {
    let must = |sql: &str| {
        let script = script(sql, "");
        let findings = lint(&script, Direction::Upgrade, 15).unwrap();
        must_rehearse(&script, Direction::Upgrade, &findings)
    };
    for sql in [
        "DROP TABLE t",
        "UPDATE t SET a = 1",
        "DO $$ BEGIN END $$",
        "CREATE INDEX CONCURRENTLY i ON t (a)",
        "ALTER TABLE t BANANA",
    ] {
        assert!(must(sql), "{sql}");
    }
    for sql in [
        "CREATE TABLE t (a int)",
        "CREATE INDEX i ON t (a)",
        "DROP MATERIALIZED VIEW v",
        "",
    ] {
        assert!(!must(sql), "{sql}");
    }
    // Findings of the other section do not count.
    let script = script("CREATE TABLE t (a int)", "DROP TABLE t");
    let findings = lint(&script, Direction::Downgrade, 15).unwrap();
    assert!(!must_rehearse(&script, Direction::Upgrade, &findings));
    assert!(must_rehearse(&script, Direction::Downgrade, &findings));
}

#[test]
fn names_in_json_are_those_in_messages() {
    let finding = &findings("UPDATE t SET a = 1")[0];
    let json = serde_json::to_value(finding).unwrap();
    assert_eq!(json["category"], finding.category.name());
    assert_eq!(json["severity"], finding.severity.name());
    assert_eq!(serde_json::from_value::<Finding>(json).unwrap(), *finding);
}

#[test]
fn a_script_that_cannot_run_is_an_error_with_its_line() {
    let script = script("SELECT 1;\nCOMMIT", "");
    let error = lint(&script, Direction::Upgrade, 15).unwrap_err();
    assert_eq!(error.line, script.upgrade_line + 1);
}

const SOUP: &str = "(alter|table|drop|column|t|\"Q\"|,|\\(|\\)|;|delete|from|update|set|where|type|varchar|10|'x'|create|index|on|select|f|\\.|cascade|only|using|with|as|vacuum|full|--c\n|/\\*c\\*/|-|case|when|end|default|constraint|check|not|valid|in|lock| |\n){0,40}";

proptest! {
    #[test]
    fn no_text_makes_the_review_panic(words in proptest::collection::vec(SOUP, 0..4)) {
        let sql = words.join(" ");
        if let Ok(script) = readable(&sql, "") {
            for finding in lint(&script, Direction::Upgrade, 15).unwrap_or_default() {
                prop_assert!(!finding.message.is_empty() && !finding.safe_way.is_empty());
                prop_assert!(finding.line >= script.upgrade_line.min(script.downgrade_line));
            }
        }
    }
}
