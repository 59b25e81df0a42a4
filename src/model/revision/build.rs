//! Joining scripts into a graph, and everything that can be wrong with a directory of them.

use std::collections::{BTreeMap, BTreeSet};

use thiserror::Error;

use super::{
    graph::{Graph, Node, Place, Relation},
    script::Script,
};
use crate::model::failure::{Classified, Kind, PreconditionViolation};

/// Why scripts do not make a graph.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum GraphError {
    /// Two files have one id.
    #[error("revision {revision} is in two files: {} and {}", files[0], files[1])]
    DuplicateRevision {
        /// The id.
        revision: String,
        /// The files' names.
        files: [String; 2],
    },
    /// A parent that no file has.
    #[error("{file} follows revision {parent}, which no file has")]
    MissingParent {
        /// The file whose header names the parent.
        file: String,
        /// The id that was not found.
        parent: String,
    },
    /// A dependency that no file has.
    #[error("{file} depends on {dependency}, which is neither a revision nor a label of any file")]
    MissingDependency {
        /// The file whose header names the dependency.
        file: String,
        /// The id or label that was not found.
        dependency: String,
    },
    /// Revisions that stand on each other.
    #[error("these revisions stand on each other in a circle: {}", files.join(", "))]
    Cycle {
        /// The files, each standing on the next and the last on the first.
        files: Vec<String>,
    },
    /// A label in two files.
    #[error("branch label {label} is in two files: {} and {}", files[0], files[1])]
    DuplicateLabel {
        /// The label.
        label: String,
        /// The files' names.
        files: [String; 2],
    },
    /// A label that is also an id.
    #[error("branch label {label} in {} is the revision in {}", files[0], files[1])]
    LabelIsRevision {
        /// The label.
        label: String,
        /// The file with the label, then the file of the revision.
        files: [String; 2],
    },
}

impl GraphError {
    fn files(&self) -> &[String] {
        match self {
            Self::DuplicateRevision { files, .. }
            | Self::DuplicateLabel { files, .. }
            | Self::LabelIsRevision { files, .. } => files,
            Self::MissingParent { file, .. } | Self::MissingDependency { file, .. } => {
                std::slice::from_ref(file)
            }
            Self::Cycle { files } => files,
        }
    }
}

impl Classified for GraphError {
    fn kind(&self) -> Kind {
        Kind::FailedPrecondition
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::DuplicateRevision { .. } => "DUPLICATE_REVISION",
            Self::MissingParent { .. } => "MISSING_PARENT",
            Self::MissingDependency { .. } => "MISSING_DEPENDENCY",
            Self::Cycle { .. } => "REVISION_CYCLE",
            Self::DuplicateLabel { .. } => "DUPLICATE_BRANCH_LABEL",
            Self::LabelIsRevision { .. } => "BRANCH_LABEL_IS_REVISION",
        }
    }

    fn preconditions(&self) -> Vec<PreconditionViolation> {
        let violation = |file: &String| PreconditionViolation {
            kind: self.reason().to_owned(),
            subject: format!("revision_file/{file}"),
            description: self.to_string(),
        };
        self.files().iter().map(violation).collect()
    }
}

impl Graph {
    /// Joins the scripts of one directory. Their order does not matter.
    pub fn new(mut scripts: Vec<Script>) -> Result<Self, GraphError> {
        scripts.sort_by(|a, b| (a.created, &a.revision).cmp(&(b.created, &b.revision)));
        let names = collect_names(&scripts)?;
        let mut ties = Vec::with_capacity(scripts.len());
        for script in &scripts {
            ties.push((
                find_parents(&names, &scripts, script)?,
                find_dependencies(&names, script)?,
            ));
        }
        let nodes = scripts
            .into_iter()
            .zip(ties)
            .map(|(script, (parents, dependencies))| Node {
                script,
                parents,
                dependencies,
                stands_on: Vec::new(),
                children: Vec::new(),
                carries: Vec::new(),
                labels: BTreeSet::new(),
            })
            .collect();
        let mut graph = Self { nodes, names };
        graph.link_upwards();
        if graph.newest_first().len() < graph.nodes.len() {
            return Err(graph.name_cycle());
        }
        graph.reduce_dependencies();
        graph.spread_labels();
        Ok(graph)
    }

    fn link_upwards(&mut self) {
        for place in 0..self.nodes.len() {
            for parent in self.nodes[place].parents.clone() {
                self.nodes[parent].children.push(place);
                self.nodes[parent].carries.push(place);
            }
            for dependency in self.nodes[place].dependencies.clone() {
                if !self.nodes[dependency].carries.contains(&place) {
                    self.nodes[dependency].carries.push(place);
                }
            }
        }
    }

