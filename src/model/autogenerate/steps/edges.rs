//! Which steps must come before which: what is made rests on what is there, and what goes goes before what it rests on.

use std::collections::HashMap;

use super::{Builder, Node, Step};
use crate::model::{
    autogenerate::{
        fates::Fate, rules::taken_name, settle::default_privileges_word, side::Side,
        write::constraints,
    },
    schema::{ObjectKey, ObjectKind},
};

impl<'a> Builder<'_, 'a> {
    pub(super) fn add_edges_of_making(&mut self) {
        for (dependent, used) in self.new.dependencies() {
            let is_parent = self.new.object(dependent).is_some_and(|object| {
                object.text("partition of") == Some(used.identity.as_str())
                    && dependent.kind != ObjectKind::Index
            });
            if is_parent {
                continue;
            }
            let inline_pair = self
                .new
                .carrier(dependent)
                .is_some_and(|table| self.joins(table))
                && self.is_of_parent(dependent, used);
            if inline_pair {
                continue;
            }
            let (mut then, first) = (self.make(dependent), self.make(used));
            if used.kind == ObjectKind::Function && self.steps.late_defaults.contains(dependent) {
                then = Some((Step::Default, dependent));
            }
            self.edges(first, then);
        }
        let nodes: Vec<Node<'a>> = self.steps.nodes.iter().copied().collect();
        for (step, key) in nodes {
            match step {
                Step::Own => {
                    let column = self.new.owner_column(key);
                    self.edges(self.make(key), Some((step, key)));
                    self.edges(
                        column.and_then(|column| self.make(column)),
                        Some((step, key)),
                    );
                    self.edge((Step::Release, key), (step, key));
                }
                // The columns of a typed table come with its type's.
                Step::Create if key.kind == ObjectKind::Column => {
                    let table = self.new.carrier(key);
                    let used = table.map(|table| self.new.rests_on(table).to_vec());
                    for kind in used.into_iter().flatten() {
                        if kind.kind == ObjectKind::CompositeType {
                            self.edges(self.make(kind), Some((step, key)));
                        }
                    }
                }
                Step::NotNull => {
                    self.edges(self.make(key), Some((step, key)));
                    for dependent in self.new.dependents(key) {
                        let primary = self
                            .new
                            .object(dependent)
                            .is_some_and(|object| object.text("type") == Some("primary key"));
                        if primary {
                            self.edges(Some((step, key)), self.make(dependent));
                        }
                    }
                }
                Step::Default | Step::Validate => self.edges(self.make(key), Some((step, key))),
                Step::Move => {
                    self.edge((step, key), (Step::Create, key));
                    self.edge((Step::Create, key), (Step::Discard, key));
                    self.edge((Step::Release, key), (step, key));
                }
                Step::Fill => {
                    self.edge((Step::Create, key), (step, key));
                    self.edge((step, key), (Step::Discard, key));
                    self.add_edges_of_filling(key);
                }
                _ => {}
            }
        }
        let released: Vec<&'a ObjectKey> = self.fates.released.iter().copied().collect();
        for key in released {
            self.edge((Step::Release, key), (Step::Alter, key));
        }
    }

    /// Whether the second is what the first has from its parent.
    pub(super) fn is_of_parent(&self, dependent: &ObjectKey, used: &ObjectKey) -> bool {
        dependent.kind == used.kind
            && self.new.carrier(dependent) != self.new.carrier(used)
            && self
                .new
                .object(dependent)
                .is_some_and(|object| !constraints::is_foreign_key(&object))
    }

    pub(super) fn add_edges_of_dropping(&mut self) {
        for (dependent, used) in self.old.dependencies() {
            let (dependent_gone, used_gone) = (self.unmake(dependent), self.unmake(used));
            if let Some(gone) = used_gone {
                if dependent_gone.is_some() {
                    // What a table that is aside has from its parent goes from it too.
                    let aside = dependent_gone.is_some_and(|(step, _)| step == Step::Discard);
                    let inherited = dependent.kind == used.kind
                        && matches!(dependent.kind, ObjectKind::Column | ObjectKind::Constraint)
                        && self.old.carrier(dependent) != self.old.carrier(used)
                        && self
                            .old
                            .object(dependent)
                            .is_some_and(|object| !constraints::is_foreign_key(&object));
                    if !(aside && inherited && gone.0 == Step::Drop) {
                        self.edges(dependent_gone, used_gone);
                    }
                } else if self.fates.released.contains(dependent)
                    && self.retypes_nothing(dependent, used)
                {
                    self.edge((Step::Release, dependent), gone);
                } else if self.fates.get(dependent) == Some(Fate::Alter) {
                    self.edge((Step::Alter, dependent), gone);
                    self.edge((Step::Detach, dependent), gone);
                }
                // A partition that goes stays with its parent until its rows are taken over.
                let is_partition =
                    dependent.kind == ObjectKind::Table && used.kind == ObjectKind::Table;
                if self.steps.moved.contains(used)
                    && !is_partition
                    && dependent_gone.is_some_and(|(step, _)| step == Step::Drop)
                {
                    self.edges(dependent_gone, Some((Step::Move, used)));
                }
            } else if self.fates.get(used) == Some(Fate::Alter)
                && dependent_gone.is_some_and(|(step, _)| step != Step::Discard)
                && matches!(used.kind, ObjectKind::Column | ObjectKind::CompositeType)
            {
                if self.fates.released.contains(used) {
                    self.edges(dependent_gone, Some((Step::Release, used)));
                }
                self.edges(dependent_gone, Some((Step::Alter, used)));
            }
        }
        for (key, fate) in self.fates.iter() {
            if fate == Fate::Replace {
                let (gone, made) = (self.unmake(key), self.make(key));
                if gone.is_some_and(|(step, _)| step != Step::Discard) {
                    self.edges(gone, made);
                }
            }
            if key.kind == ObjectKind::Sequence
                && self.fates.released.contains(key)
                && let Some(column) = self.old.owner_column(key)
            {
                self.edges(Some((Step::Release, key)), self.unmake(column));
                if let Some(table) = self.old.carrier(key) {
                    self.edge((Step::Release, key), (Step::Move, table));
                }
            }
        }
    }

    /// Whether the column lets the other go by its default alone.
    pub(super) fn retypes_nothing(&self, dependent: &ObjectKey, used: &ObjectKey) -> bool {
        !self.steps.moved.contains(used) && dependent.kind == ObjectKind::Column
    }

    /// Two objects of one name cannot be there at once, whatever their kinds.
    pub(super) fn add_edges_of_names(&mut self) {
        let mut freed: HashMap<String, Vec<&'a ObjectKey>> = HashMap::new();
        for (key, _) in self.fates.iter().filter(|(key, _)| self.fates.goes(key)) {
            if let Some(name) = taken_name(self.old, key) {
                freed.entry(name).or_default().push(key);
            }
        }
        for (key, _) in self.fates.iter().filter(|(key, _)| self.fates.comes(key)) {
            let name = taken_name(self.new, key);
            for gone in name.and_then(|name| freed.get(&name)).into_iter().flatten() {
                if *gone != key {
                    self.edges(self.unmake(gone), self.make(key));
                }
            }
        }
    }

    /// A table is clustered on one index: what was it says so before what becomes it.
    pub(super) fn add_edges_of_clustering(&mut self) {
        let is = |side: &Side<'a>, key: &ObjectKey| {
            side.object(key)
                .is_some_and(|object| object.flag("clustered"))
        };
        let altered = self
            .fates
            .iter()
            .filter(|(key, fate)| *fate == Fate::Alter && is(self.old, key) && !is(self.new, key));
        let losing: Vec<&'a ObjectKey> = altered.map(|(key, _)| key).collect();
        for key in losing {
            let others = self
                .new
                .carrier(key)
                .map(|table| self.new.parts(table).to_vec());
            for other in others
                .into_iter()
                .flatten()
                .filter(|other| is(self.new, other))
            {
                self.edges(Some((Step::Alter, key)), self.make(other));
            }
        }
    }

    /// What is made gets the default privileges from before: they change last.
    pub(super) fn add_edges_of_default_privileges(&mut self) {
        let nodes = self.steps.nodes.iter().copied();
        let (defaults, others): (Vec<Node<'a>>, Vec<Node<'a>>) =
            nodes.partition(|(_, key)| key.kind == ObjectKind::DefaultPrivileges);
        let made = others.iter().filter(|(step, key)| {
            *step == Step::Create && default_privileges_word(key.kind).is_some()
        });
        for created in made {
            for changed in &defaults {
                self.edge(*created, *changed);
            }
        }
    }

    /// A logged table cannot refer to an unlogged one.
    pub(super) fn add_edges_of_logging(&mut self) {
        let becomes = |key: &ObjectKey| {
            let (before, after) = self.old.object(key).zip(self.new.object(key))?;
            let (before, after) = (before.text("persistence")?, after.text("persistence")?);
            (before != after).then(|| after.to_owned())
        };
        let mut edges = Vec::new();
        for (dependent, used) in self.new.dependencies() {
            let Some(table) = self.new.carrier(dependent) else {
                continue;
            };
            let used = self.new.carrier(used).unwrap_or(used);
            let pair = becomes(table).zip(becomes(used));
            if dependent.kind != ObjectKind::Constraint || table == used {
                continue;
            }
            match pair {
                Some((_, logged)) if logged == "permanent" => edges.push((used, table)),
                Some(_) => edges.push((table, used)),
                None => {}
            }
        }
        for (first, then) in edges {
            self.edge((Step::Alter, first), (Step::Alter, then));
        }
    }
}
