//! Scripts read, refused with file and line, and written so that they read the same.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use chrono::TimeZone as _;
use proptest::prelude::*;

use super::*;

const NAME: &str = "202611230200_3f2a9c1d4e5b_add_orders.sql";
const HEADER: &str = "\
-- revision: 3f2a9c1d4e5b
-- down_revision: 1a2b3c4d5e6f
-- message: add orders
-- created: 2026-11-23T02:00:00Z
";

fn parse(text: &str) -> Result<Script, ScriptError> {
    Script::parse(NAME, text)
}

fn draft() -> Draft {
    Draft {
        revision: "3f2a9c1d4e5b".to_owned(),
        down_revisions: vec!["1a2b3c4d5e6f".to_owned()],
        branch_labels: Vec::new(),
        depends_on: Vec::new(),
        message: "add orders".to_owned(),
        created: Utc.with_ymd_and_hms(2026, 11, 23, 2, 0, 0).unwrap(),
        transactional: true,
        upgrade_sql: "CREATE TABLE orders ();".to_owned(),
        downgrade_sql: "DROP TABLE orders;".to_owned(),
    }
}

#[test]
fn every_part_of_a_full_script_is_read() {
    let text = "\
-- revision: 3f2a9c1d4e5b
-- down_revision: 1a2b3c4d5e6f, 00aa
-- branch_label: billing, my-branch
-- depends_on: 0011aabbccdd,reports
-- message: add orders: the first part
-- created: 2026-11-23T03:00:00+01:00
-- transactional: false

-- upgrade

CREATE TABLE orders ();
  CREATE INDEX i ON orders ();

-- downgrade
DROP TABLE orders;
";
    let script = parse(text).unwrap();
    assert_eq!(script.revision, "3f2a9c1d4e5b");
    assert_eq!(script.down_revisions, ["1a2b3c4d5e6f", "00aa"]);
    assert_eq!(script.branch_labels, ["billing", "my-branch"]);
    assert_eq!(script.depends_on, ["0011aabbccdd", "reports"]);
    assert_eq!(script.message, "add orders: the first part");
    assert_eq!(script.created, draft().created);
    assert!(!script.transactional);
    assert_eq!(
        script.upgrade_sql,
        "CREATE TABLE orders ();\n  CREATE INDEX i ON orders ();"
    );
    assert_eq!((script.upgrade_line, script.downgrade_line), (11, 15));
    assert_eq!(script.downgrade_sql, "DROP TABLE orders;");
    assert_eq!(script.file_name, NAME);
}

#[test]
fn the_checksum_is_that_of_the_raw_text() {
    // printf 'abc' | sha256sum
    assert_eq!(
        sha256("abc"),
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    );
    let text = format!("\u{feff}{HEADER}\n-- upgrade\nSELECT 1;\n");
    assert_eq!(parse(&text).unwrap().sha256, sha256(&text));
}

#[test]
fn a_byte_order_mark_and_windows_line_ends_are_tolerated() {
    let unix = format!("{HEADER}\n-- upgrade\nSELECT 1;\n\n-- downgrade  \nSELECT 2;\n");
    let windows = format!("\u{feff}{}", unix.replace('\n', "\r\n"));
    let (unix, windows) = (parse(&unix).unwrap(), parse(&windows).unwrap());
    assert_ne!(unix.sha256, windows.sha256);
    let (sha256, text) = (unix.sha256.clone(), unix.text.clone());
    assert_eq!(
        Script {
            sha256,
            text,
            ..windows
        },
        unix
    );
}

#[test]
fn a_script_may_have_no_downgrade_and_a_base_has_no_parents() {
    let text = format!("{}\n-- upgrade\n", HEADER.replace("1a2b3c4d5e6f", "base"));
    let script = parse(&text).unwrap();
    assert!(script.down_revisions.is_empty());
    assert!(script.transactional);
    assert_eq!(
        (script.upgrade_sql.as_str(), script.downgrade_sql.as_str()),
        ("", "")
    );
}

#[test]
fn a_marker_inside_a_quote_or_a_comment_does_not_split_the_script() {
    for sql in [
        "CREATE FUNCTION f() RETURNS text LANGUAGE sql AS $$\n-- downgrade\n-- upgrade\nSELECT 'x' $$;",
        "/* old:\n-- downgrade\n*/ SELECT 1;",
        "SELECT '\n-- downgrade\n';",
        "SELECT 1; -- downgrade",
        "  -- downgrade\nSELECT 1;",
        "-- downgrade of x\nSELECT 1;",
    ] {
        let text = format!("{HEADER}-- upgrade\n{sql}\n-- downgrade\nSELECT 2;");
        let script = parse(&text).unwrap();
        assert_eq!(
            (script.upgrade_sql.as_str(), script.downgrade_sql.as_str()),
            (sql, "SELECT 2;")
        );
    }
}