    /// Finds one circle among the revisions that no order reaches: each of them carries another such one, so walking
    /// up from any must come round.
    fn name_cycle(&self) -> GraphError {
        let ordered: BTreeSet<Place> = self.newest_first().into_iter().collect();
        let stuck = |place: &Place| !ordered.contains(place);
        let mut walk: Vec<Place> = Vec::new();
        let mut next = (0..self.nodes.len()).find(stuck);
        while let Some(place) = next {
            if let Some(start) = walk.iter().position(|seen| *seen == place) {
                walk.drain(..start);
                break;
            }
            walk.push(place);
            next = self.nodes[place]
                .carries
                .iter()
                .copied()
                .find(|above| stuck(above));
        }
        // The walk went up; a reader expects each file to stand on the next.
        walk.reverse();
        let files = walk
            .into_iter()
            .map(|place| self.nodes[place].script.file_name.clone());
        GraphError::Cycle {
            files: files.collect(),
        }
    }

    fn reduce_dependencies(&mut self) {
        for place in 0..self.nodes.len() {
            let node = &self.nodes[place];
            let inherited: BTreeSet<Place> = if node.dependencies.is_empty() {
                BTreeSet::new()
            } else {
                let lineage = self.below(node.parents.iter().copied(), Relation::Branch);
                lineage
                    .into_iter()
                    .flat_map(|ancestor| self.nodes[ancestor].dependencies.iter().copied())
                    .collect()
            };
            let mut stands_on = node.parents.clone();
            for dependency in &node.dependencies {
                if !inherited.contains(dependency) && !stands_on.contains(dependency) {
                    stands_on.push(*dependency);
                }
            }
            self.nodes[place].stands_on = stands_on;
        }
    }

    fn spread_labels(&mut self) {
        for place in 0..self.nodes.len() {
            let labels = self.nodes[place].script.branch_labels.clone();
            if labels.is_empty() {
                continue;
            }
            let mut covered = self.above([place], Relation::Branch);
            if covered.iter().all(|place| self.is_on_straight_line(*place)) {
                let mut below = self.nodes[place].parents.first().copied();
                while let Some(place) = below.filter(|place| self.is_on_straight_line(*place)) {
                    covered.insert(place);
                    below = self.nodes[place].parents.first().copied();
                }
            }
            for place in covered {
                self.nodes[place].labels.extend(labels.iter().cloned());
            }
        }
    }

    /// Neither a merge nor anything that several revisions stand on.
    fn is_on_straight_line(&self, place: Place) -> bool {
        self.nodes[place].parents.len() <= 1 && self.nodes[place].carries.len() <= 1
    }
}

fn collect_names(scripts: &[Script]) -> Result<BTreeMap<String, Place>, GraphError> {
    let mut names = BTreeMap::new();
    let files = |a: Place, b: Place| [scripts[a].file_name.clone(), scripts[b].file_name.clone()];
    for (place, script) in scripts.iter().enumerate() {
        if let Some(other) = names.insert(script.revision.clone(), place) {
            return Err(GraphError::DuplicateRevision {
                revision: script.revision.clone(),
                files: files(other, place),
            });
        }
    }
    for (place, script) in scripts.iter().enumerate() {
        for label in &script.branch_labels {
            let Some(other) = names.insert(label.clone(), place) else {
                continue;
            };
            let label = label.clone();
            return Err(if scripts[other].revision == label {
                GraphError::LabelIsRevision {
                    label,
                    files: files(place, other),
                }
            } else {
                GraphError::DuplicateLabel {
                    label,
                    files: files(other, place),
                }
            });
        }
    }
    Ok(names)
}

/// Parents are named by id; a label will not do, as in Alembic.
fn find_parents(
    names: &BTreeMap<String, Place>,
    scripts: &[Script],
    script: &Script,
) -> Result<Vec<Place>, GraphError> {
    let mut parents = Vec::new();
    for parent in &script.down_revisions {
        let place = names
            .get(parent)
            .filter(|place| scripts[**place].revision == *parent);
        let place = *place.ok_or_else(|| GraphError::MissingParent {
            file: script.file_name.clone(),
            parent: parent.clone(),
        })?;
        if !parents.contains(&place) {
            parents.push(place);
        }
    }
    Ok(parents)
}

