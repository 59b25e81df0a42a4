//! Our own rules, each with what it finds and what it leaves alone.

use super::{check, findings, short};

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
