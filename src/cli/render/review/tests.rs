//! Reviews as they are read.

use prost_types::{Duration, Timestamp};

use super::*;
use crate::{cli::page::rendered, proto::RelationLock};

fn finding(severity: FindingSeverity, name: &str) -> Finding {
    Finding {
        name: name.to_owned(),
        severity: severity.into(),
        direction: Direction::Upgrade.into(),
        line: 9,
        category: "data_loss".to_owned(),
        statement: "ALTER TABLE orders DROP COLUMN total;".to_owned(),
        message: "its values are gone".to_owned(),
        ..Finding::default()
    }
}

fn reviewed() -> RevisionReview {
    RevisionReview {
        revision: "a1".to_owned(),
        sha256: "ab12".to_owned(),
        findings: vec![
            finding(FindingSeverity::Note, "unparsed"),
            Finding {
                object: "orders.total".to_owned(),
                table_bytes: 1536,
                safe_way: "stop reading it first".to_owned(),
                rehearsed: true,
                ..finding(FindingSeverity::Error, "drop-column:orders.total")
            },
        ],
        rehearsal: Some(Rehearsal {
            revision: "a1".to_owned(),
            direction: Direction::Upgrade.into(),
            rehearse_time: Some(Timestamp {
                seconds: 1_795_312_800,
                nanos: 0,
            }),
            statements: vec![RehearsedStatement {
                line: 9,
                statement: "ALTER TABLE orders DROP COLUMN total;".to_owned(),
                duration: Some(Duration {
                    seconds: 0,
                    nanos: 12_000_000,
                }),
                locks: vec![RelationLock {
                    relation: "public.orders".to_owned(),
                    mode: "AccessExclusiveLock".to_owned(),
                }],
                scanned: vec!["public.lines".to_owned()],
                changes: vec!["column public.orders.total was dropped".to_owned()],
                ..RehearsedStatement::default()
            }],
            downgraded: true,
            downgrade_differences: vec!["column public.orders.total was dropped".to_owned()],
            ..Rehearsal::default()
        }),
        ..RevisionReview::default()
    }
}

#[test]
fn a_review_has_the_weightiest_finding_first_then_what_the_rehearsal_saw() {
    let review = Review {
        database: "app".to_owned(),
        revisions: vec![reviewed()],
    };
    assert_eq!(
        rendered(&review),
        "\
revision:  a1
sha256:    ab12

error: drop-column:orders.total
  line 9, upgrade, data loss, table of 1.50 KiB, seen in the rehearsal
  ALTER TABLE orders DROP COLUMN total;
  its values are gone
  instead: stop reading it first
note: unparsed
  line 9, upgrade, data loss
  ALTER TABLE orders DROP COLUMN total;
  its values are gone

rehearsal of the upgrade of a1 at 2026-11-22T02:00:00Z:
LINE  TOOK  WHAT       ON
9     12ms  statement  ALTER TABLE orders DROP COLUMN total;
9     -     lock       AccessExclusiveLock on public.orders
9     -     scan       public.lines
9     -     change     column public.orders.total was dropped
warning: the downgrade of a1 does not give the schema back:
  column public.orders.total was dropped

app: 1 revision reviewed: 1 error, 0 warnings, 1 note
an upgrade must acknowledge: drop-column:orders.total
"
    );
}

#[test]
fn a_harmless_revision_says_that_nothing_was_found() {
    let review = Review {
        database: "app".to_owned(),
        revisions: vec![RevisionReview {
            revision: "a1".to_owned(),
            ..RevisionReview::default()
        }],
    };
    let text = rendered(&review);
    assert!(text.contains("\nno findings\n\nnot rehearsed\n"), "{text}");
    assert!(text.ends_with("0 errors, 0 warnings, 0 notes\n"), "{text}");
}

#[test]
fn a_review_of_nothing_says_so() {
    let review = Review {
        database: "app".to_owned(),
        ..Review::default()
    };
    assert_eq!(rendered(&review), "app: nothing to review\n");
}

#[test]
fn a_downgrade_that_fails_in_the_rehearsal_is_told_with_its_error() {
    let mut seen = Rehearsal {
        revision: "a1".to_owned(),
        ..Rehearsal::default()
    };
    assert_eq!(lost_way_back(&seen), None);
    seen.downgrade_error = "a1.sql:9: no such table".to_owned();
    assert_eq!(
        lost_way_back(&seen),
        Some("warning: the downgrade of a1 fails: a1.sql:9: no such table".to_owned())
    );
}
