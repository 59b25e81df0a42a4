//! squawk's rules with an example each, and what is kept from its parser.

use std::collections::BTreeSet;

use squawk_linter::Linter;

use super::policy::policy;
use crate::model::review::{Severity, tests::findings};

/// For each rule that is on, statements in which it finds something and one in which it does not.
const EXAMPLES: &[(&str, &str, &str)] = &[
    (
        "require-concurrent-index-creation",
        "CREATE INDEX i ON t (a)",
        "CREATE INDEX CONCURRENTLY i ON t (a)",
    ),
    (
        "require-concurrent-index-deletion",
        "DROP INDEX i",
        "DROP INDEX CONCURRENTLY i",
    ),
    (
        "require-concurrent-reindex",
        "REINDEX TABLE t",
        "REINDEX TABLE CONCURRENTLY t",
    ),
    (
        "require-concurrent-partition-detach",
        "ALTER TABLE t DETACH PARTITION p",
        "ALTER TABLE t DETACH PARTITION p CONCURRENTLY",
    ),
    (
        "constraint-missing-not-valid",
        "ALTER TABLE t ADD CONSTRAINT c CHECK (a > 0)",
        "ALTER TABLE t ADD CONSTRAINT c CHECK (a > 0) NOT VALID",
    ),
    (
        "adding-foreign-key-constraint",
        "ALTER TABLE t ADD CONSTRAINT c FOREIGN KEY (a) REFERENCES u (b)",
        "ALTER TABLE t ADD CONSTRAINT c FOREIGN KEY (a) REFERENCES u (b) NOT VALID",
    ),
    (
        "adding-not-nullable-field",
        "ALTER TABLE t ALTER a SET NOT NULL",
        "ALTER TABLE t ALTER a SET DEFAULT 1",
    ),
    (
        "adding-serial-primary-key-field",
        "ALTER TABLE t ADD PRIMARY KEY (a)",
        "ALTER TABLE t ADD CONSTRAINT c PRIMARY KEY USING INDEX i",
    ),
    (
        "disallowed-unique-constraint",
        "ALTER TABLE t ADD CONSTRAINT c UNIQUE (a)",
        "ALTER TABLE t ADD CONSTRAINT c UNIQUE USING INDEX i",
    ),
    (
        "ban-alter-domain-with-add-constraint",
        "ALTER DOMAIN d ADD CONSTRAINT c CHECK (value > 0)",
        "ALTER DOMAIN d SET DEFAULT 1",
    ),
    (
        "adding-field-with-default",
        "ALTER TABLE t ADD a float DEFAULT random()",
        "ALTER TABLE t ADD a int DEFAULT 1",
    ),
    (
        "adding-required-field",
        "ALTER TABLE t ADD a int NOT NULL",
        "ALTER TABLE t ADD a int NOT NULL DEFAULT 0",
    ),
    (
        "renaming-column",
        "ALTER TABLE t RENAME a TO b",
        "ALTER TABLE t ADD a int",
    ),
    (
        "renaming-table",
        "ALTER TABLE t RENAME TO u",
        "CREATE TABLE u (a int)",
    ),
    (
        "renaming-object",
        "ALTER VIEW v RENAME TO w",
        "ALTER VIEW v OWNER TO x",
    ),
    (
        "ban-set-schema",
        "ALTER TABLE t SET SCHEMA s",
        "ALTER TABLE t OWNER TO s",
    ),
    (
        "ban-drop-not-null",
        "ALTER TABLE t ALTER a DROP NOT NULL",
        "ALTER TABLE t ADD a int",
    ),
    (
        "ban-drop-default",
        "ALTER TABLE t ALTER a DROP DEFAULT",
        "ALTER TABLE t ALTER a SET DEFAULT 1",
    ),
    (
        "ban-drop-constraint",
        "ALTER TABLE t DROP CONSTRAINT c",
        "ALTER TABLE t VALIDATE CONSTRAINT c",
    ),
    (
        "ban-drop-generated-expression",
        "ALTER TABLE t ALTER a DROP EXPRESSION",
        "ALTER TABLE t ADD a int",
    ),
    (
        "ban-alter-identity",
        "ALTER TABLE t ALTER a DROP IDENTITY",
        "ALTER TABLE t ADD a int",
    ),
    (
        "prefer-timestamp-tz",
        "CREATE TABLE t (a timestamp)",
        "CREATE TABLE t (a timestamptz)",
    ),
    (
        "ban-char-field",
        "CREATE TABLE t (a char(3))",
        "CREATE TABLE t (a text)",
    ),
    (
        "ban-create-domain-with-constraint",
        "CREATE DOMAIN d AS int CHECK (value > 0)",
        "CREATE DOMAIN d AS int",
    ),
    (
        "require-enum-value-ordering",
        "ALTER TYPE mood ADD VALUE 'new'",
        "ALTER TYPE mood ADD VALUE 'new' AFTER 'old'",
    ),
    (
        "identifier-too-long",
        "CREATE TABLE a234567890123456789012345678901234567890123456789012345678901234 (a int)",
        "CREATE TABLE a23456789012345678901234567890123456789012345678901234567890123 (a int)",
    ),
];

