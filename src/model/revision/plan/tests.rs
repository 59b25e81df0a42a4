//! Plans by example, and the rules that hold for all graphs.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use proptest::prelude::*;

use super::super::samples::{graph, graphs, owned};
use super::*;
use crate::model::failure::Classified as _;

/// Steps in short: `revision: rows after`.
fn short(steps: &[Step]) -> Vec<String> {
    let line = |step: &Step| format!("{}: {}", step.revision, step.heads_after.join(" "));
    steps.iter().map(line).collect()
}

fn up(graph: &Graph, current: &[&str], target: &str) -> Vec<String> {
    let steps = graph.upgrade_plan(&owned(current), target).unwrap();
    assert!(
        steps
            .iter()
            .all(|step| step.direction == Direction::Upgrade)
    );
    short(&steps)
}

fn down(graph: &Graph, current: &[&str], target: &str) -> Vec<String> {
    let steps = graph.downgrade_plan(&owned(current), target).unwrap();
    assert!(
        steps
            .iter()
            .all(|step| step.direction == Direction::Downgrade)
    );
    short(&steps)
}

const NOTHING: [&str; 0] = [];

#[test]
fn a_straight_line_has_one_row_that_moves() {
    let line = graph(&["aaaa", "bbbb aaaa", "cccc bbbb"]);
    assert_eq!(
        up(&line, &[], "head"),
        ["aaaa: aaaa", "bbbb: bbbb", "cccc: cccc"]
    );
    assert_eq!(up(&line, &["aaaa"], "+1"), ["bbbb: bbbb"]);
    assert_eq!(up(&line, &["cccc"], "head"), NOTHING);
    assert_eq!(up(&line, &["cccc"], "aaaa"), NOTHING);
    assert_eq!(up(&line, &["cccc"], "base"), NOTHING);
    assert_eq!(
        down(&line, &["cccc"], "base"),
        ["cccc: bbbb", "bbbb: aaaa", "aaaa: "]
    );
    assert_eq!(down(&line, &["cccc"], "-1"), ["cccc: bbbb"]);
    assert_eq!(down(&line, &["cccc"], "aaaa"), ["cccc: bbbb", "bbbb: aaaa"]);
    assert_eq!(down(&line, &["bbbb"], "bbbb"), NOTHING);
    assert_eq!(down(&line, &[], "base"), NOTHING);
}

#[test]
fn branches_have_a_row_each_and_a_merge_makes_them_one() {
    let graph = graph(&["aaaa", "bbbb aaaa", "cccc aaaa", "dddd bbbb cccc"]);
    assert_eq!(
        up(&graph, &[], "head"),
        ["aaaa: aaaa", "cccc: cccc", "bbbb: bbbb cccc", "dddd: dddd"]
    );
    assert_eq!(
        down(&graph, &["dddd"], "base"),
        ["dddd: bbbb cccc", "bbbb: cccc", "cccc: aaaa", "aaaa: "]
    );
    assert_eq!(up(&graph, &["bbbb", "cccc"], "head"), ["dddd: dddd"]);
    assert_eq!(
        up(&graph, &["bbbb"], "head"),
        ["cccc: bbbb cccc", "dddd: dddd"]
    );
}

#[test]
fn a_dependency_is_applied_first_and_its_row_is_taken_over() {
    let graph = graph(&["aaaa", "bbbb aaaa", "cccc", "dddd cccc needs:aaaa"]);
    assert_eq!(
        up(&graph, &[], "dddd"),
        ["aaaa: aaaa", "cccc: aaaa cccc", "dddd: dddd"]
    );
    assert_eq!(up(&graph, &["dddd"], "heads"), ["bbbb: bbbb dddd"]);
    // What depends on a revision that goes, goes too.
    assert_eq!(
        down(&graph, &["bbbb", "dddd"], "bbbb@base"),
        ["bbbb: dddd", "dddd: aaaa cccc", "aaaa: cccc"]
    );
    // The row of a dependency does not return while another row implies it.
    assert_eq!(down(&graph, &["bbbb", "dddd"], "cccc"), ["dddd: bbbb cccc"]);
}

#[test]
fn a_relative_downgrade_stays_on_its_branch() {
    let graph = graph(&["aaaa", "bbbb aaaa label:billing", "cccc aaaa label:catalog"]);
    assert_eq!(
        down(&graph, &["bbbb", "cccc"], "billing@-1"),
        ["bbbb: cccc"]
    );
    assert_eq!(
        down(&graph, &["bbbb", "cccc"], "aaaa"),
        ["bbbb: cccc", "cccc: aaaa"]
    );
    assert_eq!(
        down(&graph, &["bbbb", "cccc"], "billing@aaaa"),
        ["bbbb: cccc"]
    );
    let reason = |target| {
        graph
            .downgrade_plan(&owned(&["bbbb", "cccc"]), target)
            .unwrap_err()
            .reason()
    };
    assert_eq!(reason("-1"), "MULTIPLE_DATABASE_HEADS");
    assert_eq!(reason("+1"), "TARGET_OUT_OF_RANGE");
    assert_eq!(reason("base+0"), "TARGET_OUT_OF_RANGE");
}