fn find_dependencies(
    names: &BTreeMap<String, Place>,
    script: &Script,
) -> Result<Vec<Place>, GraphError> {
    let mut dependencies = Vec::new();
    for dependency in &script.depends_on {
        let place = *names
            .get(dependency)
            .ok_or_else(|| GraphError::MissingDependency {
                file: script.file_name.clone(),
                dependency: dependency.clone(),
            })?;
        if !dependencies.contains(&place) {
            dependencies.push(place);
        }
    }
    Ok(dependencies)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::{super::samples::scripts, *};

    fn refused(texts: &[&str]) -> GraphError {
        Graph::new(scripts(texts)).unwrap_err()
    }

    fn file(revision: &str, minute: usize, slug: &str) -> String {
        format!("19700101000{minute}_{revision}_make_{slug}.sql")
    }

    #[test]
    fn two_files_with_one_id_are_named() {
        let files = [file("aaaa", 0, "aaaa"), file("aaaa", 1, "aaaa")];
        let revision = "aaaa".to_owned();
        assert_eq!(
            refused(&["aaaa", "aaaa"]),
            GraphError::DuplicateRevision { revision, files }
        );
    }

    #[test]
    fn a_missing_parent_or_dependency_is_named_with_the_file_that_wants_it() {
        let parent = "bbbb".to_owned();
        let file_name = file("aaaa", 0, "aaaa_bbbb");
        assert_eq!(
            refused(&["aaaa bbbb"]),
            GraphError::MissingParent {
                file: file_name,
                parent
            }
        );
        let error = refused(&["aaaa needs:gone"]);
        assert_eq!(error.reason(), "MISSING_DEPENDENCY");
        assert!(
            error.preconditions()[0]
                .subject
                .contains("aaaa_make_aaaa_needs_gone.sql")
        );
    }

    #[test]
    fn a_parent_is_named_by_id_and_a_dependency_by_id_or_label() {
        assert_eq!(
            refused(&["aaaa label:one", "bbbb one"]).reason(),
            "MISSING_PARENT"
        );
        let graph = Graph::new(scripts(&["aaaa label:one", "bbbb needs:one"])).unwrap();
        assert_eq!(graph.ancestors("bbbb"), ["aaaa"]);
    }

    #[test]
    fn a_circle_is_named_by_its_files_only() {
        let files = |error| match error {
            GraphError::Cycle { files } => files,
            other => panic!("{other}"),
        };
        let ids = |error| {
            let mut ids: Vec<String> = files(error)
                .iter()
                .map(|name| name[13..17].to_owned())
                .collect();
            ids.sort();
            ids
        };
        assert_eq!(ids(refused(&["aaaa aaaa"])), ["aaaa"]);
        assert_eq!(ids(refused(&["aaaa needs:aaaa"])), ["aaaa"]);
        let error = refused(&[
            "base1",
            "aaaa base1 cccc",
            "bbbb aaaa",
            "cccc bbbb",
            "dddd cccc",
        ]);
        assert_eq!(ids(error), ["aaaa", "bbbb", "cccc"]);
        let error = refused(&["aaaa needs:bbbb", "bbbb aaaa"]);
        assert_eq!(error.reason(), "REVISION_CYCLE");
        assert_eq!(ids(error), ["aaaa", "bbbb"]);
    }

    #[test]
    fn a_label_used_twice_or_equal_to_an_id_is_refused() {
        assert_eq!(
            refused(&["aaaa label:one", "bbbb label:one"]).reason(),
            "DUPLICATE_BRANCH_LABEL"
        );
        assert_eq!(
            refused(&["aaaa label:bbbb", "bbbb"]).reason(),
            "BRANCH_LABEL_IS_REVISION"
        );
        assert_eq!(
            refused(&["aaaa label:aaaa"]).reason(),
            "BRANCH_LABEL_IS_REVISION"
        );
    }

    #[test]
    fn a_label_covers_its_descendants_and_a_straight_line_below() {
        let labels = |texts: &[&str], revision: &str| -> Vec<String> {
            let graph = Graph::new(scripts(texts)).unwrap();
            graph.labels(revision).into_iter().collect()
        };
        let line = ["aaaa", "bbbb aaaa label:one", "cccc bbbb"];
        for revision in ["aaaa", "bbbb", "cccc"] {
            assert_eq!(labels(&line, revision), ["one"], "{revision}");
        }
        // It stops above a branching, and does not go down at all from one.
        let fork = [
            "aaaa",
            "bbbb aaaa label:one",
            "cccc aaaa label:two",
            "dddd bbbb",
        ];
        assert_eq!(labels(&fork, "dddd"), ["one"]);
        assert_eq!(labels(&fork, "cccc"), ["two"]);
        assert!(labels(&fork, "aaaa").is_empty());
        let below_fork = ["aaaa", "bbbb aaaa label:one", "cccc bbbb", "dddd bbbb"];
        assert!(labels(&below_fork, "aaaa").is_empty());
        assert_eq!(labels(&below_fork, "dddd"), ["one"]);
        // A merge carries the labels of both sides on.
        let merge = [
            "aaaa label:one",
            "bbbb label:two",
            "cccc aaaa bbbb",
            "dddd cccc",
        ];
        assert_eq!(labels(&merge, "dddd"), ["one", "two"]);
        assert_eq!(labels(&merge, "aaaa"), ["one"]);
    }
}
