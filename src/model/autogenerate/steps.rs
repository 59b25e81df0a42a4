//! The steps of a plan, and which of them must come before which.
//!
//! Most objects that come or go are a step. Some are part of another's: the columns of a new table are made with it, and what
//! hangs on a dropped table goes with it.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use super::{
    Form,
    fates::{Fate, Fates, leaves_parent},
    object::Object,
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
        circular: circular_keys(old, fates),
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
    fn find_moved(&mut self) {
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

    fn find_late_defaults(&mut self) {
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
    fn made_with_table(&self, column: &ObjectKey) -> bool {
        self.new
            .carrier(column)
            .is_some_and(|table| self.fates.comes(table))
    }

    fn find_inline(&mut self) {
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
            if needs_only_table {
                self.steps.inline.insert(key);
            }
        }
    }

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

    /// Whether the rows of a partition are copied with those of its parent.
    fn is_filled_through_parent(&self, table: &ObjectKey) -> bool {
        let parent = self
            .old
            .object(table)
            .and_then(|table| table.text("partition of").map(str::to_owned));
        let parent = parent.and_then(|parent| self.old.carrier_named(&parent));
        parent.is_some_and(|parent| self.steps.moved.contains(parent))
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

    /// Whether a table was there and stays.
    fn stays(&self, table: &ObjectKey) -> bool {
        !self.fates.comes(table)
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
    fn made_with(&self, key: &'a ObjectKey) -> Option<Node<'a>> {
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

    fn joins(&self, table: &ObjectKey) -> bool {
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
    fn dropped_with(&self, key: &'a ObjectKey) -> Option<Node<'a>> {
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
    fn with_column(&self, key: &ObjectKey, carrier: &ObjectKey) -> Option<Node<'a>> {
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
    fn parent_part(&self, key: &ObjectKey) -> Option<&'a ObjectKey> {
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
    fn refers_like(&self, key: &ObjectKey, parent: &ObjectKey) -> bool {
        let definition = |key| {
            self.old
                .object(key)
                .and_then(|object| object.text("type").map(str::to_owned))
        };
        definition(key) == definition(parent)
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

    fn add_edges_of_making(&mut self) {
        for (user, used) in self.new.dependencies() {
            let is_parent = self.new.object(user).is_some_and(|object| {
                object.text("partition of") == Some(used.identity.as_str())
                    && user.kind != ObjectKind::Index
            });
            if is_parent {
                continue;
            }
            let inline_pair = self
                .new
                .carrier(user)
                .is_some_and(|table| self.joins(table))
                && self.is_of_parent(user, used);
            if inline_pair {
                continue;
            }
            let (mut then, first) = (self.make(user), self.make(used));
            if used.kind == ObjectKind::Function && self.steps.late_defaults.contains(user) {
                then = Some((Step::Default, user));
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
                Step::Default => self.edges(self.make(key), Some((step, key))),
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
                    for user in self.new.dependents(key) {
                        let primary = self
                            .new
                            .object(user)
                            .is_some_and(|object| object.text("type") == Some("primary key"));
                        if primary {
                            self.edges(Some((step, key)), self.make(user));
                        }
                    }
                }
                Step::Validate => self.edges(self.make(key), Some((step, key))),
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

    /// A partitioned table takes rows once its partitions are there, and gives them as long as its partitions are.
    fn add_edges_of_filling(&mut self, table: &'a ObjectKey) {
        let mut waiting = vec![table];
        while let Some(parent) = waiting.pop() {
            for part in self.new.dependents(parent).to_vec() {
                if part.kind == ObjectKind::Table {
                    self.edge((Step::Attach, part), (Step::Fill, table));
                    waiting.push(part);
                }
            }
        }
        let mut waiting = vec![table];
        while let Some(parent) = waiting.pop() {
            for part in self.old.dependents(parent).to_vec() {
                if part.kind == ObjectKind::Table {
                    self.edge((Step::Fill, table), (Step::Discard, part));
                    self.edge((Step::Move, parent), (Step::Move, part));
                    waiting.push(part);
                }
            }
        }
    }

    /// Whether the second is what the first has from its parent.
    fn is_of_parent(&self, user: &ObjectKey, used: &ObjectKey) -> bool {
        user.kind == used.kind
            && self.new.carrier(user) != self.new.carrier(used)
            && self
                .new
                .object(user)
                .is_some_and(|object| !constraints::is_foreign_key(&object))
    }

    fn add_edges_of_dropping(&mut self) {
        for (user, used) in self.old.dependencies() {
            let (user_gone, used_gone) = (self.unmake(user), self.unmake(used));
            if let Some(gone) = used_gone {
                if user_gone.is_some() {
                    // What a table that is aside has from its parent goes from it too.
                    let aside = user_gone.is_some_and(|(step, _)| step == Step::Discard);
                    let inherited = user.kind == used.kind
                        && matches!(user.kind, ObjectKind::Column | ObjectKind::Constraint)
                        && self.old.carrier(user) != self.old.carrier(used)
                        && self
                            .old
                            .object(user)
                            .is_some_and(|object| !constraints::is_foreign_key(&object));
                    if !(aside && inherited && gone.0 == Step::Drop) {
                        self.edges(user_gone, used_gone);
                    }
                } else if self.fates.released.contains(user) && self.retypes_nothing(user, used) {
                    self.edge((Step::Release, user), gone);
                } else if self.fates.get(user) == Some(Fate::Alter) {
                    self.edge((Step::Alter, user), gone);
                    self.edge((Step::Detach, user), gone);
                }
                if self.steps.moved.contains(used)
                    && user_gone.is_some_and(|(step, _)| step == Step::Drop)
                {
                    self.edges(user_gone, Some((Step::Move, used)));
                }
            } else if self.fates.get(used) == Some(Fate::Alter)
                && user_gone.is_some_and(|(step, _)| step != Step::Discard)
                && matches!(used.kind, ObjectKind::Column | ObjectKind::CompositeType)
            {
                if self.fates.released.contains(used) {
                    self.edges(user_gone, Some((Step::Release, used)));
                }
                self.edges(user_gone, Some((Step::Alter, used)));
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
    fn retypes_nothing(&self, user: &ObjectKey, used: &ObjectKey) -> bool {
        !self.steps.moved.contains(used) && user.kind == ObjectKind::Column
    }

    /// Two objects of one name cannot be there at once, whatever their kinds.
    fn add_edges_of_names(&mut self) {
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
    fn add_edges_of_clustering(&mut self) {
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

    /// A logged table cannot refer to an unlogged one.
    fn add_edges_of_logging(&mut self) {
        let becomes = |key: &ObjectKey| {
            let (before, after) = self.old.object(key).zip(self.new.object(key))?;
            let (before, after) = (before.text("persistence")?, after.text("persistence")?);
            (before != after).then(|| after.to_owned())
        };
        let mut edges = Vec::new();
        for (user, used) in self.new.dependencies() {
            let Some(table) = self.new.carrier(user) else {
                continue;
            };
            let used = self.new.carrier(used).unwrap_or(used);
            let pair = becomes(table).zip(becomes(used));
            if user.kind != ObjectKind::Constraint || table == used {
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

    fn add_edges_of_partitions(&mut self) {
        let nodes: Vec<Node<'a>> = self.steps.nodes.iter().copied().collect();
        for &(step, table) in &nodes {
            if step == Step::Detach {
                self.edge((step, table), (Step::Alter, table));
                for part in self.old.parts(table).to_vec() {
                    self.edges(Some((step, table)), self.unmake(part));
                    self.edges(Some((step, table)), self.make(part));
                }
                for part in self.new.parts(table).to_vec() {
                    self.edges(Some((step, table)), self.make(part));
                }
                let parent = self
                    .old
                    .object(table)
                    .and_then(|object| object.text("partition of").map(str::to_owned));
                let parent = parent.and_then(|parent| self.old.carrier_named(&parent));
                for part in parent
                    .map(|parent| self.old.parts(parent).to_vec())
                    .unwrap_or_default()
                {
                    self.edges(Some((step, table)), self.unmake(part));
                }
            }
            if step == Step::Attach {
                self.edge((Step::Detach, table), (step, table));
                self.edge((Step::Create, table), (step, table));
                self.edge((Step::Alter, table), (step, table));
                for part in self.new.parts(table).to_vec() {
                    self.edges(self.make(part), Some((step, table)));
                    // Its bounds may name a new label.
                    for used in self.new.rests_on(part).to_vec() {
                        self.edges(self.make(used), Some((step, table)));
                    }
                }
                let Some(parent) = self
                    .new
                    .object(table)
                    .and_then(|object| object.text("partition of").map(str::to_owned))
                else {
                    continue;
                };
                let Some(parent) = self.new.carrier_named(&parent) else {
                    continue;
                };
                self.edges(self.make(parent), Some((step, table)));
                for part in self.new.parts(parent).to_vec() {
                    self.edges(self.make(part), Some((step, table)));
                }
                // Its place may be that of a partition that goes.
                for other in self.old.dependents(parent).to_vec() {
                    if other != table {
                        self.edge((Step::Drop, other), (step, table));
                        self.edge((Step::Detach, other), (step, table));
                    }
                }
            }
        }
    }
}

/// Whether a column of a table that stays becomes NOT NULL by a check that is validated first.
pub(super) fn is_not_null_later(
    old: &Side<'_>,
    new: &Side<'_>,
    fates: &Fates<'_>,
    form: Form,
    column: &ObjectKey,
) -> bool {
    let online = matches!(form, Form::Online | Form::StepByStep);
    if !online || fates.get(column) != Some(Fate::Alter) {
        return false;
    }
    let of_table = new
        .carrier(column)
        .is_some_and(|table| table.kind == ObjectKind::Table);
    let pair = old.object(column).zip(new.object(column));
    of_table
        && pair.is_some_and(|(before, after)| {
            !before.flag("not null")
                && after.flag("not null")
                && after.text("origin") != Some("inherited")
                && after.text("identity") == before.text("identity")
        })
}

/// Whether a constraint is added to a table that stays, without a look at its rows.
pub(super) fn is_added_not_valid(new: &Side<'_>, fates: &Fates<'_>, key: &ObjectKey) -> bool {
    let Some((constraint, table)) = new.object(key).zip(new.carrier(key)) else {
        return false;
    };
    let checked = matches!(constraint.text("type"), Some("foreign key" | "check"));
    let of_new_child = new.dependents(key).iter().any(|user| {
        user.kind == ObjectKind::Constraint
            && new.carrier(user).is_some_and(|child| fates.comes(child))
    });
    let partitioned = new
        .object(table)
        .is_some_and(|table| table.text("partitioned by").is_some());
    checked
        && !of_new_child
        && table.kind == ObjectKind::Table
        && !fates.comes(table)
        && constraint.text("origin") != Some("inherited")
        && !(partitioned && constraints::is_foreign_key(&constraint))
}

/// The name that an object takes among relations and types.
fn taken_name(side: &Side<'_>, key: &ObjectKey) -> Option<String> {
    match key.kind {
        ObjectKind::Table
        | ObjectKind::ForeignTable
        | ObjectKind::View
        | ObjectKind::MaterializedView
        | ObjectKind::Sequence
        | ObjectKind::Index
        | ObjectKind::Enum
        | ObjectKind::Domain
        | ObjectKind::CompositeType
        | ObjectKind::Range
        | ObjectKind::BaseType => Some(key.identity.clone()),
        ObjectKind::Constraint => {
            let constraint = side.object(key)?;
            constraints::has_index(&constraint).then(|| constraints::index(&constraint))
        }
        _ => None,
    }
}

/// Foreign keys between dropped tables that refer to each other: they are dropped first.
fn circular_keys<'a>(old: &Side<'a>, fates: &Fates<'a>) -> HashSet<&'a ObjectKey> {
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

/// Whether a retyped column only follows its parent's.
pub(super) fn follows_parent(new: &Side<'_>, fates: &Fates<'_>, column: &ObjectKey) -> bool {
    let inherited = new
        .object(column)
        .is_some_and(|object| object.text("origin").is_some());
    inherited
        && new.rests_on(column).iter().any(|used| {
            used.kind == ObjectKind::Column
                && new.carrier(used) != new.carrier(column)
                && fates.get(used) == Some(Fate::Alter)
        })
}

/// The columns whose values a table that is made again takes over.
pub(super) fn common_columns<'s>(
    old: &'s Side<'_>,
    new: &'s Side<'_>,
    table: &ObjectKey,
) -> Vec<(Object<'s>, Object<'s>)> {
    let columns = new.columns(table).into_iter();
    let kept = columns.filter(|column| column.text("generated").is_none());
    kept.filter_map(|column| Some((old.object(column.key)?, column)))
        .collect()
}

/// Whether the object is a column of a view.
pub(super) fn is_of_view(side: &Side<'_>, column: &ObjectKey) -> bool {
    let carrier = side.carrier(column);
    carrier.is_some_and(|carrier| {
        matches!(
            carrier.kind,
            ObjectKind::View | ObjectKind::MaterializedView
        )
    }) && column.kind == ObjectKind::Column
}
