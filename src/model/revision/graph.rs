//! All scripts of a directory and how they follow each other.
//!
//! Two relations tie revisions together, and the difference runs through everything that follows: a *parent*
//! (`down_revision`) makes the branches that targets walk along; a *dependency* (`depends_on`) only says what must be
//! applied before. Parents and dependencies together are what a revision *stands on*.

use std::collections::{BTreeMap, BTreeSet, BinaryHeap};

use super::script::Script;

/// A revision's place in the graph: its index when all are sorted by time of creation, then id.
pub(super) type Place = usize;

/// One revision with its neighbours.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) script: Script,
    /// In the order of the header.
    pub(super) parents: Vec<Place>,
    /// In the order of the header, labels resolved.
    pub(super) dependencies: Vec<Place>,
    /// Parents, then those dependencies that no revision further down its branches depends on already. These are the
    /// revisions whose rows in the version table this one takes over.
    pub(super) stands_on: Vec<Place>,
    pub(super) children: Vec<Place>,
    /// Children, and revisions that depend on this one.
    pub(super) carries: Vec<Place>,
    /// Labels of all branches that it is on.
    pub(super) labels: BTreeSet<String>,
}

/// A set of scripts that fit together: no circle, nothing missing, no name twice.
#[derive(Clone, Debug)]
pub struct Graph {
    pub(super) nodes: Vec<Node>,
    /// Ids and labels.
    pub(super) names: BTreeMap<String, Place>,
}

impl Graph {
    /// True without any script.
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// How many scripts there are.
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// The script with exactly this id.
    pub fn get(&self, revision: &str) -> Option<&Script> {
        self.place(revision).map(|place| &self.node(place).script)
    }

    /// All scripts, newest first: each stands before all that it stands on; where that leaves a choice, the later
    /// creation time comes first, then the greater id.
    pub fn iter(&self) -> impl Iterator<Item = &Script> {
        self.newest_first()
            .into_iter()
            .map(|place| &self.nodes[place].script)
    }

    /// The ids without children, sorted: what `head` may mean.
    pub fn heads(&self) -> Vec<String> {
        self.ids(self.head_places())
    }

    /// The rows of the version table once everything is applied, sorted: the heads, less those that another revision
    /// depends on. What `heads` means as a target.
    pub fn version_rows(&self) -> Vec<String> {
        self.ids(self.topmost_places())
    }

    /// The ids without parents, sorted.
    pub fn bases(&self) -> Vec<String> {
        self.ids(self.base_places())
    }

    /// The parents' ids, sorted. Empty for a base and for an unknown id.
    pub fn parents(&self, revision: &str) -> Vec<String> {
        self.ids(
            self.place(revision)
                .into_iter()
                .flat_map(|place| self.node(place).parents.clone()),
        )
    }

    /// The children's ids, sorted.
    pub fn children(&self, revision: &str) -> Vec<String> {
        self.ids(
            self.place(revision)
                .into_iter()
                .flat_map(|place| self.node(place).children.clone()),
        )
    }

    /// Everything that must be applied before this revision, dependencies included, itself not; sorted.
    pub fn ancestors(&self, revision: &str) -> Vec<String> {
        let place = self.place(revision);
        let below = self.below(place, Relation::Any).into_iter();
        self.ids(below.filter(|below| Some(*below) != place))
    }

    /// The labels of all branches that the revision is on, as Alembic reckons them: a label covers all descendants of
    /// its revision, and, where the way up from there is one straight line, also the ancestors down to a branching or
    /// a merge.
    pub fn labels(&self, revision: &str) -> BTreeSet<String> {
        self.place(revision)
            .map(|place| self.node(place).labels.clone())
            .unwrap_or_default()
    }

    pub(super) fn node(&self, place: Place) -> &Node {
        &self.nodes[place]
    }

    pub(super) fn id(&self, place: Place) -> &str {
        &self.nodes[place].script.revision
    }

    /// The ids of some places, sorted.
    pub(super) fn ids(&self, places: impl IntoIterator<Item = Place>) -> Vec<String> {
        let mut ids: Vec<String> = places
            .into_iter()
            .map(|place| self.id(place).to_owned())
            .collect();
        ids.sort();
        ids
    }

    /// The place of exactly this id; a label is none.
    pub(super) fn place(&self, revision: &str) -> Option<Place> {
        self.named(revision)
            .filter(|place| self.id(*place) == revision)
    }

    /// The place of exactly this id or label.
    pub(super) fn named(&self, name: &str) -> Option<Place> {
        self.names.get(name).copied()
    }

    /// All ids and labels with their places.
    pub(super) fn names(&self) -> impl Iterator<Item = (&str, Place)> {
        self.names
            .iter()
            .map(|(name, place)| (name.as_str(), *place))
    }

