//! Which objects are a step, and which are part of another's: what is made with a table or goes with it.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use super::{Builder, Node, Step};
use crate::model::{
    autogenerate::{
        fates::{Fate, Fates, leaves_parent},
        object::Object,
        rules::common_columns,
        side::Side,
        write::{constraints, tables},
    },
    schema::{ObjectKey, ObjectKind},
};

impl<'a> Builder<'_, 'a> {
    pub(super) fn find_moved(&mut self) {
        let tables = self.fates.iter().filter(|(key, fate)| {
            *fate == Fate::Replace
                && key.kind == ObjectKind::Table
                && !common_columns(self.old, self.new, key).is_empty()
        });
        self.steps.moved.extend(tables.map(|(key, _)| key));
        let of_tables = self
            .steps
            .moved
            .iter()
            .flat_map(|table| self.old.parts(table));
        let columns: Vec<&'a ObjectKey> = self
            .fates
            .retyped
            .iter()
            .chain(of_tables.filter(|part| part.kind == ObjectKind::Column))
            .copied()
            .collect();
        for column in columns {
            for kind in self.old.rests_on(column) {
                let is_type = matches!(
                    kind.kind,
                    ObjectKind::Enum
                        | ObjectKind::Domain
                        | ObjectKind::CompositeType
                        | ObjectKind::Collation
                );
                if is_type && self.fates.get(kind) == Some(Fate::Replace) {
                    self.steps.moved.insert(kind);
                }
            }
        }
    }

    pub(super) fn find_late_defaults(&mut self) {
        for (key, _) in self.fates.iter() {
            let late = key.kind == ObjectKind::Column
                && self.made_with_table(key)
                && self
                    .new
                    .object(key)
                    .is_some_and(|column| column.text("default").is_some())
                && self.new.rests_on(key).iter().any(|used| {
                    used.kind == ObjectKind::Function && self.fates.get(used).is_some()
                });
            if late {
                self.steps.late_defaults.insert(key);
            }
        }
    }

    /// Whether the column comes with its table.
    pub(super) fn made_with_table(&self, column: &ObjectKey) -> bool {
        self.new
            .carrier(column)
            .is_some_and(|table| self.fates.comes(table))
    }

    pub(super) fn find_inline(&mut self) {
        for (key, _) in self.fates.iter() {
            if key.kind != ObjectKind::Constraint || !self.fates.comes(key) {
                continue;
            }
            let Some((table, constraint)) = self.new.carrier(key).zip(self.new.object(key)) else {
                continue;
            };
            let of_new_table = self.fates.comes(table) && table.kind == ObjectKind::Table;
            if !of_new_table
                || constraints::is_foreign_key(&constraint)
                || constraints::is_not_valid(&constraint)
            {
                continue;
            }
            let inherited = constraint.text("origin") == Some("inherited");
            let of_partition = self
                .new
                .object(table)
                .is_some_and(|table| table.text("partition of").is_some());
            if inherited && !of_partition {
                continue;
            }
            let needs_only_table = self.new.rests_on(key).iter().all(|used| {
                self.fates.get(used).is_none()
                    || *used == table
                    || self.new.carrier(used) == Some(table)
                    || self.new.rests_on(table).contains(used)
                    || used.kind == ObjectKind::Constraint
            });
            if needs_only_table && !self.repeats_another(key, &constraint) {
                self.steps.inline.insert(key);
            }
        }
    }

    /// Whether a unique constraint has the columns of another one or of the primary key: CREATE TABLE makes one of both.
    fn repeats_another(&self, key: &ObjectKey, constraint: &Object<'_>) -> bool {
        let Some((table, columns)) = self.new.carrier(key).zip(unique_columns(constraint)) else {
            return false;
        };
        let mut others = self.new.parts(table).iter().filter(|other| **other != key);
        constraint.text("type") == Some("unique")
            && others.any(|other| {
                self.new
                    .object(other)
                    .is_some_and(|other| unique_columns(&other) == Some(columns))
            })
    }

    /// The step after which the object is as it should be; none for one that stays as it is.
    pub(super) fn make(&self, key: &'a ObjectKey) -> Option<Node<'a>> {
        match self.fates.get(key)? {
            Fate::Drop => None,
            Fate::Alter => Some((Step::Alter, key)),
            Fate::Create | Fate::Replace => {
                Some(self.made_with(key).unwrap_or((Step::Create, key)))
            }
        }
    }

    /// The step that an object is made by the way in.
    pub(super) fn made_with(&self, key: &'a ObjectKey) -> Option<Node<'a>> {
        let object = self.new.object(key)?;
        let carrier = self.new.carrier(key);
        match key.kind {
            ObjectKind::Column => {
                let carrier = carrier?;
                let view = matches!(
                    carrier.kind,
                    ObjectKind::View | ObjectKind::MaterializedView
                );
                if self.fates.comes(carrier) {
                    return Some((Step::Create, carrier));
                }
                view.then_some((Step::Alter, carrier))
            }
            ObjectKind::Sequence if object.flag("identity") => {
                let column = self
                    .new
                    .rests_on(key)
                    .iter()
                    .find(|used| used.kind == ObjectKind::Column)?;
                self.make(column)
            }
            ObjectKind::Constraint if self.steps.inline.contains(key) => {
                Some((Step::Create, carrier?))
            }
            ObjectKind::Constraint | ObjectKind::Trigger
                if object.text("origin") == Some("inherited") =>
            {
                if constraints::has_index(&object) {
                    return None;
                }
                let table = carrier?;
                if self.joins(table) {
                    return Some((Step::Attach, table));
                }
                self.fates.comes(table).then_some((Step::Create, table))
            }
            _ => None,
        }
    }

    pub(super) fn joins(&self, table: &ObjectKey) -> bool {
        let Some(after) = self.new.object(table) else {
            return false;
        };
        let before = self.old.object(table).filter(|_| self.stays(table));
        tables::joins_parent(before.as_ref(), &after)
    }

    /// The step by which the object that was there is gone.
    pub(super) fn unmake(&self, key: &'a ObjectKey) -> Option<Node<'a>> {
        if !self.fates.goes(key) {
            return None;
        }
        if self.steps.moved.contains(key) {
            return Some((Step::Discard, key));
        }
        Some(self.dropped_with(key).unwrap_or((Step::Drop, key)))
    }

    /// The step that an object goes by the way in.
    pub(super) fn dropped_with(&self, key: &'a ObjectKey) -> Option<Node<'a>> {
        let object = self.old.object(key)?;
        if key.kind == ObjectKind::Sequence {
            if object.flag("identity") {
                let column = self
                    .old
                    .rests_on(key)
                    .iter()
                    .find(|used| used.kind == ObjectKind::Column)?;
                return self.unmake(column).or_else(|| {
                    let loses = self.fates.released.contains(column);
                    loses.then_some((Step::Release, *column))
                });
            }
            return self.unmake(self.old.owner_column(key)?);
        }
        let carrier = self.old.carrier(key)?;
        if self.circular.contains(key) {
            return None;
        }
        if self.fates.goes(carrier) {
            return self.unmake(carrier);
        }
        match key.kind {
            ObjectKind::Column => {
                if matches!(
                    carrier.kind,
                    ObjectKind::View | ObjectKind::MaterializedView
                ) {
                    return Some((Step::Alter, carrier));
                }
                let inherited = object.text("origin") == Some("inherited");
                self.unmake(self.parent_part(key).filter(|_| inherited)?)
            }
            ObjectKind::Index | ObjectKind::Constraint | ObjectKind::Trigger => {
                if let Some(parent) = self.parent_part(key)
                    && self.fates.goes(parent)
                    && !leaves_parent(self.old, self.new, key)
                {
                    return self.unmake(parent);
                }
                if constraints::is_foreign_key(&object) && object.text("origin").is_none()
                    || key.kind == ObjectKind::Trigger
                {
                    return None;
                }
                self.with_column(key, carrier)
            }
            ObjectKind::Statistics => self.with_column(key, carrier),
            _ => None,
        }
    }

    /// Indexes and checks go with any of their columns.
    pub(super) fn with_column(&self, key: &ObjectKey, carrier: &ObjectKey) -> Option<Node<'a>> {
        let columns = self
            .old
            .rests_on(key)
            .iter()
            .filter(|used| used.kind == ObjectKind::Column);
        let mut own = columns.filter(|column| self.old.carrier(column) == Some(carrier));
        let gone = own.find(|column| self.fates.get(column) == Some(Fate::Drop))?;
        self.unmake(gone)
    }

    /// What a part of a partition or child has from its parent.
    pub(super) fn parent_part(&self, key: &ObjectKey) -> Option<&'a ObjectKey> {
        let used = self.old.rests_on(key).iter();
        let mut parents = used.filter(|used| {
            used.kind == key.kind && self.old.carrier(used) != self.old.carrier(key)
        });
        let object = self.old.object(key)?;
        let of_index = object
            .text("partition of")
            .or_else(|| object.detail("index of"));
        let inherited = object.text("origin").is_some() || of_index.is_some();
        parents
            .find(|parent| {
                inherited
                    && (key.kind != ObjectKind::Constraint
                        || !constraints::is_foreign_key(&object)
                        || self.refers_like(key, parent))
            })
            .copied()
    }

    /// Whether a foreign key of a partition is that of its parent, and not one that refers to what the other serves.
    pub(super) fn refers_like(&self, key: &ObjectKey, parent: &ObjectKey) -> bool {
        let type_of = |key| {
            self.old
                .object(key)
                .and_then(|object| object.text("type").map(str::to_owned))
        };
        type_of(key) == type_of(parent)
    }

    /// Whether the rows of a partition are copied with those of its parent.
    pub(super) fn is_filled_through_parent(&self, table: &ObjectKey) -> bool {
        let parent = self.old.partitioned_table(table);
        parent.is_some_and(|parent| self.steps.moved.contains(parent))
    }

    /// Whether a table was there and stays.
    pub(super) fn stays(&self, table: &ObjectKey) -> bool {
        !self.fates.comes(table)
    }
}

/// Foreign keys between dropped tables that refer to each other: they are dropped first.
pub(super) fn circular_keys<'a>(old: &Side<'a>, fates: &Fates<'a>) -> HashSet<&'a ObjectKey> {
    let mut refers: BTreeMap<&ObjectKey, BTreeSet<&ObjectKey>> = BTreeMap::new();
    let mut keys = Vec::new();
    for (key, _) in fates
        .iter()
        .filter(|(key, _)| key.kind == ObjectKind::Constraint)
    {
        let Some((constraint, table)) = old.object(key).zip(old.carrier(key)) else {
            continue;
        };
        let referenced = constraint
            .detail("references")
            .and_then(|table| old.carrier_named(table));
        let Some(referenced) = referenced.filter(|_| constraints::is_foreign_key(&constraint))
        else {
            continue;
        };
        if fates.goes(table) && fates.goes(referenced) && table != referenced {
            refers.entry(table).or_default().insert(referenced);
            keys.push((key, table, referenced));
        }
    }
    let reaches = |from: &ObjectKey, to: &ObjectKey| {
        let mut seen = BTreeSet::new();
        let mut waiting = vec![from];
        while let Some(table) = waiting.pop() {
            if table == to {
                return true;
            }
            if seen.insert(table) {
                waiting.extend(refers.get(table).into_iter().flatten());
            }
        }
        false
    };
    let circular = keys
        .iter()
        .filter(|(_, table, referenced)| reaches(referenced, table));
    circular.map(|(key, _, _)| *key).collect()
}

/// The columns of a primary key or unique constraint, as its definition says them.
fn unique_columns<'o>(constraint: &Object<'o>) -> Option<&'o str> {
    let definition = constraint.text("definition")?;
    let columns = definition.strip_prefix("PRIMARY KEY ");
    columns.or_else(|| definition.strip_prefix("UNIQUE "))
}