#[test]
fn a_downgrade_to_what_is_not_below_is_refused() {
    let graph = graph(&["aaaa", "bbbb aaaa", "cccc bbbb", "dddd"]);
    for (current, target) in [
        (&["aaaa"][..], "bbbb"),
        (&["aaaa"], "dddd"),
        (&[], "aaaa"),
        (&["aaaa"], "head-1"),
    ] {
        let error = graph.downgrade_plan(&owned(current), target).unwrap_err();
        assert!(
            matches!(
                error.reason(),
                "TARGET_NOT_BELOW_CURRENT" | "MULTIPLE_HEADS"
            ),
            "{target}: {error}"
        );
    }
    let error = graph.downgrade_plan(&[], "aaaa").unwrap_err();
    assert_eq!(
        error.to_string(),
        "`aaaa` is not below what the database has (base)"
    );
}

#[test]
fn a_row_that_another_one_implies_goes_with_the_first_step() {
    let line = graph(&["aaaa", "bbbb aaaa", "cccc bbbb"]);
    assert_eq!(up(&line, &["aaaa", "bbbb"], "head"), ["cccc: cccc"]);
}

#[test]
fn the_order_of_files_does_not_change_a_plan() {
    let texts = ["aaaa", "bbbb aaaa", "cccc aaaa", "dddd"];
    let mut scripts = super::super::samples::scripts(&texts);
    let plan = graph(&texts).upgrade_plan(&[], "heads").unwrap();
    scripts.reverse();
    assert_eq!(
        Graph::new(scripts)
            .unwrap()
            .upgrade_plan(&[], "heads")
            .unwrap(),
        plan
    );
}

#[test]
fn what_is_applied_includes_dependencies() {
    let graph = graph(&["aaaa", "bbbb", "cccc bbbb needs:aaaa", "dddd cccc"]);
    let applied = graph.applied(&owned(&["cccc"])).unwrap();
    assert_eq!(Vec::from_iter(applied), ["aaaa", "bbbb", "cccc"]);
}

/// Checks a plan against the plain meaning of its steps: each revision once, in an order that the graph allows, and
/// rows that imply exactly what is applied.
fn check(graph: &Graph, current: &[String], steps: &[Step]) -> Result<(), TestCaseError> {
    let mut applied = graph.applied(current).unwrap();
    for step in steps {
        match step.direction {
            Direction::Upgrade => {
                for below in graph.ancestors(&step.revision) {
                    prop_assert!(applied.contains(&below), "{} before {below}", step.revision);
                }
                prop_assert!(
                    applied.insert(step.revision.clone()),
                    "{} twice",
                    step.revision
                );
            }
            Direction::Downgrade => {
                prop_assert!(
                    applied.remove(&step.revision),
                    "{} is not applied",
                    step.revision
                );
                for above in &applied {
                    prop_assert!(
                        !graph.ancestors(above).contains(&step.revision),
                        "{above} still stands on it"
                    );
                }
            }
        }
        prop_assert_eq!(&graph.applied(&step.heads_after).unwrap(), &applied);
        prop_assert!(step.heads_after.is_sorted());
    }
    Ok(())
}

proptest! {
    #[test]
    fn an_upgrade_to_heads_applies_everything_once_and_parents_first(graph in graphs()) {
        let steps = graph.upgrade_plan(&[], "heads").unwrap();
        prop_assert_eq!(steps.len(), graph.len());
        check(&graph, &[], &steps)?;
        let rows = steps.last().map(|step| step.heads_after.clone()).unwrap_or_default();
        prop_assert_eq!(rows, graph.version_rows());
    }

    #[test]
    fn a_downgrade_to_base_takes_everything_back_once_and_children_first(graph in graphs()) {
        let rows = graph.version_rows();
        let steps = graph.downgrade_plan(&rows, "base").unwrap();
        prop_assert_eq!(steps.len(), graph.len());
        check(&graph, &rows, &steps)?;
    }

    #[test]
    fn from_any_state_any_target_is_reached_or_refused(graph in graphs(), pick: prop::sample::Index, target: prop::sample::Index) {
        let up = graph.upgrade_plan(&[], "heads").unwrap();
        prop_assume!(!up.is_empty());
        let current = &pick.get(&up).heads_after;
        let target = &target.get(&up).revision;

        let steps = graph.upgrade_plan(current, target).unwrap();
        check(&graph, current, &steps)?;
        let after = steps.last().map_or(current, |step| &step.heads_after);
        prop_assert!(graph.applied(after).unwrap().contains(target));

        if let Ok(steps) = graph.downgrade_plan(after, target) {
            check(&graph, after, &steps)?;
            let after = steps.last().map_or(after, |step| &step.heads_after);
            let left = graph.applied(after).unwrap();
            prop_assert!(left.contains(target));
            prop_assert!(graph.children(target).iter().all(|child| !left.contains(child)));
        }
    }

    #[test]
    fn stopping_after_any_step_and_going_on_gives_the_same_steps_in_the_end(graph in graphs(), pick: prop::sample::Index) {
        let whole = graph.upgrade_plan(&[], "heads").unwrap();
        prop_assume!(!whole.is_empty());
        let stop = pick.index(whole.len());
        let rest = graph.upgrade_plan(&whole[stop].heads_after, "heads").unwrap();
        prop_assert_eq!(rest.len(), whole.len() - stop - 1);
        check(&graph, &whole[stop].heads_after, &rest)?;
    }
}
