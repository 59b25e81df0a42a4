//! Stamps: the version table's rows after it was told where the database is, without a script being run.
//!
//! The rows are those that `alembic stamp` leaves, to the letter of its `ScriptDirectory._stamp_revs`: each target takes
//! the place of all rows above and below it, dependencies followed; a branch before `@` gives up the rows of its whole
//! branch. Refused here and not by Alembic: steps (it counts `-N` down from the heads where the table is empty), no
//! target at all (it takes that for `base`), an unknown branch before `@base`, and targets of which one stands on the
//! other (it writes both rows, and later refuses the table that it has made).

use std::collections::BTreeSet;

use super::{
    graph::{Graph, Place, Relation},
    target::{Symbol, Target, TargetError},
};

impl Graph {
    /// The version table's rows, sorted, when a table with the rows `current` was stamped with all `targets`, which are
    /// written as those of an upgrade. To purge the table first is to give no rows, also such as no script has.
    pub fn stamp_plan(
        &self,
        current: &[String],
        targets: &[String],
    ) -> Result<Vec<String>, TargetError> {
        if targets.is_empty() {
            let target = String::new();
            return Err(TargetError::Malformed { target });
        }
        let mut rows = self.current(current)?;
        let mut concerned = BTreeSet::new();
        let mut destinations = Vec::new();
        for text in targets {
            let stamped = self.stamped(&Target::parse(text)?, &rows)?;
            concerned.extend(rows.iter().filter(|row| stamped.concerns(self, **row)));
            destinations.extend(stamped.destinations);
        }
        if let Some(lower) = self.lower_one(&destinations) {
            return Err(self.overlapping(lower));
        }
        if destinations.is_empty() {
            rows.retain(|row| !concerned.contains(row));
        }
        for destination in destinations {
            if !concerned.contains(&destination) {
                self.stamp_one(destination, &concerned, &mut rows)?;
            }
        }
        Ok(self.ids(rows))
    }

    /// What one target means, and which rows it is about.
    fn stamped(&self, target: &Target<'_>, rows: &BTreeSet<Place>) -> Result<Stamped, TargetError> {
        let (Some(symbol), None) = (target.symbol, target.steps) else {
            return Err(TargetError::RelativeStamp {
                target: target.text.to_owned(),
            });
        };
        let branch = self.branch(target)?;
        let destinations = self.symbol(target, symbol, branch)?;
        if let (Symbol::Name(name), false) = (symbol, rows.is_empty()) {
            // Looking for the rows, Alembic does not limit the beginning of an id to the branch.
            self.find(name, None)?;
        }
        let marks = branch.into_iter().chain(destinations.clone()).collect();
        Ok(Stamped {
            marks,
            destinations,
        })
    }

    /// Moves the concerned rows to one destination. A row that an earlier destination has taken is no longer there:
    /// upwards the destination is then a row of its own, downwards Alembic fails, and so do we.
    fn stamp_one(
        &self,
        destination: Place,
        concerned: &BTreeSet<Place>,
        rows: &mut BTreeSet<Place>,
    ) -> Result<(), TargetError> {
        let upwards = !concerned.is_disjoint(&self.below([destination], Relation::Any));
        let downwards = !concerned.is_disjoint(&self.above([destination], Relation::Any));
        let all_there = concerned.is_subset(rows);
        if downwards && (upwards || !all_there) {
            return Err(self.overlapping(destination));
        }
        if (upwards || downwards) && all_there {
            rows.retain(|row| !concerned.contains(row));
        }
        if rows.insert(destination) {
            Ok(())
        } else {
            Err(self.overlapping(destination))
        }
    }

    /// One of the places on which another one stands.
    fn lower_one(&self, places: &[Place]) -> Option<Place> {
        let stands_above = |lower: Place| {
            let above = self.above([lower], Relation::Any);
            places
                .iter()
                .any(|other| *other != lower && above.contains(other))
        };
        places.iter().copied().find(|place| stands_above(*place))
    }

    fn overlapping(&self, place: Place) -> TargetError {
        TargetError::OverlappingTargets {
            revision: self.id(place).to_owned(),
        }
    }
}

