//! The order of all steps, cut into phases.
//!
//! Within what the dependencies leave open, as much as possible goes into one transaction; what must run outside of one
//! comes after. A phase outside of transactions takes everything that is left: its statements run one by one anyway.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Form, Phase,
    act::Action,
    steps::{Node, Steps},
};

/// Steps that wait for each other.
pub(super) struct Cycle<'a>(pub(super) Vec<Node<'a>>);

pub(super) fn phases<'a>(
    steps: &Steps<'a>,
    actions: &BTreeMap<Node<'a>, Action>,
    form: Form,
) -> Result<Vec<Phase>, Cycle<'a>> {
    let mut waits_for: BTreeMap<Node<'a>, usize> =
        steps.nodes.iter().map(|node| (*node, 0)).collect();
    for later in steps.before.values().flatten() {
        *waits_for.entry(*later).or_default() += 1;
    }
    let mut ready: BTreeSet<Rank<'a>> = BTreeSet::new();
    for (node, count) in &waits_for {
        if *count == 0 {
            ready.insert(rank(*node));
        }
    }
    let mut earliest: BTreeMap<Node<'a>, usize> = BTreeMap::new();
    let mut phases = Vec::new();
    let mut phase = Phase {
        transactional: form != Form::StepByStep,
        statements: Vec::new(),
    };
    let mut number = 0;
    let mut left = steps.nodes.len();
    while left > 0 {
        let may_run = |rank: &&Rank<'a>| {
            let node = node(**rank);
            let is_early = earliest.get(&node).is_some_and(|first| *first > number);
            let alone = actions.get(&node).is_some_and(|action| action.alone);
            !(phase.transactional && (alone || is_early))
        };
        let Some(next) = ready.iter().find(may_run).copied() else {
            if ready.is_empty() {
                let stuck = waits_for.iter().filter(|(_, count)| **count > 0);
                return Err(Cycle(stuck.map(|(node, _)| *node).collect()));
            }
            // A transaction that waits for its own end goes on in the next one.
            let transactional = ready.iter().any(|rank| {
                let node = node(*rank);
                !actions.get(&node).is_some_and(|action| action.alone)
            });
            number += 1;
            phases.push(std::mem::replace(
                &mut phase,
                Phase {
                    transactional,
                    statements: Vec::new(),
                },
            ));
            continue;
        };
        ready.remove(&next);
        left -= 1;
        let done = node(next);
        waits_for.remove(&done);
        let action = actions.get(&done);
        phase.statements.extend(
            action
                .iter()
                .flat_map(|action| action.statements.iter().cloned()),
        );
        let commits = action.is_some_and(|action| action.commits)
            && matches!(form, Form::Online | Form::Plain);
        for later in steps.before.get(&done).into_iter().flatten() {
            // What may only come after a commit passes that on to all that follows.
            let inherited = earliest.get(&done).copied().unwrap_or_default();
            let first = if commits { number + 1 } else { inherited };
            let known = earliest.entry(*later).or_default();
            *known = (*known).max(first);
            if let Some(count) = waits_for.get_mut(later) {
                *count -= 1;
                if *count == 0 {
                    ready.insert(rank(*later));
                }
            }
        }
    }
    phases.push(phase);
    phases.retain(|phase| !phase.statements.is_empty());
    for phase in phases.iter_mut().filter(|phase| phase.transactional) {
        let makes_routine = |statement: &String| {
            let rest = statement.strip_prefix("CREATE ").unwrap_or_default();
            let rest = rest.strip_prefix("OR REPLACE ").unwrap_or(rest);
            rest.starts_with("FUNCTION ") || rest.starts_with("PROCEDURE ")
        };
        // What the text of a body names is in no catalog, so that it may be made later.
        if phase.statements.iter().any(makes_routine) {
            phase
                .statements
                .insert(0, "SET LOCAL check_function_bodies = off".to_owned());
        }
    }
    Ok(phases)
}

/// Where a step stands among those that could go first: by step, then by kind; what is dropped goes in the opposite order of
/// kinds.
type Rank<'a> = (super::steps::Step, i32, Node<'a>);

fn rank(node: Node<'_>) -> Rank<'_> {
    let (step, key) = node;
    let kind = key.kind as i32;
    let drops = step == super::steps::Step::Drop;
    (step, if drops { -kind } else { kind }, node)
}

fn node(rank: Rank<'_>) -> Node<'_> {
    rank.2
}
