//! Every form of target, and every way in which one means nothing.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use proptest::prelude::*;

use super::super::samples::{graph, graphs, owned};
use super::*;
use crate::model::failure::Classified as _;

/// Two branches that part at aaa2, and a branch with a base of its own that depends on the first.
fn forked() -> Graph {
    graph(&[
        "aaa1",
        "aaa2 aaa1",
        "bbb3 aaa2 label:billing",
        "bbb4 bbb3",
        "ccc3 aaa2 label:catalog",
        "ccc4 ccc3",
        "ddd1 label:docs",
        "ddd2 ddd1 needs:bbb3",
    ])
}

fn line() -> Graph {
    graph(&[
        "1a00000000",
        "1b00000000 1a00000000",
        "1c00000000 1b00000000 label:trunk",
    ])
}

#[track_caller]
fn means(graph: &Graph, current: &[&str], target: &str, revisions: &[&str]) {
    assert_eq!(
        graph.resolve(target, &owned(current)),
        Ok(owned(revisions)),
        "{target}"
    );
}

#[track_caller]
fn fails(graph: &Graph, current: &[&str], target: &str, reason: &str) -> TargetError {
    let error = graph.resolve(target, &owned(current)).unwrap_err();
    assert_eq!(error.reason(), reason, "{target}");
    error
}

#[test]
fn words_ids_beginnings_and_labels_are_targets() {
    let line = line();
    for target in [
        "head",
        "heads",
        "1c00000000",
        "1c",
        "trunk",
        "tru",
        "trunk@head",
        "1a@head",
    ] {
        means(&line, &[], target, &["1c00000000"]);
    }
    means(&line, &["1c00000000"], "base", &[]);
    means(&line, &["1c00000000"], "trunk@base", &[]);
    means(&forked(), &[], "heads", &["bbb4", "ccc4", "ddd2"]);
    means(&forked(), &[], "billing@heads", &["bbb4"]);
    means(&forked(), &[], "aaa1@heads", &["bbb4", "ccc4"]);
}

#[test]
fn steps_count_from_a_revision_or_from_what_the_database_has() {
    let line = line();
    means(&line, &[], "+2", &["1b00000000"]);
    means(&line, &["1a00000000"], "+1", &["1b00000000"]);
    means(&line, &["1c00000000"], "-2", &["1a00000000"]);
    means(&line, &["1c00000000"], "-3", &[]);
    means(&line, &[], "1a+2", &["1c00000000"]);
    means(&line, &[], "head-1", &["1b00000000"]);
    means(&line, &[], "trunk-2", &["1a00000000"]);
    means(&line, &[], "base+1", &["1a00000000"]);
    means(&line, &[], "1b+0", &["1b00000000"]);
    means(&line, &[], "trunk@1a+1", &["1b00000000"]);
    means(&line, &[], "trunk@1b-1", &["1a00000000"]);
}

#[test]
fn steps_on_a_branch_follow_it_through_forks_and_start_where_the_database_touches_it() {
    let forked = forked();
    means(&forked, &["aaa2"], "billing@+1", &["bbb3"]);
    means(&forked, &["bbb4", "ccc3"], "catalog@+1", &["ccc4"]);
    means(&forked, &["bbb4", "ccc3"], "billing@-1", &["bbb3"]);
    means(&forked, &[], "catalog@+4", &["ccc4"]);
    means(&forked, &[], "billing@aaa1+2", &["bbb3"]);
    means(&forked, &["ccc4"], "docs@+2", &["ddd2"]);
    // bbb3 was applied only because ddd2 depends on it.
    means(&forked, &["ddd2"], "billing@+1", &["bbb4"]);
    means(&forked, &["ddd2"], "billing@-1", &["aaa2"]);
}

#[test]
fn a_beginning_must_be_unique_and_ids_under_four_characters_must_be_written_in_full() {
    let line = line();
    let error = fails(&line, &[], "1", "AMBIGUOUS_REVISION");
    assert!(
        error
            .to_string()
            .contains("1a00000000, 1b00000000, 1c00000000")
    );
    let short = graph(&["abc", "abcd abc", "xyz"]);
    means(&short, &[], "abc", &["abc"]);
    means(&short, &[], "ab", &["abcd"]);
    let error = fails(&short, &[], "xy", "REVISION_NOT_FOUND");
    assert_eq!(
        error.hint().as_deref(),
        Some("give at least four characters of an id")
    );
    let error = fails(&short, &[], "nothing", "REVISION_NOT_FOUND");
    assert_eq!(error.hint().as_deref(), Some("the heads are: abcd, xyz"));
}

#[test]
fn a_branch_narrows_an_ambiguous_beginning() {
    let graph = graph(&["aa01", "aa02 label:two"]);
    fails(&graph, &[], "aa0", "AMBIGUOUS_REVISION");
    means(&graph, &[], "two@aa0", &["aa02"]);
    fails(&graph, &[], "two@aa01", "REVISION_NOT_ON_BRANCH");
}

