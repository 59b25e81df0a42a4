//! The statements of each step.

mod moves;
mod of_columns;

use super::{
    Casts, Form,
    fates::{Fates, keeps_columns},
    object::Object,
    rules,
    settle::Settler,
    side::Side,
    steps::{Node, Step, Steps},
    write::{
        self, Written, columns,
        constraints::{self, Adding},
        indexes, sequences, tables,
    },
};
use crate::model::schema::{ObjectKey, ObjectKind};

/// The statements of one step.
pub(super) struct Action {
    pub(super) statements: Vec<String>,
    /// Whether they run one by one, outside of transactions.
    pub(super) alone: bool,
    /// Whether what follows may need them committed.
    pub(super) commits: bool,
}

/// Writes the statements of steps.
pub(super) struct Writer<'s, 'a> {
    pub(super) old: &'s Side<'a>,
    pub(super) new: &'s Side<'a>,
    pub(super) fates: &'s Fates<'a>,
    pub(super) steps: &'s Steps<'a>,
    pub(super) casts: &'s Casts,
    pub(super) form: Form,
}

impl<'a> Writer<'_, 'a> {
    pub(super) fn action(&self, node: Node<'a>) -> Result<Action, String> {
        let (step, key) = node;
        let online = matches!(self.form, Form::Online | Form::StepByStep);
        let mut alone = false;
        let mut commits = false;
        let (before, after) = (self.old.object(key), self.new.object(key));
        let statements = match (step, before, after) {
            (Step::Release, Some(before), _) => vec![self.release(&before)],
            (Step::Detach, Some(before), _) => vec![tables::detach(&before)],
            (Step::Attach, _, Some(after)) => {
                let mut statements = vec![tables::attach(&after)];
                statements.extend(self.settle_members(node)?);
                statements
            }
            (Step::Drop, Some(before), _) => {
                alone = online && self.may_go_alone(node, &before);
                self.drop(&before, alone)?
            }
            (Step::Move, Some(before), _) => moves::moved(&before),
            (Step::Discard, Some(before), _) => moves::discarded(&before),
            (Step::Create, _, Some(after)) => {
                alone = online && self.is_built_beside(&after);
                self.create(node, &after, alone)?
            }
            (Step::Default, _, Some(after)) => {
                let default = after.text_or_empty("default");
                vec![format!(
                    "{} SET DEFAULT {default}",
                    columns::alter_column(&after)
                )]
            }
            (Step::Own, _, Some(after)) => self.own(&after),
            (Step::Alter, Some(before), Some(after)) => {
                let statements = self.alter(node, &before, &after)?;
                commits = key.kind == ObjectKind::Enum && !statements.is_empty();
                statements
            }
            (Step::Fill, _, Some(after)) => {
                let mut statements = vec![self.fill(&after)];
                for column in self.new.columns(key) {
                    if let Some(sequence) = self.new.identity_sequence(column.key) {
                        statements.push(columns::continue_after_rows(&column, &sequence));
                    }
                }
                statements
            }
            (Step::NotNull, _, Some(after)) => {
                alone = true;
                of_columns::not_null(&after)
            }
            (Step::Validate, _, Some(after)) => {
                alone = online;
                vec![constraints::validate(&after)]
            }
            _ => Vec::new(),
        };
        let alone = alone && !statements.is_empty();
        Ok(Action {
            statements,
            alone,
            commits,
        })
    }

    fn settler(&self) -> Settler<'_, 'a> {
        Settler {
            old: self.old,
            new: self.new,
        }
    }

    /// Lets go of what is dropped before the object can have its new state.
    fn release(&self, before: &Object<'_>) -> String {
        let alter = columns::alter_column(before);
        match before.kind() {
            ObjectKind::Sequence => sequences::own(before, None),
            // No statement renames the functions of a range type: its values wait as text.
            _ if self.fates.by_way_of_text.contains(before.key) => {
                let (table, name) = (before.on().unwrap_or_default(), before.name());
                let default = before
                    .text("default")
                    .map(|_| format!("ALTER COLUMN {name} DROP DEFAULT, "));
                format!(
                    "ALTER TABLE {table} {}ALTER COLUMN {name} TYPE text USING {name}::text",
                    default.unwrap_or_default()
                )
            }
            _ if before.text("identity").is_some() => format!("{alter} DROP IDENTITY"),
            _ => format!("{alter} DROP DEFAULT"),
        }
    }

    /// Gives a sequence to its column. One that is new to a column with rows goes on after them.
    fn own(&self, sequence: &Object<'_>) -> Vec<String> {
        let mut statements = vec![sequences::own(sequence, sequence.text("owned by"))];
        let column = self.new.owner_column(sequence.key).filter(|column| {
            self.fates.comes(sequence.key) && !self.fates.comes(column) && self.old.has(column)
        });
        let column = column.and_then(|column| self.new.object(column));
        if let Some(column) = column.filter(|column| self.holds_numbers(column)) {
            statements.push(columns::continue_after_rows(&column, sequence));
        }
        statements
    }

    /// Whether the values may be a sequence's. A sequence may belong to a column of any type.
    fn holds_numbers(&self, column: &Object<'_>) -> bool {
        let mut used = self.new.rests_on(column.key).iter();
        let domain = used.find(|used| used.kind == ObjectKind::Domain);
        let domain = domain.and_then(|domain| self.new.object(domain));
        let kind = domain.unwrap_or(*column).text_or_empty("type");
        matches!(kind, "smallint" | "integer" | "bigint") || kind.starts_with("numeric")
    }

    /// Whether an index can be dropped without keeping anyone out: nothing else waits for it.
    fn may_go_alone(&self, node: Node<'a>, before: &Object<'_>) -> bool {
        let waited_for = self
            .steps
            .before
            .get(&node)
            .is_some_and(|later| !later.is_empty());
        before.kind() == ObjectKind::Index
            && !waited_for
            && !rules::is_of_partitioned(self.old, before.key)
            && before.text("partition of").is_none()
    }

    fn drop(&self, before: &Object<'_>, online: bool) -> Written {
        let typed = before.kind() == ObjectKind::Column
            && self.is_of_type(self.old, before.key)
            && self.is_of_type(self.new, before.key);
        if typed {
            return Ok(Vec::new());
        }
        let inherited = before.text("origin") == Some("inherited");
        match before.kind() {
            ObjectKind::Index => Ok(vec![indexes::drop(before, online)]),
            ObjectKind::Column | ObjectKind::Constraint | ObjectKind::Trigger if inherited => {
                Ok(Vec::new())
            }
            _ => write::drop(before),
        }
    }

    /// Whether an index, or the index of a constraint, is built on a table that has rows.
    fn is_built_beside(&self, after: &Object<'_>) -> bool {
        let Some(table) = self.new.carrier(after.key) else {
            return false;
        };
        let stays = !self.fates.comes(table);
        let built = match after.kind() {
            ObjectKind::Index => true,
            ObjectKind::Constraint => matches!(after.text("type"), Some("primary key" | "unique")),
            _ => false,
        };
        stays && built && !rules::is_of_partitioned(self.new, after.key)
    }

    fn create(&self, node: Node<'a>, after: &Object<'_>, online: bool) -> Written {
        let key = after.key;
        let settler = self.settler();
        let mut statements = match after.kind() {
            ObjectKind::Table | ObjectKind::ForeignTable => {
                let mut statements = tables::create(after, &self.parts(after))?;
                statements.extend(self.inherited_columns(after));
                statements.extend(settler.created(after)?);
                statements.extend(self.settle_members(node)?);
                return Ok(statements);
            }
            ObjectKind::Column => self.add_column(after)?,
            ObjectKind::Constraint => {
                if after.text("origin") == Some("inherited") && !constraints::has_index(after) {
                    Vec::new()
                } else {
                    let attached = self.is_attached_later(key);
                    constraints::create(after, self.adding(after, online), !attached)
                }
            }
            ObjectKind::Index => indexes::create(after, online, !self.is_attached_later(key)),
            _ => write::create(after)?,
        };
        statements.extend(settler.created(after)?);
        statements.extend(self.settle_members(node)?);
        Ok(statements)
    }

    /// Whether the part is one of a partition that is attached after it is made: the attaching finds it.
    fn is_attached_later(&self, key: &ObjectKey) -> bool {
        let table = self.new.carrier(key);
        table.is_some_and(|table| self.steps.nodes.contains(&(Step::Attach, table)))
    }

    fn adding(&self, constraint: &Object<'_>, online: bool) -> Adding {
        let table = self.new.carrier(constraint.key);
        let stays = table.is_some_and(|table| !self.fates.comes(table));
        if online {
            return Adding::UsingIndex;
        }
        if constraints::has_index(constraint)
            && stays
            && rules::is_of_partitioned(self.new, constraint.key)
        {
            return Adding::Only;
        }
        let form_online = matches!(self.form, Form::Online | Form::StepByStep);
        if form_online && rules::is_added_not_valid(self.new, self.fates, constraint.key) {
            return Adding::NotValid;
        }
        Adding::Whole
    }

    fn parts(&self, table: &Object<'_>) -> tables::Parts<'_> {
        let columns = self.new.columns(table.key).into_iter().map(|column| {
            let sequence = column
                .text("identity")
                .and_then(|_| self.new.identity_sequence(column.key));
            let default = !self.steps.late_defaults.contains(column.key);
            (column, sequence, default)
        });
        let inline = self
            .new
            .parts(table.key)
            .iter()
            .filter(|part| self.steps.inline.contains(*part));
        tables::Parts {
            columns: columns.collect(),
            constraints: inline.filter_map(|part| self.new.object(part)).collect(),
        }
    }

    fn alter(&self, node: Node<'a>, before: &Object<'_>, after: &Object<'_>) -> Written {
        let key = after.key;
        let mut statements = match after.kind() {
            ObjectKind::Table | ObjectKind::ForeignTable => tables::alter(before, after),
            ObjectKind::Column => self.alter_column(before, after),
            ObjectKind::Index | ObjectKind::Constraint => {
                let mut statements = self.attach_index(before, after);
                statements.extend(write::alter(before, after).ok_or("it cannot be altered")??);
                statements
            }
            ObjectKind::View => {
                write::views::alter(before, after, keeps_columns(self.old, self.new, key))
                    .unwrap_or_default()
            }
            _ => write::alter(before, after).ok_or("it cannot be altered")??,
        };
        let settler = self.settler();
        statements.extend(settler.altered(before, after)?);
        if after.kind().carries_others() {
            statements.extend(
                settler.columns_that_stay(after, |column| self.fates.get(column).is_none())?,
            );
        }
        statements.extend(self.settle_members(node)?);
        Ok(statements)
    }

    /// The index of a partition becomes one of the partitioned table's, unless the whole table does so later.
    fn attach_index(&self, before: &Object<'_>, after: &Object<'_>) -> Vec<String> {
        let had = before
            .text("partition of")
            .or_else(|| before.detail("index of"));
        let wanted = after
            .text("partition of")
            .or_else(|| after.detail("index of"));
        let index = match after.kind() {
            ObjectKind::Constraint => constraints::index(after),
            _ => after.identity().to_owned(),
        };
        match wanted {
            Some(parent) if had != wanted && !self.is_attached_later(after.key) => {
                vec![indexes::attach(parent, &index)]
            }
            _ => Vec::new(),
        }
    }

    /// Owner, comments and privileges of what was made by the way.
    fn settle_members(&self, node: Node<'a>) -> Written {
        let settler = self.settler();
        let mut statements = Vec::new();
        for key in self.steps.members.get(&node).into_iter().flatten() {
            let Some(object) = self.new.object(key) else {
                continue;
            };
            if key.kind == ObjectKind::Constraint && constraints::has_index(&object) {
                statements.extend(constraints::settings(
                    &object,
                    false,
                    !self.is_attached_later(key),
                ));
            }
            if key.kind == ObjectKind::Column
                && rules::is_of_view(self.new, key)
                && let Some(default) = object.text("default")
            {
                statements.push(format!(
                    "{} SET DEFAULT {default}",
                    columns::alter_column(&object)
                ));
            }
            statements.extend(settler.created(&object)?);
        }
        Ok(statements)
    }
}
