//! The order in which the steps of a plan run.
//!
//! What stands on what leaves much freedom. Alembic uses it to stay on one branch as long as it can, and so do we:
//! the log of a run then reads branch by branch, and is the same with both tools.

use std::collections::BTreeSet;

use super::graph::{Graph, Place, Relation};

impl Graph {
    /// Orders the chosen places from the top down, one branch after the other. `tips` holds at least the topmost of
    /// them. The chosen places must be all that lie between their topmost and lowest ones.
    pub(super) fn branch_by_branch(
        &self,
        chosen: &BTreeSet<Place>,
        tips: &BTreeSet<Place>,
    ) -> Vec<Place> {
        let mut left = chosen.clone();
        let mut tips: Vec<Place> = tips.intersection(chosen).copied().collect();
        let mut order = Vec::with_capacity(chosen.len());
        let mut branch = 0;
        while let Some(&tip) = tips.get(branch) {
            if let Some(higher) = self.tip_above(tip, &tips, &left) {
                branch = higher;
                continue;
            }
            order.push(tip);
            left.remove(&tip);
            let mut below = self
                .node(tip)
                .stands_on
                .iter()
                .copied()
                .filter(|place| left.contains(place) && !tips.contains(place))
                .collect::<Vec<Place>>()
                .into_iter();
            if let Some(next) = below.next() {
                tips[branch] = next;
                tips.extend(below);
            } else {
                tips.remove(branch);
                branch = branch.saturating_sub(1);
            }
        }
        order
    }

    /// The first other tip that stands on this one, which therefore has to wait.
    fn tip_above(&self, tip: Place, tips: &[Place], left: &BTreeSet<Place>) -> Option<usize> {
        if !self
            .node(tip)
            .carries
            .iter()
            .any(|place| left.contains(place))
        {
            return None;
        }
        let above = self.above([tip], Relation::Any);
        tips.iter()
            .position(|other| *other != tip && above.contains(other))
    }
}