    pub(super) fn head_places(&self) -> Vec<Place> {
        self.places(|node| node.children.is_empty())
    }

    pub(super) fn topmost_places(&self) -> Vec<Place> {
        self.places(|node| node.carries.is_empty())
    }

    pub(super) fn base_places(&self) -> Vec<Place> {
        self.places(|node| node.parents.is_empty())
    }

    fn places(&self, choose: impl Fn(&Node) -> bool) -> Vec<Place> {
        (0..self.nodes.len())
            .filter(|place| choose(&self.nodes[*place]))
            .collect()
    }

    /// The given places and everything below them.
    pub(super) fn below(
        &self,
        from: impl IntoIterator<Item = Place>,
        relation: Relation,
    ) -> BTreeSet<Place> {
        closure(from, |place| match relation {
            Relation::Branch => &self.nodes[place].parents,
            Relation::Any => &self.nodes[place].stands_on,
        })
    }

    /// The given places and everything above them.
    pub(super) fn above(
        &self,
        from: impl IntoIterator<Item = Place>,
        relation: Relation,
    ) -> BTreeSet<Place> {
        closure(from, |place| match relation {
            Relation::Branch => &self.nodes[place].children,
            Relation::Any => &self.nodes[place].carries,
        })
    }

    /// Shorter than the number of scripts when there is a cycle.
    pub(super) fn newest_first(&self) -> Vec<Place> {
        let mut waiting: Vec<usize> = self.nodes.iter().map(|node| node.carries.len()).collect();
        let mut ready: BinaryHeap<Place> = self.topmost_places().into();
        let mut order = Vec::with_capacity(self.nodes.len());
        while let Some(place) = ready.pop() {
            order.push(place);
            let node = &self.nodes[place];
            let below: BTreeSet<Place> = node
                .parents
                .iter()
                .chain(&node.dependencies)
                .copied()
                .collect();
            for below in below {
                waiting[below] -= 1;
                if waiting[below] == 0 {
                    ready.push(below);
                }
            }
        }
        order
    }
}

/// Which ties a walk follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Relation {
    /// Parents and children only.
    Branch,
    /// Dependencies too.
    Any,
}

fn closure<'a>(
    from: impl IntoIterator<Item = Place>,
    next: impl Fn(Place) -> &'a [Place],
) -> BTreeSet<Place> {
    let mut seen = BTreeSet::new();
    let mut waiting: Vec<Place> = from.into_iter().collect();
    while let Some(place) = waiting.pop() {
        if seen.insert(place) {
            waiting.extend(next(place));
        }
    }
    seen
}

#[cfg(test)]
mod tests {
    use super::super::samples::graph;

    #[test]
    fn heads_and_bases_look_at_parents_and_version_rows_at_dependencies_too() {
        let graph = graph(&["aaaa", "bbbb", "cccc aaaa", "dddd bbbb needs:cccc"]);
        assert_eq!(graph.heads(), ["cccc", "dddd"]);
        assert_eq!(graph.version_rows(), ["dddd"]);
        assert_eq!(graph.bases(), ["aaaa", "bbbb"]);
        assert_eq!(graph.parents("dddd"), ["bbbb"]);
        assert_eq!(graph.children("cccc"), Vec::<String>::new());
        assert_eq!(graph.ancestors("dddd"), ["aaaa", "bbbb", "cccc"]);
        assert_eq!(graph.ancestors("unknown"), Vec::<String>::new());
    }

    #[test]
    fn newest_first_puts_each_revision_before_what_it_stands_on() {
        let ids = |texts: &[&str]| -> Vec<String> {
            graph(texts)
                .iter()
                .map(|script| script.revision.clone())
                .collect()
        };
        assert_eq!(
            ids(&["aaaa", "bbbb aaaa", "cccc aaaa", "dddd bbbb"]),
            ["dddd", "cccc", "bbbb", "aaaa"]
        );
        // The creation times lie: a parent made after its child.
        assert_eq!(
            ids(&["aaaa bbbb", "bbbb", "cccc"]),
            ["cccc", "aaaa", "bbbb"]
        );
    }

    #[test]
    fn an_empty_directory_is_an_empty_graph() {
        let graph = graph(&[]);
        assert!(graph.is_empty());
        assert_eq!(graph.iter().count() + graph.len(), 0);
        assert!(graph.heads().is_empty());
    }

    #[test]
    fn a_label_is_no_revision() {
        let graph = graph(&["aaaa label:one"]);
        assert!(graph.get("aaaa").is_some());
        assert!(graph.get("one").is_none());
        assert!(graph.labels("one").is_empty());
    }
}
