//! Plans: the steps from what a database has to a target, and the version table's rows after each.
//!
//! The rows are Alembic's: the highest applied revisions. A revision takes over the rows of all that it stands on when
//! it is applied, and gives them back when it is taken away, save those that another row implies.

use std::collections::BTreeSet;

use super::{
    graph::{Graph, Place, Relation},
    target::TargetError,
};
use crate::model::migration::Direction;

/// One script to run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The revision's id.
    pub revision: String,
    /// The section that runs.
    pub direction: Direction,
    /// All rows of the version table when the step is done, sorted.
    pub heads_after: Vec<String>,
}

impl Graph {
    /// Everything that a database with these version rows has, dependencies included.
    pub fn applied(&self, current: &[String]) -> Result<BTreeSet<String>, TargetError> {
        let applied = self.below(self.current(current)?, Relation::Any);
        Ok(self.ids(applied).into_iter().collect())
    }

    /// The steps from the version table's rows `current` up to `target`, in order; none when nothing is missing.
    pub fn upgrade_plan(&self, current: &[String], target: &str) -> Result<Vec<Step>, TargetError> {
        let current = self.current(current)?;
        let targets: BTreeSet<Place> = self
            .upgrade_targets(target, &current)?
            .into_iter()
            .collect();
        let required = self.below(targets.clone(), Relation::Any);
        let applied = self.below(current.clone(), Relation::Any);
        let missing: BTreeSet<Place> = required.difference(&applied).copied().collect();

        // A row that another one implies is no head. Alembic refuses such a table; the first step puts it right.
        let mut rows = current;
        let implied = self.strictly_below(&rows);
        rows.retain(|row| !implied.contains(row));
        let mut order = self.branch_by_branch(&missing, &targets);
        order.reverse();
        let steps = order.into_iter().map(|place| {
            for below in &self.node(place).stands_on {
                rows.remove(below);
            }
            rows.insert(place);
            self.step(place, Direction::Upgrade, &rows)
        });
        Ok(steps.collect())
    }

    /// The steps from the version table's rows `current` down to `target`, which stays applied; none when it is the
    /// top already. What stands on a revision that goes, by dependency too, goes first.
    pub fn downgrade_plan(
        &self,
        current: &[String],
        target: &str,
    ) -> Result<Vec<Step>, TargetError> {
        let mut rows = self.current(current)?;
        let goal = self.downgrade_target(target, &rows)?;
        let not_below = || TargetError::NotBelowCurrent {
            target: target.to_owned(),
            current: self.ids(rows.iter().copied()),
        };
        let mut lowest = match goal.to {
            Some(place) => self.node(place).children.clone(),
            None => self.base_places(),
        };
        if let Some(branch) = goal.branch.filter(|_| lowest.len() > 1) {
            let branch = self.below([branch], Relation::Branch);
            lowest.retain(|place| branch.contains(place));
            if lowest.is_empty() {
                return Err(not_below());
            }
        }
        let applied = self.below(rows.clone(), Relation::Any);
        let doomed = self.above(lowest, Relation::Any);
        let doomed: BTreeSet<Place> = doomed.intersection(&applied).copied().collect();
        if doomed.is_empty() && goal.to.is_some_and(|place| !rows.contains(&place)) {
            return Err(not_below());
        }

        let order = self.branch_by_branch(&doomed, &rows);
        let steps = order.into_iter().map(|place| {
            rows.remove(&place);
            let returning = self.rows_given_back(place, &rows);
            rows.extend(returning);
            self.step(place, Direction::Downgrade, &rows)
        });
        Ok(steps.collect())
    }

    /// The rows that return when `gone` is taken away and `rows` remain. To the letter as Alembic does it: a revision
    /// that only another returning one implies does not return when no row remains, and does when some remain.
    fn rows_given_back(&self, gone: Place, rows: &BTreeSet<Place>) -> Vec<Place> {
        let returning = &self.node(gone).stands_on;
        let implied = if rows.is_empty() {
            self.strictly_below(&returning.iter().copied().collect())
        } else {
            self.below(rows.clone(), Relation::Any)
        };
        returning
            .iter()
            .copied()
            .filter(|place| !implied.contains(place))
            .collect()
    }

    /// Everything on which one of the places stands; of the places themselves, those on which another one stands.
    fn strictly_below(&self, places: &BTreeSet<Place>) -> BTreeSet<Place> {
        let next = places
            .iter()
            .flat_map(|place| self.node(*place).stands_on.clone());
        self.below(next, Relation::Any)
    }

    fn step(&self, place: Place, direction: Direction, rows: &BTreeSet<Place>) -> Step {
        Step {
            revision: self.id(place).to_owned(),
            direction,
            heads_after: self.ids(rows.iter().copied()),
        }
    }
}

#[cfg(test)]
mod tests;
