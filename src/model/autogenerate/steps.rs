//! The steps of a plan, and which of them must come before which.
//!
//! Most objects that come or go are a step. Some are part of another's: the columns of a new table are made with it, and what
//! hangs on a dropped table goes with it.

mod edges;
mod partitions;
mod parts;

use std::collections::{BTreeMap, BTreeSet, HashSet};

use super::{
    Form,
    fates::{Fate, Fates},
    rules::{is_added_not_valid, is_not_null_later},
    side::Side,
    write::{constraints, tables},
};
use crate::model::schema::{ObjectKey, ObjectKind};

/// What is done to an object, in the order in which steps go where nothing else decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Step {
    /// A column lets go of its default, a sequence of its column.
    Release,
    /// A partition leaves its parent.
    Detach,
    /// It is dropped.
    Drop,
    /// A type takes another name, so that its columns can go over to the new one; a table goes aside with its rows.
    Move,
    /// It is made.
    Create,
    /// It is altered.
    Alter,
    /// A column gets its default, which uses what could not be there before the table.
    Default,
    /// A sequence is given to a column.
    Own,
    /// A table becomes a partition.
    Attach,
    /// A table gets the rows of the one that went aside.
    Fill,
    /// A column of a table with rows becomes NOT NULL.
    NotNull,
    /// The rows that were there are looked at.
    Validate,
    /// What was moved is dropped.
    Discard,
}

/// A step of the plan.
pub(super) type Node<'a> = (Step, &'a ObjectKey);

/// All steps with their order.
pub(super) struct Steps<'a> {
    pub(super) nodes: BTreeSet<Node<'a>>,
    /// For each step those that must come after it.
    pub(super) before: BTreeMap<Node<'a>, BTreeSet<Node<'a>>>,
    /// Constraints that are written into the statement of their new table.
    pub(super) inline: HashSet<&'a ObjectKey>,
    /// Columns of new tables that get their default later.
    pub(super) late_defaults: HashSet<&'a ObjectKey>,
    /// Types and tables that are moved.
    pub(super) moved: HashSet<&'a ObjectKey>,
    /// What is made by the way in a step of another object's.
    pub(super) members: BTreeMap<Node<'a>, Vec<&'a ObjectKey>>,
}

/// Makes the steps.
pub(super) fn steps<'a>(
    old: &Side<'a>,
    new: &Side<'a>,
    fates: &Fates<'a>,
    form: Form,
) -> Steps<'a> {
    let mut builder = Builder {
        old,
        new,
        fates,
        form,
        circular: parts::circular_keys(old, fates),
        steps: Steps {
            nodes: BTreeSet::new(),
            before: BTreeMap::new(),
            inline: HashSet::new(),
            late_defaults: HashSet::new(),
            moved: HashSet::new(),
            members: BTreeMap::new(),
        },
    };
    builder.find_moved();
    builder.find_late_defaults();
    builder.find_inline();
    builder.add_nodes();
    builder.add_edges_of_making();
    builder.add_edges_of_dropping();
    builder.add_edges_of_names();
    builder.add_edges_of_partitions();
    builder.add_edges_of_clustering();
    builder.add_edges_of_logging();
    builder.add_edges_of_default_privileges();
    builder.steps
}

struct Builder<'s, 'a> {
    old: &'s Side<'a>,
    new: &'s Side<'a>,
    fates: &'s Fates<'a>,
    form: Form,
    /// Foreign keys between dropped tables that refer to each other.
    circular: HashSet<&'a ObjectKey>,
    steps: Steps<'a>,
}

impl<'a> Builder<'_, 'a> {
    fn add_nodes(&mut self) {
        for (key, fate) in self.fates.iter() {
            let goes = matches!(fate, Fate::Drop | Fate::Replace);
            let comes = matches!(fate, Fate::Create | Fate::Replace);
            if goes {
                if let Some(node) = self.unmake(key) {
                    self.steps.nodes.insert(node);
                }
                if self.steps.moved.contains(key) {
                    self.steps.nodes.insert((Step::Move, key));
                    if key.kind == ObjectKind::Table && !self.is_filled_through_parent(key) {
                        self.steps.nodes.insert((Step::Fill, key));
                    }
                }
            }
            if comes {
                if let Some(node) = self.make(key) {
                    self.steps.nodes.insert(node);
                    if node.1 != key {
                        self.steps.members.entry(node).or_default().push(key);
                    }
                }
                if self.steps.late_defaults.contains(key) {
                    self.steps.nodes.insert((Step::Default, key));
                }
            }
            if fate == Fate::Alter {
                self.steps.nodes.insert((Step::Alter, key));
            }
            let more = self.further_steps(key, fate);
            self.steps.nodes.extend(more);
        }
        for key in &self.fates.released {
            self.steps.nodes.insert((Step::Release, key));
        }
    }

    fn further_steps(&self, key: &'a ObjectKey, fate: Fate) -> Vec<Node<'a>> {
        let mut more = Vec::new();
        let comes = matches!(fate, Fate::Create | Fate::Replace);
        let (before, after) = (self.old.object(key), self.new.object(key));
        let Some(after) = after else { return more };
        let before = before.filter(|_| fate == Fate::Alter);
        match key.kind {
            ObjectKind::Table | ObjectKind::ForeignTable => {
                if before.is_some_and(|before| tables::leaves_parent(&before, &after)) {
                    more.push((Step::Detach, key));
                }
                if tables::joins_parent(before.as_ref(), &after) {
                    more.push((Step::Attach, key));
                }
            }
            ObjectKind::Sequence if !after.flag("identity") => {
                let given =
                    before.is_none_or(|before| before.text("owned by") != after.text("owned by"));
                let again = self.fates.released.contains(key);
                if (given || again) && (before.is_some() || after.text("owned by").is_some()) {
                    more.push((Step::Own, key));
                }
            }
            ObjectKind::Column if self.is_not_null_later(key) => more.push((Step::NotNull, key)),
            ObjectKind::Constraint => {
                let validated =
                    before.is_some_and(|before| constraints::is_validated(&before, &after));
                if validated || comes && self.is_validated_later(key) {
                    more.push((Step::Validate, key));
                }
            }
            _ => {}
        }
        more
    }

    fn online(&self) -> bool {
        matches!(self.form, Form::Online | Form::StepByStep)
    }

    pub(super) fn is_not_null_later(&self, column: &ObjectKey) -> bool {
        is_not_null_later(self.old, self.new, self.fates, self.form, column)
    }

    fn is_validated_later(&self, key: &ObjectKey) -> bool {
        self.online()
            && is_added_not_valid(self.new, self.fates, key)
            && self
                .new
                .object(key)
                .is_some_and(|constraint| !constraints::is_not_valid(&constraint))
    }

    fn edge(&mut self, first: Node<'a>, then: Node<'a>) {
        let known = self.steps.nodes.contains(&first) && self.steps.nodes.contains(&then);
        if first != then && known {
            self.steps.before.entry(first).or_default().insert(then);
        }
    }

    fn edges(&mut self, first: Option<Node<'a>>, then: Option<Node<'a>>) {
        if let (Some(first), Some(then)) = (first, then) {
            self.edge(first, then);
        }
    }
}
