//! That layout never changes the checksum, and that all else does.
#![allow(clippy::unwrap_used)]

use chrono::DateTime;
use proptest::{collection::vec, prelude::*, sample::select};

use super::*;
use crate::model::revision::Draft;

/// Tokens that may stand side by side in any order, each with white space around it.
const TOKENS: &[&str] = &[
    "SELECT",
    "select",
    "a",
    "\"A b\"",
    "'it''s -- no comment'",
    "'/* x */'",
    "E'\\''",
    "$$ a\n\n b $$",
    "1",
    "1.5",
    ",",
    ".",
    "(",
    ")",
    "+",
    "<",
    "<=",
    "->>",
    "@-",
    "::",
    "CREATE",
    "12",
    "$f$;$f$",
];

const GAPS: &[&str] = &[
    " ",
    "\n",
    "\r\n",
    "\t ",
    " -- note's\n",
    " /* it's /* nested */ */ ",
    "\n\n  ",
];

fn draft(upgrade: &str, downgrade: &str) -> Draft {
    Draft {
        revision: "abc".to_owned(),
        down_revisions: vec!["aaa".to_owned()],
        branch_labels: Vec::new(),
        depends_on: vec!["bbb".to_owned()],
        message: "try".to_owned(),
        created: DateTime::UNIX_EPOCH,
        transactional: true,
        upgrade_sql: upgrade.to_owned(),
        downgrade_sql: downgrade.to_owned(),
    }
}

fn checksum(upgrade: &str, downgrade: &str) -> String {
    Script::draft(draft(upgrade, downgrade))
        .unwrap()
        .normalized_sha256()
}

fn joined(tokens: &[&str], gaps: &[&str]) -> String {
    let mut sql = String::new();
    for (token, gap) in tokens.iter().zip(gaps.iter().cycle()) {
        sql.push_str(token);
        sql.push_str(gap);
    }
    sql
}

proptest! {
    #[test]
    fn layout_does_not_change_it(
        tokens in vec(select(TOKENS), 1..20),
        some in vec(select(GAPS), 1..20),
        other in vec(select(GAPS), 1..20),
        end in select(vec!["", ";", " ; ", ";\n-- end\n", ";;"]),
    ) {
        let one = joined(&tokens, &some);
        let two = joined(&tokens, &other);
        prop_assert_eq!(checksum(&one, &two), checksum(&two, &format!("{one}{end}")));
    }

    #[test]
    fn any_other_token_changes_it(
        tokens in vec(select(TOKENS), 1..20),
        place in any::<prop::sample::Index>(),
        other in select(TOKENS),
    ) {
        let mut changed = tokens.clone();
        let place = place.index(tokens.len());
        changed[place] = other;
        let (one, two) = (joined(&tokens, &["\n"]), joined(&changed, &["\n"]));
        prop_assert_eq!(checksum(&one, "") == checksum(&two, ""), tokens == changed);
        let mut shorter = tokens.clone();
        shorter.remove(place);
        prop_assert_ne!(checksum(&one, ""), checksum(&joined(&shorter, &["\n"]), ""));
        prop_assert_ne!(checksum(&one, ""), checksum("", &one));
    }
}

#[test]
fn a_byte_order_mark_and_line_ends_do_not_change_it() {
    let script = Script::draft(draft("SELECT 'a\nb', $$c\nd$$;", "SELECT 1")).unwrap();
    let text = script.render();
    for other in [format!("\u{feff}{text}"), text.replace('\n', "\r\n")] {
        let other = Script::parse(&script.file_name, &other).unwrap();
        assert_eq!(other.normalized_sha256(), script.normalized_sha256());
        assert_ne!(other.sha256, script.sha256);
    }
}

#[test]
fn white_space_counts_where_it_parts_operators() {
    let same = |one: &str, two: &str| checksum(one, "") == checksum(two, "");
    assert!(same("SELECT a=-1, b*-c", "SELECT a = -1, b * - c"));
    assert!(same("SELECT a<=b", "SELECT a <= b"));
    assert!(!same("SELECT a <= b", "SELECT a < = b"));
    assert!(!same("SELECT a @-1", "SELECT a @ -1"));
    assert!(!same("SELECT ab", "SELECT a b"));
    assert!(!same("SELECT 'a  b'", "SELECT 'a b'"));
}

#[test]
fn what_orders_and_frames_a_script_counts_and_what_describes_it_does_not() {
    let make = |change: fn(&mut Draft)| {
        let mut draft = draft("SELECT 1", "");
        change(&mut draft);
        Script::draft(draft).unwrap().normalized_sha256()
    };
    let same = make(|_| {});
    assert_eq!(make(|draft| draft.message = "other".to_owned()), same);
    assert_eq!(make(|draft| draft.branch_labels.push("x".to_owned())), same);
    let others = [
        make(|draft| draft.transactional = false),
        make(|draft| draft.down_revisions.clear()),
        make(|draft| draft.depends_on.clear()),
        make(|draft| draft.down_revisions.append(&mut draft.depends_on)),
    ];
    assert!(others.iter().all(|other| *other != same));
}
