//! What is one statement, what is refused, and where.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
use proptest::prelude::*;

use super::*;

fn texts(sql: &str) -> Vec<String> {
    statements(sql)
        .unwrap()
        .into_iter()
        .map(|statement| statement.sql)
        .collect()
}

fn class_of(sql: &str) -> Class {
    let found = statements(sql).unwrap();
    assert_eq!(found.len(), 1, "{sql}");
    found[0].class
}

#[test]
fn a_semicolon_inside_quotes_and_comments_ends_nothing() {
    for sql in [
        "SELECT ';'",
        "SELECT 'it''s;'",
        r"SELECT E'\';'",
        "SELECT E'a'\n'\\';'",
        "SELECT U&'\\003b;'",
        r"SELECT '\', ';'",
        r#"SELECT ";", U&"d;""#,
        "SELECT $$;$$, $a$ ; $b$ ; $$ $a$",
        "SELECT a$b$c, 1",
        "SELECT 1 /* ; /* ; */ ; */ + 2",
        "SELECT 1 -- ;\n + 2",
        "DO $do$ BEGIN PERFORM 1; COMMIT; END $do$",
    ] {
        assert_eq!(
            texts(&format!("{sql};\nSELECT 2")),
            [sql, "SELECT 2"],
            "{sql}"
        );
    }
}

#[test]
fn the_body_of_an_sql_standard_function_is_one_statement() {
    let function = "CREATE OR REPLACE FUNCTION f(a int) RETURNS int LANGUAGE sql\nBEGIN ATOMIC\n  SELECT CASE WHEN a > 1 \
        THEN CASE a WHEN 2 THEN 2 END ELSE 1 END;\n  SELECT t.end AS case, (SELECT 1) AS end FROM t;\n  SELECT 1;\nEND";
    assert_eq!(
        texts(&format!("{function};\nSELECT 1;")),
        [function, "SELECT 1"]
    );
    let procedure = "create procedure p() begin atomic; end";
    assert_eq!(
        texts(&format!("{procedure}; select 1")),
        [procedure, "select 1"]
    );
}

#[test]
fn the_actions_of_a_rule_are_one_statement() {
    let rule = "CREATE RULE r AS ON INSERT TO t DO ALSO (INSERT INTO a VALUES (1); DELETE FROM b)";
    assert_eq!(texts(&format!("{rule}; SELECT 1")), [rule, "SELECT 1"]);
}

#[test]
fn empty_statements_and_comments_are_left_out_and_the_last_semicolon_may_be_missing() {
    assert_eq!(statements("").unwrap(), []);
    assert_eq!(statements(" ;; -- nothing\n ; /* at all */").unwrap(), []);
    assert_eq!(
        texts("-- why\nSELECT 1 -- because\n;/* x */ SELECT 2 -- end"),
        ["SELECT 1", "SELECT 2"]
    );
}

#[test]
fn lines_are_those_on_which_statements_begin() {
    let found = statements("\n-- x\nSELECT 1;\r\n\r\nSELECT\n2; SELECT 3").unwrap();
    let lines: Vec<usize> = found.iter().map(|statement| statement.line).collect();
    assert_eq!(lines, [3, 5, 6]);
}

#[test]
fn what_only_psql_understands_is_refused_with_its_line() {
    assert_eq!(
        statements("SELECT 1;\n\\d orders\n"),
        Err(StatementError {
            line: 2,
            problem: StatementProblem::PsqlCommand("\\d".to_owned())
        })
    );
    assert_eq!(statements("SELECT 1 \\gexec").unwrap_err().line, 1);
    for copy in [
        "COPY t (a, b) FROM STDIN WITH (FORMAT csv);\n1,it's\n\\.\n",
        "copy t from\n stdin;\n",
        "COPY (SELECT * FROM stdin) TO STDOUT",
    ] {
        assert_eq!(
            statements(&format!("SELECT 1;\n{copy}")),
            Err(StatementError {
                line: 2,
                problem: StatementProblem::CopyThroughClient
            }),
            "{copy}"
        );
    }
    assert_eq!(texts("COPY (SELECT * FROM stdin) TO '/tmp/x'").len(), 1);
    assert_eq!(texts("SELECT * FROM stdin").len(), 1);
}

