//! From a target to revisions: looking up names, counting steps along branches.
//!
//! The meaning is Alembic's (its `RevisionMap`), checked against it on random graphs. The differences are on purpose.
//! Refused here: `-N` when the database has several revisions (Alembic takes one of them), steps below `base` (it goes
//! round to the heads), an unknown branch before `@base` or in a downgrade, and version rows that no script has, whatever
//! the target. Accepted here: version rows, or heads of one branch, of which one implies another; labels with a dash
//! before `+N`; and to run a revision that stands on another one in two ways, as a merge of a revision with its own
//! ancestor does (Alembic fails when it writes the rows). `tests/it/alembic/differential.rs` holds this to be all.

use std::collections::BTreeSet;

use super::{
    graph::{Graph, Place, Relation},
    target::{SHORTEST_PREFIX_MATCH, Symbol, Target, TargetError, list},
};

/// Where a downgrade goes.
pub(super) struct Downgrade {
    /// The revision that stays; none means base.
    pub(super) to: Option<Place>,
    /// The revision by which a branch was named; limits what goes when several branches begin at the target.
    pub(super) branch: Option<Place>,
}

impl Graph {
    /// The ids that a target means, sorted; none for `base`. Steps without a place count from `current`, the rows of
    /// the version table.
    pub fn resolve(&self, target: &str, current: &[String]) -> Result<Vec<String>, TargetError> {
        let current = self.current(current)?;
        let parsed = Target::parse(target)?;
        if parsed.symbol.is_none() && parsed.steps < Some(0) {
            return Ok(self.ids(self.downgrade_target(target, &current)?.to));
        }
        Ok(self.ids(self.upgrade_targets(target, &current)?))
    }

    /// The places of the version table's rows.
    pub(super) fn current(&self, current: &[String]) -> Result<BTreeSet<Place>, TargetError> {
        let mut unknown: Vec<String> = current
            .iter()
            .filter(|id| self.place(id).is_none())
            .cloned()
            .collect();
        if unknown.is_empty() {
            return Ok(current.iter().filter_map(|id| self.place(id)).collect());
        }
        unknown.sort();
        Err(TargetError::UnknownDatabaseRevisions { revisions: unknown })
    }

    /// What an upgrade is to reach. `base` is nothing, as in Alembic.
    pub(super) fn upgrade_targets(
        &self,
        target: &str,
        current: &BTreeSet<Place>,
    ) -> Result<Vec<Place>, TargetError> {
        let target = Target::parse(target)?;
        let branch = self.branch(&target)?;
        let reached = match (target.symbol, target.steps) {
            (Some(symbol), None) => return self.symbol(&target, symbol, branch),
            // The branch limits the way, not the start.
            (Some(symbol), Some(steps)) if steps > 0 => {
                let start = self.single(&target, symbol, None)?;
                self.walk_up(&target, start, steps, branch)?
            }
            (Some(symbol), Some(steps)) => {
                let start = self.single(&target, symbol, branch)?;
                self.walk_down(&target, start, steps)?
            }
            (None, Some(steps)) if steps > 0 => {
                let start = self.start_of_climb(&target, current, branch)?;
                self.walk_up(&target, start, steps, branch)?
            }
            (None, _) => return Err(self.nothing_to_walk(&target, current)),
        };
        // Walking to base is no way up.
        let reached = reached.ok_or_else(|| self.out_of_range(&target, None))?;
        Ok(vec![reached])
    }

    /// Where a downgrade is to end.
    pub(super) fn downgrade_target(
        &self,
        target: &str,
        current: &BTreeSet<Place>,
    ) -> Result<Downgrade, TargetError> {
        let target = Target::parse(target)?;
        let branch = self.branch(&target)?;
        match (target.symbol, target.steps) {
            // Alembic does not ask here whether the revision is on the branch.
            (Some(symbol), None) => Ok(Downgrade {
                to: self.single(&target, symbol, None)?,
                branch,
            }),
            (Some(symbol), Some(steps)) if steps < 0 => {
                let start = self.single(&target, symbol, branch)?;
                let to = self.walk_down(&target, start, steps)?;
                Ok(Downgrade { to, branch })
            }
            (Some(symbol), Some(steps)) => {
                let start = self.single(&target, symbol, None)?;
                let to = self.walk_up(&target, start, steps, branch)?;
                // Only `base+0` ends at base, which is no step at all.
                let to = to.ok_or_else(|| self.out_of_range(&target, None))?;
                Ok(Downgrade {
                    to: Some(to),
                    branch,
                })
            }
            (None, Some(steps)) if steps < 0 => {
                let start = self.start_of_descent(&target, current, branch)?;
                let to = self.walk_down(&target, Some(start), steps)?;
                Ok(Downgrade {
                    to,
                    branch: branch.or(Some(start)),
                })
            }
            (None, _) => Err(self.nothing_to_walk(&target, current)),
        }
    }