/// One target of a stamp.
struct Stamped {
    /// The rows above and below these are concerned; all rows where there are none.
    marks: Vec<Place>,
    /// None for `base`.
    destinations: Vec<Place>,
}

impl Stamped {
    fn concerns(&self, graph: &Graph, row: Place) -> bool {
        let mut lineage = graph.below([row], Relation::Any);
        lineage.extend(graph.above([row], Relation::Any));
        self.marks.is_empty() || self.marks.iter().any(|mark| lineage.contains(mark))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::super::samples::{graph, owned};
    use super::*;
    use crate::model::failure::Classified as _;

    fn stamp(graph: &Graph, current: &[&str], targets: &[&str]) -> Vec<String> {
        graph.stamp_plan(&owned(current), &owned(targets)).unwrap()
    }

    fn refused(graph: &Graph, current: &[&str], targets: &[&str]) -> &'static str {
        let outcome = graph.stamp_plan(&owned(current), &owned(targets));
        outcome.unwrap_err().reason()
    }

    const NOTHING: [&str; 0] = [];

    #[test]
    fn on_a_straight_line_the_row_becomes_the_target() {
        let line = graph(&["aaaa", "bbbb aaaa", "cccc bbbb"]);
        for (current, target, rows) in [
            (&[][..], "bbbb", &["bbbb"][..]),
            (&["aaaa"], "head", &["cccc"]),
            (&["cccc"], "bbbb", &["bbbb"]),
            (&["bbbb"], "bbbb", &["bbbb"]),
            (&["bbbb"], "base", &[]),
        ] {
            assert_eq!(stamp(&line, current, &[target]), rows, "{target}");
        }
        assert_eq!(refused(&line, &["aaaa"], &["+1"]), "INVALID_TARGET");
        assert_eq!(refused(&line, &["aaaa"], &[]), "INVALID_TARGET");
        assert_eq!(
            refused(&line, &["gone"], &["head"]),
            "UNKNOWN_DATABASE_REVISION"
        );
    }

    #[test]
    fn other_branches_keep_their_rows_and_a_merge_takes_all_of_its_own() {
        let graph = graph(&[
            "aaaa label:one",
            "bbbb label:two",
            "cccc aaaa bbbb",
            "dddd label:three",
        ]);
        assert_eq!(stamp(&graph, &["aaaa"], &["bbbb"]), ["aaaa", "bbbb"]);
        assert_eq!(
            stamp(&graph, &["aaaa", "bbbb", "dddd"], &["cccc"]),
            ["cccc", "dddd"]
        );
        assert_eq!(stamp(&graph, &["cccc", "dddd"], &["three@base"]), ["cccc"]);
        assert_eq!(stamp(&graph, &["cccc", "dddd"], &["base"]), NOTHING);
        assert_eq!(stamp(&graph, &[], &["heads"]), ["cccc", "dddd"]);
        assert_eq!(refused(&graph, &[], &["head"]), "MULTIPLE_HEADS");
        // Going down, one row cannot become two.
        assert_eq!(
            refused(&graph, &["cccc"], &["aaaa", "bbbb"]),
            "OVERLAPPING_TARGETS"
        );
        assert_eq!(stamp(&graph, &[], &["aaaa", "bbbb"]), ["aaaa", "bbbb"]);
    }

    #[test]
    fn several_heads_grow_from_one_row() {
        let graph = graph(&["aaaa", "bbbb aaaa", "cccc aaaa"]);
        assert_eq!(stamp(&graph, &["aaaa"], &["heads"]), ["bbbb", "cccc"]);
        assert_eq!(stamp(&graph, &["bbbb", "cccc"], &["aaaa"]), ["aaaa"]);
        for targets in [["aaaa", "bbbb"], ["bbbb", "bbbb"]] {
            assert_eq!(refused(&graph, &[], &targets), "OVERLAPPING_TARGETS");
        }
    }

    #[test]
    fn a_dependency_is_below_as_a_parent_is() {
        let graph = graph(&["aaaa", "bbbb needs:aaaa"]);
        assert_eq!(stamp(&graph, &["aaaa"], &["bbbb"]), ["bbbb"]);
        assert_eq!(stamp(&graph, &["bbbb"], &["aaaa"]), ["aaaa"]);
    }
}