#[test]
fn several_heads_forks_and_merges_are_refused_with_all_ways() {
    let forked = forked();
    let error = fails(&forked, &[], "head", "MULTIPLE_HEADS");
    assert!(error.to_string().contains("bbb4, ccc4, ddd2"));
    fails(&forked, &[], "aaa1@head", "MULTIPLE_HEADS");
    fails(&forked, &[], "head-1", "MULTIPLE_HEADS");
    let error = fails(&forked, &["aaa2"], "+1", "AMBIGUOUS_TARGET");
    assert!(error.to_string().contains("bbb3, ccc3"));
    fails(&forked, &[], "+1", "AMBIGUOUS_TARGET");
    let error = fails(&forked, &["bbb4", "ccc4"], "+1", "MULTIPLE_DATABASE_HEADS");
    assert!(error.to_string().contains("bbb4, ccc4"));
    fails(&forked, &["bbb4", "ccc4"], "-1", "MULTIPLE_DATABASE_HEADS");
    let merged = graph(&["aaaa", "bbbb", "cccc aaaa bbbb"]);
    fails(&merged, &["cccc"], "-1", "AMBIGUOUS_TARGET");
    // `head` looks at parents only, as in Alembic, though one head depends on the other.
    fails(
        &graph(&["aaaa", "bbbb needs:aaaa"]),
        &[],
        "head",
        "MULTIPLE_HEADS",
    );
}

#[test]
fn walking_past_either_end_is_refused() {
    let line = line();
    for target in [
        "+4",
        "1c+1",
        "1a-2",
        "base-1",
        "-1",
        "+0",
        "-0",
        "trunk@+4",
        "head+99999999999999999999",
    ] {
        fails(&line, &[], target, "TARGET_OUT_OF_RANGE");
    }
    fails(&line, &["1c00000000"], "-4", "TARGET_OUT_OF_RANGE");
    // As a target to reach upwards, `1a-1` is base.
    fails(&line, &[], "1a-1", "TARGET_OUT_OF_RANGE");
}

#[test]
fn texts_without_a_meaning_are_refused() {
    for target in [
        "", "@", "@head", "billing@", "a@b@c", "+", "-", "a b", "a:b", "+1+1", "+-1", "head ",
    ] {
        let error = forked().resolve(target, &[]).unwrap_err();
        assert!(
            matches!(error.reason(), "INVALID_TARGET" | "REVISION_NOT_FOUND"),
            "{target:?}: {error}"
        );
    }
    fails(&forked(), &[], "nowhere@head", "REVISION_NOT_FOUND");
    fails(&forked(), &[], "nowhere@base", "REVISION_NOT_FOUND");
}

#[test]
fn a_label_may_hold_a_dash() {
    let graph = graph(&["aaaa label:my-branch", "bbbb aaaa"]);
    means(&graph, &[], "my-branch", &["aaaa"]);
    means(&graph, &[], "my-branch+1", &["bbbb"]);
    means(&graph, &[], "my-branch@head", &["bbbb"]);
}

#[test]
fn a_database_that_is_ahead_of_the_scripts_is_refused_by_name() {
    let error = fails(
        &line(),
        &["zzzz", "1a00000000", "yyyy"],
        "head",
        "UNKNOWN_DATABASE_REVISION",
    );
    assert!(error.to_string().ends_with("yyyy, zzzz"));
    // A label in the version table is no revision.
    fails(&line(), &["trunk"], "head", "UNKNOWN_DATABASE_REVISION");
}

#[test]
fn an_empty_directory_has_no_head_and_nothing_to_walk() {
    let empty = graph(&[]);
    means(&empty, &[], "head", &[]);
    means(&empty, &[], "heads", &[]);
    means(&empty, &[], "base", &[]);
    fails(&empty, &[], "+1", "TARGET_OUT_OF_RANGE");
}

proptest! {
    #[test]
    fn an_id_is_found_by_a_beginning_exactly_when_nothing_else_begins_like_it(graph in graphs(), pick: prop::sample::Index, length in 1..8_usize) {
        let ids: Vec<String> = graph.iter().map(|script| script.revision.clone()).collect();
        prop_assume!(!ids.is_empty());
        let id = pick.get(&ids);
        prop_assert_eq!(graph.resolve(id, &[]), Ok(vec![id.clone()]));
        let prefix = &id[..length.min(id.len())];
        let same: Vec<&String> = ids.iter().filter(|id| id.starts_with(prefix)).collect();
        match graph.resolve(prefix, &[]) {
            Ok(found) => prop_assert_eq!(found, vec![id.clone()]),
            Err(error) => {
                prop_assert_eq!(error.reason(), "AMBIGUOUS_REVISION");
                prop_assert!(same.len() > 1);
            }
        }
    }

    #[test]
    fn a_step_up_undoes_a_step_down(graph in graphs()) {
        for script in graph.iter() {
            if let [parent] = graph.parents(&script.revision).as_slice() {
                let target = format!("{}-1", script.revision);
                prop_assert_eq!(graph.resolve(&target, &[]), Ok(vec![parent.clone()]));
                if graph.children(parent).len() == 1 {
                    let target = format!("{parent}+1");
                    prop_assert_eq!(graph.resolve(&target, &[]), Ok(vec![script.revision.clone()]));
                }
            }
        }
    }

    #[test]
    fn no_text_makes_resolving_fail_otherwise_than_by_an_error(graph in graphs(), text in "[a-f0-9@+-]{0,8}|(head|heads|base|label[0-9])([+-][0-9])?") {
        let _ = graph.resolve(&text, &graph.version_rows());
        let _ = graph.downgrade_plan(&graph.version_rows(), &text);
    }
}