    /// Everything above and below a place, itself included.
    fn lineage(&self, place: Place) -> BTreeSet<Place> {
        let mut lineage = self.below([place], Relation::Branch);
        lineage.extend(self.above([place], Relation::Branch));
        lineage
    }

    fn on_branch(
        &self,
        places: impl IntoIterator<Item = Place>,
        branch: Option<Place>,
    ) -> Vec<Place> {
        match branch.map(|branch| self.lineage(branch)) {
            Some(lineage) => places
                .into_iter()
                .filter(|place| lineage.contains(place))
                .collect(),
            None => places.into_iter().collect(),
        }
    }

    /// The revision that the branch's name stands for: a label, an id, or the beginning of either.
    pub(super) fn branch(&self, target: &Target<'_>) -> Result<Option<Place>, TargetError> {
        target.branch.map(|name| self.find(name, None)).transpose()
    }

    /// A label or id, or the unique beginning of one.
    pub(super) fn find(&self, name: &str, branch: Option<Place>) -> Result<Place, TargetError> {
        if let Some(place) = self.named(name) {
            return Ok(place);
        }
        let lineage = branch.map(|branch| self.lineage(branch));
        let found: Vec<(&str, Place)> = self
            .names()
            .filter(|(known, _)| {
                known.starts_with(name) && known.chars().count() >= SHORTEST_PREFIX_MATCH
            })
            .filter(|(_, place)| {
                lineage
                    .as_ref()
                    .is_none_or(|lineage| lineage.contains(place))
            })
            .collect();
        match found.as_slice() {
            [(_, place)] => Ok(*place),
            [] => Err(TargetError::NotFound {
                name: name.to_owned(),
                heads: self.heads(),
            }),
            several => Err(TargetError::AmbiguousPrefix {
                prefix: name.to_owned(),
                candidates: several.iter().map(|(name, _)| (*name).to_owned()).collect(),
            }),
        }
    }

    /// All places that a symbol means; none for `base`.
    pub(super) fn symbol(
        &self,
        target: &Target<'_>,
        symbol: Symbol<'_>,
        branch: Option<Place>,
    ) -> Result<Vec<Place>, TargetError> {
        match symbol {
            Symbol::Base => Ok(Vec::new()),
            // Without a branch, a head that something depends on is left to what depends on it.
            Symbol::Heads if branch.is_none() => Ok(self.topmost_places()),
            Symbol::Heads => Ok(self.on_branch(self.head_places(), branch)),
            Symbol::Head => {
                let heads = self.on_branch(self.head_places(), branch);
                if heads.len() > 1 {
                    return Err(self.multiple_heads(target, heads));
                }
                Ok(heads)
            }
            Symbol::Name(name) => {
                let place = self.find(name, branch)?;
                if self.on_branch([place], branch).is_empty() {
                    return Err(TargetError::NotOnBranch {
                        revision: self.id(place).to_owned(),
                        branch: target.branch.unwrap_or_default().to_owned(),
                    });
                }
                Ok(vec![place])
            }
        }
    }

    /// The one place that a symbol means; none is base.
    fn single(
        &self,
        target: &Target<'_>,
        symbol: Symbol<'_>,
        branch: Option<Place>,
    ) -> Result<Option<Place>, TargetError> {
        match self.symbol(target, symbol, branch)?.as_slice() {
            [] => Ok(None),
            [place] => Ok(Some(*place)),
            several => Err(self.multiple_heads(target, several.iter().copied())),
        }
    }

