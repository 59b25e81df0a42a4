//! The review of whole scripts: lines, names, what must be rehearsed, and that no text brings it down.
#![allow(clippy::unwrap_used)]

use chrono::DateTime;
use proptest::prelude::*;

use super::*;
use crate::model::revision::Draft;

mod rules;

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