#[test]
fn each_rule_that_is_on_finds_its_example_and_leaves_the_safe_way_alone() {
    for (rule, dangerous, safe) in EXAMPLES {
        let rules = |sql: &str| -> Vec<String> {
            findings(sql)
                .into_iter()
                .map(|finding| finding.rule)
                .collect()
        };
        assert_eq!(rules(dangerous), [*rule], "{dangerous}");
        assert!(rules(safe).is_empty(), "{safe}: {:?}", rules(safe));
    }
}

#[test]
fn each_rule_of_the_crate_has_an_example_or_is_off() {
    let on: BTreeSet<String> = Linter::with_default_rules()
        .rules
        .into_iter()
        .filter(|rule| policy(*rule).is_some())
        .map(|rule| rule.to_string())
        .collect();
    let shown: BTreeSet<String> = EXAMPLES
        .iter()
        .map(|example| example.0.to_owned())
        .collect();
    assert_eq!(on, shown);
}

#[test]
fn each_rule_says_what_to_do_instead_and_none_weighs_as_much_as_lost_data() {
    for rule in Linter::with_default_rules().rules {
        if let Some(policy) = policy(rule) {
            assert!(!policy.safe_way.is_empty(), "{rule}");
            assert!(policy.severity < Severity::Error, "{rule}");
        }
    }
}

#[test]
fn what_squawk_cannot_read_is_noted_and_hides_nothing_else() {
    let found = findings("CREATE INDEX i ON t (a);\nALTER TABLE t\n  BANANA;\nDROP INDEX j;");
    let rules: Vec<(&str, usize)> = found
        .iter()
        .map(|finding| (finding.rule.as_str(), finding.line - found[0].line))
        .collect();
    assert_eq!(
        rules,
        [
            ("require-concurrent-index-creation", 0),
            ("unparsed", 2),
            ("require-concurrent-index-deletion", 3)
        ]
    );
    assert_eq!(found[1].name(), "unparsed:t");
    assert_eq!(found[1].severity, Severity::Note);
}

#[test]
fn nesting_without_end_is_not_shown_to_the_parser() {
    for (before, after) in [
        ("(", ")"),
        ("not ", ""),
        ("- ", ""),
        ("case when a then ", " end"),
        ("a[", "]"),
    ] {
        let expression = format!("{}1{}", before.repeat(20_000), after.repeat(20_000));
        let found = findings(&format!("ALTER TABLE t ADD CHECK ({expression}) NOT VALID"));
        assert_eq!(found[0].rule, "unparsed", "{before}");
        // What is just not too deep fits into the stack of a thread.
        let expression = format!("{}1{}", before.repeat(230), after.repeat(230));
        findings(&format!("ALTER TABLE t ADD CHECK ({expression}) NOT VALID"));
    }
    let many: Vec<String> = (0..2_000)
        .map(|number| format!("ADD c{number} text"))
        .collect();
    assert!(findings(&format!("ALTER TABLE t {}", many.join(", "))).is_empty());
}

#[test]
fn what_a_view_or_function_holds_is_not_linted() {
    let many = " JOIN t ON true".repeat(200);
    assert!(
        findings(&format!(
            "CREATE OR REPLACE VIEW v AS SELECT 1 FROM t{many}"
        ))
        .is_empty()
    );
}

#[test]
fn a_comment_in_the_script_silences_nothing() {
    let found = findings(
        "-- squawk-ignore-file\n-- squawk-ignore\nCREATE /* squawk-ignore */ INDEX i ON t (a)",
    );
    assert_eq!(found[0].rule, "require-concurrent-index-creation");
}

#[test]
fn validation_in_the_same_transaction_is_found_and_in_its_own_is_not() {
    let sql = "ALTER TABLE t ADD CONSTRAINT c CHECK (a > 0) NOT VALID;\nALTER TABLE t VALIDATE CONSTRAINT c;";
    assert_eq!(findings(sql)[0].rule, "constraint-missing-not-valid");
    // VACUUM makes the script run statement by statement.
    assert!(findings(&format!("{sql}\nVACUUM t")).is_empty());
}

#[test]
fn the_version_of_the_server_counts() {
    let script =
        crate::model::review::tests::script("ALTER TABLE t ADD a int DEFAULT 1", "-- none");
    let found = |major| {
        crate::model::review::lint(&script, crate::model::migration::Direction::Upgrade, major)
            .unwrap_or_default()
            .len()
    };
    assert_eq!((found(10), found(18)), (1, 0));
}