#[test]
fn whatever_is_wrong_is_reported_with_file_and_line() {
    use ScriptProblem as Problem;
    let body = "-- upgrade\nSELECT 1;\n";
    let with = |old: &str, new: &str| HEADER.replace(old, new) + body;
    let character = |key, name: &str, character| Problem::Identifier {
        key,
        error: IdentifierError::Character {
            name: name.to_owned(),
            character,
        },
    };
    let cases: Vec<(String, usize, Problem)> = vec![
        (
            with("-- message: add orders\n", ""),
            3,
            Problem::MissingKey("message"),
        ),
        (
            with("-- down_revision: 1a2b3c4d5e6f\n", ""),
            3,
            Problem::MissingKey("down_revision"),
        ),
        (
            with("message", "massage"),
            3,
            Problem::UnknownKey("massage".to_owned()),
        ),
        (
            with("-- message", "-- revision: x\n-- message"),
            3,
            Problem::DuplicateKey("revision"),
        ),
        (
            with("-- message", "\nSELECT 1;\n-- message"),
            4,
            Problem::NotAHeader,
        ),
        (
            with("-- message", "-- note\n-- message"),
            3,
            Problem::NotAHeader,
        ),
        (
            with("1a2b3c4d5e6f", "1a-b"),
            2,
            character("down_revision", "1a-b", '-'),
        ),
        (
            with("1a2b3c4d5e6f", "base, aa"),
            2,
            Problem::Identifier {
                key: "down_revision",
                error: IdentifierError::Reserved("base".to_owned()),
            },
        ),
        (
            with("1a2b3c4d5e6f", "aa,"),
            2,
            Problem::Identifier {
                key: "down_revision",
                error: IdentifierError::Empty,
            },
        ),
        (
            with("1a2b3c4d5e6f", "aa, aa"),
            2,
            Problem::DuplicateName {
                key: "down_revision",
                name: "aa".to_owned(),
            },
        ),
        (
            with("revision: 3f2a9c1d4e5b", "revision: 3f2a"),
            1,
            Problem::FileNameDisagrees("3f2a".to_owned()),
        ),
        (
            with("revision: 3f2a9c1d4e5b", "revision: a b"),
            1,
            character("revision", "a b", ' '),
        ),
        (
            with("2026-11-23T02:00:00Z", "yesterday"),
            4,
            Problem::Time("yesterday".to_owned()),
        ),
        (
            HEADER.to_owned() + "-- transactional: no\n" + body,
            5,
            Problem::Bool("no".to_owned()),
        ),
        (HEADER.to_owned(), 4, Problem::MissingUpgrade),
        (
            HEADER.to_owned() + body + body,
            7,
            Problem::DuplicateSection("-- upgrade"),
        ),
        (
            HEADER.to_owned() + "-- downgrade\n" + body,
            5,
            Problem::SectionOrder,
        ),
        (
            HEADER.to_owned() + "-- downgrade\n",
            5,
            Problem::MissingUpgrade,
        ),
        (
            HEADER.to_owned() + body + "SELECT $$a;\n",
            7,
            Problem::Statement(StatementProblem::Unterminated("dollar-quoted string")),
        ),
    ];
    for (text, line, problem) in cases {
        let error = parse(&text).unwrap_err();
        assert_eq!((error.line, &error.problem), (line, &problem), "{text}");
        assert_eq!(error.file, NAME);
        assert!(error.to_string().contains(NAME));
    }
}

#[test]
fn a_section_that_cannot_be_run_is_refused_with_the_line_in_the_file() {
    let text =
        format!("{HEADER}\n-- upgrade\n\nSELECT 1;\nCOMMIT;\n-- downgrade\nSELECT 2; VACUUM;\n");
    let script = parse(&text).unwrap();
    let error = script.statements(Direction::Upgrade).unwrap_err();
    assert_eq!((error.line, error.reason()), (9, "TRANSACTION_CONTROL"));
    assert!(text.lines().nth(8).unwrap().contains("COMMIT"));
    let error = script.statements(Direction::Downgrade).unwrap_err();
    assert_eq!((error.line, error.reason()), (11, "NOT_IN_TRANSACTION"));
    let script = Script {
        transactional: false,
        ..script
    };
    let found = script.statements(Direction::Downgrade).unwrap();
    assert_eq!(found[1].sql, "VACUUM");
}