#[test]
fn whatever_is_never_closed_is_an_error_with_the_line_where_it_begins() {
    for (sql, construct) in [
        ("'a;", "string"),
        ("E'a\\';", "string"),
        ("\"a;", "quoted identifier"),
        ("$x$ a; $y$", "dollar-quoted string"),
        ("/* /* */ ;", "comment"),
        ("(a; b", "parenthesis"),
    ] {
        assert_eq!(
            statements(&format!("SELECT 1;\nSELECT {sql}")),
            Err(StatementError {
                line: 2,
                problem: StatementProblem::Unterminated(construct)
            }),
            "{sql}"
        );
    }
    assert_eq!(
        statements(
            "CREATE FUNCTION f() RETURNS int\nBEGIN ATOMIC\n SELECT (1); SELECT CASE WHEN true THEN 1 END;"
        ),
        Err(StatementError {
            line: 2,
            problem: StatementProblem::Unterminated("BEGIN ATOMIC body")
        })
    );
}

#[test]
fn transaction_control_is_recognised_and_refused_but_savepoints_are_not() {
    for sql in [
        "BEGIN",
        "begin work",
        "START TRANSACTION READ ONLY",
        "COMMIT AND CHAIN",
        "END",
        "ROLLBACK",
        "abort",
        "PREPARE TRANSACTION 'x'",
        "COMMIT PREPARED 'x'",
        "ROLLBACK WORK",
    ] {
        assert_eq!(class_of(sql), Class::TransactionControl, "{sql}");
        let error = check_class(&statements(&format!(";\n{sql}")).unwrap(), false).unwrap_err();
        assert_eq!(error.reason(), "TRANSACTION_CONTROL");
        assert_eq!(error.line, 2);
    }
    for sql in [
        "SAVEPOINT a",
        "ROLLBACK TO a",
        "ROLLBACK WORK TO SAVEPOINT a",
        "RELEASE a",
        "PREPARE p AS SELECT 1",
    ] {
        assert_eq!(class_of(sql), Class::Ordinary, "{sql}");
    }
}

#[test]
fn statements_that_no_transaction_takes_are_refused_in_transactional_scripts_only() {
    for sql in [
        "CREATE INDEX CONCURRENTLY i ON t (a)",
        "create unique index concurrently if not exists i on t (a)",
        "DROP INDEX CONCURRENTLY i",
        "REINDEX (VERBOSE, CONCURRENTLY) TABLE t",
        "REINDEX DATABASE",
        "VACUUM (FULL) t",
        "ALTER TABLE IF EXISTS ONLY a.b.c DETACH PARTITION d.e.f CONCURRENTLY",
        "ALTER SYSTEM SET x = 1",
        "CREATE DATABASE d",
    ] {
        assert_eq!(class_of(sql), Class::OutsideTransaction, "{sql}");
        let found = statements(sql).unwrap();
        assert_eq!(
            check_class(&found, true).unwrap_err().reason(),
            "NOT_IN_TRANSACTION"
        );
        assert_eq!(check_class(&found, false), Ok(()));
    }
    for sql in [
        "CREATE INDEX i ON t (a)",
        "REFRESH MATERIALIZED VIEW CONCURRENTLY v",
        "REINDEX TABLE t",
        "CLUSTER t USING i",
        "ALTER TYPE e ADD VALUE 'x'",
    ] {
        assert_eq!(class_of(sql), Class::Ordinary, "{sql}");
    }
}

proptest! {
    #[test]
    fn a_statement_by_itself_is_that_one_statement(
        sql in "(SELECT|CASE|END|BEGIN ATOMIC|CREATE FUNCTION f\\(\\)|'|E'|\\\\'|\"|\\$\\$|\\$a\\$|--|/\\*|\\*/|;|\\(|\\)|,|\r?\n| ){0,25}",
    ) {
        for statement in statements(&sql).unwrap_or_default() {
            let line = sql.split('\n').nth(statement.line - 1).unwrap();
            let first = statement.sql.split('\n').next().unwrap();
            prop_assert!(line.contains(first));
            let alone = Statement { line: 1, ..statement };
            prop_assert_eq!(statements(&alone.sql), Ok(vec![alone]));
        }
    }
}
