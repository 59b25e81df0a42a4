//! What text and rehearsal say together.
#![allow(clippy::unwrap_used)]

use std::{collections::BTreeMap, time::Duration};

use chrono::Utc;

use super::*;
use crate::model::review::lint;
use crate::model::{rehearsal::RelationLock, schema::PropertyChange};

fn script(upgrade: &str) -> Script {
    let text = format!(
        "-- revision: abcd\n-- down_revision: base\n-- message: m\n-- created: 2026-11-23T00:00:00Z\n-- upgrade\n{upgrade}\n-- downgrade\n-- none\n"
    );
    Script::parse("202611230000_abcd_m.sql", &text).unwrap()
}

fn statement() -> RehearsedStatement {
    RehearsedStatement {
        line: 6,
        statement: "a statement".to_owned(),
        duration: Duration::ZERO,
        locks: Vec::new(),
        rewritten: Vec::new(),
        scanned: Vec::new(),
        changes: Vec::new(),
    }
}

fn rehearsal(script: &Script) -> Rehearsal {
    Rehearsal {
        revision: script.revision.clone(),
        direction: Direction::Upgrade,
        sha256: script.sha256.clone(),
        fingerprint_before: String::new(),
        fingerprint_after: String::new(),
        rehearse_time: Utc::now(),
        statements: Vec::new(),
        way_back: None,
    }
}

fn join(script: &Script, statement: RehearsedStatement, way_back: Option<WayBack>) -> Vec<Finding> {
    let rehearsal = Rehearsal {
        statements: vec![statement],
        way_back,
        ..rehearsal(script)
    };
    joined(
        lint(script, Direction::Upgrade, 15).unwrap(),
        &rehearsal,
        script,
    )
}

fn dropped(kind: ObjectKind, identity: &str) -> Difference {
    Difference {
        key: ObjectKey {
            kind,
            identity: identity.to_owned(),
        },
        change: Change::Dropped,
        with: BTreeMap::new(),
    }
}

fn names(findings: &[Finding], severity: Severity) -> Vec<String> {
    let of = findings
        .iter()
        .filter(|finding| finding.severity == severity);
    of.map(Finding::name).collect()
}

#[test]
fn what_text_and_rehearsal_both_say_is_said_once_by_the_texts_name() {
    let script = script("ALTER TABLE orders DROP COLUMN total;");
    let change = dropped(ObjectKind::Column, "public.orders.total");
    let findings = join(
        &script,
        RehearsedStatement {
            changes: vec![change],
            ..statement()
        },
        None,
    );
    assert_eq!(
        names(&findings, Severity::Error),
        ["drop-column:orders.total"]
    );
    let drop = findings.iter().find(|found| found.rule == "drop-column");
    assert!(drop.unwrap().rehearsed);
}

#[test]
fn what_only_the_rehearsal_saw_is_added() {
    let script = script("DO $$ BEGIN EXECUTE 'x'; END $$;");
    let findings = join(
        &script,
        RehearsedStatement {
            changes: vec![dropped(ObjectKind::Table, "public.orders")],
            ..statement()
        },
        None,
    );
    assert_eq!(
        names(&findings, Severity::Error),
        ["drop-table:public.orders"]
    );
}

#[test]
fn a_rewrite_that_was_feared_and_not_seen_is_left_out() {
    let script = script("ALTER TABLE orders ALTER id TYPE bigint;");
    let rewrites = |findings: &[Finding]| {
        let rewrites = findings
            .iter()
            .filter(|found| found.category == Category::Rewrite);
        rewrites.map(|found| found.rehearsed).collect::<Vec<bool>>()
    };
    assert_eq!(rewrites(&join(&script, statement(), None)), [false; 0]);
    let seen = RehearsedStatement {
        rewritten: vec!["public.orders".to_owned()],
        ..statement()
    };
    assert!(
        rewrites(&join(&script, seen, None))
            .iter()
            .all(|rehearsed| *rehearsed)
    );
}

#[test]
fn a_lock_weighs_more_while_rows_are_gone_over() {
    let script = script("SELECT pg_catalog.now();");
    let lock = RelationLock {
        relation: "public.orders".to_owned(),
        mode: "AccessExclusiveLock".to_owned(),
    };
    let short = RehearsedStatement {
        locks: vec![lock],
        ..statement()
    };
    let long = RehearsedStatement {
        scanned: vec!["public.orders".to_owned()],
        ..short.clone()
    };
    let name = "blocks-reads:public.orders";
    assert_eq!(names(&join(&script, short, None), Severity::Note), [name]);
    assert_eq!(names(&join(&script, long, None), Severity::Warning), [name]);
}

#[test]
fn a_way_back_that_fails_or_leaves_something_is_told() {
    let script = script("SELECT pg_catalog.now();");
    let left = WayBack::Ran(vec![dropped(ObjectKind::Index, "public.i")]);
    for (way_back, rule) in [
        (WayBack::Failed("no".to_owned()), "downgrade-fails"),
        (left, "downgrade-differs"),
    ] {
        let findings = join(&script, statement(), Some(way_back));
        assert_eq!(names(&findings, Severity::Warning), [rule]);
    }
    let findings = join(&script, statement(), Some(WayBack::Ran(Vec::new())));
    assert_eq!(names(&findings, Severity::Warning), [""; 0]);
}

#[test]
fn a_rename_and_the_loss_of_what_the_script_made_destroy_nothing() {
    let script = script("SELECT pg_catalog.now();");
    let key = |kind, identity: &str| ObjectKey {
        kind,
        identity: identity.to_owned(),
    };
    let difference = |key, change| Difference {
        key,
        change,
        with: BTreeMap::new(),
    };
    let named = |kind, from: &str, to: &str| {
        let name = PropertyChange {
            name: "name".to_owned(),
            before: Some(from.into()),
            after: Some(to.into()),
        };
        difference(key(kind, from), Change::Changed(vec![name]))
    };
    let statements = [
        difference(key(ObjectKind::Table, "public.new"), Change::Added),
        named(ObjectKind::Table, "public.new", "public.newer"),
        dropped(ObjectKind::Column, "public.newer.a"),
        dropped(ObjectKind::Table, "public.newer"),
        named(ObjectKind::Table, "public.old", "public.older"),
    ];
    let statements = statements.map(|change| RehearsedStatement {
        changes: vec![change],
        ..statement()
    });
    let rehearsal = Rehearsal {
        statements: statements.into(),
        ..rehearsal(&script)
    };
    let findings = joined(Vec::new(), &rehearsal, &script);
    assert_eq!(names(&findings, Severity::Error), [""; 0]);
}

#[test]
fn a_name_means_an_object_with_or_without_its_schema() {
    assert!(is_named("public.orders", Some("orders")));
    assert!(is_named("public.orders", Some("public.orders")));
    assert!(is_named("public.\"Orders\"", Some("Orders")));
    assert!(!is_named("public.old_orders", Some("orders")));
    assert!(!is_named("public.orders", None));
}