    /// Where `+N` and `<branch>@+N` count from: the database's revision, on that branch if one is named. A branch that
    /// the database is not on begins at the highest of its revisions that something else brought in, or at base.
    fn start_of_climb(
        &self,
        target: &Target<'_>,
        current: &BTreeSet<Place>,
        branch: Option<Place>,
    ) -> Result<Option<Place>, TargetError> {
        let mut starts = self.on_branch(current.iter().copied(), branch);
        if starts.is_empty() && branch.is_some() {
            let applied = self.on_branch(self.below(current.clone(), Relation::Any), branch);
            let carrying: BTreeSet<Place> = applied
                .iter()
                .flat_map(|place| self.node(*place).stands_on.clone())
                .collect();
            starts = applied
                .into_iter()
                .filter(|place| !carrying.contains(place))
                .collect();
        }
        match starts.as_slice() {
            [] => Ok(None),
            [start] => Ok(Some(*start)),
            several => Err(self.multiple_current(target, several)),
        }
    }

    /// Where `-N` and `<branch>@-N` count from. Alembic counts from any one of several rows and warns; we refuse.
    fn start_of_descent(
        &self,
        target: &Target<'_>,
        current: &BTreeSet<Place>,
        branch: Option<Place>,
    ) -> Result<Place, TargetError> {
        let mut starts = self.on_branch(current.iter().copied(), branch);
        if starts.is_empty() && branch.is_some() {
            let applied = self.below(current.clone(), Relation::Any);
            let is_tip = |place: &Place| {
                let above = self.above([*place], Relation::Branch);
                above.intersection(&applied).count() == 1
            };
            let tips: Vec<Place> = applied.iter().copied().filter(is_tip).collect();
            starts = self.on_branch(tips, branch);
        }
        match starts.as_slice() {
            [] => Err(self.nothing_to_walk(target, current)),
            [start] => Ok(*start),
            several => Err(self.multiple_current(target, several)),
        }
    }

    fn walk_up(
        &self,
        target: &Target<'_>,
        start: Option<Place>,
        steps: isize,
        branch: Option<Place>,
    ) -> Result<Option<Place>, TargetError> {
        let mut reached = start;
        for _ in 0..steps.unsigned_abs() {
            let ways = match reached {
                Some(place) => self.node(place).children.clone(),
                None => self.base_places(),
            };
            reached = match self.on_branch(ways, branch).as_slice() {
                [] => return Err(self.out_of_range(target, reached)),
                [next] => Some(*next),
                several => return Err(self.ambiguous_walk(target, reached, several)),
            };
        }
        Ok(reached)
    }

    /// Below the last revision is base, and below base nothing (Alembic would go round to the heads).
    fn walk_down(
        &self,
        target: &Target<'_>,
        start: Option<Place>,
        steps: isize,
    ) -> Result<Option<Place>, TargetError> {
        let mut reached = start;
        for _ in 0..steps.unsigned_abs() {
            let place = reached.ok_or_else(|| self.out_of_range(target, None))?;
            reached = match self.node(place).parents.as_slice() {
                [] => None,
                [next] => Some(*next),
                several => return Err(self.ambiguous_walk(target, reached, several)),
            };
        }
        Ok(reached)
    }

    fn name_or_base(&self, place: Option<Place>) -> String {
        place.map_or("base", |place| self.id(place)).to_owned()
    }

    fn out_of_range(&self, target: &Target<'_>, after: Option<Place>) -> TargetError {
        TargetError::OutOfRange {
            target: target.text.to_owned(),
            after: self.name_or_base(after),
        }
    }

    /// A relative target that leads nowhere from where the database is.
    fn nothing_to_walk(&self, target: &Target<'_>, current: &BTreeSet<Place>) -> TargetError {
        TargetError::OutOfRange {
            target: target.text.to_owned(),
            after: list(&self.ids(current.iter().copied())),
        }
    }

    fn ambiguous_walk(
        &self,
        target: &Target<'_>,
        after: Option<Place>,
        ways: &[Place],
    ) -> TargetError {
        TargetError::AmbiguousWalk {
            target: target.text.to_owned(),
            after: self.name_or_base(after),
            candidates: self.ids(ways.iter().copied()),
        }
    }

    fn multiple_heads(
        &self,
        target: &Target<'_>,
        heads: impl IntoIterator<Item = Place>,
    ) -> TargetError {
        TargetError::MultipleHeads {
            target: target.text.to_owned(),
            heads: self.ids(heads),
        }
    }

    fn multiple_current(&self, target: &Target<'_>, candidates: &[Place]) -> TargetError {
        TargetError::MultipleCurrent {
            target: target.text.to_owned(),
            candidates: self.ids(candidates.iter().copied()),
        }
    }
}

#[cfg(test)]
mod tests;
