//! Sections, markers and names of imported revisions.

#![allow(clippy::unwrap_used)]

use chrono::DateTime;

use super::*;

fn rendered(sql: &str) -> Rendered {
    Rendered {
        sql: sql.to_owned(),
        problem: None,
        irreversible: false,
        autocommit: false,
        notes: Vec::new(),
    }
}

fn exported(upgrade: Rendered, downgrade: Rendered) -> Exported {
    Exported {
        revision: "aaaa".to_owned(),
        down_revisions: Vec::new(),
        branch_labels: Vec::new(),
        depends_on: Vec::new(),
        message: "first".to_owned(),
        created: DateTime::UNIX_EPOCH,
        path: "versions/aaaa.py".to_owned(),
        upgrade,
        downgrade,
    }
}

fn imported(upgrade: Rendered, downgrade: Rendered) -> Imported {
    Imported::new(exported(upgrade, downgrade)).unwrap()
}

#[test]
fn a_section_without_statements_is_a_comment_and_an_irreversible_one_is_empty() {
    let no_way_back = Rendered {
        irreversible: true,
        ..rendered("")
    };
    let imported = imported(rendered(""), no_way_back);
    assert_eq!(imported.script.upgrade_sql, NOTHING);
    assert_eq!(imported.script.downgrade_sql, "");
    assert_eq!(imported.upgrade, Outcome::Nothing);
    assert_eq!(imported.downgrade, Outcome::Irreversible);
    assert_eq!(imported.marker(), None);
}

#[test]
fn what_the_daemon_would_refuse_is_left_to_a_person_with_the_reason() {
    for (sql, reason) in [
        (
            "COMMIT;",
            "`COMMIT` begins or ends a transaction, which is the runner's part",
        ),
        (
            "COPY t FROM STDIN;",
            "COPY through the client cannot be part of a revision",
        ),
        ("SELECT 'a;", "a string is not closed"),
        ("\\d t", "`\\d` is a command of psql, not SQL"),
        (
            "SELECT 1;\n-- downgrade\nSELECT 2;",
            "the section `-- downgrade` begins a second time",
        ),
    ] {
        let imported = imported(rendered(sql), rendered("SELECT 2;"));
        assert_eq!(imported.upgrade, Outcome::ByHand, "{sql}");
        assert_eq!(imported.downgrade, Outcome::Imported, "{sql}");
        assert_eq!(imported.unfinished[0].reason, reason);
        let (name, text) = imported.marker().unwrap();
        assert_eq!(name, format!("{}.todo", imported.script.file_name));
        for part in ["versions/aaaa.py", "upgrade: ", reason, sql] {
            assert!(text.contains(part), "{text}");
        }
        assert_eq!(
            imported
                .script
                .statements(Direction::Upgrade)
                .unwrap()
                .len(),
            1
        );
    }
}

#[test]
fn a_reason_cannot_break_out_of_the_section_that_tells_it() {
    let failed = Rendered {
        problem: Some("it's $$; 100%\n-- downgrade".to_owned()),
        ..rendered("")
    };
    let script = imported(failed, rendered("SELECT 2;")).script;
    assert_eq!(script.statements(Direction::Upgrade).unwrap().len(), 1);
    let message = "'upgrade of revision aaaa was not imported: it''s ; 100% -- downgrade'";
    assert!(
        script.upgrade_sql.contains(message),
        "{}",
        script.upgrade_sql
    );
}

#[test]
fn what_cannot_be_in_a_transaction_makes_the_revision_one_without() {
    let concurrently = imported(
        rendered("CREATE INDEX CONCURRENTLY i ON t (a);"),
        rendered("DROP INDEX i;"),
    );
    assert!(!concurrently.script.transactional);
    assert_eq!(concurrently.upgrade, Outcome::Imported);
    assert!(concurrently.notes[0].starts_with("not transactional: "));
    let block = Rendered {
        autocommit: true,
        ..rendered("ALTER TYPE mood ADD VALUE 'fine';")
    };
    assert!(!imported(rendered("SELECT 1;"), block).script.transactional);
    assert!(
        imported(rendered("SELECT 1;"), rendered(""))
            .script
            .transactional
    );
}

#[test]
fn a_name_that_pgsteward_cannot_have_is_an_error_with_its_file() {
    for id in ["a@b", "a-b", "a+b", "a:b", &"a".repeat(33)] {
        let exported = Exported {
            revision: id.to_owned(),
            ..exported(rendered(""), rendered(""))
        };
        let error = Imported::new(exported).unwrap_err();
        let message = error.to_string();
        assert!(
            message.contains(id) && message.contains("versions/aaaa.py"),
            "{message}"
        );
        assert_eq!(error.reason(), "INVALID_REVISION");
    }
}