#[test]
fn data_of_a_copy_are_refused_as_such_whatever_quotes_they_hold() {
    let text = format!("{HEADER}-- upgrade\nCOPY t FROM stdin;\n1\tit's\n\\.\n");
    let error = parse(&text).unwrap_err();
    assert_eq!((error.line, error.reason()), (6, "COPY_THROUGH_CLIENT"));
}

#[test]
fn a_file_name_must_have_its_form_and_carry_the_headers_revision() {
    let text = format!("{}-- upgrade\n", HEADER.replace("3f2a9c1d4e5b", "a_b"));
    for good in [
        "202611230200_a_b.sql",
        "202611230200_a_b_.sql",
        "202611230200_a_b_add_orders.sql",
    ] {
        assert!(Script::parse(good, &text).is_ok(), "{good}");
    }
    for bad in [
        "a_b.sql",
        "202611230200_a_b",
        "2026_a_b.sql",
        "202611230200_a.sql",
        "202611230200_a_bc.sql",
        "",
    ] {
        assert!(Script::parse(bad, &text).is_err(), "{bad}");
    }
}

#[test]
fn a_new_script_gets_its_file_name_from_time_id_and_message() {
    let script = Script::draft(draft()).unwrap();
    assert_eq!(script.file_name, NAME);
    let silent = Draft {
        message: "?!".to_owned(),
        ..draft()
    };
    assert_eq!(
        Script::draft(silent).unwrap().file_name,
        "202611230200_3f2a9c1d4e5b.sql"
    );
}

#[test]
fn a_message_or_name_cannot_write_header_lines_of_its_own() {
    let message = "add\n-- transactional: false\r\norders".to_owned();
    let script = Script::draft(Draft { message, ..draft() }).unwrap();
    assert!(script.transactional);
    assert_eq!(script.message, "add -- transactional: false orders");
    for name in ["x\n-- transactional: false", "x, y", ""] {
        let branch_labels = vec![name.to_owned()];
        assert!(
            Script::draft(Draft {
                branch_labels,
                ..draft()
            })
            .is_err(),
            "{name:?}"
        );
    }
}

#[test]
fn sql_that_would_begin_another_section_is_refused_in_a_new_script() {
    for sql in [
        "SELECT 1;\n-- downgrade\nSELECT 2;",
        "-- upgrade",
        "/* open",
    ] {
        let upgrade_sql = sql.to_owned();
        assert!(
            Script::draft(Draft {
                upgrade_sql,
                ..draft()
            })
            .is_err(),
            "{sql:?}"
        );
    }
}

fn names() -> impl Strategy<Value = Vec<String>> {
    proptest::collection::btree_set("[a-z0-9_]{4,12}", 0..3).prop_map(Vec::from_iter)
}

prop_compose! {
    fn drafts()(
        revision in "[0-9a-f]{12}",
        down_revisions in names(),
        branch_labels in names(),
        depends_on in names(),
        message in "\\PC{0,60}",
        seconds in 0_i64..4_000_000_000,
        nanoseconds in prop_oneof![Just(0_u32), 0_u32..1_000_000_000],
        transactional: bool,
        upgrade_sql in "(\n|[ ]{0,3}SELECT '[^']{0,12}'; -- [a-z]{0,9}\r?\n){0,4}",
        downgrade_sql in "(\n|DO \\$\\$[^$]{0,20}\\$\\$;\n){0,3}",
    ) -> Draft {
        let created = DateTime::from_timestamp(seconds, nanoseconds).unwrap();
        Draft { revision, down_revisions, branch_labels, depends_on, message, created, transactional,
            upgrade_sql, downgrade_sql }
    }
}

proptest! {
    #[test]
    fn a_rendered_script_reads_as_the_same_script(draft in drafts()) {
        let script = Script::draft(draft.clone()).unwrap();
        prop_assert_eq!(&script.revision, &draft.revision);
        prop_assert_eq!(&script.down_revisions, &draft.down_revisions);
        prop_assert_eq!(&script.branch_labels, &draft.branch_labels);
        prop_assert_eq!(&script.depends_on, &draft.depends_on);
        prop_assert_eq!(script.created, draft.created);
        prop_assert_eq!(script.transactional, draft.transactional);
        prop_assert_eq!(script.upgrade_sql.trim(), draft.upgrade_sql.trim());
        prop_assert_eq!(script.downgrade_sql.trim(), draft.downgrade_sql.trim());
        prop_assert_eq!(Script::parse(&script.file_name, &script.render()).unwrap(), script);
    }

    #[test]
    fn no_text_makes_the_parser_fail_otherwise_than_by_an_error(text in "(-- (upgrade|downgrade|revision: a|message: b)\n|\\PC|\n|'|\\$\\$){0,30}") {
        let _ = parse(&text);
    }
}
